"""Files of samples and of problems, and what is said of broken ones."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from rtlgen.benchmarks.data import problems
from rtlgen.benchmarks.samples import read_samples
from rtlgen.benchmarks.suites.folder import open_folder
from rtlgen.core.errors import InputError
from rtlgen.scorers.problem import Problem

BODY = Problem(
    id="p", top="m", testbench="", tb_top="tb", reference="", reference_top="m", verdict="x", style="body",
    interface="module m(input a, output y);\n",
)  # fmt: skip


def written(path: Path, *lines: object) -> Path:
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines))
    return path


def test_a_completion_goes_behind_the_header_and_a_reply_is_searched(tmp_path: Path) -> None:
    code = "module m(input a, output y); assign y = a; endmodule"
    file = written(
        tmp_path / "s.jsonl",
        {"task_id": "suite/p", "completion": "assign y = a; endmodule"},
        {"problem": "p", "reply": f"Here:\n```\n{code}\n```"},
    )
    first, second = read_samples(file, {"p": BODY})
    assert (first.attempt, second.attempt) == (0, 1)
    assert first.source(BODY) == "module m(input a, output y);\nassign y = a; endmodule"
    assert second.source(BODY).strip() == code


def test_compressed_files_and_blank_lines_are_read(tmp_path: Path) -> None:
    file = tmp_path / "s.jsonl.gz"
    file.write_bytes(gzip.compress(b'\n{"id": "p", "code": "x"}\n\n'))
    assert [s.text for s in read_samples(file, {"p": BODY})] == ["x"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", r"s\.jsonl:1: expected a line of JSON, got b'\{\\n': "),
        ("[1]", r"s\.jsonl:1: expected a JSON object, got list$"),
        ('{"code": "x"}', r"s\.jsonl:1: expected a problem \(problem, task_id, id, design\) and an answer "),
        ('{"id": "q", "code": "x"}', r"s\.jsonl:1: expected a problem of the suite, got 'q'$"),
        ('{"id": "p", "code": 3}', r"s\.jsonl:1: expected text in 'code', got int$"),
        ("", r"s\.jsonl: expected at least one sample, got none$"),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_samples(written(tmp_path / "s.jsonl", line), {"p": BODY})


def test_a_truncated_file_is_said_to_be_so(tmp_path: Path) -> None:
    file = tmp_path / "s.jsonl.gz"
    file.write_bytes(gzip.compress(b'{"id": "p", "code": "x"}\n' * 1000)[:-40])
    with pytest.raises(InputError, match=r"s\.jsonl\.gz:\d+: can't be read to its end: "):
        read_samples(file, {"p": BODY})


def test_problems_with_one_id_are_refused(tmp_path: Path) -> None:
    file = written(tmp_path / "p.jsonl", {"id": "a"}, {"id": "a"})
    with pytest.raises(InputError, match=r"p\.jsonl:2: expected one problem 'a', got a second one$"):
        problems(file, lambda row: BODY.model_copy(update={"id": row["id"]}))
    with pytest.raises(InputError, match=r"p\.jsonl:1: expected a field 'top', got id$"):
        problems(file, lambda row: row["top"])


def test_a_folder_is_a_suite_in_minutes(tmp_path: Path) -> None:
    folder = tmp_path / "mine" / "invert"
    folder.mkdir(parents=True)
    (folder / "prompt.md").write_text("Write an inverter.")
    (folder / "reference.v").write_text("module invert(input a, output y); assign y = ~a; endmodule")
    (problem,) = open_folder(tmp_path / "mine").load(None).problems
    assert (problem.id, problem.top, problem.reference_top) == ("invert", "invert", "invert_reference")
    (folder / "problem.toml").write_text('tpo = "x"')
    with pytest.raises(InputError, match=r"problem\.toml: expected category, .*, verdict, got tpo$"):
        open_folder(tmp_path / "mine").load(None)
