"""Series-parallel transistor networks: sizing, resistance, capacitance, fingers and leakage."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rtlgen.synth.liberty.generate.process import Process


@dataclass(frozen=True, slots=True)
class Leaf:
    """One transistor whose gate is the named node."""

    node: str


@dataclass(frozen=True, slots=True)
class Series:
    """Networks one under the other; the first stands next to the output."""

    parts: tuple[Net, ...]


@dataclass(frozen=True, slots=True)
class Parallel:
    """Networks side by side."""

    parts: tuple[Net, ...]


Net = Leaf | Series | Parallel


def ser(*parts: Net | str) -> Net:
    """Return the parts in series; a string is a transistor."""
    return Series(tuple(_net(part) for part in parts))


def par(*parts: Net | str) -> Net:
    """Return the parts in parallel; a string is a transistor."""
    return Parallel(tuple(_net(part) for part in parts))


def _net(part: Net | str) -> Net:
    return Leaf(part) if isinstance(part, str) else part


def as_net(part: Net | str) -> Net:
    """Return a network; a string is one transistor."""
    return _net(part)


def dual(net: Net) -> Net:
    """Return the complementary network: series and parallel exchanged (the pull-up of a static CMOS gate)."""
    if isinstance(net, Leaf):
        return net
    parts = tuple(dual(part) for part in net.parts)
    return Parallel(parts) if isinstance(net, Series) else Series(parts)


def leaves(net: Net) -> Iterator[str]:
    """Yield the node of every transistor, outputs side first."""
    if isinstance(net, Leaf):
        yield net.node
    else:
        for part in net.parts:
            yield from leaves(part)


def depth(net: Net) -> int:
    """Return the number of transistors in the longest path."""
    if isinstance(net, Leaf):
        return 1
    depths = [depth(part) for part in net.parts]
    return sum(depths) if isinstance(net, Series) else max(depths)


def conducts(net: Net, on: Mapping[str, bool]) -> bool:
    """Return whether the network conducts when the transistors of the `on` nodes are closed."""
    if isinstance(net, Leaf):
        return on[net.node]
    states = [conducts(part, on) for part in net.parts]
    return all(states) if isinstance(net, Series) else any(states)


@dataclass(frozen=True, slots=True)
class Device:
    """Sizing rules of one kind of transistor."""

    unit: float
    finger: float
    resistance: float
    leakage: float


def devices(process: Process) -> tuple[Device, Device]:
    """Return the rules of NMOS and PMOS."""
    n = Device(process.n_width, process.n_finger, process.n_resistance, process.n_leakage)
    p = Device(process.p_width, process.p_finger, process.p_resistance, process.p_leakage)
    return n, p


@dataclass(frozen=True, slots=True)
class Path:
    """Way from the output to the supply through one switching transistor."""

    node: str
    resistance: float
    """kOhm from the output to the supply."""
    internal_ps: float
    """Elmore delay of the inner nodes that are charged through this path."""


@dataclass(frozen=True, slots=True)
class Sized:
    """A network with widths."""

    net: Net
    device: Device
    scale: float

    def width(self, stack: int) -> float:
        """Return the width in um of a transistor in a stack of that many.

        A stack is widened to keep its resistance at the inverter's until one finger of the X1 cell is full, as
        real libraries do; a deeper stack is then slower.
        """
        return self.scale * min(self.device.unit * stack, self.device.finger)

    def widths(self) -> list[tuple[str, float]]:
        """Return node and width of every transistor."""
        return list(self._widths(self.net, 0))

    def _widths(self, net: Net, others: int) -> Iterator[tuple[str, float]]:
        if isinstance(net, Leaf):
            yield net.node, self.width(others + 1)
            return
        total = depth(net)
        for part in net.parts:
            more = total - depth(part) if isinstance(net, Series) else 0
            yield from self._widths(part, others + more)

    def fingers(self) -> list[tuple[str, int]]:
        """Return node and number of fingers of every transistor."""
        return [(node, max(1, math.ceil(width / self.device.finger - 1e-9))) for node, width in self.widths()]

    def output_width(self) -> float:
        """Return the sum of widths of the transistors that touch the output, in um."""
        return self._edge(self.net, 0)

    def _edge(self, net: Net, others: int) -> float:
        if isinstance(net, Leaf):
            return self.width(others + 1)
        if isinstance(net, Parallel):
            return sum(self._edge(part, others) for part in net.parts)
        return self._edge(net.parts[0], others + depth(net) - depth(net.parts[0]))

    def paths(self, diffusion_cap: float) -> list[Path]:
        """Return the worst path through every transistor."""
        return [self._path(parts, diffusion_cap) for parts in self._chains(self.net, 0)]

    def _chains(self, net: Net, others: int) -> Iterator[list[tuple[str, float, bool]]]:
        """Yield, for every transistor, its worst chain from output to supply as (node, width, switches)."""
        if isinstance(net, Leaf):
            yield [(net.node, self.width(others + 1), True)]
            return
        total = depth(net)
        for index, part in enumerate(net.parts):
            if isinstance(net, Parallel):
                yield from self._chains(part, others)
                continue
            before = [self._worst(p, others + total - depth(p)) for p in net.parts[:index]]
            after = [self._worst(p, others + total - depth(p)) for p in net.parts[index + 1 :]]
            for chain in self._chains(part, others + total - depth(part)):
                yield [item for side in before for item in side] + chain + [item for side in after for item in side]

    def _worst(self, net: Net, others: int) -> list[tuple[str, float, bool]]:
        chains = [[(node, width, False) for node, width, _ in chain] for chain in self._chains(net, others)]
        return max(chains, key=lambda chain: sum(1.0 / width for _, width, _ in chain))

    def _path(self, chain: list[tuple[str, float, bool]], diffusion_cap: float) -> Path:
        at = next(index for index, item in enumerate(chain) if item[2])
        steps = [self.device.resistance / width for _, width, _ in chain]
        internal = 0.0
        # Nodes above the switching transistor still hold the old level; those below have settled before.
        for index in range(at):
            joint = 0.5 * (chain[index][1] + chain[index + 1][1]) * diffusion_cap
            internal += joint * sum(steps[index + 1 :])
        return Path(chain[at][0], sum(steps), internal)

    def leakage(self, on: Mapping[str, bool], stack_factor: float) -> float:
        """Return the nW that a network that does not conduct lets through in a state of its nodes."""
        width, off = self._off(self.net, 0, on)
        return 0.0 if off == 0 else self.device.leakage * width * stack_factor ** (off - 1)

    def _off(self, net: Net, others: int, on: Mapping[str, bool]) -> tuple[float, int]:
        """Return effective width and number of off transistors in series; 0 of them means it conducts."""
        if isinstance(net, Leaf):
            return self.width(others + 1), 0 if on[net.node] else 1
        if isinstance(net, Series):
            total = depth(net)
            found = [self._off(part, others + total - depth(part), on) for part in net.parts]
            closed = [item for item in found if item[1] > 0]
            return (min(w for w, _ in closed), sum(n for _, n in closed)) if closed else (found[0][0], 0)
        found = [self._off(part, others, on) for part in net.parts]
        if any(n == 0 for _, n in found):
            return sum(w for w, _ in found), 0
        least = min(n for _, n in found)
        return sum(w for w, n in found if n == least), least
