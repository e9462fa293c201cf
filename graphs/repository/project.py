"""The plan of a repository: what to elaborate, from which files, with which include folders and macros."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from rtlgen.core.errors import InputError
from rtlgen.graphs.model import Diagnosis
from rtlgen.graphs.repository import report
from rtlgen.graphs.repository.corefile import CoreFiles, read_core
from rtlgen.graphs.repository.design import Design, Given, gather
from rtlgen.graphs.repository.filelist import FileList, read_filelists
from rtlgen.graphs.repository.files import discover
from rtlgen.graphs.repository.headers import Headers
from rtlgen.graphs.repository.includes import Includes, resolve
from rtlgen.graphs.repository.macros import Macros
from rtlgen.graphs.repository.notes import Notes
from rtlgen.graphs.repository.order import compile_order
from rtlgen.graphs.repository.tops import find_tops
from rtlgen.graphs.repository.units import Units, collect
from rtlgen.graphs.rows import FileRows


@dataclass(frozen=True, slots=True)
class Plan:
    """What to elaborate. Paths are relative to the root of the repository, with `/`."""

    tops: tuple[str, ...]
    files: tuple[str, ...]
    """Sources in compile order, packages before their users; headers are not among them."""
    include_dirs: tuple[str, ...]
    """Those given, those of file list and core, and those found for the files of the design."""
    defines: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Of the top, as Verilog text."""
    spare: tuple[str, ...] = ()
    """Modules that nothing instantiates, of the design's own places: elaborated beside the tops, to be asked too."""
    unknown: tuple[str, ...] = ()
    """Modules that the design instantiates and no file defines."""
    chosen: Mapping[str, str] = field(default_factory=dict)
    """Definitions and packages of the design → the file that is meant."""
    notes: tuple[Diagnosis, ...] = ()
    """What was found, what was chosen, and the option that changes it."""
    places: tuple[str, ...] = ()
    """The path that each note is about; empty for the whole design."""
    preludes: Mapping[str, str] = field(default_factory=dict)
    search: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    given_dirs: tuple[str, ...] = ()

    def prelude_for(self, path: str) -> str:
        """Return the macro definitions that a file, header or source, needs from others; empty where it needs none."""
        return self.preludes.get(path, "")

    def include_dirs_for(self, path: str) -> tuple[str, ...]:
        """Return where the includes of one file are looked for: the folders given, then those found for it."""
        return self.search.get(path, self.given_dirs)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What file lists, cores and options say about every file, and what the includes of the repository mean."""

    listed: FileList
    parts: CoreFiles
    include_dirs: tuple[str, ...]
    """Those given, for every file."""
    defines: Mapping[str, str]
    includes: Includes

    def include_dirs_for(self, path: str) -> tuple[str, ...]:
        """Return where the includes of one file are looked for: the folders given, then those found for it."""
        return _unique([*self.include_dirs, *self.includes.folders.get(path, ())])


def plan(
    root: Path | str,
    files: Mapping[str, FileRows],
    *,
    tops: Sequence[str] = (),
    filelists: Sequence[Path | str] = (),
    core: str | None = None,
    include_dirs: Sequence[Path | str] = (),
    defines: Mapping[str, str] | None = None,
    all_tops: bool = False,
    environ: Mapping[str, str] | None = None,
) -> Plan:
    """Return what to elaborate of a repository.

    Without tops, they are found ([find_tops][rtlgen.graphs.repository.tops.find_tops]): among the files that the file
    lists or the core name, or among all. The design is everything that the tops reach, and every listed source.

    Args:
        root: root of the repository; file lists and core files are read from it.
        files: path relative to the root → what the file says by itself.
        tops: modules to elaborate.
        filelists: file lists, relative to the root or absolute.
        core: a FuseSoC core, by file or by name.
        include_dirs: folders searched first for headers, relative to the root or absolute.
        defines: macros for all files, name → text; they override those of file lists and core.
        all_tops: take every module that no other instantiates, those of tests too.
        environ: variables that file lists use; those of the process if None.

    Raises:
        InputError: a top, file list or core is not there, or can't be read.
    """
    around = surroundings(
        root, files, filelists=filelists, core=core, include_dirs=include_dirs, defines=defines, environ=environ
    )
    listed, parts, dirs, macros_given, includes = (
        around.listed, around.parts, around.include_dirs, around.defines, around.includes,
    )  # fmt: skip
    notes = Notes()
    for part in (listed, parts):
        notes.extend(part.notes, part.places)
    given = _given(listed, parts)
    units = collect(files, includes.closure)
    names, spare = _tops(units, given, [*tops] or [*listed.tops, *parts.tops], all_tops, notes)
    design = gather(units, names, given)
    whole = gather(units, [*names, *spare], given) if spare else design
    order, circle = compile_order(_sorted(whole, given, units), _needs(whole, units))
    macros = Macros(files, includes.closure, macros_given, given.rank)
    preludes = {path: text for path in sorted(files) if (text := macros.prelude(path))}
    report.on_design(notes, design)
    report.on_includes(notes, includes, order)
    report.on_macros(notes, macros, order)
    report.on_circle(notes, circle)
    found = [folder for path in order for folder in includes.folders.get(path, ())]
    return Plan(
        tops=tuple(names),
        files=order,
        include_dirs=_unique([*dirs, *found]),
        defines=macros_given,
        parameters={**parts.parameters, **listed.parameters},
        unknown=tuple(design.definitions.unknown),
        spare=spare,
        chosen={n: u.path for part in (whole.packages, whole.definitions) for n, u in sorted(part.chosen.items())},
        notes=tuple(notes.rows),
        places=tuple(notes.places),
        preludes=preludes,
        search={path: around.include_dirs_for(path) for path, folders in includes.folders.items() if folders},
        given_dirs=dirs,
    )


def surroundings(
    root: Path | str,
    files: Mapping[str, FileRows],
    *,
    filelists: Sequence[Path | str] = (),
    core: str | None = None,
    include_dirs: Sequence[Path | str] = (),
    defines: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Surroundings:
    """Return what must be known around files before they are parsed; of the rows only the includes are looked at.

    The arguments are those of `plan`.

    Raises:
        InputError: a file list or core is not there, or can't be read.
    """
    base = Path(os.path.abspath(root))
    listed = read_filelists(filelists, base, environ=environ, paths=files) if filelists else FileList()
    parts = _core(core, base)
    dirs = _unique([*(_relative(d, base) for d in include_dirs), *listed.include_dirs, *parts.include_dirs])
    macros = {**parts.defines, **listed.defines, **(defines or {})}
    return Surroundings(listed, parts, dirs, macros, resolve(files, Headers(files, dirs, base)))


def _core(core: str | None, root: Path) -> CoreFiles:
    return CoreFiles("") if core is None else read_core(core, root, discover(root).cores)


def _given(listed: FileList, parts: CoreFiles) -> Given:
    sources = _unique([*listed.files, *parts.files])
    library = frozenset(listed.library_files) - set(sources)
    return Given({path: n for n, path in enumerate(sources)}, library, listed.library_dirs)


def _tops(
    units: Units, given: Given, wanted: Sequence[str], all_tops: bool, notes: Notes
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the tops that are asked for, or those that are found, and the spare modules beside them."""
    for name in wanted:
        if name not in units.definitions:
            near = get_close_matches(name, units.definitions, n=3)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise InputError(f"no module {name!r} in the {len(units.of_file)} files of the repository{hint}")
    if wanted and not all_tops:
        return _unique(wanted), ()
    found = find_tops(units, given.files or None)
    if all_tops:
        return _unique([*wanted, *found.names, *found.spare, *found.boards, *found.others]), ()
    report.on_tops(notes, found)
    return found.names, found.spare


def _sorted(design: Design, given: Given, units: Units) -> list[str]:
    """Return the files of the design: listed ones in their order, then those that hold packages, then the others."""

    def key(path: str) -> tuple[int, bool, str]:
        has_package = any(unit.kind == "package" for unit in units.of_file[path])
        return (given.rank(path), not has_package, path)

    return sorted(design.files, key=key)


def _needs(design: Design, units: Units) -> dict[str, list[str]]:
    """Return file → files of the packages that it uses."""
    needs: dict[str, list[str]] = {}
    for path in design.files:
        used = {name for name, _, _ in units.packages_used(path)}
        chosen = (design.packages.chosen.get(name) for name in sorted(used))
        needs[path] = [unit.path for unit in chosen if unit is not None and unit.path != path]
    return needs


def _relative(folder: Path | str, root: Path) -> str:
    return Path(os.path.relpath(root / folder, root)).as_posix()


def _unique(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(items))
