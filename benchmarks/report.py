"""What a run amounts to, as one record; the terminal table, JSON and CSV are made of it."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from rtlgen.benchmarks.metrics import Estimate, estimate, mean_interval
from rtlgen.benchmarks.quality import ProblemQuality, QualitySummary, is_refuted, of_problem, summary
from rtlgen.benchmarks.runlog import Price, Recorded, Result, RunConfig
from rtlgen.benchmarks.samples import Sample
from rtlgen.core.types import Record
from rtlgen.scorers.score import Score
from rtlgen.scorers.second import Agreement, agreement
from rtlgen.scorers.task import Task

NOT_JUDGED = "not_judged"
_RESAMPLES = 2000
_SEED = 20250624
_PROOFS = ("proved", "refuted", "unknown", "not_run")
_QUALITY_COLUMNS = (*_PROOFS, "area_ratio", "delay_ratio", "power_ratio", "lint_errors", "lint_warnings")


class Figure(Record):
    """pass@k over some problems."""

    k: int
    value: float | None
    """From 0 to 1; None where no problem has k judged samples."""
    low: float | None
    """Lower bound of the 95 % interval."""
    high: float | None
    problems: int
    """Over how many problems it is."""


class Mean(Record):
    """A score over some problems: the mean of the problems' means."""

    name: str
    value: float
    """From 0 to 1."""
    low: float
    """Lower bound of the 95 % interval (bootstrap over problems)."""
    high: float
    samples: int
    """Answers that have the score."""
    missing: int
    """Answers that should have it and have not, such as those that the judge did not rate."""
    good: int | None
    """Answers that are good by it, None where nobody says."""


class Group(Record):
    """A category of problems."""

    name: str
    samples: int
    passed: int
    figures: tuple[Figure, ...]
    scores: tuple[Mean, ...] = ()
    stages: dict[str, int]
    """How many samples ended in each status."""


class Line(Record):
    """One problem."""

    problem: str
    category: str
    samples: int
    """Samples that were run, those included that the simulator can't read."""
    passed: int
    unreadable: int
    """Samples that the simulator can't read, which may be right: counted as not passed, and shown."""
    stages: dict[str, int]
    """How many samples ended in each status."""
    flags: tuple[str, ...] = ()
    """Flaws of the problem: those that are known, and what its reference does with the simulator of this run."""
    needs: str = ""
    """What judging it needs that is not here; such a problem is not run."""
    refuted: int = 0
    """Samples that pass the testbench and are proved different from the reference."""
    quality: ProblemQuality | None = None
    """Advisory findings, None where none was asked for."""


class Disagreement(Record):
    """One problem on whose answers two simulators disagree."""

    problem: str
    first_only: tuple[int, ...]
    """Numbers of the answers that pass with the first only."""
    second_only: tuple[int, ...]
    """Numbers of the answers that pass with the second only."""


class Second(Record):
    """What a second simulator says of a run; pass@k does not depend on it."""

    simulator: str
    both: int
    """Samples that both have judged."""
    first_only: int
    """Samples that pass with the first only."""
    second_only: int
    """Samples that pass with the second only."""
    unreadable: int
    """Samples that one of the two can't read, which are none of the above."""
    problems: tuple[Disagreement, ...]


