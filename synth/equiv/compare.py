"""One comparison of two netlists: the steps from the cheapest proof to the search for a counterexample."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rtlgen.core.types import EquivalenceResult
from rtlgen.synth.equiv import sequential, smt
from rtlgen.synth.equiv.bits import X
from rtlgen.synth.equiv.blind import blind_outputs
from rtlgen.synth.equiv.cases import Cases, applies
from rtlgen.synth.equiv.combine import Decision, ask, screen
from rtlgen.synth.equiv.confirm import confirm
from rtlgen.synth.equiv.correspond import build, start_holds
from rtlgen.synth.equiv.engines import Verdict
from rtlgen.synth.equiv.lower import Source
from rtlgen.synth.equiv.machine import Machine, Start, build_machine
from rtlgen.synth.equiv.mine import Also, guess
from rtlgen.synth.equiv.netlist import Netlist, UnsupportedError
from rtlgen.synth.equiv.ports import match_registers
from rtlgen.synth.equiv.relate import Relation
from rtlgen.synth.equiv.reset import Reset, State, find_reset, parse_option, power_up, settle
from rtlgen.synth.equiv.search import Search
from rtlgen.synth.equiv.simulate import BitName, traces
from rtlgen.synth.equiv.split import arithmetic_cells, cases, control_nets, multipliers
from rtlgen.synth.equiv.stimulus import from_frames

_CONFIRM_S = 30.0
_SEARCH_SHARE, _SEARCH_S, _AGAIN_S, _DISCARD_S = 0.1, 0.1, 0.25, 0.6
"""Time for long random runs, where register correspondence has met a difference: a share, and no more than that before
relations are tried, after, and after for callers that only discard: most of what they bring is wrong then."""
_STATE_SHARE, _STATE_CELL_S, _LOGIC_SHARE = 0.15, 0.001, 0.8
"""Share of the time for register correspondence, with registers (and so much more for each cell, half of the time at
most) and without; the rest goes to the product machine."""
_BEFORE_SPLIT_S = 2.0
_SMT_S = 1.0
"""Most seconds for the solver of words, which cannot be killed."""
_GUESSES: Final[tuple[Also, ...]] = ("", "orders", "values")
_STEPS, _PATTERNS = 48, 64
"""Random runs from which relations are guessed."""
_CASE_PATTERNS, _CASE_SHARE, _CASE_S, _SINGLE_S = 128, 0.1, 3.0, 1.0
"""Runs from which relations between words are guessed, and the time for them: a share, and no more than so many seconds
with cases and with a single one. What they settle, they settle soon; the rest of the time is for the provers."""
_WIDE = 8
"""Bits of a register of gold without partner that is probably a sum of others: then a single case comes first."""
_FAR_STEPS, _FAR_SHARE, _FAR_S = 320, 0.1, 1.0
"""Steps of the runs from which a single case starts then, and their time: the digits of a number move rarely."""
_SUM_SHARE, _SUM_S = 0.5, 8.0
"""The same for a single case while some word is a sum of others: those grow digit by digit."""
_RELATE_SHARE, _RELATE_S, _RELATE_CELL_S = 0.2, 1.5, 0.002
"""Time for relations: a share of the budget, no more than so many seconds, and so many more for each cell."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is asked: both sources, the time, and the options."""

    gold: Source
    gate: Source
    started: float
    deadline: float
    jobs: int
    bound: int | None
    reset: str | None
    confirm: bool = True


