"""Registers whose values are never needed in the same state become one (lifetime analysis).

In each state of a control register, a register is live where something that is observed depends on its value before it
is overwritten. Registers that are live in different states can share flip-flops: the shared register takes, on the
way to a state, what the register that is live there would take. (Register allocation by left edge or colouring: F. J.
Kurdahi, A. C. Parker, "REAL: a program for register allocation", DAC 1987.) The states are those of simulated runs, so
that what is found here is a guess for the prover.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from rtlgen.graphs.wordlevel import simulate as sim
from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.module import ModuleIR, Register
from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.optimizer.fsm.share import common_name, too_wide
from rtlgen.optimizer.resynth.tidy import tidy
from rtlgen.optimizer.rewrite import Change, RewriteContext
from rtlgen.optimizer.sharing.graph import ModuleGraph, module_graphs
from rtlgen.optimizer.sharing.weave import Weaver, wire
from rtlgen.optimizer.state.always import NewRegister, NewState

_MAX_CONTROL: Final = 6
_MAX_STATES: Final = 32
_MAX_WORK: Final = 150_000
"""Values of the module times states."""
_NARROWEST: Final = 3
_MAX_CONTROLS: Final = 4
_MAX_WAYS: Final = 256
"""Ways from one state to the next ones."""


@dataclass(frozen=True)
class Lifetimes:
    """Where registers are live, by the value of a control register.

    Attributes:
        control: the control register.
        states: its values.
        live: register to the values at which something depends on it.
    """

    control: Register
    states: tuple[int, ...]
    live: Mapping[str, frozenset[int]]


class ShareLifetimes:
    """Gives one register to those that are needed in different states."""

    name = "share-lifetimes"

    def propose(self, context: RewriteContext) -> Iterator[Change]:
        """Yield one change per set of registers that share, largest saving first."""
        for graph in module_graphs(context):
            weaver = Weaver(context, graph)
            done: set[tuple[str, ...]] = set()
            for lifetimes in analyse(graph, context.seed):
                for group in groups(graph.module, lifetimes):
                    if group in done or time.monotonic() > context.deadline_s:
                        continue
                    done.add(group)
                    change = shared(weaver, graph, lifetimes, group)
                    if change is not None:
                        yield change


def analyse(graph: ModuleGraph, seed: int = 0) -> Iterator[Lifetimes]:
    """Yield the lifetimes of registers for each one that may be control, that with most states first."""
    module = graph.module
    wanted = [n for n, r in module.registers.items() if _may_share(module, n, r)]
    if len(wanted) < 2:
        return
    samples = sim.long_run(module, seed).samples
    wanted = [n for n in wanted if not too_wide(module.registers[n].width, samples.values[n])]
    controls = []
    for name, register in module.registers.items():
        if 2 <= register.width <= _MAX_CONTROL and module.signals[name].depth is None:
            seen = np.unique(samples.values[name])
            if 2 < len(seen) <= _MAX_STATES and len(seen) * len(graph.nodes) <= _MAX_WORK:
                controls.append((len(seen), name, tuple(int(s) for s in seen)))
    for _, name, states in sorted(controls, reverse=True)[:_MAX_CONTROLS]:
        try:
            yield _lifetimes(graph, module.registers[name], states, [w for w in wanted if w != name])
        except _TooManyWaysError:
            continue


def _may_share(module: ModuleIR, name: str, register: Register) -> bool:
    signal = module.signals[name]
    return signal.kind == "variable" and signal.depth is None and register.width >= _NARROWEST and not signal.signed


class _TooManyWaysError(Exception):
    """A state has too many ways to the next one."""


def _lifetimes(graph: ModuleGraph, control: Register, states: tuple[int, ...], wanted: Sequence[str]) -> Lifetimes:
    own = {n: graph.full(graph.module.registers[n].next) for n in wanted}
    live: dict[str, set[int]] = {n: set() for n in wanted}
    kept: dict[str, set[tuple[int, int]]] = {n: set() for n in wanted}
    for state in states:
        settled = Settled({t.var(control.name, control.width): state})
        for root in graph.roots:
            mine = {n for n in wanted if own[n] is root}
            for name in t.variables(settled.value(root)).keys() & live.keys() - mine:
                live[name].add(state)
        left = [_MAX_WAYS]
        nexts = {n: settled.value(x) for n, x in own.items()}
        for following, values in _ways(settled.value(graph.full(control.next)), nexts, left):
            for name, value in values.items():
                if name in t.variables(value):
                    kept[name].add((state, following))
    for name in wanted:
        while more := {s for s, following in kept[name] if following in live[name]} - live[name]:
            live[name] |= more
    return Lifetimes(control, states, {n: frozenset(x) for n, x in live.items()})


def _ways(control: Term, values: Mapping[str, Term], left: list[int]) -> Iterator[tuple[int, dict[str, Term]]]:
    """Yield the next states with what some values are on the way there.

    Raises:
        _TooManyWaysError: there are more than `left` says, or a next state is not constant.
    """
    if control.op == "ite":
        condition, *branches = control.args
        for truth, branch in zip((1, 0), branches, strict=True):
            settled = Settled({condition: truth})
            yield from _ways(settled.value(branch), {n: settled.value(v) for n, v in values.items()}, left)
        return
    left[0] -= 1
    if left[0] < 0 or not control.is_const:
        raise _TooManyWaysError
    yield control.const_value, dict(values)


class Settled:
    """Terms with some values known, and what follows from that folded."""

    def __init__(self, known: Mapping[Term, int]) -> None:
        self._done = {term: t.const(value, term.width) for term, value in known.items()}

    def value(self, root: Term) -> Term:
        """Return a term's value."""
        for node in t.walk(root):
            if node not in self._done:
                self._done[node] = sim.absorbed(t.rebuild(node, tuple(self._done[a] for a in node.args)))
        return self._done[root]