class Report(Record):
    """A run, summed up."""

    config: RunConfig
    samples: int
    """Samples that are there, with and without a verdict."""
    judged: int
    """Samples that were run; pass@k is over these."""
    passed: int
    unreadable: int
    """Samples among them that the simulator can't read, which may be right."""
    figures: tuple[Figure, ...]
    if_readable: tuple[Figure, ...]
    """pass@k if all of those were right: the truth lies between the two."""
    stages: dict[str, int]
    categories: tuple[Group, ...]
    problems: tuple[Line, ...]
    scores: tuple[Mean, ...]
    """Figures of answers that are judged as texts."""
    not_run: dict[str, int]
    """What judging needs that is not here, and how many problems need it; those are in no other figure."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    """Those of `prompt_tokens` that the endpoint had in its cache."""
    cost_usd: float | None = None
    """What the answers cost; None where no price is given, or the tokens of an answer are not known."""
    model_s: float | None = None
    """Seconds that the model took, over all answers."""
    judge_s: float = 0.0
    """Seconds in compilers and simulations, over all verdicts; those from the store count as when they were made."""
    second: Second | None = None
    """None where no second simulator was asked."""
    from_store: int = 0
    """Verdicts that were in the store already."""
    quality: QualitySummary | None = None
    """Advisory findings, None where none was asked for."""
    not_refuted: tuple[Figure, ...] = ()
    """pass@k if answers that a proof refutes did not pass; empty where no proof was asked for."""


def make_report(run: Recorded, problems: Sequence[Task], ks: Sequence[int] = ()) -> Report:
    """Return the summary of a run.

    Args:
        run: what it has kept.
        problems: of its suite.
        ks: k of pass@k; those that people report and that there are samples for where none is given.
    """
    config, samples = run.config, run.samples
    results = list(run.results.values())
    by_problem: dict[str, list[Result]] = {name: [] for name in config.problems}
    for result in results:
        by_problem.setdefault(result.problem, []).append(result)
    wanted = set(config.problems)
    lines = [_line(p, by_problem[p.id], run.flaws.get(p.id)) for p in problems if p.id in wanted]
    ks = ks or default_ks(max((line.samples for line in lines), default=1))
    stages = sum((Counter(line.stages) for line in lines), Counter[str]())
    names = list(dict.fromkeys(line.category for line in lines))
    runnable = [line for line in lines if not line.needs]
    category = {line.problem: line.category for line in runnable}
    scored = {n: [r for r in results if r.scores and category.get(r.problem) == n] for n in names}
    quality = summary(results, {line.problem: line.category for line in lines})
    missing = sum(1 for key, s in samples.items() if s.error and key not in run.results)
    return Report(
        config=config,
        samples=len(results) + missing,
        judged=sum(line.samples for line in lines),
        passed=sum(line.passed for line in lines),
        unreadable=sum(line.unreadable for line in lines),
        figures=figures(lines, ks),
        if_readable=figures(lines, ks, with_unreadable=True),
        stages=dict(stages) | ({"no_answer": missing} if missing else {}),
        categories=tuple(_group(n, [x for x in lines if x.category == n], ks, scored[n]) for n in names)
        if len(names) > 1
        else (),
        problems=tuple(lines),
        scores=means([r for rs in scored.values() for r in rs]),
        not_run=dict(Counter(line.needs for line in lines if line.needs)),
        prompt_tokens=_tokens(s.prompt_tokens for s in samples.values()),
        completion_tokens=_tokens(s.completion_tokens for s in samples.values()),
        cached_tokens=_tokens(s.cached_tokens for s in samples.values()),
        cost_usd=cost_usd([s for s in samples.values() if not s.error], run.price),
        model_s=sum(times) if (times := [s.wall_s for s in samples.values() if s.wall_s is not None]) else None,
        judge_s=sum(r.verdict.compile_s + r.verdict.run_s for r in results if r.verdict),
        second=_second(config.second, by_problem) if config.second else None,
        from_store=sum(r.verdict.from_store for r in results if r.verdict),
        quality=quality,
        not_refuted=figures(lines, ks, without_refuted=True) if quality and quality.equivalence else (),
    )


def _second(simulator: str, by_problem: Mapping[str, Sequence[Result]]) -> Second:
    """Return how the verdicts of the two simulators compare."""
    found = {name: [(r.attempt, agreement(r.verdict, r.second)) for r in by_problem[name]] for name in by_problem}

    def having(name: str, kind: Agreement) -> tuple[int, ...]:
        return tuple(sorted(attempt for attempt, said in found[name] if said == kind))

    lines = [
        Disagreement(problem=n, first_only=having(n, "first_only"), second_only=having(n, "second_only")) for n in found
    ]
    counts = Counter(said for row in found.values() for _, said in row)
    return Second(
        simulator=simulator,
        both=counts.total() - counts["unknown"],
        first_only=counts["first_only"],
        second_only=counts["second_only"],
        unreadable=counts["unknown"],
        problems=tuple(x for x in lines if x.first_only or x.second_only),
    )


def _line(problem: Task, results: Sequence[Result], flaw: str | None) -> Line:
    stages = Counter(r.verdict.status if r.verdict else NOT_JUDGED for r in results)
    judged = sum(n for s, n in stages.items() if s != NOT_JUDGED)
    return Line(
        problem=problem.id,
        category=problem.category,
        samples=judged,
        passed=stages["passed"],
        unreadable=stages["tool_limit"],
        stages=dict(sorted(stages.items())),
        flags=(*problem.known_issues, *([flaw] if flaw else [])),
        needs=problem.needs,
        refuted=sum(is_refuted(r) for r in results),
        quality=of_problem(results),
    )


def means(results: Sequence[Result]) -> tuple[Mean, ...]:
    """Return the mean of each score over some results, in the order in which they come."""
    names = dict.fromkeys(s.name for r in results for s in r.scores)
    return tuple(
        m for n in names if (m := _mean(n, [(r.problem, s) for r in results for s in r.scores if s.name == n]))
    )


def _mean(name: str, scores: Sequence[tuple[str, Score]]) -> Mean | None:
    by_problem: dict[str, list[float]] = {}
    for problem, score in scores:
        if score.value is not None:
            by_problem.setdefault(problem, []).append(score.value)
    if not by_problem:
        return None
    values = [sum(v) / len(v) for v in by_problem.values()]
    low, high = mean_interval(values, resamples=_RESAMPLES, seed=_SEED)
    known = [s for _, s in scores if s.value is not None]
    judged = [s.good for s in known if s.good is not None]
    return Mean(
        name=name, value=sum(values) / len(values), low=low, high=high, samples=len(known),
        missing=len(scores) - len(known),
        good=sum(judged) if judged else None,
    )  # fmt: skip


def figures(
    lines: Sequence[Line], ks: Sequence[int], *, with_unreadable: bool = False, without_refuted: bool = False
) -> tuple[Figure, ...]:
    """Return pass@k over some problems, for each k.

    Args:
        lines: the problems.
        ks: which k.
        with_unreadable: take what the simulator can't read as right.
        without_refuted: take what a proof refutes as wrong.
    """
    counts = {
        x.problem: (
            x.samples, x.passed + (x.unreadable if with_unreadable else 0) - (x.refuted if without_refuted else 0)
        )
        for x in lines
    }  # fmt: skip
    return tuple(_figure(k, estimate(counts, k)) for k in ks)


def _figure(k: int, e: Estimate) -> Figure:
    return Figure(k=k, value=e.value, low=e.low, high=e.high, problems=e.problems)


def _group(name: str, lines: Sequence[Line], ks: Sequence[int], scored: Sequence[Result]) -> Group:
    return Group(
        name=name or "other",
        samples=sum(x.samples for x in lines),
        passed=sum(x.passed for x in lines),
        figures=figures(lines, ks),
        scores=means(scored),
        stages=dict(sum((Counter(x.stages) for x in lines), Counter[str]())),
    )


def _tokens(counts: Iterable[int | None]) -> int | None:
    """Return the sum of what is known, None where nothing is."""
    known = [n for n in counts if n is not None]
    return sum(known) if known else None


def cost_usd(samples: Sequence[Sample], price: Price | None) -> float | None:
    """Return what some answers cost; None without a price, or where the tokens of one are not known."""
    if price is None or not samples:
        return None
    total = 0.0
    for s in samples:
        if s.prompt_tokens is None or s.completion_tokens is None:
            return None
        cached = min(s.cached_tokens or 0, s.prompt_tokens)
        cheap = price.input_usd if price.cached_usd is None else price.cached_usd
        total += (s.prompt_tokens - cached) * price.input_usd + cached * cheap + s.completion_tokens * price.output_usd
    return total / 1e6


def default_ks(most: int) -> tuple[int, ...]:
    """Return the k that people report, up to the number of samples per problem."""
    return tuple(k for k in (1, 5, 10) if k <= max(most, 1))


def as_csv(report: Report) -> str:
    """Return one line per problem, as comma-separated values with a header."""
    target = io.StringIO()
    stages = [s for s in sorted(report.stages) if s != "passed"]
    writer = csv.writer(target, lineterminator="\n")
    more = _QUALITY_COLUMNS if report.quality else ()
    writer.writerow(["problem", "category", "samples", "passed", *stages, "known_issues", *more])
    for line in report.problems:
        counts = [line.stages.get(s, 0) for s in stages]
        said = "; ".join((*line.flags, *([f"needs {line.needs}"] if line.needs else [])))
        found = _quality_cells(line.quality) if more else []
        writer.writerow([line.problem, line.category, line.samples, line.passed, *counts, said, *found])
    return target.getvalue()


def _quality_cells(found: ProblemQuality | None) -> list[object]:
    """Return the cells of one problem; empty where something was not looked at."""
    if found is None:
        return [""] * len(_QUALITY_COLUMNS)
    proofs = [found.equivalence.get(s, 0) for s in _PROOFS]
    return [*proofs, found.area, found.delay, found.power, found.lint_errors, found.lint_warnings]
