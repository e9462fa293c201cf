"""The search: propose, parse, measure, prove, accept; greedy over disjoint changes, then through neutral steps."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace

from rtlgen.core.errors import RtlgenError
from rtlgen.core.events import EventBus, JobAdvanced, JobFinished, JobStarted, Notice, StopToken
from rtlgen.graphs.frontend.slang import Elaborated
from rtlgen.graphs.wordlevel.build import word_level
from rtlgen.graphs.wordlevel.module import ModuleIR
from rtlgen.optimizer.edits import Edit, EditConflictError, apply_edits
from rtlgen.optimizer.goal import EPSILON, Goal
from rtlgen.optimizer.lint import new_warnings, slang_warnings, verilator_warnings
from rtlgen.optimizer.local import estimate
from rtlgen.optimizer.meter import Meter
from rtlgen.optimizer.modelled.rewrite import Refused
from rtlgen.optimizer.modelled.stream import JoinedStream, ModelProposals
from rtlgen.optimizer.outcome import Accepted, Outcome, Rejected, Trial
from rtlgen.optimizer.proposals import ProposalStream, Proposers
from rtlgen.optimizer.prover import Proof, Prover
from rtlgen.optimizer.rewrite import Change
from rtlgen.optimizer.target import Target
from rtlgen.synth.flow import Evaluation, Evaluator

BATCH_S = 2.0
"""Seconds after which the best of the measured candidates is accepted, better ones being still unknown."""
NEUTRAL = 0.04
"""A candidate at most this much worse may serve as a step towards a better one."""
MAX_NEUTRAL = 24
EXPLORE_S = 6.0
MAX_CONFLICTS = 10
"""Proposals that overlap an accepted change, after which the families look at the new source instead."""
CHEAP_S = 1.5
"""Below this cost of one measurement, proposals that did not help are tried again after each round."""


class Search:
    """One optimization run.

    Args:
        target: the design.
        goal: objective and constraints.
        rules: names of the families to ask, empty for all.
        evaluator: measures candidates.
        prover: proves them.
        bus: gets progress.
        token: asks to stop.
        on_accept: called after every accepted change with the outcome so far.
        seed: for every random choice.
        model: language model to ask, as `PROVIDER:NAME`, None for none.
    """

    def __init__(
        self,
        target: Target,
        goal: Goal,
        rules: Sequence[str],
        evaluator: Evaluator,
        prover: Prover,
        *,
        bus: EventBus,
        token: StopToken,
        on_accept: Callable[[Outcome], None] = lambda _: None,
        seed: int = 0,
        model: str | None = None,
    ) -> None:
        self._goal = goal
        self._rules = tuple(rules)
        self._evaluator = evaluator
        self._meter = Meter(evaluator, goal.objective)
        self._prover = prover
        self._bus = bus
        self._token = token
        self._on_accept = on_accept
        self._seed = seed
        self._seen: set[str] = set()
        self._tried: set[str] = set()
        self._neutral: list[Trial] = []
        self._second: dict[str, Evaluation] = {}
        self._start = time.monotonic()
        baseline = self._meter.measure(target, power=True)
        if not baseline.ok:
            raise RtlgenError(f"the design can't be synthesized: {target.in_user_names(baseline.error or '')}")
        self.outcome = Outcome(target, baseline, target, baseline, model=model)
        self._model: ModelProposals | None = None
        if model is not None:
            self._model = ModelProposals(
                model, goal.objective, seed, failed=self._family_failed, refused=self._model_refused
            )
        self._cheap = baseline.wall_s < CHEAP_S
        self._views: tuple[ModuleIR, ...] = ()
        elaborated = target.elaborate()
        self._slang_warnings = slang_warnings(elaborated)
        self._verilator_warnings = verilator_warnings(target)

    def run(self, budget_s: float) -> Outcome:
        """Return the outcome after at most about `budget_s` seconds."""
        self._start = time.monotonic()
        deadline = self._start + budget_s
        self._bus.emit(JobStarted(job="optimize", unit="candidates"))
        self._proposers = Proposers(self._rules)
        try:
            while not self._over(deadline):
                if self._round(deadline) or self._combine(deadline):
                    continue
                if self._explore(deadline) or self._hear_model(deadline):
                    continue
                break
        finally:
            self._proposers.close()
            if self._model is not None:
                self._model.close(interrupted=self._token.draining)
            self._finish(deadline)
        return self.outcome

    def _finish(self, deadline: float) -> None:
        if self._token.draining:
            self.outcome.ended_by = "interrupt"
        elif time.monotonic() >= deadline:
            self.outcome.ended_by = "budget"
        self.outcome.wall_s = time.monotonic() - self._start
        self._note_usage()
        self._bus.emit(JobFinished(job="optimize", note=self._summary()))

    def _over(self, deadline: float) -> bool:
        return self._token.draining or time.monotonic() >= deadline

    # One round: all families look at the current source; disjoint improvements are accepted one after another.

    def _round(self, deadline: float, *, model_only: bool = False) -> bool:
        base = self.outcome.current
        elaborated = base.elaborate()
        views = self._views = word_level(elaborated)
        self._ask_model(deadline)
        families = None if model_only else self._stream(base, deadline)
        stream = JoinedStream(families, self._model, base)
        edits: list[Edit] = []
        try:
            return self._consume(stream, base, views, edits, deadline)
        finally:
            stream.close()

    def _stream(self, base: Target, deadline: float) -> ProposalStream:
        left = max(1.0, deadline - time.monotonic())
        return self._proposers.stream(base, self._goal.objective, self._seed, left, self._family_failed)

    # A language model answers slowly: its proposals join the rounds as they come, and the end waits for it.

    def _ask_model(self, deadline: float) -> None:
        if self._model is not None and not self._over(deadline):
            now = self.outcome.current_evaluation
            measured = f"cell area {now.area_um2:.1f} um2, critical path {now.delay_ns:.3f} ns, {now.flops} flip-flops"
            self._model.ask(self.outcome.current, measured, deadline - time.monotonic())

    def _hear_model(self, deadline: float) -> bool:
        """Return whether something that the model proposed helped; waits for it until it has said everything."""
        while self._model is not None and not self._over(deadline):
            self._ask_model(deadline)
            if not self._model.wait(min(deadline, time.monotonic() + 0.2)):
                if not self._model.thinking:
                    return False
            elif self._round(deadline, model_only=True):
                return True
        return False

    def _model_refused(self, refused: Refused) -> None:
        self.outcome.rejected.append(
            Rejected("model-rewrite", refused.module, refused.title, refused.reason, refused.outcome)
        )

    def _note_usage(self) -> None:
        if self._model is not None:
            self.outcome.model_usage = self._model.usage

    def _family_failed(self, family: str, error: str) -> None:
        self._bus.emit(Notice(text=f"rewrite {family} failed and was skipped: {error}", level="warning"))

    def _consume(
        self, stream: JoinedStream, base: Target, views: tuple[ModuleIR, ...], edits: list[Edit], deadline: float
    ) -> bool:
        improved = False
        self._conflicts = 0
        better: list[Trial] = []
        first_found = 0.0
        with ThreadPoolExecutor(self._evaluator.pool.workers) as threads:
            running: dict[Future[Trial | None], None] = {}
            open_stream = True
            while not self._over(deadline) and self._conflicts < MAX_CONFLICTS:
                while open_stream and len(running) < 2 * self._evaluator.pool.workers:
                    item = stream.take(min(deadline, time.monotonic() + 0.05))
                    if item is None:
                        open_stream = stream.alive
                        break
                    now = self.outcome.current_evaluation
                    running[threads.submit(self._try, item[0], (item[1],), base, tuple(edits), now)] = None
                if not running and not better:
                    if not open_stream:
                        break
                    continue
                done, _ = wait(running, timeout=0.1, return_when=FIRST_COMPLETED)
                for future in done:
                    del running[future]
                    better += self._sort_in(stream, future.result())
                if better and not first_found:
                    first_found = time.monotonic()
                if better and (not running or time.monotonic() - first_found > BATCH_S):
                    improved |= self._accept_best(better, base, views, edits, deadline)
                    better, first_found = [], 0.0
            if better and not self._token.stopped:
                improved |= self._accept_best(better, base, views, edits, deadline)
        return improved

    def _sort_in(self, stream: JoinedStream, trial: Trial | None) -> list[Trial]:
        if trial is None:
            return []
        # Measured against the version it was made from: another change may have been accepted meanwhile.
        helps = self._goal.better(trial.evaluation, trial.reference)
        stream.record(trial.family, helps)
        if helps and self._goal.admits(trial.evaluation, trial.reference):
            return [trial]
        if helps:
            self._reject(
                trial.changes, "constraint", "; ".join(self._goal.violations(trial.evaluation)), trial.evaluation
            )
            return []
        ratio = self._ratio(trial.evaluation, trial.reference)
        self._reject(
            trial.changes, "not better", f"{self._goal.objective} {(ratio - 1) * 100:+.2f} %", trial.evaluation
        )
        if ratio <= 1 + NEUTRAL:
            self._neutral.append(trial)
        return []

    def _ratio(self, evaluation: Evaluation, reference: Evaluation) -> float:
        before = self._goal.cost(reference)
        return self._goal.cost(evaluation) / before if before else 1.0

    # One candidate.

    def _try(
        self,
        family: str,
        changes: tuple[Change, ...],
        base: Target,
        accepted: tuple[Edit, ...],
        reference: Evaluation,
    ) -> Trial | None:
        if self._token.draining:
            return None
        key = self._key(base, changes)
        if key in self._tried:
            return None
        self._tried.add(key)
        try:
            sources = apply_edits(base.sources, (*accepted, *(e for c in changes for e in c.edits)))
        except EditConflictError:
            self._tried.discard(key)
            self._conflicts += 1
            return None
        trial = self._trial(family, changes, base.with_sources(sources), len(accepted), reference)
        self._advance(family)
        return trial

    def _trial(
        self, family: str, changes: tuple[Change, ...], target: Target, base_size: int, reference: Evaluation
    ) -> Trial | None:
        digest = target.digest
        if digest in self._seen:
            return None
        self._seen.add(digest)
        try:
            elaborated = target.elaborate()
        except RtlgenError as error:
            self._reject(changes, "does not parse", str(error).splitlines()[0])
            return None
        worse = new_warnings(self._slang_warnings, slang_warnings(elaborated))
        if worse:
            self._reject(changes, "lint", "new slang warnings: " + ", ".join(worse))
            return None
        if not self._promising(changes, elaborated):
            return None
        evaluation = self._measure(target)
        if not evaluation.ok:
            self._reject(changes, "does not map", (evaluation.error or "").splitlines()[0])
            return None
        return Trial(changes, family, target, evaluation, base_size, reference)

    def _promising(self, changes: tuple[Change, ...], elaborated: Elaborated) -> bool:
        """Return False where the changed values alone, synthesized in milliseconds, are no better than before."""
        if self._cheap or self._goal.objective != "area" or any(c.obligation != "combinational" for c in changes):
            return True
        modules = {c.module for c in changes}
        old = {(v.name, str(v.parameters)): v for v in self._views if v.name in modules}
        for view in (v for v in word_level(elaborated) if v.name in modules):
            before = old.get((view.name, str(view.parameters)))
            found = estimate(before, view, self._evaluator) if before is not None else None
            if found is not None and not found.helps(self._goal):
                ratio = self._ratio(found.after, found.before)
                self._reject(changes, "not better", f"the changed values alone: area {(ratio - 1) * 100:+.2f} %")
                return False
        return True

    def _measure(self, target: Target, frontends: Sequence[str] | None = None) -> Evaluation:
        return self._meter.measure(target, frontends)

    @staticmethod
    def _key(base: Target, changes: Sequence[Change]) -> str:
        """Return what identifies a proposal over rounds: the texts it replaces, not where they stand now."""
        state = hashlib.sha256()
        for change in changes:
            state.update(f"{change.rule}\0{change.module}\0{change.title}\0".encode())
            for edit in change.edits:
                state.update(base.sources[edit.file][edit.start : edit.end] + b"\0" + edit.text.encode() + b"\0")
        return state.hexdigest()

    # Acceptance.

    def _accept_best(
        self, better: list[Trial], base: Target, views: tuple[ModuleIR, ...], edits: list[Edit], deadline: float
    ) -> bool:
        improved = False
        for trial in sorted(better, key=lambda t: self._goal.cost(t.evaluation)):
            if self._token.stopped or (time.monotonic() > deadline and improved):
                break
            again = trial if trial.base_size == len(edits) else self._again(trial, base, edits)
            if again is not None and self._accept(again, views):
                edits += [e for c in again.changes for e in c.edits]
                improved = True
        return improved

    def _again(self, trial: Trial, base: Target, edits: list[Edit]) -> Trial | None:
        """Return the trial measured on top of what has been accepted since, None where it no longer helps."""
        try:
            sources = apply_edits(base.sources, (*edits, *(e for c in trial.changes for e in c.edits)))
        except EditConflictError:
            self._tried.discard(self._key(base, trial.changes))
            return None
        now = self.outcome.current_evaluation
        again = self._trial(trial.family, trial.changes, base.with_sources(sources), len(edits), now)
        if again is None or not self._goal.better(again.evaluation, now):
            return None
        return again if self._goal.admits(again.evaluation, self.outcome.current_evaluation) else None

    def _accept(self, trial: Trial, views: tuple[ModuleIR, ...]) -> bool:
        if not self._lint_clean(trial) or not self._witness_agrees(trial):
            return False
        proof = self._prover.prove(self.outcome.current, trial.target, {c.module for c in trial.changes}, views)
        if not proof.proved:
            refuted = proof.result.status == "refuted"
            self._reject(
                trial.changes,
                "refuted" if refuted else "unproved",
                f"{proof.scope}: {proof.result.status} by {proof.result.method} {proof.result.reason}".strip(),
                trial.evaluation,
            )
            return False
        self._record(trial, proof)
        return True

    def _lint_clean(self, trial: Trial) -> bool:
        worse = new_warnings(self._verilator_warnings, verilator_warnings(trial.target))
        if worse:
            self._reject(trial.changes, "lint", "new Verilator warnings: " + ", ".join(worse), trial.evaluation)
        return not worse

    def _witness_agrees(self, trial: Trial) -> bool:
        """Return False where the gain is gone when another front end reads the source.

        Logic synthesis is chaotic: reading the same design in another order moves its area by some percent. A change
        that is worse on the second reading won on noise.
        """
        new, old = self._second_reading(trial.target), self._second_reading(self.outcome.current)
        if not (new.ok and old.ok):
            return True
        if self._goal.cost(new) <= self._goal.cost(old) * (1 + EPSILON):
            return True
        worse = f"{self._goal.objective} {(self._ratio(new, old) - 1) * 100:+.2f} % when read by {new.frontend}"
        self._reject(trial.changes, "not better", worse, trial.evaluation)
        return False

    def _second_reading(self, target: Target) -> Evaluation:
        key = target.digest
        if key not in self._second:
            first = self.outcome.baseline_evaluation.frontend
            others = [f for f in ("slang", "verilog") if f != first]
            self._second[key] = self._measure(target, others)
        return self._second[key]

    def _record(self, trial: Trial, proof: Proof) -> None:
        outcome = self.outcome
        accepted = Accepted(
            trial.changes,
            outcome.current,
            trial.target,
            outcome.current_evaluation,
            trial.evaluation,
            proof,
            time.monotonic() - self._start,
        )
        gain = (1 - self._ratio(trial.evaluation, outcome.current_evaluation)) * 100
        outcome.accepted.append(accepted)
        outcome.current, outcome.current_evaluation = trial.target, trial.evaluation
        titles = " + ".join(c.title for c in trial.changes)
        self._bus.emit(
            Notice(
                text=f"accepted {trial.family}: {titles}: {self._goal.objective} -{gain:.2f} %, {proof.result.method}"
            )
        )
        self._note_usage()
        self._on_accept(outcome)

    def _reject(
        self, changes: Sequence[Change], outcome: str, reason: str, evaluation: Evaluation | None = None
    ) -> None:
        rules = " + ".join(c.rule for c in changes)
        titles = "; ".join(c.title for c in changes)
        area, delay = (evaluation.area_um2, evaluation.delay_ns) if evaluation else (None, None)
        self.outcome.rejected.append(Rejected(rules, changes[0].module, titles, reason, outcome, area, delay))

    def _advance(self, family: str) -> None:
        self.outcome.trials[family] += 1
        self._bus.emit(
            JobAdvanced(job="optimize", done=self.outcome.trials.total(), note=f"{family}; {self._summary()}")
        )

    def _summary(self) -> str:
        before = self._goal.cost(self.outcome.baseline_evaluation)
        now = self._goal.cost(self.outcome.current_evaluation)
        change = (now / before - 1) * 100 if before else 0.0
        return f"{self._goal.objective} {change:+.2f} %, {len(self.outcome.accepted)} changes"

    # Changes that help only together.

    def _combine(self, deadline: float) -> bool:
        """Return whether changes that do nothing alone helped together, such as the last users of shared logic going.

        All disjoint ones are tried at once, then those of each family; what does not contribute is taken out again.
        """
        steps = sorted(self._neutral, key=lambda t: self._goal.cost(t.evaluation))
        families = [steps, *([t for t in steps if t.family == f] for f in dict.fromkeys(t.family for t in steps))]
        for group in families:
            together = self._together(group)
            if len(together) < 2 or self._over(deadline):
                continue
            trial = self._joint(together)
            if trial is not None and self._wins(trial, None):
                trial = self._minimal(trial, deadline)
                if self._accept(trial, self._views):
                    return True
        return False

    def _together(self, steps: list[Trial]) -> list[Trial]:
        """Return the steps, best first, whose edits do not overlap those of a better one."""
        chosen: list[Trial] = []
        edits: list[Edit] = []
        for step in steps:
            more = [e for c in step.changes for e in c.edits]
            try:
                apply_edits(self.outcome.current.sources, [*edits, *more])
            except (EditConflictError, KeyError):
                continue
            chosen.append(step)
            edits += more
        return chosen

    def _joint(self, steps: list[Trial]) -> Trial | None:
        changes = tuple(c for step in steps for c in step.changes)
        sources = apply_edits(self.outcome.current.sources, [e for c in changes for e in c.edits])
        target = self.outcome.current.with_sources(sources)
        return self._trial(steps[0].family, changes, target, 0, self.outcome.current_evaluation)

    def _minimal(self, trial: Trial, deadline: float) -> Trial:
        """Return the trial without the changes that do not contribute."""
        for change in trial.changes:
            rest = tuple(c for c in trial.changes if c is not change)
            if not rest or self._over(deadline):
                break
            sources = apply_edits(self.outcome.current.sources, [e for c in rest for e in c.edits])
            target = self.outcome.current.with_sources(sources)
            less = self._trial(trial.family, rest, target, 0, trial.reference)
            if less is not None and not self._goal.better(trial.evaluation, less.evaluation):
                trial = less
        return trial

    # Through a neutral step to a better place.

    def _explore(self, deadline: float) -> bool:
        """Return whether a change that does not help by itself, and one on top of it, together helped."""
        steps = sorted(self._neutral, key=lambda t: self._goal.cost(t.evaluation))[:MAX_NEUTRAL]
        self._neutral = []
        return any(not self._over(deadline) and self._explore_from(step, deadline) for step in steps)

    def _explore_from(self, step: Trial, deadline: float) -> bool:
        limit = min(deadline, time.monotonic() + EXPLORE_S)
        stream = self._stream(step.target, limit)
        best: Trial | None = None
        try:
            with ThreadPoolExecutor(self._evaluator.pool.workers) as threads:
                best = self._best_second(stream, step, threads, limit)
        finally:
            stream.close()
        if best is None:
            return False
        joint = replace(best, changes=(*step.changes, *best.changes), base_size=0)
        return self._accept(joint, word_level(self.outcome.current.elaborate()))

    def _best_second(
        self, stream: ProposalStream, step: Trial, threads: ThreadPoolExecutor, limit: float
    ) -> Trial | None:
        best: Trial | None = None
        running: set[Future[Trial | None]] = set()
        while not self._over(limit):
            item = stream.take(min(limit, time.monotonic() + 0.05)) if len(running) < 4 else None
            if item is not None:
                running.add(threads.submit(self._try, item[0], (item[1],), step.target, (), step.evaluation))
            elif not running and not stream.alive:
                break
            done, running = wait(running, timeout=0.02, return_when=FIRST_COMPLETED)
            for trial in (f.result() for f in done):
                if trial is not None and self._wins(trial, best):
                    best = trial
        return best

    def _wins(self, trial: Trial, best: Trial | None) -> bool:
        against = best.evaluation if best else self.outcome.current_evaluation
        return self._goal.better(trial.evaluation, against) and self._goal.admits(
            trial.evaluation, self.outcome.current_evaluation
        )
