"""Area, cells and delay of a design in one short call: the baseline flow in warm Yosys workers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Self

from rtlgen.core.config import load_settings
from rtlgen.synth.flow import script
from rtlgen.synth.flow.libfile import working_library
from rtlgen.synth.flow.parse import add_areas, count_states, parse_delay, parse_stat
from rtlgen.synth.liberty import Library
from rtlgen.synth.yosys import YosysPool, YosysRun

_BEFORE, _AFTER, _NETLIST, _MAPPED = "before.json", "after.json", "netlist.v", "mapped.json"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the baseline flow makes of one design.

    Attributes:
        ok: the flow ended and every cell is one of the library.
        error: what went wrong, in the tool's words with file and line; None when `ok`.
        area_um2: sum of cell areas.
        seq_area_um2: share of flops, latches and clock gates in it.
        delay_ns: longest combinational path by ABC's `stime` over the library's tables (flop outputs and inputs of
            the design start at 0, no wire load); 0 where there is no logic.
        cells: count by library cell.
        flops: flip-flop bits.
        latches: latch bits.
        netlist: mapped Verilog where asked for.
        wall_s: seconds of the whole call.
        basis: tool, library, flow and clock; only equal ones compare.
        frontend: `slang` or `verilog`, which reader took the sources.
        ended_by: how the tool ended, as in `YosysRun`.
        mapped_json: mapped netlist in Yosys' JSON where asked for.
        power_mw: total power, filled in by who measures it; None otherwise.
    """

    ok: bool
    error: str | None
    area_um2: float | None
    seq_area_um2: float | None
    delay_ns: float | None
    cells: dict[str, int]
    flops: int
    latches: int
    netlist: str | None
    wall_s: float
    basis: str
    frontend: str = "slang"
    ended_by: str = "exit"
    mapped_json: str | None = None
    power_mw: float | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One design for `Evaluator.evaluate_many`."""

    sources: Mapping[str, str]
    top: str
    parameters: Mapping[str, str] = field(default_factory=dict)


class Evaluator:
    """Runs the baseline flow on many designs with one library; threads may share it. Close it or use `with`."""

    def __init__(
        self, library: Library, *, clock_ns: float | None = None, workers: int = 2, cache_dir: Path | None = None
    ) -> None:
        """Start the workers.

        Args:
            library: cells to map to.
            clock_ns: delay target for ABC in ns; None maps for the default trade of delay and area.
            workers: designs evaluated at once.
            cache_dir: where the library's working copies lie; default is the settings' cache folder.

        Raises:
            LibraryError: the library's file can't be read any more.
            SandboxError: no worker process or no writable cache folder.
        """
        cache = cache_dir or load_settings().cache_dir
        self.library = library
        self.clock_ns = clock_ns
        self.files = working_library(library, cache)
        self.pool = YosysPool(workers, preload=script.preload_commands(self.files.scl))
        self.pool.__enter__()
        self.basis = basis(library, clock_ns)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the workers."""
        self.pool.close()

    def evaluate(
        self,
        sources: Mapping[str, str],
        top: str,
        *,
        parameters: Mapping[str, str] = {},
        include_dirs: Sequence[Path | str] = (),
        defines: Sequence[tuple[str, str]] = (),
        timeout_s: float = 60,
        netlist: bool = False,
        frontends: Sequence[str] | None = None,
        mapped_json: bool = False,
    ) -> Evaluation:
        """Return area, cells and delay of module `top`; a design that fails is an `Evaluation` with `ok` False.

        Args:
            sources: Verilog text by relative file name, in reading order.
            top: module to synthesize.
            parameters: overrides of its parameters, as Verilog text.
            include_dirs: folders for include files, absolute.
            defines: macros, name and value.
            timeout_s: wall-clock limit of each attempt to read and map.
            netlist: also return the mapped Verilog.
            mapped_json: also return the mapped netlist as Yosys writes it in JSON.
            frontends: readers to try in this order until one takes the sources; None asks `reader_order`.

        Raises:
            InputError: a name can't be given to Yosys.
            SandboxError: the workers can't run.
        """
        options = script.FlowOptions(top, parameters, include_dirs, defines)
        sources = {name: script.with_latches(text) for name, text in sources.items()}
        spent_s = 0.0
        refusals: dict[str, YosysRun] = {}
        for frontend in frontends or script.reader_order(sources.values()):
            run, refused = self._attempt(sources, options, frontend, timeout_s, netlist, mapped_json)
            if not refused:
                return self._result(run, top, frontend, spent_s)
            refusals[frontend] = run
            spent_s += run.wall_s
        # The SystemVerilog reader's message is the better one.
        shown = "slang" if "slang" in refusals else next(iter(refusals))
        return self._result(refusals[shown], top, shown, spent_s - refusals[shown].wall_s)

    def evaluate_many(self, jobs: Iterable[Job], *, timeout_s: float = 60) -> list[Evaluation]:
        """Return the evaluations of `jobs`, in their order, several at a time.

        Raises:
            InputError: a name can't be given to Yosys.
            SandboxError: the workers can't run.
        """
        with ThreadPoolExecutor(self.pool.workers) as threads:
            return list(
                threads.map(
                    lambda j: self.evaluate(j.sources, j.top, parameters=j.parameters, timeout_s=timeout_s), jobs
                )
            )

    def _attempt(
        self,
        sources: Mapping[str, str],
        options: script.FlowOptions,
        frontend: str,
        timeout_s: float,
        netlist: bool,
        mapped_json: bool,
    ) -> tuple[YosysRun, bool]:
        """Return the run, and whether the reader refused the sources."""
        reading = script.read_commands(list(sources), options, frontend)
        commands = [
            *reading,
            *script.synth_commands(options.top),
            script.stat_command(_BEFORE),
            *script.map_commands(self.files.liberty, self.files.sequential, self.clock_ns),
            script.stat_command(_AFTER),
            *([f"write_verilog -noattr {_NETLIST}"] if netlist else []),
            *([f"write_json {_MAPPED}"] if mapped_json else []),
        ]
        run = self.pool.run(commands, files=sources, fetch=(_BEFORE, _AFTER, _NETLIST, _MAPPED), timeout_s=timeout_s)
        refused = not run.ok and run.ended_by in ("exit", "signal") and len(run.command_s) < len(reading)
        return run, refused

    def _result(self, run: YosysRun, top: str, frontend: str, extra_s: float) -> Evaluation:
        wall_s = run.wall_s + extra_s
        if not run.ok:
            return self._failed(run.error or "Yosys failed", wall_s, frontend, run.ended_by)
        cells = parse_stat(run.files[_AFTER], top)
        if unmapped := {name: count for name, count in cells.items() if name.startswith("$")}:
            what = ", ".join(f"{name} x{count}" for name, count in sorted(unmapped.items()))
            error = f"library {self.library.name!r} has no cell for {what}; use another library"
            return self._failed(error, wall_s, frontend, "exit")
        areas = add_areas(cells, self.library)
        flops, latches = count_states(parse_stat(run.files[_BEFORE], top))
        return Evaluation(
            ok=True,
            error=None,
            area_um2=areas.area_um2,
            seq_area_um2=areas.seq_area_um2,
            delay_ns=parse_delay(run.log) or 0.0,
            cells=cells,
            flops=flops,
            latches=latches,
            netlist=run.files.get(_NETLIST),
            wall_s=wall_s,
            basis=self.basis,
            frontend=frontend,
            mapped_json=run.files.get(_MAPPED),
        )

    def _failed(self, error: str, wall_s: float, frontend: str, ended_by: str) -> Evaluation:
        return Evaluation(False, error, None, None, None, {}, 0, 0, None, wall_s, self.basis, frontend, ended_by)


def basis(library: Library, clock_ns: float | None) -> str:
    """Return the line that says what an `Evaluation` was measured with."""
    clock = "none" if clock_ns is None else f"{clock_ns:g}ns"
    tool = f"yosys={metadata.version('pyosys')} flow=synth-flatten,dfflibmap,abc,opt_clean timing=abc-stime"
    return f"{tool} library={library.name}:{library.digest[:12]} clock={clock}"
