"""The data flow of a block that is too large to be traced: every target on everything that is read."""

from __future__ import annotations

from typing import Any

from pyslang import ast

from rtlgen.graphs.elaborate.control import ControlFlow
from rtlgen.graphs.elaborate.dependencies import spread
from rtlgen.graphs.elaborate.state import State
from rtlgen.graphs.elaborate.statements import Tracer


def trace_as_a_whole(state: State, body: Any, flow: ControlFlow) -> Tracer:
    """Return a trace in which each assigned signal depends on every signal read: more than the truth, never less.

    Loop variables are taken as unknown, so that a select by one covers the whole signal.
    """
    tracer = Tracer(state, flow.number_of)
    targets: list[tuple[Any, str]] = []
    reads: list[Any] = []

    def assignment(expression: Any) -> None:
        targets.append((expression.left, "nonblocking" if expression.isNonBlocking else "blocking"))

    def increment(expression: Any) -> None:
        if expression.op.name.startswith(("Pre", "Post")):
            targets.append((expression.operand, "blocking"))

    def read(expression: Any) -> None:
        reads.append(expression)

    _visit_with_subroutines(body, assignment, increment, read, set())
    everything = [d for e in reads for d in tracer.values.of(e)]
    every_source = spread(everything, 0, 0)
    for target, kind in targets:
        width = max(int(target.type.selectableWidth), 1)
        tracer.assignments.assign(target, spread(every_source, 0, width - 1), kind)
    return tracer


def names_in(expression: Any) -> list[Any]:
    """Return every name in an expression, and in the subroutines that it calls."""
    found: list[Any] = []
    _visit_with_subroutines(expression, lambda _: None, lambda _: None, found.append, set())
    return found


def _visit_with_subroutines(body: Any, assignment: Any, increment: Any, read: Any, seen: set[int]) -> None:
    def call(expression: Any) -> None:
        if not expression.isSystemCall and hash(expression.subroutine) not in seen:
            seen.add(hash(expression.subroutine))
            if expression.subroutine.body is not None:
                _visit_with_subroutines(expression.subroutine.body, assignment, increment, read, seen)

    body.visit(
        lookup_table={
            ast.ExpressionKind.Assignment: assignment,
            ast.ExpressionKind.UnaryOp: increment,
            ast.ExpressionKind.NamedValue: read,
            ast.ExpressionKind.HierarchicalValue: read,
            ast.ExpressionKind.Call: call,
        }
    )
