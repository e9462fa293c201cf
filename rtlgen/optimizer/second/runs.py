"""Random runs of a product: the states it is seen in, from which invariants are guessed."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.graphs.wordlevel.vectors import (
    Vector,
    bit_of,
    corner_values,
    from_ints,
    random_vector,
    shaped_vector,
)
from rtlgen.optimizer.second.points import Points
from rtlgen.optimizer.second.product import Product

TRACES = 96
_MAX_CYCLES = 512
_MAX_POINTS = 24_000


class Runs:
    """States seen in random runs.

    Attributes:
        values: vector of every state variable, one entry a point.
        count: number of points.
    """

    def __init__(self, product: Product, seconds: float, seed: int = 1) -> None:
        self._product = product
        self._rng = np.random.default_rng(seed)
        roots = product.steps.values()
        self._corners = tuple(dict.fromkeys(x.const_value for x in t.walk(*roots) if x.is_const))[:64]
        self._inputs = product.inputs
        self._bias = {n: self._rng.choice([0.02, 0.2, 0.5, 0.8, 0.98], TRACES) for n in self._inputs}
        self._hold = self._rng.choice([0.0, 0.0, 0.5, 0.9], TRACES)
        seen = self._run(time.monotonic() + seconds)
        step = max(1, len(seen) * TRACES // _MAX_POINTS)
        self.values = {n: np.concatenate([s[n] for s in seen[::step]]) for n in product.states}
        self.count = TRACES * len(seen[::step])

    def _run(self, deadline: float) -> list[dict[str, Vector]]:
        names = list(self._product.states)
        terms = [self._product.steps[n] for n in names]
        state = self._first()
        inputs: dict[str, Vector] = {}
        seen = []
        for _ in range(_MAX_CYCLES):
            seen.append(state)
            if time.monotonic() > deadline:
                break
            inputs = self._draw(inputs)
            state = dict(zip(names, Points({**inputs, **state}, TRACES).all(terms), strict=True))
        return seen

    def _first(self) -> dict[str, Vector]:
        free = t.variables(*self._product.start.values())
        drawn = {n: random_vector(w, TRACES, self._rng) for n, w in free.items()}
        names = list(self._product.start)
        values = Points(drawn, TRACES).all(self._product.start[n] for n in names)
        return dict(zip(names, values, strict=True))

    def _draw(self, last: Mapping[str, Vector]) -> dict[str, Vector]:
        keep = self._rng.random(TRACES) < self._hold
        resets = dict(self._product.reset.levels)
        drawn = {}
        for name, width in self._inputs.items():
            if name in resets:
                # half of the runs are never reset again
                again = (self._rng.random(TRACES) < 0.02) & (np.arange(TRACES) % 2 == 0)
                drawn[name] = np.where(again, np.uint64(resets[name]), np.uint64(1 - resets[name]))
                continue
            fresh = self._fresh(name, width)
            drawn[name] = np.where(keep, last[name], fresh) if name in last else fresh
        return drawn

    def _fresh(self, name: str, width: int) -> Vector:
        if width == 1:
            return bit_of(self._rng.random(TRACES) < self._bias[name])
        corners = from_ints(corner_values(width, self._corners), width)
        return shaped_vector(width, TRACES, self._rng, corners)

    def of(self, terms: list[Term]) -> list[Vector]:
        """Return the value of terms over state variables at every point."""
        return Points(self.values, self.count).all(terms)


def key(vector: Vector) -> bytes:
    """Return what is equal for equal values, whatever their width."""
    if vector.dtype == object:
        if all(int(v) >> 64 == 0 for v in vector):
            return vector.astype(np.uint64).tobytes()
        return repr(vector.tolist()).encode()
    return vector.tobytes()
