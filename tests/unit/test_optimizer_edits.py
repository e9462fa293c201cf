"""Edits: what is applied, in which order, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtlgen.optimizer.edits import Edit, EditConflictError, apply_edits


@given(st.binary(max_size=60), st.lists(st.tuples(st.integers(0, 60), st.integers(0, 8), st.text("ab\n", max_size=5))))
def test_disjoint_edits_equal_replacing_from_the_end(text: bytes, raw: list[tuple[int, int, str]]) -> None:
    edits: list[Edit] = []
    for start, length, new in sorted(raw):
        end = start + length
        if end <= len(text) and (not edits or start > edits[-1].end):
            edits.append(Edit("f", start, end, new))
    expected = text
    for edit in reversed(edits):
        expected = expected[: edit.start] + edit.text.encode() + expected[edit.end :]
    assert apply_edits({"f": text}, edits)["f"] == expected


def test_insertions_at_one_place_keep_their_order() -> None:
    assert apply_edits({"f": b"xy"}, [Edit("f", 1, 1, "1"), Edit("f", 1, 1, "2")])["f"] == b"x12y"


def test_overlapping_edits_are_refused() -> None:
    message = r"expected disjoint edits inside the file, got Edit\(file='f', start=1"
    with pytest.raises(EditConflictError, match=message):
        apply_edits({"f": b"abcd"}, [Edit("f", 0, 2, ""), Edit("f", 1, 3, "")])


def test_an_edit_past_the_end_is_refused() -> None:
    with pytest.raises(EditConflictError):
        apply_edits({"f": b"ab"}, [Edit("f", 1, 3, "")])


def test_other_files_are_untouched() -> None:
    assert apply_edits({"f": b"a", "g": b"b"}, [Edit("f", 0, 1, "c")]) == {"f": b"c", "g": b"b"}
