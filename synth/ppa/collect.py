"""`measure`: the whole report of one design."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from rtlgen.core.config import load_settings
from rtlgen.core.errors import ElaborationError, ToolOutputError
from rtlgen.core.types import PPA, Design, Diagnostic
from rtlgen.synth.flow.libfile import WorkingLibrary, working_library
from rtlgen.synth.flow.parse import add_areas, count_states, parse_stat
from rtlgen.synth.flow.script import preload_commands
from rtlgen.synth.liberty import Library
from rtlgen.synth.ppa import jobs
from rtlgen.synth.ppa.activity import DEFAULT_ACTIVITY
from rtlgen.synth.ppa.gates import has_loop
from rtlgen.synth.ppa.inputs import Sources, read_sources
from rtlgen.synth.ppa.lines import LogicLines
from rtlgen.synth.ppa.netlist import Netlist, load_module, read_netlist
from rtlgen.synth.ppa.opensta import internal_power_factor, run_opensta
from rtlgen.synth.ppa.power import from_opensta_power, own_power
from rtlgen.synth.ppa.records import LatchSite, MemoryUse, ModuleArea, PowerReport, SynthesisReport, TimingReport
from rtlgen.synth.ppa.structure import cell_uses, latches, memories, module_tree
from rtlgen.synth.ppa.timing import from_abc, from_opensta
from rtlgen.synth.tools import Tool, optional_tool
from rtlgen.synth.yosys import YosysPool, YosysRun

ASSUMED_CLOCK_NS = 10.0
"""Clock period for power where none is given (100 MHz)."""


@dataclass(frozen=True, slots=True)
class _Mapped:
    """What the flattened jobs gave."""

    run: YosysRun
    netlist: Netlist
    cells: dict[str, int]
    flops: int
    latches: int
    latch_sites: tuple[LatchSite, ...]
    memories: tuple[MemoryUse, ...]
    logic: LogicLines


def measure(
    design: Design,
    library: Library,
    *,
    clock_ns: float | None = None,
    activity: Path | None = None,
    pool: YosysPool | None = None,
    cache_dir: Path | None = None,
    opensta: bool = True,
    timeout_s: float = 900,
) -> SynthesisReport:
    """Return area, timing and power of a design.

    Two runs of the baseline flow go side by side: one flattened, from which everything but the areas by module comes,
    and one that keeps the hierarchy for those. Timing comes from OpenSTA, or from ABC where it is missing; power from
    OpenSTA for the default activity, from an evaluation of the mapped gates for a recorded one.

    Args:
        design: files and how to elaborate them; `top` may be left out where only one module can be it.
        library: cells to map to.
        clock_ns: clock period in ns, for mapping, slack and power; None maps without a target, leaves slack out and
            takes `ASSUMED_CLOCK_NS` for power.
        activity: VCD or SAIF file of a simulation of this design.
        pool: Yosys workers to use; None starts some for this call.
        cache_dir: where working copies of the library lie; default is the settings' cache folder.
        opensta: False leaves OpenSTA out even where it is installed.
        timeout_s: wall-clock limit of each tool run.

    Raises:
        InputError: a file can't be used, there are several tops or none, or the activity does not fit the design.
        ElaborationError: the design can't be read or synthesized, or has a combinational loop.
        LibraryError: the library lacks a cell that the design needs.
        ToolOutputError: a tool's output can't be understood.
        SandboxError: a tool ran out of time or memory, or can't be run.
    """
    begin = time.perf_counter()
    sources = read_sources(design)
    files = working_library(library, cache_dir or load_settings().cache_dir)
    with ExitStack() as stack:
        workers = pool or stack.enter_context(YosysPool(2, preload=preload_commands(files.scl)))
        target = jobs.find_target(design, sources, workers, timeout_s)
        threads = stack.enter_context(ThreadPoolExecutor(1))
        tree = threads.submit(_hierarchy, target, files, library, clock_ns, workers, timeout_s)
        mapped = _map(target, files, library, clock_ns, workers, timeout_s)
        sta = optional_tool("sta") if opensta else None
        timing, power, sta_notes = _analyse(mapped, library, files, clock_ns, activity, sta, timeout_s)
        by_module, tree_notes = tree.result()
    areas = add_areas(mapped.cells, library)
    return SynthesisReport(
        top=target.options.top,
        files=tuple(sources.shown.values()),
        frontend=target.frontend,
        library=library.name,
        library_digest=library.digest,
        ppa=PPA(
            area_um2=areas.area_um2,
            delay_ns=timing.delay_ns,
            power_mw=power.total_mw,
            cells=sum(mapped.cells.values()),
            flops=mapped.flops,
            basis=_basis(library, clock_ns, timing, power),
        ),
        area_um2=areas.area_um2,
        seq_area_um2=areas.seq_area_um2,
        cells=sum(mapped.cells.values()),
        flops=mapped.flops,
        latches=mapped.latches,
        by_type=cell_uses(mapped.cells, library),
        by_module=by_module,
        hierarchical_area_um2=by_module[0].total_um2 if by_module else None,
        latch_sites=mapped.latch_sites,
        memories=mapped.memories,
        memory_bits=sum(memory.bits for memory in mapped.memories),
        timing=timing,
        power=power,
        warnings=(
            *_latch_warnings(mapped.latch_sites),
            *jobs.warnings(mapped.run.log, sources),
            *sta_notes,
            *tree_notes,
        ),
        wall_s=round(time.perf_counter() - begin, 3),
    )


def _map(
    target: jobs.Target,
    files: WorkingLibrary,
    library: Library,
    clock_ns: float | None,
    pool: YosysPool,
    timeout_s: float,
) -> _Mapped:
    """Run the word-level job, which finds faults of the design early, then the flow, and read what they wrote."""
    top, sources = target.options.top, target.sources
    coarse_run = pool.run(
        jobs.coarse_commands(target), files=sources.files, fetch=(jobs.COARSE, jobs.CHECK), timeout_s=timeout_s
    )
    jobs.raise_on_failure(coarse_run, target)
    coarse = load_module(coarse_run.files[jobs.COARSE], top)
    jobs.raise_on_conflict(coarse_run.files[jobs.CHECK], coarse, sources)
    commands = jobs.flat_commands(target, files, clock_ns)
    run = pool.run(commands, files=sources.files, fetch=(jobs.BEFORE, jobs.AFTER, jobs.MAPPED), timeout_s=timeout_s)
    if not run.ok:
        jobs.raise_on_loop(coarse_run.files[jobs.CHECK], sources)
    jobs.raise_on_failure(run, target)
    cells = parse_stat(run.files[jobs.AFTER], top)
    sites = latches(coarse, sources)
    _raise_on_unmapped(cells, library, coarse, sources)
    flops, latch_bits = count_states(parse_stat(run.files[jobs.BEFORE], top))
    netlist = read_netlist(run.files[jobs.MAPPED], top)
    if has_loop(netlist, library):  # words can seem to loop where no bit does, so the gates decide
        jobs.raise_on_loop(coarse_run.files[jobs.CHECK], sources)
    logic = LogicLines(coarse, sources)
    return _Mapped(run, netlist, cells, flops, latch_bits, sites, memories(coarse, sources), logic)


def _raise_on_unmapped(cells: dict[str, int], library: Library, coarse: dict[str, Any], sources: Sources) -> None:
    """Raise where the library has no cell for something in the design, such as a latch or a tri-state driver."""
    left = {name: count for name, count in cells.items() if name not in library.cells}
    if not left:
        return
    what = ", ".join(f"{name} x{count}" for name, count in sorted(left.items()))
    kinds = {
        word
        for name in left
        for word in (f"${name.strip('$_').split('_')[0].lower()}", "$tribuf" if "TBUF" in name else "")
    }
    found = [cell["attributes"].get("src", "") for cell in coarse["cells"].values() if cell["type"] in kinds]
    spans = [span for src in found for span in sources.spans(src)[:1]]
    where = f"{spans[0].file}:{spans[0].line}" if spans else ", ".join(sources.shown.values())
    message = (
        f"{where}: expected cells of library {library.name!r}, got {what} that it has none for; use another library"
    )
    span = spans[0] if spans else None
    raise ElaborationError(
        message, [Diagnostic(severity="error", code="unmapped", message=message, span=span, tool="yosys")]
    )


def _hierarchy(
    target: jobs.Target,
    files: WorkingLibrary,
    library: Library,
    clock_ns: float | None,
    pool: YosysPool,
    timeout_s: float,
) -> tuple[tuple[ModuleArea, ...], tuple[Diagnostic, ...]]:
    """Return the areas by module, and a warning where the hierarchy could not be kept."""
    commands = jobs.hierarchical_commands(target, files, clock_ns)
    run = pool.run(commands, files=target.sources.files, fetch=(jobs.MAPPED,), timeout_s=timeout_s)
    if run.ok:
        try:
            return module_tree(run.files[jobs.MAPPED], target.options.top, library), ()
        except (KeyError, ValueError):
            pass
    reason = target.sources.show(run.error or "unmapped cells")
    message = f"no areas by module: the design can't be synthesized with its hierarchy ({reason})"
    return (), (Diagnostic(severity="warning", code="hierarchy", message=message, tool="yosys"),)


def _analyse(
    mapped: _Mapped,
    library: Library,
    files: WorkingLibrary,
    clock_ns: float | None,
    activity: Path | None,
    sta: Tool | None,
    timeout_s: float,
) -> tuple[TimingReport, PowerReport, tuple[Diagnostic, ...]]:
    """Return timing and power from the tools that are there, and why OpenSTA was left out where it failed."""
    period = clock_ns or ASSUMED_CLOCK_NS
    wanted = DEFAULT_ACTIVITY if activity is None else None
    timing = from_abc(mapped.run.log, mapped.netlist, library, mapped.logic, clock_ns=clock_ns)
    power: PowerReport | None = None
    notes: tuple[Diagnostic, ...] = ()
    if sta is not None:
        try:
            result, names = run_opensta(
                sta, mapped.netlist, library, files.liberty, clock_ns=period, activity=wanted, timeout_s=timeout_s
            )
        except ToolOutputError as error:
            notes = (
                Diagnostic(
                    severity="warning",
                    code="opensta",
                    message=f"{error}; ABC and an own estimate are used",
                    tool="opensta",
                ),
            )
        else:
            timing = from_opensta(
                result, names, mapped.netlist, library, mapped.logic, clock_ns=clock_ns, version=sta.version
            )
            factor = internal_power_factor(sta)
            power = from_opensta_power(
                result, clock_ns=period, assumed=clock_ns is None, version=sta.version, factor=factor
            )
    if power is None:
        if sta is not None and wanted and not notes:
            message = "OpenSTA gave no power (an undefined number in its sum); the own estimate is used"
            notes = (Diagnostic(severity="warning", code="opensta", message=message, tool="opensta"),)
        power = own_power(
            mapped.netlist, library, files.liberty, clock_ns=period, assumed=clock_ns is None, activity=activity
        )
    return timing, power, notes


def _latch_warnings(sites: tuple[LatchSite, ...]) -> tuple[Diagnostic, ...]:
    return tuple(
        Diagnostic(
            severity="warning",
            code="latch",
            message=f"{site.signal} is a latch of {site.bits} bit{'s' if site.bits > 1 else ''}; "
            "assign it on every branch if it is not meant to be one",
            span=site.span,
            tool="yosys",
        )
        for site in sites
    )


def _basis(library: Library, clock_ns: float | None, timing: TimingReport, power: PowerReport) -> str:
    """Return the line by which two results may be compared."""
    clock = "none" if clock_ns is None else f"{clock_ns:g}ns"
    tool = f"yosys={metadata.version('pyosys')} flow=synth-flatten,dfflibmap,abc,opt_clean"
    cells = f"library={library.name}:{library.digest[:12]} clock={clock}"
    return f"{tool} {cells} timing=[{timing.basis}] power=[{power.basis}; {power.activity}]"
