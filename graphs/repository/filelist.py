"""File lists as simulators read them (`.f`): files, include folders, defines, libraries."""

from __future__ import annotations

import codecs
import glob
import os
import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rtlgen.core.errors import InputError
from rtlgen.graphs.model import Diagnosis
from rtlgen.graphs.repository.notes import Notes
from rtlgen.graphs.repository.places import distance

MAX_BYTES: Final = 16 * 1024 * 1024
MAX_DEPTH: Final = 50
_WORD: Final = re.compile(
    r"""
    (?P<space> \s+ )
  | (?P<comment> //[^\n]* | \#[^\n]* | /\*.*?(?:\*/|\Z) )
  | (?P<word> (?: "(?:[^"\\]|\\.)*" | '[^'\n]*' | \\. | [^\s"'\\] | ["'\\] )+ )
    """,
    re.VERBOSE | re.DOTALL,
)
_PIECE: Final = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'([^'\n]*)'|\\(.)|(.)", re.DOTALL)
_VARIABLE: Final = re.compile(r"\$(?:\{(\w+)\}|\((\w+)\)|([A-Za-z_]\w*))")
_NO_MEANING_TEXT: Final = """
    -sv -sverilog +v2k -v2k -64 -full64 -lca -mfcu -sfcu -incr -quiet -q -c -R -debug -optimize -licqueue
    -nologo -lint -elaborate --sv --lint-only --single-unit -Wall
"""
_NO_MEANING: Final = frozenset(_NO_MEANING_TEXT.split())
_ONE_ARGUMENT_TEXT: Final = """
    -o -l -log -work -timescale -override_timescale -uvmhome -ntb_opts -cuname -cm -P -CFLAGS -LDFLAGS -std
"""
_ONE_ARGUMENT: Final = frozenset(_ONE_ARGUMENT_TEXT.split())
_FOREIGN_TEXT: Final = """
    .a .c .cc .cpp .cxx .h .hh .hpp .o .so .py .tcl .sdc .xdc .vhd .vhdl
"""
_FOREIGN: Final = frozenset(_FOREIGN_TEXT.split())


@dataclass(frozen=True, slots=True)
class FileList:
    """What one or several file lists name; paths are relative to the root of the repository, with `/`."""

    files: tuple[str, ...] = ()
    """Sources in order, each once."""
    include_dirs: tuple[str, ...] = ()
    defines: Mapping[str, str] = field(default_factory=dict)
    """Name → text, empty without one."""
    library_files: tuple[str, ...] = ()
    """Of `-v`: only what is instantiated is taken from them."""
    library_dirs: tuple[str, ...] = ()
    """Of `-y`: a file named like a module that is not found otherwise is looked for in them."""
    library_extensions: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)
    tops: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    """Every list that was read, nested ones included."""
    missing: tuple[str, ...] = ()
    """Files that are named and do not exist."""
    notes: tuple[Diagnosis, ...] = ()
    places: tuple[str, ...] = ()
    """The list that each note is about."""


def read_filelists(
    lists: Iterable[Path | str],
    root: Path | str,
    *,
    environ: Mapping[str, str] | None = None,
    paths: Iterable[str] = (),
) -> FileList:
    """Return what the file lists name, together, in their order.

    Names are relative to the root or, where more of them exist there, to the folder of the list or one above it
    (simulators take the folder that they are started in, which a list does not tell); inside a list read by `-F` they
    are relative to that list. A variable that is not set is guessed where the files named after it exist below some
    folder of the repository.

    Args:
        lists: file lists, relative to the root or absolute.
        root: root of the repository.
        environ: variables; those of the process if None.
        paths: files of the repository, relative to its root, among which unset variables are guessed.

    Raises:
        InputError: a list is missing, unreadable, binary or too large, or lists read each other in a circle.
    """
    reader = _Reader(Path(root).absolute(), os.environ if environ is None else environ, sorted(paths))
    for given in lists:
        reader.read((reader.root / given).absolute(), (), False)
    return reader.result()


