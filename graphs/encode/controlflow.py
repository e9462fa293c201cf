"""The control flow of one body: its blocks, their statements numbered, and which follows which."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from rtlgen.graphs.encode.names import written
from rtlgen.graphs.encode.texts import Edges, parameters_of, place_of
from rtlgen.graphs.model import Block, Next, Statement
from rtlgen.graphs.rows import BodyRows

END: Final = 0
"""The number of the end of a block."""

Succession = tuple[tuple[str, int], ...]
"""Label (empty for plain succession) and number of every statement that may follow."""

_SPACED: Final = re.compile(r"\s*(=>|;)\s*")
_BAR: Final = re.compile(r"\s+\|\s+")
_ENDS: Final = re.compile(r"^[;\s]+|[;\s]+$")


@dataclass(frozen=True, slots=True)
class Node:
    """A statement.

    Attributes:
        number: counts from 1 in its block.
        nexts: what may follow.
    """

    number: int
    kind: str
    text: str
    nexts: Succession


@dataclass(frozen=True, slots=True)
class FlowBlock:
    """A block.

    Attributes:
        edges: the clock, then an asynchronous reset.
        starts: what runs first.
    """

    kind: str
    name: str
    first_line: int
    last_line: int
    edges: Edges
    starts: Succession
    nodes: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Controlflow:
    """The control flow of one body."""

    name: str
    place: str
    """`path:first-last`."""
    parameters: tuple[tuple[str, str], ...] = ()
    blocks: tuple[FlowBlock, ...] = ()


def controlflow(body: BodyRows) -> Controlflow:
    """Return the control flow of a body; texts lose spaces that say nothing."""
    statements = by_block(body)
    nexts: dict[int, list[Next]] = defaultdict(list)
    for edge in body.nexts:
        nexts[edge.source].append(edge)
    names = {s.id: written(s.name) for s in body.signals}
    blocks = tuple(_block(b, statements[b.id], nexts, names) for b in body.blocks)
    return Controlflow(written(body.definition), place_of(body), parameters_of(body), blocks)


def by_block(body: BodyRows) -> dict[int, list[Statement]]:
    """Return block → its statements."""
    statements: dict[int, list[Statement]] = defaultdict(list)
    for statement in body.statements:
        statements[statement.block].append(statement)
    return statements


def nodes_of(statements: list[Statement]) -> list[Statement]:
    """Return the statements of a block that have numbers, in their order."""
    return [s for s in statements if s.kind not in ("entry", "exit")]


def _block(block: Block, statements: list[Statement], nexts: dict[int, list[Next]], names: dict[int, str]) -> FlowBlock:
    numbers = {s.id: number for number, s in enumerate(nodes_of(statements), 1)}
    numbers |= {s.id: END for s in statements if s.kind == "exit"}

    def succession(source: int) -> Succession:
        return tuple((_label(e.label), numbers[e.target]) for e in nexts[source] if e.target in numbers)

    entries = [s.id for s in statements if s.kind == "entry"]
    nodes = [Node(numbers[s.id], s.kind, cleaned(s.text), succession(s.id)) for s in nodes_of(statements)]
    starts = succession(entries[0]) if entries else ()
    if not entries and len(nodes) == 1:
        # a continuous assignment: one statement, with no rows for where it begins and ends
        starts = (("", 1),)
        nodes = [Node(1, nodes[0].kind, nodes[0].text, (("", END),))]
    edges = [(block.edge, names[block.clock])] if block.clock else []
    edges += [(block.reset_edge, names[block.reset])] if block.reset else []
    name = written(block.name) if block.name else ""
    return FlowBlock(block.kind, name, block.first_line, block.last_line, tuple(edges), starts, tuple(nodes))


def cleaned(text: str) -> str:
    """Return a text on one line in which ` => ` and `; ` do not occur."""
    return " ".join(_ENDS.sub("", _SPACED.sub(r"\1", text.replace("…", "..."))).split())


def _label(text: str) -> str:
    """Return a label in which ` | ` does not occur either."""
    return _BAR.sub("|", cleaned(text))
