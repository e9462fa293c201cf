"""Exhaustive simulation: every reachable pair of states with every input, where there are few enough. No solver."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.vectors import Vector, constant
from rtlgen.optimizer.second.machine import NotHandledError
from rtlgen.optimizer.second.points import Points
from rtlgen.optimizer.second.product import Product

MAX_STATES = 1 << 18
MAX_INPUT_BITS = 16
MAX_START_BITS = 12
_CHUNK = 1 << 17
_U64 = np.uint64


@dataclass(frozen=True, slots=True)
class Walked:
    """A finished walk: how many pairs of states were reached, and how many inputs each was tried with."""

    states: int
    inputs: int


def walk_is_possible(product: Product) -> bool:
    """Return whether a walk may be tried: few input bits, registers of at most 64 bits."""
    free = sum(t.variables(*product.start.values()).values())
    inputs = sum(product.inputs.values())
    wide = max(product.states.values(), default=1) > 64
    return inputs <= MAX_INPUT_BITS and free <= MAX_START_BITS and not wide


def walk(product: Product, deadline: float) -> Walked:
    """Return the size of the walk, after all claims held at every point of it.

    Raises:
        NotHandledError: a claim fails, there are too many states, or the time is over.
    """
    return _Walk(product, deadline).run()


class _Walk:
    def __init__(self, product: Product, deadline: float) -> None:
        self._product, self._deadline = product, deadline
        self._names = list(product.states)
        self._claims = [c for c in product.claims.values() if not (c.is_const and c.value)]
        self._inputs = product.inputs
        self._bits = sum(self._inputs.values())
        self._columns = self._layout()

    def _layout(self) -> list[tuple[int, int]]:
        """Return word and lowest bit of each state variable in a packed state."""
        places, word, low = [], 0, 0
        for name in self._names:
            width = self._product.states[name]
            if low + width > 64:
                word, low = word + 1, 0
            places.append((word, low))
            low += width
        return places

    def run(self) -> Walked:
        """Return the size of the walk."""
        frontier = self._first()
        seen = set(map(bytes, frontier))
        while len(frontier):
            fresh = []
            for part in self._parts(frontier):
                for state in self._after(part):
                    if (packed := bytes(state)) not in seen:
                        seen.add(packed)
                        fresh.append(state)
                if len(seen) > MAX_STATES:
                    raise NotHandledError(f"more than {MAX_STATES} pairs of states")
            frontier = np.array(fresh)
        return Walked(len(seen), 1 << self._bits)

    def _first(self) -> NDArray[np.void]:
        free = t.variables(*self._product.start.values())
        count = 1 << sum(free.values())
        index = np.arange(count, dtype=_U64)
        drawn = _dealt(free, index)
        values = Points(drawn, count).all(self._product.start[n] for n in self._names)
        return self._pack(values, count)

    def _parts(self, frontier: NDArray[np.void]) -> Iterator[NDArray[np.void]]:
        size = max(1, _CHUNK >> self._bits)
        for i in range(0, len(frontier), size):
            yield frontier[i : i + size]

    def _after(self, states: NDArray[np.void]) -> NDArray[np.void]:
        """Return the distinct states after one step from any of `states` with any input, the claims checked there."""
        if time.monotonic() > self._deadline:
            raise NotHandledError("out of time")
        per = 1 << self._bits
        count = len(states) * per
        values = {n: np.repeat(v, per) for n, v in self._unpack(states).items()}
        values |= _dealt(self._inputs, np.tile(np.arange(per, dtype=_U64), len(states)))
        steps = [self._product.steps[n] for n in self._names]
        results = Points(values, count).all([*self._claims, *steps])
        for claim in results[: len(self._claims)]:
            if not bool(claim.all()):
                raise NotHandledError("a difference was found in simulation")
        return self._pack(results[len(self._claims) :], count)

    def _pack(self, values: list[Vector], count: int) -> NDArray[np.void]:
        words = self._columns[-1][0] + 1 if self._columns else 1
        table = np.zeros((count, words), dtype=_U64)
        for (word, low), vector in zip(self._columns, values, strict=True):
            table[:, word] |= vector << _U64(low)
        if words == 1:
            table = np.unique(table[:, 0]).reshape(-1, 1)
        rows = np.ascontiguousarray(table).view(np.dtype((np.void, 8 * words))).ravel()
        return rows if words == 1 else np.unique(rows)

    def _unpack(self, states: NDArray[np.void]) -> dict[str, Vector]:
        words = self._columns[-1][0] + 1 if self._columns else 1
        table = np.ascontiguousarray(states).view(_U64).reshape(len(states), words)
        return {
            n: table[:, word] >> _U64(low) & _U64(t.mask(self._product.states[n]))
            for n, (word, low) in zip(self._names, self._columns, strict=True)
        }


def _dealt(widths: dict[str, int], index: NDArray[np.uint64]) -> dict[str, Vector]:
    """Return the bits of an index as values of several signals."""
    values: dict[str, Vector] = {}
    low = 0
    for name, width in widths.items():
        values[name] = index >> _U64(low) & _U64(t.mask(width)) if low < 64 else constant(0, width, len(index))
        low += width
    return values
