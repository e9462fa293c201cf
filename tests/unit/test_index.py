"""Indexing a repository: what is found, what is done again after a change, and that nothing is ever half written."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rtlgen.core.errors import InputError
from rtlgen.graphs import model
from rtlgen.graphs.database.design import DesignDatabase
from rtlgen.graphs.indexing import Indexed, Indexer, Options
from rtlgen.graphs.model import SHIFT

Contents = Callable[[Path], dict[str, Any]]
FIXTURE = Path(__file__).resolve().parents[1] / "fixtures" / "repository"


@pytest.fixture
def system(tmp_path: Path) -> Path:
    shutil.copytree(FIXTURE, tmp_path / "system")
    return tmp_path / "system"


def _index(root: Path, **options: Any) -> Indexed:
    with Indexer(root, Options(**options)) as indexer:
        return indexer.run()


def test_a_repository_is_found_out_by_itself(system: Path) -> None:
    done = _index(system)
    assert done.tops == ("system",)
    assert (done.files, done.unknown, done.unclean) == (8, (), ())
    assert done.instances == 6  # system, control, producer, the interface, two lanes
    with DesignDatabase.open(system) as design:
        assert {i.path for i in design.rows(model.Instance)} == {
            "system", "system.u_control", "system.u_producer", "system.link",
            "system.g_lane[0].u_lane", "system.g_lane[1].u_lane",
        }  # fmt: skip
        assert design.note("tops") == ["system"]


def test_nothing_is_done_twice(system: Path) -> None:
    assert _index(system).changed == 8
    again = _index(system)
    assert (again.changed, again.elaborated, again.bodies_changed) == (0, False, 0)


def test_a_touched_file_is_not_parsed(system: Path) -> None:
    _index(system)
    os.utime(system / "rtl/lane.sv", ns=(1, 1))
    assert _index(system).changed == 0


def test_only_what_depends_on_an_edit_is_done_again(system: Path) -> None:
    with Indexer(system) as indexer:
        indexer.run()
        lane = system / "rtl/lane.sv"
        lane.write_text(lane.read_text().replace("in + 8'(OFFSET)", "in - 8'(OFFSET)"))
        done = indexer.run({lane})
        assert (done.changed, done.elaborated) == (1, True)
        assert done.bodies_changed == 2  # the two lanes have different parameters
        lane.write_text("// a line more\n" + lane.read_text())
        assert indexer.run({lane}).bodies_changed == 2
        header = system / "include/defs.svh"
        header.write_text(header.read_text().replace("LANES 2", "LANES 3"))
        done = indexer.run({header})
        assert done.changed == 2  # the header and the file that includes it
        assert done.instances == 7


def test_files_come_and_go(system: Path) -> None:
    with Indexer(system) as indexer:
        indexer.run()
        extra = system / "rtl/extra.sv"
        extra.write_text("module extra(input a, output b); assign b = ~a; endmodule\n")
        assert indexer.run({extra}).files == 9
        with DesignDatabase.open(system) as design:
            assert [d.file for d in design.rows(model.Definition, "name = 'extra'")]
        extra.unlink()
        assert indexer.run({extra}).removed == 1
        with DesignDatabase.open(system) as design:
            assert not list(design.rows(model.Definition, "name = 'extra'"))


_EDITS = (
    ("rtl/lane.sv", "in + 8'(OFFSET)", "in ^ 8'(OFFSET)"),
    ("rtl/lane.sv", "logic [7:0] sum", "logic [7:0] sum, more"),
    ("rtl/lane.sv", "parameter int OFFSET = 0", "parameter int OFFSET = 1"),
    ("rtl/types_pkg.sv", "logic [6:0] tag", "logic [4:0] tag"),
    ("rtl/types_pkg.sv", "IDLE, LOAD", "LOAD, IDLE"),
    ("rtl/stream_if.sv", "int W = 8", "int W = 9"),
    ("rtl/system.sv", ".W(8)", ".W(16)"),
    ("rtl/system.sv", "assign low = result[3:0];", "assign low = result[7:4];"),
    ("rtl/system.sv", "control u_control (.*);", "control u_control (.*); bind lane tracer u_tracer (.clk);"),
    ("rtl/system.sv", "endmodule", "endmodule\nmodule tracer(input clk); logic t; assign t = clk; endmodule"),
    ("rtl/control.sv", "7'd0", "'d1"),
    ("rtl/control.sv", "endmodule", "  assign enable = ;\nendmodule"),
    ("rtl/producer.sv", "port.valid <= port.ready", "port.valid <= 1"),
    ("include/defs.svh", "LANES 2", "LANES 3"),
    ("dv/tb.sv", "#100", "#200"),
)


@pytest.mark.parametrize("seed", range(4))
def test_after_any_edits_the_database_is_as_a_fresh_one(
    system: Path, tmp_path: Path, seed: int, contents: Contents
) -> None:
    chance = random.Random(seed)
    fresh = tmp_path / "fresh"
    with Indexer(system) as indexer:
        indexer.run()
        for _ in range(6):
            touched = set()
            for name, old, new in chance.sample(_EDITS, chance.randint(1, 3)):
                path = system / name
                text = path.read_text()
                path.write_text(text.replace(new, old, 1) if new in text else text.replace(old, new, 1))
                touched.add(path)
            indexer.run(touched if chance.random() < 0.7 else None)
            shutil.rmtree(fresh, ignore_errors=True)
            shutil.copytree(system, fresh, ignore=shutil.ignore_patterns(".rtlgen"))
            _index(fresh)
            assert contents(system) == contents(fresh)


def test_texts_that_were_forgotten_are_read_again(
    system: Path, tmp_path: Path, contents: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtlgen.graphs.indexing.indexer._FORGET_BYTES", 0)
    with Indexer(system) as indexer:
        indexer.run()
        seen = {id(indexer._sources)}
        for i in range(12):
            path = system / _EDITS[i][0]
            path.write_text(path.read_text() + f"// {i}\n")
            indexer.run({path})
            seen.add(id(indexer._sources))
        assert len(seen) > 1
    shutil.copytree(system, tmp_path / "fresh", ignore=shutil.ignore_patterns(".rtlgen"))
    _index(tmp_path / "fresh")
    assert contents(system) == contents(tmp_path / "fresh")


def test_another_process_finds_the_changes_since(system: Path, tmp_path: Path, contents: Contents) -> None:
    _index(system)
    for name, old, new in _EDITS[:5]:
        path = system / name
        path.write_text(path.read_text().replace(old, new, 1))
        done = _index(system)
        assert done.changed >= 1
    shutil.copytree(system, tmp_path / "fresh", ignore=shutil.ignore_patterns(".rtlgen"))
    _index(tmp_path / "fresh")
    assert contents(system) == contents(tmp_path / "fresh")


def test_a_reader_keeps_its_state_until_it_asks(system: Path) -> None:
    with Indexer(system) as indexer:
        indexer.run()
        with DesignDatabase.open(system) as design:
            before = [a.text for a in design.drivers("lane.sum")]
            lane = system / "rtl/lane.sv"
            lane.write_text(lane.read_text().replace("in + 8'(OFFSET)", "in"))
            indexer.run({lane})
            assert [a.text for a in design.drivers("lane.sum")] == before
            assert design.refresh()
            assert [a.text for a in design.drivers("lane.sum")] == ["sum = in"]
            assert not design.refresh()


def test_two_indexers_do_not_meet(system: Path) -> None:
    with Indexer(system), pytest.raises(InputError, match=r"another process is indexing \(process \d+\)"):
        Indexer(system)


_KILLED = """
import sys
from rtlgen.graphs.indexing import Indexer
for _ in range(1000):
    with Indexer(sys.argv[1]) as indexer:
        print("go", flush=True)
        indexer.run()
    import pathlib, time
    lane = pathlib.Path(sys.argv[1]) / "rtl/lane.sv"
    lane.write_text(lane.read_text() + "\\n")
