"""Reduced ordered binary decision diagrams, small and bounded: equal functions are equal integers.

After Bryant, "Graph-Based Algorithms for Boolean Function Manipulation", IEEE Trans. Computers C-35(8), 1986. The
guards and outputs of a state machine are compared thousands of times while its states are partitioned; a canonical
form makes each comparison one integer comparison.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

MAX_VECTORS = 4_000
"""Distinct partial vectors that `partition` looks at before it gives up."""
FALSE = 0
TRUE = 1


class DiagramLimitError(Exception):
    """The diagrams grew beyond the limit; the caller gives up on this machine or this observer."""


class Diagrams:
    """A shared pool of decision diagrams over variables numbered in order of first use.

    Functions are plain integers; two functions are equal exactly when their integers are.
    """

    def __init__(self, limit: int = 60_000) -> None:
        self.limit = limit
        self._level = [1 << 60, 1 << 60]
        self._low = [0, 1]
        self._high = [0, 1]
        self._unique: dict[tuple[int, int, int], int] = {}
        self._ite: dict[tuple[int, int, int], int] = {}
        self._covers: dict[tuple[int, int], tuple[int, int, int]] = {}

    def variable(self, level: int) -> int:
        """Return the function of the single variable `level`."""
        return self.node(level, FALSE, TRUE)

    def node(self, level: int, low: int, high: int) -> int:
        """Return the function that is `high` where variable `level` is 1, else `low`.

        Raises:
            DiagramLimitError: the pool is full.
        """
        if low == high:
            return low
        key = (level, low, high)
        found = self._unique.get(key)
        if found is None:
            if len(self._level) >= self.limit:
                raise DiagramLimitError(f"expected at most {self.limit} decision-diagram nodes")
            found = self._unique[key] = len(self._level)
            self._level.append(level)
            self._low.append(low)
            self._high.append(high)
        return found

    def __len__(self) -> int:
        return len(self._level)

    def level(self, f: int) -> int:
        """Return the top variable of `f`; huge for the constants."""
        return self._level[f]

    def cofactors(self, f: int, level: int) -> tuple[int, int]:
        """Return `f` with variable `level` (not below its top) set to 0 and to 1."""
        return (self._low[f], self._high[f]) if self._level[f] == level else (f, f)

    def ite(self, f: int, g: int, h: int) -> int:
        """Return the function `g` where `f` is 1, else `h`."""
        if f == TRUE or g == h:
            return g
        if f == FALSE:
            return h
        if g == TRUE and h == FALSE:
            return f
        key = (f, g, h)
        found = self._ite.get(key)
        if found is None:
            level = min(self._level[f], self._level[g], self._level[h])
            f0, f1 = self.cofactors(f, level)
            g0, g1 = self.cofactors(g, level)
            h0, h1 = self.cofactors(h, level)
            found = self._ite[key] = self.node(level, self.ite(f0, g0, h0), self.ite(f1, g1, h1))
        return found

    def neg(self, f: int) -> int:
        """Return not `f`."""
        return self.ite(f, FALSE, TRUE)

    def conj(self, f: int, g: int) -> int:
        """Return `f` and `g`."""
        return self.ite(f, g, FALSE)

    def disj(self, f: int, g: int) -> int:
        """Return `f` or `g`."""
        return self.ite(f, TRUE, g)

    def xor(self, f: int, g: int) -> int:
        """Return `f` exclusive-or `g`."""
        return self.ite(f, self.neg(g), g)

    def partition(self, bits: Sequence[int], limit: int) -> dict[int, int]:
        """Return value -> guard of every value that the vector (least significant bit first) takes.

        Raises:
            DiagramLimitError: the vector takes more than `limit` values.
        """
        done: dict[tuple[int, ...], dict[int, int]] = {}
        return self._partition(tuple(bits), limit, done)

    def _partition(
        self, bits: tuple[int, ...], limit: int, done: dict[tuple[int, ...], dict[int, int]]
    ) -> dict[int, int]:
        found = done.get(bits)
        if found is not None:
            return found
        level = min(self._level[b] for b in bits)
        if level == self._level[TRUE]:
            result = {sum(bit << i for i, bit in enumerate(bits)): TRUE}
        else:
            halves = [self.cofactors(b, level) for b in bits]
            low = self._partition(tuple(h[0] for h in halves), limit, done)
            high = self._partition(tuple(h[1] for h in halves), limit, done)
            result = {v: self.node(level, low.get(v, FALSE), high.get(v, FALSE)) for v in low | high}
            if len(result) > limit:
                raise DiagramLimitError(f"expected at most {limit} values of the vector")
            if len(done) > MAX_VECTORS:
                raise DiagramLimitError(f"expected at most {MAX_VECTORS} partial vectors")
        done[bits] = result
        return result

    def restrict(self, f: int, care: int) -> int:
        """Return a function that equals `f` wherever `care` is 1, usually smaller (Coudert and Madre, ICCAD 1990)."""
        return self._restrict(f, care, {}) if care != FALSE else FALSE

    def _restrict(self, f: int, care: int, done: dict[tuple[int, int], int]) -> int:
        if care == TRUE or f <= TRUE:
            return f
        key = (f, care)
        found = done.get(key)
        if found is None:
            level = min(self._level[f], self._level[care])
            care0, care1 = self.cofactors(care, level)
            f0, f1 = self.cofactors(f, level)
            if care0 == FALSE:
                found = self._restrict(f1, care1, done)
            elif care1 == FALSE:
                found = self._restrict(f0, care0, done)
            elif f0 == f1:
                found = self._restrict(f, self.disj(care0, care1), done)
            else:
                found = self.node(level, self._restrict(f0, care0, done), self._restrict(f1, care1, done))
            done[key] = found
        return found

    def support(self, *functions: int) -> set[int]:
        """Return the variables that the functions depend on."""
        seen: set[int] = set()
        levels: set[int] = set()
        stack = list(functions)
        while stack:
            f = stack.pop()
            if f > TRUE and f not in seen:
                seen.add(f)
                levels.add(self._level[f])
                stack += (self._low[f], self._high[f])
        return levels

    def density(self, f: int) -> float:
        """Return the share of assignments that make `f` true."""
        done: dict[int, float] = {FALSE: 0.0, TRUE: 1.0}
        stack = [f]
        while stack:
            g = stack[-1]
            below = [c for c in (self._low[g], self._high[g]) if c not in done] if g not in done else []
            if below:
                stack += below
                continue
            stack.pop()
            if g not in done:
                done[g] = (done[self._low[g]] + done[self._high[g]]) / 2
        return done[f]

    def forall(self, f: int, levels: frozenset[int]) -> int:
        """Return where `f` is 1 whatever the variables in `levels` are."""
        return self._forall(f, levels, {})

    def _forall(self, f: int, levels: frozenset[int], done: dict[int, int]) -> int:
        if f <= TRUE:
            return f
        found = done.get(f)
        if found is None:
            low, high = self._forall(self._low[f], levels, done), self._forall(self._high[f], levels, done)
            level = self._level[f]
            found = done[f] = self.conj(low, high) if level in levels else self.node(level, low, high)
        return found

    def copy_into(self, other: Diagrams, f: int, done: dict[int, int]) -> int:
        """Return `f` as a function of another pool with the same variables; `done` is kept between calls."""
        if f <= TRUE:
            return f
        found = done.get(f)
        if found is None:
            low = self.copy_into(other, self._low[f], done)
            high = self.copy_into(other, self._high[f], done)
            found = done[f] = other.node(self._level[f], low, high)
        return found

    def cover(self, lower: int, upper: int) -> tuple[int, int]:
        """Return (literals and cubes, function) of an irredundant sum of products between the two bounds.

        After Minato, "Fast Generation of Irredundant Sum-of-Products Forms from Binary Decision Diagrams", SASIMI 1992.
        """
        if lower == FALSE:
            return 0, FALSE
        if upper == TRUE:
            return 1, TRUE
        key = (lower, upper)
        found = self._covers.get(key)
        if found is None:
            found = self._covers[key] = self._cover(lower, upper)
        return found[0] + found[2], found[1]

    def _cover(self, lower: int, upper: int) -> tuple[int, int, int]:
        """Return (literals, function, cubes)."""
        level = min(self._level[lower], self._level[upper])
        lower0, lower1 = self.cofactors(lower, level)
        upper0, upper1 = self.cofactors(upper, level)
        first = self._part(self.conj(lower0, self.neg(upper1)), upper0)
        second = self._part(self.conj(lower1, self.neg(upper0)), upper1)
        left = self.disj(self.conj(lower0, self.neg(first[1])), self.conj(lower1, self.neg(second[1])))
        shared = self._part(left, self.conj(upper0, upper1))
        literals = first[0] + first[2] + second[0] + second[2] + shared[0]
        function = self.disj(shared[1], self.node(level, first[1], second[1]))
        return literals, function, first[2] + second[2] + shared[2]

    def _part(self, lower: int, upper: int) -> tuple[int, int, int]:
        if lower == FALSE:
            return 0, FALSE, 0
        if upper == TRUE:
            return 0, TRUE, 1
        key = (lower, upper)
        if key not in self._covers:
            self._covers[key] = self._cover(lower, upper)
        return self._covers[key]

    def products(self, lower: int, upper: int) -> Iterator[tuple[tuple[int, bool], ...]]:
        """Yield the products that `cover` counts, each as (variable, value) in order of the variables."""
        if lower == FALSE:
            return
        if upper == TRUE:
            yield ()
            return
        level = min(self._level[lower], self._level[upper])
        lower0, lower1 = self.cofactors(lower, level)
        upper0, upper1 = self.cofactors(upper, level)
        bounds0 = self.conj(lower0, self.neg(upper1)), upper0
        bounds1 = self.conj(lower1, self.neg(upper0)), upper1
        first, second = self._part(*bounds0)[1], self._part(*bounds1)[1]
        left = self.disj(self.conj(lower0, self.neg(first)), self.conj(lower1, self.neg(second)))
        for value, bounds in ((False, bounds0), (True, bounds1)):
            for product in self.products(*bounds):
                yield (level, value), *product
        yield from self.products(left, self.conj(upper0, upper1))

    def size(self, *functions: int) -> int:
        """Return the number of distinct inner nodes under the functions."""
        seen: set[int] = set()
        stack = list(functions)
        while stack:
            f = stack.pop()
            if f > TRUE and f not in seen:
                seen.add(f)
                stack += (self._low[f], self._high[f])
        return len(seen)
