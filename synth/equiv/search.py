"""Random runs of a product machine from its start: the cheapest way to find that two designs differ.

Short runs with new inputs in each step come first. Then come long ones in which every port keeps its value for a
while, each lane and port with a rate of its own: serial receivers, dividers and time-outs show their faults only
after hundreds of steps with inputs that hold still.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence

from rtlgen.synth.equiv.aig import FALSE, Aig
from rtlgen.synth.equiv.engines import Verdict
from rtlgen.synth.equiv.machine import Machine
from rtlgen.synth.equiv.simulate import Simulator, random_inputs

NAME = "simulation"
_SHORT_STEPS, _SHORT_LANES = 64, 256
_LANES, _BLOCK = 512, 64
"""Runs at once in long runs, and how many of them have the same rates."""
_RATES = 10
"""A port changes in a step with probability 1/2, 1/4, ..., 1/2**_RATES."""
_FIRST_LENGTH, _LONGEST = 128, 1 << 15
_RARE = 10
"""A reset input is asserted in one of 2**_RARE steps of a long run, and never in half of the runs."""
_COMPILED_NODES = 20000
"""Larger graphs are evaluated node by node: compiling them would take longer than it saves."""

Inputs = dict[int, int]
Run = Callable[[Inputs, Sequence[int]], list[int]]
"""Evaluates one step: input vectors by node and the state vectors; returns the difference, then the next states."""


class Search:
    """Random runs of one machine; each call goes on where the last one stopped."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._states = [node for node, _ in machine.latches]
        self._bad = machine.aig.or_all(lit for lit in machine.bads.values() if lit != FALSE)
        self._roots = [self._bad, *(nxt for _, nxt in machine.latches)]
        states = set(self._states)
        cone = machine.aig.cone(self._roots)
        self.inputs = [n for n in cone if machine.aig.fan0[n] < 0 and n not in states]
        self._run: Run | None = None
        self._episodes: Iterator[Verdict | None] | None = None
        self.spent_s = 0.0
        """Seconds of long runs so far."""

    def quick(self, deadline: float) -> Verdict | None:
        """Return a difference that short runs with new inputs in each step show.

        Args:
            deadline: `time.monotonic()` at which to stop.
        """
        if self._bad == FALSE:
            return None
        started = time.monotonic()
        rng = random.Random(11)
        simulator = Simulator(self._machine.aig, self._roots, _SHORT_LANES)
        history: list[Inputs] = []
        state: Inputs = {}
        for _ in range(_SHORT_STEPS):
            values = random_inputs(rng, self.inputs, _SHORT_LANES)
            for node, idle in self._machine.resets.items():
                rare = rng.getrandbits(_SHORT_LANES) & rng.getrandbits(_SHORT_LANES) & rng.getrandbits(_SHORT_LANES)
                values[node] = simulator.mask ^ rare if idle else rare
            history.append(values)
            simulator.run({**values, **state})
            hit = simulator.value(self._bad)
            if hit:
                return _verdict(history, self.inputs, hit, started)
            state = {node: simulator.value(nxt) for node, nxt in self._machine.latches}
            if time.monotonic() > deadline:
                break
        return None

    def further(self, seconds: float) -> Verdict | None:
        """Return a difference that longer runs show, after at most so many more seconds of this thread's processor."""
        if self._bad == FALSE:
            return None
        started = time.thread_time()
        if self._episodes is None:
            self._episodes = self._run_episodes()
        try:
            for found in self._episodes:
                if found is not None:
                    return found
                if time.thread_time() - started > seconds:
                    return None
        finally:
            self.spent_s += time.thread_time() - started
        return None

    def _run_episodes(self) -> Iterator[Verdict | None]:
        """Yield None after each few steps, and a verdict where a difference shows; runs get longer and longer."""
        if self._run is None:
            self._run = _compile(self._machine.aig, self._roots, self._states, self.inputs, _LANES)
        length, number = _FIRST_LENGTH, 0
        while True:
            started = time.monotonic()
            state = [0] * len(self._states)
            for step, values in enumerate(self._stimulus(number, length)):
                hit, *state = self._run(values, state)
                if hit:
                    lane = (hit & -hit).bit_length() - 1
                    again = self._stimulus(number, length)
                    frames = tuple(_frame(next(again), self.inputs, lane) for _ in range(step + 1))
                    yield Verdict(NAME, "sat", frames, wall_s=time.monotonic() - started)
                    return
                if step % 8 == 7:
                    yield None
            number += 1
            length = min(2 * length, _LONGEST)

    def _stimulus(self, number: int, length: int) -> Iterator[Inputs]:
        """Yield the input vectors of each step of one episode; the same again for the same number."""
        rng = random.Random(1000 + number)
        mask = (1 << _LANES) - 1
        wanted = set(self.inputs)
        ports: dict[str, list[int]] = {}
        for (name, _), node in self._machine.inputs.items():
            if node in wanted and node not in self._machine.resets:
                ports.setdefault(name, []).append(node)
        others = sorted(wanted - set(self._machine.inputs.values()))
        resets = {n: v for n, v in self._machine.resets.items() if n in wanted}
        tiers = {name: _tiers(rng) for name in ports}
        often = {name: rng.getrandbits(_LANES) & rng.getrandbits(_LANES) for name in ports}
        values = {node: rng.getrandbits(_LANES) for nodes in ports.values() for node in nodes}
        for _ in range(length):
            for name, nodes in ports.items():
                change = _changes(rng, tiers[name])
                if change:
                    for node in nodes:
                        bits = rng.getrandbits(_LANES)
                        if len(nodes) == 1:  # in some runs mostly at one level
                            bits |= often[name] & rng.getrandbits(_LANES)
                        values[node] = values[node] & ~change & mask | bits & change
            for node in others:
                values[node] = rng.getrandbits(_LANES)
            for node, idle in resets.items():
                rare = _rare(rng)
                values[node] = mask ^ rare if idle else rare
            yield dict(values)


