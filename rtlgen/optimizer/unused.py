"""Say in the text that some bits are not used on purpose, in the way linters know.

A register file whose word 0 reads as zero does not read the bits of that word, and a comparison by a borrow does not
read the difference. Verilator's manual gives the idiom: a wire with `unused` in its name that reads them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from rtlgen.graphs.wordlevel.module import ModuleIR
from rtlgen.optimizer.edits import Edit
from rtlgen.optimizer.guard import end_of_module

MARK = "_unused_bits"
_WARNING = re.compile(r"^%Warning-UNUSEDSIGNAL:.*?(?:Bits of signal are|Signal is) not used: '(\w+)'", re.MULTILINE)


def unused_signals(report: str) -> frozenset[str]:
    """Return the names of signals that Verilator says are not, or not wholly, used."""
    return frozenset(_WARNING.findall(report))


def unused_edits(
    base: Mapping[str, bytes], old: ModuleIR, sources: Mapping[str, bytes], new: ModuleIR, names: Sequence[str]
) -> tuple[Edit, Edit] | None:
    """Return the same line for two versions of a module, which reads all of `names`.

    Args:
        base, old: an older version and the module's view in it.
        sources, new: the version that is to get the line.
        names: signals of the module in the new version.

    Returns:
        The edits for `base` and for `sources`; None where a name is not of the module or its end is not found.
    """
    text = sources[new.place.file][new.place.start : new.place.end]
    number = len(set(re.findall(rb"\b" + MARK.encode() + rb"\w*", text)))
    name = MARK + (f"_{number + 1}" if number else "")
    ends = end_of_module(base, old.place), end_of_module(sources, new.place)
    if not all(n in new.signals for n in names) or None in ends:
        return None
    line = f"    wire {name} = &{{1'b0, {', '.join(sorted(names))}}};\n"
    before, after = (Edit(v.place.file, at, at, line) for v, at in zip((old, new), ends, strict=True) if at is not None)
    return before, after
