"""What is said of an answer: the seam between runs (here or on other machines) and the scorers."""

from __future__ import annotations

from typing import Protocol

from rtlgen.benchmarks.runlog import Result
from rtlgen.benchmarks.samples import Sample
from rtlgen.core.errors import InputError
from rtlgen.scorers.problem import Problem
from rtlgen.scorers.quality import Quality, QualityChecker
from rtlgen.scorers.simulation import Judge, Verdict


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

    def score(self, problem: Problem, sample: Sample) -> Result:
        """Return the result of one answer; what can't be judged is a result with its reason."""
        ...

    def expected_s(self, problem: Problem) -> float:
        """Return how long judging one answer takes about, 0 where that is not known."""
        ...


class LocalScorer:
    """Scores in this process.

    Args:
        judge: gives the testbench's verdict.
        quality: looks at equivalence, PPA and lint; None looks at nothing more.
    """

    def __init__(self, judge: Judge, quality: QualityChecker | None = None) -> None:
        self.judge, self.quality = judge, quality

    def score(self, problem: Problem, sample: Sample) -> Result:
        """Return the result of one answer; see `Scorer`."""
        verdict, reason = None, ""
        try:
            verdict = self.judge.judge(problem, sample.source(problem))
        except InputError as error:
            reason = str(error)
        return Result(
            problem=sample.problem, attempt=sample.attempt, sample=sample.digest, verdict=verdict, reason=reason,
            quality=self._quality(problem, sample, verdict),
        )  # fmt: skip

    def _quality(self, problem: Problem, sample: Sample, verdict: Verdict | None) -> Quality | None:
        if self.quality is None or verdict is None:
            return None
        return self.quality.check(problem, sample.source(problem), passed=verdict.passed)

    def expected_s(self, problem: Problem) -> float:
        """Return how long the simulation of the reference takes; see `Scorer`."""
        try:
            return self.judge.expected_s(problem)
        except InputError:
            return 0.0
