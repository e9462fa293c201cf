"""Decides whether any of some literals can be 1: by form, simulation, truth tables, then ABC."""

from __future__ import annotations

import functools
import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

from rtlgen.synth.equiv.aig import FALSE, TRUE, Aig, write_aiger
from rtlgen.synth.equiv.engines import COMBINATIONAL, Answer, Engine, Verdict, race
from rtlgen.synth.equiv.solver import QUICK_S, decide

_PATTERNS = 1024
_TABLE_INPUTS = 20
_TABLE_NODES = 4000
_TABLE_WORK, _ALL_TABLES_WORK = 1 << 28, 1 << 29
"""Most truth-table bits times nodes, of one literal and of all, that are worth doing here instead of starting ABC."""
_QUICK_WORK = 1 << 22
_CHUNK = 16
"""Variables whose values are looked at together; their vectors still fit into a processor's cache."""


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
    cones = [_Cone(aig, lit) for lit in open_lits]
    everything = all(c.work <= _TABLE_WORK for c in cones) and sum(c.work for c in cones) <= _ALL_TABLES_WORK
    most = _TABLE_WORK if everything else _QUICK_WORK  # what ABC has to be started for anyway is left to it
    left = []
    for cone in cones:
        outcome = cone.tabulate() if cone.work <= most else "unknown"
        if outcome == "sat":
            return Screening(Decision("sat", "exhaustive"))
        if outcome == "unknown":
            left.append(cone.lit)
    return Screening(Decision("unknown", "screen"), tuple(left)) if left else Screening(Decision("unsat", "exhaustive"))


def impossible(aig: Aig, lits: Sequence[int]) -> set[int]:
    """Return those of the literals that a quick look shows to be 0 always."""
    rng = random.Random(len(aig))
    mask = (1 << _PATTERNS) - 1
    values = {node: rng.getrandbits(_PATTERNS) for node in aig.pis}
    quiet = [lit for lit, bits in zip(lits, aig.simulate(lits, values, mask), strict=True) if not bits]
    return {lit for lit in quiet if lit == FALSE or _is_impossible(_Cone(aig, lit))}


def _is_impossible(cone: _Cone) -> bool:
    return cone.work <= _QUICK_WORK and cone.tabulate() == "unsat"


def ask(
    problems: Sequence[tuple[Aig, Sequence[int]]],
    *,
    deadline: float,
    jobs: int = 2,
    engines: Sequence[Engine] = COMBINATIONAL,
) -> Decision:
    """Return whether any of the literals can be 1, by a SAT solver in this process, then by ABC.

    Args:
        problems: graph and literals, in several forms that mean the same.
        deadline: `time.monotonic()` at which to give up.
        jobs: ABC processes at once.
        engines: ABC engines to try.
    """
    left = deadline - time.monotonic()
    if left <= 0:
        return Decision("unknown", "budget")
    for aig, lits in problems[:1]:
        quick = decide(aig, lits, min(QUICK_S, left))[0]
        if quick.answer != "unknown":
            return Decision(quick.answer, quick.engine, (quick,))
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


class _Cone:
    """The cone of a literal and the work of its whole truth table."""

    def __init__(self, aig: Aig, lit: int) -> None:
        self.aig, self.lit = aig, lit
        self._nodes = aig.small_cone(lit, nodes=_TABLE_NODES, inputs=_TABLE_INPUTS)
        self._support = [node for node in self._nodes or () if aig.fan0[node] < 0]
        self.work: float = math.inf if self._nodes is None else len(self._nodes) << len(self._support)

    def tabulate(self) -> Answer:
        """Return whether the literal can be 1."""
        low, high = self._support[:_CHUNK], self._support[_CHUNK:]
        mask = (1 << (1 << len(low))) - 1
        values = {node: variable_table(index, len(low)) for index, node in enumerate(low)}
        for case in range(1 << len(high)):
            values.update((node, mask if case >> index & 1 else 0) for index, node in enumerate(high))
            if any(self.aig.simulate([self.lit], values, mask, self._nodes)):
                return "sat"
        return "unsat"


@functools.cache
def variable_table(index: int, count: int) -> int:
    """Return the truth table of variable `index` of `count` as a bit vector."""
    block = ((1 << (1 << index)) - 1) << (1 << index)
    width = 2 << index
    while width < 1 << count:
        block |= block << width
        width <<= 1
    return block
