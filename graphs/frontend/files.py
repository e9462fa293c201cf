"""One file, by whichever front end understands it best."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from rtlgen.graphs import model
from rtlgen.graphs.frontend.guard import unreadable
from rtlgen.graphs.frontend.protocol import FRONT_ENDS, Context, Parsed

_NUMBERED: Final = ("definitions", "packages", "nodes", "chunks", "comments", "diagnoses")


def parse_file(path: str, content: bytes, context: Context) -> Parsed:
    """Return the rows of a file, from the best of its trees; nothing is raised, whatever the bytes are.

    slang's tree counts where it has no syntax error. Where it has, or slang may not be given the text, tree-sitter's
    tree counts if it has none. Where both have errors, the tree that lost less of the code counts: lost is every byte
    that is part of no construct (what slang skipped, what lies directly in an ERROR node), because that is what nobody
    will find again; of two equal ones slang's, whose kinds and positions are exact.

    `errors` and `problem` of the rows are those of the tree that counts. Unknown macros, includes and messages are
    slang's where it read the text.
    """
    first = FRONT_ENDS.load("syntax").parse(path, content, context)
    if (first.rows.tier == "syntax" and not first.rows.errors) or unreadable(content):
        return first
    second = FRONT_ENDS.load("text").parse(path, content, context)
    if first.rows.tier == "none":
        return _instead_of(first, second)
    if second.rows.tier == "none" or (second.rows.errors and second.lost >= first.lost):
        return first
    return _instead_of(first, second)


def _instead_of(first: Parsed, second: Parsed) -> Parsed:
    """Return tree-sitter's rows with what slang knows better."""
    rows = second.rows
    used = max((row.id for part in _NUMBERED for row in getattr(rows, part)), default=0)
    if first.rows.tier == "none":
        why = first.rows.problem
        told = model.Diagnosis(used + 1, 0, 1, 1, "warning", "NotReadBySlang", why, "syntax")
        problem = "; ".join(p for p in (why, rows.problem) if p) if rows.errors or rows.tier == "none" else ""
        return replace(second, rows=replace(rows, problem=problem, diagnoses=[told, *rows.diagnoses]))
    kept = [d._replace(id=used + n) for n, d in enumerate(first.rows.diagnoses, 1)]
    return replace(
        second,
        rows=replace(
            rows,
            diagnoses=kept,
            includes=first.rows.includes,
            unknown_macros=first.rows.unknown_macros,
        ),
        includes_read=first.includes_read,
    )
