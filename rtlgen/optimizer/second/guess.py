"""Guesses what may hold in every reachable state of a product; nothing here is believed before it is proved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, permutations, product

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
_MAX_CASES = 400
_MAX_UNMATCHED = 40
_MAX_BITS = 160
_MAX_RELATIONS = 16
_WORD = 4
"""Bits from which a register may be a counter."""
_MAX_WORDS = 8
"""Registers of each design that may be sums of two of the other's."""
_CODES = 8
_MAX_SUBTERMS = 1500
_MIN_POINTS = 4


@dataclass(frozen=True, slots=True)
class Guesses:
    """What is guessed.

    Attributes:
        classes: names of state variables that are equal (the narrower with zeros above).
        near: one-bit terms over state variables that read a register without a partner in the other design.
        far: further ones.
        pairs: values that a register without a partner was seen with beside another one, both of few values.
        equal_pairs: the same for the members of a class.
    """

    classes: list[list[str]]
    near: list[Term]
    far: list[Term]
    pairs: dict[tuple[str, str], set[tuple[int, int]]]
    equal_pairs: dict[tuple[str, str], set[tuple[int, int]]]


def guess(machines: Product, runs: Runs, *, briefly: bool = False) -> Guesses:
    """Return what holds in all runs, most useful first; only equal registers and codes where `briefly`."""
    found = _Finder(machines, runs)
    unmatched = set(found.unmatched)
    near: list[Term] = []
    far: list[Term] = []
    for claim in dict.fromkeys(g for g in ([] if briefly else found.all()) if not g.is_const):
        (near if unmatched & set(t.variables(claim)) else far).append(claim)
    return Guesses(found.classes, near[:MAX_GUESSES], far[:MAX_GUESSES], found.pairs(), found.equal_pairs())


