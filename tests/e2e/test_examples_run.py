"""Every shipped example compiles without a warning and passes its own testbench."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtlgen.sandbox import Limits, run
from rtlgen.synth.tools import find_tool

EXAMPLES = sorted(path for path in (Path(__file__).resolve().parents[2] / "examples").glob("*") if path.is_dir())


def test_there_are_at_least_eight() -> None:
    assert len(EXAMPLES) >= 8


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_example_passes_its_testbench(folder: Path, tmp_path: Path) -> None:
    sources = sorted([*folder.glob("*.v"), *folder.glob("*.sv")])
    assert [path for path in sources if path.name == f"tb_{folder.name}.v"], "an example has a testbench"
    compiler, runtime = find_tool("iverilog"), find_tool("vvp")
    program = tmp_path / "sim.vvp"
    argv = [str(compiler.path), "-g2012", "-Wall", "-Wno-timescale", "-o", str(program), *map(str, sources)]
    compiled = run(argv, cwd=tmp_path, readable=[folder])
    assert (compiled.exit_code, _of_design(compiled.stderr)) == (0, [])
    simulated = run([str(runtime.path), "-n", str(program)], cwd=tmp_path, limits=Limits(cpu_s=60))
    assert (simulated.ended_by, simulated.exit_code) == ("exit", 0)
    assert simulated.stdout.splitlines()[-1].split(" ")[0] == "PASS", simulated.stdout[-2000:]


def _of_design(log: str) -> list[str]:
    """Return the messages about the design; a testbench may be as loose as it likes.

    Icarus 11 announces that it wakes an always_comb block more often than needed, which changes nothing.
    """
    harmless = "sorry: constant selects in always_* processes are not currently supported"
    return [line for line in log.splitlines() if line.strip() and "/tb_" not in line and harmless not in line]
