"""Text edits on source files: how every rewrite says what it changes.

Offsets are byte offsets, as front ends report them; sources are `bytes`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """Replace bytes `start` to `end` (half open) of `file` by `text`; equal ends insert."""

    file: str
    start: int
    end: int
    text: str


class EditConflictError(ValueError):
    """Two edits touch the same bytes."""


def apply_edits(sources: Mapping[str, bytes], edits: Iterable[Edit]) -> dict[str, bytes]:
    """Return new sources with all edits applied; insertions at one place keep their order.

    Raises:
        EditConflictError: two replacements overlap, or an insertion lies inside a replacement.
        KeyError: an edit names an unknown file.
    """
    result = dict(sources)
    by_file: dict[str, list[Edit]] = {}
    for edit in edits:
        by_file.setdefault(edit.file, []).append(edit)
    for file, group in by_file.items():
        result[file] = _apply_to_file(result[file], group)
    return result


def _apply_to_file(text: bytes, edits: list[Edit]) -> bytes:
    pieces: list[bytes] = []
    position = 0
    for edit in sorted(edits, key=lambda e: (e.start, e.end)):
        if edit.start < position or edit.end > len(text):
            raise EditConflictError(f"expected disjoint edits inside the file, got {edit!r} after byte {position}")
        pieces += [text[position : edit.start], edit.text.encode()]
        position = edit.end
    return b"".join([*pieces, text[position:]])
