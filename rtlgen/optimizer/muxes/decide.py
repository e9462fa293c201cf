"""Large selections as balanced decisions over the bits of their selector, equal choices joined.

The value is cut into its cases for every value of a small selector; the cases are joined into a reduced ordered
decision diagram (R. E. Bryant, "Graph-based algorithms for Boolean function manipulation", IEEE TC 1986) with the bit
order that needs fewest selections.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rtlgen.graphs.wordlevel import simulate as sim
from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.optimizer.muxes.drivers import graph_cost, redriven
from rtlgen.optimizer.muxes.unify import unify
from rtlgen.optimizer.resynth.cost import node_cost
from rtlgen.optimizer.rewrite import Change, RewriteContext
from rtlgen.optimizer.sharing.graph import ModuleGraph, normal

_WIDEST: Final = 6
_MOST: Final = 8
_LARGEST: Final = 1500


def decisions(context: RewriteContext, graph: ModuleGraph) -> Iterator[Change]:
    """Yield changes that rebuild the drivers of signals as decisions over a selector, dearest signals first."""
    before = graph_cost(graph, {})
    plans: list[_Plan] = []
    for name, value in graph.env.items():
        if "." in name or sum(1 for _ in t.walk(value)) > _LARGEST or time.monotonic() > context.deadline_s:
            continue
        for selector, width in selectors(graph, value).items():
            plans += _plans(graph, name, value, selector, width)
    for plan in [*_together(graph, plans), *sorted(plans, key=lambda p: p.cost)[:_MOST]]:
        if plan.cost < before * 1.02:
            change = redriven(
                context,
                graph,
                plan.drivers,
                "decide",
                f"select {', '.join(plan.drivers)} by the bits of {plan.selector}",
                "Deciding bit by bit needs one selection per pair of choices, and none where choices are equal.",
                rank=min(0.9, 0.45 + 0.5 * (1 - plan.cost / max(before, 1.0))),
            )
            if change is not None:
                yield change


@dataclass(frozen=True, slots=True)
class _Plan:
    """New drivers, chosen by `selector`; `unified` where the cases share a computation, `cost` estimated for all."""

    cost: float
    drivers: Mapping[str, Term]
    selector: str
    unified: bool = False


def _plans(graph: ModuleGraph, name: str, value: Term, selector: str, width: int) -> Iterator[_Plan]:
    cases = cofactors(value, selector, width)
    new = diagram(cases, selector, width)
    if new is None or new is value:
        return
    total = graph_cost(graph, {name: new})
    yield _Plan(total, {name: new}, selector)
    one = unify(cases, t.var(selector, width), _chooser(selector, width))
    if one is not new:
        yield _Plan(min(total, graph_cost(graph, {name: one})) * 0.98, {name: one}, selector, unified=True)
    part = indexed(cases, selector, width)
    if part is not None:
        yield _Plan(total * 0.99, {name: part}, selector)


def _together(graph: ModuleGraph, plans: Sequence[_Plan]) -> Iterator[_Plan]:
    """Yield one plan for several signals, of the cheapest for each: what they shared before goes only with the last."""
    for unified in (True, False):
        best: dict[str, _Plan] = {}
        for plan in sorted((p for p in plans if p.unified == unified), key=lambda p: p.cost):
            for name in plan.drivers:
                best.setdefault(name, plan)
        if 1 < len(best) <= _MOST:
            drivers = {n: v for p in best.values() for n, v in p.drivers.items()}
            names = ", ".join(dict.fromkeys(p.selector for p in best.values()))
            yield _Plan(graph_cost(graph, drivers), drivers, names, unified)


def selectors(graph: ModuleGraph, value: Term) -> dict[str, int]:
    """Return small signals that decisions inside a value are made on."""
    found: dict[str, int] = {}
    for n in t.walk(value):
        conditions = [n.args[0]] if n.op == "ite" else [n] if n.op in ("eq", "ult", "ule") else []
        conditions += [n.args[1]] if n.op in ("shl", "lshr") else []
        for c in conditions:
            found |= {v: w for v, w in t.variables(c).items() if 2 <= w <= _WIDEST}
    return {n: w for n, w in found.items() if n in graph.module.signals and n not in graph.env}


def cofactors(value: Term, selector: str, width: int) -> list[Term]:
    """Return the value for each number that the selector can be."""
    return [normal(decided(_folded(sim.settled(value, {selector: v})))) for v in range(1 << width)]


def decided(root: Term, patience: int = 3000) -> Term:
    """Return `root` with conditions inside a branch that the branch's own condition settles put in.

    Args:
        root: a value.
        patience: most nodes to look at, each once for each set of settled conditions; `root` itself beyond it.
    """
    left = patience

    def settle(x: Term, known: dict[Term, Term]) -> Term:
        nonlocal left
        left -= 1
        if left < 0:
            raise OverflowError
        if x in known:
            return known[x]
        if not x.args:
            return x
        if x.op != "ite":
            return _folded_node(t.rebuild(x, tuple(settle(a, known) for a in x.args)))
        condition = settle(x.args[0], known)
        if condition.is_const:
            return settle(x.args[1 if condition.const_value else 2], known)
        branches = (settle(a, {**known, condition: t.const(v, 1)}) for a, v in zip(x.args[1:], (1, 0), strict=True))
        return _folded_node(t.ite(condition, *branches))

    try:
        return settle(root, {})
    except (OverflowError, RecursionError):
        return root


def _folded(root: Term) -> Term:
    """Return `root` without operations on constants, masks of zeros or ones, and shifts by constants."""
    return t.transform(root, _folded_node)


def _folded_node(x: Term) -> Term:
    if x.op in ("and", "or") and any(a.is_const for a in x.args):
        literal, other = (x.args[0], x.args[1]) if x.args[0].is_const else (x.args[1], x.args[0])
        if literal.const_value == 0:
            return literal if x.op == "and" else other
        if literal.const_value == t.mask(x.width):
            return other if x.op == "and" else literal
    if x.op in ("shl", "lshr") and x.args[1].is_const:
        return _shifted(x.op, x.args[0], x.args[1].const_value)
    if x.op in ("zext", "sext") and x.args[0].op == "ite" and all(a.is_const for a in x.args[0].args[1:]):
        extend = t.zext if x.op == "zext" else t.sext
        return t.ite(x.args[0].args[0], *(extend(a, x.width) for a in x.args[0].args[1:]))
    if x.op == "eq" and x.args[0].width == 1 and x.args[1].is_const:
        return x.args[0] if x.args[1].const_value else t.lnot(x.args[0])
    if x.op == "ite" and x.width == 1 and all(a.is_const for a in x.args[1:]) and x.args[1] is not x.args[2]:
        return x.args[0] if x.args[1].const_value else t.lnot(x.args[0])
    return x


def _shifted(op: str, x: Term, amount: int) -> Term:
    if amount == 0:
        return x
    if amount >= x.width:
        return t.const(0, x.width)
    if op == "lshr":
        return t.zext(t.extract(x, amount, x.width - amount), x.width)
    return t.concat(t.extract(x, 0, x.width - amount), t.const(0, amount))


def _chooser(selector: str, width: int) -> Callable[[Sequence[Term]], Term]:
    def choose(cases: Sequence[Term]) -> Term:
        return diagram(cases, selector, width) or cases[0]

    return choose


def diagram(cases: Sequence[Term], selector: str, width: int) -> Term | None:
    """Return the cheapest decision diagram over the selector's bits."""
    bits = [t.extract(t.var(selector, width), i, 1) for i in range(width)]
    orders: list[Sequence[int]] = [tuple(range(width))[::-1], tuple(range(width))]
    if width <= 4:
        orders += list(itertools.permutations(range(width)))
    best: tuple[float, Term] | None = None
    for order in orders:
        memo: dict[tuple[Term, ...], Term] = {}
        root = _decide(tuple(cases), tuple(order), bits, memo, width)
        total = sum(node_cost(n) for n in t.walk(root))
        if best is None or total < best[0]:
            best = (total, root)
    return best[1] if best is not None else None


