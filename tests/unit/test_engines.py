"""One suite that holds the engines together: identical answers, from the same texts, whatever the names in a design."""

from __future__ import annotations

import importlib.util
import os
import random
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtlgen.core.errors import ConfigError, InputError, RtlgenError, ToolNotFoundError
from rtlgen.graphs import model
from rtlgen.graphs.database.design import DesignDatabase
from rtlgen.graphs.database.mirror import Bits
from rtlgen.graphs.engines import cypher
from rtlgen.graphs.engines.ladybug import LadybugEngine, run_cypher
from rtlgen.graphs.engines.neo4j import Neo4jEngine, from_environment
from rtlgen.graphs.engines.networkx_export import to_networkx
from rtlgen.graphs.engines.property_graph import LABELS, RELATIONS, PropertyGraph, columns_of, wire
from rtlgen.graphs.engines.protocol import ENGINES, GraphEngine, open_engine
from rtlgen.graphs.engines.sqlite import SqliteEngine
from rtlgen.graphs.indexing import Indexer, Options
from rtlgen.graphs.query.cone import cone
from rtlgen.graphs.query.cones import DATA

ladybug = pytest.importorskip("ladybug", reason="needs Ladybug: pip install 'rtlgen[graph]'")
neo4j = pytest.importorskip("neo4j", reason="needs the driver: pip install 'rtlgen[graph]'")

SERVER = {name: value for name, value in os.environ.items() if name.startswith("RTLGEN_NEO4J_")}
"""Read when the tests are collected: each test runs without the user's settings."""
FIXTURE = Path(__file__).parents[1] / "fixtures" / "engines"
SERV = importlib.util.find_spec("pythondata_cpu_serv")
ODD = "system.\\odd\"name'$x "


@pytest.fixture(scope="module", params=["small", pytest.param("serv", marks=pytest.mark.slow)])
def design(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DesignDatabase]:
    root = tmp_path_factory.mktemp("repository") / 'it\'s "here" $x'
    if request.param == "small":
        shutil.copytree(FIXTURE, root)
    elif SERV is None or not SERV.submodule_search_locations:
        pytest.skip("pythondata-cpu-serv is not installed")
    else:
        shutil.copytree(Path(SERV.submodule_search_locations[0]) / "verilog", root)
    with indexed(root) as found:
        yield found


@contextmanager
def indexed(root: Path) -> Iterator[DesignDatabase]:
    index(root)
    with DesignDatabase.open(root) as found:
        yield found


def index(root: Path) -> None:
    indexer = Indexer(root, Options())
    try:
        indexer.run()
    finally:
        indexer.close()


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DesignDatabase]:
    root = tmp_path_factory.mktemp("small") / "repository"
    shutil.copytree(FIXTURE, root)
    with indexed(root) as found:
        yield found


class LadybugBehindBolt:
    """A driver that runs the texts of the Neo4j engine on Ladybug: what can be known of them without a server.

    It knows no constraints, no retries and no isolation. Those are left to the run against a server.
    """

    def __init__(self) -> None:
        self._database = ladybug.Database(":memory:", buffer_pool_size=256 << 20, max_db_size=1 << 33)
        self.connection = ladybug.Connection(self._database)
        self.connection.execute("CALL enable_cached_prepared_statement='NONE'")
        for statement in cypher.LadybugDialect().schema():
            self.connection.execute(statement)
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        """Access mode, text and parameters."""

    @contextmanager
    def session(self, *, database: str | None, default_access_mode: str) -> Iterator[_Session]:
        yield _Session(self, default_access_mode)

    def close(self) -> None:
        self.connection.close()
        self._database.close()


class _Session:
    def __init__(self, driver: LadybugBehindBolt, mode: str) -> None:
        self._driver = driver
        self._mode = mode

    def run(self, query: str, parameters: dict[str, Any] | None = None) -> _Answer:
        self._driver.asked.append((self._mode, query, parameters or {}))
        if re.match(r"CREATE (CONSTRAINT|INDEX)", query):
            return _Answer([], [])
        result: Any = self._driver.connection.execute(query, parameters or {})
        return _Answer(result.get_column_names(), result.get_all())

    def execute_read(self, work: Callable[[_Session], Any]) -> Any:
        return work(self)

    execute_write = execute_read


