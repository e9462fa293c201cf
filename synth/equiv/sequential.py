"""Decides a product machine: bounded search for a difference beside several provers, all by ABC."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rtlgen.synth.equiv.aig import FALSE, write_aiger
from rtlgen.synth.equiv.engines import BMC, Answer, Engine, Verdict, prover_schedule, race
from rtlgen.synth.equiv.machine import Machine
from rtlgen.synth.equiv.search import Search

_SIM_STEPS = 64
_SIM_PATTERNS = 256
_SEARCH_SHARE = 0.15
_SEARCH_S, _SEARCH_SLICE_S = 8.0, 0.02
"""Most seconds of random runs beside the engines, and of one turn; between turns it rests as long."""
_SHORTEN_S = 5.0
"""Least seconds for finding a shorter difference than the one that random runs showed."""
_PROVERS, _TWICE = 6, 2
"""Provers in a round of the schedule, and how many of them also get the other form."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is known of a machine.

    Attributes:
        answer: `unsat` (no reachable difference), `sat`, or `unknown`.
        method: engine that settled it.
        frames: for `sat`, the value of each primary-input node in each step, the last one with the difference.
        outputs: for `sat`, the output bits that differ in the last step.
        shortest: whether no shorter difference exists.
        depth: steps that were searched without a difference.
        verdicts: what each engine said.
    """

    answer: Answer
    method: str
    frames: tuple[dict[int, int], ...] = ()
    outputs: tuple[str, ...] = ()
    shortest: bool = False
    depth: int = 0
    verdicts: tuple[Verdict, ...] = ()


def solve(
    machine: Machine,
    other: Machine | None = None,
    *,
    search: Search,
    seen: Verdict | None = None,
    deadline: float,
    jobs: int = 2,
    bound: int | None = None,
    witness: bool = True,
) -> Outcome:
    """Return whether the machine can reach a difference.

    Args:
        machine: the product.
        other: the same product in another form, for the provers.
        search: random runs of the machine; what they have not tried yet goes on beside the engines.
        seen: a difference that they have shown already.
        deadline: `time.monotonic()` at which to give up.
        jobs: processes at once.
        bound: steps after which the search for a difference may stop; None searches until the deadline.
        witness: whether a shortest difference is wanted, or only to know that there is one.
    """
    bads = [lit for lit in machine.bads.values() if lit != FALSE]
    if not bads:
        return Outcome("unsat", "structural")
    problem, inputs = write_aiger(machine.aig, machine.latches, [_bad(machine)])
    left = deadline - time.monotonic()
    if left <= 0:
        return Outcome("unknown", "budget")

    if seen is not None:
        if not witness:
            return Outcome("sat", seen.engine, verdicts=(seen,))
        until = min(deadline, time.monotonic() + max(_SHORTEN_S, _SEARCH_SHARE * left))
        return _conclude(machine, inputs, tuple(_shorten(problem, [seen], until)))
    tasks = [(BMC.bounded(bound), problem)]
    second = problem if other is None else write_aiger(other.aig, other.latches, [_bad(other)])[0]
    for number, engine in enumerate(prover_schedule(left)):
        tasks.append((engine, problem))
        if other is not None and number % _PROVERS < _TWICE:
            tasks.append((replace(engine, refutes=False), second))
    enough = _settled if witness else _any
    verdicts = race(
        tasks,
        deadline=deadline,
        jobs=jobs,
        enough=enough,
        useful=_useful,
        meanwhile=_beside(search, _SEARCH_SHARE * left),
    )
    if witness and _differs(verdicts) and not any(v.answer == "unsat" for v in verdicts):
        verdicts = _shorten(problem, verdicts, deadline)
    return _conclude(machine, inputs, tuple(verdicts))


def _beside(search: Search, seconds: float) -> Callable[[], Verdict | None]:
    """Return what to do while engines run: random runs, for a share of the time."""
    most = search.spent_s + min(_SEARCH_S, seconds)

    def turn() -> Verdict | None:
        return search.further(_SEARCH_SLICE_S) if search.spent_s < most else None

    return turn


def _bad(machine: Machine) -> int:
    return machine.aig.or_all(lit for lit in machine.bads.values() if lit != FALSE)


def _settled(verdict: Verdict) -> bool:
    return verdict.answer == "unsat" or (verdict.answer == "sat" and verdict.shortest and bool(verdict.frames))


def _any(verdict: Verdict) -> bool:
    return verdict.answer != "unknown"


def _differs(verdicts: Sequence[Verdict]) -> bool:
    return any(v.answer == "sat" for v in verdicts)


def _useful(engine: Engine, verdicts: Sequence[Verdict]) -> bool:
    """Once a prover has seen a difference, only the search for the shortest one goes on."""
    return not _differs(verdicts) or engine.name == BMC.name


def _cleared(verdicts: Sequence[Verdict]) -> int:
    """Return how many steps bounded search has been through without a difference."""
    return max((v.depth for v in verdicts if v.engine == BMC.name and v.answer == "unknown"), default=0)


def _shorten(problem: bytes, verdicts: list[Verdict], deadline: float) -> list[Verdict]:
    """Return the verdicts with a shortest witness added, where there is none yet and time is left to search."""
    witness = min((v for v in verdicts if v.frames), key=lambda v: len(v.frames), default=None)
    if witness and (witness.shortest or len(witness.frames) == _cleared(verdicts) + 1):
        return verdicts
    return verdicts + race([(BMC, problem)], deadline=deadline, jobs=1, enough=_settled)


def _conclude(machine: Machine, inputs: Sequence[int], verdicts: tuple[Verdict, ...]) -> Outcome:
    depth = _cleared(verdicts)
    proofs = [v for v in verdicts if v.answer == "unsat"]
    witnesses = [v for v in verdicts if v.frames]
    if proofs and _differs(verdicts):
        return Outcome("unknown", "engines contradict each other", depth=depth, verdicts=verdicts)
    if proofs:
        return Outcome("unsat", proofs[-1].engine, depth=depth, verdicts=verdicts)
    if not witnesses:
        return Outcome("unknown", "budget", depth=depth, verdicts=verdicts)
    best = min(witnesses, key=lambda v: (len(v.frames), not v.shortest))
    found = _replay(machine, inputs, best, verdicts)
    return replace(found, shortest=found.shortest or len(found.frames) <= depth + 1)


def _replay(machine: Machine, inputs: Sequence[int], verdict: Verdict, verdicts: tuple[Verdict, ...]) -> Outcome:
    """Return the witness after running it on our own simulator, cut at the first difference."""
    names = [name for name, lit in machine.bads.items() if lit != FALSE]
    state = {node: 0 for node, _ in machine.latches}
    roots = [machine.bads[name] for name in names] + [nxt for _, nxt in machine.latches]
    cone = machine.aig.cone(roots)
    frames = []
    for text in verdict.frames:
        values = dict(zip(inputs, map(int, text), strict=True))
        frames.append(values)
        result = machine.aig.simulate(roots, {**values, **state}, 1, cone)
        bad = tuple(name for name, bit in zip(names, result, strict=False) if bit)
        if bad:
            return Outcome("sat", verdict.engine, tuple(frames), bad, verdict.shortest, len(frames) - 1, verdicts)
        state = {node: bit for (node, _), bit in zip(machine.latches, result[len(names) :], strict=True)}
    return Outcome("unknown", f"{verdict.engine} gave a witness that is none", verdicts=verdicts)


def never_known(machine: Machine) -> list[str]:
    """Return the output bits of gold that random simulation never sees known; empty where each was seen."""
    wanted = {name: lit for name, lit in machine.known.items() if machine.bads[name] != FALSE or lit == FALSE}
    if not wanted:
        return []
    rng = random.Random(1)
    mask = (1 << _SIM_PATTERNS) - 1
    state = {node: 0 for node, _ in machine.latches}
    names = list(wanted)
    roots = [wanted[name] for name in names] + [nxt for _, nxt in machine.latches]
    cone = machine.aig.cone(roots)
    inputs = [node for node in cone if machine.aig.fan0[node] < 0 and node not in state]
    seen: set[str] = set()
    for _ in range(_SIM_STEPS):
        values = {node: rng.getrandbits(_SIM_PATTERNS) for node in inputs}
        result = machine.aig.simulate(roots, {**values, **state}, mask, cone)
        seen |= {name for name, bits in zip(names, result, strict=False) if bits}
        if len(seen) == len(names):
            return []
        state = {node: bits for (node, _), bits in zip(machine.latches, result[len(names) :], strict=True)}
    return [name for name in names if name not in seen]
