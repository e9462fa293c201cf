"""Which files of a repository are Verilog, and what was passed over."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pathspec

from rtlgen.core.errors import InputError
from rtlgen.graphs.model import Diagnosis
from rtlgen.graphs.repository.notes import Notes

SOURCES: Final = frozenset((".v", ".sv", ".vh", ".svh", ".svp", ".vp", ".svi", ".vinc", ".svinc", ".vlib"))
"""Endings of sources and headers, in small letters; other files count when a file list names them."""
FILELISTS: Final = (".f", ".flist", ".filelist")
_TOOLS_TEXT: Final = """
    node_modules __pycache__ obj_dir rtlgen-out site-packages build dist csrc simv.daidir xsim.dir INCA_libs
    xcelium.d covwork
"""
TOOLS: Final = frozenset(_TOOLS_TEXT.split())
"""Folders that tools write or fill with other people's packages."""
_NEVER: Final = frozenset(("__pycache__", "node_modules", "site-packages"))
"""Of these nothing need be said."""
MAX_DEPTH: Final = 200


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file as it was when it was looked at."""

    path: str
    """Relative to the root, with `/`."""
    size: int
    """Bytes."""
    modified_ns: int


@dataclass(frozen=True, slots=True)
class Found:
    """What a repository holds."""

    root: Path
    files: tuple[SourceFile, ...]
    """Sources and headers, in the order of their paths."""
    filelists: tuple[str, ...] = ()
    cores: tuple[str, ...] = ()
    """FuseSoC core files."""
    skipped: tuple[Diagnosis, ...] = ()
    """Why something was passed over; ignored folders are not listed one by one."""
    places: tuple[str, ...] = ()
    """The path that each of `skipped` is about."""

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of the files."""
        return tuple(file.path for file in self.files)


def discover(root: Path | str, *, exclude: Sequence[str] = (), also: Iterable[str] = ()) -> Found:
    """Return the Verilog files below a folder.

    Hidden folders, those that tools write and virtual environments are passed over, and so is what `exclude` matches.
    Links to folders are not followed, since a folder in the repository is found under its own name; a link to a file
    is taken where its target is not. `.gitignore` is not honoured: generated RTL is often ignored by git, and part of
    the design all the same.

    Args:
        root: a folder.
        exclude: patterns as in a `.gitignore`, relative to the root.
        also: further files to take whatever their names, such as those of a file list; relative to the root.

    Raises:
        InputError: the root is missing, unreadable or no folder, or a pattern is wrong.
    """
    top = Path(root)
    try:
        if not stat.S_ISDIR(top.stat().st_mode):
            raise InputError(f"expected the folder of a repository, got the file {str(root)!r}")
        os.scandir(top).close()
    except OSError as error:
        raise InputError(f"{root}: can't be read: {error.strerror or error}") from error
    walk = _Walk(Path(os.path.abspath(top)), _patterns(exclude))
    walk.run()
    for path in also:
        walk.named(path)
    return walk.found()


def _patterns(exclude: Sequence[str]) -> pathspec.PathSpec[pathspec.Pattern] | None:
    if not exclude:
        return None
    try:
        return pathspec.PathSpec.from_lines("gitignore", exclude)
    except ValueError as error:
        raise InputError(f"expected patterns as in a .gitignore, got {list(exclude)!r}: {error}") from error


