"""Runs every reference as if it were a candidate, and says which problems can't be passed with this simulator."""

from __future__ import annotations

from collections.abc import Sequence

from rtlgen.benchmarks.parallel import each
from rtlgen.benchmarks.scoring import LocalScorer
from rtlgen.core.errors import InputError
from rtlgen.core.events import EventBus, StopToken
from rtlgen.core.types import Record
from rtlgen.scorers.ports import header_of
from rtlgen.scorers.problem import Problem
from rtlgen.scorers.second import agreement
from rtlgen.scorers.task import Task
from rtlgen.scorers.verdict import Verdict

NO_REFERENCE = "no reference is published"
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
    needs: str = ""
    """What judging it needs that is not here."""

    @property
    def sound(self) -> bool:
        """Whether the reference passes and an empty module does not."""
        return self.reference is not None and self.reference.passed and not self.stub_passes


def examine(
    problems: Sequence[Task], scorer: LocalScorer, *, jobs: int, bus: EventBus, token: StopToken
) -> list[Finding]:
    """Return what is found of each problem, in order; a scorer with a second simulator asks that too."""
    done = each("doctor", problems, lambda p: _examine(p, scorer), jobs=jobs, bus=bus, token=token)
    return [finding for _, finding in done]


def flaws(
    problems: Sequence[Task], scorer: LocalScorer, *, jobs: int, bus: EventBus, token: StopToken
) -> dict[str, str]:
    """Return why problems with a testbench can't tell right from wrong on this simulator, by problem."""
    simulated = [p for p in problems if isinstance(p, Problem)]
    if not simulated:
        return {}
    found = examine(simulated, scorer, jobs=jobs, bus=bus, token=token)
    return {f.problem: f.reason for f in found if not f.sound}


def _examine(task: Task, scorer: LocalScorer) -> Finding:
    issues = task.known_issues
    if task.needs:
        return Finding(problem=task.id, reference=None, needs=task.needs, known_issues=issues)
    other = scorer.second_reference(task)
    try:
        verdict = scorer.reference(task)
        passes = isinstance(task, Problem) and verdict is not None and verdict.passed and _stub_passes(task, scorer)
    except InputError as error:
        return Finding(problem=task.id, reference=None, reason=str(error), second=other, known_issues=issues)
    reason = NO_REFERENCE if verdict is None else _why(verdict, other) or (STUB_REASON if passes else "")
    return Finding(
        problem=task.id, reference=verdict, reason=reason, second=other, stub_passes=passes, known_issues=issues
    )


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


def _stub_passes(problem: Problem, scorer: LocalScorer) -> bool:
    return scorer.judge.judge(problem, stub_of(problem)).passed


def stub_of(problem: Problem) -> str:
    """Return a module with the reference's header and nothing in it."""
    return header_of(problem.reference, problem.reference_top, problem.top) + "\nendmodule\n"
