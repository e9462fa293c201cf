"""SQLite tables of the design database, made from the vocabulary in `rtlgen.graphs.model`."""

from __future__ import annotations

from functools import cache
from typing import Any, Final, get_type_hints

from rtlgen.graphs import model

VERSION: Final = 1
"""Raised when a stored database can't be read any more by this code, or would be made otherwise by it."""

NODES: Final = (
    model.File, model.Definition, model.Package, model.AstNode, model.Chunk, model.Comment, model.Body, model.Instance,
    model.Port, model.Signal, model.Block, model.Statement, model.Net, model.Diagnosis,
)  # fmt: skip
EDGES: Final = (
    model.Includes, model.Imports, model.Instantiates, model.Describes, model.Drives, model.Reads, model.Flows,
    model.PortBind, model.Next, model.Corresponds,
)  # fmt: skip
_NAMES: Final[dict[type, str]] = {model.AstNode: "ast_node", model.PortBind: "port_bind"}
_ELSEWHERE: Final = {(model.Chunk, "text")}
"""The text of a chunk is cut from the stored source of its file."""

_INDEXES: Final = (
    "CREATE UNIQUE INDEX file_path ON file(path)",
    "CREATE INDEX definition_name ON definition(name)",
    "CREATE INDEX instance_path ON instance(path)",
    "CREATE INDEX instance_parent ON instance(parent)",
    "CREATE INDEX instance_body ON instance(body)",
    "CREATE INDEX instance_definition ON instance(definition)",
    "CREATE INDEX body_definition ON body(definition)",
    "CREATE INDEX signal_name ON signal(name)",
    "CREATE INDEX signal_pseudo ON signal(kind) WHERE kind IN ('member', 'remote')",
    "CREATE INDEX imports_target ON imports(target)",
    "CREATE INDEX instantiates_target ON instantiates(target)",
)
_OTHER: Final = (
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE source(file INTEGER PRIMARY KEY, context TEXT NOT NULL, facts TEXT NOT NULL, content BLOB NOT NULL)",
    "CREATE TABLE body_key(body INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, inputs TEXT NOT NULL)",
    "CREATE VIRTUAL TABLE chunk_text USING fts5(name, text, tokenize=\"unicode61 tokenchars '_$'\")",
)


def table(row_type: type) -> str:
    """Return the name of the table that holds rows of a type."""
    return _NAMES.get(row_type, row_type.__name__.lower())


@cache
def columns(row_type: Any) -> tuple[str, ...]:
    """Return the stored columns of a row type; edges have a leading `id` of their own."""
    own = tuple(name for name in row_type._fields if (row_type, name) not in _ELSEWHERE)
    return own if row_type in NODES else ("id", *own)


def statements() -> list[str]:
    """Return the statements that make an empty database."""
    tables = []
    for row_type in (*NODES, *EDGES):
        hints = get_type_hints(row_type)
        parts = [_column(name, hints.get(name, int)) for name in columns(row_type)]
        tables.append(f'CREATE TABLE "{table(row_type)}"({", ".join(parts)})')
    return [*tables, *_INDEXES, *_OTHER]


@cache
def insert(row_type: type) -> str:
    """Return the statement that inserts a row."""
    names = columns(row_type)
    quoted = ", ".join(f'"{n}"' for n in names)
    return f'INSERT INTO "{table(row_type)}"({quoted}) VALUES ({", ".join("?" * len(names))})'


def select(row_type: Any, where: str = "") -> str:
    """Return the statement that reads rows, in the order of the type's fields (text of chunks empty)."""
    names = ", ".join(f'"{n}"' if (row_type, n) not in _ELSEWHERE else f"'' AS \"{n}\"" for n in row_type._fields)
    return f'SELECT {names} FROM "{table(row_type)}"' + (f" WHERE {where}" if where else "")


def _column(name: str, type_: type) -> str:
    kind = "INTEGER" if type_ is int else "TEXT"
    return f'"{name}" INTEGER PRIMARY KEY' if name == "id" else f'"{name}" {kind} NOT NULL'
