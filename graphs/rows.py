"""What the front ends hand to the database: the rows of one file, of one body, of one design."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from rtlgen.graphs import model


@dataclass(slots=True)
class FileRows:
    """Everything that the text of one file says by itself.

    Identifiers are local: the owner part is 0 (`n`, not `file << SHIFT | n`); the database adds it. `Definition.file`,
    `Package.file` and `Includes.target` are 0 here too; `source` 0 of an edge is the file itself.
    """

    path: str
    sha256: str
    size: int
    lines: int
    tier: model.Tier = "none"
    errors: int = 0
    problem: str = ""
    definitions: list[model.Definition] = field(default_factory=list)
    packages: list[model.Package] = field(default_factory=list)
    nodes: list[model.AstNode] = field(default_factory=list)
    chunks: list[model.Chunk] = field(default_factory=list)
    comments: list[model.Comment] = field(default_factory=list)
    includes: list[model.Includes] = field(default_factory=list)
    imports: list[model.Imports] = field(default_factory=list)
    instantiates: list[model.Instantiates] = field(default_factory=list)
    describes: list[model.Describes] = field(default_factory=list)
    diagnoses: list[model.Diagnosis] = field(default_factory=list)
    loose: bool = False
    """Declares something outside of modules, or reaches into other modules (`bind`, `defparam`)."""
    macros: Mapping[str, str] = field(default_factory=dict)
    """Macros that the file itself defines: name → the text after `` `define ``."""
    unknown_macros: frozenset[str] = frozenset()
    """Macros it uses that neither it, nor its includes, nor the given definitions define."""


@dataclass(slots=True)
class BodyRows:
    """Everything that elaboration says about one body; identifiers are local as in `FileRows`, `file` is a path.

    `key` tells bodies apart within one design: the definition and its parameters.
    """

    key: str
    definition: str
    parameters: str
    path: str
    first_line: int
    last_line: int
    files: list[str] = field(default_factory=list)
    """Paths; `Signal.file` and `Block.file` are positions in this list, from 1, until the database replaces them."""
    ports: list[model.Port] = field(default_factory=list)
    signals: list[model.Signal] = field(default_factory=list)
    blocks: list[model.Block] = field(default_factory=list)
    statements: list[model.Statement] = field(default_factory=list)
    drives: list[model.Drives] = field(default_factory=list)
    reads: list[model.Reads] = field(default_factory=list)
    flows: list[model.Flows] = field(default_factory=list)
    binds: list[model.PortBind] = field(default_factory=list)
    nexts: list[model.Next] = field(default_factory=list)

    def clear(self) -> None:
        """Drop every row."""
        for part in fields(self):
            value = getattr(self, part.name)
            if isinstance(value, list):
                value.clear()

    def digest(self) -> str:
        """Return the sha256 over every row."""
        state = hashlib.sha256()
        for part in fields(self):
            state.update(repr(getattr(self, part.name)).encode())
        return state.hexdigest()


@dataclass(frozen=True, slots=True)
class InstanceRow:
    """One instance of the hierarchy; `parent` is a position in the list of instances, -1 for a top."""

    parent: int
    name: str
    path: str
    body: str
    """Key of the body; empty where the module is unknown."""
    definition: str
    file: str
    line: int


@dataclass(slots=True)
class DesignRows:
    """An elaborated design."""

    tops: tuple[str, ...]
    bodies: dict[str, BodyRows | None] = field(default_factory=dict)
    """By key; None for a body that is as it was in the database."""
    inputs: dict[str, str] = field(default_factory=dict)
    """Key → digest of everything that the body was elaborated from."""
    instances: list[InstanceRow] = field(default_factory=list)
    diagnoses: list[model.Diagnosis] = field(default_factory=list)
    """`Diagnosis.file` is 0; the path stands in `places` at the same position."""
    places: list[str] = field(default_factory=list)
