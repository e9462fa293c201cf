"""The way of large designs through the search: estimate, group, prove, measure; forced on a small design."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtlgen.core.types import Design
from rtlgen.optimizer import candidates
from rtlgen.optimizer.goal import Goal
from rtlgen.optimizer.run import Options, optimize
from rtlgen.synth.equiv import check_equivalence

TWO = """module two (
    input clk, s, t,
    input [15:0] a, b, c, d,
    output reg [15:0] q,
    output [15:0] z
);
    assign z = t ? c + d : c + b;
    always @(posedge clk) q <= s ? a + b : a - c;
endmodule
"""


def test_changes_are_estimated_alone_measured_together_and_proved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "CHEAP_S", 0.0)
    monkeypatch.setattr(candidates, "LARGE_CELLS", 0)
    file = tmp_path / "two.v"
    file.write_text(TWO)
    found = optimize(Design(files=(file,), top="two"), Options(goal=Goal("area"), budget_s=30.0))
    before, after = found.report.before.area_um2, found.report.after.area_um2
    assert after < 0.96 * before
    first = found.outcome.accepted[0]
    assert all("synthesized alone" in c.why for c in first.changes)
    assert any(
        r.outcome == "not better" and r.reason.startswith("what it changes, alone") for r in found.outcome.rejected
    )
    text = next(iter(found.after.sources.values())).decode()
    assert check_equivalence({"a.v": TWO}, {"b.v": text}, top="two").status == "proved"
