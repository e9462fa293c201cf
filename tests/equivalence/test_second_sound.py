"""The second engine on pairs made to deceive it: each differs in one place, and none may be proved."""

from __future__ import annotations

import pytest

from rtlgen.optimizer.second import second_proof
from rtlgen.optimizer.target import Target


def verdict(old: str, new: str) -> tuple[str, str]:
    """Return status and reason for two texts of module m."""
    result = second_proof(Target({"m.v": old.encode()}, "m"), Target({"m.v": new.encode()}, "m"), budget_s=4)
    return result.status, result.reason


def sequential(body: str, ports: str = "input [3:0] d, input en, output [3:0] y") -> str:
    """Return a module with a clock, a reset and a body."""
    return f"module m(input clk, rst, {ports});\n{body}\nendmodule\n"


COUNT = "reg [3:0] n; assign y = n; always @(posedge clk) if (rst) n <= {start}; else if (en) n <= n + {step};"
EDGE = "reg [3:0] n; assign y = n; always @({edge}) if (rst) n <= 0; else n <= n + d;"
TWO = """module m(input a, b, x, output p, q); reg r, s; assign p = r, q = s;
  initial begin r = 0; s = 0; end
  always @(posedge {c1}) r <= x; always @(posedge {c2}) s <= x; endmodule"""
INITIAL = """module m(input clk, start, output [3:0] y); reg [3:0] n = {v}; assign y = n;
  always @(posedge clk) {body} endmodule"""
INDEX = "module m(input [2:0] a, input [4:0] v, output y); assign y = {body}; endmodule"
UNDEF = (
    "module m(input [1:0] s, input a, b, output reg y); always @* case (s) 0: y = a; 1: y = b; {rest} endcase endmodule"
)
DIVIDE = "module m(input [3:0] a, b, output [3:0] y); assign y = {body}; endmodule"
CHILD = """module c #(parameter K = 1) (input clk, rst, input [3:0] i, output reg [3:0] o);
  always @(posedge clk) if (rst) o <= 0; else o <= i + K; endmodule
module m(input clk, rst, input [3:0] d, e, output [3:0] y, z);
  c #(.K({k})) u1(.clk(clk), .rst({r}), .i({i}), .o({o1})); c u2(.clk(clk), .rst(rst), .i(e), .o({o2}));
endmodule"""
LATE = """reg [{w}:0] n; assign y = {{3'b0, n[15]}};
  always @(posedge clk) if (rst) n <= 0; else if (en && n != {top}) n <= n + 1;"""
HELD = """reg [3:0] p1, p2, k; assign y = k;
  always @(posedge clk) begin p1 <= d; p2 <= p1; if (rst) k <= {from}; end"""
ARRAY = """reg [3:0] t [0:{top}]; reg [3:0] q; assign y = q;
  always @(posedge clk) begin if (en) t[d] <= d + {plus}; q <= t[{read}]; end"""
LATCH = "module m(input g, d, output reg y); always @* {body} endmodule"
GATED = """module m(input clk, rst, en, d, output y); reg r; wire g = {gate}; assign y = r;
  always @(posedge g or posedge rst) if (rst) r <= 0; else r <= d; endmodule"""
ASYNC = """module m(input clk, rst, set, d, output y); reg r; assign y = r;
  always @(posedge clk or posedge rst or posedge set) {order} else r <= d; endmodule"""
EQUALS = "module m(input [1:0] a, output y); assign y = {body}; endmodule"

UNRESET = """reg [3:0] a, b; assign y = a ^ b;
  always @(posedge clk or posedge rst) if (rst) a <= 0; else begin a <= d; {inside} end
  {outside}"""
BITS = """module m(input clk, rst, input [3:0] d, output reg [3:0] y);
  always @(posedge clk) if (rst) y[1:0] <= 0; else y[1:0] <= {low};
  always @(posedge clk) if (rst) y[3:2] <= 0; else y[3:2] <= d[3:2]; endmodule"""

SELECT = """module m(input [1:0] s, input a, b, output reg y);
  always @* begin y = 0; {attribute}case (1'b1) s[0]: y = a; s[1]: y = b; endcase end endmodule"""

