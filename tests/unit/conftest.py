"""What several tests of the design database ask of one: all that it holds, and whether it fits together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rtlgen.graphs import model
from rtlgen.graphs.database.design import DesignDatabase
from rtlgen.graphs.database.schema import table
from rtlgen.graphs.model import SHIFT

_REFERENCES = frozenset(
    {"id", "parent", "definition", "signal", "clock", "reset", "block", "source", "target", "outer", "body"}
)


@pytest.fixture(scope="session")
def contents() -> Callable[[Path], dict[str, Any]]:
    """Return what lists everything in a database without the numbers that depend on the order of events."""
    return _contents


@pytest.fixture(scope="session")
def faults() -> Callable[[Path], list[str]]:
    """Return what finds the references of a database that lead nowhere, and ranges outside of what they select."""
    return _faults


def _contents(root: Path) -> dict[str, Any]:
    with DesignDatabase.open(root) as design:
        paths = {f.id: f.path for f in design.rows(model.File)}
        keys = dict(design._connection.execute("SELECT body, key FROM body_key"))
        found: dict[str, Any] = {
            "files": sorted((f.path, f.sha256, f.lines, f.tier, f.errors) for f in design.rows(model.File)),
            "sources": sorted((paths[n], design.source(n)) for n in paths),
            "instances": sorted((i.path, keys.get(i.body, ""), i.definition) for i in design.rows(model.Instance)),
            "bodies": sorted((keys[b.id], b.digest, paths.get(b.file, "")) for b in design.rows(model.Body)),
            "notes": sorted((paths.get(d.file, ""), *d[2:]) for d in design.rows(model.Diagnosis)),
        }
        for row_type in (*model.FILE_NODES, *model.FILE_EDGES):
            found[row_type.__name__] = sorted(_local(row, paths, paths) for row in design.rows(row_type))
        for row_type in (*model.BODY_NODES, *model.BODY_EDGES):
            found[row_type.__name__] = sorted(_local(row, paths, keys) for row in design.rows(row_type))
    return found


def _local(row: Any, paths: dict[int, str], owners: dict[int, str]) -> str:
    """Return a row as text, numbers of files and owners replaced by names."""
    parts = []
    for name, value in row._asdict().items():
        if name == "file" or (isinstance(row, model.Includes) and name == "target"):
            parts.append(paths.get(value, ""))
        elif name in _REFERENCES and isinstance(value, int) and value:
            parts.append(f"{owners[value >> SHIFT]}:{value & ((1 << SHIFT) - 1)}")
        else:
            parts.append(repr(value))
    return "|".join(parts)


_BODY = "SELECT id FROM body"
_FILE = "SELECT id FROM file"
_SIGNAL = "SELECT id FROM signal"
_WIDTH = "(SELECT max(width, 1) FROM signal WHERE signal.id = {})"
_SAME = f"id >> {SHIFT} != {{}} >> {SHIFT}"
_WRONG = (
    *((f"{table(t)} without file", f"SELECT id FROM {table(t)} WHERE id >> {SHIFT} NOT IN ({_FILE})")
      for t in (*model.FILE_NODES, *model.FILE_EDGES)),
    *((f"{table(t)} without body", f"SELECT id FROM {table(t)} WHERE id >> {SHIFT} NOT IN ({_BODY})")
      for t in (*model.BODY_NODES, *model.BODY_EDGES)),
    *((f"{name}.file", f"SELECT id FROM {name} WHERE file != 0 AND file NOT IN ({_FILE})")
      for name in ("definition", "package", "body", "instance", "signal", "block", "diagnosis")),
    ("definition in another file", f"SELECT id FROM definition WHERE id >> {SHIFT} != file"),
    ("package in another file", f"SELECT id FROM package WHERE id >> {SHIFT} != file"),
    ("parent of a node", f"SELECT id FROM ast_node n WHERE parent != 0 AND ({_SAME.format('parent')} OR NOT EXISTS "
     "(SELECT 1 FROM ast_node WHERE id = n.parent))"),
    ("definition of a chunk", "SELECT id FROM chunk WHERE definition != 0 AND definition NOT IN "
     "(SELECT id FROM definition UNION SELECT id FROM package)"),
    ("describes", "SELECT id FROM describes WHERE source NOT IN (SELECT id FROM comment) OR target NOT IN "
     "(SELECT id FROM chunk)"),
    ("includes", f"SELECT id FROM includes WHERE target != 0 AND target NOT IN ({_FILE})"),
    ("instantiates", "SELECT id FROM instantiates WHERE source != id >> 24 << 24 AND source NOT IN "
     "(SELECT id FROM definition UNION SELECT id FROM package)"),
    ("chunk_text", "SELECT id FROM chunk WHERE id NOT IN (SELECT rowid FROM chunk_text) UNION "
     "SELECT rowid FROM chunk_text WHERE rowid NOT IN (SELECT id FROM chunk)"),
    ("source", f"SELECT file FROM source WHERE file NOT IN ({_FILE}) UNION SELECT id FROM file WHERE id NOT IN "
     "(SELECT file FROM source)"),
    ("body_key", f"SELECT body FROM body_key WHERE body NOT IN ({_BODY}) UNION SELECT id FROM body WHERE id NOT IN "
     "(SELECT body FROM body_key)"),
    ("parent of an instance", "SELECT id FROM instance WHERE parent != 0 AND parent NOT IN (SELECT id FROM instance)"),
    ("body of an instance", f"SELECT id FROM instance WHERE body != 0 AND body NOT IN ({_BODY})"),
    ("body of no instance", f"{_BODY} WHERE id NOT IN (SELECT body FROM instance)"),
    ("signal of a port", f"SELECT id FROM port WHERE signal != 0 AND signal NOT IN ({_SIGNAL})"),
    ("width of a port", "SELECT port.id FROM port JOIN signal ON signal.id = port.signal WHERE "
     "port.width != signal.width"),
    ("signals of a block", f"SELECT id FROM block WHERE (clock != 0 AND clock NOT IN ({_SIGNAL})) OR "
     f"(reset != 0 AND reset NOT IN ({_SIGNAL}))"),
    ("block of a statement", "SELECT id FROM statement WHERE block NOT IN (SELECT id FROM block)"),
    *((f"ends of {name}", f"SELECT id FROM {name} WHERE source NOT IN (SELECT id FROM statement) OR target NOT IN "
       f"({_SIGNAL}) OR {_SAME.format('source')} OR {_SAME.format('target')}") for name in ("drives", "reads")),
    *((f"range of {name}", f"SELECT id FROM {name} WHERE low < 0 OR low > high OR high >= {_WIDTH.format('target')}")
      for name in ("drives", "reads")),
    ("ends of flows", f"SELECT id FROM flows WHERE source NOT IN ({_SIGNAL}) OR target NOT IN ({_SIGNAL}) OR "
     f"block NOT IN (SELECT id FROM block) OR {_SAME.format('source')} OR {_SAME.format('target')}"),
    ("ranges of flows", "SELECT id FROM flows WHERE source_low < 0 OR source_low > source_high OR target_low < 0 OR "
     f"target_low > target_high OR source_high >= {_WIDTH.format('source')} OR "
     f"target_high >= {_WIDTH.format('target')}"),
    ("aligned flows", "SELECT id FROM flows WHERE aligned AND source_high - source_low != target_high - target_low"),
    ("outer side of a port", f"SELECT id FROM port_bind WHERE outer != 0 AND (outer NOT IN ({_SIGNAL}) OR "
     f"{_SAME.format('outer')} OR outer_low < 0 OR outer_low > outer_high OR "
     f"outer_high >= {_WIDTH.format('outer')})"),
    ("inner side of a port", "SELECT b.id FROM port_bind b JOIN instance up ON up.body = b.id >> 24 JOIN instance i "
     "ON i.parent = up.id AND i.name = b.instance WHERE b.direction != 'interface' AND i.body != 0 AND NOT EXISTS "
     "(SELECT 1 FROM signal s WHERE s.id >> 24 = i.body AND s.name = b.inner AND b.inner_low >= 0 AND "
     "b.inner_low <= b.inner_high AND b.inner_high < max(s.width, 1))"),
    ("instance of a port", "SELECT b.id FROM port_bind b JOIN instance up ON up.body = b.id >> 24 WHERE NOT EXISTS "
     "(SELECT 1 FROM instance i WHERE i.parent = up.id AND i.name = b.instance)"),
    ("aligned ports", "SELECT id FROM port_bind WHERE aligned AND inner_high - inner_low != outer_high - outer_low"),
    ("next", "SELECT id FROM next WHERE source NOT IN (SELECT id FROM statement) OR target NOT IN "
     "(SELECT id FROM statement)"),
    ("next into another block", "SELECT next.id FROM next JOIN statement a ON a.id = source JOIN statement b ON "
     "b.id = target WHERE a.block != b.block"),
)  # fmt: skip


def _faults(root: Path) -> list[str]:
    found = []
    with DesignDatabase.open(root) as design:
        for what, query in _WRONG:
            rows = design._connection.execute(query.replace("24", str(SHIFT))).fetchall()
            if rows:
                found.append(f"{what}: {len(rows)}, as {rows[0][0]}")
        for file in design.rows(model.File):
            if file.sha256 and file.size == len(design.source(file.id)):
                size = file.size
                chunks = design.rows(model.Chunk, f"id >> {SHIFT} = ?", (file.id,))
                found += [f"chunk {c.id} outside of {file.path}" for c in chunks if not 0 <= c.start <= c.end <= size]
    return found
