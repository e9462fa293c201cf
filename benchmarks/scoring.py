"""What is said of an answer: the seam between runs (here or on other machines) and the scorers."""

from __future__ import annotations

from typing import Protocol

from rtlgen.benchmarks.runlog import Result
from rtlgen.benchmarks.samples import Sample
from rtlgen.core.errors import InputError
from rtlgen.scorers.problem import Problem
from rtlgen.scorers.simulation import Judge, Verdict
from rtlgen.scorers.task import Task


class Scorer(Protocol):
    """Says what an answer is worth; threads may share it.

    Example:
        >>> class Never:
        ...     def score(self, problem, sample):
        ...         return Result(problem=sample.problem, attempt=sample.attempt, sample=sample.digest, verdict=None)
        ...     def expected_s(self, problem):
        ...         return 0.0
        >>> scorer: Scorer = Never()
    """

    def score(self, problem: Task, sample: Sample) -> Result:
        """Return the result of one answer; what can't be judged is a result with its reason."""
        ...

    def expected_s(self, problem: Task) -> float:
        """Return how long judging one answer takes about, 0 where that is not known."""
        ...


class LocalScorer:
    """Scores in this process.

    Args:
        judge: gives the testbench's verdict.
    """

    def __init__(self, judge: Judge) -> None:
        self.judge = judge

    def score(self, problem: Task, sample: Sample) -> Result:
        """Return the result of one answer; see `Scorer`."""
        verdict, reason = None, problem.needs
        try:
            if not problem.needs:
                verdict = self._verdict(problem, sample)
        except InputError as error:
            reason = str(error)
        return Result(
            problem=sample.problem, attempt=sample.attempt, sample=sample.digest, verdict=verdict, reason=reason
        )

    def _verdict(self, task: Task, sample: Sample) -> Verdict:
        if isinstance(task, Problem):
            return self.judge.judge(task, sample.source(task))
        raise TypeError(f"expected a task that can be judged, got {type(task).__name__}")

    def expected_s(self, problem: Task) -> float:
        """Return how long the simulation of the reference takes; see `Scorer`."""
        if not isinstance(problem, Problem):
            return 0.0
        try:
            return self.judge.expected_s(problem)
        except InputError:
            return 0.0
