"""Pairs of several families: the second text is proposed, proved equivalent and lint-clean."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rtlgen.graphs.frontend.slang import elaborate
from rtlgen.graphs.wordlevel.build import word_level
from rtlgen.optimizer.edits import apply_edits
from rtlgen.optimizer.lint import new_warnings, slang_warnings, verilator_warnings
from rtlgen.optimizer.narrow.rewrite import Narrow
from rtlgen.optimizer.registers.rewrite import RegisterRemoval
from rtlgen.optimizer.resynth.rewrite import Resynthesis
from rtlgen.optimizer.rewrite import Rewrite, RewriteContext
from rtlgen.optimizer.state.digits import CounterDigits
from rtlgen.optimizer.state.lifetime import ShareLifetimes
from rtlgen.optimizer.state.sums import RunningSums
from rtlgen.optimizer.target import Target
from rtlgen.synth.equiv import check_equivalence
from rtlgen.synth.yosys import YosysPool

FOLDER = Path(__file__).parent / "fixtures"
# folder -> the family, and its limit of time, which a busy machine would reach
FAMILIES: dict[str, tuple[type[Rewrite], str]] = {
    "narrow": (Narrow, "rtlgen.graphs.wordlevel.simulate._LONG_S"),
    "registers": (RegisterRemoval, "rtlgen.optimizer.registers.rewrite._PER_MODULE_S"),
    "digits": (CounterDigits, "rtlgen.graphs.wordlevel.simulate._LONG_S"),
    "lifetimes": (ShareLifetimes, "rtlgen.graphs.wordlevel.simulate._LONG_S"),
    "sums": (RunningSums, "rtlgen.graphs.wordlevel.simulate._LONG_S"),
    "resynth": (Resynthesis, "rtlgen.optimizer.resynth.rewrite._PER_TARGET_S"),
}
PAIRS = [(family, d.name) for family in FAMILIES for d in sorted((FOLDER / family).iterdir())]


@pytest.fixture(scope="module")
def pool() -> Iterator[YosysPool]:
    with YosysPool(workers=1) as workers:
        yield workers


def side(family: str, name: str, which: str) -> bytes:
    """Return one text of a pair."""
    return (FOLDER / family / name / f"{which}.v").read_bytes()


def proposals(rewrite: Rewrite, source: bytes, top: str) -> list[bytes]:
    """Return the texts that the family proposes."""
    sources = {"m.v": source}
    context = RewriteContext(word_level(elaborate(sources, top=top)), sources, "area", top)
    return [apply_edits(sources, change.edits)["m.v"] for change in rewrite.propose(context)]


@pytest.mark.parametrize(("family", "name"), PAIRS)
def test_the_second_text_is_proposed(family: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rewrite, limit = FAMILIES[family]
    monkeypatch.setattr(limit, 120.0)
    found = proposals(rewrite(), side(family, name, "before"), name)
    assert side(family, name, "after").decode() in [p.decode() for p in found]


@pytest.mark.parametrize(("family", "name"), PAIRS)
def test_both_texts_are_equivalent(family: str, name: str, pool: YosysPool) -> None:
    gold, gate = ({"m.v": side(family, name, s).decode()} for s in ("before", "after"))
    assert check_equivalence(gold, gate, top=name, pool=pool).status == "proved"


@pytest.mark.parametrize(("family", "name"), PAIRS)
def test_the_second_text_has_no_new_warning(family: str, name: str) -> None:
    before, after = ({"m.v": side(family, name, s)} for s in ("before", "after"))
    assert not new_warnings(slang_warnings(elaborate(before)), slang_warnings(elaborate(after)))
    assert not new_warnings(verilator_warnings(Target(before, name)), verilator_warnings(Target(after, name)))
