"""The stored design, elaborated again by slang: for questions that need more than rows."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rtlgen.core.errors import InputError
from rtlgen.graphs import model
from rtlgen.graphs.elaborate.design import compile_trees
from rtlgen.graphs.elaborate.hierarchy import instances_below
from rtlgen.graphs.elaborate.names import file_name
from rtlgen.graphs.frontend.protocol import FRONT_ENDS, Context
from rtlgen.graphs.frontend.units import Sources, stored_path

if TYPE_CHECKING:
    from pyslang import SourceManager, ast

    from rtlgen.graphs.database.design import DesignDatabase


class _Buffers(Mapping[int, str]):
    """slang's number of a text → path in the repository."""

    def __init__(self, manager: SourceManager, root: str) -> None:
        self._manager = manager
        self._root = root

    def __getitem__(self, number: int) -> str:
        import pyslang

        for buffer in self._manager.getAllBuffers():
            if buffer.id == number:
                return stored_path(file_name(self._manager, pyslang.SourceLocation(buffer, 0)), self._root)
        raise KeyError(number)

    def __iter__(self) -> Iterator[int]:
        return (buffer.id for buffer in self._manager.getAllBuffers())

    def __len__(self) -> int:
        return len(self._manager.getAllBuffers())


@dataclass(frozen=True)
class Recompiled:
    """An elaboration of the stored design; keep it as long as any of its symbols."""

    compilation: ast.Compilation
    manager: SourceManager
    buffers: Mapping[int, str]

    def bodies(self) -> dict[str, list[Any]]:
        """Return definition → its distinct bodies, in order of the hierarchy."""
        from pyslang import ast

        found: dict[str, list[Any]] = {}
        seen: set[int] = set()
        waiting = list(self.compilation.getRoot().topInstances)[::-1]
        while waiting:
            instance = waiting.pop()
            canonical: Any = instance.canonicalBody
            body = canonical if canonical is not None else instance.body
            if hash(body) in seen:
                continue
            seen.add(hash(body))
            found.setdefault(instance.definition.name, []).append(body)
            waiting.extend(i for i in reversed(instances_below(body)) if isinstance(i, ast.InstanceSymbol))
        return found


def recompile(design: DesignDatabase) -> Recompiled:
    """Return an elaboration of the design from the sources as they were indexed.

    Raises:
        InputError: the database holds no design.
    """
    plan = design.note("plan")
    if not plan:
        raise InputError(f"{design.location}: no design was elaborated; index it again")
    root = str(design.root)
    files = {row.path: row.id for row in design.rows(model.File)}

    def read(path: str) -> bytes | None:
        number = files.get(posixpath.relpath(path, root)) if path.startswith("/") else files.get(path)
        return design.source(number) if number else None

    sources = Sources(read)
    front_end = FRONT_ENDS.load("syntax")
    trees = []
    for path in plan["files"]:
        content = read(path)
        if content is None:
            continue
        folders = tuple(posixpath.join(root, d) for d in plan["include_dirs"].get(path, ()))
        context = Context(folders, plan["defines"], plan["preludes"].get(path, ""), root, sources)
        tree = front_end.parse(path, content, context).tree
        if tree is not None:
            trees.append(tree)
    compilation = compile_trees(trees, plan["tops"], plan["parameters"])
    compilation.getAllDiagnostics()
    return Recompiled(compilation, sources.manager, _Buffers(sources.manager, root))
