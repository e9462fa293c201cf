"""What can go, or is missing: signals that nobody reads or drives, definitions that nobody instantiates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rtlgen.graphs import model
from rtlgen.graphs.database.design import layout
from rtlgen.graphs.database.mirror import BodyGraph
from rtlgen.graphs.elaborate.state import joined
from rtlgen.graphs.query.answers import Unused

if TYPE_CHECKING:
    from rtlgen.graphs.database.design import DesignDatabase

Ranges = set[tuple[int, int]]


def unused(design: DesignDatabase) -> list[Unused]:
    """Return, for every elaborated body, bits that are never read or never driven, and definitions never used."""
    found: dict[Unused, None] = {}
    aliased = _aliased(design)
    for body in design.rows(model.Body, "id > 0 ORDER BY definition, id"):
        graph = design.mirror.body(body.id)
        for entry in _of_body(design, graph, aliased):
            found[entry] = None
    for entry in _definitions(design):
        found[entry] = None
    return list(found)


def _aliased(design: DesignDatabase) -> set[int]:
    """Return signals that have another name somewhere, through which they may be read or driven."""
    mirror = design.mirror
    real = set()
    for instance in design.rows(model.Instance, "body > 0"):
        for signal in mirror.body(instance.body).signals.values():
            if signal.kind in ("member", "remote"):
                found = mirror.real(instance.id, signal)
                if found:
                    real.add(found[1])
    return real


def _of_body(design: DesignDatabase, graph: BodyGraph, aliased: set[int]) -> Iterator[Unused]:
    read, driven = _used(design, graph)
    for number, signal in graph.signals.items():
        if signal.kind not in ("net", "variable") or number in aliased:
            continue
        everything = {(0, max(signal.width, 1) - 1)}
        unread = _minus(everything, read.get(number, set()))
        undriven = _minus(everything, driven.get(number, set()))
        is_in, is_out = signal.direction in ("input", "inout", "ref"), signal.direction in ("output", "inout", "ref")
        name = f"{graph.body.definition}.{signal.name}"
        place = design.place(signal.file, signal.line)
        if is_in and unread and not is_out:
            yield Unused("unused input", name, _bits(signal, unread), place)
        elif is_out and undriven and not is_in:
            yield Unused("undriven output", name, _bits(signal, undriven), place)
        elif not signal.direction and unread == undriven == everything:
            yield Unused("never read or driven", name, _bits(signal, everything), place)
        elif not signal.direction:
            if unread:
                yield Unused("never read", name, _bits(signal, unread), place)
            if undriven:
                yield Unused("never driven", name, _bits(signal, undriven), place)


def _bits(signal: model.Signal, ranges: Ranges) -> str:
    """Return selects for ranges, empty for the whole signal."""
    if ranges == {(0, max(signal.width, 1) - 1)}:
        return ""
    return ", ".join(s for low, high in joined(ranges) for s in layout(signal).describe(low, high))


def _used(design: DesignDatabase, graph: BodyGraph) -> tuple[dict[int, Ranges], dict[int, Ranges]]:
    read: dict[int, Ranges] = {}
    driven: dict[int, Ranges] = {}
    bounds = (graph.body.id << model.SHIFT, ((graph.body.id + 1) << model.SHIFT) - 1)
    for edge, into in ((model.Reads, read), (model.Drives, driven)):
        for row in design.rows(edge, "id BETWEEN ? AND ?", bounds):
            into.setdefault(row.target, set()).add((row.low, row.high))
    for block in graph.blocks.values():
        for signal in (block.clock, block.reset):
            if signal:
                read.setdefault(signal, set()).add((0, max(graph.signals[signal].width, 1) - 1))
    for signal, binds in graph.outer_binds.items():
        for bind in binds:
            if bind.direction != "output":
                read.setdefault(signal, set()).add((bind.outer_low, bind.outer_high))
            if bind.direction != "input":
                driven.setdefault(signal, set()).add((bind.outer_low, bind.outer_high))
    return read, driven


def _minus(ranges: Ranges, taken: Ranges) -> Ranges:
    """Return the bits of `ranges` that are not in `taken`."""
    rest: Ranges = set()
    for low, high in ranges:
        position = low
        for t_low, t_high in joined(taken):
            if t_high < position:
                continue
            if t_low > high:
                break
            if t_low > position:
                rest.add((position, t_low - 1))
            position = max(position, t_high + 1)
        if position <= high:
            rest.add((position, high))
    return rest


def _definitions(design: DesignDatabase) -> Iterator[Unused]:
    used = {row.target for row in design.rows(model.Instantiates)}
    elaborated = {row.definition for row in design.rows(model.Instance)}
    for row in design.rows(model.Definition, "kind IN ('module', 'interface', 'program') ORDER BY name"):
        if row.name not in used and row.name not in elaborated:
            yield Unused("unused definition", row.name, "", design.place(row.file, row.first_line))
