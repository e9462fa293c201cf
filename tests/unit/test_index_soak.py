"""A process that indexes for long: no symbol of slang outlives its compilation, and memory stays what it is.

slang's Python binding ends the process when a second object is made for an address that a forgotten one still has
("Critical nanobind error ... unexpected collision"), so each soak runs in a process of its own.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FIXTURE = Path(__file__).resolve().parents[1] / "fixtures" / "repository"
SERV = importlib.util.find_spec("pythondata_cpu_serv")

_SOAK = """
import json, random, re, sys
from pathlib import Path
import psutil
from rtlgen.graphs.database.design import DesignDatabase
from rtlgen.graphs.indexing import Indexer
from rtlgen.graphs.model import Signal

root, turns, machine = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
chance, process, sizes = random.Random(turns), psutil.Process(), []
sources = sorted(p for p in root.rglob("*") if p.suffix in (".v", ".sv"))
texts = {p: p.read_text() for p in sources}
with Indexer(root) as indexer:
    signal = None
    for turn in range(turns):
        path = chance.choice(sources)
        words = re.findall(r"\\s+|\\w+|.", texts[path])
        del words[chance.randrange(len(words))]
        path.write_text("".join(words))
        kept = indexer.run({path}) if turn else indexer.run()
        path.write_text(texts[path])
        kept = indexer.run({path})
        with DesignDatabase.open(root) as design:
            signal = signal or next(design.rows(Signal)).name
            top = kept.tops[0]
            design.fanin(f"{top}.{signal}")
            design.clocks()
            if turn % 5 == 0:
                machines = design.state_machines(machine)
        sizes.append(process.memory_info().rss >> 10)
print(json.dumps(sizes))
"""


def _soak(root: Path, turns: int, machine: str) -> list[int]:
    """Return the memory of a process after each of its turns, in KiB; it must live to the end."""
    done = subprocess.run([sys.executable, "-c", _SOAK, str(root), str(turns), machine], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    sizes: list[int] = json.loads(done.stdout)
    return sizes


def _grown(sizes: list[int]) -> float:
    """Return by how much the second half needs more than what came after warming up."""
    third = len(sizes) // 3
    return max(sizes[-third:]) / max(sizes[third : 2 * third])


def test_thirty_edits(tmp_path: Path) -> None:
    shutil.copytree(FIXTURE, tmp_path / "system")
    assert len(_soak(tmp_path / "system", 15, "control")) == 15


@pytest.mark.slow
def test_six_hundred_edits_take_no_more_memory(tmp_path: Path) -> None:
    shutil.copytree(FIXTURE, tmp_path / "system")
    sizes = _soak(tmp_path / "system", 300, "control")
    assert _grown(sizes) < 1.1, sizes[::20]


@pytest.mark.slow
@pytest.mark.skipif(SERV is None, reason="needs pythondata-cpu-serv: pip install pythondata-cpu-serv")
def test_edits_of_a_core_take_no_more_memory(tmp_path: Path) -> None:
    assert SERV is not None and SERV.origin is not None
    shutil.copytree(Path(SERV.origin).parent / "verilog" / "rtl", tmp_path / "serv")
    sizes = _soak(tmp_path / "serv", 40, "serv_state")
    assert _grown(sizes) < 1.1, sizes
