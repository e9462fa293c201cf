"""Every text in Cypher: the queries, which both engines run as they are, and the schema and loading of each.

Names and numbers of a design are parameters, never part of a text. Queries are kept to one short pattern each, because
Ladybug 0.22 makes products of longer ones that fill its memory.

What differs between the engines is in `Dialect`: how a schema is declared, and which procedures only read. Ladybug
loads with COPY, Neo4j with the statements of `create_nodes` and `create_relations`, which Ladybug runs as well.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator
from itertools import pairwise
from typing import Final

from rtlgen.core.errors import InputError
from rtlgen.graphs.engines.property_graph import LABELS, RELATIONS, Column, Kind, columns_of

META: Final = "GraphState"
"""Label of the one node that says which state of which design the graph is."""
META_COLUMNS: Final = (
    Column("id", int), Column("repository", str), Column("generation", int), Column("digest", str),
    Column("syntax", int), Column("complete", int),
)  # fmt: skip

_AROUND: Final = {
    True: "MATCH (a:Wire)-[e:FEEDS]->(b:Wire) WHERE a.id IN $wires AND e.kind IN $kinds ",
    False: "MATCH (a:Wire)-[e:FEEDS]->(b:Wire) WHERE b.id IN $wires AND e.kind IN $kinds ",
}
WIRE: Final = (
    "MATCH (w:Wire) WHERE w.path = $path RETURN w.id AS id, w.instance AS instance ORDER BY instance DESC LIMIT 1"
)
"""A hierarchical name has the path of what it stands for, which lies in the deeper instance."""
NEAR: Final = "MATCH (w:Wire) WHERE w.path ENDS WITH $tail RETURN w.path AS path ORDER BY path LIMIT 8"
PATHS: Final = "MATCH (w:Wire) WHERE w.id IN $wires RETURN w.id AS id, w.path AS path"
INSTANCES: Final = (
    "MATCH (i:Instance) WHERE i.definition = $definition "
    "OPTIONAL MATCH (b:Body)-[:BODY_OF]->(i) OPTIONAL MATCH (f:File {id: i.file}) "
    "OPTIONAL MATCH (i)-[:CONTAINS]->(c:Instance) "
    "RETURN i.id AS id, i.path AS path, i.definition AS definition, b.parameters AS parameters, f.path AS file, "
    "i.line AS line, count(c) AS children ORDER BY id"
)
STATE: Final = f"MATCH (s:{META}) RETURN " + ", ".join(f"s.{c.name} AS {c.name}" for c in META_COLUMNS)


def edges(*, forward: bool) -> str:
    """Return the query for FEEDS of `$kinds` out of `$wires` (`forward`) or into them."""
    return _AROUND[forward] + (
        "RETURN a.id AS source, b.id AS target, e.kind AS kind, e.registered AS registered, e.line AS line"
    )


DETAILS: Final = (
    "MATCH (i:Instance)<-[:IN_INSTANCE]-(w:Wire)-[:WIRE_OF]->(s:Signal) WHERE w.id IN $wires "
    "RETURN w.id AS id, w.path AS path, s.id AS signal, s.name AS name, s.layout AS layout, s.width AS width, "
    "i.id AS instance, i.path AS by, i.parent AS parent, i.name AS instance_name, i.definition AS definition, "
    "i.body AS body"
)
"""Wires with their signals and instances."""
BLACK_BOXES: Final = (
    "MATCH (s:Signal)-[e:PORT_BIND]->(x:Instance) WHERE s.id IN $signals AND x.body = 0 "
    "RETURN s.id AS signal, x.parent AS parent, e.outer_low AS low, e.outer_high AS high, e.instance AS instance, "
    "e.port AS port, e.kind AS role, e.line AS line, e.direction AS direction"
)
NAMES: Final = "MATCH (s:Signal) WHERE s.id IN $signals RETURN s.id AS id, s.name AS name"
BODY_FILES: Final = "MATCH (b:Body) WHERE b.id IN $bodies RETURN b.id AS id, b.file AS file"
FILES: Final = "MATCH (f:File) WHERE f.id IN $files RETURN f.id AS id, f.path AS path"


def statements(*, reading: bool) -> str:
    """Return the query for the statements that drive (`reading` back from the signals) or read `$signals`."""
    relation, column = ("DRIVES", "kind") if reading else ("READS", "role")
    return (
        f"MATCH (b:Block)-[:CONTAINS]->(t:Statement)-[e:{relation}]->(s:Signal) WHERE s.id IN $signals "
        f"RETURN s.id AS signal, e.low AS low, e.high AS high, e.{column} AS role, b.kind AS kind, "
        "t.first_line AS line, t.text AS text, b.clock AS clock, b.file AS file"
    )


def ports(*, reading: bool) -> str:
    """Return the query for the ports that drive (`reading` back from the wires) or read `$wires`."""
    near, far = ("b", "a") if reading else ("a", "b")
    sides = {"a": "source", "b": "target"}
    return (
        f"MATCH (a:Wire)-[e:FEEDS]->(b:Wire) WHERE {near}.id IN $wires AND e.block = 0 AND e.kind <> 'alias' "
        f"RETURN {near}.id AS near, e.{sides[near]}_low AS low, e.{sides[near]}_high AS high, "
        f"{far}.id AS far, e.{sides[far]}_low AS far_low, e.{sides[far]}_high AS far_high, "
        "e.kind AS kind, e.line AS line"
    )


def tree() -> str:
    """Return the query for all instances, in the order of their fields."""
    names = [column.name for column in columns_of(LABELS["Instance"])]
    return "MATCH (i:Instance) RETURN " + ", ".join(f"i.{name} AS {name}" for name in names) + " ORDER BY id"


def count_nodes(label: str) -> str:
    """Return the query for the number of nodes of a label."""
    return f"MATCH (n:{label}) RETURN count(n) AS number"


def count_relations(name: str) -> str:
    """Return the query for the number of relations of a type."""
    return f"MATCH ()-[r:{name}]->() RETURN count(r) AS number"


def create_nodes(label: str) -> str:
    """Return the statement that makes a node of each of `$rows`."""
    columns = META_COLUMNS if label == META else columns_of(LABELS[label])
    return f"UNWIND $rows AS row CREATE (:{label} {_properties(columns)})"


def create_relations(name: str, pair: tuple[str, str]) -> str:
    """Return the statement that makes a relation of each of `$rows`, which hold `source` and `target`."""
    source, target = pair
    columns = RELATIONS[name].columns
    properties = f" {_properties(columns)}" if columns else ""
    return (
        f"UNWIND $rows AS row MATCH (a:{source}), (b:{target}) WHERE a.id = row.source AND b.id = row.target "
        f"CREATE (a)-[:{name}{properties}]->(b)"
    )


def _properties(columns: tuple[Column, ...]) -> str:
    return "{" + ", ".join(f"`{c.name}`: row.`{c.name}`" for c in columns) + "}"


def queries() -> list[str]:
    """Return every query that the engines ask, for the test that holds them together."""
    both = (False, True)
    return [
        WIRE, NEAR, PATHS, INSTANCES, STATE, DETAILS, BLACK_BOXES, NAMES, BODY_FILES, FILES, tree(),
        *(edges(forward=f) for f in both), *(statements(reading=r) for r in both), *(ports(reading=r) for r in both),
        *(count_nodes(label) for label in LABELS), *(count_relations(name) for name in RELATIONS),
    ]  # fmt: skip


class Dialect(ABC):
    """What the two engines do not have in common."""

    procedures: frozenset[str]
    """Procedures that a reading query may CALL, in lower case."""

    @abstractmethod
    def schema(self) -> Iterator[str]:
        """Yield the statements that declare labels and relations."""


class LadybugDialect(Dialect):
    """Ladybug: tables are declared with their columns."""

    procedures = frozenset({"show_tables", "table_info", "show_connection", "db_version", "show_functions"})
    _TYPES: Final = {int: "INT64", str: "STRING"}

    def schema(self) -> Iterator[str]:
        """Yield the statements that declare labels and relations."""
        yield self._node(META, META_COLUMNS)
        for label, row_type in LABELS.items():
            yield self._node(label, columns_of(row_type))
        for name, kind in RELATIONS.items():
            yield self._relation(name, kind)

    def _node(self, label: str, columns: tuple[Column, ...]) -> str:
        return f"CREATE NODE TABLE {label}({', '.join(self._columns(columns))}, PRIMARY KEY(id))"

    def _relation(self, name: str, kind: Kind) -> str:
        ends = [f"FROM {source} TO {target}" for source, target in kind.pairs]
        return f"CREATE REL TABLE {name}({', '.join([*ends, *self._columns(kind.columns)])})"

    def _columns(self, columns: tuple[Column, ...]) -> list[str]:
        return [f"`{column.name}` {self._TYPES[column.type]}" for column in columns]

    def copy_nodes(self, label: str, file: str) -> str:
        """Return the statement that loads nodes from a file of comma-separated values."""
        return f"COPY {label} FROM {_quoted(file)} ({self._FORMAT})"

    def copy_relations(self, name: str, pair: tuple[str, str], file: str) -> str:
        """Return the statement that loads relations from a file of comma-separated values."""
        return f"COPY {name} FROM {_quoted(file)} ({self._FORMAT}, from='{pair[0]}', to='{pair[1]}')"

    _FORMAT: Final = "header=false, parallel=false, delim=',', quote='\"', escape='\"'"


class Neo4jDialect(Dialect):
    """Neo4j: properties need no declaration, but keys and what is searched by need an index."""

    procedures = frozenset({"db.labels", "db.relationshiptypes", "db.propertykeys", "db.schema.visualization"})
    INDEXED: Final = (
        ("Wire", "path"), ("Instance", "path"), ("Instance", "definition"), ("Signal", "name"), ("Definition", "name"),
        ("File", "path"),
    )  # fmt: skip

    def schema(self) -> Iterator[str]:
        """Yield the statements that declare keys and indexes."""
        for label in (META, *LABELS):
            yield f"CREATE CONSTRAINT {label}_id IF NOT EXISTS FOR (n:{label}) REQUIRE n.id IS UNIQUE"
        for label, name in self.INDEXED:
            yield f"CREATE INDEX {label}_{name} IF NOT EXISTS FOR (n:{label}) ON (n.{name})"

    def clear(self, label: str) -> str:
        """Return the statement that removes up to `$limit` nodes of a label, and says how many it removed."""
        return f"MATCH (n:{label}) WITH n LIMIT $limit DETACH DELETE n RETURN count(*) AS number"

    FOREIGN: Final = "MATCH (n) RETURN count(n) AS number"
    BEGIN: Final = f"MERGE (s:{META} {{id: 1}}) SET " + ", ".join(
        f"s.{c.name} = ${c.name}" for c in META_COLUMNS if c.name != "id"
    )
    FINISH: Final = f"MATCH (s:{META}) SET s.complete = 1"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


_TOKEN: Final = re.compile(
    r"""(?P<space>\s+|//[^\n]*|/\*.*?\*/)|(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<name>`[^`]*`)"""
    r"""|(?P<word>[^\W\d]\w*)|(?P<number>\d[\w]*)|(?P<sign>[^"'`])""",
    re.DOTALL,
)
_STARTS: Final = frozenset({"match", "optional", "unwind", "with", "return", "call"})
_WRITES: Final = frozenset({
    "create", "merge", "set", "delete", "detach", "remove", "drop", "foreach", "copy", "load",
})  # fmt: skip
"""Clauses that may stand within a statement that begins well."""


