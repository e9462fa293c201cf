"""Search for an expression with given values: bottom-up enumeration, then goal-directed joins of what it found.

The last operator of the wanted expression is inverted: for `target = x + y` every known `x` asks the bank for
`target - x`; for `c ? x : y` all conditions and all branches are matched at once as one matrix product; what no
single decision explains goes to a decision tree (Alur, Radhakrishna, Udupa: "Scaling enumerative program synthesis
via divide and conquer", TACAS 2017).
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.simulate import MemoryReader, Vector, evaluate_terms
from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.optimizer.resynth import idioms
from rtlgen.optimizer.resynth.bank import Bank, Pool, Words, as_words
from rtlgen.optimizer.resynth.cost import clutter, term_cost

LARGEST_WORD: Final = 64
_LIMIT: Final = 6000
_BITS_LIMIT: Final = 4000
_BINARY: Final[Mapping[str, Callable[[Words, Words], Words]]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "and": lambda a, b: a & b,
    "or": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b,
    "mul": lambda a, b: a * b,
}


@dataclass(frozen=True, slots=True)
class Points:
    """Sample points: values of the signals an expression may read."""

    count: int
    values: Mapping[str, Vector]
    memories: Mapping[str, MemoryReader] = field(default_factory=dict)

    def evaluate(self, *roots: Term) -> list[Vector]:
        """Return one vector per term."""
        return evaluate_terms(roots, self.values, self.count, self.memories)

    def take(self, chosen: NDArray[np.intp]) -> Points:
        """Return the chosen points; memories can't be subset, so none may be read."""
        return Points(len(chosen), {n: v[chosen] for n, v in self.values.items()})


@dataclass(frozen=True, slots=True)
class Solution:
    """An expression that equals the target at all points looked at."""

    term: Term
    cost: float


