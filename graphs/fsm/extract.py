"""Extraction of state machines from the word-level view of a module.

A register is a state machine when, from its reset value on, it only ever takes a few constant values. That is decided
on its next-state function, so the style of the source (one, two or three processes, case or if, enum or literals,
encoded or one-hot) makes no difference. Everything else that reads the register counts as an output of the machine.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from threading import Lock

from rtlgen.graphs.fsm.bdd import DiagramLimitError, Diagrams
from rtlgen.graphs.fsm.symbolic import Blaster, Specializer, expand, fold
from rtlgen.graphs.wordlevel.liveness import live_signals
from rtlgen.graphs.wordlevel.module import ModuleIR, Register
from rtlgen.graphs.wordlevel.terms import SHIFTS, Term, const, transform, var, walk

MAX_STATES = 64
MAX_WIDTH = 64
MAX_S = 6.0
"""Seconds per module; the registers left then are not looked at."""
DATA_WIDTH = 6
"""A register that is loaded from something wider than this holds data, not a state."""


_DATA = frozenset({"var", "extract", "select", "add", "sub", "mul", "neg", "sext", *SHIFTS})


@dataclass(frozen=True, slots=True)
class Machine:
    """One state machine.

    Attributes:
        register: the state register.
        entry: codes the machine may start in (reset and initial values).
        codes: every reachable code, in order of discovery.
        transitions: code -> next code -> guard, a diagram over inputs and other registers.
        observers: what reads the state: outputs, next values of other registers, ports of instances.
        outputs: code -> value of each observer in that state, equal exactly when the behaviour is.
        diagrams: the pool the guards live in.
        unknown: variables of the pool that stand for undefined bits.
    """

    register: Register
    entry: tuple[int, ...]
    codes: tuple[int, ...]
    transitions: Mapping[int, Mapping[int, int]]
    observers: tuple[str, ...]
    outputs: Mapping[int, tuple[Hashable, ...]]
    diagrams: Diagrams
    unknown: frozenset[int]

    @property
    def name(self) -> str:
        """Name of the state register."""
        return self.register.name

    @property
    def one_hot(self) -> bool:
        """True where every reachable code has one bit set, or one of them none."""
        weights = sorted(code.bit_count() for code in self.codes)
        return len(weights) > 2 and weights[-1] == 1 and weights[1] == 1


def machines(module: ModuleIR) -> tuple[Machine, ...]:
    """Return every state machine of the module, in source order of the state registers.

    What was found is kept for the modules asked for last, because several rewrites ask one after another.
    """
    with _LOCK:
        for known, found in _RECENT:
            if known is module:
                return found
        found = tuple(_machines(module))
        _RECENT.append((module, found))
        return found


_LOCK = Lock()
_RECENT: deque[tuple[ModuleIR, tuple[Machine, ...]]] = deque(maxlen=16)


def _machines(module: ModuleIR) -> Iterator[Machine]:
    view = _View(module)
    limit = time.monotonic() + MAX_S
    live = live_signals(module)  # what no output depends on, such as names of states for a waveform, costs nothing
    for register in module.registers.values():
        if 1 < register.width <= MAX_WIDTH and register.name in live and time.monotonic() < limit:
            machine = view.explore(register)
            if machine is not None:
                yield machine


class _View:
    """The module with combinational signals expanded, shared by the machines in it."""

    def __init__(self, module: ModuleIR) -> None:
        self.module = module
        named = dict(_roots(module))
        self.names = tuple(named)
        # A latch that no reachable state holds is none; where one holds, the signal stays a free variable.
        self.terms = tuple(expand(list(named.values()), module.combinational | module.latch_values))
        self.next = dict(zip(self.names, self.terms, strict=True))

    def explore(self, register: Register) -> Machine | None:
        """Return the machine of `register`, or None where it is none (or too large to be treated as one)."""
        following = self.next[f"next {register.name}"]
        blaster = Blaster(Diagrams())
        entry = entry_codes(register, following)
        if not entry:
            return None
        try:
            transitions = explore(register, settled_in(register, following), entry, blaster)
        except DiagramLimitError:
            return None
        if len(transitions) < 2:
            return None
        reading = self._readers(register.name)
        outputs = _outputs(register, [self.terms[i] for i in reading], tuple(transitions), blaster)
        return Machine(
            register=register,
            entry=entry,
            codes=tuple(transitions),
            transitions=transitions,
            observers=tuple(self.names[i] for i in reading),
            outputs=outputs,
            diagrams=blaster.diagrams,
            unknown=frozenset(blaster.unknown),
        )

    def _readers(self, name: str) -> list[int]:
        reading: set[Term] = set()
        for term in walk(*self.terms):
            if (term.op == "var" and term.name == name) or any(a in reading for a in term.args):
                reading.add(term)
        return [i for i, t in enumerate(self.terms) if t in reading and self.names[i] != f"next {name}"]


def _roots(module: ModuleIR) -> Iterator[tuple[str, Term]]:
    """Yield everything in the module that may depend on a register, with a name for it."""
    for name, register in module.registers.items():
        yield f"next {name}", register.next
    for name, signal in module.signals.items():
        if signal.kind in ("output", "inout") and name in module.combinational:
            yield f"output {name}", module.combinational[name]
        elif signal.kind in ("output", "inout") and name in module.latch_values:
            yield f"output {name}", module.latch_values[name]
        elif signal.kind in ("output", "inout") and name in module.registers:
            register = module.registers[name]
            yield f"output {name}", var(name, register.width)
    for instance in module.instances:
        for port in instance.connections:
            if port.term is not None and port.direction != "output":
                yield f"port {instance.name}.{port.port}", port.term
    for index, occurrence in enumerate(module.occurrences):
        target = occurrence.target
        if target is None or target in module.registers or target in module.combinational | module.latch_values:
            continue
        # Memories, latches and anything the view makes no claim about: every read on the way counts.
        yield f"read {index}", occurrence.expanded
        for number, step in enumerate(occurrence.path):
            yield f"read {index}.{number}", step.condition


def entry_codes(register: Register, following: Term) -> tuple[int, ...]:
    """Return the codes that the register starts in: asynchronous and synchronous reset values, initial value."""
    found = [reset.value for reset in register.resets if reset.value is not None]
    if register.initial is not None:
        found.append(register.initial)
    if not found:
        found = list(_state_independent(following, register.name))
    return tuple(dict.fromkeys(found))


def _state_independent(term: Term, name: str) -> Iterator[int]:
    """Yield the constants that the next state takes on conditions which don't read the state itself."""
    if term.op == "const":
        yield term.const_value
    elif term.op == "ite" and not _reads(term.args[0], name):
        yield from _state_independent(term.args[1], name)
        yield from _state_independent(term.args[2], name)
    elif term.op == "concat":
        for condition in _top_conditions(term, name):
            for value in (0, 1):
                settled = _assume(term, condition, value)
                if settled.op == "const":
                    yield settled.const_value


