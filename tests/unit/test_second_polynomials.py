"""Polynomials over bits: what they call equal is equal at every point, and rewritten arithmetic is called equal."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.optimizer.second.polynomials import Polynomials

A, B, C = (t.var(n, 8) for n in "abc")
S = t.var("s", 1)
SMALL = (t.var("x", 2), t.var("y", 2))
BIT = t.var("z", 1)


def wide(term: Term) -> Term:
    """Return 20 bits."""
    return t.zext(term, 20)


EQUAL = {
    "product of a sum": (
        t.apply("mul", wide(A), t.apply("add", wide(B), wide(C))),
        t.apply("add", t.apply("mul", wide(A), wide(B)), t.apply("mul", wide(A), wide(C))),
    ),
    "77 by shifts": (
        t.apply("mul", wide(A), t.const(77, 20)),
        t.apply(
            "add",
            t.apply("shl", t.apply("add", wide(A), t.apply("shl", wide(A), t.const(3, 4))), t.const(3, 4)),
            t.apply("add", wide(A), t.apply("shl", wide(A), t.const(2, 4))),
        ),
    ),
    "shared multiplier": (
        t.ite(S, t.apply("mul", wide(A), wide(B)), t.apply("mul", wide(A), wide(C))),
        t.apply("mul", wide(A), wide(t.ite(S, B, C))),
    ),
    "shift as a concatenation": (
        t.apply("add", wide(A), t.concat(t.const(0, 9), B, t.const(0, 3))),
        t.apply("add", t.apply("shl", wide(B), t.const(3, 2)), wide(A)),
    ),
    "sum of a sum that can't overflow": (
        wide(t.apply("add", t.zext(A, 9), t.zext(B, 9))),
        t.apply("add", wide(B), wide(A)),
    ),
    "masked partial product": (
        t.apply("and", t.sext(S, 20), wide(A)),
        t.apply("mul", t.zext(S, 20), wide(A)),
    ),
    "bit of equal sums": (
        t.extract(t.apply("add", t.apply("add", A, B), C), 5, 1),
        t.extract(t.apply("add", A, t.apply("add", B, C)), 5, 1),
    ),
}


@pytest.mark.parametrize("kind", EQUAL)
def test_rewritten_arithmetic_is_equal(kind: str) -> None:
    assert Polynomials().equal(t.apply("eq", *EQUAL[kind]))


@pytest.mark.parametrize("kind", EQUAL)
def test_one_more_is_not_equal(kind: str) -> None:
    left, right = EQUAL[kind]
    assert not Polynomials().equal(t.apply("eq", left, t.apply("add", right, t.const(1, right.width))))


@st.composite
def terms(draw: st.DrawFn, depth: int = 4) -> Term:
    """Return a term of 2 or 3 bits over five bits of variables."""
    if depth == 0 or (draw(st.booleans()) and depth < 3):
        return draw(st.sampled_from([*SMALL, t.zext(BIT, 2), t.const(1, 2), t.const(2, 2), t.const(3, 2)]))
    a, b = draw(terms(depth=depth - 1)), draw(terms(depth=depth - 1))
    width = max(a.width, b.width)
    grow = draw(st.booleans()) and width < 4
    a, b = (t.zext(x, width + grow) for x in (a, b))
    op = draw(
        st.sampled_from(
            [
                "add",
                "sub",
                "mul",
                "and",
                "or",
                "xor",
                "ite",
                "neg",
                "not",
                "ext",
                "cat",
                "shl",
                "sext",
                "ult",
                "eq",
                "lshr",
            ]
        )
    )
    if op == "ite":
        return t.ite(draw(st.sampled_from([BIT, t.extract(b, 0, 1), t.apply("ult", a, b)])), a, b)
    if op in ("neg", "not"):
        return t.apply(op, a)
    if op == "ext":
        low = draw(st.integers(0, a.width - 1))
        return t.zext(t.extract(a, low, a.width - low), 2) if a.width - low < 2 else t.extract(a, low, a.width - low)
    if op == "cat":
        return t.concat(t.extract(a, 0, 1), t.extract(b, b.width - 1, 1))
    if op in ("shl", "lshr"):
        return t.apply(op, a, draw(st.sampled_from([t.const(1, 2), t.const(2, 2), b])))
    if op == "sext":
        return t.extract(t.sext(a, a.width + 1), 1, a.width) if a.width > 1 else a
    if op in ("ult", "eq"):
        return t.zext(t.apply(op, a, b), 2)
    return t.apply(op, a, b)


@given(terms(), terms())
def test_what_is_called_equal_is_equal_at_every_point(left: Term, right: Term) -> None:
    width = max(left.width, right.width)
    claim = t.apply("eq", t.zext(left, width), t.zext(right, width))
    at_all = all(t.evaluate(claim, {"x": x, "y": y, "z": z}) for x, y, z in product(range(4), range(4), range(2)))
    assert at_all or not Polynomials().equal(claim)
