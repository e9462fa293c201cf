"""Checks that a library can serve synthesis: flip-flop, inverter, buffer, a two-input gate, areas.

ABC gives up or crashes on a library that lacks one of the gates; here the user hears which one it is.
"""

from __future__ import annotations

from rtlgen.core.errors import LibraryError
from rtlgen.synth.liberty.function import input_names, truth_table
from rtlgen.synth.liberty.library import LibCell, Library

# Two-input functions from which, with an inverter, every function can be built; rows 3..0 of the table.
_GATES = {0b0111: "NAND2", 0b0001: "NOR2", 0b1000: "AND2", 0b1110: "OR2"}


def check_usable(library: Library, shown: str) -> None:
    """Check that technology mapping can succeed with `library`.

    Args:
        library: what was read.
        shown: file name for messages.

    Raises:
        LibraryError: no cells, no flip-flop, no inverter, no buffer, no two-input gate, or no areas at all.
    """
    if not library.cells:
        _fail(library, shown, "at least one 'cell (NAME) {...}' group", "none")
    usable = [cell for cell in library.cells.values() if not cell.dont_use]
    kinds = sorted({cell.kind for cell in usable})
    came = f"only {len(usable)} usable cells of the kinds {', '.join(kinds) or 'none'}"
    if not any(cell.kind == "ff" for cell in usable):
        _fail(library, shown, "a flip-flop (a cell with an 'ff' group that is not a scan cell or dont_use)", came)
    if not any(cell.kind == "inverter" for cell in usable):
        _fail(library, shown, "an inverter (one output with a function such as '!A')", came)
    if not any(cell.kind == "buffer" for cell in usable):
        _fail(library, shown, "a buffer (one output with a function such as 'A')", came)
    if not any(_is_gate(cell) for cell in usable):
        _fail(library, shown, f"a two-input {', '.join(_GATES.values())} cell", came)
    if not any(cell.area_um2 > 0 for cell in usable):
        _fail(library, shown, "cells with an 'area' above 0", "no area in any cell")


def _is_gate(cell: LibCell) -> bool:
    if cell.kind != "comb" or len(cell.inputs) != 2 or len(cell.outputs) != 1:
        return False
    function = cell.pins[cell.outputs[0]].function
    # A function may name other things than inputs, such as an inout pin; then it is no plain gate.
    if function is None or not set(input_names(function)) <= set(cell.inputs):
        return False
    return truth_table(function, cell.inputs) in _GATES


def _fail(library: Library, shown: str, expected: str, came: str) -> None:
    raise LibraryError(f"{shown}: expected {expected} in library {library.name!r}, got {came}; choose a library of "
                       "complete standard cells")  # fmt: skip
