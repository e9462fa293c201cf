"""A second proof that shares nothing with the first but the question: slang, word-level terms and an SMT solver.

The first proof reads with Yosys, works on bits and lets ABC decide. This one elaborates with slang, keeps words, and
shows by induction with Bitwuzla that two versions of a module agree: what holds in simulated runs is guessed to hold
always, guesses that are not inductive are dropped (Houdini; Flanagan and Leino, FME 2001), and under those that remain
the outputs have to be equal. It only ever says `proved` or `unknown`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from rtlgen.core.errors import RtlgenError
from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.build import word_level
from rtlgen.graphs.wordlevel.module import ModuleIR
from rtlgen.graphs.wordlevel.simulate import combinational_order, find_reset, settled
from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.optimizer.egraph.prove import to_smt
from rtlgen.optimizer.target import Target

METHOD = "slang + Bitwuzla"
_TRACES, _CYCLES, _SIMULATE_S = 12, 96, 4.0
_RESET_CYCLES = 4
_PAIR_BITS, _PAIR_VALUES = 8, 64
_MAX_GUESSES = 160
NEW = "new!"
"""Prefix of the new version's registers."""


@dataclass(frozen=True, slots=True)
class Second:
    """Outcome: `proved` or `unknown`, and why not."""

    status: str
    reason: str
    wall_s: float


class _NotHandledError(Exception):
    """The modules hold something this proof has no model of."""


def second_proof(old: Target, new: Target, *, budget_s: float = 30.0) -> Second:
    """Return whether every changed module of `new` is proved equal to that of `old` by the second engine."""
    start = time.monotonic()
    try:
        before = {_key(v): v for v in word_level(old.elaborate())}
        after = word_level(new.elaborate())
        changed = [(before[k], v) for v in after if (k := _key(v)) in before]
        if len(changed) != len(before) or len(changed) != len(after):
            raise _NotHandledError("the set of modules differs")
        for left, right in changed:
            if _text(old, left) != _text(new, right):
                _Induction(left, right, start + budget_s).prove()
    except (_NotHandledError, RtlgenError) as error:
        return Second("unknown", str(error), time.monotonic() - start)
    return Second("proved", "", time.monotonic() - start)


def _key(view: ModuleIR) -> tuple[str, ...]:
    """Return name and values of the parameters that an instance may override, as far as they still may be."""
    return (view.name, *(f"{n}={view.parameters[n]}" for n in view.overridable if view.copies > 1))


def _text(target: Target, view: ModuleIR) -> bytes:
    return target.sources[view.place.file][view.place.start : view.place.end] if view.place.file else b""


class _Machine:
    """One module as next-state and output functions over registers, inputs and undriven signals.

    Asynchronous controls act at once: a register reads as its reset value while one is active.
    """

    def __init__(self, view: ModuleIR, prefix: str) -> None:
        memories = [n for n, s in view.signals.items() if s.kind in ("memory", "inout")]
        if view.latched or memories:
            raise _NotHandledError(f"module {view.name} has {', '.join([*view.latched, *memories])} (latch or memory)")
        if not all(reason.startswith("driven by instance") for reason in view.opaque.values()):
            raise _NotHandledError(f"module {view.name} drives {next(iter(view.opaque))} in a way without a model")
        self.prefix = prefix
        self.widths = {n: r.width for n, r in view.registers.items()}
        self.initial = {n: r.initial for n, r in view.registers.items()}
        now = {n: self._now(view, n) for n in view.registers}
        values = dict(now)
        order = combinational_order(view)
        if len(order) != len(view.combinational):
            raise _NotHandledError(f"module {view.name} has signals that read themselves bit by bit")
        for name in order:
            values[name] = t.substitute(view.combinational[name], values)
        self.now = now
        self.next = {n: t.substitute(r.next, values) for n, r in view.registers.items()}
        ports = {f"{i.name}.{c.port}": c.term for i in view.instances for c in i.connections if c.term is not None}
        outputs = {n: t.var(n, s.width) for n, s in view.signals.items() if s.kind == "output"}
        self.outputs = {n: t.substitute(term, values) for n, term in (outputs | ports).items()}

    def _now(self, view: ModuleIR, name: str) -> Term:
        register = view.registers[name]
        value = self.state(name, register.width)
        for control in reversed(register.resets):
            if control.value is None:
                raise _NotHandledError(f"register {name} is reset to a value that is not constant")
            active = t.apply("eq", t.var(control.signal, 1), t.const(control.level, 1))
            value = t.ite(active, t.const(control.value, register.width), value)
        return value

    def state(self, name: str, width: int) -> Term:
        """Return the register's own value as a variable that the other machine does not have."""
        return t.var(f"{self.prefix}{name}", width)

    def states(self) -> dict[str, Term]:
        """Return all registers, by variable name."""
        return {f"{self.prefix}{n}": self.state(n, w) for n, w in self.widths.items()}

    def steps(self) -> dict[str, Term]:
        """Return the next value of every register, by variable name."""
        return {f"{self.prefix}{n}": term for n, term in self.next.items()}


