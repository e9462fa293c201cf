"""Measures how many drivers of slang's own analysis are in the design database, over real cores.

    python benchmarks/perf/bench_drivers.py             # every core whose pythondata-cpu-* package is installed
    python benchmarks/perf/bench_drivers.py ibex cva6   # some of them

Prints one line a core and the total; the comparison is that of tests/eda/test_drivers_slang.py.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import tempfile
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


def comparison() -> ModuleType:
    """Return the test module that compares."""
    path = ROOT / "tests" / "eda" / "test_drivers_slang.py"
    spec = importlib.util.spec_from_file_location("drivers_slang", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["drivers_slang"] = module
    spec.loader.exec_module(module)
    return module


def main() -> int:
    """Print the recall of each core."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("cores", nargs="*", help="names of cores; all that are installed if none")
    wanted = parser.parse_args().cores
    tests = comparison()
    total = missed = 0
    for core in tests.CORES:
        root = tests.root_of(core)
        if (wanted and core.name not in wanted) or root is None:
            continue
        with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
            found = tests.recall_of(core, root, Path(folder) / "graph.db", patch)
        print(f"{core.name:12} {tests.report(found)}")
        total += found.drivers
        missed += len(found.missed)
        for line in found.missed[:20]:
            print(f"  missed {line}")
    if not total:
        print("no core is installed: pip install pythondata-cpu-serv pythondata-cpu-ibex …", file=sys.stderr)
        return 2
    print(f"{'all':12} {total} drivers, {missed} missed, recall {100 * (1 - missed / total):.3f} %")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
