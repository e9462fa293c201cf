"""State machines of a word-level view, with conditions over the module's signals.

Reachable states come from the next-state function with everything combinational expanded, as in
`rtlgen.graphs.fsm.extract`. Conditions are written over fewer steps: only signals that depend on the state are put in,
so that the text has the names that the source has.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rtlgen.graphs.fsm.bdd import FALSE, DiagramLimitError, Diagrams
from rtlgen.graphs.fsm.conditions import ConditionBlaster, Writer
from rtlgen.graphs.fsm.extract import MAX_WIDTH, entry_codes, explore, settled_in
from rtlgen.graphs.fsm.model import Reset, State, StateMachine, Transition, style_of
from rtlgen.graphs.fsm.naming import BodyText, Spot, StateNames
from rtlgen.graphs.fsm.symbolic import Blaster, Specializer, dependency_order, expand
from rtlgen.graphs.wordlevel.literals import literal
from rtlgen.graphs.wordlevel.module import ModuleIR, Register
from rtlgen.graphs.wordlevel.terms import Term, const, lnot, transform, var, variables, walk
from rtlgen.graphs.wordlevel.verilog import condition_to_verilog

REACH_NODES = 20_000
"""Decision-diagram nodes spent on which states can be reached; where they do not do, more may look reachable."""
SMALL = 7
"""A signal that depends on the state is put in where, in a state, no more than so many terms remain of it."""
_RESET = re.compile(r"rst|reset", re.IGNORECASE)
_MOVES = frozenset({"add", "sub", "mul", "neg", "shl", "lshr", "ashr", "concat", "and", "or", "xor", "not"})


class ExactExtractor:
    """Extracts the machines of one view.

    Attributes:
        tried: registers with a next-state function that no machine came of, and why; a register that is none for
            reasons of its own (a counter, say) has an empty reason.
    """

    def __init__(self, text: BodyText, view: ModuleIR, deadline_s: float = float("inf")) -> None:
        self.text = text
        self.view = view
        self.tried: dict[str, str] = {}
        self._deadline_s = deadline_s
        self._driven = view.combinational | view.latch_values

    def machines(self) -> Iterator[StateMachine]:
        """Yield the machines in order of the registers."""
        for name, register in self.view.registers.items():
            if name not in self.text.symbols or register.width > MAX_WIDTH:
                continue
            if time.monotonic() > self._deadline_s:
                self.tried[name] = "not extracted within the time limit"
                continue
            names = self.text.states(self.text.symbols[name])
            try:
                machine = _Explorer(self, register, names).run()
            except DiagramLimitError as reason:
                self.tried[name] = str(reason)
                continue
            if machine is not None:
                yield machine
            else:
                self.tried.setdefault(name, "")


@dataclass(slots=True)
class _SyncReset:
    condition: Term
    inactive: dict[str, Term]
    code: int


class _Explorer:
    """Extracts the machine of one register."""

    def __init__(self, owner: ExactExtractor, register: Register, names: StateNames) -> None:
        self.owner = owner
        self.view = owner.view
        self.register = register
        self.names = names
        self.blaster = ConditionBlaster(Diagrams())
        driven = owner._driven
        self.order = dependency_order([register.next], driven)
        self.dependent = _dependent(register.name, self.order, driven)
        self.following = expand([register.next], {n: driven[n] for n in self.dependent})[0]
        self.reset: _SyncReset | None = None

    def run(self) -> StateMachine | None:
        """Return the machine, None where the register is none.

        Raises:
            DiagramLimitError: it may be one, but it is too large.
        """
        if not self._handled():
            return None
        unknown = self._unknown()
        if unknown:
            self.owner.tried[self.register.name] = unknown
            return None
        if not any(r.value is not None for r in self.register.resets):
            inputs = (n for n, s in self.view.signals.items() if s.kind == "input" and s.width == 1)
            self.reset = _synchronous_reset(self.following, inputs)
        entry = self._entry()
        if not entry:
            self.owner.tried[self.register.name] = "no reset or initial value gives it a constant"
            return None
        found = explore(self.register, self._settled, entry, self.blaster, self._possible(entry))
        if len(found) < 2 or not self._is_machine(found):
            return None
        return self._machine(entry, found)

    def _entry(self) -> tuple[int, ...]:
        if self.reset is None:
            return entry_codes(self.register, self.following)
        first = () if self.register.initial is None else (self.register.initial,)
        return tuple(dict.fromkeys((*first, self.reset.code)))

    def _unknown(self) -> str:
        """Return why the next state is not known; empty where it is."""
        for arm in _arms(self.following):
            if arm.op == "var" and arm.name in self.view.opaque:
                return f"{arm.name}: {self.view.opaque[arm.name]}"
            known = self.owner._driven | self.view.registers
            if arm.op == "var" and arm.name not in known and self.view.signals[arm.name].kind != "input":
                return f"{arm.name}: no driver that is understood"
        return ""

    # What counts as a machine.

    def _handled(self) -> bool:
        """Return whether the source treats the register as a state, as far as that is cheap to say."""
        names = self.names
        if names.typed or names.selected or len(names.names) > 1:
            return True
        return self.register.width > 1 and self._symbolic_or_hot()

    def _symbolic_or_hot(self) -> bool:
        arms = _arms(self.following)
        moved = [a for a in arms if a.op in _MOVES and self.register.name in variables(a)]
        others = [a for a in arms if a.op != "const" and not (a.op == "var" and a.name == self.register.name)]
        resets = [r.value for r in self.register.resets if r.value is not None] or [self.register.initial or 0]
        return not others or (others == moved and all(v.bit_count() == 1 for v in resets))

    def _is_machine(self, found: Mapping[int, Mapping[int, int]]) -> bool:
        names = self.names
        named = sum(code in names.names for code in found)
        if names.selected:
            return True
        asked = names.typed and _asks(self.following, self.register.name)
        if not asked and not depends_on_state(self.blaster.diagrams, found):
            return False
        if named == len(found) > 2:
            return True
        if not self._moves() and (2 * named >= len(found) if names.typed else named > 1):
            return True
        weights = sorted(c.bit_count() for c in found)
        hot = len(weights) > 2 and weights[-1] == 1 and weights[1] == 1
        return len(found) > 2 and (hot or not self._moves())

    def _moves(self) -> bool:
        return any(a.op in _MOVES and self.register.name in variables(a) for a in _arms(self.following))

    # Transitions.

    def _values(self, code: int, names: Iterable[str]) -> Specializer:
        """Return what evaluates terms in a state: the given signals as far as they become simple there."""
        values = {self.register.name: const(code, self.register.width)}
        values |= self.reset.inactive if self.reset else {}
        evaluate = Specializer(values)
        for name in names:
            definition = self.owner._driven[name]
            own = Specializer(values) if name in variables(definition) else evaluate  # a latch reads itself
            settled = own(definition)
            if settled.op == "const" or settled.width == self.register.width or _small(settled):
                values[name] = settled
        return evaluate

    def _settled(self, code: int) -> Term:
        evaluate = self._values(code, self.dependent)
        return transform(evaluate(self.register.next), _tidy)

    def _possible(self, entry: tuple[int, ...]) -> dict[int, dict[int, int]] | None:
        """Return the transitions with everything expanded, None where that is too large."""
        full = expand([self.register.next], self.owner._driven)[0]
        try:
            found = explore(self.register, settled_in(self.register, full), entry, Blaster(Diagrams(REACH_NODES)))
        except DiagramLimitError:
            return None
        held = self._held()
        if held is None:
            return found
        return {code: {t: g for t, g in moves.items() if t in held or t in entry} for code, moves in found.items()}

    def _held(self) -> set[int] | None:
        """Return all codes that a latch in the place of the next state ever takes; None where there is no such."""
        latches = {a.name for a in _arms(self.register.next) if a.op == "var" and a.name in self.view.latch_values}
        arms = [a for name in latches for a in _arms(self.view.latch_values[name])]
        others = {a.name for a in arms if a.op == "var"} - latches - {self.register.name}
        if not arms or others or any(a.op not in ("const", "var") for a in arms):
            return None
        return {a.const_value for a in arms if a.op == "const"}

    # The result.

    def _machine(self, entry: tuple[int, ...], found: Mapping[int, Mapping[int, int]]) -> StateMachine:
        declared = [c for c in self.names.names if c in found or self.names.typed or c in self.names.spots]
        codes = [*declared, *(c for c in found if c not in declared)]
        label = {c: self.names.names.get(c) or literal(c, self.register.width) for c in codes}
        writer = Writer(self.blaster, self.view.signals, self.owner.text.members)
        transitions = []
        for source in codes:
            for target in (t for t in codes if found.get(source, {}).get(t, FALSE) != FALSE):
                written = writer.condition(found[source][target])
                if written.text != "1'b0":
                    transitions.append(Transition(label[source], label[target], written.text, written.complete))
        left = {t.source for t in transitions if t.source != t.target}
        outputs = self._outputs([c for c in codes if c in found])
        nowhere = Spot("", 0)
        states = []
        for code in codes:
            spot = self.names.spots.get(code, nowhere)
            end = code in found and label[code] not in left
            shown = outputs.get(code, ())
            states.append(State(label[code], code, code in found, end, spot.file, spot.line, shown))
        place = self.owner.text.spot(self.owner.text.symbols[self.register.name].location)
        moves = [(source, target) for source, targets in found.items() for target in targets]
        return StateMachine(
            module=self.view.name,
            path=self.view.path,
            register=self.register.name,
            width=self.register.width,
            file=place.file,
            line=place.line,
            clock=self.register.clock,
            edge=self.register.edge,
            style=style_of(codes if self.names.typed else [c for c in codes if c in found], moves),
            exact=True,
            problem="",
            resets=tuple(self._resets(entry, label)),
            states=tuple(states),
            transitions=tuple(transitions),
        )

    def _resets(self, entry: tuple[int, ...], label: Mapping[int, str]) -> Iterator[Reset]:
        for reset in self.register.resets:
            if reset.value is not None:
                text = reset.signal if reset.level else f"!{reset.signal}"
                yield Reset("asynchronous", text, label[reset.value])
        if self.reset is not None:
            text = condition_to_verilog(self.reset.condition, signals=self.view.signals)
            yield Reset("synchronous", text, label[self.reset.code])
        if self.register.initial is not None and self.register.initial in entry:
            yield Reset("initial", "", label[self.register.initial])

    def _outputs(self, codes: list[int]) -> dict[int, tuple[tuple[str, str], ...]]:
        """Return what the state alone decides, without signals that hold states or are the same in all states."""
        driven = self.owner._driven
        order = dependency_order(list(driven.values()), driven)
        names = _dependent(self.register.name, [*order, *(n for n in driven if n not in set(order))], driven)
        evaluators = {code: self._values(code, names) for code in codes}
        found: dict[int, list[tuple[str, str]]] = {code: [] for code in codes}
        dependent = set(names)
        for name in (n for n in self.view.signals if n in dependent and n in self.view.combinational):
            values = {code: evaluate(driven[name]) for code, evaluate in evaluators.items()}
            known = {code: v.const_value for code, v in values.items() if v.op == "const"}
            if (len(known) == len(codes) and len(set(known.values())) == 1) or self._holds_state(name, known):
                continue
            for code, value in known.items():
                found[code].append((name, self._value(name, value)))
        return {code: tuple(pairs) for code, pairs in found.items()}

    def _holds_state(self, name: str, known: Mapping[int, int]) -> bool:
        """Return whether a signal is the next state or a copy of the state."""
        mine, other = self.view.signals[self.register.name], self.view.signals[name]
        same_type = mine.enumerators == other.enumerators and mine.width == other.width > 1
        return same_type and (bool(mine.enumerators) or name in self.dependent)

    def _value(self, name: str, value: int) -> str:
        signal = self.view.signals[name]
        return dict(signal.enumerators).get(value) or literal(value, signal.width)


def _dependent(name: str, order: Iterable[str], driven: Mapping[str, Term]) -> list[str]:
    """Return which of the signals, given in order of dependence, depend on `name`."""
    found = {name: None}
    for signal in order:
        if any(read in found for read in variables(driven[signal])):
            found[signal] = None
    return list(found)[1:]


def _small(term: Term) -> bool:
    return sum(1 for _ in walk(term)) <= SMALL


def _tidy(term: Term) -> Term:
    """Return a term with 0 for undefined bits, as simulation of the view has it, and without sums with 0."""
    if term.op == "undef":
        return const(0, term.width)
    if term.op == "add" and any(a.op == "const" and a.value == 0 for a in term.args):
        return next((a for a in term.args if a.op != "const"), term)
    return term


def _arms(term: Term) -> list[Term]:
    """Return what a next-state term can come to, choices looked through."""
    seen: dict[Term, None] = {}
    waiting = [term]
    while waiting:
        arm = waiting.pop()
        if arm not in seen:
            seen[arm] = None
            waiting += arm.args[1:] if arm.op == "ite" else ()
    return [a for a in seen if a.op != "ite"]


def _asks(term: Term, name: str) -> bool:
    """Return whether a choice in a next-state term asks for the state."""
    return any(name in variables(t.args[0]) for t in walk(term) if t.op == "ite")


def _synchronous_reset(following: Term, inputs: Iterable[str]) -> _SyncReset | None:
    """Return the 1-bit input that makes the next state constant on one of its levels.

    Among several it is the one that the outermost choice asks for, else one that is called a reset.
    """
    read = variables(following)
    found = []
    for name in (n for n in inputs if read.get(n) == 1):
        for level in (0, 1):
            settled = Specializer({name: const(level, 1)})(following)
            if settled.op == "const":
                signal = var(name, 1)
                reset = _SyncReset(signal if level else lnot(signal), {name: const(1 - level, 1)}, settled.const_value)
                outer = following.op == "ite" and signal in (following.args[0], *following.args[0].args)
                found.append((not outer, _RESET.search(name) is None, reset))
    return min(found, key=lambda f: f[:2])[2] if found else None


def depends_on_state(diagrams: Diagrams, found: Mapping[int, Mapping[Any, int]]) -> bool:
    """Return whether the next state is more than a value that is loaded or held.

    A register that is only loaded takes each value on one condition whatever it holds, and these conditions exclude
    each other.
    """
    loads: dict[Any, int] = {}
    targets = dict.fromkeys([*found, *(t for moves in found.values() for t in moves)])
    for source, moves in found.items():
        for target in targets:
            guard = moves.get(target, FALSE)
            if target != source and loads.setdefault(target, guard) != guard:
                return True
    taken = FALSE
    for guard in loads.values():
        if diagrams.conj(taken, guard) != FALSE:
            return True
        taken = diagrams.disj(taken, guard)
    return False