def _tiers(rng: random.Random) -> list[int]:
    """Return, for each halving of the rate, the lanes that take no part in it."""
    blocks = _LANES // _BLOCK
    rates = [rng.randint(1, _RATES) for _ in range(blocks)]
    ones = (1 << _BLOCK) - 1
    return [sum(ones << (b * _BLOCK) for b in range(blocks) if rates[b] <= level) for level in range(_RATES)]


def _changes(rng: random.Random, tiers: Sequence[int]) -> int:
    """Return the lanes in which a port takes a new value."""
    change = rng.getrandbits(_LANES)
    for exempt in tiers[1:]:
        change &= rng.getrandbits(_LANES) | exempt
    return change


def _rare(rng: random.Random) -> int:
    """Return the lanes that assert a reset in a step: few, and only among the first half."""
    rare = rng.getrandbits(_LANES // 2)
    for _ in range(_RARE - 1):
        rare &= rng.getrandbits(_LANES // 2)
    return rare


def _frame(values: Inputs, inputs: Sequence[int], lane: int) -> str:
    return "".join(str(values.get(node, 0) >> lane & 1) for node in inputs)


def _verdict(history: Sequence[Inputs], inputs: Sequence[int], hit: int, started: float) -> Verdict:
    lane = (hit & -hit).bit_length() - 1
    frames = tuple(_frame(values, inputs, lane) for values in history)
    return Verdict(NAME, "sat", frames, wall_s=time.monotonic() - started)


def _compile(aig: Aig, roots: Sequence[int], states: Sequence[int], inputs: Sequence[int], lanes: int) -> Run:
    """Return a function that evaluates the roots for vectors of inputs and states.

    The graph becomes straight Python code, one line a node, made of numbers only.
    """
    cone = aig.cone(roots)
    if len(cone) > _COMPILED_NODES:
        return _interpreter(aig, roots, states, lanes)

    def text(lit: int) -> str:
        if lit <= 1:
            return "M" if lit else "0"
        return f"(v{lit >> 1}^M)" if lit & 1 else f"v{lit >> 1}"

    lines = [f"def run(i,s):\n M={(1 << lanes) - 1}"]
    lines += [f" v{node}=i[{node}]" for node in inputs]
    lines += [f" v{node}=s[{index}]" for index, node in enumerate(states)]
    for node in cone:
        a, b = aig.fan0[node], aig.fan1[node]
        if a < 0:
            continue
        if a & 1 and b & 1:
            lines.append(f" v{node}=(v{a >> 1}|v{b >> 1})^M")
        else:
            lines.append(f" v{node}={text(a)}&{text(b)}")
    lines.append(" return [" + ",".join(text(lit) for lit in roots) + "]")
    space: dict[str, Run] = {}
    code = compile("\n".join(lines), "<graph>", "exec")
    exec(code, {"__builtins__": {}}, space)  # noqa: S102 (holds nothing but node numbers and bitwise operators)
    return space["run"]


def _interpreter(aig: Aig, roots: Sequence[int], states: Sequence[int], lanes: int) -> Run:
    simulator = Simulator(aig, roots, lanes)

    def run(values: Inputs, state: Sequence[int]) -> list[int]:
        simulator.run({**values, **dict(zip(states, state, strict=True))})
        return [simulator.value(lit) for lit in roots]

    return run
