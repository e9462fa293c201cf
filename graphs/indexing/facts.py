"""What a file says to the rest of the repository, kept so that an unchanged file need not be parsed again."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
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
_MODULES_ONLY: Final = frozenset(
    {
        "ModuleDeclaration", "InterfaceDeclaration", "PackageDeclaration", "ProgramDeclaration", "UdpDeclaration",
        "PackageImportDeclaration", "EmptyMember", "TimeUnitsDeclaration",
    }
)  # fmt: skip
_REACHES: Final = re.compile(rb"\b(?:bind|defparam)\b")


def is_loose(rows: FileRows, content: bytes) -> bool:
    """Return whether a file declares something outside of modules and packages, or reaches into other modules."""
    if rows.tier != "syntax" or _REACHES.search(content):
        return True
    roots = {node.id for node in rows.nodes if not node.parent}
    return any(node.parent in roots and node.kind not in _MODULES_ONLY for node in rows.nodes)


def to_json(rows: FileRows, context: str, included: Sequence[str]) -> str:
    """Return the facts of a file: definitions, packages, includes, imports, instances, macros, and their context."""
    facts: dict[str, Any] = {name: getattr(rows, name) for name in _LISTS}
    facts["macros"] = dict(rows.macros)
    facts["unknown_macros"] = sorted(rows.unknown_macros)
    facts["loose"] = rows.loose
    facts["context"] = context
    facts["included"] = included
    facts["head"] = [rows.path, rows.sha256, rows.size, rows.lines, rows.tier, rows.errors, rows.problem]
    return json.dumps(facts, separators=(",", ":"))


def from_json(text: str) -> tuple[FileRows, str, tuple[str, ...]]:
    """Return rows with the facts of a file and nothing else, the context they were made in, and what it may include.

    Raises:
        ValueError: the text was not written by `to_json`.
    """
    facts = json.loads(text)
    rows = FileRows(*facts["head"])
    for name, row_type in _LISTS.items():
        setattr(rows, name, [row_type(*row) for row in facts[name]])
    rows.macros = facts["macros"]
    rows.unknown_macros = frozenset(facts["unknown_macros"])
    rows.loose = facts["loose"]
    return rows, facts["context"], tuple(facts["included"])


def of_plan(rows: FileRows) -> object:
    """Return what the plan sees of a file, without positions, to compare two versions of it."""
    return (
        [(d.name, d.kind) for d in rows.definitions],
        [p.name for p in rows.packages],
        [i.name for i in rows.includes],
        sorted({(i.source, i.target) for i in rows.imports}),
        sorted({(i.source, i.target) for i in rows.instantiates}),
        dict(rows.macros),
        rows.unknown_macros,
        rows.tier,
        rows.loose,
    )
