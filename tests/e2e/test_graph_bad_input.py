"""`rtlgen index` and `rtlgen graph` with bad input: what can be indexed is, a message says the rest, nothing breaks."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from rtlgen.cli import cli, main
from rtlgen.graphs import model
from rtlgen.graphs.database.design import DesignDatabase
from rtlgen.graphs.indexing import Indexer

FIXTURE = Path(__file__).resolve().parents[1] / "fixtures" / "repository"
DEEP = 10_000
LEAF = "module leaf(input x, output y); assign y = x; endmodule\n"


@pytest.fixture
def system(tmp_path: Path) -> Path:
    shutil.copytree(FIXTURE, tmp_path / "system")
    return tmp_path / "system"


def _run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main(["--display", "none", *map(str, arguments)])
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return code, captured.out, captured.err


def _index(capsys: pytest.CaptureFixture[str], root: Path, *arguments: object) -> Any:
    """Return what indexing says; it must end well."""
    code, out, err = _run(capsys, "index", root, "--json", *arguments)
    assert code == 0, err
    return json.loads(out)


def _messages(done: Any) -> list[str]:
    return [f"{n['file']}: {n['message']}" if n["file"] else n["message"] for n in done["notes"]]


def _write(root: Path, **files: str | bytes) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = root / name.replace("__", ".")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def _command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "rtlgen", "--display", "none", *map(str, arguments)]


_NESTED = {
    "brackets": "module a(input x, output y); assign y = " + "(" * DEEP + "x" + ")" * DEEP + "; endmodule",
    "concatenations": "module a(input x, output y); assign y = " + "{" * DEEP + "x" + "}" * DEEP + "; endmodule",
    "conditions": "module a(input x, output y); assign y = " + "x ? 1'b0 : " * DEEP + "x; endmodule",
    "sum": "module a(input x, output y); assign y = " + " + ".join(["x"] * DEEP) + "; endmodule",
    "blocks": "module a(input x, output reg y); always @* " + "begin " * DEEP + "y = x; " + "end " * DEEP + "endmodule",
    "else_if": "module a(input [31:0] x, output reg y); always @* "
    + "".join(f"if (x == {i}) y = {i & 1}; else " for i in range(DEEP)) + "y = 0; endmodule",
    "generate_else_if": "module a(input x, output y); parameter P = 0; "
    + "".join(f"if (P == {i + 9}) assign y = 0; else " for i in range(2 * DEEP)) + "assign y = x; endmodule",
    "within_limits": "module a(input x, output reg y); always @* " + "begin " * 500 + "y = " + "(~" * 450 + "x"
    + ")" * 450 + ";" + " end" * 500 + " endmodule",
}  # fmt: skip

_INDEX_ALL = """
import json, sys
from rtlgen.graphs.indexing import Indexer
for root in sys.argv[1:]:
    with Indexer(root) as indexer:
        done = indexer.run()
    print(json.dumps([done.files, done.bodies, [n.message for _, n in done.notes]]), flush=True)
