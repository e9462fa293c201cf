"""Reads a design with Yosys and lowers it to the word-level netlist that the checker works on.

No command here may use an X to optimise: an X of the old design is a freedom, an X of the new one is a duty.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from rtlgen.core.errors import ElaborationError, InputError, ToolOutputError
from rtlgen.core.types import Design
from rtlgen.synth.equiv.memory import add_memory
from rtlgen.synth.equiv.netlist import Netlist, UnsupportedError, parse
from rtlgen.synth.flow.script import FlowOptions, read_commands, with_latches
from rtlgen.synth.yosys import YosysPool, YosysRun

_JSON = "rtlgen_netlist.json"
_CACHE_ENTRIES = 32
LOWER = (
    "proc -norom",
    "flatten -noscopeinfo",
    "opt_muxtree",  # only takes out branches that are never selected, which the front end leaves with X in them
    "opt_clean",
    "memory_collect",
)
_EXPAND = ("memory_map",)
_WRITE = ("opt_clean", f"write_json {_JSON}")
MAX_MEMORY_BITS = 1 << 15
"""Larger memories are not made into registers."""


@dataclass(frozen=True, slots=True)
class Source:
    """One side of a check: named texts and how to elaborate them.

    Attributes:
        files: Verilog text by relative file name, in reading order.
        top: module to compare; None where the design has one top.
        parameters: overrides of its parameters.
        include_dirs: folders for include files, absolute.
        defines: macros, name and value.
    """

    files: Mapping[str, str]
    top: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    include_dirs: tuple[Path, ...] = ()
    defines: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        """sha256 of all that decides the netlist."""
        parts = [dict(self.files), self.top, dict(self.parameters), [str(d) for d in self.include_dirs], self.defines]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def read_design(design: Design) -> Source:
    """Return the contents of a design's files as a source.

    Raises:
        InputError: a file is missing, not text, or empty.
    """
    files: dict[str, str] = {}
    for index, path in enumerate(design.files):
        files[_safe_name(index, path)] = _read_text(path)
    folders = {path.resolve().parent for path in design.files} | {d.resolve() for d in design.include_dirs}
    return Source(files, design.top, dict(design.parameters), tuple(sorted(folders)), design.defines)


def _safe_name(index: int, path: Path) -> str:
    stem = "".join(c if c.isalnum() or c in "_-." else "_" for c in path.name)
    return f"f{index}/{stem}"


def _read_text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"expected a readable Verilog file, got {str(path)!r}: {error.strerror}") from error
    if b"\0" in data[:65536]:
        raise InputError(f"expected Verilog text in {str(path)!r}, got binary data; give source files")
    if not data.strip():
        raise InputError(f"expected a module in {str(path)!r}, got an empty file")
    return data.decode("utf-8", errors="replace")


class Lowering:
    """Lowers sources in a pool of Yosys workers and keeps the latest netlists."""

    def __init__(self, pool: YosysPool) -> None:
        self.pool = pool
        self._cache: OrderedDict[str, Netlist] = OrderedDict()
        self._lock = threading.Lock()

    def netlist(self, source: Source, side: str, timeout_s: float, *, expand: bool = False) -> Netlist:
        """Return the netlist of a source.

        Args:
            source: what to read.
            side: `gold` or `gate`, for messages.
            timeout_s: seconds for each reading.
            expand: make memories into registers; else they are kept, as far as possible.

        Raises:
            ElaborationError: neither front end can read it; the message is the first error with its place.
            InputError: a name can't be given to Yosys.
            UnsupportedError: it holds something without an exact model, or reading took too long.
        """
        key = source.key + ("expanded" if expand else "")
        with self._lock:
            if key in self._cache:
                self._cache.move_to_end(key)
                return self._cache[key]
        netlist = self._lower(source, side, timeout_s, expand)
        with self._lock:
            self._cache[key] = netlist
            while len(self._cache) > _CACHE_ENTRIES:
                self._cache.popitem(last=False)
        return netlist

    def pair(self, gold: Source, gate: Source, timeout_s: float, *, expand: bool = False) -> tuple[Netlist, Netlist]:
        """Return both netlists, read at the same time where neither is known yet."""
        with self._lock:
            known = gold.key in self._cache or gate.key in self._cache
        if known:  # a thread would cost more than it saves
            first = self.netlist(gold, "gold", timeout_s, expand=expand)
            return first, self.netlist(gate, "gate", timeout_s, expand=expand)
        with ThreadPoolExecutor(1) as executor:
            later = executor.submit(self.netlist, gate, "gate", timeout_s, expand=expand)
            first = self.netlist(gold, "gold", timeout_s, expand=expand)
            return first, later.result()

    def _lower(self, source: Source, side: str, timeout_s: float, expand: bool) -> Netlist:
        first = self._attempt(source, "slang", timeout_s, expand)
        if first.ok:
            return _parse(first)
        second = self._attempt(source, "verilog", timeout_s, expand)
        if second.ok:
            return _parse(second)
        if "timeout" in (first.ended_by, second.ended_by) or "memory" in (first.ended_by, second.ended_by):
            raise UnsupportedError(f"reading the {side} design ended by {second.ended_by} before a netlist was there")
        raise ElaborationError(f"can't elaborate the {side} design: {first.error}")

    def _attempt(self, source: Source, frontend: str, timeout_s: float, expand: bool) -> YosysRun:
        commands = [*_read(source, frontend), *LOWER, *(_EXPAND if expand else ()), *_WRITE]
        files = {name: with_latches(text) for name, text in source.files.items()}
        return self.pool.run(commands, files=files, fetch=[_JSON], timeout_s=timeout_s)


def _read(source: Source, frontend: str) -> Sequence[str]:
    """Return the reading commands; without a top, the front end finds it."""
    options = FlowOptions(source.top or "rtlgen_auto", source.parameters, source.include_dirs, source.defines)
    commands = read_commands(list(source.files), options, frontend)
    if source.top:
        return [*commands, "hierarchy -check"] if frontend == "slang" else commands
    return [c.replace("--top rtlgen_auto ", "").replace("-top rtlgen_auto", "-auto-top") for c in commands]


def _parse(run: YosysRun) -> Netlist:
    if _JSON not in run.files:
        raise ToolOutputError(f"expected Yosys to write {_JSON}, got no such file")
    return parse(json.loads(run.files[_JSON]), add_memory=add_memory)
