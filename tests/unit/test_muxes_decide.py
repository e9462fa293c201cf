"""Decision diagrams and conditions read from bits have the values they were made from."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.optimizer.muxes.branches import Merger
from rtlgen.optimizer.muxes.conditions import from_table
from rtlgen.optimizer.muxes.cover import condition, cover
from rtlgen.optimizer.muxes.decide import diagram, indexed
from rtlgen.optimizer.muxes.unify import unify


@given(st.integers(0, 255), st.integers(0, 255))
def test_range_of_a_word_from_its_bits(low: int, high: int) -> None:
    word = t.var("w", 8)
    table = np.array([low <= v <= high for v in range(256)])
    condition = from_table(table, word)
    assert condition is not None
    assert [bool(t.evaluate(condition, {"w": v})) for v in range(256)] == table.tolist()


def test_aligned_range_is_one_comparison() -> None:
    table = np.array([0x40 <= v < 0x60 for v in range(256)])
    assert repr(from_table(table, t.var("w", 8))) == "(eq:1 (extract@5:3 w) 3'd2)"


@settings(deadline=None)
@given(st.lists(st.integers(0, 3), min_size=8, max_size=8))
def test_diagram_has_every_case(choices: list[int]) -> None:
    values = {f"d{i}": 3 * i + 1 for i in range(4)}
    root = diagram([t.var(f"d{c}", 6) for c in choices], "sel", 3)
    assert root is not None
    for number, choice in enumerate(choices):
        assert t.evaluate(root, {**values, "sel": number}) == values[f"d{choice}"]


def test_consecutive_slices_are_one_part_select() -> None:
    vector = t.var("v", 32)
    term = indexed([t.extract(vector, 4 * i, 4) for i in range(8)], "sel", 3)
    assert term is not None
    assert [t.evaluate(term, {"v": 0x76543210, "sel": i}) for i in range(8)] == list(range(8))
    assert indexed([t.extract(vector, 4 * (7 - i), 4) for i in range(8)], "sel", 3) is None


def test_branches_share_one_adder() -> None:
    a, b, c = t.var("a", 6), t.var("b", 6), t.var("c", 1)
    merged = Merger(c).merge(t.apply("sub", t.sext(a, 8), t.sext(b, 8)), t.apply("add", t.sext(a, 8), t.sext(b, 8)))
    for x, y in ((5, 60), (32, 31), (63, 1)):
        for choice in (0, 1):
            values = {"a": x, "b": y, "c": choice}
            signed = t.to_signed(x, 6) + (-1 if choice else 1) * t.to_signed(y, 6)
            assert t.evaluate(merged, values) == signed & 0xFF


WORDS = {"a": 37, "b": 200, "c": 1, "s": 5}


@st.composite
def case(draw: st.DrawFn, index: int) -> t.Term:
    """Return what an engineer writes in one branch: operators over a few signals, numbers and the branch's own."""
    leaves = [
        t.var("a", 8),
        t.var("b", 8),
        t.const(index, 8),
        t.const(4 * index + 2, 8),
        t.const(draw(st.integers(0, 255)), 8),
    ]
    leaf = st.sampled_from(leaves)
    kind = draw(st.sampled_from(["leaf", "add", "sub", "and", "or", "mul", "ite", "undef", "two"]))
    if kind == "leaf":
        return draw(leaf)
    if kind == "undef":
        return t.undef(8)
    if kind == "ite":
        condition = t.land(t.var("c", 1), t.apply("eq", t.var("s", 3), t.const(index, 3)))
        return t.ite(condition, t.var("b", 8), draw(leaf))
    if kind == "two":
        return t.apply("add", t.apply("and", draw(leaf), draw(leaf)), t.const(index, 8))
    return t.apply(kind, draw(leaf), draw(leaf))


@settings(deadline=None)
@given(st.data(), st.lists(st.integers(0, 255), min_size=3, max_size=3))
def test_one_computation_has_the_value_of_every_case(data: st.DataObject, numbers: list[int]) -> None:
    cases = [data.draw(case(i)) for i in range(8)]
    selector = t.var("sel", 3)
    one = unify(cases, selector, lambda c: diagram(c, "sel", 3) or c[0])
    values = {"a": numbers[0], "b": numbers[1], "c": numbers[2] & 1, "s": numbers[2] >> 1 & 7}
    for number, wanted in enumerate(cases):
        if wanted.op != "undef":
            with_zeros = t.transform(one, lambda x: t.const(0, x.width) if x.op == "undef" else x)
            assert t.evaluate(with_zeros, {**values, "sel": number}) == t.evaluate(wanted, values)


def test_numbers_that_follow_the_selector_become_the_selector() -> None:
    selector, a = t.var("sel", 3), t.var("a", 8)
    choose = lambda c: diagram(c, "sel", 3) or c[0]  # noqa: E731
    offset = unify([a, *(t.apply("add", a, t.const(4 * i, 8)) for i in range(1, 8))], selector, choose)
    assert repr(offset) == "(add:8 a (zext:8 (concat:5 sel 2'd0)))"
    hits = [t.ite(t.apply("eq", t.var("w", 3), t.const(i, 3)), a, t.const(0, 8)) for i in range(8)]
    assert repr(unify(hits, selector, choose)) == "(ite:8 (eq:1 w sel) a 8'd0)"


@given(st.lists(st.sampled_from("01-"), min_size=32, max_size=32))
def test_condition_with_free_values_has_the_value_of_all_others(table: list[str]) -> None:
    on, off = ([v for v, x in enumerate(table) if x == wanted] for wanted in "10")
    cubes = cover(on, off, 5)
    assert all(any((v ^ value) & care == 0 for care, value in cubes) for v in on)
    assert not any((v ^ value) & care == 0 for care, value in cubes for v in off)
    found = condition(on, off, t.var("w", 5))
    if found is not None:
        assert [t.evaluate(found, {"w": v}) for v in (*on, *off)] == [1] * len(on) + [0] * len(off)


def test_the_last_value_of_a_counter_is_told_by_its_ones() -> None:
    assert repr(condition([9], range(9), t.var("w", 4))) == "(and:1 (extract@3:1 w) (extract@0:1 w))"
