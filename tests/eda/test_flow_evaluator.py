"""The baseline flow: equal to the plain Yosys commands, and its answers to bad input."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rtlgen.synth.flow import Evaluator
from rtlgen.synth.flow.evaluator import Job
from rtlgen.synth.liberty import Library, default_library_path, read_library

DESIGNS = {
    "fsm": """
module fsm(input clk, rst, a, input [7:0] p, q, output reg y, output [7:0] s);
  reg [1:0] st;
  always @(posedge clk or posedge rst)
    if (rst) st <= 0;
    else case (st) 0: if (a) st <= 1; 1: if (!a) st <= 2; 2: st <= a ? 0 : 1; default: st <= 0; endcase
  always @* y = st == 2;
  assign s = p + q;
endmodule
""",
    "mul": """
module mul #(parameter W = 5)(input [W-1:0] a, b, c, output [2*W-1:0] y, output lt);
  assign y = a * b + c;
  assign lt = $signed(a) < $signed(b);
endmodule
""",
    "mem": """
module mem(input clk, we, input [3:0] wa, ra, input [6:0] d, output reg [6:0] q);
  reg [6:0] store [0:15];
  always @(posedge clk) begin if (we) store[wa] <= d; q <= store[ra]; end
endmodule
""",
    "two_clocks": """
module cell1(input c, r, e, d, output reg q);
  always @(posedge c or negedge r) if (!r) q <= 1; else if (e) q <= d;
