"""Both designs side by side: what has to hold, from which state on, and how the state goes on.

What is undefined in the old design may be chosen; what is undefined in the new one has to be right in every way. So an
undefined bit of a new register is a fresh input in each step, and one of an old register is whatever the new register
of that name has. Output bits are compared where the old one is defined, and the new one has to be defined there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.graphs.wordlevel.vectors import from_ints
from rtlgen.optimizer.second.machine import Machine, NotHandledError
from rtlgen.optimizer.second.points import Points
from rtlgen.optimizer.second.rails import Rails, Substitution, choose, either, invert, is_value
from rtlgen.optimizer.second.reset import Reset, State, find_reset, start_terms
from rtlgen.optimizer.second.strict import strict_views
from rtlgen.optimizer.target import Target

OLD, NEW = "old!", "new!"
FREE = "x!"
"""Prefix of the input that stands for undefined bits of a register's next value."""
_BLIND_TRACES, _BLIND_CYCLES = 64, 64


@dataclass(frozen=True, slots=True)
class Product:
    """Two machines as one.

    Attributes:
        states: width of every state variable.
        steps: next value of each.
        start: first value of each that is compared; variables in it are free.
        claims: by output, one bit that has to be 1 in every reachable state for every input.
        hints: settled values of signals that both designs have, over state variables only, as guesses.
        reset: levels held before the first comparison.
        compared: number of output bits.
    """

    states: dict[str, int]
    steps: dict[str, Term]
    start: dict[str, Term]
    claims: dict[str, Term]
    hints: dict[str, Term]
    reset: Reset
    compared: int

    @property
    def inputs(self) -> dict[str, int]:
        """Return name and width of everything that is free in each step."""
        names = t.variables(*self.steps.values(), *self.claims.values())
        return {n: w for n, w in names.items() if n not in self.states}


def build_product(old: Target, new: Target) -> Product:
    """Return the product of two versions of a design.

    Raises:
        NotHandledError: their ports differ, or one holds something without a model.
        ElaborationError: a text has errors.
    """
    machines = (
        Machine(strict_views(old.elaborate(), duty=False), OLD),
        Machine(strict_views(new.elaborate(), duty=True), NEW),
    )
    left, right = machines
    widths = [{n: term.width for n, term in m.outputs.items()} for m in machines]
    if left.inputs != right.inputs or widths[0] != widths[1]:
        raise NotHandledError("the ports, or the clocks made inside, differ")
    for machine in machines:
        _refuse_names(machine)
    reset, states = find_reset(machines)
    rails = Rails()
    steps = _steps(left, right, rails)
    claims = {n: _claim(rails(term), rails(right.outputs[n])) for n, term in left.outputs.items()}
    if left.every_step and right.every_step and left.ticks.keys() == right.ticks.keys():
        ticking = Substitution({n: t.const(1, 1) for n in left.ticks})
        steps = {n: ticking(term) for n, term in steps.items()}
    chosen = _chosen(left, right, states)
    if any(chosen.values()) or _has_undefined(left, rails):
        _refuse_blind(left, states[0], chosen, reset)
    start = start_terms(left, right, states)
    compared = sum(term.width for term in left.outputs.values())
    return Product(left.states | right.states, steps, start, claims, _hints(left, right), reset, compared)


def _refuse_names(machine: Machine) -> None:
    """Check that no signal has a name that the proof itself makes (only an escaped identifier can).

    Raises:
        NotHandledError: one has.
    """
    read = t.variables(*machine.outputs.values(), *machine.next.values())
    own = machine.states.keys() | machine.ticks.keys()
    plain = {n[len(machine.prefix) :] for n in machine.states} | machine.inputs.keys() | (read.keys() - own)
    for name in plain | machine.values.keys():
        if any(c in name for c in "!?@"):
            raise NotHandledError(f"the name {name} could be taken for one of the proof's own")