def groups(module: ModuleIR, lifetimes: Lifetimes) -> list[tuple[str, ...]]:
    """Return sets of registers that are never live together, those that save most first."""
    likes: dict[tuple[object, ...], list[str]] = {}
    for name, states in lifetimes.live.items():
        r = module.registers[name]
        if states and len(states) < len(lifetimes.states):
            alike = (r.clock, r.edge, tuple((x.signal, x.level) for x in r.resets), r.initial is None)
            likes.setdefault(alike, []).append(name)
    found = []
    for names in likes.values():
        left = sorted(names, key=lambda n: -module.registers[n].width)
        while left:
            group = [left.pop(0)]
            for name in list(left):
                if all(not lifetimes.live[name] & lifetimes.live[other] for other in group):
                    group.append(name)
                    left.remove(name)
            found += [tuple(group)] if len(group) > 1 else []
    return sorted(found, key=lambda g: -sum(module.registers[n].width for n in g[1:]))


def shared(weaver: Weaver, graph: ModuleGraph, lifetimes: Lifetimes, group: Sequence[str]) -> Change | None:
    """Return the change that gives a group one register, None where the text does not allow it."""
    module = graph.module
    members = [module.registers[n] for n in group]
    name = f"shared_{common_name(group, set())}"
    width = members[0].width
    own = wire(name, width)
    reads = {r.name: t.extract(own, 0, r.width) for r in members}
    following = _Following(graph, lifetimes, members, reads, width).next()
    start = [r for r in members if _first(module, lifetimes.control) in lifetimes.live[r.name]] or members
    register = NewRegister(name, width, following, next((r.value or 0 for r in start[0].resets), 0), start[0].initial)
    targets = {
        node: t.substitute(node, reads)
        for node in t.walk(*graph.roots, *graph.env.values())
        if node.args and not reads.keys().isdisjoint(t.variables(node))
    }
    saved = sum(r.width for r in members[1:])
    return weaver.change(
        "share-lifetimes",
        f"one register for {', '.join(repr(n) for n in group)}",
        f"Their values are needed in different states of {lifetimes.control.name!r}; {saved} flip-flops less.",
        (),
        targets,
        0.75,
        state=NewState(members[0], (register,)),
        guess=True,
    )


def _first(module: ModuleIR, control: Register) -> int | None:
    """Return the control register's value in reset."""
    if control.resets:
        return control.resets[0].value
    reset = sim.find_reset(module)
    value = sim.settled(control.next, dict([reset])) if reset else control.next
    return value.const_value if value.is_const else control.initial


class _Following:
    """The next value of a shared register."""

    def __init__(
        self,
        graph: ModuleGraph,
        lifetimes: Lifetimes,
        members: Sequence[Register],
        reads: Mapping[str, Term],
        width: int,
    ) -> None:
        self._lifetimes, self._width = lifetimes, width
        self._control = graph.full(lifetimes.control.next)
        self._nexts = {r.name: t.substitute(graph.full(r.next), reads) for r in members}
        self._reset = None if members[0].resets else sim.find_reset(graph.module)
        self._reads = reads

    def next(self) -> Term:
        """Return the value: by state, then by what leads to the next state."""
        known: dict[Term, int] = {}
        cleared = None
        if self._reset is not None:
            name, level = self._reset
            signal = t.var(name, 1)
            values = [Settled({signal: level}).value(v) for v in self._nexts.values()]
            cleared = next((v for v in values if v.is_const), None)
            known = {signal: 1 - level} if cleared is not None else {}
        by_state: dict[Term, list[int]] = {}
        control = t.var(self._lifetimes.control.name, self._lifetimes.control.width)
        for state in self._lifetimes.states:
            settled = Settled({**known, control: state})
            following = settled.value(t.substitute(self._control, self._reads))
            value = self._way(following, {n: settled.value(v) for n, v in self._nexts.items()})
            if value is not None:
                by_state.setdefault(tidy(value), []).append(state)
        result = self._selected(control, by_state)
        if cleared is not None and self._reset is not None:
            asked = t.var(self._reset[0], 1)
            asked = asked if self._reset[1] else t.lnot(asked)
            result = t.ite(asked, t.zext(t.extract(cleared, 0, min(cleared.width, self._width)), self._width), result)
        return result

    def _way(self, control: Term, nexts: Mapping[str, Term]) -> Term | None:
        """Return what to store on the ways to the next states; None where nobody will ask."""
        if control.op == "ite":
            condition, *branches = control.args
            ways = []
            for truth, branch in zip((1, 0), branches, strict=True):
                settled = Settled({condition: truth})
                ways.append(self._way(settled.value(branch), {n: settled.value(v) for n, v in nexts.items()}))
            taken, spared = ways
            if taken is None or spared is None:
                return spared if taken is None else taken
            return t.ite(condition, taken, spared)
        for name, value in nexts.items():
            if control.is_const and control.const_value in self._lifetimes.live[name]:
                return t.zext(value, self._width)
        return None

    def _selected(self, control: Term, by_state: Mapping[Term, list[int]]) -> Term:
        """Return the selection by state; the value that most states share comes last, for all the other states too."""
        values = sorted(by_state, key=lambda v: len(by_state[v]))
        if not values:
            return t.const(0, self._width)
        result = values[-1]
        for value in reversed(values[:-1]):
            here = t.const(0, 1)
            for state in by_state[value]:
                here = t.lor(here, t.apply("eq", control, t.const(state, control.width)))
            result = t.ite(here, value, result)
        return result