class _Walk:
    """Goes through the folders of a repository."""

    def __init__(self, root: Path, excluded: pathspec.PathSpec[pathspec.Pattern] | None) -> None:
        self.root = root
        self.excluded = excluded
        self.files: dict[str, SourceFile] = {}
        self.filelists: list[str] = []
        self.cores: list[str] = []
        self.notes = Notes()
        self._inodes: set[tuple[int, int]] = set()
        self._links: list[str] = []

    def run(self) -> None:
        """Walk all folders."""
        todo = [("", 0)]
        while todo:
            folder, depth = todo.pop()
            for path, name, entry in self._entries(folder):
                if not entry.is_dir(follow_symlinks=False):
                    self._file(path, name, entry)
                elif depth >= MAX_DEPTH:
                    self._skip("Depth", f"folders are nested deeper than {MAX_DEPTH}", path)
                elif name in TOOLS:
                    if name not in _NEVER:
                        text = f"folder {name} is taken for the output of a tool; -f names its files"
                        self._skip("ToolFolder", text, path)
                else:
                    todo.append((path, depth + 1))
        for path in self._links:
            self._link(path)

    def _entries(self, folder: str) -> list[tuple[str, str, os.DirEntry[str]]]:
        """Return path, name and entry of what lies in a folder and is not hidden or excluded."""
        try:
            with os.scandir(os.path.join(self.root, folder)) as entries:
                found = [(f"{folder}/{e.name}" if folder else e.name, e.name, e) for e in entries if e.name[0] != "."]
        except OSError as error:
            self._skip("Unreadable", f"folder can't be read: {error.strerror or error}", folder)
            return []
        if folder and any(name == "pyvenv.cfg" for _, name, _ in found):
            return []
        if self.excluded is not None:
            found = [f for f in found if not self._is_excluded(f[0], f[2])]
        return found

    def _is_excluded(self, path: str, entry: os.DirEntry[str]) -> bool:
        assert self.excluded is not None
        name = _shown(path)
        return self.excluded.match_file(f"{name}/" if entry.is_dir(follow_symlinks=False) else name)

    def _file(self, path: str, name: str, entry: os.DirEntry[str]) -> None:
        ending = os.path.splitext(name)[1].lower()
        if entry.is_symlink():
            self._links.append(path)
        elif ending in SOURCES:
            self._source(path)
        elif ending == ".core":
            self.cores.append(path)
        elif ending in FILELISTS or name.lower().startswith("flist."):
            self.filelists.append(path)

    def _link(self, path: str) -> None:
        ending = os.path.splitext(path)[1].lower()
        where = os.path.join(self.root, path)
        if ending in SOURCES:
            self._source(path, is_link=True)
        elif os.path.isdir(where) and not _inside(os.path.realpath(where), os.path.realpath(self.root)):
            self._skip("Link", "link to a folder outside of the repository is not followed; -f names its files", path)

    def _source(self, path: str, is_link: bool = False) -> None:
        where = os.path.join(self.root, path)
        try:
            path.encode()
            status = os.stat(where)
        except UnicodeEncodeError:
            self._skip("Name", "the name of the file is not UTF-8", path)
            return
        except OSError as error:
            what = "link leads nowhere" if is_link else f"file can't be read: {error.strerror or error}"
            self._skip("Unreadable", what, path)
            return
        inode = (status.st_dev, status.st_ino)
        if not stat.S_ISREG(status.st_mode):
            if not (is_link and stat.S_ISDIR(status.st_mode)):
                self._skip("NotAFile", "neither a file nor a folder (a pipe, socket or device)", path)
        elif not os.access(where, os.R_OK):
            self._skip("Unreadable", "file can't be read: Permission denied", path)
        elif not (is_link and inode in self._inodes):
            self._inodes.add(inode)
            self.files[path] = SourceFile(path, status.st_size, status.st_mtime_ns)

    def named(self, path: str) -> None:
        """Take a file whatever its name."""
        relative = Path(os.path.relpath(self.root / path, self.root)).as_posix()
        if relative not in self.files:
            self._source(relative)

    def _skip(self, code: str, message: str, path: str) -> None:
        self.notes.add(code, message, _shown(path), severity="note" if code == "ToolFolder" else "warning")

    def found(self) -> Found:
        """Return what was found, in order."""
        order = sorted(range(len(self.notes.rows)), key=lambda i: (self.notes.places[i], self.notes.rows[i].code))
        return Found(
            root=self.root,
            files=tuple(self.files[path] for path in sorted(self.files)),
            filelists=tuple(sorted(filter(_is_text, self.filelists))),
            cores=tuple(sorted(filter(_is_text, self.cores))),
            skipped=tuple(self.notes.rows[i]._replace(id=n) for n, i in enumerate(order, 1)),
            places=tuple(self.notes.places[i] for i in order),
        )


def _shown(path: str) -> str:
    """Return a path as text that can be stored and printed, bytes that are no UTF-8 in hexadecimal."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _is_text(path: str) -> bool:
    return _shown(path) == path


def _inside(path: str, folder: str) -> bool:
    return os.path.commonpath((path, folder)) == folder
