"""What belongs to a design: everything that its tops reach, and the file that is meant by each name."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from rtlgen.graphs.repository.units import Unit, Units, choose

BUILT_IN: Final = frozenset(("std", "$unit", "process", "mailbox", "semaphore"))
"""What stands before `::` like a package and comes with the language."""


@dataclass(frozen=True, slots=True)
class Given:
    """What file lists and cores say about the files of a design."""

    files: Mapping[str, int] = field(default_factory=dict)
    """Sources → position."""
    library_files: frozenset[str] = frozenset()
    library_dirs: tuple[str, ...] = ()

    def rank(self, path: str, name: str = "") -> int:
        """Return the preference of a file, of a definition `name` in it: listed files in order, libraries, others."""
        if not self.files:
            return 0
        if path in self.files:
            return self.files[path]
        folder, file = posixpath.split(path)
        in_library = path in self.library_files or (folder in self.library_dirs and file.split(".", 1)[0] == name)
        return len(self.files) + (0 if in_library else 1)

    def knows(self, path: str, name: str) -> bool:
        """Return whether lists or libraries lead to a definition, or there are none."""
        return self.rank(path, name) <= len(self.files)


@dataclass(slots=True)
class Names:
    """The names of one kind that a design uses: definitions, or packages."""

    chosen: dict[str, Unit] = field(default_factory=dict)
    users: dict[str, dict[str, int]] = field(default_factory=dict)
    """Name → files that use it, with the first line."""
    several: dict[str, tuple[Unit, ...]] = field(default_factory=dict)
    """Names that occur in several files → all candidates, the chosen one first."""

    @property
    def unknown(self) -> list[str]:
        """The names that are found nowhere."""
        return sorted(self.users.keys() - self.chosen.keys())


@dataclass(slots=True)
class Design:
    """What belongs to a design."""

    files: dict[str, None] = field(default_factory=dict)
    definitions: Names = field(default_factory=Names)
    packages: Names = field(default_factory=Names)
    unlisted: dict[str, Unit] = field(default_factory=dict)
    """Units that the file lists do not lead to."""


def gather(units: Units, tops: Iterable[str], given: Given) -> Design:
    """Return everything that the tops reach; files that others of the design include are not sources of their own."""
    search = _Search(units, given)
    for path in given.files:
        search.add_file(path)
    for top in tops:
        search.wanted.setdefault((top, False), {})
    while search.wanted:
        search.level()
    design = search.design
    for path in list(design.files):
        for header in units.included.get(path, ()):
            if header in design.files and header not in given.files and path not in units.included.get(header, ()):
                del design.files[header]
    return design


class _Search:
    """Follows uses level by level, so that all users of a level are known when a name is decided."""

    def __init__(self, units: Units, given: Given) -> None:
        self.units = units
        self.given = given
        self.design = Design()
        self.wanted: dict[tuple[str, bool], dict[str, int]] = {}
        """(name, is a package) → files that need it."""

    def level(self) -> None:
        wanted, self.wanted = self.wanted, {}
        for (name, is_package), users in sorted(wanted.items()):
            known = self.units.packages if is_package else self.units.definitions
            used = self._names(is_package)
            used.users.setdefault(name, {}).update(users)
            if name in known:
                self._decide(used, name, known[name])

    def _names(self, is_package: bool) -> Names:
        return self.design.packages if is_package else self.design.definitions

    def _decide(self, used: Names, name: str, candidates: list[Unit]) -> None:
        unit = choose(candidates, used.users[name], lambda u: self.given.rank(u.path, u.name))
        used.chosen[name] = unit
        if len({u.path for u in candidates}) > 1:
            others = sorted((u for u in candidates if u is not unit), key=lambda u: (len(u.path), u.path, u.line))
            used.several[name] = (unit, *others)
        if not self.given.knows(unit.path, unit.name):
            self.design.unlisted[name] = unit
        self.add_file(unit.path)
        for target, line in unit.uses.items():
            self._want(target, False, unit.path, line)

    def add_file(self, path: str) -> None:
        """Add a file with the packages that anything in it needs, since it is compiled as a whole."""
        if path in self.design.files or path not in self.units.of_file:
            return
        self.design.files[path] = None
        for package, source, line in self.units.packages_used(path):
            self._want(package, True, source, line)
        loose = self.units.loose.get(path)
        if loose:
            for target, line in loose.uses.items():
                self._want(target, False, path, line)

    def _want(self, name: str, is_package: bool, path: str, line: int) -> None:
        used = self._names(is_package)
        if name in used.users:
            used.users[name].setdefault(path, line)
        elif not is_package or (
            name not in BUILT_IN and (name in self.units.packages or name not in self.units.classes)
        ):
            self.wanted.setdefault((name, is_package), {}).setdefault(path, line)
