"""What a run's advisory findings amount to: equivalence, PPA beside the reference, lint."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import exp, log
from statistics import median

from rtlgen.benchmarks.metrics import mean_interval
from rtlgen.benchmarks.runlog import Result
from rtlgen.core.types import Record
from rtlgen.scorers.quality import Relative

METRICS = ("area", "delay", "power")
_RESAMPLES = 2000
_SEED = 20251120


class Ratio(Record):
    """Candidate / reference of one metric over answers that pass and are not refuted; below 1 the candidate is better.

    Each problem counts once, with the geometric mean over its answers that pass.
    """

    metric: str
    mean: float
    """Geometric mean over problems."""
    low: float
    """Bounds of its 95 % interval (bootstrap over problems)."""
    high: float
    median: float
    best: float
    """Smallest ratio of one answer."""
    best_problem: str
    problems: int
    answers: int


class Measured(Record):
    """PPA ratios of one category, or of all problems."""

    name: str
    passed: int
    """Answers that pass, with and without ratios."""
    ratios: tuple[Ratio, ...]


class Refutation(Record):
    """An answer that the testbench passes and the proof does not."""

    problem: str
    attempt: int
    reason: str
    counterexample: str


class LintCounts(Record):
    """Lint over all answers that it was run on."""

    answers: int
    with_errors: int
    warnings: int
    clean: int
    """Answers without error or warning."""
    rules: dict[str, int]
    """How many answers break each rule, by `tool:RULE`."""


class ProblemQuality(Record):
    """Findings on one problem's answers."""

    equivalence: dict[str, int]
    """How many passing answers are proved, refuted, unknown, not run."""
    area: float | None = None
    """Geometric mean of the ratios over answers that pass and are not refuted; None where none has one."""
    delay: float | None = None
    power: float | None = None
    lint_errors: int | None = None
    """None where lint was not run."""
    lint_warnings: int | None = None


class QualitySummary(Record):
    """Findings on all answers of a run."""

    equivalence: dict[str, int]
    refuted: tuple[Refutation, ...]
    ppa: tuple[Measured, ...]
    unmeasured: dict[str, int]
    """Why passing answers have no ratios, and how many."""
    lint: LintCounts | None
    checks_s: float
    """Seconds in the checks; those from the store count as when they were made."""


def summary(results: Sequence[Result], categories: Mapping[str, str]) -> QualitySummary | None:
    """Return the findings of a run, None where there are none.

    Args:
        results: of the run.
        categories: category of each problem, by id.
    """
    looked = [r for r in results if r.quality is not None and r.problem in categories]
    if not looked:
        return None
    names = list(dict.fromkeys(categories.values()))
    groups = [measured("all", looked), *(
        measured(n or "other", [r for r in looked if categories[r.problem] == n]) for n in names if len(names) > 1
    )]  # fmt: skip
    relatives = [r.quality.ppa for r in looked if r.quality is not None and r.quality.ppa is not None]
    return QualitySummary(
        equivalence=statuses(looked),
        refuted=tuple(_refutations(looked)),
        ppa=tuple(g for g in groups if g.ratios),
        unmeasured=dict(Counter(_short(p.reason) for p in relatives if p.reason).most_common()),
        lint=_lint(looked),
        checks_s=sum(r.quality.wall_s for r in looked if r.quality is not None),
    )


def of_problem(results: Sequence[Result]) -> ProblemQuality | None:
    """Return the findings on one problem's answers, None where there are none."""
    looked = [r for r in results if r.quality is not None]
    if not looked:
        return None
    lints = [r.quality.lint for r in looked if r.quality is not None and r.quality.lint is not None]
    return ProblemQuality(
        equivalence=statuses(looked),
        lint_errors=sum(sum(x.errors.values()) for x in lints) if lints else None,
        lint_warnings=sum(sum(x.warnings.values()) for x in lints) if lints else None,
        area=geometric_mean(_values(looked, "area")),
        delay=geometric_mean(_values(looked, "delay")),
        power=geometric_mean(_values(looked, "power")),
    )


def statuses(results: Iterable[Result]) -> dict[str, int]:
    """Return how many answers have each outcome of the proof."""
    return dict(Counter(
        r.quality.equivalence.status for r in results if r.quality is not None and r.quality.equivalence is not None
    ))  # fmt: skip


def is_refuted(result: Result) -> bool:
    """Return whether a counterexample was found."""
    found = result.quality.equivalence if result.quality is not None else None
    return found is not None and found.status == "refuted"


def measured(name: str, results: Sequence[Result]) -> Measured:
    """Return the PPA ratios over some results."""
    ratios = (_ratio(metric, results) for metric in METRICS)
    passed = sum(r.verdict is not None and r.verdict.passed for r in results)
    return Measured(name=name, passed=passed, ratios=tuple(r for r in ratios if r is not None))


def geometric_mean(values: Sequence[float]) -> float | None:
    """Return the geometric mean of positive values, None where there are none.

    Example:
        >>> geometric_mean([2.0, 8.0])
        4.0
    """
    return round(exp(sum(map(log, values)) / len(values)), 12) if values else None


def ratio_of(relative: Relative | None, metric: str) -> float | None:
    """Return one ratio of an answer; None where it is not measured or not positive."""
    value: float | None = getattr(relative, metric) if relative is not None else None
    return value if value is not None and value > 0 else None


def ratio_in(result: Result, metric: str) -> float | None:
    """Return one ratio of an answer; see `ratio_of`."""
    return ratio_of(result.quality.ppa if result.quality else None, metric)


def _values(results: Iterable[Result], metric: str) -> list[float]:
    """Return the ratios of answers; a refuted one is another design, whose size says nothing."""
    found = (ratio_in(r, metric) for r in results if not is_refuted(r))
    return [v for v in found if v is not None]


def _ratio(metric: str, results: Sequence[Result]) -> Ratio | None:
    by_problem: dict[str, list[float]] = {}
    for result in results:
        for value in _values([result], metric):
            by_problem.setdefault(result.problem, []).append(value)
    means = {name: m for name, values in by_problem.items() if (m := geometric_mean(values)) is not None}
    if not means:
        return None
    low, high = mean_interval([log(m) for m in means.values()], resamples=_RESAMPLES, seed=_SEED)
    best, problem = min((min(values), name) for name, values in by_problem.items())
    return Ratio(
        metric=metric, mean=geometric_mean(list(means.values())) or 0.0, low=exp(low), high=exp(high),
        median=median(means.values()), best=best, best_problem=problem, problems=len(means),
        answers=sum(map(len, by_problem.values())),
    )  # fmt: skip


def _refutations(results: Iterable[Result]) -> Iterable[Refutation]:
    for r in results:
        found = r.quality.equivalence if r.quality is not None else None
        if found is not None and is_refuted(r):
            yield Refutation(
                problem=r.problem, attempt=r.attempt, reason=found.reason, counterexample=found.counterexample
            )


def _lint(results: Iterable[Result]) -> LintCounts | None:
    lints = [r.quality.lint for r in results if r.quality is not None and r.quality.lint is not None]
    if not lints:
        return None
    return LintCounts(
        answers=len(lints),
        with_errors=sum(bool(x.errors) for x in lints),
        warnings=sum(sum(x.warnings.values()) for x in lints),
        clean=sum(not x.errors and not x.warnings for x in lints),
        rules=dict(Counter(rule for x in lints for rule in (*x.errors, *x.warnings)).most_common()),
    )


def _short(reason: str) -> str:
    return reason.splitlines()[0][:160] if reason else ""