def _steps(left: Machine, right: Machine, rails: Rails) -> dict[str, Term]:
    steps: dict[str, Term] = {}
    free: dict[str, Term] = {}
    for name, term in right.next.items():
        value, unknown = rails(term)
        choice = t.var(FREE + name, term.width)
        steps[name] = choose(unknown, choice, value)
        # with what is undefined in both chosen by one input, equal code stays equal in form
        free[name] = steps[name] if is_value(unknown, 0) else choice
    for name, term in left.next.items():
        value, unknown = rails(term)
        partner = free.get(NEW + name[len(OLD) :], t.const(0, 1))
        steps[name] = choose(unknown, t.zext(partner, term.width), value)
    return steps


def _claim(old: tuple[Term, Term], new: tuple[Term, Term]) -> Term:
    """Return one bit: wherever the old value is defined, the new one is too, and equal."""
    (a, ua), (b, ub) = old, new
    if is_value(ua, 0) and is_value(ub, 0):
        return t.apply("eq", a, b)
    wrong = either(ub, t.apply("xor", a, b)) if a is not b else ub
    kept = t.apply("and", wrong, invert(ua))
    return t.apply("eq", kept, t.const(0, a.width))


def _hints(left: Machine, right: Machine) -> dict[str, Term]:
    """Return signals whose value is a function of the state alone, without undefined bits."""
    found = {}
    for machine in (left, right):
        for name, term in machine.values.items():
            known = all(n in machine.states for n in t.variables(term)) and machine.prefix + name not in machine.states
            if known and not any(x.op == "undef" for x in t.walk(term)):
                found[machine.prefix + name] = term
    return found


def _chosen(left: Machine, right: Machine, states: Sequence[State]) -> dict[str, int]:
    """Return the unknown bits of the old design's first state that are taken as the new design has them.

    What is unknown in both, or has no partner, is compared for every value, which leaves nothing out.
    """
    found = {}
    for name, (_, unknown) in states[0].items():
        partner = states[1].get(NEW + name[len(OLD) :])
        found[name] = unknown & ~partner[1] if partner is not None else 0
    return found


def _has_undefined(machine: Machine, rails: Rails) -> bool:
    return not all(is_value(rails(x)[1], 0) for x in (*machine.outputs.values(), *machine.next.values()))


def _refuse_blind(machine: Machine, state: State, chosen: Mapping[str, int], reset: Reset) -> None:
    """Check that every output bit is seen defined in some run of the old design.

    Raises:
        NotHandledError: one is not, so that a proof might say nothing of it.
    """
    masks = {n: t.var(n + "?", w) for n, w in machine.states.items()}
    rails = Rails(masks)
    names = list(machine.next)
    pairs = [rails(machine.next[n]) for n in names] + [rails(term) for term in machine.outputs.values()]
    roots = [x for pair in pairs for x in pair]
    rng, count = Random(1), _BLIND_TRACES
    widths = t.variables(*roots)
    values = {}
    for name, (value, unknown) in state.items():
        width = machine.states[name]
        drawn = [value | (rng.getrandbits(width) & unknown & ~chosen[name]) for _ in range(count)]
        values[name] = from_ints(drawn, width)
        values[name + "?"] = from_ints([chosen[name]] * count, width)
    pending = {n: t.mask(term.width) for n, term in machine.outputs.items()}
    quiet = {n: 1 - level for n, level in reset.levels}
    for _ in range(_BLIND_CYCLES):
        for name, width in widths.items():
            if name not in machine.states and name[:-1] not in masks:
                drawn = [rng.getrandbits(width) for _ in range(count)]
                values[name] = from_ints([quiet[name]] * count if name in quiet else drawn, width)
        results = Points(values, count).all(roots)
        masks_seen = results[1 + 2 * len(names) :: 2]
        for name, seen in zip(list(machine.outputs), masks_seen, strict=True):
            if name in pending:
                for unknown in map(int, seen):
                    pending[name] &= unknown
        pending = {n: m for n, m in pending.items() if m}
        if not pending:
            return
        for i, name in enumerate(names):
            values[name] = results[2 * i] & ~results[2 * i + 1]
            values[name + "?"] = results[2 * i + 1]
    raise NotHandledError(f"output {next(iter(pending))} is never seen defined in the old design")
