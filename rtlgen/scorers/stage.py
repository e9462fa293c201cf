"""A candidate in its problem's testbench, run once: compiled under fresh names, simulated, its end looked at."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from threading import Lock
from typing import Final

from rtlgen.core.errors import InputError, RtlgenError
from rtlgen.core.types import ToolRun
from rtlgen.graphs.frontend.words import plain_lines, words
from rtlgen.sandbox import Limits
from rtlgen.scorers.disguise import CannotPrepareError, Disguise, disguise, file_name
from rtlgen.scorers.gate import refusal
from rtlgen.scorers.ports import body_end, ports_of
from rtlgen.scorers.problem import Problem
from rtlgen.scorers.verdict import Status, Verdict
from rtlgen.synth.sim import Simulator

COMPILE: Final = Limits(cpu_s=20, wall_s=300, memory_mb=2048, file_mb=64, output_mb=2, disk_mb=128, processes=16)
RUN: Final = Limits(cpu_s=30, wall_s=450, memory_mb=2048, file_mb=16, output_mb=8, disk_mb=128, processes=16)
_WAVES: Final = "waves.vcd"


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of one simulation: how it ended, or the lines that the testbench printed."""

    ended: Verdict | None
    lines: tuple[str, ...] = ()
    compile_s: float = 0.0
    run_s: float = 0.0
    waves: bytes = b""
    """Value change dump of the candidate's ports, where it was asked for."""


class Stage:
    """Runs candidates; threads may share it.

    Args:
        simulator: which.
        compile_limits: for the compiler.
        run_limits: for the simulation.
    """

    def __init__(self, simulator: Simulator, compile_limits: Limits = COMPILE, run_limits: Limits = RUN) -> None:
        self.simulator = simulator
        self._compile_limits, self._run_limits = compile_limits, run_limits
        self._lock = Lock()
        self._prepared: dict[str, Disguise] = {}

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
        text = plain_lines(text)
        if self.simulator.needs_preprocessor(text):
            with self.simulator.cell() as cell:
                done = self.simulator.preprocess(text, cell, self._compile_limits)
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

    def run(self, problem: Problem, source: str, *, waves: bool = False) -> Ran:
        """Return what came of a candidate.

        Args:
            problem: its testbench and data.
            source: the candidate, which the gate has seen.
            waves: whether the values of its ports are recorded (Icarus only).

        Raises:
            InputError: the testbench can't be prepared.
            SandboxError: the sandbox itself failed.
        """
        prepared = self._disguise(problem)
        salt, nonce = f"r{secrets.token_hex(8)}", secrets.token_hex(16)
        with self.simulator.cell() as cell:
            limits = self._compile_limits
            if self.simulator.needs_preprocessor(source):
                done = self.simulator.preprocess(source, cell, limits, f"{salt}_c.v")
                if done.ended_by != "exit" or done.exit_code:
                    return Ran(self._not_compiled(done))
                source = done.stdout
                reason = self._pasted(source)
                if reason is not None:
                    return Ran(Verdict(status="refused", reason=reason, simulator=str(self.simulator)))
            source = _recorded(source, problem.top) if waves else source
            scale = f"`timescale {problem.timescale}\n" if problem.timescale else ""
            (cell.folder / f"{salt}.v").write_text(
                f"{scale}{prepared.render(salt, nonce)}\n`resetall\n{scale}{source}\n"
            )
            compiled = self.simulator.compile(f"{salt}.v", prepared.top_names(salt), f"{salt}.vvp", cell, limits)
            if compiled.ended_by != "exit" or compiled.exit_code:
                return Ran(self._not_compiled(compiled))
            (cell.folder / f"{salt}.v").unlink(missing_ok=True)
            for index, (_, content) in enumerate(problem.data_files):
                (cell.folder / file_name(salt, index)).write_text(content)
            ran = self.simulator.simulate(f"{salt}.vvp", cell, self._run_limits, waves=waves)
            file = cell.folder / _WAVES
            recorded = file.read_bytes() if waves and file.is_file() else b""
        ended = self._not_ended(ran)
        lines = tuple(x.removeprefix(nonce) for x in ran.stdout.splitlines() if x.startswith(nonce))
        return Ran(ended, lines, compiled.wall_s, ran.wall_s, recorded)

    def _pasted(self, preprocessed: str) -> str | None:
        """Return why a candidate is refused once its macros are known: they can paste words that the gate knows."""
        reason = refusal(preprocessed)
        if reason is not None:
            return f"the candidate {reason}"
        directives = (w.text for w in words(preprocessed) if w.kind == "directive")
        left = next((d for d in directives if self.simulator.needs_preprocessor(d)), None)
        return None if left is None else f"the candidate pastes the compiler directive {left}"

    def _not_compiled(self, done: ToolRun) -> Verdict:
        status: Status = "syntax_error"
        reason = _without_salt(_first_line(done))
        if done.ended_by == "timeout":
            status, reason = "timeout", "the compiler took too long"
        elif done.ended_by == "memory":
            status, reason = "memory", "the compiler took too much memory"
        elif done.ended_by != "exit":
            status, reason = "tool_limit", f"the compiler ended by {done.ended_by}"
        elif self.simulator.cannot(done):
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
        elif said := [x for x in (ran.stderr + ran.stdout).splitlines() if "error" in x.lower()]:
            reason += f": {said[0][:300]}"
        return Verdict(status=status, reason=_without_salt(reason), simulator=str(self.simulator), run_s=ran.wall_s)


def _recorded(source: str, top: str) -> str:
    """Return a candidate that records its ports; as it stands where they can't be told."""
    try:
        names = [p.name for p in ports_of(source, top) if p.is_plain]
        end = body_end(source, top)
    except RtlgenError:
        return source
    if not names:
        return source
    dump = f'initial begin $dumpfile("{_WAVES}"); $dumpvars(0, {", ".join(names)}); end'
    return f"{source[:end]}\n{dump}\n{source[end:]}"


def _first_line(run: ToolRun) -> str:
    lines = [x for x in (run.stderr or run.stdout).splitlines() if x.strip()]
    errors = [x for x in lines if "error" in x.lower() or "sorry" in x.lower()]
    return (errors or lines or ["no message"])[0][:300]


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no message"])[-1][:300]


def _without_salt(text: str) -> str:
    return re.sub(r"\br[0-9a-f]{16}(_\w+)?(\.v)?\b", "candidate", text)
