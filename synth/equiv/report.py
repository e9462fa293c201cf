"""What a user gets to see of a verdict: text, and a folder with the counterexample."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from rtlgen.core.errors import InputError
from rtlgen.core.types import Counterexample, Design, EquivalenceResult

_SHOWN = 40
_RUN = """#!/bin/sh
# Runs the counterexample on both designs; exit code 1 when their outputs differ.
set -eu
cd "$(dirname "$0")"
run() {{
    side=$1
    shift
    iverilog -g2012 -s rtlgen_testbench -o "$side.vvp" "$@" -DRTLGEN_OUTPUT="\\"$side.txt\\"" \\
        -DRTLGEN_VCD="\\"$side.vcd\\"" {options}testbench.v "$side"/*
    vvp -n "$side.vvp" > "$side.log"
}}
run gold
run gate -DRTLGEN_GATE
echo "outputs of each step ({columns}), < gold > gate:"
diff gold.txt gate.txt
"""


def render(result: EquivalenceResult) -> str:
    """Return the verdict as text, with the counterexample's table."""
    how = f" by {result.method}" if result.method != "none" else ""
    bound = f", {result.bound} cycles from reset" if result.status == "bounded" else ""
    lines = [f"{result.status}{how}{bound} ({result.wall_s:.2f} s)"]
    if result.reason:
        lines.append(result.reason)
    if result.counterexample:
        lines += ["", table(result.counterexample)]
    return "\n".join(lines)


def table(example: Counterexample) -> str:
    """Return inputs and both designs' outputs, a row a step; a step with a difference is marked."""
    inputs = list(example.inputs[0])
    outputs = list(example.gold[0])
    head = ["step", *inputs, *(f"{n} gold" for n in outputs), *(f"{n} gate" for n in outputs), ""]
    rows = [head]
    first = max(0, len(example.inputs) - _SHOWN)
    for step in range(first, len(example.inputs)):
        gold, gate = example.gold[step], example.gate[step]
        mark = (
            "<- " + ", ".join(n for n in outputs if _differ(gold[n], gate[n]))
            if step == len(example.inputs) - 1
            else ""
        )
        rows.append([str(step), *(example.inputs[step][n] for n in inputs), *(gold[n] for n in outputs),
                     *(gate[n] for n in outputs), mark])  # fmt: skip
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    if first:
        lines.insert(1, f"... {first} steps before, see the waveform")
    return "\n".join(lines)


def _differ(gold: str, gate: str) -> bool:
    return any(a != "x" and a != b for a, b in zip(gold, gate, strict=True))


def make_folder(folder: Path) -> None:
    """Make sure that results can be written.

    Raises:
        InputError: the folder can't be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".rtlgen-probe"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        raise InputError(f"expected a writable output folder, got {str(folder)!r}: {error.strerror}") from error


def write_folder(folder: Path, result: EquivalenceResult, gold: Design, gate: Design) -> None:
    """Write `result.json` and, for a counterexample, table, waveform, testbench, both sources and `run.sh`.

    Raises:
        InputError: the folder can't be written.
    """
    try:
        (folder / "result.json").write_text(result.model_dump_json(indent=2) + "\n")
        if result.counterexample:
            _write_example(folder, result.counterexample, gold, gate)
    except OSError as error:
        raise InputError(f"can't write to {str(folder)!r}: {error.strerror}") from error


def _write_example(folder: Path, example: Counterexample, gold: Design, gate: Design) -> None:
    (folder / "counterexample.txt").write_text(table(example) + "\n")
    (folder / "counterexample.vcd").write_text(example.vcd or "")
    (folder / "testbench.v").write_text(example.testbench or "")
    script = folder / "run.sh"
    script.write_text(_script(folder, example, {"gold": gold, "gate": gate}))
    script.chmod(0o755)


def _script(folder: Path, example: Counterexample, sides: Mapping[str, Design]) -> str:
    for side, design in sides.items():
        target = folder / side
        target.mkdir(exist_ok=True)
        for index, file in enumerate(design.files):
            shutil.copyfile(file, target / f"{index}_{file.name}")
    options = [f"-I{folder.resolve()}" for folder in {f.resolve().parent for d in sides.values() for f in d.files}]
    options += [f"-I{d.resolve()}" for d in sides["gold"].include_dirs]
    options += [f"-D{n}={v}" if v else f"-D{n}" for n, v in sides["gold"].defines]
    columns = " ".join(example.gold[0])
    return _RUN.format(options="".join(_quote(o) + " " for o in options), columns=columns)


def _quote(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
