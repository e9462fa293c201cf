"""Two runs as one page that needs nothing else: the difference, whether it is more than chance, and where it lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rtlgen.benchmarks import charts
from rtlgen.benchmarks.compare import Comparison
from rtlgen.benchmarks.page import SIGNS, style, template
from rtlgen.benchmarks.report import NOT_JUDGED, Report
from rtlgen.benchmarks.runlog import Recorded, Result

_SURE = 0.05


@dataclass(frozen=True, slots=True)
class Change:
    """A problem on which two runs differ, with how every answer of both ended."""

    problem: str
    category: str
    before: float
    after: float
    first: tuple[str, ...]
    second: tuple[str, ...]


def compare_page(found: Comparison, reports: tuple[Report, Report], runs: tuple[Recorded, Recorded]) -> str:
    """Return the page of a comparison."""
    from markupsafe import Markup

    first, second = (_statuses(run.results) for run in runs)
    categories = {line.problem: line.category for line in reports[0].problems}
    rows = [
        Change(
            d.problem,
            categories.get(d.problem, ""),
            d.before,
            d.after,
            first.get(d.problem, ()),
            second.get(d.problem, ()),
        )
        for d in sorted(found.differences, key=lambda d: d.before - d.after)
    ]
    order = [s for s in SIGNS if any(s in r.stages for r in reports)]
    bars = [(f"{name}: {r.config.model}", r.stages) for name, r in zip(("first", "second"), reports, strict=True)]
    return template("compare.html.jinja").render(
        found=found,
        reports=reports,
        paths=[str(run.path) for run in runs],
        changes=rows,
        signs=SIGNS,
        style=style(),
        said=verdict(found),
        order=order,
        stages=Markup(charts.stacked(bars, order, "How answers of both runs ended")),
        moves=Markup(charts.changes([(c.problem, c.before, c.after) for c in rows], "Problems that changed")),
    )


def verdict(found: Comparison) -> str:
    """Return in words whether the difference is more than chance, by the interval and by the sign test."""
    sure = found.low > 0 or found.high < 0, found.p_value < _SURE
    if all(sure):
        return f"The second run is {'better' if found.difference > 0 else 'worse'}; chance alone does not explain it."
    if any(sure):
        return "Interval and sign test disagree: the difference may be chance."
    return "The difference may be chance: the interval holds 0."


def _statuses(results: Mapping[tuple[str, int], Result]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for (problem, _), result in sorted(results.items()):
        status = result.verdict.status if result.verdict else NOT_JUDGED
        found[problem] = (*found.get(problem, ()), status)
    return found
