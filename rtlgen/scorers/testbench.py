"""A testbench for a reference without one: random stimulus with corners, every output compared at every step."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rtlgen.core.errors import InputError, RtlgenError
from rtlgen.graphs.frontend.slang import elaborate

VERDICT: Final = r"^Mismatches: (\d+) in (\d+) samples$"
TB_TOP: Final = "testbench"
_CLOCK: Final = re.compile(r"^(i_)?(clk|clock)(_i)?$", re.IGNORECASE)
_RESET: Final = re.compile(r"^(i_)?(a|s)?(rst|reset|clr|clear)(_?n|_?b|_i|_ni)?$", re.IGNORECASE)
_STEPS: Final = 600
_BEFORE: Final = 4
"""Cycles in reset at the start."""


@dataclass(frozen=True, slots=True)
class Port:
    """A port of an elaborated module."""

    name: str
    direction: str
    width: int


def generate(
    reference: str, reference_top: str, top: str, *, seed: int = 1, steps: int = _STEPS, compare_in_reset: bool = True
) -> str:
    """Return a testbench that compares a candidate with the reference.

    A clock is an input called `clk` or `clock`, a reset one called `rst`, `reset`, `clear` or the like (`_n` for active
    low); it is held for four cycles and now and then given again. Inputs change at the falling edge and outputs are
    compared before the rising one; without a clock, after every change. Bits that the reference leaves undefined are
    not compared.

    Args:
        reference: Verilog of the reference.
        reference_top: its module.
        top: name of the candidate's module.
        seed: of the stimulus.
        steps: how many changes of the inputs.
        compare_in_reset: whether outputs are compared while reset is given; without that, a synchronous and an
            asynchronous reset are both right.

    Raises:
        InputError: the reference can't be elaborated, or has no output.
    """
    ports = _ports(reference, reference_top)
    outputs = [p for p in ports if p.direction == "output"]
    if not outputs:
        raise InputError(f"expected an output of {reference_top!r}, got none")
    inputs = [p for p in ports if p.direction == "input"]
    clock = next((p for p in inputs if p.width == 1 and _CLOCK.match(p.name)), None)
    reset = next((p for p in inputs if p.width == 1 and _RESET.match(p.name)), None)
    data = [p for p in inputs if p not in (clock, reset)]
    lines = ["`timescale 1ns/1ps", f"module {TB_TOP};", "  integer tb_step, tb_errors, tb_samples, tb_seed;"]
    lines += [f"  reg {_size(p)}{p.name};" for p in inputs]
    lines += [f"  wire {_size(p)}{p.name}_ref, {p.name}_dut;" for p in outputs]
    lines += [_instance(reference_top, "tb_reference", ports, "_ref"), _instance(top, "tb_candidate", ports, "_dut")]
    unless = "" if compare_in_reset or reset is None else f"if ({reset.name} != 1'b{_active(reset)}) "
    lines += _compare(outputs, unless) + _stimulus(data, reset, clock, seed, steps)
    return "\n".join([*lines, "endmodule", ""])


def _ports(reference: str, top: str) -> list[Port]:
    try:
        body = elaborate({f"{top}.sv": reference.encode()}, top=top).top.body
    except RtlgenError as error:
        raise InputError(f"the reference can't be elaborated: {error}") from error
    found = []
    for port in body.portList:
        direction = {"In": "input", "Out": "output"}.get(str(port.direction.name), "inout")
        found.append(Port(str(port.name), direction, int(port.type.bitWidth)))
    return found


def _size(port: Port) -> str:
    return f"[{port.width - 1}:0] " if port.width > 1 else ""


def _instance(module: str, name: str, ports: Sequence[Port], suffix: str) -> str:
    pins = ", ".join(f".{p.name}({p.name}{suffix if p.direction == 'output' else ''})" for p in ports)
    return f"  {module} {name} ({pins});"


def _active(reset: Port) -> int:
    return 0 if re.search(r"(n|ni|b)$", reset.name, re.IGNORECASE) else 1


def _compare(outputs: Sequence[Port], unless: str) -> list[str]:
    reference = "{" + ", ".join(f"{p.name}_ref" for p in outputs) + "}"
    candidate = "{" + ", ".join(f"{p.name}_dut" for p in outputs) + "}"
    return [
        "  task tb_compare;",
        "    begin",
        "      tb_samples = tb_samples + 1;",
        f"      {unless}if ({reference} !== ({reference} ^ {candidate} ^ {reference})) begin",
        '        if (tb_errors == 0) $display("First mismatch occurred at time %0d.", $time);',
        "        tb_errors = tb_errors + 1;",
        "      end",
        "    end",
        "  endtask",
    ]


def _stimulus(data: Sequence[Port], reset: Port | None, clock: Port | None, seed: int, steps: int) -> list[str]:
    active = _active(reset) if reset else 1
    lines = ["  initial begin", f"    tb_errors = 0; tb_samples = 0; tb_seed = {seed};"]
    lines += [f"    {clock.name} = 0;"] if clock else []
    lines += [f"    {reset.name} = {active};"] if reset else []
    lines += [f"    {p.name} = 0;" for p in data]
    lines += [f"    for (tb_step = 0; tb_step < {steps}; tb_step = tb_step + 1) begin"]
    lines += [line for p in data for line in _drive(p)]
    if reset:
        again = "$unsigned($random(tb_seed)) % 64 == 0"
        lines.append(f"      {reset.name} = (tb_step < {_BEFORE} || {again}) ? 1'b{active} : 1'b{1 - active};")
    lines += ["      #4 tb_compare;"]
    lines += [f"      #1 {clock.name} = 1;", "      #4 tb_compare;", f"      #1 {clock.name} = 0;"] if clock else []
    lines += ["    end"]
    lines += ['    $display("Mismatches: %0d in %0d samples", tb_errors, tb_samples);', "    $finish;", "  end"]
    return lines


def _drive(port: Port) -> list[str]:
    words = ", ".join(["$random(tb_seed)"] * -(-port.width // 32))
    return [
        "      case ($unsigned($random(tb_seed)) % 8)",
        f"        0: {port.name} = 0;",
        f"        1: {port.name} = {{{port.width}{{1'b1}}}};",
        f"        2: {port.name} = 1 << ($unsigned($random(tb_seed)) % {port.width});",
        f"        3: {port.name} = {port.name};",
        f"        4: {port.name} = {port.name} + 1;",
        f"        default: {port.name} = {{{words}}};",
        "      endcase",
    ]
