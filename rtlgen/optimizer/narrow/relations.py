"""Bounds that follow from another register: `edges <= cycles` holds where one never counts without the other.

Intervals know nothing of such pairs. Candidates are what simulation from reset does not contradict; the largest set
that is inductive together with the intervals is what remains (Houdini: Flanagan and Leino, FME 2001).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.module import ModuleIR, Register
from rtlgen.graphs.wordlevel.simulate import Samples, combinational_order, find_reset
from rtlgen.optimizer.narrow.ranges import Interval, reset_value
from rtlgen.optimizer.second.smt import Solver

_MOST: Final = 24
_QUESTION_S: Final = 0.3


@dataclass(frozen=True, slots=True)
class AtMost:
    """The claim that `low` never exceeds `high`, both registers."""

    low: str
    high: str

    def term(self, values: Mapping[str, t.Term]) -> t.Term:
        """Return the claim over given values of the registers."""
        a, b = values[self.low], values[self.high]
        width = max(a.width, b.width)
        return t.make("ule", 1, (t.zext(a, width), t.zext(b, width)))


def related_ranges(
    module: ModuleIR, ranges: Mapping[str, Interval], samples: Samples, deadline_s: float
) -> dict[str, Interval]:
    """Return `ranges` with the registers that another register bounds, as far as that is proved in time.

    Args:
        module: the module.
        ranges: intervals that hold from reset on, see `register_ranges`.
        samples: points reached from reset.
        deadline_s: `time.monotonic()` value after which no further question is asked.
    """
    claims = _candidates(module, ranges, samples)[:_MOST]
    try:
        proved = _inductive(module, ranges, claims, deadline_s) if claims else []
    except ValueError:  # a term that the solver has no model of
        proved = []
    found = dict(ranges)
    for claim in proved:
        high = min(found[claim.low].high, ranges[claim.high].high)
        found[claim.low] = Interval(min(found[claim.low].low, high), high)
    return found


def _candidates(module: ModuleIR, ranges: Mapping[str, Interval], samples: Samples) -> list[AtMost]:
    reset = find_reset(module)
    start = {n: reset_value(r, reset) for n, r in module.registers.items()}
    known = [n for n in module.registers if start[n] is not None and n in ranges and n in samples.values]
    found = []
    for low in known:
        for high in known:
            a, b = module.registers[low], module.registers[high]
            if low == high or not _same_control(a, b) or ranges[high].high >= ranges[low].high >> 1:
                continue
            begins = (start[low] or 0) <= (start[high] or 0)
            if begins and bool((samples.values[low] <= samples.values[high]).all()):
                found.append(AtMost(low, high))
    return found


def _same_control(a: Register, b: Register) -> bool:
    """Say whether both registers take their values, reset and initial ones too, at the same events."""
    events = [{(x.signal, x.level) for x in r.resets} for r in (a, b)]
    constant = all(x.value is not None for r in (a, b) for x in r.resets)
    same = (a.clock, a.edge, events[0]) == (b.clock, b.edge, events[1]) and constant
    begins = a.initial is None or b.initial is None or a.initial <= b.initial
    on_reset = all(
        (x.value or 0) <= (y.value or 0)
        for x in a.resets
        for y in b.resets
        if (x.signal, x.level) == (y.signal, y.level)
    )
    return same and begins and on_reset


def _inductive(
    module: ModuleIR, ranges: Mapping[str, Interval], claims: list[AtMost], deadline_s: float
) -> list[AtMost]:
    now = {n: t.var(n, r.width) for n, r in module.registers.items()}
    after = {n: r.next for n, r in module.registers.items()}
    solver = Solver(_QUESTION_S)
    for fact in _facts(module, ranges):
        solver.fact(fact)
    while claims and time.monotonic() < deadline_s:
        labels = [solver.label(c.term(now)) for c in claims]
        kept = [c for c in claims if solver.some_false([c.term(after)], labels) is False]
        if kept == claims:
            return claims
        claims = kept
    return []


def _facts(module: ModuleIR, ranges: Mapping[str, Interval]) -> Iterable[t.Term]:
    for name in combinational_order(module):
        definition = module.combinational[name]
        yield t.make("eq", 1, (t.var(name, definition.width), definition))
    for name, r in ranges.items():
        width = module.registers[name].width
        if r.high < t.mask(width):
            yield t.make("ule", 1, (t.var(name, width), t.const(r.high, width)))
        if r.low:
            yield t.make("ule", 1, (t.const(r.low, width), t.var(name, width)))
