"""Verilator as a simulator and as a second judge, on the real tool."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from rtlgen.cli import main
from rtlgen.core.errors import InputError, SandboxError
from rtlgen.sandbox import Limits
from rtlgen.scorers.problem import Problem
from rtlgen.scorers.second import agreement, second_judge
from rtlgen.scorers.simulation import Judge, Verdict
from rtlgen.synth.sim import Verilator, find_verilator
from rtlgen.synth.sim.verilator import plain

pytestmark = pytest.mark.timeout(600)  # the runtime is built first: 10 s of CPU

LIMITS = Limits(cpu_s=20, wall_s=300, memory_mb=2048)

TESTBENCH = """`timescale 1ns/1ns
`define LAST 20
module tb;
  reg clk = 0, reset = 1;
  wire [3:0] want, got;
  integer errors = 0, samples = 0;
  Wanted w (.clk(clk), .reset(reset), .q(want));
  Counter c (.clk(clk), .reset(reset), .q(got));
  always #5 clk = ~clk;
  initial begin #12 reset = 0; end
  always @(negedge clk) begin
    samples = samples + 1;
    if (want !== got) errors = errors + 1;
    if (samples == `LAST) begin
      $display("Mismatches: %0d in %0d samples", errors, samples);
      $STOP;
    end
  end
endmodule
"""
COUNTER = """module Wanted (input clk, input reset, output reg [3:0] q);
  always @(posedge clk) if (reset) q <= 0; else q <= q + 1;
endmodule
"""
PROBLEM = Problem(
    id="counter", top="Counter", testbench=TESTBENCH.replace("$STOP", "$stop"), tb_top="tb", reference=COUNTER,
    reference_top="Wanted", reference_in_testbench=True, verdict=r"^Mismatches: (\d+) in (\d+) samples$",
)  # fmt: skip
HEAD = "module Counter (input clk, input reset, output reg [3:0] q);\n"
RIGHT = COUNTER.replace("Wanted", "Counter")
NEVER_RESET = f"{HEAD}  always @(posedge clk) q <= reset ? q : q + 1;\nendmodule\n"


@pytest.fixture(scope="module")
def verilator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Verilator]:
    """Return the installed Verilator with one runtime for all tests here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RTLGEN_CACHE_DIR", str(tmp_path_factory.mktemp("verilator")))
        yield find_verilator()


@pytest.fixture(scope="module")
def judge(verilator: Verilator) -> Judge:
    return Judge(verilator, run_limits=Limits(cpu_s=2, wall_s=120, memory_mb=512, output_mb=1))


@pytest.mark.parametrize(
    ("source", "status", "reason"),
    [
        (RIGHT, "passed", ""),
        (RIGHT.replace("q + 1", "q - 1"), "failed", "17 mismatches in 20 samples"),
        (RIGHT.replace("endmodule", "endmodul"), "syntax_error", "%Error: candidate:"),
        (RIGHT.replace("  always", "  wire a, b; tran (a, b);\n  always"), "tool_limit", "%Error-UNSUPPORTED"),
        (
            f"{HEAD}  initial while (!clk) q = q + 1;\nendmodule",
            "timeout",
            "the simulation took too long",
        ),
        (
            f'{HEAD}  initial begin $display("Mismatches: 0 in 20 samples"); $finish; end\nendmodule',
            "no_verdict",
            "expected 1 verdict lines of the testbench, got 0",
        ),
        (f'{HEAD}  initial $fatal(1, "bad");\nendmodule', "crashed", "the simulation ended with exit code 1"),
        (RIGHT.replace("  always", '  initial $error("not the end");\n  always'), "passed", ""),
        (f'{HEAD}  initial $system("touch x");\nendmodule', "refused", "the candidate calls $system"),
        (
            f'`define CALL(x) $``x\n{HEAD}  initial `CALL(system)("touch x");\nendmodule',
            "refused",
            "the candidate calls $system",
        ),
        (
            f'import "DPI-C" function int system(string s);\n{HEAD}  initial system("touch x");\nendmodule',
            "refused",
            "the candidate imports from C",
        ),
        (f"`timescale 1s/1s\n{RIGHT.replace('q + 1', 'q - 1')}", "failed", "17 mismatches in 20 samples"),
    ],
    ids=[
        "right", "wrong", "no Verilog", "can't read", "never ends", "prints the verdict",
        "fatal", "error", "shell", "shell by a macro", "C", "coarse time",
    ],
)  # fmt: skip
def test_verdicts(judge: Judge, source: str, status: str, reason: str) -> None:
    verdict = judge.judge(PROBLEM, source)
    assert (verdict.status, verdict.reason[: len(reason)]) == (status, reason), verdict
    assert verdict.simulator == str(judge.simulator)


