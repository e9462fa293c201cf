"""Make a module that holds for some parameter values only refuse all others, loudly and in every tool.

The refusal is an instance of a module that does not exist, in a generate branch that only other values take: plain
Verilog-2001, an elaboration error in simulators and synthesis alike (checked with Icarus, Verilator, slang and Yosys),
and nothing in the hardware.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from rtlgen.graphs.wordlevel.module import ModuleIR, Place
from rtlgen.optimizer.edits import Edit
from rtlgen.optimizer.parameters import configuration

_END = re.compile(rb"[ \t]*\bendmodule\b")
_MARK = "supports_only"


def is_guarded(sources: Mapping[str, bytes], body: ModuleIR) -> bool:
    """Return whether the module refuses parameter values already; `body` may be of an older version of `sources`."""
    return f"{body.name}_{_MARK}".encode() in sources[body.place.file]


def guard_edit(sources: Mapping[str, bytes], bodies: Sequence[ModuleIR]) -> Edit | None:
    """Return the edit that lets a module be used with the parameter values of `bodies` only.

    Args:
        sources: the text that the edit is for.
        bodies: all elaborated bodies of one module.

    Returns:
        None where a value can't be written as a condition, or the end of the module is not found.
    """
    body = bodies[0]
    values = [_numbers(sources, b) for b in bodies]
    at = end_of_module(sources, body.place)
    if at is None or any(v is None for v in values) or not values[0]:
        return None
    condition = _condition([v for v in values if v is not None])
    what = "_".join(f"{n}_{v}".replace("-", "m") for n, v in values[0].items()) if len(values) == 1 else "listed_values"
    text = (
        f"    generate\n        if ({condition}) begin : other_parameters\n"
        f"            {body.name}_{_MARK}_{what} stop ();\n        end\n    endgenerate\n"
    )
    return Edit(body.place.file, at, at, text)


def end_of_module(sources: Mapping[str, bytes], place: Place) -> int | None:
    """Return where the line of a module's `endmodule` starts, None where there is none."""
    ends = list(_END.finditer(sources[place.file], place.start, place.end + len(b"endmodule")))
    return ends[-1].start() if ends else None


def _numbers(sources: Mapping[str, bytes], body: ModuleIR) -> dict[str, str] | None:
    values = configuration(sources, body)
    return values if all(re.fullmatch(r"-?\d+", v) for v in values.values()) else None


def _condition(values: Sequence[Mapping[str, str]]) -> str:
    """Return what is true for all values but these."""
    if len(values) == 1:
        return " || ".join(f"{n} != {v}" for n, v in values[0].items())
    return "!(" + " || ".join(" && ".join(f"{n} == {v}" for n, v in one.items()) for one in values) + ")"
