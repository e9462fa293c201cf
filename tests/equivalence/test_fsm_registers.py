"""Registers beside a machine: flags that the state decides, counters of exclusive phases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rtlgen.graphs.frontend.slang import elaborate
from rtlgen.graphs.wordlevel.build import word_level
from rtlgen.optimizer.edits import apply_edits
from rtlgen.optimizer.fsm.imply import FsmImply, values_by_state
from rtlgen.optimizer.fsm.share import ShareRegisters, common_name, groups
from rtlgen.optimizer.rewrite import RewriteContext
from rtlgen.synth.equiv import check_equivalence
from rtlgen.synth.yosys import YosysPool

FLAG = """module gate(input clk, rst, card, coin, push, output reg open, output wire red);
  localparam [1:0] LOCKED = 2'd0, PAID = 2'd1, THROUGH = 2'd2;
  reg [1:0] state;
  reg       paid; // set with the coin

  always @(posedge clk)
    if (rst) begin
      state <= LOCKED;
      paid  <= 1'b0;
      open  <= 1'b0;
    end else begin
      open <= 1'b0;
      case (state)
        LOCKED: begin
          paid <= coin | card;
          if (coin | card) state <= PAID;
        end
        PAID: if (push && paid) begin
          state <= THROUGH;
          open  <= 1'b1;
        end
        THROUGH: begin
          paid <= 1'b0;
          state <= LOCKED;
        end
        default: state <= LOCKED;
      endcase
    end

  assign red = state == LOCKED;
endmodule
"""

COUNTERS = """module lamp(input clk, rst, go, output reg on, output reg done);
  reg [4:0] warm_cnt;
  reg [4:0] cool_cnt;
  reg       cooling;

  always @(posedge clk)
    if (rst) begin
      warm_cnt <= 5'd0;
      cool_cnt <= 5'd0;
      cooling  <= 1'b0;
      on       <= 1'b0;
      done     <= 1'b0;
    end else begin
      done <= 1'b0;
      if (!cooling) begin
        if (go) begin
          on <= 1'b1;
          if (warm_cnt == 5'd11) begin
            warm_cnt <= 5'd0;
            cooling  <= 1'b1;
          end else
            warm_cnt <= warm_cnt + 5'd1;
        end
        cool_cnt <= 5'd0;
      end else begin
        warm_cnt <= 5'd0;
        on       <= 1'b0;
        if (cool_cnt == 5'd18) begin
          cool_cnt <= 5'd0;
          cooling  <= 1'b0;
          done     <= 1'b1;
        end else
          cool_cnt <= cool_cnt + 5'd1;
      end
    end
endmodule
"""


@pytest.fixture(scope="module")
def pool() -> Iterator[YosysPool]:
    with YosysPool(workers=2) as workers:
        yield workers


def context(source: str) -> RewriteContext:
    design = elaborate({"m.sv": source.encode()})
    return RewriteContext(word_level(design), {"m.sv": source.encode()}, "area", design.top.name, elaborated=design)


def test_what_a_flag_holds_in_each_state() -> None:
    view = context(FLAG).modules[0]
    assert values_by_state(view, view.registers["state"], view.registers["paid"]) == {0: {0}, 1: {1}, 2: {1}}


def test_a_flag_that_the_state_decides_goes(pool: YosysPool) -> None:
    here = context(FLAG)
    changes = list(FsmImply().propose(here))
    assert [c.title for c in changes] == ["tests of 'paid' that the state already decides"]
    after = apply_edits(here.sources, changes[0].edits)["m.sv"].decode()
    assert "paid" not in after.replace("PAID", "")
    assert "        PAID: if (push) begin\n" in after
    assert check_equivalence({"m.sv": FLAG}, {"m.sv": after}, top="gate", pool=pool).status == "proved"


def test_counters_of_exclusive_phases_become_one(pool: YosysPool) -> None:
    here = context(COUNTERS)
    assert groups(here.modules[0]) == [("cool_cnt", "warm_cnt")]
    statuses = []
    for change in ShareRegisters().propose(here):
        after = apply_edits(here.sources, change.edits)["m.sv"].decode()
        assert "warm_cnt" not in after
        statuses.append(check_equivalence({"m.sv": COUNTERS}, {"m.sv": after}, top="lamp", pool=pool).status)
    # As written the clear behind the count undoes it; without it the one counter serves both phases.
    assert statuses == ["refuted", "proved"]


def test_counters_that_run_together_are_left_alone() -> None:
    source = """module m(input clk, rst, input [3:0] k, output reg [1:0] y);
      reg [3:0] a, b;
      always @(posedge clk) if (rst) begin a <= 0; b <= 0; y <= 0; end
        else begin a <= a + 1; b <= b + k; y <= {a == 3, b == 5}; end
    endmodule"""
    assert groups(context(source).modules[0]) == []


def test_the_common_name_is_free_and_readable() -> None:
    assert common_name(["start_cnt", "stop_cnt"], {"cnt"}) == "start_cnt"
    assert common_name(["wait_req_timer", "wait_ack_timer"], set()) == "wait_timer"
