"""Word-level netlists as Yosys writes them in JSON, with every state element brought to one form."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rtlgen.core.errors import InputError, ToolOutputError

Net = int | str
"""A net's number, or one of the constants `0 1 x z`."""

BITWISE = frozenset({"$and", "$or", "$xor", "$xnor", "$not", "$mux", "$pos", "$buf", "$bwmux"})
IGNORED = frozenset(
    {
        "$scopeinfo",
        "$print",
        "$check",
        "$assert",
        "$assume",
        "$cover",
        "$live",
        "$fair",
        "$specify2",
        "$specify3",
        "$specrule",
    }
)
_LATCHES = frozenset({"$dlatch", "$adlatch", "$dlatchsr", "$sr"})
_FLOPS = frozenset(
    {"$dff", "$dffe", "$adff", "$adffe", "$sdff", "$sdffe", "$sdffce", "$dffsr", "$dffsre", "$aldff", "$aldffe"}
)


class UnsupportedError(Exception):
    """The design holds something that the checker has no exact model for; ends as `unknown` with this reason."""


@dataclass(frozen=True, slots=True)
class Port:
    """A port of the top module."""

    name: str
    direction: str
    nets: tuple[Net, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """A combinational cell; `outs` are its output nets, least significant first."""

    kind: str
    parameters: Mapping[str, int]
    pins: Mapping[str, tuple[Net, ...]]
    outs: tuple[Net, ...]


@dataclass(frozen=True, slots=True)
class Control:
    """One asynchronous control of a register: while `net` is at `level`, the state is `value`."""

    net: Net
    level: bool
    value: tuple[Net, ...]
    mask: tuple[bool, ...]
    """Which bits it acts on."""


@dataclass(frozen=True, slots=True)
class Register:
    """A flip-flop or latch vector.

    A flip-flop takes, at its clock edge, the first of: synchronous reset, hold (not enabled), data. A latch has no
    clock; while `gate` is at `gate_level` it is transparent. Asynchronous controls come first, in their order.
    """

    out: tuple[Net, ...]
    data: tuple[Net, ...]
    clock: Net | None
    rising: bool
    enable: tuple[Net, bool] | None
    reset: tuple[Net, bool, tuple[Net, ...]] | None
    reset_needs_enable: bool
    controls: tuple[Control, ...]
    latch: bool
    gate: tuple[Net, bool] | None


@dataclass(frozen=True, slots=True)
class Write:
    """A write port: at the clock edge, the enabled bits of the word at `address` take `data`."""

    clock: Net
    rising: bool
    enable: tuple[Net, ...]
    address: tuple[Net, ...]
    data: tuple[Net, ...]


@dataclass(frozen=True, slots=True)
class Memory:
    """A memory that was not made into registers.

    Attributes:
        name: its source-level path.
        width: bits of a word.
        size: words, from address 0 on.
        init: contents at power-up as `0`, `1` and `x`, the last word's highest bit first.
        writes: write ports.
        priority: which port wins over which where they write the same word, as Yosys numbers it.
    """

    name: str
    width: int
    size: int
    init: str
    writes: tuple[Write, ...]
    priority: int


@dataclass(slots=True)
class Netlist:
    """A flattened design: ports, combinational cells, registers, names and initial values."""

    top: str
    ports: dict[str, Port]
    cells: list[Cell]
    registers: list[Register]
    names: dict[int, list[str]]
    """Source-level names `path[bit]` of the state nets, most public first."""
    init: dict[int, str]
    """Initial value `0` or `1` by net."""
    memories: list[Memory] = field(default_factory=list)
    """Memories that are kept; only proofs by name understand them."""
    orders: dict[bool, list[Cell | Register]] = field(default_factory=dict)
    blind: list[str] | None = None
    """Output bits that are X whatever happens, once that was looked for."""
    held: dict[Hashable, dict[int, int | tuple[int, int]]] = field(default_factory=dict)
    """State after a cycle with some inputs held, by those and the state before; filled by `reset`."""

    @property
    def state_bits(self) -> int:
        """Return the number of state bits."""
        return sum(len(r.out) for r in self.registers)

    def order(self, *, transparent: bool) -> list[Cell | Register]:
        """Return cells (and registers) in an order of evaluation.

        Args:
            transparent: also order the paths through open latches and asynchronous controls to their outputs;
                else register outputs count as sources, and only cells are listed.

        Raises:
            InputError: a combinational loop.
            UnsupportedError: a loop only through open latches or asynchronous controls.
        """
        if transparent not in self.orders:
            self.orders[transparent] = _order(self, transparent)
        return self.orders[transparent]


AddMemory = Callable[[Netlist, Mapping[str, Any], Mapping[str, tuple[Net, ...]]], None]


def parse(document: Mapping[str, Any], top: str | None = None, add_memory: AddMemory | None = None) -> Netlist:
    """Return the netlist of a Yosys JSON document that holds one flattened module.

    Args:
        document: what Yosys wrote.
        top: the module; None where one is marked.
        add_memory: takes memory cells; without it there must be none.

    Raises:
        ToolOutputError: the document has no module, or not the one asked for.
        UnsupportedError: three-state nets, inout ports, or a cell with no exact model.
    """
    modules = document.get("modules", {})
    name = top or next((n for n, m in modules.items() if int(m.get("attributes", {}).get("top", "0"), 2)), None)
    if name is None or name not in modules:
        raise ToolOutputError(f"expected module {top!r} in the netlist of Yosys, got {sorted(modules)[:5]!r}")
    module = modules[name]
    ports = {n: Port(n, p["direction"], tuple(p["bits"])) for n, p in module["ports"].items()}
    for port in ports.values():
        if port.direction == "inout":
            raise UnsupportedError(f"port {port.name!r} is inout; three-state buses have no two-valued model")
        if port.direction == "output" and "z" in port.nets:
            raise UnsupportedError(f"output {port.name!r} is driven to z; three-state nets have no two-valued model")
    netlist = Netlist(name, ports, [], [], {}, {})
    for instance, cell in module["cells"].items():
        if cell["type"] == "$mem_v2" and add_memory is not None:
            add_memory(netlist, cell["parameters"], {n: tuple(bits) for n, bits in cell["connections"].items()})
        else:
            _add_cell(netlist, instance, cell)
    _add_names(netlist, module["netnames"])
    netlist.registers = _without_control_in_data(netlist)
    return netlist


def _without_control_in_data(netlist: Netlist) -> list[Register]:
    """Return the registers with multiplexers taken out of their data that only matter while a control is active.

    The front end writes an asynchronous reset as a control and, again, as a multiplexer to X in front of the data. The
    control wins over the data, so that multiplexer never shows, but its X would be carried through every proof.
    """
    drivers = {net: (cell, i) for cell in netlist.cells for i, net in enumerate(cell.outs) if isinstance(net, int)}

    def base(net: Net) -> tuple[Net, bool]:
        """Return the net behind inverters, and whether it is inverted."""
        flip = False
        while isinstance(net, int) and net in drivers:
            cell, i = drivers[net]
            if cell.kind not in ("$not", "$logic_not") or len(cell.pins["A"]) != 1 or i:
                break
            net, flip = cell.pins["A"][0], not flip
        return net, flip

    def inactive(net: Net, active: Mapping[Net, bool]) -> Net:
        """Return the net that gives the data's value while no control is active."""
        while isinstance(net, int) and net in drivers:
            cell, i = drivers[net]
            if cell.kind != "$mux":
                break
            select, flip = base(cell.pins["S"][0])
            if select not in active:
                break
            taken = active[select] == flip  # the select's value while the control is not active
            net = cell.pins["B" if taken else "A"][i]
        return net

    registers = []
    for register in netlist.registers:
        if not register.controls:
            registers.append(register)
            continue
        data = []
        for i, net in enumerate(register.data):
            active: dict[Net, bool] = {}
            for control in register.controls:
                if control.mask[i]:
                    source, flip = base(control.net)
                    active[source] = control.level != flip
            data.append(inactive(net, active))
        registers.append(replace(register, data=tuple(data)))
    return registers


def _add_cell(netlist: Netlist, instance: str, cell: Mapping[str, Any]) -> None:
    kind = cell["type"]
    if kind in IGNORED:
        return
    pins = {n: tuple(bits) for n, bits in cell["connections"].items()}
    if kind == "$tribuf" or any("z" in bits for bits in pins.values()):
        raise UnsupportedError(f"three-state logic at {_where(cell, instance)}; it has no two-valued model")
    parameters = {n: _number(v) for n, v in cell["parameters"].items()}
    if kind in _FLOPS or kind in _LATCHES:
        netlist.registers.append(_register(kind, parameters, pins))
        return
    if kind.startswith(("$mem", "$any", "$all", "$initstate", "$ff", "$_")) or not kind.startswith("$"):
        raise UnsupportedError(f"cell of type {kind!r} at {_where(cell, instance)} has no model in the checker")
    outs = [n for n, way in cell["port_directions"].items() if way == "output"]
    if len(outs) != 1:
        raise UnsupportedError(f"cell of type {kind!r} at {_where(cell, instance)} has no model in the checker")
    out = pins.pop(outs[0])
    netlist.cells.append(Cell(kind, parameters, pins, out))


def _where(cell: Mapping[str, Any], instance: str) -> str:
    return str(cell.get("attributes", {}).get("src", instance)).split("|")[0]


def _number(value: object) -> int:
    """Return a parameter's value; Yosys writes 32-bit patterns, other widths and strings."""
    if isinstance(value, int):
        return value
    text = str(value)
    digits = text.replace("x", "0").replace("z", "0")
    return int(digits, 2) if digits and set(digits) <= {"0", "1"} else 0


def _register(kind: str, parameters: Mapping[str, int], pins: Mapping[str, tuple[Net, ...]]) -> Register:
    """Return the one form of any Yosys flip-flop or latch cell."""
    width = len(pins["Q"])
    latch = kind in _LATCHES
    everywhere = (True,) * width

    def level(name: str) -> bool:
        return bool(parameters.get(f"{name}_POLARITY", 1))

    controls: list[Control] = []
    if "CLR" in pins:  # clear wins over set, bit by bit
        controls += [_bit_control(pins["CLR"][i], level("CLR"), "0", i, width) for i in range(width)]
        controls += [_bit_control(pins["SET"][i], level("SET"), "1", i, width) for i in range(width)]
    if "ARST" in pins:
        value = _constant(parameters["ARST_VALUE"], width)
        controls.append(Control(pins["ARST"][0], level("ARST"), value, everywhere))
    if "ALOAD" in pins:
        controls.append(Control(pins["ALOAD"][0], level("ALOAD"), pins["AD"], everywhere))
    reset = None
    if "SRST" in pins:
        reset = (pins["SRST"][0], level("SRST"), _constant(parameters["SRST_VALUE"], width))
    enable = (pins["EN"][0], level("EN")) if "EN" in pins else None
    return Register(
        out=pins["Q"],
        data=pins.get("D", pins["Q"]),
        clock=None if latch else pins["CLK"][0],
        rising=level("CLK"),
        enable=None if latch else enable,
        reset=reset,
        reset_needs_enable=kind == "$sdffce",
        controls=tuple(controls),
        latch=latch,
        gate=enable if latch else None,
    )


def _bit_control(net: Net, level: bool, value: str, bit: int, width: int) -> Control:
    return Control(net, level, (value,) * width, tuple(i == bit for i in range(width)))


def _constant(value: int, width: int) -> tuple[Net, ...]:
    return tuple("1" if value >> i & 1 else "0" for i in range(width))


def _add_names(netlist: Netlist, netnames: Mapping[str, Any]) -> None:
    """Record names and initial values of the state nets, names a user can see first."""
    state = {bit for register in netlist.registers for bit in register.out}
    for hidden in (0, 1):
        for name, net in netnames.items():
            if int(net.get("hide_name", 0)) != hidden:
                continue
            init = net.get("attributes", {}).get("init", "")
            bits = net["bits"]
            for i, bit in enumerate(bits):
                if bit not in state or isinstance(bit, str):
                    continue
                netlist.names.setdefault(bit, []).append(f"{name}[{i}]")
                if init and i < len(init) and init[-1 - i] in "01":
                    netlist.init[bit] = init[-1 - i]


def _sources(item: Cell | Register) -> Iterable[Net]:
    if isinstance(item, Cell):
        for nets in item.pins.values():
            yield from nets
        return
    for control in item.controls:
        yield control.net
        yield from control.value
    if item.latch:
        yield from item.data
        if item.gate:
            yield item.gate[0]


def _is_transparent(register: Register) -> bool:
    return register.latch or bool(register.controls)


def _order(netlist: Netlist, transparent: bool) -> list[Cell | Register]:
    items: list[Cell | Register] = list(netlist.cells)
    if transparent:
        items += [r for r in netlist.registers if _is_transparent(r)]
    ordered, stuck = _sort(items)
    if not stuck:
        return ordered
    ordered, stuck = _sort([part for item in items for part in _split(item)])
    if not stuck:
        return ordered
    if any(isinstance(item, Register) for item in stuck) and not _sort(list(netlist.cells))[1]:
        raise UnsupportedError("a loop through open latches or asynchronous resets has no cycle-based model")
    raise InputError(
        f"combinational loop in module {netlist.top!r} through {_loop_names(stuck)}; break it with a register"
    )


def _loop_names(stuck: list[Cell | Register]) -> str:
    kinds = sorted({item.kind for item in stuck if isinstance(item, Cell)})
    return f"{len(stuck)} operators ({', '.join(kinds[:6])})"


def _outs(item: Cell | Register) -> tuple[Net, ...]:
    return item.outs if isinstance(item, Cell) else item.out


def _sort(items: list[Cell | Register]) -> tuple[list[Cell | Register], list[Cell | Register]]:
    """Return the items in topological order and those on or behind a loop."""
    driver = {net: index for index, item in enumerate(items) for net in _outs(item)}
    waits: list[set[int]] = []
    users: list[list[int]] = [[] for _ in items]
    for index, item in enumerate(items):
        needs = {driver[net] for net in _sources(item) if net in driver}
        waits.append(needs)
        for need in needs:
            users[need].append(index)
    left = [len(w) for w in waits]
    ready = [index for index, count in enumerate(left) if count == 0]
    ordered: list[Cell | Register] = []
    while ready:
        index = ready.pop()
        ordered.append(items[index])
        for user in users[index]:
            left[user] -= 1
            if left[user] == 0:
                ready.append(user)
    done = {id(item) for item in ordered}
    return ordered, [item for item in items if id(item) not in done]


def _split(item: Cell | Register) -> list[Cell | Register]:
    """Return a bitwise cell as one cell a bit, so that a loop between bits of different index is seen as none."""
    if isinstance(item, Register) or item.kind not in BITWISE or len(item.outs) == 1:
        return [item]
    parts: list[Cell | Register] = []
    for i, out in enumerate(item.outs):
        pins = {n: (_bit(item, n, bits, i),) if len(bits) != 1 or n in "AB" else bits for n, bits in item.pins.items()}
        parts.append(Cell(item.kind, {k: v if "SIGNED" in k else 1 for k, v in item.parameters.items()}, pins, (out,)))
    return parts


def _bit(item: Cell, pin: str, bits: tuple[Net, ...], index: int) -> Net:
    if index < len(bits):
        return bits[index]
    return bits[-1] if item.parameters.get(f"{pin}_SIGNED") and bits else "0"
