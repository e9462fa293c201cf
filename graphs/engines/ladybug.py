"""The graph in Ladybug, an embedded database that speaks Cypher.

A graph is written once, into a new file that takes the place of the old one when it is whole, so a reader sees the old
or the new state. It is opened for reading only.
"""

from __future__ import annotations

import csv
import os
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from rtlgen.core.errors import ConfigError, InputError, ToolNotFoundError
from rtlgen.graphs.engines import cypher
from rtlgen.graphs.engines.cypher_engine import CypherEngine, Row
from rtlgen.graphs.engines.property_graph import LABELS, RELATIONS, PropertyGraph, State
from rtlgen.graphs.engines.protocol import ROW_LIMIT, TIME_LIMIT_S, Table

if TYPE_CHECKING:
    import ladybug

    from rtlgen.graphs.database.design import DesignDatabase

NAME: Final = "graph.lbug"
MEMORY_BYTES: Final = 1 << 30
"""Largest buffer pool; what a query needs beyond goes to disk or is refused."""
ADDRESSES_BYTES: Final = 1 << 36
"""Address space for the file."""
_MAGIC: Final = b"LBUG"
DIALECT: Final = cypher.LadybugDialect()


class LadybugEngine(CypherEngine):
    """A `GraphEngine` over one file of Ladybug."""

    def __init__(self, place: Path | None = None) -> None:
        """Use the file at `place`, which need not be there yet; None holds the graph in a temporary folder.

        Raises:
            ToolNotFoundError: Ladybug is not installed.
        """
        _library()
        self._folder = None if place else tempfile.TemporaryDirectory(prefix="rtlgen-ladybug-")
        self.place = place or Path(cast("tempfile.TemporaryDirectory[str]", self._folder).name) / NAME
        self._database: ladybug.Database | None = None
        self._connection: ladybug.Connection | None = None

    def load(self, graph: PropertyGraph) -> bool:
        """Make `graph` what the file holds; return False where it held that state already.

        Raises:
            ConfigError: the file can't be written.
        """
        if self.place.exists() and self._stored() == graph.state:
            return False
        self._shut()
        try:
            with tempfile.TemporaryDirectory(prefix=".loading-", dir=self.place.parent) as folder:
                file = Path(folder) / NAME
                _write(graph, file, Path(folder) / "rows.csv")
                file.replace(self.place)
        except OSError as error:
            raise ConfigError(f"{self.place}: can't be written: {error.strerror or error}") from error
        return True

    def _stored(self) -> State | None:
        """Return the state of the file, None where it is of another version and may be replaced.

        Raises:
            ConfigError: it is something else, which would be lost.
        """
        try:
            with self.place.open("rb") as stream:
                ours = stream.read(len(_MAGIC)) == _MAGIC
        except OSError as error:
            raise ConfigError(f"{self.place}: can't be read: {error.strerror or error}") from error
        if not ours:
            raise ConfigError(f"{self.place}: is no database of Ladybug; name another file, or remove it")
        try:
            return self.state()
        except ConfigError:
            return None

    def ask(self, query: str, **parameters: Any) -> list[Row]:
        """Return the rows of the answer to one of our own queries.

        Raises:
            ConfigError: the file can't be opened, or holds no graph of this version.
        """
        try:
            return _rows(self._open(), query, parameters)
        except RuntimeError as error:
            raise ConfigError(f"{self.place}: Ladybug gives no answer: {error}") from error

    def cypher(
        self,
        query: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        time_limit_s: float = TIME_LIMIT_S,
        row_limit: int = ROW_LIMIT,
    ) -> Table:
        """Return the answer to a query that only reads.

        Raises:
            InputError: the query can't be read, would write or read files, or takes too long.
        """
        cypher.check_reading(query, parameters or (), DIALECT)
        connection = _connection(self._database_open())
        try:
            connection.set_query_timeout(max(1, int(time_limit_s * 1000)))
            return _limited(connection.execute(query, dict(parameters or {})), row_limit)
        except (RuntimeError, ValueError, TypeError, OverflowError) as error:
            raise InputError(_reason(error, time_limit_s)) from error
        finally:
            connection.close()

    def _open(self) -> ladybug.Connection:
        if self._connection is None:
            self._connection = _connection(self._database_open())
        return self._connection

    def _database_open(self) -> ladybug.Database:
        if self._database is None:
            try:
                self._database = _database(self.place, read_only=True)
            except RuntimeError as error:
                raise ConfigError(f"{self.place}: can't be opened by Ladybug: {error}; remove it") from error
        return self._database

    def _shut(self) -> None:
        for thing in (self._connection, self._database):
            if thing is not None:
                thing.close()
        self._connection = self._database = None

    def close(self) -> None:
        """Give the file free."""
        self._shut()
        if self._folder is not None:
            self._folder.cleanup()


