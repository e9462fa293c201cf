"""One elaborated body as rows: ports, signals, blocks with control and data flow, connections of its instances."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pyslang import ast

from rtlgen.graphs.elaborate.connections import Connections
from rtlgen.graphs.elaborate.control import ControlFlow, shortened
from rtlgen.graphs.elaborate.dependencies import Dependencies, compact, shifted, spread
from rtlgen.graphs.elaborate.names import Names, Places, width_of
from rtlgen.graphs.elaborate.state import State, TooLarge, joined
from rtlgen.graphs.elaborate.statements import Tracer
from rtlgen.graphs.elaborate.triggers import Edge, Trigger, trigger_of
from rtlgen.graphs.elaborate.whole import names_in, trace_as_a_whole
from rtlgen.graphs.model import Block, Drives, Flows, Port, Reads
from rtlgen.graphs.rows import BodyRows

_PROCEDURES = {
    "Initial": "initial",
    "Final": "final",
    "Always": "always",
    "AlwaysComb": "always_comb",
    "AlwaysLatch": "always_latch",
    "AlwaysFF": "always_ff",
}

_SWITCHES = frozenset({"tran", "rtran", "tranif0", "tranif1", "rtranif0", "rtranif1"})


@dataclass(slots=True)
class Extracted:
    """What came of a body.

    Attributes:
        rows: the rows.
        notes: what could not be taken exactly: place, message.
    """

    rows: BodyRows
    notes: list[tuple[Any, str]] = field(default_factory=list)


def extract(body: Any, rows: BodyRows, places: Places) -> Extracted:
    """Fill `rows` from slang's canonical instance body."""
    kept: list[Any] = []
    while True:
        extraction = _Extraction(body, rows, places, kept)
        result = extraction.run()
        if not extraction.names.persistent:
            return result
        kept += extraction.names.persistent
        rows.clear()


