"""Two runs side by side: what changed, and whether that is more than chance."""

from __future__ import annotations

from collections.abc import Mapping
from math import comb

import numpy as np

from rtlgen.benchmarks.metrics import mean_interval, pass_at_k
from rtlgen.benchmarks.report import Line, Report
from rtlgen.core.errors import ConfigError
from rtlgen.core.types import Record

_RESAMPLES = 4000
_SEED = 20251120


class Difference(Record):
    """One problem on which two runs differ."""

    problem: str
    before: float
    """Share of samples that pass."""
    after: float


class Comparison(Record):
    """The second run against the first, over the problems that both have."""

    problems: int
    k: int
    before: float
    """pass@k of the first run over these problems, 0 to 1."""
    after: float
    difference: float
    low: float
    """Bounds of the 95 % interval of the difference (bootstrap over problems, paired)."""
    high: float
    p_value: float
    """Exact sign test over the problems on which the two differ."""
    won: int
    """Problems on which the second run passes more often."""
    lost: int
    differences: tuple[Difference, ...]


def compare(first: Report, second: Report, k: int = 1) -> Comparison:
    """Return the comparison of two runs of one suite.

    Raises:
        ConfigError: the runs are of different problems, or share none with k samples on both sides.
    """
    if (first.config.suite, first.config.dataset) != (second.config.suite, second.config.dataset):
        raise ConfigError(
            f"expected two runs of the same problems, got {first.config.suite} ({first.config.dataset[:12]}) and "
            f"{second.config.suite} ({second.config.dataset[:12]})"
        )
    a, b = _by_problem(first), _by_problem(second)
    pairs = {
        name: (left, right)
        for name in a.keys() & b.keys()
        if (left := pass_at_k(a[name].samples, a[name].passed, k)) is not None
        and (right := pass_at_k(b[name].samples, b[name].passed, k)) is not None
    }
    if not pairs:
        raise ConfigError(f"expected problems with at least {k} samples in both runs, got none")
    before, after = (np.array(x) for x in zip(*(pairs[n] for n in sorted(pairs)), strict=True))
    low, high = mean_interval(after - before, resamples=_RESAMPLES, seed=_SEED)
    differing = sorted(n for n, (x, y) in pairs.items() if x != y)
    won = sum(pairs[n][1] > pairs[n][0] for n in differing)
    return Comparison(
        problems=len(pairs),
        k=k,
        before=float(before.mean()),
        after=float(after.mean()),
        difference=float((after - before).mean()),
        low=low,
        high=high,
        p_value=sign_test(won, len(differing) - won),
        won=won,
        lost=len(differing) - won,
        differences=tuple(Difference(problem=n, before=pairs[n][0], after=pairs[n][1]) for n in differing),
    )


def _by_problem(report: Report) -> Mapping[str, Line]:
    return {line.problem: line for line in report.problems}


def sign_test(won: int, lost: int) -> float:
    """Return the chance of a split at least as uneven as this one if winning and losing are equally likely.

    Two-sided, exact (McNemar's test where each side has one sample per problem).

    Example:
        >>> sign_test(5, 0), sign_test(3, 3)
        (0.0625, 1.0)
    """
    n = won + lost
    if not n:
        return 1.0
    tail = float(sum(comb(n, i) for i in range(min(won, lost) + 1)) / 2**n)
    return min(1.0, 2 * tail)
