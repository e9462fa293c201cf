"""Gathers the rows of one file, whichever front end walks its tree.

Nodes come in preorder. What contains what follows from the positions; where several nodes lie in one use of a macro,
and so at one position, from their depth in the tree.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Callable
from functools import partial
from typing import Final

from rtlgen.graphs import model
from rtlgen.graphs.frontend import describe
from rtlgen.graphs.frontend.lexical import Lexed, Lines, line_count, scan
from rtlgen.graphs.rows import FileRows

_node: Final[Callable[[tuple[object, ...]], model.AstNode]] = partial(tuple.__new__, model.AstNode)
MAX_CHUNK_DEPTH: Final = 32
"""Chunks inside chunks; each holds its text, so that without a bound the texts would add up to the square."""
MAX_DIAGNOSES: Final = 100
"""Messages kept of one file."""


class OpenChunk:
    """A chunk whose names are still being found."""

    __slots__ = ("definition", "end", "id", "kind", "names", "start", "syntax")

    def __init__(self, identifier: int, definition: int, kind: str, names: list[str], start: int, end: int) -> None:
        """Take the fields of `model.Chunk`, names as a list."""
        self.syntax = ""
        self.id, self.definition, self.kind, self.names, self.start, self.end = (
            identifier, definition, kind, names, start, end,
        )  # fmt: skip


def decoder(content: bytes) -> Callable[[bytes], str]:
    """Return what turns bytes of a file into text: UTF-8, or Latin-1 where the file is not UTF-8."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return partial(str, encoding="latin-1")
    return partial(str, encoding="utf-8", errors="replace")


def empty_rows(path: str, content: bytes) -> FileRows:
    """Return rows that say only what the file is."""
    return FileRows(path, hashlib.sha256(content).hexdigest(), len(content), line_count(content))


