"""Comments as people read them, and the chunk that each is about."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from rtlgen.graphs.frontend.lexical import Lines, Span
from rtlgen.graphs.model import Chunk

_DECORATION: Final = re.compile(r"[\W_]{3,}")
_EDGE: Final = re.compile(r"^[\s/*]*[-=*#~+_/!<]{3,}[\s]*|[\s]*[-=*#~+_/]{3,}[\s/*]*$")
_RUN: Final = re.compile(r"[\W_]{3}")
_LICENCE: Final = re.compile(
    r"copyright|\blicen[cs]ed?\b|spdx-|all rights reserved|permission is hereby|redistribution|\bwarranty\b",
    re.IGNORECASE,
)
_CODE: Final = re.compile(rb"\S")
_TRAILED: Final = frozenset({"signal", "port", "parameter", "type", "assign", "instance", "property", "region"})
_DEFINITIONS: Final = frozenset({"module", "interface", "package", "program", "class", "checker"})


class Remark(NamedTuple):
    """One comment, or several on adjacent lines."""

    start: int
    end: int
    own_lines: bool
    """No code before it on its first line."""
    text: str
    """Without comment signs and decoration; may be empty."""


def remarks(content: bytes, spans: Iterable[Span], lines: Lines, decode: Callable[[bytes], str]) -> list[Remark]:
    """Return the comments of a text, line comments on adjacent lines joined.

    A comment behind code goes on in the next line where a line comment starts in the same column.
    """
    groups: list[list[Span]] = []
    alone: list[bool] = []
    starts = lines.starts
    joins, next_line, next_column = False, 0, 0
    for span in spans:
        start = span.start
        line = bisect_right(starts, start)
        column = start - starts[line - 1]
        own = column == 0 or content[start - column : start].isspace()
        to_line_end = content.startswith(b"//", start)
        if own and joins and to_line_end and line == next_line and next_column in (-1, column):
            groups[-1].append(span)
        else:
            groups.append([span])
            alone.append(own)
            next_column = -1 if own else column
        joins, next_line = to_line_end, line + 1
    return [
        Remark(group[0].start, group[-1].end, own, _plain(decode(content[s.start : s.end]) for s in group))
        for group, own in zip(groups, alone, strict=True)
    ]


def _plain(comments: Iterable[str]) -> str:
    found: list[str] = []
    for comment in comments:
        if comment.startswith("//"):
            found.append(comment[2:])
        else:
            found += comment[2:].removesuffix("*/").splitlines()
    cleaned = [_line(line) for line in found]
    while cleaned and not cleaned[0]:
        cleaned.pop(0)
    while cleaned and not cleaned[-1]:
        cleaned.pop()
    return "\n".join(cleaned)


def _line(line: str) -> str:
    text = line.strip().rstrip("\\").rstrip()
    if _RUN.search(text):
        if _DECORATION.fullmatch(text):
            return ""
        text = _EDGE.sub("", text)
    return text.lstrip("/!*<").strip() if text[:1] in "/!*<" else text.strip()


def is_licence(remark: Remark) -> bool:
    """Tell whether a comment states who owns the text rather than what it does."""
    return bool(_LICENCE.search(remark.text))


def described(content: bytes, found: Sequence[Remark], chunks: Sequence[Chunk], lines: Lines) -> list[tuple[int, int]]:
    """Return pairs (position in `found`, identifier of the chunk that the comment is about).

    A comment on its own lines is about the outermost chunk that starts the next line of code: directly below, or, for
    a definition, at most one empty line below. A comment behind code is about the last declaration, port, assignment or
    instance that ends before it on its line. A licence is about nothing.
    """
    first: dict[int, Chunk] = {}
    for chunk in chunks:
        best = first.get(chunk.start)
        if best is None or chunk.end > best.end:
            first[chunk.start] = chunk
    ends = sorted((c.end, c.id) for c in chunks if c.kind in _TRAILED)
    last_lines = {c.id: c.last_line for c in chunks}
    pairs: list[tuple[int, int]] = []
    for position, remark in enumerate(found):
        if not remark.text:
            continue
        if remark.own_lines:
            target = _below(content, remark, first, lines)
        else:
            target = _before(remark, ends, last_lines, lines)
        if target and not is_licence(remark):
            pairs.append((position, target))
    return pairs


def _below(content: bytes, remark: Remark, first: dict[int, Chunk], lines: Lines) -> int:
    code = _CODE.search(content, remark.end)
    chunk = first.get(code.start()) if code else None
    if chunk is None:
        return 0
    gap = chunk.first_line - lines.at(remark.end - 1) - 1
    return chunk.id if gap <= (1 if chunk.kind in _DEFINITIONS else 0) else 0


def _before(remark: Remark, ends: list[tuple[int, int]], last_lines: dict[int, int], lines: Lines) -> int:
    position = bisect_right(ends, (remark.start, 1 << 62)) - 1
    if position < 0:
        return 0
    chunk = ends[position][1]
    return chunk if last_lines[chunk] == lines.at(remark.start) else 0
