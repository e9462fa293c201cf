"""What a file says to the rest of the repository, kept so that an unchanged file need not be parsed again."""

from __future__ import annotations

import json
from typing import Any, Final

from rtlgen.graphs import model
from rtlgen.graphs.rows import FileRows

_LISTS: Final[dict[str, Any]] = {
    "definitions": model.Definition,
    "packages": model.Package,
    "includes": model.Includes,
    "imports": model.Imports,
    "instantiates": model.Instantiates,
}


def to_json(rows: FileRows) -> str:
    """Return the facts of a file: definitions, packages, includes, imports, instances and macros."""
    facts: dict[str, Any] = {name: getattr(rows, name) for name in _LISTS}
    facts["macros"] = dict(rows.macros)
    facts["unknown_macros"] = sorted(rows.unknown_macros)
    facts["head"] = [rows.path, rows.sha256, rows.size, rows.lines, rows.tier, rows.errors, rows.problem]
    return json.dumps(facts, separators=(",", ":"))


def from_json(text: str) -> FileRows:
    """Return rows with the facts of a file and nothing else.

    Raises:
        ValueError: the text was not written by `to_json`.
    """
    facts = json.loads(text)
    rows = FileRows(*facts["head"])
    for name, row_type in _LISTS.items():
        setattr(rows, name, [row_type(*row) for row in facts[name]])
    rows.macros = facts["macros"]
    rows.unknown_macros = frozenset(facts["unknown_macros"])
    return rows
