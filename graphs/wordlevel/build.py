"""Build the word-level view of every module of an elaborated design."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from rtlgen.graphs.frontend.slang import Elaborated
from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.clocks import Trigger, trigger_of
from rtlgen.graphs.wordlevel.execute import Executor
from rtlgen.graphs.wordlevel.expressions import Slice, UnsupportedError, width_of
from rtlgen.graphs.wordlevel.module import (
    AsyncReset,
    Block,
    BlockKind,
    ChildInstance,
    Connection,
    ModuleIR,
    Occurrence,
    Place,
    Register,
)
from rtlgen.graphs.wordlevel.signals import declare
from rtlgen.graphs.wordlevel.slices import piecewise
from rtlgen.graphs.wordlevel.terms import Term

if TYPE_CHECKING:
    import pyslang
    from pyslang import ast

RECURSION_LIMIT = 50_000


class Compiled(Protocol):
    """What a view needs of an elaboration by slang; `Elaborated` is one."""

    @property
    def compilation(self) -> ast.Compilation:
        """Slang's compilation, alive as long as any of its symbols is used."""

    @property
    def manager(self) -> pyslang.SourceManager:
        """Slang's source manager."""

    @property
    def buffers(self) -> Mapping[int, str]:
        """Slang buffer id → path of the file."""


def word_level(design: Elaborated) -> tuple[ModuleIR, ...]:
    """Return one view per distinct module body (definition and parameter values), top first."""
    sys.setrecursionlimit(max(sys.getrecursionlimit(), RECURSION_LIMIT))
    bodies: dict[tuple[str, str], Any] = {}
    _collect(design.top, bodies)
    views = [_ModuleBuilder(design, instance.body).build() for instance in bodies.values()]
    for view in views:
        view.copies = sum(v.name == view.name for v in views)
    return tuple(views)


def body_view(design: Compiled, body: ast.InstanceBodySymbol, *, deadline_s: float = float("inf")) -> ModuleIR:
    """Return the view of one elaborated body, with the parameters it has; instances in it are opaque.

    The design may have errors elsewhere: what slang could not make sense of in this body drives nothing.

    Args:
        design: the elaboration that the body belongs to.
        body: of any instance, the top or below.
        deadline_s: `time.monotonic()` value after which every further assignment becomes opaque.
    """
    sys.setrecursionlimit(max(sys.getrecursionlimit(), RECURSION_LIMIT))
    return _ModuleBuilder(design, body, deadline_s).build()


def _collect(instance: Any, bodies: dict[tuple[str, str], Any]) -> None:
    key = (instance.body.definition.name, str(_parameters(instance.body)))
    if key in bodies:
        return
    bodies[key] = instance
    for _, child in members(instance.body):
        if child.kind.name == "Instance" and child.isModule:
            _collect(child, bodies)


def _parameters(body: Any) -> dict[str, str]:
    values = [p for p in body.parameters if p.kind.name == "Parameter" or hasattr(p, "value")]
    return {p.name: str(p.value) for p in values if hasattr(p, "value")}


def members(scope: Any, generated: bool = False) -> Iterator[tuple[bool, Any]]:
    """Yield (inside a generate loop?, symbol) for every member, generate blocks and instance arrays opened."""
    for member in scope:
        kind = member.kind.name
        if kind == "GenerateBlock":
            if not member.isUninstantiated:
                yield from members(member, generated)
        elif kind == "GenerateBlockArray":
            for entry in member.entries:
                yield from members(entry, True)
        elif kind == "InstanceArray":
            yield from ((True, e) for e in member.elements)
        else:
            yield generated, member


def local_name(symbol: Any, prefix: str) -> str | None:
    """Return the name inside the body whose path and a dot are `prefix`, None for a symbol of another one."""
    path = symbol.hierarchicalPath
    if path.startswith(prefix):
        return str(path[len(prefix) :])
    return str(symbol.name) if symbol.kind.name in ("FormalArgument", "Iterator") or "::" in path else None


