"""The graph in memory: bodies as adjacency lists, loaded when first used, and the hierarchy that puts them together."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, NamedTuple

from rtlgen.graphs.database import schema
from rtlgen.graphs.model import SHIFT, Block, Body, Flows, Instance, Port, PortBind, Signal

MAX_REMEMBERED: Final = 200_000
"""Answers on single ranges of bits that are kept in memory."""


class Bits(NamedTuple):
    """Bits `low..high` of a signal in one instance."""

    instance: int
    signal: int
    low: int
    high: int


class Step(NamedTuple):
    """One edge of a traversal: where it leads, and how."""

    bits: Bits
    kind: str
    """data, control, index, clock, reset, port or alias."""
    registered: bool
    block: int
    """0 for a connection."""
    line: int
    target: Bits
    """The bits at the near end."""


@dataclass(slots=True)
class BodyGraph:
    """Edges of one body.

    Attributes:
        into: signal → flows into it.
        out_of: signal → flows out of it.
        inner_binds: (instance, inner signal name) → connections.
        outer_binds: signal of this body → connections.
        interfaces: (instance, port) → what is connected to an interface port.
    """

    body: Body
    signals: dict[int, Signal]
    names: dict[str, int]
    ports: list[Port]
    blocks: dict[int, Block]
    into: dict[int, list[Flows]] = field(default_factory=lambda: defaultdict(list))
    out_of: dict[int, list[Flows]] = field(default_factory=lambda: defaultdict(list))
    inner_binds: dict[tuple[str, str], list[PortBind]] = field(default_factory=lambda: defaultdict(list))
    outer_binds: dict[int, list[PortBind]] = field(default_factory=lambda: defaultdict(list))
    interfaces: dict[tuple[str, str], str] = field(default_factory=dict)


class Mirror:
    """One state of the database in memory."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Read from `connection`, which must see one state only as long as the mirror lives."""
        self._connection = connection
        self._bodies: dict[int, BodyGraph] = {}
        self._instances: dict[int, Instance] = {}
        self._children: dict[int, dict[str, int]] = {}
        self._into: dict[Bits, tuple[Step, ...]] = {}
        self._out_of: dict[Bits, tuple[Step, ...]] = {}

    def body(self, number: int) -> BodyGraph:
        """Return the graph of a body.

        Raises:
            KeyError: there is no such body.
        """
        graph = self._bodies.get(number)
        if graph is None:
            graph = self._bodies[number] = self._load(number)
        return graph

    def _load(self, number: int) -> BodyGraph:
        bounds = (number << SHIFT, ((number + 1) << SHIFT) - 1)
        run = self._connection.execute
        row = run(schema.select(Body, "id=?"), (number,)).fetchone()
        if row is None:
            raise KeyError(number)
        within = "id BETWEEN ? AND ?"
        signals = {r[0]: Signal(*r) for r in run(schema.select(Signal, within), bounds)}
        blocks = {r[0]: Block(*r) for r in run(schema.select(Block, within), bounds)}
        ports = [Port(*r) for r in run(schema.select(Port, within), bounds)]
        graph = BodyGraph(Body(*row), signals, {s.name: n for n, s in signals.items()}, ports, blocks)
        for r in run(schema.select(Flows, within), bounds):
            flow = Flows(*r)
            graph.into[flow.target].append(flow)
            graph.out_of[flow.source].append(flow)
        for r in run(schema.select(PortBind, within), bounds):
            bind = PortBind(*r)
            if bind.direction == "interface":
                graph.interfaces[bind.instance, bind.port] = bind.path
            else:
                graph.inner_binds[bind.instance, bind.inner].append(bind)
                graph.outer_binds[bind.outer].append(bind)
        return graph

    def instance(self, number: int) -> Instance:
        """Return an instance.

        Raises:
            KeyError: there is no such instance.
        """
        found = self._instances.get(number)
        if found is None:
            row = self._connection.execute(schema.select(Instance, "id=?"), (number,)).fetchone()
            if row is None:
                raise KeyError(number)
            found = self._instances[number] = Instance(*row)
        return found

    def child(self, parent: int, name: str) -> int:
        """Return the instance of that name below another one, 0 when there is none; 0 as parent gives the tops."""
        children = self._children.get(parent)
        if children is None:
            rows = self._connection.execute("SELECT name, id FROM instance WHERE parent=?", (parent,))
            children = self._children[parent] = dict(rows)
        return children.get(name, 0)

    def graph_of(self, instance: int) -> BodyGraph | None:
        """Return the graph of an instance's body, None for an unknown module."""
        number = self.instance(instance).body
        return self.body(number) if number else None

    def signal(self, bits: Bits) -> Signal:
        """Return the signal that bits belong to."""
        return self.body(bits.signal >> SHIFT).signals[bits.signal]

    def sources(self, bits: Bits) -> tuple[Step, ...]:
        """Return what the bits depend on directly: through a block, a port, or another name for the same signal."""
        return self._remembered(self._sources, bits, self._into)

    def sinks(self, bits: Bits) -> tuple[Step, ...]:
        """Return what depends on the bits directly."""
        return self._remembered(self._sinks, bits, self._out_of)

    @staticmethod
    def _remembered(
        find: Callable[[Bits], Iterator[Step]], bits: Bits, memory: dict[Bits, tuple[Step, ...]]
    ) -> tuple[Step, ...]:
        found = memory.get(bits)
        if found is None:
            if len(memory) >= MAX_REMEMBERED:
                memory.clear()
            found = memory[bits] = tuple(find(bits))
        return found

    def _sources(self, bits: Bits) -> Iterator[Step]:
        graph = self.graph_of(bits.instance)
        if graph is None:
            return
        for flow in graph.into.get(bits.signal, ()):
            low, high = max(bits.low, flow.target_low), min(bits.high, flow.target_high)
            if low <= high:
                source = _through(flow.source_low, flow.source_high, flow.target_low, low, high, flow.aligned)
                yield Step(
                    Bits(bits.instance, flow.source, *source), flow.kind, bool(flow.registered), flow.block, flow.line,
                    Bits(bits.instance, bits.signal, low, high),
                )  # fmt: skip
        yield from self._connected(graph, bits, upward=("input", "inout"), downward=("output", "inout"))
        yield from self._same(graph, bits, reading=True)

    def _sinks(self, bits: Bits) -> Iterator[Step]:
        graph = self.graph_of(bits.instance)
        if graph is None:
            return
        for flow in graph.out_of.get(bits.signal, ()):
            low, high = max(bits.low, flow.source_low), min(bits.high, flow.source_high)
            if low <= high:
                target = _through(flow.target_low, flow.target_high, flow.source_low, low, high, flow.aligned)
                yield Step(
                    Bits(bits.instance, flow.target, *target), flow.kind, bool(flow.registered), flow.block, flow.line,
                    Bits(bits.instance, bits.signal, low, high),
                )  # fmt: skip
        yield from self._connected(graph, bits, upward=("output", "inout"), downward=("input", "inout"))
        yield from self._same(graph, bits, reading=False)

    def _connected(
        self, graph: BodyGraph, bits: Bits, *, upward: tuple[str, ...], downward: tuple[str, ...]
    ) -> Iterator[Step]:
        """Yield the other side of ports: from a port of this instance up, from a signal down into instances."""
        here = self.instance(bits.instance)
        signal = graph.signals[bits.signal]
        if here.parent and signal.direction and (above := self.graph_of(here.parent)) is not None:
            for bind in above.inner_binds.get((here.name, signal.name), ()):
                low, high = max(bits.low, bind.inner_low), min(bits.high, bind.inner_high)
                if bind.direction in upward and low <= high:
                    outer = _through(bind.outer_low, bind.outer_high, bind.inner_low, low, high, bind.aligned)
                    yield Step(
                        Bits(here.parent, bind.outer, *outer), _port_kind(bind), False, 0, bind.line,
                        Bits(bits.instance, bits.signal, low, high),
                    )  # fmt: skip
        for bind in graph.outer_binds.get(bits.signal, ()):
            low, high = max(bits.low, bind.outer_low), min(bits.high, bind.outer_high)
            if bind.direction not in downward or low > high:
                continue
            child = self.child(bits.instance, bind.instance)
            below = self.graph_of(child) if child else None
            inner = below.names.get(bind.inner) if below else None
            if inner:
                found = _through(bind.inner_low, bind.inner_high, bind.outer_low, low, high, bind.aligned)
                yield Step(
                    Bits(child, inner, *found), _port_kind(bind), False, 0, bind.line,
                    Bits(bits.instance, bits.signal, low, high),
                )  # fmt: skip

    def _same(self, graph: BodyGraph, bits: Bits, *, reading: bool) -> Iterator[Step]:
        """Yield the same bits under other names: members of interfaces and hierarchical names.

        Every name can be read inside its module, an output too; one that is an input can't be written there. So a name
        depends on what it stands for, and what it stands for depends on every name but inputs.
        """
        signal = graph.signals[bits.signal]
        if signal.kind in ("member", "remote"):
            real = self.real(bits.instance, signal)
            if real and (reading or signal.direction != "input"):
                yield Step(Bits(*real, bits.low, bits.high), "alias", False, 0, signal.line, bits)
            return
        for instance, name, direction in self._aliases.get((bits.instance, bits.signal), ()):
            if not reading or direction != "input":
                yield Step(Bits(instance, name, bits.low, bits.high), "alias", False, 0, signal.line, bits)

    def real(self, instance: int, signal: Signal) -> tuple[int, int] | None:
        """Return instance and signal that a member of an interface port or a hierarchical name stands for."""
        if signal.kind == "member":
            return self._member(instance, signal.name)
        name = signal.remote
        if name.startswith("$root."):
            return self._below(0, name.removeprefix("$root."))
        return self._below(instance, name)

    def _member(self, instance: int, name: str) -> tuple[int, int] | None:
        """Follow an interface port up to the interface instance that is connected."""
        here = self.instance(instance)
        if not here.parent:
            return None
        above = self.graph_of(here.parent)
        port, _, rest = name.partition(".")
        path = above.interfaces.get((here.name, port)) if above is not None else None
        if path is None:
            return None
        if path.startswith("$root."):
            return self._below(0, f"{path.removeprefix('$root.')}.{rest}")
        return self._below(here.parent, f"{path}.{rest}") or self._member(here.parent, f"{path}.{rest}")

    def _below(self, instance: int, path: str) -> tuple[int, int] | None:
        """Return the signal of that path below an instance (0: from the tops)."""
        parts = path.split(".")
        for length in range(len(parts) - 1, -1, -1):
            child = self.child(instance, ".".join(parts[:length])) if length else instance
            if not child:
                continue
            graph = self.graph_of(child)
            if graph is None:
                continue
            name = ".".join(parts[length:])
            signal = graph.names.get(name)
            if signal is not None and graph.signals[signal].kind not in ("member", "remote"):
                return child, signal
            if length:
                deeper = self._below(child, name)
                if deeper:
                    return deeper
        return None

    @cached_property
    def _aliases(self) -> dict[tuple[int, int], list[tuple[int, int, str]]]:
        """Real signal → the other names of it: instance, signal there, direction."""
        found: dict[tuple[int, int], list[tuple[int, int, str]]] = defaultdict(list)
        rows = self._connection.execute(
            "SELECT signal.id, instance.id FROM signal JOIN instance ON instance.body = signal.id >> ? "
            "WHERE signal.kind IN ('member', 'remote')",
            (SHIFT,),
        ).fetchall()
        for number, instance in rows:
            signal = self.body(number >> SHIFT).signals[number]
            real = self.real(instance, signal)
            if real:
                found[real].append((instance, number, signal.direction))
        return found


def _port_kind(bind: PortBind) -> str:
    return "port" if bind.kind == "data" else bind.kind


def _through(far_low: int, far_high: int, near_low: int, low: int, high: int, aligned: int) -> tuple[int, int]:
    """Return the bits at the far end of an edge for bits `low..high` at the near end."""
    if aligned:
        return far_low + low - near_low, far_low + high - near_low
    return far_low, far_high
