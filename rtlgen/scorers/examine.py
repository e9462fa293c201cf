"""Equivalence, PPA and lint of one candidate: a program that `quality` starts in the sandbox.

A candidate's text is read by Yosys, slang, Verilator, ABC, OpenSTA and Icarus here, all of them inside one confined
process tree. The job comes on standard input; every finished check is one line of JSON on standard output, so that a
crash in one loses none before it.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, get_args

from rtlgen.core.errors import ElaborationError, InputError, RtlgenError, SandboxError
from rtlgen.core.types import PPA, Record

if TYPE_CHECKING:
    from rtlgen.synth.yosys import YosysPool

Check = Literal["lint", "equivalence", "ppa"]
CHECKS: Final[tuple[Check, ...]] = get_args(Check)
EquivalenceVerdict = Literal["proved", "refuted", "unknown", "not_run"]

SYNTHESIS_S: Final = 60.0
"""Seconds for each run of a tool in a measurement."""
_FULL: Final = 0.9
"""Share of the time from which on a check counts as ended by it."""
_LONGEST: Final = 8
"""How many times its budget a proof may take on the clock where others keep the machine busy."""
_TEXT: Final = 4000


class Job(Record):
    """What is to be examined."""

    checks: tuple[Check, ...]
    gold: str
    """The reference, preprocessed and without comments."""
    gold_top: str
    gate: str
    """The candidate, preprocessed and without comments."""
    gate_top: str
    written: str = ""
    """The candidate as it was written, for lint."""
    data_files: tuple[tuple[str, str], ...] = ()
    """Files that a design may read."""
    library: Path | None = None
    """Liberty file; None is the default library."""
    clock_ns: float | None = None
    equivalence_s: float
    """CPU seconds for the proof."""


class Equivalence(Record):
    """Whether a candidate does what the reference does wherever that is defined; never overrules the testbench."""

    status: EquivalenceVerdict
    """`not_run` where the reference can't be compared at all, `unknown` where no proof and no difference was found."""
    method: str = ""
    """Engine that settled it."""
    reason: str = ""
    output: str = ""
    """Output that differs."""
    steps: int | None = None
    """Steps from reset up to the difference, that one included."""
    counterexample: str = ""
    """Table of inputs and both designs' outputs, shown by Icarus on the sources; its end where it is long."""
    wall_s: float = 0.0


class Measurement(Record):
    """PPA of one design, or why there is none."""

    ppa: PPA | None = None
    ports: Mapping[str, str] | None = None
    """Direction and bits of each port, by name; None where slang can't read the design."""
    reason: str = ""
    wall_s: float = 0.0


class Lint(Record):
    """What linters say of an answer: how often each rule is broken, by `tool:RULE`."""

    errors: Mapping[str, int]
    warnings: Mapping[str, int]
    tools: tuple[str, ...] = ()
    """Linters that were run."""
    wall_s: float = 0.0


class Finding(Record):
    """One line of the program's output."""

    check: Check
    equivalence: Equivalence | None = None
    ppa: Measurement | None = None
    lint: Lint | None = None
    lasting: bool = True
    """Whether it would come out the same again: no tool ran out of time or memory."""


def examine(job: Job, folder: Path) -> None:
    """Run the checks of a job in `folder`, printing a `Finding` for each."""
    for name, text in job.data_files:
        (folder / name).write_text(text)
    with ExitStack() as stack:
        pool = None
        for check in job.checks:
            if check != "lint" and pool is None:
                pool = stack.enter_context(_pool(job))
            if check == "lint":
                found = Finding(check=check, lint=_lint(job))
            elif check == "equivalence":
                assert pool is not None
                equal, lasting = _equivalence(job, pool)
                found = Finding(check=check, equivalence=equal, lasting=lasting)
            else:
                assert pool is not None
                measured, lasting = _measurement(job, folder, pool)
                found = Finding(check=check, ppa=measured, lasting=lasting)
            sys.stdout.write(found.model_dump_json() + "\n")
            sys.stdout.flush()


def _pool(job: Job) -> YosysPool:
    from rtlgen.core.config import load_settings
    from rtlgen.synth.flow.libfile import working_library
    from rtlgen.synth.flow.script import preload_commands
    from rtlgen.synth.liberty import read_library
    from rtlgen.synth.yosys import YosysPool

    if "ppa" not in job.checks:
        return YosysPool(1, warm_abc=False)
    files = working_library(read_library(job.library), load_settings().cache_dir)
    return YosysPool(1, preload=preload_commands(files.scl))


# Equivalence ----------------------------------------------------------------------------------------------------------


def _equivalence(job: Job, pool: YosysPool) -> tuple[Equivalence, bool]:
    """Return the proof's outcome, and whether it would come out the same again.

    A proof that other work on the machine kept from its CPU time is tried once more, with more time on the clock.
    """
    found, used = _compared(job, pool, job.equivalence_s)
    if _starved(job, found, used, job.equivalence_s):
        more_s = min(found.wall_s / used, _LONGEST) * job.equivalence_s
        found, used = _compared(job, pool, more_s)
        return found, not _starved(job, found, used, more_s)
    return found, True


