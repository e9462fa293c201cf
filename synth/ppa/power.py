"""Power of a mapped netlist: OpenSTA's figures, or an own estimate from switching activity and the library."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rtlgen.synth.flow.parse import SEQUENTIAL_KINDS
from rtlgen.synth.liberty import Group, Library, parse_liberty, read_text
from rtlgen.synth.ppa.activity import DEFAULT_ACTIVITY, Activity, default_activity, read_activity
from rtlgen.synth.ppa.netlist import Netlist
from rtlgen.synth.ppa.opensta import StaPower, StaResult
from rtlgen.synth.ppa.records import PowerReport

_MW = 1e3


def from_opensta_power(
    result: StaResult, *, clock_ns: float, assumed: bool, version: str, factor: float
) -> PowerReport | None:
    """Return OpenSTA's power for the default activity, None where it printed no table.

    Args:
        result: what OpenSTA said.
        clock_ns: clock period.
        assumed: True where the user gave none.
        version: of OpenSTA.
        factor: how much too large this build's internal power is, see `internal_power_factor`.
    """
    rows = {name: replace(row, internal_w=row.internal_w / factor) for name, row in result.power.items()}
    total = rows.get("Total")
    if total is None:
        return None
    note = "" if factor == 1 else f" (internal power divided by {factor:g}: this build adds rise and fall energy)"
    return PowerReport(
        basis=f"OpenSTA {version} report_power, the library's default wire load{note}",
        activity=f"default: {DEFAULT_ACTIVITY:g} transitions per cycle at each input (duty 0.5), propagated by OpenSTA",
        clock_ns=clock_ns,
        clock_assumed=assumed,
        leakage_mw=total.leakage_w * _MW,
        internal_mw=total.internal_w * _MW,
        switching_mw=total.switching_w * _MW,
        total_mw=_total_mw(total),
        sequential_mw=_total_mw(rows["Sequential"]) if "Sequential" in rows else None,
        combinational_mw=_total_mw(rows["Combinational"]) if "Combinational" in rows else None,
    )


def _total_mw(row: StaPower) -> float:
    return (row.internal_w + row.switching_w + row.leakage_w) * _MW


@dataclass(slots=True)
class _Sum:
    """Power in mW of one class of cells."""

    leakage: float = 0.0
    internal: float = 0.0
    switching: float = 0.0

    @property
    def total(self) -> float:
        return self.leakage + self.internal + self.switching


def own_power(
    netlist: Netlist, library: Library, liberty: Path, *, clock_ns: float, assumed: bool, activity: Path | None
) -> PowerReport:
    """Return the own estimate.

    Leakage is the sum over the cells. Switching power is C V^2 / 2 for every transition of a net, with C the sum of
    the input capacitances that it drives (no wires; Weste and Harris, "CMOS VLSI Design", section 5.2). Internal
    power is the library's `internal_power` energy per transition, at the middle of its input slews and at the load.

    Args:
        netlist: mapped netlist.
        library: its cells.
        liberty: its text, for the energy tables.
        clock_ns: clock period.
        assumed: True where the user gave none.
        activity: VCD or SAIF file, None for the default activity.

    Raises:
        InputError: the activity file does not fit.
        LibraryError: the library can't be read any more.
    """
    switching = (
        default_activity(netlist, library)
        if activity is None
        else read_activity(activity, netlist, library, clock_ns=clock_ns)
    )
    energies = _energies_of(liberty, library)
    sums = {True: _Sum(), False: _Sum()}
    _add_power(netlist, library, energies, switching, clock_ns, sums)
    sequential, rest = sums[True], sums[False]
    internal = sequential.internal + rest.internal if energies.known else None
    return PowerReport(
        basis="own estimate: cell leakage, C V^2 / 2 per transition of the input capacitances (no wires)"
        + (
            ", internal energy tables at a middle input slew"
            if energies.known
            else ", internal power left out (the library has none)"
        ),
        activity=switching.source,
        clock_ns=clock_ns,
        clock_assumed=assumed,
        leakage_mw=sequential.leakage + rest.leakage,
        internal_mw=internal,
        switching_mw=sequential.switching + rest.switching,
        total_mw=sequential.total + rest.total,
        sequential_mw=sequential.total,
        combinational_mw=rest.total,
    )


def _add_power(
    netlist: Netlist, library: Library, energies: Energies, activity: Activity, clock_ns: float, sums: dict[bool, _Sum]
) -> None:
    """Add every cell's power to the sum of its class."""
    loads = net_loads(netlist, library)
    volt = library.voltage_v or 1.0
    for cell in netlist.cells:
        kind = library.cell(cell.type)
        total = sums[kind.kind in SEQUENTIAL_KINDS]
        total.leakage += (kind.leakage_nw or 0.0) * 1e-6
        for pin, bit in cell.pins.items():
            rate = activity.toggles.get(bit, 0.0) if isinstance(bit, int) else 0.0
            if not rate:
                continue
            load = loads.get(bit, 0.0) if isinstance(bit, int) and kind.pins[pin].direction == "output" else 0.0
            # pJ per transition times transitions per ns is mW
            total.switching += 0.5 * load * volt * volt * rate / clock_ns
            total.internal += energies.energy_pj(cell.type, pin, load) * rate / clock_ns


