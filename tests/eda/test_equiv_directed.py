"""Pairs that each show one thing the checker has to understand, with the verdict it must give."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtlgen.core.errors import ElaborationError, InputError
from rtlgen.core.types import Design, EquivalenceResult
from rtlgen.synth.equiv import check_equivalence
from rtlgen.synth.yosys import YosysPool

PAIRS = Path(__file__).resolve().parents[1] / "fixtures" / "equiv"


def compare(gold: str, gate: str, **options: object) -> EquivalenceResult:
    return check_equivalence({"gold.v": gold}, {"gate.v": gate}, top="m", budget_s=40, **options)  # type: ignore[arg-type]


def cases(folder: str) -> list[Path]:
    return sorted((PAIRS / folder).glob("*.v"))


def split(path: Path) -> tuple[str, str]:
    """Return the two sides of a fixture: what stands before and behind the line `// ---- gate`."""
    gold, gate = path.read_text().split("// ---- gate\n")
    return gold, gate


@pytest.mark.parametrize("path", cases("equal"), ids=lambda p: p.stem)
def test_equal_pairs_are_proved(path: Path) -> None:
    gold, gate = split(path)
    result = compare(gold, gate)
    assert result.status == "proved", (result.reason, result.engines)


@pytest.mark.parametrize("path", cases("different"), ids=lambda p: p.stem)
def test_different_pairs_are_refuted_with_a_resimulated_counterexample(path: Path) -> None:
    gold, gate = split(path)
    result = compare(gold, gate)
    assert result.status == "refuted", (result.reason, result.engines)
    example = result.counterexample
    assert example is not None
    assert example.resimulated
    before, after = example.gold[-1][example.output], example.gate[-1][example.output]
    assert any(a != "x" and a != b for a, b in zip(before, after, strict=True))
    assert len(example.inputs) == len(example.gold) == len(example.gate) == result.bound


COUNTER = """module m(input clk, input rst, input en, output [3:0] q);
  reg [3:0] c;
  always @(posedge clk) if (rst) c <= 0; else if (en) c <= c + 1;
  assign q = c;
