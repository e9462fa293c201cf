"""`measure` with the real tools: figures that must agree with each other and with other ways to get them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from rtlgen.core.errors import ElaborationError, InputError
from rtlgen.core.types import Design
from rtlgen.synth.flow import Evaluator
from rtlgen.synth.liberty import Library, read_library
from rtlgen.synth.ppa import SynthesisReport, measure
from rtlgen.synth.ppa.activity import read_activity
from rtlgen.synth.ppa.netlist import Netlist, read_netlist
from rtlgen.synth.ppa.vcd import Variable, read_vcd
from rtlgen.synth.yosys import YosysPool

SOURCE = """module alu(input [3:0] a, b, input [1:0] op, output reg [3:0] y);
  always @*
    case (op)
      0: y = a + b;
      1: y = a - b;
      2: y = a & b;
      default: y = a ^ b;
    endcase
endmodule

module top(input clk, rst, input [3:0] d, input [1:0] op, input we, input [1:0] wa, ra,
           output reg [3:0] acc, output [3:0] m, output any);
  reg [3:0] mem [0:3];
  wire [3:0] r;
  alu u_alu(.a(acc), .b(d), .op(op), .y(r));
  always @(posedge clk)
    if (rst) acc <= 0;
    else acc <= r;
  always @(posedge clk) if (we) mem[wa] <= acc;
  assign m = mem[ra];
  assign any = |d;
