"""Cones and paths over FEEDS, level by level, for engines that can name the relations around a set of wires."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from rtlgen.core.errors import InputError
from rtlgen.graphs.engines.protocol import Hop, Reached
from rtlgen.graphs.query.answers import Access
from rtlgen.graphs.query.cone import FREE
from rtlgen.graphs.query.cones import DATA


class Edge(NamedTuple):
    """A FEEDS relation between wires."""

    source: int
    target: int
    kind: str
    registered: bool
    line: int


class Traversal(ABC):
    """Answers of `GraphEngine` that are made from few, large questions to the store."""

    @abstractmethod
    def wire(self, path: str) -> int:
        """Return the wire of that path.

        Raises:
            InputError: there is none.
        """

    @abstractmethod
    def paths(self, wires: Sequence[int]) -> dict[int, str]:
        """Return the paths of wires."""

    @abstractmethod
    def edges(self, wires: Sequence[int], kinds: Sequence[str], *, forward: bool) -> Iterable[Edge]:
        """Return the FEEDS relations of some kinds out of wires (`forward`) or into them."""

    def fanin(self, signal: str, *, depth: int | None = None, roles: Iterable[str] = DATA) -> list[Reached]:
        """Return what the signal depends on, itself included, in order of path."""
        return self._named(self._cone(self.wire(signal), depth, roles, forward=False))

    def fanout(self, signal: str, *, depth: int | None = None, roles: Iterable[str] = DATA) -> list[Reached]:
        """Return what depends on the signal, itself included, in order of path."""
        return self._named(self._cone(self.wire(signal), depth, roles, forward=True))

    def _named(self, depths: Mapping[int, int]) -> list[Reached]:
        nearest: dict[str, int] = {}
        for number, path in self.paths(list(depths)).items():
            nearest[path] = min(depths[number], nearest.get(path, depths[number]))
        return [Reached(path, depth) for path, depth in sorted(nearest.items())]

    def _cone(self, root: int, depth: int | None, roles: Iterable[str], *, forward: bool) -> dict[int, int]:
        """Return wire → depth."""
        free, wanted = sorted(FREE), sorted({*roles} - FREE)
        depths = {root: 0}
        level, reached = [root], 0
        while level:
            level = self.closure(level, free, depths, forward=forward)
            if depth is not None and reached >= depth:
                break
            reached += 1
            found = self.edges(level, wanted, forward=forward)
            level = _new((e.target if forward else e.source for e in found), reached, depths)
        return depths

    def closure(self, level: list[int], kinds: Sequence[str], depths: dict[int, int], *, forward: bool) -> list[int]:
        """Return wires with all new ones that relations of some kinds connect to them; note them at the same depth."""
        whole, rest = list(level), level
        while rest:
            found = self.edges(rest, kinds, forward=forward)
            rest = _new((e.target if forward else e.source for e in found), depths[level[0]], depths)
            whole += rest
        return whole

    def path(self, start: str, end: str, *, roles: Iterable[str] = DATA) -> list[Hop]:
        """Return a shortest path of FEEDS, ports and aliases counted; of several the first by the names on it."""
        first, last = self.wire(start), self.wire(end)
        kinds = sorted({*roles} | FREE)
        away = {last: 0}
        out_of: dict[int, list[Edge]] = {}
        level = [last]
        while level and first not in away:
            following = []
            for edge in self.edges(level, kinds, forward=False):
                if edge.source not in away:
                    away[edge.source] = away[edge.target] + 1
                    following.append(edge.source)
                if away[edge.source] == away[edge.target] + 1:
                    out_of.setdefault(edge.source, []).append(edge)
            level = following
        if first not in away:
            raise InputError(f"{end} does not depend on {start}")
        return self._walk(first, last, out_of)

    def _walk(self, first: int, last: int, out_of: Mapping[int, list[Edge]]) -> list[Hop]:
        """Follow relations that all come nearer to `last`."""
        hops = []
        here = first
        names = self.paths([first])
        while here != last:
            names |= self.paths([edge.target for edge in out_of[here]])
            edge = min(out_of[here], key=lambda e: (names[e.target], e.kind, e.registered, e.line))
            hops.append(Hop(names[here], names[edge.target], edge.kind, edge.registered, edge.line))
            here = edge.target
        return hops


def _new(wires: Iterable[int], reached: int, depths: dict[int, int]) -> list[int]:
    found = []
    for number in wires:
        if number not in depths:
            depths[number] = reached
            found.append(number)
    return found


def in_order(found: Iterable[Access]) -> list[Access]:
    """Return accesses without repetition, in an order that does not depend on how they were found."""
    return sorted(
        dict.fromkeys(found),
        key=lambda a: (a.signal, a.by, a.place.file, a.place.line, a.text, a.kind, a.role, a.clock),
    )