def _top_conditions(term: Term, name: str) -> list[Term]:
    found = [p.args[0] for p in term.args if p.op == "ite" and not _reads(p.args[0], name)]
    found += [a for p in term.args if p.op in ("and", "or") and p.width == 1 for a in p.args if not _reads(a, name)]
    return list(dict.fromkeys(found))


def _assume(term: Term, condition: Term, value: int) -> Term:
    settled = const(value, 1)
    return transform(term, lambda t: settled if t is condition else fold(t))


def _reads(term: Term, name: str) -> bool:
    return any(t.op == "var" and t.name == name for t in walk(term))


def settled_in(register: Register, following: Term) -> Callable[[int], Term]:
    """Return what gives the next state when the register holds a code."""
    return lambda code: Specializer({register.name: const(code, register.width)})(following)


def explore(
    register: Register,
    settled: Callable[[int], Term],
    entry: tuple[int, ...],
    blaster: Blaster,
    possible: Mapping[int, Mapping[int, int]] | None = None,
) -> dict[int, dict[int, int]]:
    """Return code -> next code -> guard for every code reachable from `entry`.

    Args:
        register: the state register.
        settled: code -> next state while the register holds it.
        entry: codes that the machine starts in.
        blaster: turns terms into diagrams; the guards are in its pool.
        possible: what an exploration with more knowledge found; transitions that are not in it are left out.

    Raises:
        DiagramLimitError: there are too many states, or a next-state function is too large.
    """
    transitions: dict[int, dict[int, int]] = {}
    waiting = list(entry)
    while waiting:
        code = waiting.pop(0)
        if code in transitions:
            continue
        if len(transitions) >= MAX_STATES:
            raise DiagramLimitError(f"expected at most {MAX_STATES} states in {register.name!r}")
        following = settled(code)
        if _loads_data(following):
            raise DiagramLimitError(f"{register.name!r} is loaded with data")
        found = blaster.diagrams.partition(blaster.bits(following), MAX_STATES)
        if possible is not None:
            found = {target: guard for target, guard in found.items() if target in possible.get(code, {})}
        transitions[code] = found
        waiting += found
    return transitions


def _loads_data(term: Term) -> bool:
    """Return whether an arm of the next-state choice is a wide value that no constant stands for."""
    seen: set[Term] = set()
    waiting = [term]
    while waiting:
        arm = waiting.pop()
        if arm in seen:
            continue
        seen.add(arm)
        if arm.op == "ite":
            waiting += arm.args[1:]
        elif arm.op == "concat":
            waiting += [a for a in arm.args if a.width > DATA_WIDTH]
        elif arm.width > DATA_WIDTH and arm.op in _DATA:
            return True
    return False


def _outputs(
    register: Register, roots: list[Term], codes: tuple[int, ...], blaster: Blaster
) -> dict[int, tuple[Hashable, ...]]:
    """Return per code what every root becomes: diagrams where they stay small, else the folded term."""
    evaluators = [Specializer({register.name: const(code, register.width)}) for code in codes]
    columns: list[list[Hashable]] = []
    for root in roots:
        settled = [evaluate(root) for evaluate in evaluators]
        same = all(t is settled[0] for t in settled)
        columns.append(list(settled) if same else _canonical(settled, blaster.bits))
    return {code: tuple(column[i] for column in columns) for i, code in enumerate(codes)}


def _canonical(terms: list[Term], bits: Callable[[Term], tuple[int, ...]]) -> list[Hashable]:
    try:
        return [bits(t) for t in terms]
    except DiagramLimitError:
        return list(terms)
