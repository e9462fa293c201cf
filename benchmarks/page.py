"""A run as one page that needs nothing else: figures, how answers ended, every answer with its code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import unified_diff
from importlib.resources import files
from typing import TYPE_CHECKING

from rtlgen.benchmarks.report import NOT_JUDGED, Group, Line, Report
from rtlgen.benchmarks.runlog import Result, RunFolder
from rtlgen.benchmarks.samples import Sample
from rtlgen.scorers.disguise import renamed
from rtlgen.scorers.problem import Problem

if TYPE_CHECKING:
    import jinja2

_MOST = 1500
"""Answers shown with their code; more would make the page too large to open."""
_LONGEST = 20_000
"""Characters of one answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as shown."""

    attempt: int
    status: str
    reason: str
    first_mismatch: int | None
    code: str
    diff: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """One problem as shown."""

    line: Line
    prompt: str
    answers: tuple[Answer, ...]


def page(report: Report, folder: RunFolder, problems: Sequence[Problem]) -> str:
    """Return the page of a run.

    Raises:
        InputError: the run's files are damaged.
    """
    results, samples, known = folder.results(), folder.samples(), {p.id: p for p in problems}
    shown: list[Shown] = []
    left = _MOST
    for line in report.problems:
        keys = sorted(k for k in results.keys() | samples.keys() if k[0] == line.problem)
        problem = known[line.problem]
        answers = tuple(_answer(k[1], problem, samples.get(k), results.get(k)) for k in keys[: max(0, left)])
        left -= len(keys)
        shown.append(Shown(line, problem.prompt, answers))
    whole = Group(name="all", samples=report.judged, passed=report.passed, figures=report.figures)
    return _template().render(
        report=report,
        groups=[whole, *report.categories],
        stages=sorted(report.stages.items(), key=lambda x: -x[1]),
        problems=shown,
        cut=max(0, -left),
    )


def _answer(attempt: int, problem: Problem, sample: Sample | None, result: Result | None) -> Answer:
    verdict = result.verdict if result else None
    status = verdict.status if verdict else "no_answer" if sample and sample.error else NOT_JUDGED
    reason = verdict.reason if verdict else (result.reason if result else sample.error if sample else "")
    code = sample.source(problem) if sample and not sample.error else ""
    diff = () if not code or status == "passed" else _difference(problem, code)
    first = verdict.first_mismatch if verdict else None
    return Answer(attempt, status, reason, first, code[:_LONGEST], diff)


def _difference(problem: Problem, code: str) -> tuple[str, ...]:
    reference = renamed(problem.reference, {problem.reference_top: problem.top})
    shown = code[:_LONGEST].strip().splitlines()[:400]
    lines = unified_diff(reference.strip().splitlines(), shown, lineterm="", n=2)
    return tuple(list(lines)[2:])


def _template() -> jinja2.Template:
    import jinja2

    text = files("rtlgen.benchmarks").joinpath("page.html.jinja").read_text(encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.from_string(text)
