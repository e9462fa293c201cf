"""Liberty groups of a combinational cell, from its stages."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from rtlgen.synth.liberty.function import truth_table
from rtlgen.synth.liberty.generate import tables
from rtlgen.synth.liberty.generate.gates import Gate
from rtlgen.synth.liberty.generate.process import Process
from rtlgen.synth.liberty.generate.stages import Arrival, Circuit, Edge
from rtlgen.synth.liberty.generate.tables import number, simple
from rtlgen.synth.liberty.tree import Attribute, Group

EDGES: tuple[Edge, Edge] = ("rise", "fall")


def area_um2(circuit: Circuit) -> float:
    """Return the cell area in um^2: gate columns times pitch times row height."""
    return circuit.columns() * circuit.process.column_um * circuit.process.height_um


def max_load_ff(circuit: Circuit, output: str) -> float:
    """Return the load in fF that an output drives within the process's largest transition."""
    process = circuit.process
    return process.max_slew_ps / (process.slew_gain * circuit.output_resistance(output))


def input_pin(name: str, circuit: Circuit, *extra: Attribute) -> Group:
    """Return the `pin` group of an input."""
    cap = circuit.node_cap(name) / 1000.0
    attributes = simple(direction="input", capacitance=cap, max_transition=circuit.process.max_slew_ps / 1000.0)
    return Group("pin", (name,), [*attributes, *extra])


def output_pin(name: str, circuit: Circuit, function: str) -> Group:
    """Return the `pin` group of an output, without its arcs."""
    load = max_load_ff(circuit, name) / 1000.0
    return Group("pin", (name,), simple(direction="output", function=function, max_capacitance=load))


class Arc:
    """Delays, transitions and energies from an edge of a pin to an output.

    Args:
        circuit: the cell.
        pin: pin that switches.
        output: output that follows.
        causes: for either edge of the output, the edges of the pin that can cause it.
    """

    def __init__(self, circuit: Circuit, pin: str, output: str, causes: dict[Edge, Sequence[Edge]]) -> None:
        self.circuit = circuit
        self.pin = pin
        self.output = output
        self.causes = causes
        self.load_max = max_load_ff(circuit, output)

    def worst(self, edge: Edge, slew_ps: float, load_ff: float) -> Arrival:
        """Return the worst arrival of an output edge: latest, slowest and costliest, each over all paths."""
        found = [
            arrival
            for cause in self.causes[edge]
            for arrival in self.circuit.arrivals(self.pin, cause, slew_ps, self.output, load_ff)
            if arrival.edge == edge
        ]
        return Arrival(
            edge,
            max(arrival.delay_ps for arrival in found),
            max(arrival.slew_ps for arrival in found),
            max(arrival.energy_fj for arrival in found),
        )

    def edges(self) -> list[Edge]:
        """Return the output edges that this pin can cause."""
        return [edge for edge in EDGES if self.causes.get(edge)]

    def timing_tables(self) -> list[Group]:
        """Return `cell_rise`, `rise_transition`, `cell_fall` and `fall_transition`, in ns over ns and pF."""
        loads = [part * self.load_max / 1000.0 for part in tables.LOAD_PARTS]
        groups = []
        for edge in self.edges():
            grid = {(s, c): self.worst(edge, s, c * 1000.0) for s in tables.SLEWS_PS for c in loads}
            for name, field in ((f"cell_{edge}", "delay_ps"), (f"{edge}_transition", "slew_ps")):

                def value(slew: float, load: float, field: str = field, grid: dict = grid) -> float:  # type: ignore[type-arg]
                    return float(getattr(grid[slew, load], field)) / 1000.0

                groups.append(tables.table(name, tables.DELAY_TEMPLATE, tables.SLEWS_PS, loads, value))
        return groups

    def timing(self, **attributes: str) -> Group:
        """Return the `timing` group with the attributes given."""
        return Group("timing", (), simple(related_pin=self.pin, **attributes), self.timing_tables())

    def power(self) -> Group:
        """Return the `internal_power` group, in pJ a transition over ns and pF."""
        loads = [part * self.load_max / 1000.0 for part in tables.POWER_LOAD_PARTS]
        groups = []
        for edge in self.edges():

            def value(slew: float, load: float, edge: Edge = edge) -> float:
                return self.worst(edge, slew, load * 1000.0).energy_fj / 1000.0

            groups.append(tables.table(f"{edge}_power", tables.POWER_TEMPLATE, tables.POWER_SLEWS_PS, loads, value))
        return Group("internal_power", (), simple(related_pin=self.pin), groups)


