"""What synthesis needs of a Liberty library: cells with area, leakage, kind and pins, in fixed units."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rtlgen.core.errors import LibraryError
from rtlgen.synth.liberty.function import MAX_INPUTS, input_names, truth_table
from rtlgen.synth.liberty.tree import Group

CellKind = Literal[
    "comb", "inverter", "buffer", "tie", "ff", "latch", "clock_gate", "scan_ff", "tristate", "physical", "other"
]
Direction = Literal["input", "output", "inout", "internal"]

_PREFIX = {"f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "meg": 1e6}
_UNIT = re.compile(
    r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)?\s*(f|p|n|u|m|meg|k|)(s|f|w|v|a|ohm)\s*", re.IGNORECASE
)
_SCAN_TYPES = frozenset({"scan_in", "scan_enable"})


@dataclass(frozen=True, slots=True)
class Units:
    """Factors that turn a number of the file into ns, pF, nW and V."""

    time_ns: float = 1.0
    capacitance_pf: float = 1.0
    leakage_nw: float = 1.0
    voltage_v: float = 1.0


@dataclass(frozen=True, slots=True)
class LibPin:
    """A signal pin of a cell."""

    name: str
    direction: Direction
    capacitance_pf: float
    """Input capacitance, mean of rise and fall; 0 for an output that states none."""
    function: str | None = None
    """Liberty expression over the input pins or the state variables; None for inputs."""
    clock: bool = False
    """True where the library marks the pin as a clock."""
    max_capacitance_pf: float | None = None
    three_state: str | None = None


@dataclass(frozen=True, slots=True)
class Sequential:
    """The `ff` or `latch` group of a cell, as Liberty expressions over its pins."""

    state: tuple[str, ...]
    """State variable and its inverse, such as `("IQ", "IQN")`."""
    next_state: str | None = None
    clocked_on: str | None = None
    data_in: str | None = None
    enable: str | None = None
    clear: str | None = None
    preset: str | None = None


@dataclass(frozen=True, slots=True)
class LibCell:
    """A cell of the library."""

    name: str
    area_um2: float
    leakage_nw: float | None
    """Mean leakage over the states; None where the library says nothing."""
    kind: CellKind
    footprint: str | None
    dont_use: bool
    pins: dict[str, LibPin]
    sequential: Sequential | None
    line: int
    """Line of the cell in the library file."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the input pins, in file order."""
        return tuple(pin.name for pin in self.pins.values() if pin.direction == "input")

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the output pins, in file order."""
        return tuple(pin.name for pin in self.pins.values() if pin.direction == "output")


@dataclass(frozen=True, slots=True)
class Library:
    """A Liberty library without its tables; every number in the unit of its field name."""

    name: str
    digest: str
    """sha256 of the uncompressed text, in hexadecimal; the same for `.lib` and `.lib.gz`."""
    path: Path
    units: Units
    voltage_v: float | None
    temperature_c: float | None
    cells: dict[str, LibCell]
    sequential_text: str
    """Small Liberty text with only the usable flops and latches, for `dfflibmap`."""

    def cell(self, name: str) -> LibCell:
        """Return the cell called `name`.

        Raises:
            LibraryError: the library has no such cell.
        """
        if name not in self.cells:
            raise LibraryError(f"expected a cell of library {self.name!r} ({len(self.cells)} cells), got {name!r}; "
                               "map the netlist to this library first")  # fmt: skip
        return self.cells[name]

    def of_kind(self, *kinds: CellKind) -> tuple[LibCell, ...]:
        """Return the usable cells (no `dont_use`) of these kinds, smallest first, ties by name."""
        chosen = [cell for cell in self.cells.values() if cell.kind in kinds and not cell.dont_use]
        return tuple(sorted(chosen, key=lambda cell: (cell.area_um2, cell.name)))


def read_units(library: Group, file: str) -> Units:
    """Return the unit factors of a library group; Liberty's own defaults where it says nothing.

    Raises:
        LibraryError: a unit is written in a way that can't be understood.
    """
    farad = [item for item in library.attributes if item.name == "capacitive_load_unit" and len(item.values) == 2]
    load = "".join(farad[-1].values) if farad else "1pf"
    return Units(
        time_ns=_unit(library.get("time_unit") or "1ns", 1e-9, "time_unit", file),
        capacitance_pf=_unit(load, 1e-12, "capacitive_load_unit", file),
        leakage_nw=_unit(library.get("leakage_power_unit") or "1nW", 1e-9, "leakage_power_unit", file),
        voltage_v=_unit(library.get("voltage_unit") or "1V", 1.0, "voltage_unit", file),
    )


def _unit(text: str, base: float, name: str, file: str) -> float:
    found = _UNIT.fullmatch(text)
    if found is None:
        raise LibraryError(f"{file}: expected {name} such as '1n...' or '10p...', got {text!r}; correct the library")
    return float(f"{float(found[1] or 1) * _PREFIX[found[2].lower()] / base:.12g}")


def read_cell(group: Group, units: Units, defaults: Group, file: str) -> LibCell:
    """Return the cell of a `cell` group.

    Args:
        group: the `cell` group.
        units: factors of the library.
        defaults: the library group, for `default_...` attributes.
        file: name for messages.

    Raises:
        LibraryError: no name, or a number that is none.
    """
    if not group.args:
        raise LibraryError(f"{file}:{group.line}: expected 'cell (NAME)', got no name; correct the library")
    reader = _Numbers(file, group)
    pins = {pin.name: pin for pin in _pins(group, units, defaults, reader)}
    sequential = _sequential(group)
    _check_functions(group, pins, file)
    return LibCell(
        name=group.args[0],
        area_um2=reader.number(group, "area") or 0.0,
        leakage_nw=_leakage(group, units, defaults, reader),
        kind=_kind(group, pins, sequential),
        footprint=group.get("cell_footprint"),
        dont_use=_flag(group, "dont_use"),
        pins=pins,
        sequential=sequential,
        line=group.line,
    )


def _check_functions(cell: Group, pins: dict[str, LibPin], file: str) -> None:
    """Check that every output's function can be read, so that no later step fails without a place in the file."""
    for pin in pins.values():
        if pin.function is not None and len(input_names(pin.function)) <= MAX_INPUTS:
            try:
                truth_table(pin.function)
            except LibraryError as error:
                raise LibraryError(f"{file}:{cell.line}: in pin {pin.name!r} of {cell.title}: {error}") from error


