"""The embedded default behind the protocol of the engines: the design database itself, asked about whole signals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rtlgen.core.errors import ConfigError, InputError
from rtlgen.graphs import model
from rtlgen.graphs.database.design import DesignDatabase
from rtlgen.graphs.database.mirror import Bits, Step
from rtlgen.graphs.engines.property_graph import PropertyGraph, wire
from rtlgen.graphs.engines.protocol import ROW_LIMIT, TIME_LIMIT_S, Table
from rtlgen.graphs.engines.traversal import Edge, Traversal, in_order
from rtlgen.graphs.model import SHIFT
from rtlgen.graphs.query.answers import Access, InstanceAnswer
from rtlgen.graphs.query.hierarchy import instances

_LOCAL = (1 << SHIFT) - 1


class SqliteEngine(Traversal):
    """A `GraphEngine` that answers from the design database of the graph that it loaded; nothing is copied."""

    def __init__(self, place: Path | None = None) -> None:
        """Hold nothing yet; `place` is not used."""
        self._graph: PropertyGraph | None = None

    def load(self, graph: PropertyGraph) -> bool:
        """Answer from the design of `graph`."""
        known = self._graph is not None and self._graph.state == graph.state
        self._graph = graph
        return not known

    @property
    def _design(self) -> DesignDatabase:
        if self._graph is None:
            raise InputError("no graph was loaded")
        return self._graph.design

    def cypher(
        self,
        query: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        time_limit_s: float = TIME_LIMIT_S,
        row_limit: int = ROW_LIMIT,
    ) -> Table:
        """Refuse: SQLite speaks no Cypher."""
        raise ConfigError("the embedded database speaks no Cypher; use engine ladybug or neo4j")

    def wire(self, path: str) -> int:
        """Return the wire of that path."""
        bits = self._design.resolve(path)
        if self._design.path_of(bits) != path:
            raise InputError(f"expected the full path of a signal, got {path!r}; near: {self._design.path_of(bits)}")
        return wire(bits.instance, bits.signal)

    def paths(self, wires: Sequence[int]) -> dict[int, str]:
        """Return the paths of wires."""
        return {number: self._design.path_of(self._bits(number)) for number in wires}

    def _bits(self, number: int) -> Bits:
        """Return all bits of a wire."""
        instance = number >> SHIFT
        signal = self._design.mirror.instance(instance).body << SHIFT | number & _LOCAL
        bits = Bits(instance, signal, 0, 0)
        return bits._replace(high=max(self._design.mirror.signal(bits).width, 1) - 1)

    def edges(self, wires: Sequence[int], kinds: Sequence[str], *, forward: bool) -> Iterable[Edge]:
        """Return the FEEDS relations of some kinds out of wires (`forward`) or into them."""
        follow = self._design.mirror.sinks if forward else self._design.mirror.sources
        for number in wires:
            for step in follow(self._bits(number)):
                if step.kind in kinds:
                    yield _edge(step, number, forward=forward)

    def drivers(self, signal: str) -> list[Access]:
        """Return every statement and port that drives the signal, in order of path, place and text."""
        self.wire(signal)
        return in_order(self._design.drivers(signal))

    def loads(self, signal: str) -> list[Access]:
        """Return every statement and port that reads the signal, in order of path, place and text."""
        self.wire(signal)
        return in_order(self._design.loads(signal))

    def instances(self, definition: str) -> list[InstanceAnswer]:
        """Return the instances of a module, interface or program, in order of the hierarchy."""
        return instances(self._design, definition)

    def tree(self) -> list[tuple[int, model.Instance]]:
        """Return (level, instance) of the whole hierarchy, each before what it holds."""
        return self._design.tree()

    def counts(self) -> dict[str, int]:
        """Return the number of nodes of each label and of relations of each type."""
        if self._graph is None:
            raise InputError("no graph was loaded")
        return self._graph.counts()

    def close(self) -> None:
        """Let go of the design; who opened it closes it."""
        self._graph = None


def _edge(step: Step, near: int, *, forward: bool) -> Edge:
    far = wire(step.bits.instance, step.bits.signal)
    source, target = (near, far) if forward else (far, near)
    return Edge(source, target, step.kind, step.registered, step.line)