class Comparison:
    """The state of one comparison."""

    def __init__(self, job: Job, gold: Netlist, gate: Netlist) -> None:
        self.job, self.gold, self.gate = job, gold, gate
        self.matched = match_registers(gold, gate)
        self.verdicts: list[Verdict] = []
        self.machine: Machine | None = None
        self.search: Search | None = None
        self.seen: Verdict | None = None
        self.differs = False

    def run(self) -> EquivalenceResult:
        """Return the verdict.

        Raises:
            InputError: a combinational loop or a wrong reset option.
            UnsupportedError: something without an exact model stands in the way.
        """
        option = None if self.job.reset is None else parse_option(self.job.reset, self.gold)
        at_start = [power_up(self.gold), power_up(self.gate)]
        if start_holds(at_start[0], at_start[1], self.matched):
            found = self._correspond()
            if found.answer == "unsat":
                return self._proved_unless_blind(f"correspondence/{found.method}")
        reset = option or self._find_reset()
        (gold_state, gate_state), cycles = settle([self.gold, self.gate], reset)
        reset = Reset(reset.levels, cycles)
        if not start_holds(at_start[0], at_start[1], self.matched) and start_holds(
            gold_state, gate_state, self.matched
        ):
            found = self._correspond()
            if found.answer == "unsat":
                return self._proved_unless_blind(f"correspondence/{found.method}", reset)
        self._search(gold_state, gate_state, reset)
        if self.seen is None:
            found = self._relate(gold_state, gate_state)
            if found.answer == "unsat":
                return self._proved_unless_blind(f"relation/{found.method}", reset)
            self._search_further(_AGAIN_S if self.job.confirm else _DISCARD_S)
        if self.seen is None:
            found = self._cases(gold_state, gate_state, reset)
            if found.answer == "unsat":
                return self._proved_unless_blind(f"cases/{found.method}", reset)
        if self.seen is not None and not self.job.confirm:
            return self._refuted_unconfirmed(self.seen)
        return self._sequential(reset, gold_state, gate_state)

    def by_name(self) -> EquivalenceResult | None:
        """Return the proof by names of registers and memories, where there is one; for netlists with memories.

        Raises:
            InputError: a combinational loop.
        """
        if not start_holds(power_up(self.gold), power_up(self.gate), self.matched):
            return None
        found = self._correspond()
        return self._proved_unless_blind(f"correspondence/{found.method}") if found.answer == "unsat" else None

    def _search(self, gold_state: State, gate_state: State, reset: Reset) -> None:
        """Let random runs look for a difference, longer where register correspondence has met one."""
        start = Start(gold_state, gate_state, {}, reset.levels)
        try:
            self.machine = build_machine(self.gold, self.gate, start)
        except UnsupportedError:  # relations need no such machine; after them, the same error says why nothing is left
            return
        self.search = Search(self.machine)
        self.seen = self.search.quick(time.monotonic() + _SEARCH_SHARE * self._left())
        if self.seen is None:
            self._search_further(_SEARCH_S)
        else:
            self.verdicts.append(self.seen)

    def _search_further(self, seconds: float) -> None:
        """Look for a difference in longer runs, where register correspondence says that there may be one."""
        if self.search is not None and self.differs:
            self.seen = self.search.further(min(seconds, _SEARCH_SHARE * self._left()))
            if self.seen is not None:
                self.verdicts.append(self.seen)

    def _relate(self, gold_state: State, gate_state: State) -> Decision:
        """Try relations between the registers that random runs suggest."""
        if not self.gold.registers or not self.gate.registers:
            return Decision("unknown", "no registers")
        start = (gold_state, gate_state)
        runs = traces(self.gold, self.gate, start, self.matched, steps=_STEPS, patterns=_PATTERNS)
        cells = len(self.gold.cells) + len(self.gate.cells)
        deadline = time.monotonic() + min(_RELATE_SHARE * self._left(), _RELATE_S + cells * _RELATE_CELL_S)
        for also in _GUESSES:
            found = guess(self.gold, self.gate, self.matched, runs, _STEPS * _PATTERNS, also)
            if also == "orders" and not found.orders:
                continue
            decision = Relation(self.gold, self.gate, found, start).prove(deadline, self.job.jobs)
            self.verdicts += decision.verdicts
            if decision.answer == "unsat":
                break
        return decision

    def _cases(self, gold_state: State, gate_state: State, reset: Reset) -> Decision:
        """Try relations between words for each value of the control registers."""
        start = (gold_state, gate_state)
        if not applies(self.gold, self.gate, start):
            return Decision("unknown", "not of that form")
        kept = set(self.matched.values())
        gone = any(len(r.out) >= _WIDE and not kept.intersection(r.out) for r in self.gold.registers)
        ways = ((True, _CASE_S), (False, _SINGLE_S))
        runs: dict[bool, Mapping[BitName, int]] = {}
        for control, most in reversed(ways) if gone else ways:
            far = gone and not control
            steps = _FAR_STEPS if far else _STEPS
            if far not in runs:
                until = time.monotonic() + min(_FAR_SHARE * self._left(), _FAR_S)
                runs[far] = traces(
                    self.gold, self.gate, start, self.matched, steps=steps, patterns=_CASE_PATTERNS,
                    resets=reset.levels, deadline=until if far else None,
                )  # fmt: skip
            until = time.monotonic() + min(_CASE_SHARE * self._left(), most)
            cases = Cases(self.gold, self.gate, start, runs[far], steps * _CASE_PATTERNS, control=control)
            longest = until if control else time.monotonic() + min(_SUM_SHARE * self._left(), _SUM_S)
            decision = cases.prove(until, self.job.jobs, longest)
            self.verdicts += decision.verdicts
            if decision.answer == "unsat":
                break
        return decision

    def _left(self) -> float:
        return self.job.deadline - time.monotonic()

    def _correspond(self) -> Decision:
        """Try register correspondence: first with gold's X chosen like gate's, then with X kept."""
        seconds = _LOGIC_SHARE * self._left()
        if self.gold.registers or self.gate.registers:
            cells = len(self.gold.cells) + len(self.gate.cells)
            seconds = min(_STATE_SHARE * self._left() + cells * _STATE_CELL_S, 0.5 * self._left())
        deadline = time.monotonic() + seconds
        for twins in (True, False):
            decision, has_x = self._attempt(twins, deadline)
            self.verdicts += decision.verdicts
            if decision.answer != "sat" or not has_x:
                break
        self.differs = decision.answer == "sat"
        return decision

    def _attempt(self, twins: bool, deadline: float) -> tuple[Decision, bool]:
        """Return what comes of one set of obligations, and whether gold's X were replaced in it."""
        weight = arithmetic_cells(self.gold, self.gate)
        problems = []
        has_x = False
        for canonical in (True, False) if weight else (True,):
            problem = build(self.gold, self.gate, self.matched, twins=twins, canonical=canonical)
            has_x = problem.has_x
            screening = screen(problem.aig, problem.lits)
            if screening.decision.answer != "unknown":
                return screening.decision, has_x
            problems.append((problem.aig, screening.open_lits))
        if smt.applies(self.gold, self.gate):
            verdict = smt.prove(self.gold, self.gate, min(_SMT_S, deadline - time.monotonic()))
            self.verdicts.append(verdict)
            if verdict.answer == "unsat":
                return Decision("unsat", verdict.engine), has_x
        first = min(deadline, time.monotonic() + _BEFORE_SPLIT_S) if weight else deadline
        decision = ask(problems, deadline=first, jobs=self.job.jobs)
        if decision.answer == "unknown" and weight:
            self.verdicts += decision.verdicts
            decision = self._split(twins, deadline)
            if decision.answer == "unknown":
                decision = ask(problems, deadline=deadline, jobs=self.job.jobs)
        return decision, has_x

    def _split(self, twins: bool, deadline: float) -> Decision:
        """Return what comes of looking at each value of some control bits by itself."""
        nets = control_nets(self.gold)
        slice_s = max(0.5, (deadline - time.monotonic()) / 2 / (1 << len(nets)))
        for fixed in cases(nets) if nets else ():
            problem = build(self.gold, self.gate, self.matched, twins=twins, fixed=fixed)
            screening = screen(problem.aig, problem.lits)
            decision = screening.decision
            if decision.answer == "unknown":
                until = min(deadline, time.monotonic() + slice_s)
                decision = ask([(problem.aig, screening.open_lits)], deadline=until, jobs=self.job.jobs)
                self.verdicts += decision.verdicts
            if decision.answer != "unsat":
                return decision
        return Decision("unsat" if nets else "unknown", "split")

    def _find_reset(self) -> Reset:
        if not self.gold.registers and not self.gate.registers:
            return Reset({}, 0)
        return find_reset([self.gold, self.gate], frozenset())

    def _sequential(self, reset: Reset, gold_state: State, gate_state: State) -> EquivalenceResult:
        """Prove or refute on the product machine: unknown starts first correlated, then as X of gold."""
        shared = {a: b for b, a in self.matched.items() if gold_state[a] is X and gate_state[b] is X}
        correlated = dict(gold_state)
        for b, a in self.matched.items():
            if gold_state[a] is X and gate_state[b] is not X:
                correlated[a] = gate_state[b]
        if self.seen is None and (shared or correlated != gold_state):
            machine = build_machine(self.gold, self.gate, Start(correlated, gate_state, shared, reset.levels))
            outcome = self._solve(machine, None, Search(machine), self._left() / 2, quick=True)
            if outcome.answer == "unsat" and not sequential.never_known(machine):
                return self._proved(outcome.method, reset)
        start = Start(gold_state, gate_state, {}, reset.levels)
        machine = self.machine or build_machine(self.gold, self.gate, start)
        other = None
        if self.seen is None and multipliers(self.gold, self.gate):
            other = build_machine(self.gold, self.gate, start, canonical=False)
        outcome = self._solve(machine, other, self.search or Search(machine), self._left(), quick=not self.job.confirm)
        if outcome.answer == "unsat":
            return self._proved_unless_vacuous(machine, outcome, reset)
        if outcome.answer == "sat":
            if not self.job.confirm:
                return self._refuted_unconfirmed(outcome.verdicts[-1])
            return self._refuted(machine, outcome, reset)
        return self._undecided(outcome, reset)

    def _solve(
        self, machine: Machine, other: Machine | None, search: Search, seconds: float, *, quick: bool = False
    ) -> sequential.Outcome:
        """Ask the engines; `quick` stops at any sign of a difference, a witness is not wanted."""
        outcome = sequential.solve(
            machine, other, search=search, seen=self.seen, deadline=time.monotonic() + seconds, jobs=self.job.jobs,
            bound=self.job.bound, witness=not quick,
        )  # fmt: skip
        self.verdicts += outcome.verdicts
        return outcome

    def _proved_unless_vacuous(self, machine: Machine, outcome: sequential.Outcome, reset: Reset) -> EquivalenceResult:
        never = sequential.never_known(machine)
        if never:
            return self._unknown(
                f"gold's {_few(never)} never has a defined value from reset ({reset}) on, so there is nothing to "
                "compare; give the registers behind it a reset or an initial value, or name the reset with --reset"
            )
        return self._proved(outcome.method, reset)

    def _proved_unless_blind(self, method: str, reset: Reset | None = None) -> EquivalenceResult:
        """Return `proved`, unless some output of gold is X in every state, so that nothing was compared on it."""
        until = time.monotonic() + max(1.0, self._left())
        if self.gold.blind is None:
            self.gold.blind = blind_outputs(self.gold, deadline=until, jobs=self.job.jobs)
        if self.gold.blind:
            return self._unknown(
                f"gold's {_few(self.gold.blind)} never has a defined value in any state; nothing to compare there"
            )
        return self._proved(method, reset)

    def _refuted_unconfirmed(self, verdict: Verdict) -> EquivalenceResult:
        """Return a difference in our own model only; not for users, who get one that Icarus has shown."""
        return EquivalenceResult(
            status="refuted", method=verdict.engine, reason="not replayed in a simulator", engines=self._engines()
        )

    def _refuted(self, machine: Machine, outcome: sequential.Outcome, reset: Reset) -> EquivalenceResult:
        stimulus = from_frames(machine, self.gold, reset, outcome.frames)
        shown = confirm((self.job.gold, self.gold), (self.job.gate, self.gate), stimulus, outcome.outputs, _CONFIRM_S)
        if shown.counterexample is None:
            return self._unknown(shown.reason)
        note = "" if outcome.shortest else "not shown to be the shortest"
        return EquivalenceResult(
            status="refuted", method=outcome.method, bound=len(shown.counterexample.inputs),
            counterexample=shown.counterexample, reason=note, engines=self._engines(),
        )  # fmt: skip

    def _undecided(self, outcome: sequential.Outcome, reset: Reset) -> EquivalenceResult:
        if self.job.bound is not None and outcome.depth >= self.job.bound:
            return EquivalenceResult(status="bounded", method="bmc", bound=self.job.bound, engines=self._engines())
        what = "no engine settled it in time" if outcome.method == "budget" else outcome.method
        return self._unknown(f"{what}; no difference in the first {outcome.depth} cycles from reset ({reset})")

    def _proved(self, method: str, reset: Reset | None = None) -> EquivalenceResult:
        return EquivalenceResult(status="proved", method=method, engines=self._engines(reset))

    def _unknown(self, reason: str) -> EquivalenceResult:
        return EquivalenceResult(status="unknown", method="none", reason=reason, engines=self._engines())

    def _engines(self, reset: Reset | None = None) -> tuple[str, ...]:
        names = [str(v) for v in self.verdicts]
        return tuple([f"reset={reset}", *names] if reset else names)


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