class _Numbers:
    """Reads numbers of one cell with a message that names it."""

    def __init__(self, file: str, cell: Group) -> None:
        self.file = file
        self.cell = cell

    def number(self, group: Group, name: str) -> float | None:
        text = group.get(name)
        if text is None:
            return None
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if value != value or value in (float("inf"), float("-inf")):
            where = f"{self.file}:{group.line or self.cell.line}"
            raise LibraryError(f"{where}: expected a number for {name!r} in {group.title} of {self.cell.title}, "
                               f"got {text!r}; correct the library")  # fmt: skip
        return value


def _pins(cell: Group, units: Units, defaults: Group, reader: _Numbers) -> list[LibPin]:
    pins = []
    for group in cell.find("pin", "bus", "bundle"):
        inner = list(group.find("pin"))
        for part in inner if group.name != "pin" and inner else [group]:
            pins += [_pin(name, part, group, units, defaults, reader) for name in part.args]
    return pins


def _pin(name: str, group: Group, outer: Group, units: Units, defaults: Group, reader: _Numbers) -> LibPin:
    direction = group.get("direction") or outer.get("direction") or "input"
    limit = reader.number(group, "max_capacitance")
    function = group.get("function") or outer.get("function")
    return LibPin(
        name=name,
        direction=direction if direction in ("input", "output", "inout", "internal") else "internal",  # type: ignore[arg-type]
        capacitance_pf=_capacitance(group, direction, defaults, reader) * units.capacitance_pf,
        function=function if direction != "input" else None,
        clock=_flag(group, "clock") or _flag(group, "clock_gate_clock_pin"),
        max_capacitance_pf=None if limit is None else limit * units.capacitance_pf,
        three_state=group.get("three_state"),
    )


def _capacitance(group: Group, direction: str, defaults: Group, reader: _Numbers) -> float:
    edges = [reader.number(group, "rise_capacitance"), reader.number(group, "fall_capacitance")]
    known = [value for value in edges if value is not None]
    stated = reader.number(group, "capacitance")
    if stated is not None:
        return stated
    if known:
        return sum(known) / len(known)
    return reader.number(defaults, f"default_{direction}_pin_cap") or 0.0


def _leakage(cell: Group, units: Units, defaults: Group, reader: _Numbers) -> float | None:
    stated = reader.number(cell, "cell_leakage_power")
    states = [reader.number(group, "value") for group in cell.find("leakage_power")]
    values = [value for value in states if value is not None]
    if stated is None and values:
        stated = sum(values) / len(values)
    if stated is None:
        stated = reader.number(defaults, "default_cell_leakage_power")
    return None if stated is None else stated * units.leakage_nw


def _sequential(cell: Group) -> Sequential | None:
    for group in cell.find("ff", "latch", "ff_bank", "latch_bank"):
        names = ("next_state", "clocked_on", "data_in", "enable", "clear", "preset")
        return Sequential(group.args[:2], **{name: group.get(name) for name in names})
    return None


def _flag(group: Group, name: str) -> bool:
    return (group.get(name) or "").lower() == "true"


def _kind(cell: Group, pins: dict[str, LibPin], sequential: Sequential | None) -> CellKind:
    if cell.get("clock_gating_integrated_cell") is not None:
        return "clock_gate"
    if sequential is not None:
        if _is_scan(cell):
            return "scan_ff"
        return "ff" if sequential.next_state is not None or sequential.clocked_on is not None else "latch"
    outputs = [pin for pin in pins.values() if pin.direction in ("output", "inout")]
    if not outputs:
        return "physical"
    if any(pin.three_state for pin in outputs):
        return "tristate"
    if next(cell.find("statetable", "memory"), None) is not None or any(pin.function is None for pin in outputs):
        return "other"
    return _comb_kind([pin.function or "" for pin in outputs])


def _is_scan(cell: Group) -> bool:
    if next(cell.find("test_cell"), None) is not None:
        return True
    return any(
        pin.get("nextstate_type") in _SCAN_TYPES or (pin.get("signal_type") or "").startswith("test_scan")
        for pin in cell.find("pin")
    )


def _comb_kind(functions: list[str]) -> CellKind:
    names = [input_names(function) for function in functions]
    if not any(names):
        return "tie"
    if len(functions) == 1 and len(names[0]) == 1:
        table = truth_table(functions[0])
        return "inverter" if table == 0b01 else "buffer" if table == 0b10 else "comb"
    return "comb"
