"""Reads the results of the flow: cell counts from `stat -json`, delay from ABC's `stime`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from rtlgen.core.errors import ToolOutputError

_STIME = re.compile(r"ABC: WireLoad = .*Delay =\s*(?P<delay>[-\d.]+) ps")
_FLOP = re.compile(r"\$_(?:AL|S)?DFF.*_")
_LATCH = re.compile(r"\$_(?:DLATCH|SR_).*_?")
NOT_LOGIC = frozenset({"$scopeinfo", "$print", "$check", "$assert", "$assume", "$cover", "$live", "$fair"})
"""Cells that stand for no hardware."""


@dataclass(frozen=True, slots=True)
class CellCounts:
    """Cells of one module as `stat -json` gives them; areas None without a library."""

    cells: dict[str, int]
    area_um2: float | None
    seq_area_um2: float | None

    @property
    def unmapped(self) -> dict[str, int]:
        """Internal cells of Yosys that stand for hardware, by type."""
        return {name: count for name, count in self.cells.items() if name.startswith("$")}


def parse_stat(text: str, top: str) -> CellCounts:
    """Return the counts of module `top`.

    Raises:
        ToolOutputError: the text is no `stat -json` output that has the module.
    """
    try:
        modules = json.loads(text)["modules"]
        module = modules[f"\\{top}"] if f"\\{top}" in modules else next(iter(modules.values()))
        by_type = {str(k): int(v) for k, v in module.get("num_cells_by_type", {}).items() if k not in NOT_LOGIC}
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
        raise ToolOutputError(
            f"expected `stat -json` output with module {top!r}, got {text[:200]!r}; is Yosys 0.70 in use?"
        ) from error
    return CellCounts(by_type, module.get("area"), module.get("sequential_area"))


def count_states(cells: dict[str, int]) -> tuple[int, int]:
    """Return (flops, latches) among the gate-level cells before mapping to a library."""
    flops = sum(count for name, count in cells.items() if name.startswith(("$_DFF", "$_SDFF", "$_ALDFF", "$_FF_")))
    latches = sum(count for name, count in cells.items() if name.startswith(("$_DLATCH", "$_SR_")))
    return flops, latches


def parse_delay(log: str) -> float | None:
    """Return the longest combinational delay in ns that ABC's last `stime` reported; None where it reported none."""
    found = _STIME.findall(log)
    return float(found[-1]) / 1000 if found else None
