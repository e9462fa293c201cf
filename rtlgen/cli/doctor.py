"""`rtlgen doctor`: every tool, and what is missing."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rtlgen.synth.tools import Probe


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option(
    "--build",
    type=click.Choice(["iverilog"]),
    help="Build this tool from its source archive into the user's cache first (Icarus 12.0, some minutes).",
)
@click.option("--url", metavar="URL", help="Where the source archive is; the default is apt's Debian archive.")
@click.pass_context
def command(ctx: click.Context, as_json: bool, build: str | None, url: str | None) -> None:
    """Show every tool, its version, and the command that installs what is missing.

    Exit code 0 where every required tool is there, 1 where one is not.
    """
    from rtlgen.synth.tools import doctor

    if url and not build:
        raise click.UsageError("expected --build with --url")
    if build:
        _build(url)
    probes = doctor()
    ready = all(probe.status == "ok" for probe in probes if probe.required)
    if as_json:
        _print_json(probes, ready)
    else:
        _print_table(probes, ready)
    ctx.exit(0 if ready else 1)


def _build(url: str | None) -> None:
    from rtlgen.core.config import load_settings
    from rtlgen.core.events import EventBus
    from rtlgen.display import show
    from rtlgen.synth.sim.build import build_icarus

    bus = EventBus()
    with show(bus, load_settings().display):
        made = build_icarus(bus, url=url)
    click.echo(f"built {made}", err=True)


def _print_json(probes: Sequence[Probe], ready: bool) -> None:
    from rtlgen.synth.tools import machine

    document = {
        "schema_version": 1,
        "ready": ready,
        "machine": machine(),
        "tools": [dataclasses.asdict(probe) for probe in probes],
    }
    click.echo(json.dumps(document, indent=2, default=str))


def _short(path: Path | None) -> str:
    """Return `path`, relative where it lies in the current folder."""
    if path is None:
        return "-"
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _advice(probe: Probe) -> str:
    """Return the line that says what to do about a tool that is not as it should be."""
    kind = "required" if probe.required else "optional"
    if probe.name == "bwrap" and probe.path:  # installing it again would not help: the kernel or container forbids it
        return f"{probe.name} ({kind}) is {probe.status}: {probe.note}; resource limits are used instead"
    return f"{probe.name} ({kind}) is {probe.status}; install it with:  {probe.install}"


def _print_table(probes: Sequence[Probe], ready: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("tool", "status", "version", "floor", "path", "for"):
        table.add_column(heading, overflow="fold")
    for probe in probes:
        colour = "green" if probe.status == "ok" else "red" if probe.required else "yellow"
        table.add_row(
            probe.name,
            f"[{colour}]{probe.status}[/]",
            probe.version or "-",
            probe.floor + (f" (below {probe.ceiling})" if probe.ceiling else ""),
            _short(probe.path),
            probe.purpose + (f" [dim]({probe.note})[/]" if probe.note else ""),
        )
    # into a file or a pipe, lines stay whole
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 200)
    console.print(table)
    for probe in probes:
        if probe.status != "ok":
            console.print(_advice(probe), soft_wrap=True, markup=False)
    console.print("ready" if ready else "not ready: a required tool is missing", soft_wrap=True)
