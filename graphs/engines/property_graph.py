"""The design as a property graph: labelled nodes, typed relations, and wires that the hierarchy is resolved in.

Labels, relations and their properties come from the row types of `rtlgen.graphs.model`. Bodies are stored once for all
their instances; a `Wire` is a signal in one instance, and FEEDS says which wires depend on which, through blocks, ports
and other names of the same signal. So a path through the hierarchy is a path of FEEDS.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple, get_type_hints

from rtlgen.graphs import model
from rtlgen.graphs.database import schema
from rtlgen.graphs.database.mirror import Bits, BodyGraph
from rtlgen.graphs.model import SHIFT
from rtlgen.graphs.query.cones import kind_of

if TYPE_CHECKING:
    from rtlgen.graphs.database.design import DesignDatabase

FORMAT: Final = 1
"""Raised when the same design gives another graph than before."""
_LOCAL: Final = (1 << SHIFT) - 1


class Wire(NamedTuple):
    """A signal in one instance."""

    id: int
    """`instance << SHIFT | n`, with the `n` of the signal."""
    path: str
    instance: int
    signal: int
    width: int
    kind: str
    """register, memory, latch, wire; input, output or inout of a top; alias: another name of a signal, by an interface
    port or a hierarchical name."""


class Feeds(NamedTuple):
    """FEEDS: bits of a wire depend on bits of another; `Flows` put into the hierarchy."""

    source: int
    source_low: int
    source_high: int
    target: int
    target_low: int
    target_high: int
    kind: str
    """data, control, index, clock or reset through a block; port, control or index at a port; alias."""
    aligned: int
    registered: int
    block: int
    """0 for a port and an alias."""
    line: int
    """Of the block, of the connection, or, for an alias, of the declaration of the target."""


LABELS: Final[dict[str, Any]] = {
    row.__name__: row for row in (*schema.NODES, Wire) if row is not model.Diagnosis
}  # fmt: skip
"""Label → row type of its nodes."""


class Column(NamedTuple):
    """A property of a node or relation."""

    name: str
    type: type
    """int or str."""


class Kind(NamedTuple):
    """A type of relation: the labels that it connects, and its properties."""

    pairs: tuple[tuple[str, str], ...]
    columns: tuple[Column, ...] = ()


class Relation(NamedTuple):
    """A relation between two nodes."""

    pair: tuple[str, str]
    source: int
    target: int
    values: tuple[Any, ...] = ()


def columns_of(row_type: Any, *left_out: str) -> tuple[Column, ...]:
    """Return the fields of a row type as properties."""
    hints = get_type_hints(row_type)
    return tuple(Column(name, hints[name]) for name in row_type._fields if name not in left_out)


def _kind(row_type: Any, *pairs: tuple[str, str], source: str = "source") -> Kind:
    return Kind(pairs, columns_of(row_type, source, "target"))


RELATIONS: Final[dict[str, Kind]] = {
    "DEFINES": Kind((("File", "Definition"), ("File", "Package"))),
    "INCLUDES": _kind(model.Includes, ("File", "File")),
    "IMPORTS": _kind(model.Imports, ("File", "Package"), ("Definition", "Package"), ("Package", "Package")),
    "INSTANTIATES": _kind(model.Instantiates, ("Definition", "Definition")),
    "BODY_OF": Kind((("Body", "Definition"), ("Body", "Instance"))),
    "CONTAINS": Kind((
        ("Instance", "Instance"), ("Body", "Port"), ("Body", "Signal"), ("Body", "Block"), ("Block", "Statement"),
        ("File", "Chunk"), ("Definition", "Chunk"), ("Package", "Chunk"), ("File", "Comment"), ("File", "AstNode"),
    )),
    "DRIVES": _kind(model.Drives, ("Statement", "Signal")),
    "READS": _kind(model.Reads, ("Statement", "Signal")),
    "FLOWS": _kind(model.Flows, ("Signal", "Signal")),
    "PORT_BIND": _kind(model.PortBind, ("Signal", "Port"), ("Signal", "Instance"), source="outer"),
    "NEXT": _kind(model.Next, ("Statement", "Statement")),
    "CHILD": Kind((("AstNode", "AstNode"),)),
    "DESCRIBES": _kind(model.Describes, ("Comment", "Chunk")),
    "CORRESPONDS": _kind(model.Corresponds, ("Net", "Signal")),
    "WIRE_OF": Kind((("Wire", "Signal"),)),
    "IN_INSTANCE": Kind((("Wire", "Instance"),)),
    "FEEDS": _kind(Feeds, ("Wire", "Wire")),
}  # fmt: skip
"""Type of relation → what it connects."""


@dataclass(frozen=True, slots=True)
class State:
    """What a stored copy of a graph is a copy of.

    Attributes:
        repository: root of the repository when it was indexed.
        generation: of the database.
        digest: of the indexed files and the design, so that a database that was made anew is told from the old one.
        syntax: whether syntax trees are in the copy.
    """

    repository: str
    generation: int
    digest: str
    syntax: bool


class PropertyGraph:
    """The graph of one state of a design; rows are made while they are read."""

    def __init__(self, design: DesignDatabase, *, syntax: bool = False) -> None:
        """Read from `design`; `syntax` adds the syntax trees (AstNode, CHILD), which are most of a large repository."""
        self.design = design
        self.syntax = syntax

    @property
    def state(self) -> State:
        """Which state of which design this is."""
        notes = [self.design.note(key) for key in ("files", "design", "options")]
        columns = [(label, columns_of(row_type)) for label, row_type in LABELS.items()]
        digest = hashlib.sha256(repr([FORMAT, columns, RELATIONS, notes]).encode()).hexdigest()
        return State(str(self.design.root), self.design.generation, digest, self.syntax)

    def counts(self) -> dict[str, int]:
        """Return the number of nodes of each label and of relations of each type."""
        counts = {label: sum(1 for _ in self.nodes(label)) for label in LABELS}
        return counts | {name: sum(1 for _ in self.relations(name)) for name in RELATIONS}

    def nodes(self, label: str) -> Iterator[tuple[Any, ...]]:
        """Yield the nodes of a label, in the order of the fields of its row type; NUL becomes U+FFFD."""
        if label == "Wire":
            rows: Iterator[tuple[Any, ...]] = self._wires()
        elif label == "Chunk":
            rows = self._chunks()
        else:
            rows = self.design.rows(LABELS[label]) if label != "AstNode" or self.syntax else iter(())
        for row in rows:
            yield tuple(value.replace("\0", "\ufffd") if isinstance(value, str) else value for value in row)

    def relations(self, name: str) -> Iterator[Relation]:
        """Yield the relations of a type; ends that are not in the graph (an include that is not there) give none."""
        if name == "FEEDS":
            for feed in self._feeds():
                yield Relation(("Wire", "Wire"), feed.source, feed.target, _values(feed, "source", "target"))
            return
        makers: dict[str, Callable[[], Iterator[Relation]]] = {
            "DEFINES": self._defines,
            "INCLUDES": lambda: self._edges(model.Includes, ("File", "File")),
            "IMPORTS": self._imports,
            "INSTANTIATES": self._instantiates,
            "BODY_OF": self._body_of,
            "CONTAINS": self._contains,
            "PORT_BIND": self._port_binds,
            "CHILD": self._children,
            "WIRE_OF": self._of_signals,
            "IN_INSTANCE": self._in_instances,
        }
        if name in makers:
            yield from makers[name]()
            return
        row_type = next(edge for edge in schema.EDGES if schema.table(edge).upper() == name)
        yield from self._edges(row_type, RELATIONS[name].pairs[0])

    def _edges(self, row_type: Any, pair: tuple[str, str]) -> Iterator[Relation]:
        for row in self.design.rows(row_type):
            source = row.source >> SHIFT if row_type is model.Includes else row.source
            if source and row.target:
                yield Relation(pair, source, row.target, _values(row, "source", "target"))

    @cached_property
    def _labels(self) -> dict[int, str]:
        """Definition or package → its label."""
        found = {row.id: "Definition" for row in self.design.rows(model.Definition)}
        return found | {row.id: "Package" for row in self.design.rows(model.Package)}

    def _owner(self, identifier: int) -> tuple[str, int]:
        """Return label and number of the definition, package or file that is the source of an edge."""
        return (
            (self._labels.get(identifier, "File"), identifier) if identifier & _LOCAL else ("File", identifier >> SHIFT)
        )

    def _defines(self) -> Iterator[Relation]:
        for identifier, label in self._labels.items():
            yield Relation(("File", label), identifier >> SHIFT, identifier)

    def _imports(self) -> Iterator[Relation]:
        yield from self._by_name(model.Imports, model.Package)

    def _instantiates(self) -> Iterator[Relation]:
        yield from self._by_name(model.Instantiates, model.Definition)

    def _by_name(self, row_type: Any, target_type: Any) -> Iterator[Relation]:
        """Yield edges whose target is a name: one to each thing of that name."""
        named = defaultdict(list)
        for row in self.design.rows(target_type):
            named[row.name].append(row.id)
        name = schema.table(row_type).upper()
        for row in self.design.rows(row_type):
            label, source = self._owner(row.source)
            pair = (label, target_type.__name__)
            if pair in RELATIONS[name].pairs:
                for target in named[row.target]:
                    yield Relation(pair, source, target, _values(row, "source", "target"))

    def _body_of(self) -> Iterator[Relation]:
        written = defaultdict(list)
        for definition in self.design.rows(model.Definition):
            written[definition.name, definition.file].append(definition.id)
        for body in self.design.rows(model.Body):
            for identifier in written[body.definition, body.file]:
                yield Relation(("Body", "Definition"), body.id, identifier)
        for instance in self.design.rows(model.Instance, "body != 0"):
            yield Relation(("Body", "Instance"), instance.body, instance.id)

    def _contains(self) -> Iterator[Relation]:
        for instance in self.design.rows(model.Instance, "parent != 0"):
            yield Relation(("Instance", "Instance"), instance.parent, instance.id)
        for row_type in (model.Port, model.Signal, model.Block):
            for row in self.design.rows(row_type):
                yield Relation(("Body", row_type.__name__), row.id >> SHIFT, row.id)
        for statement in self.design.rows(model.Statement):
            yield Relation(("Block", "Statement"), statement.block, statement.id)
        for chunk in self.design.rows(model.Chunk):
            yield Relation(("File", "Chunk"), chunk.id >> SHIFT, chunk.id)
            if chunk.definition in self._labels:
                yield Relation((self._labels[chunk.definition], "Chunk"), chunk.definition, chunk.id)
        for comment in self.design.rows(model.Comment):
            yield Relation(("File", "Comment"), comment.id >> SHIFT, comment.id)
        if self.syntax:
            for node in self.design.rows(model.AstNode, "parent = 0"):
                yield Relation(("File", "AstNode"), node.id >> SHIFT, node.id)

    def _children(self) -> Iterator[Relation]:
        if self.syntax:
            for node in self.design.rows(model.AstNode, "parent != 0"):
                yield Relation(("AstNode", "AstNode"), node.parent, node.id)

    def _chunks(self) -> Iterator[tuple[Any, ...]]:
        file, content = 0, b""
        for chunk in self.design.rows(model.Chunk, "id > 0 ORDER BY id"):
            if chunk.id >> SHIFT != file:
                file = chunk.id >> SHIFT
                content = self.design.source(file)
            yield chunk._replace(text=content[chunk.start : chunk.end].decode("utf-8", "replace"))

    def _instances(self) -> Iterator[tuple[model.Instance, BodyGraph]]:
        for instance in self.design.rows(model.Instance, "body != 0 ORDER BY id"):
            yield instance, self.design.mirror.body(instance.body)

    def _wires(self) -> Iterator[Wire]:
        for instance, graph in self._instances():
            for number, signal in graph.signals.items():
                kind = "alias"
                if signal.kind not in ("member", "remote"):
                    kind = kind_of(self.design, Bits(instance.id, number, 0, 0))
                path = f"{instance.path}.{signal.name}"
                yield Wire(wire(instance.id, number), path, instance.id, number, signal.width, kind)

    def _of_signals(self) -> Iterator[Relation]:
        for row in self._wires():
            yield Relation(("Wire", "Signal"), row.id, row.signal)

    def _in_instances(self) -> Iterator[Relation]:
        for row in self._wires():
            yield Relation(("Wire", "Instance"), row.id, row.instance)

    def _port_binds(self) -> Iterator[Relation]:
        """Yield connections of bodies, once for each body that the instance of that name has."""
        seen = set()
        for instance, graph in self._instances():
            ports = {}
            for bind in (b for binds in graph.outer_binds.values() for b in binds if b.outer):
                child = self.design.mirror.child(instance.id, bind.instance)
                body = self.design.mirror.instance(child).body if child else 0
                if body not in ports:
                    ports[body] = {p.name: p.id for p in self.design.mirror.body(body).ports} if body else {}
                port = ports[body].get(bind.port, 0)
                pair, target = (("Signal", "Port"), port) if port else (("Signal", "Instance"), child)
                if target and (bind, target) not in seen:
                    seen.add((bind, target))
                    yield Relation(pair, bind.outer, target, _values(bind, "outer"))

    def _feeds(self) -> Iterator[Feeds]:
        for instance, graph in self._instances():
            for flow in (flow for flows in graph.into.values() for flow in flows):
                source, target = wire(instance.id, flow.source), wire(instance.id, flow.target)
                yield Feeds(**flow._asdict() | {"source": source, "target": target})
            for bind in (bind for binds in graph.outer_binds.values() for bind in binds):
                yield from self._through_port(instance, bind)
            for number, signal in graph.signals.items():
                if signal.kind in ("member", "remote"):
                    yield from self._same(instance, number, signal)

    def _through_port(self, instance: model.Instance, bind: model.PortBind) -> Iterator[Feeds]:
        child = self.design.mirror.child(instance.id, bind.instance)
        below = self.design.mirror.graph_of(child) if child else None
        inner = below.names.get(bind.inner) if below else None
        if not inner or not bind.outer:
            return
        outside = (wire(instance.id, bind.outer), bind.outer_low, bind.outer_high)
        inside = (wire(child, inner), bind.inner_low, bind.inner_high)
        kind = "port" if bind.kind == "data" else bind.kind
        if bind.direction in ("input", "inout"):
            yield Feeds(*outside, *inside, kind, bind.aligned, 0, 0, bind.line)
        if bind.direction in ("output", "inout"):
            yield Feeds(*inside, *outside, kind, bind.aligned, 0, 0, bind.line)

    def _same(self, instance: model.Instance, number: int, signal: model.Signal) -> Iterator[Feeds]:
        real = self.design.mirror.real(instance.id, signal)
        if real is None:
            return
        high = max(signal.width, 1) - 1
        name, thing = wire(instance.id, number), wire(*real)
        yield Feeds(thing, 0, high, name, 0, high, "alias", 1, 0, 0, signal.line)
        if signal.direction != "input":
            line = self.design.mirror.signal(Bits(*real, 0, high)).line
            yield Feeds(name, 0, high, thing, 0, high, "alias", 1, 0, 0, line)


def wire(instance: int, signal: int) -> int:
    """Return the identifier of a signal in an instance."""
    return instance << SHIFT | signal & _LOCAL


def _values(row: Any, *left_out: str) -> tuple[Any, ...]:
    return tuple(value for name, value in zip(row._fields, row, strict=True) if name not in left_out)
