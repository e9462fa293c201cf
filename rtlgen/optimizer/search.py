"""The search: propose, parse, measure, prove, accept; greedy over disjoint changes, then through neutral steps."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Any

from rtlgen.core.errors import RtlgenError
from rtlgen.core.events import EventBus, JobAdvanced, JobFinished, JobStarted, Notice, StopToken
from rtlgen.graphs.wordlevel.build import word_level
from rtlgen.graphs.wordlevel.module import ModuleIR
from rtlgen.optimizer.candidates import CHEAP_S, Candidates
from rtlgen.optimizer.edits import Edit, EditConflictError, apply_edits
from rtlgen.optimizer.gate import Gate
from rtlgen.optimizer.goal import Goal
from rtlgen.optimizer.large import UNPROVED_DISCOUNT, Estimated, Waiting
from rtlgen.optimizer.meter import Meter
from rtlgen.optimizer.modelled.rewrite import Refused
from rtlgen.optimizer.modelled.stream import JoinedStream, ModelProposals
from rtlgen.optimizer.outcome import Accepted, Outcome, Rejected, Trial
from rtlgen.optimizer.proposals import ProposalStream, Proposers
from rtlgen.optimizer.prover import Proof, Prover
from rtlgen.optimizer.rewrite import Change
from rtlgen.optimizer.target import Target
from rtlgen.synth.flow import Evaluation, Evaluator

COLLECT_S, COLLECT_RUNS, COLLECT_SHARE = 2.5, 6, 0.12
"""Seconds, measurements or share of the budget (the longest, but a quarter of the budget at most) that a round collects
before it accepts the best: a small gain taken early often stands in the way of a large one that was still to come."""
NEUTRAL, WORST_STEP = 0.04, 0.1
"""A candidate at most this much worse is tried together with others, and may serve as a step towards a better one; the
least worse come first."""
MAX_NEUTRAL = 24
"""Versions that are kept of those that one step leads to."""
MAX_STEPS, MAX_EXPLORED = 4, 150
"""Changes that may be needed together, and versions looked at for such a way."""
EXPLORE_S = 6.0
MAX_CONFLICTS = 40
"""Proposals that overlap an accepted change, after which the families look at the new source instead."""
GRACE_S = 4.0
"""A run without any change so far may take this much longer to prove one."""
QUICK_PROOF_S, LONG_PROOF_S = 2.5, 20.0
"""What does not end in the first time waits until nothing else helps, and gets the second."""


@dataclass(slots=True)
class _Round:
    """One look of all families at one version: that version, its view, and what was accepted on top of it.

    `standing` is the edits accepted so far and the measurement with them; one value, since threads read it.
    """

    base: Target
    views: tuple[ModuleIR, ...]
    standing: tuple[tuple[Edit, ...], Evaluation]
    conflicts: int = 0
    improved: bool = False
    started: float = 0.0
    """When the first proposal came."""


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
        general: refuse changes that hold for the present parameter values only.
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
        general: bool = False,
    ) -> None:
        self._goal = goal
        self._workers = evaluator.pool.workers
        self._bus = bus
        self._token = token
        self._on_accept = on_accept
        self._seed = seed
        self._neutral: list[Trial] = []
        self._unproved: Counter[str] = Counter()
        self._postponed: list[tuple[Trial, str, Target, Sequence[ModuleIR]]] = []
        self._start = time.monotonic()
        self._meter = meter = Meter(evaluator, goal.objective)
        self._proposers = Proposers(rules)
        baseline = meter.measure(target, power=True)
        if not baseline.ok:
            self._proposers.close()
            raise RtlgenError(f"the design can't be synthesized: {target.in_user_names(baseline.error or '')}")
        # The report wants the power of the result; where one synthesis takes long, not by one more of them.
        meter.with_power |= baseline.wall_s > CHEAP_S
        self.outcome = Outcome(target, baseline, target, baseline, model=model)
        self._gate = Gate(target, baseline.frontend, goal, meter, prover, general=general)
        self._candidates = Candidates(target, baseline, goal, meter, self._reject)
        self._model: ModelProposals | None = None
        if model is not None:
            self._model = ModelProposals(
                model, goal.objective, seed, failed=self._family_failed, refused=self._model_refused
            )

    def run(self, budget_s: float) -> Outcome:
        """Return the outcome after at most about `budget_s` seconds."""
        self._start = time.monotonic()
        deadline = self._start + budget_s
        self._meter.deadline_s = deadline + GRACE_S
        self._bus.emit(JobStarted(job="optimize", unit="candidates"))
        try:
            while not self._over(deadline):
                ways = (self._round, self._combine, self._explore, self._hear_model, self._prove_longer)
                if not any(way(deadline) for way in ways):
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
        self._candidates.look_at(base)
        self._ask_model(deadline)
        families = None if model_only else self._stream(base, deadline)
        stream = JoinedStream(families, self._model, base)
        self._neutral = []
        now = _Round(base, self._candidates.views, ((), self.outcome.current_evaluation))
        try:
            consume = self._consume_large if self._candidates.large else self._consume
            consume(stream, now, deadline)
        finally:
            stream.close()
        return now.improved

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

    def _consume(self, stream: JoinedStream, now: _Round, deadline: float) -> None:
        """Measure what the stream gives, while the best of what was measured goes through the gate."""
        better: list[Trial] = []
        budget_s = deadline - self._start
        runs_s = COLLECT_RUNS * self.outcome.baseline_evaluation.wall_s
        collect_s = min(budget_s / 4, max(COLLECT_S, runs_s, COLLECT_SHARE * budget_s))
        running: set[Future[Trial | None]] = set()
        accepting: Future[bool] | None = None
        with ThreadPoolExecutor(self._workers) as threads, ThreadPoolExecutor(1) as gatekeeper:
            while not self._over(deadline) and now.conflicts < MAX_CONFLICTS:
                self._feed(stream, now, threads, running, deadline)
                if not running and not better and accepting is None and not stream.alive:
                    break
                active: set[Future[Any]] = running | ({accepting} if accepting else set())
                done, _ = wait(active, 0.05, FIRST_COMPLETED)
                for future in done & running:
                    better += self._sort_in(stream, future.result())
                running -= done
                if accepting is not None and accepting.done():
                    accepting.result()
                    accepting = None
                collected = time.monotonic() - (now.started or time.monotonic()) > collect_s
                if better and accepting is None and (collected or not (running or stream.alive)):
                    accepting = gatekeeper.submit(self._accept_one, self._take_best(better), now, deadline)
            if accepting is not None:
                accepting.result()
            # What was measured in time may still be proved, a little late where there is nothing to show yet.
            last = deadline + (0.0 if self.outcome.accepted else GRACE_S)
            while better and not self._token.stopped and time.monotonic() < last:
                self._accept_one(self._take_best(better), now, last)

    def _consume_large(self, stream: JoinedStream, now: _Round, deadline: float) -> None:
        """Estimate what the stream gives, while the best of it is measured on the whole design and proved."""
        waiting = Waiting(now.base)
        running: set[Future[Estimated | None]] = set()
        estimators = max(1, self._workers - 1)  # measurements and proofs go first
        with ThreadPoolExecutor(self._workers) as threads, ThreadPoolExecutor(1) as gatekeeper:
            measuring: Future[None] | None = gatekeeper.submit(self._gate.read_ahead, now.base)
            while not self._over(deadline) and now.conflicts < MAX_CONFLICTS:
                item = stream.take(time.monotonic() + 0.05) if len(running) < estimators else None
                if item is not None:
                    running.add(threads.submit(self._estimate, stream, *item, now))
                if not (item or running or waiting or measuring or stream.alive):
                    break
                active: set[Future[Any]] = running | ({measuring} if measuring else set())
                done, _ = wait(active, 0.05, FIRST_COMPLETED)
                for estimated in (f.result() for f in done & running):
                    if estimated is not None:
                        waiting.add(estimated)
                running -= done
                if measuring is not None and measuring.done():
                    measuring = measuring.result()
                if measuring is None and waiting:
                    measuring = gatekeeper.submit(self._accept_group, waiting, now, deadline)

    def _estimate(self, stream: JoinedStream, family: str, change: Change, now: _Round) -> Estimated | None:
        if self._token.draining:
            return None
        try:
            estimated = self._candidates.estimated(family, change, now.base, now.standing[0])
        except EditConflictError:
            now.conflicts += 1
            return None
        gain = 0.0 if estimated is None else estimated.gain
        stream.record(family, gain / self._goal.cost(now.standing[1]))
        self._advance(family)
        return estimated

    def _accept_group(self, waiting: Waiting, now: _Round, deadline: float) -> None:
        """Measure the most promising group of changes on the whole design; accept it, or leave it to smaller ones."""
        edits, reference = now.standing
        group = self._sound(waiting.take(edits, self._unproved), waiting, now, deadline)
        if not group:
            return
        target = self._candidates.together(group, now.base, edits)
        changes = tuple(e.change for e in group)
        trial = self._candidates.measured(group[0].family, changes, target, len(edits), reference)
        wins = trial is not None and self._wins(trial, None)
        if trial is not None and not wins:
            self._reject_worse(trial)
        if trial is None or not wins or not self._accept_one(trial, now, deadline):
            waiting.split(group)

    def _sound(self, group: list[Estimated], waiting: Waiting, now: _Round, deadline: float) -> list[Estimated]:
        """Return the group if lint and proof pass it, else the best of it that they pass; the rest waits on."""
        if not group or self._passes(group, now, deadline):
            return group
        if len(group) == 1:
            return []
        passing = [e for e in group if not self._over(deadline) and self._passes([e], now, deadline)]
        if len(passing) < 2 or self._passes(passing, now, deadline):
            return passing
        waiting.split(passing)
        return []

    def _passes(self, group: list[Estimated], now: _Round, deadline: float) -> bool:
        changes = tuple(e.change for e in group)
        target = self._candidates.together(group, now.base, now.standing[0])
        seconds = min(self._quick_proof_s(), max(1.0, deadline - time.monotonic()))
        refused = self._gate.refusal(changes, target, self.outcome.current, now.views, seconds)
        if len(group) == 1:
            self._unproved[group[0].family] = self._unproved[group[0].family] + 1 if refused else 0
        if refused is not None and len(group) == 1:
            self._reject(changes, *refused)
        return refused is None

    def _take_best(self, better: list[Trial]) -> Trial:
        """Remove and return the trial with the largest gain, less where the proofs of its family failed before."""

        def promise(trial: Trial) -> float:
            gain = 1 - self._goal.ratio(trial.evaluation, trial.reference)
            doubts = self._unproved[trial.family] + any(c.guess for c in trial.changes)
            return gain * UNPROVED_DISCOUNT**doubts

        best = max(better, key=promise)
        better.remove(best)
        return best

    def _feed(
        self,
        stream: JoinedStream,
        now: _Round,
        threads: ThreadPoolExecutor,
        running: set[Future[Trial | None]],
        deadline: float,
    ) -> None:
        """Start as many measurements as there are workers, and one each to follow."""
        while len(running) < 2 * self._workers and not self._over(deadline):
            item = stream.take(min(deadline, time.monotonic() + 0.05))
            if item is None:
                return
            now.started = now.started or time.monotonic()
            running.add(threads.submit(self._try, item[0], (item[1],), now))

    def _sort_in(self, stream: JoinedStream, trial: Trial | None) -> list[Trial]:
        if trial is None:
            return []
        # Measured against the version it was made from: another change may have been accepted meanwhile.
        helps = self._goal.better(trial.evaluation, trial.reference)
        stream.record(trial.family, 1 - self._goal.ratio(trial.evaluation, trial.reference))
        if helps and self._goal.admits(trial.evaluation, trial.reference):
            return [trial]
        if helps:
            self._reject(
                trial.changes, "constraint", "; ".join(self._goal.violations(trial.evaluation)), trial.evaluation
            )
            return []
        if self._reject_worse(trial) <= 1 + WORST_STEP:
            self._neutral.append(trial)
        return []

    def _reject_worse(self, trial: Trial) -> float:
        """Note that a trial is not better than what it was made from; return the ratio of the two."""
        ratio = self._goal.ratio(trial.evaluation, trial.reference)
        said = f"{self._goal.objective} {(ratio - 1) * 100:+.2f} %"
        self._reject(trial.changes, "not better", said, trial.evaluation)
        return ratio

    def _try(self, family: str, changes: tuple[Change, ...], now: _Round) -> Trial | None:
        if self._token.draining:
            return None
        try:
            trial = self._candidates.attempt(family, changes, now.base, *now.standing)
        except EditConflictError:
            now.conflicts += 1
            return None
        self._advance(family)
        return trial

    # Acceptance.

    def _accept_one(self, trial: Trial, now: _Round, deadline: float) -> bool:
        again = trial if trial.base_size == len(now.standing[0]) else self._again(trial, now)
        accepted = self._accept(again, now.base, now.views, deadline) if again is not None else None
        if accepted is not None:
            more = (e for c in accepted.changes for e in c.edits)
            now.standing = (*now.standing[0], *more), accepted.evaluation
            now.improved = True
        return accepted is not None

    def _again(self, trial: Trial, now: _Round) -> Trial | None:
        """Return the trial measured on top of what has been accepted since, None where it no longer helps."""
        self._candidates.forget(now.base, trial.changes)
        try:
            again = self._candidates.attempt(trial.family, trial.changes, now.base, *now.standing)
        except EditConflictError:
            return None
        return again if again is not None and self._wins(again, None) else None

    def _accept(
        self,
        trial: Trial,
        base: Target,
        views: Sequence[ModuleIR],
        deadline: float,
        proof_s: float | None = None,
    ) -> Trial | None:
        """Return the trial as it was accepted, None where it does not pass the gate."""
        proof_s = proof_s or self._quick_proof_s()
        seconds = min(proof_s, max(1.0, deadline - time.monotonic()))
        verdict = self._gate.judge(trial, self.outcome.current, base, views, seconds)
        if verdict.proof is None:
            in_group = self._candidates.large and len(trial.changes) > 1
            if verdict.outcome == "unproved" and proof_s < LONG_PROOF_S and not in_group:
                self._postponed.append((trial, self.outcome.current.digest, base, views))
            self._unproved[trial.family] += verdict.outcome in ("unproved", "refuted")
            self._reject(trial.changes, verdict.outcome, verdict.reason, trial.evaluation)
            return None
        self._unproved[trial.family] = 0
        self._record(verdict.trial, verdict.proof)
        return verdict.trial

    def _quick_proof_s(self) -> float:
        """What takes long to synthesize, such as a divider, takes long to read for a proof."""
        least = LONG_PROOF_S / 2 if self._candidates.large else self.outcome.current_evaluation.wall_s
        return min(LONG_PROOF_S / 2, max(QUICK_PROOF_S, least))

    def _prove_longer(self, deadline: float) -> bool:
        """Return whether a change on the present version, unproved in a short time, was proved in a longer one."""
        waiting, self._postponed = self._postponed, []
        digest = self.outcome.current.digest
        for trial, origin, base, views in sorted(waiting, key=lambda w: self._goal.cost(w[0].evaluation)):
            if origin != digest or self._over(deadline):
                continue
            if self._accept(trial, base, views, deadline, LONG_PROOF_S):
                return True
        return False

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
        gain = (1 - self._goal.ratio(trial.evaluation, outcome.current_evaluation)) * 100
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
        near = [t for t in self._neutral if self._goal.ratio(t.evaluation, t.reference) <= 1 + NEUTRAL]
        steps = sorted(near, key=lambda t: self._goal.cost(t.evaluation))
        families = [steps, *([t for t in steps if t.family == f] for f in dict.fromkeys(t.family for t in steps))]
        for group in families:
            together = self._together(group)
            if len(together) < 2 or self._over(deadline):
                continue
            trial = self._joint(together)
            if trial is not None and self._wins(trial, None):
                trial = self._minimal(trial, deadline)
                if self._accept(trial, self.outcome.current, self._candidates.views, deadline):
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
        return self._candidates.measured(steps[0].family, changes, target, 0, self.outcome.current_evaluation)

    def _minimal(self, trial: Trial, deadline: float) -> Trial:
        """Return the trial without the changes that do not contribute."""
        for change in trial.changes:
            rest = tuple(c for c in trial.changes if c is not change)
            if not rest or self._over(deadline):
                break
            sources = apply_edits(self.outcome.current.sources, [e for c in rest for e in c.edits])
            target = self.outcome.current.with_sources(sources)
            less = self._candidates.measured(trial.family, rest, target, 0, trial.reference)
            if less is not None and not self._goal.better(trial.evaluation, less.evaluation):
                trial = less
        return trial

    # Through versions that are not better to one that is: best first, nothing proved on the way.

    def _explore(self, deadline: float) -> bool:
        """Return whether changes that do not help one by one helped together."""
        frontier = self._neutral
        self._neutral = []
        for _ in range(MAX_EXPLORED):
            if not frontier or self._over(deadline):
                break
            step = min(frontier, key=lambda t: (self._goal.cost(t.evaluation), len(t.changes)))
            frontier.remove(step)
            found = self._beyond(step, deadline)
            better = [t for t in found if self._wins(t, None)]
            near = [t for t in found if t not in better and self._is_near(t) and len(t.changes) < MAX_STEPS]
            now = self.outcome.current
            while better and not self._over(deadline):
                if self._accept(self._take_best(better), now, word_level(now.elaborate()), deadline) is not None:
                    return True
            frontier += sorted(near, key=lambda t: self._goal.cost(t.evaluation))[:MAX_NEUTRAL]
        return False

    def _is_near(self, trial: Trial) -> bool:
        return self._goal.ratio(trial.evaluation, self.outcome.current_evaluation) <= 1 + WORST_STEP

    def _beyond(self, step: Trial, deadline: float) -> list[Trial]:
        """Return what one more change makes of a version, with all changes since the current one."""
        limit = min(deadline, time.monotonic() + EXPLORE_S)
        self._candidates.look_at(step.target)
        stream = self._stream(step.target, limit)
        now = _Round(step.target, self._candidates.views, ((), step.evaluation))
        found: list[Trial] = []
        running: set[Future[Trial | None]] = set()
        try:
            with ThreadPoolExecutor(self._workers) as threads:
                while not self._over(limit):
                    item = (
                        stream.take(min(limit, time.monotonic() + 0.05)) if len(running) < 2 * self._workers else None
                    )
                    if item is not None:
                        running.add(threads.submit(self._try, item[0], (item[1],), now))
                    elif not running and not stream.alive:
                        break
                    done, running = wait(running, timeout=0.02, return_when=FIRST_COMPLETED)
                    found += [trial for f in done if (trial := f.result()) is not None]
        finally:
            stream.close()
        reference = self.outcome.current_evaluation
        return [replace(t, changes=(*step.changes, *t.changes), base_size=0, reference=reference) for t in found]

    def _wins(self, trial: Trial, best: Trial | None) -> bool:
        against = best.evaluation if best else self.outcome.current_evaluation
        return self._goal.better(trial.evaluation, against) and self._goal.admits(
            trial.evaluation, self.outcome.current_evaluation
        )
