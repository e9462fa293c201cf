"""`check_equivalence`: the one entry to the equivalence checker."""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from rtlgen.core.types import Design, EquivalenceResult
from rtlgen.synth.equiv.compare import Comparison, Job
from rtlgen.synth.equiv.lower import MAX_MEMORY_BITS, Lowering, Source, read_design
from rtlgen.synth.equiv.memory import pair
from rtlgen.synth.equiv.netlist import Netlist, UnsupportedError
from rtlgen.synth.equiv.ports import check_ports
from rtlgen.synth.yosys import YosysPool

_KEPT = 4
_BITS_A_SECOND = 1000
"""Memory bits that can be taken as registers, for each second of time."""
_own: list[YosysPool] = []
_lowerings: list[Lowering] = []
_lock = threading.Lock()


def check_equivalence(
    gold: Mapping[str, str] | Design,
    gate: Mapping[str, str] | Design,
    *,
    top: str | None = None,
    gate_top: str | None = None,
    parameters: Mapping[str, str] = {},
    budget_s: float = 60.0,
    bound: int | None = None,
    reset: str | None = None,
    pool: YosysPool | None = None,
    jobs: int = 2,
    include_dirs: tuple[str, ...] = (),
    defines: tuple[tuple[str, str], ...] = (),
    confirm: bool = True,
) -> EquivalenceResult:
    """Return whether `gate` matches `gold` wherever gold gives a defined value, from reset on.

    Args:
        gold: the old design: Verilog text by file name, or a `Design`.
        gate: the new one.
        top: module to compare; None where gold has one top.
        gate_top: its name in gate, where it differs.
        parameters: overrides of top-level parameters, the same on both sides.
        budget_s: seconds for everything.
        bound: cycles from reset up to which to search; a search that ends there without a proof is `bounded`.
        reset: `NAME[=0|1][:cycles]`; None finds it by name and use.
        pool: warm Yosys workers; None starts some that are kept for later calls.
        jobs: proof processes at once.
        include_dirs: folders for include files (with texts; a `Design` brings its own).
        defines: macros (with texts).
        confirm: whether a difference is made short and replayed in Icarus before it is called `refuted`. Off, for
            callers that only discard what differs: much faster, `refuted` then has no counterexample and rests on
            our own model of the designs alone, so it must not be shown to a user as a fact.

    Returns:
        `proved`, `refuted` with a counterexample, `bounded`, or `unknown` with the reason.

    Raises:
        InputError: the ports differ, a combinational loop, an unreadable file.
        ElaborationError: a design can't be read.
        ToolNotFoundError: Yosys or ABC is missing.
        SandboxError: no process or folder to be had.
    """
    started = time.monotonic()
    left = _source(gold, top, parameters, include_dirs, defines)
    right = _source(gate, gate_top or top, parameters, include_dirs, defines)
    job = Job(left, right, started, started + budget_s, jobs, bound, reset, confirm)
    try:
        result = _run(job, _lowering(pool))
    except UnsupportedError as error:
        result = EquivalenceResult(status="unknown", method="none", reason=str(error))
    return result.model_copy(update={"wall_s": time.monotonic() - started})


def _source(
    design: Mapping[str, str] | Design,
    top: str | None,
    parameters: Mapping[str, str],
    include_dirs: tuple[str, ...],
    defines: tuple[tuple[str, str], ...],
) -> Source:
    if isinstance(design, Design):
        source = read_design(design)
        return replace(source, top=top or source.top, parameters={**source.parameters, **parameters})
    return Source(dict(design), top, dict(parameters), tuple(Path(d) for d in include_dirs), defines)


def _lowering(pool: YosysPool | None) -> Lowering:
    """Return the lowering that belongs to a pool, with its cache; without one, to a pool kept by this process."""
    with _lock:
        if pool is None:
            if not _own:
                _own.append(YosysPool(2, warm_abc=False).__enter__())
                atexit.register(_own[0].close)
            pool = _own[0]
        for lowering in _lowerings:
            if lowering.pool is pool:
                return lowering
        _lowerings.append(Lowering(pool))
        del _lowerings[:-_KEPT]
        return _lowerings[-1]


def _run(job: Job, lowering: Lowering) -> EquivalenceResult:
    gold, gate, whole = _read(job, lowering)
    check_ports(gold, gate)
    if whole:
        return Comparison(job, gold, gate).run()
    found = None
    if pair(gold, gate) is not None:
        found = Comparison(job, gold, gate).by_name()
    if found is None:
        _check_size(job, gold, gate)
        gold, gate = lowering.pair(job.gold, job.gate, job.deadline - time.monotonic(), expand=True)
        found = Comparison(job, gold, gate).run()
    return found


def _read(job: Job, lowering: Lowering) -> tuple[Netlist, Netlist, bool]:
    """Return both netlists, and whether no memory is left in them."""
    left = job.deadline - time.monotonic()
    try:
        gold, gate = lowering.pair(job.gold, job.gate, left)
    except UnsupportedError:
        gold, gate = lowering.pair(job.gold, job.gate, left, expand=True)
    return gold, gate, not gold.memories and not gate.memories


def _check_size(job: Job, *netlists: Netlist) -> None:
    """Raise where the memories are too large to be made into registers in the time that is left."""
    most = min(MAX_MEMORY_BITS, int((job.deadline - time.monotonic()) * _BITS_A_SECOND))
    for netlist in netlists:
        for memory in netlist.memories:
            if memory.width * memory.size > most:
                raise UnsupportedError(
                    f"memory {memory.name!r} has {memory.width * memory.size} bits; above {most} (in this time), only "
                    "memories are proved that match by name, with the same write ports"
                )
