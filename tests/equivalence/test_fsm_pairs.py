"""Every pair under fixtures/fsm: the rewrite gives exactly the second text, and both sides are proved equivalent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from rtlgen.core.types import Design
from rtlgen.graphs.frontend.slang import elaborate
from rtlgen.graphs.wordlevel.build import word_level
from rtlgen.optimizer.edits import apply_edits
from rtlgen.optimizer.fsm import encode
from rtlgen.optimizer.fsm.index import to_codes
from rtlgen.optimizer.fsm.rewrites import KEEP, Found, counted, find, plan_for
from rtlgen.optimizer.fsm.writeback import write
from rtlgen.optimizer.lint import new_warnings, slang_warnings, verilator_warnings
from rtlgen.optimizer.rewrite import RewriteContext
from rtlgen.optimizer.target import Target
from rtlgen.synth.equiv import check_equivalence
from rtlgen.synth.yosys import YosysPool

FOLDER = Path(__file__).parent / "fixtures/fsm"
NAMES = sorted(d.name for d in FOLDER.iterdir())
UNCHANGED = {"reader_of_state"}
SLOW = {"memory_writer", "spi_master", "uart_rx", "traffic_light", "elevator", "unreachable_mode"}
"""Proofs of more than a few seconds."""


def rewritten(source: bytes) -> bytes:
    """Return the source with every machine minimised and in binary codes (counted where it only steps)."""
    done: set[str] = set()
    while True:
        design = elaborate({"m.sv": source})
        context = RewriteContext(word_level(design), {"m.sv": source}, "area", design.top.name, elaborated=design)
        left = [f for f in find(context) if f.machine.name not in done and not f.text.visible]
        if not left:
            return source
        done.add(left[0].machine.name)
        source = apply_edits({"m.sv": source}, edits_of(left[0], source))["m.sv"]


def edits_of(found: Found, source: bytes) -> tuple[object, ...]:
    if found.text.bits:
        return to_codes(found.machine, found.module, found.text, source, attribute=KEEP)
    stepping = counted(found)
    plan = plan_for(found, stepping, None) if stepping else plan_for(found, encode.binary(len(found.classes)), KEEP)
    return write(found.text, source, plan)


@pytest.fixture(scope="module")
def pool() -> Iterator[YosysPool]:
    with YosysPool(workers=2) as workers:
        yield workers


def text(name: str, side: str) -> bytes:
    return (FOLDER / name / f"{side}.sv").read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_the_rewrite_gives_the_second_text(name: str) -> None:
    before = text(name, "before")
    after = before if name in UNCHANGED else text(name, "after")
    assert rewritten(before).decode() == after.decode()


def proof(pool: YosysPool, name: str) -> str:
    sides = ({"m.sv": text(name, side).decode()} for side in ("before", "after"))
    return check_equivalence(*sides, top=name, budget_s=60, pool=pool).status


@pytest.mark.parametrize("name", sorted(set(NAMES) - SLOW - UNCHANGED))
def test_both_sides_are_proved_equivalent(pool: YosysPool, name: str) -> None:
    assert proof(pool, name) == "proved"


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SLOW))
def test_both_sides_are_proved_equivalent_in_more_time(pool: YosysPool, name: str) -> None:
    assert proof(pool, name) == "proved"


@pytest.mark.parametrize("name", sorted(set(NAMES) - UNCHANGED))
def test_the_second_text_has_no_new_warning(name: str, tmp_path: Path) -> None:
    def warnings(side: str) -> tuple[Counter[str], Counter[str] | None]:
        file = tmp_path / f"{name}.sv"
        file.write_bytes(text(name, side))
        target, elaborated = Target.read(Design(files=(file,)))
        return slang_warnings(elaborated), verilator_warnings(target)

    for old, new in zip(warnings("before"), warnings("after"), strict=True):
        assert new_warnings(old, new) == []
