"""`rtlgen equiv`: prove two designs equivalent, or show where they differ."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rtlgen.cli._options import pairs

if TYPE_CHECKING:
    from rtlgen.core.types import Design

_HELP = """Prove that GATE matches GOLD wherever GOLD gives a defined value, from reset on.

GOLD and GATE are Verilog or SystemVerilog files; several files of one design are joined by commas, or given by
repeated --gold and --gate. Exit code: 0 proved, 1 refuted, bounded or unknown, 2 bad input.
"""


@click.command("equiv", help=_HELP)
@click.argument("designs", nargs=-1, metavar="GOLD GATE")
@click.option("--gold", "gold_files", multiple=True, metavar="FILE", help="File of the old design (repeatable).")
@click.option("--gate", "gate_files", multiple=True, metavar="FILE", help="File of the new design (repeatable).")
@click.option("--top", help="Module to compare; may be left out where a design has one top.")
@click.option("--gold-top", help="Its name in GOLD, where the names differ.")
@click.option("--gate-top", help="Its name in GATE, where the names differ.")
@click.option(
    "--bound",
    type=click.IntRange(min=1),
    metavar="N",
    help="Search at least N cycles from reset; without a proof, the result is then 'bounded'.",
)
@click.option(
    "--reset",
    metavar="NAME[=0|1][:CYCLES]",
    help="Reset input, its active level and how long it is held; found by itself where not given.",
)
@click.option(
    "--budget",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="Time for everything.",
)
@click.option("--jobs", type=click.IntRange(min=1), default=2, show_default=True, help="Proof processes at once.")
@click.option(
    "--param",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="Top-level parameter, the same on both sides (repeatable).",
)
@click.option("-I", "include_dirs", multiple=True, metavar="DIR", help="Folder for include files (repeatable).")
@click.option("-D", "defines", multiple=True, metavar="NAME[=VALUE]", help="Macro (repeatable).")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder for the result, and for a counterexample's table, waveform and testbench.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(
    designs: tuple[str, ...], gold_files: tuple[str, ...], gate_files: tuple[str, ...], top: str | None,
    gold_top: str | None, gate_top: str | None, bound: int | None, reset: str | None, budget: float, jobs: int,
    parameters: tuple[str, ...], include_dirs: tuple[str, ...], defines: tuple[str, ...], out: Path | None,
    as_json: bool,
) -> int:  # fmt: skip
    """Run the check and print its verdict."""
    from rtlgen.synth.equiv import check_equivalence
    from rtlgen.synth.equiv.report import make_folder, render, write_folder

    gold, gate = _sides(designs, gold_files, gate_files)
    options = {
        "include_dirs": tuple(Path(d) for d in include_dirs),
        "defines": pairs(defines, "-D", need_value=False),
        "parameters": pairs(parameters, "--param", need_value=True),
    }
    left, right = _design(gold, gold_top or top, options), _design(gate, gate_top or top, options)
    if out:
        make_folder(out)
    result = check_equivalence(left, right, budget_s=budget, bound=bound, reset=reset, jobs=jobs)
    if out:
        write_folder(out, result, left, right)
    click.echo(result.model_dump_json(indent=2) if as_json else render(result))
    return 0 if result.status == "proved" else 1


def _sides(
    designs: tuple[str, ...], gold_files: tuple[str, ...], gate_files: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the files of both sides, from the two arguments or from the options."""
    if len(designs) == 2 and not gold_files and not gate_files:
        return tuple(designs[0].split(",")), tuple(designs[1].split(","))
    if not designs and gold_files and gate_files:
        return gold_files, gate_files
    raise click.UsageError(
        f"expected two designs, as GOLD GATE or as --gold FILE … --gate FILE …, got {len(designs)} arguments, "
        f"{len(gold_files)} --gold and {len(gate_files)} --gate"
    )


def _design(files: tuple[str, ...], top: str | None, options: Mapping[str, object]) -> Design:
    from rtlgen.core.types import Design

    return Design.model_validate({"files": tuple(Path(f) for f in files), "top": top, **options})
