"""The data flow of one body by names: what every signal is, and what drives which bits of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from rtlgen.graphs.bits import Array, Layout, Record
from rtlgen.graphs.encode.names import select_of, written
from rtlgen.graphs.encode.texts import Edges, parameters_of, place_of
from rtlgen.graphs.model import Block, Flows, PortBind, Signal
from rtlgen.graphs.rows import BodyRows

Kind = Literal["in", "reg", "latch", "wire", "init", "pin", "open", "ext"]
"""Input; register, latch or wire by what drives it; driven by initial values only; input of an instance; driven by
nothing; outside of the body (a hierarchical name, a member of an interface) and not driven by it."""
KINDS: Final = get_args(Kind)
Role = Literal["bits", "data", "if", "at", "clock", "reset"]
"""How a source acts: bit by bit (bit k of the target on bit k of the source alone), as data, as a condition, as an
index; as a clock or a reset beside those of the domain."""
ROLES: Final = get_args(Role)

_ROLE_OF: Final[dict[str, Role]] = {
    "data": "data", "control": "if", "index": "at", "clock": "clock", "reset": "reset",
}  # fmt: skip
_INITIAL: Final = ("init", "initial")
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Clause:
    """One block's part in driving a signal.

    Attributes:
        bits: selects of the driven bits, highest first; empty for the whole signal.
        line: where; 0 where unknown.
        domain: name of the clock domain, `latch` or `init`; empty for a combinational block.
        sources: role → what is read, as a select of the source.
        hidden: sources that were not written.
    """

    bits: tuple[str, ...]
    line: int
    domain: str
    sources: tuple[tuple[Role, tuple[str, ...]], ...]
    hidden: int = 0


@dataclass(frozen=True, slots=True)
class Target:
    """A signal, or an input pin of an instance, and what drives it.

    Attributes:
        bounds: dimensions in the order of selects, as declared; `<n>` for a structure of n bits.
        direction: that of the port, empty for an internal signal.
        hidden: clauses that were not written.
    """

    kind: Kind
    name: str
    bounds: str
    direction: str
    clauses: tuple[Clause, ...]
    hidden: int = 0


@dataclass(frozen=True, slots=True)
class Domain:
    """A clock edge, with the edge of an asynchronous reset where there is one."""

    name: str
    edges: Edges
    """The clock first."""


@dataclass(frozen=True, slots=True)
class Dataflow:
    """The data flow of one body."""

    name: str
    place: str
    """`path:first-last`."""
    parameters: tuple[tuple[str, str], ...] = ()
    domains: tuple[Domain, ...] = ()
    targets: tuple[Target, ...] = ()


def dataflow(body: BodyRows) -> Dataflow:
    """Return the data flow of a body.

    A clock and a reset that belong to a domain are no sources of their own, nor is that reset as a condition. Ranges of
    one source that touch are one.
    """
    return _Build(body).run()


@dataclass(slots=True)
class _Parts:
    """Sources of one clause while it is collected: role and name → ranges."""

    ranges: dict[tuple[Role, str], list[Span]] = field(default_factory=lambda: defaultdict(list))
    line: int = 0


class _Build:
    def __init__(self, body: BodyRows) -> None:
        self.body = body
        self.signals: dict[int, Signal] = {s.id: s for s in body.signals}
        self.layouts = {s.id: Layout.from_json(s.layout, s.width) for s in body.signals}
        self.by_name = {s.name: self.layouts[s.id] for s in body.signals}
        self.blocks: dict[int, Block] = {b.id: b for b in body.blocks}
        self.domains: dict[Edges, Domain] = {}
        self.parts: dict[int, dict[tuple[int, Span], _Parts]] = defaultdict(dict)
        self.pins: dict[str, dict[Span, _Parts]] = {}
        self.driven: dict[int, dict[tuple[int, Span], int]] = defaultdict(dict)

    def run(self) -> Dataflow:
        for block in self.body.blocks:
            self._domain(block)
        for flow in self.body.flows:
            self._flow(flow)
        for number, bind in enumerate(self.body.binds, 1):
            self._bind(bind, -number)
        owner = {s.id: s.block for s in self.body.statements}
        for drive in self.body.drives:
            self.driven[drive.target].setdefault((owner.get(drive.source, 0), (drive.low, drive.high)), drive.line)
        targets = [*(self._target(s) for s in self.body.signals), *(self._pin(name) for name in self.pins)]
        return Dataflow(
            written(self.body.definition), place_of(self.body), parameters_of(self.body),
            tuple(self.domains.values()), tuple(targets),
        )  # fmt: skip

    def _domain(self, block: Block) -> str:
        """Return the word of a clause that says what stores its value."""
        if not block.clock:
            if block.kind in _INITIAL:
                return "init"
            return "latch" if block.kind == "always_latch" else ""
        edges = [(block.edge, written(self.signals[block.clock].name))]
        if block.reset:
            edges.append((block.reset_edge, written(self.signals[block.reset].name)))
        name = f"d{len(self.domains) + 1}"
        return self.domains.setdefault(tuple(edges), Domain(name, tuple(edges))).name

    def _flow(self, flow: Flows) -> None:
        block = self.blocks.get(flow.block)
        key = (flow.block, (flow.target_low, flow.target_high))
        own = {"clock": block.clock, "reset": block.reset, "control": block.reset} if block else {}
        if own.get(flow.kind) == flow.source:
            self.driven[flow.target].setdefault(key, flow.line)
            return
        parts = self.parts[flow.target].setdefault(key, _Parts(line=flow.line))
        role = _ROLE_OF[flow.kind]
        if role == "data" and flow.aligned and flow.target_high > flow.target_low:
            role = "bits"
        source = self.signals[flow.source]
        parts.ranges[role, source.name].append((flow.source_low, flow.source_high))

    def _bind(self, bind: PortBind, number: int) -> None:
        """Take a connection as a clause of its own, under a negative number in the place of a block's."""
        inner = f"{bind.instance}.{bind.inner or bind.port}"
        outer = bind.path if bind.direction == "interface" else self.signals[bind.outer].name
        role = _ROLE_OF[bind.kind]
        if role == "data" and bind.aligned and bind.inner_high > bind.inner_low:
            role = "bits"
        inside, outside = (bind.inner_low, bind.inner_high), (bind.outer_low, bind.outer_high)
        if bind.direction != "output":
            parts = self.pins.setdefault(inner, {}).setdefault(inside, _Parts(line=bind.line))
            parts.ranges[role, outer].append(outside)
        if bind.direction in ("output", "inout"):
            parts = self.parts[bind.outer].setdefault((number, outside), _Parts(line=bind.line))
            parts.ranges[role, inner].append(inside)

    def _target(self, signal: Signal) -> Target:
        layout = self.layouts[signal.id]
        clauses = []
        for (block, (low, high)), parts in self._all_parts(signal.id):
            bits = () if (low, high) == (0, layout.width - 1) else tuple(layout.describe(low, high))
            word = self._domain(self.blocks[block]) if block > 0 else ""
            clauses.append(Clause(tuple(map(written, bits)), parts.line, word, tuple(self._sources(parts))))
        return Target(
            self._kind(signal, [c.domain for c in clauses]), written(signal.name), bounds_of(layout),
            signal.direction, tuple(clauses),
        )  # fmt: skip

    def _all_parts(self, signal: int) -> list[tuple[tuple[int, Span], _Parts]]:
        """Return what drives a signal, bits that are only set to constants included, in the order of the source."""
        found = dict(self.parts[signal])
        covered: dict[int, list[Span]] = defaultdict(list)
        for owner, span in found:
            covered[owner].append(span)
        for (block, span), line in self.driven[signal].items():
            for rest in list(_without(span, covered[block])):
                found[block, rest] = _Parts(line=line)
                covered[block].append(rest)
        return sorted(found.items(), key=lambda item: (item[1].line, -item[0][1][1], item[0][0]))

    def _kind(self, signal: Signal, domains: list[str]) -> Kind:
        real = [d for d in domains if d != "init"]
        if not domains:
            if signal.direction == "input" and signal.kind != "member":
                return "in"
            return "ext" if signal.kind in ("member", "remote") else "open"
        if not real:
            return "init"
        if any(d not in ("", "latch") for d in real):
            return "reg"
        return "latch" if "latch" in real else "wire"

    def _pin(self, name: str) -> Target:
        parts = self.pins[name]
        high = max(span[1] for span in parts)
        layout = Layout.from_json("", high + 1)
        clauses = [
            Clause(() if span == (0, high) else tuple(layout.describe(*span)), p.line, "", tuple(self._sources(p)))
            for span, p in sorted(parts.items(), key=lambda item: (item[1].line, -item[0][1]))
        ]
        return Target("pin", written(name), bounds_of(layout), "", tuple(clauses))

    def _sources(self, parts: _Parts) -> Iterator[tuple[Role, tuple[str, ...]]]:
        for role in ROLES:
            texts = []
            for (found, name), spans in parts.ranges.items():
                if found == role:
                    layout = self.by_name.get(name)
                    texts += [select_of(layout, low, high, name) for low, high in _joined(spans)]
            if texts:
                yield role, tuple(texts)


def bounds_of(layout: Layout) -> str:
    """Return the dimensions of a value in the order of its selects; `<n>` for a structure of n bits."""
    text = ""
    while isinstance(layout, Array):
        text += f"[{layout.left}:{layout.right}]"
        layout = layout.element
    if isinstance(layout, Record) or layout.width > 1:
        text += f"<{layout.width}>"
    return "" if text == "[0:0]" else text


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Return ranges, highest first, with those that touch or overlap made one."""
    result: list[Span] = []
    for low, high in sorted(set(spans)):
        if result and low <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(high, result[-1][1]))
        else:
            result.append((low, high))
    return result[::-1]


def _without(span: Span, covered: Iterable[Span]) -> Iterator[Span]:
    """Yield the parts of a range that no other covers."""
    low, high = span
    for first, last in sorted(covered):
        if first > high:
            break
        if first > low:
            yield low, first - 1
        low = max(low, last + 1)
    if low <= high:
        yield low, high
