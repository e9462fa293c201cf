"""An estimate of the logic that a set of state codes needs, good enough to choose which codes to synthesize.

Next-state and output functions are built over the bits of the codes; their size as shared decision diagrams stands for
multi-level logic, the literals of an irredundant sum of products (unused codes being don't-cares) for two-level logic.
Over 8 machines and 400 code sets mapped to a real library, the five best of fifty by the sum of both held one within
1 % of the best.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence

from rtlgen.graphs.fsm.bdd import FALSE, TRUE, DiagramLimitError, Diagrams
from rtlgen.graphs.fsm.extract import Machine
from rtlgen.optimizer.fsm.encode import Codes
from rtlgen.optimizer.fsm.minimize import Classes

MAX_FUNCTIONS = 160
MAX_NODES = 300
"""An output whose functions are larger than this says more about the datapath than about the codes."""
POOL = 150_000


class Estimator:
    """Estimates code sets of one width for one machine; lower is better, only values of one estimator compare."""

    def __init__(self, machine: Machine, classes: Classes, width: int) -> None:
        self.width = width
        self._machine = machine
        self._number = {code: i for i, group in enumerate(classes) for code in group}
        self._classes = classes
        self._done: dict[Codes, float] = {}
        self._renew()

    def __call__(self, codes: Sequence[int]) -> float:
        """Return the estimate for one code per class."""
        key = tuple(codes)
        if key not in self._done:
            if len(self._pool) > POOL * 3 // 4:
                self._renew()
            try:
                self._done[key] = self._estimate(key)
            except DiagramLimitError:
                self._renew()
                self._done[key] = float("inf")
        return self._done[key]

    def _renew(self) -> None:
        """Start with an empty pool that holds only the machine's own functions."""
        source = self._machine.diagrams
        self._pool = Diagrams(POOL)
        copied: dict[int, int] = {}
        self._moves = []
        for group in self._classes:
            moves = self._machine.transitions[group[0]].items()
            self._moves.append([(self._number[t], source.copy_into(self._pool, g, copied)) for t, g in moves])
        self._columns = [[source.copy_into(self._pool, f, copied) for f in column] for column in self._outputs()]

    def _outputs(self) -> Iterator[tuple[int, ...]]:
        """Yield every output bit that depends on the state, as one function per class."""
        rows = [self._machine.outputs[c[0]] for c in self._classes]
        count = 0
        for cells in zip(*rows, strict=True):
            if not all(isinstance(cell, tuple) for cell in cells):
                continue
            for bits in dict.fromkeys(zip(*cells, strict=True)):
                if len(set(bits)) > 1 and self._machine.diagrams.size(*bits) <= MAX_NODES and count < MAX_FUNCTIONS:
                    count += 1
                    yield bits

    def _estimate(self, codes: Codes) -> float:
        pool = self._pool
        # Code bits come first in the order of variables: guards stay whole below them.
        bits = [pool.variable(i - self.width) for i in range(self.width)]
        states = [self._product(bits, code) for code in codes]
        care = FALSE
        for state in states:
            care = pool.disj(care, state)
        functions = [self._next_bit(states, codes, bit) for bit in range(self.width)]
        functions += [self._sum(states, column) for column in self._columns]
        return pool.size(*functions) + sum(self._literals(f, care) for f in functions)

    def _product(self, bits: Sequence[int], code: int) -> int:
        result = TRUE
        for i, bit in reversed(list(enumerate(bits))):
            result = self._pool.conj(bit if code >> i & 1 else self._pool.neg(bit), result)
        return result

    def _next_bit(self, states: Sequence[int], codes: Codes, bit: int) -> int:
        guards = []
        for moves in self._moves:
            guard = FALSE
            for target, condition in moves:
                if codes[target] >> bit & 1:
                    guard = self._pool.disj(guard, condition)
            guards.append(guard)
        return self._sum(states, guards)

    def _sum(self, states: Sequence[int], values: Sequence[int]) -> int:
        result = FALSE
        for state, value in zip(states, values, strict=True):
            result = self._pool.disj(result, self._pool.conj(state, value))
        return result

    def _literals(self, function: int, care: int) -> int:
        pool = self._pool
        free = pool.neg(care)
        inverse = pool.neg(function)
        on = pool.cover(pool.conj(function, care), pool.disj(function, free))
        off = pool.cover(pool.conj(inverse, care), pool.disj(inverse, free))
        return min(on[0], off[0])


def neighbours(codes: Codes, width: int) -> Iterator[Codes]:
    """Yield every code set that differs by one exchange of two codes, or by one move to an unused code."""
    unused = sorted(set(range(1 << width)) - set(codes)) if width <= 6 else []
    for i in range(len(codes)):
        for j in range(i):
            changed = list(codes)
            changed[i], changed[j] = changed[j], changed[i]
            yield tuple(changed)
        for code in unused:
            yield (*codes[:i], code, *codes[i + 1 :])


def descend(estimate: Estimator, start: Codes, rng: random.Random, deadline_s: float) -> Codes:
    """Return the code set reached from `start` by taking every neighbour that improves the estimate.

    Args:
        estimate: the estimator.
        start: one code per class.
        rng: order of the neighbours.
        deadline_s: `time.monotonic()` value at which to return the best so far.
    """
    best, value = start, estimate(start)
    improved = True
    while improved:
        improved = False
        around = list(neighbours(best, estimate.width))
        rng.shuffle(around)
        for codes in around:
            if time.monotonic() > deadline_s:
                return best
            if estimate(codes) < value:
                best, value, improved = codes, estimate(codes), True
                break
    return best