class _Extraction:
    def __init__(self, body: Any, rows: BodyRows, places: Places, kept: list[Any]) -> None:
        """Extract a body; `kept` are static variables of its subroutines that hold a value between calls."""
        self.body = body
        self.rows = rows
        self.places = places
        self.names = Names(body, rows, places)
        self.result = Extracted(rows)
        self.connections = Connections(self.names, rows)
        self._kept = kept
        self._members: list[Any] = []
        self._is_unit = not isinstance(body, ast.InstanceBodySymbol)

    def run(self) -> Extracted:
        self._members = list(self._collect(self.body))
        for symbol in self._kept:
            self.names.add(symbol)
        self._ports()
        for member in self._members:
            self._guarded(member)
        self.connections.guess_black_boxes()
        return self.result

    def _guarded(self, member: Any) -> None:
        """Take a member; one that breaks the walk, which half-typed text may do, is noted and left out."""
        try:
            self._member(member)
        except (AttributeError, TypeError, ValueError, LookupError, RecursionError, TooLarge) as error:
            self.result.notes.append((member.location, f"left out: {type(error).__name__}: {error}"))

    def _collect(self, scope: Any) -> Iterator[Any]:
        """Yield members of generate blocks that exist, enter every net and variable."""
        for member in scope:
            if isinstance(member, ast.GenerateBlockSymbol):
                if not member.isUninstantiated:
                    yield from self._collect(member)
            elif isinstance(member, ast.GenerateBlockArraySymbol):
                for entry in member.entries:
                    yield from self._collect(entry)
            elif isinstance(member, ast.InstanceArraySymbol):
                yield from self._collect(member)
            elif isinstance(member, ast.StatementBlockSymbol):
                self._statics(member)
            elif isinstance(member, ast.NetSymbol | ast.VariableSymbol):
                if not isinstance(member, ast.FormalArgumentSymbol):
                    self.names.add(member)
                    yield member
            else:
                yield member

    def _statics(self, scope: Any) -> None:
        for member in scope:
            if isinstance(member, ast.StatementBlockSymbol):
                self._statics(member)
            elif isinstance(member, ast.VariableSymbol) and member.lifetime == ast.VariableLifetime.Static:
                self.names.add(member)

    def _ports(self) -> None:
        for member in self.body:
            if isinstance(member, ast.PortSymbol):
                self._port(member)
            elif isinstance(member, ast.MultiPortSymbol):
                for inner in member.ports:
                    self._port(inner)
            elif isinstance(member, ast.InterfacePortSymbol):
                definition: Any = member.interfaceDef
                kind = definition.name if definition is not None else "interface"
                kind += f".{member.modport}" if member.modport else ""
                self._add_port(member, "interface", 0, kind, 0)

    def _port(self, port: Any) -> None:
        direction = {"In": "input", "Out": "output", "InOut": "inout", "Ref": "ref"}[port.direction.name]
        inner = port.internalSymbol
        signal = self.names.known(inner) if inner is not None else None
        if signal:
            self.names.direct(signal, direction)
            if direction == "output" and port.initializer is not None:
                self._first_value(inner, port.initializer)
        self._add_port(port, direction, width_of(port.type), str(port.type), signal or 0)

    def _add_port(self, port: Any, direction: str, width: int, type_: str, signal: int) -> None:
        position = len(self.rows.ports) + 1
        line = self.places.at(port.location)[1]
        self.rows.ports.append(Port(position, port.name, position, direction, width, type_, signal, line))

    def _member(self, member: Any) -> None:
        if isinstance(member, ast.NetSymbol | ast.VariableSymbol):
            if member.initializer is not None:
                self._initializer(member)
        elif isinstance(member, ast.ContinuousAssignSymbol) and isinstance(member.assignment, ast.AssignmentExpression):
            self._simple("assign", "assign", member.assignment, "continuous")
        elif isinstance(member, ast.ProceduralBlockSymbol):
            self._procedure(member)
        elif isinstance(member, ast.InstanceSymbol | ast.UninstantiatedDefSymbol) and self._is_unit:
            return  # text that has lost its module
        elif isinstance(member, ast.InstanceSymbol):
            self._instance(member)
        elif isinstance(member, ast.PrimitiveInstanceSymbol):
            self._gate(member)
        elif isinstance(member, ast.UninstantiatedDefSymbol):
            self.connections.black_box(self.names.relative(member), member)
        elif isinstance(member, ast.NetAliasSymbol):
            self._alias(member)

    def _block(self, kind: str, name: str, range_: Any, trigger: Trigger | None = None) -> int:
        path, first, last, _ = self.places.lines(range_)
        clock: Edge = trigger.clocks[0] if trigger and trigger.clocks else (0, 0, 0, "")
        reset: Edge = trigger.resets[0] if trigger and trigger.resets else (0, 0, 0, "")
        number = len(self.rows.blocks) + 1
        file = self.names.file(path)
        self.rows.blocks.append(Block(number, kind, name, clock[0], clock[3], reset[0], reset[3], file, first, last))
        return number

    def _state(self, symbol: Any, resets: frozenset[int] = frozenset()) -> State:
        context = ast.EvalContext(symbol)
        context.pushEmptyFrame()
        return State(self.names, context, resets=resets)

    def _initializer(self, symbol: Any) -> None:
        """Take `wire a = b;` as an assignment, `logic a = b;` as an initial value."""
        if isinstance(symbol, ast.NetSymbol):
            self._first_value(symbol, symbol.initializer, "assign", "continuous")
        else:
            self._first_value(symbol, symbol.initializer)

    def _first_value(self, symbol: Any, expression: Any, kind: str = "init", drive: str = "initial") -> None:
        block = self._block(kind, "", expression.sourceRange)
        state = self._state(self.body)
        flow = ControlFlow(self.rows, block, self.places)
        text = f"{symbol.name} = {shortened(expression.syntax)}"
        state.statement = flow.single(expression.sourceRange, "assign", text)
        tracer = Tracer(state, flow.number_of)
        signal = self.names.known(symbol)
        assert signal is not None
        high = max(width_of(symbol.type), 1) - 1
        try:
            found = tracer.values.of(expression)
        except TooLarge:
            state, tracer, found = self._as_a_whole(state, tracer, expression, flow)
            found = spread(found, 0, high)
        state.note_drive(signal, 0, high, drive)
        state.blocking.write(signal, 0, high, found)
        self._finish(block, state, tracer, None)

    def _simple(self, kind: str, statement: str, expression: Any, drive: str) -> None:
        block = self._block(kind, "", expression.sourceRange)
        state = self._state(self.body)
        flow = ControlFlow(self.rows, block, self.places)
        state.statement = flow.single(expression.sourceRange, statement, shortened(expression.syntax))
        tracer = Tracer(state, flow.number_of)
        if isinstance(expression, ast.AssignmentExpression):
            try:
                found = tracer.values.of(expression.right)
            except TooLarge:
                state, tracer, found = self._as_a_whole(state, tracer, expression.right, flow)
                found = spread(found, 0, max(width_of(expression.left.type), 1) - 1)
            tracer.assignments.assign(expression.left, found, drive)
        self._finish(block, state, tracer, None)

    def _as_a_whole(
        self, state: State, tracer: Tracer, expression: Any, flow: ControlFlow
    ) -> tuple[State, Tracer, Dependencies]:
        """Return a new trace and all that an expression reads, where following its calls takes too many steps."""
        self._too_large(expression.sourceRange.start)
        tracer.release()
        statement, state = state.statement, self._state(self.body)
        state.statement = statement
        tracer = Tracer(state, flow.number_of)
        return state, tracer, [d for part in names_in(expression) for d in tracer.values.of(part)]

    def _too_large(self, location: Any) -> None:
        self.result.notes.append((location, "too large to be traced exactly; every target depends on all it reads"))

    def _gate(self, gate: Any) -> None:
        if gate.primitiveType.name in _SWITCHES:
            self._switch(gate)
            return
        inputs = [e for e in gate.portConnections if not isinstance(e, ast.AssignmentExpression)]
        outputs = [e for e in gate.portConnections if isinstance(e, ast.AssignmentExpression)]
        extent = gate.syntax.sourceRange
        block = self._block("gate", gate.name, extent)
        state = self._state(self.body)
        flow = ControlFlow(self.rows, block, self.places)
        state.statement = flow.single(extent, "assign", f"{gate.primitiveType.name} {shortened(gate.syntax)}")
        tracer = Tracer(state, flow.number_of)
        found = [d for e in inputs for d in tracer.values.whole(e)]
        for output in outputs:
            tracer.assignments.assign(output.left, found, "port")
        self._finish(block, state, tracer, None)

    def _switch(self, gate: Any) -> None:
        """Take a switch that conducts both ways: each side depends on the other, and on the control input."""
        text = f"{gate.primitiveType.name} {shortened(gate.syntax)}"
        connected = list(gate.portConnections)
        control = [e for e in connected if not isinstance(e, ast.AssignmentExpression)]
        sides = [e.left for e in connected if isinstance(e, ast.AssignmentExpression)]
        self._both_ways("gate", gate.name, gate.syntax.sourceRange, text, sides, control, "port")

    def _alias(self, alias: Any) -> None:
        nets = list(alias.netReferences)
        self._both_ways("alias", "", alias.syntax.sourceRange, shortened(alias.syntax), nets, [], "alias")

    def _both_ways(
        self, kind: str, name: str, extent: Any, text: str, nets: list[Any], control: list[Any], drive: str
    ) -> None:
        block = self._block(kind, name, extent)
        state = self._state(self.body)
        flow = ControlFlow(self.rows, block, self.places)
        state.statement = flow.single(extent, "assign", text)
        tracer = Tracer(state, flow.number_of)
        values = [tracer.values.of(net) for net in nets]
        conditions = [d for e in control for d in tracer.values.condition(e)]
        for i, net in enumerate(nets):
            others = [d for j, value in enumerate(values) if j != i for d in value]
            others += spread(conditions, 0, max(width_of(net.type), 1) - 1)
            state.blocking.segments.clear()
            tracer.assignments.assign(net, others, drive)
            self._flows(block, state.blocking.assigned(), registered=False)
        state.blocking.segments.clear()
        self._finish(block, state, tracer, None)

    def _procedure(self, procedure: Any) -> None:
        state = self._state(procedure)
        trigger = trigger_of(procedure, self.names, state.context)
        state.resets = frozenset(e[0] for e in trigger.resets)
        kind = _PROCEDURES[procedure.procedureKind.name]
        if _is_assertion(trigger.body):
            kind = "assert"
        extent = procedure.syntax.sourceRange if procedure.syntax is not None else trigger.body.sourceRange
        block = self._block(kind, _name_of(trigger.body), extent, trigger)
        flow = ControlFlow(self.rows, block, self.places)
        flow.build(trigger.body)
        tracer = Tracer(state, flow.number_of)
        try:
            tracer.run(trigger.body)
        except TooLarge:
            self._too_large(extent.start)
            tracer.release()
            state = self._state(procedure, state.resets)
            tracer = trace_as_a_whole(state, trigger.body, flow)
        self._finish(block, state, tracer, trigger)

    def _finish(self, block: int, state: State, tracer: Tracer, trigger: Trigger | None) -> None:
        """Turn what a trace found into rows."""
        lines = self.rows.statements
        for (statement, signal, role), ranges in state.reads.items():
            self.rows.reads.extend(Reads(statement, signal, low, high, role) for low, high in joined(ranges))
        for (statement, signal, kind), ranges in state.drives.items():
            line = lines[statement - 1].first_line if statement else 0
            self.rows.drives.extend(Drives(statement, signal, low, high, line, kind) for low, high in joined(ranges))
        clocks = trigger.clocks if trigger else ()
        assigned = [*state.blocking.assigned(), *state.nonblocking.assigned(), *tracer.flushed]
        driven = {signal: self._line(statement) for statement, signal, _ in reversed(state.drives)}
        registered = bool(clocks) or any(d[5] == "clock" for d in tracer.waits)
        self._flows(block, assigned, registered=registered, lines=driven)
        events = [(0, 0, signal, low, high, "clock", False) for signal, low, high, _ in clocks]
        events += compact([*tracer.waits, *(_events(tracer, trigger, assigned) if trigger else ())])
        timing = [(t, low, high, spread(events, 0, high - low)) for t, low, high, _ in assigned if t > 0 and events]
        moved = [(t, low, high, shifted(value, low)) for t, low, high, value in timing]
        self._flows(block, moved, registered=registered, lines=driven)
        tracer.release()

    def _line(self, statement: int) -> int:
        return self.rows.statements[statement - 1].first_line if statement else 0

    def _flows(
        self,
        block: int,
        assigned: Any,
        *,
        registered: bool,
        lines: dict[int, int] | None = None,
    ) -> None:
        for target, _, _, value in assigned:
            if target > 0:
                line = (lines or {}).get(target, 0)
                self.rows.flows.extend(_rows(value, target, block, line, registered=registered))

    def _instance(self, instance: Any) -> None:
        name = self.names.relative(instance)
        line = self.places.at(instance.location)[1]
        state = self._state(self.body)
        self.connections.instance(name, instance, state, line)


