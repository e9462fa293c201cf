"""The data flow of real modules by Pyverilog and by rtlgen, side by side: what each can read, how long it takes, edges.

    python benchmarks/perf/bench_pyverilog.py [NAME...]

Every Verilog-2005 module (`.v`) of the installed packages `pythondata-cpu-*` (by default serv, mor1kx, picorv32) is
given to both with the files of what it instantiates: Pyverilog makes its data flow, rtlgen its rows (data flow,
control flow, hierarchy); beside it the time of a whole design database on disk. Asked: at least 50 times faster on what
Pyverilog can read, and the same edges where both claim one. Pyverilog makes its parser tables anew for each design; the
ratio without that time is printed too.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from pyslang import SourceManager, syntax

from rtlgen.benchmarks.cores import FILELISTS, repositories
from rtlgen.core.errors import InputError
from rtlgen.graphs import model
from rtlgen.graphs.database.design import DesignDatabase
from rtlgen.graphs.elaborate.design import elaborate
from rtlgen.graphs.frontend.pyverilog_dfg import SignalFlow, parser_seconds, signal_edges, signal_flow
from rtlgen.graphs.indexing import Indexer, Options
from rtlgen.graphs.rows import DesignRows

DEFAULT = ("serv", "mor1kx", "picorv32")


def main() -> None:
    """Measure and print."""
    for name, root in repositories(tuple(sys.argv[1:]) or DEFAULT).items():
        with tempfile.TemporaryDirectory() as folder:
            _repository(name, root, Path(folder))


def _repository(name: str, root: Path, folder: Path) -> None:
    with Indexer(root, Options(filelists=FILELISTS.get(name, ())), database=folder / "graph.db") as indexer:
        indexer.run()
    modules = _modules(folder / "graph.db", root)
    read = theirs_s = ours_s = stored_s = 0.0
    shared = theirs_only = ours_only = 0
    tables_s = parser_seconds()
    for module, files in modules.items():
        start = time.perf_counter()
        try:
            theirs = signal_flow(files, module, include_dirs=sorted({f.parent for f in files}))
        except InputError:
            continue
        theirs_s += time.perf_counter() - start
        read += 1
        start = time.perf_counter()
        _rows(module, files)
        ours_s += time.perf_counter() - start
        start = time.perf_counter()
        edges = _ours(module, files, folder / "one")
        stored_s += time.perf_counter() - start
        both = _compared(theirs, edges)
        shared, theirs_only, ours_only = shared + both[0], theirs_only + both[1], ours_only + both[2]
    print(f"{name}: Pyverilog reads {read:.0f} of {len(modules)} modules")
    if read:
        without = (theirs_s - read * tables_s) / ours_s
        print(
            f"{name}: Pyverilog {theirs_s:.1f} s, rtlgen {ours_s:.3f} s: {theirs_s / ours_s:.0f} x, without the parser "
            f"tables {without:.0f} x; with a database on disk {stored_s:.2f} s: {theirs_s / stored_s:.0f} x"
        )
        print(f"{name}: {shared} edges in both, {theirs_only} only by Pyverilog, {ours_only} only by rtlgen")


def _modules(database: Path, root: Path) -> Mapping[str, list[Path]]:
    """Return module → files of it and of everything below it."""
    with DesignDatabase.open(database) as design:
        files = {d.name: design.file(d.file) for d in design.rows(model.Definition, "kind = 'module'")}
        names = {d.id: d.name for d in design.rows(model.Definition)}
        below: dict[str, set[str]] = {}
        for row in design.rows(model.Instantiates):
            below.setdefault(names.get(row.source, ""), set()).add(row.target)
    found = {}
    for name, path in files.items():
        needed, waiting = set(), [name]
        while waiting:
            here = waiting.pop()
            if here not in needed:
                needed.add(here)
                waiting.extend(below.get(here, ()))
        if path.endswith(".v") and needed <= files.keys():
            found[name] = sorted({root / files[n] for n in needed})
    return found


def _rows(module: str, files: list[Path]) -> DesignRows:
    manager = SourceManager()
    for folder in sorted({f.parent for f in files}):
        manager.addUserDirectories(str(folder))
    trees = [syntax.SyntaxTree.fromFile(str(file), manager) for file in files]
    return elaborate(trees, manager, tops=(module,))


def _ours(module: str, files: list[Path], folder: Path) -> frozenset[tuple[str, str]]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    headers = [h for d in {f.parent for f in files} for h in d.glob("*.vh")]
    for file in [*files, *headers]:
        with contextlib.suppress(FileExistsError):
            (folder / file.name).symlink_to(file)
    with Indexer(folder, Options(tops=(module,))) as indexer:
        indexer.run()
    with DesignDatabase.open(folder) as design:
        return signal_edges(design, module)


def _compared(theirs: SignalFlow, ours: frozenset[tuple[str, str]]) -> tuple[int, int, int]:
    """Return how many edges both have, and how many only one, between signals that both know."""
    known = {s for edge in ours for s in edge} & theirs.signals
    left = {e for e in theirs.edges if set(e) <= known and e[0] != e[1]}
    right = {e for e in ours if set(e) <= known and e[0] != e[1]}
    return len(left & right), len(left - right), len(right - left)


if __name__ == "__main__":
    main()
