"""Every pair under fixtures/registers: the second text is proposed, proved equivalent and lint-clean."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rtlgen.graphs.frontend.slang import elaborate
from rtlgen.graphs.wordlevel.build import word_level
from rtlgen.optimizer.edits import apply_edits
from rtlgen.optimizer.lint import new_warnings, slang_warnings, verilator_warnings
from rtlgen.optimizer.registers.rewrite import RegisterRemoval
from rtlgen.optimizer.rewrite import RewriteContext
from rtlgen.optimizer.target import Target
from rtlgen.synth.equiv import check_equivalence
from rtlgen.synth.yosys import YosysPool

FOLDER = Path(__file__).parent / "fixtures/registers"
NAMES = sorted(d.name for d in FOLDER.iterdir())


@pytest.fixture(scope="module")
def pool() -> Iterator[YosysPool]:
    with YosysPool(workers=1) as workers:
        yield workers


def side(name: str, which: str) -> bytes:
    """Return one text of a pair."""
    return (FOLDER / name / f"{which}.v").read_bytes()


def proposals(source: bytes, top: str) -> list[bytes]:
    """Return the texts that the family proposes."""
    sources = {"m.v": source}
    context = RewriteContext(word_level(elaborate(sources, top=top)), sources, "area", top)
    return [apply_edits(sources, change.edits)["m.v"] for change in RegisterRemoval().propose(context)]


@pytest.mark.parametrize("name", NAMES)
def test_the_second_text_is_proposed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtlgen.optimizer.registers.rewrite._PER_MODULE_S", 120.0)
    assert side(name, "after").decode() in [p.decode() for p in proposals(side(name, "before"), name)]


@pytest.mark.parametrize("name", NAMES)
def test_both_texts_are_equivalent(name: str, pool: YosysPool) -> None:
    gold, gate = ({"m.v": side(name, s).decode()} for s in ("before", "after"))
    assert check_equivalence(gold, gate, top=name, pool=pool).status == "proved"


@pytest.mark.parametrize("name", NAMES)
def test_the_second_text_has_no_new_warning(name: str) -> None:
    before, after = ({"m.v": side(name, s)} for s in ("before", "after"))
    assert not new_warnings(slang_warnings(elaborate(before)), slang_warnings(elaborate(after)))
    assert not new_warnings(verilator_warnings(Target(before, name)), verilator_warnings(Target(after, name)))
