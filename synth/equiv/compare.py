"""One comparison of two netlists: the steps from the cheapest proof to the search for a counterexample."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from rtlgen.core.types import EquivalenceResult
from rtlgen.synth.equiv import sequential
from rtlgen.synth.equiv.bits import X
from rtlgen.synth.equiv.combine import Decision, decide
from rtlgen.synth.equiv.confirm import confirm
from rtlgen.synth.equiv.correspond import build, start_holds
from rtlgen.synth.equiv.engines import Verdict
from rtlgen.synth.equiv.lower import Source
from rtlgen.synth.equiv.machine import Machine, Start, build_machine
from rtlgen.synth.equiv.netlist import Netlist
from rtlgen.synth.equiv.ports import match_registers
from rtlgen.synth.equiv.reset import Reset, State, find_reset, parse_option, power_up, settle
from rtlgen.synth.equiv.stimulus import from_frames

_CONFIRM_S = 30.0


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


class Comparison:
    """The state of one comparison."""

    def __init__(self, job: Job, gold: Netlist, gate: Netlist) -> None:
        self.job, self.gold, self.gate = job, gold, gate
        self.matched = match_registers(gold, gate)
        self.verdicts: list[Verdict] = []

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
                return self._proved(f"correspondence/{found.method}")
        reset = option or self._find_reset()
        (gold_state, gate_state), cycles = settle([self.gold, self.gate], reset)
        reset = Reset(reset.levels, cycles)
        if not start_holds(at_start[0], at_start[1], self.matched) and start_holds(gold_state, gate_state, self.matched):
            found = self._correspond()
            if found.answer == "unsat":
                return self._proved(f"correspondence/{found.method}")
        return self._sequential(reset, gold_state, gate_state)

    def _left(self) -> float:
        return self.job.deadline - time.monotonic()

    def _correspond(self) -> Decision:
        """Try register correspondence: first with gold's X chosen like gate's, then with X kept."""
        for twins in (True, False):
            problem = build(self.gold, self.gate, self.matched, twins=twins)
            lits = [*problem.outputs.values(), *problem.steps.values()]
            decision = decide(problem.aig, lits, deadline=self.job.deadline, jobs=self.job.jobs)
            self.verdicts += decision.verdicts
            if decision.answer != "sat" or not problem.has_x:
                break
        return decision

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
        if shared or correlated != gold_state:
            machine = build_machine(self.gold, self.gate, Start(correlated, gate_state, shared, reset.levels))
            outcome = self._solve(machine, self._left() / 2, quick=True)
            if outcome.answer == "unsat" and not sequential.never_known(machine):
                return self._proved(outcome.method, reset)
        machine = build_machine(self.gold, self.gate, Start(gold_state, gate_state, {}, reset.levels))
        outcome = self._solve(machine, self._left())
        if outcome.answer == "unsat":
            return self._proved_unless_vacuous(machine, outcome, reset)
        if outcome.answer == "sat":
            return self._refuted(machine, outcome, reset)
        return self._undecided(outcome, reset)

    def _solve(self, machine: Machine, seconds: float, *, quick: bool = False) -> sequential.Outcome:
        """Ask the engines; `quick` stops at any sign of a difference, a witness is not wanted."""
        deadline = time.monotonic() + seconds
        outcome = sequential.solve(machine, deadline=deadline, jobs=self.job.jobs, bound=self.job.bound, witness=not quick)
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