class _ModuleBuilder:
    """Builds one `ModuleIR`; `_pieces` collects partial drivers of a signal until all are known."""

    def __init__(self, design: Compiled, body: Any, deadline_s: float = float("inf")) -> None:
        self._design = design
        self._body = body
        self._deadline_s = deadline_s
        self._prefix = body.hierarchicalPath + "."
        syntax = body.definition.syntax
        place = self.place(syntax.sourceRange) or Place("", 0, 0)
        header = self.place(syntax.header.sourceRange)
        self.view = ModuleIR(
            name=body.definition.name,
            path=body.hierarchicalPath,
            place=place,
            header_end=header.end if header else place.start,
            parameters=_parameters(self._body),
            overridable=tuple(
                p.name for p in self._body.parameters if hasattr(p, "isLocalParam") and not p.isLocalParam
            ),
        )
        self._pieces: dict[str, list[tuple[int, Term]]] = {}
        self._drivers: dict[str, set[int]] = {}
        self._block = -1
        self._generated = False

    def place(self, source_range: Any) -> Place | None:
        """Return the byte range in one of the design's files, None inside a macro or an included file."""
        start, end = source_range.start, source_range.end
        manager = self._design.manager
        if not (manager.isFileLoc(start) and manager.isFileLoc(end)) or start.buffer.id != end.buffer.id:
            return None
        file = self._design.buffers.get(start.buffer.id)
        return Place(file, start.offset, end.offset) if file is not None else None

    def name_of(self, symbol: Any) -> str | None:
        """Return the name inside this module, None for a symbol of another one."""
        return local_name(symbol, self._prefix)

    def build(self) -> ModuleIR:
        """Return the finished view."""
        found = list(members(self._body))
        for _, member in found:
            if member.kind.name in ("Net", "Variable"):
                self._declare(member)
        for self._generated, member in found:
            self._member(member)
        self._compose()
        return self.view

    def _declare(self, symbol: Any) -> None:
        name = self.name_of(symbol)
        assert name is not None
        signal, reason = declare(name, symbol, self._body, self.place)
        if signal is None:
            self.view.opaque[name] = reason
        else:
            self.view.signals[name] = signal

    def _member(self, m: Any) -> None:
        kind = m.kind.name
        if kind == "ContinuousAssign":
            self._continuous(m, m.assignment, m.syntax)
        elif kind == "Net" and m.initializer is not None:
            self._net_initializer(m)
        elif kind == "ProceduralBlock":
            self._procedure(m)
        elif kind == "Instance":
            self._child(m)
        elif kind == "PrimitiveInstance":
            self._opaque_targets(m.portConnections, f"driven by primitive {m.name}")

    # Blocks.

    def _open(self, kind: BlockKind, syntax: Any, trigger: Trigger | None = None) -> Block:
        place = self.place(syntax.sourceRange) if syntax is not None else None
        self._block = len(self.view.blocks)
        block = Block(
            index=self._block,
            kind=kind,
            place=place or Place("", 0, 0),
            assigned=frozenset(),
            scope="",
            clock=trigger.clock if trigger else None,
            edge=trigger.edge if trigger else None,
            editable=place is not None and not self._generated,
        )
        self.view.blocks.append(block)
        return block

    def _close(self, assigned: Iterable[str], **changes: Any) -> None:
        from dataclasses import replace

        self.view.blocks[self._block] = replace(self.view.blocks[self._block], assigned=frozenset(assigned), **changes)

    def _executor(self) -> Executor:
        executor = Executor(self.name_of, self._note, self._full_case)
        executor.deadline_s = self._deadline_s
        self._running = executor
        return executor

    def _full_case(self, statement: Any) -> bool:
        return any(a.name == "full_case" for a in self._design.compilation.getAttributes(statement))

    def _note(
        self, e: Any, local: Term, expanded: Term, parent: int, self_determined: bool, whole: bool, role: Any
    ) -> None:
        executor = self._running
        place = self.place(e.sourceRange)
        if place is None or place.end <= place.start:
            return
        reads = t.variables(local)
        stable = not any(n in executor.blocking or n in executor._locals for n in reads)
        self.view.occurrences.append(
            Occurrence(
                term=local,
                expanded=expanded,
                place=place,
                path=tuple(executor.path),
                block=self._block,
                target=executor.target,
                root=whole,
                role=role,
                editable=not self._generated and not executor.replicated,
                stable=stable,
                parent_width=parent,
                signed=bool(e.type.isSigned),
                self_determined=self_determined,
            )
        )

    def _continuous(self, m: Any, assignment: Any, syntax: Any) -> None:
        self._open("assign", syntax)
        if assignment.kind.name != "Assignment":  # an error that slang has reported
            return
        executor = self._executor()
        try:
            executor.target = _target(assignment.left, self.name_of)
            value = executor.value(assignment.right)
            names = self._drive(executor, assignment.left, value)
        except UnsupportedError as reason:
            names = self._opaque_targets([assignment.left], str(reason))
        self._close(names)

    def _net_initializer(self, m: Any) -> None:
        self._open("assign", m.syntax)
        name = self.name_of(m)
        assert name is not None
        executor = self._executor()
        executor.target = name
        try:
            self._piece(name, 0, executor.value(m.initializer))
        except UnsupportedError as reason:
            self.view.opaque[name] = str(reason)
        self._close([name])

    def _drive(self, executor: Executor, left: Any, value: Term) -> list[str]:
        if left.kind.name == "Concatenation":
            names: list[str] = []
            low = value.width
            for part in left.operands:
                low -= (width := width_of(part.type))
                names += self._drive(executor, part, t.extract(value, low, width))
            return names
        part = executor._lowering.slice(left)
        name = self.name_of(part.symbol)
        if name is None or not isinstance(part.offset, int) or part.address is not None:
            raise UnsupportedError("assignment to a variable select or outside the module")
        self._piece(name, part.offset, value)
        return [name]

    def _piece(self, name: str, offset: int, value: Term) -> None:
        self._pieces.setdefault(name, []).append((offset, value))
        self._drivers.setdefault(name, set()).add(self._block)

    def _opaque_targets(self, expressions: Iterable[Any], reason: str) -> list[str]:
        names: list[str] = []
        for e in expressions:
            if e is None:
                continue
            if e.kind.name == "Assignment":  # output connections are wrapped in one
                e = e.left
            if e.kind.name == "Concatenation":
                names += self._opaque_targets(e.operands, reason)
            elif (name := _target(e, self.name_of)) is not None:
                names.append(name)
                self.view.opaque.setdefault(name, reason)
        return names

    def _procedure(self, m: Any) -> None:
        kind = m.procedureKind.name
        if kind == "Initial":
            self._initial(m)
        elif kind != "Final":
            trigger = trigger_of(m)
            if trigger is None:
                self._open("comb", m.syntax)
                self._opaque_assignments(m.body, "sensitive to both edges or to an expression")
            elif trigger.edge is None:
                self._combinational(m, trigger)
            else:
                self._clocked(m, trigger)

    def _initial(self, m: Any) -> None:
        from dataclasses import replace

        self._open("initial", m.syntax)
        executor = self._executor()
        try:
            executor.statement(m.body)
        except UnsupportedError:
            return
        for name, value in {**executor.blocking, **executor.nonblocking}.items():
            signal = self.view.signals.get(name)
            if signal is not None and value.op == "const":
                self.view.signals[name] = replace(signal, initial=value.const_value)

    def _combinational(self, m: Any, trigger: Trigger) -> None:
        self._open("comb", m.syntax)
        executor = self._executor()
        executor.settling = True
        try:
            executor.statement(trigger.body)
        except UnsupportedError as reason:
            self._opaque_assignments(m.body, str(reason))
            return
        final = {**executor.blocking, **executor.nonblocking}
        assigned = executor.assigned - executor._locals
        latched = False
        for name in sorted(assigned):
            self._drivers.setdefault(name, set()).add(self._block)
            value = final[name]
            if name in t.variables(value):
                value = piecewise(value)
            if name in t.variables(value):
                latched = True
                self.view.latched.add(name)
                self.view.latch_values[name] = value
            else:
                self._pieces.setdefault(name, []).append((0, value))
        self._mark_memories(executor)
        self._close(assigned, kind="latch" if latched else "comb")

    def _mark_memories(self, executor: Executor) -> None:
        for name in executor.memories_written:
            self.view.opaque.setdefault(name, "memory")

    def _clocked(self, m: Any, trigger: Trigger) -> None:
        self._open("ff", m.syntax, trigger)
        executor = self._executor()
        resets: list[tuple[str, int, dict[str, Term]]] = []
        try:
            body = trigger.body
            pending = list(trigger.others)
            while pending:
                signal, level, branch, body = self._reset_branch(executor, body, pending)
                pending.remove(signal)
                resets.append((signal, level, self._reset_values(branch)))
                self._running = executor
            executor.statement(body)
        except UnsupportedError as reason:
            self._opaque_assignments(m.body, str(reason))
            return
        self._registers(executor, trigger, resets)

    def _reset_branch(self, executor: Executor, body: Any, pending: list[str]) -> tuple[str, int, Any, Any]:
        """Return (reset signal, active level, its branch, the rest) of the outermost `if` of a clocked block."""
        while body.kind.name in ("Block", "List"):
            inner = list(body.list) if body.kind.name == "List" else [body.body]
            if len(inner) != 1:
                raise UnsupportedError("statements before the asynchronous reset")
            body = inner[0]
        if body.kind.name != "Conditional" or len(body.conditions) != 1 or body.ifFalse is None:
            raise UnsupportedError("asynchronous reset that is not the outermost if")
        condition = t.boolean(executor.value(body.conditions[0].expr, "condition"))
        names = t.variables(condition)
        if len(names) != 1 or (name := next(iter(names))) not in pending:
            raise UnsupportedError("asynchronous reset condition of more than the reset")
        level = t.evaluate(condition, {name: 1})
        if t.evaluate(condition, {name: 0}) == level:
            raise UnsupportedError("asynchronous reset condition that ignores the reset")
        return name, level, body.ifTrue, body.ifFalse

    def _reset_values(self, branch: Any) -> dict[str, Term]:
        executor = self._executor()
        executor.statement(branch)
        self._mark_memories(executor)
        return {**executor.blocking, **executor.nonblocking}

    def _registers(self, executor: Executor, trigger: Trigger, resets: list[tuple[str, int, dict[str, Term]]]) -> None:
        assert trigger.clock is not None
        assert trigger.edge is not None
        self._running = executor
        final = {**executor.blocking, **executor.nonblocking}
        names = executor.assigned | {n for _, _, values in resets for n in values if n in self.view.signals}
        names -= executor._locals
        for name in sorted(names):
            self._drivers.setdefault(name, set()).add(self._block)
            signal = self.view.signals.get(name)
            if signal is None:
                continue
            hold = t.var(name, signal.width)
            controls = tuple(
                AsyncReset(s, level, v.const_value if (v := values[name]).op == "const" else None)
                for s, level, values in resets
                if name in values
            )
            self.view.registers[name] = Register(
                name=name,
                width=signal.width,
                block=self._block,
                clock=trigger.clock,
                edge=trigger.edge,
                next=final.get(name, hold),
                resets=controls,
                initial=signal.initial,
            )
        self._mark_memories(executor)
        self._close(
            names | executor.memories_written,
            resets=tuple(AsyncReset(s, level, None) for s, level, _ in resets),
        )

    def _opaque_assignments(self, body: Any, reason: str) -> None:
        names: set[str] = set()

        def visit(node: Any) -> None:
            if getattr(getattr(node, "kind", None), "name", "") == "Assignment":
                names.update(self._opaque_targets([node.left], reason))

        body.visit(visit)
        for name in names:
            self._drivers.setdefault(name, set()).add(self._block)
        self._close(names)

    # Instances.

    def _child(self, m: Any) -> None:
        self._open("assign", m.syntax)
        executor = self._executor()
        connections = [self._connection(executor, m, c) for c in m.portConnections]
        place = self.place(m.syntax.sourceRange) if m.syntax is not None else None
        name = self.name_of(m) or m.name
        found = tuple(c for c in connections if c is not None)
        self.view.instances.append(ChildInstance(name, m.definition.name, found, place or Place("", 0, 0)))

    def _connection(self, executor: Executor, m: Any, c: Any) -> Connection | None:
        if c.port.kind.name != "Port":
            return None
        direction = {"In": "input", "Out": "output"}.get(c.port.direction.name, "inout")
        e = c.expression
        if e is None:
            return Connection(c.port.name, direction, None, None)  # type: ignore[arg-type]
        if direction != "input":
            self._opaque_targets([e], f"driven by instance {m.name}")
            return Connection(c.port.name, direction, None, self.place(e.sourceRange))  # type: ignore[arg-type]
        try:
            term = executor.value(e, "port")
        except UnsupportedError:
            term = None
        return Connection(c.port.name, "input", term, self.place(e.sourceRange))

    # Joining partial drivers.

    def _compose(self) -> None:
        several = [n for n, blocks in self._drivers.items() if len(blocks) > 1]
        for name in several:
            if name not in self._pieces or name in self.view.registers or name in self.view.latched:
                self.view.opaque.setdefault(name, "assigned in more than one block")
        for name, pieces in self._pieces.items():
            signal = self.view.signals.get(name)
            if signal is not None and name not in self.view.opaque:
                self._join(name, signal.width, sorted(pieces, key=lambda p: p[0]))
        for name in self.view.opaque:
            self.view.registers.pop(name, None)
            self.view.combinational.pop(name, None)

    def _join(self, name: str, width: int, pieces: list[tuple[int, Term]]) -> None:
        parts: list[Term] = []
        position = 0
        for offset, value in pieces:
            if offset < position:
                self.view.opaque[name] = "bits driven more than once"
                return
            if offset > position:
                parts.append(t.undef(offset - position))
            parts.append(value)
            position = offset + value.width
        if position < width:
            parts.append(t.undef(width - position))
        self.view.combinational[name] = t.extract(t.concat(*reversed(parts)), 0, width)


def _target(left: Any, name_of: Any) -> str | None:
    from rtlgen.graphs.wordlevel.execute import _first_name

    return _first_name(left, name_of)


__all__ = ["Slice", "word_level"]
