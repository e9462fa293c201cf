"""Timing report from OpenSTA's paths, or from ABC's `stime` where OpenSTA is missing."""

from __future__ import annotations

import re

from rtlgen.core.types import SourceSpan
from rtlgen.synth.liberty import Library
from rtlgen.synth.ppa.lines import LogicLines
from rtlgen.synth.ppa.netlist import Bit, Netlist, clock_nets
from rtlgen.synth.ppa.opensta import Names, StaPath, StaResult
from rtlgen.synth.ppa.records import PathGroup, PathStage, TimingReport

_ABC_STAGE = re.compile(
    r"^ABC: Path\s+\d+ --\s+\S+ :\s*\d+\s+\d+ (?P<cell>\S+)\s.*?Df =\s*(?P<arrival>[\d.]+)", re.MULTILINE
)
_ABC_ENDS = re.compile(
    r"^ABC: Start-point = \S+ \((?P<start>.*?)\)\.\s+End-point = \S+ \((?P<end>.*?)\)\.\s*$", re.MULTILINE
)
_READ_REGISTER = re.compile(r"\$\\?(?P<memory>[^$]+)\$rdreg\[\d+\]\$\w+\[(?P<bit>\d+)\]")
_ABC_DELAY = re.compile(r"ABC: WireLoad = .*Delay =\s*(?P<delay>[-\d.]+) ps")


def from_opensta(
    result: StaResult,
    names: Names,
    netlist: Netlist,
    library: Library,
    logic: LogicLines,
    *,
    clock_ns: float | None,
    version: str,
) -> TimingReport:
    """Return the report of OpenSTA's result, in the names of the source.

    Args:
        result: what OpenSTA said.
        names: the names it was given.
        netlist: what was analysed.
        library: its cells.
        logic: finds source lines.
        clock_ns: period as asked for; None leaves slacks out.
        version: of OpenSTA.
    """
    reader = _Reader(names, netlist, library, logic)
    groups = tuple(reader.group(path, clock_ns) for path in result.paths)
    slacks = [group.slack_ns for group in groups if group.slack_ns is not None]
    return TimingReport(
        basis=f"OpenSTA {version}, the library's default wire load, ideal clocks, ports without delay or drive",
        clock_ns=clock_ns,
        delay_ns=max((group.delay_ns for group in groups), default=0.0),
        slack_ns=min(slacks) if slacks else None,
        groups=groups,
        clocks=clock_names(netlist, library),
    )


def clock_names(netlist: Netlist, library: Library) -> tuple[str, ...]:
    """Return the signals from which clocks come, by their names in the source."""
    return tuple(netlist.name(bit) or "(unnamed)" for bit in clock_nets(netlist, library))


def made_name(netlist: Netlist, bit: Bit) -> str | None:
    r"""Return a readable name for a register that Yosys made of a memory's read port (`$\mem$rdreg[0]$q[3]`)."""
    for name, found in netlist.bits.items():
        if found == bit and (match := _READ_REGISTER.fullmatch(name)):
            return f"{match['memory']} (read register)[{match['bit']}]"
    return None


