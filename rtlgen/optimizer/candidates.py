"""From a proposal to a measured candidate: apply, parse, look at the warnings, estimate, measure."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence

from rtlgen.core.errors import RtlgenError
from rtlgen.graphs.frontend.slang import Elaborated
from rtlgen.graphs.wordlevel.build import word_level
from rtlgen.graphs.wordlevel.module import ModuleIR
from rtlgen.optimizer.edits import Edit, apply_edits
from rtlgen.optimizer.goal import Goal
from rtlgen.optimizer.lint import new_warnings, slang_warnings
from rtlgen.optimizer.local import estimate
from rtlgen.optimizer.meter import Meter
from rtlgen.optimizer.outcome import Trial
from rtlgen.optimizer.rewrite import Change
from rtlgen.optimizer.target import Target
from rtlgen.synth.flow import Evaluation

CHEAP_S, LARGE_CELLS = 1.5, 1500
"""Where one measurement takes longer and the design is large, only promising candidates are measured. A small design
that takes long has a costly operator, which may be just what the candidate gets rid of."""
ESTIMATE_S = 10.0
AGAIN_S = 0.4
"""Below this cost of one measurement, proposals that did not help are tried again on every new version."""

Reject = Callable[[Sequence[Change], str, str, Evaluation | None], None]


class Candidates:
    """Makes trials of proposals, each version of the text once; threads may share it."""

    def __init__(self, target: Target, baseline: Evaluation, goal: Goal, meter: Meter, reject: Reject) -> None:
        """Take the warnings of the input as the measure; `reject` is told of every proposal that makes no trial."""
        self._goal = goal
        self._meter = meter
        self._reject = reject
        self._cost_s = baseline.wall_s
        self._costly = baseline.wall_s > CHEAP_S and sum(baseline.cells.values()) > LARGE_CELLS
        self._warnings = slang_warnings(target.elaborate())
        self._seen: set[str] = set()
        self._tried: set[str] = set()
        self.views: tuple[ModuleIR, ...] = ()
        """Word-level view of the version that proposals are made for."""

    def look_at(self, base: Target) -> None:
        """Note that the next proposals are made for `base`."""
        self.views = word_level(base.elaborate())
        if self._cost_s < AGAIN_S:
            self._tried.clear()

    def attempt(
        self,
        family: str,
        changes: tuple[Change, ...],
        base: Target,
        accepted: tuple[Edit, ...],
        reference: Evaluation,
    ) -> Trial | None:
        """Return the measured candidate, None where there is nothing new to measure.

        Raises:
            EditConflictError: the changes overlap `accepted`.
        """
        key = _key(base, changes)
        if key in self._tried:
            return None
        edits = (*accepted, *(e for c in changes for e in c.edits))
        target = base.with_sources(apply_edits(base.sources, edits))
        self._tried.add(key)
        return self.measured(family, changes, target, len(accepted), reference)

    def forget(self, base: Target, changes: Sequence[Change]) -> None:
        """Let these changes be tried once more."""
        self._tried.discard(_key(base, changes))

    def measured(
        self, family: str, changes: tuple[Change, ...], target: Target, base_size: int, reference: Evaluation
    ) -> Trial | None:
        """Return the measured candidate, None where it is not new or fails; `reject` is told why."""
        digest = target.digest
        if digest in self._seen:
            return None
        self._seen.add(digest)
        try:
            elaborated = target.elaborate()
        except RtlgenError as error:
            return self._reject(changes, "does not parse", str(error).splitlines()[0], None)
        worse = new_warnings(self._warnings, slang_warnings(elaborated))
        if worse:
            return self._reject(changes, "lint", "new slang warnings: " + ", ".join(worse), None)
        if not self._promising(changes, elaborated):
            return None
        evaluation = self._meter.measure(target)
        if not evaluation.ok:
            return self._reject(changes, "does not map", (evaluation.error or "").splitlines()[0], None)
        return Trial(changes, family, target, evaluation, base_size, reference)

    def _promising(self, changes: tuple[Change, ...], elaborated: Elaborated) -> bool:
        """Return False where the changed values alone, synthesized in milliseconds, are no better than before."""
        sequential = any(c.obligation != "combinational" for c in changes)
        if not self._costly or self._goal.objective != "area" or sequential:
            return True
        modules = {c.module for c in changes}
        old = {(v.name, str(v.parameters)): v for v in self.views if v.name in modules}
        for view in (v for v in word_level(elaborated) if v.name in modules):
            before = old.get((view.name, str(view.parameters)))
            left_s = max(1.0, min(ESTIMATE_S, self._meter.deadline_s - time.monotonic()))
            found = estimate(before, view, self._meter.evaluator, timeout_s=left_s) if before is not None else None
            if found is not None and not found.helps(self._goal):
                ratio = self._goal.ratio(found.after, found.before)
                self._reject(changes, "not better", f"the changed values alone: area {(ratio - 1) * 100:+.2f} %", None)
                return False
        return True


def _key(base: Target, changes: Sequence[Change]) -> str:
    """Return what identifies a proposal over rounds: the texts it replaces, not where they stand now."""
    state = hashlib.sha256()
    for change in changes:
        state.update(f"{change.rule}\0{change.module}\0{change.title}\0".encode())
        for edit in change.edits:
            state.update(base.sources[edit.file][edit.start : edit.end] + b"\0" + edit.text.encode() + b"\0")
    return state.hexdigest()
