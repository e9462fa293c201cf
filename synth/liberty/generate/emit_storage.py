"""Liberty groups of flip-flops, latches and the clock gate, from their stages."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Literal

from rtlgen.synth.liberty.generate import tables
from rtlgen.synth.liberty.generate.emit import EDGES, Arc, area_um2, input_pin, max_load_ff, output_pin
from rtlgen.synth.liberty.generate.flops import ClockGate, Storage
from rtlgen.synth.liberty.generate.process import Process
from rtlgen.synth.liberty.generate.stages import Circuit, Edge
from rtlgen.synth.liberty.generate.tables import simple
from rtlgen.synth.liberty.tree import Attribute, Group

_HELD = frozenset({"s2"})
_INNER_SLEW_PS = 12.0
_MARGIN_TAU = 2.0
"""Safety margin of setup and hold, in units of tau."""


class Checks:
    """Setup, hold, recovery and removal tables of one cell.

    Args:
        circuit: the cell.
        clock: clock pin.
        edge: clock edge at which the sampling latch closes.
        sampled: first node that follows the data, and the node that must have followed it before the clock closes.
    """

    def __init__(self, circuit: Circuit, clock: str, edge: Edge, sampled: tuple[str, str]) -> None:
        self.circuit = circuit
        self.clock = clock
        self.edge = edge
        self.first_node, self.settled_node = sampled
        self.margin_ps = _MARGIN_TAU * circuit.process.tau_ps

    def setup_ps(self, pin: str, edge: Edge, slew_ps: float, clock_slew_ps: float) -> float:
        """Return how long before the clock the pin must be stable: data to the held node, less the clock's delay."""
        data = max(self._delays(pin, edge, slew_ps, self.settled_node))
        return data - min(self._clock_delays(clock_slew_ps)) + self.margin_ps

    def hold_ps(self, pin: str, edge: Edge, slew_ps: float, clock_slew_ps: float) -> float:
        """Return how long after the clock the pin must be stable: the clock's delay, less data to the first node."""
        data = min(self._delays(pin, edge, slew_ps, self.first_node))
        return max(self._clock_delays(clock_slew_ps)) - data + self.margin_ps

    def _delays(self, pin: str, edge: Edge, slew_ps: float, node: str) -> list[float]:
        found = self.circuit.arrivals(pin, edge, slew_ps, node, 0.0)
        # A reset acts on the held node without passing the first one.
        return [item.delay_ps for item in found or self.circuit.arrivals(pin, edge, slew_ps, self.settled_node, 0.0)]

    def _clock_delays(self, slew_ps: float) -> list[float]:
        nodes = ("c", "cb")
        return [a.delay_ps for node in nodes for a in self.circuit.arrivals(self.clock, self.edge, slew_ps, node, 0.0)]

    def group(self, pin: str, kind: Literal["setup", "hold", "recovery", "removal"], edges: Sequence[Edge]) -> Group:
        """Return the `timing` group of a check, in ns over the transitions of pin and clock in ns."""
        work = self.setup_ps if kind in ("setup", "recovery") else self.hold_ps
        way = "rising" if self.edge == "rise" else "falling"
        slews = tables.CHECK_SLEWS_PS
        groups = []
        for edge in edges:

            def value(data: float, clock: float, edge: Edge = edge) -> float:
                return work(pin, edge, data, clock) / 1000.0

            groups.append(tables.table(f"{edge}_constraint", tables.CHECK_TEMPLATE, slews, slews, value, axes=()))
        return Group("timing", (), simple(related_pin=self.clock, timing_type=f"{kind}_{way}"), groups)


def passive_power(circuit: Circuit, pin: str, node: str) -> Group:
    """Return the `internal_power` group of an input pin: energy in pJ up to a node inside the cell."""
    groups = []
    for edge in EDGES:
        energies = []
        for slew in tables.POWER_SLEWS_PS:
            found = circuit.arrivals(pin, edge, slew, node, 0.0)
            energies.append(max((item.energy_fj for item in found), default=0.0) / 1000.0)
        groups.append(tables.vector(f"{edge}_power", tables.PASSIVE_TEMPLATE, energies))
    return Group("internal_power", (), [], groups)


def _output_power(circuit: Circuit, pin: str, source: str, output: str) -> Group:
    """Return the `internal_power` of an output by the clock: only the nodes from `source` on, the clock has its own."""
    loads = [part * max_load_ff(circuit, output) / 1000.0 for part in tables.POWER_LOAD_PARTS]
    groups = []
    for edge in EDGES:

        def value(slew: float, load: float, edge: Edge = edge) -> float:
            # Behind the clock stages the transition is the cell's own, whatever the clock's is.
            found = [
                item.energy_fj
                for cause in EDGES
                for item in circuit.arrivals(source, cause, _INNER_SLEW_PS, output, load * 1000.0)
                if item.edge == edge
            ]
            return max(found) / 1000.0

        groups.append(tables.table(f"{edge}_power", tables.POWER_TEMPLATE, tables.POWER_SLEWS_PS, loads, value))
    return Group("internal_power", (), simple(related_pin=pin), groups)


def _mean_leakage(circuit: Circuit, pins: Sequence[str], state: Sequence[str]) -> float:
    values = []
    for levels in product((False, True), repeat=len(pins)):
        for stored in (False, True):
            start = dict(zip(pins, levels, strict=True)) | dict.fromkeys(state, not stored)
            values.append(circuit.leakage_nw(circuit.settle(start)))
    return sum(values) / len(values)


