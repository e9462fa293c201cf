"""What the ground costs: start of the command line, one confined command, one stored result.

    python benchmarks/perf/bench_ground.py

Prints the median of several runs beside the bound that the design sets, and exits with 1 where one is over it.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rtlgen.core.store import Store
from rtlgen.sandbox import confinement, run


def median_ms(work: Callable[[], object], repeats: int) -> float:
    """Return the median time of `work` in milliseconds, after one call that does not count."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


def measure(folder: Path) -> list[tuple[str, float, float]]:
    """Return (what, median in ms, bound in ms) of each part."""
    store = Store(folder / "store")
    key = Store.key(schema="bench/1")
    store.put(key, {"area_um2": 1.0})
    python = [sys.executable, "-m", "rtlgen", "--help"]
    fresh = iter(range(1_000_000))

    def miss() -> None:
        store.get_or_compute(Store.key(schema="bench/1", commands=[str(next(fresh))]), lambda: {"area_um2": 1.0})

    how = "bubblewrap" if confinement().bwrap else "resource limits"
    return [
        ("rtlgen --help", median_ms(lambda: subprocess.run(python, check=True, capture_output=True), 9), 300.0),
        (f"confined `true` ({how})", median_ms(lambda: run(["true"], cwd=folder), 21), 50.0),
        ("store: key of 20 inputs", median_ms(_key_of_twenty, 201), 1.0),
        ("store: hit", median_ms(lambda: store.get(key), 201), 1.0),
        ("store: miss, computed and kept", median_ms(miss, 201), 5.0),
    ]


def _key_of_twenty() -> str:
    return Store.key(schema="bench/1", inputs={f"{number}.v": "x" * 64 for number in range(20)})


def main() -> int:
    """Print the table and return the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder))
    print(f"{'what':40} {'median':>10} {'bound':>10} {'ratio':>7}")
    for what, value, bound in rows:
        print(f"{what:40} {value:7.2f} ms {bound:7.0f} ms {value / bound:7.2f}")
    return int(any(value > bound for _, value, bound in rows))


if __name__ == "__main__":
    sys.exit(main())
