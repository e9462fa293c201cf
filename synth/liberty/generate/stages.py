"""A cell as a network of stages, and the delays, transitions, energies and leakage that follow from it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from rtlgen.synth.liberty.generate.network import Net, Path, Sized, conducts, devices, dual
from rtlgen.synth.liberty.generate.process import Process

Edge = Literal["rise", "fall"]
_EDGES: tuple[Edge, Edge] = ("rise", "fall")
"""Edge of a node that switches on a transistor of the pull-down, and of the pull-up."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage with its output node, pull-down and pull-up.

    Attributes:
        output: node that the stage drives.
        down: NMOS network; the output falls when it conducts.
        up: PMOS network; None for the complement of `down`.
        scale: widths over those of the X1 size.
        keeper: True for a feedback stage that only holds a level: it costs area and capacitance but no signal
            passes through it in a timing path.
    """

    output: str
    down: Net
    up: Net | None = None
    scale: float = 1.0
    keeper: bool = False


@dataclass(frozen=True, slots=True)
class Arrival:
    """One signal edge at a node."""

    edge: Edge
    delay_ps: float
    slew_ps: float
    energy_fj: float
    """Energy of the nodes inside the cell that switched on the way."""


@dataclass(slots=True)
class Circuit:
    """Stages of one cell, sized in a process."""

    process: Process
    stages: Sequence[Stage]
    stops: frozenset[str] = frozenset()
    """Nodes at which timing paths end: those that hold the state of a latch and feed it back."""
    _sized: dict[int, tuple[Sized, Sized]] = field(default_factory=dict)
    _followers: dict[tuple[Edge, str], list[tuple[Stage, Path]]] = field(default_factory=dict)
    _caps: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n, p = devices(self.process)
        for index, stage in enumerate(self.stages):
            up = dual(stage.down) if stage.up is None else stage.up
            pair = Sized(stage.down, n, stage.scale), Sized(up, p, stage.scale)
            self._sized[index] = pair
            self._add_caps(stage, pair)
            if not stage.keeper:
                self._add_paths(stage, pair)

    def _add_paths(self, stage: Stage, pair: tuple[Sized, Sized]) -> None:
        for edge, net in zip(_EDGES, pair, strict=True):
            for path in net.paths(self.process.diffusion_cap):
                self._followers.setdefault((edge, path.node), []).append((stage, path))

    def _add_caps(self, stage: Stage, pair: tuple[Sized, Sized]) -> None:
        drain = sum(net.output_width() for net in pair) * self.process.diffusion_cap
        self._caps[stage.output] = self._caps.get(stage.output, 0.0) + drain
        for net in pair:
            for node, width in net.widths():
                self._caps[node] = self._caps.get(node, 0.0) + width * self.process.gate_cap

    def node_cap(self, node: str) -> float:
        """Return the capacitance of a node inside the cell in fF: gates it drives and drains on it."""
        return self._caps[node]

    def columns(self) -> int:
        """Return the number of gate columns of the layout, edges and diffusion breaks included."""
        total = 1
        for index in range(len(self.stages)):
            down, up = self._sized[index]
            total += max(sum(count for _, count in net.fingers()) for net in (down, up))
        return total

    def output_resistance(self, output: str) -> float:
        """Return the worst kOhm with which `output` is driven."""
        found = [pair for pairs in self._followers.values() for pair in pairs]
        return max(path.resistance for stage, path in found if stage.output == output)

    def arrivals(self, pin: str, edge: Edge, slew_ps: float, output: str, load_ff: float) -> list[Arrival]:
        """Return every edge that reaches `output` after an edge at `pin`, one per path through the stages."""
        found: list[Arrival] = []
        waiting = [(pin, Arrival(edge, 0.0, slew_ps, 0.0))]
        while waiting:
            node, arrival = waiting.pop()
            if node == output:
                found.append(arrival)
            elif node not in self.stops:
                waiting += self._next(node, arrival, output, load_ff)
        return found

    def _next(self, node: str, arrival: Arrival, output: str, load_ff: float) -> list[tuple[str, Arrival]]:
        reached = []
        for stage, path in self._followers.get((arrival.edge, node), ()):
            load = load_ff if stage.output == output else 0.0
            reached.append((stage.output, self._drive(stage, path, arrival, load)))
        return reached

    def _drive(self, stage: Stage, path: Path, arrival: Arrival, load_ff: float) -> Arrival:
        process = self.process
        cap = self._caps[stage.output]
        rc = path.resistance * (cap + load_ff) + path.internal_ps
        slew = math.hypot(process.slew_gain * rc, process.slew_carry * arrival.slew_ps)
        delay = process.step_delay * rc + process.slew_delay * arrival.slew_ps
        return Arrival(
            edge="fall" if arrival.edge == "rise" else "rise",
            delay_ps=arrival.delay_ps + delay,
            slew_ps=slew,
            energy_fj=arrival.energy_fj + self._energy(stage, cap, load_ff, arrival.slew_ps),
        )

    def _energy(self, stage: Stage, cap: float, load_ff: float, slew_ps: float) -> float:
        process = self.process
        switched = 0.5 * cap * process.vdd_v**2
        width = stage.scale * (process.n_width + process.p_width)
        # Both networks conduct while the input moves; a large load keeps the output, and so the current, down.
        damping = 1.0 + load_ff / (4.0 * process.inverter_cap * stage.scale)
        return switched + process.short_circuit * width * slew_ps * process.vdd_v / damping

    def settle(self, pins: Mapping[str, bool]) -> dict[str, bool]:
        """Return the level of every node for levels of the pins.

        Nodes that the pins leave undecided (state of a latch) keep the level given in `pins`.
        """
        levels = dict(pins)
        for _ in range(len(self.stages) + 1):
            for index, stage in enumerate(self.stages):
                if not stage.keeper and all(node in levels for node in self._inputs(index)):
                    level = self._level(index, levels)
                    if level is not None:
                        levels[stage.output] = level
        return levels

    def _inputs(self, index: int) -> Iterable[str]:
        return (node for net in self._sized[index] for node, _ in net.widths())

    def _level(self, index: int, levels: Mapping[str, bool]) -> bool | None:
        down, up = self._sized[index]
        if conducts(down.net, levels):
            return False
        return True if conducts(up.net, {node: not value for node, value in levels.items()}) else None

    def leakage_nw(self, levels: Mapping[str, bool]) -> float:
        """Return the leakage in nW when all nodes have settled at `levels`."""
        total = 0.0
        closed = {node: not value for node, value in levels.items()}
        for down, up in self._sized.values():
            for net, state in ((down, levels), (up, closed)):
                total += net.leakage(state, self.process.stack_leakage)
        return total
