"""`rtlgen pdk`: which cell libraries have a name, and fetching those of open PDKs."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.group()
def command() -> None:
    """List and fetch open cell libraries.

    Every name that is listed with a path can be given to --liberty.
    """


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def list_(as_json: bool) -> None:
    """Show the libraries that are here and the PDKs that can be fetched."""
    from rtlgen.synth.pdk import entries

    rows: list[dict[str, str | None]] = [
        {
            "name": e.name,
            "status": e.status,
            "path": str(e.path) if e.path else None,
            "version": e.version,
            "title": e.title,
        }
        for e in entries()
    ]
    if as_json:
        click.echo(json.dumps({"schema_version": 1, "libraries": rows}, indent=2))
        return
    _print_table(rows)


def _print_table(rows: list[dict[str, str | None]]) -> None:
    widths = [max(len(row[key] or "") for row in rows) for key in ("name", "status", "title")]
    for row in rows:
        name, status, title = (
            (row[key] or "").ljust(width) for key, width in zip(("name", "status", "title"), widths, strict=True)
        )
        where = row["path"] or f"run: rtlgen pdk fetch {row['name']}"
        click.echo(f"{name}  {status}  {title}  {where}")


@command.command()
@click.argument("name")
@click.option(
    "--dir", "root", type=click.Path(file_okay=False, path_type=Path), help="PDK root; default is PDK_ROOT or ~/.ciel."
)
@click.option("--version", help="Commit hash of the PDK; default is what is there, else the newest.")
def fetch(name: str, root: Path | None, version: str | None) -> None:
    """Fetch PDK NAME (sky130, gf180 or ihp) and print the path of its Liberty file."""
    from rtlgen.synth.pdk import fetch as fetch_pdk

    entry = fetch_pdk(name, root=root, version=version, say=lambda line: click.echo(line, err=True))
    click.echo(f"give this to --liberty: {entry.name}", err=True)
    click.echo(str(entry.path))
