"""Relations between words, memories kept as such, and the quick way to discard what differs."""

from __future__ import annotations

import pytest

from rtlgen.core.types import EquivalenceResult
from rtlgen.synth.equiv import check_equivalence


def compare(gold: str, gate: str, **options: object) -> EquivalenceResult:
    return check_equivalence({"gold.v": gold}, {"gate.v": gate}, top="m", budget_s=40, **options)  # type: ignore[arg-type]


WINDOW = """module m(input clk, input rst, input en, input [5:0] x, output [7:0] y);
  reg [5:0] a, b, c;
  always @(posedge clk)
    if (rst) {{a, b, c}} <= 0;
    else if (en) begin a <= x; b <= a; c <= b; end
{rest}
endmodule
"""
SUM = WINDOW.format(rest="  assign y = a + b + c;")
RUNNING = WINDOW.format(
    rest="""  reg [7:0] s;
  always @(posedge clk) if (rst) s <= 0; else if (en) s <= s + x - c;
  assign y = s;"""
)


def test_a_running_sum_is_the_sum_of_its_window() -> None:
    result = compare(SUM, RUNNING)
    assert result.status == "proved", (result.reason, result.engines)
    assert result.method.startswith("cases/")


def test_a_running_sum_that_drops_the_wrong_sample_is_refuted() -> None:
    result = compare(SUM, RUNNING.replace("+ x - c", "+ x - b"))
    assert result.status == "refuted"
    assert result.counterexample is not None
    assert result.counterexample.resimulated


DIGITS = """module m(input clk, input rst, input up, output [2:0] tens, output [3:0] ones);
  reg [2:0] t; reg [3:0] o;
  always @(posedge clk)
    if (rst) begin t <= 0; o <= 0; end
    else if (up) begin
      o <= o == 9 ? 0 : o + 1;
      if (o == 9) t <= t == 5 ? 0 : t + 1;
    end
  assign tens = t; assign ones = o;
endmodule
"""
COUNT = """module m(input clk, input rst, input up, output [2:0] tens, output [3:0] ones);
  reg [5:0] n;
  always @(posedge clk) if (rst) n <= 0; else if (up) n <= n == {last} ? 0 : n + 1;
  assign tens = n / 10; assign ones = n % 10;
endmodule
"""


def test_digits_are_a_number() -> None:
    result = compare(COUNT.format(last=59), DIGITS)
    assert result.status == "proved", (result.reason, result.engines)


def test_digits_are_not_another_number() -> None:
    assert compare(COUNT.format(last=58), DIGITS).status == "refuted"


RAM = """module m(input clk, input we, input [9:0] wa, ra, input [31:0] d, output reg [31:0] q, output [31:0] s);
  reg [31:0] words [0:1023];
  always @(posedge clk) begin
    if (we) words[wa] <= d;
    q <= words[ra];
  end
  assign s = q * 3;
endmodule
"""


def test_a_large_memory_is_proved_by_name() -> None:
    gate = RAM.replace("q * 3", "q + (q << 1)").replace("words[wa] <= d", "words[~(~wa)] <= d ^ 32'd0")
    result = compare(RAM, gate)
    assert result.status == "proved", (result.reason, result.engines)
    assert result.wall_s < 10


@pytest.mark.parametrize(
    "change", [("if (we)", "if (we | &wa)"), ("[ra]", "[ra ^ 1]"), ("<= d", "<= d & 32'hfffffffe")]
)
def test_a_large_memory_with_a_changed_port_is_not_proved(change: tuple[str, str]) -> None:
    result = check_equivalence({"a.v": RAM}, {"b.v": RAM.replace(*change)}, top="m", budget_s=5)
    assert result.status in ("refuted", "unknown")


def test_reading_outside_a_memory_is_free_in_gold_only() -> None:
    free = """module m(input clk, input we, input [3:0] a, input [7:0] d, output [7:0] q);
  reg [7:0] words [0:9];
  always @(posedge clk) if (we) words[a] <= d;
  assign q = words[a];
endmodule
"""
    guarded = free.replace("= words[a];", "= a < 10 ? words[a] : 8'd0;")
    assert compare(free, guarded).status == "proved"
    assert compare(guarded, free).status == "refuted"


def test_a_renamed_memory_is_still_compared() -> None:
    small = RAM.replace("1023", "7").replace("[9:0]", "[2:0]").replace("31:0", "3:0")
    result = compare(small, small.replace("words", "cells"))
    assert result.status == "proved", (result.reason, result.engines)


def test_callers_that_discard_need_no_counterexample() -> None:
    gate = RUNNING.replace("+ x - c", "+ x - b")
    result = compare(SUM, gate, confirm=False)
    assert (result.status, result.counterexample) == ("refuted", None)
    assert result.reason == "not replayed in a simulator"


TIMER = """module m(input clk, input rst, input hold, output reg late);
  reg [8:0] n;
  always @(posedge clk)
    if (rst | hold) begin n <= 0; late <= 0; end
    else if (n == {last}) late <= 1; else n <= n + 1;
endmodule
"""


def test_a_fault_hundreds_of_steps_away_is_found() -> None:
    result = compare(TIMER.format(last=400), TIMER.format(last=401), confirm=False)
    assert result.status == "refuted"


def test_a_remainder_may_be_made_of_the_quotient() -> None:
    text = "module m(input [15:0] a, b, output [15:0] q, r);\n  assign q = a / b;\n  assign r = {rest};\nendmodule\n"
    result = compare(text.replace("{rest}", "a % b"), text.replace("{rest}", "a - q * b"))
    assert (result.status, result.method) == ("proved", "correspondence/smt")
    assert compare(text.replace("{rest}", "a % b"), text.replace("{rest}", "a - q * b + (b == 7)")).status == "refuted"


def test_a_multiplexer_before_a_product_is_one_behind_it() -> None:
    text = "module m(input s, input [15:0] a, b, c, output [31:0] y); assign y = {product}; endmodule\n"
    gold, gate = (text.replace("{product}", p) for p in ("s ? a * b : a * c", "a * (s ? b : c)"))
    result = compare(gold, gate)
    assert (result.status, result.method) == ("proved", "correspondence/smt")
