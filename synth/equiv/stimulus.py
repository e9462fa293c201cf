"""A counterexample as a stimulus, and the Icarus testbench that applies it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from rtlgen.core.errors import InputError
from rtlgen.synth.equiv.machine import Machine
from rtlgen.synth.equiv.netlist import Netlist
from rtlgen.synth.equiv.reset import Reset

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")


@dataclass(frozen=True, slots=True)
class Step:
    """Inputs of one step (clocks not among them), and the clocks that tick at its end."""

    inputs: Mapping[str, str]
    ticks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stimulus:
    """What to apply from power-up on.

    Attributes:
        clocks: clock inputs, 0 at power-up.
        reset: what is held first, all other inputs being X.
        levels: whether a tick is one change of the clock, else a pulse.
        steps: what follows.
    """

    clocks: tuple[str, ...]
    reset: Reset
    levels: bool
    steps: tuple[Step, ...]


def from_frames(machine: Machine, gold: Netlist, reset: Reset, frames: tuple[dict[int, int], ...]) -> Stimulus:
    """Return the stimulus of a witness; inputs that don't matter are 0."""
    steps = []
    for number, frame in enumerate(frames):
        inputs = {}
        for name, port in gold.ports.items():
            if port.direction != "input" or name in machine.clocks:
                continue
            bits = [frame.get(machine.inputs[name, i], 0) for i in range(len(port.nets))]
            inputs[name] = "".join(str(b) for b in reversed(bits))
        if machine.idle:
            name, level, kind = machine.idle
            if number < len(frames) - 1 or (kind == "async" and number > 0):
                inputs[name] = str(level)
        ticks = tuple(c for c in machine.clocks if not machine.ticks or frame.get(machine.ticks[c], 0))
        steps.append(Step(inputs, ticks))
    return Stimulus(machine.clocks, reset, machine.levels, tuple(steps))


def testbench(netlist: Netlist, tops: tuple[str, str], stimulus: Stimulus, parameters: Mapping[str, str]) -> str:
    """Return a testbench that applies the stimulus to one design and writes its outputs, a line a step.

    It runs the old design; with the macro `RTLGEN_GATE`, the new one. `RTLGEN_OUTPUT` names the file that it writes,
    `RTLGEN_VCD` a waveform.

    Args:
        netlist: gives ports and widths.
        tops: names of the old and the new module.
        stimulus: what to apply.
        parameters: overrides.
    """
    declare, connect, outputs = [], [], []
    for name, port in netlist.ports.items():
        kind = "wire" if port.direction == "output" else "reg"
        declare.append(f"  {kind} [{max(len(port.nets), 1) - 1}:0] {_id(name)};")
        connect.append(f".{_id(name)}({_id(name)})")
        if port.direction == "output":
            outputs.append(_id(name))
    override = ", ".join(f".{_id(n)}({v})" for n, v in parameters.items())
    instance = f"{f'#({override}) ' if override else ''}rtlgen_dut ({', '.join(connect)});"
    sample = " ".join("%b" for _ in outputs)
    write = f'$fwrite(rtlgen_file, "{sample}\\n"{"".join(", " + name for name in outputs)});'
    lines = [
        "`timescale 1ns/1ps", "`ifndef RTLGEN_OUTPUT", '`define RTLGEN_OUTPUT "outputs.txt"', "`endif",
        "module rtlgen_testbench;", "  integer rtlgen_file;", *declare,
        "`ifdef RTLGEN_GATE", f"  {_id(tops[1])} {instance}", "`else", f"  {_id(tops[0])} {instance}", "`endif",
        "  initial begin",
        "`ifdef RTLGEN_VCD", "    $dumpfile(`RTLGEN_VCD);", "    $dumpvars(0, rtlgen_testbench);", "`endif",
        "    rtlgen_file = $fopen(`RTLGEN_OUTPUT);",
        *_reset_lines(netlist, stimulus),
    ]  # fmt: skip
    for number, step in enumerate(stimulus.steps):
        lines.append(f"    // step {number}")
        lines += [f"    {_id(n)} = {len(v)}'b{v};" for n, v in step.inputs.items()]
        lines += ["    #4;", f"    {write}", "    #1;", *_tick_lines(stimulus, step.ticks)]
    lines += ["    $fclose(rtlgen_file);", "    $finish(0);", "  end", "endmodule", ""]
    return "\n".join(lines)


def _reset_lines(netlist: Netlist, stimulus: Stimulus) -> list[str]:
    lines = [f"    {_id(c)} = 1'b0;" for c in stimulus.clocks]
    for name, port in netlist.ports.items():
        if port.direction == "input" and name not in stimulus.clocks:
            level = stimulus.reset.levels.get(name)
            lines.append(f"    {_id(name)} = {len(port.nets)}'b{'x' if level is None else int(level)};")
    if stimulus.reset.levels:
        pulse = (
            " ".join(f"{_id(c)} = 1'b1;" for c in stimulus.clocks),
            " ".join(f"{_id(c)} = 1'b0;" for c in stimulus.clocks),
        )
        lines.append(f"    repeat ({stimulus.reset.cycles}) begin #5; {pulse[0]} #5; {pulse[1]} end")
    lines.append("    #1;")
    return lines


def _tick_lines(stimulus: Stimulus, ticks: tuple[str, ...]) -> list[str]:
    if not ticks:
        return ["    #10;"]
    if stimulus.levels:
        return ["    " + " ".join(f"{_id(c)} = ~{_id(c)};" for c in ticks), "    #10;"]
    high = " ".join(f"{_id(c)} = 1'b1;" for c in ticks)
    low = " ".join(f"{_id(c)} = 1'b0;" for c in ticks)
    return [f"    {high}", "    #5;", f"    {low}", "    #5;"]


def _id(name: str) -> str:
    r"""Return a name as Verilog writes it; names with other characters get the escaped form."""
    if any(c.isspace() for c in name):
        raise InputError(f"expected a port or module name without white space, got {name!r}")
    return name if _PLAIN.fullmatch(name) else f"\\{name} "


def parse_outputs(netlist: Netlist, text: str, steps: int) -> list[dict[str, str]] | None:
    """Return the outputs of each step as the testbench wrote them, or None where lines are missing or malformed."""
    names = [(n, len(p.nets)) for n, p in netlist.ports.items() if p.direction == "output"]
    rows = []
    for line in text.splitlines():
        words = line.split()
        if len(words) != len(names) or any(len(w) != width for w, (_, width) in zip(words, names, strict=True)):
            return None
        rows.append({name: word.lower().replace("z", "x") for (name, _), word in zip(names, words, strict=True)})
    return rows if len(rows) == steps else None
