"""Which sums of registers are kept in a register, and which registers may share one."""

from __future__ import annotations

from rtlgen.graphs.frontend.slang import elaborate
from rtlgen.graphs.wordlevel.build import word_level
from rtlgen.graphs.wordlevel.module import ModuleIR
from rtlgen.optimizer.rewrite import RewriteContext
from rtlgen.optimizer.sharing.graph import ModuleGraph
from rtlgen.optimizer.state.lifetime import Lifetimes, analyse, groups
from rtlgen.optimizer.state.sums import RunningSums, sums

TAPS = """module taps(input clk, input [3:0] x, output [9:0] y);
  reg [3:0] a, b, c;
  always @(posedge clk) begin a <= x; b <= a; c <= b; end
  assign y = %s;
endmodule"""

PHASES = """module phases(input clk, rst, go, output [3:0] y);
  reg [1:0] phase;
  reg [3:0] warm, cool, total;
  assign y = total;
  always @(posedge clk)
    if (rst) begin phase <= 0; warm <= 0; cool <= 0; total <= 0; end
    else case (phase)
      0: if (go) begin phase <= 1; warm <= 9; end
      1: begin warm <= warm - 1; total <= total + %s; if (warm == 0) begin phase <= 2; cool <= 5; end end
      2: begin cool <= cool - 1; if (cool == 0) phase <= 0; end
      default: phase <= 0;
    endcase
endmodule"""


def context(source: str) -> RewriteContext:
    """Return what families are asked with."""
    design = elaborate({"m.v": source.encode()})
    return RewriteContext(word_level(design), {"m.v": source.encode()}, "area", design.top.name, elaborated=design)


def test_a_window_moves_by_its_ends() -> None:
    (change,) = RunningSums().propose(context(TAPS % "a + b + c"))
    assert "running_sum <= running_sum + " in "".join(e.text for e in change.edits)


def test_a_sum_whose_parts_are_sums_is_left_alone() -> None:
    here = context(
        """module m(input clk, input [3:0] u, v, w, x, output [5:0] y);
          reg [5:0] a, b;
          always @(posedge clk) begin a <= u + v; b <= w + x; end
          assign y = a + b;
        endmodule"""
    )
    assert [len(s.stored) for s in sums(ModuleGraph(here.modules[0]))] == [2]
    assert list(RunningSums().propose(here)) == []


def phases(step: str) -> tuple[ModuleIR, Lifetimes]:
    """Return the machine with its phases as control."""
    view = context(PHASES % step).modules[0]
    return view, next(x for x in analyse(ModuleGraph(view)) if x.control.name == "phase")


def test_timers_of_two_phases_are_live_apart() -> None:
    view, lifetimes = phases("4'd1")
    assert lifetimes.live["warm"] == {1} and lifetimes.live["cool"] == {2} and lifetimes.live["total"] == {0, 1, 2}
    assert groups(view, lifetimes) == [("cool", "warm")]


def test_a_timer_that_another_phase_reads_is_live_there() -> None:
    view, lifetimes = phases("cool")
    assert lifetimes.live["cool"] == {0, 1, 2}
    assert groups(view, lifetimes) == []
