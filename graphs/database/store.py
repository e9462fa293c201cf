"""Writing the design database: one transaction for a file, one for a design; readers see the old or the new state."""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from rtlgen.core.errors import InputError
from rtlgen.graphs import model
from rtlgen.graphs.database import schema
from rtlgen.graphs.model import SHIFT
from rtlgen.graphs.rows import BodyRows, DesignRows, FileRows

FOLDER: Final = ".rtlgen"
NAME: Final = "graph.db"
BUSY_S: Final = 30.0
LEAVES: Final = frozenset({"block", "assign", "function", "task", "signal", "port", "parameter", "type", "instance"})
"""Chunks whose whole text is searched; of larger ones the first lines are, what is inside has chunks of its own."""
_HEAD_CHARACTERS: Final = 2000


def database_of(repository: Path) -> Path:
    """Return where the database of a repository lies unless another place is given."""
    return repository / FOLDER / NAME


def connect(path: Path, *, write: bool = False) -> sqlite3.Connection:
    """Open a database file.

    Raises:
        InputError: it is no database of this version, or can't be opened.
    """
    if path.is_dir():
        raise InputError(f"{path}: expected the file of a design database, got a folder")
    try:
        connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode=WAL" if write else "PRAGMA query_only=1")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA mmap_size=268435456")
        if write and not connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
            _create(connection)
        _check_version(connection, path)
    except sqlite3.Error as error:
        raise InputError(f"{path}: can't be used as a design database: {error}; remove it and index again") from error
    return connection


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    with _ending(connection):
        if connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
            return
        for statement in schema.statements():
            connection.execute(statement)
        connection.execute("INSERT INTO meta VALUES ('schema', ?)", (str(schema.VERSION),))
        connection.execute("INSERT INTO meta VALUES ('generation', '0')")


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    row = connection.execute("SELECT value FROM meta WHERE key='schema'").fetchone()
    found = row[0] if row else None
    if found != str(schema.VERSION):
        raise InputError(
            f"{path}: expected a design database of version {schema.VERSION}, got {found!r}; remove it and index again"
        )


