"""Decision diagrams: canonical, bounded, and right on every assignment."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtlgen.graphs.fsm.bdd import FALSE, TRUE, DiagramLimitError, Diagrams

VARIABLES = 4


def evaluate(pool: Diagrams, f: int, values: tuple[int, ...]) -> int:
    while f > TRUE:
        level = pool.level(f)
        f = pool.cofactors(f, level)[values[level]]
    return f


def function(pool: Diagrams, table: int) -> int:
    """Return the function with this truth table of `VARIABLES` variables."""
    result = FALSE
    for number, values in enumerate(product((0, 1), repeat=VARIABLES)):
        if table >> number & 1:
            cube = TRUE
            for level, value in enumerate(values):
                literal = pool.variable(level)
                cube = pool.conj(cube, literal if value else pool.neg(literal))
            result = pool.disj(result, cube)
    return result


tables = st.integers(0, (1 << (1 << VARIABLES)) - 1)


@given(tables, tables)
def test_equal_functions_are_equal_integers(a: int, b: int) -> None:
    pool = Diagrams()
    f, g = function(pool, a), function(pool, b)
    assert (f == g) == (a == b)
    assert pool.conj(f, g) == function(pool, a & b)
    assert pool.disj(f, g) == function(pool, a | b)
    assert pool.xor(f, g) == function(pool, a ^ b)
    assert pool.density(f) == a.bit_count() / (1 << VARIABLES)


@given(tables, tables)
def test_cover_lies_between_its_bounds(a: int, b: int) -> None:
    pool = Diagrams()
    lower, upper = function(pool, a & b), function(pool, a | b)
    literals, covered = pool.cover(lower, upper)
    assert pool.conj(lower, pool.neg(covered)) == FALSE
    assert pool.conj(covered, pool.neg(upper)) == FALSE
    assert (literals == 0) == (lower == FALSE)


@given(st.lists(tables, min_size=1, max_size=3))
def test_partition_gives_the_guard_of_every_value(columns: list[int]) -> None:
    pool = Diagrams()
    bits = [function(pool, t) for t in columns]
    parts = pool.partition(bits, 8)
    for values in product((0, 1), repeat=VARIABLES):
        word = sum(evaluate(pool, f, values) << i for i, f in enumerate(bits))
        assert [v for v, guard in parts.items() if evaluate(pool, guard, values)] == [word]


def test_copy_into_another_pool_keeps_the_function() -> None:
    first, second = Diagrams(), Diagrams()
    f = function(first, 0xBEEF)
    second.variable(9)
    assert first.copy_into(second, f, {}) == function(second, 0xBEEF)


def test_limits_are_errors() -> None:
    pool = Diagrams(limit=8)
    with pytest.raises(DiagramLimitError, match=r"^expected at most 8 decision-diagram nodes$"):
        function(pool, 0x1234)
    wide = Diagrams()
    with pytest.raises(DiagramLimitError, match=r"^expected at most 2 values of the vector$"):
        wide.partition([wide.variable(0), wide.variable(1)], 2)
