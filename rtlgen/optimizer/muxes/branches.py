"""Merge the two branches of a decision into one computation with selected operands, several signals at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial, reduce
from typing import Final

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.optimizer.muxes.drivers import graph_cost, redriven
from rtlgen.optimizer.resynth.cost import node_cost
from rtlgen.optimizer.rewrite import Change, RewriteContext
from rtlgen.optimizer.sharing.graph import ModuleGraph, normal
from rtlgen.optimizer.sharing.select import flip_if
from rtlgen.optimizer.sharing.unify import aligned

_MOST: Final = 6
_ADDITIVE: Final = frozenset({"add", "sub"})


def merged_branches(context: RewriteContext, graph: ModuleGraph) -> Iterator[Change]:
    """Yield changes that merge the branches of the decisions at the top of combinational signals."""
    by_condition: dict[Term, dict[str, Term]] = {}
    for name, value in graph.env.items():
        for part in value.args if value.op == "concat" else (value,):
            if part.op == "ite" and "." not in name:
                by_condition.setdefault(part.args[0], {})[name] = value
    before = graph_cost(graph, {})
    plans = []
    for condition, signals in by_condition.items():
        merger = Merger(condition)
        drivers = {n: merger.merged(v) for n, v in signals.items()}
        cost = graph_cost(graph, drivers)
        if cost < before:
            plans.append((cost / max(before, 1.0), drivers))
    for ratio, drivers in sorted(plans, key=lambda p: p[0])[:_MOST]:
        names = ", ".join(drivers)
        change = redriven(
            context,
            graph,
            drivers,
            "decide",
            f"compute both branches of {names} by the same operators",
            "The branches do the same to different operands, so selecting the operands needs the operators only once.",
            rank=min(0.9, 0.4 + 0.6 * (1 - ratio)),
        )
        if change is not None:
            yield change


class Merger:
    """Merges pairs of values under one condition."""

    def __init__(self, condition: Term) -> None:
        self._condition = condition
        self._done: dict[tuple[Term, Term], Term] = {}

    def merged(self, value: Term) -> Term:
        """Return the value with its choices by the condition merged: the whole, or parts of what is joined."""
        if value.op == "concat":
            return t.concat(*(self.merged(p) for p in value.args))
        if value.op == "ite" and value.args[0] is self._condition:
            return self.merge(value.args[1], value.args[2])
        return value

    def merge(self, then: Term, other: Term) -> Term:
        """Return a value that is `then` where the condition holds, else `other`, as cheap as found."""
        key = (then, other)
        if key not in self._done:
            options = [*self._pushed(then, other), t.ite(self._condition, then, other)]
            self._done[key] = min(options, key=cost)
        return self._done[key]

    def _pushed(self, then: Term, other: Term) -> Iterator[Term]:
        if then.is_const and other.is_const and then.const_value ^ other.const_value == 1 and then.width > 1:
            bit = self._condition if then.const_value & 1 else t.lnot(self._condition)
            high = t.extract(then, 1, then.width - 1)
            yield t.zext(bit, then.width) if high.const_value == 0 else t.concat(high, bit)
        if then is other or not then.args or not other.args:
            return
        if then.op in _ADDITIVE and other.op in _ADDITIVE and then.op != other.op and then.width == other.width:
            yield from self._add_or_subtract(then, other)
        if "add" in (then.op, other.op):
            yield from self._common_sum(then, other)
        if then.op != other.op or then.value != other.value:
            return
        rows = aligned([then, other]) if then.op in t.COMMUTATIVE else [then.args, other.args]
        if len(rows[0]) == len(rows[1]) and all(a.width == b.width for a, b in zip(*rows, strict=True)):
            yield t.rebuild(then, tuple(self.merge(a, b) for a, b in zip(*rows, strict=True)))

    def _common_sum(self, then: Term, other: Term) -> Iterator[Term]:
        """`c ? a + b + x : a + b` is `a + b + (c ? x : 0)`; with a constant 1 that is a carry in."""
        left, right = Counter(_summands(then)), Counter(_summands(other))
        common = left & right
        if not common:
            return
        rest = [_total(side - common, then.width) for side in (left, right)]
        yield t.apply("add", _total(common, then.width), self.merge(*rest))

    def _add_or_subtract(self, then: Term, other: Term) -> Iterator[Term]:
        """`c ? p - q : r + s` is `(c ? p : r) + ((c ? q : s) ^ c) + c`, in no more bits than needed."""
        subtract = then.op == "sub"
        minus = self._condition if subtract else t.lnot(self._condition)
        p, q = then.args
        for r, s in (other.args, other.args[::-1]) if other.op == "add" else (other.args,):
            left = self.merge(p, r)
            right = self.merge(q, s)
            if left.op == right.op and left.op in ("sext", "zext"):
                width = min(max(left.args[0].width, right.args[0].width) + 1, then.width)
                extend = t.sext if left.op == "sext" else t.zext
                a, b = extend(left.args[0], width), flip_if(minus, extend(right.args[0], width))
                total = t.apply("add", t.apply("add", a, b), t.zext(minus, width))
                if left.op == "sext" or width == then.width:
                    yield t.sext(total, then.width)
            else:
                total = t.apply("add", left, flip_if(minus, right))
                yield t.apply("add", total, t.zext(minus, then.width))


def _summands(x: Term) -> list[Term]:
    return [s for a in x.args for s in _summands(a)] if x.op == "add" else [x]


def _total(summands: Counter[Term], width: int) -> Term:
    terms = list(summands.elements())
    return reduce(partial(t.apply, "add"), terms) if terms else t.const(0, width)


def cost(x: Term) -> float:
    """Return the estimated cost of a value."""
    return sum(node_cost(n) for n in t.walk(normal(x)))
