"""Equality saturation of word-level terms on egglog, bounded in nodes and time, one engine for the whole process."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from rtlgen.graphs.wordlevel.terms import Term, walk
from rtlgen.optimizer.egraph.language import SHAPES, declarations, to_egglog
from rtlgen.optimizer.egraph.rules import all_rules

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one saturation.

    Attributes:
        nodes: e-nodes after which no further round starts.
        wall_s: seconds likewise.
        rounds: rounds of exploration; each is preceded by rounds of simplification.
    """

    nodes: int = 1500
    wall_s: float = 1.0
    rounds: int = 4


@dataclass(frozen=True, slots=True)
class Node:
    """One e-node: operator, its numbers and names in order, and the classes of its operands."""

    op: str
    numbers: tuple[int | str, ...]
    operands: tuple[int, ...]


@dataclass(slots=True)
class Classes:
    """A saturated e-graph as plain data.

    Attributes:
        nodes: equal nodes of each class.
        roots: class of each input term, in order.
        size: number of e-nodes.
        rounds: rounds of exploration that ran.
        saturated: True where nothing was left to add.
    """

    nodes: list[list[Node]] = field(default_factory=list)
    roots: tuple[int, ...] = ()
    size: int = 0
    rounds: int = 0
    saturated: bool = False

    def constant(self, index: int) -> int | None:
        """Return the value of a class that equals a literal, else None."""
        return next((int(n.numbers[1]) for n in self.nodes[index] if n.op == "Const"), None)


ROUND: Final = (
    ("simplify", 20000),
    ("simplify", 20000),
    ("share", 250),
    ("strength", 250),
    ("simplify", 20000),
    ("simplify", 20000),
    ("explore", 500),
)
"""What one round runs, and the size up to which each part starts: pairing operators is quadratic in the size."""


OVERSHOOT: Final = 6
"""A step that leaves the e-graph this many times larger than the limit is taken back: reading it would take seconds."""


class _TooLargeError(Exception):
    """One step went far beyond the limit of nodes."""


_LINES = 16
"""Of one program; see `Engine._loaded`."""