class Collector:
    """The rows of a file in the making."""

    def __init__(self, path: str, content: bytes, lexed: Lexed | None = None) -> None:
        """Start with no rows; the text is scanned for comments and macros here, unless `lexed` gives them."""
        self.content = content
        self.lines = Lines(content)
        self.lexed = scan(content) if lexed is None else lexed
        self.rows = FileRows(path, hashlib.sha256(content).hexdigest(), len(content), self.lines.count)
        self.chunks: list[OpenChunk] = []
        self.chunk_of_node: dict[int, OpenChunk] = {}
        self.code_end = 0
        """Up to here the walk is inside statements: declarations there are no chunks."""
        self._starts = self.lines.starts
        self._last = 0
        self._open: list[tuple[int, int, int]] = []
        self._definitions: list[tuple[int, int]] = []
        self._chunk_ends: list[int] = []
        self._imported: set[tuple[int, str]] = set()

    def identifier(self) -> int:
        """Return the next free local identifier."""
        self._last += 1
        return self._last

    def node(self, kind: str, name: str, start: int, end: int, depth: int = 0) -> int:
        """Add a syntax node below the innermost open one that holds it; return its identifier.

        Args:
            kind: as in `model.AstNode`.
            name: declared name, or empty.
            start: byte offset.
            end: byte offset, excluded.
            depth: in the tree; only for a node that a macro gives a part of, else 0.
        """
        opened = self._open
        while opened and (opened[-1][0] < end or opened[-1][0] <= start < end or (opened[-1][2] >= depth > 0)):
            opened.pop()
        self._last = identifier = self._last + 1
        starts = self._starts
        self.rows.nodes.append(
            _node(
                (
                    identifier,
                    opened[-1][1] if opened else 0,
                    kind,
                    name,
                    bisect_right(starts, start),
                    bisect_right(starts, end - 1 if end > start else start),
                    start,
                    end,
                )
            )
        )
        opened.append((end, identifier, depth))
        return identifier

    def parent(self) -> int:
        """Return the parent of the node that was added last."""
        return self.rows.nodes[-1].parent

    def chunk(self, kind: str, name: str, start: int, end: int) -> OpenChunk:
        """Add a chunk for the node that was added last, unless it lies too deep inside others."""
        chunk = OpenChunk(self.identifier(), self.around(start), kind, [name] if name else [], start, end)
        opened = self._chunk_ends
        while opened and opened[-1] <= start:
            opened.pop()
        opened.append(end)
        if len(opened) <= MAX_CHUNK_DEPTH:
            self.chunks.append(chunk)
        node = self.rows.nodes[-1]
        chunk.syntax = node.kind
        self.chunk_of_node[node.id] = chunk
        return chunk

    def around(self, start: int) -> int:
        """Return the innermost definition or package that holds a position; 0 outside of any."""
        opened = self._definitions
        while opened and opened[-1][0] <= start:
            opened.pop()
        return opened[-1][1] if opened else 0

    def definition(self, kind: str, name: str, start: int, end: int) -> None:
        """Add a definition, or a package, and its chunk."""
        self.around(start)
        identifier = self.identifier()
        first, last = self.lines.at(start), self.lines.at(max(start, end - 1))
        if kind == "package":
            self.rows.packages.append(model.Package(identifier, name, 0, first, last))
        else:
            self.rows.definitions.append(model.Definition(identifier, name, kind, 0, first, last))
        self._definitions.append((end, identifier))
        self.chunk(_CHUNK_OF.get(kind, kind), name, start, end).definition = identifier

    def imports(self, package: str, start: int) -> None:
        """Add the use of a package; the first one of a definition counts."""
        source = self.around(start)
        if package and (source, package) not in self._imported:
            self._imported.add((source, package))
            self.rows.imports.append(model.Imports(source, package, self.lines.at(start)))

    def instantiates(self, target: str, name: str, start: int) -> None:
        """Add an instance of a definition."""
        self.rows.instantiates.append(model.Instantiates(self.around(start), target, name, self.lines.at(start)))

    def diagnose(self, start: int, severity: str, code: str, message: str) -> None:
        """Add a message on a place, unless there are too many."""
        if len(self.rows.diagnoses) < MAX_DIAGNOSES:
            line, column = self.lines.at(start), self.lines.column(start)
            self.rows.diagnoses.append(
                model.Diagnosis(self.identifier(), 0, line, column, severity, code, message, "syntax")
            )

    def finish(self) -> FileRows:
        """Add what needs the whole tree (chunk texts, macros, comments and what they describe); return the rows."""
        decode = decoder(self.content)
        self._macros()
        rows, lines = self.rows, self.lines
        for chunk in self.chunks:
            start, end = chunk.start, chunk.end
            first, last = lines.at(start), lines.at(max(start, end - 1))
            text = decode(self.content[start:end])
            name = ", ".join(chunk.names)
            rows.chunks.append(model.Chunk(chunk.id, chunk.definition, chunk.kind, name, first, last, start, end, text))
        self._comments(decode)
        return rows

    def _macros(self) -> None:
        self.rows.macros = self.lexed.macros()
        spans = sorted((c.start, c.end, c.definition) for c in self.chunks if c.kind in _SCOPES)
        for define in self.lexed.defines:
            inside = [i for start, end, i in spans if start <= define.start < end]
            chunk = OpenChunk(
                self.identifier(), inside[-1] if inside else 0, "region", [define.name], define.start, define.end
            )
            self.chunks.append(chunk)

    def _comments(self, decode: Callable[[bytes], str]) -> None:
        found = describe.remarks(self.content, self.lexed.comments, self.lines, decode)
        identifiers: list[int] = []
        for remark in found:
            identifiers.append(self.identifier() if remark.text else 0)
            if remark.text:
                first, last = self.lines.at(remark.start), self.lines.at(remark.end - 1)
                self.rows.comments.append(model.Comment(identifiers[-1], first, last, remark.text))
        for position, chunk in describe.described(self.content, found, self.rows.chunks, self.lines):
            self.rows.describes.append(model.Describes(identifiers[position], chunk))


_CHUNK_OF: Final = {"primitive": "module", "configuration": "region"}
_SCOPES: Final = frozenset({"module", "interface", "package", "program", "class", "checker"})
