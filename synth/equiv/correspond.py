"""Equivalence by register correspondence: same-named registers are cut points, everything between is combinational.

The invariant is "each register of gold is X or equals its partner". If it holds at the start, and if under it (with
every unmatched register free) the partners' clocks, asynchronous controls and next states agree and so do the
outputs, the designs agree forever, whatever the clocks and resets do: nothing is assumed of when a clock ticks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rtlgen.synth.equiv.aig import TRUE, Aig
from rtlgen.synth.equiv.bits import Bit, Ops, one_of, zero_of
from rtlgen.synth.equiv.blast import extend
from rtlgen.synth.equiv.memory import Contents
from rtlgen.synth.equiv.netlist import Netlist, Register
from rtlgen.synth.equiv.reset import State
from rtlgen.synth.equiv.unfold import RegisterBits, Twins, Unfolding, mismatch


@dataclass(frozen=True, slots=True)
class Correspondence:
    """The obligations of one set of matched registers.

    Attributes:
        aig: graph that holds them.
        outputs: by `port[bit]`, the literal of a difference on that output bit.
        steps: by gate's state net, the literal of a difference between partners.
        has_x: whether gold's X were replaced by choices anywhere.
        writes: literals of a difference between paired write ports of memories.
    """

    aig: Aig
    outputs: dict[str, int]
    steps: dict[int, int]
    has_x: bool
    writes: tuple[int, ...] = ()

    @property
    def lits(self) -> list[int]:
        """Return every literal that has to be impossible."""
        return [*self.outputs.values(), *self.steps.values(), *self.writes]


def build(
    gold: Netlist,
    gate: Netlist,
    matched: dict[int, int],
    *,
    twins: bool,
    canonical: bool = True,
    fixed: Mapping[int, int] = {},
) -> Correspondence:
    """Return the obligations for the given partners (gate net → gold net).

    Args:
        gold: the old design.
        gate: the new one.
        matched: partners.
        twins: let gold choose what its X are, as gate does in the same places (quick, and enough for a proof where
            it works); else keep gold's X.
        canonical: whether arithmetic gets one canonical form.
        fixed: constants for some of gold's input and state nets, to look at one case of several.

    Raises:
        InputError: a combinational loop.
        UnsupportedError: a cell without a model.
    """
    aig = Aig()
    ops = Ops(aig, canonical=canonical)
    gold_values: dict[int, Bit] = {}
    gate_values: dict[int, Bit] = {}
    for name, port in gold.ports.items():
        if port.direction != "input":
            continue
        for i, (gold_net, gate_net) in enumerate(zip(port.nets, gate.ports[name].nets, strict=True)):
            lit = fixed.get(gold_net, -1) if isinstance(gold_net, int) else -1
            lit = aig.pi(f"{name}[{i}]") if lit < 0 else lit
            _set(gold_values, gold_net, lit)
            _set(gate_values, gate_net, lit)
    for register in gold.registers:
        for net in register.out:
            if isinstance(net, int):
                gold_values[net] = fixed[net] if net in fixed else aig.pi("state")
    for register in gate.registers:
        for net in register.out:
            if isinstance(net, int):
                gate_values[net] = gold_values[matched[net]] if net in matched else aig.pi("state")
    choices = Twins(aig)
    contents = Contents(aig)
    left = Unfolding(gold, ops, gold_values, choices.gold if twins else None, contents=contents)
    right = Unfolding(gate, ops, gate_values, choices.gate, contents=contents)
    outputs, steps = output_mismatches(left, right), _steps(left, right, matched)
    writes = _writes(left, right)
    same = contents.consistent()
    if same != TRUE:
        outputs = {name: aig.and_(same, lit) for name, lit in outputs.items()}
        steps = {net: aig.and_(same, lit) for net, lit in steps.items()}
        writes = [aig.and_(same, lit) for lit in writes]
    return Correspondence(aig, outputs, steps, choices.used and twins, tuple(writes))


def _set(values: dict[int, Bit], net: int | str, lit: int) -> None:
    if isinstance(net, int):
        values[net] = lit


def output_mismatches(gold: Unfolding, gate: Unfolding) -> dict[str, int]:
    """Return the literal of a difference for every output bit."""
    found = {}
    for name, port in gold.netlist.ports.items():
        if port.direction != "output":
            continue
        pairs = zip(gold.fetch(port.nets), gate.fetch(gate.netlist.ports[name].nets), strict=True)
        for i, (left, right) in enumerate(pairs):
            found[f"{name}[{i}]"] = mismatch(gold.ops, left, right)
    return found


def _steps(gold: Unfolding, gate: Unfolding, matched: dict[int, int]) -> dict[int, int]:
    partners = {bit.net: (register, bit) for register in gold.netlist.registers for bit in gold.register(register)}
    steps = {}
    for register in gate.netlist.registers:
        for bit in gate.register(register):
            if bit.net in matched:
                steps[bit.net] = _step(gold.ops, *partners[matched[bit.net]], register, bit)
    return steps


def _step(ops: Ops, left: Register, a: RegisterBits, right: Register, b: RegisterBits) -> int:
    """Return the literal of a difference between two partners' clock, asynchronous control or next state.

    Where gold's clock or control is X, gold's state becomes X and nothing is asked of gate.
    """
    g = ops.g
    if left.latch != right.latch:
        return TRUE
    event = a.event if left.latch or left.rising == right.rising else ops.inv(a.event)
    clocks = mismatch(ops, event, b.event)
    controls = mismatch(ops, a.control, b.control)
    held = g.and_(one_of(a.control), mismatch(ops, a.value, b.value))
    moved = g.and_(zero_of(a.control), mismatch(ops, a.data, b.data))
    if left.latch:  # only what passes while it is open counts
        moved = g.and_(moved, one_of(a.event))
    return g.or_all((clocks, controls, held, moved))


def _writes(gold: Unfolding, gate: Unfolding) -> list[int]:
    """Return literals of a difference between paired write ports.

    Where gold's enable or address is X, words of gold become X as far as old and new value differ; gate may then write
    or not, but only gold's data, and only where gold's address may point.
    """
    ops, found = gold.ops, []
    by_name = {memory.name: memory for memory in gate.netlist.memories}
    for memory in gold.netlist.memories:
        for left, right in zip(memory.writes, by_name[memory.name].writes, strict=True):
            event = gold.bit(left.clock)
            event = event if left.rising == right.rising else ops.inv(event)
            found.append(mismatch(ops, event, gate.bit(right.clock)))
            enabled = [one_of(bit) for bit in gate.fetch(right.enable, ("enable", memory.name))]
            wanted = gold.fetch(left.enable, ("enable", memory.name))
            found += [mismatch(ops, a, b) for a, b in zip(wanted, enabled, strict=True)]
            width = max(len(left.address), len(right.address))
            places = [
                extend(side.fetch(port.address, ("address", memory.name)), width, False)
                for side, port in ((gold, left), (gate, right))
            ]
            elsewhere = ops.g.or_all(mismatch(ops, a, b) for a, b in zip(*places, strict=True))
            found.append(ops.g.and_(ops.g.or_all(enabled), elsewhere))
            data = [side.fetch(port.data, ("data", memory.name)) for side, port in ((gold, left), (gate, right))]
            wrong = [mismatch(ops, a, b) for a, b in zip(*data, strict=True)]
            found += [ops.g.and_(on, bit) for on, bit in zip(enabled, wrong, strict=True)]
    return found


def start_holds(gold: State, gate: State, matched: dict[int, int]) -> bool:
    """Return whether the invariant holds in a state: every gold partner is unknown or equal to gate's."""
    return all(not isinstance(gold[a], int) or gold[a] == gate[b] for b, a in matched.items())