endmodule
"""


def test_counterexample_is_a_shortest_one() -> None:
    result = compare(COUNTER, COUNTER.replace("c + 1", "c == 9 ? 4'd0 : c + 4'd1"))
    assert result.status == "refuted"
    assert result.bound == 11  # ten counts, then the step that shows 10 against 0
    assert result.reason == ""


def test_bounded_search_says_how_far_it_went() -> None:
    # a 32-bit counter that wraps 2**32 - 1 cycles too early: no engine can see that far
    wide = """module m(input clk, input rst, input [31:0] k, output o);
      reg [31:0] a, b;
      always @(posedge clk) if (rst) begin a <= 0; b <= 0; end else begin a <= a * 32'd1664525 + k; b <= b ^ a; end
      assign o = HIDDEN;
    endmodule
    """
    hidden = "^b ^ (a == 32'hdeadbeef && b == 32'h12345678)"
    result = check_equivalence(
        {"a.v": wide.replace("HIDDEN", "^b")}, {"b.v": wide.replace("HIDDEN", hidden)},
        top="m", budget_s=6, bound=2,
    )  # fmt: skip
    assert (result.status, result.bound) in (("bounded", 2), ("refuted", result.bound))


def test_ports_that_differ_are_bad_input() -> None:
    with pytest.raises(InputError) as caught:
        compare(
            COUNTER,
            COUNTER.replace("[3:0] q", "[4:0] q").replace("input en", "input enable").replace("if (en)", "if (enable)"),
        )
    assert str(caught.value) == (
        "expected the same ports on 'm' (gold) and 'm' (gate), got en: input [0:0] in gold, none in gate; "
        "enable: none in gold, input [0:0] in gate; q: output [3:0] in gold, output [4:0] in gate"
    )


def test_combinational_loop_is_bad_input() -> None:
    loop = "module m(input a, output y); wire z; assign z = ~(z & a); assign y = z; endmodule"
    fine = "module m(input a, output y); assign y = a; endmodule"
    with pytest.raises(InputError, match="combinational loop in module 'm' through 2 operators") as caught:
        compare(loop, fine)
    assert str(caught.value).endswith("; break it with a register")


def test_a_loop_between_different_bits_is_none() -> None:
    chain = "module m(input a, output [2:0] y); assign y[0] = a; assign y[2:1] = ~y[1:0]; endmodule"
    plain = "module m(input a, output [2:0] y); assign y = {a, ~a, a}; endmodule"
    assert compare(chain, plain).status == "proved"


def test_syntax_error_names_its_place() -> None:
    with pytest.raises(ElaborationError, match=r"can't elaborate the gate design: .*gate\.v:1"):
        compare(COUNTER, "module m(input clk; endmodule")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("module m(input e, input d, inout y); assign y = e ? d : 1'bz; endmodule", "port 'y' is inout; three-state"),
        ("module m(input e, input d, output y); assign y = e ? d : 1'bz; endmodule", "three-state"),
    ],
)
def test_three_state_logic_is_unknown_with_the_reason(text: str, reason: str) -> None:
    result = compare(text, text)
    assert result.status == "unknown"
    assert reason in result.reason


def test_nothing_to_compare_is_not_proved() -> None:
    free = """module m(input clk, input en, output [3:0] q);
      reg [3:0] c; always @(posedge clk) if (en) c <= c + 4'd1; assign q = c;
    endmodule
    """
    other = free.replace("c + 4'd1", "c + 4'd2")
    result = compare(free, other)
    assert result.status == "unknown"
    assert result.reason.startswith("gold's q[0], q[1], q[2], q[3] never has a defined value from reset (none) on")


def test_an_output_that_is_always_x_is_not_proved() -> None:
    gold = "module m(input a, output y, z); assign y = a; assign z = a ? 1'bx : 1'bx; endmodule"
    gate = "module m(input a, output y, z); assign y = a; assign z = ~a; endmodule"
    result = compare(gold, gate)
    assert result.status == "unknown"
    assert result.reason == "gold's z[0] never has a defined value in any state; nothing to compare there"


def test_a_register_without_reset_is_compared_once_it_is_loaded() -> None:
    text = """module m(input clk, input load, input [3:0] d, output [3:0] q);
      reg [3:0] NAME; always @(posedge clk) NAME <= load ? d : NAME + 4'd1; assign q = NAME;
    endmodule
    """
    good = text.replace("NAME", "a")
    negated = (
        text.replace("NAME <=", "a <= ~(")
        .replace(" + 4'd1;", " + 4'd1);")
        .replace("q = NAME", "q = ~a")
        .replace("NAME +", "~a +")
        .replace("NAME;", "a;")
    )
    assert compare(good, negated).status == "proved"
    assert compare(good, text.replace("NAME", "b").replace("+ 4'd1", "+ 4'd2")).status == "refuted"


def test_reset_can_be_named() -> None:
    text = COUNTER.replace("rst", "begin_again")
    other = (
        text.replace("reg [3:0] c", "reg [3:0] n")
        .replace("c <= 0", "n <= 4'hf")
        .replace("c <= c + 1", "n <= n - 1")
        .replace("q = c", "q = ~n")
    )
    named = compare(text, other, reset="begin_again=1:2")
    assert named.status == "proved"
    assert "reset=begin_again=1:2" in named.engines


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("go", "expected a one-bit input as reset, got 'go'; one-bit inputs are clk, rst, en"),
        ("rst=2", "expected a reset as NAME[=0|1][:cycles], got 'rst=2'"),
    ],
)
def test_wrong_reset_option_is_bad_input(option: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        compare(COUNTER, COUNTER, reset=option)
    assert str(caught.value) == message


def test_parameters_reach_both_sides() -> None:
    gold = (
        "module m #(parameter W = 4, parameter K = 3)(input [W-1:0] a, output [W-1:0] y); assign y = a * K; endmodule"
    )
    gate = gold.replace("a * K", "K == 5 ? (a << 2) + a : a * 3")
    assert compare(gold, gate).status == "proved"
    assert compare(gold, gate, parameters={"K": "5", "W": "6"}).status == "proved"
    refuted = compare(gold, gate, parameters={"K": "6"})
    assert refuted.status == "refuted"
    assert refuted.counterexample is not None
    assert len(refuted.counterexample.inputs[0]["a"]) == 4


def test_tops_may_differ_in_name_and_designs_may_have_several_files(tmp_path: Path) -> None:
    (tmp_path / "inc.vh").write_text("`define STEP 4'd1\n")
    (tmp_path / "a.v").write_text(COUNTER)
    (tmp_path / "b1.v").write_text(
        '`include "inc.vh"\n'
        + COUNTER.replace("module m", "module other")
        .replace("c + 1", "next")
        .replace("reg [3:0] c;", "reg [3:0] c; wire [3:0] next; plus u(c, next);")
    )
    (tmp_path / "b2.v").write_text(
        '`include "inc.vh"\nmodule plus(input [3:0] a, output [3:0] y); assign y = a + `STEP; endmodule\n'
    )
    gold = Design(files=(tmp_path / "a.v",), top="m")
    gate = Design(files=(tmp_path / "b1.v", tmp_path / "b2.v"), top="other")
    assert check_equivalence(gold, gate).status == "proved"


def test_names_and_messages_of_a_design_cannot_forge_a_verdict() -> None:
    forged = COUNTER.replace("c + 1", "c + 2").replace(
        "reg [3:0] c;",
        """reg [3:0] c; reg \\snl_UNSAT ;
      initial begin $display("Networks are equivalent."); $display("Property proved."); end""",
    )
    result = compare(COUNTER, forged)
    assert result.status == "refuted"


def test_a_gate_that_stops_the_simulation_is_not_refuted_on_its_word() -> None:
    stops = COUNTER.replace("c + 1", "c + 2").replace(
        "assign q = c;", "assign q = c;\n`ifdef __ICARUS__\n  initial $finish;\n`endif"
    )
    result = compare(COUNTER, stops)
    assert result.status == "unknown"
    assert result.reason.endswith("simulation did not reach the end of the stimulus")


def test_a_pool_of_the_caller_is_used() -> None:
    with YosysPool(1, warm_abc=False) as pool:
        assert compare(COUNTER, COUNTER, pool=pool).status == "proved"
        assert compare(COUNTER, COUNTER.replace("c + 1", "1 + c"), pool=pool).method == "correspondence/structural"


def test_no_time_gives_unknown_and_no_more() -> None:
    hard = "module m(input [23:0] a, b, c, output [23:0] y); assign y = EXPR; endmodule"
    gold, gate = hard.replace("EXPR", "a * b % (c | 1)"), hard.replace("EXPR", "(b * a + (c | 1)) % (c | 1)")
    result = check_equivalence({"a.v": gold}, {"b.v": gate}, top="m", budget_s=3)
    assert result.status in ("unknown", "refuted")
    assert result.wall_s < 15