@contextmanager
def _ending(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit when all went well, roll back otherwise."""
    try:
        yield
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


class Stored(NamedTuple):
    """What is noted of a file, to see whether it changed."""

    size: int
    modified_ns: int
    sha256: str
    context: str
    facts: str


class Writer:
    """The one process that writes a database."""

    def __init__(self, path: Path) -> None:
        """Open `path` for writing, made if it is not there.

        Raises:
            InputError: the folder can't be written, or another process is indexing.
        """
        self.path = path
        self._lock = _locked(path)
        try:
            self._connection = connect(path, write=True)
        except BaseException:
            self._lock.close()
            raise
        self._files: dict[str, int] = dict(self._connection.execute("SELECT path, id FROM file"))

    def close(self) -> None:
        """Give the database free for another writer."""
        self._connection.close()
        self._lock.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Write all or nothing; the generation rises by one.

        Raises:
            InputError: the disk is full or fails.
        """
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            with _ending(self._connection):
                yield
                self._connection.execute("UPDATE meta SET value = value + 1 WHERE key = 'generation'")
        except sqlite3.Error as error:
            self._files = dict(self._connection.execute("SELECT path, id FROM file"))
            raise InputError(f"{self.path}: can't be written: {error}") from error

    def stored(self) -> dict[str, Stored]:
        """Return what is noted of every file, by path."""
        query = "SELECT path, size, modified_ns, sha256, context, facts FROM file JOIN source ON source.file = file.id"
        return {row[0]: Stored(*row[1:]) for row in self._connection.execute(query)}

    @property
    def paths(self) -> Collection[str]:
        """The paths of all files in the database."""
        return self._files.keys()

    def get(self, key: str) -> str:
        """Return a value noted with the database, empty when there is none."""
        row = self._connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return str(row[0]) if row else ""

    def put(self, key: str, value: object) -> None:
        """Note a value with the database, as JSON; inside a transaction."""
        self._connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, json.dumps(value)))

    def touch(self, path: str, size: int, modified_ns: int) -> None:
        """Note that a file has the same content as before under another time of change; inside a transaction."""
        self._connection.execute("UPDATE file SET size=?, modified_ns=? WHERE path=?", (size, modified_ns, path))

    def replace_file(self, rows: FileRows, content: bytes, modified_ns: int, context: str, facts: str) -> int:
        """Write everything of one file in place of what was there; return its number. Inside a transaction.

        Args:
            rows: what the front end said.
            content: the text.
            modified_ns: time of the file's last change.
            context: digest of everything besides the content that the rows depend on.
            facts: what the next indexing needs to know of the file without parsing it, as JSON.
        """
        number = self._files.get(rows.path)
        if number:
            self._drop_file_rows(number)
        else:
            number = self._new_file(rows.path)
        record = model.File(
            number, rows.path, rows.sha256, rows.size, modified_ns, rows.lines, rows.tier, rows.errors, rows.problem
        )
        names = schema.columns(model.File)
        sets = ", ".join(f'"{n}"=?' for n in names[1:])
        self._connection.execute(f"UPDATE file SET {sets} WHERE id=?", (*record[1:], number))
        self._connection.execute(
            "INSERT OR REPLACE INTO source VALUES (?, ?, ?, ?)", (number, context, facts, zlib.compress(content, 1))
        )
        self._insert_file_rows(number, rows)
        return number

    def remove_file(self, path: str) -> None:
        """Forget a file. Inside a transaction."""
        number = self._files.pop(path, None)
        if number:
            self._drop_file_rows(number)
            self._connection.execute("DELETE FROM source WHERE file=?", (number,))
            self._connection.execute("DELETE FROM file WHERE id=?", (number,))

    def resolve_includes(self, targets: Iterable[tuple[str, str, str]]) -> None:
        """Set which file each `` `include `` takes in: (path of the includer, name as written, path of the target).

        All others take in none.
        """
        wanted = {(self._files.get(path, 0), name): self._files.get(target, 0) for path, name, target in targets}
        rows = self._connection.execute("SELECT id, name, target FROM includes").fetchall()
        changed = [(new, row) for row, name, old in rows if (new := wanted.get((row >> SHIFT, name), 0)) != old]
        self._connection.executemany("UPDATE includes SET target=? WHERE id=?", changed)

    def replace_design(self, design: DesignRows) -> list[str]:
        """Write a design in place of the one that was there; return the keys of bodies that changed.

        Inside a transaction. Bodies whose digest is the same stay as they are.
        """
        old = {key: (number, digest) for number, key, digest in self._connection.execute(
            "SELECT body, key, digest FROM body_key JOIN body ON body.id = body_key.body")}  # fmt: skip
        numbers: dict[str, int] = {key: number for key, (number, _) in old.items()}
        following = max(numbers.values(), default=0) + 1
        changed = []
        for key, body in design.bodies.items():
            if body is None:
                continue
            digest = body.digest()
            if key in old and old[key][1] == digest:
                self._connection.execute("UPDATE body_key SET inputs=? WHERE key=?", (design.inputs.get(key, ""), key))
                continue
            changed.append(key)
            if key not in numbers:
                numbers[key] = following
                following += 1
            self._replace_body(numbers[key], body, digest, design.inputs.get(key, ""))
        for key in numbers.keys() - design.bodies.keys():
            changed.append(key)
            self._drop_body(numbers[key])
        self._replace_instances(design, numbers)
        self._replace_diagnoses(design)
        if changed:
            self.replace_netlist([], [])
        return changed

    def body_inputs(self) -> dict[str, str]:
        """Return key → digest of what it was made from, of the bodies that depend on nothing else.

        A body with a name that reaches into another module depends on that module too, and where several bodies have
        the same parameters, which is which is told by the order only: these are left out.
        """
        marks = "SELECT DISTINCT id >> ? FROM signal WHERE kind = 'remote'"
        reaching = {row[0] for row in self._connection.execute(marks, (SHIFT,))}
        rows = self._connection.execute("SELECT body, key, inputs FROM body_key").fetchall()
        several = {key.rpartition("~")[0] for _, key, _ in rows if "~" in key}
        return {
            key: inputs
            for body, key, inputs in rows
            if body not in reaching and "~" not in key and key not in several and inputs
        }

    def replace_netlist(self, nets: Sequence[model.Net], corresponds: Sequence[model.Corresponds]) -> None:
        """Write the wires of a netlist, and what they stand for, in place of those that were there.

        Inside a transaction. Both refer to the design as it is now: an index of another design drops them.
        """
        self._connection.execute("DELETE FROM net")
        self._connection.execute("DELETE FROM corresponds")
        self._insert(model.Net, nets)
        self._edges(model.Corresponds, 0, list(corresponds))

    def note(self, diagnoses: Iterable[tuple[str, model.Diagnosis]], phase: str) -> None:
        """Write messages of a phase, with the path of their file, in place of those of the same phase.

        A path that is no file of the database is put before the message.
        """
        self._connection.execute("DELETE FROM diagnosis WHERE phase=?", (phase,))
        start = self._next("diagnosis")
        rows = []
        for i, (path, d) in enumerate(diagnoses):
            file = self._files.get(path, 0)
            message = d.message if file or not path else f"{path}: {d.message}"
            rows.append(d._replace(id=start + i, file=file, phase=phase, message=message))
        self._insert(model.Diagnosis, rows)

    def total(self, name: str, column: str = "") -> int:
        """Return the number of rows of a table, or the sum of one of its columns."""
        what = f"coalesce(sum({column}), 0)" if column else "count(*)"
        return int(self._connection.execute(f'SELECT {what} FROM "{name}"').fetchone()[0])

    def unclean(self) -> list[tuple[str, str]]:
        """Return path and reason of every file without a clean tree."""
        query = "SELECT path, problem FROM file WHERE tier = 'none' OR errors > 0 ORDER BY path"
        return [(path, problem) for path, problem in self._connection.execute(query)]

    def notes(self) -> list[tuple[str, model.Diagnosis]]:
        """Return the messages on discovery, plan and elaboration, with the path of their file."""
        names = ", ".join(f'diagnosis."{n}"' for n in model.Diagnosis._fields)
        query = (
            f"SELECT coalesce(path, ''), {names} FROM diagnosis LEFT JOIN file ON file.id = diagnosis.file "
            "WHERE phase != 'syntax' ORDER BY diagnosis.id"
        )
        return [(row[0], model.Diagnosis(*row[1:])) for row in self._connection.execute(query)]

    def _replace_diagnoses(self, design: DesignRows) -> None:
        self.note(zip(design.places, design.diagnoses, strict=True), "elaborate")

    def _next(self, name: str) -> int:
        return int(self._connection.execute(f'SELECT coalesce(max(id), 0) + 1 FROM "{name}"').fetchone()[0])

    def _new_file(self, path: str) -> int:
        number = self._next("file")
        blank = model.File(number, path, "", 0, 0, 0, "none", 0, "")
        self._insert(model.File, [blank])
        self._files[path] = number
        return number

    def _drop_file_rows(self, number: int) -> None:
        low, high = _range(number)
        for row_type in (*model.FILE_NODES, *model.FILE_EDGES):
            self._connection.execute(f'DELETE FROM "{schema.table(row_type)}" WHERE id BETWEEN ? AND ?', (low, high))
        self._connection.execute("DELETE FROM chunk_text WHERE rowid BETWEEN ? AND ?", (low, high))
        self._connection.execute("DELETE FROM diagnosis WHERE file=? AND phase='syntax'", (number,))

    def _insert_file_rows(self, number: int, rows: FileRows) -> None:
        base = number << SHIFT

        def owned(identifier: int) -> int:
            return base | identifier if identifier else 0

        self._insert(model.Definition, [(owned(d.id), d.name, d.kind, number, *d[4:]) for d in rows.definitions])
        self._insert(model.Package, [(owned(p.id), p.name, number, *p[3:]) for p in rows.packages])
        self._insert(model.AstNode, [(base | n.id, owned(n.parent), *n[2:]) for n in rows.nodes])
        self._insert(model.Chunk, [(base | c.id, owned(c.definition), *c[2:-1]) for c in rows.chunks])
        self._connection.executemany(
            "INSERT INTO chunk_text(rowid, name, text) VALUES (?, ?, ?)",
            [(base | c.id, c.name, c.text if c.kind in LEAVES else c.text[:_HEAD_CHARACTERS]) for c in rows.chunks],
        )
        self._insert(model.Comment, [(base | c.id, *c[1:]) for c in rows.comments])
        self._edges(model.Includes, base, [(base, *e[1:]) for e in rows.includes])
        self._edges(model.Imports, base, [(base | e.source, *e[1:]) for e in rows.imports])
        self._edges(model.Instantiates, base, [(base | e.source, *e[1:]) for e in rows.instantiates])
        self._edges(model.Describes, base, [(base | e.source, base | e.target) for e in rows.describes])
        start = self._next("diagnosis")
        self._insert(
            model.Diagnosis,
            [d._replace(id=start + i, file=number, phase="syntax") for i, d in enumerate(rows.diagnoses)],
        )

    def _drop_body(self, number: int) -> None:
        low, high = _range(number)
        for row_type in (*model.BODY_NODES, *model.BODY_EDGES):
            self._connection.execute(f'DELETE FROM "{schema.table(row_type)}" WHERE id BETWEEN ? AND ?', (low, high))
        self._connection.execute("DELETE FROM body WHERE id=?", (number,))
        self._connection.execute("DELETE FROM body_key WHERE body=?", (number,))

    def _replace_body(self, number: int, body: BodyRows, digest: str, inputs: str) -> None:
        self._drop_body(number)
        base = number << SHIFT
        files = [0, *(self._files.get(path, 0) for path in body.files)]

        def owned(identifier: int) -> int:
            return base | identifier if identifier else 0

        record = model.Body(
            number, body.definition, body.parameters, self._files.get(body.path, 0), body.first_line, body.last_line,
            digest,
        )  # fmt: skip
        self._insert(model.Body, [record])
        self._connection.execute("INSERT INTO body_key VALUES (?, ?, ?)", (number, body.key, inputs))
        self._insert(model.Port, [(base | p.id, *p[1:6], owned(p.signal), p.line) for p in body.ports])
        self._insert(model.Signal, [(base | s.id, *s[1:9], files[s.file], *s[10:]) for s in body.signals])
        self._insert(
            model.Block,
            [
                (
                    base | b.id,
                    b.kind,
                    b.name,
                    owned(b.clock),
                    b.edge,
                    owned(b.reset),
                    b.reset_edge,
                    files[b.file],
                    *b[8:],
                )
                for b in body.blocks
            ],
        )
        self._insert(model.Statement, [(base | s.id, base | s.block, *s[2:]) for s in body.statements])
        self._edges(model.Drives, base, [(base | e.source, base | e.target, *e[2:]) for e in body.drives])
        self._edges(model.Reads, base, [(base | e.source, base | e.target, *e[2:]) for e in body.reads])
        self._edges(
            model.Flows,
            base,
            [(base | e.source, e[1], e[2], base | e.target, *e[4:9], base | e.block, e.line) for e in body.flows],
        )
        self._edges(model.PortBind, base, [(*e[:3], owned(e.outer), *e[4:]) for e in body.binds])
        self._edges(model.Next, base, [(base | e.source, base | e.target, e.label) for e in body.nexts])

    def _replace_instances(self, design: DesignRows, numbers: dict[str, int]) -> None:
        rows = [
            (
                i + 1, r.parent + 1, r.name, r.path, numbers[r.body] if r.body else 0, r.definition,
                self._files.get(r.file, 0), r.line,
            )
            for i, r in enumerate(design.instances)
        ]  # fmt: skip
        if rows == self._connection.execute(schema.select(model.Instance) + " ORDER BY id").fetchall():
            return
        self._connection.execute("DELETE FROM instance")
        self._insert(model.Instance, rows)

    def _insert(self, row_type: type, rows: Sequence[tuple[Any, ...]]) -> None:
        if rows:
            self._connection.executemany(schema.insert(row_type), rows)

    def _edges(self, row_type: type, base: int, rows: list[tuple[Any, ...]]) -> None:
        self._insert(row_type, [(base | n, *row) for n, row in enumerate(rows, 1)])


def _range(owner: int) -> tuple[int, int]:
    return owner << SHIFT, ((owner + 1) << SHIFT) - 1


def _locked(path: Path) -> IO[str]:
    """Return the open lock file of a database.

    Raises:
        InputError: another process holds it, or the folder can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.parent.name == FOLDER and not (ignore := path.parent / ".gitignore").exists():
            ignore.write_text("*\n", encoding="utf-8")
        lock = path.with_suffix(".lock").open("a+", encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path.parent}: can't be written: {error.strerror or error}; give --db PATH") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        holder = lock.read().strip()
        lock.close()
        raise InputError(f"{path}: another process is indexing ({holder or 'unknown'}); wait for it") from error
    lock.truncate(0)
    lock.write(f"process {os.getpid()}")
    lock.flush()
    return lock
