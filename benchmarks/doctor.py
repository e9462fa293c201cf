"""Runs every reference as if it were a candidate, and says which problems can't be passed with this simulator."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from rtlgen.core.errors import InputError
from rtlgen.core.events import EventBus, JobAdvanced, JobFinished, JobStarted, StopToken
from rtlgen.core.types import Record
from rtlgen.scorers.ports import header_of
from rtlgen.scorers.problem import Problem
from rtlgen.scorers.second import agreement, second_verdict
from rtlgen.scorers.simulation import Judge, Verdict

STUB_REASON = "a module without any logic passes, so that a pass says nothing"
ORDER_REASON = ": it hangs on the order of events of one time, on x or z, or on the random numbers drawn"


class Finding(Record):
    """What is known of one problem."""

    problem: str
    reference: Verdict | None
    """What the testbench says of the reference; None where it could not be run."""
    reason: str = ""
    """Why the reference fails, or what else is wrong."""
    second: Verdict | None = None
    """What the testbench says of the reference with the second simulator; None where none was asked."""
    stub_passes: bool = False
    """Whether a module without any logic passes."""
    known_issues: tuple[str, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether the reference passes and an empty module does not."""
        return self.reference is not None and self.reference.passed and not self.stub_passes


def examine(
    problems: Sequence[Problem],
    judge: Judge,
    *,
    jobs: int,
    bus: EventBus,
    token: StopToken,
    second: Judge | None = None,
) -> list[Finding]:
    """Return what is found of each problem, in order; `second` runs the references with another simulator too."""
    bus.emit(JobStarted(job="doctor", total=len(problems), unit="problems"))
    found: list[Finding] = []
    with ThreadPoolExecutor(jobs) as threads:
        for finding in threads.map(lambda p: None if token.draining else _examine(p, judge, second), problems):
            if finding is not None:
                found.append(finding)
                bus.emit(JobAdvanced(job="doctor", done=len(found)))
    bus.emit(JobFinished(job="doctor", ok=len(found) == len(problems)))
    return found


def _examine(problem: Problem, judge: Judge, second: Judge | None) -> Finding:
    other = second_verdict(second, problem, None) if second is not None else None
    try:
        verdict = judge.reference(problem)
        stub = judge.judge(problem, stub_of(problem)) if verdict.passed else None
    except InputError as error:
        return Finding(
            problem=problem.id, reference=None, reason=str(error), second=other, known_issues=problem.known_issues
        )
    passes = stub is not None and stub.passed
    reason = _why(verdict, other) or (STUB_REASON if passes else "")
    return Finding(
        problem=problem.id, reference=verdict, reason=reason, second=other, stub_passes=passes,
        known_issues=problem.known_issues,
    )  # fmt: skip


def _why(verdict: Verdict, second: Verdict | None) -> str:
    """Return why a reference does not pass, "" where it does, and what a second simulator says of it."""
    reason = ""
    if not verdict.passed:
        reads = {"tool_limit": "can't read it", "syntax_error": "refuses it"}.get(verdict.status)
        reason = f"{verdict.simulator} {reads}: {verdict.reason}" if reads else verdict.reason
    if second is None or agreement(verdict, second) == "agree":
        return reason
    if second.passed:
        cause = "" if verdict.status in ("tool_limit", "syntax_error") else ORDER_REASON
        return f"{reason}; passes with {second.simulator}{cause}"
    reads = {"tool_limit": "can't read it", "syntax_error": "refuses it"}.get(second.status)
    said = f"{second.simulator} {reads or f'says {second.status}'}: {second.reason}"
    cause = "" if reads else ORDER_REASON
    return "; ".join(x for x in (reason, said + cause) if x)


def stub_of(problem: Problem) -> str:
    """Return a module with the reference's header and nothing in it."""
    return header_of(problem.reference, problem.reference_top, problem.top) + "\nendmodule\n"
