"""Bit-parallel simulation: one pass evaluates a graph for many patterns at once."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Mapping

from rtlgen.synth.equiv.aig import FALSE, Aig
from rtlgen.synth.equiv.bits import Bit, Ops, one_of
from rtlgen.synth.equiv.netlist import Netlist
from rtlgen.synth.equiv.reset import State
from rtlgen.synth.equiv.unfold import Unfolding

BitName = tuple[str, int]
"""Side (`gold` or `gate`) and state net."""


class Simulator:
    """A graph's cone, prepared for repeated evaluation."""

    def __init__(self, aig: Aig, roots: Iterable[int], patterns: int) -> None:
        self.mask = mask = (1 << patterns) - 1
        self.patterns = patterns
        cone = aig.cone(roots)
        fan0, fan1 = aig.fan0, aig.fan1
        self.inputs = [n for n in cone if fan0[n] < 0]
        self._ands = [
            (n, fan0[n] >> 1, mask if fan0[n] & 1 else 0, fan1[n] >> 1, mask if fan1[n] & 1 else 0)
            for n in cone
            if fan0[n] >= 0
        ]
        self._values = [0] * len(aig)

    def run(self, inputs: Mapping[int, int]) -> None:
        """Evaluate for the given bit vectors of the input nodes; one that is missing counts as 0."""
        values = self._values
        for node in self.inputs:
            values[node] = inputs.get(node, 0)
        for node, a, ma, b, mb in self._ands:
            values[node] = (values[a] ^ ma) & (values[b] ^ mb)

    def value(self, lit: int) -> int:
        """Return the bit vector of a literal after the last run."""
        value = self._values[lit >> 1]
        return value ^ self.mask if lit & 1 else value


def random_inputs(rng: random.Random, nodes: Iterable[int], patterns: int) -> dict[int, int]:
    """Return random bit vectors; of the patterns, half have ones with probability 1/2, a quarter 1/4, a quarter 3/4."""
    quarter = patterns // 4
    few, many = (1 << quarter) - 1, ((1 << quarter) - 1) << quarter
    inputs = {}
    for node in nodes:
        bits, more = rng.getrandbits(patterns), rng.getrandbits(patterns)
        inputs[node] = bits & ~(few & ~more) | many & more
    return inputs


def traces(
    gold: Netlist,
    gate: Netlist,
    start: tuple[State, State],
    matched: Mapping[int, int],
    *,
    steps: int,
    patterns: int,
    resets: Mapping[str, bool] = {},
    deadline: float | None = None,
) -> dict[BitName, int]:
    """Return the values of every state bit over all steps and patterns of random runs from the start, as one vector.

    Both designs get the same inputs, and every clock ticks in each step. Every X is 0 on both sides, so that
    an X alone does not part them. What comes of it is only good for guesses.

    Args:
        gold: old design.
        gate: new design.
        start: their first states; an unknown bit is random, the same for partners.
        matched: partners by name (gate net → gold net).
        steps: length of each run.
        patterns: runs at once.
        resets: active level of the reset inputs, which are mostly left alone.
        deadline: `time.monotonic()` after which the runs repeat what they saw last; with one, three quarters of the
            runs keep their inputs for about 8, 64 or all steps, so that counters get far.
    """
    rng = random.Random(3)
    kept: dict[int, int] = {}
    idle: dict[int, bool] = {}
    aig = Aig()
    values: dict[str, dict[int, Bit]] = {"gold": {}, "gate": {}}
    for name, port in gold.ports.items():
        if port.direction == "input":
            for nets in zip(port.nets, gate.ports[name].nets, strict=True):
                lit = aig.pi(name)
                if name in resets:
                    idle[lit >> 1] = not resets[name]
                for side, net in zip(values, nets, strict=True):
                    if isinstance(net, int):
                        values[side][net] = lit
    bits: dict[BitName, int] = {}
    for side, state in zip(values, start, strict=True):
        for net in state:
            bits[side, net] = values[side][net] = aig.pi("state")
    ops = Ops(aig)
    nexts: dict[BitName, int] = {}
    for side, netlist in (("gold", gold), ("gate", gate)):
        unfolding = Unfolding(netlist, ops, values[side], lambda _: FALSE)
        for register in netlist.registers:
            for bit in unfolding.register(register):
                data = ops.mux(bit.event, bit.data, values[side][bit.net]) if register.latch else bit.data
                nexts[side, bit.net] = one_of(ops.mux(bit.control, bit.value, data))
    state_now = _first_values(rng, start, matched, patterns)
    simulator = Simulator(aig, nexts.values(), patterns)
    states = {lit >> 1 for lit in bits.values()}
    free_inputs = [n for n in simulator.inputs if n not in states]
    found = dict.fromkeys(bits, 0)
    for step in range(steps):
        for key in bits:
            found[key] |= state_now[key] << (step * patterns)
        if deadline is not None and time.monotonic() > deadline:
            continue
        inputs = random_inputs(rng, free_inputs, patterns)
        if deadline is not None:
            inputs = kept = _held(rng, inputs, kept, patterns)
        for node, level in idle.items():
            rare = _rare(rng, patterns)
            inputs[node] = simulator.mask ^ rare if level else rare
        simulator.run({**inputs, **{bits[key] >> 1: value for key, value in state_now.items()}})
        state_now = {key: simulator.value(lit) for key, lit in nexts.items()}
    return found


def _held(rng: random.Random, inputs: Mapping[int, int], before: Mapping[int, int], patterns: int) -> dict[int, int]:
    """Return inputs that change in every step in a quarter of the patterns, and seldom or never in the others."""
    quarter = patterns // 4
    block = (1 << quarter) - 1
    often = rng.getrandbits(patterns) & rng.getrandbits(patterns) & rng.getrandbits(patterns)
    change = block | often & (block << quarter) | _rare(rng, patterns) & (block << 2 * quarter)
    return {node: bits & change | before.get(node, bits) & ~change for node, bits in inputs.items()}


def _rare(rng: random.Random, patterns: int) -> int:
    """Return a vector with a one in 64 places."""
    rare = rng.getrandbits(patterns)
    for _ in range(5):
        rare &= rng.getrandbits(patterns)
    return rare


def _first_values(
    rng: random.Random, start: tuple[State, State], matched: Mapping[int, int], patterns: int
) -> dict[BitName, int]:
    mask = (1 << patterns) - 1
    values: dict[BitName, int] = {}
    for side, state in (("gate", start[1]), ("gold", start[0])):
        for net, bit in state.items():
            values[side, net] = (mask if bit else 0) if isinstance(bit, int) else rng.getrandbits(patterns)
    for net, partner in matched.items():
        if not isinstance(start[0][partner], int):
            values["gold", partner] = values["gate", net]
    return values
