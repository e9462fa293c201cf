"""The indexer: keeps the design database of one repository up to date.

1. The files are listed; one whose size and time of change are as noted is not even read.
2. Each new or changed file is parsed with its headers, which gives its facts (what it defines, uses and includes).
3. From the facts of all files follows the plan: tops, sources in order, include folders, macros from other files.
4. A file that the plan gives macros of others to is parsed again with them. Each file is one transaction.
5. The sources of the plan are elaborated, and the bodies that changed are written, in one transaction.

A process killed at any point leaves a database that holds every file finished so far, and the last whole design.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from rtlgen.core.errors import InputError
from rtlgen.core.events import EventBus, JobAdvanced, JobFinished, JobStarted, StopToken
from rtlgen.graphs.database.schema import VERSION
from rtlgen.graphs.database.store import Writer, database_of
from rtlgen.graphs.frontend.files import parse_file
from rtlgen.graphs.frontend.guard import MAX_FILE_BYTES
from rtlgen.graphs.frontend.protocol import FRONT_ENDS, Context, Parsed
from rtlgen.graphs.frontend.units import Sources, stored_path
from rtlgen.graphs.indexing import facts
from rtlgen.graphs.indexing.inputs import BodyInputs
from rtlgen.graphs.indexing.options import Options
from rtlgen.graphs.indexing.tracker import Tracker, strip
from rtlgen.graphs.model import Diagnosis
from rtlgen.graphs.repository.files import discover
from rtlgen.graphs.repository.project import Plan, Surroundings, plan
from rtlgen.graphs.room import with_room
from rtlgen.graphs.rows import DesignRows

_FORGET_BYTES: Final = 64 << 20
"""Texts beyond twice the repository and this are forgotten with their trees, several times as large, by a process that
keeps indexing."""


@dataclass(frozen=True, slots=True)
class Indexed:
    """What one indexing did.

    Attributes:
        changed: files that were parsed.
        removed: files that were gone.
        bodies_changed: bodies that were written or dropped.
        elaborated: whether the design was elaborated; False where nothing that it depends on changed.
        unclean: path and reason of files without a clean syntax tree.
        notes: path and message of discovery, plan and elaboration.
        syntax_s: seconds until all files were in the database.
        elaborate_s: seconds from then until the design was.
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
        self.database = (database or database_of(self.root)).absolute()
        self._writer = Writer(self.database)
        self._tracker = Tracker(self.root, self.options, self.database)
        self._sources = Sources()
        self._base = 0
        """Bytes of texts that one indexing takes."""
        self._made: Plan | None = None
        self._around: Surroundings | None = None
        self._written: set[str] = set()
        """Files written since the notes were."""

    def close(self) -> None:
        """Give the database free."""
        self._writer.close()

    def __enter__(self) -> Indexer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, paths: Collection[Path] | None = None) -> Indexed:
        """Bring the database up to date.

        Args:
            paths: the only files that can have changed since the last run, where that is known.

        Raises:
            InputError: a file list, core or top is not there, or the disk is full.
            KeyboardInterrupt: the user asked to stop; what was finished is in the database.
        """
        try:
            return with_room(lambda: self._run(paths))
        except sqlite3.Error as error:
            raise InputError(f"{self.database}: can't be used: {error}; remove it and index again") from error

    def _run(self, paths: Collection[Path] | None) -> Indexed:
        start = time.perf_counter()
        self._forget()
        removed = self._list(paths)
        around = self._learn_all()
        made = self._plan()
        changed = self._parse_all(made, around)
        syntax_s = time.perf_counter() - start
        elaborated, bodies = self._design(made, around)
        elaborate_s = time.perf_counter() - start - syntax_s
        self._base = self._base or self._sources.size
        return self._report(made, (changed, removed), elaborated, bodies, (syntax_s, elaborate_s, start))

    def names(self, path: Path) -> bool:
        """Tell whether a file counts whatever its ending: a source, file list or core that the user or a list names."""
        given = [self.root / name for name in (*self.options.filelists, self.options.core or "")]
        return path in given or (
            path.is_relative_to(self.root) and str(path.relative_to(self.root)) in self._tracker.known
        )

    def _forget(self) -> None:
        if self._base and self._sources.size > 2 * self._base + _FORGET_BYTES:
            self._sources, self._base = Sources(), 0
            for known in self._tracker.known.values():
                known.parsed = known.tree = None

    def _list(self, paths: Collection[Path] | None) -> int:
        """Find out which files there are, and learn the facts of new and changed ones; return how many are gone."""
        first = self._tracker.found is None
        self._tracker.look(paths)
        stored = self._writer.stored() if first else {}
        assert self._tracker.found is not None
        present = set(self._tracker.found.paths)
        gone = sorted((stored.keys() if first else set(self._writer.paths)) - present)
        if gone:
            with self._writer.transaction():
                for path in gone:
                    self._writer.remove_file(path)
        with self._job("read files", len(present), "files") as advance:
            for path in self._tracker.read(stored):
                advance(path)
        return len(gone)

    def _learn_all(self) -> Surroundings:
        """Parse every file whose facts are not known or no longer hold; return what is around the files."""
        tracker = self._tracker
        around = self._around if self._around is not None and not tracker.facts_changed else tracker.look_around()
        self._around = around
        contexts = tracker.raw_contexts(around)
        waiting = [path for path in sorted(contexts) if tracker.known[path].raw_context != contexts[path]]
        with self._job("parse", len(waiting), "files") as advance:
            for path in waiting:
                content = tracker.content(path)
                context = self._context(around.include_dirs_for(path), around.defines, "")
                parsed = parse_file(path, content, context)
                parsed.rows.loose = facts.is_loose(parsed.rows, content)
                tracker.learn(path, parsed, contexts[path])
                if not self._needs_others(path, around):
                    self._write(path, content, parsed, _context_digest(contexts[path], ""))
                advance(path)
        return around

    def _needs_others(self, path: str, around: Surroundings) -> bool:
        """Tell whether a file uses macros of files that it does not include, which the plan has to give it."""
        known = self._tracker.known
        closure = (known[p] for p in around.includes.closure.get(path, ()) if p in known)
        return bool(known[path].raw.unknown_macros or any(k.raw.unknown_macros for k in closure))

    @contextmanager
    def _job(self, job: str, total: int | None, unit: str) -> Iterator[Any]:
        """Show progress; the function that is given counts one step and ends the work where the user asked to stop."""
        self.bus.emit(JobStarted(job=job, total=total, unit=unit))
        done = 0

        def advance(note: object = "") -> None:
            nonlocal done
            done += 1
            if done % 16 == 0 or total is None:
                self.bus.emit(JobAdvanced(job=job, done=done, note=note if isinstance(note, str) else ""))
            if self.token is not None and self.token.draining:
                raise KeyboardInterrupt

        yield advance
        self.bus.emit(JobFinished(job=job))

    def _context(self, include_dirs: Sequence[str], defines: Mapping[str, str], prelude: str) -> Context:
        folders = tuple(str(self.root / d) for d in include_dirs)
        return Context(folders, defines, prelude, str(self.root), self._sources)

    def _plan(self) -> Plan:
        """Return the plan, made anew where a file says something else than before."""
        if self._made is not None and not self._tracker.facts_changed:
            return self._made
        options = self.options
        assert self._tracker.found is not None
        self._made = plan(
            self.root,
            {f.path: self._tracker.known[f.path].raw for f in self._tracker.found.files},
            tops=options.tops,
            filelists=options.filelists,
            core=options.core,
            include_dirs=options.include_dirs,
            defines=options.defines,
            all_tops=options.all_tops,
        )
        return self._made

    def _parse_all(self, made: Plan, around: Surroundings) -> int:
        """Write what is not in the database as the plan wants it, one transaction a file; return how many."""
        known = self._tracker.known
        digests = {path: _context_digest(known[path].raw_context, made.prelude_for(path)) for path in known}
        waiting = [path for path in sorted(known) if known[path].context != digests[path]]
        with self._job("write", len(waiting), "files") as advance:
            for path in waiting:
                self._parse(path, made, digests[path])
                advance(path)
        if self._written or self._tracker.facts_changed:
            self._write_notes(made, around)
        changed = len(self._written)
        self._written.clear()
        self._tracker.facts_changed = False
        return changed

    def _parse(self, path: str, made: Plan, digest: str) -> None:
        content = self._tracker.content(path)
        parsed = self._tracker.known[path].parsed
        prelude = made.prelude_for(path)
        if parsed is None or prelude or parsed.rows.sha256 != hashlib.sha256(content).hexdigest():
            parsed = parse_file(path, content, self._context(self._dirs(path), made.defines, prelude))
        self._write(path, content, parsed, digest)

    def _write(self, path: str, content: bytes, parsed: Parsed, digest: str) -> None:
        """Write one file, in one transaction; its rows are forgotten."""
        known = self._tracker.known[path]
        noted = facts.to_json(known.raw, known.raw_context, known.included)
        kept = content if len(content) <= MAX_FILE_BYTES else b""
        parsed.rows.size = known.size
        with self._writer.transaction():
            self._writer.replace_file(parsed.rows, kept, known.modified_ns, digest, noted)
        strip(known.raw)
        known.parsed, known.tree, known.context = None, parsed.tree, digest
        self._written.add(path)

    def _write_notes(self, made: Plan, around: Surroundings) -> None:
        """Write what goes beyond single files: resolved includes, and the notes of discovery and plan."""
        found = self._tracker.found
        assert found is not None
        notes = [*zip(found.places, found.skipped, strict=True), *zip(made.places, made.notes, strict=True)]
        with self._writer.transaction():
            self._writer.resolve_includes(self._tracker.include_targets(around))
            self._writer.note(notes, "discover")
            self._writer.put("root", str(self.root))
            self._writer.put("options", asdict(self.options))
            self._writer.put("plan", _recorded(made, around, self.options))

    def _design(self, made: Plan, around: Surroundings) -> tuple[bool, list[str]]:
        """Elaborate and write the design unless it is up to date; return whether, and the bodies that changed."""
        known = self._tracker.known
        parts = [(path, known[path].context) for path in made.files if path in known]
        state = json.dumps([VERSION, _recorded(made, around, self.options), parts], default=list)
        digest = hashlib.sha256(state.encode()).hexdigest()
        if self._writer.get("design") == json.dumps(digest):
            return False, []
        trees = [tree for path in made.files if (tree := self._tree(path, made)) is not None]
        from rtlgen.graphs.elaborate.design import elaborate

        with self._job("elaborate", None, "modules") as advance:
            design = elaborate(
                trees,
                self._sources.manager,
                tops=(*made.tops, *made.spare),
                parameters={**made.parameters, **self.options.parameters},
                path_of=self._path_of,
                advance=advance,
                inputs=BodyInputs(made, known, self._writer.body_inputs()),
            )
        self._note_treeless(design, made)
        with self._writer.transaction():
            bodies = self._writer.replace_design(design)
            self._writer.put("design", digest)
            self._writer.put("tops", [name for name in design.tops if name not in made.spare] or design.tops)
            self._writer.put("unknown", made.unknown)
        return True, bodies

    def _tree(self, path: str, made: Plan) -> Any:
        """Return slang's tree of a source of the plan, parsed now where it is not in memory."""
        known = self._tracker.known.get(path)
        if known is None or known.treeless[0] == known.context:
            return None
        if known.tree is None:
            context = self._context(self._dirs(path), made.defines, made.prelude_for(path))
            parsed = FRONT_ENDS.load("syntax").parse(path, self._tracker.content(path), context)
            known.tree = parsed.tree
            if known.tree is None:
                known.treeless = known.context, parsed.rows.problem or "it is only a part of something"
        return known.tree

    def _note_treeless(self, design: DesignRows, made: Plan) -> None:
        """Say which sources of the plan are not in the design, and why."""
        for path in made.files:
            known = self._tracker.known.get(path)
            if known is not None and known.treeless[0] == known.context:
                message = f"left out of the design: {known.treeless[1]}"
                design.diagnoses.insert(0, Diagnosis(0, 0, 0, 0, "error", "LeftOut", message, "elaborate"))
                design.places.insert(0, path)

    def _dirs(self, path: str) -> tuple[str, ...]:
        return self._around.include_dirs_for(path) if self._around is not None else ()

    def _path_of(self, name: str) -> str:
        return stored_path(name, str(self.root))

    def _report(
        self,
        made: Plan,
        counts: tuple[int, int],
        elaborated: bool,
        bodies: list[str],
        times: tuple[float, float, float],
    ) -> Indexed:
        writer = self._writer
        syntax_s, elaborate_s, start = times
        return Indexed(
            root=str(self.root),
            database=str(self.database),
            files=len(self._tracker.known),
            lines=writer.total("file", "lines"),
            changed=counts[0],
            removed=counts[1],
            tops=made.tops,
            unknown=made.unknown,
            bodies=writer.total("body"),
            bodies_changed=len(bodies),
            instances=writer.total("instance"),
            elaborated=elaborated,
            unclean=tuple(writer.unclean()),
            notes=tuple(writer.notes()),
            syntax_s=round(syntax_s, 4),
            elaborate_s=round(elaborate_s, 4),
            wall_s=round(time.perf_counter() - start, 4),
        )


def _context_digest(raw_context: str, prelude: str) -> str:
    """Return the digest of everything that the rows of a file depend on."""
    return hashlib.sha256(f"{raw_context}\0{prelude}".encode()).hexdigest()


def _recorded(made: Plan, around: Surroundings, options: Options) -> dict[str, Any]:
    """Return what is needed to elaborate the stored design again."""
    return {
        "tops": (*made.tops, *made.spare),
        "files": made.files,
        "defines": dict(made.defines),
        "parameters": {**made.parameters, **options.parameters},
        "include_dirs": {path: around.include_dirs_for(path) for path in made.files},
        "preludes": {path: text for path in made.files if (text := made.prelude_for(path))},
    }
