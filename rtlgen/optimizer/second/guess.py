"""Guesses what may hold in every reachable state of a product; nothing here is believed before it is proved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.graphs.wordlevel.vectors import Vector
from rtlgen.optimizer.second.product import NEW, OLD, Product
from rtlgen.optimizer.second.runs import Runs, key

MAX_GUESSES = 1500
_FEW = 20
"""Values up to which a register counts as a state code."""
_MAX_CONTROLS = 8
_MAX_UNMATCHED = 40
_MAX_BITS = 160
_MAX_SUBTERMS = 1500
_MIN_POINTS = 4


@dataclass(frozen=True, slots=True)
class Guesses:
    """What is guessed.

    Attributes:
        classes: names of state variables that are equal (the narrower with zeros above).
        others: one-bit terms over state variables.
    """

    classes: list[list[str]]
    others: list[Term]


def guess(product: Product, runs: Runs) -> Guesses:
    """Return what holds in all runs, most useful first."""
    found = _Finder(product, runs)
    others = list(dict.fromkeys(g for g in found.all() if not g.is_const))
    return Guesses(found.classes, others[:MAX_GUESSES])


class _Finder:
    def __init__(self, product: Product, runs: Runs) -> None:
        self._product, self._runs = product, runs
        self._variables = {n: t.var(n, w) for n, w in product.states.items()}
        groups: dict[bytes, list[str]] = {}
        for name in product.states:
            groups.setdefault(key(runs.values[name]), []).append(name)
        self._constant = {n for n, v in runs.values.items() if bool((v == v[0]).all())}
        self.classes = [g for g in groups.values() if len(g) > 1]
        both = {n for g in self.classes if {x[:4] for x in g} == {OLD, NEW} for n in g}
        free = [n for n in product.states if n not in self._constant]
        self._unmatched = [n for n in free if n not in both][:_MAX_UNMATCHED]
        self._representatives = [g[0] for g in groups.values() if g[0] not in self._constant]
        self._few = {n: v for n in free if len(v := np.unique(runs.values[n])) <= _FEW}

    def all(self) -> Iterator[Term]:
        """Yield guesses."""
        for name in self._constant:
            yield self._equal_const(name, int(self._runs.values[name][0]))
        yield from self._features()
        yield from self._linear()
        yield from self._bounds()
        yield from self._codes()
        yield from self._by_state()
        yield from self._bits()

    def _equal_const(self, name: str, value: int) -> Term:
        variable = self._variables[name]
        return t.apply("eq", variable, t.const(value, variable.width))

    def _equal(self, a: Term, b: Term) -> Term:
        width = max(a.width, b.width)
        return t.apply("eq", t.zext(a, width), t.zext(b, width))

    def _features(self) -> Iterator[Term]:
        """Yield that a register without a partner equals a value the other design computes, or its complement."""
        wanted: dict[bytes, list[str]] = {}
        for name in self._unmatched:
            wanted.setdefault(key(self._runs.values[name]), []).append(name)
        features = self._candidates()
        for term, values in zip(features, self._runs.of(features), strict=True):
            for name in wanted.get(key(values), ()):
                yield self._equal(self._variables[name], term)
            if term.width <= 64:
                flipped = ~values & np.uint64(t.mask(term.width))
                for name in wanted.get(key(flipped), ()):
                    yield self._equal(self._variables[name], t.apply("not", term))

    def _candidates(self) -> list[Term]:
        if not self._unmatched:
            return []
        found = dict.fromkeys(self._product.hints.values())
        state_only: set[Term] = set()
        for term in t.walk(*self._product.steps.values(), *self._product.claims.values()):
            inner = term.name in self._product.states if term.op == "var" else all(a in state_only for a in term.args)
            if inner and term.op != "undef":
                state_only.add(term)
                if term.op not in ("const", "var") and len(found) < _MAX_SUBTERMS:
                    found[term] = None
        for name in self._unmatched:
            if self._variables[name].width == 1:
                found |= {self._equal_const(n, int(v)): None for n, vs in self._few.items() for v in vs if n != name}
        return list(found)

    def _linear(self) -> Iterator[Term]:
        """Yield that two registers differ by a constant, or add up to one."""
        for a in self._unmatched:
            for b in self._representatives:
                width = min(self._product.states[a], self._product.states[b], 64)
                if a == b or width < 2 or max(self._product.states[a], self._product.states[b]) > 64:
                    continue
                limit = np.uint64(t.mask(width))
                for op, vector in (("sub", self._of(a) - self._of(b)), ("add", self._of(a) + self._of(b))):
                    low = vector & limit
                    if bool((low == low[0]).all()):
                        left, right = (t.extract(self._variables[n], 0, width) for n in (a, b))
                        yield t.apply("eq", t.apply(op, left, right), t.const(int(low[0]), width))

    def _of(self, name: str) -> Vector:
        return self._runs.values[name]

    def _bounds(self) -> Iterator[Term]:
        """Yield upper bounds: the largest value seen, and constants that the designs compare with."""
        compared: dict[str, set[int]] = {}
        for term in t.walk(*self._product.steps.values(), *self._product.claims.values()):
            if term.op in ("eq", "ult", "ule"):
                for a, b in (term.args, term.args[::-1]):
                    if a.op == "var" and b.is_const:
                        compared.setdefault(a.name, set()).update((b.const_value, b.const_value - 1, b.const_value + 1))
        for name in self._representatives:
            top, width = int(max(self._of(name))), self._product.states[name]
            for limit in sorted({top} | {c for c in compared.get(name, ()) if c >= top}):
                if limit < t.mask(width):
                    yield t.apply("ule", self._variables[name], t.const(limit, width))

    def _codes(self) -> Iterator[Term]:
        """Yield which codes occur, alone and together."""
        for name, values in self._few.items():
            if len(values) < 1 << min(self._product.states[name], 16):
                yield self._among(name, values)
        first = sorted(self._few, key=lambda n: (n not in self._unmatched, -len(self._few[n])))[:24]
        for a in first:
            for b in first:
                if a != b:
                    yield from self._implied(a, b)

    def _among(self, name: str, values: Vector) -> Term:
        result = t.const(0, 1)
        for value in values:
            result = t.lor(result, self._equal_const(name, int(value)))
        return result

    def _implied(self, a: str, b: str) -> Iterator[Term]:
        if key(self._of(a)) == key(self._of(b)):
            return
        for value in self._few[a]:
            partners = np.unique(self._of(b)[self._of(a) == value])
            if len(partners) < len(self._few[b]):
                yield t.lor(t.lnot(self._equal_const(a, int(value))), self._among(b, partners))

    def _by_state(self) -> Iterator[Term]:
        """Yield what registers without a partner are while a state code has one value."""
        wide = [n for n in self._unmatched if n not in self._few]
        controls = sorted(self._few, key=lambda n: (not n.startswith(NEW), -len(self._few[n])))[:_MAX_CONTROLS]
        for control in controls:
            for value in self._few[control]:
                where = self._of(control) == value
                if int(where.sum()) >= _MIN_POINTS:
                    outside = t.lnot(self._equal_const(control, int(value)))
                    for claim in self._there(wide, control, where):
                        yield t.lor(outside, claim)

    def _there(self, wide: list[str], control: str, where: Vector) -> Iterator[Term]:
        for a in wide:
            here = self._of(a)[where]
            if bool((here == here[0]).all()):
                yield self._equal_const(a, int(here[0]))
                continue
            for b in self._representatives:
                if b in (a, control) or self._product.states[b] < 2:
                    continue
                there = self._of(b)[where]
                if bool((there == here).all()):
                    yield self._equal(self._variables[a], self._variables[b])
                else:
                    yield from self._apart(a, b, here, there)

    def _apart(self, a: str, b: str, here: Vector, there: Vector) -> Iterator[Term]:
        width = min(self._product.states[a], self._product.states[b])
        if max(self._product.states[a], self._product.states[b]) > 64:
            return
        low = (here - there) & np.uint64(t.mask(width))
        if bool((low == low[0]).all()):
            left, right = (t.extract(self._variables[n], 0, width) for n in (a, b))
            yield t.apply("eq", t.apply("sub", left, right), t.const(int(low[0]), width))

    def _bits(self) -> Iterator[Term]:
        """Yield equal, complementary and constant bits of registers without a partner."""
        bits: dict[bytes, Term] = {}
        total = 0
        for name in self._unmatched:
            variable = self._variables[name]
            total += variable.width
            if total > _MAX_BITS or variable.width > 64:
                continue
            for i in range(variable.width):
                values = self._of(name) >> np.uint64(i) & np.uint64(1)
                bit = t.extract(variable, i, 1)
                if bool((values == values[0]).all()):
                    yield t.apply("eq", bit, t.const(int(values[0]), 1))
                elif (same := bits.get(key(values))) is not None:
                    yield t.apply("eq", bit, same)
                elif (other := bits.get(key(values ^ np.uint64(1)))) is not None:
                    yield t.apply("eq", bit, t.lnot(other))
                else:
                    bits[key(values)] = bit
