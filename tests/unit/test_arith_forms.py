"""Digits, multiples and weighted sums have the values they stand for."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.optimizer.arith.forms import ONE, Forms, binary_digits, bounds, digits
from rtlgen.optimizer.arith.multiples import multiples, odd
from rtlgen.optimizer.arith.rewrite import added
from rtlgen.optimizer.arith.sharedsums import System, adder_count, expand, extract_parts, ordered_parts


@given(st.integers(-(2**40), 2**40))
def test_digits_stand_for_the_number(value: int) -> None:
    found = digits(value)
    assert sum(sign << place if sign > 0 else -(1 << place) for place, sign in found) == value
    places = [p for p, _ in found]
    assert all(b - a > 1 for a, b in itertools.pairwise(places))
    assert len(found) <= max(len(binary_digits(value)), 1)


@settings(deadline=None, max_examples=40)
@given(st.sets(st.integers(1, 400), min_size=1, max_size=5))
def test_multiples_reach_every_wanted_number(numbers: set[int]) -> None:
    wanted = {odd(n)[0] for n in numbers}
    ready = {1}
    for step in multiples(wanted):
        assert step.a in ready and step.b in ready
        assert step.result == step.sign_a * (step.a << step.shift_a) + step.sign_b * (step.b << step.shift_b)
        ready.add(step.result)
    assert wanted <= ready


def test_multiples_share_their_additions() -> None:
    assert len(multiples([5, 25, 55])) == 3


leaves = st.sampled_from([t.var("a", 5), t.var("b", 7)])


@st.composite
def sums(draw: st.DrawFn, depth: int = 3) -> t.Term:
    """Return a random sum of 12 bits."""
    if depth == 0 or draw(st.booleans()):
        leaf = draw(leaves)
        return draw(st.sampled_from([t.zext, t.sext]))(leaf, 12)
    op = draw(st.sampled_from(["add", "sub", "mul", "neg"]))
    inner = draw(sums(depth=depth - 1))
    if op == "neg":
        return t.apply("neg", inner)
    other = t.const(draw(st.integers(0, 4095)), 12) if op == "mul" else draw(sums(depth=depth - 1))
    return t.apply(op, inner, other)


@settings(deadline=None)
@given(sums(), st.integers(0, 31), st.integers(0, 127))
def test_weighted_sum_has_the_value(term: t.Term, a: int, b: int) -> None:
    form = Forms().of(term)
    values = {"a": a, "b": b}
    total = sum(w * _number(leaf, values) for leaf, w in form.items())
    assert total & 0xFFF == t.evaluate(term, values)
    low, high = bounds(form)
    assert low <= total <= high
    text = added(expand(form, digits), form.get(ONE, 0), 12)
    assert t.evaluate(text, values) == t.evaluate(term, values)


def _number(leaf: object, values: dict[str, int]) -> int:
    term, signed = leaf.term, leaf.signed  # type: ignore[attr-defined]
    value = t.evaluate(term, values)
    return t.to_signed(value, term.width) if signed else value


@settings(deadline=None, max_examples=60)
@given(st.lists(sums(), min_size=1, max_size=3), st.integers(0, 31), st.integers(0, 127))
def test_shared_parts_keep_every_sum(terms: list[t.Term], a: int, b: int) -> None:
    forms = Forms()
    system = System([expand(forms.of(x), digits) for x in terms])
    before = adder_count(system.sums, {})
    names: list[str] = []

    def name(form: object, width: int, signed: bool) -> t.Term:
        names.append(f"p{len(names)}")
        return t.var(names[-1], width)

    extract_parts(system, name)
    assert adder_count(system.sums, system.parts) <= before
    values = {"a": a, "b": b}
    for part in ordered_parts(system):
        values[part.term.name] = t.evaluate(added(system.parts[part], 0, part.term.width), values)
    for x, addends in zip(terms, system.sums, strict=True):
        assert t.evaluate(added(addends, forms.of(x).get(ONE, 0), 12), values) == t.evaluate(x, values)
