"""What each file includes, directly and through its headers, and where its headers are looked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rtlgen.graphs.repository.headers import Header, Headers
from rtlgen.graphs.rows import FileRows


@dataclass(slots=True)
class Includes:
    """The includes of a repository."""

    closure: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """File → the files it includes, directly or not, in the order in which they are met."""
    folders: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """File → folders that must be searched for it beside those that are given."""
    missing: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    """Name of a header that is nowhere → the places that include it."""
    ambiguous: dict[str, list[tuple[str, int, Header]]] = field(default_factory=dict)
    """Name of a header that is in several folders → the places that include it."""


def resolve(files: Mapping[str, FileRows], headers: Headers) -> Includes:
    """Return what the includes of all files mean."""
    includes = Includes()
    direct: dict[str, list[Header]] = {}
    for path in sorted(files):
        for row in files[path].includes:
            name = row.name.strip('"<> ')
            header = headers.find(path, name)
            direct.setdefault(path, []).append(header)
            if not header.path:
                includes.missing.setdefault(name, []).append((path, row.line))
            elif header.candidates:
                includes.ambiguous.setdefault(name, []).append((path, row.line, header))
    for path in direct:
        includes.closure[path], includes.folders[path] = _close(path, direct)
    return includes


def _close(path: str, direct: Mapping[str, Sequence[Header]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    met: dict[str, None] = {}
    folders: dict[str, None] = {}
    todo = [path]
    while todo:
        for header in direct.get(todo.pop(), ()):
            if header.folder is not None:
                folders[header.folder or "."] = None
            if header.path and header.path not in met and header.path != path:
                met[header.path] = None
                todo.append(header.path)
    return tuple(met), tuple(folders)