class _Reader:
    """Turns OpenSTA's points back into the source's names."""

    def __init__(self, names: Names, netlist: Netlist, library: Library, logic: LogicLines) -> None:
        self.names, self.netlist, self.library, self.logic = names, netlist, library, logic

    def group(self, path: StaPath, clock_ns: float | None) -> PathGroup:
        start, end = self.end_name(path.start), self.end_name(path.end)
        register = path.end not in self.names.outputs
        return PathGroup(
            name=path.group,
            delay_ns=round(path.arrival_ns + path.setup_ns, 6),
            slack_ns=None if clock_ns is None else path.slack_ns,
            start=start,
            end=end,
            start_span=self.logic.declaration(start) or self.cell_span(path.start),
            end_span=self.logic.declaration(end) or self.cell_span(path.end),
            lines=self.logic.between(start, end, end_is_register=register),
            stages=self.stages(path),
        )

    def end_name(self, point: str) -> str:
        """Return the source name of a start or end point: a port, or the output net of a register."""
        port = self.names.inputs.get(point) or self.names.outputs.get(point)
        if port is not None:
            return port.name
        cell = self.netlist.cells[int(point.split("/")[0][1:])]
        for pin in self.library.cell(cell.type).outputs:
            if name := self.netlist.name(cell.pins.get(pin, "x")):
                return name
        made = (made_name(self.netlist, cell.pins.get(pin, "x")) for pin in self.library.cell(cell.type).outputs)
        return next((name for name in made if name), f"{cell.type} {cell.name}")

    def cell_span(self, point: str) -> SourceSpan | None:
        """Return where the register at `point` was written, by the mapped cell's own attribute."""
        if not point.startswith("u"):
            return None
        spans = self.logic.spans(self.netlist.cells[int(point.split("/")[0][1:])].src)
        return spans[0] if spans else None

    def stages(self, path: StaPath) -> tuple[PathStage, ...]:
        """Return the outputs of the cells on the path, and its ports."""
        stages = []
        for step in path.steps:
            if "/" not in step.point:
                kind = "input" if step.point in self.names.inputs else "output"
                stages.append(
                    PathStage(
                        point=self.end_name(step.point), cell=kind, delay_ns=step.delay_ns, arrival_ns=step.arrival_ns
                    )
                )
                continue
            instance, pin = step.point.split("/")
            cell = self.netlist.cells[int(instance[1:])]
            if pin in self.library.cell(cell.type).outputs:
                bit: Bit = cell.pins.get(pin, "x")
                shown = self.netlist.name(bit) or f"{instance}.{pin}"
                stages.append(
                    PathStage(point=shown, cell=cell.type, delay_ns=step.delay_ns, arrival_ns=step.arrival_ns)
                )
        return tuple(stages)


def from_abc(
    log: str, netlist: Netlist, library: Library, logic: LogicLines, *, clock_ns: float | None
) -> TimingReport:
    """Return the report of ABC's last `stime` in a log: one group, the slowest combinational path."""
    delays = list(_ABC_DELAY.finditer(log))
    delay = float(delays[-1]["delay"]) / 1000 if delays else 0.0
    groups: tuple[PathGroup, ...] = ()
    if delays and delay > 0:
        groups = (_abc_group(log[delays[-1].start() :], delay, netlist, library, logic, clock_ns),)
    return TimingReport(
        basis="ABC stime, no wire load, combinational logic only (register delay and set-up left out)",
        clock_ns=clock_ns,
        delay_ns=delay,
        slack_ns=None if clock_ns is None else round(clock_ns - delay, 6),
        groups=groups,
        clocks=clock_names(netlist, library),
    )


def _abc_group(
    text: str, delay: float, netlist: Netlist, library: Library, logic: LogicLines, clock_ns: float | None
) -> PathGroup:
    ends = _ABC_ENDS.search(text)
    start, end, register = "(unnamed)", "(unnamed)", False
    if ends:
        start, _ = _abc_end(ends["start"], netlist, library)
        end, register = _abc_end(ends["end"], netlist, library)
    stages, before = [], 0.0
    for found in _ABC_STAGE.finditer(text):
        arrival = float(found["arrival"]) / 1000
        cell = "input" if found["cell"] == "pi" else found["cell"]
        point = start if cell == "input" else "(unnamed)"
        stages.append(PathStage(point=point, cell=cell, delay_ns=round(arrival - before, 6), arrival_ns=arrival))
        before = arrival
    return PathGroup(
        name="all",
        delay_ns=delay,
        slack_ns=None if clock_ns is None else round(clock_ns - delay, 6),
        start=start,
        end=end,
        start_span=logic.declaration(start),
        end_span=logic.declaration(end),
        lines=logic.between(start, end, end_is_register=register),
        stages=tuple(stages),
    )


def _abc_end(name: str, netlist: Netlist, library: Library) -> tuple[str, bool]:
    r"""Return the source name of an end such as `\p [1]`, and whether it is the register that the net goes into."""
    plain = name.replace(" ", "").removeprefix("\\")
    bit = netlist.bits.get(plain)
    if bit is None:
        return "(unnamed)", False
    if shown := netlist.name(bit):
        return shown, False
    for cell in netlist.cells:
        kind = library.cell(cell.type)
        if kind.sequential is not None and bit in cell.pins.values():
            outputs = (netlist.name(cell.pins[pin]) for pin in kind.outputs if pin in cell.pins)
            return next((output for output in outputs if output), "(unnamed)"), True
    return "(unnamed)", False
