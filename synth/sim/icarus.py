"""Icarus Verilog in three steps: preprocess, compile, run; the compiler proper is started without its driver.

`iverilog` starts a shell that starts a preprocessor and a compiler. Where the installation has the usual layout, the
compiler (`ivl`) is started by itself with the configuration that the driver would write, which saves most of a small
compile. Elsewhere the driver is used.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from rtlgen.core.types import ToolRun
from rtlgen.sandbox import Cell, Limits, cell
from rtlgen.synth.sim.simulator import has_directives
from rtlgen.synth.tools import find_tool

CONFIG: Final = "compile.conf"
_NATIVE: Final = frozenset(
    {"`timescale", "`default_nettype", "`resetall", "`celldefine", "`endcelldefine", "`line", "`unconnected_drive"}
    | {"`nounconnected_drive", "`begin_keywords", "`end_keywords"}
)
"""Directives that the compiler reads by itself; all others are the preprocessor's."""
_CANNOT: Final = re.compile(r"\bsorry:|not (?:yet )?supported|internal error|assert(?:ion)?.* failed", re.IGNORECASE)
_BASES: Final = ("../lib/ivl", "../lib/x86_64-linux-gnu/ivl", "../lib/aarch64-linux-gnu/ivl", "../lib64/ivl")


@dataclass(frozen=True, slots=True)
class Icarus:
    """One installation.

    Attributes:
        driver: `iverilog`.
        runtime: `vvp`.
        version: such as `12.0`.
        base: folder with `ivl`, `ivlpp` and the system modules; None where it is not where it usually is.
    """

    driver: Path
    runtime: Path
    version: str
    base: Path | None

    def __str__(self) -> str:
        return f"icarus {self.version}"

    @property
    def major(self) -> int:
        """First number of the version."""
        return int(self.version.split(".")[0])

    def cell(self) -> AbstractContextManager[Cell]:
        """Return a place to run it in."""
        return cell([self.driver.parent, *([self.base] if self.base is not None else [])])

    def needs_preprocessor(self, text: str) -> bool:
        """Return whether a text has directives or macros that only the preprocessor reads (comments count too)."""
        return has_directives(text, besides=_NATIVE)

    def preprocess(self, text: str, cell: Cell, limits: Limits, name: str = "preprocess.v") -> ToolRun:
        """Run the preprocessor on a text; what it makes of it is in the result's `stdout`.

        Raises:
            SandboxError: the sandbox itself failed.
        """
        file = cell.folder / name
        file.write_text(text)
        argv = [str(self.driver), "-E", "-g2012", "-o", "-", name]
        if self.base is not None:
            argv = [str(self.base / "ivlpp"), name]
        done = cell.run(argv, limits=limits, tool_version=str(self))
        file.unlink(missing_ok=True)
        return done

    def compile(self, source: str, tops: Sequence[str], output: str, cell: Cell, limits: Limits) -> ToolRun:
        """Compile one preprocessed file in the cell's folder to `output`.

        Raises:
            SandboxError: the sandbox itself failed.
        """
        argv = [str(self.driver), "-g2012", "-o", output, *(f"-s{t}" for t in tops), source]
        if self.base is not None:
            (cell.folder / CONFIG).write_text(configuration(self.base, self.runtime, tops, output))
            argv = [str(self.base / "ivl"), f"-C{CONFIG}", f"-C{self.base / 'vvp.conf'}", "--", source]
        return cell.run(argv, limits=limits, tool_version=str(self))

    def simulate(self, compiled: str, cell: Cell, limits: Limits, *, waves: bool = False) -> ToolRun:
        """Run a compiled design: `$stop` ends it; a waveform is written only where it is asked for.

        Raises:
            SandboxError: the sandbox itself failed.
        """
        argv = [str(self.runtime), "-n", compiled, "-vcd" if waves else "-none"]
        return cell.run(argv, limits=limits, tool_version=str(self))

    def cannot(self, done: ToolRun) -> bool:
        """Say whether the tool can't do it; see `Simulator`."""
        return _CANNOT.search(done.stderr + done.stdout) is not None


def configuration(base: Path, runtime: Path, tops: Sequence[str], output: str) -> str:
    """Return the configuration that `iverilog -g2012` gives to the compiler, with warnings off."""
    modules = ("system", "v2005_math", "va_math", "v2009")
    lines = [f"root:{top}" for top in tops]
    lines += [f"basedir:{base}", *(f"module:{base}/{m}.vpi" for m in modules)]
    lines += ["generation:2012", "generation:no-specify", "generation:assertions", "generation:xtypes"]
    lines += ["generation:io-range-error", "generation:no-strict-ca-eval", "generation:no-strict-expr-width"]
    lines += ["generation:shared-loop-index", "generation:no-verilog-ams", "generation:icarus-misc"]
    lines += ["ignore_missing_modules:false", f"out:{output}", "iwidth:32", "widthcap:65536"]
    lines += ["functor:cprop", "functor:nodangle", f"flag:VVP_EXECUTABLE={runtime}"]
    return "".join(f"{line}\n" for line in lines)


def find_icarus() -> Icarus:
    """Return the installed Icarus.

    Raises:
        ToolNotFoundError: there is none.
        ToolVersionError: it is too old or newer than what was tried.
    """
    driver, runtime = find_tool("iverilog"), find_tool("vvp")
    return Icarus(driver.path, runtime.path, driver.version, _base(driver.path))


@cache
def _base(driver: Path) -> Path | None:
    """Return the folder with the compiler proper, None where it is not found."""
    for base in _BASES:
        folder = (driver.resolve().parent / base).resolve()
        if all((folder / name).is_file() for name in ("ivl", "ivlpp", "vvp.conf", "vvp.tgt", "system.vpi")):
            return folder
    return None
