"""What `rtlgen bench` prints."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from rtlgen.benchmarks.compare import Comparison
    from rtlgen.benchmarks.doctor import Finding
    from rtlgen.benchmarks.report import Figure, Mean, Report


def print_report(made: Report, path: Path) -> None:
    """Print a run: pass@k, how answers ended, what else was found."""
    from rich.console import Console

    from rtlgen.cli._bench_quality import print_quality, print_stages, print_times

    console = Console(file=sys.stdout)
    title = f"{made.config.suite}: {made.passed} of {made.judged} samples pass ({made.config.simulator})"
    console.print(title, highlight=False, markup=False, soft_wrap=True)
    _print_figures(console, made)
    print_stages(console, made)
    for line in _lines(made):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    print_quality(console, made)
    print_times(console, made)
    click.echo(f"results: {path}/report.html, report.json, samples.jsonl, results.jsonl")


def _print_figures(console: Console, made: Report) -> None:
    from rich.table import Table

    table = Table()
    table.add_column("")
    for figure in made.figures:
        table.add_column(f"pass@{figure.k}", justify="right")
    table.add_column("samples", justify="right")
    table.add_row("all", *map(_text, made.figures), str(made.judged))
    if made.not_refuted:
        table.add_row("all, and not refuted", *map(_text, made.not_refuted), str(made.judged))
    for group in made.categories:
        table.add_row(group.name, *map(_text, group.figures), str(group.samples))
    console.print(table)


def _lines(made: Report) -> Iterator[str]:
    stages = sorted(made.stages.items(), key=lambda x: -x[1])
    yield "ended: " + ", ".join(f"{n} {s.replace('_', ' ')}" for s, n in stages)
    if made.unreadable:
        pairs = zip(made.figures, made.if_readable, strict=True)
        bounds = ", ".join(f"pass@{a.k} up to {_percent(b)}" for a, b in pairs)
        yield f"{made.unreadable} answers can't be read by this simulator and count as not passed; if right: {bounds}"
    if made.second:
        x = made.second
        only = f"{x.first_only} pass with {made.config.simulator} only, {x.second_only} with {x.simulator} only"
        yield f"{x.simulator} disagrees on {x.first_only + x.second_only} of {x.both} samples that both judge: {only}"
    yield from map(_score_line, made.scores)
    for need, count in made.not_run.items():
        yield f"not run: {count} problems need {need}"
    if (spent := _spent(made)) is not None:
        yield spent
    flagged = [x.problem for x in made.problems if x.flags]
    if flagged:
        yield f"known to be flawed: {', '.join(flagged)}"


def _score_line(mean: Mean) -> str:
    good = f", {mean.good} good" if mean.good is not None else ""
    missing = f", {mean.missing} without" if mean.missing else ""
    return f"{mean.name}: {mean.value:.4f} ({mean.low:.3f}-{mean.high:.3f}) over {mean.samples} answers{good}{missing}"


def _spent(made: Report) -> str | None:
    """Return what the answers took in tokens and money, None where no answer tells."""
    if made.prompt_tokens is None and made.completion_tokens is None:
        return None
    cached = f" ({made.cached_tokens:,} of them cached)" if made.cached_tokens is not None else ""
    cost = "-" if made.cost_usd is None else f"{made.cost_usd:,.4f} USD"
    return f"tokens: {made.prompt_tokens or 0:,} read{cached}, {made.completion_tokens or 0:,} written; cost: {cost}"


def _percent(figure: Figure) -> str:
    return "-" if figure.value is None else f"{figure.value * 100:.2f} %"


def _text(figure: Figure) -> str:
    if figure.value is None or figure.low is None or figure.high is None:
        return "-"
    return f"{figure.value * 100:.2f} % ({figure.low * 100:.1f}-{figure.high * 100:.1f})"


def advise(simulator: str) -> None:
    """Tell the user of an old Icarus, given as name and version, what it judges differently."""
    name, _, version = simulator.partition(" ")
    if name == "icarus" and int(version.split(".")[0]) < 12:
        click.echo(
            f"{simulator} accepts ports that are declared again, an error in Verilog, and can't read some casts; "
            "`rtlgen doctor --build iverilog` builds 12.0 in some minutes",
            err=True,
        )


def print_findings(found: Sequence[Finding], simulator: str, second: str | None) -> None:
    """Print which references pass, and what is wrong with the others."""
    from rtlgen.benchmarks.doctor import NO_REFERENCE

    good = [f.reference is not None and f.reference.passed for f in found]
    said = f"{sum(good)} of {len(found)} references pass with {simulator}"
    if second is not None:
        also = [f.second is not None and f.second.passed for f in found]
        either = sum(a or b for a, b in zip(good, also, strict=True))
        said += f", {sum(also)} with {second}, {either} with one of the two"
    click.echo(said)
    for f in found:
        status = f.reference.status if f.reference else "not run" if f.needs or f.reason == NO_REFERENCE else "broken"
        if f.needs:
            click.echo(f"  {f.problem:<34} {status:<13} needs {f.needs}")
        elif not f.sound or f.reason or f.known_issues:
            why = "; ".join(x for x in (f.reason, *f.known_issues) if x)
            click.echo(f"  {f.problem:<34} {status:<13} {why}")


def print_comparison(found: Comparison) -> None:
    """Print two runs side by side."""
    k = found.k
    click.echo(f"pass@{k} over {found.problems} problems: {found.before * 100:.2f} % -> {found.after * 100:.2f} %")
    click.echo(f"difference {found.difference * 100:+.2f} points ({found.low * 100:+.1f} to {found.high * 100:+.1f})")
    click.echo(f"better on {found.won}, worse on {found.lost}; sign test p = {found.p_value:.3g}")
    for d in found.differences:
        click.echo(f"  {d.problem:<34} {d.before * 100:6.1f} % -> {d.after * 100:6.1f} %")
