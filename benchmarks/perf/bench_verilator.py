"""What Verilator costs per problem: `verilator --binary` as it comes against ours, side by side in one run.

    RTLGEN_DATA=… python benchmarks/perf/bench_verilator.py --problems 8

Both build and run the same texts (testbench, reference, and the reference as candidate). CPU seconds of all processes
are those that the kernel gives for waited children, so that other work on the machine does not count. Prints each
problem, the means and the ratio.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from rtlgen.benchmarks.suite import SUITES
from rtlgen.scorers.problem import Problem
from rtlgen.scorers.stage import COMPILE, RUN
from rtlgen.synth.sim import Verilator, find_verilator
from rtlgen.synth.tools import find_tool


def text_of(problem: Problem) -> str:
    """Return testbench, reference and candidate in one file."""
    reference = problem.reference if problem.reference_in_testbench else ""
    return f"{problem.testbench}\n{reference}\n`resetall\n{problem.solution}\n"


def stock(problem: Problem, folder: Path) -> str:
    """Build and run by Verilator's script and makefile; return what was printed."""
    tool = find_tool("verilator")
    (folder / "all.sv").write_text(text_of(problem))
    argv = [str(tool.path), "--binary", "-j", "1", "-Wno-fatal", "-Wno-lint", "-Wno-style", *tool.flags]
    argv += ["--top-module", problem.tb_top, "--prefix", "Vdesign", "all.sv"]
    environment = os.environ | dict(tool.env)
    subprocess.run(argv, cwd=folder, env=environment, capture_output=True, check=False)
    done = subprocess.run([str(folder / "obj_dir/Vdesign")], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout


def own(verilator: Verilator, problem: Problem, _folder: Path) -> str:
    """Build and run as a judge does; return what was printed."""
    with verilator.cell() as cell:
        text = verilator.preprocess(text_of(problem), cell, COMPILE).stdout
        (cell.folder / "all.v").write_text(text)
        built = verilator.compile("all.v", [problem.tb_top], "design", cell, COMPILE)
        return verilator.simulate("design", cell, RUN).stdout if built.exit_code == 0 else built.stderr


def cost(work: Callable[[Path], str]) -> tuple[float, float, bool]:
    """Return CPU seconds, wall seconds, and whether the reference passed."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        passed = "Mismatches: 0 in " in work(Path(name))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, time.monotonic() - start, passed


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", default="verilogeval-v2-spec-to-rtl")
    parser.add_argument("--problems", type=int, default=8, help="taken evenly from the suite")
    args = parser.parse_args()
    if not os.environ.get("RTLGEN_DATA"):
        args.suite = "starter"  # what is in the package; the published suites need their data
    every = [p for p in SUITES.load(args.suite).load(None).problems if isinstance(p, Problem)]
    problems = every[:: max(1, len(every) // args.problems)][: args.problems]
    verilator = find_verilator()
    first = cost(partial(own, verilator, problems[0]))
    print(f"{args.suite}, {verilator}, g++ {verilator.compiler_version}; first build with its runtime {first[0]:.1f} s")
    sums = [0.0, 0.0]
    for problem in problems:
        a = cost(partial(stock, problem))
        b = cost(partial(own, verilator, problem))
        sums = [sums[0] + a[0], sums[1] + b[0]]
        print(
            f"{problem.id:<32} stock {a[0]:6.2f} s CPU {a[1]:6.2f} s wall {'pass' if a[2] else 'FAIL'}   "
            f"ours {b[0]:5.2f} s CPU {b[1]:5.2f} s wall {'pass' if b[2] else 'FAIL'}"
        )
    count = len(problems)
    print(f"mean of {count}: stock {sums[0] / count:.2f} s CPU, ours {sums[1] / count:.2f} s CPU")
    print(f"stock / ours: {sums[0] / sums[1]:.1f}")


if __name__ == "__main__":
    main()
