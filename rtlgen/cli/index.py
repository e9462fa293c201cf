"""`rtlgen index`: make or update the design database of a repository."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

    from rtlgen.graphs.indexing import Indexed, Indexer

MAX_NOTES = 12
MAX_TOPS = 8


@click.command("index")
@click.argument("repository", default=".", type=click.Path(path_type=Path))
@click.option("--top", "tops", multiple=True, metavar="MODULE", help="Top module (repeatable); default: found.")
@click.option("-f", "filelists", multiple=True, metavar="FILE", help="File list of a simulator (repeatable).")
@click.option("--core", metavar="CORE", help="FuseSoC core: a .core file or a core's name.")
@click.option("-I", "include_dirs", multiple=True, metavar="DIR", help="Folder for include files (repeatable).")
@click.option("-D", "defines", multiple=True, metavar="NAME[=VALUE]", help="Macro (repeatable).")
@click.option("--param", "parameters", multiple=True, metavar="NAME=VALUE", help="Top-level parameter (repeatable).")
@click.option("--all-tops", is_flag=True, help="Elaborate every module that no other instantiates, testbenches too.")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Leave files out, as in a .gitignore (repeatable).")
@click.option("--db", "database", type=click.Path(path_type=Path), help="Default REPOSITORY/.rtlgen/graph.db.")
@click.option("--netlist", is_flag=True, help="Add the wires of the synthesized netlist, and what they stand for.")
@click.option("--watch", is_flag=True, help="Stay, and update the database whenever a file changes.")
@click.option("--notes", "all_notes", is_flag=True, help="Show every note, not only the first ones.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON (with --watch one line an update).")
def command(
    repository: Path,
    database: Path | None,
    watch: bool,
    as_json: bool,
    all_notes: bool,
    netlist: bool,
    **values: Any,
) -> int:
    """Make or update the design database of REPOSITORY.

    Sources, include folders, packages and tops are found; file lists (-f), FuseSoC cores (--core) and the other options
    decide where something else is meant. Only what changed is read again. Then ask `rtlgen graph`.
    """
    from rtlgen.core.config import load_settings
    from rtlgen.core.events import EventBus, StopToken
    from rtlgen.display import interruptible, show
    from rtlgen.graphs.indexing import Indexer

    bus = EventBus()
    token = StopToken(bus)
    options = _options(values)
    with Indexer(repository, options, database=database, bus=bus, token=token) as indexer:
        with show(bus, load_settings().display), interruptible(token):
            done = indexer.run()
        _print(done, as_json, all_notes)
        if watch:
            return _watch(indexer, as_json)
    if netlist:
        _add_netlist(Path(done.database))
    return 0


def _add_netlist(database: Path) -> None:
    from rtlgen.cli._netlist import add_netlist

    added = add_netlist(database)
    click.echo(f"netlist: {added.nets:,} named wires, {added.matched:,} stand for signals of the source", err=True)
    for top, reason in added.failures:
        click.echo(f"netlist: {top}: Yosys does not take it: {reason}", err=True)


def _options(values: dict[str, Any]) -> Any:
    from rtlgen.cli._options import pairs
    from rtlgen.graphs.indexing import Options, check_options

    options = Options(
        tops=values["tops"],
        filelists=values["filelists"],
        core=values["core"],
        include_dirs=values["include_dirs"],
        defines=dict(pairs(values["defines"], "-D", need_value=False)),
        parameters=dict(pairs(values["parameters"], "--param", need_value=True)),
        all_tops=values["all_tops"],
        exclude=values["exclude"],
    )
    check_options(options)
    return options


def _watch(indexer: Indexer, as_json: bool) -> int:
    """Update on every change until the user stops."""
    from rtlgen.core.errors import InputError
    from rtlgen.graphs.indexing.watch import changes

    click.echo(f"watching {indexer.root}; Ctrl-C ends", err=True)
    try:
        for paths in changes(indexer.root, indexer.database, indexer.names):
            try:
                done = indexer.run(paths)
            except InputError as error:
                click.echo(f"rtlgen: {error}", err=True)
                continue
            if done.changed or done.removed or done.elaborated:
                _print_update(done, as_json)
    except KeyboardInterrupt:
        return 0
    return 0


def _print_update(done: Indexed, as_json: bool) -> None:
    if as_json:
        click.echo(_json(done, one_line=True))
        return
    click.echo(
        f"{done.changed} changed, {done.removed} gone, {done.bodies_changed} bodies; "
        f"syntax {done.syntax_s * 1000:.0f} ms, design {done.elaborate_s * 1000:.0f} ms"
    )


def _json(done: Indexed, *, one_line: bool = False) -> str:
    import json
    from dataclasses import asdict

    record = asdict(done)
    record["unclean"] = [{"file": path, "reason": reason} for path, reason in done.unclean]
    record["notes"] = [{"file": p, **{k: v for k, v in n._asdict().items() if k not in ("id", "file")}}
                       for p, n in done.notes]  # fmt: skip
    return json.dumps(record) if one_line else json.dumps(record, indent=2)


def _print(done: Indexed, as_json: bool, all_notes: bool) -> None:
    if as_json:
        click.echo(_json(done))
        return
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=True)
    console.print(
        f"{done.files} files, {done.lines:,} lines: {done.changed} parsed, {done.removed} gone; "
        f"{done.files - len(done.unclean)} with a clean tree"
    )
    design = f"{done.bodies} modules elaborated ({done.bodies_changed} changed), {done.instances:,} instances"
    tops = ", ".join(done.tops[:MAX_TOPS]) + (f" and {len(done.tops) - MAX_TOPS} more" * (len(done.tops) > MAX_TOPS))
    console.print(f"tops {escape(tops) or 'none'}: {design}" + ("" if done.elaborated else "; up to date"))
    times = f"{done.wall_s:.2f} s (syntax {done.syntax_s:.2f}, design {done.elaborate_s:.2f})"
    console.print(f"{times}; {escape(done.database)}")
    _print_problems(done, console, all_notes)


def _print_problems(done: Indexed, console: Console, all_notes: bool) -> None:
    from rich.markup import escape

    lines = [f"[yellow]no clean tree[/] {escape(path)}: {escape(reason)}" for path, reason in done.unclean]
    order = {"error": 0, "warning": 1, "note": 2}
    for path, note in sorted(done.notes, key=lambda n: order.get(n[1].severity, 3)):
        place = f"{path}:{note.line}: " if path and note.line else f"{path}: " if path else ""
        colour = {"error": "red", "warning": "yellow"}.get(note.severity, "dim")
        lines.append(f"[{colour}]{note.severity}[/] {escape(place + note.message)}")
    shown = lines if all_notes else lines[:MAX_NOTES]
    for line in shown:
        console.print(line)
    if len(shown) < len(lines):
        console.print(f"… and {len(lines) - len(shown)} more; --notes shows all")
