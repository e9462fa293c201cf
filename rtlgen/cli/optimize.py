"""`rtlgen optimize`: a smaller or faster version of a design, as a patch in which every change is proved."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rtlgen.optimizer.run import Optimized, Options


def _pairs(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, _, value in (v.partition("=") for v in values))


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--top", help="Top module; not needed where only one is not instantiated by another.")
@click.option(
    "--objective",
    type=click.Choice(["area", "delay", "power", "area-delay"]),
    default="area",
    show_default=True,
    help="What is made smaller.",
)
@click.option("--budget", type=click.FloatRange(min=1), help="Seconds for the run; default 45, 540 for large designs.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("rtlgen-out"), show_default=True)
@click.option("--apply", "apply_", is_flag=True, help="Replace the input files; the old text is kept as FILE.orig.")
@click.option("--max-delay", type=float, help="Longest allowed critical path in ns.")
@click.option("--max-area", type=float, help="Largest allowed area in um².")
@click.option("--liberty", help="Liberty library (file, gz too, or name of a fetched PDK library).")
@click.option("--clock-ns", type=click.FloatRange(min=0, min_open=True), help="Clock period to map for.")
@click.option("--rule", "rules", multiple=True, help="Use only this rewrite; may be given several times.")
@click.option("-I", "include_dirs", multiple=True, type=click.Path(path_type=Path), help="Folder for include files.")
@click.option("-D", "defines", multiple=True, callback=_pairs, metavar="NAME[=VALUE]", help="Define a macro.")
@click.option(
    "--param", "parameters", multiple=True, callback=_pairs, metavar="NAME=VALUE", help="Set a top parameter."
)
@click.option("--jobs", type=click.IntRange(min=1), help="Evaluations at a time; default from the settings.")
@click.option(
    "--general", is_flag=True, help="Leave out changes that hold for the present parameter values only (guarded else)."
)
@click.option("--seed", type=int, default=0, show_default=True, help="For every random choice.")
@click.option("--model", metavar="PROVIDER:NAME", help="Language model that proposes further rewrites.")
@click.option("--json", "as_json", is_flag=True, help="Print report.json instead of the table.")
def command(files: tuple[Path, ...], as_json: bool, apply_: bool, **values: Any) -> int:
    """Make the design in FILES smaller or faster.

    Writes the patched source, a patch with one group of hunks per change, report.html and report.json to --out. Every
    change is proved equivalent and measured; what is not proved is only listed. Ctrl-C keeps the best result so far.
    """
    from rtlgen.core.config import load_settings
    from rtlgen.core.events import EventBus, StopToken
    from rtlgen.core.types import Design
    from rtlgen.display import interruptible, show
    from rtlgen.optimizer import patch
    from rtlgen.optimizer.run import optimize

    settings = load_settings()
    design = Design(
        files=files,
        top=values["top"],
        include_dirs=values["include_dirs"],
        defines=values["defines"],
        parameters=values["parameters"],
    )
    options = _options(values, settings.jobs, settings.clock_ns, settings.liberty)
    bus = EventBus()
    token = StopToken(bus)
    with show(bus, settings.display), interruptible(token):
        assert options.out is not None
        result = optimize(design, options, bus=bus, token=token)
    if apply_:
        for file, backup in patch.apply_in_place(result.before, result.after.sources):
            click.echo(f"{file} replaced; its old text is {backup}", err=True)
    _print(result, options, as_json)
    return 130 if token.stopped else 0


def _options(values: dict[str, Any], jobs: int, clock_ns: float | None, liberty: Path | None) -> Options:
    from rtlgen.optimizer.goal import Goal
    from rtlgen.optimizer.run import Options

    chosen = values["liberty"] or liberty
    if chosen:
        from rtlgen.synth.pdk import resolve_library

        liberty = resolve_library(str(chosen))
    return Options(
        goal=Goal(values["objective"], values["max_delay"], values["max_area"]),
        budget_s=values["budget"],
        liberty=liberty,
        clock_ns=values["clock_ns"] or clock_ns,
        rules=tuple(values["rules"]),
        workers=values["jobs"] or jobs,
        seed=values["seed"],
        out=values["out"],
        model=values["model"],
        general=values["general"],
    )


def _print(result: Optimized, options: Options, as_json: bool) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from rtlgen.optimizer.report import table_rows

    report = result.report
    if as_json:
        click.echo(report.model_dump_json(indent=1))
        return
    console = Console(file=sys.stdout)
    table = Table(title=f"{report.top}: {len(report.changes)} changes for {report.objective}", title_justify="left")
    for name in ("", "before", "after", "change"):
        table.add_column(name, justify="left" if not name else "right")
    for row in table_rows(report):
        table.add_row(*map(escape, row))
    console.print(table)
    for change in report.changes:
        titles = " + ".join(change.titles)
        console.print(
            f"  {change.number}. {titles}: {change.gain_percent:.2f} % ({change.proof_method})"
            + (f"; {', '.join(change.modules)} now refuses other parameter values" if change.guarded else ""),
            highlight=False,
            markup=False,
        )
    proof = report.final_proof_status
    console.print(f"proof of the whole: {proof} ({report.final_proof_method})", highlight=False, markup=False)
    second = f"second engine ({report.second_engine_method}): {report.second_engine_status}"
    reason = f": {report.second_engine_reason}" if report.second_engine_reason else ""
    console.print(second + reason, highlight=False, markup=False)
    for message in report.messages:
        console.print(f"constraint not met: {message}", style="red", highlight=False, markup=False)
    console.print(f"measured by {report.basis}", highlight=False, markup=False)
    console.print(
        f"results: {options.out}/optimized.patch, report.html, report.json, src/", highlight=False, markup=False
    )
