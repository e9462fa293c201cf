"""Parts of the datapath rewrites: selections, tables, priority, uses of operators, restructured text."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtlgen.graphs.frontend.slang import elaborate
from rtlgen.graphs.wordlevel.build import word_level
from rtlgen.graphs.wordlevel.module import ModuleIR, Step
from rtlgen.graphs.wordlevel.terms import Term, apply, concat, const, evaluate, extract, ite, undef, var, zext
from rtlgen.graphs.wordlevel.verilog import to_verilog
from rtlgen.optimizer.datapath.priority import count_zeros, normalise, priority_forms, ranked
from rtlgen.optimizer.datapath.restructure import definitions, observed
from rtlgen.optimizer.datapath.select import Choice, select, separate
from rtlgen.optimizer.datapath.source import Writer
from rtlgen.optimizer.datapath.tables import closed_forms, table, tree
from rtlgen.optimizer.datapath.uses import Use, exclusive, operations, ternary_marks, uses

S3, D8 = var("s", 3), var("d", 8)
A, B = var("a", 8), var("b", 8)


def view(source: str) -> tuple[ModuleIR, dict[str, bytes]]:
    sources = {"m.sv": source.encode()}
    return word_level(elaborate(sources))[0], sources


def text(term: Term) -> str:
    return to_verilog(term, context_width=term.width, context_signed=None)


# Selection ---


@given(codes=st.lists(st.integers(0, 7), min_size=2, max_size=6, unique=True), data=st.data())
def test_selected_value_is_right_wherever_a_choice_applies(codes: list[int], data: st.DataObject) -> None:
    values = [data.draw(st.sampled_from([A, B, const(0, 8)])) for _ in codes]
    choices = [
        Choice((Step(apply("eq", S3, const(code, 3)), True),), value) for code, value in zip(codes, values, strict=True)
    ]
    for by_bits in (True, False):
        chosen = select(choices, by_bits=by_bits)
        assert chosen is not None
        for code, value in zip(codes, values, strict=True):
            point = {"s": code, "a": 17, "b": 200}
            assert evaluate(chosen, point) == evaluate(value, point)


def test_one_bit_of_a_case_selector_tells_two_codes_apart() -> None:
    choices = [Choice((Step(apply("eq", S3, const(code, 3)), True),), value) for code, value in ((2, A), (5, B))]
    chosen = select(choices)
    assert chosen is not None
    assert text(chosen) in ("s[0] ? b : a", "s[1] ? a : b", "s[2] ? b : a")


@given(on=st.sets(st.integers(0, 15), min_size=1), off=st.sets(st.integers(0, 15), min_size=1))
def test_separating_function_has_the_wanted_values(on: set[int], off: set[int]) -> None:
    off -= on
    _, function = separate(var("k", 4), on, off)
    assert all(evaluate(function, {"k": code}) == 1 for code in on)
    assert not any(evaluate(function, {"k": code}) for code in off)


# Tables ---


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([const(1 << k, 8) for k in range(8)], "8'd1 << s"),
        ([const(5 * k + 3, 8) for k in range(8)], "s * 8'd5 + 8'd3"),
        ([const(k ^ k >> 1, 3) for k in range(8)], "s ^ s[2:1]"),
        ([extract(zext(D8, 16), k, 8) for k in range(8)], "d >> s"),
        ([extract(D8, k, 1) for k in range(8)], "d[s]"),
        ([extract(concat(D8, D8), k, 8) for k in range(8)], None),
        ([extract(var("bus", 32), 4 * k, 4) for k in range(8)], "bus[{s, 2'b00} +: 4]"),
        ([apply("add", D8, const(3 * k, 8)) for k in range(8)], "d + s * 8'd3"),
        ([const(k, 8) if k != 5 else undef(8) for k in range(8)], "s"),
    ],
)
def test_closed_form_of_a_table(values: list[Term], expected: str | None) -> None:
    forms = list(closed_forms(values, S3))
    assert forms
    if expected is not None:
        assert expected in [text(f) for f in forms]
    for form, (code, value) in product(forms, enumerate(values)):
        point = {"s": code, "d": 0b10110010, "bus": 0x12345678}
        assert value.op == "undef" or evaluate(form, point) == evaluate(value, point)


def test_table_and_trees_agree_with_the_chain() -> None:
    chain: Term = const(9, 8)
    for code in reversed(range(7)):
        chain = ite(apply("ult", S3, const(code + 1, 3)), const(7 * code, 8), chain)
    values = table(chain, "s", 3)
    for form in (tree(values, S3), tree(values, S3, low_first=True)):
        assert all(evaluate(form, {"s": k}) == evaluate(chain, {"s": k}) for k in range(8))


@pytest.mark.parametrize("from_top", [True, False])
@pytest.mark.parametrize("width", [4, 6, 8])
def test_zero_counts_and_normalisers(width: int, from_top: bool) -> None:
    vector = var("m", width)
    count, (other, shifted) = count_zeros(vector, from_top=from_top), normalise(vector, from_top=from_top)
    for value in range(1, 1 << width):
        zeros = width - value.bit_length() if from_top else (value & -value).bit_length() - 1
        moved = value << zeros if from_top else value >> zeros
        assert evaluate(count, {"m": value}) == evaluate(other, {"m": value}) == zeros
        assert evaluate(shifted, {"m": value}) == moved


def test_priority_chain_is_recognised() -> None:
    chain: Term = const(8, 4)
    for position in range(8):
        chain = ite(extract(D8, position, 1), const(7 - position, 4), chain)
    cases = ranked(chain, "d", 8, from_top=True)
    assert cases is not None
    for form in priority_forms(cases):
        assert all(evaluate(form, {"d": v}) == evaluate(chain, {"d": v}) for v in range(256))
    assert ranked(chain, "d", 8, from_top=False) is None


# Uses of operators ---

WIRES = """
module m(input [7:0] a, b, input [1:0] op, output reg [7:0] y, output z);
  wire [7:0] total = a + b;
  wire [7:0] less = a - b;
  wire [7:0] always_read = a + 8'd7;
  assign z = always_read[0];
  always @* begin
    case (op)
      2'd0: y = total;
      2'd1: y = less;
      default: y = op[0] ? a + 8'd1 : b;
    endcase
  end
