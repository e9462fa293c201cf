"""Data flow by Pyverilog (Verilog-2005), an independent second front end: for checks, not for answers.

Pyverilog gives for each signal the expressions that are assigned to it. Here they become edges between signals by
hierarchical name; what it renames on the way (blocking assignments, conditional ones) is taken out again.

Shinya Takamaeda-Yamazaki, "Pyverilog: A Python-Based Hardware Design Processing Toolkit for Verilog HDL", ARC 2015.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rtlgen.core.errors import InputError, ToolNotFoundError
from rtlgen.graphs.database.mirror import Bits

if TYPE_CHECKING:
    from rtlgen.graphs.database.design import DesignDatabase

_RENAMED: Final = re.compile(r"(?:^|\.)_rn\d+_")
_SIGNALS: Final = frozenset({"Input", "Output", "Inout", "Reg", "Wire", "Integer", "Trireg"})
Edge = tuple[str, str]
"""Hierarchical names of source and target."""


@dataclass(frozen=True, slots=True)
class SignalFlow:
    """What Pyverilog says about a design.

    Attributes:
        signals: hierarchical names of nets and variables.
        edges: (source, target): the target is assigned an expression, or under a condition, that reads the source.
        clocks: (clock or asynchronous reset, target).
    """

    signals: frozenset[str]
    edges: frozenset[Edge]
    clocks: frozenset[Edge]


def signal_flow(
    files: Sequence[Path],
    top: str,
    *,
    include_dirs: Sequence[Path] = (),
    defines: Mapping[str, str] | None = None,
) -> SignalFlow:
    """Return the data flow of a design between signals.

    Raises:
        ToolNotFoundError: the package `pyverilog` is not installed.
        InputError: Pyverilog can't read the sources, or fails on them.
    """
    analyzer = _analyzer_class()
    given = [f"{name}={value}" if value else name for name, value in (defines or {}).items()]
    # it writes parser tables, which take seconds to make, and preprocessed text into the present folder
    with contextlib.chdir(_folder().name), _on_path(_folder().name), _silence():
        try:
            analysis = analyzer(
                [os.fspath(Path(f).absolute()) for f in files], top,
                preprocess_include=[os.fspath(d) for d in include_dirs], preprocess_define=given,
            )  # fmt: skip
            analysis.generate()
            return _collected(analysis)
        except RecursionError as error:
            raise InputError(f"{top}: Pyverilog can't follow the design: it nests too deeply") from error
        except Exception as error:
            # it raises whatever its passes run into
            raise InputError(f"{top}: Pyverilog can't read the design: {type(error).__name__}: {error}") from error


def _analyzer_class() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pyverilog.dataflow.dataflow_analyzer import VerilogDataflowAnalyzer
    except ImportError as error:
        raise ToolNotFoundError("Pyverilog is not installed: pip install 'rtlgen[crosscheck]'") from error
    return VerilogDataflowAnalyzer


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="rtlgen-pyverilog-")


@contextlib.contextmanager
def _on_path(folder: str) -> Iterator[None]:
    """Let Python import from a folder: that is how the parser finds its tables again."""
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep what Pyverilog and the preprocessor that it starts say off the terminal."""
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(io.StringIO()):
            os.dup2(nowhere.fileno(), 2)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _collected(analysis: Any) -> SignalFlow:
    terms = {str(name): term for name, term in analysis.getTerms().items()}
    signals = {n for n, t in terms.items() if _SIGNALS & set(t.termtype) and not _RENAMED.search(n)}
    sources: dict[str, set[str]] = {}
    clocks: set[Edge] = set()
    for target, binds in analysis.getBinddict().items():
        name = str(target)
        into = sources.setdefault(name, set())
        for bind in binds:
            _terminals(bind.tree, into)
            for part in (bind.msb, bind.lsb, bind.ptr):
                _terminals(part, into)
            for event in (bind.getClockName(), bind.getResetName()) if bind.alwaysinfo is not None else ():
                if event is not None and str(event) != "None":
                    clocks.add((str(event), name))
    edges = {(s, t) for t in signals for s in _originals(t, sources, signals)}
    return SignalFlow(frozenset(signals), frozenset(edges), frozenset((c, t) for c, t in clocks if t in signals))


def _terminals(node: Any, found: set[str]) -> None:
    """Add the names in an expression."""
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if part is None or isinstance(part, str | int):
            continue
        if type(part).__name__ == "DFTerminal":
            found.add(str(part.name))
        elif hasattr(part, "children"):
            waiting.extend(part.children())


def _originals(target: str, sources: Mapping[str, set[str]], signals: set[str]) -> set[str]:
    """Return the signals behind a target, renamed ones followed."""
    found: set[str] = set()
    seen = {target}
    waiting = [target]
    while waiting:
        for name in sources.get(waiting.pop(), ()):
            if _RENAMED.search(name):
                if name not in seen:
                    seen.add(name)
                    waiting.append(name)
            elif name in signals:
                found.add(name)
    return found


def parser_seconds() -> float:
    """Return how long Pyverilog takes to make its parser, which it does for every design."""
    _analyzer_class()
    from pyverilog.vparser.parser import VerilogParser

    with contextlib.chdir(_folder().name), _silence():
        start = time.perf_counter()
        VerilogParser(outputdir=".")
        return time.perf_counter() - start


def signal_edges(design: DesignDatabase, top: str) -> frozenset[Edge]:
    """Return the edges of a design database in the same form: data, conditions and indices, clocks and resets not."""
    found: set[Edge] = set()
    mirror = design.mirror
    for _, instance in design.tree(top):
        graph = mirror.graph_of(instance.id)
        for number, signal in graph.signals.items() if graph is not None else ():
            for step in mirror.sources(Bits(instance.id, number, 0, max(signal.width, 1) - 1)):
                if step.kind not in ("clock", "reset"):
                    source = f"{mirror.instance(step.bits.instance).path}.{mirror.signal(step.bits).name}"
                    found.add((source, f"{instance.path}.{signal.name}"))
    return frozenset(found)
