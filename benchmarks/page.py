"""A run as one page that needs nothing else: figures, how answers ended, every answer with its code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

from rtlgen.benchmarks import charts
from rtlgen.benchmarks.quality import METRICS, ratio_in, ratio_of
from rtlgen.benchmarks.report import NOT_JUDGED, Group, Line, Report
from rtlgen.benchmarks.runlog import Recorded, Result
from rtlgen.benchmarks.samples import Sample
from rtlgen.benchmarks.waveform import waveform
from rtlgen.scorers.problem import Problem
from rtlgen.scorers.quality import Quality
from rtlgen.scorers.score import Score
from rtlgen.scorers.task import Task
from rtlgen.scorers.verdict import Verdict
from rtlgen.scorers.wave import Wave

if TYPE_CHECKING:
    import jinja2
    from markupsafe import Markup

_MOST = 1500
"""Answers shown with their code; more would make the page too large to open."""
_LONGEST = 20_000
"""Characters of one answer."""
SIGNS = {
    "passed": "✓", "failed": "✗", "syntax_error": "S", "refused": "R", "no_verdict": "0", "timeout": "T",
    "memory": "M", "crashed": "C", "tool_limit": "L", "not_judged": "–", "no_answer": "–",
}  # fmt: skip
_RATES = [x / 10 for x in range(11)]
_RATIOS = [0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1.01, 1.05, 1.1, 1.25, 1.5, 2.0, 4.0]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as shown."""

    attempt: int
    status: str
    reason: str
    first_mismatch: int | None
    code: str
    diff: tuple[str, ...]
    second: Verdict | None = None
    """Of the second simulator, where it says otherwise."""
    scores: tuple[Score, ...] = ()
    anchor: str = ""
    """Id of the answer in the page."""
    quality: str = ""
    """Advisory findings in one line."""
    counterexample: str = ""
    wave: str = ""
    """Picture of the first difference, as SVG."""

    @property
    def refuted(self) -> bool:
        """Whether the testbench passes it and the proof does not."""
        return bool(self.counterexample)

    @property
    def sign(self) -> str:
        """One letter for how it ended."""
        return "≠" if self.refuted else SIGNS.get(self.status, "?")

    @property
    def title(self) -> str:
        """What it is, in words."""
        refuted = ", but refuted by the proof" if self.refuted else ""
        return f"answer {self.attempt}: {self.status.replace('_', ' ')}{refuted}"


@dataclass(frozen=True, slots=True)
class Shown:
    """One problem as shown."""

    line: Line
    prompt: str
    answers: tuple[Answer, ...]


def page(
    report: Report,
    run: Recorded,
    problems: Sequence[Task],
    waves: Mapping[tuple[str, int], Wave] = MappingProxyType({}),
) -> str:
    """Return the page of a run; `waves` are shown with the answers that they are of."""
    results, samples, known = run.results, run.samples, {p.id: p for p in problems}
    shown: list[Shown] = []
    left = _MOST
    for line in report.problems:
        keys = sorted(k for k in results.keys() | samples.keys() if k[0] == line.problem)
        problem = known[line.problem]
        answers = tuple(
            _answer(k[1], problem, samples.get(k), results.get(k), waves.get(k)) for k in keys[: max(0, left)]
        )
        left -= len(keys)
        shown.append(Shown(line, problem.prompt, answers))
    return template("page.html.jinja").render(
        report=report,
        style=style(),
        groups=_groups(report),
        stages=sorted(report.stages.items(), key=lambda x: -x[1]),
        charts=_charts(report, results),
        anchor=_anchor,
        signs=SIGNS,
        problems=shown,
        cut=max(0, -left),
    )


def _groups(report: Report) -> list[Group]:
    """Return the rows of the table of pass@k."""
    rows = [("all", report.figures)] + ([("all, and not refuted", report.not_refuted)] if report.not_refuted else [])
    whole = [
        Group(name=name, samples=report.judged, passed=report.passed, figures=figures, stages=report.stages)
        for name, figures in rows
    ]
    return [*whole, *report.categories]


