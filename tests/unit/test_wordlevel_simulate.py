"""Vectorised evaluation agrees with the reference evaluator, and simulation reaches what it should."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtlgen.graphs.wordlevel import simulate as sim
from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.module import AsyncReset, ModuleIR, Place, Register, Signal

WIDTHS = (1, 3, 8, 16, 31, 63, 64, 65, 100)
BINARY = (*t.BITWISE, *t.ARITHMETIC, *t.SHIFTS, *t.COMPARISONS)


def register(
    name: str, width: int, following: t.Term, resets: tuple[AsyncReset, ...] = (), initial: int | None = None
) -> Register:
    """Return a register clocked by `clk`."""
    return Register(name, width, 0, "clk", "pos", following, resets, initial)


def module(inputs: dict[str, int], *registers: Register, **combinational: t.Term) -> ModuleIR:
    """Return a module view made by hand."""
    kinds: list[tuple[str, int, Literal["input", "variable", "net"]]] = [
        *((n, w, "input") for n, w in inputs.items()),
        *((r.name, r.width, "variable") for r in registers),
        *((n, x.width, "net") for n, x in combinational.items()),
    ]
    return ModuleIR(
        name="m",
        path="m",
        place=Place("m.v", 0, 0),
        header_end=0,
        signals={n: Signal(n, w, signed=False, kind=k) for n, w, k in kinds},
        combinational=dict(combinational),
        registers={r.name: r for r in registers},
    )


@st.composite
def terms_of(draw: st.DrawFn, width: int, depth: int) -> t.Term:
    """Return a random term of the given width over a, b (same widths) and s (5 bits)."""
    if depth == 0:
        leaf = draw(st.integers(0, 3))
        if leaf == 0:
            return t.const(draw(st.integers(0, t.mask(width))), width)
        return t.var(f"{'xyz'[leaf - 1]}{width}", width)
    kind = draw(st.sampled_from(("binary", "shift", "unary", "ite", "resize", "concat", "compare", "reduce", "select")))
    sub = terms_of(width, depth - 1)
    if kind == "binary":
        return t.apply(draw(st.sampled_from((*t.BITWISE, *t.ARITHMETIC))), draw(sub), draw(sub))
    if kind == "shift":
        amount = draw(terms_of(draw(st.sampled_from((3, 8, 65))), depth - 1))
        return t.apply(draw(st.sampled_from(t.SHIFTS)), draw(sub), amount)
    if kind == "unary":
        return t.apply(draw(st.sampled_from(("not", "neg"))), draw(sub))
    other = draw(st.sampled_from(WIDTHS))
    inner = draw(terms_of(other, depth - 1))
    if kind == "ite":
        return t.ite(t.boolean(inner), draw(sub), draw(sub))
    if kind == "compare":
        bit = t.apply(draw(st.sampled_from(t.COMPARISONS)), inner, draw(terms_of(other, depth - 1)))
        return draw(st.sampled_from((t.zext, t.sext)))(bit, width)
    if kind == "reduce":
        return t.sext(t.apply(draw(st.sampled_from(t.REDUCTIONS)), inner), width)
    if kind == "select":
        return t.select(f"mem{width}", draw(terms_of(3, depth - 1)), width)
    if kind == "concat":
        return t.zext(t.concat(inner, draw(sub)), width)
    return draw(st.sampled_from((t.zext, t.sext)))(inner, width)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_vectors_agree_with_the_reference(data: st.DataObject) -> None:
    term = data.draw(terms_of(data.draw(st.sampled_from(WIDTHS)), data.draw(st.integers(1, 4))))
    points = sim.sample_inputs(t.variables(term), 24, seed=data.draw(st.integers(0, 99)), constants=(5,))
    contents = {w: {a: (a * 0x9E3779B97F4A7C15F39C) & t.mask(w) for a in range(8)} for w in WIDTHS}
    readers = {f"mem{w}": sim.table_memory(c, w) for w, c in contents.items()}
    got = sim.evaluate_terms([term], points, 24, readers)[0]
    for i in range(24):
        values = {n: int(v[i]) for n, v in points.items()}
        assert int(got[i]) == t.evaluate(term, values, {f"mem{w}": c for w, c in contents.items()})


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("op", BINARY)
def test_every_operator_on_corner_values(op: str, width: int) -> None:
    corners = [0, 1, t.mask(width), t.mask(width) >> 1, (t.mask(width) >> 1) + 1, 2 & t.mask(width), 5 & t.mask(width)]
    pairs = [(a, b) for a in corners for b in corners]
    term = t.apply(op, t.var("a", width), t.var("b", width))
    columns = {n: sim.from_ints([p[i] for p in pairs], width) for i, n in enumerate("ab")}
    got = sim.evaluate_terms([term], columns, len(pairs))[0]
    assert [int(g) for g in got] == [t.evaluate(term, {"a": a, "b": b}) for a, b in pairs]


def test_small_inputs_are_enumerated() -> None:
    points = sim.sample_inputs({"a": 3, "b": 4}, 256)
    assert len(set(zip(points["a"].tolist(), points["b"].tolist(), strict=True))) == 128


def test_words_of_one_width_meet() -> None:
    points = sim.sample_inputs({"a": 32, "b": 32, "w": 80, "v": 80}, 500)
    for left, right in (("a", "b"), ("w", "v")):
        a, b = points[left], points[right]
        assert (a == b).sum() > 20
        assert (a == b + 1).sum() > 10


def test_hashed_memory_is_consistent() -> None:
    read = sim.hashed_memory(np.arange(4, dtype=np.uint64), 70)
    first = read(sim.from_ints([1, 1, 2, 2], 3))
    assert first.tolist() == read(sim.from_ints([1, 1, 2, 2], 3)).tolist()
    assert len(set(first.tolist())) == 4
    assert max(first.tolist()) < 1 << 70


def test_counter_reaches_only_its_range() -> None:
    c, rst, en = t.var("c", 8), t.var("rst", 1), t.var("en", 1)
    wrap = t.apply("eq", c, t.const(9, 8))
    step = t.ite(wrap, t.const(0, 8), t.apply("add", c, t.const(1, 8)))
    following = t.ite(rst, t.const(0, 8), t.ite(en, step, c))
    reached = sim.simulate(module({"clk": 1, "rst": 1, "en": 1}, register("c", 8, following), last=wrap))
    assert reached.reset == ("rst", 1)
    assert reached.extents["c"] == sim.Extent(low=0, high=9, ever_one=15, always_one=0)
    samples = reached.samples
    assert set(samples.values["c"].tolist()) == set(range(10))
    assert (samples.values["last"] == (samples.values["c"] == 9)).all()
    assert set(samples.next["c"].tolist()) == set(range(10))


def test_asynchronous_reset_and_initial_value() -> None:
    q = t.var("q", 4)
    reset = AsyncReset("rst_n", 0, 3)
    held = register("q", 4, t.apply("and", q, t.const(3, 4)), (reset,))
    started = register("p", 4, t.var("p", 4), initial=6)
    reached = sim.simulate(module({"clk": 1, "rst_n": 1}, held, started), traces=8, cycles=8)
    assert reached.reset == ("rst_n", 0)
    assert set(reached.samples.values["q"].tolist()) == {3}
    assert set(reached.samples.values["p"].tolist()) == {6}


def test_without_reset_every_state_is_possible() -> None:
    reached = sim.simulate(module({"clk": 1}, register("q", 3, t.var("q", 3))), traces=200, cycles=2)
    assert reached.reset is None
    assert set(reached.samples.values["q"].tolist()) == set(range(8))


def test_combinational_loops_are_left_out() -> None:
    one = t.const(1, 1)
    ir = module({"i": 1}, a=t.apply("xor", t.var("b", 1), one), b=t.var("a", 1), c=t.var("d", 1), d=t.var("i", 1))
    assert sim.combinational_order(ir) == ["d", "c"]
    assert set(sim.free_signals(ir)) == {"i"}


def test_a_carry_chain_in_one_signal_is_no_loop() -> None:
    c, a = t.var("c", 4), t.var("a", 4)
    bits = [t.apply("and", t.extract(a, i, 1), t.extract(c, i - 1, 1) if i else t.const(1, 1)) for i in range(4)]
    samples = sim.sample_module(module({"a": 4}, c=t.concat(*reversed(bits)), top=t.extract(c, 3, 1)), 64)
    assert (samples.values["top"] == (samples.values["a"] == 15)).all()


def test_samples_of_any_state_differ_from_reached_ones() -> None:
    c = t.var("c", 4)
    ir = module({"clk": 1, "rst": 1}, register("c", 4, t.ite(t.var("rst", 1), t.const(0, 4), c)))
    assert set(sim.simulate(ir).samples.values["c"].tolist()) == {0}
    assert len(set(sim.sample_module(ir, 256).values["c"].tolist())) == 16
