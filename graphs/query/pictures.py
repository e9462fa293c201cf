"""Answers as pictures: cones, hierarchies, state diagrams and control flow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from rtlgen.graphs.database.mirror import Bits
from rtlgen.graphs.fsm.model import StateMachine
from rtlgen.graphs.model import Instance
from rtlgen.graphs.pictures import Edge, EdgeKind, Group, Node, NodeKind, Picture
from rtlgen.graphs.query.cone import ROLES, Cone, cone
from rtlgen.graphs.query.cones import DATA, kind_of
from rtlgen.graphs.query.control import ControlFlowAnswer

if TYPE_CHECKING:
    from rtlgen.graphs.database.design import DesignDatabase

EXCERPT: Final = 2
"""Lines of source before and after the line of interest."""
_KINDS: Final[dict[str, NodeKind]] = {
    "input": "input", "output": "output", "inout": "input", "register": "register", "latch": "register",
    "memory": "memory",
}  # fmt: skip
_EDGES: Final[dict[str, EdgeKind]] = {
    "data": "data", "control": "control", "index": "index", "clock": "clock", "reset": "reset", "port": "port",
    "alias": "port",
}  # fmt: skip
_STATEMENTS: Final[dict[str, NodeKind]] = {
    "entry": "terminal", "exit": "terminal", "if": "condition", "case": "condition", "loop": "condition",
}  # fmt: skip


class Excerpts:
    """Lines of source around a place, each file read once."""

    def __init__(self, design: DesignDatabase) -> None:
        """Read from `design`."""
        self._design = design
        self._lines: dict[int, list[str]] = {}

    def around(self, file: int, line: int) -> tuple[str, int]:
        """Return a few lines, and the number of the first one; nothing for an unknown place."""
        if not file or not line:
            return "", 1
        if file not in self._lines:
            self._lines[file] = self._design.source(file).decode("utf-8", "replace").splitlines()
        first = max(line - EXCERPT, 1)
        return "\n".join(self._lines[file][first - 1 : line + EXCERPT]), first


def cone_picture(
    design: DesignDatabase,
    signal: str,
    *,
    forward: bool = False,
    depth: int | None = 3,
    through_registers: bool = True,
    clocks: bool = False,
) -> Picture:
    """Return the picture of a fan-in or fan-out, one node a signal, instances as boxes.

    Raises:
        InputError: there is no such signal.
    """
    root = design.resolve(signal)
    found = cone(
        design.mirror, root, forward=forward, depth=depth, through_registers=through_registers,
        roles=ROLES if clocks else DATA,
    )  # fmt: skip
    excerpts = Excerpts(design)
    nodes = [_signal_node(design, excerpts, found, key) for key in found.bits]
    title = f"fan-{'out' if forward else 'in'} of {design.path_of(root)}"
    levels = f"{depth} blocks deep" if depth is not None else "complete"
    return Picture(title, levels, tuple(nodes), tuple(_cone_edges(design, found, forward)), _groups(design, found.bits))


def _signal_node(design: DesignDatabase, excerpts: Excerpts, found: Cone, key: tuple[int, int]) -> Node:
    instance, number = key
    whole = Bits(instance, number, 0, 1 << 30)
    signal = design.mirror.signal(whole)
    ranges = found.bits[key]
    bits = Bits(instance, number, min(r[0] for r in ranges), max(r[1] for r in ranges))
    path = design.path_of(whole)
    excerpt, first = excerpts.around(signal.file, signal.line)
    details = (("path", path), ("type", signal.type), ("bits in the cone", design.path_of(bits)))
    return Node(
        f"{instance}/{number}",
        (signal.name, signal.type) if signal.width != 1 else (signal.name,),
        _KINDS.get(kind_of(design, bits), "wire"),
        f"i{instance}",
        path,
        design.file(signal.file),
        signal.line,
        emphasis=key == (found.root.instance, found.root.signal),
        details=details,
        excerpt=excerpt,
        excerpt_line=first,
    )


def _cone_edges(design: DesignDatabase, found: Cone, forward: bool) -> list[Edge]:
    from rtlgen.graphs.query.cones import edge

    edges: dict[tuple[str, str, str], Edge] = {}
    for step in found.edges:
        far = f"{step.bits.instance}/{step.bits.signal}"
        near = f"{step.target.instance}/{step.target.signal}"
        source, target = (near, far) if forward else (far, near)
        kind: EdgeKind = _EDGES.get(step.kind, "data")
        if source == target or (source, target, kind) in edges:
            continue
        answer = edge(design, step, forward=forward)
        bits = (step.target if forward else step.bits).high - (step.target if forward else step.bits).low + 1
        tooltip = f"{answer.source} → {answer.target}"
        edges[source, target, kind] = Edge(
            source,
            target,
            "",
            kind,
            tooltip,
            answer.place.file,
            answer.place.line,
            bits,
        )
    return list(edges.values())


def _groups(design: DesignDatabase, keys: Iterable[tuple[int, int]]) -> tuple[Group, ...]:
    """Return a box for every instance with a signal in the picture, nested as the hierarchy is."""
    instances: dict[int, Instance] = {}
    for key in keys:
        number = key[0]
        while number and number not in instances:
            instances[number] = design.mirror.instance(number)
            number = instances[number].parent
    return tuple(
        Group(f"i{row.id}", f"{row.name} ({row.definition})", f"i{row.parent}" if row.parent else "")
        for row in sorted(instances.values(), key=lambda r: r.id)
    )


def hierarchy_picture(design: DesignDatabase, root: str | None, *, depth: int | None = None) -> Picture:
    """Return the picture of the hierarchy below an instance or module, or below all tops.

    Raises:
        InputError: there is no such instance.
    """
    rows = design.tree(root, depth=depth)
    known = {row.id for _, row in rows}
    nodes = tuple(
        Node(
            str(row.id), (row.name, row.definition), "instance", tooltip=row.path, file=design.file(row.file),
            line=row.line, emphasis=level == 0, details=(("path", row.path), ("module", row.definition)),
        )
        for level, row in rows
    )  # fmt: skip
    edges = tuple(Edge(str(row.parent), str(row.id), kind="port") for _, row in rows if row.parent in known)
    title = f"hierarchy of {root or ', '.join(design.note('tops') or [])}"
    return Picture(title, f"{len(rows)} instances", nodes, edges, kind="hierarchy")


def states_picture(machine: StateMachine) -> Picture:
    """Return the state diagram of a machine."""
    starts = {reset.state for reset in machine.resets}
    nodes = tuple(
        Node(
            state.name,
            (state.name,),
            "start" if state.name in starts else "state",
            tooltip=f"code {state.code}",
            file=state.file,
            line=state.line,
            details=(("code", str(state.code)), *state.outputs),
        )
        for state in machine.states
    )
    known = {state.name for state in machine.states}
    edges = tuple(
        Edge(t.source, t.target, t.condition if t.condition not in ("1", "1'b1") else "", "transition", t.condition)
        for t in machine.transitions
        if t.target in known
    )
    exact = "exact" if machine.exact else f"read off the text: {machine.problem}"
    title = f"{machine.module}.{machine.register}"
    return Picture(title, f"{machine.style}, {exact}", nodes, edges, kind="states")


def control_picture(flows: Sequence[ControlFlowAnswer]) -> Picture:
    """Return the control flow of blocks, each in its box."""
    nodes, edges, groups = [], [], []
    for n, flow in enumerate(flows):
        block = flow.block
        groups.append(Group(f"b{n}", f"{block.kind} {block.name}"))
        for s in flow.statements:
            text = s.text if s.kind not in ("entry", "exit") else s.kind
            nodes.append(
                Node(f"{n}/{s.number}", (text or s.kind,), _STATEMENTS.get(s.kind, "statement"), f"b{n}",
                     f"line {s.line}", block.place.file, s.line)
            )  # fmt: skip
        edges += [Edge(f"{n}/{a}", f"{n}/{b}", label, "next") for a, b, label in flow.edges]
    title = f"control flow of {flows[0].block.definition}" if flows else "control flow"
    return Picture(title, f"{len(flows)} blocks", tuple(nodes), tuple(edges), tuple(groups), kind="flow")
