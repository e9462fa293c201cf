"""Cones and paths with names, for people and for JSON."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rtlgen.core.errors import InputError
from rtlgen.graphs.database.mirror import Bits, Step
from rtlgen.graphs.query.answers import ConeAnswer, ConeBits, ConeEdge, Place
from rtlgen.graphs.query.cone import ROLES, Cone, cone

if TYPE_CHECKING:
    from rtlgen.graphs.database.design import DesignDatabase

DATA = ROLES - {"clock", "reset"}
"""Dependencies without clocks and resets, which nearly everything has."""


def named(design: DesignDatabase, found: Cone, direction: str) -> ConeAnswer:
    """Return a cone with paths instead of numbers."""
    nodes = [
        ConeBits(design.path_of(bits), depth, kind_of(design, bits), _declared(design, bits))
        for (instance, signal), ranges in found.bits.items()
        for low, high, depth in ranges
        for bits in (Bits(instance, signal, low, high),)
    ]
    nodes.sort(key=lambda n: n.depth)
    forward = direction == "fanout"
    edges = [edge(design, step, forward=forward) for step in found.edges]
    return ConeAnswer(design.path_of(found.root), direction, tuple(nodes), tuple(dict.fromkeys(edges)), found.complete)


def edge(design: DesignDatabase, step: Step, *, forward: bool) -> ConeEdge:
    """Return a step as an edge from source to target."""
    far, near = design.path_of(step.bits), design.path_of(step.target)
    source, target = (near, far) if forward else (far, near)
    return ConeEdge(source, target, step.kind, step.registered, _place(design, step))


def _place(design: DesignDatabase, step: Step) -> Place:
    """Return where a step stands: in its block, in the body that holds the connected instance, or in a declaration."""
    near, far = step.target.instance, step.bits.instance
    if step.kind == "alias":
        return _declared(design, step.target)
    graph = design.mirror.graph_of(near)
    if step.block and graph is not None:
        return design.place(graph.blocks[step.block].file, step.line)
    upper = design.mirror.graph_of(far if design.mirror.instance(near).parent == far else near)
    return design.place(upper.body.file if upper is not None else 0, step.line)


def _declared(design: DesignDatabase, bits: Bits) -> Place:
    signal = design.mirror.signal(bits)
    return design.place(signal.file, signal.line)


def kind_of(design: DesignDatabase, bits: Bits) -> str:
    """Return register, memory, input, output, latch or wire; ports count as such at a top only."""
    graph = design.mirror.graph_of(bits.instance)
    assert graph is not None
    signal = graph.signals[bits.signal]
    if not design.mirror.instance(bits.instance).parent and signal.direction in ("input", "output", "inout"):
        return signal.direction
    into = graph.into.get(bits.signal, ())
    if any(flow.registered for flow in into):
        return "memory" if "$[" in signal.type else "register"
    if any(graph.blocks[flow.block].kind == "always_latch" for flow in into):
        return "latch"
    return "wire"


def path(
    design: DesignDatabase,
    start: Bits,
    end: Bits,
    *,
    through_registers: bool = True,
    roles: Iterable[str] = DATA,
) -> tuple[ConeEdge, ...]:
    """Return a shortest chain of dependencies from `start` to `end`.

    Raises:
        InputError: `end` does not depend on `start` in that way.
    """
    found = cone(design.mirror, end, through_registers=through_registers, roles=roles)
    if not _meets(found, start):
        how = "" if through_registers else " without a register between"
        raise InputError(f"{design.path_of(end)} does not depend on {design.path_of(start)}{how}")
    chain = _shortest(found, start)
    return tuple(edge(design, step, forward=False) for step in chain)


def _meets(found: Cone, bits: Bits) -> bool:
    ranges = found.bits.get((bits.instance, bits.signal), ())
    return any(low <= bits.high and bits.low <= high for low, high, _ in ranges)


def _shortest(found: Cone, start: Bits) -> list[Step]:
    """Return the steps from `start` to the root of a cone, found backwards from the root level by level."""
    by_target: dict[tuple[int, int], list[Step]] = {}
    for step in found.edges:
        by_target.setdefault((step.target.instance, step.target.signal), []).append(step)
    came: dict[Bits, Step | None] = {found.root: None}
    parent: dict[Bits, Bits] = {}
    waiting = deque([found.root])
    while waiting:
        here = waiting.popleft()
        if here[:2] == start[:2] and here.low <= start.high and start.low <= here.high:
            return _unwound(here, came, parent)
        for step in by_target.get((here.instance, here.signal), ()):
            overlaps = step.target.low <= here.high and here.low <= step.target.high
            if overlaps and step.bits not in came:
                came[step.bits] = step
                parent[step.bits] = here
                waiting.append(step.bits)
    return []


def _unwound(here: Bits, came: dict[Bits, Step | None], parent: dict[Bits, Bits]) -> list[Step]:
    chain: list[Step] = []
    step = came[here]
    while step is not None:
        chain.append(step)
        here = parent[here]
        step = came[here]
    return chain