class _Answer:
    def __init__(self, columns: list[str], rows: list[list[Any]]) -> None:
        self._columns = columns
        self._rows = rows

    def data(self) -> list[dict[str, Any]]:
        return [dict(zip(self._columns, row, strict=True)) for row in self._rows]

    def keys(self) -> list[str]:
        return self._columns

    def fetch(self, number: int) -> list[dict[str, Any]]:
        return self.data()[:number]

    def consume(self) -> None:
        self._rows = []


def neo4j_on_ladybug() -> Neo4jEngine:
    return Neo4jEngine(LadybugBehindBolt(), "bolt://fake")  # type: ignore[arg-type]


def neo4j_server() -> Neo4jEngine:
    if "RTLGEN_NEO4J_URI" not in SERVER:
        pytest.skip("needs a Neo4j server with an empty database: set RTLGEN_NEO4J_URI, _USER and _PASSWORD")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SERVER.items():
            patch.setenv(name, value)
        return from_environment()


ENGINE: dict[str, Callable[[], Any]] = {
    "ladybug": LadybugEngine,
    "neo4j-texts-on-ladybug": neo4j_on_ladybug,
    "neo4j-server": neo4j_server,
}


@pytest.fixture(scope="module", params=sorted(ENGINE))
def engine(request: pytest.FixtureRequest, design: DesignDatabase) -> Iterator[GraphEngine]:
    made = ENGINE[request.param]()
    if request.param == "neo4j-server":
        empty(made)
    try:
        assert made.load(PropertyGraph(design))
        yield made
    finally:
        made.close()


def empty(engine: Neo4jEngine) -> None:
    """Remove what an earlier run of this suite left on the server, and nothing else."""
    rows = engine._read(cypher.STATE)
    if rows and Path(rows[0]["repository"]).parent.name.startswith("repository"):
        for label in (*LABELS, cypher.META):
            engine._clear(label)


@pytest.fixture(scope="module")
def reference(design: DesignDatabase) -> SqliteEngine:
    made = SqliteEngine()
    made.load(PropertyGraph(design))
    return made


@pytest.fixture(scope="module")
def signals(design: DesignDatabase) -> list[str]:
    """Return every signal of the small design, every fiftieth of a large one."""
    paths = [row[1] for row in PropertyGraph(design).nodes("Wire")]
    return paths if len(paths) < 100 else paths[::50]


def test_counts(engine: GraphEngine, reference: SqliteEngine, design: DesignDatabase) -> None:
    counts = engine.counts()
    assert counts == reference.counts()
    for row_type in (model.File, model.Definition, model.Instance, model.Signal, model.Statement):
        assert counts[row_type.__name__] == design.count(row_type) > 0
    for row_type in (model.Drives, model.Reads, model.Flows, model.Next):
        assert counts[row_type.__name__.upper()] == design.count(row_type) > 0


def test_tree_and_instances(engine: GraphEngine, reference: SqliteEngine, design: DesignDatabase) -> None:
    tree = engine.tree()
    assert tree == reference.tree() == design.tree()
    for definition in {instance.definition for _, instance in tree}:
        assert engine.instances(definition) == reference.instances(definition) != []
    assert engine.instances("no such module") == []


def test_drivers_and_loads(
    engine: GraphEngine, reference: SqliteEngine, design: DesignDatabase, signals: list[str]
) -> None:
    driven = 0
    for signal in signals:
        assert engine.drivers(signal) == reference.drivers(signal), signal
        assert engine.loads(signal) == reference.loads(signal), signal
        assert set(engine.drivers(signal)) == set(design.drivers(signal))
        driven += bool(engine.drivers(signal))
    assert driven > len(signals) // 2


@pytest.mark.parametrize("depth", [0, 1, 3, None])
def test_cones(engine: GraphEngine, reference: SqliteEngine, signals: list[str], depth: int | None) -> None:
    for signal in signals:
        assert engine.fanin(signal, depth=depth) == reference.fanin(signal, depth=depth), signal
        assert engine.fanout(signal, depth=depth) == reference.fanout(signal, depth=depth), signal


def test_cones_by_role(engine: GraphEngine, reference: SqliteEngine, signals: list[str]) -> None:
    for roles in (["clock"], ["control", "index"], []):
        for signal in signals[::3]:
            assert engine.fanin(signal, depth=2, roles=roles) == reference.fanin(signal, depth=2, roles=roles)


