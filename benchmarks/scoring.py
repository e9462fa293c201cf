"""What is said of an answer: the seam between runs (here or on other machines) and the scorers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from rtlgen._version import __version__
from rtlgen.benchmarks.runlog import Result
from rtlgen.benchmarks.samples import Sample
from rtlgen.core.errors import InputError
from rtlgen.core.store import Store
from rtlgen.models import open_model
from rtlgen.sandbox import Limits
from rtlgen.scorers.examine import Check
from rtlgen.scorers.harness import Harness, HarnessJudge
from rtlgen.scorers.line import NextLine, line_scores
from rtlgen.scorers.problem import Problem
from rtlgen.scorers.quality import Library, Quality, QualityChecker
from rtlgen.scorers.question import Question, text_scores
from rtlgen.scorers.rater import Rater
from rtlgen.scorers.score import Score
from rtlgen.scorers.second import second_judge, second_verdict
from rtlgen.scorers.simulation import Judge
from rtlgen.scorers.stage import COMPILE, RUN
from rtlgen.scorers.task import Task
from rtlgen.scorers.verdict import Verdict


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
        second: gives one by another simulator, which is kept beside it; None for none.
        harnesses: gives that of a harness; None is one without a store.
        quality: looks at equivalence, PPA and lint; None looks at nothing more.
        rater: a model that says how good answers to questions are, beside the scores of their texts.
    """

    def __init__(
        self,
        judge: Judge,
        *,
        second: Judge | None = None,
        harnesses: HarnessJudge | None = None,
        quality: QualityChecker | None = None,
        rater: Rater | None = None,
    ) -> None:
        self.judge, self.second = judge, second
        self.harnesses = harnesses or HarnessJudge(simulator=str(judge.simulator))
        self.quality, self.rater = quality, rater

    @property
    def tools(self) -> str:
        """Versions of everything that a verdict depends on; scorers agree only where these do."""
        parts = [f"rtlgen {__version__}", str(self.judge.simulator)]
        parts += [str(self.second.simulator)] if self.second else []
        return ", ".join([*parts, *([self.quality.basis] if self.quality else [])])

    def score(self, problem: Task, sample: Sample) -> Result:
        """Return the result of one answer; see `Scorer`."""
        source = sample.source(problem) if isinstance(problem, Problem) else ""
        verdict: Verdict | None = None
        second: Verdict | None = None
        quality: Quality | None = None
        scores: tuple[Score, ...] = ()
        reason = problem.needs
        try:
            if not problem.needs:
                verdict, scores = self._judged(problem, sample, source)
        except InputError as error:
            reason = str(error)
        if self.second is not None and isinstance(problem, Problem):
            second = second_verdict(self.second, problem, source)
        if self.quality is not None and verdict is not None and isinstance(problem, Problem):
            quality = self.quality.check(problem, source, passed=verdict.passed)
        return Result(
            problem=sample.problem, attempt=sample.attempt, sample=sample.digest, verdict=verdict, reason=reason,
            second=second, scores=scores, quality=quality,
        )  # fmt: skip

    def _judged(self, task: Task, sample: Sample, source: str) -> tuple[Verdict, tuple[Score, ...]]:
        if isinstance(task, Problem):
            return self.judge.judge(task, source), ()
        if isinstance(task, Harness):
            if sample.form == "raw" and len(task.targets) == 1:
                return self.harnesses.judge(task, {task.targets[0]: sample.text}), ()
            return self.harnesses.reply(task, sample.text), ()
        if isinstance(task, NextLine):
            return line_scores(task, sample.text if sample.form == "raw" else task.answer(sample.text))
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
        if isinstance(task, NextLine):
            return line_scores(task, task.label)[0]
        if isinstance(task, Question):
            return text_scores(task, task.reference)[0]
        raise _unknown(task)

    def second_reference(self, task: Task) -> Verdict | None:
        """Return what the second simulator says of a problem's reference, None where there is none to ask."""
        if self.second is None or not isinstance(task, Problem):
            return None
        return second_verdict(self.second, task, None)

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


@dataclass(frozen=True, slots=True)
class LocalRecipe:
    """What a `LocalScorer` is opened from, here or on another machine.

    Attributes:
        store: folder of the store of verdicts, None for none.
        store_mb: its size.
        compile_limits: for the compiler.
        run_limits: for the simulation.
        second: simulator that is asked too; None for none.
        checks: what else is looked at.
        library: for PPA.
        rater: `PROVIDER:NAME` of a model that rates answers to questions; None for none.
    """

    store: Path | None = None
    store_mb: float = 2048
    compile_limits: Limits = COMPILE
    run_limits: Limits = RUN
    second: str | None = None
    checks: tuple[Check, ...] = ()
    library: Library = field(default_factory=Library)
    rater: str | None = None

    def open(self) -> LocalScorer:
        """Return a scorer that works in this process, with the tools of this machine.

        Raises:
            ToolNotFoundError: there is no simulator.
            ConfigError: the rater is none that is known.
            ToolVersionError: it is too old or newer than what was tried.
        """
        store = Store(self.store, max_mb=self.store_mb) if self.store is not None else None
        judge = Judge(store=store, compile_limits=self.compile_limits, run_limits=self.run_limits)
        return LocalScorer(
            judge,
            second=second_judge(self.second, store=store) if self.second else None,
            harnesses=HarnessJudge(store=store, simulator=str(judge.simulator)),
            quality=QualityChecker(self.checks, library=self.library, store=store) if self.checks else None,
            rater=Rater(open_model(self.rater)) if self.rater else None,
        )
