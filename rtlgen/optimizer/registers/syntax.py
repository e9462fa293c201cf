"""Small questions to slang's syntax trees."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

SELECTS: Final = ("IdentifierSelectName", "ElementSelectExpression")
_ASSIGNMENTS: Final = ("AssignmentExpression", "NonblockingAssignmentExpression")


class CannotEditError(ValueError):
    """The text has a form that this edit does not handle cleanly."""


def base_names(left: Any) -> list[str]:
    """Return the names of the signals that an assignment's left side drives.

    Raises:
        CannotEditError: it has a form that is not understood.
    """
    kind = left.kind.name
    if kind in ("IdentifierName", "IdentifierSelectName"):
        return [left.identifier.valueText]
    if kind == "ConcatenationExpression":
        parts = [p for p in left.expressions if p.__class__.__name__.endswith("Syntax")]
        return [n for p in parts for n in base_names(p)]
    if kind in SELECTS:
        return base_names(left.left)
    raise CannotEditError(f"expected a signal or concatenation on the left side, got {kind!r}")


def is_assignment(node: Any) -> bool:
    """Say whether a node is a procedural assignment statement."""
    return node.kind.name == "ExpressionStatement" and node.expr.kind.name in _ASSIGNMENTS


def descend(root: Any, inside: Callable[[Any], bool] = lambda _: True) -> Iterator[Any]:
    """Yield a node and all below it, parents first; below a node only where `inside` says so."""
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        if inside(node):
            stack.extend(reversed([c for c in node if c.__class__.__name__.endswith("Syntax")]))


def span(node: Any) -> tuple[int, int]:
    """Return the bytes of a node, half open."""
    return node.sourceRange.start.offset, node.sourceRange.end.offset
