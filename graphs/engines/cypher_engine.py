"""Answers of an engine that speaks Cypher; Ladybug and Neo4j differ only in how a text gets there."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from rtlgen.core.errors import InputError
from rtlgen.graphs import model
from rtlgen.graphs.bits import Layout
from rtlgen.graphs.engines import cypher
from rtlgen.graphs.engines.property_graph import LABELS, RELATIONS, State
from rtlgen.graphs.engines.traversal import Edge, Traversal, in_order
from rtlgen.graphs.query.answers import Access, InstanceAnswer, Place
from rtlgen.graphs.query.hierarchy import arranged

Row = dict[str, Any]
BATCH: Final = 5000
"""Wires, or rows to load, that go into one parameter."""


class CypherEngine(Traversal):
    """The queries of `rtlgen.graphs.engines.cypher`, asked."""

    @abstractmethod
    def ask(self, query: str, **parameters: Any) -> list[Row]:
        """Return the rows of the answer to one of our own queries."""

    def _ask_of(self, query: str, wires: Sequence[int], **parameters: Any) -> Iterator[Row]:
        for start in range(0, len(wires), BATCH):
            yield from self.ask(query, wires=list(wires[start : start + BATCH]), **parameters)

    def state(self) -> State | None:
        """Return which state of which design the engine holds whole, None for none."""
        return whole(self.ask(cypher.STATE))

    def wire(self, path: str) -> int:
        """Return the wire of that path."""
        rows = self.ask(cypher.WIRE, path=path)
        if rows:
            return int(rows[0]["id"])
        near = [row["path"] for row in self.ask(cypher.NEAR, tail="." + path.rsplit(".", 1)[-1])]
        raise InputError(f"no signal {path!r}" + (f"; near: {', '.join(near)}" if near else ""))

    def paths(self, wires: Sequence[int]) -> dict[int, str]:
        """Return the paths of wires."""
        return {row["id"]: row["path"] for row in self._ask_of(cypher.PATHS, wires)}

    def edges(self, wires: Sequence[int], kinds: Sequence[str], *, forward: bool) -> Iterable[Edge]:
        """Return the FEEDS relations of some kinds out of wires (`forward`) or into them."""
        for row in self._ask_of(cypher.edges(forward=forward), wires, kinds=list(kinds)) if kinds else ():
            yield Edge(row["source"], row["target"], row["kind"], bool(row["registered"]), row["line"])

    def drivers(self, signal: str) -> list[Access]:
        """Return every statement and port that drives the signal, in order of path, place and text."""
        return in_order(self._accesses(signal, reading=True))

    def loads(self, signal: str) -> list[Access]:
        """Return every statement and port that reads the signal, in order of path, place and text."""
        return in_order(self._accesses(signal, reading=False))

    def _accesses(self, signal: str, *, reading: bool) -> Iterator[Access]:
        root = self.wire(signal)
        names = self.closure([root], ["alias"], {root: 0}, forward=not reading)
        ports = list(self._ask_of(cypher.ports(reading=reading), names))
        wires = self._details([*names, *(row["far"] for row in ports)])
        here = [wires[number] for number in names]
        signals = sorted({row["signal"] for row in here})
        statements = self.ask(cypher.statements(reading=reading), signals=signals)
        boxes = [row for row in self.ask(cypher.BLACK_BOXES, signals=signals) if row["direction"] == "unknown"]
        clocks = self._named_by(cypher.NAMES, "name", signals=[row["clock"] for row in statements])
        bodies = self._named_by(cypher.BODY_FILES, "file", bodies=[row["body"] for row in wires.values()])
        files = self._named_by(cypher.FILES, "path", files=[*bodies.values(), *(row["file"] for row in statements)])
        for wire in here:
            body_file = files.get(bodies.get(wire["body"], 0), "")
            for row in (row for row in statements if row["signal"] == wire["signal"]):
                yield _statement(wire, row, files.get(row["file"], ""), clocks.get(row["clock"], ""))
            for row in (row for row in boxes if (row["signal"], row["parent"]) == (wire["signal"], wire["instance"])):
                yield _black_box(wire, row, body_file, reading=reading)
        for row in ports:
            near, far = wires[row["near"]], wires[row["far"]]
            upper = far if near["parent"] == far["instance"] else near
            yield _port(near, far, row, files.get(bodies.get(upper["body"], 0), ""), reading=reading)

    def _details(self, wires: Sequence[int]) -> dict[int, Row]:
        return {row["id"]: row for row in self._ask_of(cypher.DETAILS, sorted({*wires}))}

    def _named_by(self, query: str, column: str, **numbers: Iterable[int]) -> dict[int, Any]:
        """Return number → value of a column, for the one parameter of a query."""
        ((name, wanted),) = numbers.items()
        return {row["id"]: row[column] for row in self.ask(query, **{name: sorted({0, *wanted})})}

    def instances(self, definition: str) -> list[InstanceAnswer]:
        """Return the instances of a module, interface or program, in order of the hierarchy."""
        return [
            InstanceAnswer(
                row["path"],
                row["definition"],
                json.loads(row["parameters"]) if row["parameters"] else {},
                Place(row["file"] or "", row["line"]),
                row["children"],
            )
            for row in self.ask(cypher.INSTANCES, definition=definition)
        ]

    def tree(self) -> list[tuple[int, model.Instance]]:
        """Return (level, instance) of the whole hierarchy, each before what it holds."""
        return arranged(model.Instance(**row) for row in self.ask(cypher.tree()))

    def counts(self) -> dict[str, int]:
        """Return the number of nodes of each label and of relations of each type."""
        queries = {label: cypher.count_nodes(label) for label in LABELS}
        queries |= {name: cypher.count_relations(name) for name in RELATIONS}
        return {name: int(self.ask(query)[0]["number"]) for name, query in queries.items()}


def whole(rows: Iterable[Row]) -> State | None:
    """Return the state that the answer to `cypher.STATE` names, None where the graph is not whole."""
    for row in rows:
        if row["complete"]:
            return State(row["repository"], row["generation"], row["digest"], bool(row["syntax"]))
    return None


def _select(path: str, layout: str, width: int, low: int, high: int) -> str:
    """Return the path of bits of a wire, as `DesignDatabase.path_of` does."""
    low, high = max(low, 0), min(high, max(width, 1) - 1)
    if low == 0 and high == max(width, 1) - 1:
        return path
    return ", ".join(path + part for part in Layout.from_json(layout, width).describe(low, high))


def _near(wire: Row, row: Row) -> str:
    return _select(wire["path"], wire["layout"], wire["width"], row["low"], row["high"])


def _statement(wire: Row, row: Row, file: str, clock: str) -> Access:
    path = f"{wire['by']}.{clock}" if clock else ""
    return Access(_near(wire, row), row["kind"], wire["by"], row["role"], Place(file, row["line"]), row["text"], path)


def _port(near: Row, far: Row, row: Row, file: str, *, reading: bool) -> Access:
    other = _select(far["path"], far["layout"], far["width"], row["far_low"], row["far_high"])
    upward = near["parent"] == far["instance"]
    child, inner, outer = (near, near["name"], other) if upward else (far, far["name"], near["path"])
    return Access(
        _near(near, row),
        "input port" if upward == reading else "output port",
        other,
        "data" if row["kind"] == "port" else row["kind"],
        Place(file, row["line"]),
        f"{child['definition']} {child['instance_name']} (.{inner}({outer}))",
    )


def _black_box(wire: Row, row: Row, file: str, *, reading: bool) -> Access:
    return Access(
        _near(wire, row),
        "black box",
        f"{wire['by']}.{row['instance']}",
        "unknown" if reading else row["role"],
        Place(file, row["line"]),
        f"{row['instance']} (.{row['port']})",
    )