class _Induction:
    def __init__(self, old: ModuleIR, new: ModuleIR, deadline: float) -> None:
        import bitwuzla

        self._bitwuzla = bitwuzla
        self._deadline = deadline
        self._old, self._new = _Machine(old, "old!"), _Machine(new, NEW)
        if self._old.outputs.keys() != self._new.outputs.keys():
            raise _NotHandledError(f"module {old.name}: the outputs or instances differ")
        self._steps = self._old.steps() | self._new.steps()
        self._states = self._old.states() | self._new.states()
        self._reset = find_reset(old)
        self._start = self._after_reset()

    def prove(self) -> None:
        """Prove that all outputs agree in every state that can be reached.

        Raises:
            _NotHandledError: that can't be shown.
        """
        guesses = [g for g in self._guesses() if self._valid(t.substitute(g, self._start))]
        while True:
            held = [g for g in guesses if self._valid(t.substitute(g, self._steps), guesses)]
            if len(held) == len(guesses):
                break
            guesses = held
        for name, left in self._old.outputs.items():
            if not self._valid(t.apply("eq", left, self._new.outputs[name]), guesses):
                raise _NotHandledError(f"output {name} is not shown to be equal")

    def _after_reset(self) -> dict[str, Term]:
        """Return the state after reset: constants where reset or initial values give them, else free.

        What is free has one variable for both versions of a register, as an unreset register of one name may.
        """
        values = {}
        for machine in (self._old, self._new):
            for name, width in machine.widths.items():
                start = machine.initial[name]
                free = t.var(f"start!{name}", width)
                values[f"{machine.prefix}{name}"] = t.const(start, width) if start is not None else free
        if self._reset is not None:
            fixed = {self._reset[0]: t.const(self._reset[1], 1)}
            for _ in range(_RESET_CYCLES):
                held = {n: t.substitute(term, values | fixed) for n, term in self._steps.items()}
                values = {n: settled(term, {}) for n, term in held.items()}
        return values

    def _valid(self, claim: Term, given: list[Term] | None = None) -> bool:
        """Return whether `claim` (1 bit) holds whenever all of `given` do."""
        if claim.is_const:
            return bool(claim.value)
        if time.monotonic() > self._deadline:
            raise _NotHandledError("out of time")
        b = self._bitwuzla
        manager, options = b.TermManager(), b.Options()
        options.set(b.Option.TIME_LIMIT_PER, max(1, int((self._deadline - time.monotonic()) * 1000)))
        solver = b.Bitwuzla(manager, options)
        known: dict[Term, Any] = {}
        for fact in given or ():
            solver.assert_formula(self._equals(to_smt(fact, manager, known), 1, manager))
        solver.assert_formula(self._equals(to_smt(claim, manager, known), 0, manager))
        return bool(solver.check_sat() == b.Result.UNSAT)

    def _equals(self, bit: Any, value: int, manager: Any) -> Any:
        literal = manager.mk_bv_value(manager.mk_bv_sort(1), value)
        return manager.mk_term(self._bitwuzla.Kind.EQUAL, [bit, literal])

    # Guesses.

    def _guesses(self) -> list[Term]:
        runs = self._simulate()
        found = list(self._equalities(runs)) + list(self._bounds(runs)) + list(self._relations(runs))
        return found[:_MAX_GUESSES]

    def _simulate(self) -> list[dict[str, int]]:
        """Return states of both versions side by side on random inputs, from reset on."""
        rng = Random(1)
        inputs = {n: w for n, w in t.variables(*self._steps.values()).items() if n not in self._states}
        free = t.variables(*self._start.values())
        seen: list[dict[str, int]] = []
        limit = min(self._deadline, time.monotonic() + _SIMULATE_S)
        for trace in range(_TRACES):
            drawn = {n: rng.getrandbits(w) for n, w in (inputs | free).items()}
            state = {n: t.evaluate(term, drawn) for n, term in self._start.items()}
            for _ in range(_CYCLES):
                seen.append(state)
                if time.monotonic() > limit:
                    return seen
                values = state | {n: self._draw(rng, n, w, trace) for n, w in inputs.items()}
                state = {n: t.evaluate(term, values) for n, term in self._steps.items()}
        return seen

    def _draw(self, rng: Random, name: str, width: int, trace: int) -> int:
        if self._reset is not None and name == self._reset[0]:
            return self._reset[1] if rng.random() < 0.01 else 1 - self._reset[1]
        # Some traces keep most inputs high or low, so that long counts are seen as well.
        if trace % 3 == 1:
            return t.mask(width) if rng.random() < 0.9 else rng.getrandbits(width)
        return rng.getrandbits(width)

    def _equalities(self, runs: list[dict[str, int]]) -> Iterator[Term]:
        names = list(self._states)
        for i, a in enumerate(names):
            for b in names[i + 1 :]:
                if all(r[a] == r[b] for r in runs):
                    width = max(self._states[a].width, self._states[b].width)
                    yield t.apply("eq", t.zext(self._states[a], width), t.zext(self._states[b], width))

    def _bounds(self, runs: list[dict[str, int]]) -> Iterator[Term]:
        for name, state in self._states.items():
            top = max(r[name] for r in runs)
            if top < t.mask(state.width):
                yield t.apply("ule", state, t.const(top, state.width))

    def _relations(self, runs: list[dict[str, int]]) -> Iterator[Term]:
        """Yield, for small registers of the two versions, that only the pairs of values seen together occur."""
        small = [n for n, s in self._states.items() if s.width <= _PAIR_BITS]
        for a in (n for n in small if not n.startswith(NEW)):
            for b in (n for n in small if n.startswith(NEW)):
                pairs = {(r[a], r[b]) for r in runs}
                if len(pairs) <= _PAIR_VALUES:
                    yield self._among(a, b, pairs)

    def _among(self, a: str, b: str, pairs: set[tuple[int, int]]) -> Term:
        left, right = self._states[a], self._states[b]
        result = t.const(0, 1)
        for x, y in sorted(pairs):
            both = t.land(t.apply("eq", left, t.const(x, left.width)), t.apply("eq", right, t.const(y, right.width)))
            result = t.lor(result, both)
        return result
