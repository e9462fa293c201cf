"""Bad files end with one message that names file and line, odd answers with a verdict; a run stays whole."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from rtlgen.benchmarks.suites.starter import STARTER
from rtlgen.cli import main

pytestmark = pytest.mark.eda
PROBLEM = STARTER.load(None).problems[0]
CODE = PROBLEM.reference.replace(PROBLEM.reference_top, PROBLEM.top)
GOOD = json.dumps({"problem": PROBLEM.id, "reply": CODE}).encode() + b"\n"
MIB = 1 << 20


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RTLGEN_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("RTLGEN_DISPLAY", "none")


def score(file: Path, out: Path, *more: str, suite: str = "starter") -> int:
    return main(["bench", "score", suite, "--samples", str(file), "--out", str(out), "--json", *more])


def message(capsys: pytest.CaptureFixture[str]) -> str:
    """Return what was said; it has to be one line."""
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.startswith("rtlgen: error: ") and captured.err.count("\n") == 1
    assert len(captured.err) < 700
    return captured.err.removeprefix("rtlgen: error: ").rstrip("\n")


FILES: dict[str, tuple[bytes, str]] = {
    "prose": (b"Here is the Verilog:\n\nmodule x; endmodule\n", ":1: expected a line of JSON, got b'Here is the"),
    "UTF-16": (GOOD.decode().encode("utf-16"), r":1: expected UTF-8, got b'\xff\xfe{"),
    "UTF-16 without mark": (GOOD.decode().encode("utf-16-le"), r":1: expected a line of JSON, got b'{\x00"),
    "Latin-1": (GOOD + b'{"problem": "p", "reply": "caf\xe9"}\n', r":2: expected UTF-8, got b'"),
    "NUL bytes": (GOOD + b"\0\0\0\0\n", r":2: expected a line of JSON, got b'\x00\x00\x00\x00\n'"),
    "binary": (bytes(range(256)) * 64, ":1: expected a line of JSON, got b'\\x00\\x01"),
    "empty": (b"", ": expected at least one sample, got none"),
    "blank lines": (b"\n \n\n", ": expected at least one sample, got none"),
    "cut": (GOOD + GOOD[:50], ":2: expected a line of JSON, got b'{"),
    "array": (b"[" + GOOD.strip() + b"]", ":1: expected a JSON object, got list"),
    "over lines": (json.dumps(json.loads(GOOD), indent=1).encode(), r":1: expected a line of JSON, got b'{\n'"),
    "nested": (b"[" * 200_000, ":1: expected a line of JSON, got b'[[["),
    "100 MB": (GOOD + b'{"reply": "' + b"a" * (100 * MIB) + b'"}\n', ":2: expected lines of at most 64 MiB"),
    "truncated gzip": (gzip.compress(GOOD * 2000)[:-30], "can't be read to its end: Compressed file ended before"),
    "no gzip": (b"\x1f\x8b" + b"abc" * 99, ": can't be read to its end: "),
    "no problem": (b'{"reply": "x"}', ":1: expected a problem (problem, task_id, id, design) and an answer (reply, "),
    "no such problem": (b'{"problem": "nobody", "reply": "x"}', ":1: expected a problem of the suite, got 'nobody'"),
    "no text": (b'{"problem": "%s", "reply": 1}' % PROBLEM.id.encode(), ":1: expected text in 'reply', got int"),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_samples_that_is_none(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content, said = FILES[name]
    file = tmp_path / "s.jsonl"
    file.write_bytes(content)
    assert score(file, tmp_path / "run") == 2
    text = message(capsys)
    assert text.startswith(f"{file}:") and said in text
    assert not (tmp_path / "run").exists()


def test_a_run_stays_as_it_is_when_its_samples_go_bad(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = tmp_path / "s.jsonl", tmp_path / "run"
    file.write_bytes(GOOD)
    assert score(file, out) == 0
    before = {f.name: f.read_bytes() for f in out.iterdir()}
    capsys.readouterr()
    for content, said in ((GOOD + b"{", f"{file}:2: expected a line of JSON"), (GOOD * 2, f"{out} holds another run")):
        file.write_bytes(content)
        assert score(file, out, "--resume") == 2
        assert message(capsys).startswith(said)
    file.write_bytes(GOOD)
    assert score(file, out, "--problem", STARTER.load(None).problems[1].id) == 2
    assert message(capsys) == f"{file}: expected a sample of the problems that are asked for, got none"
    assert {f.name: f.read_bytes() for f in out.iterdir()} == before


def test_a_damaged_run_is_named_and_not_touched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = tmp_path / "s.jsonl", tmp_path / "run"
    file.write_bytes(GOOD * 2)
    assert score(file, out) == 0
    capsys.readouterr()
    results = out / "results.jsonl"
    damaged = b"\0\0garbage\n" + results.read_bytes()
    results.write_bytes(damaged)
    for command in (["score", "starter", "--samples", str(file), "--resume", "--out", str(out)], ["report", str(out)]):
        assert main(["bench", *command]) == 2
        assert message(capsys).startswith(f"{results}:1: Invalid JSON")
    assert results.read_bytes() == damaged


FENCED = f"```verilog\n{CODE}\n```\n"
HELPER = "module helper(input a, output y); assign y = a; endmodule"
ANSWERS: dict[str, tuple[str, str]] = {
    "prose around": (f"Of course! A module is easy:\n\n{FENCED}\nIt uses `assign`.", "passed"),
    "prose without fences": (f"Of course.\n\n{CODE}\n\nThis is the end.", "passed"),
    "several modules": (f"```\n{HELPER}\n```\nand then\n{FENCED}", "passed"),
    "a second thought": (f"```\n{CODE.replace('+', '-')}\n```\nNo, wait:\n{FENCED}", "passed"),
    "a fence without end": (f"```verilog\n{CODE}", "passed"),
    "other language and line ends": ("Voilà 设计 ✓\ufeff\r\n" + FENCED.replace("\n", "\r\n"), "passed"),
    "NUL": (FENCED.replace("endmodule", "\0endmodule"), "passed"),
    "half a surrogate pair": (f"\ud800\n{FENCED}", "passed"),
    "10 MB behind": (FENCED + "so on. " * (10 * MIB // 7), "passed"),
    "10 MB before": ("so on. " * (10 * MIB // 7) + FENCED, "refused"),
    "10 MB on one line": ("x" * (10 * MIB), "refused"),
    "wrong module": (FENCED.replace(PROBLEM.top, "other"), "syntax_error"),
    "only prose": ("I can't do that.", "syntax_error"),
    "nothing": ("", "syntax_error"),
    "other alphabet in the code": (FENCED.replace("endmodule", "modül"), "syntax_error"),
}


def test_odd_answers_get_verdicts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = tmp_path / "s.jsonl", tmp_path / "run"
    rows = [{"problem": PROBLEM.id, "reply": text, "comment": name} for name, (text, _) in ANSWERS.items()]
    file.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(json.dumps(r) for r in rows).encode())
    assert score(file, out) == 0
    assert json.loads(capsys.readouterr().out)["judged"] == len(ANSWERS)
    found = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    ended = {list(ANSWERS)[r["attempt"]]: r["verdict"]["status"] for r in found}
    assert ended == {name: status for name, (_, status) in ANSWERS.items()}
    assert (out / "report.html").stat().st_size < MIB


HEAPS = ("module ", "```\n", "`" * 7 + " ", "(* ", "[BEGIN]", "begin end module\n", "/*\n")


HEAPS = ("module ", "```\n", "`" * 7 + " ", "(* ", "[BEGIN]", "begin end module\n", "/*\n")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("text", ["`", *(pytest.param(t, marks=pytest.mark.slow) for t in HEAPS)])
def test_ten_megabytes_of_anything_end_soon(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "s.jsonl"
    file.write_text(json.dumps({"problem": PROBLEM.id, "reply": "x " + text * (10 * MIB // len(text))}))
    assert score(file, tmp_path / "run") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["judged"] == 1 and set(report["stages"]) <= {"syntax_error", "refused"}


# Data of a suite ------------------------------------------------------------------------------------------------------


def row(**changes: Any) -> dict[str, Any]:
    fields = {
        "task_id": "VerilogEval-v1/human/p", "prompt": "Write p.", "top": "m", "interface": "module m(output y);\n",
        "reference": "module m(output y);\nassign y = 1;\nendmodule", "reference_top": "m",
        "testbench": "module tb; endmodule", "tb_top": "tb", "category": "human",
    } | changes  # fmt: skip
    return {k: v for k, v in fields.items() if v is not ...}


def text(*rows: object) -> bytes:
    return "".join(f"{r if isinstance(r, str) else json.dumps(r)}\n" for r in rows).encode()


DATA: dict[str, tuple[bytes, str]] = {
    "malformed": (text(row(), '{"task_id": '), ":2: expected a line of JSON, got b'{\"task_id\": \\n'"),
    "a list": (text("[1]"), ":1: expected a JSON object, got list"),
    "truncated": (text(row(), row(task_id="q"))[:-20], ":2: expected a line of JSON, got b'{"),
    "truncated gzip": (gzip.compress(text(*(row(task_id=str(n)) for n in range(999))))[:-20], "can't be read to its"),
    "a field that is missing": (text(row(testbench=...)), ":1: expected a field 'testbench', got category, interface"),
    "a field with another name": (text(row(tb_top=..., tb="tb")), ":1: expected a field 'tb_top', got category"),
    "a field of another type": (text(row(), row(task_id="q", top=3)), ":2: field 'top': Input should be a valid"),
    "one id twice": (text(row(), row()), ":2: expected one problem 'p', got a second one"),
    "nothing": (b"", ": expected at least one problem, got none"),
    "another encoding": (text(row()).decode().encode("utf-16"), ":1: expected UTF-8, got b'"),
    "binary": (bytes(range(256)) * 9, ":1: expected a line of JSON, got b'"),
}  # fmt: skip


@pytest.mark.parametrize("name", DATA)
def test_data_of_a_suite_that_is_none(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content, said = DATA[name]
    file = tmp_path / "verilog-eval" / "v1_human.jsonl"
    file.parent.mkdir()
    file.write_bytes(content)
    samples = tmp_path / "s.jsonl"
    samples.write_bytes(text({"task_id": "p", "completion": "assign y = 1;\nendmodule"}))
    out = tmp_path / "run"
    assert score(samples, out, "--data", str(tmp_path), suite="verilogeval-v1-human") == 2
    found = message(capsys)
    assert found.startswith(f"{file}:") and said in found
    assert not out.exists()


def test_further_fields_of_a_problem_are_let_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "verilog-eval" / "v1_human.jsonl"
    file.parent.mkdir()
    file.write_bytes(b"\xef\xbb\xbf" + text(row(difficulty="hard", extra={"a": 1})))
    assert main(["bench", "list", "--data", str(tmp_path), "--json"]) == 0
    listed = {s["name"]: s["problems"] for s in json.loads(capsys.readouterr().out)}
    assert listed["verilogeval-v1-human"] == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", ":1: expected a recorded reply as one line of JSON: "),
        (b'{"digest": "0", "answer": "x"}', ":1: expected a recorded reply as one line of JSON: "),
        (b"\xff\xfe{", ": the recording can't be read: 'utf-8' codec can't decode byte 0xff"),
    ],
)
def test_a_recording_that_is_none(
    content: bytes, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "r.jsonl", tmp_path / "run"
    file.write_bytes(content)
    assert main(["bench", "run", "starter", "--model", f"replay:{file}", "--out", str(out)]) == 2
    assert message(capsys).startswith(f"{file}{said}")
    assert not out.exists()
