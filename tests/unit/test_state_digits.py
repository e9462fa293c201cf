"""A counter's digits give what the counter gave: parts, comparisons, and counting."""

from __future__ import annotations

from itertools import accumulate
from operator import mul

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.module import Register
from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.optimizer.state.digits import Digits, NoDigitsError, Parts, Recount

WIDTH = 12
COUNTER = t.var("n", WIDTH)


def counter(radices: list[int]) -> Digits:
    """Return a counter with digits of some radices, lowest first."""
    weights = list(accumulate(radices, mul, initial=1))
    register = Register("n", WIDTH, 0, "clk", "pos", COUNTER)
    return Digits(register, Parts("n", weights[-1] - 1), tuple(weights[:-1]))


def digit_values(digits: Digits, number: int) -> dict[str, int]:
    """Return the values of the digits' registers."""
    return {x.name: d for x, d in zip(digits.terms, digits.constant(number), strict=True)}


operations = st.lists(
    st.tuples(st.sampled_from(["udiv", "urem", "lshr", "extract", "zext"]), st.integers(1, 200)), min_size=1, max_size=4
)


def built(steps: list[tuple[str, int]]) -> Term:
    """Return operations on the counter, one after the other."""
    x = COUNTER
    for op, number in steps:
        if op == "zext":
            x = t.zext(x, x.width + number % 8)
        elif op == "extract":
            low = number % x.width
            x = t.extract(x, low, max(1, (x.width - low) // (1 + number % 2)))
        else:
            x = t.make(op, x.width, (x, t.const(number % 16 if op == "lshr" else number, x.width)))
    return x


@settings(deadline=None)
@given(operations, st.integers(1, 4095), st.data())
def test_a_part_is_the_value_it_stands_for(steps: list[tuple[str, int]], top: int, data: st.DataObject) -> None:
    x = built(steps)
    part = Parts("n", top).of(x)
    assume(part is not None)
    assert part is not None
    number = data.draw(st.integers(0, top))
    value = number // part.weight
    assert t.evaluate(x, {"n": number}) == (value if part.count is None else value % part.count)


radix_lists = st.lists(st.integers(2, 12), min_size=2, max_size=3)


@settings(deadline=None)
@given(radix_lists, st.data())
def test_parts_and_comparisons_come_out_of_the_digits(radices: list[int], data: st.DataObject) -> None:
    digits = counter(radices)
    weight = data.draw(st.sampled_from(digits.weights))
    x = t.make("udiv", WIDTH, (COUNTER, t.const(weight, WIDTH)))
    ends = [w for w in digits.weights if w > weight]
    end = data.draw(st.sampled_from([0, *ends]))
    if end:
        x = t.make("urem", WIDTH, (x, t.const(end // weight, WIDTH)))
    limit = t.const(data.draw(st.integers(0, 4095)), WIDTH)
    op, swap = data.draw(st.sampled_from([(o, s) for o in ("eq", "ult", "ule") for s in (False, True)]))
    compared = t.make(op, 1, (limit, x) if swap else (x, limit))
    number = data.draw(st.integers(0, digits.parts.top))
    for term in (x, compared):
        try:
            new = Recount(digits).value(term)
        except NoDigitsError:
            assert digits.parts.of(x) is not None and term is x and x.args[1].const_value == 1
            continue
        assert t.evaluate(new, digit_values(digits, number)) == t.evaluate(term, {"n": number})


@settings(deadline=None)
@given(radix_lists, st.booleans(), st.integers(0, 3), st.data())
def test_digits_move_as_the_counter_does(radices: list[int], down: bool, less: int, data: st.DataObject) -> None:
    whole = counter(radices)
    top = max(whole.parts.top - less, whole.weights[-1])  # the highest digit may stop early
    digits = Digits(whole.register, Parts("n", top), whole.weights)
    last, first = (0, top) if down else (top, 0)
    moved = t.make("sub" if down else "add", WIDTH, (COUNTER, t.const(1, WIDTH)))
    at_end = t.make("eq", 1, (COUNTER, t.const(last, WIDTH)))
    step = t.ite(t.var("go", 1), t.ite(at_end, t.const(first, WIDTH), moved), COUNTER)
    number, go = data.draw(st.integers(0, top)), data.draw(st.integers(0, 1))
    following = t.evaluate(step, {"n": number, "go": go})
    values = {**digit_values(digits, number), "go": go}
    recount = Recount(digits)
    found = [t.evaluate(recount.step(step, i), values) for i in range(len(digits.terms))]
    assert found == digits.constant(following)