"""


def _readings(root: Path) -> Iterator[None]:
    """Check, again and again, that a reader sees a whole design or none."""
    while True:
        try:
            with DesignDatabase.open(root) as design:
                bodies = {b.id for b in design.rows(model.Body)}
                assert all(not i.body or i.body in bodies for i in design.rows(model.Instance))
                for owner in {s.id >> SHIFT for s in design.rows(model.Signal)}:
                    assert owner in bodies
                if bodies:
                    assert design.fanin("system.result").bits
        except InputError as error:
            if "no design database" not in str(error):
                raise
        yield


def _kill_often(system: Path, times: int, contents: Contents) -> None:
    reader = _readings(system)
    for turn in range(times):
        if turn % 10 == 0:
            shutil.rmtree(system / ".rtlgen", ignore_errors=True)
        process = subprocess.Popen([sys.executable, "-c", _KILLED, str(system)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(random.Random(turn).random() * 0.25)
        next(reader)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        next(reader)
        with sqlite3.connect(system / ".rtlgen/graph.db") as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    done = _index(system)
    assert done.instances == 6
    copy = system.parent / "fresh"
    shutil.copytree(system, copy, ignore=shutil.ignore_patterns(".rtlgen"))
    _index(copy)
    assert contents(system) == contents(copy)


def test_a_killed_indexer_loses_nothing(system: Path, contents: Contents) -> None:
    _kill_often(system, 6, contents)


@pytest.mark.slow
def test_two_hundred_killed_indexers_lose_nothing(system: Path, contents: Contents) -> None:
    _kill_often(system, 200, contents)
