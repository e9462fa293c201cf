"""Which file an include means: the folders in which headers are looked for, found by the names of the files."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rtlgen.graphs.repository.places import distance, role_of


@dataclass(frozen=True, slots=True)
class Header:
    """What was found for an include."""

    path: str
    """The file meant; empty where none was found."""
    folder: str | None
    """The folder to search in for it; None where none has to be added."""
    candidates: tuple[str, ...] = ()
    """All files that could be meant, the chosen one first; empty where there was nothing to choose."""


class Headers:
    """Finds headers among the files of a repository."""

    def __init__(self, paths: Iterable[str], include_dirs: Sequence[str] = (), root: Path | None = None) -> None:
        """Take every file of the repository and the folders that are searched first, both relative to its root.

        With a `root`, headers that are not among the files are looked for on disk too, beside the file that includes
        them and in the folders given.
        """
        self.include_dirs = tuple(include_dirs)
        self._paths = frozenset(paths)
        self._root = root
        self._known: dict[tuple[str, str], Header] = {}
        self._by_name: dict[str, list[str]] = {}
        for path in sorted(self._paths):
            self._by_name.setdefault(path.rpartition("/")[2], []).append(path)

    def find(self, includer: str, name: str) -> Header:
        """Return what `` `include "name"`` in the file `includer` means.

        The order is that of the simulators (the folder of the file, then the folders given), then whatever file of the
        repository ends in that name: the nearest one, and among equally near ones that of the better place.
        """
        folder = includer.rpartition("/")[0]
        key = (folder, name)
        if key not in self._known:
            self._known[key] = self._find(includer, name)
        return self._known[key]

    def _find(self, includer: str, name: str) -> Header:
        places = [_join(folder, name) for folder in (includer.rpartition("/")[0], *self.include_dirs)]
        for place in places:
            if place in self._paths or (self._root and os.path.isfile(self._root / place)):
                return Header(place, None)
        return self._anywhere(includer, posixpath.normpath(name).lstrip("/"))

    def _anywhere(self, includer: str, name: str) -> Header:
        tail = "/" + name
        found = [p for p in self._by_name.get(name.rpartition("/")[2], ()) if p == name or p.endswith(tail)]
        if not found:
            return Header("", None)
        found.sort(key=lambda p: (distance(includer, p), role_of(p), len(p), p))
        chosen = found[0]
        return Header(chosen, chosen[: -len(name)].rstrip("/"), tuple(found) if len(found) > 1 else ())


def _join(folder: str, name: str) -> str:
    return posixpath.normpath(posixpath.join(folder, name))