def _starved(job: Job, found: Equivalence, used_s: float, budget_s: float) -> bool:
    """Return whether a proof ended by the clock before it had its CPU time."""
    by_time = found.status == "unknown" and found.wall_s >= _FULL * budget_s
    return by_time and used_s < _FULL * job.equivalence_s


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def _compared(job: Job, pool: YosysPool, budget_s: float) -> tuple[Equivalence, float]:
    """Return the proof's outcome within seconds on the clock, and the CPU seconds that it took (0.1 at least)."""
    begin = _cpu_s()
    found = _proof(job, pool, budget_s)
    return found, max(_cpu_s() - begin, 0.1)


def _proof(job: Job, pool: YosysPool, budget_s: float) -> Equivalence:
    from rtlgen.synth.equiv import check_equivalence
    from rtlgen.synth.equiv.report import table

    try:
        result = check_equivalence(
            {"reference.sv": job.gold}, {"candidate.sv": job.gate}, top=job.gold_top, gate_top=job.gate_top,
            budget_s=budget_s, pool=pool, jobs=1,
        )  # fmt: skip
    except (ElaborationError, InputError) as error:
        return Equivalence(status="unknown", reason=str(error)[:_TEXT])
    status: EquivalenceVerdict = "unknown" if result.status == "bounded" else result.status
    example = result.counterexample
    if example is None or status != "refuted":
        return Equivalence(status=status, method=result.method, reason=result.reason[:_TEXT], wall_s=result.wall_s)
    return Equivalence(
        status=status, method=result.method, output=example.output, steps=len(example.inputs),
        counterexample=_shortened(table(example)), wall_s=result.wall_s,
        reason=f"{example.output} differs in step {len(example.inputs) - 1} after reset",
    )  # fmt: skip


def _shortened(text: str) -> str:
    """Return a table's head and as many of its last rows as fit."""
    head, *rows = text.splitlines()
    kept: list[str] = []
    for row in reversed(rows):
        if sum(map(len, kept)) + len(row) + len(head) > _TEXT and kept:
            kept.append("...")
            break
        kept.append(row)
    return "\n".join([head, *reversed(kept)])[: 4 * _TEXT]


# PPA ------------------------------------------------------------------------------------------------------------------


def _measurement(job: Job, folder: Path, pool: YosysPool) -> tuple[Measurement, bool]:
    """Return the measurement, and whether it would come out the same again."""
    from rtlgen.core.types import Design
    from rtlgen.synth.liberty import read_library
    from rtlgen.synth.ppa import measure

    file = folder / "candidate.sv"
    file.write_text(job.gate)
    design = Design(files=(file,), top=job.gate_top)
    try:
        report = measure(
            design, read_library(job.library), clock_ns=job.clock_ns, pool=pool, timeout_s=SYNTHESIS_S
        )  # fmt: skip
    except RtlgenError as error:
        reason = str(error).replace(f"{folder}/", "")[:_TEXT]
        return Measurement(reason=reason), not isinstance(error, SandboxError)
    return Measurement(ppa=report.ppa, ports=_ports(job), wall_s=report.wall_s), True


def _ports(job: Job) -> dict[str, str] | None:
    from pyslang.ast import PortSymbol

    from rtlgen.graphs.frontend.slang import elaborate

    try:
        top = elaborate({"candidate.sv": job.gate.encode()}, top=job.gate_top).top
        ports = [p for p in top.body.portList if isinstance(p, PortSymbol)]
    except (ElaborationError, InputError):
        return None
    return {p.name: f"{p.direction.name} {p.type.bitWidth}" for p in ports}


# Lint -----------------------------------------------------------------------------------------------------------------


def _lint(job: Job) -> Lint:
    import time
    from collections import Counter
    from importlib import metadata

    from rtlgen.graphs.frontend.slang import elaborate, slang_warnings
    from rtlgen.synth.lint import counted, errors, verilator_report
    from rtlgen.synth.tools import find_tool

    begin = time.monotonic()
    wrong: Counter[str] = Counter()
    warned: Counter[str] = Counter()
    tools = [f"slang {metadata.version('pyslang')}"]
    try:
        warned.update({f"slang:{c}": n for c, n in slang_warnings(elaborate(
            {"candidate.sv": job.written.encode()}, top=job.gate_top
        )).items()})  # fmt: skip
    except ElaborationError as error:
        wrong.update(f"slang:{d.code}" for d in error.diagnostics)
        wrong.update(() if error.diagnostics else ("slang:top",))
    except InputError:
        wrong.update(("slang:text",))
    report = verilator_report({"candidate.sv": job.written}, job.gate_top)
    if report is not None:
        bad = errors(report)
        tools.append(str(find_tool("verilator")))
        wrong.update({f"verilator:{c}": n for c, n in bad.items()})
        warned.update({f"verilator:{c}": n for c, n in (counted(report) or Counter()).items() if c not in bad})
    return Lint(
        errors=dict(sorted(wrong.items())), warnings=dict(sorted(warned.items())), tools=tuple(tools),
        wall_s=round(time.monotonic() - begin, 3),
    )  # fmt: skip


if __name__ == "__main__":
    examine(Job.model_validate_json(sys.stdin.read()), Path.cwd())