def _decide(
    cases: tuple[Term, ...],
    order: tuple[int, ...],
    bits: Sequence[Term],
    memo: dict[tuple[Term, ...], Term],
    width: int,
) -> Term:
    """Return the decision over `cases`, indexed by the bits that are left, in ascending order of position."""
    known = [c for c in cases if c.op != "undef"]
    if not known:
        return cases[0]
    if all(c is known[0] for c in known):
        return known[0]
    if cases in memo:
        return memo[cases]
    bit, rest = order[0], order[1:]
    place = sorted(order).index(bit)
    low = tuple(c for i, c in enumerate(cases) if not i >> place & 1)
    high = tuple(c for i, c in enumerate(cases) if i >> place & 1)
    low, high = _filled(low, high), _filled(high, low)
    result = t.ite(bits[bit], _decide(high, rest, bits, memo, width), _decide(low, rest, bits, memo, width))
    memo[cases] = result
    return result


def _filled(own: tuple[Term, ...], other: tuple[Term, ...]) -> tuple[Term, ...]:
    """Return the cases with undefined ones taken from the other half."""
    return tuple(b if a.op == "undef" else a for a, b in zip(own, other, strict=True))


def indexed(cases: Sequence[Term], selector: str, width: int) -> Term | None:
    """Return a part select of one vector where the cases are its consecutive slices."""
    first = cases[0]
    size = first.width
    if first.op != "extract" or size & (size - 1) or size << width > first.args[0].width or first.args[0].op != "var":
        return None
    if first.value:
        return None
    base = first.args[0]
    for number, case in enumerate(cases):
        if case is not t.extract(base, number * size, size):
            return None
    shift = t.concat(t.var(selector, width), *([t.const(0, size.bit_length() - 1)] if size > 1 else []))
    return t.extract(t.apply("lshr", base, shift), 0, size)
