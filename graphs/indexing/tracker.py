"""The files of a repository as the indexer last saw them, and which of them changed."""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rtlgen.graphs.database.store import Stored
from rtlgen.graphs.frontend.guard import MAX_FILE_BYTES, unreadable
from rtlgen.graphs.frontend.lexical import scan
from rtlgen.graphs.frontend.protocol import Parsed
from rtlgen.graphs.indexing import facts
from rtlgen.graphs.indexing.options import Options
from rtlgen.graphs.model import Includes
from rtlgen.graphs.repository.filelist import read_filelists
from rtlgen.graphs.repository.files import Found, SourceFile, discover
from rtlgen.graphs.repository.project import Surroundings, surroundings
from rtlgen.graphs.rows import FileRows

if TYPE_CHECKING:
    from pyslang import syntax


@dataclass(slots=True)
class Known:
    """A file in the memory of the indexer.

    Attributes:
        included: names in its `` `include `` directives, those in excluded branches too.
        raw: its facts, as it is with its headers but without macros from elsewhere; empty before `learn`.
        raw_context: digest of what the facts were made from; empty before `learn`.
        context: digest of what the rows in the database were made from; empty before they are written.
        parsed: the last full parse, until it is in the database; then only the facts are kept, in `raw`.
        tree: slang's tree of what is in the database, None when there is none in memory.
        old: facts of the text before, until those of the new one are known.
        treeless: the context in which slang gave no tree that can be elaborated, and why.
    """

    size: int
    modified_ns: int
    sha256: str
    included: tuple[str, ...]
    raw: FileRows
    raw_context: str = ""
    context: str = ""
    parsed: Parsed | None = None
    tree: syntax.SyntaxTree | None = None
    old: FileRows | None = None
    treeless: tuple[str, str] = ("", "")


