"""ABC as a set of proof engines, each in a process of its own that is killed by its group when time is up.

The verdict is the status file that ABC writes and, for a difference, its witness; no log line counts. The problem file
holds no name of the design, and ABC runs in a private folder.
"""

from __future__ import annotations

import contextlib
import functools
import math
import os
import resource
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from rtlgen.core.errors import SandboxError
from rtlgen.synth.tools import find_tool

Answer = Literal["unsat", "sat", "unknown"]
_PROBLEM, _STATUS, _WITNESS, _BASE = "problem.aig", "status", "witness", "base"
_PATIENCE = 4
"""Wall time for a second of an engine's processor time, on a machine that does other things as well."""
_POLL_S = (0.001, 0.02)
_GRACE_S = 0.5
"""Time for an engine that watches its own clock to end by itself and write what it knows."""


@dataclass(frozen=True, slots=True)
class Engine:
    """One way to ask ABC.

    Attributes:
        name: for reports.
        script: ABC commands; `{seconds}` stands for the time left, rounded up.
        refutes: whether its witness is usable (a reduction before may have changed the problem).
        shortest: whether its witness is known to be a shortest one.
        limit_s: most seconds of processor time that it may use; None for no limit but the deadline.
        base: time frames that must have been searched, by the engine's own first status file, for its `unsat` to count.
    """

    name: str
    script: str
    refutes: bool = True
    shortest: bool = False
    limit_s: float | None = None
    base: int | None = None

    def bounded(self, frames: int | None) -> Engine:
        """Return the engine made to stop after some time frames."""
        return self if frames is None else replace(self, script=self.script.replace("bmc3", f"bmc3 -F {frames}"))


COMBINATIONAL = (
    Engine("cec", "read_aiger problem.aig; &r problem.aig; &cec -m -C 1000000"),
    Engine("iprove", "read_aiger problem.aig; iprove"),
    Engine("fraig-sat", "read_aiger problem.aig; prove", refutes=False),
)
"""For problems without state."""

BMC = Engine("bmc", "read_aiger problem.aig; bmc3 -T {seconds}", shortest=True)
"""Bounded search for a difference, shortest first."""

_DPROVE = Engine("dprove", "read_aiger problem.aig; dprove -T {seconds}", refutes=False)
_SCORR = Engine("scorr+pdr", "read_aiger problem.aig; scorr -F 2; dc2; scorr -F 4; pdr -T {seconds}", refutes=False)
_PDR = Engine("pdr", "read_aiger problem.aig; pdr -T {seconds}")
_REACH = Engine(
    "scorr+reach", "read_aiger problem.aig; scorr -F 2; dc2; scorr -F 4; reach -F 1000000 -T {seconds}", refutes=False
)
_REACH_GIA = Engine(
    "&scorr+reach", "read_aiger problem.aig; &get; &scorr -F 4; &put; reach -F 1000000 -T {seconds}", refutes=False
)
_INDUCTION_DEPTHS = (4, 11, 20, 20)


def _induction(frames: int) -> Engine:
    """Return k-induction; ABC's `ind` is only the step, so the base comes first and has a status file of its own."""
    base = frames + 2
    script = (
        f"read_aiger problem.aig; &get; &scorr -F 4; &put; bmc3 -F {base}; write_status {_BASE}; "
        f"ind -F {frames} -T {{seconds}}"
    )
    return Engine(f"induction-{frames}", script, refutes=False, base=base)


