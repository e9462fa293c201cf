"""The files in what a model answered: as JSON, as fenced blocks with names, as a diff, or as the one that was asked."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final

from rtlgen.core.errors import RtlgenError
from rtlgen.scorers.extract import BLOCK, code_in, readable

_NAME: Final = r"(?:[\w.+-]+/)*[\w+-][\w.+-]*\.(?:v|sv|vh|svh|md|txt|hex|mem|dat|vhd|f|json|tcl|sdc|py)"
_PATH: Final = re.compile(rf"(?<![\w./-])(?P<path>/?(?:\.\.?/)*{_NAME})(?![\w/-])")
_FIRST: Final = re.compile(
    rf"\s*(?://|#|/\*)\s*(?:[Ff]ile(?:name)?\s*:?\s*)?`?(?P<path>/?(?:\.\.?/)*{_NAME})`?\s*(?:\*/)?\s*\Z"
)
_DIFF: Final = re.compile(r"^(?:diff --git |--- [^\n]+\n\+\+\+ )", re.MULTILINE)
_WHOLE_FENCE: Final = re.compile(r"\A\s*(```+|~~~+)[^\n]*\n(.*?)^[ \t]*\1[ \t]*\s*\Z", re.DOTALL | re.MULTILINE)
_MOST_STARTS: Final = 20_000
"""Braces that are looked at as the start of JSON."""


class PathError(RtlgenError):
    """An answer names a file outside its place."""


@dataclass(frozen=True, slots=True)
class Files:
    """What an answer writes.

    Attributes:
        texts: path → text of whole files.
        diff: unified diff to apply to the files that are there; empty where there is none.
    """

    texts: Mapping[str, str] = field(default_factory=dict)
    diff: str = ""


def inside(path: str) -> str:
    """Return a path relative to the task's folder, as written in answers (`./rtl/a.sv`, `/code/rtl/a.sv`).

    Raises:
        PathError: it leads outside.

    Example:
        >>> inside("/code/rtl/./a.sv")
        'rtl/a.sv'
    """
    parts = PurePosixPath(path.strip().removeprefix("/code/"))
    if parts.is_absolute() or ".." in parts.parts or not parts.parts or "\x00" in path or "\\" in path:
        raise PathError(f"expected a path inside the task, got {path[:120]!r}")
    return str(parts)


def files_in(reply: str, targets: Collection[str], top: str = "") -> Files:
    """Return the files in an answer, whatever prose stands around them.

    In this order: a JSON object (`{"code": [{path: text}]}`, `{path: text}`, `{"patch": …}`), a unified diff, fenced
    blocks with a file's name (behind the fence, in the line before, or in a comment of the first line), and, where
    one file is asked for, the code as `extract` finds it.

    Args:
        reply: what was answered.
        targets: paths that were asked for.
        top: module of the one file that is asked for, where known.

    Raises:
        PathError: a path leads outside the task.
    """
    text = readable(reply)
    only = next(iter(targets)) if len(targets) == 1 else None
    for value in _objects(text):
        found = _of_json(value, only)
        if found is not None:
            return found if found.diff else Files(_aimed(found.texts, only))
    if _DIFF.search(text):
        return Files(diff=_diff_in(text))
    named = _aimed(_named_blocks(text, targets), only)
    if only is None or only in named:
        return Files(named)
    code = code_in(text, top)
    return Files({only: code} if code.strip() else {})


def _aimed(texts: Mapping[str, str], only: str | None) -> Mapping[str, str]:
    """Return the files, the one that there is under the one name that was asked for."""
    if only is None or only in texts or len(texts) != 1:
        return texts
    return {only: next(iter(texts.values()))}


def _objects(text: str) -> Iterator[Any]:
    """Yield the JSON values that begin with a brace, in order; line ends within strings are taken as they are."""
    decoder = json.JSONDecoder(strict=False)
    at = text.find("{")
    for _ in range(_MOST_STARTS):
        if at < 0:
            return
        try:
            value, end = decoder.raw_decode(text, at)
            yield value
        except (ValueError, RecursionError):
            end = at + 1
        at = text.find("{", end)


def _of_json(value: Any, only: str | None) -> Files | None:
    """Return the files that a JSON value of a known form holds, None for any other."""
    if not isinstance(value, dict) or not value:
        return None
    if isinstance(value.get("patch"), (str, dict)) or isinstance(value.get("diff"), str):
        return Files(diff=_joined(value.get("patch", value.get("diff"))))
    for key in ("code", "files"):
        held = value.get(key)
        parts = held if isinstance(held, list) else [held]
        mappings = [p for p in parts if isinstance(p, dict) and _is_mapping(p)]
        if held and len(mappings) == len(parts):
            return Files({inside(k): _unfenced(v) for p in mappings for k, v in p.items()})
        if isinstance(held, str) and only is not None:
            return Files({only: _unfenced(held)})
    for key in ("direct_text", "response"):
        if only is not None and set(value) <= {key, "reasoning"} and isinstance(value.get(key), str):
            return Files({only: _unfenced(value[key])})
    if _is_mapping(value) and all("." in PurePosixPath(k).name for k in value):
        return Files({inside(k): _unfenced(v) for k, v in value.items()})
    return None


def _is_mapping(value: Mapping[Any, Any]) -> bool:
    return bool(value) and all(isinstance(v, str) for v in value.values())


def _unfenced(text: str) -> str:
    """Return what stands in a fence where a text is nothing but a fenced block, else the text."""
    found = _WHOLE_FENCE.match(text)
    return found[2] if found and not re.search(rf"^[ \t]*{found[1]}", found[2], re.MULTILINE) else text


def _joined(patch: Any) -> str:
    """Return one diff of a diff, or of a mapping of paths to diffs, with or without their headers."""
    if isinstance(patch, str):
        return patch
    return "".join(with_header(inside(path), str(body)) for path, body in patch.items())


def with_header(path: str, body: str, new: bool | None = None) -> str:
    """Return hunks as a diff of one file.

    Args:
        path: the file.
        body: its hunks.
        new: whether the file is not there yet; None looks at the first hunk.
    """
    if _DIFF.search(body):
        return body if body.endswith("\n") else f"{body}\n"
    fresh = body.lstrip().startswith("@@ -0,0 ") if new is None else new
    old = "/dev/null" if fresh else f"a/{path}"
    return f"--- {old}\n+++ b/{path}\n{body.strip(chr(10))}\n"


def _diff_in(text: str) -> str:
    """Return the diffs in fences, all in order, or else the text from the first diff on."""
    blocks = [m["body"] for m in BLOCK.finditer(text) if _DIFF.search(m["body"])]
    return "\n".join(blocks) if blocks else text[_DIFF.search(text).start() :]  # type: ignore[union-attr]


def _named_blocks(text: str, targets: Collection[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    end = 0
    for block in BLOCK.finditer(text):
        before = text[end : block.start()].rstrip().rpartition("\n")[2]
        end = block.end()
        path = _named(block["info"], before, block["body"], targets)
        if path is not None:
            found[path] = block["body"]
    return found


def _named(info: str, before: str, body: str, targets: Collection[str]) -> str | None:
    """Return the path that a block's surroundings name, None where they name none or several."""
    first = _FIRST.match(body.partition("\n")[0])
    for names in (_PATH.findall(info), _PATH.findall(before), [first["path"]] if first else []):
        if len(set(names)) == 1:
            path = inside(names[0])
            same = [t for t in targets if PurePosixPath(t).name == path]
            return same[0] if len(same) == 1 else path
    return None
