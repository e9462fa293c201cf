"""One netlist in one graph: from values of inputs and state bits to outputs, next states and clock events."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass

from rtlgen.synth.equiv.aig import FALSE, TRUE, Aig
from rtlgen.synth.equiv.bits import Bit, Ops, Vec, X, fix, one_of, plain, zero_of
from rtlgen.synth.equiv.blast import evaluate
from rtlgen.synth.equiv.memory import READ, Contents
from rtlgen.synth.equiv.netlist import Cell, Net, Netlist, Register, UnsupportedError

FreeX = Callable[[Hashable], int]
"""Makes the free input that stands for one X of the source; it is told where that X stands."""


@dataclass(frozen=True, slots=True)
class RegisterBits:
    """One bit of a register, evaluated.

    Attributes:
        net: its state net.
        data: next state at a clock edge (or what an open latch passes), enables and synchronous reset included.
        control: whether an asynchronous control holds it.
        value: state that the control gives.
        event: the clock net's bit (flip-flop) or the gate being open (latch).
    """

    net: int
    data: Bit
    control: Bit
    value: Bit
    event: Bit


class Unfolding:
    """Values of all nets of a netlist for one time step."""

    def __init__(
        self,
        netlist: Netlist,
        ops: Ops,
        values: Mapping[int, Bit],
        free: FreeX | None,
        *,
        transparent: bool = False,
        contents: Contents | None = None,
    ) -> None:
        """Evaluate every net.

        Args:
            netlist: the design.
            ops: operators over the graph.
            values: bits of input nets and state nets; a net without driver or value is an X.
            free: makes a free input for every X (gate), or None to keep X (gold).
            transparent: state nets in `values` hold the stored state, and open latches and asynchronous controls
                act on the outputs; else `values` holds the outputs themselves.
            contents: what memories hold, where the netlist has any.

        Raises:
            InputError: a combinational loop.
            UnsupportedError: a cell without a model.
        """
        self.netlist, self.ops, self._free, self._contents = netlist, ops, free, contents
        self.nets: dict[int, Bit] = dict(values)
        self.stored = dict(values)
        for item in netlist.order(transparent=transparent):
            if isinstance(item, Cell):
                self._cell(item)
            else:
                self._through(item)

    def fetch(self, nets: tuple[Net, ...], place: Hashable = None) -> Vec:
        """Return the bits of nets; every X constant and every floating net is an X of its own.

        Args:
            nets: what to fetch.
            place: what the bits are for; with it, equal places of two designs can be told.
        """
        bits = [self._raw(net) for net in nets]
        if self._free is None:
            return bits
        return [self._free((place, i)) if bit is X else bit for i, bit in enumerate(bits)]

    def bit(self, net: Net, place: Hashable = None) -> Bit:
        """Return the bit of one net."""
        return self.fetch((net,), place)[0]

    def _raw(self, net: Net) -> Bit:
        if isinstance(net, str):
            return FALSE if net == "0" else TRUE if net == "1" else X
        return self.nets.get(net, X)

    def resolve(self, bit: Bit, place: Hashable = None) -> Bit:
        """Return the bit with an X replaced by a free choice, for the side whose every choice has to be right."""
        if isinstance(bit, int) or self._free is None:
            return bit
        g = self.ops.g
        return g.or_(bit[0], g.and_(bit[1] ^ 1, self._free(place)))

    def _case_equality(self, cell: Cell) -> None:
        """`===` and `!==` against a constant with X: no known value equals it, in simulation and in hardware.

        Where the other operand is itself X the result is X, so that knowing more never changes a known result.
        """
        ops, a, b = self.ops, cell.pins["A"], cell.pins["B"]
        signed = bool(cell.parameters.get("A_SIGNED")) and bool(cell.parameters.get("B_SIGNED"))
        width = max(len(a), len(b))
        bits: list[Bit] = []
        for i in range(width):
            left, right = _padded(a, i, signed), _padded(b, i, signed)
            if left == "x" and right == "x":
                continue
            if "x" in (left, right):
                other = self._raw(right if left == "x" else left)
                bits.append((FALSE, ops.g.or_(one_of(other), zero_of(other))))
            else:
                bits.append(ops.inv(ops.xor(self._raw(left), self._raw(right))))
        result = ops.all_([fix(one_of(bit), zero_of(bit)) for bit in bits])
        result = self.resolve(result, (cell.kind, tuple(bits)))
        out = ops.inv(result) if cell.kind == "$nex" else result
        self.nets.update((net, out if i == 0 else FALSE) for i, net in enumerate(cell.outs) if isinstance(net, int))

    def _cell(self, cell: Cell) -> None:
        if cell.kind in ("$eqx", "$nex") and any("x" in nets for nets in cell.pins.values()):
            self._case_equality(cell)
            return
        pins = {name: [self._raw(net) for net in nets] for name, nets in cell.pins.items()}
        free, place = self._free, None
        if free is not None and any(bit is X for vector in pins.values() for bit in vector):
            place = _place(cell, pins)
            pins = {
                name: [free((place, name, i)) if bit is X else bit for i, bit in enumerate(vector)]
                for name, vector in pins.items()
            }
        out = self._read(cell, pins) if cell.kind == READ else evaluate(cell, pins, self.ops)
        if free is not None and not plain(out):
            place = _place(cell, pins)
            out = [self.resolve(bit, (place, i)) for i, bit in enumerate(out)]
        self.nets.update((net, bit) for net, bit in zip(cell.outs, out, strict=True) if isinstance(net, int))

    def _read(self, cell: Cell, pins: Mapping[str, Vec]) -> Vec:
        if self._contents is None:
            raise UnsupportedError("a memory was kept where only registers are understood")
        memory = self.netlist.memories[cell.parameters["MEMORY"]]
        return self._contents.read(memory, pins["A"], self.ops)

    def _through(self, register: Register) -> None:
        """Let asynchronous controls and an open latch act on the outputs."""
        for bit in self.register(register):
            stored = self.stored[bit.net]
            if register.latch:
                stored = self.ops.mux(bit.event, bit.data, stored)
            self.nets[bit.net] = self.resolve(self.ops.mux(bit.control, bit.value, stored))

    def register(self, register: Register) -> list[RegisterBits]:
        """Return the evaluated bits of a register."""
        ops = self.ops
        data = self.fetch(register.data, "data")
        if register.latch:
            event: Bit = FALSE if register.gate is None else self._level(*register.gate)
        else:
            event = FALSE if register.clock is None else self.bit(register.clock)
            data = self._synchronous(register, data)
        out = []
        for i, net in enumerate(register.out):
            control: Bit = FALSE
            value: Bit = FALSE
            for item in reversed(register.controls):
                if item.mask[i]:
                    active = self._level(item.net, item.level)
                    value = ops.mux(active, self.bit(item.value[i]), value)
                    control = ops.or_(active, control)
            if isinstance(net, int):
                out.append(RegisterBits(net, data[i], control, value, event))
        return out

    def _level(self, net: Net, level: bool) -> Bit:
        bit = self.bit(net)
        return bit if level else self.ops.inv(bit)

    def _synchronous(self, register: Register, data: Vec) -> Vec:
        """Fold enable and synchronous reset into the data."""
        ops = self.ops
        held = self.fetch(register.out)

        def enabled(vector: Vec) -> Vec:
            if register.enable is None:
                return vector
            on = self._level(*register.enable)
            return [ops.mux(on, d, q) for d, q in zip(vector, held, strict=True)]

        def reset(vector: Vec) -> Vec:
            if register.reset is None:
                return vector
            net, level, value = register.reset
            on = self._level(net, level)
            return [ops.mux(on, v, d) for d, v in zip(vector, self.fetch(value), strict=True)]

        return enabled(reset(data)) if register.reset_needs_enable else reset(enabled(data))


def mismatch(ops: Ops, gold: Bit, gate: Bit) -> int:
    """Return the literal of "gold is known and gate is something else" for a plain gate bit."""
    g = ops.g
    if isinstance(gold, int) and isinstance(gate, int):
        return g.xor(gold, gate)
    return g.or_(g.and_(one_of(gold), one_of(gate) ^ 1), g.and_(zero_of(gold), zero_of(gate) ^ 1))


def _padded(nets: tuple[Net, ...], index: int, signed: bool) -> Net:
    if index < len(nets):
        return nets[index]
    return nets[-1] if signed else "0"


def _place(cell: Cell, pins: Mapping[str, Vec]) -> Hashable:
    """Return what tells a cell by its kind and operands."""
    return (cell.kind, len(cell.outs), *(tuple(vector) for vector in pins.values()))


class Twins:
    """Gives gold free choices for its X, and gate the same choice where an X stands in the same place.

    Gold may resolve its X as it likes, so what is proved for one choice of gold is proved; every X of gate is still
    an input of its own.
    """

    def __init__(self, aig: Aig) -> None:
        self._aig = aig
        self._made: dict[Hashable, list[int]] = {}
        self.used = False

    def gold(self, place: Hashable) -> int:
        """Return gold's choice at a place."""
        self.used = True
        lit = self._aig.pi("x")
        self._made.setdefault(place, []).append(lit)
        return lit

    def gate(self, place: Hashable) -> int:
        """Return gate's input for an X at a place: gold's choice there, used once, or a new one."""
        made = self._made.get(place)
        return made.pop(0) if made else self._aig.pi("x")
