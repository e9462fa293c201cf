"""RTL-Repo as a suite: how places are asked, which line of a reply counts, what it is worth."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtlgen.benchmarks.suites.rtl_repo import _LONGEST, RTL_REPO
from rtlgen.core.errors import InputError
from rtlgen.scorers.line import NextLine, line_scores
from rtlgen.scorers.text import edit_similarity, exact_match

ROW = {
    "repo_name": "someone/uart",
    "file_path": "rtl/top.v",
    "context": [{"path": "rtl/fifo.v", "snippet": "module fifo;\nendmodule"}],
    "cropped_code": "module top;\n  wire a;",
    "next_line": "  assign a = 1'b0;\r",
}
PLACE = NextLine(id="1", label="  assign a = 1'b0;\r")


def data(folder: Path, *rows: object) -> Path:
    (folder / "rtl-repo").mkdir()
    (folder / "rtl-repo" / "test.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    return folder


def test_a_place_is_asked_with_its_repository_first_and_its_file_last(tmp_path: Path) -> None:
    (place,) = RTL_REPO.load(data(tmp_path, ROW)).problems
    assert isinstance(place, NextLine) and place.label == ROW["next_line"]
    assert place.prompt == (
        "// Repo Name: someone/uart\n// Path: rtl/fifo.v\nmodule fifo;\nendmodule\n\n"
        "// Path: rtl/top.v\nmodule top;\n  wire a;\n"
    )


def test_what_is_too_long_loses_the_end_of_the_other_files(tmp_path: Path) -> None:
    long = ROW | {"context": [{"path": "a.v", "snippet": "wire w;\n" * 20_000}]}
    (place,) = RTL_REPO.load(data(tmp_path, long)).problems
    assert len(place.prompt) < _LONGEST + 100
    assert place.prompt.endswith("// Path: rtl/top.v\nmodule top;\n  wire a;\n") and "wire w;\n\n//" in place.prompt


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "expected at least one place, got none"),
        ([ROW | {"context": "x"}], "test.jsonl:1: expected texts and a list of snippets"),
        ([{k: v for k, v in ROW.items() if k != "next_line"}], "test.jsonl:1: expected a field 'next_line'"),
    ],
)
def test_malformed_data_is_named(tmp_path: Path, rows: list[object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        RTL_REPO.load(data(tmp_path, *rows))


def test_missing_data_says_where_it_goes(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"test split as JSON lines in rtl-repo/test\.jsonl.* scored without it"):
        RTL_REPO.load(tmp_path)


@pytest.mark.parametrize(
    ("reply", "line"),
    [
        ("  assign a = 1'b0;\n  assign b = a;", "  assign a = 1'b0;"),
        ("\n// low\n  assign a = 1'b0;", "  assign a = 1'b0;"),
        ("// one\n// two\n", "// two"),
        ("Here it is:\n```verilog\n  assign a = 1'b0;\n```\n", "  assign a = 1'b0;"),
        ("<think>maybe b</think>assign a = 1'b0;", "assign a = 1'b0;"),
        ("", ""),
    ],
)
def test_the_line_of_a_reply(reply: str, line: str) -> None:
    assert PLACE.answer(reply) == line


@given(st.text(max_size=60), st.text(max_size=60))
def test_scores_are_those_of_a_file_of_predictions(label: str, answer: str) -> None:
    verdict, (same, near) = line_scores(NextLine(id="1", label=label), answer)
    assert (same.value, same.good) == (float(exact_match(answer, label)), exact_match(answer, label))
    assert near.value == pytest.approx(edit_similarity(answer, label) / 100)
    assert verdict.passed == exact_match(answer, label)
