"""What every engine answers, in the same words, and the table of engines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from rtlgen.core.registry import Registry
from rtlgen.graphs import model
from rtlgen.graphs.engines.property_graph import PropertyGraph
from rtlgen.graphs.query.answers import Access, InstanceAnswer
from rtlgen.graphs.query.cones import DATA

TIME_LIMIT_S: Final = 30.0
ROW_LIMIT: Final = 10_000


class Table(NamedTuple):
    """The answer to a query in Cypher: nodes, relations and paths have become dictionaries and lists."""

    columns: list[str]
    rows: list[list[Any]]
    complete: bool
    """False where the row limit left something out."""


@dataclass(frozen=True, slots=True, order=True)
class Reached:
    """A wire in a cone.

    Attributes:
        path: hierarchical path of the whole signal.
        depth: blocks between it and the root; ports and other names of a signal count nothing.
    """

    path: str
    depth: int


@dataclass(frozen=True, slots=True)
class Hop:
    """One FEEDS relation of a path: `target` depends on `source`."""

    source: str
    target: str
    kind: str
    registered: bool
    line: int


class GraphEngine(Protocol):
    """A store of one design's property graph that answers questions on whole signals.

    **The rule of whole signals.** Cones and paths are those of the graph of FEEDS relations: a signal that is reached
    is reached with all its bits. They hold whatever the answer of `DesignDatabase`, which is exact to the bit, holds
    for the whole signal, and may hold more. A wire's depth is the least number of relations from the root to it that
    lead through a block; those of a port (kind `port`) and alias count nothing. Every engine gives equal answers.

    Signals are named by their full path, without a select.

    Example:
        >>> engine = open_engine("ladybug")  # doctest: +SKIP
        >>> engine.load(PropertyGraph(design))  # doctest: +SKIP
        >>> [r.path for r in engine.fanin("top.u_alu.result", depth=2)]  # doctest: +SKIP
    """

    def load(self, graph: PropertyGraph) -> bool:
        """Make `graph` what the engine holds; return False where it held that state already.

        Raises:
            ConfigError: the engine can't be reached, or holds something else that would be lost.
        """
        ...

    def cypher(
        self,
        query: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        time_limit_s: float = TIME_LIMIT_S,
        row_limit: int = ROW_LIMIT,
    ) -> Table:
        """Return the answer to a query that only reads.

        Raises:
            InputError: the query can't be read, would write or read files, or takes too long.
            ConfigError: the engine speaks no Cypher.
        """
        ...

    def drivers(self, signal: str) -> list[Access]:
        """Return every statement and port that drives the signal, in order of path, place and text.

        Raises:
            InputError: there is no such signal.
        """
        ...

    def loads(self, signal: str) -> list[Access]:
        """Return every statement and port that reads the signal, in order of path, place and text.

        Raises:
            InputError: there is no such signal.
        """
        ...

    def fanin(self, signal: str, *, depth: int | None = None, roles: Iterable[str] = DATA) -> list[Reached]:
        """Return what the signal depends on, itself included, in order of path.

        Raises:
            InputError: there is no such signal.
        """
        ...

    def fanout(self, signal: str, *, depth: int | None = None, roles: Iterable[str] = DATA) -> list[Reached]:
        """Return what depends on the signal, itself included, in order of path.

        Raises:
            InputError: there is no such signal.
        """
        ...

    def path(self, start: str, end: str, *, roles: Iterable[str] = DATA) -> list[Hop]:
        """Return a shortest path of FEEDS, ports and aliases counted; of several the first by the names on it.

        Raises:
            InputError: there is no such signal, or `end` does not depend on `start`.
        """
        ...

    def instances(self, definition: str) -> list[InstanceAnswer]:
        """Return the instances of a module, interface or program, in order of the hierarchy."""
        ...

    def tree(self) -> list[tuple[int, model.Instance]]:
        """Return (level, instance) of the whole hierarchy, each before what it holds."""
        ...

    def counts(self) -> dict[str, int]:
        """Return the number of nodes of each label and of relations of each type."""
        ...

    def close(self) -> None:
        """Give files and connections free."""
        ...


EngineFactory = Callable[[Path | None], GraphEngine]
ENGINES: Final[Registry[EngineFactory]] = Registry("engine")
"""Engines by name; a factory takes the file of an embedded engine, None for one in memory."""
ENGINES.add("sqlite", "rtlgen.graphs.engines.sqlite:SqliteEngine")
ENGINES.add("ladybug", "rtlgen.graphs.engines.ladybug:LadybugEngine")
ENGINES.add("neo4j", "rtlgen.graphs.engines.neo4j:from_environment")


def open_engine(name: str, place: Path | None = None) -> GraphEngine:
    """Return an engine.

    Raises:
        ConfigError: there is no such engine, or it can't be reached.
        ToolNotFoundError: its package is not installed; the message names the command that installs it.
    """
    return ENGINES.load(name)(place)
