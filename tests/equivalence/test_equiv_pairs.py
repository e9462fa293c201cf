"""Every pair of poor and good RTL among the fixtures is proved equal, and a change to the good one is refuted."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from rtlgen.core.errors import ElaborationError, InputError
from rtlgen.synth.equiv import check_equivalence

PAIRS = Path(__file__).resolve().parents[1] / "fixtures" / "pairs"
NAMES = sorted(p.name for p in PAIRS.iterdir() if (p / "poor.v").exists())
QUICK = (
    "abs_diff",
    "addr_rowcol",
    "const_mult",
    "crc8_byte",
    "fir5_const",
    "fsm_onehot",
    "rgb_luma",
    "spi_tx",
    "watchdog",
)
OPEN: frozenset[str] = frozenset({"bcd_clock"})
"""Pairs that no engine settles; see docs/equiv.md."""


def texts(name: str) -> tuple[str, str]:
    return (PAIRS / name / "poor.v").read_text(), (PAIRS / name / "expert.v").read_text()


def prove(name: str, budget_s: float) -> None:
    poor, expert = texts(name)
    result = check_equivalence({"poor.v": poor}, {"expert.v": expert}, top=name, budget_s=budget_s)
    assert result.status == ("unknown" if name in OPEN else "proved"), (result.reason, result.engines)


@pytest.mark.parametrize("name", [n for n in QUICK if n in NAMES])
def test_pairs_are_proved(name: str) -> None:
    prove(name, 60)


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", NAMES)
def test_every_pair_is_proved(name: str) -> None:
    prove(name, 120)


SWAPS = (
    (r"\+", "-"),
    (r"&(?!&)", "|"),
    (r"<(?![=<])", ">"),
    (r"==", "!="),
    (r"\^", "&"),
    (r"1'b1", "1'b0"),
    (r"~", ""),
)


def mutate(text: str, rng: random.Random) -> str | None:
    """Return the text with one operator changed, or None where it has none of the usual."""
    found = [(m.span(), new) for old, new in SWAPS for m in re.finditer(old, text)]
    if not found:
        return None
    (start, end), new = rng.choice(found)
    return text[:start] + new + text[end:]


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", NAMES)
def test_what_is_said_of_mutants_agrees_with_the_other_direction(name: str) -> None:
    """A mutant is equal to poor exactly if it is equal to expert: two checks over different structure."""
    rng = random.Random(name)
    poor, expert = texts(name)
    for _ in range(3):
        mutant = mutate(expert, rng)
        if mutant is None:
            continue
        try:
            near = check_equivalence({"a.v": expert}, {"b.v": mutant}, top=name, budget_s=10, confirm=False).status
            far = check_equivalence({"a.v": poor}, {"b.v": mutant}, top=name, budget_s=10, confirm=False).status
        except (ElaborationError, InputError):  # a mutant need not be a design at all
            continue
        assert {near, far} != {"proved", "refuted"}, mutant
