"""Ratios over answers, pass@k without what is refuted, and the pictures."""

from __future__ import annotations

import re
from math import exp, log
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtlgen.benchmarks import charts
from rtlgen.benchmarks.quality import geometric_mean, is_refuted, measured, of_problem, summary
from rtlgen.benchmarks.report import Line, figures
from rtlgen.benchmarks.runlog import Result
from rtlgen.scorers.examine import Equivalence, EquivalenceVerdict, Lint
from rtlgen.scorers.quality import Quality, Relative
from rtlgen.scorers.verdict import Verdict


def result(
    problem: str,
    attempt: int,
    area: float | None = None,
    proof: EquivalenceVerdict = "proved",
    lint: Lint | None = None,
) -> Result:
    quality = Quality(equivalence=Equivalence(status=proof, reason="why"), ppa=Relative(area=area), lint=lint)
    return Result(
        problem=problem, attempt=attempt, sample="0" * 64, verdict=Verdict(status="passed"), quality=quality
    )  # fmt: skip


def test_each_problem_counts_once() -> None:
    results = [result("a", 0, 4.0), result("a", 1, 4.0), result("a", 2, 4.0), result("b", 0, 1.0), result("c", 0)]
    (ratio,) = measured("all", results).ratios
    assert ratio.mean == pytest.approx(2.0) and (ratio.problems, ratio.answers) == (2, 4)
    assert (ratio.best, ratio.best_problem, ratio.median) == (1.0, "b", 2.5)
    assert ratio.low == pytest.approx(1.0) and ratio.high == pytest.approx(4.0)


@settings(max_examples=30)
@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=20))
def test_the_geometric_mean_is_that_of_logarithms(values: list[float]) -> None:
    assert geometric_mean(values) == pytest.approx(exp(sum(map(log, values)) / len(values)))
    assert geometric_mean([1 / v for v in values]) == pytest.approx(1 / (geometric_mean(values) or 1))


def test_what_is_refuted_does_not_pass_the_second_row() -> None:
    line = Line(problem="a", category="", samples=4, passed=3, unreadable=1, stages={}, refuted=2)
    assert figures([line], [1])[0].value == pytest.approx(0.75)
    assert figures([line], [1], without_refuted=True)[0].value == pytest.approx(0.25)
    assert figures([line], [1], with_unreadable=True)[0].value == pytest.approx(1.0)


def test_the_summary_lists_what_is_refuted() -> None:
    lint = Lint(errors={}, warnings={"verilator:LATCH": 2, "slang:CaseDefault": 1})
    results = [result("a", 0, 1.0, "refuted", lint), result("a", 1, 2.0), result("b", 0, None, "unknown")]
    found = summary(results, {"a": "x", "b": "y"})
    assert found is not None
    assert found.equivalence == {"refuted": 1, "proved": 1, "unknown": 1}
    assert [(r.problem, r.attempt, r.reason) for r in found.refuted] == [("a", 0, "why")]
    assert found.lint is not None and (found.lint.warnings, found.lint.rules["verilator:LATCH"]) == (3, 1)
    assert [(g.name, g.ratios[0].best) for g in found.ppa] == [("all", 2.0), ("x", 2.0)]  # the smaller one is wrong
    assert is_refuted(results[0]) and not is_refuted(results[2])
    one = of_problem(results[:2])
    assert one is not None and (one.area, one.delay, one.lint_warnings) == (2.0, None, 3)
    bare = Result(problem="a", attempt=0, sample="0" * 64, verdict=Verdict(status="passed"))
    assert summary([bare], {"a": ""}) is None and of_problem([bare]) is None


NAMES = st.text(max_size=12)
COUNTS = st.dictionaries(st.sampled_from(["passed", "failed", "timeout"]), st.integers(1, 500), min_size=1)


@settings(max_examples=30)
@given(st.lists(st.tuples(NAMES, COUNTS), min_size=1, max_size=6))
def test_bars_share_their_row_by_count(rows: list[tuple[str, dict[str, int]]]) -> None:
    drawn = ET.fromstring(clean(charts.stacked(rows, ["passed", "failed", "timeout"], "how they ended")))
    widths = [float(r.attrib["width"]) for r in drawn.iter("rect")]
    assert len(widths) == sum(len(counts) for _, counts in rows)
    assert sum(widths) == pytest.approx(sum(720 - 210 - 50 for _ in rows), abs=len(widths))
    assert drawn.attrib["aria-label"] == "how they ended"


@settings(max_examples=30)
@given(st.lists(st.floats(-0.5, 1.5), min_size=1, max_size=50))
def test_a_histogram_counts_every_value_once(values: list[float]) -> None:
    drawn = ET.fromstring(charts.histogram(values, [0, 0.25, 0.5, 1.0], "shares", "share"))
    said = [title.text or "" for rect in drawn.iter("rect") for title in rect.iter("title")]
    assert sum(int(x.rpartition(": ")[2]) for x in said) == len(values)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.floats(0.001, 1000), st.floats(0.001, 1000)), min_size=1, max_size=20))
def test_points_lie_inside_their_axes(points: list[tuple[float, float]]) -> None:
    svg = charts.scatter([(x, y, "<&>", "p-0") for x, y in points], "area and delay", "area", "delay")
    places = [(float(x), float(y)) for x, y in re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', svg)]
    assert len(places) == len(points)
    assert all(60 <= x <= 700 and 12 <= y <= 312 for x, y in places)
    assert "<&>" not in svg and 'class="one"' in svg


def clean(svg: str) -> str:
    """Return the text without characters that XML (not HTML) forbids."""
    return re.sub(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]", "", svg)
