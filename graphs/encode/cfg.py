"""The control flow of a body as lines of text, and back; the grammar is in `docs/graph-text.md`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from rtlgen.graphs.encode.budget import Encoded, Line, Rank, cut, fit, line
from rtlgen.graphs.encode.controlflow import (
    END,
    Controlflow,
    FlowBlock,
    Node,
    Succession,
    by_block,
    controlflow,
    nodes_of,
)
from rtlgen.graphs.encode.focus import BRIEF_DONE, FAR, statement_distances
from rtlgen.graphs.encode.names import QUOTED
from rtlgen.graphs.encode.texts import EDGE, Reader, edges_in, edges_text, head_lines
from rtlgen.graphs.rows import BodyRows

MAX_CONDITION: Final = 40
"""Characters of a condition or statement in a shortened line."""
MAX_RUN: Final = 3
"""Statements of a straight run in a shortened line."""
MAX_LABELS: Final = 8
"""Successors in a shortened line."""

NOTHING: Final = "nothing"
"""Stands for the successors of an entry that has none."""

_KINDS: Final = ("if", "case", "loop", "wait", "call", "jump", "assert", "declare", "other", "assign")
_CONTROL: Final = frozenset({"if", "case", "loop", "wait", "jump"})
_KIND: Final = re.compile(rf"({'|'.join(_KINDS)}):(?: (.*))?")
_MORE: Final = re.compile(r"\+(\d+) more")
_CONSTANT: Final = re.compile(r"[^=]*[^=<>!]<?=\s*[-~]?[\d']['\w]*|[^=]*[^=<>!]<?=\s*'\{.*")


def encode_cfg(body: BodyRows, *, tokens: int | None = None, focus: Sequence[str] = ()) -> Encoded:
    """Return the control flow of a body as text.

    Args:
        body: rows of one elaborated body.
        tokens: the most the text may take, by `estimate`; None for all of it.
        focus: names of signals, or lines (`14`, `14-20`); statements that are near in the data flow are kept first.

    Raises:
        InputError: fewer than `MIN_TOKENS` tokens, or no such signal or line.
    """
    flow = controlflow(body)
    near = statement_distances(body, focus) if focus else None
    lines = list(head_lines(flow.place, flow.parameters))
    statements = by_block(body)
    for number, (row, block) in enumerate(zip(body.blocks, flow.blocks, strict=True)):
        distance = [near[s.id] for s in nodes_of(statements[row.id])] if near is not None else None
        lines += _block_lines(block, number, distance)
    return fit(f"cfg {flow.name}", lines, tokens)


def decode_cfg(text: str) -> Controlflow:
    """Return the control flow that a text of `encode_cfg` says.

    Raises:
        InputError: a line is not of the grammar.
    """
    return _Reader(text).flow()


def _block_lines(block: FlowBlock, number: int, near: list[int] | None) -> Iterator[Line]:
    """Yield the lines of a block; `near` holds the distance of every statement to the focus."""
    runs = list(_runs(block))
    head = _head(block)
    side = block.kind in ("initial", "final", "init", "assert")
    focused = near is not None
    far = near if near is not None else [0] * len(block.nodes)
    distance = min(far, default=FAR if focused else 0)
    if len(runs) == 1 and block.starts == (("", 1),) and runs[0][-1].nexts == (("", END),):
        forms = [f"{head}: {_run_text(runs[0], short=short)}" for short in (True, False)]
        order = 4 if side else 3 if all(map(_is_constant, runs[0])) else 2
        yield line("blocks", forms, _ranks(distance, order, number, 0, focused=focused))
        return
    starts = "" if block.starts == (("", 1),) else f" => {_nexts_text(block.starts) or NOTHING}"
    yield line("blocks", [f"{head}{starts}"], _ranks(distance, 4 if side else 0, number, 0, focused=focused)[:1])
    for run in runs:
        order = 4 if side else 1 if run[-1].kind in _CONTROL else 3 if all(map(_is_constant, run)) else 2
        apart = min(far[n.number - 1] for n in run)
        yield line("statements", _forms(run), _ranks(apart, order, number, run[0].number, focused=focused))


def _ranks(distance: int, order: int, block: int, number: int, *, focused: bool) -> tuple[Rank, Rank]:
    importance = (order, block, number)
    return (1 + 2 * distance, *importance), (4 + 2 * distance if focused else BRIEF_DONE + 1, *importance)


def _is_constant(node: Node) -> bool:
    return node.kind == "assign" and _CONSTANT.fullmatch(node.text) is not None


def _runs(block: FlowBlock) -> Iterator[list[Node]]:
    """Yield the statements of a block, those joined that always follow each other."""
    entered = Counter(number for _, number in block.starts)
    for node in block.nodes:
        entered.update(number for _, number in node.nexts)
    run: list[Node] = []
    for node in block.nodes:
        if run and not (run[-1].nexts == (("", node.number),) and entered[node.number] == 1):
            yield run
            run = []
        run.append(node)
    if run:
        yield run


def _head(block: FlowBlock) -> str:
    last = f"-{block.last_line}" if block.last_line != block.first_line else ""
    words = [block.kind, block.name, f"@{block.first_line}{last}", edges_text(block.edges)]
    return " ".join(word for word in words if word)


def _forms(run: list[Node]) -> tuple[str, str]:
    def form(*, short: bool) -> str:
        nexts = _nexts_text(run[-1].nexts, short=short)
        return f"{run[0].number} {_run_text(run, short=short)}" + (f" => {nexts}" if nexts else "")

    return form(short=True), form(short=False)


def _run_text(run: list[Node], *, short: bool) -> str:
    """Return a run; a shortened one keeps its first statements and the last, which decides what follows."""
    texts = [_node_text(node, short=short) for node in run]
    left_out = len(run) - MAX_RUN
    if short and left_out > 0:
        texts[MAX_RUN - 1 : -1] = [f"+{left_out} more"]
    return "; ".join(texts)


def _node_text(node: Node, *, short: bool) -> str:
    text = cut(node.text, MAX_CONDITION) if short else node.text
    if node.kind == "assign" and text and not _KIND.fullmatch(text) and not _MORE.fullmatch(text):
        return text
    return f"{node.kind}: {text}" if text else f"{node.kind}:"


def _nexts_text(nexts: Succession, *, short: bool = False) -> str:
    shown = nexts[:MAX_LABELS] if short else nexts
    texts = []
    for label, number in shown:
        place = str(number) if number != END else "end"
        label = cut(label, MAX_CONDITION) if short else label
        texts.append(f"{label}: {place}" if label else place)
    return " | ".join([*texts, f"+{len(nexts) - len(shown)} more"] if len(shown) < len(nexts) else texts)


_HEAD: Final = re.compile(
    rf"(?P<kind>[a-z_]+)(?: (?P<name>{QUOTED}|\S+))? @(?P<first>\d+)(?:-(?P<last>\d+))?"
    rf"(?P<edges>(?:,? (?:{'|'.join(EDGE.values())}) (?:{QUOTED}|[^\s,\"]+?))*)(?:: (?P<run>.*)| => (?P<starts>.*))?"
)
_STATEMENT: Final = re.compile(r"(?P<number>\d+) (?P<run>.*?)(?: => (?P<nexts>.*))?")


class _Reader(Reader):
    def __init__(self, text: str) -> None:
        super().__init__("cfg", text)
        self.blocks: list[FlowBlock] = []

    def flow(self) -> Controlflow:
        self.read()
        return Controlflow(self.name, self.place, tuple(self.parameters), tuple(self.blocks))

    def take(self, text: str) -> None:
        if not text[:1].isdigit():
            self._head(text)
            return
        found = _STATEMENT.fullmatch(text)
        if found is None or not self.blocks:
            self.wrong("a block, then NUMBER STATEMENTS", text)
        self._add(int(found["number"]), found["run"], self._nexts(found["nexts"] or ""))

    def _head(self, text: str) -> None:
        found = _HEAD.fullmatch(text) or self.wrong("KIND [NAME] @FIRST[-LAST]", text)
        starts = self._nexts(found["starts"] if found["starts"] is not None else "1")
        lines = int(found["first"]), int(found["last"] or found["first"])
        self.blocks.append(FlowBlock(found["kind"], found["name"] or "", *lines, edges_in(found["edges"]), starts, ()))
        if found["run"] is not None:
            self._add(1, found["run"], (("", END),))

    def _add(self, first: int, run: str, nexts: Succession) -> None:
        """Add the statements of a run; the last one has the successors that the line says."""
        nodes, number = [], first
        for part in run.split("; "):
            more = _MORE.fullmatch(part)
            if more:
                number += int(more[1])
                continue
            found = _KIND.fullmatch(part)
            kind, text = (found[1], found[2] or "") if found else ("assign", part)
            nodes.append(Node(number, kind, text, (("", number + 1),)))
            number += 1
        if not nodes:
            self.wrong("NUMBER STATEMENTS", run)
        nodes[-1] = replace(nodes[-1], nexts=nexts)
        self.blocks[-1] = replace(self.blocks[-1], nodes=(*self.blocks[-1].nodes, *nodes))

    def _nexts(self, text: str) -> Succession:
        result = []
        for part in text.split(" | ") if text else []:
            if part == NOTHING or _MORE.fullmatch(part):
                continue
            label, _, place = part.rpartition(": ")
            if place != "end" and not place.isdigit():
                self.wrong("[LABEL: ]NUMBER or end", part)
            result.append((label, END if place == "end" else int(place)))
        return tuple(result)