endmodule
module two_clocks(input ca, cb, r, e, input [3:0] d, output [3:0] q, output reg [3:0] z);
  cell1 u0(ca, r, e, d[0], q[0]); cell1 u1(ca, r, 1'b1, d[1], q[1]);
  cell1 u2(cb, r, e, d[2], q[2]); cell1 u3(cb, 1'b1, e, d[3], q[3]);
  always @(negedge cb) z <= (e ? d : z) ^ q;
endmodule
""",
    "wires": "module wires(input [3:0] a, output [3:0] y); assign y = {a[0], a[3:1]}; endmodule\n",
}
COLD = """
import sys
from pyosys import libyosys as ys
design = ys.Design()
for command in sys.argv[1:]:
    ys.run_pass(command, design)
"""


@pytest.fixture(scope="module")
def library() -> Library:
    shared = Path(os.environ.get("RTLGEN_DATA", "/nonexistent")) / "liberty" / "sky130hd_tt.lib.gz"
    path = default_library_path() if default_library_path().is_file() else shared
    if not path.is_file():
        pytest.skip("needs a Liberty library: the shipped one or RTLGEN_DATA")
    return read_library(path)


@pytest.fixture(scope="module")
def evaluator(library: Library, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evaluator]:
    with Evaluator(library, workers=2, cache_dir=tmp_path_factory.mktemp("cache")) as shared:
        yield shared


def run_cold(text: str, top: str, liberty: Path, folder: Path, abc: str = "") -> dict[str, object]:
    """Return `stat` of the plain flow in a process of its own."""
    (folder / "d.v").write_text(text)
    commands = [
        f"read_slang --top {top} d.v",
        f"synth -flatten -top {top}",
        f"dfflibmap -liberty {liberty}",
        f"abc -liberty {liberty}{abc}",
        "opt_clean",
        f"tee -q -o stat.json stat -json -liberty {liberty}",
    ]
    subprocess.run([sys.executable, "-c", COLD, *commands], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    result: dict[str, object] = json.loads((folder / "stat.json").read_text())["modules"][f"\\{top}"]
    return result


@pytest.mark.parametrize("top", sorted(DESIGNS))
def test_same_as_the_plain_flow(evaluator: Evaluator, tmp_path: Path, top: str) -> None:
    cold = run_cold(DESIGNS[top], top, evaluator.files.liberty, tmp_path)
    for _ in range(2):
        warm = evaluator.evaluate({"d.v": DESIGNS[top]}, top)
        assert warm.error is None
        assert warm.cells == cold.get("num_cells_by_type", {})
        assert warm.area_um2 == pytest.approx(cold.get("area", 0.0), abs=1e-6)


def test_same_as_the_plain_flow_with_a_clock(library: Library, tmp_path: Path) -> None:
    with Evaluator(library, clock_ns=1.5, workers=1, cache_dir=tmp_path / "cache") as evaluator:
        cold = run_cold(DESIGNS["mul"], "mul", evaluator.files.liberty, tmp_path, abc=" -D 1500")
        warm = evaluator.evaluate({"d.v": DESIGNS["mul"]}, "mul")
    assert warm.cells == cold["num_cells_by_type"]
    assert warm.area_um2 == pytest.approx(cold["area"], abs=1e-6)
    assert warm.basis.endswith("clock=1.5ns")


def test_numbers_fit_together(evaluator: Evaluator, library: Library) -> None:
    result = evaluator.evaluate({"d.v": DESIGNS["fsm"]}, "fsm", netlist=True)
    assert result.area_um2 == pytest.approx(sum(library.cells[c].area_um2 * n for c, n in result.cells.items()))
    assert result.latches == 0
    assert result.flops == sum(n for c, n in result.cells.items() if library.cells[c].kind == "ff")
    assert result.delay_ns is not None
    assert result.delay_ns > 0
    assert result.netlist is not None
    counted = re.findall(r"^  (\w+) _\w+_ \(", result.netlist, re.MULTILINE)
    assert {name: counted.count(name) for name in counted} == result.cells


def test_no_logic_is_no_delay_and_no_area(evaluator: Evaluator) -> None:
    result = evaluator.evaluate({"d.v": DESIGNS["wires"]}, "wires")
    assert (result.ok, result.area_um2, result.delay_ns, result.cells) == (True, 0.0, 0.0, {})


def test_parameters_and_defines_reach_the_design(evaluator: Evaluator) -> None:
    text = """
module m #(parameter W = 2)(input clk, input [W-1:0] d, output reg [W-1:0] q);
`ifdef INV
  always @(posedge clk) q <= ~d;
`else
  always @(posedge clk) q <= d;
`endif
endmodule
"""
    plain = evaluator.evaluate({"d.v": text}, "m")
    wide = evaluator.evaluate({"d.v": text}, "m", parameters={"W": "4'd9"}, defines=[("INV", "")])
    assert (plain.flops, wide.flops) == (2, 9)
    assert sum(plain.cells.values()) != sum(wide.cells.values())


def test_include_folder(evaluator: Evaluator, tmp_path: Path) -> None:
    (tmp_path / "w.vh").write_text("`define W 6\n")
    ports = "input clk, input [`W-1:0] d, output reg [`W-1:0] q"
    text = f'`include "w.vh"\nmodule m({ports}); always @(posedge clk) q <= d; endmodule\n'
    assert evaluator.evaluate({"d.v": text}, "m", include_dirs=[tmp_path]).flops == 6


def test_evaluate_many_keeps_the_order(evaluator: Evaluator) -> None:
    jobs = [Job({"d.v": DESIGNS["mul"]}, "mul", {"W": str(width)}) for width in (2, 5, 3, 4, 2)]
    areas = [result.area_um2 for result in evaluator.evaluate_many(jobs)]
    assert areas[0] == areas[4]
    assert sorted({area for area in areas if area is not None}) == [areas[0], areas[2], areas[3], areas[1]]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("module m(input a, output y);\n  assign y = a &;\nendmodule\n", r"^d\.v:2: "),
        ("module m(input a, output y);\n  sub u(a, y);\nendmodule\n", r"^d\.v:2: unknown module 'sub'$"),
        ("", r"^'m' is not a valid top-level module$"),
        ("\0\1\2\xff\0", r"^d\.v:1: "),
    ],
)
def test_bad_source_is_an_answer_with_its_place(evaluator: Evaluator, text: str, error: str) -> None:
    result = evaluator.evaluate({"d.v": text}, "m")
    assert not result.ok
    assert result.area_um2 is None
    assert result.delay_ns is None
    assert result.error is not None
    assert re.search(error, result.error), result.error


def test_timeout_is_an_answer(evaluator: Evaluator) -> None:
    ports = "input [63:0] a, b, c, output [127:0] y, z"
    text = f"module m({ports}); assign y = a * b + c * a; assign z = (a * c) % b; endmodule\n"
    result = evaluator.evaluate({"d.v": text}, "m", timeout_s=0.2)
    assert (result.ok, result.ended_by) == (False, "timeout")
    assert result.error is not None
    assert result.error.startswith("Yosys did not finish within 0.2 s (in `")


@pytest.mark.slow
def test_same_as_the_plain_flow_on_public_designs(evaluator: Evaluator, data_dir: Path, tmp_path: Path) -> None:
    with gzip.open(data_dir / "benchmarks" / "rtllm" / "v2.jsonl.gz", "rt") as file:
        designs = [json.loads(line) for line in file]
    different = []
    for design in designs:
        top, text = design["reference_top"], design["reference"]
        warm = evaluator.evaluate({"d.v": text}, top, frontends=("slang",))
        if warm.ok and warm.cells != run_cold(text, top, evaluator.files.liberty, tmp_path).get(
            "num_cells_by_type", {}
        ):
            different.append(design["task_id"])
    assert len(designs) == 50
    assert different == []
