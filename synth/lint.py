"""Lint by Verilator: what `--lint-only -Wall` says of a design, and how often each rule is broken."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from rtlgen.sandbox import Limits, run
from rtlgen.synth.tools import optional_tool

_WARNING: Final = re.compile(r"^%(?:Warning|Error)-([A-Z0-9_]+):", re.MULTILINE)
_ERROR: Final = re.compile(r"^%Error(?:-([A-Z0-9_]+))?: (?!Exiting due to)", re.MULTILINE)
# Style of file and module naming is the user's; the rest of -Wall counts.
_IGNORED: Final = frozenset({"DECLFILENAME", "EOFNEWLINE", "TIMESCALEMOD"})


def verilator_report(
    sources: Mapping[str, str],
    top: str,
    *,
    include_dirs: Sequence[Path] = (),
    defines: Sequence[tuple[str, str]] = (),
    parameters: Sequence[tuple[str, str]] = (),
) -> str | None:
    """Return what `verilator --lint-only -Wall` says; None where there is no Verilator.

    Args:
        sources: Verilog text by relative file name, in reading order.
        top: module to look at.
        include_dirs: folders for include files.
        defines: macros, name and value.
        parameters: overrides of the top's parameters.

    Raises:
        SandboxError: the sandbox itself failed.
    """
    tool = optional_tool("verilator")
    if tool is None:
        return None
    with TemporaryDirectory(prefix="rtlgen-lint-") as folder:
        for name, text in sources.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        argv = [str(tool.path), "--lint-only", "-Wall", "-Wno-fatal", "--top-module", top]
        argv += [f"-I{d}" for d in include_dirs] + [f"-D{n}={v}" if v else f"-D{n}" for n, v in defines]
        argv += [f"-G{n}={v}" for n, v in parameters]
        done = run([*argv, *sources], cwd=Path(folder), limits=Limits(wall_s=60, cpu_s=60), env=dict(tool.env))
    return done.stderr + done.stdout


def counted(report: str | None) -> Counter[str] | None:
    """Return how often a report of Verilator has each kind of warning that counts; None where there is no report."""
    return None if report is None else Counter(code for code in _WARNING.findall(report) if code not in _IGNORED)


def errors(report: str) -> Counter[str]:
    """Return how often a report of Verilator has each kind of error; `ERROR` is one without a name."""
    return Counter(code or "ERROR" for code in _ERROR.findall(report))