def prover_schedule(seconds: float) -> list[Engine]:
    """Return the provers in the order to start them: each briefly, then with more time.

    The slices grow, because which prover suits a machine is not known before, and the one that does mostly needs
    little time.
    """
    schedule = []
    share = 1.0
    rounds = 0
    while share < seconds:
        # reachability settles most machines of moderate size, so it gets more from the start
        induction = _induction(_INDUCTION_DEPTHS[min(rounds, 3)])
        weighted = [(_REACH, 3), (_DPROVE, 2), (_REACH_GIA, 2), (induction, 1), (_SCORR, 1), (_PDR, 1)]
        schedule += [replace(engine, limit_s=share * weight) for engine, weight in weighted]
        share *= 3
        rounds += 1
    last = [_REACH_GIA, _PDR, _induction(_INDUCTION_DEPTHS[-1]), _DPROVE, _SCORR]
    return schedule + [replace(engine, limit_s=seconds) for engine in last]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an engine said.

    Attributes:
        engine: its name.
        answer: `unsat` (the outputs can't be 1), `sat`, or `unknown`.
        frames: input bits of each time frame, in the order of the problem's inputs, for `sat`.
        depth: time frames that were searched without a difference.
        wall_s: seconds it ran.
        shortest: whether no shorter witness exists.
    """

    engine: str
    answer: Answer
    frames: tuple[str, ...] = ()
    depth: int = 0
    wall_s: float = 0.0
    shortest: bool = False

    def __str__(self) -> str:
        return f"{self.engine}={self.answer}@{self.wall_s:.2f}"


@dataclass(slots=True)
class _Run:
    engine: Engine
    process: subprocess.Popen[bytes]
    folder: Path
    until: float
    end: int
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Seconds since its start."""
        return time.monotonic() - self.started


def race(
    tasks: Sequence[tuple[Engine, bytes]],
    *,
    deadline: float,
    jobs: int = 2,
    memory_mb: int = 4096,
    enough: Callable[[Verdict], bool] = lambda v: v.answer != "unknown",
    useful: Callable[[Engine, Sequence[Verdict]], bool] = lambda engine, verdicts: True,
    meanwhile: Callable[[], Verdict | None] | None = None,
) -> list[Verdict]:
    """Return the verdicts of the engines that ended, the deciding one last.

    Args:
        tasks: engine and its problem as AIGER text, in order of preference.
        deadline: `time.monotonic()` at which every process is killed.
        jobs: processes at once.
        memory_mb: address space of each.
        enough: when to stop the others.
        useful: whether an engine is still worth running after some verdicts.
        meanwhile: a little work of our own, done again and again while the engines run; what it finds counts as theirs.

    Raises:
        SandboxError: no private folder or no process.
        ToolNotFoundError: ABC is missing.
    """
    abc = _abc()
    waiting, running, verdicts = list(tasks), list[_Run](), list[Verdict]()
    pause = _POLL_S[0]
    own = meanwhile
    try:
        with tempfile.TemporaryDirectory(prefix="rtlgen-equiv-", ignore_cleanup_errors=True) as base:
            try:
                while (waiting or running) and time.monotonic() < deadline + _GRACE_S:
                    while waiting and len(running) < jobs and time.monotonic() < deadline:
                        running.append(_start(abc, *waiting.pop(0), Path(base), deadline, memory_mb))
                    ended = [run for run in running if run.process.poll() is not None]
                    for run in ended:
                        running.remove(run)
                        verdicts.append(_verdict(run))
                        if enough(verdicts[-1]):
                            return verdicts
                    if ended:
                        waiting = [task for task in waiting if useful(task[0], verdicts)]
                    for run in [r for r in running if time.monotonic() > r.until or not useful(r.engine, verdicts)]:
                        running.remove(run)
                        _kill(run)
                        verdicts.append(Verdict(run.engine.name, "unknown", wall_s=run.seconds))
                    found = own() if own and not ended else None
                    if found is not None:
                        own = None
                        verdicts.append(found)
                        if enough(found):
                            return verdicts
                    elif not ended:
                        _wait(running, pause)
                        pause = min(pause * 1.3, _POLL_S[1])
                verdicts += [Verdict(r.engine.name, "unknown", wall_s=r.seconds) for r in running]
            finally:
                for run in running:
                    _kill(run)
    except OSError as error:
        raise SandboxError(f"can't run ABC: {error}") from error
    return verdicts


@functools.cache
def _abc() -> str:
    return str(find_tool("yosys-abc").path)


def _wait(running: Sequence[_Run], seconds: float) -> None:
    """Wait until a process ends, or for a moment."""
    ends = [run.end for run in running]
    if -1 in ends:
        time.sleep(seconds)
    elif ends:
        select.select(ends, [], [], seconds)


def _start(abc: str, engine: Engine, problem: bytes, base: Path, deadline: float, memory_mb: int) -> _Run:
    folder = Path(tempfile.mkdtemp(dir=base))
    (folder / _PROBLEM).write_bytes(problem)
    left = max(1, math.ceil(deadline - time.monotonic()))
    seconds = min(left, math.ceil(engine.limit_s)) if engine.limit_s else max(1, int(deadline - time.monotonic()))
    until = deadline if engine.limit_s is None else min(deadline, time.monotonic() + _PATIENCE * engine.limit_s)
    script = engine.script.format(seconds=seconds)
    process = subprocess.Popen(
        [abc, "-q", f"{script}; write_status {_STATUS}; write_cex -a {_WITNESS}"],
        cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "TMPDIR": str(folder)},
    )  # fmt: skip
    with contextlib.suppress(ProcessLookupError):
        _limit(process.pid, memory_mb, seconds + 1)
    return _Run(engine, process, folder, until + _GRACE_S, _end_of(process.pid))


