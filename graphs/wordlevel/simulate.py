"""Random simulation of whole modules over many sample points at once.

Simulation gives evidence, never proof: rewrites guess from it and the prover decides. Vectors and their evaluation
are those of `vectors`, which this module hands on.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rtlgen.graphs.wordlevel.module import ModuleIR, Register
from rtlgen.graphs.wordlevel.terms import Term, const, mask, substitute, transform, variables, walk
from rtlgen.graphs.wordlevel.vectors import MemoryReader as MemoryReader
from rtlgen.graphs.wordlevel.vectors import Vector as Vector
from rtlgen.graphs.wordlevel.vectors import bit_of, mix, shaped_vector
from rtlgen.graphs.wordlevel.vectors import constant as constant
from rtlgen.graphs.wordlevel.vectors import corner_values as corner_values
from rtlgen.graphs.wordlevel.vectors import evaluate_terms as evaluate_terms
from rtlgen.graphs.wordlevel.vectors import from_ints as from_ints
from rtlgen.graphs.wordlevel.vectors import hashed_memory as hashed_memory
from rtlgen.graphs.wordlevel.vectors import random_vector as random_vector
from rtlgen.graphs.wordlevel.vectors import sample_inputs as sample_inputs
from rtlgen.graphs.wordlevel.vectors import signature as signature
from rtlgen.graphs.wordlevel.vectors import table_memory as table_memory

_U64: Final = np.uint64
_MANY: Final = 256
"""Traces at once that cost little more than a few: most of the time goes into the calls, not into their vectors."""
_LONG_S, _KEPT_RUNS = 2.0, 8
_DISTINCT: Final = 1 << 15
"""Points among which distinct ones are looked for."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Sample points of a module: consistent values of all its signals.

    Attributes:
        count: number of points.
        values: vector of every signal that has one (inputs, registers, undriven signals, combinational signals).
        memories: reader of every memory.
        next: value each register takes at the next edge, for the point's state and inputs.
    """

    count: int
    values: dict[str, Vector]
    memories: dict[str, MemoryReader] = field(default_factory=dict)
    next: dict[str, Vector] = field(default_factory=dict)

    def evaluate(self, term: Term) -> Vector:
        """Return the vector of one term over the module's signals.

        Raises:
            KeyError: the term reads a signal without a value.
        """
        return evaluate_terms((term,), self.values, self.count, self.memories)[0]


@dataclass(frozen=True, slots=True)
class Extent:
    """What one signal was seen to be over a whole simulation.

    Attributes:
        low, high: least and greatest unsigned value.
        ever_one: bits that were 1 at some point; `always_one`: bits that were 1 at every point.
    """

    low: int
    high: int
    ever_one: int
    always_one: int


@dataclass(frozen=True, slots=True)
class Reached:
    """Outcome of `simulate`: a selection of the reached sample points, and the extent of each register over all."""

    samples: Samples
    extents: dict[str, Extent]
    reset: tuple[str, int] | None
    """Reset input and its active level, held in the first cycle; None where none was found."""


def combinational_order(module: ModuleIR) -> list[str]:
    """Return the combinational signals so that each comes after those it reads; members of loops are left out.

    Signals whose bits depend on other bits of the same signal, as in a carry chain, are loops here.
    """
    cyclic = {n for group in schedule(module) if group.cyclic for n in group.names}
    order: list[str] = []
    for group in schedule(module):
        reads = set(variables(*(module.combinational[n] for n in group.names)))
        if group.cyclic or reads & cyclic:
            cyclic |= set(group.names)
        else:
            order += group.names
    return order


@dataclass(frozen=True, slots=True)
class Group:
    """Combinational signals that depend on each other (`cyclic`), or a single one that does not on itself."""

    names: tuple[str, ...]
    cyclic: bool


def schedule(module: ModuleIR) -> list[Group]:
    """Return the strongly connected groups of combinational signals in an order of evaluation (Tarjan, 1972)."""
    reads = {n: [v for v in variables(t) if v in module.combinational] for n, t in module.combinational.items()}
    return [Group(tuple(g), len(g) > 1 or g[0] in reads[g[0]]) for g in _components(reads)]


def _components(reads: Mapping[str, Sequence[str]]) -> list[list[str]]:
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    open_names: list[str] = []
    found: list[list[str]] = []
    for root in reads:
        work = [] if root in number else [(root, iter(reads[root]))]
        if work:
            number[root] = lowest[root] = len(number)
            open_names.append(root)
        while work:
            name, rest = work[-1]
            child = next(rest, None)
            if child is None:
                work.pop()
                _close(name, number, lowest, open_names, found)
                if work:
                    lowest[work[-1][0]] = min(lowest[work[-1][0]], lowest[name])
            elif child not in number:
                number[child] = lowest[child] = len(number)
                open_names.append(child)
                work.append((child, iter(reads[child])))
            elif child in open_names:
                lowest[name] = min(lowest[name], number[child])
    return found


def _close(
    name: str, number: Mapping[str, int], lowest: Mapping[str, int], open_names: list[str], found: list[list[str]]
) -> None:
    """Move a finished component from the open names to `found`."""
    if lowest[name] == number[name]:
        start = open_names.index(name)
        found.append(open_names[start:])
        del open_names[start:]


def free_signals(module: ModuleIR) -> dict[str, int]:
    """Return name and width of every signal whose value is given from outside or by drivers nobody models."""
    driven = set(module.combinational) | set(module.registers)
    return {n: s.width for n, s in module.signals.items() if n not in driven and s.depth is None}


def constants_of(module: ModuleIR) -> tuple[int, ...]:
    """Return the literals of the module's expressions in order of appearance, without repetition."""
    roots = [*module.combinational.values(), *(r.next for r in module.registers.values())]
    return tuple(dict.fromkeys(t.const_value for t in walk(*roots) if t.op == "const"))