def tokens(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and text of every word of a file list, comments left out, quotes and backslashes resolved."""
    line = 1
    for match in _WORD.finditer(text):
        if match.lastgroup == "word":
            yield line, "".join(_unquoted(m) for m in _PIECE.finditer(match[0]))
        line += match[0].count("\n")


def _unquoted(piece: re.Match[str]) -> str:
    if piece[1] is not None:
        return re.sub(r"\\(.)", r"\1", piece[1])
    return next((text for text in piece.groups() if text is not None), "")


class _Reader:
    """Reads lists one after the other and collects what they name."""

    def __init__(self, root: Path, environ: Mapping[str, str], paths: list[str]) -> None:
        self.root = root
        self.environ = dict(environ)
        self.paths = paths
        self.notes = Notes()
        self.files: dict[str, None] = {}
        self.missing: dict[str, None] = {}
        self.dirs: dict[str, dict[str, None]] = {"include": {}, "files": {}, "dirs": {}, "ext": {}}
        self.defines: dict[str, str] = {}
        self.parameters: dict[str, str] = {}
        self.tops: dict[str, None] = {}
        self.lists: dict[str, None] = {}
        self.unset: set[str] = set()

    def result(self) -> FileList:
        return FileList(
            files=tuple(self.files),
            include_dirs=tuple(self.dirs["include"]),
            defines=dict(self.defines),
            library_files=tuple(self.dirs["files"]),
            library_dirs=tuple(self.dirs["dirs"]),
            library_extensions=tuple(self.dirs["ext"]),
            parameters=dict(self.parameters),
            tops=tuple(self.tops),
            lists=tuple(self.lists),
            missing=tuple(self.missing),
            notes=tuple(self.notes.rows),
            places=tuple(self.notes.places),
        )

    def read(self, path: Path, above: tuple[Path, ...], own_folder: bool) -> None:
        """Read one list; `above` are the lists that led to it."""
        if path in above:
            circle = " → ".join(self.relative(str(p)) for p in (*above[above.index(path) :], path))
            raise InputError(f"file lists read each other in a circle: {circle}; take one of these lines out")
        if len(above) >= MAX_DEPTH:
            raise InputError(f"{self.relative(str(path))}: file lists are nested deeper than {MAX_DEPTH}")
        place = self.relative(str(path))
        self.lists[place] = None
        words = list(tokens(_text(path)))
        self._guess(words, place)
        items = list(self._items(words, place))
        base = str(path.parent) if own_folder else self._base(items, path)
        for line, kind, value in items:
            self._take(kind, value, line, place, base, (*above, path))

    def relative(self, path: str) -> str:
        return Path(os.path.relpath(path, self.root)).as_posix()

    def _items(self, words: list[tuple[int, str]], place: str) -> Iterator[tuple[int, str, str]]:
        """Yield line, kind and value of every entry, variables resolved."""
        rest = iter(words)
        for line, word in rest:
            kind, value = _option(word)
            if kind == "unknown":
                self.notes.add("UnknownOption", f"option {word!r} is not known and has no effect", place, line)
            elif kind == "skip":
                next(rest, None)
            elif kind:
                if not value:
                    line, value = next(rest, (line, ""))
                if not value:
                    self.notes.add("UnknownOption", f"option {word!r} has nothing after it", place, line, "warning")
                    continue
                expanded = self._expand(value, place, line)
                parts = expanded.split("+") if kind in ("+define", "+incdir", "+libext") else [expanded]
                for part in parts:
                    if part:
                        yield line, kind.removeprefix("+"), part

    def _expand(self, text: str, place: str, line: int) -> str:
        def value(match: re.Match[str]) -> str:
            name = match[1] or match[2] or match[3]
            if name not in self.environ and name not in self.unset:
                self.unset.add(name)
                message = f"variable {name} is not set and nothing in the repository fits it; set {name}=FOLDER"
                self.notes.add("UnsetVariable", message, place, line, "warning")
            return self.environ.get(name, match[0])

        return _VARIABLE.sub(value, text)

    def _base(self, items: list[tuple[int, str, str]], path: Path) -> str:
        """Return the folder that the names of a list are relative to: where most of them exist."""
        names = [v for _, kind, v in items if kind in ("file", "include", "incdir", "F", "f") and not os.path.isabs(v)]
        bases = [str(self.root), str(path.parent)]
        bases += [str(p) for p in path.parent.parents if p.is_relative_to(self.root) and str(p) != bases[0]]
        return max(bases, key=lambda b: sum(os.path.exists(os.path.join(b, n)) for n in names))

    def _take(self, kind: str, value: str, line: int, place: str, base: str, above: tuple[Path, ...]) -> None:
        if kind == "define":
            name, _, text = value.partition("=")
            self.defines[name] = text
        elif kind == "parameter":
            name, _, text = value.partition("=")
            self.parameters[name] = text
        elif kind == "top":
            self.tops[value.rpartition(".")[2]] = None
        elif kind == "libext":
            self.dirs["ext"][value] = None
        else:
            self._path(kind, os.path.normpath(os.path.join(base, value)), line, place, above)

    def _path(self, kind: str, path: str, line: int, place: str, above: tuple[Path, ...]) -> None:
        relative = self.relative(path)
        if kind in ("f", "F"):
            if os.path.isfile(path):
                self.read(Path(path), above, kind == "F")
            else:
                self._absent("file list", relative, place, line)
        elif kind in ("incdir", "y"):
            self.dirs["include" if kind == "incdir" else "dirs"][relative] = None
            if not os.path.isdir(path):
                self._absent("folder", relative, place, line)
        elif Path(path).suffix.lower() in _FOREIGN:
            self.notes.add("NotVerilog", f"{relative} is not Verilog and is left out", place, line)
        else:
            self._source(kind, path, line, place)

    def _source(self, kind: str, path: str, line: int, place: str) -> None:
        found = [path]
        if any(sign in path for sign in "*?[") and not os.path.exists(path):
            found = sorted(glob.glob(path)) or [path]
        for one in found:
            relative = self.relative(one)
            if os.path.isfile(one):
                (self.files if kind == "file" else self.dirs["files"])[relative] = None
            else:
                self.missing[relative] = None
                self._absent("file", relative, place, line)

    def _absent(self, what: str, name: str, place: str, line: int) -> None:
        where = "" if "$" not in name else "; set its variable"
        self.notes.add("MissingFile", f"{what} {name} does not exist and is left out{where}", place, line, "warning")

    def _guess(self, words: list[tuple[int, str]], place: str) -> None:
        """Set variables that are not set to the folder of the repository below which the names after them exist."""
        rests: dict[str, set[str]] = {}
        for _, word in words:
            value = _option(word)[1] or word
            for part in value.split("+"):
                match = _VARIABLE.match(part)
                name = match and (match[1] or match[2] or match[3])
                if match and name and name not in self.environ and "$" not in part[match.end() :]:
                    rests.setdefault(name, set()).add(part[match.end() :].strip("/"))
        for name, after in sorted(rests.items()):
            folder = self._folder(after, place)
            if folder is not None:
                self.environ[name] = str(self.root / folder)
                there = sum(os.path.exists(self.root / folder / rest) for rest in after)
                message = (
                    f"variable {name} is not set; {folder or 'the root'} was taken, where {there} of the {len(after)} "
                    f"names after it exist; set {name}=FOLDER to change that"
                )
                self.notes.add("GuessedVariable", message, place)

    def _folder(self, rests: set[str], place: str) -> str | None:
        """Return the folder below which most of some names exist; None where fewer than half of them do anywhere."""
        tails = {rest for rest in rests if rest and not rest.startswith("..")}
        by_name: dict[str, list[str]] = {}
        for tail in tails:
            by_name.setdefault(posixpath.basename(tail), []).append(tail)
        folders: Counter[str] = Counter()
        for path in self.paths:
            for tail in by_name.get(posixpath.basename(path), ()):
                if path == tail or path.endswith("/" + tail):
                    folders[path[: -len(tail)].rstrip("/")] += 1
        if not folders:
            return None
        most = sorted(folders, key=lambda f: (-folders[f], distance(f"{f}/x" if f else "x", place), f))[:4]

        def there(folder: str) -> int:
            return sum(os.path.exists(self.root / folder / rest) for rest in rests)

        best = max(most, key=there)
        return best if there(best) * 2 >= len(rests) else None


def _option(word: str) -> tuple[str, str]:
    """Return kind and value of a word; the value is empty where the next word is meant."""
    for prefix in ("+define+", "+incdir+", "+libext+"):
        if word.startswith(prefix):
            return prefix[:-1], word.removeprefix(prefix)
    if word in ("-f", "-F", "-v", "-y"):
        return word[1:], ""
    if word in ("-top", "--top", "-s", "--top-module"):
        return "top", ""
    if word in ("-I", "-D", "-G"):
        return {"I": "incdir", "D": "define", "G": "parameter"}[word[1]], ""
    for prefix, kind in (("-pvalue+", "parameter"), ("-I", "incdir"), ("-D", "define"), ("-G", "parameter")):
        if word.startswith(prefix):
            return kind, word.removeprefix(prefix)
    if word in _ONE_ARGUMENT:
        return "skip", ""
    if word in _NO_MEANING:
        return "", ""
    return ("unknown", "") if word[:1] in "+-" else ("file", word)


def _text(path: Path) -> str:
    try:
        if path.is_dir():
            raise InputError(f"expected a file list, got the folder {str(path)!r}")
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: expected a file list of at most {MAX_BYTES >> 20} MiB")
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: can't be read: {error.strerror or error}") from error
    if b"\0" in content:
        raise InputError(f"{path}: expected a file list, got a binary file (NUL byte)")
    return os.fsdecode(content.removeprefix(codecs.BOM_UTF8))
