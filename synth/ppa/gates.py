"""Evaluates a mapped netlist on recorded or drawn waveforms, a whole waveform at a time.

A waveform is a Python integer: bit `t` is the value of the net at sample `t`. Gates are then a few bitwise
operations for all samples at once. Registers whose waveform is not known are first simulated sample by sample, with
the logic that feeds them turned into straight-line Python.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rtlgen.synth.liberty import Library
from rtlgen.synth.liberty.function import input_names, truth_table
from rtlgen.synth.ppa.netlist import Bit, Cell, Netlist


@dataclass(frozen=True, slots=True)
class Gate:
    """One output of a combinational cell."""

    output: int
    inputs: tuple[Bit, ...]
    function: str
    names: tuple[str, ...]
    """Pin names of `inputs`."""


@dataclass(frozen=True, slots=True)
class Register:
    """A flip-flop or latch with its output nets and its controls as Liberty expressions."""

    outputs: tuple[tuple[int, str], ...]
    """Net and its function over the state variables."""
    state: tuple[str, ...]
    next_state: str
    clock: str
    clear: str | None
    preset: str | None
    latch: bool
    pins: Mapping[str, Bit]


def split(netlist: Netlist, library: Library) -> tuple[list[Gate], list[Register]]:
    """Return the gates and the registers of a netlist; outputs without a function (tri-state) are left out."""
    gates: list[Gate] = []
    registers: list[Register] = []
    for cell in netlist.cells:
        kind = library.cell(cell.type)
        if kind.sequential is not None:
            registers.append(_register(cell, library))
            continue
        for pin in kind.outputs:
            bit, function = cell.pins.get(pin), kind.pins[pin].function
            if isinstance(bit, int) and function is not None:
                names = input_names(function)
                gates.append(Gate(bit, tuple(cell.pins.get(name, "x") for name in names), function, names))
    return gates, registers


def _register(cell: Cell, library: Library) -> Register:
    kind = library.cell(cell.type)
    state = kind.sequential
    assert state is not None, "the caller has asked"
    outputs = tuple(
        (bit, function)
        for pin in kind.outputs
        if isinstance(bit := cell.pins.get(pin), int) and (function := kind.pins[pin].function) is not None
    )
    latch = state.next_state is None
    return Register(
        outputs=outputs,
        state=state.state,
        next_state=(state.data_in if latch else state.next_state) or "0",
        clock=(state.enable if latch else state.clocked_on) or "0",
        clear=state.clear,
        preset=state.preset,
        latch=latch,
        pins=cell.pins,
    )


def in_order(gates: Sequence[Gate]) -> list[Gate]:
    """Return the gates so that each comes after those that drive it; gates on a loop are left out."""
    driver = {gate.output: index for index, gate in enumerate(gates)}
    waiting = [len({driver[b] for b in gate.inputs if isinstance(b, int) and b in driver}) for gate in gates]
    readers: dict[int, list[int]] = {}
    for index, gate in enumerate(gates):
        for source in {driver[b] for b in gate.inputs if isinstance(b, int) and b in driver}:
            readers.setdefault(source, []).append(index)
    ready = [index for index, count in enumerate(waiting) if count == 0]
    result = []
    for index in ready:
        result.append(gates[index])
        for reader in readers.get(index, ()):
            waiting[reader] -= 1
            if waiting[reader] == 0:
                ready.append(reader)
    return result


def has_loop(netlist: Netlist, library: Library) -> bool:
    """Tell whether the gates of a netlist feed back on themselves without a register between."""
    gates, _ = split(netlist, library)
    return len(in_order(gates)) < len(gates)


def evaluate(gates: Sequence[Gate], known: Mapping[int, int], samples: int) -> dict[int, int]:
    """Return the waveforms of every net.

    Args:
        gates: combinational gates in order.
        known: waveforms of inputs and registers; nets that nothing drives are 0.
        samples: length of the waveforms.
    """
    mask = (1 << samples) - 1
    waves = dict(known)
    for gate in gates:
        inputs = [_wave(bit, waves, mask) for bit in gate.inputs]
        waves[gate.output] = _apply(_table(gate.function, gate.names), inputs, len(inputs), mask)
    return waves


def _wave(bit: Bit, waves: Mapping[int, int], mask: int) -> int:
    if isinstance(bit, int):
        return waves.get(bit, 0)
    return mask if bit == "1" else 0


@lru_cache(maxsize=4096)
def _table(function: str, names: tuple[str, ...]) -> int:
    return truth_table(function, names)


def _apply(table: int, waves: Sequence[int], count: int, mask: int) -> int:
    """Return a function, given as truth table over the first `count` waves, by Shannon's expansion."""
    rows = 1 << count
    if table == 0:
        return 0
    if table == (1 << rows) - 1:
        return mask
    half = rows >> 1
    low, high = table & ((1 << half) - 1), table >> half
    if low == high:
        return _apply(low, waves, count - 1, mask)
    pick = waves[count - 1]
    return (pick & _apply(high, waves, count - 1, mask)) | (~pick & mask & _apply(low, waves, count - 1, mask))


