"""A quick estimate of what a change is worth: synthesize only what it changes, before and after.

On a large design a whole synthesis takes seconds; the values and registers that a change touches take tens of
milliseconds. The estimate only orders and filters candidates; what is accepted is measured on the whole design.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from rtlgen.graphs.wordlevel.emit import emit_part
from rtlgen.graphs.wordlevel.liveness import live_roots
from rtlgen.graphs.wordlevel.module import ModuleIR, Register
from rtlgen.graphs.wordlevel.terms import Term, const, substitute, variables
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


@dataclass(frozen=True, slots=True)
class Part:
    """What one version of a module has that the other has not.

    Attributes:
        values: differing values of signals that both versions have.
        registers: those that differ, or that only this version has.
        shown: registers among them that something outside of the part reads.
    """

    values: dict[str, Term]
    registers: dict[str, Register]
    shown: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.values or self.registers)

    def text(self) -> str:
        """Return the part as a module `part`."""
        return emit_part("part", self.values or {"none": const(0, 1)}, self.registers, self.shown)


def changed_parts(old: ModuleIR, new: ModuleIR) -> tuple[Part, Part] | None:
    """Return where two versions of a module differ.

    None where that can't be told: drivers that the view does not understand, or other instances.
    """
    if old.opaque != new.opaque or old.latched != new.latched or old.latch_values != new.latch_values:
        return None
    before, after = _values(old), _values(new)
    shared = before.keys() & after.keys()
    differing = {n for n in shared if before[n] is not after[n]}
    moved = {n for n in old.registers.keys() & new.registers.keys() if _differ(old.registers[n], new.registers[n])}
    outside = [before[n] for n in shared - differing] + [
        r.next for n, r in old.registers.items() if n in new.registers and n not in moved
    ]
    read = {*variables(*outside), *live_roots(old)}
    sides = (old, before, new), (new, after, old)
    left, right = (_part(view, own, other, shared, differing, moved, read) for view, own, other in sides)
    same = {n for n in differing if left.values[n] is right.values[n]}
    for part in (left, right):
        for name in same:
            del part.values[name]
    return left, right


def _part(
    view: ModuleIR,
    values: dict[str, Term],
    other: ModuleIR,
    shared: Collection[str],
    differing: Collection[str],
    moved: Collection[str],
    read: Collection[str],
) -> Part:
    private = {n: t for n, t in values.items() if n not in shared}
    own = {n: r for n, r in view.registers.items() if n in moved or n not in other.registers}
    registers = {n: replace(r, next=_expand(r.next, private)) for n, r in own.items()}
    found = {n: _expand(values[n], private) for n in sorted(differing)}
    return Part(found, registers, tuple(n for n in sorted(own) if n in moved and n in read))


def _differ(a: Register, b: Register) -> bool:
    return a.next is not b.next or (a.width, a.clock, a.edge, a.resets, a.initial) != (
        b.width,
        b.clock,
        b.edge,
        b.resets,
        b.initial,
    )


def _values(view: ModuleIR) -> dict[str, Term]:
    ports = {f"{i.name}.{c.port}": c.term for i in view.instances for c in i.connections if c.term is not None}
    return {**view.combinational, **ports}


def _expand(term: Term, private: dict[str, Term]) -> Term:
    for _ in range(_MAX_EXPAND):
        inside = {n: private[n] for n in variables(term) if n in private}
        if not inside:
            return term
        term = substitute(term, inside)
    return term


def estimate(old: ModuleIR, new: ModuleIR, evaluator: Evaluator, *, timeout_s: float = 20.0) -> Estimate | None:
    """Return the measured difference, None where it can't be told this way, or not in `timeout_s` a side."""
    parts = changed_parts(old, new)
    if parts is None or not any(parts):
        return None
    try:
        texts = [part.text() for part in parts]
    except ValueError:
        return None
    before, after = (evaluator.evaluate({"part.v": text}, "part", timeout_s=timeout_s) for text in texts)
    return Estimate(before, after) if before.ok and after.ok else None
