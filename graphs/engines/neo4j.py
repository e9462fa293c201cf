"""The graph on a Neo4j server, over Bolt, for teams that outgrow one machine.

One database of the server holds one design. It is loaded in batches; the node that names the state is marked as whole
by the last of them, and until then every question is refused.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from rtlgen.core.errors import ConfigError, InputError, ToolNotFoundError
from rtlgen.graphs.engines import cypher
from rtlgen.graphs.engines.cypher_engine import BATCH, CypherEngine, Row, whole
from rtlgen.graphs.engines.property_graph import LABELS, RELATIONS, PropertyGraph, State, columns_of
from rtlgen.graphs.engines.protocol import ROW_LIMIT, TIME_LIMIT_S, Table

if TYPE_CHECKING:
    import neo4j

URI: Final = "RTLGEN_NEO4J_URI"
USER: Final = "RTLGEN_NEO4J_USER"
PASSWORD: Final = "RTLGEN_NEO4J_PASSWORD"
DATABASE: Final = "RTLGEN_NEO4J_DATABASE"
DIALECT: Final = cypher.Neo4jDialect()
_SCHEMES: Final = frozenset(f"{name}{security}" for name in ("bolt", "neo4j") for security in ("", "+s", "+ssc"))


def from_environment(place: Path | None = None) -> Neo4jEngine:
    """Return the engine of the server that `RTLGEN_NEO4J_URI`, `_USER`, `_PASSWORD` and `_DATABASE` name.

    Raises:
        ConfigError: no server is named, or it can't be reached with these credentials.
        ToolNotFoundError: the driver is not installed.
    """
    uri = os.environ.get(URI, "")
    if not uri:
        raise ConfigError(f"no Neo4j server is named; set {URI} (such as neo4j://host:7687), {USER} and {PASSWORD}")
    library = _library()
    if urlsplit(uri).scheme not in _SCHEMES:
        raise ConfigError(f"{URI} can't be used: expected neo4j://host:7687 or bolt://host:7687")
    user, password = os.environ.get(USER, ""), os.environ.get(PASSWORD, "")
    with _reported(uri):
        driver = library.GraphDatabase.driver(
            uri, auth=(user, password) if user else None, notifications_min_severity="OFF"
        )
        try:
            driver.verify_connectivity()
        except BaseException:
            driver.close()
            raise
    return Neo4jEngine(driver, uri, os.environ.get(DATABASE) or None)


class Neo4jEngine(CypherEngine):
    """A `GraphEngine` over one database of a server."""

    def __init__(self, driver: neo4j.Driver, uri: str, database: str | None = None) -> None:
        """Use an open driver, which `close` closes."""
        self._driver = driver
        self._uri = uri
        self._database = database
        self._seen: State | None = None

    def load(self, graph: PropertyGraph) -> bool:
        """Make `graph` what the database holds; return False where it held that state already.

        Raises:
            ConfigError: the server can't be reached, or the database holds something else.
        """
        wanted = graph.state
        if self._stored(wanted) == wanted:
            return False
        with self._session() as session:
            for statement in DIALECT.schema():
                session.run(statement).consume()
        self._write(DIALECT.BEGIN, **_begun(wanted))
        for label in LABELS:
            self._clear(label)
        for label in LABELS:
            names = [column.name for column in columns_of(LABELS[label])]
            rows = (dict(zip(names, row, strict=True)) for row in graph.nodes(label))
            self._create(cypher.create_nodes(label), rows)
        for name in RELATIONS:
            self._create_relations(graph, name)
        self._write(DIALECT.FINISH)
        self._seen = wanted
        return True

    def _stored(self, wanted: State) -> State | None:
        """Return the state that the database holds.

        Raises:
            ConfigError: it holds the design of another repository, or what is not ours.
        """
        rows = self._read(cypher.STATE)
        if not rows and self._read(DIALECT.FOREIGN)[0]["number"]:
            raise ConfigError(
                f"{_shown(self._uri)}: the database holds something else; name an empty one by {DATABASE}"
            )
        if rows and rows[0]["repository"] != wanted.repository:
            raise ConfigError(
                f"{_shown(self._uri)}: the database holds the design of {rows[0]['repository']}, which would be lost; "
                f"name another one by {DATABASE}, or empty it"
            )
        return self.state()

    def _clear(self, label: str) -> None:
        while self._write(DIALECT.clear(label), limit=BATCH)[0]["number"]:
            pass

    def _create_relations(self, graph: PropertyGraph, name: str) -> None:
        names = [column.name for column in RELATIONS[name].columns]
        by_pair = defaultdict(list)
        for relation in graph.relations(name):
            row = {"source": relation.source, "target": relation.target}
            by_pair[relation.pair].append(row | dict(zip(names, relation.values, strict=True)))
        for pair, rows in by_pair.items():
            self._create(cypher.create_relations(name, pair), rows)

    def _create(self, statement: str, rows: Iterable[Row]) -> None:
        remaining = iter(rows)
        while batch := list(islice(remaining, BATCH)):
            self._write(statement, rows=batch)

    def _write(self, query: str, **parameters: Any) -> list[Row]:
        def work(transaction: neo4j.ManagedTransaction) -> list[Row]:
            return transaction.run(query, parameters).data()

        with self._session() as session:
            return session.execute_write(work)

    def _read(self, query: str, **parameters: Any) -> list[Row]:
        def work(transaction: neo4j.ManagedTransaction) -> list[Row]:
            return transaction.run(query, parameters).data()

        with self._session(read=True) as session:
            return session.execute_read(work)

    def state(self) -> State | None:
        """Return which state of which design the database holds whole, None for none."""
        return whole(self._read(cypher.STATE))

    def ask(self, query: str, **parameters: Any) -> list[Row]:
        """Return the rows of the answer to one of our own queries.

        Raises:
            ConfigError: the server can't be reached, or another design was loaded into it meanwhile.
        """

        def work(transaction: neo4j.ManagedTransaction) -> list[Row]:
            rows: list[Row] = transaction.run(query, parameters).data()
            self._check_state(transaction)
            return rows

        with self._session(read=True) as session:
            return session.execute_read(work)

    def _check_state(self, transaction: neo4j.ManagedTransaction) -> None:
        """Make sure that all answers are of one state: asked behind each query, in its transaction."""
        found = whole(transaction.run(cypher.STATE).data())
        if found is None or found != (self._seen or found):
            raise ConfigError(
                f"Neo4j at {_shown(self._uri)} holds no whole design, or another one than before; ask again"
            )
        self._seen = found

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
            ConfigError: the server can't be reached.
        """
        cypher.check_reading(query, parameters or (), DIALECT)
        library = _library()

        def work(transaction: neo4j.ManagedTransaction) -> Table:
            result = transaction.run(query, dict(parameters or {}))
            columns, found = list(result.keys()), result.fetch(row_limit + 1)
            result.consume()
            self._check_state(transaction)
            rows = [[plain(value) for value in record.values()] for record in found[:row_limit]]
            return Table(columns, rows, len(found) <= row_limit)

        with self._session(read=True) as session:
            try:
                answer: Table = session.execute_read(library.unit_of_work(timeout=time_limit_s)(work))
            except library.exceptions.ClientError as error:
                raise InputError(f"the query can't be answered: {error.message}") from error
            return answer

    @contextmanager
    def _session(self, *, read: bool = False) -> Iterator[neo4j.Session]:
        library = _library()
        access = library.READ_ACCESS if read else library.WRITE_ACCESS
        with (
            _reported(self._uri),
            self._driver.session(database=self._database, default_access_mode=access) as session,
        ):
            yield session

    def close(self) -> None:
        """Close the connections."""
        self._driver.close()


