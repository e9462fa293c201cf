"""What is said of an answer: the seam between runs (here or on other machines) and the scorers."""

from __future__ import annotations

from typing import Protocol

from rtlgen.benchmarks.runlog import Result
from rtlgen.benchmarks.samples import Sample
from rtlgen.core.errors import InputError
from rtlgen.scorers.harness import Harness, HarnessJudge
from rtlgen.scorers.problem import Problem
from rtlgen.scorers.question import Question, text_scores
from rtlgen.scorers.rater import Rater
from rtlgen.scorers.score import Score
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
        harnesses: gives that of a harness; None is one without a store.
        rater: a model that says how good answers to questions are, beside the scores of their texts.
    """

    def __init__(self, judge: Judge, *, harnesses: HarnessJudge | None = None, rater: Rater | None = None) -> None:
        self.judge = judge
        self.harnesses = harnesses or HarnessJudge(simulator=str(judge.simulator))
        self.rater = rater

    def score(self, problem: Task, sample: Sample) -> Result:
        """Return the result of one answer; see `Scorer`."""
        verdict: Verdict | None = None
        scores: tuple[Score, ...] = ()
        reason = problem.needs
        try:
            if not problem.needs:
                verdict, scores = self._judged(problem, sample)
        except InputError as error:
            reason = str(error)
        return Result(
            problem=sample.problem, attempt=sample.attempt, sample=sample.digest, verdict=verdict, reason=reason,
            scores=scores,
        )  # fmt: skip

    def _judged(self, task: Task, sample: Sample) -> tuple[Verdict, tuple[Score, ...]]:
        if isinstance(task, Problem):
            return self.judge.judge(task, sample.source(task)), ()
        if isinstance(task, Harness):
            if sample.form == "raw" and len(task.targets) == 1:
                return self.harnesses.judge(task, {task.targets[0]: sample.text}), ()
            return self.harnesses.reply(task, sample.text), ()
        if isinstance(task, Question):
            answer = task.answer(sample.text)
            verdict, scores = text_scores(task, answer)
            return verdict, (*scores, self.rater.rate(task, answer)) if self.rater else scores
        raise _unknown(task)

    def reference(self, task: Task) -> Verdict | None:
        """Return what is said of a task's own reference, None where none is published.

        Raises:
            InputError: the task can't be run.
        """
        if isinstance(task, Problem):
            return self.judge.reference(task)
        if isinstance(task, Harness):
            return self.harnesses.reference(task)
        if isinstance(task, Question):
            return text_scores(task, task.reference)[0]
        raise _unknown(task)

    def expected_s(self, problem: Task) -> float:
        """Return how long the simulation of the reference takes; see `Scorer`."""
        if not isinstance(problem, Problem):
            return 0.0
        try:
            return self.judge.expected_s(problem)
        except InputError:
            return 0.0


def _unknown(task: Task) -> TypeError:
    return TypeError(f"expected a task that can be judged, got {type(task).__name__}")
