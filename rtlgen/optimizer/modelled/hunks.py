"""Turn new lines into the fewest edits of the old ones, in groups that make sense alone."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from rtlgen.graphs.frontend.words import KEYWORDS, code, names, words
from rtlgen.optimizer.edits import Edit
from rtlgen.optimizer.modelled.pieces import Piece

_ELISION: Final = re.compile(
    r"^\s*(//|/\*)?\s*(\.\.\.|…)|//.*\b(unchanged|rest of|remaining|same as (before|above|original))\b", re.IGNORECASE
)
_TRAILING: Final = re.compile(r"^[^\"]*?\S(\s*//.*)$")
_DECLARING: Final = (
    "wire reg logic bit integer int localparam parameter typedef enum struct genvar input output inout var"
)
_DECLARES: Final = frozenset(_DECLARING.split())
_BALANCED: Final = (
    ("begin", "end"), ("case", "endcase"), ("casez", "endcase"), ("generate", "endgenerate"),
    ("function", "endfunction"), ("module", "endmodule"), ("(", ")"), ("[", "]"), ("{", "}"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hunk:
    """Replace the old lines `start` to `end` (half open, from 0) by `lines`."""

    start: int
    end: int
    old: tuple[str, ...]
    lines: tuple[str, ...]


def hunks(old: Sequence[str], new: Sequence[str], *, complete: bool = True) -> list[Hunk]:
    """Return where the code differs; lines that differ in layout or comments only keep the old text.

    Args:
        old: lines of the source.
        new: lines that a model wrote.
        complete: False where the end of `new` is missing.
    """
    before, after = _code_lines(old), _code_lines(new)
    matcher = SequenceMatcher(None, [x.code for x in before], [x.code for x in after], autojunk=False)
    keys = {_key(line) for line in old}
    found = []
    for kind, a, b, c, d in matcher.get_opcodes():
        if kind == "equal" or (b == len(before) and not complete and kind != "insert"):
            continue
        start = before[a].number if a < b else before[a - 1].number + 1 if a else 0
        end = before[b - 1].number + 1 if a < b else start
        # What stands before the new code counts as new; what stands behind it may still tell of lines left out.
        first = after[c - 1].number + 1 if c else 0
        fresh = new[first : after[d - 1].number + 1] if c < d else ()
        around = new[first : after[d].number if d < len(after) else len(new)]
        left_out = any(_ELISION.search(line) for line in around if _key(line) not in keys)
        if left_out or code("\n".join(old[start:end])) == code("\n".join(fresh)):
            continue
        found.append(_with_comments(Hunk(start, end, tuple(old[start:end]), tuple(fresh)), keys))
    return found


def _key(line: str) -> str:
    return " ".join(line.split())


@dataclass(frozen=True, slots=True)
class _CodeLine:
    number: int
    code: tuple[str, ...]


def _code_lines(lines: Sequence[str]) -> list[_CodeLine]:
    """Return the lines with code in them; lines of comments and empty ones lie between and take no part."""
    text = "\n".join(lines)
    ends = [i for i, c in enumerate(text) if c == "\n"]
    found: dict[int, list[str]] = {}
    for word in words(text):
        if word.kind != "comment":
            found.setdefault(bisect_left(ends, word.start), []).append(word.text)
    return [_CodeLine(n, tuple(row)) for n, row in found.items()]


def _with_comments(hunk: Hunk, keys: set[str]) -> Hunk:
    """Return the hunk with the old comments that the model dropped there, and without copies of others."""
    here = {_key(line) for line in hunk.old}
    fresh = [x for x in hunk.lines if code(x) or _key(x) in here or _key(x) not in keys]
    there = {_key(line) for line in fresh}
    kept = [x for x in hunk.old if x.strip().startswith("//") and _key(x) not in there]
    if len(hunk.old) == len(fresh):
        for n, (old, new) in enumerate(zip(hunk.old, fresh, strict=True)):
            comment = _TRAILING.match(old)
            if comment and "//" not in new and "/*" not in new:
                fresh[n] = new.rstrip() + comment[1]
    return Hunk(hunk.start, hunk.end, hunk.old, (*kept, *fresh))


def groups(found: Sequence[Hunk], old: Sequence[str], new: Sequence[str]) -> list[tuple[Hunk, ...]]:
    """Return the hunks in groups, each of which may be right without the others.

    Together go hunks that use a name which only one of the two texts has or whose declaration changes, and hunks that
    open what others close.
    """
    before, after = names("\n".join(old)), names("\n".join(new))
    links = (before ^ after) - KEYWORDS
    for hunk in found:
        for lines in (hunk.old, hunk.lines):
            for line in lines:
                if names(line) & _DECLARES:
                    links |= names(line) - KEYWORDS
    shared = [frozenset(_names(h) & links) for h in found]
    parts: list[tuple[set[str], list[int]]] = []
    open_ones = {n for n, hunk in enumerate(found) if not _balanced(hunk)}
    for n, linked in enumerate(shared):
        keys = set(linked) | ({"\0open"} if n in open_ones else set())
        touching = [p for p in parts if p[0] & keys]
        merged = (keys.union(*(p[0] for p in touching)), sorted([n, *(i for p in touching for i in p[1])]))
        parts = [*(p for p in parts if p not in touching), merged]
    return [tuple(found[i] for i in members) for _, members in sorted(parts, key=lambda p: p[1][0])]


def _names(hunk: Hunk) -> frozenset[str]:
    return names("\n".join(hunk.old)) | names("\n".join(hunk.lines))


def _balanced(hunk: Hunk) -> bool:
    before, after = Counter(code("\n".join(hunk.old))), Counter(code("\n".join(hunk.lines)))
    return all(before[a] - before[b] == after[a] - after[b] for a, b in _BALANCED)


def outside(found: Sequence[Hunk], piece: Piece, ranges: Sequence[tuple[int, int]]) -> list[Hunk]:
    """Return the hunks that touch none of these byte ranges of the piece's file."""
    starts = list(_starts(piece))
    return [
        hunk
        for hunk in found
        if not any(starts[hunk.start] < end and starts[hunk.end] > begin for begin, end in ranges)
    ]


def edits(group: Sequence[Hunk], piece: Piece) -> tuple[Edit, ...]:
    """Return the edits of a group on the piece's file.

    Raises:
        UnicodeDecodeError: a kept comment is not UTF-8, so that the edit can't be written.
    """
    starts = list(_starts(piece))
    ending = "\r\n" if "\r\n" in piece.text else "\n"
    found = []
    for hunk in group:
        text = "".join(line.rstrip("\r") + ending for line in hunk.lines)
        found.append(Edit(piece.file, starts[hunk.start], starts[hunk.end], text.encode("latin-1").decode("utf-8")))
    return tuple(found)


def old_lines(piece: Piece) -> list[str]:
    """Return the lines of the piece without their ends."""
    return [line.rstrip("\r") for line in piece.text.removesuffix("\n").split("\n")]


def _starts(piece: Piece) -> Iterator[int]:
    position = piece.start
    for line in piece.text.removesuffix("\n").split("\n"):
        yield position
        position += len(line) + 1
    yield piece.end