class Searcher:
    """A bank over fixed leaves and points, and the ways to find targets in it."""

    def __init__(
        self,
        leaves: Sequence[Term],
        points: Points,
        constants: Iterable[int] = (),
        *,
        harvest: Sequence[Term] = (),
        deadline_s: float = float("inf"),
        seed: int = 0,
    ) -> None:
        """Seed the bank.

        Args:
            leaves: variables (or any terms) that count as free.
            points: values of everything the leaves read.
            constants: literals worth trying.
            harvest: expressions of the design worth trying as building blocks.
            deadline_s: `time.monotonic()` after which growing stops.
        """
        self.points = points
        self.bank = Bank(points.count, seed)
        self.constants = tuple(dict.fromkeys(constants))[:24]
        self.deadline_s = deadline_s
        self.words = [x for x in leaves if 1 < x.width <= LARGEST_WORD][:28]
        self.wide = [x for x in leaves if x.width > LARGEST_WORD][:4]
        self.flags = [x for x in leaves if x.width == 1][:48]
        self.harvest = tuple(harvest)
        self._cache: dict[Term, Vector] = {}
        self._base: dict[int, int] = {}
        self._tiers: dict[int, int] = {}
        self._grown: set[int] = set()
        self._conditions_grown = False
        for leaf in (*self.flags, *self.words):
            self._put(leaf, 0.0)

    def late(self) -> bool:
        """Say whether the deadline has passed."""
        return time.monotonic() > self.deadline_s

    def row(self, term: Term) -> Words:
        """Return the values of a term of at most 64 bits."""
        result = evaluate_terms((term,), self.points.values, self.points.count, self.points.memories, self._cache)[0]
        return as_words(result)

    def _put(self, term: Term, cost: float | None = None) -> None:
        if term.width <= LARGEST_WORD:
            self.bank.add(term, self.row(term), term_cost(term) if cost is None else cost)

    # Growing -------------------------------------------------------------------------------------------------

    def grow_conditions(self) -> None:
        """Fill the pool of 1-bit expressions: bits, reductions, comparisons, and pairs of them."""
        if self._conditions_grown:
            return
        self._conditions_grown = True
        for value in (0, 1):
            self._put(t.const(value, 1), 0.0)
        self._compare_pairs()
        self._put_harvest(1)
        pool = self.bank.pool(1)
        self._set_tier(0, 0)
        relations = len(pool)
        self._pair_conditions(range(min(relations, 20)))
        self._set_tier(relations, 1)
        start = len(pool)
        self._single_bits()
        for word in self.words:
            self._compare_constants(word)
            for op in t.REDUCTIONS:
                self._put(t.apply(op, word))
        self._set_tier(start, 2)
        chosen = [*range(min(relations, 24)), *range(start, min(start + 72, len(pool)))]
        self._pair_conditions(chosen)

    def _single_bits(self) -> None:
        budget = 160
        for word in sorted((*self.words, *self.wide), key=lambda w: w.width):
            picked = range(word.width) if word.width <= budget else (0, word.width - 1)
            budget -= len(picked)
            for i in picked:
                self._put(idioms.bit(word, i))

    def _put_harvest(self, width: int) -> None:
        for term in self.harvest:
            if term.width == width:
                self._put(term)

    def ranked(self, width: int, count: int) -> list[int]:
        """Return the numbers of the pool's first choices: the seeds by cost, then what was built from them."""
        pool, base = self.bank.pool(width), self._base.get(width, 0)
        if width == 1:
            return sorted(range(len(pool)), key=lambda i: (self._tiers.get(i, 3), pool.costs[i]))[:count]
        return sorted(range(len(pool)), key=lambda i: (i >= base, pool.costs[i]))[:count]

    def _set_tier(self, start: int, tier: int) -> None:
        """Rank the conditions added from number `start` on: 0 relations, 1 pairs of them, 2 bits, 3 the rest."""
        for i in range(start, len(self.bank.pool(1))):
            self._tiers.setdefault(i, tier)

    def _compare_constants(self, word: Term) -> None:
        top = t.mask(word.width)
        near = {c + d for c in self.constants for d in (-1, 0, 1) if 0 <= c + d <= top}
        powers = {1 << i for i in range(word.width)}
        chosen = sorted(near)[:40] if word.width > 5 else range(top + 1)
        for value in chosen:
            self._put(t.apply("eq", word, t.const(value, word.width)))
        for value in sorted({*chosen, *powers})[:60]:
            self._put(t.apply("ult", word, t.const(value, word.width)))

    def _compare_pairs(self) -> None:
        """Add comparisons of words, the order of each pair first, because choices hang on it most."""
        pairs = list(itertools.combinations(self.words, 2))
        wide = [(max(a.width, b.width), a, b) for a, b in pairs]
        for width, a, b in wide:
            self._put(t.apply("ult", t.zext(a, width), t.zext(b, width)))
        for width, a, b in wide:
            self._put(t.apply("eq", t.zext(a, width), t.zext(b, width)))
            self._put(t.apply("ult", t.zext(b, width), t.zext(a, width)))
        for width, a, b in wide:
            if width < LARGEST_WORD:
                total = t.apply("add", t.zext(a, width + 1), t.zext(b, width + 1))
                self._put(t.extract(total, width, 1))
            self._put(t.apply("slt", t.sext(a, width), t.sext(b, width)))
            self._put(t.apply("slt", t.sext(b, width), t.sext(a, width)))

    def _pair_conditions(self, chosen: Iterable[int]) -> None:
        pool, first = self.bank.pool(1), list(chosen)
        rows = pool.rows[first].copy()
        terms, costs = [pool.term(i) for i in first], [pool.costs[i] for i in first]
        one = np.uint64(1)
        for i in range(len(first)):
            if self.late():
                return
            for left, flipped in ((rows[i], False), (rows[i] ^ one, True)):
                base = t.lnot(terms[i]) if flipped else terms[i]
                for op in ("and", "or", "xor"):
                    values = _BINARY[op](left, rows)
                    total = [costs[i] + c + 1.5 for c in costs]
                    self.bank.add_rows(1, values, total, _joiner(op, base, terms), _BITS_LIMIT)

    def grow_words(self, width: int) -> None:
        """Fill the pool of one width: leaves, idioms, and one operator over them."""
        if width in self._grown or width > LARGEST_WORD or width < 2:
            return
        self._grown.add(width)
        for term in self._seeds(width):
            if not self.late():
                self._put(term)
        self._put_harvest(width)
        self._base[width] = len(self.bank.pool(width))
        self._apply_all(width)

    def _seeds(self, width: int) -> Iterator[Term]:
        top = t.mask(width)
        yield from (t.const(c, width) for c in dict.fromkeys((0, 1, top, *(c & top for c in self.constants))))
        for word in (*self.words, *self.wide):
            yield t.zext(word, width)
            if width > word.width:
                yield t.sext(word, width)
            elif width < word.width:
                yield from (t.extract(word, low, width) for low in self._offsets(word.width, width))
        for flag in self.flags[:12]:
            yield t.zext(flag, width)
            yield t.sext(flag, width)
        yield from self._idioms(width)

    @staticmethod
    def _offsets(width: int, size: int) -> Iterable[int]:
        if width <= 24:
            return range(1, width - size + 1)
        return sorted({width - size, *range(0, width - size + 1, size), *range(0, width - size + 1, 8)})

    def _idioms(self, width: int) -> Iterator[Term]:
        small = [x for x in (*self.words, *self.flags) if x.width <= 7]
        for word in self.words:
            if 2 <= width <= 8 or word.width == width:
                for term in idioms.unary(word):
                    if term.width == width:
                        yield term
                    elif term.width < width <= 8:
                        yield t.zext(term, width)
        for word in (*self.words, *self.wide):
            for amount in small:
                if amount is not word:
                    yield from (x for x in idioms.by_amount(word, amount) if x.width == width)
        for amount in small:
            yield from idioms.decoder(amount, width)

    def _apply_all(self, width: int) -> None:
        pool = self.bank.pool(width)
        limit = np.uint64(t.mask(width))
        first = self.ranked(width, 90)
        rows = pool.rows[first].copy()
        terms, costs = [pool.term(i) for i in first], [pool.costs[i] for i in first]
        for i in range(len(first)):
            if self.late():
                return
            self._put(t.apply("not", terms[i]), costs[i] + 0.5 * width)
            for op, compute in _BINARY.items():
                if op == "mul" and (terms[i].is_const or costs[i] > 0):
                    continue
                values = compute(rows[i], rows) & limit
                total = [costs[i] + c + _OPERATOR_COST[op] * width * (width if op == "mul" else 1) for c in costs]
                self.bank.add_rows(width, values, total, _joiner(op, terms[i], terms), _LIMIT)

    # Finding -------------------------------------------------------------------------------------------------

    def solve(self, target: Words, width: int, *, depth: int = 3) -> list[Solution]:
        """Return expressions with the target's values at all points, cheapest first, at most a dozen.

        Args:
            target: wanted values.
            width: bits of the target, at most 64.
            depth: greatest depth of a decision tree.
        """
        self.grow_conditions()
        found = list(self._by_bits(target, width)) + list(self._by_core(target, width))
        self.grow_words(width)
        exact = self.bank.find(width, target)
        if exact is not None:
            found.append(self.bank.pool(width).term(exact))
        for strategy in (self._by_inverse, self._by_choice, self._by_amount):
            if not self.late():
                found += strategy(target, width)
        if not found and not self.late():
            tree = DecisionTree(self, target, width).grow(depth)
            found += [tree] if tree is not None else []
        unique = {term: term_cost(term) + clutter(term) for term in found}
        return [Solution(term, cost) for term, cost in sorted(unique.items(), key=lambda kv: kv[1])][:12]

    def _by_bits(self, target: Words, width: int) -> Iterator[Term]:
        """Yield the concatenation of separately known bits."""
        pieces: list[Term] = []
        pool = self.bank.pool(1)
        for i in range(width):
            number = self.bank.find(1, target >> np.uint64(i) & np.uint64(1))
            if number is None:
                return
            pieces.append(pool.term(number))
        yield t.concat(*reversed(pieces))

    def _by_core(self, target: Words, width: int) -> Iterator[Term]:
        """Yield solutions in which known high and low bits frame a narrower unknown word."""
        pool = self.bank.pool(1)
        numbers = [self.bank.find(1, target >> np.uint64(i) & np.uint64(1)) for i in range(width)]
        unknown = [i for i, n in enumerate(numbers) if n is None]
        if not unknown or unknown[-1] - unknown[0] + 1 == width:
            return
        low, high = unknown[0], unknown[-1] + 1
        inner = target >> np.uint64(low) & np.uint64(t.mask(high - low))
        known = [pool.term(n) if n is not None else t.const(0, 1) for n in numbers]
        for solution in self.solve(inner, high - low, depth=1)[:3]:
            yield t.concat(*reversed(known[high:]), solution.term, *reversed(known[:low]))

    def _by_amount(self, target: Words, width: int) -> list[Term]:
        """Return words rotated or shifted by a computed amount: the amount each point needs is solved for."""
        found: list[Term] = []
        for word in (w for w in self.words if w.width == width and 4 <= width <= 32):
            if width & (width - 1) == 0 and not self.late():
                found += self._rotated(target, word)
        return found

    def _rotated(self, target: Words, word: Term) -> list[Term]:
        row, bits = self.row(word), word.width.bit_length() - 1
        limit = np.uint64(t.mask(word.width))
        turned = [(row >> np.uint64(k) | row << np.uint64((word.width - k) % 64)) & limit for k in range(word.width)]
        fits = np.stack([turned[0] == target if k == 0 else turned[k] == target for k in range(word.width)])
        if not fits.any(axis=0).all():
            return []
        clear = np.flatnonzero(fits.sum(axis=0) == 1)
        if len(clear) < 24 or self.points.memories:
            return []
        amount = fits[:, clear].argmax(axis=0).astype(np.uint64)
        leaves = [x for x in (*self.flags, *self.words) if x.width <= 8]
        inner = Searcher(leaves, self.points.take(clear), (), deadline_s=self.deadline_s)
        return [idioms.rotate(word, s.term, left=False) for s in inner.solve(amount, bits, depth=1)[:3]]

    def _by_inverse(self, target: Words, width: int) -> list[Term]:
        """Return `x op y` for known x and y."""
        pool = self.bank.pool(width)
        rows, limit = pool.rows, np.uint64(t.mask(width))
        found: list[tuple[float, Term]] = []
        questions = [("add", target - rows), ("sub", rows - target), ("xor", rows ^ target)]
        if width == 1:
            questions = questions[2:]
        for op, wanted in questions if len(pool) else ():
            for i, j in self.bank.find_rows(width, wanted & limit):
                if _is_trivial(pool.term(i)) or _is_trivial(pool.term(j)):
                    continue
                found.append((pool.costs[i] + pool.costs[j], t.apply(op, pool.term(i), pool.term(j))))
        found += self._by_mask(target, pool)
        return [term for _, term in sorted(found, key=lambda f: f[0])[:12]]

    def _by_mask(self, target: Words, pool: Pool) -> list[tuple[float, Term]]:
        """Return `x & y` and `x | y`: only x that contain (are contained in) the target can take part."""
        found: list[tuple[float, Term]] = []
        for op, fits in (("and", (pool.rows & target) == target), ("or", (pool.rows | target) == target)):
            chosen = np.flatnonzero(fits.all(axis=1))
            chosen = np.array(sorted(chosen, key=lambda i: pool.costs[i])[:150], dtype=np.intp)
            rows = pool.rows[chosen]
            for a, i in enumerate(chosen.tolist()):
                values = _BINARY[op](rows[a], rows)
                for b in np.flatnonzero((values == target).all(axis=1))[:3]:
                    j = int(chosen[b])
                    if _is_trivial(pool.term(i)) or _is_trivial(pool.term(j)):
                        continue
                    found.append((pool.costs[i] + pool.costs[j], t.apply(op, pool.term(i), pool.term(j))))
        return found

    def _by_choice(self, target: Words, width: int) -> list[Term]:
        """Return `c ? x : y` for known c, x, y."""
        match = Matches(self, target, width)
        found: list[tuple[float, Term]] = []
        yes, no = match.best(True), match.best(False)
        for k in np.flatnonzero(np.isfinite(yes[0]) & np.isfinite(no[0])).tolist():
            term = t.ite(match.condition(k), match.word(int(yes[1][k])), match.word(int(no[1][k])))
            found.append((float(yes[0][k] + no[0][k] + match.condition_costs[k]), term))
        return [term for _, term in sorted(found, key=lambda f: f[0])[:6]]


