"""How fast the design database is made, kept up to date, opened and asked.

    python benchmarks/perf/bench_graph.py [NAME...]

By default every installed package `pythondata-cpu-*`. Prints seconds per 100,000 lines of a full index with everything
written (prototype 8 s; asked 6 s), peak memory, what an edit of one file costs (asked 50 ms until its syntax and 300 ms
until its design is in the database, median, ibex), re-opening with a first answer (asked 20 ms), and fan-in cones of
random signals (asked 1 ms median, 10 ms for the slowest hundredth).
"""

from __future__ import annotations

import json
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rtlgen.benchmarks.cores import FILELISTS, NAMES, repositories
from rtlgen.graphs import model
from rtlgen.graphs.database.design import DesignDatabase
from rtlgen.graphs.database.mirror import Bits
from rtlgen.graphs.indexing import Indexer, Options
from rtlgen.graphs.model import SHIFT
from rtlgen.graphs.query.cone import cone

PROTOTYPE_S = 8.0
"""Seconds per 100,000 lines of the prototype that the issue names."""
EDITS = 60
CONES = 1_000
OPENINGS = 50


def main() -> None:
    """Measure and print."""
    found = repositories(tuple(sys.argv[1:]) or NAMES)
    missing = sorted(set(sys.argv[1:] or NAMES) - set(found))
    if missing:
        print(f"not installed, not measured: {', '.join(missing)}")
    with tempfile.TemporaryDirectory() as folder:
        for name, root in found.items():
            _full(name, root, Path(folder))
        for name in [n for n in ("cva6", "ibex") if n in found]:
            _questions(name, Path(folder) / f"{name}.db")
        if "ibex" in found:
            _edits("ibex", found["ibex"], Path(folder))


_CHILD = """
import json, resource, sys, time
from pathlib import Path
from rtlgen.graphs.indexing import Indexer, Options
root, database, filelists = sys.argv[1], Path(sys.argv[2]), tuple(json.loads(sys.argv[3]))
start = time.process_time()
with Indexer(root, Options(filelists=filelists), database=database) as indexer:
    first = indexer.run()
cpu_s = time.process_time() - start
with Indexer(root, Options(filelists=filelists), database=database) as indexer:
    again = indexer.run()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([first.files, first.lines, first.wall_s, cpu_s, first.bodies, first.instances, again.wall_s, peak]))
"""


def _full(name: str, root: Path, folder: Path) -> None:
    database = folder / f"{name}.db"
    argv = [sys.executable, "-c", _CHILD, str(root), str(database), json.dumps(FILELISTS.get(name, ()))]
    out = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    files, lines, wall_s, cpu_s, bodies, instances, again_s, peak_mb = json.loads(out)
    per = wall_s / lines * 100_000
    print(
        f"{name:12} {files:4} files {lines:7,} lines {bodies:4} bodies {instances:5,} instances: "
        f"{wall_s:5.2f} s ({cpu_s:.2f} s CPU), "
        f"{per:5.2f} s / 100 kLOC ({PROTOTYPE_S / per:.1f} x the prototype), nothing changed {again_s * 1000:4.0f} ms, "
        f"peak {peak_mb:.0f} MB, on disk {database.stat().st_size / 2**20:.0f} MB"
    )


def _questions(name: str, database: Path) -> None:
    openings = []
    for _ in range(OPENINGS):
        start = time.perf_counter()
        with DesignDatabase.open(database) as design:
            top = design.note("tops")[0]
            first = design.mirror.body(design.instance(top).body)
            design.drivers(f"{top}.{next(s.name for s in first.signals.values() if s.direction == 'output')}")
        openings.append(time.perf_counter() - start)
    print(f"{name}: opened, with a first answer: {_spread(openings)}")
    with DesignDatabase.open(database) as design:
        signals = [
            Bits(i, s.id, 0, max(s.width, 1) - 1)
            for i, body in [(row.id, row.body) for row in design.rows(model.Instance, "body > 0")]
            for s in design.rows(model.Signal, "id BETWEEN ? AND ?", (body << SHIFT, ((body + 1) << SHIFT) - 1))
        ]
        chosen = random.Random(1).sample(signals, min(CONES, len(signals)))
        for turn in ("first", "again"):
            times, edges = [], 0
            for bits in chosen:
                start = time.perf_counter()
                edges += len(cone(design.mirror, bits, depth=6).edges)
                times.append(time.perf_counter() - start)
            mean = edges / len(chosen)
            print(f"{name}: fan-in of {len(chosen)} signals, depth 6, {turn}: {_spread(times)}; {mean:.0f} edges each")


def _edits(name: str, root: Path, folder: Path) -> None:
    copy = folder / "copy"
    shutil.copytree(root, copy)
    chance = random.Random(0)
    syntax, design = [], []
    with Indexer(copy, Options(filelists=FILELISTS.get(name, ()))) as indexer:
        indexer.run()
        files = sorted(f for f in (copy / "rtl").glob("*.sv") if b"endmodule" in f.read_bytes())
        for turn in range(EDITS):
            path = chance.choice(files)
            text = path.read_text()
            path.write_text(
                text.replace("endmodule", f"  logic edited_{turn};\n  assign edited_{turn} = 1;\nendmodule")
            )
            done = indexer.run({path})
            syntax.append(done.syntax_s)
            design.append(done.syntax_s + done.elaborate_s)
            path.write_text(text)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{name}: {EDITS} edits of one file, until its syntax is stored: {_spread(syntax)}")
    print(f"{name}: {EDITS} edits of one file, until the design is stored: {_spread(design)}; peak {peak:.0f} MB")


def _spread(times: list[float]) -> str:
    ordered = sorted(times)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return f"p50 {statistics.median(ordered) * 1000:.2f} ms, p99 {p99 * 1000:.2f} ms, max {ordered[-1] * 1000:.1f} ms"


if __name__ == "__main__":
    main()
