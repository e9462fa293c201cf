"""What is said of an answer: the seam between runs (here or on other machines) and the scorers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rtlgen._version import __version__
from rtlgen.benchmarks.runlog import Result
from rtlgen.benchmarks.samples import Sample
from rtlgen.core.errors import InputError
from rtlgen.core.store import Store
from rtlgen.sandbox import Limits
from rtlgen.scorers.problem import Problem
from rtlgen.scorers.simulation import COMPILE, RUN, Judge


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
    """

    def __init__(self, judge: Judge) -> None:
        self.judge = judge

    @property
    def tools(self) -> str:
        """Versions of everything that a verdict depends on; scorers agree only where these do."""
        return f"rtlgen {__version__}, {self.judge.simulator}"

    def score(self, problem: Problem, sample: Sample) -> Result:
        """Return the result of one answer; see `Scorer`."""
        verdict, reason = None, ""
        try:
            verdict = self.judge.judge(problem, sample.source(problem))
        except InputError as error:
            reason = str(error)
        return Result(
            problem=sample.problem, attempt=sample.attempt, sample=sample.digest, verdict=verdict, reason=reason
        )

    def expected_s(self, problem: Problem) -> float:
        """Return how long the simulation of the reference takes; see `Scorer`."""
        try:
            return self.judge.expected_s(problem)
        except InputError:
            return 0.0


@dataclass(frozen=True, slots=True)
class LocalRecipe:
    """What a `LocalScorer` is opened from, here or on another machine.

    Attributes:
        store: folder of the store of verdicts, None for none.
        store_mb: its size.
        compile_limits: for the compiler.
        run_limits: for the simulation.
    """

    store: Path | None = None
    store_mb: float = 2048
    compile_limits: Limits = COMPILE
    run_limits: Limits = RUN

    def open(self) -> LocalScorer:
        """Return a scorer that works in this process, with the tools of this machine.

        Raises:
            ToolNotFoundError: there is no simulator.
            ToolVersionError: it is too old or newer than what was tried.
        """
        store = Store(self.store, max_mb=self.store_mb) if self.store is not None else None
        return LocalScorer(Judge(store=store, compile_limits=self.compile_limits, run_limits=self.run_limits))