"""


def test_deep_nesting_ends_no_process(tmp_path: Path) -> None:
    roots = [str(_write(tmp_path / name, top__sv=text)) for name, text in _NESTED.items()]
    done = subprocess.run([sys.executable, "-c", _INDEX_ALL, *roots], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = dict(zip(_NESTED, map(json.loads, done.stdout.splitlines()), strict=True))
    for name, (files, bodies, messages) in found.items():
        assert files == 1
        assert not any("left out: " in m for m in messages), (name, messages)
        assert bodies == 1 or any("too deep" in m for m in messages), (name, messages)
    assert all(found[name][1] == 1 for name in ("sum", "within_limits"))


_ENDLESS = {
    "itself": ("module t(input x); t u(x); endmodule", 2, "t instantiates itself without end"),
    "twice": (
        "module t(input x); a u(x); endmodule module a(input x); a u(x); a v(x); endmodule",
        4,
        "a instantiates itself without end",
    ),
    "ring": ("module a; b u(); endmodule module b; a u(); endmodule", 3, "a instantiates itself without end"),
    "ends": (
        "module t(input x); a #(8) u(x); endmodule\nmodule a #(parameter N = 1)(input x);\n"
        "if (N > 0) begin a #(N-1) u(x); a #(N-1) v(x); end endmodule",
        512,
        "",
    ),
}


@pytest.mark.parametrize("name", _ENDLESS)
def test_modules_within_themselves(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    text, instances, message = _ENDLESS[name]
    done = _index(capsys, _write(tmp_path / name, a__v=text))
    assert done["instances"] == instances
    assert any(message in m for m in _messages(done))


def test_a_module_within_itself_with_ever_new_parameters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "module t(input x); a #(8) u(x); endmodule\n"
    text += "module a #(parameter N = 1)(input x); a #(N + 1) u(x); endmodule"
    done = _index(capsys, _write(tmp_path / "r", a__v=text))
    assert any("exceeded maximum depth" in m for m in _messages(done))
    assert done["instances"] < 1000


_LARGE = {
    "generate_without_end": "genvar i; for (i = 0; i < 10; i = i) begin assign y = x; end",
    "generate_for_long": "genvar i; for (i = 0; i >= 0; i = i + 1) begin wire z; assign z = x; end",
    "parameter": "parameter [999999:0] P = {1000000{1'b1}}; assign y = P[x];",
    "array_of_instances": "wire [99999:0] z; leaf u[99999:0](z, z);",
    "signal": "logic z [0:100000000]; assign y = z[5]; assign z[5] = x;",
    "loop": "integer i; reg [31:0] z; always @* begin z = 0; for (i = 0; i < 1000000; i = i + 1) z = z + x; end",
    "loops": "integer i, j, k; reg [31:0] z; always @* for (i = 0; i < 1000; i = i + 1) "
    "for (j = 0; j < 1000; j = j + 1) for (k = 0; k < 1000; k = k + 1) z = z + x;",
    "loop_without_end": "reg z; always @* begin while (1) z = ~z; end",
    "function": "function automatic [31:0] f(input [31:0] n); f = f(n - 1) + f(n - 2) + f(n - 3); endfunction "
    "assign y = f(x);",
    "constant_function": "function automatic integer f(input integer n); return f(n + 1); endfunction "
    "parameter P = f(0); assign y = x + P;",
    "replication": "wire [999999:0] z = {1000000{x}}; assign y = z[7];",
}


@pytest.mark.parametrize("name", _LARGE)
def test_large_things_are_bounded(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    root = _write(tmp_path / name, a__sv=f"module a(input x, output y); {_LARGE[name]} endmodule\n{LEAF}")
    start = time.monotonic()
    done = _index(capsys, root, "--top", "a")
    assert done["bodies"] >= 1
    assert not any("left out: " in m for m in _messages(done))
    assert time.monotonic() - start < 30
    assert _run(capsys, "graph", "--db", root, "drivers", "a.y")[0] == 0


def test_bits_of_a_large_array(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = _write(tmp_path / "r", a__sv=f"module a(input x, output y); {_LARGE['signal']} endmodule\n")
    _index(capsys, root)
    code, out, _ = _run(capsys, "graph", "--db", root, "drivers", "a.z[5]", "--json")
    assert (code, [d["text"] for d in json.loads(out)]) == (0, ["z[5] = x"])
    assert json.loads(_run(capsys, "graph", "--db", root, "drivers", "a.z[99999999]", "--json")[1]) == []


def test_files_that_are_no_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = _write(
        tmp_path / "r",
        a__v="module a(input x, output y); leaf u(x, y); endmodule",
        leaf__v=LEAF,
        binary__v=bytes(range(256)) * 100,
        zero__v=b"module c; \0 endmodule",
        wide__v=b"\xff\xfe" + "module d; endmodule".encode("utf-16le"),
        empty__v=b"",
        noise__v=random.Random(1).randbytes(20_000).replace(b"\0", b"x"),
        long__v=b"module e; endmodule //" + b"a" * 3_000_000,
    )
    with (root / "huge.v").open("wb") as file:
        file.truncate(100_000_000)
    (root / "lines.v").write_bytes(b"//\n" * 12_000_000)
    done = _index(capsys, root)
    reasons = {u["file"]: u["reason"] for u in done["unclean"]}
    assert reasons.keys() == {"binary.v", "huge.v", "lines.v", "long.v", "noise.v", "wide.v", "zero.v"}
    assert "binary file (NUL byte)" in reasons["zero.v"]
    assert "UTF-16" in reasons["wide.v"]
    assert reasons["lines.v"] == "expected at most 32 MiB, got more"
    assert reasons["long.v"] == "line 1: expected lines of at most 1 MiB, got one of 3000022 bytes"
    assert (done["files"], done["instances"]) == (9 + 1, 2)
    assert _index(capsys, root)["changed"] == 0


def test_includes_that_lead_nowhere_or_everywhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "r/folder.vh").mkdir(parents=True)
    root = _write(
        tmp_path / "r",
        a__v='`include "b.vh"\n`include "missing.vh"\n`include "folder.vh"\n`include "."\n'
        "module a(input x, output y); leaf u(x, y); endmodule",
        leaf__v="module leaf(input x, output y); assign y = `FOO + x; `BAR(x) endmodule",
        b__vh='`include "c.vh"\n',
        c__vh='`include "b.vh"\n`include "c.vh"\n',
    )
    done = _index(capsys, root)
    text = "\n".join(_messages(done))
    for part in ("missing.vh is in no folder", "max include depth", "macro FOO is defined nowhere", "-D BAR=TEXT"):
        assert part in text
    assert done["bodies"] == 2


def test_equal_names_in_several_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _write(tmp_path / "r/p", a__v="module a(input x, output y); leaf u(x, y); endmodule", leaf__v=LEAF)
    _write(tmp_path / "r/q", leaf__v=LEAF.replace("= x", "= ~x"))
    done = _index(capsys, tmp_path / "r")
    assert any("p/leaf.v was taken, not q/leaf.v" in m for m in _messages(done))
    (driver,) = json.loads(_run(capsys, "graph", "--db", tmp_path / "r", "drivers", "leaf.y", "--json")[1])
    assert driver["text"] == "y = x"


def test_links_and_unreadable_files_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = _write(tmp_path / "r", leaf__v=LEAF)
    (root / "self").symlink_to(".")
    (root / "x.v").symlink_to("y.v")
    (root / "y.v").symlink_to("x.v")
    os.mkfifo(root / "pipe.v")
    (root / "shut.v").write_text("module shut; endmodule")
    (root / "shut.v").chmod(0)
    done = _index(capsys, root)
    assert done["tops"] == ["leaf"] or os.access(root / "shut.v", os.R_OK)
    messages = _messages(done)
    assert "x.v: link leads nowhere" in messages
    assert any(m.startswith("pipe.v: neither a file nor a folder") for m in messages)
    assert os.access(root / "shut.v", os.R_OK) or "shut.v: file can't be read: Permission denied" in messages


def test_names_that_hurt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["sp ace.v", "new\nline.v", "quo'te\".v", "ünï.v", "[b]r[/b].v", "semi;--.v", "%s%d*.v", "-f.v"]
    root = tmp_path / "[" / "root] '\""
    (root / "[b]r[").mkdir(parents=True)
    for i, name in enumerate(names):
        (root / name).write_text(f"module m{i}(input x, output y); leaf u(x, y); endmodule")
    _write(root, leaf__v=LEAF)
    with open(os.fsencode(root) + b"/\xff.v", "w") as file:
        file.write("module q; endmodule")
    done = _index(capsys, root)
    assert done["files"] == len(names) + 1
    assert any("not UTF-8" in m for m in _messages(done))
    code, out, _ = _run(capsys, "index", root, "--notes")
    assert (code, "[/root]" in out) == (0, True)
    places = {json.loads(_run(capsys, "graph", "--db", root, "instances", f"m{i}", "--json")[1])[0]["place"]["file"]
              for i in range(len(names))}  # fmt: skip
    assert places == set(names)


_ESCAPED = r"""
module \top.x[1] (input x, output \y.z[3] );
  wire \a.b[3] ; wire [3:0] \c[0] ;
  assign \a.b[3] = x; assign \y.z[3] = \a.b[3] ; assign \c[0] [2] = x;
  \m%_' \u.1[2] (x, );
