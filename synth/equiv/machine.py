"""The two designs side by side as one state machine whose output is "they differ".

One step of the machine: all inputs take new values, logic settles, outputs are compared, then clocks tick. Where more
than one plain clock edge exists, or a latch or an asynchronous control (which act without a clock), which clocks tick
in a step is free, so that every interleaving is covered, pulses between two edges included.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rtlgen.synth.equiv.aig import FALSE, TRUE, Aig
from rtlgen.synth.equiv.bits import Bit, Ops, one_of, zero_of
from rtlgen.synth.equiv.combine import impossible
from rtlgen.synth.equiv.correspond import output_mismatches
from rtlgen.synth.equiv.netlist import Netlist, UnsupportedError
from rtlgen.synth.equiv.reset import State
from rtlgen.synth.equiv.unfold import RegisterBits, Unfolding


@dataclass(slots=True)
class Machine:
    """A product machine; every state bit starts at 0.

    Attributes:
        aig: its graph.
        latches: (node of the state bit, next state).
        bads: literal of a difference, by output bit.
        known: literal of "gold's output bit is known", for the output bits that can be X.
        inputs: node by (port, bit).
        ticks: node of "this clock moves in this step", by clock port; empty where the one clock always ticks.
        clocks: the clock ports.
        levels: whether clocks keep their level from step to step (else a tick is a whole pulse).
        choices: gate's state net → node of its free initial value.
        ternary: number of gold's state bits that are carried with X.
        idle: where later resets were taken out: reset port, its inactive level, and `sync` (it counts only in the last
            step of a witness) or `async` (only in a witness of one step).
        resets: inactive level of each reset input, by node.
    """

    aig: Aig
    latches: list[tuple[int, int]] = field(default_factory=list)
    bads: dict[str, int] = field(default_factory=dict)
    known: dict[str, int] = field(default_factory=dict)
    inputs: dict[tuple[str, int], int] = field(default_factory=dict)
    ticks: dict[str, int] = field(default_factory=dict)
    clocks: tuple[str, ...] = ()
    levels: bool = False
    choices: dict[int, int] = field(default_factory=dict)
    ternary: int = 0
    idle: tuple[str, int, str] | None = None
    resets: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Start:
    """Where the machine starts: the state of both, and partners whose unknown start is the same.

    Attributes:
        gold: gold's state.
        gate: gate's state.
        shared: gold's state net → gate's, both X at the start and taken as equal.
        reset: levels of the inputs that lead there.
    """

    gold: State
    gate: State
    shared: Mapping[int, int]
    reset: Mapping[str, bool] = field(default_factory=dict)


def build_machine(gold: Netlist, gate: Netlist, start: Start, *, canonical: bool = True) -> Machine:
    """Return the product machine.

    Args:
        gold: old design.
        gate: new design.
        start: where they start.
        canonical: whether arithmetic gets one canonical form.

    Raises:
        InputError: a combinational loop.
        UnsupportedError: a clock that is no input, or a cell without a model.
    """
    ternary = {net for net, bit in start.gold.items() if not isinstance(bit, int) and net not in start.shared}
    kinds = {_restart(gold, start.gold, start.reset), _restart(gate, start.gate, start.reset)} - {"any"}
    restart = kinds.pop() if len(kinds) == 1 and len(start.reset) == 1 else ""
    while True:
        builder = _Builder(gold, gate, start, ternary, restart, canonical)
        grown = builder.more_ternary()
        if not grown:
            return builder.finish()
        ternary |= grown


def _restart(netlist: Netlist, state: State, levels: Mapping[str, bool]) -> str:
    """Return how the reset, from any state and under any other input, leads to exactly this known state.

    `async`: at once, in every register; `sync`: at the clock edge, no register having an asynchronous control; `any`:
    there is no register; empty: not so.

    Then what follows a later reset is what follows the start, and the machine need not be reset again: with a
    synchronous reset only the outputs of the step that asserts it are new, with an asynchronous one only the outputs
    of the start state.
    """
    if not netlist.registers:
        return "any"
    ops = Ops(Aig())
    values: dict[int, Bit] = {net: ops.g.pi("state") for net in state}
    for name, port in netlist.ports.items():
        if port.direction == "input":
            level = levels.get(name)
            for net in port.nets:
                if isinstance(net, int):
                    values[net] = ops.g.pi(name) if level is None else (TRUE if level else FALSE)
    unfolding = Unfolding(netlist, ops, values, None, transparent=True)
    asynchronous = any(r.controls for r in netlist.registers)
    for register in netlist.registers:
        for bit in unfolding.register(register):
            if register.latch or ops.mux(bit.control, bit.value, bit.data) != state[bit.net]:
                return ""
            if asynchronous and bit.control != TRUE:
                return ""
    return "async" if asynchronous else "sync"


class _Builder:
    """One attempt, for one guess of which state bits of gold can be X."""

    def __init__(
        self, gold: Netlist, gate: Netlist, start: Start, ternary: set[int], restart: str, canonical: bool
    ) -> None:
        self.gold, self.gate, self.start, self.ternary, self.restart = gold, gate, start, ternary, restart
        self.aig = Aig()
        self.ops = Ops(self.aig, canonical=canonical)
        self.machine = Machine(self.aig, ternary=len(ternary))
        self.started = self.aig.pi("started")
        self.storage: dict[tuple[str, int, str], int] = {}
        gold_values, gate_values = self._inputs()
        gate_values.update(self._gate_state())
        gold_values.update(self._gold_state(gate_values))
        self.left = Unfolding(gold, self.ops, gold_values, None, transparent=True)
        self.right = Unfolding(gate, self.ops, gate_values, lambda _: self.aig.pi("x"), transparent=True)
        self.bits = [(self.left, r.latch, r.rising, b) for r in gold.registers for b in self.left.register(r)]
        self.bits += [(self.right, r.latch, r.rising, b) for r in gate.registers for b in self.right.register(r)]
        self._find_clocks()
        nexts = self._plain([self._next(side, latch, rising, bit) for side, latch, rising, bit in self.bits])
        self.nexts = [(side, bit, nxt) for (side, _, _, bit), nxt in zip(self.bits, nexts, strict=True)]

    def _inputs(self) -> tuple[dict[int, Bit], dict[int, Bit]]:
        gold_values: dict[int, Bit] = {}
        gate_values: dict[int, Bit] = {}
        for name, port in self.gold.ports.items():
            if port.direction == "input":
                for i, nets in enumerate(zip(port.nets, self.gate.ports[name].nets, strict=True)):
                    lit = self.aig.pi(f"{name}[{i}]")
                    self.machine.inputs[name, i] = lit >> 1
                    for net, values in zip(nets, (gold_values, gate_values), strict=True):
                        if isinstance(net, int):
                            values[net] = lit
        return gold_values, gate_values

    def _stored(self, key: tuple[str, int, str], initial: int) -> int:
        """Return the literal of a stored bit that starts at `initial`."""
        lit = self.aig.pi("state")
        self.storage[key] = lit ^ initial
        return lit ^ initial

    def _gate_state(self) -> dict[int, Bit]:
        values: dict[int, Bit] = {}
        for net, bit in self.start.gate.items():
            if isinstance(bit, int):
                values[net] = self._stored(("gate", net, ""), bit)
                continue
            choice = self.aig.pi("choice")
            self.machine.choices[net] = choice >> 1
            values[net] = self.aig.mux(self.started, self._stored(("gate", net, ""), FALSE), choice)
        return values

    def _gold_state(self, gate_values: Mapping[int, Bit]) -> dict[int, Bit]:
        values: dict[int, Bit] = {}
        for net, bit in self.start.gold.items():
            if net in self.ternary:
                one = self._stored(("gold", net, "one"), one_of(bit))
                zero = self._stored(("gold", net, "zero"), zero_of(bit))
                values[net] = (one, zero)
            elif isinstance(bit, int):
                values[net] = self._stored(("gold", net, ""), bit)
            else:
                choice = self.machine.choices[self.start.shared[net]] << 1
                values[net] = self.aig.mux(self.started, self._stored(("gold", net, ""), FALSE), choice)
        return values

    def _find_clocks(self) -> None:
        """Tell clock inputs and edges from the registers' clock nets, and decide how clocks tick."""
        by_node = {node: port for port, node in self.machine.inputs.items()}
        edges: set[tuple[int, bool]] = set()
        for _, latch, rising, bit in self.bits:
            if latch:
                continue
            event = bit.event
            if not isinstance(event, int) or event >> 1 not in by_node:
                raise UnsupportedError(
                    "a register's clock is not an input of the design; "
                    "there, only registers that match by name are proved"
                )
            edges.add((event >> 1, rising != bool(event & 1)))
        nodes = sorted({node for node, _ in edges})
        roots = [
            lit for _, _, _, b in self.bits for x in (b.data, b.control, b.value) for lit in (one_of(x), zero_of(x))
        ]
        roots += [lit for _, latch, _, b in self.bits if latch for lit in (one_of(b.event), zero_of(b.event))]
        roots += output_mismatches(self.left, self.right).values()
        as_data = set(self.aig.cone(roots)) & set(nodes)
        acts_alone = any(r.latch or r.controls for n in (self.gold, self.gate) for r in n.registers)
        self.edges = edges
        self.machine.clocks = tuple(by_node[node][0] for node in nodes)
        if len(edges) <= 1 and not as_data and (not acts_alone or self.restart == "async"):
            return
        self.restart = ""
        for node in nodes:
            self.machine.ticks[by_node[node][0]] = self.aig.pi("tick") >> 1
        self.machine.levels = bool(as_data) or len(edges) > len(nodes)

    def _tick(self, event: int, rising: bool) -> int:
        """Return the literal of "this clock edge happens at the end of the step"."""
        if not self.machine.ticks:
            return TRUE
        node = event >> 1
        name = next(p for (p, _), n in self.machine.inputs.items() if n == node)
        tick = self.machine.ticks[name] << 1
        if not self.machine.levels:
            return tick
        up = rising != bool(event & 1)
        return self.aig.and_(tick, (node << 1) ^ int(up))

    def _next(self, side: Unfolding, latch: bool, rising: bool, bit: RegisterBits) -> Bit:
        ops = self.ops
        stored = side.stored[bit.net]
        when = bit.event if latch else self._tick(one_of(bit.event), rising)
        return side.resolve(ops.mux(bit.control, bit.value, ops.mux(when, bit.data, stored)))

    def _plain(self, bits: list[Bit]) -> list[Bit]:
        """Return the bits without their X where no state and input can show it, as far as a quick look tells."""
        unknown = {b: self.aig.and_(b[0] ^ 1, b[1] ^ 1) for b in bits if isinstance(b, tuple)}
        never = impossible(self.aig, sorted(set(unknown.values())))
        return [b[0] if isinstance(b, tuple) and unknown[b] in never else b for b in bits]

    def more_ternary(self) -> set[int]:
        """Return gold's state bits that turn out to reach X though they were not carried with it."""
        return {
            b.net
            for side, b, nxt in self.nexts
            if side is self.left and not isinstance(nxt, int) and b.net not in self.ternary
        }

    def finish(self) -> Machine:
        """Return the machine."""
        machine = self.machine
        machine.latches.append((self.started >> 1, TRUE))
        for side, bit, nxt in self.nexts:
            name = "gold" if side is self.left else "gate"
            if name == "gold" and bit.net in self.ternary:
                self._keep((name, bit.net, "one"), one_of(nxt))
                self._keep((name, bit.net, "zero"), zero_of(nxt))
            else:
                self._keep((name, bit.net, ""), one_of(nxt))
        if machine.levels:
            for name, tick in machine.ticks.items():
                node = machine.inputs[name, 0]
                machine.latches.append((node, self.aig.xor(node << 1, tick << 1)))
        machine.bads = output_mismatches(self.left, self.right)
        machine.known = self._known()
        if self.restart:
            self._without_later_resets()
        machine.resets = {machine.inputs[name, 0]: int(not level) for name, level in self.start.reset.items()}
        return machine

    def _without_later_resets(self) -> None:
        """Take back resets that only lead to the start again; see `_restart`."""
        machine, aig = self.machine, self.aig
        ((name, level),) = self.start.reset.items()
        node = machine.inputs[name, 0]
        idle = FALSE if level else TRUE
        machine.idle = (name, int(not level), self.restart)
        nexts = aig.substitute([nxt for _, nxt in machine.latches], node, idle)
        if self.restart == "async":
            machine.inputs[name, 0] = aig.pi(name) >> 1
            shown = aig.mux(self.started, idle, machine.inputs[name, 0] << 1)
            machine.bads = dict(
                zip(machine.bads, aig.substitute(list(machine.bads.values()), node, shown), strict=True)
            )
            machine.known = dict(
                zip(machine.known, aig.substitute(list(machine.known.values()), node, shown), strict=True)
            )
        machine.latches = [(state, nxt) for (state, _), nxt in zip(machine.latches, nexts, strict=True)]

    def _keep(self, key: tuple[str, int, str], nxt: int) -> None:
        lit = self.storage[key]
        self.machine.latches.append((lit >> 1, nxt ^ (lit & 1)))

    def _known(self) -> dict[str, int]:
        known = {}
        for name, port in self.gold.ports.items():
            if port.direction == "output":
                for i, bit in enumerate(self.left.fetch(port.nets)):
                    if not isinstance(bit, int):
                        known[f"{name}[{i}]"] = self.aig.or_(one_of(bit), zero_of(bit))
        return known
