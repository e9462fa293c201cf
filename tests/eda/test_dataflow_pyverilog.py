"""Pyverilog as a second opinion on data flow: on what it can read, the edges are the same, or it is told why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtlgen.benchmarks.cores import repositories
from rtlgen.core.errors import InputError
from rtlgen.graphs import model
from rtlgen.graphs.database.design import DesignDatabase
from rtlgen.graphs.frontend.pyverilog_dfg import Edge, signal_edges, signal_flow
from rtlgen.graphs.indexing import Indexer, Options

pytest.importorskip("pyverilog", reason="needs Pyverilog: pip install 'rtlgen[crosscheck]'")

SMALL = """
module leaf(input [3:0] a, input [3:0] b, output [3:0] y);
  assign y = a & ~b;
endmodule
module sample(input clk, input rst, input [3:0] x, input [1:0] s, input e, output reg [3:0] q, output [3:0] z,
             output reg [3:0] m);
  wire [3:0] t;
  wire [3:0] u = t ^ x;
  leaf l(.a(x), .b(q), .y(t));
  assign z = e ? u : {x[1:0], q[3:2]};
  always @(posedge clk) begin
    if (rst) q <= 4'd0;
    else if (e) q <= u + x;
  end
  always @* begin
    case (s)
      2'd0: m = x;
      2'd1: m = q;
      default: m = 4'd0;
    endcase
  end
endmodule
"""


def _ours(folder: Path, top: str) -> DesignDatabase:
    with Indexer(folder, Options(tops=(top,))) as indexer:
        indexer.run()
    return DesignDatabase.open(folder)


def test_the_edges_of_a_small_design_are_the_same(tmp_path: Path) -> None:
    (tmp_path / "sample.v").write_text(SMALL)
    theirs = signal_flow([tmp_path / "sample.v"], "sample")
    with _ours(tmp_path, "sample") as design:
        ours = {e for e in signal_edges(design, "sample") if e[0] != e[1]}
    assert {e for e in theirs.edges if e[0] != e[1]} == ours
    assert ("sample.clk", "sample.q") in theirs.clocks


def test_what_pyverilog_can_not_read_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "m.v").write_text("module m(input a, output b); assign b = ; endmodule\n")
    with pytest.raises(InputError, match=r"^m: Pyverilog can't read the design: "):
        signal_flow([tmp_path / "m.v"], "m")


@pytest.mark.slow
def test_the_edges_of_a_real_core_are_the_same_or_explained(tmp_path: Path) -> None:
    found = repositories(("serv",))
    if not found:
        pytest.skip("the package pythondata-cpu-serv is not installed")
    read = shared = explained = 0
    for file in sorted((found["serv"] / "rtl").glob("serv_*.v")):
        try:
            theirs = signal_flow([file], file.stem)
        except InputError:
            continue
        folder = tmp_path / file.stem
        folder.mkdir()
        (folder / file.name).write_bytes(file.read_bytes())
        with _ours(folder, file.stem) as design:
            ours = signal_edges(design, file.stem)
            known = {s for edge in ours for s in edge} & theirs.signals
            claimed = {e for e in theirs.edges if set(e) <= known and e[0] != e[1]}
            mine = {e for e in ours if set(e) <= known and e[0] != e[1]}
            kept = _kept_conditions(design)
        assert claimed - mine <= kept, f"{file.stem}: {sorted(claimed - mine - kept)}"
        read, shared, explained = read + 1, shared + len(claimed & mine), explained + len(claimed - mine)
    assert read >= 10
    assert shared >= 500
    assert explained <= shared // 20


def _kept_conditions(design: DesignDatabase) -> set[Edge]:
    """Return (condition, target) of every block: Pyverilog holds on to a condition for what follows its statement."""
    found: set[Edge] = set()
    for instance in design.rows(model.Instance, "body > 0"):
        graph = design.mirror.body(instance.body)
        block_of = {s.id: s.block for s in design.rows(model.Statement)}
        conditions: dict[int, set[str]] = {}
        for row in design.rows(model.Reads, "role IN ('control', 'reset')"):
            if row.target in graph.signals:
                conditions.setdefault(block_of[row.source], set()).add(graph.signals[row.target].name)
        for drive in design.rows(model.Drives):
            if drive.target in graph.signals:
                target = f"{instance.path}.{graph.signals[drive.target].name}"
                found |= {(f"{instance.path}.{c}", target) for c in conditions.get(block_of[drive.source], ())}
    return found