def settled(term: Term, values: Mapping[str, int]) -> Term:
    """Return `term` with some signals fixed, and what follows from that folded."""
    widths = variables(term)
    fixed = {n: const(v, widths[n]) for n, v in values.items() if n in widths}
    return transform(substitute(term, fixed), absorbed)


def absorbed(term: Term) -> Term:
    """Return a term with `and` and `or` folded where a constant decides them or leaves the other operand."""
    if term.op not in ("and", "or"):
        return term
    neutral = mask(term.width) if term.op == "and" else 0
    for literal, other in (term.args, term.args[::-1]):
        if literal.is_const and literal.const_value == neutral:
            return other
        if literal.is_const and literal.const_value == mask(term.width) - neutral:
            return literal
    return term


def find_reset(module: ModuleIR) -> tuple[str, int] | None:
    """Return the input that resets most registers and its active level, or None.

    An asynchronous reset counts by what the registers say, a synchronous one where the register's next value
    becomes constant.
    """
    votes: dict[tuple[str, int], int] = {}
    inputs = [n for n, s in module.signals.items() if s.kind == "input" and s.width == 1]
    for register in module.registers.values():
        for reset in register.resets:
            votes[reset.signal, reset.level] = votes.get((reset.signal, reset.level), 0) + 1
        for name in set(inputs) & set(variables(register.next)):
            for level in (0, 1):
                if settled(register.next, {name: level}).is_const:
                    votes[name, level] = votes.get((name, level), 0) + 1
    usable = {k: v for k, v in votes.items() if k[0] in inputs}
    return max(usable, key=lambda k: (usable[k], k)) if usable else None


def sample_module(module: ModuleIR, count: int, seed: int = 0) -> Samples:
    """Return sample points with arbitrary register values: what combinational equivalence is about."""
    widths = free_signals(module) | {n: r.width for n, r in module.registers.items()}
    values = sample_inputs(widths, count, seed, constants_of(module))
    return _complete(module, values, count, seed, schedule(module))


def _complete(module: ModuleIR, values: dict[str, Vector], count: int, seed: int, order: Sequence[Group]) -> Samples:
    """Return `values` with all combinational signals and next values computed."""
    memories = _memories(module, count, seed)
    cache: dict[Term, Vector] = {}
    for group in order:
        if group.cyclic:
            _settle(module, group, values, count, memories)
        else:
            name = group.names[0]
            values[name] = evaluate_terms((module.combinational[name],), values, count, memories, cache)[0]
    registers = list(module.registers.values())
    following = evaluate_terms([r.next for r in registers], values, count, memories, cache)
    return Samples(count, values, memories, {r.name: v for r, v in zip(registers, following, strict=True)})