endmodule
"""
BENCH = """`timescale 1ns/1ps
module tb;
  reg clk = 0, rst = 1, we = 1; reg [3:0] d = 0; reg [1:0] op = 0, wa = 0, ra = 0; wire [3:0] acc, m; wire any;
  top dut(clk, rst, d, op, we, wa, ra, acc, m, any);
  always #5 clk = ~clk;
  integer i;
  initial begin
    $dumpfile("t.vcd");
    repeat (6) begin @(negedge clk); wa = wa + 1; end
    rst = 0;
    $dumpvars(0, tb);
    for (i = 0; i < 200; i = i + 1) begin @(negedge clk); {d, op, we, wa, ra} = $random; end
    $finish;
  end
endmodule
"""
has_sta = pytest.mark.skipif(shutil.which("sta") is None, reason="needs OpenSTA (Debian package opensta)")
has_iverilog = pytest.mark.skipif(shutil.which("iverilog") is None, reason="needs Icarus Verilog")


@pytest.fixture(scope="module")
def library() -> Library:
    return read_library()


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def pool() -> Iterator[YosysPool]:
    with YosysPool(2) as shared:
        yield shared


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("design") / "top.v"
    path.write_text(SOURCE)
    return path


@pytest.fixture(scope="module")
def by_sta(source: Path, library: Library, pool: YosysPool, cache: Path) -> SynthesisReport:
    return measure(Design(files=(source,)), library, clock_ns=2.0, pool=pool, cache_dir=cache)


@pytest.fixture(scope="module")
def by_abc(source: Path, library: Library, pool: YosysPool, cache: Path) -> SynthesisReport:
    return measure(Design(files=(source,)), library, clock_ns=2.0, pool=pool, cache_dir=cache, opensta=False)


def test_area_is_that_of_the_flow_and_the_sum_of_its_parts(
    by_abc: SynthesisReport, library: Library, source: Path, cache: Path
) -> None:
    with Evaluator(library, clock_ns=2.0, workers=1, cache_dir=cache) as evaluator:
        flow = evaluator.evaluate({"top.v": source.read_text()}, "top")
    assert by_abc.top == "top"
    assert by_abc.area_um2 == flow.area_um2
    assert by_abc.seq_area_um2 == flow.seq_area_um2
    assert {use.cell: use.count for use in by_abc.by_type} == flow.cells
    assert sum(use.area_um2 for use in by_abc.by_type) == pytest.approx(by_abc.area_um2)
    assert sum(use.area_um2 for use in by_abc.by_type if use.kind == "ff") == pytest.approx(by_abc.seq_area_um2)
    assert (by_abc.flops, by_abc.latches) == (20, 0)
    assert by_abc.timing.delay_ns == flow.delay_ns
    assert by_abc.ppa.cells == sum(flow.cells.values())


def test_areas_by_module_add_up(by_abc: SynthesisReport) -> None:
    top, alu = by_abc.by_module
    assert (top.path, top.module, alu.path, alu.module) == ("top", "top", "top.u_alu", "alu")
    assert top.total_um2 == pytest.approx(top.area_um2 + alu.total_um2)
    assert by_abc.hierarchical_area_um2 == top.total_um2
    assert top.total_um2 == pytest.approx(by_abc.area_um2, rel=0.3)


def test_memory_is_counted_before_it_becomes_registers(by_abc: SynthesisReport, source: Path) -> None:
    (memory,) = by_abc.memories
    assert (memory.name, memory.words, memory.width, memory.bits, by_abc.memory_bits) == ("mem", 4, 4, 16, 16)
    assert memory.span is not None
    assert (memory.span.file, memory.span.line) == (str(source), 13)


@has_sta
def test_path_groups_name_their_ends_and_lines(by_sta: SynthesisReport, source: Path) -> None:
    groups = {group.name: group for group in by_sta.timing.groups}
    assert set(groups) == {"in2reg", "reg2reg", "reg2out", "in2out"}
    path = groups["reg2reg"]
    assert path.start.startswith("acc[")
    assert path.end.startswith("acc[")
    assert path.start_span is not None
    assert (path.start_span.file, path.start_span.line) == (str(source), 16)
    assert {span.line for span in path.lines} & {4, 5}
    assert path.slack_ns == pytest.approx(2.0 - path.delay_ns, abs=2e-6)
    assert path.stages[0].cell.startswith("DFF")
    assert path.stages[-1].arrival_ns < path.delay_ns
    assert by_sta.timing.slack_ns == min(group.slack_ns for group in groups.values() if group.slack_ns is not None)
    assert by_sta.timing.clocks == ("clk",)
    assert groups["in2out"].start_span is not None
    assert {groups["in2out"].start[:2], groups["in2out"].end[:1]} <= {"ra", "m", "d[", "a"}


@has_sta
def test_opensta_and_abc_agree_on_combinational_delay(by_sta: SynthesisReport, by_abc: SynthesisReport) -> None:
    assert by_abc.timing.basis.startswith("ABC stime")
    assert by_sta.timing.basis.startswith("OpenSTA 2")
    # OpenSTA adds what the registers take: at most 0.15 ns of clock to output and set-up in this library
    assert by_abc.timing.delay_ns is not None
    assert by_sta.timing.delay_ns is not None
    assert by_abc.timing.delay_ns * 0.95 <= by_sta.timing.delay_ns <= by_abc.timing.delay_ns * 1.05 + 0.15
    assert by_sta.area_um2 == by_abc.area_um2
    assert by_sta.ppa.basis != by_abc.ppa.basis
    with pytest.raises(ValueError, match="expected equal bases"):
        by_sta.ppa.ratio(by_abc.ppa)


@has_sta
def test_own_power_is_near_openstas(by_sta: SynthesisReport, by_abc: SynthesisReport) -> None:
    own, sta = by_abc.power, by_sta.power
    assert own.leakage_mw == pytest.approx(sta.leakage_mw, rel=1e-3)
    assert own.sequential_mw is not None
    assert own.sequential_mw == pytest.approx(sta.sequential_mw, rel=0.25)
    assert own.total_mw == pytest.approx(sta.total_mw, rel=0.35)
    assert "divided by 2" in sta.basis or not sta.basis.startswith("OpenSTA 2.0")


@has_iverilog
def test_evaluated_activity_is_what_the_simulator_saw(
    source: Path, library: Library, pool: YosysPool, cache: Path, tmp_path: Path
) -> None:
    (tmp_path / "tb.v").write_text(BENCH)
    subprocess.run(["iverilog", "-g2012", "-o", "t.vvp", "tb.v", str(source)], cwd=tmp_path, check=True)
    subprocess.run(["vvp", "-n", "t.vvp"], cwd=tmp_path, check=True, stdout=subprocess.DEVNULL)
    report = measure(
        Design(files=(source,)), library, clock_ns=2.0, pool=pool, cache_dir=cache, activity=tmp_path / "t.vcd"
    )
    assert "scope tb.dut, " in report.power.activity
    assert "4 of 20 registers as recorded" in report.power.activity
    netlist = mapped_netlist(library, cache)
    activity = read_activity(tmp_path / "t.vcd", netlist, library, clock_ns=2.0)
    assert activity.cycle_ns == pytest.approx(10.0, rel=0.02)
    recorded = read_vcd(tmp_path / "t.vcd").scopes["tb.dut"]
    cycles = changes(recorded["clk"], 0) / 2
    # acc is recorded, `any` is a gate; the memory behind m is simulated and starts empty, which costs a few changes
    for name, place, slack in (("acc[2]", 1, 1), ("any", 0, 1), ("m[1]", 2, 10)):
        bit = next(port.bit for port in netlist.ports if port.name == name)
        assert isinstance(bit, int)
        assert activity.toggles[bit] * cycles == pytest.approx(changes(recorded[name.split("[")[0]], place), abs=slack)


def mapped_netlist(library: Library, cache: Path) -> Netlist:
    """Return the design as the flow maps it."""
    with Evaluator(library, clock_ns=2.0, workers=1, cache_dir=cache) as evaluator:
        commands = [
            "read_slang --top top d.v",
            "synth -flatten -top top -run :check",
            f"dfflibmap -liberty {evaluator.files.sequential}",
            f"abc -liberty {evaluator.files.liberty}",
            "write_json n.json",
        ]
        run = evaluator.pool.run(commands, files={"d.v": SOURCE}, fetch=["n.json"])
    return read_netlist(run.files["n.json"], "top")


def changes(variable: Variable, place: int) -> int:
    """Return how often one bit of a recorded variable changes; `place` counts from its most significant bit."""
    width = max(len(variable.indices), 1)
    values = [value.rjust(width, "0")[place] for _, value in variable.changes]
    return sum(a != b for a, b in pairwise(values))


@pytest.mark.parametrize("process", ["always @*", "always_comb", "always_latch"])
def test_latches_are_warned_about_with_their_line(
    library: Library, pool: YosysPool, cache: Path, tmp_path: Path, process: str
) -> None:
    path = tmp_path / "l.sv"
    path.write_text(
        f"module l(input e, input [2:0] d, output reg [2:0] q);\n  {process}\n    if (e) q = d;\nendmodule\n"
    )
    report = measure(Design(files=(path,)), library, pool=pool, cache_dir=cache, opensta=False)
    assert report.latches == 3
    (warning,) = report.warnings
    what = "q is a latch of 3 bits; assign it on every branch if it is not meant to be one"
    assert str(warning) == f"{path}:2:3: warning: {what} [yosys:latch]"
    assert report.seq_area_um2 == report.area_um2


def test_case_attributes_are_honoured(library: Library, pool: YosysPool, cache: Path, tmp_path: Path) -> None:
    path = tmp_path / "f.v"
    body = "always @* (* full_case *) case (s) 0: y = a; 1: y = b; endcase"
    path.write_text(f"module f(input [1:0] s, input a, b, output reg y);\n  {body}\nendmodule\n")
    report = measure(Design(files=(path,)), library, pool=pool, cache_dir=cache, opensta=False)
    assert (report.frontend, report.latches) == ("verilog", 0)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("module m(input a, output y);\n  assign y = a &;\nendmodule\n", ElaborationError, "{}:2: expected expression"),
        ("module m(input a, output y);\n  sub u(a, y);\nendmodule\n", ElaborationError, "{}:2: unknown module 'sub'"),
        (
            "module a; endmodule\nmodule b; endmodule\n",
            InputError,
            "{}: expected one top module, got 2: a, b; choose one with --top",
        ),
        (
            "module m(input c, output reg y);\n  always @(posedge c) begin\n    #5 y <= c;\n  end\nendmodule\n",
            ElaborationError,
            "{}:3: unsynthesizable timing control",
        ),
        (
            "module m(input a, s, output y);\n  wire p, q;\n  assign p = s ? q : a;\n"
            "  assign q = p & s;\n  assign y = q;\nendmodule\n",
            ElaborationError,
            "{0}:4: combinational loop through q ({0}:2) -> p ({0}:2), closed by logic at {0}:4, {0}:3; "
            "break it with a register",
        ),
        (
            "module m(input c, a, b, output reg y);\n  always @(posedge c) y <= a;\n"
            "  always @(posedge c) y <= b;\nendmodule\n",
            ElaborationError,
            "{0}:1: expected one driver of y, got several, at {0}:2, {0}:3; drive it in one place",
        ),
        ('`include "no.vh"\nmodule m; endmodule\n', ElaborationError, "{}:1: 'no.vh': No such file or directory"),
    ],
)
def test_bad_designs(
    text: str, error: type[Exception], message: str, library: Library, pool: YosysPool, cache: Path, tmp_path: Path
) -> None:
    path = tmp_path / "d.v"
    path.write_text(text)
    with pytest.raises(error) as caught:
        measure(Design(files=(path,)), library, pool=pool, cache_dir=cache, opensta=False)
    assert str(caught.value) == message.format(path)
