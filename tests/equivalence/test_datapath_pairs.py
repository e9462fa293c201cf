"""Every pair under fixtures/datapath: the named rewrite proposes exactly the second text, and both sides are proved."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rtlgen.graphs.frontend.slang import elaborate
from rtlgen.graphs.wordlevel.build import word_level
from rtlgen.optimizer import REWRITES
from rtlgen.optimizer.edits import apply_edits
from rtlgen.optimizer.lint import new_warnings, slang_warnings
from rtlgen.optimizer.rewrite import RewriteContext
from rtlgen.synth.equiv import check_equivalence
from rtlgen.synth.yosys import YosysPool

FOLDER = Path(__file__).parent / "fixtures/datapath"
NAMES = sorted(d.name for d in FOLDER.iterdir())


@pytest.fixture(scope="module")
def pool() -> Iterator[YosysPool]:
    with YosysPool(workers=2) as workers:
        yield workers


def text(name: str, side: str) -> bytes:
    return (FOLDER / name / f"{side}.sv").read_bytes()


def proposals(source: bytes) -> list[bytes]:
    """Return what the rewrite that the first line names makes of the source, in its order."""
    name = source.split(b"\n")[0].removeprefix(b"// rule: ").decode()
    loaded = REWRITES.load(name)
    rewrite = loaded() if isinstance(loaded, type) else loaded
    design = elaborate({"m.sv": source})
    context = RewriteContext(word_level(design), {"m.sv": source}, "area", design.top.name, elaborated=design)
    return [apply_edits({"m.sv": source}, change.edits)["m.sv"] for change in rewrite.propose(context)]


@pytest.mark.parametrize("name", NAMES)
def test_rewrite_gives_the_second_text(name: str) -> None:
    made = proposals(text(name, "before"))
    assert text(name, "after") in made, b"\n".join(made).decode()


@pytest.mark.parametrize("name", NAMES)
def test_second_text_has_no_new_warnings(name: str) -> None:
    before, after = (slang_warnings(elaborate({"m.sv": text(name, side)})) for side in ("before", "after"))
    assert new_warnings(before, after) == []


@pytest.mark.parametrize("name", NAMES)
def test_both_sides_are_equivalent(name: str, pool: YosysPool) -> None:
    gold, gate = ({"m.sv": text(name, side).decode()} for side in ("before", "after"))
    result = check_equivalence(gold, gate, top=name, pool=pool, budget_s=60)
    assert result.status == "proved", result
