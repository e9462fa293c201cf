"""What makes a procedural block run: a clock edge with asynchronous resets, or a change of what it reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pyslang import ast

from rtlgen.graphs.elaborate.names import Names

Edge = tuple[int, int, int, str]
"""Signal, low bit, high bit, and pos, neg or both."""

EDGES = {ast.EdgeKind.PosEdge: "pos", ast.EdgeKind.NegEdge: "neg", ast.EdgeKind.BothEdges: "both"}


@dataclass(frozen=True, slots=True)
class Trigger:
    """The event control of a block.

    Attributes:
        clocks: edges that clock it; more than one only where none can be told to be a reset.
        resets: the other edges: asynchronous resets and sets.
        body: the statement that runs.
        levels: expressions whose change makes it run, where they are listed one by one.
        guards: conditions of the events (`iff`).
    """

    clocks: tuple[Edge, ...]
    resets: tuple[Edge, ...]
    body: Any
    levels: tuple[Any, ...] = ()
    guards: tuple[Any, ...] = ()


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
    signals: list[Any] = [e for e in events if isinstance(e, ast.SignalEventControl)]
    levels = tuple(e.expr for e in signals if e.edge not in EDGES)
    guards = tuple(e.iffCondition for e in signals if e.iffCondition is not None)
    edges = [edge for e in signals for edge in _edge(e, names, context)]
    if not edges:
        return Trigger((), (), body.stmt, levels, guards)
    tested = _tested(body.stmt, names, context)
    resets = tuple(e for e in edges if _overlaps(e, tested)) if len(edges) > 1 else ()
    if len(resets) == len(edges):
        resets = resets[1:]
    return Trigger(tuple(e for e in edges if e not in resets), resets, body.stmt, levels, guards)


_PATHS = (
    ast.NamedValueExpression, ast.HierarchicalValueExpression, ast.ElementSelectExpression, ast.RangeSelectExpression,
    ast.MemberAccessExpression,
)  # fmt: skip


def _edge(event: Any, names: Names, context: ast.EvalContext) -> Iterator[Edge]:
    """Yield what an edge is of: bits of one signal; of an expression every signal in it."""
    if event.edge in EDGES:
        for signal, low, high in _named(event.expr, names, context):
            yield signal, low, high, EDGES[event.edge]


def _named(expression: Any, names: Names, context: ast.EvalContext) -> list[tuple[int, int, int]]:
    """Return the bits of signals that an expression names."""
    found: list[tuple[int, int, int]] = []

    def visit(part: Any) -> Any:
        if isinstance(part, _PATHS):
            path = ast.ValuePath(part, context)
            root = path.rootExpr
            if isinstance(root, ast.ValueExpressionBase):
                signal = names.of(root, root.symbol)
                if signal is not None and signal > 0:
                    low, high = sorted(path.lspBounds)
                    found.append((signal, low, high))
                return ast.VisitAction.Skip
        return ast.VisitAction.Advance

    expression.visit(visit)
    return found


def _overlaps(edge: Edge, bits: list[tuple[int, int, int]]) -> bool:
    return any(signal == edge[0] and low <= edge[2] and edge[1] <= high for signal, low, high in bits)


def _tested(body: Any, names: Names, context: ast.EvalContext) -> list[tuple[int, int, int]]:
    """Return the bits that the conditions of the outermost if / else-if chain read."""
    found: list[tuple[int, int, int]] = []
    while body is not None:
        while isinstance(body, ast.BlockStatement | ast.StatementList):
            inner = list(body.list) if isinstance(body, ast.StatementList) else [body.body]
            body = next((s for s in inner if isinstance(s, ast.ConditionalStatement)), inner[0] if inner else None)
        if not isinstance(body, ast.ConditionalStatement):
            break
        for condition in body.conditions:
            found += _named(condition.expr, names, context)
        body = body.ifFalse
    return found
