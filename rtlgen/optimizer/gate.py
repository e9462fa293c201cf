"""The gate to the output: a measured candidate passes it only lint-clean, better on a second reading, and proved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rtlgen.graphs.wordlevel.build import word_level
from rtlgen.graphs.wordlevel.module import ModuleIR
from rtlgen.optimizer.edits import Edit, apply_edits
from rtlgen.optimizer.goal import EPSILON, Goal
from rtlgen.optimizer.guard import guard_edit, is_guarded
from rtlgen.optimizer.lint import counted, new_warnings, verilator_report
from rtlgen.optimizer.meter import Meter
from rtlgen.optimizer.outcome import Trial
from rtlgen.optimizer.parameters import configuration
from rtlgen.optimizer.prover import Proof, Prover
from rtlgen.optimizer.rewrite import Change
from rtlgen.optimizer.target import Target
from rtlgen.optimizer.unused import unused_edits, unused_signals
from rtlgen.synth.flow import Evaluation

SPECIAL_GAIN = 0.01
"""A change that ties a module to its parameter values has to gain at least this much."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says: `proof` where the trial passes, else `outcome` and `reason` as in `Rejected`.

    `trial` is what passes; it holds a guard more than the one that came where the proof is for the design's own
    parameter values only.
    """

    trial: Trial
    proof: Proof | None = None
    outcome: str = ""
    reason: str = ""


class Gate:
    """Checks trials of one run; not for several threads at a time."""

    def __init__(
        self, target: Target, frontend: str, goal: Goal, meter: Meter, prover: Prover, *, general: bool
    ) -> None:
        """Take the warnings of the input as the measure.

        Args:
            target: the input.
            frontend: reader that the baseline was measured with; the second reading uses the other one.
            goal: what counts as better.
            meter: measures second readings.
            prover: proves.
            general: refuse changes that are not proved at other parameter values too.
        """
        self._goal = goal
        self._meter = meter
        self._prover = prover
        self._general = general
        self._others = [f for f in ("slang", "verilog") if f != frontend]
        report = verilator_report(target)
        self._warnings = counted(report)
        self._unused = unused_signals(report or "")
        self._second: dict[str, Evaluation] = {}
        self._lints: dict[str, tuple[list[str], frozenset[str]]] = {}
        self._proofs: dict[tuple[str, str], Proof] = {}

    def judge(self, trial: Trial, now: Target, base: Target, views: Sequence[ModuleIR], budget_s: float) -> Verdict:
        """Return whether the trial may replace the version `now`.

        Args:
            trial: a measured candidate made from `now`.
            now: the version that it would replace.
            base: the version that the edits of the trial refer to.
            views: word-level view of `base`.
            budget_s: seconds for the proof.
        """
        trial = self._marked(trial, base, views)
        # A parameter that nothing uses any more is no fault yet: a guard may still have to use it.
        refused = self._lint(trial, but="UNUSEDPARAM") or self._second_reading(trial, now)
        if refused is not None:
            return refused
        proof = self._proof(trial.changes, trial.target, now, views, budget_s)
        failure = _failure(proof)
        if failure is not None:
            return Verdict(trial, None, *failure)
        if proof.special:
            return self._guarded(trial, proof, base, views)
        return self._lint(trial) or Verdict(trial, proof)

    def refusal(
        self, changes: Sequence[Change], target: Target, now: Target, views: Sequence[ModuleIR], budget_s: float
    ) -> tuple[str, str] | None:
        """Return outcome and reason where lint or proof refuse a version that is not measured yet, None if not.

        For designs whose measurement takes longer than the proof; what was found is kept for `judge`.
        """
        worse = self._worse(target, "UNUSEDPARAM")
        if worse:
            return "lint", worse
        return _failure(self._proof(changes, target, now, views, budget_s))

    def _proof(
        self, changes: Sequence[Change], target: Target, now: Target, views: Sequence[ModuleIR], budget_s: float
    ) -> Proof:
        key = (now.digest, target.digest)
        known = self._proofs.get(key)
        if known is None or not known.proved:
            known = self._prover.prove(now, target, {c.module for c in changes}, views, budget_s=budget_s)
            self._proofs[key] = known
        return known

    def _lint(self, trial: Trial, but: str | None = None) -> Verdict | None:
        worse = self._worse(trial.target, but)
        return Verdict(trial, None, "lint", worse) if worse else None

    def _worse(self, target: Target, but: str | None = None) -> str:
        """Return new warnings of Verilator in words, one kind left out; empty where there are none."""
        worse = [w for w in self._lints_of(target)[0] if but is None or not w.startswith(but)]
        return "new Verilator warnings: " + ", ".join(worse) if worse else ""

    def _lints_of(self, target: Target) -> tuple[list[str], frozenset[str]]:
        """Return the new kinds of warning, and the signals of which bits are unused now."""
        key = target.digest
        if key not in self._lints:
            report = verilator_report(target)
            worse = new_warnings(self._warnings, counted(report))
            self._lints[key] = worse, unused_signals(report or "") - self._unused
        return self._lints[key]

    def _marked(self, trial: Trial, base: Target, views: Sequence[ModuleIR]) -> Trial:
        """Return the trial with bits that it leaves unused named so, where that is all that lint has to say."""
        worse, names = self._lints_of(trial.target)
        if not names or any(not w.startswith(("UNUSEDSIGNAL", "UNUSEDPARAM")) for w in worse):
            return trial
        changed = {c.module for c in trial.changes}
        for new in word_level(trial.target.elaborate()):
            old = next((v for v in views if v.name == new.name), None)
            if new.name not in changed or old is None or not names <= new.signals.keys():
                continue
            edits = unused_edits(base.sources, old, trial.target.sources, new, sorted(names))
            if edits is None:
                continue
            target = trial.target.with_sources(apply_edits(trial.target.sources, edits[1:]))
            evaluation = self._meter.measure(target)
            if self._lints_of(target)[0] or not evaluation.ok or not self._goal.better(evaluation, trial.reference):
                continue
            first, *rest = trial.changes
            first = replace(first, edits=(*first.edits, edits[0]))
            return replace(trial, target=target, evaluation=evaluation, changes=(first, *rest))
        return trial

    def _second_reading(self, trial: Trial, now: Target) -> Verdict | None:
        """Refuse a gain that is gone when another front end reads the source.

        Logic synthesis is chaotic: reading the same design in another order moves its area by some percent. A change
        that loses more on the second reading than it wins on the first one won on noise.
        """
        new, old = self._read_again(trial.target), self._read_again(now)
        if not (new.ok and old.ok):
            return None
        first = self._goal.ratio(trial.evaluation, trial.reference)
        second = self._goal.ratio(new, old)
        if first * second <= 1 + EPSILON:
            return None
        worse = f"{self._goal.objective} {(second - 1) * 100:+.2f} % when read by {new.frontend}"
        return Verdict(trial, None, "not better", worse)

    def read_ahead(self, target: Target) -> None:
        """Measure the version that candidates will be compared with on their second reading."""
        self._read_again(target)

    def _read_again(self, target: Target) -> Evaluation:
        key = target.digest
        if key not in self._second:
            self._second[key] = self._meter.measure(target, self._others)
        return self._second[key]

    def _guarded(self, trial: Trial, proof: Proof, base: Target, views: Sequence[ModuleIR]) -> Verdict:
        """Return the trial with a guard in every changed module that has parameters."""
        gain = 1 - self._goal.ratio(trial.evaluation, trial.reference)
        refused = Verdict(
            trial, None, "special", f"not known to hold at other parameter values than the design's: {proof.special}"
        )
        if self._general or gain < SPECIAL_GAIN:
            return refused
        changed = {c.module for c in trial.changes}
        after = _guards(trial.target, word_level(trial.target.elaborate()), changed)
        before = _guards(base, views, changed)
        if after is None or before is None:
            return refused
        target = trial.target.with_sources(apply_edits(trial.target.sources, after))
        first, *rest = trial.changes
        named = replace(first, edits=(*first.edits, *before))
        guarded = replace(trial, target=target, changes=(named, *rest))
        return self._lint(guarded) or Verdict(guarded, proof)


def _failure(proof: Proof) -> tuple[str, str] | None:
    if proof.proved:
        return None
    outcome = "refuted" if proof.result.status == "refuted" else "unproved"
    return outcome, f"{proof.scope}: {proof.result.status} by {proof.result.method} {proof.result.reason}".strip()


def _guards(target: Target, views: Sequence[ModuleIR], modules: set[str]) -> list[Edit] | None:
    found = []
    for name in sorted(modules):
        bodies = [v for v in views if v.name == name]
        if bodies and configuration(target.sources, bodies[0]) and not is_guarded(target.sources, bodies[0]):
            found.append(guard_edit(target.sources, bodies))
    edits = [e for e in found if e is not None]
    return edits if len(edits) == len(found) else None