DIFFERENT = {
    "parallel case where defined": (SELECT.format(attribute=""), SELECT.format(attribute="(* parallel_case *) ")),
    "clocked although reset": (
        sequential(UNRESET.format(inside="b <= d;", outside="")),
        sequential(UNRESET.format(inside="", outside="always @(posedge clk) b <= d;")),
    ),
    "bits of one block": (BITS.format(low="d[1:0]"), BITS.format(low="d[2:1]")),
    "reset value": (sequential(COUNT.format(start=0, step=1)), sequential(COUNT.format(start=1, step=1))),
    "step": (sequential(COUNT.format(start=0, step=1)), sequential(COUNT.format(start=0, step=3))),
    "clock edge": (sequential(EDGE.format(edge="posedge clk")), sequential(EDGE.format(edge="negedge clk"))),
    "asynchronous for synchronous": (
        sequential(EDGE.format(edge="posedge clk")),
        sequential(EDGE.format(edge="posedge clk or posedge rst")),
    ),
    "synchronous for asynchronous": (
        sequential(EDGE.format(edge="posedge clk or posedge rst")),
        sequential(EDGE.format(edge="posedge clk")),
    ),
    "clocks swapped": (TWO.format(c1="a", c2="b"), TWO.format(c1="b", c2="a")),
    "one clock for two": (TWO.format(c1="a", c2="b"), TWO.format(c1="a", c2="a")),
    "initial value": (
        INITIAL.format(v=5, body="if (start) n <= 0; else n <= n + 1;"),
        INITIAL.format(v=6, body="if (start) n <= 0; else n <= n + 1;"),
    ),
    "index outside": (INDEX.format(body="a < 5 ? v[a] : 1'b0"), INDEX.format(body="v[a]")),
    "undefined where defined": (UNDEF.format(rest="default: y = 0;"), UNDEF.format(rest="default: y = 1'bx;")),
    "full case where defined": (
        UNDEF.format(rest="default: y = 0;"),
        UNDEF.format(rest="").replace("case (s)", "(* full_case *) case (s)"),
    ),
    "latch for a default": (UNDEF.format(rest="default: y = 0;"), UNDEF.format(rest="")),
    "division by zero": (DIVIDE.format(body="b == 0 ? 4'hf : a / b"), DIVIDE.format(body="a / b")),
    "parameter of an instance": (
        CHILD.format(k=1, r="rst", i="d", o1="y", o2="z"),
        CHILD.format(k=2, r="rst", i="d", o1="y", o2="z"),
    ),
    "input of an instance": (
        CHILD.format(k=1, r="rst", i="d", o1="y", o2="z"),
        CHILD.format(k=1, r="rst", i="e", o1="y", o2="z"),
    ),
    "outputs of instances swapped": (
        CHILD.format(k=1, r="rst", i="d", o1="y", o2="z"),
        CHILD.format(k=1, r="rst", i="d", o1="z", o2="y"),
    ),
    "instance never reset": (
        CHILD.format(k=1, r="rst", i="d", o1="y", o2="z"),
        CHILD.format(k=1, r="1'b0", i="d", o1="y", o2="z"),
    ),
    "counter that never gets there": (
        sequential(LATE.format(w=15, top="16'hffff")),
        sequential(LATE.format(w=15, top="16'h7fff")),
    ),
    "value caught during reset": (sequential(HELD.format(**{"from": "p1"})), sequential(HELD.format(**{"from": "p2"}))),
    "written word": (
        sequential(ARRAY.format(top=15, plus=0, read="d")),
        sequential(ARRAY.format(top=15, plus=1, read="d")),
    ),
    "read word": (
        sequential(ARRAY.format(top=15, plus=0, read="d")),
        sequential(ARRAY.format(top=15, plus=0, read="d ^ 4'd8")),
    ),
    "array one word short": (
        sequential(ARRAY.format(top=15, plus=0, read="d")),
        sequential(ARRAY.format(top=14, plus=0, read="d")),
    ),
    "open for held": (LATCH.format(body="if (g) y = d;"), LATCH.format(body="y = g & d;")),
    "opposite gate": (LATCH.format(body="if (g) y = d;"), LATCH.format(body="if (!g) y = d;")),
    "register without reset": (
        sequential(COUNT.format(start=0, step=1)),
        sequential(COUNT.format(start="n", step=1)),
    ),
    "clock gate": (GATED.format(gate="clk & en"), GATED.format(gate="clk | en")),
    "which control wins": (
        ASYNC.format(order="if (rst) r <= 0; else if (set) r <= 1;"),
        ASYNC.format(order="if (set) r <= 1; else if (rst) r <= 0;"),
    ),
    "case equality with x": (EQUALS.format(body="a === 2'bxx"), EQUALS.format(body="1'b1")),
    "always undefined": (
        "module m(input clk, output y); reg r; assign y = r; always @(posedge clk) r <= r; endmodule",
        "module m(input clk, output y); assign y = 1'b0; endmodule",
    ),
    "name of the proof's own": (
        "module m(input clk, rst, d, output y); reg n; assign y = n; always @(posedge clk) n <= ~rst & d; endmodule",
        r"module m(input clk, rst, d, output y); wire \old!n ; assign y = \old!n ; endmodule",
    ),
    "missing input": (
        "module m(input a, b, output y); assign y = a; endmodule",
        "module m(input a, output y); assign y = a; endmodule",
    ),
}
EQUAL = {
    "full case for any value": (
        UNDEF.format(rest="").replace("case (s)", "(* full_case *) case (s)"),
        UNDEF.format(rest="default: y = a ^ b;"),
    ),
    "parallel case": (
        SELECT.format(attribute="(* parallel_case *) "),
        "module m(input [1:0] s, input a, b, output reg y); always @* y = s[1] ? b : s[0] & a; endmodule",
    ),
    "held while reset": (
        sequential(UNRESET.format(inside="b <= d;", outside="")),
        sequential(UNRESET.format(inside="", outside="always @(posedge clk) if (!rst) b <= d;")),
    ),
    "bits in several blocks": (
        BITS.format(low="d[1:0]"),
        """module m(input clk, rst, input [3:0] d, output reg [3:0] y);
           always @(posedge clk) y <= rst ? 4'd0 : d; endmodule""",
    ),
    "unchanged but for names": (
        sequential(COUNT.format(start=0, step=1)),
        sequential(COUNT.format(start=0, step=1).replace("n <=", "k <=").replace("n +", "k +").replace(" n;", " k;")),
    ),
    "two clocks": (TWO.format(c1="a", c2="b"), TWO.format(c1="a", c2="b").replace("s <= x", "s <= x & 1'b1")),
    "undefined for undefined": (UNDEF.format(rest="default: y = 1'bx;"), UNDEF.format(rest="default: y = a & b;")),
    "index guarded": (INDEX.format(body="v[a]"), INDEX.format(body="a < 5 ? v[a] : 1'b0")),
    "division": (DIVIDE.format(body="a / b"), DIVIDE.format(body="b == 0 ? 4'd3 : a / b")),
    "instances opened": (
        CHILD.format(k=1, r="rst", i="d", o1="y", o2="z"),
        """module m(input clk, rst, input [3:0] d, e, output reg [3:0] y, z);
           always @(posedge clk) if (rst) {y, z} <= 0; else begin y <= d + 1; z <= e + 1; end endmodule""",
    ),
    "array": (
        sequential(ARRAY.format(top=15, plus=1, read="d")),
        sequential(ARRAY.format(top=15, plus=1, read="d + 4'd0").replace("d + 1", "1 + d")),
    ),
    "array a word larger": (
        sequential(ARRAY.format(top=14, plus=0, read="d")),
        sequential(ARRAY.format(top=15, plus=0, read="d")),
    ),
    "latch": (LATCH.format(body="if (g) y = d;"), LATCH.format(body="y = (g & d) | (~g & y);")),
    "gated clock": (GATED.format(gate="clk & en"), GATED.format(gate="~(~clk | ~en)")),
    "set and reset": (
        ASYNC.format(order="if (rst) r <= 0; else if (set) r <= 1;"),
        ASYNC.format(order="if (rst) r <= 0; else if (set) r <= 1;").replace("r <= d", "r <= d | (d & set)"),
    ),
}


@pytest.mark.parametrize("kind", DIFFERENT)
def test_a_difference_is_never_proved_equal(kind: str) -> None:
    status, reason = verdict(*DIFFERENT[kind])
    assert status == "unknown"
    assert reason


@pytest.mark.parametrize("kind", EQUAL)
def test_equal_designs_are_proved(kind: str) -> None:
    assert verdict(*EQUAL[kind]) == ("proved", "")
