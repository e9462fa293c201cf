"""Connections of the instances of a body: PORT_BIND rows, interfaces, and modules that are not known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pyslang import ast

from rtlgen.graphs.elaborate.dependencies import Dependencies, clipped, shifted
from rtlgen.graphs.elaborate.names import Names, elements_of, width_of
from rtlgen.graphs.elaborate.state import State
from rtlgen.graphs.elaborate.statements import Tracer
from rtlgen.graphs.model import Block, Flows, PortBind
from rtlgen.graphs.rows import BodyRows

_PORT: Final = 1 << 40
"""Stands for the port while an output connection is taken apart."""

Piece = tuple[str, int, int, int]
"""Inner signal, its low and high bit, and the bit of the port where it starts."""


class Connections:
    """Adds the connections of instances to the rows of the body that holds them."""

    def __init__(self, names: Names, rows: BodyRows) -> None:
        """Add to `rows`."""
        self.names = names
        self.rows = rows
        self._black_boxes: list[tuple[str, int, list[Dependencies]]] = []

    def instance(self, name: str, instance: Any, state: State, line: int) -> None:
        """Add the connections of one instance."""
        tracer = Tracer(state, lambda _: 0)
        for connection in instance.portConnections:
            port = connection.port
            if isinstance(port, ast.InterfacePortSymbol):
                self._interface(name, port, connection.ifaceConn[0], line)
            elif connection.expression is not None:
                self._port(name, port, connection.expression, tracer, line)
        tracer.release()

    def _interface(self, name: str, port: Any, connected: Any, line: int) -> None:
        if connected is None:
            return
        for inner, interface in elements_of(port.name, connected):
            outer = self.names.interface_name(str(interface.hierarchicalPath))
            self.rows.binds.append(
                PortBind(name, inner, "interface", 0, 0, 0, inner, 0, 0, "data", 1, line, outer)
            )  # fmt: skip

    def _port(self, name: str, port: Any, expression: Any, tracer: Tracer, line: int) -> None:
        direction = {"In": "input", "Out": "output", "InOut": "inout", "Ref": "inout"}[port.direction.name]
        pieces = list(_pieces(port))
        if direction == "input":
            value = tracer.values.of(expression)
            self._input(name, port.name, value, pieces, line)
            return
        width = max(width_of(port.type), 1)
        tracer.state.blocking.segments.clear()
        value = [(0, width - 1, _PORT, 0, width - 1, "data", True)]
        tracer.assignments.assign(expression, value, "port")
        for signal, low, high, found in list(tracer.state.blocking.assigned()):
            if signal > 0:
                self._output(name, port.name, direction, signal, found, pieces, line)
                self._extension(name, port.name, direction, (signal, low, high), found, line)
        tracer.state.blocking.segments.clear()

    def _input(self, name: str, port: str, value: Dependencies, pieces: list[Piece], line: int) -> None:
        for inner, i_low, i_high, start in pieces:
            part = shifted(clipped(value, start, start + i_high - i_low), i_low - start)
            for low, high, signal, s_low, s_high, role, aligned in part:
                kind = role if role in ("data", "index") else "control"
                self.rows.binds.append(
                    PortBind(name, port, "input", signal, s_low, s_high, inner, low, high, kind, int(aligned), line, "")
                )

    def _output(
        self, name: str, port: str, direction: str, signal: int, value: Dependencies, pieces: list[Piece], line: int
    ) -> None:
        """Add rows for bits of `signal` that take bits of the port; `value` says which of them, by `_PORT`."""
        for low, high, source, p_low, p_high, _, aligned in value:
            if source != _PORT:
                continue
            for inner, i_low, i_high, start in pieces:
                from_, to = max(p_low, start), min(p_high, start + i_high - i_low)
                if from_ > to:
                    continue
                o_low, o_high = (low + from_ - p_low, low + to - p_low) if aligned else (low, high)
                i_from, i_to = i_low + from_ - start, i_low + to - start
                self.rows.binds.append(
                    PortBind(
                        name,
                        port,
                        direction,
                        signal,
                        o_low,
                        o_high,
                        inner,
                        i_from,
                        i_to,
                        "data",
                        int(aligned),
                        line,
                        "",
                    )
                )

    def _extension(
        self, name: str, port: str, direction: str, outer: tuple[int, int, int], value: Dependencies, line: int
    ) -> None:
        """Add the bits of a wider net that the port drives with zeros: a connection to nothing inside."""
        signal, low, high = outer
        for d_low, d_high, *_ in sorted(value):
            if d_low > low:
                break
            low = max(low, d_high + 1)
        if low <= high:
            self.rows.binds.append(
                PortBind(name, port, direction, signal, low, high, "", 0, 0, "data", 0, line, "")
            )  # fmt: skip

    def black_box(self, name: str, instance: Any) -> None:
        """Note the connections of an instance of a module that is not known."""
        state = State(self.names, ast.EvalContext(self.names.body))
        tracer = Tracer(state, lambda _: 0)
        connected: list[Dependencies] = []
        line = self.names.places.at(instance.location)[1]
        for port, connection in zip(instance.portNames, instance.portConnections, strict=False):
            expression = getattr(connection, "expr", None)
            if not isinstance(expression, ast.Expression) or expression.bad:
                continue
            value = tracer.values.of(expression)
            connected.append(value)
            for low, high, signal, s_low, s_high, role, aligned in value:
                self.rows.binds.append(
                    PortBind(
                        name, port, "unknown", signal, s_low, s_high, "", low, high, role, int(aligned), line, ""
                    )
                )  # fmt: skip
        tracer.release()
        self._black_boxes.append((name, line, connected))

    def guess_black_boxes(self) -> None:
        """Let unknown modules drive what nothing else drives, from everything that they are connected to."""
        if not self._black_boxes:
            return
        driven = {d.target for d in self.rows.drives}
        driven |= {b.outer for b in self.rows.binds if b.direction in ("output", "inout")}
        driven |= {p.signal for p in self.rows.ports if p.direction in ("input", "inout", "ref")}
        for name, line, connected in self._black_boxes:
            everything = {d[2:5] for value in connected for d in value}
            block = len(self.rows.blocks) + 1
            file = self.names.file(self.rows.path)
            self.rows.blocks.append(Block(block, "black_box", name, 0, "", 0, "", file, line, line))
            targets = {d for d in everything if d[0] not in driven}
            sources = {d for d in everything if d[0] in driven}
            for target, t_low, t_high in sorted(targets):
                for source, s_low, s_high in sorted(sources):
                    self.rows.flows.append(
                        Flows(source, s_low, s_high, target, t_low, t_high, "data", 0, 0, block, line)
                    )


def _pieces(port: Any) -> Iterator[Piece]:
    """Yield the inner signals of a port, with the bits of the port that each stands for."""
    if isinstance(port, ast.MultiPortSymbol):
        start = 0
        for inner in reversed(list(port.ports)):
            for name, low, high, offset in _pieces(inner):
                yield name, low, high, start + offset
            start += width_of(inner.type)
        return
    if port.internalExpr is not None and not isinstance(port.internalExpr, ast.NamedValueExpression):
        yield from _expression_pieces(port.internalExpr, 0)
    elif port.internalSymbol is not None:
        yield port.internalSymbol.name, 0, max(width_of(port.type), 1) - 1, 0


def _expression_pieces(expression: Any, start: int) -> Iterator[Piece]:
    if isinstance(expression, ast.AssignmentExpression):
        yield from _expression_pieces(expression.left, start)
        return
    if isinstance(expression, ast.ConcatenationExpression):
        for operand in reversed(list(expression.operands)):
            yield from _expression_pieces(operand, start)
            start += width_of(operand.type)
        return
    path = ast.ValuePath(expression, _context(expression))
    if path.rootSymbol is not None:
        low, high = sorted(path.lspBounds)
        yield path.rootSymbol.name, low, high, start


def _context(expression: Any) -> ast.EvalContext:
    return ast.EvalContext(expression.getSymbolReference())
