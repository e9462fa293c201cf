"""Drivers against slang's own analysis: every driver that slang knows of a signal is in the database, bit for bit."""

from __future__ import annotations

import collections
import importlib.util
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pyslang import analysis, ast

from rtlgen.graphs.database.design import DesignDatabase
from rtlgen.graphs.database.mirror import Bits, BodyGraph
from rtlgen.graphs.elaborate import design as elaboration
from rtlgen.graphs.indexing import Indexer, Options
from rtlgen.graphs.model import SHIFT, Drives, Instance


@dataclass(frozen=True)
class Core:
    """A core from a package of data files, and how it is indexed."""

    name: str
    folder: str
    options: Options = field(default_factory=Options)
    variables: tuple[tuple[str, str], ...] = ()
    """Environment variables of its file list; `{root}` is the folder."""


CORES = (
    Core("serv", "verilog"),
    Core("picorv32", "verilog"),
    Core("mor1kx", "verilog"),
    Core("cv32e40p", "system_verilog"),
    Core("ibex", "system_verilog", Options(tops=("ibex_top",))),
    Core("blackparrot", "system_verilog"),
    Core(
        "cva6",
        "system_verilog",
        Options(filelists=("{root}/core/Flist.cv64a6_imafdc_sv39",), tops=("cva6",)),
        (
            ("CVA6_REPO_DIR", "{root}"),
            ("TARGET_CFG", "cv64a6_imafdc_sv39"),
            ("HPDCACHE_DIR", "{root}/core/cache_subsystem/hpdcache"),
        ),
    ),
)


@dataclass
class Recall:
    """What was compared."""

    drivers: int = 0
    bodies: int = 0
    signals: int = 0
    missed: list[str] = field(default_factory=list)

    @property
    def share(self) -> float:
        """Return the part of slang's drivers that was found."""
        return 1 - len(self.missed) / max(self.drivers, 1)


def root_of(core: Core) -> Path | None:
    """Return the folder of a core, None where its package is not installed."""
    spec = importlib.util.find_spec(f"pythondata_cpu_{core.name}")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent
    return folder / core.folder if (folder / core.folder).is_dir() else folder


def recall_of(core: Core, root: Path, database: Path, patch: pytest.MonkeyPatch) -> Recall:
    """Index a core and look up every driver that slang's analysis finds in the bodies that it elaborated."""
    for name, value in core.variables:
        patch.setenv(name, value.format(root=root))
    lists = tuple(name.format(root=root) for name in core.options.filelists)
    compilations: list[ast.Compilation] = []
    compile_trees = elaboration.compile_trees

    def keep(*arguments: Any) -> ast.Compilation:
        compilations.append(compile_trees(*arguments))
        return compilations[-1]

    patch.setattr(elaboration, "compile_trees", keep)
    with Indexer(root, Options(tops=core.options.tops, filelists=lists), database=database) as indexer:
        indexer.run()
        with DesignDatabase.open(database) as design:
            return compare(compilations[-1], design)


def compare(compilation: ast.Compilation, design: DesignDatabase) -> Recall:
    """Look up slang's drivers of every net and variable of the canonical bodies."""
    compilation.freeze()
    manager = analysis.AnalysisManager()
    manager.analyze(compilation)
    found = Recall()
    for body in canonical_bodies(compilation):
        path = str(body.hierarchicalPath)
        instance = next(design.rows(Instance, "path = ?", (path,)), None)
        if instance is None or not instance.body:
            continue
        found.bodies += 1
        graph = design.mirror.body(instance.body)
        for symbol in members(body):
            number = graph.names.get(str(symbol.hierarchicalPath)[len(path) + 1 :])
            drivers = manager.getDrivers(symbol)
            found.signals += bool(drivers)
            for driver in drivers:
                found.drivers += 1
                low, high = sorted(driver.bounds)
                if number is None or not is_covered(design, graph, Bits(instance.id, number, low, high), driver):
                    found.missed.append(describe(symbol, driver))
    return found