def unateness(function: str, inputs: Sequence[str], pin: str) -> str:
    """Return `positive_unate`, `negative_unate` or `non_unate` for a pin of a function."""
    table, index = truth_table(function, inputs), list(inputs).index(pin)
    rows = range(1 << len(inputs))
    pairs = [((table >> row) & 1, (table >> (row | 1 << index)) & 1) for row in rows if not row >> index & 1]
    rises, falls = (0, 1) in pairs, (1, 0) in pairs
    return "non_unate" if rises and falls else "positive_unate" if rises else "negative_unate"


_CAUSES: dict[str, dict[Edge, Sequence[Edge]]] = {
    "positive_unate": {"rise": ("rise",), "fall": ("fall",)},
    "negative_unate": {"rise": ("fall",), "fall": ("rise",)},
    "non_unate": {"rise": EDGES, "fall": EDGES},
}


def leakage_groups(circuit: Circuit, inputs: Sequence[str]) -> tuple[float, list[Group]]:
    """Return the mean leakage in nW and, for up to three inputs, one `leakage_power` group a state."""
    groups, values = [], []
    for levels in product((False, True), repeat=len(inputs)):
        pins = dict(zip(inputs, levels, strict=True))
        value = circuit.leakage_nw(circuit.settle(pins))
        when = "*".join(name if level else f"!{name}" for name, level in pins.items())
        groups.append(Group("leakage_power", (), simple(when=when, value=number(value))))
        values.append(value)
    return sum(values) / len(values), groups if len(inputs) <= 3 else []


def combinational_cell(gate: Gate, drive: int, process: Process) -> Group:
    """Return the `cell` group of a gate at one drive strength."""
    circuit = Circuit(process, gate.stages(float(drive)))
    mean, states = leakage_groups(circuit, gate.inputs)
    flags = simple(dont_use="true") if gate.dont_use else []
    attributes = simple(area=area_um2(circuit), cell_footprint=gate.name, cell_leakage_power=mean)
    pins = [input_pin(name, circuit) for name in gate.inputs]
    for output, function in gate.functions.items():
        pins.append(_output(gate, circuit, output, function))
    return Group("cell", (f"{gate.name}_X{drive}",), attributes + flags, states + pins)


def _output(gate: Gate, circuit: Circuit, output: str, function: str) -> Group:
    group = output_pin(output, circuit, function)
    arcs = []
    for pin in gate.inputs:
        sense = unateness(function, gate.inputs, pin)
        arcs.append((Arc(circuit, pin, output, _CAUSES[sense]), sense))
    group.groups += [arc.timing(timing_sense=sense) for arc, sense in arcs]
    group.groups += [arc.power() for arc, _ in arcs]
    return group


def tie_cell(level: int, process: Process) -> Group:
    """Return the `cell` group of a cell that drives a constant."""
    area = 2 * process.column_um * process.height_um
    leakage = process.n_leakage * process.n_width if level else process.p_leakage * process.p_width
    pin = Group("pin", ("Y",), simple(direction="output", function=str(level), max_capacitance=0.05))
    attributes = simple(area=area, cell_footprint=f"TIE{level}", cell_leakage_power=leakage)
    return Group("cell", (f"TIE{level}_X1",), attributes, [pin])
