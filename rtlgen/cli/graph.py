"""`rtlgen graph`: questions to the design database."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rtlgen.cli import _graph_print as show

if TYPE_CHECKING:
    from rtlgen.graphs.database.design import DesignDatabase

Command = Callable[..., Any]


@click.group("graph")
@click.option("--db", "database", type=click.Path(path_type=Path), help="Database or repository; default: found here.")
@click.pass_context
def command(context: click.Context, database: Path | None) -> None:
    """Ask the design database that `rtlgen index` made.

    Signals are named by path, with bits or members where wanted: `top.u_core.state_q[1:0]`, `ibex_alu.operand_a_i`.
    """
    context.obj = database or Path()


def _common(function: Command) -> Command:
    function = click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")(function)
    return click.pass_obj(function)


@contextmanager
def _open(database: Path) -> Iterator[DesignDatabase]:
    import sqlite3
    import zlib

    from rtlgen.core.errors import InputError
    from rtlgen.graphs.database.design import DesignDatabase

    with DesignDatabase.open(database) as design:
        try:
            yield design
        except (sqlite3.DatabaseError, zlib.error) as error:
            raise InputError(f"{design.location}: can't be read: {error}; remove it and index again") from error


def _answer(answer: Any, as_json: bool, printer: Callable[[Any], None]) -> None:
    from rtlgen.graphs.query.answers import to_json

    if as_json:
        click.echo(json.dumps(to_json(answer), indent=2))
    else:
        printer(answer)


@command.command("drivers")
@click.argument("signal")
@_common
def drivers(database: Path, signal: str, as_json: bool) -> None:
    """Show what drives SIGNAL: statements, ports, other names of it."""
    with _open(database) as design:
        _answer(design.drivers(signal), as_json, show.accesses)


@command.command("loads")
@click.argument("signal")
@_common
def loads(database: Path, signal: str, as_json: bool) -> None:
    """Show what reads SIGNAL."""
    with _open(database) as design:
        _answer(design.loads(signal), as_json, show.accesses)


def _cone_options(function: Command) -> Command:
    function = click.option(
        "--clocks", is_flag=True, help="Follow clocks and asynchronous resets too, which reach nearly everything."
    )(function)
    function = click.option("--stop-at-registers", is_flag=True, help="Do not look behind registers.")(function)
    return click.option(
        "--depth", type=click.IntRange(min=1), default=3, show_default=True, help="Blocks to go through."
    )(function)


@command.command("fanin")
@click.argument("signal")
@_cone_options
@_common
def fanin(database: Path, signal: str, depth: int, stop_at_registers: bool, clocks: bool, as_json: bool) -> None:
    """Show the bits that SIGNAL depends on."""
    with _open(database) as design:
        found = design.fanin(signal, depth=depth, through_registers=not stop_at_registers, clocks=clocks)
        _answer(found, as_json, show.cone)


@command.command("fanout")
@click.argument("signal")
@_cone_options
@_common
def fanout(database: Path, signal: str, depth: int, stop_at_registers: bool, clocks: bool, as_json: bool) -> None:
    """Show the bits that depend on SIGNAL."""
    with _open(database) as design:
        found = design.fanout(signal, depth=depth, through_registers=not stop_at_registers, clocks=clocks)
        _answer(found, as_json, show.cone)


@command.command("path")
@click.argument("start")
@click.argument("end")
@click.option("--combinational", is_flag=True, help="Through logic only, not through registers.")
@_common
def path(database: Path, start: str, end: str, combinational: bool, as_json: bool) -> None:
    """Show a shortest chain of dependencies from START to END."""
    with _open(database) as design:
        _answer(design.path(start, end, through_registers=not combinational), as_json, show.edges)


@command.command("instances")
@click.argument("module")
@_common
def instances(database: Path, module: str, as_json: bool) -> None:
    """Show the instances of MODULE with their parameters."""
    with _open(database) as design:
        _answer(design.instances(module), as_json, show.instances)


@command.command("tree")
@click.argument("root", required=False)
@click.option("--depth", type=click.IntRange(min=0), help="Levels to show; default all.")
@_common
def tree(database: Path, root: str | None, depth: int | None, as_json: bool) -> None:
    """Show the hierarchy, or that below ROOT (a path or a module)."""
    with _open(database) as design:
        found = design.tree(root, depth=depth)
        if as_json:
            click.echo(json.dumps([{"level": level, **row._asdict()} for level, row in found], indent=2))
        else:
            show.tree(found)


@command.command("clocks")
@_common
def clocks(database: Path, as_json: bool) -> None:
    """Show clock domains and the crossings between them."""
    with _open(database) as design:
        domains, crossings = design.clocks()
        if as_json:
            from rtlgen.graphs.query.answers import to_json

            click.echo(json.dumps({"domains": to_json(domains), "crossings": to_json(crossings)}, indent=2))
        else:
            show.clocks(domains, crossings)


@command.command("resets")
@_common
def resets(database: Path, as_json: bool) -> None:
    """Show asynchronous and synchronous resets and how much each resets."""
    with _open(database) as design:
        _answer(design.resets(), as_json, show.resets)


@command.command("cfg")
@click.argument("block", metavar="MODULE[.BLOCK]")
@_common
def cfg(database: Path, block: str, as_json: bool) -> None:
    """Show the control flow of a block: MODULE.label, MODULE.signal (that it drives), MODULE:LINE, or all of MODULE."""
    with _open(database) as design:
        _answer(design.control_flow(block), as_json, show.control_flow)


@command.command("unused")
@_common
def unused(database: Path, as_json: bool) -> None:
    """Show signals that nobody reads or drives, and definitions that nobody uses."""
    with _open(database) as design:
        _answer(design.unused(), as_json, show.unused)


@command.command("stats")
@_common
def stats(database: Path, as_json: bool) -> None:
    """Show how much of everything the database holds."""
    with _open(database) as design:
        found = design.statistics()
        if as_json:
            click.echo(json.dumps(found, indent=2))
        else:
            show.statistics(found)


@command.command("fsm")
@click.argument("name", metavar="[MODULE[.REGISTER]]", required=False)
@_common
def fsm(database: Path, name: str | None, as_json: bool) -> None:
    """Show state machines: state register, encoding, transitions with their conditions."""
    from rtlgen.core.config import load_settings
    from rtlgen.core.events import EventBus, JobAdvanced, JobFinished, JobStarted
    from rtlgen.display import show as display

    bus = EventBus()
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        bus.emit(JobAdvanced(job="state machines", done=done))

    with _open(database) as design, display(bus, load_settings().display):
        bus.emit(JobStarted(job="state machines", unit="modules"))
        found = design.state_machines(name, advance=advance)
        bus.emit(JobFinished(job="state machines"))
    if as_json:
        click.echo(json.dumps([machine.to_dict() for machine in found], indent=2))
    else:
        show.machines(found)


_VIEWS = ("cone", "fanout", "hierarchy", "fsm", "cfg")


@command.command("show")
@click.argument("name", metavar="SIGNAL|MODULE", required=False)
@click.option("--format", "form", type=click.Choice(["svg", "dot", "html"]), default="html", show_default=True)
@click.option("--view", type=click.Choice(_VIEWS), help="Default: the fan-in of a signal, the hierarchy of a module.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="File to write; default: standard output.")
@_cone_options
@click.pass_obj
def show_picture(
    database: Path, name: str | None, form: str, view: str | None, out: Path | None, depth: int,
    stop_at_registers: bool, clocks: bool,
) -> None:  # fmt: skip
    """Draw a cone, a hierarchy, a state diagram or the control flow of a block."""
    from rtlgen.graphs.pictures import render

    with _open(database) as design:
        picture = design.picture(name, view=view, depth=depth, through_registers=not stop_at_registers, clocks=clocks)
        text = render(picture, form, f"file://{design.root}/{{file}}#L{{line}}")  # type: ignore[arg-type]
    _write(text, out)


def _write(text: str, out: Path | None) -> None:
    from rtlgen.core.errors import InputError

    if out is None:
        click.echo(text, nl=not text.endswith("\n"))
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{out}: can't be written: {error.strerror or error}") from error
    click.echo(f"{out} written", err=True)


@command.command("text")
@click.argument("module")
@click.option("--view", type=click.Choice(["ast", "cfg", "dfg"]), default="dfg", show_default=True)
@click.option("--tokens", type=click.IntRange(min=1), help="Largest size, in estimated tokens.")
@click.option("--focus", multiple=True, metavar="SIGNAL|LINE", help="What to keep first (repeatable).")
@_common
def text(database: Path, module: str, view: str, tokens: int | None, focus: tuple[str, ...], as_json: bool) -> None:
    """Write the graph of MODULE as compact text, for prompts and training data."""
    with _open(database) as design:
        found = design.encoded(module, view, tokens=tokens, focus=focus)
    if as_json:
        click.echo(json.dumps({"text": found.text, "tokens": found.tokens, "left_out": found.left_out}, indent=2))
        return
    click.echo(found.text, nl=False)
    if found.left_out:
        click.echo("left out: " + ", ".join(f"{count} {what}" for what, count in found.left_out.items()), err=True)


@command.command("cypher")
@click.argument("query")
@click.option("--param", "parameters", multiple=True, metavar="NAME=VALUE", help="Parameter of the query (repeatable).")
@_common
def cypher(database: Path, query: str, parameters: tuple[str, ...], as_json: bool) -> None:
    """Ask in Cypher, by Ladybug (`pip install ladybug`)."""
    from rtlgen.cli._options import pairs
    from rtlgen.graphs.engines.ladybug import run_cypher

    values = dict(pairs(parameters, "--param", need_value=False))
    with _open(database) as design:
        found = run_cypher(design, query, values)
    if as_json:
        records = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
        click.echo(json.dumps(records, indent=2, default=str))
    else:
        show.rows(found.columns, found.rows)
        if not found.complete:
            click.echo("there are more rows; LIMIT or SKIP in the query shows others", err=True)