def canonical_bodies(compilation: ast.Compilation) -> Iterator[Any]:
    """Yield the bodies that slang elaborated; the analysis answers for no others."""
    bodies: list[Any] = []
    compilation.getRoot().visit(
        lookup_table={
            ast.SymbolKind.Instance: lambda i: bodies.append(i.body) if i.canonicalBody is None else None,
        }
    )
    yield from bodies


def members(scope: Any) -> Iterable[Any]:
    """Yield nets and variables of a body, with those of its generate blocks."""
    for member in scope:
        if isinstance(member, ast.GenerateBlockSymbol):
            if not member.isUninstantiated:
                yield from members(member)
        elif isinstance(member, ast.GenerateBlockArraySymbol):
            for entry in member.entries:
                yield from members(entry)
        elif isinstance(member, ast.NetSymbol | ast.VariableSymbol):
            yield member


def is_covered(design: DesignDatabase, graph: BodyGraph, bits: Bits, driver: Any) -> bool:
    """Return whether the database drives all of the bits."""
    if driver.isInputPort:
        return graph.signals[bits.signal].direction in ("input", "inout", "ref")
    missing = [(bits.low, bits.high)]
    for low, high in driven(design, bits):
        missing = [rest for part in missing for rest in without(part, low, high)]
    return not missing


def driven(design: DesignDatabase, bits: Bits) -> Iterator[tuple[int, int]]:
    """Yield the ranges of bits that statements and ports drive, other names of the signal included."""
    owner = bits.signal >> SHIFT
    bounds = (bits.signal, owner << SHIFT, ((owner + 1) << SHIFT) - 1)
    for row in design.rows(Drives, "target = ? AND id BETWEEN ? AND ?", bounds):
        yield row.low, row.high
    for step in design.mirror.sources(bits):
        if step.kind == "alias":
            other = step.bits.signal >> SHIFT
            within = (step.bits.signal, other << SHIFT, ((other + 1) << SHIFT) - 1)
            for row in design.rows(Drives, "target = ? AND id BETWEEN ? AND ?", within):
                yield row.low, row.high
            for bind in design.mirror.body(other).outer_binds.get(step.bits.signal, ()):
                if bind.direction in ("output", "inout"):
                    yield bind.outer_low, bind.outer_high
        elif not step.block:
            yield step.target.low, step.target.high
    for bind in design.mirror.body(owner).outer_binds.get(bits.signal, ()):
        if bind.direction in ("output", "inout"):
            yield bind.outer_low, bind.outer_high


def without(part: tuple[int, int], low: int, high: int) -> Iterator[tuple[int, int]]:
    """Yield what is left of a range."""
    if part[0] < min(low, part[1] + 1):
        yield part[0], min(low - 1, part[1])
    if part[1] > max(high, part[0] - 1):
        yield max(high + 1, part[0]), part[1]


def describe(symbol: Any, driver: Any) -> str:
    """Return a miss in words."""
    return f"{symbol.hierarchicalPath} {sorted(driver.bounds)} {driver.source} {driver.kind} {driver.flags}"


@pytest.mark.parametrize(
    "core", [pytest.param(c, id=c.name, marks=[] if c.name == "serv" else pytest.mark.slow) for c in CORES]
)
def test_every_driver_is_found(
    core: Core, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """At least 99.9 % of slang's drivers of a real core are found."""
    root = root_of(core)
    if root is None:
        pytest.skip(f"needs pythondata_cpu_{core.name}: pip install pythondata-cpu-{core.name}")
    found = recall_of(core, root, tmp_path / "graph.db", monkeypatch)
    with capsys.disabled():
        sys.stdout.write(f"\n{core.name}: {report(found)}\n")
    assert found.drivers > 100
    assert found.share >= 0.999, found.missed[:20]


def report(found: Recall) -> str:
    """Return a line on a core."""
    kinds = collections.Counter(m.split("] ", 1)[1] for m in found.missed)
    return (
        f"{found.drivers} drivers of {found.signals} signals in {found.bodies} bodies, {len(found.missed)} missed, "
        f"recall {100 * found.share:.3f} % {dict(kinds) if kinds else ''}"
    )
