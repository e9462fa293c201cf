"""A whole design as one machine: outputs and next state over registers, inputs and ticks of the clocks.

Instances are opened, so that what a module sees is what the design gives it. A step lets all inputs change, settles
(combinational logic, asynchronous controls, open latches), and then lets any subset of the clocks tick; with a single
clock and nothing asynchronous, the clock ticks in every step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.module import ModuleIR, Place, Register
from rtlgen.graphs.wordlevel.simulate import Group, schedule
from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.optimizer.second.rails import Substitution
from rtlgen.optimizer.second.strict import Key, StrictDesign

TICK = "tick!"
"""Prefix of the input that says whether a clock ticks in a step."""
_MAX_SETTLE = 70


class NotHandledError(Exception):
    """The design holds something this proof has no model of, or the proof fails."""


@dataclass(slots=True)
class _Flat:
    """Equations of all instances, names prefixed by the instance path."""

    combinational: dict[str, Term] = field(default_factory=dict)
    registers: dict[str, Register] = field(default_factory=dict)
    latches: dict[str, Term] = field(default_factory=dict)


def _flatten(design: StrictDesign) -> _Flat:
    flat = _Flat()
    pending: list[tuple[Key, str]] = [(design.top, "")]
    while pending:
        key, prefix = pending.pop()
        view = design.views[key]
        _check(view.ir)
        _add(flat, view.ir, prefix)
        pending += [(child, f"{prefix}{name}.") for name, child in view.children.items()]
    return flat


def _check(ir: ModuleIR) -> None:
    for name, reason in ir.opaque.items():
        raise NotHandledError(f"module {ir.name} drives {name} in a way without a model: {reason}")
    for name, signal in ir.signals.items():
        if signal.kind == "inout":
            raise NotHandledError(f"module {ir.name} has the bidirectional port {name}")


def _add(flat: _Flat, ir: ModuleIR, prefix: str) -> None:
    widths = {n: s.width for n, s in ir.signals.items()}
    names: dict[str, Term] = {}
    everything = [*ir.combinational.values(), *(r.next for r in ir.registers.values()), *ir.latch_values.values()]
    everything += [c.term for i in ir.instances for c in i.connections if c.term is not None]
    widths |= t.variables(*everything)
    if prefix:
        names = {n: t.var(prefix + n, w) for n, w in widths.items()}
    rename = Substitution(names)
    for name, term in ir.combinational.items():
        flat.combinational[prefix + name] = rename(term)
    for name, term in ir.latch_values.items():
        flat.latches[prefix + name] = rename(term)
    for name, r in ir.registers.items():
        if any(widths.get(n) != 1 for n in (r.clock, *(c.signal for c in r.resets))):
            raise NotHandledError(f"register {name} has a clock or reset that is not one bit")
        if any(c.value is None for c in r.resets):
            raise NotHandledError(f"register {name} is reset to a value that is not constant")
        controls = tuple(type(c)(prefix + c.signal, c.level, c.value) for c in r.resets)
        flat.registers[prefix + name] = Register(
            prefix + name, r.width, r.block, prefix + r.clock, r.edge, rename(r.next), controls, r.initial
        )
    for instance in ir.instances:
        for c in instance.connections:
            if c.term is not None:
                flat.combinational[f"{prefix}{instance.name}.{c.port}"] = rename(c.term)


class Machine:
    """One design as a machine.

    Attributes:
        prefix: starts the name of every state variable, so that two machines have none in common.
        inputs, outputs: ports of the top, by name with width; `outputs` as terms that may be undefined in part.
        states: width of every state variable, by name with prefix.
        next: their next value, which may be undefined in part.
        initial: values at power-up, None where unknown.
        asynchronous: signal and level of controls that are inputs of the top.
        ticks: the clocks, as names of tick inputs.
        always: every clock may be taken to tick in every step.
    """

    def __init__(self, design: StrictDesign, prefix: str) -> None:
        self._flat = _flatten(design)
        self.prefix = prefix
        top = design.views[design.top].ir
        self.inputs = {n: s.width for n, s in top.signals.items() if s.kind == "input"}
        self.states: dict[str, int] = {}
        self.initial: dict[str, int | None] = {}
        for name, r in self._flat.registers.items():
            self.states[prefix + name], self.initial[prefix + name] = r.width, r.initial
        for name, term in self._flat.latches.items():
            self.states[prefix + name], self.initial[prefix + name] = term.width, None
        self._settle()
        outputs = {n: s.width for n, s in top.signals.items() if s.kind == "output"}
        self.outputs = {n: self.values.get(n, t.var(n, w)) for n, w in outputs.items()}
        self.asynchronous: dict[str, int] = {}
        self._controlled = {c.signal for r in self._flat.registers.values() for c in r.resets}
        for r in self._flat.registers.values():
            for c in r.resets:
                self._note_control(c.signal, c.level)
        self.ticks: dict[str, bool] = {}
        self.next = {prefix + n: self._next(r) for n, r in self._flat.registers.items()}
        self.next |= {prefix + n: self.values[n] for n in self._flat.latches}

    def _settle(self) -> None:
        """Compute the settled value of every signal over state variables, inputs and undriven signals."""
        flat = self._flat
        equations = dict(flat.combinational)
        for name, r in flat.registers.items():
            equations[name] = self._controlled_value(r, t.var(self.prefix + name, r.width), {})
        for name, term in flat.latches.items():
            own = Substitution({name: t.var(self.prefix + name, term.width)})
            equations[name] = own(term)
        whole = ModuleIR("", "", Place("", 0, 0), 0)
        whole.combinational = equations
        self.values: dict[str, Term] = {}
        put = Substitution(self.values)
        for group in schedule(whole):
            if group.cyclic:
                self._break_loop(group, equations, put)
            else:
                self.values[group.names[0]] = put(equations[group.names[0]])

    def _break_loop(self, group: Group, equations: Mapping[str, Term], put: Substitution) -> None:
        """Settle signals that depend on each other bit by bit, as in a carry chain.

        Raises:
            NotHandledError: they form a loop, or a chain that is too long.
        """
        inside = {n: equations[n] for n in group.names}
        if not set(inside) <= set(self._flat.combinational):
            raise NotHandledError(f"{group.names[0]} is part of a loop through a latch or an asynchronous control")
        terms = {n: _bitwise(e) for n, e in inside.items()}
        solved = dict(terms)
        for _ in range(_MAX_SETTLE):
            if not set(t.variables(*solved.values())) & set(inside):
                self.values |= {n: put(e) for n, e in solved.items()}
                return
            step = Substitution(solved)
            solved = {n: step(e) for n, e in terms.items()}
        raise NotHandledError(f"{group.names[0]} reads itself")

    def _controlled_value(self, r: Register, free: Term, values: Mapping[str, Term]) -> Term:
        value = free
        for c in reversed(r.resets):
            signal = values.get(c.signal, t.var(c.signal, 1))
            active = signal if c.level else t.lnot(signal)
            assert c.value is not None
            value = t.ite(active, t.const(c.value, r.width), value)
        return value

    def _next(self, r: Register) -> Term:
        state = t.var(self.prefix + r.name, r.width)
        tick = t.var(self._tick(r.clock, r.edge), 1)
        following = Substitution(self.values)(r.next)
        return self._controlled_value(r, t.ite(tick, following, state), self.values)

    def _tick(self, clock: str, edge: str) -> str:
        value = self.values.get(clock, t.var(clock, 1))
        if value.op == "not" and value.args[0].op == "var":
            value, edge = value.args[0], "neg" if edge == "pos" else "pos"
        if value.op == "var" and value.name in self.inputs:
            self.ticks[f"{TICK}{value.name}:{edge}"] = True
            return f"{TICK}{value.name}:{edge}"
        # A clock made inside: whatever its ticks are, they are the same in both designs if the net is.
        self.ticks[f"{TICK}{clock}:{edge}"] = False
        self.outputs[f"clock {clock}"] = value
        return f"{TICK}{clock}:{edge}"

    def _note_control(self, signal: str, level: int) -> None:
        value = self.values.get(signal, t.var(signal, 1))
        if value.op == "not":
            value, level = value.args[0], 1 - level
        if value.op == "var" and value.name in self.inputs:
            self.asynchronous.setdefault(value.name, level)

    @property
    def clock_inputs(self) -> set[str]:
        """Return the inputs that are clocks."""
        return {n[len(TICK) :].rpartition(":")[0] for n, direct in self.ticks.items() if direct}

    @property
    def every_step(self) -> bool:
        """Return whether the clocks may be taken to tick in every step without losing a behaviour.

        That is so where nothing is asynchronous, or where one input sets every register at once: then the state after
        it is the same whether or not a clock ticked.
        """
        if len(self.ticks) > 1 or self._flat.latches or not all(self.ticks.values()):
            return False
        resets = [tuple((c.signal, c.level) for c in r.resets) for r in self._flat.registers.values()]
        return not any(resets) or (len(set(resets)) == 1 and len(resets[0]) == 1 and resets[0][0][0] in self.inputs)


def _bitwise(term: Term) -> Term:
    """Return an equal term whose bits read only the bits they need, as far as structure shows it."""
    done: dict[tuple[Term, int], Term] = {}
    return t.concat(*(_bit(term, i, done) for i in reversed(range(term.width))))


def _bit(term: Term, index: int, done: dict[tuple[Term, int], Term]) -> Term:
    found = done.get((term, index))
    if found is None:
        if term.op in ("and", "or", "xor", "not"):
            found = t.apply(term.op, *(_bit(a, index, done) for a in term.args))
        elif term.op == "ite":
            found = t.ite(term.args[0], _bit(term.args[1], index, done), _bit(term.args[2], index, done))
        else:
            found = t.extract(term, index, 1)
        done[term, index] = found
    return found
