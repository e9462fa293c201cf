"""A quick estimate of what a change is worth: synthesize only the values it changes, before and after.

On a large design a whole synthesis takes seconds; the values that a change touches take tens of milliseconds. The
estimate only orders and filters candidates; what is accepted is always measured on the whole design.
"""

from __future__ import annotations

from dataclasses import dataclass

from rtlgen.graphs.wordlevel.emit import emit_values
from rtlgen.graphs.wordlevel.module import ModuleIR
from rtlgen.graphs.wordlevel.terms import Term, substitute, variables
from rtlgen.optimizer.goal import Goal
from rtlgen.synth.flow import Evaluation, Evaluator

_MAX_EXPAND = 64


@dataclass(frozen=True, slots=True)
class Estimate:
    """Measurements of the changed values alone."""

    before: Evaluation
    after: Evaluation

    def helps(self, goal: Goal) -> bool:
        """Return whether the changed values are cheaper after the change."""
        return goal.better(self.after, self.before)


def changed_values(old: ModuleIR, new: ModuleIR) -> tuple[dict[str, Term], dict[str, Term]] | None:
    """Return the differing values (by signal) of two versions of a module, over signals that both have.

    None where the versions differ in more than values: other registers, widths, resets, instances or opaque drivers.
    """
    if set(old.registers) != set(new.registers) or old.opaque != new.opaque or old.latched != new.latched:
        return None
    if any(_frame(old, n) != _frame(new, n) for n in old.registers):
        return None
    before, after = _values(old), _values(new)
    shared = before.keys() & after.keys()
    private_old = {n: before[n] for n in before.keys() - shared}
    private_new = {n: after[n] for n in after.keys() - shared}
    names = [n for n in sorted(shared) if before[n] is not after[n]]
    left = {n: _expand(before[n], private_old) for n in names}
    right = {n: _expand(after[n], private_new) for n in names}
    differing = [n for n in names if left[n] is not right[n]]
    return {n: left[n] for n in differing}, {n: right[n] for n in differing}


def _frame(view: ModuleIR, name: str) -> tuple[object, ...]:
    r = view.registers[name]
    return r.width, r.clock, r.edge, r.resets, r.initial


def _values(view: ModuleIR) -> dict[str, Term]:
    ports = {f"{i.name}.{c.port}": c.term for i in view.instances for c in i.connections if c.term is not None}
    return {**view.combinational, **{n: r.next for n, r in view.registers.items()}, **ports}


def _expand(term: Term, private: dict[str, Term]) -> Term:
    for _ in range(_MAX_EXPAND):
        inside = {n: private[n] for n in variables(term) if n in private}
        if not inside:
            return term
        term = substitute(term, inside)
    return term


def estimate(old: ModuleIR, new: ModuleIR, evaluator: Evaluator, *, timeout_s: float = 20.0) -> Estimate | None:
    """Return the measured difference, None where it can't be told this way, or not in `timeout_s` a side."""
    values = changed_values(old, new)
    if values is None or not values[0]:
        return None
    texts = [emit_values("part", side) for side in values]
    before, after = (evaluator.evaluate({"part.v": text}, "part", timeout_s=timeout_s) for text in texts)
    return Estimate(before, after) if before.ok and after.ok else None
