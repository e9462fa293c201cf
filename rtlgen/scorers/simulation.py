"""The testbench's verdict on a candidate, in a form that the candidate can't write.

The testbench comes first and under names that change with every run (see `disguise`); its printed lines carry a nonce.
How the process ended is looked at before any text. There has to be as many verdict lines, over as many samples, as
the reference gets from the same simulator.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Final, Literal

from rtlgen.core.errors import InputError
from rtlgen.core.store import Store, record_codec
from rtlgen.core.types import Record, ToolRun
from rtlgen.sandbox import Limits
from rtlgen.scorers.disguise import CannotPrepareError, Disguise, disguise, file_name, renamed
from rtlgen.scorers.gate import refusal
from rtlgen.scorers.place import private_folder
from rtlgen.scorers.ports import ports_of
from rtlgen.scorers.problem import Problem
from rtlgen.synth.sim import Icarus, find_icarus
from rtlgen.synth.sim.icarus import needs_preprocessor

Status = Literal[
    "passed", "failed", "syntax_error", "refused", "no_verdict", "timeout", "memory", "crashed", "tool_limit"
]
SCHEMA: Final = "verdict/1"
COMPILE: Final = Limits(cpu_s=20, wall_s=300, memory_mb=2048, file_mb=64, output_mb=2, disk_mb=128, processes=16)
RUN: Final = Limits(cpu_s=30, wall_s=450, memory_mb=2048, file_mb=16, output_mb=8, disk_mb=128, processes=16)
LARGEST: Final = 1 << 20
"""Characters of a candidate."""
_TOOL_LIMITS: Final = re.compile(
    r"\bsorry:|not (?:yet )?supported|internal error|assert(?:ion)?.* failed", re.IGNORECASE
)
_FIRST: Final = re.compile(r"First mismatch occurred at time (\d+)")


class Verdict(Record):
    """What a testbench said of a candidate.

    `tool_limit` says that the simulator can't read the candidate, which may well be right: it is told apart from a
    failure, so that reports can give the bound if it were.
    """

    status: Status
    reason: str = ""
    """In words, for people; never looked at by programs."""
    mismatches: int | None = None
    samples: int | None = None
    first_mismatch: int | None = None
    """Time of the first mismatch in units of the simulation's precision, where the testbench tells."""
    simulator: str = ""
    compile_s: float = 0.0
    run_s: float = 0.0
    from_store: bool = False
    """Whether it was there already; its times are then those of when it was made."""

    @property
    def passed(self) -> bool:
        """Whether the candidate is right, as far as the testbench tells."""
        return self.status == "passed"


@dataclass(frozen=True, slots=True)
class _Golden:
    """What the reference gets: number of verdict lines, and of samples in each."""

    lines: int
    samples: tuple[int, ...]
    run_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _Run:
    """What came of one simulation: how it ended, or the lines that the testbench printed."""

    ended: Verdict | None
    lines: tuple[str, ...] = ()
    compile_s: float = 0.0
    run_s: float = 0.0


