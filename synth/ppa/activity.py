"""How often every net of a mapped netlist switches: from a VCD or SAIF file of the design, or from a stated default."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from rtlgen.core.errors import InputError
from rtlgen.synth.liberty import Library
from rtlgen.synth.liberty.function import input_names
from rtlgen.synth.ppa.gates import Register, evaluate, in_order, simulate_registers, split
from rtlgen.synth.ppa.netlist import Netlist, clock_nets, clock_pins, drivers
from rtlgen.synth.ppa.vcd import Dump, Statistics, Variable, read_saif, read_vcd

T = TypeVar("T")

DEFAULT_ACTIVITY = 0.1
"""Transitions per clock cycle of each input where no simulation is given."""
MAX_SAMPLES = 65_536
"""Most points in time of a VCD that are evaluated."""
MAX_STEPS = 20_000
"""Most of them where registers have to be simulated one by one."""
RANDOM_SAMPLES = 2_048
"""Clock cycles drawn for SAIF statistics and for the default."""


@dataclass(frozen=True, slots=True)
class Activity:
    """Switching of a netlist.

    Attributes:
        toggles: transitions per clock cycle, by net.
        duty: share of time at 1, by net.
        source: where it comes from, in words.
        cycle_ns: clock period of the recording; None where nothing was recorded.
    """

    toggles: Mapping[int, float]
    duty: Mapping[int, float]
    source: str
    cycle_ns: float | None = None


def default_activity(netlist: Netlist, library: Library) -> Activity:
    """Return the activity of inputs drawn at random at `DEFAULT_ACTIVITY`, registers simulated from 0.

    Inputs that only clear or preset registers stay inactive.
    """
    held = _inactive_controls(netlist, library)
    wanted = {
        port.bit: held.get(port.bit, Statistics(DEFAULT_ACTIVITY, 0.5))
        for port in netlist.inputs()
        if isinstance(port.bit, int)
    }
    text = (
        f"default: {DEFAULT_ACTIVITY:g} transitions per cycle at each input (duty 0.5, asynchronous resets inactive), "
        f"gates evaluated over {RANDOM_SAMPLES} drawn cycles"
    )
    return _drawn(netlist, library, wanted, text)


def read_activity(path: Path, netlist: Netlist, library: Library, *, clock_ns: float) -> Activity:
    """Return the activity that a VCD or SAIF file of the design gives the netlist.

    Args:
        path: the file; SAIF is told by its first word.
        netlist: mapped netlist.
        library: its cells.
        clock_ns: period that counts as a cycle where the design has no clock.

    Raises:
        InputError: the file is no VCD or SAIF, or no scope in it has the design's ports.
    """
    try:
        with path.open("rb") as file:
            start = file.read(4096)
    except OSError as error:
        raise InputError(f"{path}: expected a VCD or SAIF file, got {error.strerror}; check the path") from error
    if start.lstrip().startswith(b"("):
        return _from_saif(path, netlist, library, clock_ns)
    return _from_vcd(path, netlist, library, clock_ns)


def _from_vcd(path: Path, netlist: Netlist, library: Library, clock_ns: float) -> Activity:
    dump = read_vcd(path)
    gates, registers = split(netlist, library)
    gates = in_order(gates)
    scope = _scope(path, dump.scopes, netlist, registers)
    lookup = _Recorded(dump, scope)
    known = {
        port.bit: found
        for port in netlist.inputs()
        if isinstance(port.bit, int) and (found := lookup.changes([port.name]))
    }
    unknown: list[Register] = []
    for register in registers:
        own = {bit: changes for bit, _ in register.outputs if (changes := lookup.changes(netlist.names.get(bit, ())))}
        known.update(own)
        if len(own) < len(register.outputs):
            unknown.append(register)
    times = np.unique(np.fromiter((time for changes in known.values() for time, _ in changes), dtype=np.int64))
    total, limit = len(times), MAX_STEPS if unknown else MAX_SAMPLES
    times = times[:limit]
    if len(times) < 2:
        raise InputError(f"{path}: expected the signals of {scope!r} to change, got none that do; record a longer run")
    columns = {bit: _sampled(changes, times) for bit, changes in known.items()}
    bytes_of = {bit: column.tobytes() for bit, column in columns.items()}
    made = simulate_registers(gates, unknown, bytes_of, len(times), every_sample=False)
    waves = {bit: _packed(column) for bit, column in columns.items()}
    waves |= {bit: _packed(np.frombuffer(values, dtype=np.uint8)) for bit, values in made.items() if bit not in waves}
    waves = evaluate(gates, waves, len(times))
    span_ns = float(times[-1] - times[0]) * dump.timescale_ns
    clocks = [_toggles(waves[bit], len(times)) for bit in clock_nets(netlist, library) if bit in waves]
    cycles = max(clocks, default=0) / 2 or max(span_ns / clock_ns, 1.0)
    part = "" if total == len(times) else f", first {len(times)} of {total} changes"
    text = (
        f"{path.name}, scope {scope}, {cycles:g} cycles{part}; {len(registers) - len(unknown)} of {len(registers)} "
        "registers as recorded, the others and all gates evaluated"
    )
    toggles = {bit: _toggles(wave, len(times)) / cycles for bit, wave in waves.items()}
    duty = {bit: wave.bit_count() / len(times) for bit, wave in waves.items()}
    return Activity(toggles, duty, text, span_ns / cycles)


def _from_saif(path: Path, netlist: Netlist, library: Library, clock_ns: float) -> Activity:
    saif = read_saif(path)
    _, registers = split(netlist, library)
    scope = _scope(path, saif.scopes, netlist, registers)
    nets = saif.scopes
    lookup = _nested(nets, scope)
    clocks = [
        lookup[name].toggles
        for bit in clock_nets(netlist, library)
        for name in netlist.names.get(bit, ())
        if name in lookup
    ]
    cycles = max(clocks, default=0.0) / 2 or max(saif.duration_ns / clock_ns, 1.0)
    wanted: dict[int, Statistics] = {}
    for port in netlist.inputs():
        if isinstance(port.bit, int) and port.name in lookup:
            wanted[port.bit] = Statistics(lookup[port.name].toggles / cycles, lookup[port.name].duty)
    for register in registers:
        for bit, _ in register.outputs:
            name = next((name for name in netlist.names.get(bit, ()) if name in lookup), None)
            if name is not None:
                wanted[bit] = Statistics(lookup[name].toggles / cycles, lookup[name].duty)
    text = (
        f"{path.name}, scope {scope}, {cycles:g} cycles; ports and registers by their statistics, "
        f"gates evaluated over {RANDOM_SAMPLES} drawn cycles"
    )
    activity = _drawn(netlist, library, wanted, text)
    return Activity(activity.toggles, activity.duty, text, saif.duration_ns / cycles)


def _drawn(netlist: Netlist, library: Library, wanted: Mapping[int, Statistics], text: str) -> Activity:
    """Return the activity under drawn waveforms of the nets in `wanted`, a sample for each cycle."""
    gates, registers = split(netlist, library)
    gates = in_order(gates)
    rng = random.Random(2024)  # fixed: the same design has to give the same power
    clocks = set(clock_nets(netlist, library))
    values = {bit: _markov(rng, want, RANDOM_SAMPLES) for bit, want in sorted(wanted.items()) if bit not in clocks}
    values |= {bit: bytes([1]) * RANDOM_SAMPLES for bit in clocks}
    unknown = [register for register in registers if any(bit not in values for bit, _ in register.outputs)]
    made = simulate_registers(gates, unknown, values, RANDOM_SAMPLES, every_sample=True)
    columns = {**made, **values}
    waves = evaluate(
        gates, {bit: _packed(np.frombuffer(v, dtype=np.uint8)) for bit, v in columns.items()}, RANDOM_SAMPLES
    )
    toggles = {bit: _toggles(wave, RANDOM_SAMPLES) / (RANDOM_SAMPLES - 1) for bit, wave in waves.items()}
    duty = {bit: wave.bit_count() / RANDOM_SAMPLES for bit, wave in waves.items()}
    for bit in _clock_tree(netlist, library):
        # The clock was held at 1, so what is 1 here is the share of cycles in which it passes.
        passes = 1.0 if bit in clocks or not duty.get(bit) else duty[bit]
        toggles[bit], duty[bit] = 2.0 * passes, 0.5 * passes
    return Activity(toggles, duty, text)


def _markov(rng: random.Random, want: Statistics, samples: int) -> bytes:
    """Return a two-state Markov chain with the wanted share of ones and transitions per sample."""
    duty, rate = min(max(want.duty, 0.0), 1.0), min(max(want.toggles, 0.0), 1.0)
    up = min(1.0, rate / (2 * (1 - duty))) if duty < 1 else 1.0
    down = min(1.0, rate / (2 * duty)) if duty > 0 else 1.0
    value, out = int(rng.random() < duty), bytearray(samples)
    for index in range(samples):
        if rng.random() < (down if value else up):
            value = 1 - value
        out[index] = value
    return bytes(out)


def _inactive_controls(netlist: Netlist, library: Library) -> dict[int, Statistics]:
    """Return inputs that reach clear and preset pins, directly or inverted, with the value that keeps them inactive."""
    driven = drivers(netlist, library)
    held: dict[int, Statistics] = {}
    for cell in netlist.cells:
        state = library.cell(cell.type).sequential
        for control in (state.clear, state.preset) if state else ():
            names = input_names(control) if control else ()
            if len(names) != 1 or control is None:
                continue
            bit, level = (
                cell.pins.get(names[0]),
                1 if control.strip(" ()").startswith("!") or control.strip(" ()").endswith("'") else 0,
            )
            while isinstance(bit, int) and bit in driven:
                before = netlist.cells[driven[bit][0]]
                kind = library.cell(before.type).kind
                if kind not in ("inverter", "buffer"):
                    break
                level = 1 - level if kind == "inverter" else level
                bit = before.pins.get(library.cell(before.type).inputs[0])
            if isinstance(bit, int):
                held.setdefault(bit, Statistics(0.0, float(level)))
    return held


def _clock_tree(netlist: Netlist, library: Library) -> set[int]:
    """Return the nets between the clocks and the clock pins: those that a clock reaches and that reach a clock pin."""
    gates = in_order(split(netlist, library)[0])
    reached = set(clock_nets(netlist, library))
    for gate in gates:
        if not reached.isdisjoint(gate.inputs):
            reached.add(gate.output)
    behind = {
        bit for cell in netlist.cells for pin in clock_pins(cell, library) if isinstance(bit := cell.pins.get(pin), int)
    }
    for gate in reversed(gates):
        if gate.output in behind:
            behind.update(bit for bit in gate.inputs if isinstance(bit, int))
    return reached & behind


def _scope(
    path: Path, scopes: Mapping[str, Mapping[str, object]], netlist: Netlist, registers: Sequence[Register]
) -> str:
    """Return the scope that holds the design: all inputs, then most registers, then the deepest.

    Raises:
        InputError: no scope has all inputs.
    """
    inputs = {port.name for port in netlist.inputs()}
    state = {name for register in registers for bit, _ in register.outputs for name in netlist.names.get(bit, ())[:1]}
    best: tuple[int, int, int, str] | None = None
    for scope in scopes:
        names = _names(_nested(scopes, scope))
        score = (len(inputs & names), len(state & names), scope.count("."), scope)
        best = max(best, score) if best else score
    if best is None or best[0] < len(inputs):
        missing = sorted(inputs - _names(_nested(scopes, best[3])))[:5] if best else sorted(inputs)[:5]
        close = f"the closest, {best[3]!r}, lacks {', '.join(missing)}" if best else "it has no scope"
        raise InputError(
            f"{path}: expected a scope with all {len(inputs)} input bits of {netlist.top!r}, got none; {close}; "
            "record the design's ports"
        )
    return best[3]


def _nested(scopes: Mapping[str, Mapping[str, T]], scope: str) -> dict[str, T]:
    """Return what lies in a scope and below, by name relative to it."""
    found: dict[str, T] = {}
    for name, items in scopes.items():
        if name == scope:
            found.update(items)
        elif name.startswith(f"{scope}."):
            inner = name[len(scope) + 1 :]
            found.update({f"{inner}.{key}": value for key, value in items.items()})
    return found


def _names(items: Mapping[str, object]) -> set[str]:
    """Return bit names such as `data[3]` of recorded variables; SAIF has bits already."""
    names: set[str] = set()
    for name, item in items.items():
        if isinstance(item, Variable) and item.indices:
            names.update(f"{name}[{index}]" for index in item.indices)
            if len(item.indices) == 1:
                names.add(name)
        else:
            names.add(name)
    return names


class _Recorded:
    """Finds the changes of single bits in a VCD."""

    def __init__(self, dump: Dump, scope: str) -> None:
        self._bits: dict[str, tuple[Variable, int]] = {}
        for name, variable in _nested(dump.scopes, scope).items():
            for place, index in enumerate(variable.indices):
                self._bits[f"{name}[{index}]"] = (variable, place)
            if len(variable.indices) <= 1:
                self._bits[name] = (variable, 0)

    def changes(self, names: Iterable[str]) -> list[tuple[int, int]] | None:
        """Return time and value (unknown counts as 0) of the first of `names` that was recorded."""
        for name in names:
            if name in self._bits:
                variable, place = self._bits[name]
                width = max(len(variable.indices), 1)
                return [(time, int(_extended(value, width)[place] == "1")) for time, value in variable.changes]
        return None


def _extended(value: str, width: int) -> str:
    """Return a VCD value at full width; shortened values are extended by 0, or by x and z."""
    if len(value) >= width:
        return value[-width:]
    return (value[0] if value[0] in "xz" else "0") * (width - len(value)) + value


def _sampled(changes: Sequence[tuple[int, int]], times: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return the value at each time, after the changes of that time."""
    if not changes:
        return np.zeros(len(times), dtype=np.uint8)
    moments = np.fromiter((time for time, _ in changes), dtype=np.int64)
    values = np.fromiter((value for _, value in changes), dtype=np.uint8)
    place = np.searchsorted(moments, times, side="right") - 1
    result: NDArray[np.uint8] = np.where(place >= 0, values[np.maximum(place, 0)], 0).astype(np.uint8)
    return result


def _packed(column: NDArray[np.uint8]) -> int:
    return int.from_bytes(np.packbits(column, bitorder="little").tobytes(), "little")


def _toggles(wave: int, samples: int) -> int:
    """Return how often a waveform changes."""
    return ((wave ^ (wave >> 1)) & ((1 << (samples - 1)) - 1)).bit_count()