def test_paths(engine: GraphEngine, reference: SqliteEngine, design: DesignDatabase, signals: list[str]) -> None:
    followed = nx.DiGraph()
    for feed in PropertyGraph(design).relations("FEEDS"):
        if feed.values[4] in {*DATA, "port", "alias"}:
            followed.add_edge(feed.source, feed.target)
    long = 0
    for end in signals[:: max(1, len(signals) // 12)]:
        for start in [reached.path for reached in reference.fanin(end)][3::9][:4]:
            hops = engine.path(start, end)
            assert hops == reference.path(start, end)
            assert [hop.target for hop in hops[:-1]] == [hop.source for hop in hops[1:]]
            if start != end:
                assert (hops[0].source, hops[-1].target) == (start, end)
                assert len(hops) == nx.shortest_path_length(followed, reference.wire(start), reference.wire(end))
            long += len(hops) > 3
    assert long > 3


def test_no_path_and_no_signal(engine: GraphEngine, reference: SqliteEngine, design: DesignDatabase) -> None:
    top = design.note("tops")[0]
    with pytest.raises(InputError, match=r"^no signal"):
        engine.drivers(f"{top}.nothing")
    outputs = [row[1] for row in PropertyGraph(design).nodes("Wire") if row[5] == "output"]
    inputs = [row[1] for row in PropertyGraph(design).nodes("Wire") if row[5] == "input"]
    for made in (engine, reference):
        with pytest.raises(InputError, match="does not depend on"):
            made.path(outputs[0], inputs[0])


def test_loading_the_same_state_again_does_nothing(engine: GraphEngine, design: DesignDatabase) -> None:
    assert not engine.load(PropertyGraph(design))


def test_user_queries(engine: GraphEngine, design: DesignDatabase) -> None:
    query = "MATCH (w:Wire) WHERE w.kind = $kind RETURN w.path AS path, w.width AS width ORDER BY path"
    found = engine.cypher(query, {"kind": "register"})
    rows = [[row[1], row[4]] for row in PropertyGraph(design).nodes("Wire") if row[5] == "register"]
    assert found == (["path", "width"], sorted(rows), True)
    assert engine.cypher(query, {"kind": "register"}, row_limit=2) == (["path", "width"], sorted(rows)[:2], False)


HOSTILE = st.text(st.sampled_from(list("'\"\\`$\n\r\t{}()[]/*;%_ ü\u2028\U0001f600aX0")), min_size=1, max_size=12)


@given(HOSTILE)
def test_names_are_parameters(small_engines: list[GraphEngine], text: str) -> None:
    for engine in small_engines:
        with pytest.raises(InputError, match=r"^(no signal|expected the full path)"):
            engine.drivers("system." + text)
        assert engine.instances(text) == []


@pytest.fixture(scope="module")
def small_engines(small: DesignDatabase) -> Iterator[list[GraphEngine]]:
    made: list[GraphEngine] = [SqliteEngine(), LadybugEngine(), neo4j_on_ladybug()]
    for engine in made:
        engine.load(PropertyGraph(small))
    yield made
    for engine in made:
        engine.close()


def test_odd_names_of_a_design_survive(small_engines: list[GraphEngine]) -> None:
    answers = [engine.drivers(ODD) for engine in small_engines]
    assert [a.text for a in answers[0]] == ["\\odd\"name'$x = {result[3:0], request.data[7:4]}"]
    assert answers[1:] == answers[:1] * 2


def test_texts_survive(small: DesignDatabase, small_engines: list[GraphEngine]) -> None:
    query = "MATCH (c:Comment) RETURN c.text ORDER BY c.id"
    texts = [[comment.text] for comment in small.rows(model.Comment)]
    assert "\"quoted\", 'single', \\back, $dollar, ü." in texts[0][0]
    for engine in small_engines[1:]:
        assert engine.cypher(query).rows == texts


def test_an_unknown_module_is_a_black_box(small_engines: list[GraphEngine]) -> None:
    for engine in small_engines:
        assert [(a.kind, a.by) for a in engine.loads("system.result") if a.kind == "black box"] == [
            ("black box", "system.u_vendor")
        ]


# the rule of whole signals


def test_feeds_are_the_steps_of_the_mirror(design: DesignDatabase) -> None:
    into: dict[int, list[tuple[int, str, int]]] = {}
    out_of: dict[int, list[tuple[int, str, int]]] = {}
    for feed in PropertyGraph(design).relations("FEEDS"):
        kind, block = feed.values[4], feed.values[7]
        into.setdefault(feed.target, []).append((feed.source, kind, block))
        out_of.setdefault(feed.source, []).append((feed.target, kind, block))
    for number, _, instance, signal, width, _ in PropertyGraph(design).nodes("Wire"):
        bits = Bits(instance, signal, 0, max(width, 1) - 1)
        for follow, found in ((design.mirror.sources, into), (design.mirror.sinks, out_of)):
            steps = [(wire(s.bits.instance, s.bits.signal), s.kind, s.block) for s in follow(bits)]
            assert sorted(steps) == sorted(found.get(number, []))


@pytest.mark.parametrize("depth", [1, 2, 4, None])
@pytest.mark.parametrize("forward", [False, True])
def test_exact_cones_lie_within(
    design: DesignDatabase, reference: SqliteEngine, signals: list[str], depth: int | None, forward: bool
) -> None:
    ask = reference.fanout if forward else reference.fanin
    for signal in signals:
        exact = cone(design.mirror, design.resolve(signal), forward=forward, depth=depth, roles=DATA)
        whole = {reached.path: reached.depth for reached in ask(signal, depth=depth)}
        for (instance, number), ranges in exact.bits.items():
            path = f"{design.mirror.instance(instance).path}.{design.mirror.signal(Bits(instance, number, 0, 0)).name}"
            assert whole[path] <= min(level for _, _, level in ranges)


def test_whole_cones_by_another_search(design: DesignDatabase, reference: SqliteEngine, signals: list[str]) -> None:
    graph = to_networkx(design)
    weighted = nx.DiGraph()
    weighted.add_nodes_from(graph)
    for source, target, kind in graph.edges(data="kind"):
        if kind in {*DATA, "port", "alias"}:
            cost = int(kind not in ("port", "alias"))
            old = weighted.get_edge_data(source, target, {"cost": 1})["cost"]
            weighted.add_edge(source, target, cost=min(cost, old))
    for signal in signals:
        expected = nx.single_source_dijkstra_path_length(weighted.reverse(copy=False), signal, weight="cost")
        assert {r.path: r.depth for r in reference.fanin(signal)} == expected


# one code for both


def test_neo4j_is_asked_what_ladybug_is_asked(small: DesignDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    answer = LadybugEngine.ask

    def noted(self: LadybugEngine, query: str, **parameters: Any) -> Any:
        asked.append(query)
        return answer(self, query, **parameters)

    monkeypatch.setattr(LadybugEngine, "ask", noted)
    one, driver = LadybugEngine(), LadybugBehindBolt()
    other = Neo4jEngine(driver, "bolt://fake")  # type: ignore[arg-type]
    for engine in (one, other):
        engine.load(PropertyGraph(small))
    asked.clear()
    driver.asked.clear()
    for engine in (one, other):
        for signal in ("system.result", "system.u_producer.out.data", ODD):
            engine.drivers(signal)
            engine.loads(signal)
            engine.fanin(signal, depth=2)
            engine.fanout(signal)
        engine.path("system.operands", "system.result")
        engine.instances("lane")
        engine.tree()
        engine.counts()
        with pytest.raises(InputError):
            engine.wire("system.nothing")
        engine.close()
    # difference: Neo4j, which others may load meanwhile, is asked for its state behind each query
    assert all(mode == "READ" for mode, _, _ in driver.asked)
    assert [query for _, query, _ in driver.asked if query != cypher.STATE] == asked
    assert {*cypher.queries()} - {cypher.STATE} == {*asked}


def test_what_differs_between_the_dialects() -> None:
    def own(dialect: type) -> set[str]:
        return {name for name in vars(dialect) if not name.startswith("_")} - {"schema", "procedures"}

    assert own(cypher.LadybugDialect) == {"copy_nodes", "copy_relations"}  # bulk loading from files
    assert own(cypher.Neo4jDialect) == {"INDEXED", "FOREIGN", "BEGIN", "FINISH", "clear"}  # loading in place, in steps


def test_schemas_come_from_the_row_types() -> None:
    tables = "\n".join(cypher.LadybugDialect().schema())
    constraints = "\n".join(cypher.Neo4jDialect().schema())
    for label, row_type in LABELS.items():
        assert all(f"`{column.name}`" in cypher.create_nodes(label) for column in columns_of(row_type))
        assert f"CREATE NODE TABLE {label}(`id` INT64" in tables
        assert f"FOR (n:{label}) REQUIRE n.id IS UNIQUE" in constraints
    for name in ("DEFINES", "INCLUDES", "IMPORTS", "INSTANTIATES", "BODY_OF", "CONTAINS", "DRIVES", "READS", "FLOWS",
                 "PORT_BIND", "NEXT", "CHILD", "DESCRIBES", "CORRESPONDS"):  # fmt: skip
        assert name in RELATIONS
        assert f"CREATE REL TABLE {name}(FROM" in tables


def test_syntax_trees_are_optional(small: DesignDatabase) -> None:
    engine = LadybugEngine()
    try:
        assert engine.load(PropertyGraph(small))
        assert engine.counts()["AstNode"] == 0
        assert engine.load(PropertyGraph(small, syntax=True))
        counts = engine.counts()
        assert counts["AstNode"] == small.count(model.AstNode) > 100
        roots = engine.cypher("MATCH (f:File)-[:CONTAINS]->(n:AstNode) RETURN count(n)").rows[0][0]
        assert counts["CHILD"] + roots == counts["AstNode"]
    finally:
        engine.close()


# only reading


@pytest.mark.parametrize(
    "query",
    [
        'COPY (MATCH (w:Wire) RETURN w.path) TO "{out}"',
        'LOAD FROM "{secret}" (header=false, file_format="csv") RETURN *',
        'MATCH (w:Wire) LOAD FROM "{secret}" (header=false, file_format="csv") RETURN *',
        'MATCH (w:Wire) load /* x */ from "{secret}" (header=false, file_format="csv") RETURN *',
        "MATCH (w:Wire) SET w.path = 'x'",
        "MATCH (w:Wire) DETACH DELETE w",
        "CREATE (:File {{id: 1}})",
        "RETURN 1; RETURN 2",
        'RETURN 1; COPY (MATCH (w:Wire) RETURN w.path) TO "{out}"',
        "RETURN '\\'; // ' ; COPY (RETURN 1) TO \"{out}\"",
        'ATTACH "{out}" AS other (dbtype sqlite)',
        'EXPORT DATABASE "{out}"',
        "INSTALL httpfs",
        "CALL timeout = 0",
        'CALL file_info("{secret}") RETURN *',
        "MATCH (w:Wire) CALL apoc.load.json('http://x') YIELD value RETURN value",
        "MATCH (w:Wire) WHERE w.id > 1. LOAD FROM '{secret}' RETURN *",
        "MATCH (w:Wire RETURN w",
        "RETURN 'never ends",
        "RETURN $missing",
        "`MATCH` (w) RETURN w",
        "",
        "// nothing",
    ],
)
def test_queries_that_do_more_than_read(small: DesignDatabase, tmp_path: Path, query: str) -> None:
    secret, out = tmp_path / "secret", tmp_path / "out"
    secret.write_text("top secret\n")
    with pytest.raises(InputError) as caught:
        run_cypher(small, query.format(out=out, secret=secret))
    assert "top secret" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not out.exists()


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("RETURN 'LOAD FROM; COPY' AS x; // DELETE", [["LOAD FROM; COPY"]]),
        ("MATCH (s:Statement) WHERE s.line IS NULL RETURN count(s) > 0", None),
        ("MATCH (c:Comment) RETURN count(c) AS `set`", [[1]]),
        ("OPTIONAL MATCH (w:Wire {path: 'a\"`b'}) RETURN w.path", [[None]]),
        ("MATCH (:Instance)-[:CONTAINS]->(i:Instance {name: 'u_producer'}) RETURN i.path", [["system.u_producer"]]),
        ("call SHOW_TABLES() RETURN count(*)", [[len(LABELS) + len(RELATIONS) + 1]]),
    ],
)
def test_queries_that_read(small: DesignDatabase, query: str, rows: list[list[Any]] | None) -> None:
    if rows is None:
        with pytest.raises(InputError, match="Cannot find property line"):
            run_cypher(small, query)
    else:
        assert run_cypher(small, query).rows == rows


def test_nodes_relations_and_paths_are_plain(small: DesignDatabase) -> None:
    query = "MATCH p = (a:Wire)-[e:FEEDS]->(b:Wire {path: 'system.u_consumer.got'}) WHERE a.path = $a RETURN a, e, p"
    ((node, relation, path),) = run_cypher(small, query, {"a": "system.u_consumer.in.valid"}).rows
    assert (node["label"], node["path"], node["width"]) == ("Wire", "system.u_consumer.in.valid", 1)
    assert (relation["label"], relation["kind"], relation["registered"]) == ("FEEDS", "control", 1)
    assert [n["path"] for n in path["nodes"]] == ["system.u_consumer.in.valid", "system.u_consumer.got"]


def test_time_limit(small: DesignDatabase) -> None:
    with pytest.raises(InputError, match=r"^the query was stopped after 0\.2 s; ask for less"):
        run_cypher(small, "MATCH (a:Wire)-[:FEEDS*1..30]->(b:Wire) RETURN count(*)",
                   time_limit_s=0.2)  # fmt: skip


def test_a_query_asked_again_loses_no_rows(tmp_path: Path) -> None:
    place = tmp_path / "graph.lbug"
    chosen = random.Random(1)
    edges = [(chosen.randrange(5000), chosen.randrange(30), chosen.choice([0, 7])) for _ in range(120)]
    with ladybug.Database(place, max_db_size=1 << 33) as database, ladybug.Connection(database) as connection:
        for label in ("W", "S"):
            connection.execute(f"CREATE NODE TABLE {label}(id INT64 PRIMARY KEY)")
            connection.execute(f"UNWIND range(0, 4999) AS i CREATE (:{label} {{id: i}})")
        connection.execute("CREATE REL TABLE F(FROM W TO W, block INT64)")
        connection.execute("CREATE REL TABLE O(FROM W TO S)")
        connection.execute("MATCH (w:W), (s:S) WHERE w.id = s.id CREATE (w)-[:O]->(s)")
        rows = [{"source": source, "target": target, "block": block} for source, target, block in edges]
        connection.execute(
            "UNWIND $rows AS r MATCH (a:W), (b:W) WHERE a.id = r.source AND b.id = r.target "
            "CREATE (a)-[:F {block: r.block}]->(b)",
            {"rows": rows},
        )
    engine = LadybugEngine(place)
    query = "MATCH (s:S)<-[:O]-(a:W)-[e:F]->(b:W {id: $b}) WHERE e.block = 0 RETURN a.id"
    for target in range(30):
        expected = sorted(source for source, end, block in edges if end == target and not block)
        assert sorted(row["a.id"] for row in engine.ask(query, b=target)) == expected
    engine.close()


def test_the_copy_follows_the_design(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    shutil.copytree(FIXTURE, root)
    query = "MATCH (w:Wire) WHERE w.kind = 'register' RETURN count(w)"
    with indexed(root) as design:
        (before,) = run_cypher(design, query).rows[0]
        copy = root / ".rtlgen" / "graph.lbug"
        written = copy.stat().st_ino
        run_cypher(design, query)
        assert copy.stat().st_ino == written
        lane = root / "rtl" / "lane.sv"
        lane.write_text(lane.read_text().replace("sum <= next", "begin sum <= next; seen <= 1; end")
                        .replace("next;\n", "next; logic seen;\n", 1))  # fmt: skip
        index(root)
        assert run_cypher(design, query).rows[0] == [before]  # still the state that is held
        design.refresh()
        assert run_cypher(design, query).rows[0] == [before + 4]
        assert sorted(p.name for p in copy.parent.glob("*.lbug*")) == ["graph.lbug"]


def test_a_file_of_something_else_is_kept(small: DesignDatabase, tmp_path: Path) -> None:
    precious = tmp_path / "notes.txt"
    precious.write_text("mine")
    engine = LadybugEngine(precious)
    with pytest.raises(ConfigError, match="is no database of Ladybug; name another file"):
        engine.load(PropertyGraph(small))
    assert precious.read_text() == "mine"
    engine.close()


def test_a_broken_copy_is_made_anew(small: DesignDatabase, tmp_path: Path) -> None:
    place = tmp_path / "graph.lbug"
    place.write_bytes(b"LBUG" + bytes(5000))
    engine = LadybugEngine(place)
    assert engine.load(PropertyGraph(small))
    assert engine.counts()["File"] == 4
    engine.close()


# settings and servers


def test_registry() -> None:
    assert ENGINES.in_order() == ("sqlite", "ladybug", "neo4j")
    assert isinstance(open_engine("sqlite"), SqliteEngine)
    with pytest.raises(ConfigError, match="speaks no Cypher; use engine ladybug or neo4j"):
        open_engine("sqlite").cypher("RETURN 1")


@pytest.mark.parametrize(("name", "package"), [("ladybug", "ladybug"), ("neo4j", "neo4j")])
def test_a_missing_package_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch, name: str, package: str) -> None:
    monkeypatch.setenv("RTLGEN_NEO4J_URI", "bolt://127.0.0.1:9")
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(ToolNotFoundError, match=r"pip install 'rtlgen\[graph\]'$"):
        open_engine(name)


def test_no_server_is_named() -> None:
    with pytest.raises(ConfigError, match=r"^no Neo4j server is named; set RTLGEN_NEO4J_URI"):
        open_engine("neo4j")


@pytest.mark.parametrize(
    "uri", ["bolt://127.0.0.1:9", "neo4j://127.0.0.1:9", "http://hidden@x", "bolt://a:hidden@127.0.0.1:9"]
)
def test_a_server_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, uri: str
) -> None:
    monkeypatch.setenv("RTLGEN_NEO4J_URI", uri)
    monkeypatch.setenv("RTLGEN_NEO4J_USER", "me")
    monkeypatch.setenv("RTLGEN_NEO4J_PASSWORD", "hidden")
    with caplog.at_level("DEBUG"), pytest.raises(RtlgenError) as caught:
        open_engine("neo4j")
    assert isinstance(caught.value, ConfigError)
    assert "hidden" not in str(caught.value) + caplog.text
    assert "\n" not in str(caught.value)


