"""Selects with an index that varies: the places where the selected part can lie, so that its bits stay apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pyslang import ast

from rtlgen.graphs.elaborate.names import width_of

MAX_PLACES: Final = 32
"""Elements that a varying index may choose between; a part of a larger array depends on all of its bits."""

Constant = Callable[[Any], Any]


def places(expression: Any, constant: Constant) -> list[int] | None:
    """Return the lowest bits at which a part of a variable can lie; None where they are too many or not regular.

    `constant` gives the value of an expression that does not vary, None for any other.
    """
    if isinstance(expression, ast.ValueExpressionBase):
        return [0]
    if not isinstance(expression, ast.ElementSelectExpression | ast.RangeSelectExpression | ast.MemberAccessExpression):
        return None
    around = places(expression.value, constant)
    inner = _inner(expression, constant) if around is not None else None
    if around is None or inner is None or len(around) * len(inner) > MAX_PLACES:
        return None
    return [base + offset for base in around for offset in inner]


def _inner(expression: Any, constant: Constant) -> list[int] | None:
    """Return where a select can lie within the value that it selects from."""
    type_ = expression.value.type
    if isinstance(expression, ast.MemberAccessExpression):
        return _member(expression.member, type_)
    if not type_.hasFixedRange:
        return None
    bounds = type_.fixedRange
    stride = width_of(type_) // bounds.width
    if isinstance(expression, ast.RangeSelectExpression):
        ends = [_position(constant(e), type_) for e in (expression.left, expression.right)]
        simple = expression.selectionKind == ast.RangeSelectionKind.Simple
        return [min(e for e in ends if e is not None) * stride] if simple and None not in ends else None
    index = constant(expression.selector)
    if index is None:
        return [k * stride for k in range(bounds.width)] if bounds.width <= MAX_PLACES else None
    position = _position(index, type_)
    return [position * stride] if position is not None else None


def _position(index: Any, type_: Any) -> int | None:
    """Return how many elements lie below that of an index: a packed range counts from its right, others from left."""
    bounds = type_.fixedRange
    if index is None or not index or index.hasUnknown() or not bounds.containsPoint(int(index.value)):
        return None
    return abs(int(index.value) - int(bounds.right if type_.isIntegral else bounds.left))


def _member(member: Any, type_: Any) -> list[int] | None:
    if not isinstance(member, ast.FieldSymbol):
        return None
    canonical: Any = type_.canonicalType
    if type_.isIntegral:
        return [int(member.bitOffset)]
    if not isinstance(canonical, ast.UnpackedStructType):
        return None
    below = 0
    field: Any
    for field in canonical:
        if field.name == member.name:
            return [below]
        below += width_of(field.type)
    return None
