"""Scores of texts: what RTL-Repo calls exact match and edit similarity."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtlgen.benchmarks.suites.rtl_repo import pair
from rtlgen.benchmarks.textscore import score_file
from rtlgen.core.errors import InputError
from rtlgen.scorers.text import edit_similarity, exact_match


def insertions_and_deletions(a: str, b: str) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], last if x == y else 1 + min(row[j], row[j - 1])
    return row[-1]


@given(st.text("ab =;", max_size=12), st.text("ab =;", max_size=12))
def test_similarity_is_what_it_is_defined_as(a: str, b: str) -> None:
    total = len(a) + len(b)
    expected = 100.0 if not total else 100 * (1 - insertions_and_deletions(a, b) / total)
    assert abs(edit_similarity(a, b) - expected) <= 0.5 + 1e-9


def test_white_space_does_not_count_for_a_match_of_words() -> None:
    assert exact_match("assign  y =\ta;\n", "assign y = a;")
    assert not exact_match("assign y=a;", "assign y = a;")


def test_a_line_without_label_is_named(tmp_path: Path) -> None:
    file = tmp_path / "p.jsonl"
    file.write_text(json.dumps({"generated": "x"}) + "\n")
    with pytest.raises(InputError, match=r"p\.jsonl:1: expected label or next_line or expected, got generated$"):
        score_file("rtl-repo", file, pair)


def test_published_figures_come_out() -> None:
    folder = os.environ.get("RTLGEN_DATA")
    if not folder:
        pytest.skip("RTLGEN_DATA is not set, so there are no recorded predictions")
    file = Path(folder) / "benchmarks/rtl-repo/predictions_gpt-3.5-turbo.jsonl.gz"
    found = score_file("rtl-repo", file, pair)
    assert (round(found.exact_match, 3), round(found.edit_similarity, 5)) == (33.816, 61.37819)
