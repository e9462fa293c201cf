"""Verilator as a simulator: text to C++, one call of the compiler, run.

Its generated makefiles are not used: what it writes is included into one file that starts with a precompiled header
and is linked with a library compiled once (see `verilator_runtime`).

It has two states. What starts or is assigned as x is 0 here (`--x-initial 0`, `--x-assign 0`), in testbench, reference
and candidate alike: with values drawn at random a reference that resets nothing would differ from a right candidate,
where a simulator with four states says that x matters to nobody.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rtlgen.core.config import load_settings
from rtlgen.core.errors import ToolNotFoundError
from rtlgen.core.types import ToolRun
from rtlgen.sandbox import Cell, Limits, cell
from rtlgen.synth.sim.simulator import has_directives
from rtlgen.synth.sim.verilator_runtime import FLAGS, HEADER, LIBRARY, Runtime, runtime
from rtlgen.synth.tools import find_tool

_MODEL: Final = "Vdesign"
_FLAGS: Final = (
    "--cc", "--timing", "--quiet", "-Wno-fatal", "-Wno-lint", "-Wno-style", "-Wno-BLKANDNBLK", "-Wno-SYMRSVDWORD",
    "--output-split", "0", "--x-assign", "0", "--x-initial", "0", "--timescale", "1ps/1ps", "--prefix", _MODEL,
)  # fmt: skip
"""The time scale of what names none keeps the precision from growing coarse: Verilator 5.48 takes the last one it reads
where that is coarser, and then makes shorter delays 0."""
_NATIVE: Final = frozenset(
    {"`timescale", "`default_nettype", "`resetall", "`celldefine", "`endcelldefine", "`unconnected_drive"}
    | {"`nounconnected_drive", "`begin_keywords", "`end_keywords"}
)
"""Directives that may reach `compile`. Others are the preprocessor's, or put C++ into the design."""
_PIECE: Final = re.compile(
    r'(?P<kept>"(?:[^"\\\n]|\\.)*"|\\\S+)|(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<stop>\$stop\b)', re.DOTALL
)
_CANNOT: Final = re.compile(
    r"%Error-(?:UNSUPPORTED|BLKLOOPINIT|NEEDTIMINGOPT|NOTIMING)|\bUnsupported\b|Internal Error|not (?:yet )?supported"
    r"|Unimplemented|Exceeded (?:limit|maximum)|took too long",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Verilator:
    """One installation with its compiler.

    Attributes:
        binary: `verilator_bin`, the program behind the script `verilator`.
        root: its folder, with `include`.
        version: such as `5.48.0`.
        compiler: of C++, with coroutines.
        compiler_version: its version.
        cache_dir: folder in which its runtime is kept.
    """

    binary: Path
    root: Path
    version: str
    compiler: Path
    compiler_version: str
    cache_dir: Path
    _runtime: Runtime = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        versions = (self.version, self.compiler_version)
        found = runtime(self.root, self.binary, self.compiler, versions, self.cache_dir)
        object.__setattr__(self, "_runtime", found)

    def __str__(self) -> str:
        return f"verilator {self.version}"

    def cell(self) -> AbstractContextManager[Cell]:
        """Return a place to run it in, made anew each time: what runs there is compiled; see `Simulator`."""
        return cell([self.binary.parent, self.root, self._runtime.ready()], keep=False)

    def needs_preprocessor(self, text: str) -> bool:
        """Return whether a text has directives or macros that only the preprocessor reads (comments count too)."""
        return has_directives(text, besides=_NATIVE)

    def preprocess(self, text: str, cell: Cell, limits: Limits, name: str = "preprocess.v") -> ToolRun:
        """Run the preprocessor on a text; see `Simulator`."""
        (cell.folder / name).write_text(text)
        done = self._verilate(["-E", "-P", name], cell, limits)
        (cell.folder / name).unlink(missing_ok=True)
        return done

    def compile(self, source: str, tops: Sequence[str], output: str, cell: Cell, limits: Limits) -> ToolRun:
        """Compile one preprocessed file with one top module to the program `output`; see `Simulator`.

        Raises:
            SandboxError: the sandbox itself failed, or the cache can't be written.
            ToolOutputError: the compiler refuses Verilator's own sources.
            ValueError: several top modules.
        """
        if len(tops) != 1:
            raise ValueError(f"expected one top module for Verilator, got {list(tops)!r}")
        ready = self._runtime.ready()
        path = cell.folder / source
        path.write_text(plain(path.read_text()))
        made = cell.folder / f"{output}.cc"
        done = self._verilate([*_FLAGS, "--top-module", tops[0], "-Mdir", made.name, source], cell, limits)
        if done.ended_by != "exit" or done.exit_code:
            return done
        unity = cell.folder / f"{output}.cpp"
        unity.write_text(_unity(sorted(p.name for p in made.glob("*.cpp"))))
        argv = [str(self.compiler), *FLAGS, f"-I{ready}", f"-I{self._runtime.include}", f"-I{made.name}"]
        argv += [unity.name, str(ready / LIBRARY), "-o", output]
        built = cell.run(argv, limits=limits, tool_version=str(self))
        return built.model_copy(update={"wall_s": done.wall_s + built.wall_s})

    def simulate(self, compiled: str, cell: Cell, limits: Limits, *, waves: bool = False) -> ToolRun:
        """Run the program that `compile` made, which writes no waveform; see `Simulator`."""
        return cell.run([str(cell.folder / compiled)], limits=limits, tool_version=str(self))

    def cannot(self, done: ToolRun) -> bool:
        """Say whether the tool can't do it: it says so, or the C++ that it wrote is wrong; see `Simulator`."""
        return done.argv[0] != str(self.binary) or _CANNOT.search(done.stderr) is not None

    def _verilate(self, arguments: Sequence[str], cell: Cell, limits: Limits) -> ToolRun:
        argv = [str(self.binary), *arguments]
        return cell.run(argv, limits=limits, env={"VERILATOR_ROOT": str(self.root)}, tool_version=str(self))


def plain(text: str) -> str:
    """Return Verilog without comments, some of which Verilator obeys, and with every `$stop` as `$finish`.

    Verilator does not tell `$stop` from `$error`, where a batch run has to end at the one and go on at the other.
    """

    def new(match: re.Match[str]) -> str:
        if match["kept"] is not None:
            return match[0]
        return "$finish" if match["stop"] else " " + "\n" * match[0].count("\n")

    return _PIECE.sub(new, text)


def _unity(names: Sequence[str]) -> str:
    lines = [HEADER, *names]
    included = "".join(f'#include "{name}"\n' for name in lines)
    return f"{included}int main(int, char** argv) {{ return simulate<{_MODEL}>(argv[0]); }}\n"


def find_verilator() -> Verilator:
    """Return the installed Verilator with the C++ compiler, its runtime kept in the user's cache.

    Raises:
        ToolNotFoundError: there is none, or no compiler.
        ToolVersionError: it is too old.
    """
    tool, compiler = find_tool("verilator"), find_tool("g++")
    binary = tool.path.resolve().with_name("verilator_bin")
    if not binary.is_file():
        raise ToolNotFoundError(f"expected the program of Verilator at {binary}, beside {tool.path}")
    root = tool.env.get("VERILATOR_ROOT") or _asked_root(binary)
    cache_dir = load_settings().cache_dir
    return Verilator(binary, Path(root), tool.version, compiler.path, compiler.version, cache_dir)


def _asked_root(binary: Path) -> str:
    argv = [str(binary), "--getenv", "VERILATOR_ROOT"]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolNotFoundError(f"{binary} does not say where its files are: {error}") from error
    return done.stdout.strip()