def net_loads(netlist: Netlist, library: Library) -> dict[int, float]:
    """Return the input capacitance in pF that each net drives."""
    loads: dict[int, float] = {}
    for cell in netlist.cells:
        pins = library.cell(cell.type).pins
        for name, bit in cell.pins.items():
            if isinstance(bit, int) and pins[name].direction == "input":
                loads[bit] = loads.get(bit, 0.0) + pins[name].capacitance_pf
    return loads


_known: dict[str, Energies] = {}


def _energies_of(liberty: Path, library: Library) -> Energies:
    """Return the tables of a library, read once per process: an optimizer asks for power hundreds of times."""
    if library.digest not in _known:
        _known[library.digest] = Energies(liberty, library)
    return _known[library.digest]


class Energies:
    """Internal energy per transition of a pin, from the `internal_power` groups of a library."""

    def __init__(self, liberty: Path, library: Library) -> None:
        """Read the tables.

        Raises:
            LibraryError: the text is no Liberty.
        """
        tree = parse_liberty(read_text(liberty), str(liberty), skip=frozenset({"timing", "normalized_driver_waveform"}))
        units = library.units
        self._scale = units.capacitance_pf * units.voltage_v**2
        self._templates = {group.args[0]: group for group in tree.find("power_lut_template") if group.args}
        self._cells = {group.args[0]: group for group in tree.find("cell") if group.args}
        self._tables: dict[tuple[str, str], list[tuple[list[float], list[float], list[list[float]]]]] = {}
        self.known = any(pin.find("internal_power") for cell in self._cells.values() for pin in cell.find("pin"))

    def energy_pj(self, cell: str, pin: str, load_pf: float) -> float:
        """Return the mean energy in pJ of one transition of `pin`, over its conditions, rising and falling."""
        key = (cell, pin)
        if key not in self._tables:
            self._tables[key] = self._read(cell, pin)
        tables = self._tables[key]
        return self._scale * sum(_at(table, load_pf) for table in tables) / len(tables) if tables else 0.0

    def _read(self, cell: str, pin: str) -> list[tuple[list[float], list[float], list[list[float]]]]:
        tables = []
        for group in (pin_group for pin_group in self._cells[cell].find("pin") if pin in pin_group.args):
            for power in group.find("internal_power"):
                for name in ("rise_power", "fall_power", "power"):
                    tables += [self._table(item) for item in power.find(name)]
        return [table for table in tables if table[2]]

    def _table(self, group: Group) -> tuple[list[float], list[float], list[list[float]]]:
        """Return slews, loads and rows of a table; one row or column stands for an axis that is not there."""
        template = self._templates.get(group.args[0]) if group.args else None
        axes = []
        for number in ("1", "2"):
            points = _numbers(group, f"index_{number}") or (_numbers(template, f"index_{number}") if template else [])
            kind = (template.get(f"variable_{number}") if template else None) or ""
            axes.append((points, kind))
        values = _rows(group)
        (first, first_kind), (second, _) = axes
        if "capacitance" in first_kind and values:
            values = [list(column) for column in zip(*values, strict=True)] if second else [[v] for v in values[0]]
            values = [[row[0] for row in values]] if not second else values
            return second, first, values
        return first, second, [[v] for v in values[0]] if len(values) == 1 and len(first) > 1 and not second else values


def _numbers(group: Group, name: str) -> list[float]:
    found = [item for item in group.attributes if item.name == name]
    return [float(word) for value in (found[-1].values if found else ()) for word in value.replace(",", " ").split()]


def _rows(group: Group) -> list[list[float]]:
    found = [item for item in group.attributes if item.name == "values"]
    return [[float(word) for word in value.replace(",", " ").split()] for value in (found[-1].values if found else ())]


def _at(table: tuple[list[float], list[float], list[list[float]]], load: float) -> float:
    """Return a table's value at its middle slew and at `load`, held at its ends."""
    slews, loads, rows = table
    row = rows[min(len(slews) // 2, len(rows) - 1)]
    if len(row) == 1 or len(loads) != len(row):
        return row[0]
    return float(np.interp(load, loads, row))
