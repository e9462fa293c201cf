"""Answers of the design database for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

if TYPE_CHECKING:
    from rtlgen.graphs.fsm.model import StateMachine
    from rtlgen.graphs.model import Instance
    from rtlgen.graphs.query.answers import (
        Access,
        ConeAnswer,
        ConeEdge,
        Crossing,
        Domain,
        InstanceAnswer,
        Reset,
        Unused,
    )
    from rtlgen.graphs.query.control import ControlFlowAnswer

MAX_ROWS = 200
WIDE = 400


def _console() -> Console:
    """Return a console; what is not a terminal gets lines as long as they are."""
    console = Console(highlight=False, soft_wrap=True)
    return console if console.is_terminal else Console(highlight=False, soft_wrap=True, width=WIDE)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _rows(table: Table, rows: Sequence[Sequence[object]], paths: Sequence[int] = (), texts: Sequence[int] = ()) -> None:
    """Print rows; hierarchical paths in the columns `paths` (and in `texts`) are shown below what they share."""
    console = _console()
    prefix = _common([str(row[i]) for row in rows for i in paths if row[i]])
    if prefix:
        console.print(f"[dim]in {escape(prefix[:-1])}[/]")
    for row in rows[:MAX_ROWS]:
        cells = [str(cell) for cell in row]
        for i in (*paths, *texts):
            cells[i] = cells[i].replace(prefix, "") if prefix else cells[i]
        table.add_row(*(escape(cell) for cell in cells))
    console.print(table)
    if len(rows) > MAX_ROWS:
        console.print(f"… and {len(rows) - MAX_ROWS} more; --json gives all")


def _common(paths: Sequence[str]) -> str:
    """Return the instance path, with its last dot, that all paths begin with."""
    first, last = min(paths, default=""), max(paths, default="")
    length = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    dot = first.rfind(".", 0, length)
    while dot > 0 and first.rfind("\\", 0, dot) > first.rfind(" ", 0, dot):  # inside an escaped name
        dot = first.rfind(".", 0, dot)
    return first[: dot + 1]


def accesses(found: Sequence[Access]) -> None:
    """Print drivers or loads."""
    if not found:
        _console().print("none")
        return
    rows = [(str(a.place), a.signal, a.kind, a.role, a.clock, a.text) for a in found]
    _rows(_table("place", "bits", "by", "as", "clock", "text"), rows, paths=(1, 4), texts=(5,))


def cone(found: ConeAnswer) -> None:
    """Print the bits of a cone by depth."""
    rows = [(bits.depth, bits.kind, bits.path, str(bits.place)) for bits in found.bits]
    _rows(_table("depth", "kind", "bits", "declared"), rows, paths=(2,))
    if not found.complete:
        _console().print("the cone is larger than the limit; --depth narrows it")


def edges(found: Sequence[ConeEdge]) -> None:
    """Print a chain of dependencies."""
    rows = [(e.source, "→", e.target, e.kind, "register" if e.registered else "", str(e.place)) for e in found]
    _rows(_table("from", "", "to", "as", "through", "place"), rows, paths=(0, 2))


def instances(found: Sequence[InstanceAnswer]) -> None:
    """Print instances with their parameters."""
    rows = [(i.path, ", ".join(f"{n}={v}" for n, v in i.parameters.items()), str(i.place)) for i in found]
    if rows:
        _rows(_table("path", "parameters", "place"), rows, paths=(0,))
    else:
        _console().print("none in the elaborated design")


def tree(found: Sequence[tuple[int, Instance]]) -> None:
    """Print a hierarchy."""
    forest = Tree("", hide_root=True)
    branches: dict[int, Tree] = {-1: forest}
    for level, row in found:
        label = f"{escape(row.name)} [dim]{escape(row.definition)}{'' if row.body else ' (not found)'}[/]"
        branches[level] = branches[level - 1].add(label)
    _console().print(forest)


def clocks(domains: Sequence[Domain], crossings: Sequence[Crossing]) -> None:
    """Print clock domains and crossings."""
    rows = [(d.clock, " ".join(d.edges), d.registers, d.blocks, ", ".join(d.derived_from)) for d in domains]
    _rows(_table("clock", "edges", "registers", "blocks", "made from"), rows, paths=(0, 4))
    if not crossings:
        _console().print("no crossings")
        return
    _console().print()
    crossed = [
        (c.source, c.source_clock, c.target, c.target_clock, "yes" if c.synchronized else "no", str(c.place))
        for c in crossings
    ]
    _rows(_table("from", "clock", "to", "clock", "synchronized", "place"), crossed, paths=(0, 1, 2, 3))


def resets(found: Sequence[Reset]) -> None:
    """Print resets."""
    rows = [(r.signal, r.kind, f"active {r.active}", r.registers, r.blocks) for r in found]
    _rows(_table("reset", "kind", "", "registers", "blocks"), rows)


def unused(found: Sequence[Unused]) -> None:
    """Print what is unused or missing."""
    rows = [(u.kind, u.name, u.bits, str(u.place)) for u in found]
    _rows(_table("what", "name", "bits", "place"), rows)


def control_flow(found: Sequence[ControlFlowAnswer]) -> None:
    """Print the statements of blocks with what follows each."""
    console = _console()
    for flow in found:
        block = flow.block
        clock = f" @({block.clock})" if block.clock else ""
        title = f"{block.definition}: {block.kind}{clock} {block.name}  {block.place}"
        console.print(f"[bold]{escape(title)}[/]")
        following: dict[int, list[str]] = {}
        for source, target, label in flow.edges:
            following.setdefault(source, []).append(f"{label + ' ' if label else ''}→ {target}")
        table = _table("#", "kind", "line", "statement", "next")
        for s in flow.statements:
            cells: tuple[Any, ...] = (s.number, s.kind, s.line, s.text, "; ".join(following.get(s.number, [])))
            table.add_row(*(escape(str(c)) for c in cells))
        console.print(table)
        console.print()


def statistics(found: Mapping[str, int]) -> None:
    """Print counts."""
    _rows(_table("what", "number"), [(name.replace("_", " "), f"{count:,}") for name, count in found.items()])


def machines(found: Sequence[StateMachine]) -> None:
    """Print state machines."""
    console = _console()
    if not found:
        console.print("no state machine")
    for machine in found:
        exact = "exact" if machine.exact else f"read off the text ({machine.problem})"
        title = f"{machine.module}.{machine.register}  {machine.file}:{machine.line}"
        console.print(f"[bold]{escape(title)}[/]  {len(machine.states)} states, {machine.style}, {escape(exact)}")
        for reset in machine.resets:
            console.print(escape(f"  reset to {reset.state} ({reset.kind}) {reset.condition}"))
        table = _table("from", "to", "when")
        for t in machine.transitions:
            table.add_row(escape(t.source), escape(t.target or "?"), escape(t.condition))
        console.print(table)
        console.print()


def rows(columns: Sequence[str], found: Sequence[Sequence[object]]) -> None:
    """Print a table of any columns."""
    _rows(_table(*columns), found)
