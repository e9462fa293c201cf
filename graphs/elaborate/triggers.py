"""What makes a procedural block run: a clock edge with asynchronous resets, or a change of what it reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pyslang import ast

from rtlgen.graphs.elaborate.names import Names

Edge = tuple[int, int, int, str]
"""Signal, low bit, high bit, and pos, neg or both."""

_EDGES = {ast.EdgeKind.PosEdge: "pos", ast.EdgeKind.NegEdge: "neg", ast.EdgeKind.BothEdges: "both"}


@dataclass(frozen=True, slots=True)
class Trigger:
    """The event control of a block.

    Attributes:
        clocks: edges that clock it; more than one only where none can be told to be a reset.
        resets: the other edges: asynchronous resets and sets.
        body: the statement that runs.
    """

    clocks: tuple[Edge, ...]
    resets: tuple[Edge, ...]
    body: Any


def trigger_of(block: Any, names: Names, context: ast.EvalContext) -> Trigger:
    """Return what triggers a procedural block."""
    body = block.body
    while isinstance(body, ast.BlockStatement) and isinstance(body.body, ast.TimedStatement):
        body = body.body
    if not isinstance(body, ast.TimedStatement):
        return Trigger((), (), body)
    timing: Any = body.timing
    if isinstance(timing, ast.DelayControl) or timing.kind.name not in ("SignalEvent", "EventList", "ImplicitEvent"):
        return Trigger((), (), body)
    events = list(timing.events) if timing.kind == ast.TimingControlKind.EventList else [timing]
    edges = [edge for e in events for edge in _edge(e, names, context)]
    if not edges:
        return Trigger((), (), body.stmt)
    tested = _tested(body.stmt, names)
    resets = tuple(e for e in edges if e[0] in tested) if len(edges) > 1 else ()
    if len(resets) == len(edges):
        resets = resets[1:]
    return Trigger(tuple(e for e in edges if e not in resets), resets, body.stmt)


def _edge(event: Any, names: Names, context: ast.EvalContext) -> Iterator[Edge]:
    if not isinstance(event, ast.SignalEventControl) or event.edge not in _EDGES:
        return
    expression = event.expr
    while isinstance(expression, ast.ConversionExpression):
        expression = expression.operand
    path = ast.ValuePath(expression, context)
    root = path.rootExpr
    if not isinstance(root, ast.ValueExpressionBase):
        return
    signal = names.of(root, root.symbol)
    if signal is not None and signal > 0:
        low, high = sorted(path.lspBounds)
        yield signal, low, high, _EDGES[event.edge]


def _tested(body: Any, names: Names) -> set[int]:
    """Return the signals that the conditions of the outermost if / else-if chain read."""
    found: set[int] = set()

    def read(expression: Any) -> None:
        signal = names.of(expression, expression.symbol)
        if signal is not None:
            found.add(signal)

    kinds = dict.fromkeys((ast.ExpressionKind.NamedValue, ast.ExpressionKind.HierarchicalValue), read)
    while body is not None:
        while isinstance(body, ast.BlockStatement | ast.StatementList):
            inner = list(body.list) if isinstance(body, ast.StatementList) else [body.body]
            body = next((s for s in inner if isinstance(s, ast.ConditionalStatement)), inner[0] if inner else None)
        if not isinstance(body, ast.ConditionalStatement):
            break
        for condition in body.conditions:
            condition.expr.visit(lookup_table=kinds)
        body = body.ifFalse
    return found
