"""pass@k and its uncertainty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np

_RESAMPLES = 2000
_SEED = 20230914


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval.

    Attributes:
        value: the figure, from 0 to 1; None where it is not defined.
        low, high: bounds of the interval.
        problems: over how many problems it is.
    """

    value: float | None
    low: float | None
    high: float | None
    problems: int


def pass_at_k(samples: int, passed: int, k: int) -> float | None:
    """Return the chance that at least one of k samples drawn from these passes, None where there are fewer than k.

    1 - C(n-c, k) / C(n, k), the estimator without bias of M. Chen et al., "Evaluating large language models trained
    on code", 2021, computed exactly.

    Example:
        >>> pass_at_k(20, 5, 1), pass_at_k(4, 0, 2), pass_at_k(3, 1, 5)
        (0.25, 0.0, None)
    """
    if not 0 <= passed <= samples or k < 1:
        raise ValueError(f"expected 0 <= passed <= samples and k >= 1, got {passed}, {samples}, {k}")
    if samples < k:
        return None
    return 1.0 - comb(samples - passed, k) / comb(samples, k)


def estimate(counts: Mapping[str, tuple[int, int]], k: int) -> Estimate:
    """Return pass@k over problems, with a bootstrap interval.

    Problems are resampled with replacement, and within each problem its samples are, so that the interval covers both
    the choice of problems and the chance of sampling (percentile bootstrap, B. Efron, 1979).

    Args:
        counts: problem → (samples judged, samples passed); those with fewer than k samples are left out.
        k: how many samples a user would look at.
    """
    usable = [(n, c) for n, c in counts.values() if n >= k]
    if not usable:
        return Estimate(None, None, None, 0)
    values = [v for n, c in usable if (v := pass_at_k(n, c, k)) is not None]
    low, high = _interval(usable, k)
    return Estimate(sum(values) / len(values), low, high, len(usable))


def mean_interval(values: Sequence[float] | np.ndarray[Any, Any], *, resamples: int, seed: int) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of a mean."""
    rng = np.random.default_rng(seed)
    array = np.asarray(values)
    means = [float(array[rng.integers(0, len(array), len(array))].mean()) for _ in range(resamples)]
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def _interval(usable: Sequence[tuple[int, int]], k: int) -> tuple[float, float]:
    rng = np.random.default_rng(_SEED)
    n = np.array([a for a, _ in usable])
    c = np.array([b for _, b in usable])
    table = {int(m): np.array([pass_at_k(int(m), i, k) or 0.0 for i in range(int(m) + 1)]) for m in np.unique(n)}
    means = np.empty(_RESAMPLES)
    for index in range(_RESAMPLES):
        picked = rng.integers(0, len(n), len(n))
        drawn = rng.binomial(n[picked], c[picked] / n[picked])
        means[index] = np.mean([table[m][d] for m, d in zip(n[picked].tolist(), drawn.tolist(), strict=True)])
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
