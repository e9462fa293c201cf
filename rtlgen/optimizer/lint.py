"""Keep the output lint-clean: no warning that the input did not have."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from rtlgen.core.errors import ToolNotFoundError, ToolVersionError
from rtlgen.graphs.frontend.slang import Elaborated
from rtlgen.optimizer.target import Target
from rtlgen.sandbox import Limits, run
from rtlgen.synth.tools import find_tool

_WARNING = re.compile(r"^%(?:Warning|Error)-([A-Z0-9_]+):", re.MULTILINE)
# Style of file and module naming is the user's; the rest of -Wall counts.
_IGNORED = frozenset({"DECLFILENAME", "EOFNEWLINE", "TIMESCALEMOD"})


_MIXED_TYPES = frozenset({"SignConversion", "ArithOpMismatch", "BitwiseOpMismatch"})
"""Signed and unsigned words of one width in one expression: off by default in slang, and no warning of Verilator. A
comparison of such words (`SignCompare`) is one here."""


def slang_warnings(elaborated: Elaborated) -> Counter[str]:
    """Return how often slang gives each kind of warning, those on mixed types left out."""
    return Counter(d.code for d in elaborated.warnings if d.code not in _MIXED_TYPES)


def verilator_warnings(target: Target) -> Counter[str] | None:
    """Return how often `verilator --lint-only -Wall` gives each kind of warning; None where there is no Verilator."""
    return counted(verilator_report(target))


def counted(report: str | None) -> Counter[str] | None:
    """Return how often a report of Verilator has each kind of warning that counts; None where there is no report."""
    return None if report is None else Counter(code for code in _WARNING.findall(report) if code not in _IGNORED)


def verilator_report(target: Target) -> str | None:
    """Return what `verilator --lint-only -Wall` says; None where there is no Verilator."""
    try:
        tool = find_tool("verilator")
    except (ToolNotFoundError, ToolVersionError):
        return None
    with TemporaryDirectory(prefix="rtlgen-lint-") as folder:
        names = []
        for name, text in target.tool_sources().items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            names.append(name)
        argv = [str(tool.path), "--lint-only", "-Wall", "-Wno-fatal", "--top-module", target.top]
        argv += [f"-I{d}" for d in target.include_dirs] + [f"-D{n}={v}" if v else f"-D{n}" for n, v in target.defines]
        argv += [f"-G{n}={v}" for n, v in target.parameters]
        done = run([*argv, *names], cwd=Path(folder), limits=Limits(wall_s=60, cpu_s=60), env=dict(tool.env))
    return done.stderr + done.stdout


def new_warnings(before: Counter[str] | None, after: Counter[str] | None) -> list[str]:
    """Return the kinds of warning that `after` has more of than `before`, in words."""
    if before is None or after is None:
        return []
    return [f"{code} ({before[code]} → {count})" for code, count in sorted(after.items()) if count > before[code]]
