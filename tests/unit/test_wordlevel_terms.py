"""Terms: constructors simplify without changing the value."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.terms import Term

NAMES = {"a": 4, "b": 4, "c": 1, "d": 7}


@st.composite
def words(draw: st.DrawFn, depth: int = 3) -> Term:
    """Draw a term over NAMES."""
    if depth == 0 or (draw(st.booleans()) and depth < 3):
        if draw(st.booleans()):
            name = draw(st.sampled_from(sorted(NAMES)))
            return t.var(name, NAMES[name])
        width = draw(st.integers(1, 9))
        return t.const(draw(st.integers(0, 511)), width)
    kind = draw(st.sampled_from(["binary", "shift", "compare", "unary", "reduce", "ite", "concat", "extract", "ext"]))
    left = draw(words(depth=depth - 1))
    right = draw(words(depth=depth - 1))
    if kind == "binary":
        width = max(left.width, right.width)
        op = draw(st.sampled_from([*t.BITWISE, *t.ARITHMETIC]))
        return t.apply(op, t.zext(left, width), t.sext(right, width))
    if kind == "shift":
        return t.apply(draw(st.sampled_from(t.SHIFTS)), left, right)
    if kind == "compare":
        width = max(left.width, right.width)
        return t.apply(draw(st.sampled_from(t.COMPARISONS)), t.zext(left, width), t.zext(right, width))
    if kind == "unary":
        return t.apply(draw(st.sampled_from(["not", "neg"])), left)
    if kind == "reduce":
        return t.apply(draw(st.sampled_from(t.REDUCTIONS)), left)
    if kind == "ite":
        return t.ite(t.boolean(right), left, t.zext(right, left.width))
    if kind == "concat":
        return t.concat(left, right)
    if kind == "extract":
        low = draw(st.integers(0, left.width - 1))
        return t.extract(left, low, draw(st.integers(1, left.width - low)))
    return draw(st.sampled_from([t.zext, t.sext]))(left, left.width + 3)


VALUES = st.fixed_dictionaries({n: st.integers(0, t.mask(w)) for n, w in NAMES.items()})


@given(words(), VALUES)
def test_substituting_values_folds_to_the_evaluated_constant(term: Term, values: dict[str, int]) -> None:
    folded = t.substitute(term, {n: t.const(v, NAMES[n]) for n, v in values.items()})
    assert folded.is_const
    assert folded.const_value == t.evaluate(term, values)


@given(words(), VALUES, st.data())
def test_extract_of_any_term_is_the_shifted_value(term: Term, values: dict[str, int], data: st.DataObject) -> None:
    low = data.draw(st.integers(0, term.width - 1))
    width = data.draw(st.integers(1, term.width - low))
    assert t.evaluate(t.extract(term, low, width), values) == t.evaluate(term, values) >> low & t.mask(width)


@given(words())
def test_equal_terms_are_one_object_also_after_a_copy(term: Term) -> None:
    assert t.transform(term, lambda x: x) is term
    assert pickle.loads(pickle.dumps(term)) is term


def test_wrong_widths_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected operands of one width for 'add', got \[4, 7\]"):
        t.apply("add", t.var("a", 4), t.var("d", 7))
    with pytest.raises(ValueError, match="expected a slice inside 4 bits, got low=2 width=3"):
        t.extract(t.var("a", 4), 2, 3)
    with pytest.raises(ValueError, match="expected a 1-bit condition"):
        t.ite(t.var("a", 4), t.var("a", 4), t.var("b", 4))


def test_integer_literals_leave_no_32_bit_comparison() -> None:
    wide = t.zext(t.var("a", 4), 32)
    assert repr(t.apply("eq", wide, t.const(9, 32))) == "(eq:1 a 4'd9)"
    assert t.apply("eq", wide, t.const(16, 32)) is t.const(0, 1)


def test_substitute_replaces_each_variable_once() -> None:
    narrow, other = t.var("a", 4), t.var("b", 8)
    low = t.extract(t.var("a", 8), 0, 4)
    assert t.substitute(low, {"a": t.zext(narrow, 8)}) is narrow
    swapped = t.substitute(t.apply("sub", t.var("a", 8), other), {"a": other, "b": t.var("a", 8)})
    assert swapped is t.apply("sub", other, t.var("a", 8))


def test_text_of_shared_terms_stays_short() -> None:
    x, y = t.var("x", 8), t.var("y", 8)
    for _ in range(200):
        x = t.apply("add", x, x)
    y = t.apply("add", x, y)
    assert len(repr(x)) < 100 and repr(x) == repr(x) and repr(x) != repr(y)
    assert t.variables(y) == {"x": 8, "y": 8}
