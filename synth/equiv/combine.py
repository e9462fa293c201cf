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
        inputs: value of every primary-input node that matters, for `sat`.
        verdicts: what each engine said.
    """

    answer: Answer
    method: str
    inputs: dict[int, int] | None = None
    verdicts: tuple[Verdict, ...] = ()


def decide(
    aig: Aig,
    lits: Sequence[int],
    *,
    deadline: float,
    jobs: int = 2,
    engines: Sequence[Engine] = COMBINATIONAL,
) -> Decision:
    """Return whether any of the literals can be 1 for some value of the primary inputs.

    Args:
        aig: the graph.
        lits: the literals.
        deadline: `time.monotonic()` at which to give up.
        jobs: ABC processes at once.
        engines: ABC engines to try.
    """
    open_lits = sorted({lit for lit in lits if lit != FALSE})
    if not open_lits:
        return Decision("unsat", "structural")
    if TRUE in open_lits:
        return Decision("sat", "structural", {})
    found = _simulate(aig, open_lits)
    if found is not None:
        return Decision("sat", "simulation", found)
    left = []
    for lit in open_lits:
        outcome = _tabulate(aig, lit)
        if isinstance(outcome, dict):
            return Decision("sat", "exhaustive", outcome)
        if not outcome:
            left.append(lit)
    if not left:
        return Decision("unsat", "exhaustive")
    return _ask_abc(aig, left, deadline, jobs, engines)


def _simulate(aig: Aig, lits: Sequence[int]) -> dict[int, int] | None:
    """Return an input that sets one of the literals, if random patterns find one."""
    rng = random.Random(len(aig))
    mask = (1 << _PATTERNS) - 1
    values = {node: rng.getrandbits(_PATTERNS) for node in aig.pis}
    for result in aig.simulate(lits, values, mask):
        if result:
            index = (result & -result).bit_length() - 1
            return {node: value >> index & 1 for node, value in values.items()}
    return None


def _tabulate(aig: Aig, lit: int) -> bool | dict[int, int]:
    """Return True where the whole truth table is 0, an input that sets the literal, or False where it is too large."""
    cone = aig.small_cone(lit, nodes=_TABLE_NODES, inputs=_TABLE_INPUTS)
    if cone is None:
        return False
    support = [node for node in cone if aig.fan0[node] < 0]
    count = len(support)
    if len(cone) << count > _TABLE_WORK:
        return False
    size = 1 << count
    mask = (1 << size) - 1
    values = {node: variable_table(index, count) for index, node in enumerate(support)}
    (result,) = aig.simulate([lit], values, mask, cone)
    if not result:
        return True
    index = (result & -result).bit_length() - 1
    return {node: index >> i & 1 for i, node in enumerate(support)}


def variable_table(index: int, count: int) -> int:
    """Return the truth table of variable `index` of `count` as a bit vector."""
    block = ((1 << (1 << index)) - 1) << (1 << index)
    width = 2 << index
    while width < 1 << count:
        block |= block << width
        width <<= 1
    return block


def _ask_abc(aig: Aig, lits: Sequence[int], deadline: float, jobs: int, engines: Sequence[Engine]) -> Decision:
    problem, inputs = write_aiger(aig, [], [aig.or_all(lits)])

    def settled(verdict: Verdict) -> bool:
        return verdict.answer == "unsat" or (verdict.answer == "sat" and bool(verdict.frames))

    if time.monotonic() >= deadline:
        return Decision("unknown", "budget")
    verdicts = race(problem, engines, deadline=deadline, jobs=jobs, enough=settled)
    last = verdicts[-1] if verdicts else None
    if last is None or not settled(last):
        return Decision("unknown", "budget", verdicts=tuple(verdicts))
    if last.answer == "unsat":
        return Decision("unsat", last.engine, verdicts=tuple(verdicts))
    values = {node: int(bit) for node, bit in zip(inputs, last.frames[0], strict=True)}
    if not any(aig.simulate(lits, values, 1)):
        return Decision("unknown", f"{last.engine} gave a witness that is none", verdicts=tuple(verdicts))
    return Decision("sat", last.engine, values, tuple(verdicts))
