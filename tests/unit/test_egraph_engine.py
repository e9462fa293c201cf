"""The engine finds what a datapath engineer would write, and everything it returns is equal to its input."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rtlgen.graphs.wordlevel.terms import Term, apply, concat, const, evaluate, extract, ite, sext, var, zext
from rtlgen.graphs.wordlevel.verilog import to_verilog
from rtlgen.optimizer.egraph.engine import Limits, engine, facts
from rtlgen.optimizer.egraph.simplify import alternatives, area

A, B, C, D = (var(n, 8) for n in "abcd")
S, U = var("s", 1), var("u", 1)
VARIABLES = {"a": 8, "b": 8, "c": 8, "d": 8, "s": 1, "u": 1}


def text(term: Term) -> str:
    """Return the term's text where its width is the context's."""
    return to_verilog(term, context_width=term.width, context_signed=None)


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        (apply("or", apply("and", A, B), apply("and", A, C)), "a & (b | c)"),
        (apply("add", apply("mul", A, B), apply("mul", A, C)), "a * (b + c)"),
        (ite(S, apply("mul", A, B), apply("mul", C, D)), "(s ? a : c) * (s ? b : d)"),
        (ite(S, apply("add", A, const(1, 8)), A), "a + s"),
        (apply("neg", apply("sub", A, B)), "b - a"),
        (apply("or", apply("ult", A, B), apply("eq", A, B)), "a <= b"),
        (apply("eq", apply("sub", A, B), const(0, 8)), "a == b"),
        (apply("ult", A, const(16, 8)), "~|a[7:4]"),
        (apply("urem", A, const(8, 8)), "a[2:0]"),
        (apply("udiv", A, const(16, 8)), "a[7:4]"),
        (extract(apply("add", zext(A, 12), zext(B, 12)), 0, 8), "a + b"),
        (apply("xor", apply("and", A, B), apply("or", A, B)), "a ^ b"),
        (apply("sub", apply("add", A, B), A), "b"),
        (ite(S, ite(S, A, B), C), "s ? a : c"),
        (apply("add", apply("add", A, apply("not", B)), const(1, 8)), "a - b"),
        (apply("slt", sext(A, 12), sext(B, 12)), "$signed(a) < $signed(b)"),
        (apply("and", apply("ule", A, B), apply("ule", B, A)), "a == b"),
    ],
)
def test_best_alternative(term: Term, expected: str) -> None:
    best = alternatives([term])[0]
    assert text(best.terms[0]) == expected


def test_constant_factors_share_their_multiples() -> None:
    term = apply("mul", zext(A, 16), const(231, 16))
    best = alternatives([term])[0]
    assert best.cost < 0.6 * area(term)
    assert "a << 5" in text(best.terms[0])


def test_two_roots_share_one_adder() -> None:
    carry, total = apply("ult", apply("add", A, B), A), apply("add", A, B)
    best = alternatives([carry, total])[0]
    wide = apply("add", zext(A, 9), zext(B, 9))
    assert best.terms == (extract(wide, 8, 1), extract(wide, 0, 8))


def test_wires_are_looked_through_and_kept_where_they_are_free() -> None:
    wire = var("t", 8)
    definition = apply("not", B)
    root = apply("add", apply("add", A, wire), const(1, 8))
    assert text(alternatives([root], equal=[(wire, definition)])[0].terms[0]) == "a - b"


def test_path_facts_remove_what_is_known() -> None:
    root = ite(apply("eq", A, const(3, 8)), B, C)
    found = alternatives([root], equal=facts({apply("eq", A, const(3, 8)): True}))
    assert found[0].terms[0] is B


def test_limits_bound_the_work() -> None:
    total = A
    for number in range(12):
        total = apply("add", total, var(f"x{number}", 8))
    classes = engine().saturate([total], limits=Limits(nodes=300, wall_s=0.5, rounds=8))
    assert not classes.saturated
    assert classes.size < 5000


def _terms() -> st.SearchStrategy[Term]:
    leaves = st.sampled_from([A, B, C, const(0, 8), const(1, 8), const(3, 8), const(255, 8), zext(S, 8)])
    bits = st.sampled_from([S, U, apply("ult", A, B), apply("eq", A, C), extract(B, 7, 1)])

    def grow(inner: st.SearchStrategy[Term]) -> st.SearchStrategy[Term]:
        return st.one_of(
            st.builds(apply, st.sampled_from(["add", "sub", "and", "or", "xor", "mul"]), inner, inner),
            st.builds(ite, bits, inner, inner),
            st.builds(apply, st.sampled_from(["not", "neg"]), inner),
            st.builds(lambda t: concat(extract(t, 0, 4), extract(t, 4, 4)), inner),
            st.builds(lambda t, u: zext(apply("ult", t, u), 8), inner, inner),
        )

    return st.recursive(leaves, grow, max_leaves=6)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(term=_terms(), seed=st.integers(0, 1 << 30))
def test_alternatives_are_equal_to_the_input(term: Term, seed: int) -> None:
    values = [
        {n: (seed * (k * 7 + 3) >> (k + i)) & ((1 << w) - 1) for i, (n, w) in enumerate(VARIABLES.items())}
        for k in range(24)
    ]
    for candidate in alternatives([term], limits=Limits(nodes=500, wall_s=0.3, rounds=2)):
        for point in values:
            assert evaluate(candidate.terms[0], point) == evaluate(term, point), candidate
