"""Where the source of a module handles states: assignments, comparisons and case statements on the state's signals.

A *carrier* is the state register or another signal that holds a state (next state, a copy).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

_EQUALITIES = ("Equality", "Inequality", "CaseEquality", "CaseInequality")


@dataclass(slots=True)
class Facts:
    """Every expression of the module body that may carry states."""

    assignments: list[tuple[Any, Any, Any]] = field(default_factory=list)
    """(assigned symbol, left expression or None for an initializer, right expression)"""
    comparisons: list[Any] = field(default_factory=list)
    cases: list[Any] = field(default_factory=list)
    insides: list[Any] = field(default_factory=list)
    reads: list[Any] = field(default_factory=list)
    """Every occurrence of a named value."""
    events: list[Any] = field(default_factory=list)
    selects: list[Any] = field(default_factory=list)
    """Selects of one element, such as a bit."""
    bit_assignments: list[Any] = field(default_factory=list)
    links: list[list[Any]] = field(default_factory=list)
    """Further signals that exchange whole values; `collect` finds none."""


def collect(*nodes: Any) -> Facts:
    """Return what stands under the symbols or expressions."""
    facts = Facts()

    def visit(node: Any) -> None:
        kind = type(node).__name__
        if kind == "NamedValueExpression":
            facts.reads.append(node)
        elif kind == "AssignmentExpression" and not node.isCompound and node.left.kind.name == "NamedValue":
            facts.assignments.append((node.left.symbol, node.left, node.right))
        elif kind == "AssignmentExpression" and not node.isCompound and node.left.kind.name == "ElementSelect":
            facts.bit_assignments.append(node)
        elif kind == "ElementSelectExpression":
            facts.selects.append(node)
        elif kind == "BinaryExpression" and node.op.name in _EQUALITIES:
            facts.comparisons.append(node)
        elif kind == "CaseStatement":
            facts.cases.append(node)
        elif kind == "InsideExpression":
            facts.insides.append(node)
        elif kind in ("VariableSymbol", "NetSymbol") and node.initializer is not None:
            facts.assignments.append((node, None, node.initializer))
        elif kind == "SignalEventControl":
            facts.events.append(node.expr)

    for node in nodes:
        node.visit(visit)
    return facts


def leaves(expression: Any) -> Iterator[Any]:
    """Yield what an expression can evaluate to: the arms of conditionals, conversions looked through."""
    kind = expression.kind.name
    if kind == "Conversion":
        yield from leaves(expression.operand)
    elif kind == "ConditionalOp":
        yield from leaves(expression.left)
        yield from leaves(expression.right)
    else:
        yield expression


def is_signal(symbol: Any) -> bool:
    """Return whether a symbol holds a value that changes."""
    return symbol.kind.name in ("Variable", "Net", "FormalArgument")


def constant_value(leaf: Any, width: int) -> tuple[bool, int | None]:
    """Return (is constant, code or None for an undefined one) of a leaf expression."""
    kind = leaf.kind.name
    if kind == "NamedValue":
        symbol = leaf.symbol
        return number(symbol.value, width) if symbol.kind.name in ("Parameter", "EnumValue") else (False, None)
    if kind in ("IntegerLiteral", "UnbasedUnsizedIntegerLiteral"):
        constant = leaf.value
        return _bits(constant, width)
    constant = leaf.constant
    return number(constant, width) if constant is not None else (False, None)


def number(constant: Any, width: int) -> tuple[bool, int | None]:
    """Return (is an integer, its low bits or None for an undefined one) of a slang constant."""
    if constant is None or not hasattr(constant, "value"):
        return False, None
    return _bits(constant.value, width)


def _bits(value: Any, width: int) -> tuple[bool, int | None]:
    if type(value).__name__ != "SVInt":
        return False, None
    if value.hasUnknown:
        return True, None
    return True, int(value) & ((1 << width) - 1)


def unwrapped(expression: Any) -> Any:
    """Return an expression without the conversions around it."""
    while expression.kind.name == "Conversion":
        expression = expression.operand
    return expression


def index_value(selector: Any) -> int | None:
    """Return the constant that selects a bit, None where it is none."""
    known, value = constant_value(unwrapped(selector), 32)
    return value if known else None


def whole_signals(expression: Any) -> list[Any]:
    """Return the signals that an expression may hand on as they are."""
    return [e.symbol for e in leaves(expression) if e.kind.name == "NamedValue" and is_signal(e.symbol)]


class Exchanges:
    """Which signals exchange whole values: by assignments, comparisons and links."""

    def __init__(self, facts: Facts) -> None:
        self._groups = [[symbol, *whole_signals(right)] for symbol, _, right in facts.assignments]
        self._groups += facts.links
        self._groups += [[*whole_signals(c.left), *whole_signals(c.right)] for c in facts.comparisons]
        self._holding: dict[Any, list[int]] = {}
        for index, symbols in enumerate(self._groups):
            for symbol in symbols:
                self._holding.setdefault(symbol, []).append(index)

    def carriers(self, root: Any, width: int) -> dict[Any, None]:
        """Return `root` and every signal of its width that exchanges whole values with a carrier."""
        near = [self._groups[i] for i in sorted(self._connected(root))]
        found = {root: None}
        before = 0
        while before != len(found):
            before = len(found)
            for symbols in near:
                if any(s in found for s in symbols):
                    found.update((s, None) for s in symbols if s.type.bitWidth == width)
        return found

    def _connected(self, root: Any) -> set[int]:
        """Return the groups that hold a signal connected with `root`."""
        groups: set[int] = set()
        seen, waiting = {root}, [root]
        while waiting:
            for index in self._holding.get(waiting.pop(), ()):
                if index not in groups:
                    groups.add(index)
                    fresh = [s for s in self._groups[index] if s not in seen]
                    seen.update(fresh)
                    waiting += fresh
        return groups
