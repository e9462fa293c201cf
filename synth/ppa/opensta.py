"""Drives OpenSTA: timing by path group and power of a mapped netlist.

Three steps: `script` and `verilog` are pure, `run_opensta` runs the tool in the sandbox, `parse_paths` and
`parse_power` are pure. Every name in the files it gets is made here (`i3`, `u12`, `n7`), so nothing of the user's
source reaches Tcl. Written against the build in Debian 12 (2.0.17 of November 2019), which reads no SAIF or VCD and
ignores activity set on pins inside a design; newer ones print the same tables.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rtlgen.core.errors import ToolOutputError
from rtlgen.sandbox import Limits, run
from rtlgen.synth.liberty import Library
from rtlgen.synth.ppa.netlist import Bit, Netlist, clock_nets, drivers
from rtlgen.synth.tools import Tool

# A cell whose inputs never switch has an undefined internal power in the build of 2019, and the sum then fails; the
# cells are then asked one by one.
_POWER = """if {[catch {report_power -digits 9}]} {
  puts "@@ instances"
  foreach cell [get_cells *] { puts "[get_name $cell] [sta::instance_power $cell [sta::cmd_corner]]" }
}"""
_INSTANCE = re.compile(r"^u(?P<index>\d+)((?: \S+){4})$", re.MULTILINE)
GROUPS = ("in2reg", "reg2reg", "reg2out", "in2out")
_NUMBER = r"-?\d[\d.]*(?:[eE][-+]?\d+)?"
_STEP = re.compile(rf"^\s*(?P<delay>{_NUMBER})\s+(?P<time>{_NUMBER}) [\^v] (?P<point>\S+) \((?P<cell>[^)]*)\)\s*$")
_EDGE = re.compile(rf"^\s*(?P<delay>{_NUMBER})\s+(?P<time>{_NUMBER})\s+clock \S+ \((?:rise|fall) edge\)")
_FIELD = re.compile(
    rf"^\s*(?P<value>{_NUMBER})\s+(?P<name>data arrival time|data required time|slack \((?:MET|VIOLATED)\))\s*$"
)
_SETUP = re.compile(rf"^\s*(?P<value>{_NUMBER})\s+{_NUMBER}\s+library setup time")
_ROW = re.compile(rf"^(?P<name>Sequential|Combinational|Macro|Pad|Total)((?:\s+{_NUMBER}){{4}})")


@dataclass(frozen=True, slots=True)
class StaStep:
    """One line of a path: the point that the signal reaches."""

    point: str
    cell: str
    delay_ns: float
    arrival_ns: float


@dataclass(frozen=True, slots=True)
class StaPath:
    """The slowest path of a group, times in ns."""

    group: str
    start: str
    end: str
    arrival_ns: float
    """From the launching clock edge."""
    setup_ns: float
    slack_ns: float
    steps: tuple[StaStep, ...]


@dataclass(frozen=True, slots=True)
class StaPower:
    """Power in W of one class of cells."""

    internal_w: float
    switching_w: float
    leakage_w: float
    total_w: float


@dataclass(frozen=True, slots=True)
class StaResult:
    """What OpenSTA reported."""

    paths: tuple[StaPath, ...]
    power: dict[str, StaPower]
    """By class: `Sequential`, `Combinational`, `Total`."""
    messages: tuple[str, ...]


class Names:
    """The names that a netlist has in the files for OpenSTA, and the way back."""

    def __init__(self, netlist: Netlist, library: Library) -> None:
        self.inputs = {f"i{k}": port for k, port in enumerate(netlist.inputs())}
        self.outputs = {f"o{k}": port for k, port in enumerate(netlist.outputs())}
        self._by_input = {port.bit: name for name, port in self.inputs.items() if isinstance(port.bit, int)}
        self.driven = drivers(netlist, library)

    def net(self, bit: Bit) -> str:
        """Return the name of a net; undefined constants are 0."""
        if isinstance(bit, int):
            return self._by_input.get(bit) or f"n{bit}"
        return "1'b1" if bit == "1" else "1'b0"

    def clock_point(self, bit: int) -> str | None:
        """Return the port or pin from which clock net `bit` comes."""
        if bit in self._by_input:
            return self._by_input[bit]
        found = self.driven.get(bit)
        return f"u{found[0]}/{found[1]}" if found else None


def verilog(netlist: Netlist, names: Names) -> str:
    """Return the netlist as structural Verilog with names of our own; the module is called `top`."""
    nets = {bit for cell in netlist.cells for bit in cell.pins.values() if isinstance(bit, int)}
    wires = sorted({names.net(bit) for bit in nets} - set(names.inputs))
    lines = [f"module top ({', '.join([*names.inputs, *names.outputs])});"]
    lines += [f"input {name};" for name in names.inputs]
    lines += [f"output {name};" for name in names.outputs]
    lines += [f"wire {name};" for name in wires]
    for index, cell in enumerate(netlist.cells):
        pins = ", ".join(f".{pin}({names.net(bit)})" for pin, bit in cell.pins.items())
        lines.append(f"{cell.type} u{index} ({pins});")
    lines += [f"assign {name} = {names.net(port.bit)};" for name, port in names.outputs.items()]
    return "\n".join([*lines, "endmodule", ""])


def script(netlist: Netlist, library: Library, names: Names, *, clock_ns: float, activity: float | None) -> str:
    """Return the Tcl script.

    Args:
        netlist: what is analysed.
        library: its cells.
        names: names in the Verilog file.
        clock_ns: period of all clocks, which are taken as one.
        activity: transitions per clock of each input for the power report; None leaves power out.
    """
    clocks = [point for bit in clock_nets(netlist, library) if (point := names.clock_point(bit))]
    data = [name for name, port in names.inputs.items() if name not in clocks and isinstance(port.bit, int)]
    registers = any(library.cell(cell.type).sequential for cell in netlist.cells)
    ports = [f"[get_{'pins' if '/' in point else 'ports'} {point}]" for point in clocks]
    lines = [
        "read_liberty library.lib",
        "read_verilog netlist.v",
        "link_design top",
        f"create_clock -name clk -period {clock_ns:.9g}" + (f" [list {' '.join(ports)}]" if ports else ""),
    ]
    if data:
        lines.append(f"set_input_delay 0 -clock clk [get_ports {{{' '.join(data)}}}]")
    if names.outputs:
        lines.append("set_output_delay 0 -clock clk [all_outputs]")
    start = {
        "in": f"[get_ports {{{' '.join(data)}}}]" if data else "",
        "reg": "[all_registers -clock_pins]" if registers else "",
    }
    end = {"reg": "[all_registers -data_pins]" if registers else "", "out": "[all_outputs]" if names.outputs else ""}
    for group in GROUPS:
        begin, finish = group.split("2")
        lines.append(f'puts "@@ group {group}"')
        if start[begin] and end[finish]:
            lines.append(
                f"report_checks -path_delay max -from {start[begin]} -to {end[finish]} -digits 6 -no_line_splits"
            )
    if activity is not None:
        lines += [
            f"set_power_activity -input -activity {activity:g} -duty 0.5",
            'puts "@@ power"',
            _POWER,
        ]
    return "\n".join([*lines, 'puts "@@ end"', ""])


def run_opensta(
    tool: Tool,
    netlist: Netlist,
    library: Library,
    liberty: Path,
    *,
    clock_ns: float,
    activity: float | None,
    timeout_s: float = 300,
) -> tuple[StaResult, Names]:
    """Return what OpenSTA says of a netlist, with the names to read it by.

    Args:
        tool: OpenSTA.
        netlist: mapped netlist.
        library: its cells.
        liberty: the library as plain text.
        clock_ns: period of all clocks.
        activity: transitions per clock of each input; None leaves power out.
        timeout_s: wall-clock limit.

    Raises:
        ToolOutputError: OpenSTA failed or its output is not what this driver reads.
        SandboxError: the sandbox failed.
    """
    names = Names(netlist, library)
    with tempfile.TemporaryDirectory(prefix="rtlgen-sta-") as folder:
        work = Path(folder)
        shutil.copyfile(liberty, work / "library.lib")
        (work / "netlist.v").write_text(verilog(netlist, names))
        (work / "run.tcl").write_text(script(netlist, library, names, clock_ns=clock_ns, activity=activity))
        limits = Limits(cpu_s=timeout_s, wall_s=timeout_s)
        ended = run(
            [str(tool.path), "-no_splash", "-exit", "run.tcl"], cwd=work, limits=limits, tool_version=tool.version
        )
    output = ended.stdout + ended.stderr
    if ended.ended_by != "exit" or "@@ end" not in ended.stdout:
        last = " / ".join([line for line in output.splitlines() if line.strip()][-3:])
        raise ToolOutputError(f"expected a timing report of {tool}, got none (ended by {ended.ended_by}): {last}")
    messages = tuple(line for line in output.splitlines() if line.startswith(("Error", "Warning")))
    broken = [line for line in messages if line.startswith("Error") and "non-numeric" not in line]
    if broken:
        raise ToolOutputError(f"expected a timing report of {tool}, got {broken[0]!r}")
    power = parse_power(ended.stdout) or sum_instances(ended.stdout, netlist, library)
    return StaResult(parse_paths(ended.stdout), power, messages), names


def sum_instances(text: str, netlist: Netlist, library: Library) -> dict[str, StaPower]:
    """Return the rows of a power report from the power of single cells, undefined numbers as 0; empty without any."""
    body = text.split("@@ instances", 1)[1] if "@@ instances" in text else ""
    sums = {name: [0.0] * 4 for name in ("Sequential", "Combinational", "Total")}
    found = list(_INSTANCE.finditer(body))
    for match in found:
        kind = library.cell(netlist.cells[int(match["index"])].type)
        name = "Combinational" if kind.sequential is None else "Sequential"
        for place, word in enumerate(match[2].split()[:3]):
            value = float(word) if "nan" not in word.lower() else 0.0
            for row in (sums[name], sums["Total"]):
                row[place] += value
                row[3] += value
    return {name: StaPower(*row) for name, row in sums.items()} if found else {}


_PROBE_LIBRARY = """library (probe) {
  delay_model : table_lookup; time_unit : "1ns"; voltage_unit : "1V"; current_unit : "1mA";
  leakage_power_unit : "1nW"; pulling_resistance_unit : "1kohm"; capacitive_load_unit (1, pf);
  nom_voltage : 1; nom_process : 1; nom_temperature : 25;
  input_threshold_pct_rise : 50; input_threshold_pct_fall : 50;
  output_threshold_pct_rise : 50; output_threshold_pct_fall : 50;
  slew_lower_threshold_pct_rise : 20; slew_lower_threshold_pct_fall : 20;
  slew_upper_threshold_pct_rise : 80; slew_upper_threshold_pct_fall : 80;
  operating_conditions (typical) { process : 1; temperature : 25; voltage : 1; }
  default_operating_conditions : typical;
  power_lut_template (energy) { variable_1 : total_output_net_capacitance; index_1 ("0, 1"); }
  cell (P) { area : 1;
    pin (A) { direction : input; capacitance : 0.001; }
    pin (Y) { direction : output; function : "A";
      timing () { related_pin : "A"; timing_sense : positive_unate;
        cell_rise (scalar) { values ("0.1"); } cell_fall (scalar) { values ("0.1"); }
        rise_transition (scalar) { values ("0.1"); } fall_transition (scalar) { values ("0.1"); } }
      internal_power () { related_pin : "A";
        rise_power (energy) { values ("1, 1"); } fall_power (energy) { values ("1, 1"); } } }
  }
}
"""
_PROBE_NETLIST = "module top (i0, o0);\ninput i0;\noutput o0;\nP u0 (.A(i0), .Y(o0));\nendmodule\n"
_PROBE_SCRIPT = """read_liberty library.lib
read_verilog netlist.v
link_design top
create_clock -name clk -period 1
set_input_delay 0 -clock clk [get_ports i0]
set_power_activity -input -activity 1 -duty 0.5
puts "@@ power"
report_power -digits 9
"""


def internal_power_factor(tool: Tool) -> float:
    """Return how much too large a build of OpenSTA reports internal power; 1 where it is right.

    Liberty gives an energy for each transition. The build of 2019 in Debian adds that of the rising and the falling
    edge for every transition, later ones take their mean. A cell of 1 pJ per transition tells which: at one
    transition in 1 ns it takes 1 mW.

    Raises:
        SandboxError: the sandbox failed.
    """
    return _internal_power_factor(tool.path)


@cache
def _internal_power_factor(program: Path) -> float:
    with tempfile.TemporaryDirectory(prefix="rtlgen-sta-") as folder:
        work = Path(folder)
        for name, text in {
            "library.lib": _PROBE_LIBRARY,
            "netlist.v": _PROBE_NETLIST,
            "run.tcl": _PROBE_SCRIPT,
        }.items():
            (work / name).write_text(text)
        ended = run([str(program), "-no_splash", "-exit", "run.tcl"], cwd=work, limits=Limits(cpu_s=60, wall_s=60))
    total = parse_power(ended.stdout).get("Total")
    return 2.0 if total is not None and 1.8e-3 < total.internal_w < 2.2e-3 else 1.0


def parse_paths(text: str) -> tuple[StaPath, ...]:
    """Return the slowest data path of each group in the output; recovery and removal checks are left out."""
    paths = []
    for section in re.split(r"^@@ group ", text, flags=re.MULTILINE)[1:]:
        group, _, body = section.partition("\n")
        body = body.split("@@ ")[0]
        found = [
            path for part in re.split(r"^(?=Startpoint: )", body, flags=re.MULTILINE) if (path := _path(group, part))
        ]
        if found:
            paths.append(min(found, key=lambda path: path.slack_ns))
    return tuple(paths)


def _path(group: str, text: str) -> StaPath | None:
    start, end = (
        re.search(r"^Startpoint: (\S+)", text, re.MULTILINE),
        re.search(r"^Endpoint: (\S+)", text, re.MULTILINE),
    )
    if not start or not end or "Path Group: **async" in text or "removal" in text or "recovery" in text:
        return None
    head = text.split("data arrival time")[0]
    edge = next((float(m["time"]) for line in head.splitlines() if (m := _EDGE.match(line))), 0.0)
    fields = {m["name"].split(" (")[0]: float(m["value"]) for line in text.splitlines() if (m := _FIELD.match(line))}
    if "data arrival time" not in fields or "slack" not in fields:
        return None
    arrival = next(
        float(m["value"])
        for line in text.splitlines()
        if (m := _FIELD.match(line)) and m["name"] == "data arrival time"
    )
    setup = next((-float(m["value"]) for line in text.splitlines() if (m := _SETUP.match(line))), 0.0)
    steps = [
        StaStep(m["point"], m["cell"], float(m["delay"]), float(m["time"]) - edge)
        for line in head.splitlines()
        if (m := _STEP.match(line))
    ]
    return StaPath(group, start[1], end[1], arrival - edge, setup, fields["slack"], tuple(steps))


def parse_power(text: str) -> dict[str, StaPower]:
    """Return the rows of `report_power` in W; empty where there is no such table."""
    body = text.split("@@ power", 1)[1] if "@@ power" in text else ""
    rows = {}
    for line in body.splitlines():
        if found := _ROW.match(line):
            internal, switching, leakage, total = (float(value) for value in found[2].split())
            rows[found["name"]] = StaPower(internal, switching, leakage, total)
    return rows
