"""Reads the results of the flow: cell counts from `stat -json`, delay from ABC's `stime`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from rtlgen.core.errors import ToolOutputError
from rtlgen.synth.liberty import Library

_STIME = re.compile(r"ABC: WireLoad = .*Delay =\s*(?P<delay>[-\d.]+) ps")
NOT_LOGIC = frozenset({"$scopeinfo", "$print", "$check", "$assert", "$assume", "$cover", "$live", "$fair"})
"""Cells that stand for no hardware."""
SEQUENTIAL_KINDS = frozenset({"ff", "latch", "clock_gate", "scan_ff"})
"""Kinds of library cells that hold state."""


def parse_stat(text: str, top: str) -> dict[str, int]:
    """Return the number of cells of module `top` by type, without those that stand for no hardware.

    Raises:
        ToolOutputError: the text is no `stat -json` output that has the module.
    """
    try:
        modules = json.loads(text)["modules"]
        module = modules[f"\\{top}"] if f"\\{top}" in modules else next(iter(modules.values()))
        return {str(k): int(v) for k, v in module.get("num_cells_by_type", {}).items() if k not in NOT_LOGIC}
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
        raise ToolOutputError(
            f"expected `stat -json` output with module {top!r}, got {text[:200]!r}; is Yosys 0.70 in use?"
        ) from error


@dataclass(frozen=True, slots=True)
class Areas:
    """Areas of a set of library cells."""

    area_um2: float
    seq_area_um2: float
    """Share of flip-flops, latches and clock gates."""


def add_areas(cells: Mapping[str, int], library: Library) -> Areas:
    """Return the areas of `cells`, summed in the order of their names.

    Raises:
        LibraryError: the library lacks one of the cells.
    """
    total = sequential = 0.0
    for name in sorted(cells):
        cell = library.cell(name)
        total += cell.area_um2 * cells[name]
        if cell.kind in SEQUENTIAL_KINDS:
            sequential += cell.area_um2 * cells[name]
    return Areas(round(total, 6), round(sequential, 6))


def count_states(cells: dict[str, int]) -> tuple[int, int]:
    """Return (flops, latches) among the gate-level cells before mapping to a library."""
    flops = sum(count for name, count in cells.items() if name.startswith(("$_DFF", "$_SDFF", "$_ALDFF", "$_FF_")))
    latches = sum(count for name, count in cells.items() if name.startswith(("$_DLATCH", "$_SR_")))
    return flops, latches


def parse_delay(log: str) -> float | None:
    """Return the longest combinational delay in ns that ABC's last `stime` reported; None where it reported none."""
    found = _STIME.findall(log)
    return float(found[-1]) / 1000 if found else None
