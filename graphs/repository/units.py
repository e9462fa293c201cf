"""Definitions of a repository by name, what each uses, and which file is meant where a name occurs in several."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from rtlgen.graphs.repository.places import Role, distance, is_test_name, role_of
from rtlgen.graphs.rows import FileRows

HIERARCHICAL: Final = frozenset(("module", "interface", "program", "checker", "primitive"))
"""Kinds of definitions that can be instantiated in the hierarchy."""


@dataclass(slots=True)
class Unit:
    """A definition or package at one place."""

    name: str
    kind: str
    path: str
    line: int
    role: Role
    uses: dict[str, int] = field(default_factory=dict)
    """Definitions that it instantiates → line of the first instance."""
    packages: dict[str, int] = field(default_factory=dict)
    """Packages that it imports or names → line."""


@dataclass(slots=True)
class Units:
    """All units of a repository, by name."""

    definitions: dict[str, list[Unit]] = field(default_factory=dict)
    """What can be instantiated."""
    packages: dict[str, list[Unit]] = field(default_factory=dict)
    classes: set[str] = field(default_factory=set)
    of_file: dict[str, list[Unit]] = field(default_factory=dict)
    loose: dict[str, Unit] = field(default_factory=dict)
    """What a file uses outside of any definition: a header with instances in it, an import before the module."""
    included: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """What each file includes, directly or not."""

    def packages_used(self, path: str) -> Iterator[tuple[str, str, int]]:
        """Yield the packages that a file needs to be compiled, with file and line: what it and its headers name."""
        for source in (path, *self.included.get(path, ())):
            for unit in (*self.of_file.get(source, ()), self.loose.get(source)):
                for name, line in unit.packages.items() if unit else ():
                    yield name, source, line


def collect(files: Mapping[str, FileRows], included: Mapping[str, Sequence[str]]) -> Units:
    """Return the units of the files; `included` gives what each file includes, directly or not."""
    units = Units(included=included)
    for path in sorted(files):
        _file(units, path, files[path])
    for path, own in units.of_file.items() if units.loose else ():
        for header in included.get(path, ()):
            if header in units.loose:
                for unit in own:
                    for name, line in units.loose[header].uses.items():
                        unit.uses.setdefault(name, line)
    return units


def _file(units: Units, path: str, rows: FileRows) -> None:
    role = role_of(path)
    by_id: dict[int, Unit] = {}
    for row in rows.definitions:
        unit = Unit(row.name, row.kind, path, row.first_line, Role.TEST if is_test_name(row.name) else role)
        by_id[row.id] = unit
        if row.kind == "class":
            units.classes.add(row.name)
        if row.kind in HIERARCHICAL and row.name:
            units.definitions.setdefault(row.name, []).append(unit)
    for package in rows.packages:
        unit = Unit(package.name, "package", path, package.first_line, role)
        by_id[package.id] = unit
        units.packages.setdefault(package.name, []).append(unit)
    units.of_file[path] = list(by_id.values())
    loose = Unit("", "file", path, 0, role)
    for use in rows.instantiates:
        by_id.get(use.source, loose).uses.setdefault(use.target, use.line)
    for use_of in rows.imports:
        by_id.get(use_of.source, loose).packages.setdefault(use_of.target, use_of.line)
    if loose.uses or loose.packages:
        units.loose[path] = loose


def choose(candidates: Sequence[Unit], users: Iterable[str], rank: Callable[[Unit], int]) -> Unit:
    """Return the candidate that is meant by the files `users`.

    By `rank` (of the file lists), design before test, nearest to a user, design before example, shortest path.
    """
    if len(candidates) == 1:
        return candidates[0]
    paths = sorted(set(users))

    def key(unit: Unit) -> tuple[int, bool, int, Role, int, str, int]:
        near = min((distance(unit.path, user) for user in paths), default=0)
        return (rank(unit), unit.role is Role.TEST, near, unit.role, len(unit.path), unit.path, unit.line)

    return min(candidates, key=key)
