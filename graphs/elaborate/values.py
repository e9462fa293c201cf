"""Dependencies of expressions (IEEE 1800-2017, clause 11), bit by bit where an operator keeps bits apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pyslang import ast

from rtlgen.graphs.elaborate.dependencies import Dependencies, clipped, compact, shifted, spread
from rtlgen.graphs.elaborate.names import modport_expression, width_of
from rtlgen.graphs.elaborate.selects import places
from rtlgen.graphs.elaborate.state import State

_BITWISE: Final = frozenset({"BinaryAnd", "BinaryOr", "BinaryXor", "BinaryXnor"})
_SHIFTS: Final = {"LogicalShiftLeft": 1, "ArithmeticShiftLeft": 1, "LogicalShiftRight": -1, "ArithmeticShiftRight": -1}
_INCREMENTS: Final = frozenset({"Preincrement", "Predecrement", "Postincrement", "Postdecrement"})
_SELECTS: Final = (ast.ElementSelectExpression, ast.RangeSelectExpression, ast.MemberAccessExpression)

Assign = Callable[[Any, Dependencies, str], None]
Call = Callable[[Any], Dependencies]


class Values:
    """Dependencies of expressions in a state; assignments and calls inside expressions go to the two functions."""

    def __init__(self, state: State, assign: Assign, call: Call) -> None:
        """Read from `state`; `assign(left, dependencies, kind)` and `call(expression)` run what has effects."""
        self.state = state
        self._assign = assign
        self._call = call
        self._targets: list[Dependencies] = []

    def release(self) -> None:
        """Forget what runs assignments and calls; nothing can be read any more."""
        del self._assign, self._call

    def of(self, expression: Any) -> Dependencies:
        """Return the dependencies of the value, position 0 being its least significant bit."""
        self.state.step()
        handler = _HANDLERS.get(type(expression))
        if handler is None:
            return self._of_parts(expression)
        return handler(self, expression)

    def whole(self, expression: Any) -> Dependencies:
        """Return the dependencies of a one-bit result on everything in the expression."""
        return spread(self.of(expression), 0, 0)

    def condition(self, expression: Any) -> Dependencies:
        """Return the dependencies of a decision: roles control or reset."""
        outer, self.state.role = self.state.role, "control" if self.state.role == "data" else self.state.role
        try:
            found = self.of(expression)
        finally:
            self.state.role = outer
        resets = self.state.resets
        return [(0, 0, d[2], d[3], d[4], "reset" if d[2] in resets else "control", False) for d in found]

    def index(self, expression: Any) -> Dependencies:
        """Return the dependencies of an index, role index."""
        outer, self.state.role = self.state.role, "index" if self.state.role == "data" else self.state.role
        try:
            found = self.of(expression)
        finally:
            self.state.role = outer
        return [(0, 0, d[2], d[3], d[4], "index", False) for d in found]

    def indices(self, expression: Any) -> Dependencies:
        """Return the dependencies of all selectors in a chain of selects."""
        found: Dependencies = []
        while isinstance(expression, _SELECTS):
            if isinstance(expression, ast.ElementSelectExpression):
                found += self._selector(expression.selector)
            elif isinstance(expression, ast.RangeSelectExpression):
                found += self._selector(expression.left) + self._selector(expression.right)
            expression = expression.value
        return found

    def _selector(self, expression: Any) -> Dependencies:
        return [] if isinstance(expression, ast.IntegerLiteral) else self.index(expression)

    def _name(self, expression: Any) -> Dependencies:
        connected = modport_expression(expression.symbol)
        if connected is not None:
            return self.of(connected)
        signal = self.state.names.of(expression, expression.symbol)
        if signal is None:
            return []
        return self.state.read(signal, 0, max(width_of(expression.type), 1) - 1)

    def _select(self, expression: Any) -> Dependencies:
        path = ast.ValuePath(expression, self.state.context)
        root = path.rootExpr
        if not isinstance(root, ast.ValueExpressionBase):
            return self._select_of_value(expression)
        connected = modport_expression(root.symbol)
        if connected is not None:
            return self._select_of_modport(expression, path, self.of(connected))
        signal = self.state.names.of(root, root.symbol)
        width = max(width_of(expression.type), 1)
        indices = spread(self.indices(expression), 0, width - 1)
        if signal is None:
            return indices
        low, high = path.lspBounds
        if low > high:
            low, high = high, low
        if path.isFullyStatic and high - low + 1 == width:
            return self.state.read(signal, low, high) + indices
        apart = places(expression, self.state.constant) if width > 1 else None
        if apart is not None:
            return [d for start in apart for d in self.state.read(signal, start, start + width - 1)] + indices
        return spread(self.state.read(signal, low, high), 0, width - 1) + indices

    def _select_of_modport(self, expression: Any, path: Any, value: Dependencies) -> Dependencies:
        width = max(width_of(expression.type), 1)
        indices = spread(self.indices(expression), 0, width - 1)
        low, high = sorted(path.lspBounds)
        if path.isFullyStatic and high - low + 1 == width:
            return shifted(clipped(value, low, high), -low) + indices
        return spread(value, 0, width - 1) + indices

    def _select_of_value(self, expression: Any) -> Dependencies:
        """Return the dependencies of a select from something that is no variable, such as the result of a call."""
        width = max(width_of(expression.type), 1)
        base = expression.value
        found = self.of(base)
        if isinstance(expression, ast.MemberAccessExpression) and isinstance(expression.member, ast.FieldSymbol):
            low = int(expression.member.bitOffset)
            if base.type.isIntegral:
                return shifted(clipped(found, low, low + width - 1), -low)
        return spread(found, 0, width - 1) + spread(self.indices(expression), 0, width - 1)

    def _unary(self, expression: Any) -> Dependencies:
        operator = expression.op.name
        if operator in _INCREMENTS:
            width = max(width_of(expression.type), 1)
            found = spread(self.of(expression.operand), 0, width - 1)
            self._assign(expression.operand, found, "blocking")
            return found
        found = self.of(expression.operand)
        if operator in ("Plus", "BitwiseNot"):
            return found
        return spread(found, 0, max(width_of(expression.type), 1) - 1)

    def _binary(self, expression: Any) -> Dependencies:
        operator = expression.op.name
        left, right = self.of(expression.left), self.of(expression.right)
        if operator in _BITWISE:
            return left + right
        width = max(width_of(expression.type), 1)
        if operator in _SHIFTS and not right:
            amount = self.state.constant(expression.right)
            if amount is not None and not amount.hasUnknown():
                unsigned = int(amount.value) % (1 << width_of(expression.right.type))
                return self._shifted(expression, left, unsigned * _SHIFTS[operator], width)
        return spread(left + right, 0, width - 1)

    def _shifted(self, expression: Any, value: Dependencies, amount: int, width: int) -> Dependencies:
        moved = clipped(shifted(value, amount), 0, width - 1)
        if expression.op.name == "ArithmeticShiftRight" and expression.type.isSigned:
            sign = clipped(value, width - 1, width - 1)
            moved += spread(sign, max(width + amount, 0), width - 1)
        return moved

    def _conditional(self, expression: Any) -> Dependencies:
        conditions = [c.expr for c in expression.conditions]
        constant = self.state.constant(conditions[0]) if len(conditions) == 1 else None
        if constant is not None and (constant.isTrue() or constant.isFalse()):
            return self.of(expression.left if constant.isTrue() else expression.right)
        high = max(width_of(expression.type), 1) - 1
        decision = [d for c in conditions for d in self.condition(c)]
        return self.of(expression.left) + self.of(expression.right) + spread(decision, 0, high)

    def _concatenation(self, expression: Any) -> Dependencies:
        return self._in_a_row(expression, list(expression.operands))

    def _in_a_row(self, expression: Any, operands: list[Any]) -> Dependencies:
        """Return the dependencies of operands one after the other, the first one most significant."""
        widths = [width_of(o.type) for o in operands]
        if sum(widths) != width_of(expression.type):
            return self._of_parts(expression)
        found: Dependencies = []
        position = sum(widths)
        for operand, width in zip(operands, widths, strict=True):
            position -= width
            found += shifted(self.of(operand), position)
        return found

    def _replication(self, expression: Any) -> Dependencies:
        inner, width = self.of(expression.concat), width_of(expression.concat.type)
        total = max(width_of(expression.type), 1)
        if not width or (total // width > 64 and len(inner) * (total // width) > 256):
            return spread(inner, 0, total - 1)
        return [d for k in range(total // width) for d in shifted(inner, k * width)]

    def _conversion(self, expression: Any) -> Dependencies:
        return _converted(self.of(expression.operand), expression.operand.type, expression.type)

    def received(self, source: Any, value: Dependencies) -> Dependencies:
        """Return what arrives at the target of an output: slang writes `target = conversion(<what comes out>)`."""
        if isinstance(source, ast.ConversionExpression):
            return _converted(self.received(source.operand, value), source.operand.type, source.type)
        return value

    def _pattern(self, expression: Any) -> Dependencies:
        if expression.type.isIntegral:
            return self._in_a_row(expression, list(expression.elements))
        return self._of_parts(expression)

    def _assignment(self, expression: Any) -> Dependencies:
        if expression.isCompound:
            self._targets.append(self.of(expression.left))
        try:
            found = self.of(expression.right)
        finally:
            if expression.isCompound:
                self._targets.pop()
        kind = "nonblocking" if expression.isNonBlocking else "blocking"
        self._assign(expression.left, found, kind)
        return found

    def _own_target(self, _expression: Any) -> Dependencies:
        return self._targets[-1] if self._targets else []

    def _min_typ_max(self, expression: Any) -> Dependencies:
        return self.of(expression.selected)

    def _calls(self, expression: Any) -> Dependencies:
        return self._call(expression)

    def _inside(self, expression: Any) -> Dependencies:
        return compact(d for part in (expression.left, *expression.rangeList) for d in self.whole(part))

    def _nothing(self, _expression: Any) -> Dependencies:
        return []

    def _of_parts(self, expression: Any) -> Dependencies:
        """Return dependencies of every bit on everything that is named inside: for whatever has no rule of its own."""
        found: Dependencies = []

        def visit(part: Any) -> Any:
            if part is not expression and type(part) in _HANDLERS and isinstance(part, ast.Expression):
                found.extend(self.of(part))
                return ast.VisitAction.Skip
            return ast.VisitAction.Advance

        expression.visit(visit)
        return spread(found, 0, max(width_of(expression.type), 1) - 1)


def _converted(value: Dependencies, old_type: Any, new_type: Any) -> Dependencies:
    old, new = width_of(old_type), width_of(new_type)
    if not (old_type.isIntegral and new_type.isIntegral):
        same = old == new and old > 0 and old_type.isFixedSize and new_type.isFixedSize
        if same and (old_type.isAggregate or new_type.isAggregate):
            same = old_type.isEquivalent(new_type)
        return value if same else spread(value, 0, max(new, 1) - 1)
    if new <= old:
        return clipped(value, 0, new - 1)
    if old_type.isSigned:
        return value + spread(clipped(value, old - 1, old - 1), old, new - 1)
    return value


_HANDLERS: Final[dict[type, Callable[[Values, Any], Dependencies]]] = {
    ast.NamedValueExpression: Values._name,
    ast.HierarchicalValueExpression: Values._name,
    ast.ElementSelectExpression: Values._select,
    ast.RangeSelectExpression: Values._select,
    ast.MemberAccessExpression: Values._select,
    ast.UnaryExpression: Values._unary,
    ast.BinaryExpression: Values._binary,
    ast.ConditionalExpression: Values._conditional,
    ast.ConcatenationExpression: Values._concatenation,
    ast.ReplicationExpression: Values._replication,
    ast.ConversionExpression: Values._conversion,
    ast.SimpleAssignmentPatternExpression: Values._pattern,
    ast.StructuredAssignmentPatternExpression: Values._pattern,
    ast.AssignmentExpression: Values._assignment,
    ast.LValueReferenceExpression: Values._own_target,
    ast.MinTypMaxExpression: Values._min_typ_max,
    ast.CallExpression: Values._calls,
    ast.InsideExpression: Values._inside,
    ast.IntegerLiteral: Values._nothing,
    ast.UnbasedUnsizedIntegerLiteral: Values._nothing,
    ast.RealLiteral: Values._nothing,
    ast.StringLiteral: Values._nothing,
    ast.TimeLiteral: Values._nothing,
    ast.EmptyArgumentExpression: Values._nothing,
    ast.DataTypeExpression: Values._nothing,
    ast.InvalidExpression: Values._nothing,
}