def test_another_repository_on_the_server_is_kept(small: DesignDatabase, design: DesignDatabase) -> None:
    engine = neo4j_on_ladybug()
    engine.load(PropertyGraph(small))
    with pytest.raises(ConfigError, match=r"holds the design of .*, which would be lost; name another one"):
        engine.load(PropertyGraph(design))
    assert engine.state() == PropertyGraph(small).state
    engine.close()


def test_a_database_of_others_is_kept(small: DesignDatabase) -> None:
    driver = LadybugBehindBolt()
    driver.connection.execute("CREATE (:Comment {id: 1})")
    with pytest.raises(ConfigError, match="the database holds something else; name an empty one"):
        Neo4jEngine(driver, "bolt://fake").load(PropertyGraph(small))  # type: ignore[arg-type]
    driver.close()


def test_a_load_that_was_cut_off_answers_nothing_and_can_be_repeated(
    small: DesignDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = LadybugBehindBolt()
    engine = Neo4jEngine(driver, "bolt://fake")  # type: ignore[arg-type]
    with monkeypatch.context() as patch:
        patch.setattr(Neo4jEngine, "_create_relations", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            engine.load(PropertyGraph(small))
    with pytest.raises(ConfigError, match="holds no whole design"):
        engine.drivers("system.result")
    assert engine.load(PropertyGraph(small))
    assert engine.counts() == PropertyGraph(small).counts()
    engine.close()


def test_a_reader_does_not_mix_two_states(small: DesignDatabase) -> None:
    driver = LadybugBehindBolt()
    loader, reader = (Neo4jEngine(driver, "bolt://fake") for _ in range(2))  # type: ignore[arg-type]
    loader.load(PropertyGraph(small))
    before = reader.drivers("system.result")
    loader.load(PropertyGraph(small, syntax=True))
    with pytest.raises(ConfigError, match="or another one than before; ask again"):
        reader.drivers("system.result")
    assert Neo4jEngine(driver, "bolt://fake").drivers("system.result") == before  # type: ignore[arg-type]
    driver.close()


def test_networkx(design: DesignDatabase) -> None:
    graph = to_networkx(design)
    counts = PropertyGraph(design).counts()
    aliases = [e for e in PropertyGraph(design).relations("FEEDS") if e.values[4] == "alias"]
    assert counts["FEEDS"] - len(aliases) <= graph.number_of_edges() <= counts["FEEDS"]
    assert {row[1] for row in PropertyGraph(design).nodes("Wire")} == set(graph)
    assert all(data["width"] >= 0 and data["path"] == node for node, data in graph.nodes(data=True))


def test_examples_of_the_manual(small: DesignDatabase, repository: Path) -> None:
    text = (repository / "docs" / "graph-engines.md").read_text()
    examples = re.findall(r"```cypher\n(.*?)```", text, re.DOTALL)
    assert len(examples) >= 5
    for example in examples:
        parameters = {"signal": "system.result", "module": "lane"}
        used = {name: value for name, value in parameters.items() if f"${name}" in example}
        assert run_cypher(small, example, used).rows, example
