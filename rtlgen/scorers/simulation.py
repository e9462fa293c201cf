"""The testbench's verdict on a candidate, in a form that the candidate can't write.

The testbench comes first and under names that change with every run (see `disguise`); its printed lines carry a nonce.
How the process ended is looked at before any text. There has to be as many verdict lines, over as many samples, as
the reference gets from the same simulator.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Final

from pydantic import TypeAdapter

from rtlgen.core.store import Codec, Store, record_codec
from rtlgen.sandbox import Limits
from rtlgen.scorers.gate import refusal
from rtlgen.scorers.problem import Problem
from rtlgen.scorers.stage import COMPILE, RUN, Ran, Stage
from rtlgen.scorers.verdict import Status, Verdict
from rtlgen.synth.sim import Simulator, find_icarus

SCHEMA: Final = "verdict/2"
LARGEST: Final = 1_000_000
"""Characters of a candidate."""
_FIRST: Final = re.compile(r"First mismatch occurred at time (\d+)")


@dataclass(frozen=True, slots=True)
class _Golden:
    """What the reference gets: number of verdict lines, and of samples in each."""

    lines: int
    samples: tuple[int, ...]
    run_s: float = 0.0


_LASTING: Final = frozenset({"passed", "failed", "syntax_error", "refused", "no_verdict", "tool_limit"})
"""What would come out again; time and memory may depend on what else the machine does."""
_VERDICT: Final = record_codec(Verdict)
_EITHER: Final = TypeAdapter[_Golden | Verdict](_Golden | Verdict)
_GOLDEN: Final = Codec(_EITHER.dump_json, _EITHER.validate_json)


class Judge:
    """Judges candidates by simulation; threads may share it.

    Args:
        simulator: which one; None is the installed Icarus.
        store: where verdicts are kept, None for nowhere.
        compile_limits: for the compiler.
        run_limits: for the simulation.
    """

    def __init__(
        self,
        simulator: Simulator | None = None,
        *,
        store: Store | None = None,
        compile_limits: Limits = COMPILE,
        run_limits: Limits = RUN,
    ) -> None:
        self.simulator: Simulator = simulator or find_icarus()
        self.stage = Stage(self.simulator, compile_limits, run_limits)
        self._store = store
        self._compile_limits, self._run_limits = compile_limits, run_limits
        self._lock = Lock()
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
        key = self._key(SCHEMA, problem, candidate=source)
        made: list[Verdict] = []

        def make() -> Verdict:
            made.append(fn())
            return made[0]

        found = self._store.get_or_compute(key, make, cacheable=lambda v: v.status in _LASTING, codec=_VERDICT)
        return found if made else found.model_copy(update={"from_store": True})

    def _key(self, schema: str, problem: Problem, **inputs: str) -> str:
        return Store.key(
            schema=schema,
            tool=str(self.simulator),
            inputs={"problem": problem.digest, **inputs},
            limits=[self._compile_limits, self._run_limits],
        )

    def _judge(self, problem: Problem, source: str) -> Verdict:
        golden = self._golden_of(problem)
        expected = golden if isinstance(golden, _Golden) else _Golden(1, ())
        reason = f"is longer than {LARGEST} characters" if len(source) > LARGEST else None
        reason = reason or ("is empty" if not source.strip() else refusal(source))
        if reason is not None:
            status: Status = "syntax_error" if reason.startswith("has an unended") or "empty" in reason else "refused"
            return Verdict(status=status, reason=f"the candidate {reason}", simulator=str(self.simulator))
        run = self.stage.run(problem, source)
        return run.ended if run.ended is not None else self._read(problem, run, expected)

    # The reference ------------------------------------------------------------------------------------------------

    def _golden_of(self, problem: Problem) -> _Golden | Verdict:
        key = problem.digest
        with self._lock:
            known = self._golden.get(key)
        if known is None:
            known = self._stored_golden(problem)
            with self._lock:
                self._golden[key] = known
        return known

    def _stored_golden(self, problem: Problem) -> _Golden | Verdict:
        if self._store is None:
            return self._measure_golden(problem)
        return self._store.get_or_compute(
            self._key("golden/1", problem),
            lambda: self._measure_golden(problem),
            cacheable=lambda v: isinstance(v, _Golden) or v.status in _LASTING,
            codec=_GOLDEN,
        )

    def _measure_golden(self, problem: Problem) -> _Golden | Verdict:
        run = self.stage.run(problem, problem.solution)
        if run.ended is not None:
            return run.ended
        verdicts = _verdicts(problem, run.lines)
        samples = tuple(int(m[2]) for m in verdicts if len(m.groups()) == 2)
        if not verdicts or any(int(m[1]) for m in verdicts if len(m.groups()) == 2) or (samples and not min(samples)):
            return self._read(problem, run, _Golden(max(1, len(verdicts)), samples))
        return _Golden(len(verdicts), samples, run.run_s)

    # What the testbench says --------------------------------------------------------------------------------------

    def _read(self, problem: Problem, run: Ran, golden: _Golden) -> Verdict:
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
