"""Decides whether any of some literals can be 1: by form, simulation, truth tables, then ABC."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from rtlgen.synth.equiv.aig import FALSE, TRUE, Aig, write_aiger
from rtlgen.synth.equiv.engines import COMBINATIONAL, Answer, Engine, Verdict, race

_PATTERNS = 1024
_TABLE_INPUTS = 14
_TABLE_NODES = 4000
_TABLE_WORK = 1 << 22
"""Most truth-table bits times nodes that are worth doing here instead of starting ABC."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether some literal can be 1.

    Attributes:
        answer: `unsat`, `sat` or `unknown`.
        method: what settled it.
        verdicts: what each engine said.
    """

    answer: Answer
    method: str
    verdicts: tuple[Verdict, ...] = ()


@dataclass(frozen=True, slots=True)
class Screening:
    """What could be said without ABC.

    Attributes:
        decision: the answer; `unknown` where literals are left.
        open_lits: literals that are not known to be impossible.
    """

    decision: Decision
    open_lits: tuple[int, ...] = ()


def screen(aig: Aig, lits: Sequence[int]) -> Screening:
    """Return whether any of the literals can be 1, as far as form, simulation and small truth tables tell."""
    open_lits = sorted({lit for lit in lits if lit != FALSE})
    if not open_lits:
        return Screening(Decision("unsat", "structural"))
    if TRUE in open_lits:
        return Screening(Decision("sat", "structural"))
    if _simulate(aig, open_lits):
        return Screening(Decision("sat", "simulation"))
    left = []
    for lit in open_lits:
        outcome = _tabulate(aig, lit)
        if outcome == "sat":
            return Screening(Decision("sat", "exhaustive"))
        if outcome == "unknown":
            left.append(lit)
    return Screening(Decision("unknown", "screen"), tuple(left)) if left else Screening(Decision("unsat", "exhaustive"))


def impossible(aig: Aig, lits: Sequence[int]) -> set[int]:
    """Return those of the literals that a quick look shows to be 0 always."""
    rng = random.Random(len(aig))
    mask = (1 << _PATTERNS) - 1
    values = {node: rng.getrandbits(_PATTERNS) for node in aig.pis}
    quiet = [lit for lit, bits in zip(lits, aig.simulate(lits, values, mask), strict=True) if not bits]
    return {lit for lit in quiet if lit == FALSE or _tabulate(aig, lit) == "unsat"}


def ask_abc(
    problems: Sequence[tuple[Aig, Sequence[int]]],
    *,
    deadline: float,
    jobs: int = 2,
    engines: Sequence[Engine] = COMBINATIONAL,
) -> Decision:
    """Return whether any of the literals can be 1 for some value of the primary inputs.

    Args:
        problems: graph and literals, in several forms that mean the same.
        deadline: `time.monotonic()` at which to give up.
        jobs: ABC processes at once.
        engines: ABC engines to try.
    """
    if time.monotonic() >= deadline:
        return Decision("unknown", "budget")
    texts = [write_aiger(aig, [], [aig.or_all(lits)])[0] for aig, lits in problems]
    tasks = [(engine, text) for engine in engines for text in texts]
    verdicts = tuple(race(tasks, deadline=deadline, jobs=jobs))
    answers = {v.answer for v in verdicts} - {"unknown"}
    if len(answers) != 1:  # none, or engines that contradict each other
        return Decision("unknown", "budget" if not answers else "contradiction", verdicts)
    last = verdicts[-1]
    return Decision(last.answer, last.engine, verdicts)


def _simulate(aig: Aig, lits: Sequence[int]) -> bool:
    """Return whether random patterns set one of the literals."""
    rng = random.Random(len(aig))
    mask = (1 << _PATTERNS) - 1
    values = {node: rng.getrandbits(_PATTERNS) for node in aig.pis}
    return any(aig.simulate(lits, values, mask))


def _tabulate(aig: Aig, lit: int) -> Answer:
    """Return whether the literal can be 1 by its whole truth table; `unknown` where that is too large."""
    cone = aig.small_cone(lit, nodes=_TABLE_NODES, inputs=_TABLE_INPUTS)
    if cone is None:
        return "unknown"
    support = [node for node in cone if aig.fan0[node] < 0]
    count = len(support)
    if len(cone) << count > _TABLE_WORK:
        return "unknown"
    mask = (1 << (1 << count)) - 1
    values = {node: variable_table(index, count) for index, node in enumerate(support)}
    (result,) = aig.simulate([lit], values, mask, cone)
    return "sat" if result else "unsat"


def variable_table(index: int, count: int) -> int:
    """Return the truth table of variable `index` of `count` as a bit vector."""
    block = ((1 << (1 << index)) - 1) << (1 << index)
    width = 2 << index
    while width < 1 << count:
        block |= block << width
        width <<= 1
    return block
