"""Chooses control bits to split a proof on: with them constant, rewritten arithmetic often becomes identical."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rtlgen.synth.equiv.netlist import Net, Netlist

_MAX_GROUP, _MAX_BITS = 4, 5
ARITHMETIC = frozenset({"$add", "$sub", "$neg", "$mul"})
_SELECTS = frozenset({"$mux", "$pmux", "$bmux", "$bwmux"})
_TESTS = frozenset(
    {"$eq", "$ne", "$logic_not", "$logic_and", "$logic_or", "$reduce_or", "$reduce_bool", "$not", "$xor"}
)


def arithmetic_cells(*netlists: Netlist) -> int:
    """Return how many cells add, subtract or multiply."""
    return sum(cell.kind in ARITHMETIC for netlist in netlists for cell in netlist.cells)


def multipliers(*netlists: Netlist) -> int:
    """Return how many cells multiply."""
    return sum(cell.kind == "$mul" for netlist in netlists for cell in netlist.cells)


def control_nets(gold: Netlist) -> list[int]:
    """Return up to five input and state nets of gold that steer multiplexers, whole narrow vectors at a time."""
    score = _scores(gold)
    groups: list[tuple[Net, ...]] = [p.nets for p in gold.ports.values() if p.direction == "input"]
    groups += [r.out for r in gold.registers]
    ranked = []
    for group in groups:
        nets = [net for net in group if isinstance(net, int)]
        points = sum(score[net] for net in nets)
        if 0 < len(nets) <= _MAX_GROUP and points:
            ranked.append((-points / len(nets), nets))
    chosen: list[int] = []
    for _, nets in sorted(ranked):
        if len(chosen) + len(nets) <= _MAX_BITS:
            chosen += nets
    return chosen


def _scores(netlist: Netlist) -> Counter[int]:
    """Count how often a net selects (heavily) or is tested (lightly)."""
    score: Counter[int] = Counter()
    for cell in netlist.cells:
        if cell.kind in _SELECTS:
            score.update({net: 8 for net in cell.pins["S"] if isinstance(net, int)})
        elif cell.kind in _TESTS:
            for nets in cell.pins.values():
                score.update(net for net in nets if isinstance(net, int))
    return score


def cases(nets: list[int]) -> Iterator[dict[int, int]]:
    """Yield every assignment of the nets."""
    for value in range(1 << len(nets)):
        yield {net: value >> i & 1 for i, net in enumerate(nets)}