class Judge:
    """Judges candidates by simulation; threads may share it.

    Args:
        simulator: which Icarus; None is the installed one.
        store: where verdicts are kept, None for nowhere.
        compile_limits: for the compiler.
        run_limits: for the simulation.
    """

    def __init__(
        self,
        simulator: Icarus | None = None,
        *,
        store: Store | None = None,
        compile_limits: Limits = COMPILE,
        run_limits: Limits = RUN,
    ) -> None:
        self.simulator = simulator or find_icarus()
        self._store = store
        self._compile_limits, self._run_limits = compile_limits, run_limits
        self._lock = Lock()
        self._prepared: dict[str, Disguise] = {}
        self._golden: dict[str, _Golden | Verdict] = {}

    def judge(self, problem: Problem, source: str) -> Verdict:
        """Return the verdict on a candidate's source.

        Raises:
            InputError: the testbench can't be prepared.
            SandboxError: the sandbox itself failed.
        """
        return self._stored(problem, source, lambda: self._judge(problem, source))

    def reference(self, problem: Problem) -> Verdict:
        """Return what the testbench says of the problem's own reference.

        Raises:
            InputError: the testbench can't be prepared.
            SandboxError: the sandbox itself failed.
        """
        found = self._golden_of(problem)
        if isinstance(found, Verdict):
            return found
        samples = found.samples[0] if found.samples else None
        return Verdict(status="passed", mismatches=0, samples=samples, simulator=str(self.simulator))

    def expected_s(self, problem: Problem) -> float:
        """Return how long the simulation of the reference takes, 0 where it does not pass.

        Raises:
            InputError: the testbench can't be prepared.
            SandboxError: the sandbox itself failed.
        """
        found = self._golden_of(problem)
        return found.run_s if isinstance(found, _Golden) else 0.0

    def _stored(self, problem: Problem, source: str, fn: Callable[[], Verdict]) -> Verdict:
        if self._store is None:
            return fn()
        key = Store.key(
            schema=SCHEMA,
            tool=str(self.simulator),
            inputs={"problem": problem.digest, "candidate": source},
            limits=[self._compile_limits, self._run_limits],
        )
        lasting = ("passed", "failed", "syntax_error", "refused", "no_verdict", "tool_limit")
        made: list[Verdict] = []

        def make() -> Verdict:
            made.append(fn())
            return made[0]

        found = self._store.get_or_compute(
            key, make, cacheable=lambda v: v.status in lasting, codec=record_codec(Verdict)
        )
        return found if made else found.model_copy(update={"from_store": True})

    def _judge(self, problem: Problem, source: str) -> Verdict:
        golden = self._golden_of(problem)
        expected = golden if isinstance(golden, _Golden) else _Golden(1, ())
        reason = "is empty" if not source.strip() else refusal(source)
        reason = f"is longer than {LARGEST} characters" if len(source) > LARGEST else reason
        if reason is not None:
            status: Status = "syntax_error" if reason.startswith("has an unended") or "empty" in reason else "refused"
            return Verdict(status=status, reason=f"the candidate {reason}", simulator=str(self.simulator))
        run = self._run(problem, source)
        return run.ended if run.ended is not None else self._read(problem, run, expected)

    # The reference ------------------------------------------------------------------------------------------------

    def _golden_of(self, problem: Problem) -> _Golden | Verdict:
        key = problem.digest
        with self._lock:
            known = self._golden.get(key)
        if known is None:
            known = self._measure_golden(problem)
            with self._lock:
                self._golden[key] = known
        return known

    def _measure_golden(self, problem: Problem) -> _Golden | Verdict:
        source = renamed(problem.reference, {problem.reference_top: problem.top}).replace("\r", "")
        run = self._run(problem, source)
        if run.ended is not None:
            return run.ended
        verdicts = _verdicts(problem, run.lines)
        samples = tuple(int(m[2]) for m in verdicts if len(m.groups()) == 2)
        if not verdicts or any(int(m[1]) for m in verdicts if len(m.groups()) == 2) or (samples and not min(samples)):
            return self._read(problem, run, _Golden(max(1, len(verdicts)), samples))
        return _Golden(len(verdicts), samples, run.run_s)

    # One simulation -----------------------------------------------------------------------------------------------

    def _disguise(self, problem: Problem) -> Disguise:
        key = problem.digest
        with self._lock:
            known = self._prepared.get(key)
        if known is None:
            known = self._prepare(problem)
            with self._lock:
                self._prepared[key] = known
        return known

    def _prepare(self, problem: Problem) -> Disguise:
        text = problem.testbench
        if problem.reference_in_testbench:
            text += "\n" + problem.reference
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        if needs_preprocessor(text):
            with private_folder() as folder:
                done = self.simulator.preprocess(text, folder, self._compile_limits)
            if done.ended_by != "exit" or done.exit_code:
                raise InputError(f"{problem.id}: the testbench can't be preprocessed: {_first_line(done)}")
            text = done.stdout
        ports = ports_of(problem.reference, problem.reference_top)
        try:
            return disguise(
                text,
                top=problem.top,
                tb_top=problem.tb_top,
                files=[name for name, _ in problem.data_files],
                inputs=[p.name for p in ports if p.is_plain_input],
                ports=[p.name for p in ports],
            )
        except CannotPrepareError as error:
            raise InputError(f"{problem.id}: {error}") from error

    def _run(self, problem: Problem, source: str) -> _Run:
        prepared = self._disguise(problem)
        salt, nonce = f"r{secrets.token_hex(8)}", secrets.token_hex(16)
        with private_folder() as folder:
            limits = self._compile_limits
            if needs_preprocessor(source):
                done = self.simulator.preprocess(source, folder, limits, f"{salt}_c.v")
                if done.ended_by != "exit" or done.exit_code:
                    return _Run(self._not_compiled(done))
                source = done.stdout
            before = f"`resetall\n`timescale {problem.timescale}\n" if problem.timescale else "`resetall\n"
            (folder / f"{salt}.v").write_text(f"{prepared.render(salt, nonce)}\n{before}{source}\n")
            compiled = self.simulator.compile(f"{salt}.v", prepared.top_names(salt), f"{salt}.vvp", folder, limits)
            if compiled.ended_by != "exit" or compiled.exit_code:
                return _Run(self._not_compiled(compiled))
            (folder / f"{salt}.v").unlink(missing_ok=True)
            for index, (_, content) in enumerate(problem.data_files):
                (folder / file_name(salt, index)).write_text(content)
            ran = self.simulator.simulate(f"{salt}.vvp", folder, self._run_limits)
        ended = self._not_ended(ran)
        lines = tuple(x.removeprefix(nonce) for x in ran.stdout.splitlines() if x.startswith(nonce))
        return _Run(ended, lines, compiled.wall_s, ran.wall_s)

    def _not_compiled(self, done: ToolRun) -> Verdict:
        status: Status = "syntax_error"
        reason = _without_salt(_first_line(done))
        if done.ended_by == "timeout":
            status, reason = "timeout", "the compiler took too long"
        elif done.ended_by == "memory":
            status, reason = "memory", "the compiler took too much memory"
        elif done.ended_by != "exit":
            status, reason = "tool_limit", f"the compiler ended by {done.ended_by}"
        elif _TOOL_LIMITS.search(done.stderr + done.stdout):
            status = "tool_limit"
        return Verdict(status=status, reason=reason, simulator=str(self.simulator), compile_s=done.wall_s)

    def _not_ended(self, ran: ToolRun) -> Verdict | None:
        """Return the verdict on a simulation that did not end by itself with exit code 0, else None."""
        if ran.ended_by == "exit" and ran.exit_code == 0:
            return None
        status: Status = "crashed"
        reason = f"the simulation ended with exit code {ran.exit_code}"
        if ran.ended_by == "timeout":
            status, reason = "timeout", "the simulation took too long"
        elif ran.ended_by == "memory":
            status, reason = "memory", "the simulation took too much memory"
        elif ran.ended_by != "exit":
            reason = f"the simulation ended by {ran.ended_by}: {_last_line(ran.stderr)}"
        return Verdict(status=status, reason=_without_salt(reason), simulator=str(self.simulator), run_s=ran.wall_s)

    def _read(self, problem: Problem, run: _Run, golden: _Golden) -> Verdict:
        """Return the verdict that the testbench's own lines give."""
        found = _verdicts(problem, run.lines)
        first = next((int(m[1]) for line in run.lines if (m := _FIRST.search(line))), None)
        mismatches = samples = None
        status: Status = "passed"
        reason = ""
        if len(found) != golden.lines:
            status = "failed" if run.lines and not found else "no_verdict"
            reason = f"expected {golden.lines} verdict lines of the testbench, got {len(found)}"
        elif found and len(found[0].groups()) == 2:
            numbers = [(int(m[1] or 0), int(m[2] or 0)) for m in found]
            mismatches, samples = sum(n for n, _ in numbers), numbers[0][1]
            if golden.samples and tuple(n for _, n in numbers) != golden.samples:
                status, reason = (
                    "no_verdict",
                    f"expected {golden.samples[0]} samples as the reference gets, got {samples}",
                )
            elif mismatches or not samples:
                status, reason = "failed", f"{mismatches} mismatches in {samples} samples"
        return Verdict(
            status=status, reason=reason, mismatches=mismatches, samples=samples, first_mismatch=first,
            simulator=str(self.simulator), compile_s=run.compile_s, run_s=run.run_s,
        )  # fmt: skip


def _verdicts(problem: Problem, lines: tuple[str, ...]) -> list[re.Match[str]]:
    pattern = re.compile(problem.verdict)
    return [m for line in lines if (m := pattern.search(line))]


def _first_line(run: ToolRun) -> str:
    lines = [x for x in (run.stderr or run.stdout).splitlines() if x.strip()]
    errors = [x for x in lines if "error" in x.lower() or "sorry" in x.lower()]
    return (errors or lines or ["no message"])[0][:300]


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no message"])[-1][:300]


def _without_salt(text: str) -> str:
    return re.sub(r"\br[0-9a-f]{16}(_\w+)?(\.v)?\b", "candidate", text)
