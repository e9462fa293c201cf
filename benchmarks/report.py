"""What a run amounts to, as one record; the terminal table, JSON and CSV are made of it."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence

from rtlgen.benchmarks.metrics import Estimate, estimate
from rtlgen.benchmarks.quality import ProblemQuality, QualitySummary, is_refuted, of_problem, summary
from rtlgen.benchmarks.runlog import Result, RunConfig, RunFolder
from rtlgen.core.types import Record
from rtlgen.scorers.problem import Problem

NOT_JUDGED = "not_judged"
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


class Group(Record):
    """A category of problems."""

    name: str
    samples: int
    passed: int
    figures: tuple[Figure, ...]
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
    """Known flaws of the problem."""
    refuted: int = 0
    """Samples that pass the testbench and are proved different from the reference."""
    quality: ProblemQuality | None = None
    """Advisory findings, None where none was asked for."""


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
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    model_s: float | None = None
    """Seconds that the model took, over all answers."""
    judge_s: float = 0.0
    """Seconds in compilers and simulations, over all verdicts; those from the store count as when they were made."""
    from_store: int = 0
    """Verdicts that were in the store already."""
    quality: QualitySummary | None = None
    """Advisory findings, None where none was asked for."""
    not_refuted: tuple[Figure, ...] = ()
    """pass@k if answers that a proof refutes did not pass; empty where no proof was asked for."""


def make_report(folder: RunFolder, problems: Sequence[Problem], ks: Sequence[int] = ()) -> Report:
    """Return the summary of a run.

    Args:
        folder: the run.
        problems: of its suite.
        ks: k of pass@k; those that people report and that there are samples for where none is given.

    Raises:
        InputError: the folder holds no run, or a damaged one.
    """
    config = folder.config()
    found, samples = folder.results(), folder.samples()
    results = list(found.values())
    by_problem: dict[str, list[Result]] = {name: [] for name in config.problems}
    for result in results:
        by_problem.setdefault(result.problem, []).append(result)
    wanted = set(config.problems)
    lines = [_line(p, by_problem[p.id]) for p in problems if p.id in wanted]
    ks = ks or default_ks(max((line.samples for line in lines), default=1))
    stages = sum((Counter(line.stages) for line in lines), Counter[str]())
    names = list(dict.fromkeys(line.category for line in lines))
    quality = summary(results, {line.problem: line.category for line in lines})
    missing = sum(1 for key, s in samples.items() if s.error and key not in found)
    return Report(
        config=config,
        samples=len(results) + missing,
        judged=sum(line.samples for line in lines),
        passed=sum(line.passed for line in lines),
        unreadable=sum(line.unreadable for line in lines),
        figures=figures(lines, ks),
        if_readable=figures(lines, ks, with_unreadable=True),
        stages=dict(stages) | ({"no_answer": missing} if missing else {}),
        categories=tuple(_group(n, [x for x in lines if x.category == n], ks) for n in names) if len(names) > 1 else (),
        problems=tuple(lines),
        prompt_tokens=_tokens(s.prompt_tokens for s in samples.values()),
        completion_tokens=_tokens(s.completion_tokens for s in samples.values()),
        model_s=sum(times) if (times := [s.wall_s for s in samples.values() if s.wall_s is not None]) else None,
        judge_s=sum(r.verdict.compile_s + r.verdict.run_s for r in results if r.verdict),
        from_store=sum(r.verdict.from_store for r in results if r.verdict),
        quality=quality,
        not_refuted=figures(lines, ks, without_refuted=True) if quality and quality.equivalence else (),
    )


def _line(problem: Problem, results: Sequence[Result]) -> Line:
    stages = Counter(r.verdict.status if r.verdict else NOT_JUDGED for r in results)
    judged = sum(n for s, n in stages.items() if s != NOT_JUDGED)
    return Line(
        problem=problem.id,
        category=problem.category,
        samples=judged,
        passed=stages["passed"],
        unreadable=stages["tool_limit"],
        stages=dict(sorted(stages.items())),
        flags=problem.known_issues,
        refuted=sum(is_refuted(r) for r in results),
        quality=of_problem(results),
    )


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


def _group(name: str, lines: Sequence[Line], ks: Sequence[int]) -> Group:
    return Group(
        name=name or "other",
        samples=sum(x.samples for x in lines),
        passed=sum(x.passed for x in lines),
        figures=figures(lines, ks),
        stages=dict(sum((Counter(x.stages) for x in lines), Counter[str]())),
    )


def _tokens(counts: Iterable[int | None]) -> int | None:
    """Return the sum of what is known, None where nothing is."""
    known = [n for n in counts if n is not None]
    return sum(known) if known else None


def default_ks(most: int) -> tuple[int, ...]:
    """Return the k that people report, up to the number of samples per problem."""
    return tuple(k for k in (1, 5, 10) if k <= max(most, 1))


def as_csv(report: Report) -> str:
    """Return one line per problem, as comma-separated values with a header."""
    target = io.StringIO()
    stages = sorted(report.stages)
    writer = csv.writer(target, lineterminator="\n")
    more = _QUALITY_COLUMNS if report.quality else ()
    writer.writerow(["problem", "category", "samples", "passed", *stages, "known_issues", *more])
    for line in report.problems:
        counts = [line.stages.get(s, 0) for s in stages]
        found = _quality_cells(line.quality) if more else []
        row = [line.problem, line.category, line.samples, line.passed, *counts, "; ".join(line.flags), *found]
        writer.writerow(row)
    return target.getvalue()


def _quality_cells(found: ProblemQuality | None) -> list[object]:
    """Return the cells of one problem; empty where something was not looked at."""
    if found is None:
        return [""] * len(_QUALITY_COLUMNS)
    proofs = [found.equivalence.get(s, 0) for s in _PROOFS]
    return [*proofs, found.area, found.delay, found.power, found.lint_errors, found.lint_warnings]
