"""What the rewrites of state machines save, measured through the baseline flow with the shipped library."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from rtlgen.graphs.frontend.slang import elaborate
from rtlgen.graphs.wordlevel.build import word_level
from rtlgen.optimizer.edits import apply_edits
from rtlgen.optimizer.fsm.rewrites import FsmEncode, FsmIndex, FsmMinimize
from rtlgen.optimizer.rewrite import RewriteContext
from rtlgen.synth.flow import Evaluator
from rtlgen.synth.liberty import read_library

FOLDER = Path(__file__).parents[1] / "equivalence/fixtures/fsm"
SMALL = ("if_chain_merge", "onehot_case1", "onehot_index", "onehot_walk", "ps2_style", "sync_two_process", "vending")


@pytest.fixture(scope="module")
def evaluator() -> Iterator[Evaluator]:
    with Evaluator(read_library()) as e:
        yield e


def area(evaluator: Evaluator, text: bytes, top: str) -> float:
    found = evaluator.evaluate({"m.sv": text.decode()}, top)
    assert found.area_um2 is not None, found.error
    return found.area_um2


def context(name: str, objective: str = "area") -> RewriteContext:
    source = (FOLDER / name / "before.sv").read_bytes()
    design = elaborate({"m.sv": source})
    return RewriteContext(word_level(design), {"m.sv": source}, objective, name, elaborated=design)  # type: ignore[arg-type]


def test_binary_codes_and_fewer_states_save_a_third_over_all(evaluator: Evaluator) -> None:
    ratios = []
    for name in SMALL:
        before, after = ((FOLDER / name / f"{side}.sv").read_bytes() for side in ("before", "after"))
        ratios.append(area(evaluator, after, name) / area(evaluator, before, name))
    assert max(ratios) < 1
    assert math.exp(sum(map(math.log, ratios)) / len(ratios)) < 0.67


@pytest.mark.parametrize("name", ["gray_candidates", "seq1011_moore"])
def test_the_first_searched_codes_beat_binary_codes(evaluator: Evaluator, name: str) -> None:
    here = context(name)
    changes = list(FsmEncode().propose(here))
    areas = {c.title: area(evaluator, apply_edits(here.sources, c.edits)["m.sv"], name) for c in changes}
    searched = [a for title, a in areas.items() if "searched" in title and "kept" in title]
    binary = [a for title, a in areas.items() if "binary" in title and "kept" in title]
    assert min(searched[:5]) < min(binary, default=area(evaluator, here.sources["m.sv"], name))


def test_proposals_say_what_they_do() -> None:
    titles = [c.title for c in FsmMinimize().propose(context("handshake"))]
    assert titles[0] == "merge 1 equivalent and remove 1 unreachable states of 'state'"
    index = [c.title for c in FsmIndex().propose(context("onehot_case1"))]
    assert index[0] == "3 bits of code instead of 5 one-hot bits for 'state', kept by (* fsm_encoding *)"
    assert [c.title for c in FsmEncode().propose(context("reader_of_state"))] == []


def test_for_delay_one_flip_flop_per_state_comes_early() -> None:
    titles = [c.title for c in FsmEncode().propose(context("vending", "delay"))]
    assert titles[1] == "merge 3 equivalent states of 'state'; one-hot codes for 'state', 4 to 7 bits"
