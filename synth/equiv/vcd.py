"""Waveform of a counterexample: inputs, both designs' outputs, and where they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_STEP_NS = 10


def write_vcd(
    inputs: Sequence[Mapping[str, str]], gold: Sequence[Mapping[str, str]], gate: Sequence[Mapping[str, str]]
) -> str:
    """Return a value change dump (IEEE 1800-2017 clause 21.7) with scopes `inputs`, `gold` and `gate`.

    Args:
        inputs: bit strings by port, one mapping a step.
        gold: outputs of the old design.
        gate: outputs of the new one.
    """
    scopes = [(name, steps) for name, steps in (("inputs", inputs), ("gold", gold), ("gate", gate)) if steps]
    lines = ["$timescale 1ns $end", "$scope module counterexample $end"]
    codes: dict[tuple[str, str], str] = {}
    for scope, steps in scopes:
        lines.append(f"$scope module {scope} $end")
        for name, value in steps[0].items():
            codes[scope, name] = code = f"s{len(codes)}"
            lines.append(f"$var wire {len(value)} {code} {name} $end")
        lines.append("$upscope $end")
    lines += ["$upscope $end", "$enddefinitions $end"]
    before: dict[str, str] = {}
    for step in range(len(inputs)):
        lines.append(f"#{step * _STEP_NS}")
        for scope, steps in scopes:
            for name, value in steps[step].items():
                code = codes[scope, name]
                if before.get(code) != value:
                    lines.append(f"b{value} {code}" if len(value) > 1 else f"{value}{code}")
                    before[code] = value
    lines.append(f"#{len(inputs) * _STEP_NS}")
    return "\n".join(lines) + "\n"
