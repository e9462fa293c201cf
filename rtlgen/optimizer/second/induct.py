"""Induction over a product: guesses that are not inductive are dropped, and under the rest the outputs must agree.

Houdini (Flanagan and Leino, FME 2001) with counterexamples that drop many guesses at a time; equal registers are one
variable (van Eijk, TCAD 2000), so that what did not change becomes the same term and needs no solver; k-induction
(Sheeran, Singh and Stålmarck, FMCAD 2000).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.graphs.wordlevel.vectors import Vector, from_ints, random_vector
from rtlgen.optimizer.second.guess import Guesses
from rtlgen.optimizer.second.machine import NotHandledError
from rtlgen.optimizer.second.points import Points
from rtlgen.optimizer.second.polynomials import Polynomials
from rtlgen.optimizer.second.product import Product
from rtlgen.optimizer.second.rails import Substitution
from rtlgen.optimizer.second.smt import Solver

_QUESTION_S = 3.0
_MIN_QUESTION_S = 0.3
_AROUND = 64
_MAX_PAIRS = 80
_LITTLE = 40_000


class Induction:
    """One attempt with `depth` steps at a time.

    Args:
        product: what to prove.
        guesses: what is tried as invariants; `near` and `far` as given by `claims`.
        claims: one-bit guesses to use.
        depth: steps that are assumed.
        deadline: `time.monotonic()` value at which the attempt ends.
    """

    def __init__(self, product: Product, guesses: Guesses, claims: Sequence[Term], depth: int, deadline: float) -> None:
        self._product = product
        self._depth = depth
        self._deadline = deadline
        self._classes = [list(c) for c in guesses.classes]
        self._guesses = list(claims)
        self._label: Callable[[Term], Any]
        self.used_polynomials = False
        self._seen_equal = guesses.equal_pairs
        self._relations = [Relation(a, b, set(found)) for (a, b), found in guesses.pairs.items()]

    def prove(self) -> None:
        """Prove every claim in every reachable state.

        Raises:
            NotHandledError: that can't be shown, or not in time.
        """
        self._base()
        while not self._round():
            pass

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise NotHandledError("out of time")
        return left

    def _solver(self) -> Solver:
        left = self._left()
        return Solver(max(min(left, _MIN_QUESTION_S), min(_QUESTION_S, left / 3)))

    # The first states.

    def _base(self) -> None:
        """Drop guesses that the first `depth` states do not have; check the claims there."""
        state = dict(self._product.start)
        solver = self._solver()
        for frame in range(self._depth):
            put = Substitution(state | self._inputs(frame))
            self._guesses = [g for g in self._guesses if self._holds(solver, put(g))]
            self._relations = [r for r in self._relations if self._holds(solver, put(r.term(self._product)))]
            self._classes = [c for group in self._classes for c in self._split_base(solver, group, put)]
            if frame or self._depth > 1:
                for name, claim in self._product.claims.items():
                    if not self._holds(solver, put(claim)):
                        raise NotHandledError(f"output {name} is not shown to be equal in step {frame}")
            state = {n: put(term) for n, term in self._product.steps.items()}

    def _holds(self, solver: Solver, claim: Term, given: Sequence[Any] = ()) -> bool:
        """Return whether a claim is shown: by the solver, or where that gives up, by polynomials."""
        if claim.is_const:
            return bool(claim.value)
        self._left()
        answer = solver.some_false([claim], given)
        if answer is None and Polynomials().equal(claim):
            self.used_polynomials = True
            return True
        return answer is False

    def _is_plain(self, claim: Term) -> bool:
        """Return whether a claim is clear without a solver."""
        if claim.is_const:
            return bool(claim.value)
        equal = Polynomials(_LITTLE).equal(claim)
        self.used_polynomials |= equal
        return equal

    def _split_base(self, solver: Solver, group: list[str], put: Substitution) -> list[list[str]]:
        """Return the parts of a class that are equal there."""
        parts: list[list[str]] = []
        for name in group:
            for part in parts:
                if self._holds(solver, put(self._same(name, part[0]))):
                    part.append(name)
                    break
            else:
                parts.append([name])
        return [p for p in parts if len(p) > 1]

    def _same(self, a: str, b: str) -> Term:
        left, right = (t.var(n, self._product.states[n]) for n in (a, b))
        width = max(left.width, right.width)
        return t.apply("eq", t.zext(left, width), t.zext(right, width))

    def _inputs(self, frame: int) -> dict[str, Term]:
        return {n: t.var(f"{n}@{frame}", w) for n, w in self._product.inputs.items()}

    # The step.

    def _round(self) -> bool:
        """Return whether all claims are proved; False after guesses that are not inductive were dropped."""
        merged = self._merged()
        frames = [merged]
        for frame in range(self._depth):
            put = Substitution(frames[-1] | self._inputs(frame))
            frames.append({n: put(term) for n, term in self._product.steps.items()})
        solver = self._solver()
        labels = self._assume(solver, frames)
        if not self._drop(solver, labels, frames[-1]):
            return False
        self._claims(labels, frames)
        return True

    def _merged(self) -> dict[str, Term]:
        """Return the first frame: each class is one variable, the narrowest of its members."""
        values = {n: t.var(n, w) for n, w in self._product.states.items()}
        for group in self._classes:
            first = min(group, key=lambda n: (self._product.states[n], n))
            one = values[first]
            for name in group:
                values[name] = t.zext(one, self._product.states[name])
        return values

    def _assume(self, solver: Solver, frames: list[dict[str, Term]]) -> list[Any]:
        """Assume everything guessed in all frames but the last, and the claims in those before the last two.

        Returns:
            One label for each guess.
        """
        puts = [Substitution(frames[i] | self._inputs(i)) for i in range(self._depth)]
        for put in puts[1:]:
            for group in self._classes:
                for name in group[1:]:
                    self._assume_one(solver, put(self._same(name, group[0])))
        for put in puts:
            # sound, because the claims are proved below from the guesses of the same frame
            for claim in self._product.claims.values():
                self._assume_one(solver, put(claim))
        self._label = lambda claim: solver.label(_every(put(claim) for put in puts))
        return [self._label(guess) for guess in self._guesses]

    def _assume_one(self, solver: Solver, claim: Term) -> None:
        if not claim.is_const:
            solver.fact(claim)
        elif not claim.value:
            raise NotHandledError("the claims contradict each other")

    def _drop(self, solver: Solver, labels: list[Any], last: dict[str, Term]) -> bool:
        """Drop guesses until all that remain follow; False where a class changed, so that frames are out of date."""
        put = Substitution(last)
        pairs = [(name, group[0], put(self._same(name, group[0]))) for group in self._classes for name in group[1:]]
        pairs = [p for p in pairs if not self._is_plain(p[2])]
        goals = {g: put(g) for g in self._guesses}
        label_of = dict(zip(self._guesses, labels, strict=True))
        while True:
            self._left()
            terms = {r: r.term(self._product) for r in self._relations}
            for claim in terms.values():
                if claim not in label_of:
                    label_of[claim] = self._label(claim)
            related = {r: put(claim) for r, claim in terms.items()}
            asked = [*(p[2] for p in pairs), *goals.values(), *related.values()]
            given = [label_of[g] for g in (*goals, *terms.values())]
            answer = solver.some_false([c for c in asked if not (c.is_const and c.value)], given)
            if answer is False:
                self._guesses = list(goals)
                return True
            if answer:
                around = _Neighbours(solver, asked, self._depth)
                bad_pairs = [p for p in pairs if around.fails(p[2])]
                bad = {g for g, c in goals.items() if around.fails(c)}
                self._relations = [
                    r for r, c in related.items() if around.first(c) or r.grow(around, put, self._product)
                ]
            else:
                bad_pairs, bad = self._hard(solver, pairs, goals | {terms[r]: c for r, c in related.items()}, given)
                self._relations = [r for r in self._relations if terms[r] not in bad]
            if not answer and not bad_pairs and not bad:
                self._guesses = list(goals)
                return True
            goals = {g: c for g, c in goals.items() if g not in bad}
            if bad_pairs:
                self._guesses = list(goals)
                self._split({n for n, _, _ in bad_pairs})
                return False

    def _hard(
        self, solver: Solver, pairs: list[tuple[str, str, Term]], goals: dict[Term, Term], given: list[Any]
    ) -> tuple[list[tuple[str, str, Term]], set[Term]]:
        """Return what is not shown one by one, after all at once took too long."""
        bad_pairs = [p for p in pairs if not self._holds(solver, p[2], given)]
        return bad_pairs, {g for g, c in goals.items() if not self._holds(solver, c, given)}

    def _split(self, names: set[str]) -> None:
        """Take names out of their classes; those of one class may still be equal, or be codes of the same states."""
        for group in self._classes:
            for name in names & set(group[1:]):
                if (group[0], name) in self._seen_equal:
                    self._relations.append(Relation(group[0], name, set(self._seen_equal[group[0], name])))
        parts = [[n for n in g if (n in names) == out] for g in self._classes for out in (False, True)]
        self._classes = [p for p in parts if len(p) > 1]

    def _claims(self, labels: list[Any], frames: list[dict[str, Term]]) -> None:
        """Prove the claims in the last frame but one, from the guesses up to it and the claims before it."""
        solver = self._solver()
        puts = [Substitution(frames[i] | self._inputs(i)) for i in range(self._depth)]
        for i, put in enumerate(puts):
            for guess in (*self._guesses, *(r.term(self._product) for r in self._relations)):
                self._assume_one(solver, put(guess))
            for group in self._classes if i else ():
                for name in group[1:]:
                    self._assume_one(solver, put(self._same(name, group[0])))
            if i < self._depth - 1:
                for claim in self._product.claims.values():
                    self._assume_one(solver, put(claim))
        for name, claim in self._product.claims.items():
            if not self._holds(solver, puts[-1](claim)):
                raise NotHandledError(f"output {name} is not shown to be equal")


class _Neighbours:
    """A counterexample and points around it: the same states with other inputs in the last step.

    A point may break a claim that was assumed, so that a guess is dropped for no good reason; that costs a proof at
    most, and one question drops what would otherwise take many.
    """

    def __init__(self, solver: Solver, claims: Sequence[Term], depth: int) -> None:
        names = t.variables(*claims)
        rng = np.random.default_rng(len(names))
        self._values: dict[str, Vector] = {}
        for name, width in names.items():
            value = solver.value(t.var(name, width))
            vector = from_ints([value] * _AROUND, width)
            if name.endswith(f"@{depth - 1}"):
                drawn = random_vector(width, _AROUND, rng)
                vector = np.where(np.arange(_AROUND) == 0, vector, drawn)
            self._values[name] = vector
        self.points = Points(self._values, _AROUND)

    def fails(self, claim: Term) -> bool:
        """Return whether a claim is 0 at some point."""
        return not claim.value if claim.is_const else not bool(self.points(claim).all())

    def first(self, claim: Term) -> int:
        """Return the value of a term at the counterexample itself."""
        return claim.const_value if claim.is_const else int(self.points(claim)[0])


class Relation:
    """Values that two registers have together; unlike other guesses it grows until it holds, while it is small."""

    def __init__(self, a: str, b: str, pairs: set[tuple[int, int]]) -> None:
        self._a, self._b, self._pairs = a, b, pairs

    def term(self, product: Product) -> Term:
        """Return that one of the pairs holds."""
        left, right = (t.var(n, product.states[n]) for n in (self._a, self._b))
        result = t.const(0, 1)
        for x, y in sorted(self._pairs):
            both = t.land(t.apply("eq", left, t.const(x, left.width)), t.apply("eq", right, t.const(y, right.width)))
            result = t.lor(result, both)
        return result

    def grow(self, around: _Neighbours, put: Substitution, product: Product) -> bool:
        """Add the pair of a counterexample; return whether the relation is still of use."""
        x, y = (around.first(put(t.var(n, product.states[n]))) for n in (self._a, self._b))
        self._pairs.add((x, y))
        return len(self._pairs) <= _MAX_PAIRS


def _every(claims: Iterable[Term]) -> Term:
    result = t.const(1, 1)
    for claim in claims:
        result = t.land(result, claim)
    return result
