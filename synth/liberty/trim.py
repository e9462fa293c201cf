"""Smaller Liberty texts with the same result, because Yosys and ABC parse the whole file in every run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rtlgen.synth.liberty.library import LibCell
from rtlgen.synth.liberty.parser import parse_liberty
from rtlgen.synth.liberty.tree import Group, to_text

_PIN_ATTRIBUTES = frozenset({"direction", "function", "three_state", "clock", "capacitance", "nextstate_type",
                             "signal_type", "inverted_output", "state_function", "power_down_function"})  # fmt: skip
_STATE_GROUPS = ("ff", "latch", "ff_bank", "latch_bank", "test_cell", "statetable")
_POWER_GROUPS = frozenset(
    {"internal_power", "leakage_power", "pg_pin", "power_lut_template", "leakage_current", "dynamic_current",
     "intrinsic_parasitic", "normalized_driver_waveform", "receiver_capacitance", "output_current_rise",
     "output_current_fall", "output_current_template", "ccsn_first_stage", "ccsn_last_stage", "min_pulse_width"}
)  # fmt: skip


def sequential_liberty(tree: Group, cells: Mapping[str, LibCell]) -> str:
    """Return Liberty text with only the usable flops and latches, without tables; all that `dfflibmap` reads.

    Args:
        tree: the library group, with or without tables.
        cells: the cells read from it.
    """
    small = Group("library", tree.args)
    for group in tree.find("cell"):
        cell = cells[group.args[0]]
        if cell.kind in ("ff", "latch") and not cell.dont_use:
            small.groups.append(_state_cell(group))
    return to_text(small)


def _state_cell(cell: Group) -> Group:
    kept = [item for item in cell.attributes if item.name in ("area", "dont_use", "cell_footprint")]
    groups = []
    for group in cell.groups:
        if group.name in _STATE_GROUPS:
            groups.append(group)
        elif group.name in ("pin", "bus", "bundle"):
            attributes = [item for item in group.attributes if item.name in _PIN_ATTRIBUTES]
            groups.append(Group(group.name, group.args, attributes, list(group.find("pin"))))
    return Group("cell", cell.args, kept, groups)


def mapping_liberty(text: str, path: Path, cells: Mapping[str, LibCell]) -> str:
    """Return Liberty text of the combinational cells with their delay tables; all that ABC's mapper reads.

    Args:
        text: text of the whole library.
        path: its file, for messages.
        cells: the cells read from it.

    Raises:
        LibraryError: the text is no Liberty.
    """
    tree = parse_liberty(text, str(path), skip=_POWER_GROUPS)
    tree.groups = [group for group in tree.groups if group.name != "cell" or _maps(cells.get(group.args[0]))]
    return to_text(tree)


def _maps(cell: LibCell | None) -> bool:
    return cell is not None and not cell.dont_use and cell.kind in ("comb", "inverter", "buffer", "tie")
