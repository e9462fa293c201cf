"""What a verdict costs, against a plain pool of `iverilog` and `vvp`, side by side in one run.

    RTLGEN_DATA=… python benchmarks/perf/bench_verdicts.py --suite verilogeval-v2-spec-to-rtl --workers 2

For every problem of the suite the reference is judged: as VerilogEval v1's `check_correctness` does it (in a thread per
worker a manager's process and a forked one, which runs driver and simulation through a shell, waveform on); as the
makefile of v2 does it (shell and `timeout`, waveform on); by a plain pool without a shell, waveform on; by `Judge`,
isolated, without and with results in its store. Prints wall and CPU seconds of each and the ratios.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import shlex
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.managers import ListProxy
from pathlib import Path

from rtlgen.benchmarks.suite import SUITES
from rtlgen.core.store import Store
from rtlgen.sandbox import close_idle
from rtlgen.scorers.problem import Problem
from rtlgen.scorers.simulation import Judge
from rtlgen.synth.tools import find_tool

_FLAGS = ("-Wall", "-Winfloop", "-Wno-timescale", "-g2012")


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of one way over all problems."""

    wall_s: float
    cpu_s: float
    passed: int


def measure(problems: Sequence[Problem], workers: int, one: Callable[[Problem], bool]) -> Cost:
    """Return what it costs to judge all problems."""
    close_idle()
    start, before = time.monotonic(), _cpu()
    with ThreadPoolExecutor(workers) as pool:
        passed = sum(pool.map(one, problems))
    wall = time.monotonic() - start
    close_idle()
    return Cost(wall, _cpu() - before, passed)


def _cpu() -> float:
    """Return the CPU seconds of this process and of all that it waited for, cells included once they are closed."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def _written(problem: Problem, folder: Path) -> list[str]:
    (folder / "top.sv").write_text(problem.solution)
    (folder / "test.sv").write_text(problem.testbench)
    files = ["top.sv", "test.sv"]
    if problem.reference_in_testbench:
        (folder / "ref.sv").write_text(problem.reference)
        files.append("ref.sv")
    for name, text in problem.data_files:
        (folder / name).write_text(text)
    return files


def published_v1(problem: Problem) -> bool:
    """Judge in a process of its own that tells its result through a manager's process."""
    context = multiprocessing.get_context("fork")
    with context.Manager() as manager:
        result = manager.list()
        process = context.Process(target=_in_a_process, args=(problem, result))
        process.start()
        process.join(31)
        return bool(result and result[0])


def _in_a_process(problem: Problem, result: ListProxy[bool]) -> None:
    with tempfile.TemporaryDirectory() as name:
        files = _written(problem, Path(name))
        iverilog, vvp = find_tool("iverilog").path, find_tool("vvp").path
        build = shlex.join([str(iverilog), *_FLAGS, "-s", problem.tb_top, "-o", "test.vvp", *files])
        script = f"{build}; {shlex.quote(str(vvp))} -n test.vvp"
        pipe = subprocess.PIPE
        with subprocess.Popen(["sh", "-c", script], cwd=name, stdout=pipe, stderr=pipe, text=True) as process:
            timer = threading.Timer(30, process.kill)
            timer.start()
            out, _ = process.communicate()
            timer.cancel()
        result.append("Mismatches: 0 in " in out)


def published_v2(problem: Problem) -> bool:
    """Compile and run as the makefile does: driver, shell, `timeout`, waveform on."""
    with tempfile.TemporaryDirectory() as name:
        files = _written(problem, Path(name))
        iverilog, vvp = find_tool("iverilog").path, find_tool("vvp").path
        build = shlex.join([str(iverilog), *_FLAGS, "-s", problem.tb_top, "-o", "test", *files])
        script = f"{build} > log 2>&1 && timeout 30 {shlex.quote(str(vvp))} -n test >> log 2>&1"
        subprocess.run(["bash", "-c", script], cwd=name, check=False)
        return "Mismatches: 0 in " in (Path(name) / "log").read_text(errors="replace")


def plain(problem: Problem) -> bool:
    """Compile and run with the driver, without shell and without isolation, waveform on."""
    with tempfile.TemporaryDirectory() as name:
        files = _written(problem, Path(name))
        iverilog, vvp = str(find_tool("iverilog").path), str(find_tool("vvp").path)
        argv = [iverilog, *_FLAGS, "-s", problem.tb_top, "-o", "test", *files]
        built = subprocess.run(argv, cwd=name, capture_output=True, check=False)
        if built.returncode:
            return False
        ran = subprocess.run([vvp, "-n", "test"], cwd=name, capture_output=True, check=False)
        return b"Mismatches: 0 in " in ran.stdout


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", default="verilogeval-v2-spec-to-rtl")
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    if not os.environ.get("RTLGEN_DATA") and args.suite != "starter":
        args.suite = "starter"  # what is in the package; the published suites need their data
    problems = tuple(p for p in SUITES.load(args.suite).load(None).problems if isinstance(p, Problem))
    with tempfile.TemporaryDirectory() as name:
        judge, kept = Judge(), Judge(store=Store(Path(name)))
        ways: dict[str, Callable[[Problem], bool]] = {
            "published, v1": published_v1,
            "published, v2": published_v2,
            "plain pool": plain,
            "judge": lambda p: judge.judge(p, p.solution).passed,
            "judge, store filled": lambda p: kept.judge(p, p.solution).passed,
        }
        for problem in problems:  # what the reference gets is known before a run, as it is in a long one
            judge.reference(problem)
        problems = tuple(sorted(problems, key=lambda p: -judge.expected_s(p)))  # as a run does; the same for all
        measure(problems, args.workers, ways["judge, store filled"])
        costs = {way: measure(problems, args.workers, one) for way, one in ways.items()}
    print(f"{args.suite}: {len(problems)} references, {args.workers} workers, {judge.simulator}")
    for way, cost in costs.items():
        rate = len(problems) / cost.wall_s
        print(f"{way:<20} {cost.wall_s:7.2f} s wall {cost.cpu_s:7.2f} s CPU {rate:9.1f} /s {cost.passed:4d} pass")
    own = costs["judge"]
    for way in ("published, v1", "published, v2", "plain pool"):
        print(f"{way} / judge: wall {costs[way].wall_s / own.wall_s:.2f}, CPU {costs[way].cpu_s / own.cpu_s:.2f}")


if __name__ == "__main__":
    main()
