"""Decision diagrams and conditions read from bits have the values they were made from."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.optimizer.muxes.branches import Merger
from rtlgen.optimizer.muxes.conditions import from_table
from rtlgen.optimizer.muxes.decide import diagram, indexed


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
