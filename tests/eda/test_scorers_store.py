"""What the reference gets is measured once for all judges of one store."""

from __future__ import annotations

from pathlib import Path

from rtlgen.benchmarks.suites.starter import STARTER
from rtlgen.core.store import Store
from rtlgen.scorers.simulation import Judge

PROBLEM = STARTER.load(None).problems[0]


def test_a_reference_is_simulated_once_per_store(tmp_path: Path) -> None:
    first, second = (Judge(store=Store(tmp_path)) for _ in range(2))
    # a second simulation would not take the same time to the nanosecond
    assert first.expected_s(PROBLEM) == second.expected_s(PROBLEM) > 0
    assert first.reference(PROBLEM) == second.reference(PROBLEM) and second.reference(PROBLEM).passed


def test_a_reference_that_fails_is_kept_as_such(tmp_path: Path) -> None:
    broken = PROBLEM.model_copy(update={"reference": PROBLEM.reference.replace("endmodule", "endmodul")})
    found = [Judge(store=Store(tmp_path)).reference(broken) for _ in range(2)]
    assert found[0] == found[1] and found[0].status == "syntax_error"
    assert Judge(store=Store(tmp_path)).expected_s(broken) == 0.0