def run_cypher(
    design: DesignDatabase,
    query: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    time_limit_s: float = TIME_LIMIT_S,
    row_limit: int = ROW_LIMIT,
) -> Table:
    """Return the answer to a query on a design.

    The copy in Ladybug lies beside the design database (`.rtlgen/graph.lbug`) and is made anew when that has changed;
    where it can't be written, a temporary one is used.

    Raises:
        InputError: the query can't be read, would write or read files, or takes too long.
        ConfigError: the copy can't be written or read.
        ToolNotFoundError: Ladybug is not installed.
    """
    cypher.check_reading(query, parameters or (), DIALECT)
    place = design.location.with_suffix(".lbug")
    engine = LadybugEngine(place if os.access(place.parent, os.W_OK) else None)
    try:
        engine.load(PropertyGraph(design))
        return engine.cypher(query, parameters, time_limit_s=time_limit_s, row_limit=row_limit)
    finally:
        engine.close()


def _library() -> Any:
    try:
        import ladybug
    except ImportError as error:
        raise ToolNotFoundError("Ladybug is not installed; install it with: pip install 'rtlgen[graph]'") from error
    return ladybug


def _database(file: Path, *, read_only: bool = False) -> ladybug.Database:
    made: ladybug.Database = _library().Database(
        file, buffer_pool_size=MEMORY_BYTES, max_db_size=ADDRESSES_BYTES, max_num_threads=1, read_only=read_only
    )
    return made


def _connection(database: ladybug.Database) -> ladybug.Connection:
    """Return a connection that prepares each query anew: Ladybug 0.22 loses rows when it runs a prepared one again."""
    made: ladybug.Connection = _library().Connection(database)
    made.execute("CALL enable_cached_prepared_statement='NONE'")
    return made


def _write(graph: PropertyGraph, file: Path, rows: Path) -> None:
    """Write the whole graph into a new file, in one transaction."""
    database = _database(file)
    try:
        connection = _library().Connection(database)
        for statement in ("BEGIN TRANSACTION", *DIALECT.schema()):
            connection.execute(statement)
        meta = (1, *astuple(graph.state), 1)
        connection.execute(cypher.create_nodes(cypher.META), {"rows": [_meta(meta)]})
        for label in LABELS:
            if _fill(rows, graph.nodes(label)):
                connection.execute(DIALECT.copy_nodes(label, str(rows)))
        for name in RELATIONS:
            by_pair = defaultdict(list)
            for relation in graph.relations(name):
                by_pair[relation.pair].append((relation.source, relation.target, *relation.values))
            for pair, found in by_pair.items():
                _fill(rows, found)
                connection.execute(DIALECT.copy_relations(name, pair, str(rows)))
        connection.execute("COMMIT")
        connection.close()
    finally:
        database.close()


def _meta(values: tuple[Any, ...]) -> dict[str, Any]:
    names = [column.name for column in cypher.META_COLUMNS]
    return {n: int(v) if isinstance(v, bool) else v for n, v in zip(names, values, strict=True)}


def _fill(file: Path, rows: Iterable[tuple[Any, ...]]) -> bool:
    """Write rows as comma-separated values; return whether there were any."""
    with file.open("w", newline="", encoding="utf-8", errors="replace") as stream:
        csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    return file.stat().st_size > 0


def _rows(connection: ladybug.Connection, query: str, parameters: dict[str, Any]) -> list[Row]:
    result = cast("ladybug.QueryResult", connection.execute(query, parameters))
    try:
        return [cast("Row", row) for row in result.rows_as_dict()]
    finally:
        result.close()


def _limited(result: Any, row_limit: int) -> Table:
    with result:
        rows: list[list[Any]] = []
        while len(rows) < row_limit and result.has_next():
            rows.append([plain(value) for value in result.get_next()])
        return Table(list(result.get_column_names()), rows, not result.has_next())


def plain(value: Any) -> Any:
    """Return a value of Ladybug as JSON can hold it: of nodes and relations the label and the properties."""
    if isinstance(value, dict):
        if "_NODES" in value:
            return {"nodes": plain(value["_NODES"]), "relations": plain(value["_RELS"])}
        if "_LABEL" in value:
            own = {name: plain(v) for name, v in value.items() if not name.startswith("_") and v is not None}
            return {"label": value["_LABEL"], **own}
        return {str(name): plain(v) for name, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _reason(error: Exception, time_limit_s: float) -> str:
    text = str(error)
    if text.startswith("Interrupted"):
        return f"the query was stopped after {time_limit_s:g} s; ask for less, or bound the length of paths"
    with suppress(ValueError):
        text = text[: text.index("\n")]
    return f"the query can't be answered: {text}"
