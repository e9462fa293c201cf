"""`rtlgen bench` as a user runs it: a suite of one's own, recorded answers, a killed run, a report."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rtlgen.benchmarks.suites.starter import STARTER
from rtlgen.cli import main

pytestmark = pytest.mark.eda


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RTLGEN_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("RTLGEN_DISPLAY", "none")


def samples(path: Path, copies: int = 1, broken: int = 0) -> Path:
    """Write the references as answers, the first ones broken."""
    lines = []
    for copy in range(copies):
        for index, problem in enumerate(STARTER.load(None).problems):
            code = problem.reference.replace(problem.reference_top, problem.top)
            code = code.replace("endmodule", "endmodul") if index < broken else f"{code}// {copy}\n"
            lines.append(json.dumps({"problem": problem.id, "reply": f"```verilog\n{code}```"}))
    path.write_text("\n".join(lines) + "\n")
    return path


def test_every_reference_passes_and_no_empty_module(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "doctor", "starter", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert len(found) >= 24
    assert [f["problem"] for f in found if f["reference"]["status"] != "passed" or f["stub_passes"]] == []


def test_recorded_answers_are_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = samples(tmp_path / "s.jsonl", broken=2)
    out = tmp_path / "run"
    assert main(["bench", "score", "starter", "--samples", str(file), "--out", str(out), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["judged"], report["passed"]) == (27, 25)
    assert report["stages"] == {"passed": 25, "syntax_error": 2}
    assert report["figures"][0]["value"] == pytest.approx(25 / 27)
    assert main(["bench", "score", "starter", "--samples", str(file), "--out", str(out)]) == 2
    assert "holds a run already; go on with it by --resume" in capsys.readouterr().err
    page = (out / "report.html").read_text()
    assert page.count('<span class="name">') == 27 and page.count('<a class="cell syntax_error"') == 2
    assert "src=" not in page and "http" not in page and "@import" not in page
    links = set(re.findall(r'href="([^"]*)"', page))
    assert len(links) == 27 and all(f'id="{link[1:]}"' in page for link in links)
    assert main(["bench", "report", str(out), "--csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "problem,category,samples,passed,syntax_error,known_issues"
    assert len(lines) == 28


@pytest.mark.parametrize("kills", [2, pytest.param(30, marks=pytest.mark.slow)])
def test_a_killed_run_goes_on(kills: int, tmp_path: Path) -> None:
    file = samples(tmp_path / "s.jsonl", copies=2, broken=1)
    out = tmp_path / "run"
    command = [sys.executable, "-m", "rtlgen", "bench", "score", "starter", "--samples", str(file), "--out", str(out)]
    rng = random.Random(3)
    for _ in range(kills):
        process = subprocess.Popen([*command, "--resume"] if out.exists() else command, start_new_session=True)
        time.sleep(rng.uniform(0.6, 1.6))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        time.sleep(0.1)
    started = (out / "run.json").exists()
    subprocess.run([*command, "--resume"] if started else command, check=True, capture_output=True)
    rows = [json.loads(x) for x in (out / "results.jsonl").read_text().splitlines()]
    keys = [(r["problem"], r["attempt"]) for r in rows]
    assert len(keys) == len(set(keys)) == 54
    assert sum(r["verdict"]["status"] == "passed" for r in rows) == 52


def test_two_runs_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, broken in (("a", 7), ("b", 1)):
        file = samples(tmp_path / f"{name}.jsonl", broken=broken)
        assert main(["bench", "score", "starter", "--samples", str(file), "--out", str(tmp_path / name)]) == 0
    capsys.readouterr()
    assert main(["bench", "compare", str(tmp_path / "a"), str(tmp_path / "b"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["problems"], found["won"], found["lost"]) == (27, 6, 0)
    assert found["difference"] == pytest.approx(6 / 27)
    assert found["low"] > 0 and found["p_value"] == pytest.approx(2 / 64)
    file = tmp_path / "compare.html"
    assert main(["bench", "compare", str(tmp_path / "a"), str(tmp_path / "b"), "--html", str(file)]) == 0
    shown = file.read_text()
    assert "better; chance alone does not explain it" in shown or "may be chance" in shown
    assert shown.count('class="better"') == 12 and shown.count('class="cell syntax_error" title') == 6
    assert "http" not in shown and "src=" not in shown


def test_answers_are_looked_at_further(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = samples(tmp_path / "s.jsonl", broken=1)
    out = tmp_path / "run"
    command = ["bench", "score", "starter", "--samples", str(file), "--out", str(out), "--limit", "3", "--check"]
    assert main([*command, "nonsense"]) == 2
    assert "expected --check as lint, equivalence, ppa or all, got 'nonsense'" in capsys.readouterr().err
    assert main([*command, "ppa,lint", "--check", "equivalence"]) == 0
    said = capsys.readouterr().out
    assert "equivalence of 2 passing answers to the reference: 2 proved" in said
    report = json.loads((out / "report.json").read_text())
    assert [r["mean"] for r in report["quality"]["ppa"][0]["ratios"]] == [1.0, 1.0, 1.0]
    assert report["quality"]["lint"]["answers"] == 3 and report["quality"]["lint"]["with_errors"] == 1
    assert report["not_refuted"] == report["figures"]
    rows = [json.loads(x) for x in (out / "results.jsonl").read_text().splitlines()]
    assert {r["quality"]["equivalence"]["status"] for r in rows if r["verdict"]["status"] == "passed"} == {"proved"}
    assert main(["bench", "report", str(out), "--csv"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.endswith("known_issues,proved,refuted,unknown,not_run,area_ratio,delay_ratio,power_ratio,"
                         "lint_errors,lint_warnings")  # fmt: skip
    assert len(lines) == 3 and sum(",1,0,0,0,1.0,1.0,1.0," in x for x in lines) == 2
    assert main([*command, "lint", "--resume"]) == 2
    assert "can't be resumed: checks was" in capsys.readouterr().err


def test_a_suite_in_a_folder_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "mine" / "half_adder"
    folder.mkdir(parents=True)
    (folder / "prompt.md").write_text("Write a half adder `half_adder` with inputs a, b and outputs sum, carry.")
    (folder / "reference.v").write_text(
        "module half_adder(input a, b, output sum, carry); assign {carry, sum} = a + b; endmodule"
    )
    answers = tmp_path / "s.jsonl"
    wrong = "module half_adder(input a, b, output sum, carry); assign sum = a | b, carry = a & b; endmodule"
    answers.write_text(json.dumps({"problem": "half_adder", "code": wrong}) + "\n")
    out = str(tmp_path / "run")
    assert main(["bench", "score", str(tmp_path / "mine"), "--samples", str(answers), "--out", out, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["stages"] == {"failed": 1}
    assert main(["bench", "report", out]) == 0
    assert "0 of 1 samples pass" in capsys.readouterr().out


def test_a_model_is_asked_and_its_failures_are_records(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    replies = tmp_path / "none.jsonl"
    replies.write_text("")
    out = tmp_path / "run"
    command = ["bench", "run", "starter", "--model", f"replay:{replies}", "--limit", "3", "--out", str(out)]
    code = main(command)
    text = capsys.readouterr()
    if code == 2:  # the provider refuses an empty record at once
        assert "replay" in text.err
        return
    assert code == 1
    rows = [json.loads(x) for x in (out / "samples.jsonl").read_text().splitlines()]
    assert len(rows) == 3 and all(r["error"] and not r["text"] for r in rows)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["bench", "doctor", "startr"], "unknown suite 'startr'; did you mean 'starter'?"),
        (
            ["bench", "doctor", "starter", "--problem", "zzz"],
            "expected the id of a problem or its beginning, got 'zzz'",
        ),
        (["bench", "doctor", "rtllm-v2", "--data", "."], "suite 'rtllm-v2' needs rtllm/v2.jsonl, which is not in "),
        (["bench", "score", "starter", "--samples", "none.jsonl"], "none.jsonl: can't be read to its end: "),
        (["bench", "report", "."], "expected a run (a folder with run.json)"),
        (["bench", "run", "starter", "--model", "nobody"], "expected a model as PROVIDER:NAME"),
    ],
)
def test_wrong_use_is_one_message(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert said in capsys.readouterr().err


def test_a_problem_that_cannot_tell_right_from_wrong_is_flagged_in_every_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = (
        'module tb; reg a = 0; wire y; inv d (.a(a), .y(y)); initial begin #1 $display("Mismatches: 0 in 1 samples");'
    )
    for name, reference in (("lax", "assign y = ~a;"), ("broken", "assign y = ;")):
        folder = tmp_path / "suite" / name
        folder.mkdir(parents=True)
        (folder / "prompt.md").write_text("Write an inverter.")
        (folder / "reference.v").write_text(f"module inv(input a, output y); {reference} endmodule\n")
        (folder / "testbench.v").write_text(f"{bench} $finish; end endmodule\n")
    file, out = tmp_path / "s.jsonl", tmp_path / "run"
    answer = "module inv(input a, output y); assign y = ~a; endmodule"
    file.write_text("".join(json.dumps({"problem": n, "reply": answer}) + "\n" for n in ("lax", "broken")))
    suite = str(tmp_path / "suite")
    assert main(["bench", "score", suite, "--samples", str(file), "--out", str(out)]) == 0
    assert "known to be flawed: broken, lax" in capsys.readouterr().out
    assert main(["bench", "report", str(out), "--json"]) == 0
    lines = {x["problem"]: x["flags"] for x in json.loads(capsys.readouterr().out)["problems"]}
    assert lines["lax"] == ["a module without any logic passes, so that a pass says nothing"]
    assert lines["broken"][0].startswith("icarus ") and "refuses it" in lines["broken"][0]
    assert "a module without any logic passes" in (out / "report.html").read_text()