class _Finder:
    def __init__(self, machines: Product, runs: Runs) -> None:
        self._product, self._runs = machines, runs
        self._variables = {n: t.var(n, w) for n, w in machines.states.items()}
        self._constant = {n for n, v in runs.values.items() if bool((v == v[0]).all())}
        self.classes = self._classes()
        paired = {n for c in self.classes for n in c}
        free = [n for n in machines.states if n not in self._constant]
        self.unmatched = [n for n in machines.states if n not in paired]
        self._unmatched = [n for n in free if n not in paired][:_MAX_UNMATCHED]
        firsts = {c[0] for c in self.classes}
        self._representatives = [n for n in free if n not in paired or n in firsts]
        self._few = {n: v for n in free if len(v := np.unique(runs.values[n])) <= _FEW}

    def _classes(self) -> list[list[str]]:
        """Return registers of one name that were always equal, then others of both designs that were."""
        keys = {n: key(v) for n, v in self._runs.values.items()}
        classes = []
        left: dict[bytes, list[str]] = {}
        for name in keys:
            partner = (NEW if name.startswith(OLD) else OLD) + name[len(OLD) :]
            if keys.get(partner) != keys[name]:
                if name not in self._constant:
                    left.setdefault(keys[name], []).append(name)
            elif name.startswith(OLD):
                classes.append([name, partner])
        return classes + [g for g in left.values() if len({n[: len(OLD)] for n in g}) > 1]

    def all(self) -> Iterator[Term]:
        """Yield guesses."""
        for name in self._constant:
            yield self._equal_const(name, int(self._runs.values[name][0]))
        yield from self._twins()
        yield from self._features()
        yield from self._linear()
        yield from self._sums()
        yield from self._bounds()
        yield from self._orders()
        yield from self._codes()
        yield from self._by_state()
        yield from self._bits()

    def _equal_const(self, name: str, value: int) -> Term:
        variable = self._variables[name]
        return t.apply("eq", variable, t.const(value, variable.width))

    def _equal(self, a: Term, b: Term) -> Term:
        width = max(a.width, b.width)
        return t.apply("eq", t.zext(a, width), t.zext(b, width))

    def _twins(self) -> Iterator[Term]:
        """Yield that registers of different names are equal."""
        first: dict[bytes, str] = {}
        for name in self._representatives:
            other = first.setdefault(key(self._of(name)), name)
            if other != name:
                yield self._equal(self._variables[name], self._variables[other])

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

    def _sums(self) -> Iterator[Term]:
        """Yield that the low bits of a register are the sum or a difference of two of the other design."""
        words = [n for n in self._unmatched if _WORD <= self._product.states[n] <= 64]
        new, old = ([n for n in words if n.startswith(p)][:_MAX_WORDS] for p in (NEW, OLD))
        for parts, totals in ((old, new), (new, old)):
            for (a, b), total in product(combinations(parts, 2), totals):
                for left, right, op in ((a, b, "add"), (a, b, "sub"), (b, a, "sub")):
                    yield from self._sum(total, left, right, op)

    def _sum(self, total: str, a: str, b: str, op: str) -> Iterator[Term]:
        width = min(self._product.states[n] for n in (total, a, b))
        value = self._of(a) + self._of(b) if op == "add" else self._of(a) - self._of(b)
        rest = (self._of(total) - value) & np.uint64(t.mask(width))
        if bool((rest == rest[0]).all()):
            left, right, low = (t.extract(self._variables[n], 0, width) for n in (a, b, total))
            yield t.apply("eq", t.apply("sub", low, t.apply(op, left, right)), t.const(int(rest[0]), width))

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

    def _orders(self) -> Iterator[Term]:
        """Yield that one counter never exceeds another one."""
        words = [n for n in self._representatives if _WORD <= self._product.states[n] <= 64]
        for a, b in permutations(words[:_MAX_RELATIONS], 2):
            if bool((self._of(a) <= self._of(b)).all()):
                width = max(self._product.states[a], self._product.states[b])
                yield t.apply("ule", t.zext(self._variables[a], width), t.zext(self._variables[b], width))

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

    def pairs(self) -> dict[tuple[str, str], set[tuple[int, int]]]:
        """Return values seen together, for a register without a partner and another one."""
        old, new = ([n for n in self._unmatched if n in self._few and n.startswith(p)] for p in (OLD, NEW))
        codes = [n for n in self._representatives if len(self._few.get(n, range(99))) <= _CODES]
        others = [n for n in codes if n not in old and n not in new]
        chosen = list(product(old or others, new or others)) if old or new else []
        chosen.sort(key=lambda p: (p[0][len(OLD) :] != p[1][len(NEW) :], -len(self._few[p[0]]) - len(self._few[p[1]])))
        return {p: self._together(*p) for p in chosen[:_MAX_RELATIONS]}

    def equal_pairs(self) -> dict[tuple[str, str], set[tuple[int, int]]]:
        """Return values seen together, for members of a class."""
        few = self._few.keys() | self._constant
        return {(c[0], n): self._together(c[0], n) for c in self.classes for n in c[1:] if {c[0], n} <= few}

    def _together(self, a: str, b: str) -> set[tuple[int, int]]:
        return set(zip(map(int, self._of(a)), map(int, self._of(b)), strict=True))

    def _implied(self, a: str, b: str) -> Iterator[Term]:
        if key(self._of(a)) == key(self._of(b)):
            return
        for value in self._few[a]:
            partners = np.unique(self._of(b)[self._of(a) == value])
            if len(partners) < len(self._few[b]):
                yield t.lor(t.lnot(self._equal_const(a, int(value))), self._among(b, partners))

    def _by_state(self) -> Iterator[Term]:
        """Yield what registers without a partner are while a state code has one value."""
        wide = [n for n in self._unmatched if len(self._few.get(n, range(99))) > _CODES]
        controls = sorted(self._few, key=lambda n: (not n.startswith(NEW), -len(self._few[n])))[:_MAX_CONTROLS]
        cases = [[(c, int(v))] for c in controls for v in self._few[c]]
        if len(wide) <= _FEW:
            cases += [a + b for a, b in combinations(cases, 2) if a[0][0] != b[0][0]]
        for case in cases[:_MAX_CASES]:
            where = np.logical_and.reduce([self._of(c) == v for c, v in case])
            if int(where.sum()) >= _MIN_POINTS:
                outside = t.const(0, 1)
                for c, v in case:
                    outside = t.lor(outside, t.lnot(self._equal_const(c, v)))
                for claim in self._there(wide, {c for c, _ in case}, where):
                    yield t.lor(outside, claim)

    def _there(self, wide: list[str], controls: set[str], where: Vector) -> Iterator[Term]:
        for a in wide:
            here = self._of(a)[where]
            if bool((here == here[0]).all()):
                yield self._equal_const(a, int(here[0]))
                continue
            for b in self._representatives:
                if b == a or b in controls or self._product.states[b] < 2:
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
