"""What makes a procedural block run: level-sensitive, or a clock edge with asynchronous controls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Trigger:
    """The event control of a block.

    Attributes:
        edge: of the clock; None for a combinational or latch block.
        clock: signal name.
        others: other edge-triggered signals, that is asynchronous resets and sets.
        body: the statement that runs.
    """

    edge: Literal["pos", "neg"] | None
    clock: str | None
    others: tuple[str, ...]
    body: Any


def trigger_of(block: Any) -> Trigger | None:
    """Return what triggers a procedural block, None for what is no synthesizable trigger."""
    body = block.body
    if block.procedureKind.name in ("AlwaysComb", "AlwaysLatch"):
        return Trigger(None, None, (), body)
    if body.kind.name != "Timed":
        return None
    timing = body.timing
    kind = timing.kind.name
    if kind == "ImplicitEvent":
        return Trigger(None, None, (), body.stmt)
    events = list(timing.events) if kind == "EventList" else [timing] if kind == "SignalEvent" else []
    edges = [_edge(e) for e in events]
    if not edges or any(e is None for e in edges):
        return None
    known = [e for e in edges if e is not None]
    if all(edge == "none" for edge, _ in known):
        return Trigger(None, None, (), body.stmt)
    if any(edge not in ("pos", "neg") for edge, _ in known):
        return None
    return _clocked(known, body.stmt)


def _edge(event: Any) -> tuple[str, str] | None:
    if event.kind.name != "SignalEvent" or event.iffCondition is not None:
        return None
    edge = {"PosEdge": "pos", "NegEdge": "neg", "BothEdges": "both"}.get(event.edge.name, "none")
    e = event.expr
    while e.kind.name == "Conversion":
        e = e.operand
    if e.kind.name != "NamedValue":
        return ("none", "") if edge == "none" else None
    return edge, str(e.symbol.name)


def _clocked(edges: list[tuple[str, str]], body: Any) -> Trigger | None:
    names = [name for _, name in edges]
    if len(set(names)) != len(names):
        return None
    tested = _tested(body)
    clocks = [(edge, name) for edge, name in edges if len(edges) == 1 or name not in tested]
    if len(clocks) != 1:
        return None
    edge, clock = clocks[0]
    return Trigger("pos" if edge == "pos" else "neg", clock, tuple(n for n in names if n != clock), body)


def _tested(body: Any) -> set[str]:
    """Return the names read by the conditions of the outermost if / else-if chain."""
    found: set[str] = set()
    while True:
        while body.kind.name in ("Block", "List"):
            inner = list(body.list) if body.kind.name == "List" else [body.body]
            if not inner:
                return found
            body = inner[0]
        if body.kind.name != "Conditional":
            return found
        for item in body.conditions:
            item.expr.visit(lambda n: found.add(n.symbol.name) if _is_name(n) else None)
        if body.ifFalse is None:
            return found
        body = body.ifFalse


def _is_name(node: Any) -> bool:
    return getattr(getattr(node, "kind", None), "name", "") == "NamedValue"