class Engine:
    """An e-graph that holds the rules; every call works on a copy of it that is dropped afterwards.

    Use `engine()`: loading the package and the rules costs a second, a call from 1 ms.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._graph = self._loaded()
        self._step = 0

    @staticmethod
    def _loaded() -> Any:
        from egglog.bindings import EGraph

        graph = EGraph()
        # One by one: every node of what egglog parses holds the whole text, which was 2 GB for all rules at once.
        graph.run_program(*graph.parse_program(declarations()))
        graph.run_program(
            *graph.parse_program("(ruleset simplify) (ruleset share) (ruleset strength) (ruleset explore)")
        )
        for rule in all_rules():
            graph.run_program(*graph.parse_program(rule.to_egglog()))
        return graph

    def _run(self, program: str) -> list[Any]:
        result: list[Any] = self._graph.run_program(*self._graph.parse_program(program))
        return result

    def saturate(
        self, roots: Sequence[Term], *, equal: Sequence[tuple[Term, Term]] = (), limits: Limits | None = None
    ) -> Classes:
        """Return the e-graph of `roots` under all rules, within `limits`.

        Args:
            roots: terms of any widths.
            equal: pairs that may be taken as equal besides the rules, such as a wire and its definition, or a
                condition and the literal 1 on the path under consideration.
            limits: bounds; the defaults where None.
        """
        bounds = limits or Limits()
        steps = len(ROUND) * bounds.rounds
        with self._lock:
            while True:
                try:
                    return self._attempt(roots, equal, bounds, steps)
                except _TooLargeError:
                    steps = self._step - 1
                except BaseException as error:
                    # A Rust panic inside egglog is no Exception and leaves the graph unusable: load the rules again
                    # and stop one step earlier.
                    if type(error).__name__ != "PanicException" or self._step == 0:
                        raise
                    logger.warning("egglog panicked in step %d of a saturation; trying again without it", self._step)
                    steps = self._step - 1
                    self._graph = self._loaded()

    def _attempt(
        self, roots: Sequence[Term], equal: Sequence[tuple[Term, Term]], limits: Limits, steps: int
    ) -> Classes:
        self._run("(push)")
        try:
            names = self._insert([*roots, *(t for pair in equal for t in pair)])
            for left, right in equal:
                self._run(f"(union {names[left]} {names[right]})")
            rounds, saturated = self._saturate(limits, steps)
            return self._read([names[r] for r in roots], rounds, saturated)
        finally:
            self._run("(pop)")

    def _insert(self, terms: Sequence[Term]) -> dict[Term, str]:
        names: dict[Term, str] = {}
        lines: list[str] = []
        for number, term in enumerate(walk(*terms)):
            names[term] = f"$t{number}"
            lines.append(f"(let $t{number} {to_egglog(term, [names[a] for a in term.args])})")
        for start in range(0, len(lines), _LINES):
            self._run("\n".join(lines[start : start + _LINES]))
        return names

    def _saturate(self, limits: Limits, steps: int) -> tuple[int, bool]:
        deadline = time.monotonic() + limits.wall_s
        self._step = 0
        for number in range(limits.rounds):
            before = self._size()
            for phase, most in ROUND:
                # A step can square the size and can't be interrupted, so it starts only while there is room.
                if self._size() > min(most, limits.nodes) or time.monotonic() > deadline or self._step >= steps:
                    if phase == "simplify":
                        return number, False
                    continue
                self._step += 1
                self._run(f"(run {phase} 1)")
                if self._size() > OVERSHOOT * limits.nodes:
                    raise _TooLargeError
            if self._size() == before:
                return number + 1, True
        return limits.rounds, False

    def _size(self) -> int:
        functions = self._graph.freeze().functions
        return sum(len(functions[name].rows) for name in SHAPES if name in functions)

    def _read(self, roots: Sequence[str], rounds: int, saturated: bool) -> Classes:
        functions = self._graph.freeze().functions
        ids: dict[Any, int] = {}
        classes = Classes(rounds=rounds, saturated=saturated)

        def number(value: Any) -> int:
            if value not in ids:
                ids[value] = len(ids)
                classes.nodes.append([])
            return ids[value]

        for op, shape in SHAPES.items():
            for row in functions[op].rows:
                classes.nodes[number(row.output)].append(self._node(op, shape.fields, row.inputs, number))
                classes.size += 1
        classes.roots = tuple(number(functions[r].rows[0].output) for r in roots)
        return classes

    def _node(self, op: str, fields: str, inputs: Sequence[Any], number: Any) -> Node:
        numbers: list[int | str] = []
        operands: list[int] = []
        for letter, value in zip(fields, inputs, strict=True):
            if letter == "t":
                operands.append(number(value))
            elif letter == "c":
                numbers.append(self._graph.value_to_bigint(value))
            elif letter == "s":
                numbers.append(self._graph.value_to_string(value))
            else:
                numbers.append(self._graph.value_to_i64(value))
        return Node(op, tuple(numbers), tuple(operands))


def engine() -> Engine:
    """Return the process's engine, made at the first call; threads that ask meanwhile wait for it."""
    with _MAKING:
        return _engine()


_MAKING = threading.Lock()


@cache
def _engine() -> Engine:
    return Engine()


def facts(conditions: Mapping[Term, bool]) -> list[tuple[Term, Term]]:
    """Return what may be taken as equal where each 1-bit condition has the given truth.

    A true conjunction makes its parts true, a false disjunction its parts false, a true equality with a literal fixes
    the other side.
    """
    from rtlgen.graphs.wordlevel.terms import const

    found: list[tuple[Term, Term]] = []
    for condition, truth in conditions.items():
        if condition.op == "const":
            continue
        found.append((condition, const(int(truth), 1)))
        if condition.op == "not":
            found += facts({condition.args[0]: not truth})
        elif condition.op == ("and" if truth else "or"):
            found += facts(dict.fromkeys(condition.args, truth))
        elif condition.op == "eq" and truth:
            found.append((condition.args[0], condition.args[1]))
        elif condition.op == "redor" and not truth:
            found.append((condition.args[0], const(0, condition.args[0].width)))
    return found
