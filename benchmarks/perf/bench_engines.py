"""Time of loading and answering: the embedded database, Ladybug, and Neo4j where RTLGEN_NEO4J_URI is set.

Usage: bench_engines.py [REPOSITORY ...]; by default the installed pythondata-cpu-serv and -cva6. Answers of the engines
are compared while they are timed.
"""

from __future__ import annotations

import importlib.util
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from rtlgen.graphs.database.design import DesignDatabase
from rtlgen.graphs.engines.property_graph import PropertyGraph
from rtlgen.graphs.engines.protocol import GraphEngine, open_engine
from rtlgen.graphs.indexing import Indexer, Options

SIGNALS = 60
QUESTIONS: dict[str, Callable[[GraphEngine, str], Any]] = {
    "drivers": lambda engine, signal: engine.drivers(signal),
    "loads": lambda engine, signal: engine.loads(signal),
    "fan-in, depth 6": lambda engine, signal: engine.fanin(signal, depth=6),
    "fan-out, depth 6": lambda engine, signal: engine.fanout(signal, depth=6),
    "whole fan-in": lambda engine, signal: engine.fanin(signal),
}


def main(repositories: list[Path]) -> None:
    """Measure every repository."""
    for repository in repositories:
        with tempfile.TemporaryDirectory() as folder:
            _measure(repository, Path(folder))


def _measure(repository: Path, folder: Path) -> None:
    indexer = Indexer(repository, Options(), database=folder / "graph.db")
    try:
        _, indexed_s = _timed(indexer.run)
    finally:
        indexer.close()
    with DesignDatabase.open(folder / "graph.db") as design:
        graph = PropertyGraph(design)
        counts, export_s = _timed(graph.counts)
        nodes = sum(n for name, n in counts.items() if not name.isupper())
        print(f"\n{repository.name}: {nodes} nodes, {sum(counts.values()) - nodes} relations, {counts['Wire']} wires")
        print(f"indexing {indexed_s:.2f} s, export alone {export_s:.2f} s")
        engines = {name: open_engine(name) for name in ("sqlite", "ladybug")}
        if os.environ.get("RTLGEN_NEO4J_URI"):
            engines["neo4j"] = open_engine("neo4j")
        for name, engine in engines.items():
            print(f"load into {name}: {_timed(partial(engine.load, graph))[1]:.2f} s")
        paths = sorted(row[1] for row in graph.nodes("Wire"))
        _ask(engines, paths[:: max(1, len(paths) // SIGNALS)])
        for engine in engines.values():
            engine.close()


def _ask(engines: dict[str, GraphEngine], signals: list[str]) -> None:
    print(f"{'ms, p50 / p99':18}" + "".join(f"{name:>20}" for name in engines) + "   ratio of p50 to sqlite")
    for title, ask in QUESTIONS.items():
        times: dict[str, list[float]] = {name: [] for name in engines}
        for signal in signals:
            answers = []
            for name, engine in engines.items():
                answer, seconds = _timed(partial(ask, engine, signal))
                answers.append(answer)
                times[name].append(seconds * 1000)
            if any(answer != answers[0] for answer in answers):
                raise SystemExit(f"{title} of {signal}: the engines differ")
        middle = {name: statistics.median(values) for name, values in times.items()}
        cells = "".join(f"{middle[n]:>11.2f} / {sorted(v)[int(0.99 * len(v))]:6.1f}" for n, v in times.items())
        ratios = ", ".join(f"{n} {m / middle['sqlite']:.0f}×" for n, m in middle.items() if n != "sqlite")
        print(f"{title:18}{cells}   {ratios}")


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    answer = work()
    return answer, time.perf_counter() - start


def _installed() -> list[Path]:
    specs = [importlib.util.find_spec(f"pythondata_cpu_{core}") for core in ("serv", "cva6")]
    return [Path(next(iter(s.submodule_search_locations))) for s in specs if s and s.submodule_search_locations]


if __name__ == "__main__":
    given = [Path(argument) for argument in sys.argv[1:]] or _installed()
    if given:
        main(given)
    else:
        print("skipped: give repositories, or pip install pythondata-cpu-serv pythondata-cpu-cva6")