_OPERATOR_COST: Final[Mapping[str, float]] = {"add": 6.0, "sub": 6.2, "and": 1.3, "or": 1.3, "xor": 2.2, "mul": 6.0}


def _joiner(op: str, left: Term, rights: Sequence[Term]) -> Callable[[int], Term]:
    return lambda i: t.apply(op, left, rights[i])


def _is_trivial(term: Term) -> bool:
    return term.is_const and term.const_value in (0, t.mask(term.width))


class Matches:
    """Which words equal the target at which points, and which conditions separate the points."""

    def __init__(self, searcher: Searcher, target: Words, width: int, words: int = 1500, conditions: int = 900) -> None:
        pool, bits = searcher.bank.pool(width), searcher.bank.pool(1)
        chosen = searcher.ranked(width, words)
        self._pool, self._bits, self._chosen = pool, bits, chosen
        self.costs = np.array([pool.costs[i] for i in chosen])
        self.equal = (pool.rows[chosen] == target).astype(np.float32)
        picked = searcher.ranked(1, conditions)
        self._picked = picked
        self.condition_costs = np.array([bits.costs[i] for i in picked])
        self.holds = bits.rows[picked].astype(np.float32)

    def word(self, number: int) -> Term:
        """Return the word of a row of `equal`."""
        return self._pool.term(self._chosen[number])

    def condition(self, number: int) -> Term:
        """Return the condition of a row of `holds`."""
        return self._bits.term(self._picked[number])

    def best(self, side: bool) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """Return per condition the least cost and number of a word that is right wherever it is `side`."""
        where = self.holds if side else 1 - self.holds
        complete = (self.equal @ where.T) >= where.sum(axis=1)
        costs = np.where(complete, self.costs[:, None], np.inf)
        return costs.min(axis=0), costs.argmin(axis=0)


