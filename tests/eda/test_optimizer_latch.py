"""A state machine whose `case` leaves codes out, in `always_comb`: a latch, optimized and proved like all else."""

from __future__ import annotations

from pathlib import Path

from rtlgen.core.types import Design
from rtlgen.optimizer.goal import Goal
from rtlgen.optimizer.run import Options, optimize
from rtlgen.synth.equiv import check_equivalence

WALK = """module walk(input clk, rst, left, right, output go);
  parameter L = 0, R = 1, UP = 2;
  reg [1:0] state, next;
  always_comb
    case (state)
      L: next = right ? R : L;
      R: next = left ? L : right ? UP : R;
      UP: next = L;
    endcase
  always @(posedge clk) if (rst) state <= L; else state <= next;
  assign go = (state == L && left) || (state == R && left) || (state == UP && left);
endmodule
"""


def test_a_latch_by_a_missing_case_is_no_loop(tmp_path: Path) -> None:
    file = tmp_path / "walk.sv"
    file.write_text(WALK)
    found = optimize(Design(files=(file,), top="walk"), Options(goal=Goal("area"), budget_s=6.0))
    assert found.report.before.latches == 2
    assert found.report.after.area_um2 <= found.report.before.area_um2
    after = next(iter(found.after.sources.values())).decode()
    assert check_equivalence({"a.sv": WALK}, {"b.sv": after}, top="walk").status == "proved"
