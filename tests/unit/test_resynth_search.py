"""The search finds known functions, and what it finds has the wanted values everywhere it can be checked."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtlgen.graphs.wordlevel import simulate as sim
from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.optimizer.resynth import algebra, boolean, idioms
from rtlgen.optimizer.resynth.bank import Bank, as_words
from rtlgen.optimizer.resynth.cost import term_cost
from rtlgen.optimizer.resynth.mirror import mirrored
from rtlgen.optimizer.resynth.search import Points, Searcher
from rtlgen.optimizer.resynth.tidy import shape, tidy

A, B, N, C, R = t.var("a", 8), t.var("b", 8), t.var("n", 3), t.var("c", 1), t.var("r", 1)


def points(*leaves: Term, count: int = 192) -> Points:
    """Return sample points for some variables."""
    return Points(count, sim.sample_inputs({x.name: x.width for x in leaves}, count, 3, (5,)))


def found(target: Term, *leaves: Term) -> list[Term]:
    """Return what the search finds for a target, and check its values."""
    at = points(*leaves)
    solutions = Searcher(leaves, at, (5,)).solve(as_words(at.evaluate(target)[0]), target.width)
    for solution in solutions:
        assert (at.evaluate(solution.term)[0] == at.evaluate(target)[0]).all()
    return [tidy(s.term) for s in solutions]


def ripple(a: Term, b: Term, carry: Term) -> Term:
    """Return a hand-made adder with carry out."""
    bits = []
    for i in range(a.width):
        pair = idioms.full_adder(idioms.bit(a, i), idioms.bit(b, i), carry)
        bits.append(t.extract(pair, 0, 1))
        carry = t.extract(pair, 1, 1)
    return t.concat(carry, *reversed(bits))


def test_an_adder_is_found_in_its_gates() -> None:
    total = t.apply("add", t.apply("add", t.zext(A, 9), t.zext(B, 9)), t.zext(C, 9))
    assert tidy(total) in found(ripple(A, B, C), A, B, C)


def test_a_comparison_is_found_bit_by_bit() -> None:
    less: Term = t.const(0, 1)
    for i in range(8):
        x, y = idioms.bit(A, i), idioms.bit(B, i)
        less = t.ite(t.apply("eq", x, y), less, y)
    assert t.apply("ult", A, B) in found(less, A, B)


def test_the_greater_and_the_distance_are_choices() -> None:
    less = t.apply("ult", A, B)
    assert term_cost(found(t.ite(less, B, A), A, B)[0]) <= term_cost(t.ite(less, B, A))
    distance = t.ite(less, t.apply("sub", B, A), t.apply("sub", A, B))
    assert found(distance, A, B)


def test_a_decoder_is_a_shift() -> None:
    rows = [t.ite(t.apply("eq", N, t.const(i, 3)), t.const(1 << i, 8), t.const(0, 8)) for i in range(8)]
    table = rows[0]
    for row in rows[1:]:
        table = t.apply("or", table, row)
    assert t.apply("shl", t.const(1, 8), N) in found(table, N, A)


def test_rotating_by_a_chosen_amount_is_one_rotation() -> None:
    target = t.ite(C, idioms.rotate(A, N, left=True), idioms.rotate(A, N, left=False))
    once = idioms.rotate(A, t.ite(C, t.apply("neg", N), N), left=False)
    assert any(term_cost(x) <= term_cost(once) + 1 for x in found(target, A, N, C))


def test_both_directions_share_one_shifter() -> None:
    target = t.ite(R, t.apply("lshr", A, N), t.apply("shl", A, N))
    at = points(A, N, R)
    wanted = as_words(at.evaluate(target)[0])
    answers = list(mirrored(Searcher([A, N, R], at), wanted, 8))
    assert answers
    assert all((at.evaluate(x)[0] == wanted).all() for x in answers)
    assert min(map(term_cost, answers)) < term_cost(target)


def test_expressions_of_equal_values_count_once() -> None:
    bank = Bank(4)
    row = np.arange(4, dtype=np.uint64)
    assert bank.add(t.apply("add", A, B), row, 5.0)
    assert not bank.add(A, row, 1.0)
    assert bank.pool(8).term(0) is A
    assert bank.find(8, row) == 0
    assert bank.find(8, row + np.uint64(1)) is None


def test_wide_words_are_refused() -> None:
    with pytest.raises(TypeError, match="expected a signal of at most 64 bits, got a wider one"):
        as_words(sim.constant(1, 65, 2))


@given(st.lists(st.integers(0, 255), min_size=6, max_size=6), st.integers(0, 63))
def test_xor_matrices_are_recognised(rows: list[int], flips: int) -> None:
    bits = []
    for i, row in enumerate(rows):
        chosen = [idioms.bit(A, k) for k in range(8) if row >> k & 1]
        total = idioms.tree("xor", chosen) if chosen else t.const(0, 1)
        bits.append(t.apply("xor", total, t.const(flips >> i & 1, 1)))
    target = t.concat(*reversed(bits))
    term = algebra.as_xor(target, {"a": 8})
    assert term is not None
    every = Points(256, sim.sample_inputs({"a": 8}, 256))
    assert (every.evaluate(term)[0] == every.evaluate(target)[0]).all()


@given(st.integers(1, 300), st.integers(0, 300), st.integers(0, 1000), st.booleans())
def test_weighted_sums_are_recognised(x: int, y: int, constant: int, signed: bool) -> None:
    extend = t.sext if signed else t.zext
    parts = [t.apply("mul", extend(A, 12), t.const(x, 12)), t.apply("mul", t.zext(N, 12), t.const(-y, 12))]
    target = t.apply("add", t.apply("add", *parts), t.const(constant, 12))
    term = algebra.as_sum(target, t.variables(target))
    assert term is not None
    at = points(A, N)
    assert (at.evaluate(term)[0] == at.evaluate(target)[0]).all()


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_minimised_forms_agree_where_it_matters(on: int, off: int) -> None:
    on &= ~off
    leaves = [idioms.bit(A, i) for i in range(5)]
    for form in boolean.minimised(on, off, leaves):
        for vector in range(32):
            value = t.evaluate(form, {"a": vector})
            if on >> vector & 1:
                assert value == 1
            if off >> vector & 1:
                assert value == 0


@pytest.mark.parametrize("width", [2, 3, 7, 8, 15, 16])
def test_idioms_of_one_word(width: int) -> None:
    word = t.var("w", width)
    for value in [*range(min(1 << width, 64)), (1 << width) - 1, 1 << (width - 1)]:
        at = {"w": value}
        assert t.evaluate(idioms.ones_count(word), at) == value.bit_count()
        assert t.evaluate(idioms.reverse(word), at) == int(f"{value:0{width}b}"[::-1], 2)
        assert t.evaluate(idioms.highest_one(word), at) == (1 << value.bit_length() >> 1)
        assert t.evaluate(idioms.lowest_one(word), at) == value & -value
        if width & (width - 1) == 0 and value:
            count, moved = idioms.leading_zeros(word)
            assert t.evaluate(count, at) == width - value.bit_length()
            assert t.evaluate(moved, at) == value << (width - value.bit_length())
        if width & (width - 1) == 0:
            count, some = idioms.halved_zeros(word)
            assert t.evaluate(some, at) == int(value != 0)
            assert t.evaluate(count, at) == width - max(1, value.bit_length())


@pytest.mark.parametrize("width", [4, 8, 16])
def test_rotations_and_filled_shifts(width: int) -> None:
    word, amount = t.var("w", width), t.var("k", width.bit_length() - 1)
    for value, k in itertools.product((1, 5, t.mask(width) - 2), range(width)):
        at = {"w": value, "k": k}
        left = (value << k | value >> (width - k)) & t.mask(width)
        assert t.evaluate(idioms.rotate(word, amount, left=True), at) == left
        assert t.evaluate(idioms.rotate(word, amount, left=False), at | {"w": left}) == value
        ones = t.evaluate(idioms.shift_right(word, amount, t.const(1, 1)), at)
        assert ones == value >> k | t.mask(width) ^ t.mask(width) >> k


def test_thermometer_codes_are_counted_by_search() -> None:
    word = t.var("w", 15)
    assert [t.evaluate(idioms.code_length(word), {"w": t.mask(i)}) for i in range(16)] == list(range(16))


def test_tidy_terms_look_written_by_hand() -> None:
    one, zero = t.const(1, 1), t.const(0, 1)
    assert tidy(t.make("ite", 1, (C, zero, one))) == t.apply("not", C)
    assert tidy(t.make("xor", 1, (t.apply("xor", C, R), C))) == R
    assert tidy(t.apply("sub", t.const(0, 8), A)) == t.apply("neg", A)
    assert tidy(t.make("eq", 1, (C, one))) == C
    assert shape(t.apply("add", A, B)) == shape(t.apply("add", B, A))


def test_tidy_takes_undefined_operands() -> None:
    undefined = t.apply("xor", t.undef(4), t.apply("and", t.var("b", 4), t.undef(4)))
    assert t.evaluate(tidy(undefined), {"b": 5}) == t.evaluate(undefined, {"b": 5})