class DecisionTree:
    """Nested decisions whose leaves are known words; greedy choice of conditions by how much each side explains."""

    def __init__(self, searcher: Searcher, target: Words, width: int) -> None:
        self.searcher = searcher
        self.match = Matches(searcher, target, width, 500, 1600)

    def grow(self, depth: int) -> Term | None:
        """Return the tree's term, or None where the depth does not suffice."""
        if not len(self.match.costs) or not len(self.match.condition_costs):
            return None
        return self._grow(np.ones(self.match.equal.shape[1], dtype=np.float32), depth)

    def _grow(self, at: NDArray[np.float32], depth: int) -> Term | None:
        match, total = self.match, at.sum()
        complete = np.flatnonzero(match.equal @ at >= total)
        if len(complete):
            return match.word(int(complete[match.costs[complete].argmin()]))
        if depth == 0 or self.searcher.late():
            return None
        yes = match.holds * at
        size = yes.sum(axis=1)
        right_yes = (match.equal @ yes.T).max(axis=0)
        right_no = (match.equal @ (at - yes).T).max(axis=0)
        useful = (size > 0) & (size < total)
        score = right_yes + right_no + 0.2 * total * ((right_yes >= size) | (right_no >= total - size))
        score = np.where(useful, score - 0.002 * total * match.condition_costs, -np.inf)
        for k in np.argsort(-score)[:2]:
            if not np.isfinite(score[k]):
                return None
            then = self._grow(yes[k], depth - 1)
            other = self._grow(at - yes[k], depth - 1) if then is not None else None
            if then is not None and other is not None:
                return t.ite(match.condition(k), then, other)
        return None
