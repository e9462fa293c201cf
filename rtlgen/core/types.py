"""Core types shared by every layer.

On disk or across a process: pydantic models, frozen, with `schema_version`. Units stand in the field name;
`None` means "not measured", never 0 or NaN.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

Severity = Literal["error", "warning", "note"]
EndedBy = Literal["exit", "timeout", "memory", "signal", "not_found"]
EquivalenceStatus = Literal["proved", "bounded", "refuted", "unknown"]
SimulationStatus = Literal["passed", "failed", "compile_error", "timeout", "no_verdict"]


class Record(BaseModel):
    """Base of everything that reaches disk: frozen, no unknown fields, versioned."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: int = 1


class SourceSpan(Record):
    """A place in a source file."""

    file: str
    """Path as the user gave it."""
    line: int
    """First line, from 1."""
    column: int = 1
    """First column, from 1."""
    end_line: int | None = None
    """Last line, inclusive."""
    end_column: int | None = None

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Diagnostic(Record):
    """One message of a tool about a place in the source."""

    severity: Severity
    code: str
    """The tool's name of the check, such as `UndeclaredIdentifier`."""
    message: str
    span: SourceSpan | None = None
    tool: str

    def __str__(self) -> str:
        where = f"{self.span}: " if self.span else ""
        return f"{where}{self.severity}: {self.message} [{self.tool}:{self.code}]"


class Design(Record):
    """A design as the user names it: files, top and how to elaborate them."""

    files: tuple[Path, ...]
    top: str | None = None
    include_dirs: tuple[Path, ...] = ()
    defines: tuple[tuple[str, str], ...] = ()
    """Macro name and value; the empty value defines the bare name."""
    parameters: tuple[tuple[str, str], ...] = ()
    """Overrides of top-level parameters, value as Verilog text."""

    @property
    def digest(self) -> str:
        """sha256 over contents of the files and every option (not over the paths' folders)."""
        state = hashlib.sha256()
        options = [self.top, self.defines, self.parameters, [str(d) for d in self.include_dirs]]
        state.update(json.dumps(options).encode())
        for file in self.files:
            state.update(file.name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
        return state.hexdigest()


class ToolRun(Record):
    """What came of one external command in the sandbox."""

    argv: tuple[str, ...]
    exit_code: int | None
    """None where the process did not exit by itself."""
    stdout: str
    stderr: str
    wall_s: float
    peak_mb: float | None = None
    ended_by: EndedBy
    tool_version: str | None = None


class SimulationResult(Record):
    """Verdict of one simulation; no verdict is `no_verdict`, never a pass."""

    status: SimulationStatus
    checks: int | None = None
    mismatches: int | None = None
    first_mismatch: str | None = None
    run: ToolRun | None = None


class Counterexample(Record):
    """A shortest stimulus on which two designs differ.

    `inputs[c][name]`, `gold[c][name]` and `gate[c][name]` are bit strings (most significant first, of 0 1 x) of
    cycle `c`; the last cycle is the first one on which an output differs.
    """

    inputs: tuple[dict[str, str], ...]
    gold: tuple[dict[str, str], ...]
    gate: tuple[dict[str, str], ...]
    output: str
    """Name of an output that differs in the last cycle."""
    resimulated: bool = False
    """True once an event-driven simulator has shown the same difference."""
    vcd: str | None = None
    testbench: str | None = None


class EquivalenceResult(Record):
    """Verdict of an equivalence check; only `proved` counts as equal."""

    status: EquivalenceStatus
    method: str
    """Engine that settled it, such as `cec`, `induction`, `pdr`, `exhaustive`."""
    bound: int | None = None
    """Cycles from reset up to which `bounded` holds."""
    counterexample: Counterexample | None = None
    reason: str = ""
    """For `unknown`: what stopped it, in words."""
    wall_s: float = 0.0
    engines: tuple[str, ...] = ()
    """Every engine that ran, with its outcome, as `name=outcome@seconds`."""


class PPA(Record):
    """Area, delay and power on one basis; two PPAs compare only when `basis` is equal."""

    area_um2: float | None
    delay_ns: float | None
    power_mw: float | None
    cells: int | None = None
    flops: int | None = None
    basis: str
    """Tool versions, library digest, flow and clock, in one line."""

    def ratio(self, before: PPA) -> dict[str, float | None]:
        """Return self / before per metric; None where one side is not measured or `before` is 0.

        Raises:
            ValueError: the two were measured on different bases.
        """
        if self.basis != before.basis:
            raise ValueError(f"expected equal bases to compare PPA, got {self.basis!r} and {before.basis!r}")
        names = ("area_um2", "delay_ns", "power_mw", "cells", "flops")
        pairs = {n: (getattr(self, n), getattr(before, n)) for n in names}
        return {n: (a / b if a is not None and b else None) for n, (a, b) in pairs.items()}
