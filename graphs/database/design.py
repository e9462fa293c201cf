"""`DesignDatabase`: the design of a repository, open for questions."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rapidfuzz import process

from rtlgen.core.errors import InputError
from rtlgen.graphs import model
from rtlgen.graphs.bits import Layout
from rtlgen.graphs.database import schema
from rtlgen.graphs.database.mirror import Bits, Mirror
from rtlgen.graphs.database.store import connect, database_of
from rtlgen.graphs.model import SHIFT
from rtlgen.graphs.query.answers import (
    Access,
    ConeAnswer,
    ConeEdge,
    Crossing,
    Domain,
    InstanceAnswer,
    Place,
    Reset,
    Unused,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from rtlgen.graphs.encode.budget import Encoded
    from rtlgen.graphs.fsm.model import StateMachine
    from rtlgen.graphs.pictures import Picture
    from rtlgen.graphs.query.control import ControlFlowAnswer
    from rtlgen.graphs.rows import BodyRows

MAX_CANDIDATES = 8
MAX_SHOWN = 200
"""Characters of a name that is not known."""


class DesignDatabase:
    """A stored design; every answer is of one state of it, `refresh` moves on to the newest.

    Example:
        >>> with DesignDatabase.open(repository) as design:  # doctest: +SKIP
        ...     for driver in design.drivers("top.u_alu.result[7:0]"):
        ...         print(driver.place, driver.text)
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        """Use an open connection; see `open`."""
        self.location = path
        self._connection = connection
        self._files: dict[int, str] | None = None
        self._begin()

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Return the database of a repository (or at that file), open for reading.

        Raises:
            InputError: there is none, or it was made by another version.
        """
        place = find_database(Path(path))
        return cls(connect(place), place)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the file free."""
        self._connection.close()

    def _begin(self) -> None:
        """Hold one state of the database for reading."""
        self._connection.execute("BEGIN")
        row = self._connection.execute("SELECT value FROM meta WHERE key='generation'").fetchone()
        self.generation = int(row[0])
        self.mirror = Mirror(self._connection)
        self._files = None

    def refresh(self) -> bool:
        """Move on to the newest state; return whether there was a newer one."""
        old = self.generation
        self._connection.execute("ROLLBACK")
        kept = self.mirror, self._files
        self._begin()
        if self.generation == old:
            self.mirror, self._files = kept
        return self.generation != old

    def rows(self, row_type: Any, where: str = "", values: Sequence[object] = ()) -> Iterator[Any]:
        """Yield rows of a type of `rtlgen.graphs.model`; `where` is SQL over its columns."""
        for row in self._connection.execute(schema.select(row_type, where), values):
            yield row_type(*row)

    def count(self, row_type: type) -> int:
        """Return the number of rows of a type."""
        return int(self._connection.execute(f'SELECT count(*) FROM "{schema.table(row_type)}"').fetchone()[0])

    def note(self, key: str) -> Any:
        """Return what the indexer noted under a key (such as `root`, `tops`), None when there is nothing."""
        row = self._connection.execute("SELECT value FROM meta WHERE key=?", (key,)).fetchone()
        return json.loads(row[0]) if row else None

    @property
    def root(self) -> Path:
        """Folder of the repository when it was indexed."""
        return Path(self.note("root") or self.location.parent.parent)

    def file(self, number: int) -> str:
        """Return the path of a file, relative to the repository; empty for 0."""
        if self._files is None:
            self._files = dict(self._connection.execute("SELECT id, path FROM file"))
        return self._files.get(number, "")

    def source(self, number: int) -> bytes:
        """Return the content of a file as it was indexed.

        Raises:
            KeyError: there is no such file.
        """
        row = self._connection.execute("SELECT content FROM source WHERE file=?", (number,)).fetchone()
        if row is None:
            raise KeyError(number)
        return zlib.decompress(row[0])

    def text(self, chunk: model.Chunk) -> str:
        """Return the source text of a chunk."""
        return self.source(chunk.id >> SHIFT)[chunk.start : chunk.end].decode("utf-8", "replace")

    def search(self, query: str, *, limit: int = 20) -> list[tuple[model.Chunk, float]]:
        """Return chunks that hold the words of an FTS5 query, best first, with their BM25 weight (higher is better).

        Raises:
            InputError: the query can't be read.
        """
        try:
            found = self._connection.execute(
                "SELECT rowid, -bm25(chunk_text, 4.0, 1.0) FROM chunk_text WHERE chunk_text MATCH ? "
                "ORDER BY rank LIMIT ?",
                (query, limit),
            ).fetchall()
        except sqlite3.OperationalError as error:
            raise InputError(f"expected words to search for, got {query!r}: {error}") from error
        return [(next(self.rows(model.Chunk, "id=?", (number,))), weight) for number, weight in found]

    def place(self, file: int, line: int) -> Place:
        """Return a place with the path of the file."""
        return Place(self.file(file), line)

    def instance(self, path: str) -> model.Instance:
        """Return an instance by its path, by the end of its path, or by the name of its definition.

        Raises:
            InputError: there is none; the message lists candidates.
        """
        found = self._instance(path)
        if found is None:
            paths = [r[0] for r in self._connection.execute("SELECT path FROM instance")]
            names = [r[0] for r in self._connection.execute("SELECT DISTINCT definition FROM instance")]
            raise InputError(_no_such("instance or module", path, [*names, *paths]))
        return found

    def _instance(self, path: str) -> model.Instance | None:
        tries: tuple[tuple[str, tuple[object, ...]], ...] = (
            ("path = ?", (path,)),
            ("definition = ?", (path,)),
            ("substr(path, ?) = ?", (-len(path) - 1, "." + path)),
        )
        for where, values in tries:
            row = next(self.rows(model.Instance, f"{where} ORDER BY id LIMIT 1", values), None)
            if row is not None:
                return model.Instance(*row)
        return None

    def resolve(self, path: str) -> Bits:
        """Return the bits that a path names: `top.u_core.state_q[1:0]`, `ibex_alu.operand_a_i`, `u_core.req.valid`.

        Raises:
            InputError: there is no such signal; the message lists candidates.
        """
        parts = _split(path)
        for length in range(len(parts) - 1, 0, -1):
            instance = self._instance(".".join(parts[:length]))
            if instance is not None and instance.body:
                found = self._signal(instance, ".".join(parts[length:]))
                if found:
                    return found
        raise InputError(_no_such("signal", path, self._candidates(parts)))

    def _signal(self, instance: model.Instance, name: str) -> Bits | None:
        graph = self.mirror.body(instance.body)
        for end in _ends(name):
            number = graph.names.get(name[:end])
            if number is None:
                continue
            signal = graph.signals[number]
            width = max(signal.width, 1)
            if end == len(name):
                return Bits(instance.id, number, 0, width - 1)
            low, high = layout(signal).resolve(name[end:], f"{instance.path}.{name[:end]}")
            return Bits(instance.id, number, low, high)
        return None

    def _candidates(self, parts: list[str]) -> list[str]:
        """Return paths of signals that may be meant: those of the deepest instance that exists, or of that name."""
        for length in range(len(parts) - 1, 0, -1):
            instance = self._instance(".".join(parts[:length]))
            if instance is not None and instance.body:
                return [f"{instance.path}.{name}" for name in self.mirror.body(instance.body).names]
        last = parts[-1].split("[")[0]
        names = {s.name.split(".")[-1] for s in self.rows(model.Signal, "kind IN ('net', 'variable')")}
        near = [n for n, _, _ in process.extract(last, names, limit=3, score_cutoff=60)]
        marks = ", ".join("?" * len(near))
        rows = self._connection.execute(
            "SELECT instance.path || '.' || signal.name FROM signal JOIN instance ON instance.body = signal.id >> ? "
            f"WHERE signal.name IN ({marks}) LIMIT 200",
            (SHIFT, *near),
        )
        return [r[0] for r in rows]

    def path_of(self, bits: Bits) -> str:
        """Return the hierarchical path of bits, with a select unless it is the whole signal."""
        signal = self.mirror.signal(bits)
        base = f"{self.mirror.instance(bits.instance).path}.{signal.name}"
        if bits.low <= 0 and bits.high >= max(signal.width, 1) - 1:
            return base
        return ", ".join(base + select for select in layout(signal).describe(bits.low, bits.high))

    def drivers(self, signal: str) -> list[Access]:
        """Return every statement and port that drives bits of a signal.

        Raises:
            InputError: there is no such signal.
        """
        from rtlgen.graphs.query.access import drivers

        return drivers(self, self.resolve(signal))

    def loads(self, signal: str) -> list[Access]:
        """Return every statement and port that reads bits of a signal.

        Raises:
            InputError: there is no such signal.
        """
        from rtlgen.graphs.query.access import loads

        return loads(self, self.resolve(signal))

    def fanin(
        self, signal: str, *, depth: int | None = None, through_registers: bool = True, clocks: bool = False
    ) -> ConeAnswer:
        """Return the bits that a signal depends on; see `rtlgen.graphs.query.cone.cone`.

        Raises:
            InputError: there is no such signal.
        """
        return self._cone(signal, "fanin", depth, through_registers, clocks)

    def fanout(
        self, signal: str, *, depth: int | None = None, through_registers: bool = True, clocks: bool = False
    ) -> ConeAnswer:
        """Return the bits that depend on a signal.

        Raises:
            InputError: there is no such signal.
        """
        return self._cone(signal, "fanout", depth, through_registers, clocks)

    def _cone(
        self, signal: str, direction: str, depth: int | None, through_registers: bool, clocks: bool
    ) -> ConeAnswer:
        from rtlgen.graphs.query.cone import ROLES, cone
        from rtlgen.graphs.query.cones import DATA, named

        found = cone(
            self.mirror,
            self.resolve(signal),
            forward=direction == "fanout",
            depth=depth,
            through_registers=through_registers,
            roles=ROLES if clocks else DATA,
        )
        return named(self, found, direction)

    def path(self, start: str, end: str, *, through_registers: bool = True) -> tuple[ConeEdge, ...]:
        """Return a shortest chain of dependencies from one signal to another.

        Raises:
            InputError: there is no such signal, or no such chain.
        """
        from rtlgen.graphs.query.cones import path

        return path(self, self.resolve(start), self.resolve(end), through_registers=through_registers)

    def instances(self, definition: str) -> list[InstanceAnswer]:
        """Return the instances of a module.

        Raises:
            InputError: no such module is defined or instantiated.
        """
        from rtlgen.graphs.query.hierarchy import instances

        found = instances(self, definition)
        if not found and next(self.rows(model.Definition, "name = ?", (definition,)), None) is None:
            names = [row.name for row in self.rows(model.Definition)]
            raise InputError(_no_such("module", definition, names))
        return found

    def tree(self, root: str | None = None, *, depth: int | None = None) -> list[tuple[int, model.Instance]]:
        """Return (level, instance) of the hierarchy below `root` or below all tops.

        Raises:
            InputError: there is no such instance.
        """
        from rtlgen.graphs.query.hierarchy import tree

        return tree(self, self.instance(root) if root else None, depth=depth)

    def clocks(self) -> tuple[list[Domain], list[Crossing]]:
        """Return clock domains, and the crossings between them."""
        from rtlgen.graphs.query.clocks import Clocking, crossings, domains

        clocking = Clocking(self)
        return domains(self, clocking), crossings(self, clocking)

    def resets(self) -> list[Reset]:
        """Return resets and what they reset."""
        from rtlgen.graphs.query.clocks import resets

        return resets(self)

    def control_flow(self, block: str) -> list[ControlFlowAnswer]:
        """Return the control flow of blocks; see `rtlgen.graphs.query.control.control_flow`.

        Raises:
            InputError: there is no such module or block.
        """
        from rtlgen.graphs.query.control import control_flow

        return control_flow(self, block)

    def state_machines(
        self, name: str | None = None, *, advance: Callable[[int], None] | None = None
    ) -> list[StateMachine]:
        """Return state machines; see `rtlgen.graphs.query.machines.machines`.

        Raises:
            InputError: there is no such module, or no such machine in it.
        """
        from rtlgen.graphs.query.machines import machines

        return machines(self, name, advance=advance)

    def body_rows(self, module: str) -> BodyRows:
        """Return the rows of a module (of its first body where it has several) or of an instance's body.

        Raises:
            InputError: there is no such module.
        """
        from rtlgen.graphs.database.bodies import body_rows

        row = next(self.rows(model.Body, "definition = ? ORDER BY id LIMIT 1", (module,)), None)
        number = row.id if row is not None else self.instance(module).body
        if not number:
            raise InputError(f"{module}: its source was not found, so there is nothing below its ports")
        return body_rows(self, number)

    def encoded(self, module: str, view: str, *, tokens: int | None = None, focus: Sequence[str] = ()) -> Encoded:
        """Return the AST, CFG or DFG of a module as compact text.

        Args:
            module: name of a module, or path of an instance.
            view: ast, cfg or dfg.
            tokens: largest size, in estimated tokens.
            focus: signals or lines to keep first.

        Raises:
            InputError: there is no such module, or the budget is too small for anything.
        """
        from rtlgen.graphs.encode.cfg import encode_cfg
        from rtlgen.graphs.encode.dfg import encode_dfg
        from rtlgen.graphs.encode.outline import encode_ast

        if view == "ast":
            return encode_ast(*self._text_of(module), tokens=tokens, focus=focus)
        encode = encode_cfg if view == "cfg" else encode_dfg
        return encode(self.body_rows(module), tokens=tokens, focus=focus)

    def _text_of(self, module: str) -> tuple[str, str]:
        """Return the source of the file that defines a module, and the module's name."""
        found = next(self.rows(model.Definition, "name = ? ORDER BY id LIMIT 1", (module,)), None)
        name = module if found is not None else self.instance(module).definition
        row = found or next(self.rows(model.Definition, "name = ? ORDER BY id LIMIT 1", (name,)))
        return self.source(row.file).decode("utf-8", "replace"), name

    def picture(
        self,
        name: str | None = None,
        *,
        view: str | None = None,
        depth: int | None = 3,
        through_registers: bool = True,
        clocks: bool = False,
    ) -> Picture:
        """Return a picture: of the fan-in (`cone`) or `fanout` of a signal, or of the `hierarchy`, `fsm` or `cfg`.

        Raises:
            InputError: there is no such signal, module, machine or block.
        """
        from rtlgen.graphs.query import pictures

        view = view or self._view_of(name)
        if view == "hierarchy":
            return pictures.hierarchy_picture(self, name)
        if name is None:
            raise InputError(f"expected a signal or module to show as {view}, got none")
        if view == "fsm":
            found = self.state_machines(name)
            if not found:
                raise InputError(f"{name}: no state machine")
            return pictures.states_picture(found[0])
        if view == "cfg":
            return pictures.control_picture(self.control_flow(name))
        return pictures.cone_picture(
            self, name, forward=view == "fanout", depth=depth, through_registers=through_registers, clocks=clocks
        )

    def _view_of(self, name: str | None) -> str:
        return "hierarchy" if name is None or self._instance(name) is not None else "cone"

    def unused(self) -> list[Unused]:
        """Return what nobody reads, drives or instantiates."""
        from rtlgen.graphs.query.unused import unused

        return unused(self)

    def statistics(self) -> dict[str, int]:
        """Return how much of everything the database holds."""
        from rtlgen.graphs.query.hierarchy import statistics

        return statistics(self)


