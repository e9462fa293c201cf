"""The instances of a design."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from rtlgen.graphs import model
from rtlgen.graphs.query.answers import InstanceAnswer

if TYPE_CHECKING:
    from rtlgen.graphs.database.design import DesignDatabase


def instances(design: DesignDatabase, definition: str) -> list[InstanceAnswer]:
    """Return the instances of a module, interface or program, in order of the hierarchy."""
    rows = design.rows(model.Instance, "definition = ? ORDER BY id", (definition,))
    return [answer(design, row) for row in rows]


def answer(design: DesignDatabase, row: model.Instance) -> InstanceAnswer:
    """Return an instance with its parameters and the number of instances right below it."""
    parameters = {}
    if row.body:
        parameters = json.loads(design.mirror.body(row.body).body.parameters)
    below = sum(1 for _ in design.rows(model.Instance, "parent = ?", (row.id,)))
    return InstanceAnswer(row.path, row.definition, parameters, design.place(row.file, row.line), below)


def tree(
    design: DesignDatabase, root: model.Instance | None = None, *, depth: int | None = None
) -> list[tuple[int, model.Instance]]:
    """Return (level, instance) below `root` (or the tops of the design), each before what it holds.

    Modules that nothing instantiates are elaborated beside the tops; they are left out unless they are the root.
    """
    rows = design.rows(model.Instance, "id > 0 ORDER BY id")
    return arranged(rows, root, depth=depth, tops=design.note("tops") or ())


def arranged(
    rows: Iterable[model.Instance],
    root: model.Instance | None = None,
    *,
    depth: int | None = None,
    tops: Collection[str] = (),
) -> list[tuple[int, model.Instance]]:
    """Return (level, instance) below `root` (or `tops`, or all) of instances in order of their number."""
    children: dict[int, list[model.Instance]] = {}
    for row in rows:
        children.setdefault(row.parent, []).append(row)
    found: list[tuple[int, model.Instance]] = []
    roots = [r for r in children.get(0, []) if not tops or r.name in tops]
    waiting = [(0, r) for r in reversed([root] if root is not None else roots)]
    while waiting:
        level, row = waiting.pop()
        found.append((level, row))
        if depth is None or level < depth:
            waiting.extend((level + 1, child) for child in reversed(children.get(row.id, [])))
    return found


def statistics(design: DesignDatabase) -> dict[str, int]:
    """Return how much of everything the database holds."""
    from rtlgen.graphs.database.schema import EDGES, NODES, table

    counts = {table(row_type): design.count(row_type) for row_type in (*NODES, *EDGES)}
    counts["lines"] = sum(f.lines for f in design.rows(model.File))
    counts["bits"] = sum(s.width for s in design.rows(model.Signal, "kind IN ('net', 'variable')"))
    counts["clean_files"] = sum(1 for f in design.rows(model.File, "tier != 'none' AND errors = 0"))
    return counts