def _library() -> Any:
    try:
        import neo4j
    except ImportError as error:
        raise ToolNotFoundError(
            "the Neo4j driver is not installed; install it with: pip install 'rtlgen[graph]'"
        ) from error
    return neo4j


@contextmanager
def _reported(uri: str) -> Iterator[None]:
    """Turn what the driver raises into one message without credentials."""
    library = _library()
    exceptions = library.exceptions
    try:
        yield
    except exceptions.AuthError as error:
        raise ConfigError(f"Neo4j at {_shown(uri)} refuses the credentials; check {USER} and {PASSWORD}") from error
    except (exceptions.ServiceUnavailable, exceptions.SessionExpired) as error:
        raise ConfigError(f"Neo4j at {_shown(uri)} can't be reached; check that it runs, and {URI}") from error
    except exceptions.ConfigurationError as error:
        raise ConfigError(f"{URI} can't be used: expected neo4j://host:7687 or bolt://host:7687") from error
    except exceptions.Neo4jError as error:
        raise ConfigError(f"Neo4j at {_shown(uri)}: {error.message}") from error


def _shown(uri: str) -> str:
    """Return an address without what may be a password in it."""
    parts = urlsplit(uri)
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        port = ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}"


def _begun(state: State) -> Row:
    names = [column.name for column in cypher.META_COLUMNS][1:]
    values = (*astuple(state), 0)
    return {n: int(v) if isinstance(v, bool) else v for n, v in zip(names, values, strict=True)}


def plain(value: Any) -> Any:
    """Return a value of Neo4j as JSON can hold it: of nodes and relations the label and the properties."""
    graph = _library().graph
    if isinstance(value, graph.Node):
        return {"label": next(iter(value.labels), ""), **{name: plain(v) for name, v in value.items()}}
    if isinstance(value, graph.Relationship):
        return {"label": value.type, **{name: plain(v) for name, v in value.items()}}
    if isinstance(value, graph.Path):
        return {"nodes": [plain(n) for n in value.nodes], "relations": [plain(r) for r in value.relationships]}
    if isinstance(value, dict):
        return {name: plain(v) for name, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
