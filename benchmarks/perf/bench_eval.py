"""Measures one evaluation (synthesis, mapping, timing) in a warm worker against a cold process of the same flow.

    python benchmarks/perf/bench_eval.py            # small modules, the shipped library
    python benchmarks/perf/bench_eval.py --runs 30 --liberty LIB

Prints best and median in milliseconds, the cold process, and their ratio; a module's result must be the same in both.
The machine should be idle: both sides use two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rtlgen.synth.flow import Evaluator
from rtlgen.synth.flow.script import FlowOptions, read_commands
from rtlgen.synth.liberty import read_library

MODULES = {
    "detector": """
module detector(input clk, rst, bit_in, output reg found);
  reg [1:0] state;
  always @(posedge clk)
    if (rst) state <= 0;
    else case (state)
      0: state <= bit_in ? 1 : 0;
      1: state <= bit_in ? 1 : 2;
      2: state <= bit_in ? 3 : 0;
      default: state <= bit_in ? 1 : 2;
    endcase
  always @* found = state == 3;
endmodule
""",
    "counter": """
module counter(input clk, rst_n, en, up, input [7:0] load, input set, output reg [7:0] q, output zero);
  always @(posedge clk or negedge rst_n)
    if (!rst_n) q <= 0;
    else if (set) q <= load;
    else if (en) q <= up ? q + 1 : q - 1;
  assign zero = q == 0;
endmodule
""",
    "alu": """
module alu(input [7:0] a, b, input [2:0] op, output reg [7:0] y);
  always @*
    case (op)
      0: y = a + b;
      1: y = a - b;
      2: y = a & b;
      3: y = a | b;
      4: y = a ^ b;
      5: y = {7'b0, a < b};
      default: y = b;
    endcase
endmodule
""",
}
COLD = """
import sys
from pyosys import libyosys as ys
design = ys.Design()
for command in sys.argv[1:]:
    ys.run_pass(command, design)
"""


def cold_ms(name: str, evaluator: Evaluator, runs: int) -> tuple[float, dict[str, int]]:
    """Return the best time of the plain flow in a process of its own, and its cells."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "d.v").write_text(MODULES[name])
        liberty = evaluator.files.liberty
        commands = [
            *read_commands(["d.v"], FlowOptions(name), "slang"),
            f"synth -flatten -top {name}",
            f"dfflibmap -liberty {liberty}",
            f"abc -liberty {liberty}",
            "opt_clean",
            f"tee -q -o stat.json stat -json -liberty {liberty}",
        ]
        times = []
        for _ in range(runs):
            begin = time.perf_counter()
            subprocess.run([sys.executable, "-c", COLD, *commands], cwd=folder, check=True, stdout=subprocess.DEVNULL)
            times.append((time.perf_counter() - begin) * 1000)
        module = json.loads((Path(folder) / "stat.json").read_text())["modules"][f"\\{name}"]
    cells: dict[str, int] = module["num_cells_by_type"]
    return min(times), cells


def warm_ms(name: str, evaluator: Evaluator, runs: int) -> tuple[list[float], dict[str, int]]:
    """Return the times of evaluations one after the other, and the cells."""
    times = []
    cells: dict[str, int] = {}
    for index in range(runs + 2):
        begin = time.perf_counter()
        result = evaluator.evaluate({"d.v": MODULES[name]}, name)
        if index >= 2:  # the first ones fill caches
            times.append((time.perf_counter() - begin) * 1000)
        if not result.ok:
            raise SystemExit(f"{name}: {result.error}")
        cells = result.cells
    return times, cells


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--liberty", type=Path)
    arguments = parser.parse_args()
    print(f"load of the machine at the start: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"{'module':10} {'best ms':>8} {'median ms':>10} {'cold ms':>8} {'ratio':>6}")
    with Evaluator(read_library(arguments.liberty), workers=1) as evaluator:
        for name in MODULES:
            times, cells = warm_ms(name, evaluator, arguments.runs)
            cold, plain = cold_ms(name, evaluator, max(3, arguments.runs // 5))
            if cells != plain:
                raise SystemExit(f"{name}: expected the cells of the plain flow, {plain}, got {cells}")
            best, median = min(times), statistics.median(times)
            print(f"{name:10} {best:8.1f} {median:10.1f} {cold:8.1f} {cold / median:6.1f}")


if __name__ == "__main__":
    main()
