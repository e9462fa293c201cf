"""Finds the source lines behind a timing path.

ABC gives new names to everything between registers, so a mapped path keeps only its two ends. The word-level netlist
before mapping still knows the source line of every operator. The lines reported for a path are those of the longest
chain of operators between the same two ends there, each operator weighed by the logic depth of its width. That is the
logic which the mapped path implements, not a claim about single gates.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rtlgen.core.types import SourceSpan
from rtlgen.synth.ppa.inputs import Sources
from rtlgen.synth.ppa.netlist import net_names
from rtlgen.synth.ppa.structure import memories

_STATE = (
    "$dff",
    "$adff",
    "$sdff",
    "$dffe",
    "$adffe",
    "$sdffe",
    "$sdffce",
    "$aldff",
    "$aldffe",
    "$dffsr",
    "$dffsre",
    "$sr",
    "$ff",
)
_LATCH = ("$dlatch", "$adlatch", "$dlatchsr")
_DEEP = {
    "$mul": 3.0,
    "$div": 8.0,
    "$mod": 8.0,
    "$divfloor": 8.0,
    "$modfloor": 8.0,
    "$macc": 3.0,
    "$macc_v2": 3.0,
    "$pow": 8.0,
}
_WIDE = ("$add", "$sub", "$alu", "$lt", "$le", "$gt", "$ge", "$eq", "$ne", "$neg", "$shl", "$shr", "$sshl", "$sshr",
         "$shift", "$shiftx", "$pmux", "$reduce_and", "$reduce_or", "$reduce_xor", "$reduce_xnor", "$reduce_bool",
         "$logic_not", "$mem", "$mem_v2",
         "$lcu", "$bmux", "$demux")  # fmt: skip


class LogicLines:
    """Answers, for two ends of a path, which source lines lie between them."""

    def __init__(self, coarse: Mapping[str, Any], sources: Sources) -> None:
        """Index the word-level netlist.

        Args:
            coarse: the module after word-level synthesis, as in Yosys' JSON.
            sources: for the file names.
        """
        self._sources = sources
        names, self._declared = net_names(coarse)
        self._bits = {name: bit for bit, found in names.items() for name in found}
        self._cells = list(coarse["cells"].values())
        self._memories = {memory.name: memory.span for memory in memories(coarse, sources)}
        self._driver: dict[int, int] = {}
        self._state: dict[int, int] = {}
        for index, cell in enumerate(self._cells):
            state = cell["type"] in _STATE or cell["type"] in _LATCH
            for port, direction in cell["port_directions"].items():
                if direction != "output":
                    continue
                for bit in cell["connections"][port]:
                    if isinstance(bit, int):
                        (self._state if state else self._driver)[bit] = index

    def spans(self, src: str) -> tuple[SourceSpan, ...]:
        """Return the places of a `src` attribute in the user's files."""
        return self._sources.spans(src)

    def declaration(self, name: str) -> SourceSpan | None:
        """Return where the signal called `name` is written: its register's process, else its declaration."""
        bit = self._bits.get(name)
        if bit is None:
            return self._memories.get(name.split("[")[0].removesuffix(" (read register)"))
        index = self._state.get(bit)
        src = self._cells[index]["attributes"].get("src", "") if index is not None else ""
        spans = self._sources.spans(src) or self._sources.spans(self._declared.get(bit, ""))
        return spans[0] if spans else None

    def between(self, start: str, end: str, *, end_is_register: bool) -> tuple[SourceSpan, ...]:
        """Return the lines on the longest chain of operators from signal `start` to signal `end`, in order.

        Args:
            start: input port or register output, by name.
            end: output port, or the register whose input ends the path.
            end_is_register: go through the inputs of the register `end`.
        """
        first, last = self._bits.get(start), self._bits.get(end)
        if first is None or last is None:
            return ()
        targets = [last]
        if end_is_register and (index := self._state.get(last)) is not None:
            targets = self._register_inputs(index, last)
        chain = self._longest(first, targets)
        spans = [
            span for index in chain for span in self._sources.spans(self._cells[index]["attributes"].get("src", ""))[:1]
        ]
        return tuple(dict.fromkeys(spans))

    def _register_inputs(self, index: int, output: int) -> list[int]:
        """Return the nets that decide one bit of a register: its data bit and its controls but the clock."""
        connections = self._cells[index]["connections"]
        place = connections["Q"].index(output)
        bits = [connections["D"][place]] if "D" in connections else []
        bits += [b for port, found in connections.items() if port not in ("Q", "D", "CLK") for b in found]
        return [bit for bit in bits if isinstance(bit, int)]

    def _longest(self, first: int, targets: list[int]) -> list[int]:
        """Return the cells of the longest chain from net `first` to any of `targets`, in order of the signal's way."""
        best: dict[int, tuple[float, int | None]] = {}
        stack: list[tuple[int, bool]] = []
        result: tuple[float, int | None] = (-math.inf, None)
        for target in targets:
            root = self._driver.get(target)
            if root is None:
                continue
            stack.append((root, False))
            while stack:
                index, done = stack.pop()
                if done:
                    best[index] = self._settle(index, first, best)
                elif index not in best:
                    best[index] = (-math.inf, None)
                    stack.append((index, True))
                    stack += [(d, False) for d in self._fanin(index) if d not in best]
            if best[root][0] > result[0]:
                result = (best[root][0], root)
        chain: list[int] = []
        at = result[1]
        while at is not None and at not in chain:
            chain.append(at)
            at = best[at][1]
        return chain[::-1]

    def _settle(self, index: int, first: int, best: Mapping[int, tuple[float, int | None]]) -> tuple[float, int | None]:
        """Return depth and predecessor of a cell after its drivers; depth -inf where `first` is not behind it."""
        depth, before = (0.0, None) if first in self._inputs(index) else (-math.inf, None)
        for driver in self._fanin(index):
            if best[driver][0] > depth:
                depth, before = best[driver][0], driver
        return depth + _weight(self._cells[index]), before

    def _inputs(self, index: int) -> set[int]:
        cell = self._cells[index]
        return {
            bit
            for port, direction in cell["port_directions"].items()
            if direction == "input"
            for bit in cell["connections"][port]
            if isinstance(bit, int)
        }

    def _fanin(self, index: int) -> list[int]:
        return sorted({self._driver[bit] for bit in self._inputs(index) if bit in self._driver})


def _weight(cell: Mapping[str, Any]) -> float:
    """Return the depth of a word-level cell in gate levels, roughly."""
    width = max((len(bits) for bits in cell["connections"].values()), default=1)
    if cell["type"] in _DEEP:
        return _DEEP[cell["type"]] * width
    return 1.0 + math.log2(width) if cell["type"] in _WIDE else 1.0
