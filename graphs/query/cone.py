"""Cones: what bits depend on (fan-in) and what depends on them (fan-out), exact to the bit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from rtlgen.graphs.database.mirror import Bits, Mirror, Step

FREE = frozenset({"port", "alias"})
"""Edges that lead to the same value under another name: they do not add to the depth."""
ROLES = frozenset({"data", "control", "index", "clock", "reset"})


Ranges = dict[tuple[int, int], list[tuple[int, int, int]]]
"""(instance, signal) → low bit, high bit, depth."""


@dataclass(frozen=True, slots=True)
class Cone:
    """A set of bits and the edges between them.

    Attributes:
        bits: (instance, signal) → ranges with the depth at which they were reached, in order of discovery.
        edges: every step that was taken; `bits` of a step is the far end.
        complete: whether nothing was left out because of a limit.
    """

    root: Bits
    bits: Ranges
    edges: list[Step]
    complete: bool

    def holds(self, instance: int, signal: int, bit: int) -> bool:
        """Return whether a bit is in the cone."""
        return any(low <= bit <= high for low, high, _ in self.bits.get((instance, signal), ()))


def cone(
    mirror: Mirror,
    root: Bits,
    *,
    forward: bool = False,
    depth: int | None = None,
    through_registers: bool = True,
    roles: Iterable[str] = ROLES,
    limit: int = 1_000_000,
) -> Cone:
    """Return the cone of `root`.

    Args:
        mirror: the design.
        root: where to start.
        forward: fan-out instead of fan-in.
        depth: number of blocks to go through; None for no limit. Ports and other names of a signal count nothing.
        through_registers: False stops at registers: they are in the cone, what is behind them is not. A root that is
            a register itself has the logic of its next value as fan-in.
        roles: kinds of dependency to follow.
        limit: largest number of steps.
    """
    wanted = frozenset(roles) | FREE
    follow: Callable[[Bits], Iterable[Step]] = mirror.sinks if forward else mirror.sources
    bits: Ranges = {}
    seen: dict[tuple[int, int], int] = {}
    list(_new(seen, bits, root, 0))
    edges: list[Step] = []
    level = [root]
    reached = 0
    while level and (depth is None or reached <= depth):
        following: list[Bits] = []
        while level:
            here = level.pop()
            for step in follow(here):
                free = step.kind in FREE
                if step.kind not in wanted or (not free and depth is not None and reached >= depth):
                    continue
                crosses = step.registered and not through_registers
                if crosses and not forward and here != root:
                    continue
                if len(edges) >= limit:
                    return Cone(root, bits, edges, complete=False)
                edges.append(step)
                instance, signal, _, _ = far = step.bits
                for low, high in _new(seen, bits, far, reached if free else reached + 1):
                    if not (crosses and forward):
                        (level if free else following).append(Bits(instance, signal, low, high))
        level = following
        reached += 1
    return Cone(root, bits, edges, complete=True)


def _new(seen: dict[tuple[int, int], int], found: Ranges, bits: Bits, depth: int) -> Iterator[tuple[int, int]]:
    """Yield the parts of a range that were not seen before, and note them; `seen` holds a mask of bits per signal."""
    instance, signal, first, last = bits
    key = (instance, signal)
    old = seen.get(key, 0)
    fresh = (((1 << (last - first + 1)) - 1) << first) & ~old
    if not fresh:
        return
    seen[key] = old | fresh
    ranges = found.setdefault(key, [])
    while fresh:
        low = (fresh & -fresh).bit_length() - 1
        run = fresh >> low
        length = (~run & (run + 1)).bit_length() - 1
        ranges.append((low, low + length - 1, depth))
        yield low, low + length - 1
        fresh ^= ((1 << length) - 1) << low