def _end_of(pid: int) -> int:
    """Return a descriptor that becomes readable when the process ends; -1 where the kernel has none."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return -1


def _limit(pid: int, memory_mb: int, seconds: int) -> None:
    """Set limits from outside: code between fork and exec could hang a program with threads."""
    size = memory_mb << 20
    resource.prlimit(pid, resource.RLIMIT_AS, (size, size))
    resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))
    resource.prlimit(pid, resource.RLIMIT_CPU, (seconds, seconds + 1))


def _kill(run: _Run) -> None:
    with contextlib.suppress(OSError):
        os.killpg(run.process.pid, signal.SIGKILL)
    run.process.wait()
    _close(run)
    shutil.rmtree(run.folder, ignore_errors=True)


def _close(run: _Run) -> None:
    if run.end >= 0:
        os.close(run.end)
        run.end = -1


def _verdict(run: _Run) -> Verdict:
    """Return what the ended process said; anything but a clean end with a status file says nothing."""
    wall_s = run.seconds
    _close(run)
    unknown = Verdict(run.engine.name, "unknown", wall_s=wall_s)
    if run.process.returncode != 0:
        return unknown
    answer, depth = _status(run.folder / _STATUS)
    if answer == "unsat" and run.engine.base is not None:
        base, cleared = _status(run.folder / _BASE)
        if base != "unsat" and not (base == "unknown" and cleared >= run.engine.base):
            return unknown
    if answer == "sat":
        frames = read_witness(run.folder / _WITNESS) if run.engine.refutes else ()
        return Verdict(run.engine.name, "sat", frames, depth, wall_s, run.engine.shortest)
    return Verdict(run.engine.name, answer, depth=depth, wall_s=wall_s)


def _status(path: Path) -> tuple[Answer, int]:
    """Return answer and searched frames of a status file of ABC; anything unexpected says nothing."""
    try:
        words = path.read_text().split()
    except (OSError, UnicodeDecodeError):
        return "unknown", 0
    depth = int(words[1]) + 1 if len(words) > 1 and words[1].lstrip("-").isdigit() else 0
    answers: dict[str, Answer] = {"snl_UNSAT": "unsat", "snl_SAT": "sat"}
    return answers.get(words[0] if words else "", "unknown"), depth


def read_witness(path: Path) -> tuple[str, ...]:
    """Return the input bits of each frame of a witness that ABC wrote; empty where it is not whole."""
    try:
        lines = path.read_text().split("\n")
    except (OSError, UnicodeDecodeError):
        return ()
    if "# DONE" not in lines:
        return ()
    return tuple(line for line in lines[1 : lines.index("# DONE")] if set(line) <= {"0", "1"})
