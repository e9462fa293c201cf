"""Runs a counterexample on both designs' own sources in Icarus; what that does not show is not reported."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rtlgen.core.types import Counterexample
from rtlgen.sandbox import Limits, run
from rtlgen.synth.equiv.lower import Source
from rtlgen.synth.equiv.netlist import Netlist
from rtlgen.synth.equiv.stimulus import Stimulus, parse_outputs, testbench
from rtlgen.synth.equiv.vcd import write_vcd
from rtlgen.synth.tools import find_tool

_TESTBENCH = "rtlgen_testbench.v"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What the simulator showed.

    Attributes:
        counterexample: the difference, cut at the step that shows it; None where it was not shown.
        reason: why not.
    """

    counterexample: Counterexample | None
    reason: str = ""


def confirm(
    gold: tuple[Source, Netlist],
    gate: tuple[Source, Netlist],
    stimulus: Stimulus,
    claimed: Sequence[str],
    wall_s: float,
) -> Confirmation:
    """Return the counterexample if Icarus, on the sources, shows gold known and gate different.

    Args:
        gold: old design.
        gate: new design.
        stimulus: what to apply.
        claimed: output bits `port[bit]` that are said to differ in the last step.
        wall_s: seconds for each simulation.
    """
    rows = []
    text = testbench(gold[1], (gold[1].top, gate[1].top), stimulus, gold[0].parameters)
    for side, (source, netlist) in (("gold", gold), ("gate", gate)):
        found = simulate(source, netlist, text, len(stimulus.steps), wall_s, gate=side == "gate")
        if isinstance(found, str):
            return Confirmation(None, f"a difference was found but not confirmed by simulation: {side}: {found}")
        rows.append(found)
    hit = _first_difference(rows[0], rows[1], claimed)
    if hit is None:
        last = f"{rows[0][-1]} and {rows[1][-1]}"
        return Confirmation(
            None,
            f"a difference on {', '.join(claimed[:4])} was found, but event-driven simulation of the sources "
            f"shows {last}",
        )
    step, output = hit
    inputs = tuple(dict(s.inputs) for s in stimulus.steps[: step + 1])
    before, after = tuple(rows[0][: step + 1]), tuple(rows[1][: step + 1])
    return Confirmation(Counterexample(
        inputs=inputs, gold=before, gate=after, output=output, resimulated=True,
        vcd=write_vcd(inputs, before, after), testbench=text,
    ))  # fmt: skip


def simulate(
    source: Source, netlist: Netlist, text: str, steps: int, wall_s: float, *, gate: bool
) -> list[dict[str, str]] | str:
    """Return the outputs of each step, or in words why there are none.

    Args:
        source: the design.
        netlist: its netlist, for the ports.
        text: the testbench.
        steps: how many steps it has.
        wall_s: seconds for compiling and for running.
        gate: whether the testbench is to run the new design.
    """
    iverilog, vvp = find_tool("iverilog"), find_tool("vvp")
    limits = Limits(wall_s=wall_s, cpu_s=wall_s)
    with tempfile.TemporaryDirectory(prefix="rtlgen-equiv-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        for file, content in source.files.items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text(content)
        (folder / _TESTBENCH).write_text(text)
        output = f"outputs-{secrets.token_hex(16)}.txt"  # a name that no source can know
        built = run(
            [str(iverilog.path), *_arguments(source, output, gate)], cwd=folder, limits=limits,
            readable=source.include_dirs,
        )  # fmt: skip
        if built.ended_by != "exit" or built.exit_code != 0:
            return f"Icarus can't compile it: {_first_line(built.stderr or built.stdout)}"
        ran = run([str(vvp.path), "-n", "rtlgen.vvp"], cwd=folder, limits=limits, readable=source.include_dirs)
        if ran.ended_by != "exit" or ran.exit_code != 0:
            return f"simulation ended by {ran.ended_by}: {_first_line(ran.stderr or ran.stdout)}"
        path = folder / output
        rows = parse_outputs(netlist, path.read_text(), steps) if path.exists() else None
        return "simulation did not reach the end of the stimulus" if rows is None else rows


def _arguments(source: Source, output: str, gate: bool) -> list[str]:
    """Return Icarus' arguments; the testbench comes first, before any macro of the sources."""
    arguments = ["-g2012", "-s", "rtlgen_testbench", "-o", "rtlgen.vvp", f'-DRTLGEN_OUTPUT="{output}"']
    arguments += ["-DRTLGEN_GATE"] * gate
    arguments += [f"-I{d}" for d in source.include_dirs]
    arguments += [f"-D{n}={v}" if v else f"-D{n}" for n, v in source.defines]
    return [*arguments, _TESTBENCH, *source.files]


def _first_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[0][:300] if lines else "no message"


def _first_difference(
    gold: list[dict[str, str]], gate: list[dict[str, str]], claimed: Sequence[str]
) -> tuple[int, str] | None:
    """Return step and port of the first difference that counts.

    A known bit against another known one counts anywhere. An X of gate against a known bit counts only where the
    proof engine said that the real value differs: elsewhere it may be the simulator's pessimism.
    """
    last = len(gold) - 1
    for step, (left, right) in enumerate(zip(gold, gate, strict=True)):
        for name, word in left.items():
            other = right[name]
            for i in range(len(word)):
                a, b = word[-1 - i], other[-1 - i]
                if a == "x" or a == b:
                    continue
                if b != "x" or (step == last and f"{name}[{i}]" in claimed):
                    return step, name
    return None
