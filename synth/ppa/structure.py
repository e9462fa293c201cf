"""What a design is made of: memories and latches before mapping, and the tree of instances with their areas."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rtlgen.core.errors import ToolOutputError
from rtlgen.synth.flow.parse import NOT_LOGIC
from rtlgen.synth.liberty import Library
from rtlgen.synth.ppa.inputs import Sources
from rtlgen.synth.ppa.netlist import net_names
from rtlgen.synth.ppa.records import CellUse, LatchSite, MemoryUse, ModuleArea

_LATCHES = frozenset({"$dlatch", "$adlatch", "$dlatchsr", "$sr"})
_MEMORIES = frozenset({"$mem", "$mem_v2"})


def memories(coarse: Mapping[str, Any], sources: Sources) -> tuple[MemoryUse, ...]:
    """Return the memories of a module in word-level form, largest first."""
    found = []
    for cell in coarse["cells"].values():
        if cell["type"] not in _MEMORIES:
            continue
        words, width = _number(cell, "SIZE"), _number(cell, "WIDTH")
        name = str(cell["parameters"].get("MEMID", "")).lstrip("\\")
        spans = sources.spans(cell["attributes"].get("src", ""))
        found.append(
            MemoryUse(name=name, words=words, width=width, bits=words * width, span=spans[0] if spans else None)
        )
    return tuple(sorted(found, key=lambda memory: (-memory.bits, memory.name)))


def _number(cell: Mapping[str, Any], name: str) -> int:
    value = cell["parameters"].get(name, "0")
    return int(value, 2) if isinstance(value, str) else int(value)


def latches(coarse: Mapping[str, Any], sources: Sources) -> tuple[LatchSite, ...]:
    """Return the latches of a module in word-level form, one entry for each signal."""
    names, declared = net_names(coarse)
    bits: dict[str, int] = {}
    spans: dict[str, Any] = {}
    for cell in coarse["cells"].values():
        if cell["type"] not in _LATCHES:
            continue
        for bit in cell["connections"].get("Q", ()):
            signal = names[bit][0].split("[")[0] if bit in names else "(unnamed)"
            bits[signal] = bits.get(signal, 0) + 1
            place = sources.spans(cell["attributes"].get("src", "")) or sources.spans(declared.get(bit, ""))
            spans.setdefault(signal, place[0] if place else None)
    return tuple(LatchSite(signal=name, bits=count, span=spans[name]) for name, count in sorted(bits.items()))


def cell_uses(cells: Mapping[str, int], library: Library) -> tuple[CellUse, ...]:
    """Return the cells by type, largest area first.

    Raises:
        LibraryError: the library lacks one.
    """
    uses = [
        CellUse(
            cell=name, kind=(cell := library.cell(name)).kind, count=count, area_um2=round(cell.area_um2 * count, 6)
        )
        for name, count in cells.items()
    ]
    return tuple(sorted(uses, key=lambda use: (-use.area_um2, use.cell)))


def module_tree(text: str, top: str, library: Library) -> tuple[ModuleArea, ...]:
    """Return every instance of a mapped hierarchical design with its area, parents before children.

    Args:
        text: `write_json` of the whole design.
        top: its top module.
        library: the cells it is mapped to.

    Raises:
        ToolOutputError: the text is no such JSON.
    """
    try:
        modules: dict[str, Any] = json.loads(text)["modules"]
        result: list[ModuleArea] = []
        _visit(modules, top, top, library, result)
    except (ValueError, KeyError, TypeError) as error:
        raise ToolOutputError(f"expected `write_json` output with module {top!r}, got {text[:200]!r}") from error
    return tuple(result)


def _visit(modules: Mapping[str, Any], name: str, path: str, library: Library, result: list[ModuleArea]) -> float:
    """Append the instance at `path` and its children; return its total area."""
    own, count, children = 0.0, 0, []
    for instance, cell in modules[name]["cells"].items():
        if cell["type"] in modules and "blackbox" not in modules[cell["type"]]["attributes"]:
            children.append((instance, cell["type"]))
        elif cell["type"] in library.cells:
            own += library.cells[cell["type"]].area_um2
            count += 1
        elif cell["type"] not in NOT_LOGIC:
            raise KeyError(cell["type"])
    place = len(result)
    total = own + sum(
        _visit(modules, kind, f"{path}.{instance}", library, result) for instance, kind in sorted(children)
    )
    module = name.split("$", 1)[0] if name != path else name
    entry = ModuleArea(path=path, module=module, cells=count, area_um2=round(own, 6), total_um2=round(total, 6))
    result.insert(place, entry)
    return total
