"""Indexing: from the files of a repository to its design database, only what changed.

1. The files are listed; one whose size and time of change are as noted is not even read.
2. Each new or changed file is parsed by itself, which gives its facts (what it defines, uses and includes).
3. From the facts of all files follows the plan: tops, sources in order, include folders, macros from other files.
4. A file that the plan gives headers or macros to is parsed again with them. Each file is one transaction.
5. The sources of the plan are elaborated, and the bodies that changed are written, in one transaction.

A process killed at any point leaves a database that holds every file finished so far, and the last whole design.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from rtlgen.core.errors import InputError
from rtlgen.core.events import EventBus, JobAdvanced, JobFinished, JobStarted, StopToken
from rtlgen.graphs import facts
from rtlgen.graphs.database.store import Stored, Writer, database_of
from rtlgen.graphs.frontend.files import parse_file
from rtlgen.graphs.frontend.protocol import FRONT_ENDS, Context, Parsed
from rtlgen.graphs.frontend.units import Sources
from rtlgen.graphs.model import Diagnosis
from rtlgen.graphs.repository.filelist import read_filelists
from rtlgen.graphs.repository.files import Found, SourceFile, discover
from rtlgen.graphs.repository.project import Plan, plan
from rtlgen.graphs.rows import DesignRows, FileRows

_VIRTUAL: Final = re.compile(r"^/@\d+(?P<path>/.*?)(?:@[0-9a-f]{20})?$", re.DOTALL)
"""How `Sources` names a text for slang."""
_FORGET_BYTES: Final = 512 << 20
"""Texts beyond this are forgotten with their trees by a process that keeps indexing."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asks for; see `rtlgen.graphs.repository.project.plan`."""

    tops: tuple[str, ...] = ()
    filelists: tuple[str, ...] = ()
    core: str | None = None
    include_dirs: tuple[str, ...] = ()
    defines: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    all_tops: bool = False
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Indexed:
    """What one indexing did.

    Attributes:
        changed: files that were parsed, and files that were gone.
        bodies: keys of bodies that were written or dropped.
        elaborated: whether the design was elaborated; False where nothing that it depends on changed.
    """

    root: str
    database: str
    files: int
    lines: int
    changed: int
    removed: int
    tops: tuple[str, ...]
    unknown: tuple[str, ...]
    bodies: int
    bodies_changed: int
    instances: int
    elaborated: bool
    unclean: tuple[tuple[str, str], ...]
    notes: tuple[tuple[str, Diagnosis], ...]
    syntax_s: float
    elaborate_s: float
    wall_s: float


@dataclass(slots=True)
class _Known:
    """A file in the memory of the indexer.

    Attributes:
        raw: its facts by itself, before any plan.
        parsed: the last full parse, None when only the facts are known.
        context: digest of the context of the rows in the database.
    """

    size: int
    modified_ns: int
    sha256: str
    raw: FileRows
    context: str
    parsed: Parsed | None = None