def test_two_states_are_reported_not_believed(judge: Judge) -> None:
    first, second = Judge().judge(PROBLEM, NEVER_RESET), judge.judge(PROBLEM, NEVER_RESET)
    assert (first.status, second.status) == ("failed", "passed")
    assert agreement(first, second) == "second_only"


def test_what_one_cannot_read_is_no_disagreement() -> None:
    right, wrong, unread = (Verdict(status=s) for s in ("passed", "failed", "tool_limit"))
    assert agreement(right, wrong) == "first_only"
    assert agreement(wrong, Verdict(status="timeout")) == "agree"
    assert agreement(wrong, unread) == agreement(unread, right) == agreement(right, None) == "unknown"


@pytest.mark.slow
def test_a_second_build_uses_the_runtime_and_a_damaged_one_is_made_again(verilator: Verilator) -> None:
    def works() -> bool:
        with verilator.cell() as cell:
            (cell.folder / "t.v").write_text('module t; initial begin $display("here"); $finish; end endmodule\n')
            built = verilator.compile("t.v", ["t"], "t.out", cell, LIMITS)
            return built.exit_code == 0 and "here" in verilator.simulate("t.out", cell, LIMITS).stdout

    assert works()
    (folder,) = (p for p in (verilator.cache_dir / "verilator").iterdir() if p.is_dir())
    made = (folder / "runtime.o").stat().st_mtime_ns
    assert works()
    assert (folder / "runtime.o").stat().st_mtime_ns == made
    (folder / "runtime.o").write_bytes(b"!<arch>\n")
    assert works()
    assert (folder / "runtime.o").stat().st_mtime_ns > made
    assert [p.name for p in folder.parent.iterdir() if p.is_dir()] == [folder.name]


def test_a_cache_that_cannot_be_written_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RTLGEN_CACHE_DIR", str(tmp_path / "file"))
        broken = find_verilator()
    with pytest.raises(SandboxError, match="can't write Verilator's runtime to"), broken.cell():
        pass


def test_plain_text_keeps_strings_and_lines() -> None:
    text = 'a // verilator lint_off\n"// $stop \\" x" /* 1\n2 */ $stop; $stopped \\odd//name b\n'
    assert plain(text) == 'a  \n"// $stop \\" x"  \n $finish; $stopped \\odd//name b\n'


def test_a_run_reports_both(verilator: Verilator, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    suite = tmp_path / "suite" / "counter"
    suite.mkdir(parents=True)
    (suite / "prompt.md").write_text("A counter.\n")
    (suite / "reference.sv").write_text(RIGHT)
    (suite / "problem.toml").write_text(f"top = 'Counter'\ntb_top = 'tb'\nverdict = '{PROBLEM.verdict}'\n")
    (suite / "testbench.sv").write_text(PROBLEM.testbench + COUNTER)
    answers = tmp_path / "answers.jsonl"
    rows = [{"problem": "counter", "reply": f"```verilog\n{code}```"} for code in (RIGHT, NEVER_RESET, HEAD)]
    answers.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RTLGEN_CACHE_DIR", str(verilator.cache_dir))
        patch.setenv("RTLGEN_DISPLAY", "none")
        command = ["bench", "score", str(suite.parent), "--samples", str(answers), "--second", "verilator"]
        assert main([*command, "--out", str(tmp_path / "run"), "--json"]) == 0
        report = json.loads(capsys.readouterr().out)
        assert main(["bench", "doctor", str(suite.parent), "--second", "verilator"]) == 0
        doctor = capsys.readouterr().out
        assert main(["bench", "report", str(tmp_path / "run")]) == 0
        table = capsys.readouterr().out
    second = report["second"]
    assert (report["passed"], second["both"], second["first_only"], second["second_only"]) == (1, 3, 0, 1)
    assert [(p["problem"], p["second_only"]) for p in second["problems"]] == [("counter", [1])]
    assert report["config"]["second"] == str(verilator)
    assert "1 of 1 references pass with icarus" in doctor
    assert f", 1 with {verilator}, 1 with one of the two" in doctor
    assert f"{verilator} disagrees on 1 of 3 samples that both judge: 0 pass with icarus" in table
    page = (tmp_path / "run" / "report.html").read_text()
    assert page.count(f"<b>passed</b> with {verilator}") == 1


def test_second_judge_wants_a_known_name() -> None:
    with pytest.raises(InputError, match="expected a second simulator \\(verilator\\), got 'vcs'"):
        second_judge("vcs")
