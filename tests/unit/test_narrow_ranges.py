"""Ranges and demanded bits are sound, and tight where engineers write counters."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rtlgen.graphs.frontend.slang import elaborate
from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.build import word_level
from rtlgen.graphs.wordlevel.module import ModuleIR
from rtlgen.optimizer.narrow.demand import demanded_bits, operands
from rtlgen.optimizer.narrow.ranges import Interval, register_ranges, transfer
from rtlgen.optimizer.narrow.rewrite import find_narrowings
from rtlgen.optimizer.narrow.shrink import low_bits, shrink, significant

OPERATORS = (*t.BITWISE, "add", "sub", "mul", "udiv", "urem", "shl", "lshr", "eq", "ult", "ule")


def view(source: str) -> ModuleIR:
    """Return the view of the only module of a source."""
    return word_level(elaborate({"m.v": source.encode()}))[0]


def counter(step: str, reads: str = "c") -> ModuleIR:
    """Return a 16-bit counter with synchronous reset and the given next value."""
    return view(
        "module m(input clk, rst, en, input [15:0] d, output [15:0] q);\n    reg [15:0] c;\n"
        f"    always @(posedge clk) if (rst) c <= 16'd0; else if (en) {step}\n    assign q = {reads};\nendmodule\n"
    )


@given(st.sampled_from(OPERATORS), st.lists(st.integers(0, 31), min_size=6, max_size=6))
def test_intervals_hold_all_values(op: str, numbers: list[int]) -> None:
    a, b = sorted(numbers[:2]), sorted(numbers[2:4])
    x = a[0] + numbers[4] % (a[1] - a[0] + 1)
    y = b[0] + numbers[5] % (b[1] - b[0] + 1)
    term = t.apply(op, t.var("x", 5), t.var("y", 5))
    interval = transfer(term, [Interval(*a), Interval(*b)])
    assert interval.low <= t.evaluate(term, {"x": x, "y": y}) <= interval.high


@given(st.sampled_from((*OPERATORS, "ashr", "slt")), st.integers(0, 255), st.lists(st.integers(0, 255), min_size=4))
def test_bits_that_are_not_demanded_do_not_count(op: str, wanted: int, numbers: list[int]) -> None:
    term = t.apply(op, t.var("x", 8), t.var("y", 8))
    wanted &= t.mask(term.width)
    x_bits, y_bits = operands(term, wanted)
    x, y, u, v = numbers[:4]
    changed = {"x": x & x_bits | u & ~x_bits & 255, "y": y & y_bits | v & ~y_bits & 255}
    assert t.evaluate(term, {"x": x, "y": y}) & wanted == t.evaluate(term, changed) & wanted


@given(st.sampled_from(OPERATORS), st.integers(0, 15), st.integers(0, 7), st.integers(1, 16))
def test_shrunk_terms_are_equal(op: str, x: int, y: int, width: int) -> None:
    term = t.apply(op, t.zext(t.var("x", 4), 16), t.zext(t.var("y", 3), 16))
    at = {"x": x, "y": y}
    assert t.evaluate(shrink(term), at) == t.evaluate(term, at)
    if width <= term.width:
        assert t.evaluate(low_bits(term, width), at) == t.evaluate(term, at) & t.mask(width)
    assert t.evaluate(term, at) <= t.mask(significant(shrink(term)))


def test_counters_with_a_last_value() -> None:
    for step in (
        "if (c == 16'd9) c <= 16'd0; else c <= c + 16'd1;",
        "if (c >= 16'd9) c <= 16'd0; else c <= c + 16'd1;",
        "c <= c < 16'd9 ? c + 16'd1 : 16'd0;",
        "c <= (c + 16'd1) % 16'd10;",
        "if (c != 16'd9) c <= c + 16'd1;",
    ):
        assert register_ranges(counter(step)) == {"c": Interval(0, 9)}, step


def test_a_bound_far_away_is_found_without_counting() -> None:
    assert register_ranges(counter("c <= c == 16'd3599 ? 16'd0 : c + 16'd1;")) == {"c": Interval(0, 3599)}


def test_a_free_register_has_its_full_range() -> None:
    assert register_ranges(counter("c <= c + d;")) == {"c": Interval(0, 65535)}


def test_without_reset_nothing_is_known() -> None:
    module = view(
        "module m(input clk, output [7:0] q);\n    reg [7:0] c;\n"
        "    always @(posedge clk) c <= c == 8'd9 ? 8'd0 : c + 8'd1;\n    assign q = c;\nendmodule\n"
    )
    assert register_ranges(module) == {"c": Interval(0, 255)}


def test_a_reset_by_either_of_two_inputs_counts() -> None:
    module = view(
        "module m(input clk, rst, clr, output [7:0] q);\n    reg [7:0] c;\n    always @(posedge clk)\n"
        "        if (rst || clr) c <= 8'd0; else c <= c == 8'd9 ? 8'd0 : c + 8'd1;\n    assign q = c;\nendmodule\n"
    )
    assert register_ranges(module) == {"c": Interval(0, 9)}


def test_only_low_bits_are_demanded() -> None:
    module = counter("c <= c + d;", "{12'd0, c[3:0]}")
    assert demanded_bits(module)["c"] == 15
    assert demanded_bits(module)["d"] == 15
    assert [(n.name, n.width, n.reason) for n in next(iter(find_narrowings(module)))] == [("c", 4, "demand")]


def test_a_difference_does_not_wrap_where_a_comparison_says_so() -> None:
    module = view(
        "module m(input clk, rst, load, input [7:0] d, input [15:0] v, output [15:0] q);\n    reg [15:0] r;\n"
        "    always @(posedge clk) if (rst) r <= 0; else if (load) r <= {8'd0, d}; else if (r >= v) r <= r - v;\n"
        "    assign q = r;\nendmodule\n"
    )
    assert register_ranges(module)["r"] == Interval(0, 255)
