"""What `rtlgen ppa` reports, as frozen records; every number carries its unit in its name."""

from __future__ import annotations

from rtlgen.core.types import PPA, Diagnostic, Record, SourceSpan


class CellUse(Record):
    """Cells of one library type."""

    cell: str
    kind: str
    """Kind of the library cell, such as `comb`, `ff`, `latch`."""
    count: int
    area_um2: float
    """Area of all of them together."""


class ModuleArea(Record):
    """Area of one instance in the run that keeps the hierarchy."""

    path: str
    """Instance path from the top, such as `top.u_alu`."""
    module: str
    cells: int
    """Library cells of this instance without its children."""
    area_um2: float
    """Area of this instance without its children."""
    total_um2: float
    """Area with its children."""


class LatchSite(Record):
    """A latch that the source infers."""

    signal: str
    bits: int
    span: SourceSpan | None = None


class MemoryUse(Record):
    """A memory as written, before it is mapped to registers and multiplexers."""

    name: str
    words: int
    width: int
    bits: int
    span: SourceSpan | None = None


class PathStage(Record):
    """One step of a timing path."""

    point: str
    """Net at the step's end by its name in the source, where it has one; else the cell's output."""
    cell: str
    """Library cell, or `input` and `output` for ports."""
    delay_ns: float
    arrival_ns: float


class PathGroup(Record):
    """The slowest path of one group.

    `in2reg`, `reg2reg`, `reg2out`, `in2out`: from and to ports or registers. `all`: where the tool knows only the
    slowest path of the combinational logic.
    """

    name: str
    delay_ns: float
    """From the launching edge to the arrival, plus the set-up time of the register that captures."""
    slack_ns: float | None
    """None without a clock period."""
    start: str
    end: str
    start_span: SourceSpan | None = None
    end_span: SourceSpan | None = None
    lines: tuple[SourceSpan, ...] = ()
    """Source lines of the logic on the longest chain between start and end, in order."""
    stages: tuple[PathStage, ...] = ()


class TimingReport(Record):
    """Timing of a mapped design."""

    basis: str
    """Tool and what it assumes."""
    clock_ns: float | None
    delay_ns: float | None
    """Largest delay of the groups."""
    slack_ns: float | None
    groups: tuple[PathGroup, ...]
    clocks: tuple[str, ...]
    """Signals that clock registers."""


class PowerReport(Record):
    """Power of a mapped design."""

    basis: str
    """Tool or method, and what it leaves out."""
    activity: str
    """Where the switching activity comes from."""
    clock_ns: float
    """Clock period for which the dynamic power holds."""
    clock_assumed: bool
    """True where no period was given."""
    leakage_mw: float
    internal_mw: float | None
    """Power inside the cells when they switch; None where not measured."""
    switching_mw: float
    """Charging of the nets."""
    total_mw: float
    sequential_mw: float | None = None
    """Share of flip-flops and latches."""
    combinational_mw: float | None = None


class SynthesisReport(Record):
    """Everything measured of one design."""

    top: str
    files: tuple[str, ...]
    frontend: str
    """`slang` or `verilog`: the reader that took the sources."""
    library: str
    library_digest: str
    ppa: PPA
    area_um2: float
    seq_area_um2: float
    cells: int
    flops: int
    latches: int
    by_type: tuple[CellUse, ...]
    """From the flattened run, largest area first."""
    by_module: tuple[ModuleArea, ...]
    """From a second run that keeps the hierarchy; its sum differs from `area_um2`."""
    hierarchical_area_um2: float | None
    latch_sites: tuple[LatchSite, ...]
    memories: tuple[MemoryUse, ...]
    memory_bits: int
    timing: TimingReport
    power: PowerReport
    warnings: tuple[Diagnostic, ...] = ()
    wall_s: float