endmodule
"""


def found_uses() -> dict[str, Use]:
    module, sources = view(WIRES)
    writer = Writer(module, sources)
    return {writer.text_of(u.occurrence): u for u in uses(module, writer)}


def test_uses_follow_wires_to_the_branches_that_read_them() -> None:
    found = found_uses()
    assert set(found) == {"a + b", "a - b", "a + 8'd7", "a + 8'd1"}
    assert exclusive(found["a + b"], found["a - b"])
    assert exclusive(found["a - b"], found["a + 8'd1"])
    assert not exclusive(found["a + b"], found["a + 8'd7"])


def test_orders_are_differences() -> None:
    ((operation, takes),) = operations(apply("ult", A, B))
    assert (operation.left, operation.right, operation.invert, takes) == (A, B, True, "borrow")
    ((operation, takes),) = operations(apply("ule", A, B))
    assert (operation.left, operation.right, takes) == (B, A, "no borrow")
    assert list(operations(apply("mul", A, const(3, 8)))) == []


@pytest.mark.parametrize("carry", [zext(var("c", 1), 8), concat(const(0, 7), var("c", 1))])
def test_carry_in_is_part_of_the_adder(carry: Term) -> None:
    ((operation, _),) = operations(apply("add", apply("add", A, B), carry))
    assert (operation.left, operation.right, operation.carry, operation.invert) == (A, B, var("c", 1), False)
    ((operation, _),) = operations(apply("sub", apply("sub", A, B), carry))
    assert (operation.carry, operation.invert) == (apply("not", var("c", 1)), True)


def test_ternary_marks_ignore_nested_ones() -> None:
    source = "p[q ? 1 : 0] ? (x ? y : z) : w"
    assert ternary_marks(source) == (source.index("] ?") + 2, source.rindex(":"))
    assert ternary_marks("a + b") is None


# Restructuring ---


def test_definitions_are_expanded_to_inputs() -> None:
    module, _ = view(WIRES)
    known = definitions(module)
    assert known["z"].value is extract(apply("add", A, const(7, 8)), 0, 1)
    assert known["y"].occurrence is None
    assert observed(module) == {"y", "z"}


def test_fresh_names_avoid_every_word_of_the_module() -> None:
    module, sources = view(WIRES)
    writer = Writer(module, sources)
    assert writer.fresh("total") == "total_2"
    assert writer.fresh("total") == "total_3"
    assert writer.fresh("8bits") == "n_8bits"
