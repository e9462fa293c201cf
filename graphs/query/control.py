"""Control flow of one block, with the statements and the edges between them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rtlgen.core.errors import InputError
from rtlgen.graphs import model
from rtlgen.graphs.database.mirror import BodyGraph
from rtlgen.graphs.model import SHIFT
from rtlgen.graphs.query.answers import Place

if TYPE_CHECKING:
    from rtlgen.graphs.database.design import DesignDatabase

PROCEDURES = frozenset({"always_ff", "always_latch", "always_comb", "always", "initial", "final", "assert"})
_LINE = re.compile(r"^(?P<module>.+):(?P<line>\d+)$")


@dataclass(frozen=True, slots=True)
class BlockAnswer:
    """A procedural block.

    Attributes:
        name: its label, or the signals that it drives.
        clock: signal and edge, empty for a block without a clock.
        drives: names of the signals that it assigns.
    """

    definition: str
    kind: str
    name: str
    clock: str
    drives: tuple[str, ...]
    place: Place
    last_line: int


@dataclass(frozen=True, slots=True)
class StatementAnswer:
    """A statement, numbered within its block."""

    number: int
    kind: str
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class ControlFlowAnswer:
    """The control flow of a block: statements, and edges (number, number, label)."""

    block: BlockAnswer
    statements: tuple[StatementAnswer, ...]
    edges: tuple[tuple[int, int, str], ...]


def blocks(design: DesignDatabase, definition: str) -> list[tuple[model.Block, BlockAnswer]]:
    """Return the procedural blocks of a module, in order of the source.

    Raises:
        InputError: no such module was elaborated.
    """
    graph = _graph(design, definition)
    found = [b for b in graph.blocks.values() if b.kind in PROCEDURES]
    driven = _driven(design, graph)
    return [(b, _answer(design, graph, b, driven.get(b.id, ()))) for b in found]


def control_flow(design: DesignDatabase, name: str) -> list[ControlFlowAnswer]:
    """Return the control flow of the blocks that a name means.

    `MODULE` means all its procedural blocks, `MODULE.label` the block of that label, `MODULE.signal` those that drive
    the signal, `MODULE:LINE` the one around a line.

    Raises:
        InputError: there is no such module or block; the message lists what there is.
    """
    definition, chosen = _chosen(design, name)
    if not chosen:
        known = ", ".join(f"{a.place.line} {a.name}" for _, a in blocks(design, definition)[:20])
        raise InputError(f"no block {name!r}; {definition} has, by line: {known or 'none'}")
    return [_flow(design, block, answer) for block, answer in chosen]


def _chosen(design: DesignDatabase, name: str) -> tuple[str, list[tuple[model.Block, BlockAnswer]]]:
    by_line = _LINE.match(name)
    if by_line:
        line = int(by_line["line"])
        around = [(b, a) for b, a in blocks(design, by_line["module"]) if b.first_line <= line <= b.last_line]
        return by_line["module"], around
    definitions = {row.definition for row in design.rows(model.Body)}
    if name in definitions:
        return name, blocks(design, name)
    definition, _, part = name.partition(".")
    found = blocks(design, definition)
    labelled = [(b, a) for b, a in found if b.name == part]
    return definition, labelled or [(b, a) for b, a in found if part in a.drives]


def _graph(design: DesignDatabase, definition: str) -> BodyGraph:
    row = next(design.rows(model.Body, "definition = ? ORDER BY id LIMIT 1", (definition,)), None)
    if row is None:
        return design.mirror.body(design.instance(definition).body)
    return design.mirror.body(row.id)


def _driven(design: DesignDatabase, graph: BodyGraph) -> dict[int, tuple[str, ...]]:
    """Return block → names of the signals that its statements assign."""
    bounds = (graph.body.id << SHIFT, ((graph.body.id + 1) << SHIFT) - 1)
    block_of = {s.id: s.block for s in design.rows(model.Statement, "id BETWEEN ? AND ?", bounds)}
    found: dict[int, dict[str, None]] = {}
    for row in design.rows(model.Drives, "id BETWEEN ? AND ?", bounds):
        found.setdefault(block_of[row.source], {})[graph.signals[row.target].name] = None
    return {block: tuple(names) for block, names in found.items()}


def _answer(design: DesignDatabase, graph: BodyGraph, block: model.Block, drives: tuple[str, ...]) -> BlockAnswer:
    clock = f"{block.edge}edge {graph.signals[block.clock].name}" if block.clock else ""
    name = block.name or ", ".join(drives[:3]) + (", …" if len(drives) > 3 else "")
    place = design.place(block.file, block.first_line)
    return BlockAnswer(graph.body.definition, block.kind, name, clock, drives, place, block.last_line)


def _flow(design: DesignDatabase, block: model.Block, answer: BlockAnswer) -> ControlFlowAnswer:
    owner = block.id >> SHIFT
    bounds = (owner << SHIFT, ((owner + 1) << SHIFT) - 1)
    rows = list(design.rows(model.Statement, "id BETWEEN ? AND ? AND block = ? ORDER BY id", (*bounds, block.id)))
    number = {row.id: n for n, row in enumerate(rows)}
    statements = tuple(StatementAnswer(number[s.id], s.kind, s.text, s.first_line) for s in rows)
    edges = tuple(
        (number[e.source], number[e.target], e.label)
        for e in design.rows(model.Next, "id BETWEEN ? AND ?", bounds)
        if e.source in number and e.target in number
    )
    return ControlFlowAnswer(answer, statements, edges)