def _events(tracer: Tracer, trigger: Trigger, assigned: list[tuple[int, int, int, Dependencies]]) -> Dependencies:
    """Return what decides when a block runs, besides edges: guards, and a list that leaves out what the block reads."""
    guards = [d for e in trigger.guards for d in tracer.values.condition(e)]
    levels = [d for e in trigger.levels for d in tracer.values.condition(e)]
    listed = {d[2] for d in levels}
    read = {d[2] for target, _, _, value in assigned if target > 0 for d in value if d[2] > 0 and d[2] != target}
    return guards + (levels if listed and (trigger.clocks or tracer.fires or read - listed) else [])


def _rows(value: Dependencies, target: int, block: int, line: int, *, registered: bool) -> Iterator[Flows]:
    for low, high, source, s_low, s_high, role, aligned in value:
        holds = source == target and aligned and low == s_low and role == "data"
        if source > 0 and not (holds and registered):
            yield Flows(
                source, s_low, s_high, target, low, high, role, int(aligned), int(registered), block, line
            )  # fmt: skip


def _is_assertion(body: Any) -> bool:
    while isinstance(body, ast.BlockStatement):
        body = body.body
    return isinstance(body, ast.ConcurrentAssertionStatement)


def _name_of(body: Any) -> str:
    symbol = body.blockSymbol if isinstance(body, ast.BlockStatement) else None
    return str(symbol.name) if symbol is not None else ""
