"""Who drives bits of a signal, and who reads them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rtlgen.graphs.database.mirror import Bits, Step
from rtlgen.graphs.model import SHIFT, Block, Drives, Reads, Statement
from rtlgen.graphs.query.answers import Access

if TYPE_CHECKING:
    from rtlgen.graphs.database.design import DesignDatabase

_WITHIN = "target = ? AND id BETWEEN ? AND ?"


def drivers(design: DesignDatabase, bits: Bits) -> list[Access]:
    """Return every statement and port that drives some of the bits, other names of the signal included."""
    return list(dict.fromkeys(_all(design, bits, reading=True)))


def loads(design: DesignDatabase, bits: Bits) -> list[Access]:
    """Return every statement and port that reads some of the bits, other names of the signal included."""
    return list(dict.fromkeys(_all(design, bits, reading=False)))


def _all(design: DesignDatabase, bits: Bits, *, reading: bool) -> Iterator[Access]:
    seen = {bits}
    waiting = [bits]
    while waiting:
        here = waiting.pop(0)
        yield from _statements(design, here, Drives if reading else Reads)
        for step in design.mirror.sources(here) if reading else design.mirror.sinks(here):
            if step.kind == "alias":
                if step.bits not in seen:
                    seen.add(step.bits)
                    waiting.append(step.bits)
            elif not step.block:
                yield _port(design, here, step, reading=reading)
        yield from _black_boxes(design, here, reading=reading)


def _statements(design: DesignDatabase, bits: Bits, edge: type[Drives] | type[Reads]) -> Iterator[Access]:
    owner = bits.signal >> SHIFT
    bounds = (owner << SHIFT, ((owner + 1) << SHIFT) - 1)
    graph = design.mirror.body(owner)
    path = design.mirror.instance(bits.instance).path
    for row in design.rows(edge, _WITHIN, (bits.signal, *bounds)):
        low, high = max(row.low, bits.low), min(row.high, bits.high)
        if low > high:
            continue
        statement = next(design.rows(Statement, "id = ?", (row.source,)))
        block = graph.blocks[statement.block]
        yield Access(
            design.path_of(Bits(bits.instance, bits.signal, low, high)),
            block.kind,
            path,
            row.kind if isinstance(row, Drives) else row.role,
            design.place(block.file, statement.first_line),
            statement.text,
            _clock(design, bits.instance, block),
        )


def _clock(design: DesignDatabase, instance: int, block: Block) -> str:
    if not block.clock:
        return ""
    return design.path_of(Bits(instance, block.clock, 0, 1 << 30))


def _port(design: DesignDatabase, here: Bits, step: Step, *, reading: bool) -> Access:
    mirror = design.mirror
    own, other = mirror.instance(here.instance), mirror.instance(step.bits.instance)
    upward = own.parent == other.id
    child = own if upward else other
    above = mirror.graph_of(child.parent)
    file = above.body.file if above is not None else 0
    inner = mirror.signal(here if upward else step.bits).name
    kind = "input port" if upward == reading else "output port"
    outer = design.path_of(step.bits if upward else here)
    return Access(
        design.path_of(step.target),
        kind,
        design.path_of(step.bits),
        "data" if step.kind == "port" else step.kind,
        design.place(file, step.line),
        f"{child.definition} {child.name} (.{inner}({outer}))",
    )


def _black_boxes(design: DesignDatabase, bits: Bits, *, reading: bool) -> Iterator[Access]:
    """Yield connections to modules that are not known: which way they go can't be told."""
    graph = design.mirror.graph_of(bits.instance)
    here = design.mirror.instance(bits.instance)
    for bind in graph.outer_binds.get(bits.signal, ()) if graph is not None else ():
        low, high = max(bits.low, bind.outer_low), min(bits.high, bind.outer_high)
        if bind.direction == "unknown" and low <= high:
            assert graph is not None
            yield Access(
                design.path_of(Bits(bits.instance, bits.signal, low, high)),
                "black box",
                f"{here.path}.{bind.instance}",
                "unknown" if reading else bind.kind,
                design.place(graph.body.file, bind.line),
                f"{bind.instance} (.{bind.port})",
            )
