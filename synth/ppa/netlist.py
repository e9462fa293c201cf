"""A gate-level netlist read from Yosys' JSON: ports, library cells, and the names that nets have in the source."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rtlgen.core.errors import ToolOutputError
from rtlgen.synth.liberty import Library

Bit = int | Literal["0", "1", "x", "z"]
"""A net's number, or a constant."""


_ABC_PREFIX = re.compile(r"^\$abc\$\d+(?=\$)")


@dataclass(frozen=True, slots=True)
class PortBit:
    """One bit of a port."""

    name: str
    """Port name with index where it has several bits, such as `data[3]`."""
    direction: Literal["input", "output", "inout"]
    bit: Bit


@dataclass(frozen=True, slots=True)
class Cell:
    """One instance of a library cell."""

    name: str
    type: str
    src: str
    pins: Mapping[str, Bit]


@dataclass(frozen=True, slots=True)
class Netlist:
    """A flat netlist.

    Attributes:
        top: module name.
        ports: port bits in order.
        cells: instances in the order of the file.
        names: names in the source by net, best first (fewest levels of hierarchy, then shortest).
        declared: `src` attribute of the declaration, by net.
        bits: net by every name that Yosys knows, also those it made itself, such as `a` and `a[3]`.
    """

    top: str
    ports: tuple[PortBit, ...]
    cells: tuple[Cell, ...]
    names: Mapping[int, tuple[str, ...]]
    declared: Mapping[int, str]
    bits: Mapping[str, int] = field(default_factory=dict)

    def name(self, bit: Bit) -> str | None:
        """Return the best name of a net in the source, None where it has none."""
        found = self.names.get(bit) if isinstance(bit, int) else None
        return found[0] if found else None

    def inputs(self) -> tuple[PortBit, ...]:
        """Return the bits that drive the design (an inout counts as both)."""
        return tuple(port for port in self.ports if port.direction != "output")

    def outputs(self) -> tuple[PortBit, ...]:
        """Return the bits that the design drives."""
        return tuple(port for port in self.ports if port.direction != "input")


def load_module(text: str, top: str) -> dict[str, Any]:
    """Return module `top` of a `write_json` text.

    Raises:
        ToolOutputError: the text is no such JSON.
    """
    try:
        module: dict[str, Any] = json.loads(text)["modules"][top]
    except (ValueError, KeyError, TypeError) as error:
        raise ToolOutputError(f"expected `write_json` output with module {top!r}, got {text[:200]!r}") from error
    return module


def read_netlist(text: str, top: str) -> Netlist:
    """Return the netlist of module `top`.

    Raises:
        ToolOutputError: the text is no `write_json` output with that module.
    """
    module = load_module(text, top)
    ports = []
    for name, port in module["ports"].items():
        bits = port["bits"]
        for index, bit in enumerate(bits):
            shown = name if len(bits) == 1 else f"{name}[{index + int(port.get('offset', 0))}]"
            ports.append(PortBit(shown, port["direction"], bit))
    cells = tuple(
        Cell(
            name,
            cell["type"],
            cell["attributes"].get("src", ""),
            {p: b[0] for p, b in cell["connections"].items() if b},
        )
        for name, cell in module["cells"].items()
        if not cell["type"].startswith("$")
    )
    names, declared = net_names(module)
    return Netlist(top, tuple(ports), cells, names, declared, _all_names(module))


def _all_names(module: Mapping[str, Any]) -> dict[str, int]:
    """Return the net by every name; a name that went through ABC also by what it was before."""
    found = {}
    for name, net in module["netnames"].items():
        for index, bit in enumerate(net["bits"]):
            if isinstance(bit, int):
                full = name if len(net["bits"]) == 1 else f"{name}[{index + int(net.get('offset', 0))}]"
                found[full] = bit
                found.setdefault(_ABC_PREFIX.sub("", full), bit)
    return found


