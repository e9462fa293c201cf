"""Bank of expressions that differ in behaviour: observational equivalence over sample points.

Two expressions with equal values at all sample points count as one, and the cheaper one is kept (Udupa et al.,
"TRANSIT: specifying protocols with concolic snippets", PLDI 2013; Alur et al., "Scaling enumerative program
synthesis via divide and conquer", TACAS 2017).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rtlgen.graphs.wordlevel.terms import Term

Words = NDArray[np.uint64]
_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)


@dataclass(slots=True)
class Pool:
    """All distinct expressions of one width, as rows of a matrix over the sample points."""

    width: int
    count: int
    recipes: list[Term | tuple[Callable[[int], Term], int]] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    index: dict[int, int] = field(default_factory=dict)
    _rows: Words = field(default_factory=lambda: np.empty((0, 0), dtype=np.uint64))

    def __len__(self) -> int:
        return len(self.recipes)

    def term(self, number: int) -> Term:
        """Return one expression; terms are built when first asked for."""
        recipe = self.recipes[number]
        if isinstance(recipe, tuple):
            recipe = self.recipes[number] = recipe[0](recipe[1])
        return recipe

    @property
    def rows(self) -> Words:
        """Matrix of values, one row per expression."""
        return self._rows[: len(self.recipes)]

    def append(self, recipe: Term | tuple[Callable[[int], Term], int], row: Words, key: int, cost: float) -> int:
        """Add a row known to be new and return its number."""
        number = len(self.recipes)
        if number == len(self._rows):
            grown = np.empty((max(64, 2 * number), self.count), dtype=np.uint64)
            grown[:number] = self._rows[:number] if number else 0
            self._rows = grown
        self._rows[number] = row
        self.recipes.append(recipe)
        self.costs.append(cost)
        self.index[key] = number
        return number


class Bank:
    """Pools of all widths over the same sample points."""

    def __init__(self, count: int, seed: int = 0) -> None:
        self.count = count
        rng = np.random.default_rng(seed)
        self._weights = rng.integers(1, 2**63, count, dtype=np.uint64) | np.uint64(1)
        self._pools: dict[int, Pool] = {}

    def pool(self, width: int) -> Pool:
        """Return the pool of one width, empty at first."""
        if width not in self._pools:
            self._pools[width] = Pool(width, self.count)
        return self._pools[width]

    def keys(self, rows: Words) -> NDArray[np.uint64]:
        """Return one 64-bit key per row; equal rows have equal keys."""
        mixed: Words = (rows * _SPREAD) ^ (rows >> np.uint64(29))
        total: Words = (mixed * self._weights).sum(axis=-1, dtype=np.uint64)
        return total

    def add(self, term: Term, row: Words, cost: float) -> bool:
        """Add one expression; return True where its behaviour is new. A cheaper equal one replaces the old one."""
        pool, key = self.pool(term.width), int(self.keys(row))
        known = pool.index.get(key)
        if known is None:
            pool.append(term, row, key, cost)
            return True
        if cost < pool.costs[known]:
            pool.recipes[known], pool.costs[known] = term, cost
        return False

    def add_rows(self, width: int, rows: Words, costs: Sequence[float], make: Callable[[int], Term], limit: int) -> int:
        """Add many rows of one width; return how many were new. Terms are built when asked for.

        Args:
            make: builds the term of row `i`.
            limit: greatest size of the pool; rows beyond it are dropped.
        """
        pool, new = self.pool(width), 0
        for i, key in enumerate(self.keys(rows).tolist()):
            known = pool.index.get(key)
            if known is None:
                if len(pool) < limit:
                    pool.append((make, i), rows[i], key, costs[i])
                    new += 1
            elif costs[i] < pool.costs[known]:
                pool.recipes[known], pool.costs[known] = (make, i), costs[i]
        return new

    def find(self, width: int, row: Words) -> int | None:
        """Return the number of the expression with exactly these values, or None."""
        pool = self.pool(width)
        number = pool.index.get(int(self.keys(row)))
        return number if number is not None and bool((pool.rows[number] == row).all()) else None

    def find_rows(self, width: int, rows: Words) -> list[tuple[int, int]]:
        """Return pairs (row number, expression number) for the rows that the pool holds."""
        pool, found = self.pool(width), []
        for i, key in enumerate(self.keys(rows).tolist()):
            number = pool.index.get(key)
            if number is not None and bool((pool.rows[number] == rows[i]).all()):
                found.append((i, number))
        return found


def as_words(vector: NDArray[Any]) -> Words:
    """Return the vector as machine words.

    Raises:
        TypeError: it holds Python integers (a signal above 64 bits).
    """
    if vector.dtype == object:
        raise TypeError("expected a signal of at most 64 bits, got a wider one")
    return vector.astype(np.uint64, copy=False)