def _charts(report: Report, results: Mapping[tuple[str, int], Result]) -> dict[str, Markup]:
    """Return the pictures of the page as SVG."""
    from markupsafe import Markup

    order = [name for name in SIGNS if name in report.stages]
    rows = [(g.name, g.stages) for g in report.categories]
    rates = [line.passed / line.samples for line in report.problems if line.samples]
    found = {
        "stages": charts.stacked(rows, order, "How answers ended in each category"),
        "rates": charts.histogram(rates, _RATES, "Problems by share of passing answers", "share of answers that pass"),
    }
    points = [
        (area, delay, f"{r.problem}, answer {r.attempt}: area {area:.3f}, delay {delay:.3f}", _anchor(*r.key))
        for r in results.values()
        if (area := ratio_in(r, "area")) is not None and (delay := ratio_in(r, "delay")) is not None
    ]
    if points:
        what = "Passing answers by area and delay beside the reference"
        found["scatter"] = charts.scatter(points, what, "area / reference's", "delay / reference's")
    areas = [a for r in results.values() if (a := ratio_in(r, "area")) is not None]
    if areas:
        what = "Passing answers by area beside the reference"
        found["areas"] = charts.histogram(areas, _RATIOS, what, "area / reference's", "neutral")
    return {name: Markup(svg) for name, svg in ({"scatter": "", "areas": ""} | found).items()}


def _anchor(problem: str, attempt: int) -> str:
    return f"{re.sub(r'[^A-Za-z0-9_.-]', '-', problem)}-{attempt}"


def _answer(attempt: int, problem: Task, sample: Sample | None, result: Result | None, wave: Wave | None) -> Answer:
    from markupsafe import Markup

    verdict = result.verdict if result else None
    status = verdict.status if verdict else "no_answer" if sample and sample.error else NOT_JUDGED
    reason = verdict.reason if verdict else (result.reason if result else sample.error if sample else "")
    code = _shown(problem, sample) if sample and not sample.error else ""
    first = verdict.first_mismatch if verdict else None
    quality = result.quality if result else None
    proof = quality.equivalence if quality else None
    counterexample = proof.counterexample if proof else ""
    second = result.second if result and result.second and result.second.status != status else None
    return Answer(
        attempt=attempt,
        status=status,
        reason=reason,
        first_mismatch=first,
        code=code[:_LONGEST],
        diff=_difference(problem, code) if code and (status != "passed" or counterexample) else (),
        second=second,
        scores=result.scores if result else (),
        anchor=_anchor(problem.id, attempt),
        quality="; ".join(_quality(quality)) if quality else "",
        counterexample=counterexample,
        wave=Markup(waveform(wave)) if wave else Markup(),
    )


def _shown(task: Task, sample: Sample) -> str:
    return sample.source(task) if isinstance(task, Problem) else sample.text


def _quality(found: Quality) -> Iterator[str]:
    """Yield the advisory findings on one answer in words."""
    if proof := found.equivalence:
        yield f"{proof.status.replace('_', ' ')}{f' ({proof.method})' if proof.method else ''}" + (
            f": {proof.reason}" if proof.reason else ""
        )
    if ppa := found.ppa:
        known = [f"{m} {v:.3f}" for m in METRICS if (v := ratio_of(ppa, m)) is not None]
        yield f"beside the reference: {', '.join(known)}" if known else f"no ratio: {ppa.reason}"
    if lint := found.lint:
        rules = [f"{rule} ×{n}" for rule, n in (*lint.errors.items(), *lint.warnings.items())]
        yield f"lint: {', '.join(rules) or 'clean'}"


def _difference(problem: Task, code: str) -> tuple[str, ...]:
    if not isinstance(problem, Problem):
        return ()
    shown = code[:_LONGEST].strip().splitlines()[:400]
    lines = unified_diff(problem.solution.strip().splitlines(), shown, lineterm="", n=2)
    return tuple(list(lines)[2:])


def template(name: str) -> jinja2.Template:
    """Return one of this package's templates."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_text), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    return environment.get_template(name)


def style() -> Markup:
    """Return the pages' style sheet."""
    from markupsafe import Markup

    return Markup(_text("page.css"))


def _text(name: str) -> str:
    return files("rtlgen.benchmarks").joinpath(name).read_text(encoding="utf-8")
