"""From a proposal to a measured candidate: apply, parse, look at the warnings, estimate, measure."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from rtlgen.core.errors import RtlgenError
from rtlgen.graphs.frontend.slang import Elaborated
from rtlgen.graphs.wordlevel.build import word_level
from rtlgen.graphs.wordlevel.module import ModuleIR
from rtlgen.optimizer.edits import Edit, apply_edits
from rtlgen.optimizer.goal import Goal
from rtlgen.optimizer.large import Estimated
from rtlgen.optimizer.lint import new_warnings, slang_warnings
from rtlgen.optimizer.local import Estimate, estimate
from rtlgen.optimizer.meter import Meter
from rtlgen.optimizer.outcome import Trial
from rtlgen.optimizer.rewrite import Change
from rtlgen.optimizer.target import Target
from rtlgen.synth.flow import Evaluation

CHEAP_S, LARGE_CELLS = 4.0, 1500
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
        self.large = (
            goal.objective == "area" and baseline.wall_s > CHEAP_S and sum(baseline.cells.values()) > LARGE_CELLS
        )
        """Whether changes are to be estimated first."""
        self._warnings = slang_warnings(target.elaborate())
        self._seen: set[str] = set()
        self._tried: set[str] = set()
        self.views: tuple[ModuleIR, ...] = ()
        """Word-level view of the version that proposals are made for."""
        self._standing: tuple[str, tuple[ModuleIR, ...]] = "", ()

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
        target = self._version(changes, base, accepted)
        return None if target is None else self.measured(family, changes, target, len(accepted), reference)

    def estimated(self, family: str, change: Change, base: Target, accepted: tuple[Edit, ...]) -> Estimated | None:
        """Return the change with what it saves by synthesis of what it changes alone, None where that is nothing.

        Raises:
            EditConflictError: the change overlaps `accepted`.
        """
        target = self._version((change,), base, accepted)
        elaborated = None if target is None else self._read((change,), target)
        if elaborated is None:
            return None
        before = self._standing_views(_composed(base, accepted, ()))
        found = self._estimates(change, before, word_level(elaborated))
        if not found:
            return Estimated(family, change, 0.0)
        old, new = sum(self._goal.cost(e.before) for e in found), sum(self._goal.cost(e.after) for e in found)
        if new >= old:
            self._reject((change,), "not better", f"what it changes, alone: {old:.1f} to {new:.1f} um2", None)
            return None
        said = f"{change.why} What it changes, synthesized alone, goes from {old:.1f} to {new:.1f} um2."
        return Estimated(family, replace(change, why=said.strip()), old - new)

    def together(self, group: Sequence[Estimated], base: Target, accepted: tuple[Edit, ...]) -> Target:
        """Return the version with all changes of a group.

        Raises:
            EditConflictError: they overlap.
        """
        return _composed(base, accepted, [g.change for g in group])

    def _version(self, changes: Sequence[Change], base: Target, accepted: tuple[Edit, ...]) -> Target | None:
        """Return the version with the changes, None where they were tried before."""
        key = _key(base, changes)
        if key in self._tried:
            return None
        target = _composed(base, accepted, changes)
        self._tried.add(key)
        return target

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
        if self._read(changes, target) is None:
            return None
        evaluation = self._meter.measure(target)
        if not evaluation.ok:
            return self._reject(changes, "does not map", (evaluation.error or "").splitlines()[0], None)
        return Trial(changes, family, target, evaluation, base_size, reference)

    def _read(self, changes: Sequence[Change], target: Target) -> Elaborated | None:
        """Return the elaborated version, None where it does not parse or has new warnings of slang."""
        try:
            elaborated = target.elaborate()
        except RtlgenError as error:
            return self._reject(changes, "does not parse", str(error).splitlines()[0], None)
        worse = new_warnings(self._warnings, slang_warnings(elaborated))
        if worse:
            return self._reject(changes, "lint", "new slang warnings: " + ", ".join(worse), None)
        return elaborated

    def _standing_views(self, target: Target) -> tuple[ModuleIR, ...]:
        """Return the views of the version that a change is to improve; they are kept until that changes."""
        if self._standing[0] != target.digest:
            self._standing = target.digest, word_level(target.elaborate())
        return self._standing[1]

    def _estimates(self, change: Change, old: Sequence[ModuleIR], new: Sequence[ModuleIR]) -> list[Estimate]:
        """Return the measurements before and after of the changed module's bodies, as far as they can be told."""
        before = {str(v.parameters): v for v in old if v.name == change.module}
        found = []
        for view in (v for v in new if v.name == change.module and str(v.parameters) in before):
            left_s = max(1.0, min(ESTIMATE_S, self._meter.deadline_s - time.monotonic()))
            one = estimate(before[str(view.parameters)], view, self._meter.evaluator, timeout_s=left_s)
            if one is not None:
                found.append(one)
        return found


def _composed(base: Target, accepted: Sequence[Edit], changes: Sequence[Change]) -> Target:
    """Return the version of `base` with the accepted edits and the changes.

    Raises:
        EditConflictError: they overlap.
    """
    return base.with_sources(apply_edits(base.sources, (*accepted, *(e for c in changes for e in c.edits))))


def _key(base: Target, changes: Sequence[Change]) -> str:
    """Return what identifies a proposal over rounds: the texts it replaces, not where they stand now."""
    state = hashlib.sha256()
    for change in changes:
        state.update(f"{change.rule}\0{change.module}\0{change.title}\0".encode())
        for edit in change.edits:
            state.update(base.sources[edit.file][edit.start : edit.end] + b"\0" + edit.text.encode() + b"\0")
    return state.hexdigest()