def _settle(
    module: ModuleIR, group: Group, values: dict[str, Vector], count: int, memories: Mapping[str, MemoryReader]
) -> None:
    """Evaluate signals that depend on each other bit by bit until nothing changes, from 0.

    A chain without a loop over single bits settles in at most as many rounds as it has bits; a real loop that does
    not settle keeps its last values.
    """
    terms = [module.combinational[n] for n in group.names]
    for name, term in zip(group.names, terms, strict=True):
        values[name] = constant(0, term.width, count)
    for _ in range(sum(t.width for t in terms) + 1):
        new = evaluate_terms(terms, values, count, memories)
        if all(bool((values[n] == v).all()) for n, v in zip(group.names, new, strict=True)):
            return
        values |= dict(zip(group.names, new, strict=True))


def _memories(module: ModuleIR, count: int, seed: int) -> dict[str, MemoryReader]:
    base = np.arange(count, dtype=np.uint64) + _U64(seed % 2**32)
    return {
        n: hashed_memory(mix(base + _U64(1000003 * i)), s.width)
        for i, (n, s) in enumerate(sorted(module.signals.items()))
        if s.depth is not None
    }


def simulate(
    module: ModuleIR,
    *,
    traces: int = 64,
    cycles: int = 64,
    keep: int = 2048,
    seed: int = 0,
    deadline_s: float = float("inf"),
) -> Reached:
    """Return sample points that the module reaches from reset under random stimulus.

    Each trace has its own habits (how often 1-bit inputs are high, how long inputs hold), so that counters and
    handshakes get far. Registers start at their initial value, else are reset in a first cycle that is not kept,
    else start anywhere. Signals that nobody models take random values, so what is reached may be too much in them.

    Args:
        traces: runs in parallel. cycles: length of each.
        keep: most points in the result's samples; extents cover all points.
        seed: of every random choice.
        deadline_s: `time.monotonic()` value after which no further cycle starts.
    """
    run = _Run(module, traces, seed)
    run.start()
    kept: list[dict[str, Vector]] = []
    extents: dict[str, Extent] = {}
    for cycle in range(cycles):
        if kept and time.monotonic() > deadline_s:
            break
        samples = run.cycle(cycle)
        for name in module.registers:
            extents[name] = _extend(extents.get(name), samples.values[name])
        kept.append(dict(samples.values))
        run.advance(samples)
    names = [*run.free, *module.registers]
    if len(kept) * traces > _DISTINCT:
        kept = [kept[i] for i in np.linspace(0, len(kept) - 1, max(1, _DISTINCT // traces)).astype(int)]
    joined = {n: np.concatenate([k[n] for k in kept]) for n in names}
    chosen = _choose(joined, traces * len(kept), keep, run.rng)
    points = {n: v[chosen] for n, v in joined.items()}
    return Reached(_complete(module, points, len(chosen), seed, run.order), extents, run.reset)


def long_run(module: ModuleIR, seed: int = 0) -> Reached:
    """Return `simulate` with many traces and at most two seconds, once for all who ask about a module at a time.

    The view must not be changed between calls.
    """
    with _lock:
        known = _runs.get((id(module), seed))
        mine: Future[Reached] | None = None
        if known is None:
            known = _runs[id(module), seed] = module, (mine := Future())
            while len(_runs) > _KEPT_RUNS:
                _runs.pop(next(iter(_runs)))
    if mine is not None:
        try:
            patience = time.monotonic() + _LONG_S
            mine.set_result(simulate(module, traces=_MANY, cycles=800, keep=4096, seed=seed, deadline_s=patience))
        except BaseException as error:
            mine.set_exception(error)
    return known[1].result()


_lock = Lock()
_runs: dict[tuple[int, int], tuple[ModuleIR, Future[Reached]]] = {}
"""By identity of the view, which is held so that the identity stays its own."""


def _choose(points: Mapping[str, Vector], count: int, keep: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return indices of distinct points, at most `keep`, at random but in order of time."""
    rows = zip(*(v.tolist() for v in points.values()), strict=True) if points else iter([()] * count)
    first: dict[tuple[Any, ...], int] = {}
    for index, row in enumerate(rows):
        first.setdefault(row, index)
    distinct = np.fromiter(first.values(), dtype=np.intp)
    if len(distinct) <= keep:
        return distinct
    return np.sort(rng.choice(distinct, keep, replace=False))


def _extend(extent: Extent | None, vector: Vector) -> Extent:
    low, high = int(vector.min()), int(vector.max())
    ones, every = int(np.bitwise_or.reduce(vector)), int(np.bitwise_and.reduce(vector))
    if extent is None:
        return Extent(low, high, ones, every)
    return Extent(min(low, extent.low), max(high, extent.high), ones | extent.ever_one, every & extent.always_one)


class _Run:
    """State of one parallel simulation: registers and inputs of all traces."""

    def __init__(self, module: ModuleIR, traces: int, seed: int) -> None:
        self.module, self.traces, self.seed = module, traces, seed
        self.rng = np.random.default_rng(seed)
        self.order = schedule(module)
        self.free = free_signals(module)
        self.reset = find_reset(module)
        self.clocks = sorted({(r.clock, r.edge) for r in module.registers.values()})
        harvested = constants_of(module)
        self.corners = {n: from_ints(corner_values(w, harvested), w) for n, w in self.free.items()}
        self.bias = {n: self.rng.choice([0.02, 0.2, 0.5, 0.8, 0.98], traces) for n in self.free}
        self.hold = self.rng.choice([0.0, 0.0, 0.5, 0.9], traces)
        self.inputs = {n: random_vector(w, traces, self.rng) for n, w in self.free.items()}
        self.state: dict[str, Vector] = {}

    def start(self) -> None:
        """Bring every trace to its first state."""
        for name, register in self.module.registers.items():
            if register.initial is None:
                self.state[name] = random_vector(register.width, self.traces, self.rng)
            else:
                self.state[name] = constant(register.initial, register.width, self.traces)
        if self.reset is not None:
            self._draw(0)
            self.inputs[self.reset[0]] = constant(self.reset[1], 1, self.traces)
            self.advance(self._evaluate(), every_clock=True)

    def cycle(self, number: int) -> Samples:
        """Draw inputs and return the values of all signals in this cycle."""
        self._draw(number)
        samples = self._evaluate()
        changed = self._asynchronous(samples)
        return self._evaluate() if changed else samples

    def _evaluate(self) -> Samples:
        values = {**self.inputs, **self.state}
        return _complete(self.module, values, self.traces, int(self.rng.integers(2**31)), self.order)

    def advance(self, samples: Samples, *, every_clock: bool = False) -> None:
        """Take one clock edge; where there are several clocks, a random choice of them ticks."""
        ticks = {c: self._ticks(every_clock) for c in self.clocks}
        for name, register in self.module.registers.items():
            value = samples.next[name]
            for reset in reversed(register.resets):
                value = _held(value, reset.signal, reset.level, reset.value, register, samples)
            self.state[name] = np.where(ticks[register.clock, register.edge], value, self.state[name])

    def _ticks(self, every_clock: bool) -> NDArray[np.bool_]:
        if every_clock or len(self.clocks) == 1:
            return np.ones(self.traces, dtype=np.bool_)
        return self.rng.random(self.traces) < 0.5

    def _asynchronous(self, samples: Samples) -> bool:
        """Apply active asynchronous resets to the state; say whether any register changed."""
        changed = False
        for name, register in self.module.registers.items():
            for reset in reversed(register.resets):
                value = _held(self.state[name], reset.signal, reset.level, reset.value, register, samples)
                changed |= bool((value != self.state[name]).any())
                self.state[name] = value
        return changed

    def _draw(self, number: int) -> None:
        keep = self.rng.random(self.traces) < self.hold if number else np.zeros(self.traces, dtype=np.bool_)
        for name, width in self.free.items():
            fresh = self._fresh(name, width)
            self.inputs[name] = np.where(keep, self.inputs[name], fresh)
        if self.reset is not None:
            name, level = self.reset
            active = self.rng.random(self.traces) < 0.01
            self.inputs[name] = np.where(active, _U64(level), _U64(1 - level))

    def _fresh(self, name: str, width: int) -> Vector:
        if width == 1:
            return bit_of(self.rng.random(self.traces) < self.bias[name])
        return shaped_vector(width, self.traces, self.rng, self.corners[name])


def _held(value: Vector, signal: str, level: int, held: int | None, register: Register, samples: Samples) -> Vector:
    """Return `value` with the points at which an asynchronous reset is active replaced by its constant."""
    if held is None or signal not in samples.values:
        return value
    return np.where(samples.values[signal] == _U64(level), constant(held, register.width, samples.count), value)
