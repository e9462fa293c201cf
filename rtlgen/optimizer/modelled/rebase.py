"""Carry edits over to a newer version of the source in which other places changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from difflib import SequenceMatcher

from rtlgen.optimizer.edits import Edit
from rtlgen.optimizer.rewrite import Change


def rebase(change: Change, old: Mapping[str, bytes], new: Mapping[str, bytes]) -> Change | None:
    """Return the change of `old` as one of `new`, None where the lines it replaces (or their neighbours) changed.

    Args:
        change: its edits hold for `old`.
        old: source by path.
        new: a later version of the same files.
    """
    moved = []
    for edit in change.edits:
        shift = _shift(edit, old[edit.file], new[edit.file])
        if shift is None:
            return None
        moved.append(Edit(edit.file, edit.start + shift, edit.end + shift, edit.text))
    return replace(change, edits=tuple(moved))


def _shift(edit: Edit, old: bytes, new: bytes) -> int | None:
    if old == new:
        return 0
    matcher = SequenceMatcher(None, old.splitlines(keepends=True), new.splitlines(keepends=True), autojunk=False)
    before, after = _offsets(old), _offsets(new)
    for a, b, size in matcher.get_matching_blocks():
        # strictly inside, so that an insertion keeps both its neighbours
        if before[a] <= edit.start and edit.end <= before[a + size] and (edit.end > edit.start or size):
            return after[b] - before[a]
    return None


def _offsets(text: bytes) -> list[int]:
    offsets = [0]
    for line in text.splitlines(keepends=True):
        offsets.append(offsets[-1] + len(line))
    return offsets
