"""What is said of an answer beside its verdict: proved or refuted, larger or smaller, clean or not; real tools."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtlgen.core.store import Store
from rtlgen.scorers.problem import Problem
from rtlgen.scorers.quality import Quality, QualityChecker
from rtlgen.scorers.simulation import Judge

HEADER = "module dut(input clk, input rst, input [3:0] a, input [3:0] b, output reg [3:0] q);\n"
REFERENCE = (
    "module golden(input clk, input rst, input [3:0] a, input [3:0] b, output reg [3:0] q);\n"
    "  always @(posedge clk) if (rst) q <= 0; else q <= a + b;\n"
    "endmodule\n"
)
EQUAL = f"{HEADER}  wire [3:0] s = b - ~a - 1;\n  always @(posedge clk) q <= s & {{4{{~rst}}}};\nendmodule\n"
WRONG = f"{HEADER}  always @(posedge clk) if (rst) q <= 0; else q <= a == 4'd9 ? a : a + b;\nendmodule\n"
LARGE = (
    f"{HEADER}  reg [3:0] u, v;\n"
    "  always @(posedge clk) if (rst) {q, u, v} <= 0; else begin\n"
    "    u <= a ^ q; v <= b; q <= u + v + q;\n"
    "  end\nendmodule\n"
)
WEAK = """
module tb;
  reg clk = 0, rst = 1; reg [3:0] a = 1, b = 2; wire [3:0] q;
  dut u(.clk(clk), .rst(rst), .a(a), .b(b), .q(q));
  always #5 clk = ~clk;
  initial begin
    @(negedge clk); rst = 0; @(negedge clk);
    if (q === 4'd3) $display("all good"); else $display("bad");
    $finish;
  end
endmodule
"""
PROBLEM = Problem(
    id="adder", top="dut", testbench=WEAK, tb_top="tb", reference=REFERENCE, reference_top="golden", verdict="all good"
)


@pytest.fixture(scope="module")
def checker(tmp_path_factory: pytest.TempPathFactory) -> QualityChecker:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RTLGEN_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        return QualityChecker(store=Store(tmp_path_factory.mktemp("store")))


@pytest.fixture(scope="module")
def prover(tmp_path_factory: pytest.TempPathFactory) -> QualityChecker:
    return QualityChecker(("equivalence",), store=Store(tmp_path_factory.mktemp("store")))


@pytest.fixture(scope="module")
def linter() -> QualityChecker:
    return QualityChecker(("lint",))


def check(checker: QualityChecker, source: str, problem: Problem = PROBLEM) -> Quality:
    return checker.check(problem, source, passed=True)


def test_a_wrong_answer_that_a_weak_testbench_passes_is_refuted(prover: QualityChecker) -> None:
    assert Judge().judge(PROBLEM, WRONG).passed
    found = check(prover, WRONG).equivalence
    assert found is not None and found.status == "refuted"
    assert found.output == "q" and "<- q" in found.counterexample
    head, *rows = (x.split() for x in found.counterexample.splitlines())
    before = dict(zip(head, rows[-2], strict=False))
    assert (before["a"], before["rst"]) == ("1001", "0") and before["b"] != "0000"


def test_an_equal_answer_in_other_words_is_proved(checker: QualityChecker) -> None:
    found = check(checker, EQUAL)
    assert found.equivalence is not None and found.equivalence.status == "proved"
    assert found.ppa is not None and found.ppa.area is not None and 0.5 < found.ppa.area < 2


def test_a_design_with_more_in_it_has_ratios_above_one(checker: QualityChecker) -> None:
    ppa = check(checker, LARGE).ppa
    assert ppa is not None and not ppa.reason
    assert ppa.candidate is not None and ppa.reference is not None
    assert ppa.area is not None and ppa.area > 2 and ppa.power is not None and ppa.power > 1.5
    assert ppa.area == pytest.approx((ppa.candidate.area_um2 or 0) / (ppa.reference.area_um2 or 1))
    own = check(checker, REFERENCE.replace("golden", "dut")).ppa
    assert own is not None and (own.area, own.delay, own.power) == (1.0, 1.0, 1.0)


def test_lint_finds_a_latch_and_an_error(linter: QualityChecker) -> None:
    latch = f"{HEADER}  reg [3:0] s;\n  always @* if (rst) s = a;\n  always @(posedge clk) q <= s + b;\nendmodule\n"
    found = linter.check(PROBLEM, latch, passed=False)
    assert found.equivalence is None and found.ppa is None
    assert found.lint is not None and found.lint.warnings.get("verilator:LATCH") == 1 and not found.lint.errors
    broken = linter.check(PROBLEM, f"{HEADER}  assign q = nothing;\nendmodule\n", passed=False).lint
    assert broken is not None and "slang:UndeclaredIdentifier" in broken.errors
    clean = check(linter, REFERENCE.replace("golden", "dut").replace("<= 0", "<= 4'd0")).lint
    assert clean is not None and not clean.errors and not clean.warnings


def test_what_yosys_cannot_read_is_unknown_with_its_reason(checker: QualityChecker) -> None:
    delays = (
        f"{HEADER}  initial fork q = 0; join\n  always begin @(posedge clk); q <= rst ? 0 : a + b; end\nendmodule\n"
    )
    found = check(checker, delays)
    assert found.equivalence is not None and found.equivalence.status == "unknown" and found.equivalence.reason
    assert found.ppa is not None and found.ppa.area is None and found.ppa.reason
    assert found.lint is not None


def test_odd_text_breaks_nothing(linter: QualityChecker) -> None:
    odd = REFERENCE.replace("golden", "dut").replace("endmodule", "// \ud800 \x00 é\nendmodule")
    assert linter.check(PROBLEM, odd, passed=True).lint is not None
    for nothing in ("", " \n", "/* no end", "x" * (1 << 21), 'module dut; initial $system("ls"); endmodule'):
        assert linter.check(PROBLEM, nothing, passed=False) == Quality()


def test_other_ports_have_no_ratio_and_no_proof(checker: QualityChecker) -> None:
    wide = EQUAL.replace("input [3:0] b", "input [7:0] b")
    found = check(checker, wide)
    assert found.equivalence is not None and found.equivalence.status == "unknown"
    assert "expected the same ports" in found.equivalence.reason
    assert found.ppa is not None and found.ppa.area is None and "the ports differ" in found.ppa.reason


def test_a_reference_that_is_no_hardware_is_not_compared(checker: QualityChecker) -> None:
    waits = REFERENCE.replace("always @(posedge clk) if", "always begin @(posedge clk); if").replace(
        ";\nend", "; end\nend"
    )
    found = check(checker, EQUAL, PROBLEM.model_copy(update={"reference": waits}))
    assert found.equivalence is not None and found.equivalence.status == "not_run"
    assert found.equivalence.reason.startswith("the reference can't be compared: can't elaborate")
    assert found.ppa is not None and found.ppa.candidate is not None and found.ppa.area is None


def test_synthesis_sees_what_was_simulated(prover: QualityChecker) -> None:
    hidden = WRONG.replace("endmodule", "`ifdef SYNTHESIS\n`else\n`endif\nendmodule")
    body = "  always @(posedge clk) if (rst) q <= 0; else q <= a + b;\n"
    two_faced = f"{HEADER}`ifdef SYNTHESIS\n{body}`else\n{WRONG.splitlines()[1]}\n`endif\nendmodule\n"
    off = f"{HEADER}// synopsys translate_off\n{WRONG.splitlines()[1]}\n// synopsys translate_on\nendmodule\n"
    for source in (hidden, two_faced, off):
        found = check(prover, source).equivalence
        assert found is not None and found.status == "refuted", source


@pytest.mark.parametrize(
    "hostile",
    [
        '`define I import\n`I "DPI-C" function int system(input string s);\n',
        '`define INC `include\n`INC "/etc/passwd"\n',
        'initial $readmemh("/etc/passwd", memory); reg [7:0] memory [0:9];\n',
    ],
)
def test_what_reaches_beyond_the_design_gets_nothing(hostile: str, checker: QualityChecker) -> None:
    found = check(checker, REFERENCE.replace("golden", "dut").replace("  always", f"{hostile}  always"))
    assert found.ppa is None or found.ppa.area is None or "root" not in found.model_dump_json()
    assert found.equivalence is None or "root:" not in found.model_dump_json()


def test_the_store_gives_the_same_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RTLGEN_CACHE_DIR", str(tmp_path / "cache"))
    first = check(QualityChecker(store=Store(tmp_path / "store")), WRONG)
    again = QualityChecker(store=Store(tmp_path / "store"))
    monkeypatch.setattr("rtlgen.scorers.quality.run", None)  # nothing may be run any more
    assert check(again, WRONG) == first
    fewer = QualityChecker(("lint",), store=Store(tmp_path / "store"))
    assert check(fewer, WRONG) == Quality(lint=first.lint, wall_s=first.lint.wall_s if first.lint else 0)