endmodule
module \m%_' (input x, output y); wire \q% ; assign \q% = x; assign y = \q% ; endmodule
"""


def test_escaped_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = _write(tmp_path / "r", a__v=_ESCAPED)
    done = _index(capsys, root)
    assert (done["tops"], done["instances"]) == (["top.x[1]"], 2)
    (driver,) = json.loads(_run(capsys, "graph", "--db", root, "drivers", r"top.x[1].\y.z[3] ", "--json")[1])
    assert driver["text"] == r"\y.z[3] = \a.b[3]"
    (driver,) = json.loads(_run(capsys, "graph", "--db", root, "drivers", r"top.x[1].\c[0] [2]", "--json")[1])
    assert driver["text"] == r"\c[0] [2] = x"
    (driver,) = json.loads(_run(capsys, "graph", "--db", root, "drivers", r"top.x[1].\u.1[2] .\q% ", "--json")[1])
    assert driver["text"] == r"\q% = x"
    assert len(json.loads(_run(capsys, "graph", "--db", root, "instances", "m%_'", "--json")[1])) == 1
    assert _run(capsys, "graph", "--db", root, "instances", "m%_'")[1].startswith("in top.x[1]\n")


def test_nothing_to_index(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert _messages(_index(capsys, tmp_path / "empty")) == ["no module was found; nothing is elaborated"]
    root = _write(tmp_path / "r", a__vh="`define X 1\n", p__sv="package p; int x; endpackage")
    assert _index(capsys, root)["tops"] == []
    for question in (("stats",), ("tree",), ("clocks",), ("resets",), ("unused",), ("fsm",)):
        assert _run(capsys, "graph", "--db", root, *question)[0] == 0
    code, _, err = _run(capsys, "graph", "--db", root, "drivers", "a.b")
    assert (code, err) == (2, "rtlgen: error: no signal 'a.b'\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope"], "can't be read: No such file or directory"),
        (["system/rtl/lane.sv"], "expected the folder of a repository, got the file"),
        (["system", "--top", "nope"], "no module 'nope' in the 8 files of the repository"),
        (["system", "-f", "nope.f"], "nope.f: can't be read: No such file or directory"),
        (["system", "--core", "nope"], "no core 'nope'"),
        (["system", "-D", "1x=3"], "expected a name of letters, digits and _, got '1x'"),
        (["system", "--db", "system/rtl"], "expected the file of a design database, got a folder"),
        (["system", "--db", "system/rtl/lane.sv/x.db"], "can't be written: File exists; give --db PATH"),
    ],
)
def test_index_refuses(
    system: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(system.parent)
    code, _, err = _run(capsys, "index", *arguments)
    assert code == 2
    assert message in err


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("bad") / "system"
    shutil.copytree(FIXTURE, root)
    with Indexer(root) as indexer:
        indexer.run()
    return root


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ("system.low[999999999999]", "system.low: expected an index within [3:0], got 999999999999"),
        ("system.low[7:", "system.low: expected [index], [from:to] or .member next, got '[7:'"),
        ("system.low[-1]", "system.low: expected an index within [3:0], got -1"),
        ("system.low[0:3]", "system.low: expected a range in the direction of [3:0], got [0:3]"),
        ("system.low[0+:0]", "system.low: expected a width of at least 1, got '[0+:0]'"),
        ("system.request.nope", "system.request: expected a member such as valid, tag, data, got 'nope'"),
        ("system.low[" + "9" * 40 + "]", "expected [index], [from:to] or .member next"),
        ("x'; DROP TABLE signal;--", 'no signal "x\'; DROP TABLE signal;--"'),
        ("system." + "x" * 100_000, "no signal 'system.xxx"),
        *((name, f"no signal {name!r}") for name in ("", " ", ".", "..", "\\", "[", "]", "%", "*", "_", "a\nb", "ü")),
    ],
)
def test_signals_that_are_not_there(
    indexed: Path, capsys: pytest.CaptureFixture[str], question: str, message: str
) -> None:
    for command in (("drivers",), ("loads",), ("fanin",), ("path", "system.low"), ("show", "--format", "dot")):
        code, _, err = _run(capsys, "graph", "--db", indexed, *command, "--", question)
        assert code == 2
        assert message in err
        assert len(err) < 2000


@pytest.mark.parametrize("name", ["", "%", "_", "*", "'", "la%", "lane*", "nope", "lane\0", "system.nope.x"])
def test_modules_that_are_not_there(indexed: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    for command in ("instances", "cfg", "text"):
        code, _, err = _run(capsys, "graph", "--db", indexed, command, "--", name)
        assert (code, err.startswith("rtlgen: error: no ")) == (2, True), (command, err)


_BROKEN = {
    "folder": (lambda path: path.mkdir(), "got a folder"),
    "random": (lambda path: path.write_bytes(random.Random(2).randbytes(100_000)), "file is not a database"),
    "other": (lambda path: sqlite3.connect(path).execute("CREATE TABLE x(a)"), "no such table: meta"),
}


@pytest.mark.parametrize("name", _BROKEN)
def test_what_is_no_database_is_left_alone(system: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    (system / ".rtlgen").mkdir()
    _BROKEN[name][0](system / ".rtlgen/graph.db")
    code, _, err = _run(capsys, "index", system)
    assert (code, _BROKEN[name][1] in err) == (2, True), err
    code, _, err = _run(capsys, "graph", "--db", system, "tree")
    assert (code, "design database" in err) == (2, True)
    code, out, _ = _run(capsys, "index", system, "--db", system.parent / "new/folder/graph.db")
    assert (code, "6 instances" in out) == (0, True)


@pytest.mark.parametrize("page", [0, 1, 3, 8, 20, 40])
def test_a_damaged_database_gives_a_message(system: Path, capsys: pytest.CaptureFixture[str], page: int) -> None:
    with Indexer(system) as indexer:
        indexer.run()
    database = system / ".rtlgen/graph.db"
    with database.open("r+b") as file:
        file.seek(page * 4096)
        file.write(random.Random(page).randbytes(12 * 4096))
    for arguments in (("stats",), ("unused",), ("drivers", "system.low"), ("tree",), ("fsm",), ("text", "lane")):
        code, _, err = _run(capsys, "graph", "--db", system, *arguments)
        assert code == 0 or (code == 2 and "remove it and index again" in err), err
    (system / "rtl/lane.sv").write_text((system / "rtl/lane.sv").read_text() + "// more\n")
    code, _, err = _run(capsys, "index", system)
    assert code == 0 or (code == 2 and str(database) in err), err


def test_a_database_of_another_version(system: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Indexer(system) as indexer:
        indexer.run()
    with sqlite3.connect(system / ".rtlgen/graph.db") as connection:
        connection.execute("UPDATE meta SET value='99' WHERE key='schema'")
    for arguments in (("index", system), ("graph", "--db", system, "tree")):
        code, _, err = _run(capsys, *arguments)
        assert (code, "of version 1, got '99'; remove it and index again" in err) == (2, True)


def test_a_truncated_database(system: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Indexer(system) as indexer:
        indexer.run()
    os.truncate(system / ".rtlgen/graph.db", 20_000)
    for arguments in (("index", system), ("graph", "--db", system, "tree")):
        code, _, err = _run(capsys, *arguments)
        assert (code, "remove it and index again" in err) == (2, True)


def test_a_full_disk_loses_nothing(system: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Indexer(system) as indexer:
        indexer.run()
    lane = system / "rtl/lane.sv"
    noise = "\n".join(f"// {i};{random.Random(i).randrange(1 << 60)}" for i in range(20_000))
    lane.write_text(lane.read_text() + noise)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
    try:
        code, _, err = _run(capsys, "index", system)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert (code, "can't be written" in err) == (2, True), err
    assert len(json.loads(_run(capsys, "graph", "--db", system, "drivers", "system.low", "--json")[1])) == 1
    assert _index(capsys, system)["changed"] == 1


def test_a_full_file_system_loses_nothing(system: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(small)], capture_output=True).returncode:
        pytest.skip("needs the right to mount a small file system")
    try:
        code, _, err = _run(capsys, "index", system, "--db", small / "graph.db")
        assert (code, "full" in err) == (2, True), err
        with DesignDatabase.open(small / "graph.db") as design:
            assert {d.file for d in design.rows(model.Definition)} <= {f.id for f in design.rows(model.File)}
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_read_only_repository_names_the_way_out(system: Path, tmp_path: Path) -> None:
    program = shutil.which("setpriv")
    prefix = [program, "--reuid", "65534", "--clear-groups", "--regid", "65534"] if program and not os.getuid() else []
    if not prefix and not os.getuid():
        pytest.skip("needs setpriv, or not to be root")
    for folder in (system, *system.parents):
        if folder.stat().st_uid == os.getuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o555)
    system.chmod(0o555)
    done = subprocess.run([*prefix, *_command("index", system)], capture_output=True, text=True)
    system.chmod(0o755)
    if "rtlgen" not in done.stderr:
        pytest.skip("another user can't run this Python")
    assert (done.returncode, "can't be written: Permission denied; give --db PATH" in done.stderr) == (2, True)


def _long(root: Path, files: int = 400) -> Path:
    for i in range(files):
        text = "".join(f"  assign q[{k}] = a[{k}] ^ {i};\n" for k in range(32))
        _write(root, **{f"m{i}.v": f"module m{i}(input [31:0] a, output [31:0] q);\n{text}endmodule\n"})
    return root


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_stop_keeps_what_was_finished(tmp_path: Path, capsys: pytest.CaptureFixture[str], number: int) -> None:
    root = _long(tmp_path / "r")
    process = subprocess.Popen(_command("index", root), stderr=subprocess.PIPE, text=True)
    database = root / ".rtlgen/graph.db"
    deadline = time.monotonic() + 60
    while _count(database) < 20 and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == (-9 if number == signal.SIGKILL else 130)
    assert err == ("" if number == signal.SIGKILL else "\nrtlgen: interrupted\n")
    kept = _count(database)
    assert 20 <= kept < 400
    assert len(json.loads(_run(capsys, "graph", "--db", root, "stats", "--json")[1])) > 5
    assert _index(capsys, root)["changed"] == 400 - kept


def _count(database: Path) -> int:
    try:
        with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
            return int(connection.execute("SELECT count(*) FROM source").fetchone()[0])
    except sqlite3.Error:
        return 0


def test_two_writers_do_not_meet_and_a_reader_goes_on(system: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Indexer(system) as indexer:
        indexer.run()
        with DesignDatabase.open(system) as design:
            code, _, err = _run(capsys, "index", system)
            assert (code, "another process is indexing" in err) == (2, True)
            for path in sorted(system.rglob("*.sv")):
                path.write_text(f"// moved\n{path.read_text()}")
            assert indexer.run().changed == 7
            assert design.drivers("system.low")[0].place.line == 27
            assert design.refresh()
            assert design.drivers("system.low")[0].place.line == 28


def test_a_reader_of_a_database_that_can_not_be_written(system: Path) -> None:
    with Indexer(system) as indexer:
        indexer.run()
        copy = system.parent / "copy"
        shutil.copytree(system, copy)  # as a process that was killed leaves it: with its log
    assert (copy / ".rtlgen/graph.db-wal").stat().st_size
    result = CliRunner().invoke(cli, ["graph", "--db", str(copy), "drivers", "system.low"])
    assert result.exit_code == 0
