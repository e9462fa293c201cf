"""Left-hand sides: which bits of which signals an assignment writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyslang import ast

from rtlgen.graphs.elaborate.dependencies import Dependencies, clipped, shifted, spread
from rtlgen.graphs.elaborate.names import modport_expression, width_of
from rtlgen.graphs.elaborate.selects import places
from rtlgen.graphs.elaborate.state import State

if TYPE_CHECKING:
    from rtlgen.graphs.elaborate.values import Values


class Assignments:
    """Writes into the state of a block."""

    values: Values

    def __init__(self, state: State) -> None:
        """Write into `state`."""
        self.state = state

    def assign(self, target: Any, value: Dependencies, kind: str) -> None:
        """Assign a value to whatever may stand on the left; kind as in `Drives`."""
        if isinstance(target, ast.ConversionExpression):
            self.assign(target.operand, _resized(value, target), kind)
        elif isinstance(target, ast.ConcatenationExpression):
            self._in_a_row(list(target.operands), value, kind)
        elif isinstance(target, ast.SimpleAssignmentPatternExpression):
            self._in_a_row(list(target.elements), value, kind)
        elif isinstance(target, ast.AssignmentExpression):
            self.assign(target.left, self.values.received(target.right, value), kind)
        elif isinstance(target, ast.StreamingConcatenationExpression):
            for stream in target.streams:
                self._whole(stream.operand, value, kind)
        elif isinstance(target, ast.Expression) and not isinstance(target, ast.EmptyArgumentExpression):
            self._variable(target, value, kind)

    def bind(self, symbol: Any, value: Dependencies) -> None:
        """Give a local variable or argument a value."""
        number = self.state.names.known(symbol)
        if number is None:
            number = self.state.names.of(None, symbol)
        if number is not None:
            width = max(width_of(symbol.type), 1)
            self._write(number, 0, width - 1, value, "blocking", definite=True)

    def _in_a_row(self, targets: list[Any], value: Dependencies, kind: str) -> None:
        position = sum(width_of(t.type) for t in targets)
        for target in targets:
            width = width_of(target.type)
            position -= width
            self.assign(target, shifted(clipped(value, position, position + width - 1), -position), kind)

    def _whole(self, target: Any, value: Dependencies, kind: str) -> None:
        self.assign(target, spread(value, 0, max(width_of(target.type), 1) - 1), kind)

    def _variable(self, target: Any, value: Dependencies, kind: str) -> None:
        path = ast.ValuePath(target, self.state.context)
        root = path.rootExpr
        if not isinstance(root, ast.ValueExpressionBase):
            return
        connected = modport_expression(root.symbol)
        if connected is not None:
            self._modport(target, path, connected, value, kind)
            return
        number = self.state.names.of(root, root.symbol)
        if number is None:
            return
        low, high = path.lspBounds
        if low > high:
            low, high = high, low
        if isinstance(target, ast.ValueExpressionBase):
            low, high = 0, max(width_of(target.type), 1) - 1
        width = max(width_of(target.type), 1)
        indices = self.values.indices(target)
        definite = path.isFullyStatic and high - low + 1 == width
        apart = places(target, self.state.constant) if width > 1 and not definite else None
        if apart is not None:
            self._one_of(number, apart, width, value + spread(indices, 0, width - 1), kind)
            return
        if not definite or indices:
            value = spread(value + spread(indices, 0, width - 1), 0, high - low)
        self._write(number, low, high, value, kind, definite=definite)

    def _modport(self, target: Any, path: Any, connected: Any, value: Dependencies, kind: str) -> None:
        """Assign to what a member of a modport stands for; a part of it leaves the rest as it is."""
        if isinstance(target, ast.ValueExpressionBase):
            self.assign(connected, value, kind)
            return
        low, high = sorted(path.lspBounds)
        width = max(width_of(target.type), 1)
        indices = self.values.indices(target)
        old = self.values.of(connected)
        if path.isFullyStatic and high - low + 1 == width and not indices:
            last = max(width_of(connected.type), 1) - 1
            rest = clipped(old, 0, low - 1) + clipped(old, high + 1, last)
            self.assign(connected, rest + shifted(clipped(value, 0, width - 1), low), kind)
            return
        self.assign(connected, old + spread(value + indices, low, high), kind)

    def _one_of(self, number: int, starts: list[int], width: int, value: Dependencies, kind: str) -> None:
        """Assign one of several places, which one is not known: each keeps its value or gets the new one."""
        environment = self.state.nonblocking if kind == "nonblocking" else self.state.blocking
        value = clipped(value, 0, width - 1)
        for low in starts:
            high = low + width - 1
            self.state.note_drive(number, low, high, kind)
            environment.write(number, low, high, environment.read(number, low, high) + value)

    def _write(self, number: int, low: int, high: int, value: Dependencies, kind: str, *, definite: bool) -> None:
        self.state.note_drive(number, low, high, kind)
        environment = self.state.nonblocking if kind == "nonblocking" else self.state.blocking
        if definite:
            environment.write(number, low, high, value)
        else:
            environment.may_write(number, low, high, value)


def _resized(value: Dependencies, target: Any) -> Dependencies:
    width = width_of(target.operand.type)
    return clipped(value, 0, width - 1) if width and target.operand.type.isIntegral else value
