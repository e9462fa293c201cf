"""Find cheap conditions that tell the users of a shared operator apart, and build the selections from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.optimizer.resynth.boolean import minimised
from rtlgen.optimizer.sharing.graph import ModuleGraph, contains

_PAIRS: Final = 40
_TABLE_BITS: Final = 6
_TABLE_SOURCES: Final = 3


class NotSeparableError(ValueError):
    """No condition was found that tells two sets of sample points apart."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A value and where (at which sample points) it is needed."""

    value: Term
    active: Any


class Selector:
    """Builds selections for one group of values.

    Args:
        graph: the module.
        avoid: values that a condition must not depend on, because they depend on the selection.
        style: number of the variant; 0 prefers the shortest conditions, 1 the conditions of the source.
    """

    def __init__(self, graph: ModuleGraph, avoid: Sequence[Term], style: int = 0) -> None:
        self._graph = graph
        pool = [c for c in graph.conditions[:400] if not contains(c, avoid)]
        if style == 1:
            pool = [c for c in pool if c.op not in ("extract", "var")] + [c for c in pool if c.op in ("extract", "var")]
        self._pool = [(c, graph.truth(c)) for c in pool]
        self._words = {n: w for n, w in graph.steering_words.items() if not contains(graph.full(t.var(n, w)), avoid)}

    def condition(self, on: Any, off: Any) -> Term:
        """Return a 1-bit value that is 1 wherever `on` and 0 wherever `off`.

        Raises:
            NotSeparableError: none was found.
        """
        if bool((on & off).any()):
            raise NotSeparableError("expected separate uses, got values that are needed at the same time")
        for value, truth in self._pool:
            if not bool((on & ~truth).any()) and not bool((off & truth).any()):
                return value
            if not bool((on & truth).any()) and not bool((off & ~truth).any()):
                return t.lnot(value)
        table = self._table(on, off)
        return table if table is not None else self._pair(on, off)

    def _table(self, on: Any, off: Any) -> Term | None:
        """Return a minimised function of one or two small words."""
        words = list(self._words.items())
        sources: list[tuple[tuple[str, int], ...]] = [(w,) for w in words]
        flags = [(n.name, 1) for n, _ in self._pool if n.op == "var"]
        sources += [(w, f) for w in words for f in flags[:8] if w[1] + 1 <= _TABLE_BITS]
        found: list[Term] = []
        for source in sources:
            term = self._function(source, on, off)
            if term is not None:
                found.append(term)
            if len(found) >= _TABLE_SOURCES:
                break
        return min(found, key=lambda x: sum(1 for _ in t.walk(x)), default=None)

    def _function(self, source: Sequence[tuple[str, int]], on: Any, off: Any) -> Term | None:
        keys = np.zeros(self._graph.samples.count, dtype=np.int64)
        leaves: list[Term] = []
        for name, width in source:
            signal = t.var(name, width)
            keys |= self._graph.samples.values[name].astype(np.int64) << len(leaves)
            leaves += [self._graph.full(t.extract(signal, i, 1)) for i in range(width)]
        ones, zeros = set(keys[on].tolist()), set(keys[off].tolist())
        if ones & zeros or len(leaves) > _TABLE_BITS + 1:
            return None
        on_set, off_set = sum(1 << k for k in ones), sum(1 << k for k in zeros)
        options = minimised(on_set, off_set, leaves)
        return min(options, key=lambda x: sum(1 for _ in t.walk(x)))

    def _pair(self, on: Any, off: Any) -> Term:
        """Return the and or or of two conditions of the source."""
        both = [(v, x) for c, x0 in self._pool[: 2 * _PAIRS] for v, x in ((c, x0), (t.lnot(c), ~x0))]
        above = [(v, x) for v, x in both if not bool((on & ~x).any())]
        for i, (a, x) in enumerate(above):
            for b, y in above[:i]:
                if not bool((off & x & y).any()):
                    return t.land(a, b)
        below = [(v, x) for v, x in both if not bool((off & x).any())]
        for i, (a, x) in enumerate(below):
            for b, y in below[:i]:
                if not bool((on & ~(x | y)).any()):
                    return t.lor(a, b)
        raise NotSeparableError("expected a condition that tells the uses apart, found none")

    # Selections -------------------------------------------------------------------------------------------------

    def mux(self, choices: Sequence[Choice]) -> Term:
        """Return a value that equals each choice where it is needed.

        Raises:
            NotSeparableError: no conditions tell the choices apart.
        """
        group = merged(choices)
        if len(group) == 1:
            return group[0].value
        flipped = self._flipped(group)
        return flipped if flipped is not None else self._chain(group)

    def _chain(self, choices: list[Choice]) -> Term:
        if len(choices) == 1:
            return choices[0].value
        best: tuple[int, Term, Choice] | None = None
        for choice in choices:
            others = [c.active for c in choices if c is not choice]
            try:
                condition = self.condition(choice.active, _union(others))
            except NotSeparableError:
                continue
            cost = self._graph.reading_cost(condition) * 2 + (choice.value.is_const is False)
            if best is None or cost < best[0]:
                best = (cost, condition, choice)
        if best is None:
            raise NotSeparableError("expected conditions that tell the choices apart, found none")
        _, condition, choice = best
        rest = self._chain([c for c in choices if c is not choice])
        if condition.op == "not":
            return t.ite(condition.args[0], rest, choice.value)
        return t.ite(condition, choice.value, rest)

    def _flipped(self, choices: list[Choice]) -> Term | None:
        """Return the selection as a conditional inversion where some choices are inversions of others."""
        plain = {c.value for c in choices if c.value.op != "not" and not c.value.is_const}
        inverted = [c for c in choices if c.value.op == "not" and c.value.args[0] in plain]
        if not inverted:
            return None
        inverted += [c for c in choices if c.value.op == "not" and c not in inverted]
        free = [c for c in choices if c.value.is_const][:3]
        straight = [c for c in choices if c not in inverted and c not in free]
        straight += [c for c in choices if c.value.is_const and c not in free]
        best: tuple[int, Term, list[Choice]] | None = None
        for mask in range(1 << len(free)):
            flips = [*inverted, *(c for i, c in enumerate(free) if mask >> i & 1)]
            stays = [*straight, *(c for i, c in enumerate(free) if not mask >> i & 1)]
            try:
                flip = self.condition(_union([c.active for c in flips]), _union([c.active for c in stays]))
            except NotSeparableError:
                continue
            bases = [*stays, *(Choice(_complement(c.value), c.active) for c in flips)]
            cost = self._graph.reading_cost(flip) + 3 * len(merged(bases))
            if best is None or cost < best[0]:
                best = (cost, flip, bases)
        return flip_if(best[1], self.mux(best[2])) if best is not None else None


def _complement(x: Term) -> Term:
    return x.args[0] if x.op == "not" else t.apply("not", x)


def flip_if(condition: Term, value: Term) -> Term:
    """Return `value`, inverted where `condition` is 1."""
    if condition.is_const:
        return t.apply("not", value) if condition.value else value
    return t.apply("xor", value, t.sext(condition, value.width))


def merged(choices: Sequence[Choice]) -> list[Choice]:
    """Return the choices with equal values joined and those never needed left out."""
    by_value: dict[Term, Any] = {}
    for c in choices:
        by_value[c.value] = by_value[c.value] | c.active if c.value in by_value else c.active
    return [Choice(v, a) for v, a in by_value.items() if bool(a.any())] or list(choices[:1])


def _union(actives: Sequence[Any]) -> Any:
    result = actives[0].copy()
    for a in actives[1:]:
        result |= a
    return result
