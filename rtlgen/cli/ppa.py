"""`rtlgen ppa`: area, timing and power of a design, or two designs side by side."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rtlgen.cli._options import pairs

if TYPE_CHECKING:
    from rtlgen.core.types import Design
    from rtlgen.synth.ppa import SynthesisReport
    from rtlgen.synth.ppa.render import Table

_HELP = """Measure area, timing and power of a design.

FILES are the Verilog or SystemVerilog files of one design. Two designs are compared when --vs names the files of the
second, or when exactly two FILES define a module of the same name, which they could not do in one design.
"""
_MODULE = re.compile(rb"^\s*(?:module|macromodule)\s+(?:automatic\s+|static\s+)?(\w+)", re.MULTILINE)


@click.command("ppa", help=_HELP)
@click.argument("files", nargs=-1, required=True, metavar="FILES...", type=click.Path(path_type=Path))
@click.option("--top", help="Module to measure; may be left out where only one can be the top.")
@click.option(
    "--vs",
    "vs_files",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="File of the design to compare with (repeatable).",
)
@click.option("--vs-top", help="Its module, where the names differ.")
@click.option(
    "--liberty",
    metavar="LIB",
    type=click.Path(path_type=Path),
    help="Liberty library, .lib or .lib.gz; the default is the setting, else the one that ships with rtlgen.",
)
@click.option(
    "--clock-ns",
    type=click.FloatRange(min=0, min_open=True),
    metavar="N",
    help="Clock period: target of mapping, and for slack and power.",
)
@click.option("--vcd", type=click.Path(path_type=Path), metavar="FILE", help="Simulation of the design, for its power.")
@click.option("--saif", type=click.Path(path_type=Path), metavar="FILE", help="Switching statistics, for its power.")
@click.option("-I", "include_dirs", multiple=True, metavar="DIR", help="Folder for include files (repeatable).")
@click.option("-D", "defines", multiple=True, metavar="NAME[=VALUE]", help="Macro (repeatable).")
@click.option("--param", "parameters", multiple=True, metavar="NAME=VALUE", help="Top-level parameter (repeatable).")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def command(
    files: tuple[Path, ...], top: str | None, vs_files: tuple[Path, ...], vs_top: str | None, liberty: Path | None,
    clock_ns: float | None, vcd: Path | None, saif: Path | None, include_dirs: tuple[str, ...],
    defines: tuple[str, ...], parameters: tuple[str, ...], as_json: bool,
) -> int:  # fmt: skip
    """Measure and print."""
    if vcd and saif:
        raise click.UsageError("expected one of --vcd and --saif, got both")
    first, second = _sides(files, vs_files)
    options = {
        "include_dirs": tuple(Path(folder) for folder in include_dirs),
        "defines": pairs(defines, "-D", need_value=False),
        "parameters": pairs(parameters, "--param", need_value=True),
    }
    designs = [_design(first, top, options)] + ([_design(second, vs_top or top, options)] if second else [])
    if len(designs) == 2 and (vcd or saif):
        raise click.UsageError("expected one design with --vcd or --saif, got two; measure them one by one")
    reports = _measure(designs, liberty, clock_ns, vcd or saif)
    click.echo(_as_json(reports), nl=True) if as_json else _show(reports)
    return 0


def _sides(files: tuple[Path, ...], vs_files: tuple[Path, ...]) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Return the files of the first and of the second design, the latter empty where there is one design."""
    if vs_files:
        return files, vs_files
    if len(files) == 2 and _modules(files[0]) & _modules(files[1]):
        return files[:1], files[1:]
    return files, ()


def _modules(file: Path) -> set[bytes]:
    """Return the names of the modules in a file; none where it can't be read, which is reported later."""
    try:
        text = file.read_bytes()[: 64 << 20]
    except OSError:
        return set()
    return set(_MODULE.findall(re.sub(rb"//[^\n]*|/\*.*?\*/", b" ", text, flags=re.DOTALL)))


def _design(files: Sequence[Path], top: str | None, options: dict[str, Any]) -> Design:
    from rtlgen.core.types import Design

    return Design.model_validate({"files": tuple(files), "top": top, **options})


def _measure(
    designs: Sequence[Design], liberty: Path | None, clock_ns: float | None, activity: Path | None
) -> list[SynthesisReport]:
    from rtlgen.core.config import load_settings
    from rtlgen.synth.flow.libfile import working_library
    from rtlgen.synth.flow.script import preload_commands
    from rtlgen.synth.liberty import read_library
    from rtlgen.synth.ppa import measure
    from rtlgen.synth.yosys import YosysPool

    settings = load_settings()
    library = read_library(liberty or settings.liberty)
    files = working_library(library, settings.cache_dir)
    clock = clock_ns or settings.clock_ns
    with YosysPool(2, preload=preload_commands(files.scl)) as pool:
        return [measure(design, library, clock_ns=clock, activity=activity, pool=pool) for design in designs]


def _as_json(reports: Sequence[SynthesisReport]) -> str:
    if len(reports) == 1:
        return reports[0].model_dump_json(indent=2)
    first, second = reports
    ratio = second.ppa.ratio(first.ppa) if second.ppa.basis == first.ppa.basis else None
    both = {"first": first.model_dump(mode="json"), "second": second.model_dump(mode="json"), "ratio": ratio}
    return json.dumps(both, indent=2)


def _show(reports: Sequence[SynthesisReport]) -> None:
    """Print the tables on standard output and the warnings on standard error."""
    from rtlgen.synth.ppa.render import comparison, plain, tables

    found = tables(reports[0]) if len(reports) == 1 else [comparison(*reports)]
    for report in reports:
        for warning in report.warnings:
            click.echo(f"rtlgen: {warning}", err=True)
    if sys.stdout.isatty():
        _rich(found)
    else:
        click.echo(plain(found))


def _rich(found: Sequence[Table]) -> None:
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    console = Console()
    for table in found:
        shown = RichTable(title=Text(table.title), title_justify="left", caption_justify="left")
        shown.caption = Text(table.note) if table.note else None
        for index, column in enumerate(table.columns):
            shown.add_column(column, justify="left" if index == 0 or column in table.texts else "right")
        for row in table.rows:
            shown.add_row(*(Text(cell) for cell in row))
        console.print(shown)