def layout(signal: model.Signal) -> Layout:
    """Return the layout of a signal's bits."""
    return Layout.from_json(signal.layout, signal.width)


def find_database(path: Path) -> Path:
    """Return the database file at a path: the file itself, or that of the repository around the folder.

    Raises:
        InputError: there is none.
    """
    if path.is_file():
        return path
    for folder in (path.resolve(), *path.resolve().parents):
        place = database_of(folder)
        if place.is_file():
            return place
    command = f"rtlgen index {path}" if path.is_dir() else "rtlgen index"
    raise InputError(f"{path}: no design database here; make one with `{command}`")


def _split(path: str) -> list[str]:
    """Return the parts of a path, dots inside brackets and escaped names kept."""
    parts, depth, escaped, start = [], 0, False, 0
    for i, letter in enumerate(path):
        if escaped:
            escaped = letter != " "
        elif letter == "\\":
            escaped = True
        elif letter in "[]":
            depth += 1 if letter == "[" else -1
        elif letter == "." and not depth:
            parts.append(path[start:i])
            start = i + 1
    return [*parts, path[start:]]


def _ends(name: str) -> list[int]:
    """Return where the name of a signal may end in a path with selects behind it, longest first."""
    return [len(name), *(i for i in range(len(name) - 1, 0, -1) if name[i] in ".[")]


def _no_such(what: str, name: str, known: Sequence[str]) -> str:
    name = name if len(name) <= MAX_SHOWN else name[:MAX_SHOWN] + "…"
    near = [n for n, _, _ in process.extract(name, known, limit=MAX_CANDIDATES, score_cutoff=50)]
    hint = f"; near: {', '.join(near)}" if near else ""
    return f"no {what} {name!r}{hint}"
