"""Every form of an addition, subtraction or comparison on a wider adder has the value of the operation."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.optimizer.sharing.adders import Member, add_with_carry
from rtlgen.optimizer.sharing.graph import normal
from rtlgen.optimizer.sharing.select import flip_if

A, B = t.var("a", 4), t.var("b", 4)
NODES = [
    *(t.apply(op, A, B) for op in ("add", "sub", "ult", "ule", "slt", "sle")),
    *(t.apply(op, t.zext(A, 7), t.zext(B, 7)) for op in ("add", "sub", "ult", "slt")),
    *(t.apply(op, t.sext(A, 7), t.sext(B, 7)) for op in ("add", "sub", "sle", "slt")),
    t.apply("add", t.zext(A, 6), t.sext(B, 6)),
    t.apply("add", A, t.const(1, 4)),
    t.apply("sub", A, t.const(1, 4)),
    t.apply("neg", A),
    t.apply("slt", A, t.const(13, 4)),
    t.apply("ult", A, t.const(9, 4)),
]


@pytest.mark.parametrize("unsigned", [False, True])
@pytest.mark.parametrize("extra", [0, 2])
@pytest.mark.parametrize("node", NODES, ids=repr)
def test_forms_have_the_value(node: t.Term, extra: int, unsigned: bool) -> None:
    member = Member(node, unsigned)
    for form in member.forms(member.width + extra):
        x, y = (flip_if(t.const(int(f), 1), o) for o, f in ((form.x, form.flip_x), (form.y, form.flip_y)))
        result = member.result(add_with_carry(x, y, t.const(form.carry, 1)), form.inverted)
        assert result.width == node.width
        for a in range(16):
            for b in range(16):
                values = {"a": a, "b": b}
                assert t.evaluate(result, values) == t.evaluate(node, values), (form, a, b)


@settings(deadline=None)
@given(st.integers(0, 15), st.integers(0, 15), st.sampled_from(NODES), st.integers(1, 6))
def test_normal_form_keeps_the_value(a: int, b: int, node: t.Term, width: int) -> None:
    values = {"a": a, "b": b}
    term = t.make("extract", min(width, node.width), (node,), 0) if width < node.width else node
    assert t.evaluate(normal(term), values) == t.evaluate(term, values)