def storage_cell(storage: Storage, drive: int, process: Process) -> Group:
    """Return the `cell` group of a flip-flop or latch at one drive strength."""
    circuit = Circuit(process, storage.stages(float(drive)), _HELD)
    leakage = _mean_leakage(circuit, storage.pins, ("s1",) if storage.latch else ("m1", "s1"))
    attributes = simple(area=area_um2(circuit), cell_footprint=storage.name, cell_leakage_power=leakage)
    groups = [_state_group(storage), *_input_pins(storage, circuit), _output(storage, circuit)]
    return Group("cell", (f"{storage.name}_X{drive}",), attributes, groups)


def _state_group(storage: Storage) -> Group:
    clock = f"!{storage.clock}" if storage.active_low else storage.clock
    if storage.latch:
        items = {"enable": clock, "data_in": storage.next_state}
    else:
        items = {"clocked_on": clock, "next_state": storage.next_state}
    for name, pin in (("clear", storage.clear), ("preset", storage.preset)):
        if pin:
            items[name] = f"!{pin}"
    if storage.clear and storage.preset:
        items |= {"clear_preset_var1": "L", "clear_preset_var2": "H"}
    return Group("latch" if storage.latch else "ff", ("IQ", "IQN"), simple(**items))


def _closing_edge(storage: Storage) -> Edge:
    # A flip-flop samples at its active edge, a latch when its transparent level ends.
    return "fall" if storage.active_low != storage.latch else "rise"


def _input_pins(storage: Storage, circuit: Circuit) -> list[Group]:
    checks = Checks(circuit, storage.clock, _closing_edge(storage), storage.sampled)
    groups = []
    for pin in storage.data:
        group = (
            input_pin(pin, circuit, Attribute("nextstate_type", ("data",))) if pin == "D" else input_pin(pin, circuit)
        )
        group.groups += [checks.group(pin, "setup", EDGES), checks.group(pin, "hold", EDGES)]
        group.groups.append(passive_power(circuit, pin, storage.sampled[0]))
        groups.append(group)
    clock = input_pin(storage.clock, circuit, Attribute("clock", ("true",)))
    clock.groups.append(passive_power(circuit, storage.clock, "cb" if storage.active_low else "c"))
    groups.append(clock)
    for reset in filter(None, (storage.clear, storage.preset)):
        group = input_pin(reset, circuit)
        group.groups += [checks.group(reset, "recovery", ("rise",)), checks.group(reset, "removal", ("rise",))]
        groups.append(group)
    return groups


def _output(storage: Storage, circuit: Circuit) -> Group:
    pin = output_pin("Q", circuit, "IQ")
    edge: Edge = "fall" if storage.active_low else "rise"
    clock = Arc(circuit, storage.clock, "Q", {"rise": (edge,), "fall": (edge,)})
    kind = "falling_edge" if storage.active_low else "rising_edge"
    pin.groups.append(clock.timing(timing_type=kind, timing_sense="non_unate"))
    if storage.latch:
        data = Arc(circuit, "D", "Q", {"rise": ("rise",), "fall": ("fall",)})
        pin.groups.append(data.timing(timing_sense="positive_unate"))
    if storage.clear:
        arc = Arc(circuit, storage.clear, "Q", {"fall": ("fall",)})
        pin.groups.append(arc.timing(timing_type="clear", timing_sense="positive_unate"))
    if storage.preset:
        arc = Arc(circuit, storage.preset, "Q", {"rise": ("fall",)})
        pin.groups.append(arc.timing(timing_type="preset", timing_sense="negative_unate"))
    pin.groups.append(_output_power(circuit, storage.clock, "D" if storage.latch else "m2", "Q"))
    return pin


def clock_gate_cell(gate: ClockGate, drive: int, process: Process) -> Group:
    """Return the `cell` group of the clock gate at one drive strength."""
    circuit = Circuit(process, gate.stages(float(drive)), _HELD)
    checks = Checks(circuit, "CK", "rise", ("s1", "s2"))
    enable = input_pin("E", circuit, Attribute("clock_gate_enable_pin", ("true",)))
    enable.groups += [checks.group("E", "setup", EDGES), checks.group("E", "hold", EDGES)]
    enable.groups.append(passive_power(circuit, "E", "s1"))
    clock = input_pin("CK", circuit, Attribute("clock", ("true",)), Attribute("clock_gate_clock_pin", ("true",)))
    clock.groups.append(passive_power(circuit, "CK", "c"))
    attributes = simple(
        area=area_um2(circuit),
        cell_footprint=gate.name,
        cell_leakage_power=_mean_leakage(circuit, ("E", "CK"), ("s1",)),
        clock_gating_integrated_cell="latch_posedge",
        # Inserted by a clock-gating pass, never by a mapper of logic.
        dont_use="true",
    )
    groups = [_gate_state(), enable, clock, _gated_clock(circuit)]
    return Group("cell", (f"{gate.name}_X{drive}",), attributes, groups)


def _gate_state() -> Group:
    # A latch group and a function rather than a statetable: simulation models can be made from it.
    return Group("latch", ("IQ", "IQN"), simple(enable="!CK", data_in="E"))


def _gated_clock(circuit: Circuit) -> Group:
    load = max_load_ff(circuit, "GCK") / 1000.0
    values = simple(direction="output", function="(CK*IQ)", max_capacitance=load, clock_gate_out_pin="true")
    arc = Arc(circuit, "CK", "GCK", {"rise": ("rise",), "fall": ("fall",)})
    return Group("pin", ("GCK",), values, [arc.timing(timing_sense="positive_unate"), arc.power()])
