"""The second engine: proves what is equal, and never what is not."""

from __future__ import annotations

import pytest

from rtlgen.optimizer.second import second_proof
from rtlgen.optimizer.target import Target


def target(text: str) -> Target:
    return Target({"m.v": text.encode()}, "m")


COUNTER = """module m(input clk, rst, en, output wrap);
  reg [{high}:0] n;
  always @(posedge clk) if (rst) n <= 0; else if (en) n <= (n == 9) ? 0 : n + 1;
  assign wrap = en && n == 9;
endmodule
"""
CODES = """module m(input clk, input rst_n, input x, output y);
  localparam A = {a}, B = {b}, C = {c};
  reg [2:0] s;
  always @(posedge clk or negedge rst_n)
    if (!rst_n) s <= A;
    else case (s) A: s <= x ? B : A; B: s <= x ? B : C; default: s <= x ? B : A; endcase
  assign y = s == C;
endmodule
"""
METER = """module m(input clk, rst_n, sig, output reg [15:0] seen);
  reg [31:0] cycles;
  reg [{high}:0] edges;
  always @(posedge clk or negedge rst_n)
    if (!rst_n) begin cycles <= 0; edges <= 0; seen <= 0; end
    else if (cycles >= 1023) begin cycles <= 0; edges <= 0; seen <= edges; end
    else begin cycles <= cycles + 1; if (sig) edges <= edges + 1; end
endmodule
"""
SUM = "module m(input s, input [7:0] a, b, c, output [8:0] y); assign y = {body}; endmodule"

EQUAL = {
    "narrowed counter": (COUNTER.format(high=15), COUNTER.format(high=3)),
    "counter that another one bounds": (METER.format(high=31), METER.format(high=9)),
    "other state codes": (CODES.format(a=0, b=1, c=2), CODES.format(a=1, b=2, c=4)),
    "shared adder": (SUM.format(body="s ? a + b : a + c"), SUM.format(body="a + (s ? b : c)")),
}
DIFFERENT = {
    "too narrow": (COUNTER.format(high=15), COUNTER.format(high=2)),
    "too narrow for the counter that bounds it": (METER.format(high=31), METER.format(high=8)),
    "clashing codes": (CODES.format(a=0, b=1, c=2), CODES.format(a=1, b=1, c=4)),
    "other operand": (SUM.format(body="s ? a + b : a + c"), SUM.format(body="a + (s ? c : b)")),
    "lost carry": (SUM.format(body="a + b"), SUM.format(body="{1'b0, a[7:0] + b[7:0] & 8'hff}")),
}


@pytest.mark.parametrize("kind", EQUAL)
def test_equal_designs_are_proved(kind: str) -> None:
    old, new = EQUAL[kind]
    assert second_proof(target(old), target(new)).status == "proved"


@pytest.mark.parametrize("kind", DIFFERENT)
def test_different_designs_are_never_proved(kind: str) -> None:
    old, new = DIFFERENT[kind]
    result = second_proof(target(old), target(new))
    assert result.status == "unknown" and result.reason


def test_what_it_has_no_model_of_is_said() -> None:
    memory = """module m(input clk, we, input [9:0] a, input [31:0] d, output [31:0] q);
      reg [31:0] mem [0:1023]; assign q = mem[a]; always @(posedge clk) if (we) mem[a] <= {d}; endmodule"""
    result = second_proof(target(memory.replace("{d}", "d")), target(memory.replace("{d}", "d ^ 32'd0")))
    assert result.status == "unknown"
    assert result.reason == "module m drives mem in a way without a model: an array of 32768 bits"
