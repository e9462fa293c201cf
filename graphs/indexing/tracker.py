"""The files of a repository as the indexer last saw them, and which of them changed."""

from __future__ import annotations

import hashlib
import json
import posixpath
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from rtlgen.graphs.database.store import Stored
from rtlgen.graphs.frontend.protocol import Parsed
from rtlgen.graphs.indexing import facts
from rtlgen.graphs.indexing.options import Options
from rtlgen.graphs.repository.filelist import read_filelists
from rtlgen.graphs.repository.files import Found, SourceFile, discover
from rtlgen.graphs.repository.project import Plan
from rtlgen.graphs.rows import FileRows

Parse = Callable[[str, bytes], Parsed]
"""Parses a file by itself, whatever the plan will be."""


@dataclass(slots=True)
class Known:
    """A file in the memory of the indexer.

    Attributes:
        raw: its facts by itself, before any plan.
        parsed: the last full parse, None when only the facts are known.
        context: digest of what the rows in the database were made from; empty before they are written.
    """

    size: int
    modified_ns: int
    sha256: str
    raw: FileRows
    context: str
    parsed: Parsed | None = None


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

    def read(self, stored: Mapping[str, Stored], parse: Parse) -> Iterator[str]:
        """Learn the facts of every file, from memory, from the database, or by parsing it; yield each path."""
        assert self.found is not None
        for file in self.found.files:
            known = self.known.get(file.path)
            if known is None or (known.size, known.modified_ns) != (file.size, file.modified_ns):
                self._read(file, known, stored.get(file.path), parse)
            yield file.path

    def _read(self, file: SourceFile, known: Known | None, noted: Stored | None, parse: Parse) -> None:
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
        parsed = parse(file.path, content)
        if known is None or facts.of_plan(known.raw) != facts.of_plan(parsed.rows):
            self.facts_changed = True
        self.known[file.path] = Known(file.size, file.modified_ns, digest, parsed.rows, "", parsed)

    def _remember(self, file: SourceFile, noted: Stored) -> bool:
        """Take over what the database knows of an unchanged file; return False where it can't be read."""
        try:
            raw = facts.from_json(noted.facts)
        except (ValueError, KeyError, TypeError):
            return False
        self.known[file.path] = Known(file.size, file.modified_ns, noted.sha256, raw, noted.context)
        self.facts_changed = True
        return True

    def content(self, path: str) -> bytes:
        """Return the content of a file; nothing for one that can't be read, which then counts as empty."""
        try:
            return (self.root / path).read_bytes()
        except OSError:
            return b""

    def context_digest(self, path: str, made: Plan) -> str:
        """Return the digest of everything that the rows of a file depend on."""
        known = self.known[path]
        parts: list[object] = [known.sha256, made.prelude_for(path)]
        parts.append([(d, made.defines[d]) for d in sorted(made.defines)])
        if known.raw.includes:
            parts.append(made.include_dirs_for(path))
            parts.append(self._headers(path, made))
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def _headers(self, path: str, made: Plan) -> list[tuple[str, str]]:
        """Return path and sha256 of every file of the repository that may be included, directly or not."""
        found: dict[str, str] = {}
        waiting = [path]
        while waiting:
            here = waiting.pop()
            folders = [posixpath.dirname(here), *made.include_dirs_for(here), *made.include_dirs_for(path)]
            for include in self.known[here].raw.includes if here in self.known else ():
                for folder in folders:
                    target = posixpath.normpath(posixpath.join(folder, include.name))
                    if target in self.known and target not in found:
                        found[target] = self.known[target].sha256
                        waiting.append(target)
        return sorted(found.items())

    def include_targets(self, made: Plan) -> Iterator[tuple[str, str, str]]:
        """Yield path, name as written, and the file that is taken in, for each include that the repository holds."""
        for path, known in self.known.items():
            for include in known.raw.includes:
                for folder in (posixpath.dirname(path), *made.include_dirs_for(path)):
                    target = posixpath.normpath(posixpath.join(folder, include.name))
                    if target in self.known:
                        yield path, include.name, target
                        break