class Tracker:
    """Knows every file, and finds out what changed since it last looked."""

    def __init__(self, root: Path, options: Options, database: Path) -> None:
        """Know nothing yet."""
        self.root = root
        self._options = options
        self._database = database
        self.known: dict[str, Known] = {}
        self.found: Found | None = None
        self.facts_changed = True
        """Whether the last look found something that the plan depends on."""

    def look(self, paths: Collection[Path] | None = None) -> set[str]:
        """List the files, or stat only those of `paths`; return the paths of files that are gone."""
        if paths is not None and self.found is not None and self._look_at(paths):
            return set()
        self.found = self._discover()
        gone = self.known.keys() - set(self.found.paths)
        for path in gone:
            del self.known[path]
        self.facts_changed = True
        return gone

    def _look_at(self, paths: Collection[Path]) -> bool:
        """Take new sizes and times of known files; return False where a full listing is needed."""
        assert self.found is not None
        files = {f.path: f for f in self.found.files}
        for path in paths:
            try:
                name = path.relative_to(self.root).as_posix()
                state = path.stat()
            except (OSError, ValueError):
                return False
            if name not in files or not path.is_file():
                return False
            files[name] = SourceFile(name, state.st_size, state.st_mtime_ns)
        self.found = replace(self.found, files=tuple(files[f.path] for f in self.found.files))
        return True

    def _discover(self) -> Found:
        also: Iterable[str] = ()
        if self._options.filelists:
            also = read_filelists(self._options.filelists, self.root).files
        excluded = [*self._options.exclude]
        if self._database.is_relative_to(self.root):
            excluded.append("/" + str(self._database.relative_to(self.root)))
        return discover(self.root, exclude=excluded, also=also)

    def read(self, stored: Mapping[str, Stored]) -> Iterator[str]:
        """Learn what every file includes, from memory, from the database, or from its text; yield each path."""
        assert self.found is not None
        for file in self.found.files:
            known = self.known.get(file.path)
            if known is None or (known.size, known.modified_ns) != (file.size, file.modified_ns):
                self._read(file, known, stored.get(file.path))
            yield file.path

    def _read(self, file: SourceFile, known: Known | None, noted: Stored | None) -> None:
        same = noted is not None and (noted.size, noted.modified_ns) == (file.size, file.modified_ns)
        if known is None and noted is not None and same and self._remember(file, noted):
            return
        content = self.content(file.path)
        digest = hashlib.sha256(content).hexdigest()
        if known is not None and known.sha256 == digest:
            known.size, known.modified_ns = file.size, file.modified_ns
            return
        if known is None and noted is not None and noted.sha256 == digest and self._remember(file, noted):
            return
        raw = FileRows(file.path, digest, len(content), 0)
        includes = () if unreadable(content) else scan(content).includes
        included = tuple(dict.fromkeys(i.name.strip('"<> ') for i in includes))
        old = known.old or known.raw if known is not None else None
        if known is None or known.included != included:
            self.facts_changed = True
        self.known[file.path] = Known(file.size, file.modified_ns, digest, included, raw, old=old)

    def _remember(self, file: SourceFile, noted: Stored) -> bool:
        """Take over what the database knows of an unchanged file; return False where it can't be read."""
        try:
            raw, raw_context, included = facts.from_json(noted.facts)
        except (ValueError, KeyError, TypeError):
            return False
        self.known[file.path] = Known(
            file.size, file.modified_ns, noted.sha256, included, raw, raw_context, noted.context
        )  # fmt: skip
        self.facts_changed = True
        return True

    def learn(self, path: str, parsed: Parsed, raw_context: str) -> None:
        """Take the facts that a parse gave."""
        known = self.known[path]
        before = known.old or (known.raw if known.raw_context else None)
        if before is None or facts.of_plan(before) != facts.of_plan(parsed.rows):
            self.facts_changed = True
        known.raw, known.raw_context, known.parsed, known.old = parsed.rows, raw_context, parsed, None
        known.tree = None

    def look_around(self) -> Surroundings:
        """Return what file lists, cores and options say, and what the includes of all files mean."""
        options = self._options
        return surroundings(
            self.root,
            {path: _with_includes(path, known) for path, known in self.known.items()},
            filelists=options.filelists,
            core=options.core,
            include_dirs=options.include_dirs,
            defines=options.defines,
        )

    def content(self, path: str) -> bytes:
        """Return the content of a file; nothing for one that can't be read, which then counts as empty.

        Of one that is larger than any front end takes, the beginning.
        """
        try:
            with (self.root / path).open("rb") as file:
                return file.read(MAX_FILE_BYTES + 1)
        except OSError:
            return b""

    def raw_contexts(self, around: Surroundings) -> dict[str, str]:
        """Return path → digest of everything that the facts of the file depend on."""
        defines = sorted(around.defines.items())
        found = {}
        for path, known in self.known.items():
            parts: list[object] = [known.sha256, defines]
            if known.included:
                headers = [(p, self.known[p].sha256) for p in around.includes.closure.get(path, ()) if p in self.known]
                parts += [around.include_dirs_for(path), headers]
            found[path] = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
        return found

    def include_targets(self, around: Surroundings) -> Iterator[tuple[str, str, str]]:
        """Yield path, name as written, and the file that is taken in, for each include that the repository holds."""
        for path, known in self.known.items():
            for name in known.included:
                for folder in (posixpath.dirname(path), *around.include_dirs_for(path)):
                    target = posixpath.normpath(posixpath.join(folder, name))
                    if target in self.known:
                        yield path, name, target
                        break


def strip(rows: FileRows) -> None:
    """Forget what is in the database and no plan needs, which is nearly all of the memory that rows take."""
    rows.nodes, rows.chunks, rows.comments, rows.describes, rows.diagnoses = [], [], [], [], []


def _with_includes(path: str, known: Known) -> FileRows:
    rows = FileRows(path, known.sha256, known.size, 0)
    rows.includes = [Includes(0, 0, name, 0) for name in known.included]
    return rows
