"""The state after reset, by three-valued simulation, as docs/equiv.md defines it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.graphs.wordlevel.vectors import constant
from rtlgen.optimizer.second.machine import Machine
from rtlgen.optimizer.second.points import Points
from rtlgen.optimizer.second.rails import Rails

MAX_CYCLES = 32
_STRONG = re.compile(r"(?<!bu)(?<!fi)(?<!thi)rst|reset", re.IGNORECASE)
_WEAK = re.compile(r"(^|_)n?(clr|clear|init|clrn|por)(_|n?$)", re.IGNORECASE)
_LOW = re.compile(
    r"(_n|_ni|_b|_l|_bar|_neg|(rst|reset|clr|clear)n|(rst|reset)b)(_i|_in)?$|^n_?(rst|reset|clr)|(rst|reset)_n",
    re.IGNORECASE,
)
State = dict[str, tuple[int, int]]
"""Value and mask of the unknown bits of every state variable."""


@dataclass(frozen=True, slots=True)
class Reset:
    """Levels that are held at first, and for how many cycles."""

    levels: tuple[tuple[str, int], ...]
    cycles: int


class ThreeValued:
    """One machine under three-valued simulation."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        names = t.variables(*machine.next.values())
        self._widths = names | machine.states
        rails = Rails({n: t.var(n + "?", w) for n, w in self._widths.items()})
        self._next = {n: rails(term) for n, term in machine.next.items()}

    def power_up(self) -> State:
        """Return the state before any clock: initial values, unknown elsewhere."""
        found: State = {}
        for name, width in self._machine.states.items():
            start = self._machine.initial[name]
            found[name] = (0, t.mask(width)) if start is None else (start & t.mask(width), 0)
        return found

    def cycle(self, state: State, levels: Mapping[str, int]) -> State:
        """Return the state after one cycle of every clock, all inputs but `levels` unknown."""
        values = {}
        for name, width in self._widths.items():
            value, unknown = state.get(name) or self._input(name, width, levels)
            values[name] = constant(value & ~unknown, width, 1)
            values[name + "?"] = constant(unknown, width, 1)
        roots = [x for pair in self._next.values() for x in pair]
        results = [int(v[0]) for v in Points(values, 1).all(roots)]
        pairs = zip(results[::2], results[1::2], strict=True)
        return {n: (v & ~u, u) for n, (v, u) in zip(self._next, pairs, strict=True)}

    def _input(self, name: str, width: int, levels: Mapping[str, int]) -> tuple[int, int]:
        if name in levels:
            return levels[name], 0
        if self._machine.ticks.get(name, False):
            return 1, 0
        return 0, t.mask(width)


def find_reset(machines: Sequence[Machine]) -> tuple[Reset, list[State]]:
    """Return how both designs are reset, and the state of each after it."""
    models = [ThreeValued(m) for m in machines]
    levels = _levels(machines, models)
    states = [m.power_up() for m in models]
    if not levels:
        return Reset((), 0), states
    history: list[list[State]] = [states]
    while len(history) <= MAX_CYCLES:
        following = [m.cycle(s, levels) for m, s in zip(models, history[-1], strict=True)]
        if following == history[-1]:
            break
        history.append(following)
    cycles = max(1, len(history) - 1)
    if len(history) == 1:
        history.append(history[0])
    return Reset(tuple(sorted(levels.items())), cycles), history[cycles]


def _levels(machines: Sequence[Machine], models: Sequence[ThreeValued]) -> dict[str, int]:
    direct = {n: v for m in reversed(machines) for n, v in m.asynchronous.items()}
    levels = {n: v for n, v in direct.items() if _STRONG.search(n)}
    known = _known(models, levels)
    for name, pattern in _candidates(machines):
        if name in levels or (pattern is _WEAK and any(_STRONG.search(n) for n in levels)):
            continue
        likely = direct.get(name, 0 if _LOW.search(name) else 1)
        counts = {level: _known(models, levels | {name: level}) for level in (likely, 1 - likely)}
        level = max(counts, key=lambda v: counts[v])
        if counts[level] > known:
            levels, known = levels | {name: level}, counts[level]
    if not levels and direct:
        best = max(direct, key=lambda n: _known(models, {n: direct[n]}))
        if _known(models, {best: direct[best]}) > known:
            levels = {best: direct[best]}
    return levels


def _candidates(machines: Sequence[Machine]) -> Iterator[tuple[str, re.Pattern[str]]]:
    clocks = {c for m in machines for c in m.clock_inputs}
    names = [n for n, w in machines[0].inputs.items() if w == 1 and n not in clocks]
    for pattern in (_STRONG, _WEAK):
        yield from ((n, pattern) for n in names if pattern.search(n))


def _known(models: Sequence[ThreeValued], levels: Mapping[str, int]) -> int:
    """Return how many state bits are known after holding the levels for two cycles."""
    total = 0
    for model in models:
        state = model.power_up()
        for _ in range(2 if levels else 0):
            state = model.cycle(state, levels)
        total += sum((~u & t.mask(model._machine.states[n])).bit_count() for n, (_, u) in state.items())
    return total


def start_terms(old: Machine, new: Machine, states: Sequence[State]) -> dict[str, Term]:
    """Return the first compared state: known bits as constants, unknown ones free.

    An unknown bit of the old design may be chosen, so it is the one of the new design's register of that name.
    """
    start: dict[str, Term] = {}
    for machine, state in ((new, states[1]), (old, states[0])):
        for name, (value, unknown) in state.items():
            width, plain = machine.states[name], name[len(machine.prefix) :]
            partner = start.get(new.prefix + plain)
            free = t.zext(partner, width) if partner is not None else t.var(f"start!{name}", width)
            start[name] = _mixed(value, unknown, free)
    return start


def _mixed(value: int, unknown: int, free: Term) -> Term:
    width = free.width
    if not unknown:
        return t.const(value, width)
    if unknown == t.mask(width):
        return free
    kept = t.apply("and", free, t.const(unknown, width))
    return t.apply("or", kept, t.const(value, width))
