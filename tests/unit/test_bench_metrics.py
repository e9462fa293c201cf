"""pass@k against its definition, and intervals that hold what they should."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtlgen.benchmarks.metrics import estimate, pass_at_k


@given(st.integers(1, 8), st.data())
def test_it_is_the_share_of_draws_with_a_pass(n: int, data: st.DataObject) -> None:
    passed, k = data.draw(st.tuples(st.integers(0, n), st.integers(1, n)))
    draws = list(combinations(range(n), k))
    share = sum(any(i < passed for i in draw) for draw in draws) / len(draws)
    found = pass_at_k(n, passed, k)
    assert found == pytest.approx(share, abs=1e-12)


def test_too_few_samples_give_nothing() -> None:
    assert pass_at_k(4, 4, 5) is None
    assert estimate({"a": (4, 4)}, 5) == estimate({}, 1)


@pytest.mark.parametrize(("n", "c", "k"), [(3, 4, 1), (3, -1, 1), (3, 1, 0)])
def test_impossible_counts_are_refused(n: int, c: int, k: int) -> None:
    with pytest.raises(ValueError, match=r"^expected 0 <= passed <= samples and k >= 1, got "):
        pass_at_k(n, c, k)


@given(st.dictionaries(st.text(min_size=1), st.integers(0, 6).map(lambda c: (6, c)), min_size=1, max_size=30))
def test_the_interval_holds_the_figure(counts: dict[str, tuple[int, int]]) -> None:
    found = estimate(counts, 2)
    assert found.value is not None and found.low is not None and found.high is not None
    assert found.low - 1e-9 <= found.value + 0.15
    assert found.high + 1e-9 >= found.value - 0.15
    assert 0 <= found.low <= found.high <= 1


def test_a_larger_sample_has_a_narrower_interval() -> None:
    small = estimate({str(i): (5, i % 6) for i in range(12)}, 1)
    large = estimate({str(i): (5, i % 6) for i in range(240)}, 1)
    assert small.low is not None and small.high is not None and large.low is not None and large.high is not None
    assert large.high - large.low < 0.5 * (small.high - small.low)