def check_reading(query: str, parameters: Collection[str], dialect: Dialect) -> None:
    """Make sure that a query of the user is a single statement that only reads the graph, and no file or network.

    The databases are opened for reading too; this also keeps out what they do not count as writing, such as COPY TO.

    Raises:
        InputError: it is not, or a parameter that it names has no value.
    """
    tokens = list(_tokens(query))
    missing = [name for (_, sign), (_, name) in pairwise(tokens) if sign == "$" and name.strip("`") not in parameters]
    if missing:
        raise InputError(f"parameter ${missing[0]} has no value")
    tokens = [(kind, word.lower()) for kind, word in tokens]
    words = [word for kind, word in tokens if kind == "word"]
    if tokens and tokens[-1] == ("sign", ";"):
        tokens.pop()
    if ("sign", ";") in tokens:
        raise InputError("expected one statement, got several; ask them one by one")
    if not words or words[0] not in _STARTS or tokens[0][0] != "word":
        raise InputError("expected a query that begins with MATCH, OPTIONAL MATCH, UNWIND, WITH, RETURN or CALL")
    for i, (kind, word) in enumerate(tokens):
        if kind != "word" or _is_property(tokens, i):
            continue
        if word in _WRITES:
            raise InputError(f"{word.upper()}: only reading is allowed here; a name of that kind goes in backticks")
        if word == "call":
            _check_call(tokens, i + 1, dialect)


def _tokens(query: str) -> Iterator[tuple[str, str]]:
    position = 0
    while position < len(query):
        match = _TOKEN.match(query, position)
        if match is None:
            raise InputError(f"a text in quotes does not end: {query[position : position + 40]!r}")
        position = match.end()
        kind = str(match.lastgroup)
        if kind != "space":
            yield kind, match[0]


def _is_property(tokens: list[tuple[str, str]], i: int) -> bool:
    """Return whether a word is the name of a property (`n.load`) or parameter (`$load`) and no clause."""
    if i and tokens[i - 1] == ("sign", "$"):
        return True
    return i > 1 and tokens[i - 1] == ("sign", ".") and tokens[i - 2][0] in ("word", "name")


def _check_call(tokens: list[tuple[str, str]], start: int, dialect: Dialect) -> None:
    name = ""
    for kind, word in tokens[start:]:
        if (kind, word) == ("sign", "(") or (kind != "word" and word != "."):
            break
        name += word
    if name not in dialect.procedures:
        raise InputError(f"CALL {name}: expected one of {', '.join(sorted(dialect.procedures))}")
