"""Guesses relations between the state of two designs from random runs; `relate` proves or drops them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import Literal

from rtlgen.synth.equiv.netlist import Netlist
from rtlgen.synth.equiv.simulate import BitName

_MAX_TUPLES = 512
_MAX_WIDTH = 48
_RANGE_WIDTH = 10
_RECODED_WIDTH = 16
_MAX_ORDERED = 16


@dataclass(slots=True)
class Group:
    """Registers of gold and of gate whose joint values are among some tuples.

    Attributes:
        gold: gold's state nets.
        gate: gate's state nets.
        tuples: joint values, gold's bits first, least significant first.
    """

    gold: tuple[int, ...]
    gate: tuple[int, ...]
    tuples: set[int]


Also = Literal["", "orders", "values"]
Order = tuple[tuple[int, ...], tuple[int, ...]]
"""State nets of two registers, least significant first."""


@dataclass(slots=True)
class Guess:
    """What may hold in every reachable state.

    Attributes:
        equal: a bit → the bit that stands for it, and whether complemented; a bit of gold where there is one.
        constant: a bit → its value.
        groups: joint values of narrow registers.
        orders: two registers of gold, the first of which never exceeds the second, as numbers.
    """

    equal: dict[BitName, tuple[BitName, bool]] = field(default_factory=dict)
    constant: dict[BitName, int] = field(default_factory=dict)
    groups: list[Group] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)


def guess(
    gold: Netlist,
    gate: Netlist,
    matched: Mapping[int, int],
    runs: Mapping[BitName, int],
    samples: int,
    also: Also = "",
) -> Guess:
    """Return the relations that the runs do not contradict.

    Args:
        gold: old design.
        gate: new design.
        matched: partners by name (gate net → gold net); they come before other bits that behave alike.
        runs: values of each state bit over all samples, by side and net.
        samples: how many.
        also: `values`: which values narrow registers of gold take; `orders`: which register never exceeds which.
    """
    everything = (1 << samples) - 1
    values = runs
    found = Guess()
    recoded = _recoded(gate, matched, runs)
    for gold_nets, gate_nets in recoded:
        tuples = set(_numbers([runs["gold", n] for n in gold_nets] + [runs["gate", n] for n in gate_nets], samples))
        if len(tuples) <= _MAX_TUPLES:
            found.groups.append(Group(gold_nets, gate_nets, tuples))
    grouped = {("gold", n) for g in found.groups for n in g.gold} | {("gate", n) for g in found.groups for n in g.gate}
    runs = {name: bits for name, bits in runs.items() if name not in grouped}
    stands: dict[int, BitName] = {}
    partners = set()
    for net, partner in matched.items():
        if ("gate", net) in runs and ("gold", partner) in runs and runs["gate", net] == runs["gold", partner]:
            found.equal["gate", net] = (("gold", partner), False)
            partners.add(("gold", partner))
            stands.setdefault(runs["gold", partner], ("gold", partner))
    for name in sorted(runs, key=lambda n: n[0] != "gold"):
        bits = runs[name]
        if name in partners or name in found.equal:
            continue
        if bits in (0, everything):
            found.constant[name] = int(bits != 0)
        elif bits in stands:
            found.equal[name] = (stands[bits], False)
        elif bits ^ everything in stands:
            found.equal[name] = (stands[bits ^ everything], True)
        else:
            stands[bits] = name
    _add_groups(gold, gate, found, runs, samples, also == "values")
    found.orders = _orders(gold, values, samples) if also == "orders" else []
    return found


def _orders(gold: Netlist, runs: Mapping[BitName, int], samples: int) -> list[Order]:
    """Return pairs of registers that move, one of which was never above the other."""
    words: dict[tuple[int, ...], list[int]] = {}
    for register in gold.registers:
        nets = tuple(n for n in register.out if isinstance(n, int))
        if 3 < len(nets) == len(register.out) and len(words) < _MAX_ORDERED and all(("gold", n) in runs for n in nets):
            numbers = _numbers([runs["gold", n] for n in nets], samples)
            if min(numbers) != max(numbers):
                words[nets] = numbers
    pairs = permutations(words, 2)
    return [(a, b) for a, b in pairs if all(x <= y for x, y in zip(words[a], words[b], strict=True))]


def _recoded(
    gate: Netlist, matched: Mapping[int, int], runs: Mapping[BitName, int]
) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Return the narrow registers that keep their name but not their values, as gold's and gate's bits."""
    found = []
    for register in gate.registers:
        nets = tuple(n for n in register.out if isinstance(n, int) and n in matched)
        if 1 < len(nets) <= _RECODED_WIDTH and any(runs["gate", n] != runs["gold", matched[n]] for n in nets):
            found.append((tuple(matched[n] for n in nets), nets))
    return found


def _add_groups(
    gold: Netlist, gate: Netlist, found: Guess, runs: Mapping[BitName, int], samples: int, ranges: bool
) -> None:
    alone = {name for name in runs if name not in found.constant and name not in found.equal}
    moving = {net for side, net in runs if side == "gold" and ("gold", net) not in found.constant}
    gold_vectors = _vectors(gold, moving)
    gate_vectors = _vectors(gate, {net for side, net in alone if side == "gate"})
    values = {
        v: _numbers([runs["gold", n] for n in v], samples)
        for v in gold_vectors
        if gate_vectors or (ranges and len(v) <= _RANGE_WIDTH)
    }
    used: set[tuple[int, ...]] = set()
    for vector in gate_vectors:
        own = _numbers([runs["gate", n] for n in vector], samples)
        best = min(gold_vectors, key=lambda v: len(set(zip(values[v], own, strict=True))), default=None)
        if best is None:
            continue
        tuples = {a | b << len(best) for a, b in set(zip(values[best], own, strict=True))}
        if len(tuples) <= _MAX_TUPLES:
            used.add(best)
            found.groups.append(Group(best, vector, tuples))
    for vector in (v for v in gold_vectors if ranges and v not in used and 1 < len(v) <= _RANGE_WIDTH):
        seen = set(values[vector])
        if len(seen) < 1 << len(vector):
            found.groups.append(Group(vector, (), seen))


def _vectors(netlist: Netlist, nets: set[int]) -> list[tuple[int, ...]]:
    """Return each register's bits that are among the nets, for registers that are narrow enough."""
    vectors = []
    for register in netlist.registers:
        vector = tuple(n for n in register.out if isinstance(n, int) and n in nets)
        if vector and len(vector) <= _MAX_WIDTH:
            vectors.append(vector)
    return vectors


def _numbers(bits: Sequence[int], samples: int) -> list[int]:
    """Return the value of a vector in each sample."""
    numbers = [0] * samples
    for weight, vector in enumerate(bits):
        text = f"{vector:0{samples}b}"
        for i in range(samples):
            if text[samples - 1 - i] == "1":
                numbers[i] |= 1 << weight
    return numbers