class Indexer:
    """Keeps one database up to date with its repository; not for several threads."""

    def __init__(
        self,
        root: Path | str,
        options: Options | None = None,
        *,
        database: Path | None = None,
        bus: EventBus | None = None,
        token: StopToken | None = None,
    ) -> None:
        """Open the database for writing.

        Raises:
            InputError: the root is no folder, the database can't be written, or another process is indexing.
        """
        self.root = Path(root).absolute()
        discover(self.root, exclude=["*"])
        self.options = options or Options()
        self.bus = bus or EventBus()
        self.token = token
        self.database = database or database_of(self.root)
        self._writer = Writer(self.database)
        self._sources = Sources()
        self._known: dict[str, _Known] = {}

    def close(self) -> None:
        """Give the database free."""
        self._writer.close()

    def __enter__(self) -> Indexer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self) -> Indexed:
        """Bring the database up to date.

        Raises:
            InputError: a file list, core or top is not there, or the disk is full.
        """
        start = time.perf_counter()
        if self._sources.size > _FORGET_BYTES:
            self._sources = Sources()
            for known in self._known.values():
                known.parsed = None
        found = self._discover()
        stored = self._writer.stored()
        removed = self._remove(found, stored)
        self._read_all(found, stored)
        made = self._plan(found)
        changed = self._parse_all(found, made)
        self._finish_files(made, found)
        syntax_s = time.perf_counter() - start
        design, bodies = self._design(made)
        elaborate_s = time.perf_counter() - start - syntax_s
        return self._report(found, made, changed, removed, design, bodies, syntax_s, elaborate_s, start)

    def _discover(self) -> Found:
        also: Iterable[str] = ()
        if self.options.filelists:
            also = read_filelists(self.options.filelists, self.root).files
        excluded = [*self.options.exclude]
        if self.database.is_relative_to(self.root):
            excluded.append("/" + str(self.database.relative_to(self.root)))
        return discover(self.root, exclude=excluded, also=also)

    def _remove(self, found: Found, stored: Mapping[str, Stored]) -> int:
        gone = sorted(stored.keys() - set(found.paths))
        if gone:
            with self._writer.transaction():
                for path in gone:
                    self._writer.remove_file(path)
                    self._known.pop(path, None)
        return len(gone)

    def _read_all(self, found: Found, stored: Mapping[str, Stored]) -> None:
        """Learn the facts of every file, from memory, from the database, or by parsing it alone."""
        job = "read files"
        self.bus.emit(JobStarted(job=job, total=len(found.files), unit="files"))
        for done, file in enumerate(found.files, 1):
            self._read(file, stored.get(file.path))
            if done % 16 == 0:
                self.bus.emit(JobAdvanced(job=job, done=done, note=file.path))
            self._check_stop()
        self.bus.emit(JobFinished(job=job))

    def _read(self, file: SourceFile, noted: Stored | None) -> None:
        known = self._known.get(file.path)
        if known is not None and (known.size, known.modified_ns) == (file.size, file.modified_ns):
            return
        if known is None and noted is not None and (noted.size, noted.modified_ns) == (file.size, file.modified_ns):
            raw = _facts(noted.facts)
            if raw is not None:
                self._known[file.path] = _Known(file.size, file.modified_ns, noted.sha256, raw, noted.context)
                return
        content = self._content(file.path)
        digest = hashlib.sha256(content).hexdigest()
        if known is not None and known.sha256 == digest:
            known.size, known.modified_ns = file.size, file.modified_ns
            return
        if noted is not None and noted.sha256 == digest and (raw := _facts(noted.facts)) is not None:
            self._known[file.path] = _Known(file.size, file.modified_ns, digest, raw, noted.context)
            return
        parsed = parse_file(file.path, content, self._context((), {}, ""))
        self._known[file.path] = _Known(file.size, file.modified_ns, digest, parsed.rows, "", parsed)

    def _content(self, path: str) -> bytes:
        """Return the content of a file; nothing for one that can't be read, which then counts as empty."""
        try:
            return (self.root / path).read_bytes()
        except OSError:
            return b""

    def _context(self, include_dirs: Sequence[str], defines: Mapping[str, str], prelude: str) -> Context:
        folders = tuple(str(self.root / d) for d in include_dirs)
        return Context(folders, defines, prelude, str(self.root), self._sources)

    def _plan(self, found: Found) -> Plan:
        rows = {f.path: self._known[f.path].raw for f in found.files}
        options = self.options
        return plan(
            self.root,
            rows,
            tops=options.tops,
            filelists=options.filelists,
            core=options.core,
            include_dirs=options.include_dirs,
            defines=options.defines,
            all_tops=options.all_tops,
        )

    def _parse_all(self, found: Found, made: Plan) -> int:
        """Parse what is not in the database as the plan wants it, one transaction a file; return how many."""
        job = "parse"
        waiting = [f for f in found.files if self._is_due(f.path, made)]
        self.bus.emit(JobStarted(job=job, total=len(waiting), unit="files"))
        for done, file in enumerate(waiting, 1):
            self._parse(file, made)
            self.bus.emit(JobAdvanced(job=job, done=done, note=file.path))
            self._check_stop()
        self.bus.emit(JobFinished(job=job))
        return len(waiting)

    def _is_due(self, path: str, made: Plan) -> bool:
        return self._known[path].context != self._context_digest(path, made)

    def _context_digest(self, path: str, made: Plan) -> str:
        """Return the digest of everything that the rows of a file depend on."""
        known = self._known[path]
        raw = known.raw
        needs = bool(raw.includes)
        parts: list[object] = [known.sha256, made.prelude_for(path)]
        parts.append([(d, made.defines[d]) for d in sorted(made.defines)])
        if needs:
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
            for include in self._known[here].raw.includes if here in self._known else ():
                for folder in folders:
                    target = posixpath.normpath(posixpath.join(folder, include.name))
                    if target in self._known and target not in found:
                        found[target] = self._known[target].sha256
                        waiting.append(target)
        return sorted(found.items())

    def _parse(self, file: SourceFile, made: Plan) -> None:
        known = self._known[file.path]
        content = self._content(file.path)
        parsed = known.parsed
        include_dirs, prelude = made.include_dirs_for(file.path), made.prelude_for(file.path)
        plain = not prelude and not made.defines and not known.raw.includes
        if parsed is None or not plain or parsed.rows is not known.raw:
            parsed = parse_file(file.path, content, self._context(include_dirs, made.defines, prelude))
        digest = self._context_digest(file.path, made)
        with self._writer.transaction():
            self._writer.replace_file(parsed.rows, content, file.modified_ns, digest, facts.to_json(known.raw))
        known.parsed, known.context = parsed, digest

    def _finish_files(self, made: Plan, found: Found) -> None:
        """Write what goes beyond single files: resolved includes, and the notes of discovery and plan."""
        notes = [*zip(found.places, found.skipped, strict=True), *zip(made.places, made.notes, strict=True)]
        state = json.dumps([[(p, *d) for p, d in notes], sorted((p, k.context) for p, k in self._known.items())])
        digest = hashlib.sha256(state.encode()).hexdigest()
        if self._writer.get("files") == json.dumps(digest):
            return
        with self._writer.transaction():
            self._writer.resolve_includes(self._include_targets(made))
            self._writer.note(notes, "discover")
            self._writer.put("files", digest)
            self._writer.put("root", str(self.root))
            self._writer.put("options", asdict(self.options))

    def _include_targets(self, made: Plan) -> Iterable[tuple[str, str, str]]:
        for path, known in self._known.items():
            for include in known.raw.includes:
                for folder in (posixpath.dirname(path), *made.include_dirs_for(path)):
                    target = posixpath.normpath(posixpath.join(folder, include.name))
                    if target in self._known:
                        yield path, include.name, target
                        break

    def _design(self, made: Plan) -> tuple[DesignRows | None, list[str]]:
        """Elaborate and write the design unless it is up to date; return it and the bodies that changed."""
        state = [made.tops, made.files, made.defines, {**made.parameters, **self.options.parameters}]
        parts = [(path, self._known[path].context) for path in made.files if path in self._known]
        digest = hashlib.sha256(json.dumps([state, parts]).encode()).hexdigest()
        if self._writer.get("design") == json.dumps(digest):
            return None, []
        trees = [tree for path in made.files if (tree := self._tree(path, made)) is not None]
        job = "elaborate"
        self.bus.emit(JobStarted(job=job, unit="modules"))
        done = 0

        def advance(count: int) -> None:
            nonlocal done
            done += count
            self.bus.emit(JobAdvanced(job=job, done=done))

        from rtlgen.graphs.elaborate.design import elaborate

        design = elaborate(
            trees,
            self._sources.manager,
            tops=made.tops,
            parameters={**made.parameters, **self.options.parameters},
            path_of=self._path_of,
            advance=advance,
        )
        with self._writer.transaction():
            bodies = self._writer.replace_design(design)
            self._writer.put("design", digest)
            self._writer.put("tops", made.tops)
            self._writer.put("unknown", made.unknown)
        self.bus.emit(JobFinished(job=job))
        return design, bodies

    def _tree(self, path: str, made: Plan) -> Any:
        """Return slang's tree of a source of the plan, parsed now where it is not in memory."""
        known = self._known.get(path)
        if known is None:
            return None
        if known.parsed is None or known.parsed.tree is None:
            context = self._context(made.include_dirs_for(path), made.defines, made.prelude_for(path))
            known.parsed = FRONT_ENDS.load("syntax").parse(path, self._content(path), context)
        return known.parsed.tree

    def _path_of(self, name: str) -> str:
        """Return slang's name of a text as a path relative to the root."""
        match = _VIRTUAL.match(name)
        path = match["path"] if match else name
        return posixpath.relpath(path, self.root) if path.startswith("/") else path

    def _check_stop(self) -> None:
        if self.token is not None and self.token.draining:
            raise KeyboardInterrupt

    def _report(
        self,
        found: Found,
        made: Plan,
        changed: int,
        removed: int,
        design: DesignRows | None,
        bodies: list[str],
        syntax_s: float,
        elaborate_s: float,
        start: float,
    ) -> Indexed:
        return Indexed(
            root=str(self.root),
            database=str(self.database),
            files=len(found.files),
            lines=self._writer.total("file", "lines"),
            changed=changed,
            removed=removed,
            tops=made.tops,
            unknown=made.unknown,
            bodies=self._writer.total("body"),
            bodies_changed=len(bodies),
            instances=self._writer.total("instance"),
            elaborated=design is not None,
            unclean=tuple(self._writer.unclean()),
            notes=tuple(self._writer.notes()),
            syntax_s=round(syntax_s, 4),
            elaborate_s=round(elaborate_s, 4),
            wall_s=round(time.perf_counter() - start, 4),
        )


def _facts(text: str) -> FileRows | None:
    try:
        return facts.from_json(text)
    except (ValueError, KeyError, TypeError):
        return None


def check_options(options: Options) -> None:
    """Check what can be checked before any work.

    Raises:
        InputError: a name is no Verilog name.
    """
    for name in (*options.defines, *options.parameters):
        if not re.fullmatch(r"[A-Za-z_]\w*", name):
            raise InputError(f"expected a name of letters, digits and _, got {name!r}")
