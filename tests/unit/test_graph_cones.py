"""Cones stop where they are told to, whatever the order in which things are reached."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtlgen.graphs.database.design import DesignDatabase
from rtlgen.graphs.indexing import Indexer

SOURCE = """
module m(input clk, input x, input y, output r, output s);
  logic b, c, a, d;
  assign b = x;
  always_ff @(posedge clk) c <= b;
  assign a = b;
  assign r = {expression};
  always_ff @(posedge clk) d <= c & y;
  assign s = d;
endmodule
"""


def _design(folder: Path, expression: str) -> DesignDatabase:
    (folder / "m.sv").write_text(SOURCE.replace("{expression}", expression))
    with Indexer(folder) as indexer:
        indexer.run()
    return DesignDatabase.open(folder)


@pytest.mark.parametrize("expression", ["a ^ c", "c ^ a"])
def test_what_is_reached_both_ways_counts_as_reached_by_logic(tmp_path: Path, expression: str) -> None:
    with _design(tmp_path, expression) as design:
        found = {b.path for b in design.fanin("m.r", through_registers=False).bits}
    assert found == {"m.r", "m.a", "m.c", "m.b", "m.x"}


def test_a_register_as_root_has_the_logic_in_front_of_it(tmp_path: Path) -> None:
    with _design(tmp_path, "a") as design:
        assert {b.path for b in design.fanin("m.d", through_registers=False).bits} == {"m.d", "m.c", "m.y"}
        assert {b.path for b in design.fanin("m.d").bits} == {"m.d", "m.c", "m.y", "m.b", "m.x"}


def test_depth_counts_blocks(tmp_path: Path) -> None:
    with _design(tmp_path, "a") as design:
        assert {b.path: b.depth for b in design.fanin("m.s", depth=2).bits} == {
            "m.s": 0, "m.d": 1, "m.c": 2, "m.y": 2,
        }  # fmt: skip


def test_fan_out_stops_at_registers(tmp_path: Path) -> None:
    with _design(tmp_path, "a") as design:
        assert {b.path for b in design.fanout("m.x", through_registers=False).bits} == {
            "m.x", "m.b", "m.c", "m.a", "m.r",
        }  # fmt: skip


def test_clocks_are_followed_on_request_only(tmp_path: Path) -> None:
    with _design(tmp_path, "a") as design:
        assert "m.clk" not in {b.path for b in design.fanin("m.s").bits}
        assert "m.clk" in {b.path for b in design.fanin("m.s", clocks=True).bits}