def net_names(module: Mapping[str, Any]) -> tuple[dict[int, tuple[str, ...]], dict[int, str]]:
    """Return the source names, best first, and the declaration's `src`, both by net."""
    found: dict[int, list[tuple[str, str]]] = {}
    for name, net in module["netnames"].items():
        if net.get("hide_name"):
            continue
        bits, offset = net["bits"], int(net.get("offset", 0))
        for index, bit in enumerate(bits):
            if isinstance(bit, int):
                shown = name if len(bits) == 1 else f"{name}[{index + offset}]"
                found.setdefault(bit, []).append((shown, net["attributes"].get("src", "")))
    names, declared = {}, {}
    for bit, candidates in found.items():
        candidates.sort(key=lambda item: (item[0].count("."), len(item[0]), item[0]))
        names[bit] = tuple(name for name, _ in candidates)
        declared[bit] = candidates[0][1]
    return names, declared


def output_pins(cell: Cell, library: Library) -> tuple[str, ...]:
    """Return the names of the connected output pins of a cell."""
    return tuple(name for name in library.cell(cell.type).outputs if name in cell.pins)


def drivers(netlist: Netlist, library: Library) -> dict[int, tuple[int, str]]:
    """Return, by net, the index of the cell that drives it and the pin."""
    found: dict[int, tuple[int, str]] = {}
    for index, cell in enumerate(netlist.cells):
        for pin in output_pins(cell, library):
            bit = cell.pins[pin]
            if isinstance(bit, int):
                found[bit] = (index, pin)
    return found


def clock_nets(netlist: Netlist, library: Library) -> tuple[int, ...]:
    """Return the nets from which register clocks come: ports and register outputs, in order.

    Of the inputs of a gate in a clock's way, those count that also clock something directly; where none does, those
    that are named like a clock; where none is, all of them.
    """
    tree = _ClockTree(netlist, library)
    pins = [
        bit for cell in netlist.cells for pin in clock_pins(cell, library) if isinstance(bit := cell.pins.get(pin), int)
    ]
    found = {bit: tree.roots(bit) for bit in dict.fromkeys(pins)}
    direct = {root for roots, gated in found.values() if not gated for root in roots}
    chosen: dict[int, None] = {}
    for roots, gated in found.values():
        named = [root for root in roots if _CLOCK_NAME.search(netlist.name(root) or "")]
        kept = [root for root in roots if root in direct] or named if gated else roots
        chosen.update(dict.fromkeys(kept or roots))
    return tuple(chosen)


class _ClockTree:
    """Follows clock nets back to their sources."""

    def __init__(self, netlist: Netlist, library: Library) -> None:
        self.netlist, self.library = netlist, library
        self.driven = drivers(netlist, library)

    def roots(self, bit: int) -> tuple[list[int], bool]:
        """Return the ports and registers behind a net, and whether a gate of several inputs lies between."""
        found: dict[int, None] = {}
        seen, todo, gated = {bit}, [bit], False
        while todo:
            at = todo.pop(0)
            before = self.before(at)
            if before is None:
                found[at] = None
                continue
            gated = gated or len(before) > 1
            todo += [b for b in before if b not in seen]
            seen.update(before)
        return list(found), gated

    def before(self, bit: int) -> list[int] | None:
        """Return the input nets of the gate that drives a net; None for a port or a register."""
        if bit not in self.driven:
            return None
        cell = self.netlist.cells[self.driven[bit][0]]
        if self.library.cell(cell.type).sequential is not None:
            return None
        return [b for pin in self.library.cell(cell.type).inputs if isinstance(b := cell.pins.get(pin), int)]


_CLOCK_NAME = re.compile(r"(?:^|[^a-z])(?:clk|clock|ck)|(?:clk|clock)", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z_]\w*")


def clock_pins(cell: Cell, library: Library) -> tuple[str, ...]:
    """Return the pins of a cell that clock it (enable pins for a latch); empty for combinational cells."""
    kind = library.cell(cell.type)
    if kind.sequential is None:
        return ()
    control = kind.sequential.clocked_on or kind.sequential.enable or ""
    return tuple(name for name in _NAME.findall(control) if name in kind.pins)