def simulate_registers(
    gates: Sequence[Gate],
    registers: Sequence[Register],
    known: Mapping[int, bytes],
    samples: int,
    *,
    every_sample: bool,
) -> dict[int, bytes]:
    """Return the values, a byte for each sample, of the output nets of `registers`.

    An edge between two samples takes the data of the sample before it, as a non-blocking assignment does. Registers
    start at 0.

    Args:
        gates: all combinational gates, in order.
        registers: those to simulate.
        known: values of inputs and of all other registers, a byte for each sample.
        samples: how many.
        every_sample: True clocks every register at each sample (waveforms without a clock).
    """
    if not registers or not samples:
        return {}
    source = _Code(gates, registers, known, every_sample).text()
    scope: dict[str, object] = {}
    exec(compile(source, "<netlist>", "exec"), scope)  # noqa: S102 (the text has only numbers and names made here)
    step = scope["run"]
    assert callable(step), "the text defines it"
    function: Callable[[Mapping[int, bytes], int], dict[int, bytes]] = step
    return function(known, samples)


class _Code:
    """Writes the straight-line program that simulates registers."""

    def __init__(
        self, gates: Sequence[Gate], registers: Sequence[Register], known: Mapping[int, bytes], every_sample: bool
    ) -> None:
        self.registers = registers
        self.known = known
        self.every_sample = every_sample
        self.gates = {gate.output: gate for gate in gates}
        self.own = {bit for register in registers for bit, _ in register.outputs}
        self.order = {gate.output: place for place, gate in enumerate(gates)}

    def text(self) -> str:
        """Return the program: a function `run(known, samples)`."""
        control = [
            e for r in self.registers for e in (r.clock if not self.every_sample else None, r.clear, r.preset) if e
        ]
        pins = [(r, name) for r in self.registers for e in (r.clock, r.clear, r.preset) if e for name in input_names(e)]
        first = self.cone([bit for r, name in pins if isinstance(bit := r.pins.get(name), int)]) if control else []
        data = [[r.pins.get(name) for name in input_names(r.next_state)] for r in self.registers]
        second = self.cone([bit for bits in data for bit in bits if isinstance(bit, int)])
        latched = [
            bit for r, bits in zip(self.registers, data, strict=True) if r.latch for bit in (*bits, *r.pins.values())
        ]
        behind = self.cone([bit for bit in latched if isinstance(bit, int)])
        read = [bit for output in (*first, *second, *behind) for bit in self.gates[output].inputs]
        read += [bit for register in self.registers for bit in register.pins.values()]
        inputs = sorted({bit for bit in read if isinstance(bit, int) and bit in self.known})
        lines = ["def run(known, samples):"]
        lines += [f"    k{bit} = known[{bit}]" for bit in inputs]
        lines += [f"    s{i} = c{i} = d{i} = 0" for i in range(len(self.registers))]
        lines += [f"    o{bit} = bytearray(samples)" for bit in sorted(self.own)]
        lines += ["    for t in range(samples):"]
        body = [f"n{bit} = k{bit}[t]" for bit in inputs]
        body += self.outputs()
        body += [self.assign(output) for output in first]
        for index, register in enumerate(self.registers):
            body += [] if register.latch else self.update(index, register)
        body += self.outputs()
        if behind or latched:  # latches are open to what the edge has just changed
            body += [self.assign(output) for output in behind]
            for index, register in enumerate(self.registers):
                body += self.update(index, register) if register.latch else []
            body += self.outputs()
        body += [self.assign(output) for output in second]
        body += [f"d{i} = {self.expression(r.next_state, r)}" for i, r in enumerate(self.registers) if not r.latch]
        body += [f"o{bit}[t] = n{bit}" for bit in sorted(self.own)]
        lines += [f"        {line}" for line in body]
        pairs = ", ".join(f"{bit}: bytes(o{bit})" for bit in sorted(self.own))
        return "\n".join([*lines, f"    return {{{pairs}}}", ""])

    def cone(self, roots: Sequence[int]) -> list[int]:
        """Return the outputs of the gates behind `roots`, in order."""
        seen: set[int] = set()
        todo = [bit for bit in roots if bit in self.gates]
        while todo:
            bit = todo.pop()
            if bit in seen:
                continue
            seen.add(bit)
            todo += [b for b in self.gates[bit].inputs if isinstance(b, int) and b in self.gates and b not in seen]
        return sorted((bit for bit in seen if bit in self.order), key=lambda bit: self.order[bit])

    def outputs(self) -> list[str]:
        """Return the lines that set the registers' output nets from their states."""
        lines = []
        for index, register in enumerate(self.registers):
            for bit, function in register.outputs:
                values = {register.state[0]: f"s{index}"}
                if len(register.state) > 1:
                    values[register.state[1]] = f"(1 ^ s{index})"
                lines.append(f"n{bit} = {_text(function, values)}")
        return lines

    def update(self, index: int, register: Register) -> list[str]:
        """Return the lines that move a register to the current sample."""
        lines = []
        if register.latch:
            lines.append(
                f"if {self.expression(register.clock, register)}: "
                f"s{index} = {self.expression(register.next_state, register)}"
            )
        elif self.every_sample:
            lines.append(f"s{index} = d{index}")
        else:
            lines += [
                f"e = {self.expression(register.clock, register)}",
                f"if e and not c{index}: s{index} = d{index}",
                f"c{index} = e",
            ]
        if register.preset:
            lines.append(f"if {self.expression(register.preset, register)}: s{index} = 1")
        if register.clear:
            lines.append(f"if {self.expression(register.clear, register)}: s{index} = 0")
        return lines

    def assign(self, output: int) -> str:
        gate = self.gates[output]
        values = {name: self.net(bit) for name, bit in zip(gate.names, gate.inputs, strict=True)}
        return f"n{output} = {_text(gate.function, values)}"

    def expression(self, function: str, register: Register) -> str:
        values = {name: self.net(register.pins.get(name, "x")) for name in input_names(function)}
        for place, name in enumerate(register.state):
            if name in values:  # an enable written as feedback of the state
                own = f"s{self.registers.index(register)}"
                values[name] = own if place == 0 else f"(1 ^ {own})"
        return _text(function, values)

    def net(self, bit: Bit) -> str:
        if isinstance(bit, int):
            return f"n{bit}" if bit in self.known or bit in self.own or bit in self.order else "0"
        return "1" if bit == "1" else "0"


def _text(function: str, values: Mapping[str, str]) -> str:
    names = input_names(function)
    return _expand(_table(function, names), [values[name] for name in names], len(names))


def _expand(table: int, values: Sequence[str], count: int) -> str:
    """Return a Python expression on 0 and 1 for a truth table."""
    rows = 1 << count
    if table == 0:
        return "0"
    if table == (1 << rows) - 1:
        return "1"
    half = rows >> 1
    low, high = table & ((1 << half) - 1), table >> half
    if low == high:
        return _expand(low, values, count - 1)
    pick = values[count - 1]
    if low == 0 or high == 0:
        chosen = pick if low == 0 else f"(1 ^ {pick})"
        rest = _expand(high or low, values, count - 1)
        return chosen if rest == "1" else f"({chosen} & {rest})"
    return f"({_expand(high, values, count - 1)} if {pick} else {_expand(low, values, count - 1)})"
