"""Runs every reference as if it were a candidate, and says which problems can't be passed with this simulator."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from rtlgen.core.errors import InputError
from rtlgen.core.events import EventBus, JobAdvanced, JobFinished, JobStarted, StopToken
from rtlgen.core.types import Record
from rtlgen.scorers.ports import header_of
from rtlgen.scorers.problem import Problem
from rtlgen.scorers.simulation import Judge, Verdict
from rtlgen.scorers.task import Task

STUB_REASON = "a module without any logic passes, so that a pass says nothing"


class Finding(Record):
    """What is known of one problem."""

    problem: str
    reference: Verdict | None
    """What the testbench says of the reference; None where it could not be run."""
    reason: str = ""
    """Why the reference fails, or what else is wrong."""
    stub_passes: bool = False
    """Whether a module without any logic passes."""
    known_issues: tuple[str, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether the reference passes and an empty module does not."""
        return self.reference is not None and self.reference.passed and not self.stub_passes


def examine(problems: Sequence[Task], judge: Judge, *, jobs: int, bus: EventBus, token: StopToken) -> list[Finding]:
    """Return what is found of each problem, in order."""
    bus.emit(JobStarted(job="doctor", total=len(problems), unit="problems"))
    found: list[Finding] = []
    with ThreadPoolExecutor(jobs) as threads:
        for finding in threads.map(lambda p: None if token.draining else _examine(p, judge), problems):
            if finding is not None:
                found.append(finding)
                bus.emit(JobAdvanced(job="doctor", done=len(found)))
    bus.emit(JobFinished(job="doctor", ok=len(found) == len(problems)))
    return found


def _examine(task: Task, judge: Judge) -> Finding:
    if task.needs:
        return Finding(problem=task.id, reference=None, reason=task.needs, known_issues=task.known_issues)
    if isinstance(task, Problem):
        return _of_problem(task, judge)
    raise TypeError(f"expected a task that can be judged, got {type(task).__name__}")


def _of_problem(problem: Problem, judge: Judge) -> Finding:
    try:
        verdict = judge.reference(problem)
        stub = judge.judge(problem, stub_of(problem)) if verdict.passed else None
    except InputError as error:
        return Finding(problem=problem.id, reference=None, reason=str(error), known_issues=problem.known_issues)
    passes = stub is not None and stub.passed
    reason = verdict.reason or (STUB_REASON if passes else "")
    return Finding(
        problem=problem.id, reference=verdict, reason=reason, stub_passes=passes, known_issues=problem.known_issues
    )


def stub_of(problem: Problem) -> str:
    """Return a module with the reference's header and nothing in it."""
    return header_of(problem.reference, problem.reference_top, problem.top) + "\nendmodule\n"
