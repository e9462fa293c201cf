"""Partial evaluation and bit-blasting agree with direct evaluation of the terms."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rtlgen.graphs.fsm.bdd import TRUE, Diagrams
from rtlgen.graphs.fsm.symbolic import Blaster, Specializer, expand
from rtlgen.graphs.wordlevel.terms import Term, apply, concat, const, evaluate, extract, ite, sext, undef, var, zext

A, B, C = var("a", 3), var("b", 3), var("c", 1)


def words(depth: int) -> st.SearchStrategy[Term]:
    leaf = st.one_of(st.sampled_from([A, B]), st.integers(0, 7).map(lambda v: const(v, 3)))
    if depth == 0:
        return leaf
    below = words(depth - 1)
    two = st.sampled_from(["and", "or", "xor", "add", "sub", "shl", "lshr", "ashr"])
    return st.one_of(
        leaf,
        st.builds(lambda op, x, y: apply(op, x, y), two, below, below),
        st.builds(lambda x: apply("not", x), below),
        st.builds(ite, truths(depth - 1), below, below),
        st.builds(lambda x, y: concat(extract(x, 1, 2), extract(y, 0, 1)), below, below),
        st.builds(lambda x: zext(extract(x, 0, 2), 3), below),
        st.builds(lambda x: sext(extract(x, 0, 2), 3), below),
    )


def truths(depth: int) -> st.SearchStrategy[Term]:
    below = words(max(0, depth))
    compare = st.sampled_from(["eq", "ult", "ule", "slt", "sle"])
    reduce = st.sampled_from(["redand", "redor", "redxor"])
    return st.one_of(
        st.just(C),
        st.builds(lambda op, x, y: apply(op, x, y), compare, below, below),
        st.builds(lambda op, x: apply(op, x), reduce, below),
    )


@given(words(3), st.integers(0, 7), st.integers(0, 7), st.integers(0, 1))
def test_bits_have_the_value_of_the_term(term: Term, a: int, b: int, c: int) -> None:
    values = {"a": a, "b": b, "c": c}
    blaster = Blaster(Diagrams())
    bits = blaster.bits(term)
    levels = {level: evaluate(t, values) >> bit & 1 for (t, bit), level in blaster.atoms.items()}
    for index, f in enumerate(bits):
        while f > TRUE:
            level = blaster.diagrams.level(f)
            f = blaster.diagrams.cofactors(f, level)[levels[level]]
        assert f == evaluate(term, values) >> index & 1


@given(words(3), st.integers(0, 7), st.integers(0, 7), st.integers(0, 1))
def test_specialized_terms_keep_their_value(term: Term, a: int, b: int, c: int) -> None:
    special = Specializer({"a": const(a, 3)})(term)
    assert evaluate(special, {"a": 7 - a, "b": b, "c": c}) == evaluate(term, {"a": a, "b": b, "c": c})


def test_a_settled_state_leaves_only_the_guards() -> None:
    state = var("state", 2)
    following = ite(apply("eq", state, const(1, 2)), ite(C, const(2, 2), const(1, 2)), const(0, 2))
    assert repr(Specializer({"state": const(1, 2)})(following)) == "(ite:2 c 2'd2 2'd1)"
    assert repr(Specializer({"state": const(3, 2)})(following)) == "2'd0"


def test_expand_goes_down_to_stable_signals_and_stops_at_loops() -> None:
    x, y, z = var("x", 1), var("y", 1), var("z", 1)
    definitions = {"x": apply("and", y, C), "y": apply("not", C), "z": apply("or", z, C)}
    assert [repr(t) for t in expand([x, z], definitions)] == ["(and:1 (not:1 c) c)", "(or:1 z c)"]


def test_undefined_bits_are_marked() -> None:
    blaster = Blaster(Diagrams())
    blaster.bits(concat(undef(1), C))
    assert [t.op for (t, _), level in blaster.atoms.items() if level in blaster.unknown] == ["undef"]
