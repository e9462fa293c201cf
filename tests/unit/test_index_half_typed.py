"""Half-typed text: whatever is cut, doubled or swapped, nothing breaks, the database fits together, and undo undoes."""

from __future__ import annotations

import importlib.util
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rtlgen.graphs.indexing import Indexed, Indexer

FIXTURE = Path(__file__).resolve().parents[1] / "fixtures" / "repository"
SERV = importlib.util.find_spec("pythondata_cpu_serv")
_TOKEN = re.compile(r"\s+|\w+|.", re.DOTALL)


def _mutated(text: str, chance: random.Random) -> str:
    """Return a text with one to three things cut, deleted, doubled, swapped or put in, by tokens or by lines."""
    for _ in range(chance.randint(1, 3)):
        parts = _TOKEN.findall(text) if chance.random() < 0.6 else text.splitlines(keepends=True)
        if not parts:
            return "module"
        start = chance.randrange(len(parts))
        end = min(len(parts), start + chance.choice((1, 1, 2, 5)))
        match chance.randrange(6):
            case 0:
                parts = parts[:start]
            case 1:
                del parts[start:end]
            case 2:
                parts[start:start] = parts[start:end]
            case 3:
                other = chance.randrange(len(parts))
                parts[start], parts[other] = parts[other], parts[start]
            case 4:
                parts[start:start] = [chance.choice(_TYPED)]
            case _:
                parts[start] = chance.choice(parts)
        text = "".join(parts)
    return text


_TYPED = (
    " begin ", " end ", "(", ")", "[", "]", "{", "}", ";", " if (", " else ", " assign ", "`", '"', "/*", "*/", "//",
    " module m;", " endmodule ", " always_ff @(posedge ", " logic [", "#(", " <= ", ".", "'", " typedef struct { ",
    " interface i; ", " case (", "0", "-1", " parameter ", " for (", " function automatic ", "\x00", "é", "\\esc.aped ",
)  # fmt: skip


def _left_out(done: Indexed) -> list[str]:
    return [note.message for _, note in done.notes if note.message.startswith("left out: ")]


def _type(
    root: Path, turns: int, seed: int, faults: Callable[[Path], list[str]], contents: Callable[[Path], dict[str, Any]]
) -> list[str]:
    """Mutate a file at a time and index; return what was left out of bodies."""
    chance = random.Random(seed)
    left_out: list[str] = []
    with Indexer(root) as indexer:
        indexer.run()
        before = contents(root)
        sources = sorted(p for p in root.rglob("*") if p.suffix in (".sv", ".svh", ".v", ".vh"))
        for turn in range(turns):
            path = chance.choice(sources)
            text = path.read_bytes()
            path.write_text(_mutated(text.decode(), chance))
            left_out += _left_out(indexer.run({path}))
            assert faults(root) == [], (seed, turn, path.read_text())
            if chance.random() < 0.7:
                path.write_bytes(text)
                if turn % 10 == 0:
                    indexer.run({path})
        for path in sources:
            shutil.copyfile(_original(root) / path.relative_to(root), path)
        indexer.run()
        assert contents(root) == before
    return left_out


def _original(root: Path) -> Path:
    return root.with_name("original")


def _copied(source: Path, tmp_path: Path) -> Path:
    for name in ("original", "typed"):
        shutil.copytree(source, tmp_path / name)
    return tmp_path / "typed"


@pytest.mark.parametrize("seed", range(3))
def test_half_typed_text_of_a_small_system(
    tmp_path: Path, seed: int, faults: Callable[[Path], list[str]], contents: Callable[[Path], dict[str, Any]]
) -> None:
    assert _type(_copied(FIXTURE, tmp_path), 40, seed, faults, contents) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 20))
def test_more_half_typed_text(
    tmp_path: Path, seed: int, faults: Callable[[Path], list[str]], contents: Callable[[Path], dict[str, Any]]
) -> None:
    assert _type(_copied(FIXTURE, tmp_path), 300, seed, faults, contents) == []


@pytest.mark.slow
@pytest.mark.skipif(SERV is None, reason="needs pythondata-cpu-serv: pip install pythondata-cpu-serv")
def test_half_typed_text_of_a_core(
    tmp_path: Path, faults: Callable[[Path], list[str]], contents: Callable[[Path], dict[str, Any]]
) -> None:
    assert SERV is not None and SERV.origin is not None
    root = _copied(Path(SERV.origin).parent / "verilog" / "rtl", tmp_path)
    assert _type(root, 200, 1, faults, contents) == []
