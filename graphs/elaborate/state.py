"""What is known while one block is traced."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from pyslang import ast

from rtlgen.graphs.elaborate.dependencies import Dependencies, Role
from rtlgen.graphs.elaborate.environment import Environment
from rtlgen.graphs.elaborate.names import Names

MAX_STEPS: Final = 400_000
"""Expressions of one block; unrolled loops count each turn. Beyond, the block is taken as a whole."""


class TooLarge(Exception):
    """The block takes too many steps to be traced exactly."""


@dataclass(slots=True)
class State:
    """Values, and the statement that is running.

    Attributes:
        context: slang's evaluation context; holds the variables of loops that are unrolled.
        blocking: values by assignments that take effect at once.
        nonblocking: values that take effect when the block is done.
        resets: signals whose level is an asynchronous reset of the block.
        statement: number of the running statement.
        role: what is being read for.
        reads: (statement, signal, role) → ranges.
        drives: (statement, signal, kind) → ranges.
        lines: statement → line.
    """

    names: Names
    context: ast.EvalContext
    blocking: Environment = field(default_factory=Environment)
    nonblocking: Environment = field(default_factory=Environment)
    resets: frozenset[int] = frozenset()
    statement: int = 0
    role: Role = "data"
    steps: int = 0
    reads: dict[tuple[int, int, Role], set[tuple[int, int]]] = field(default_factory=dict)
    drives: dict[tuple[int, int, str], set[tuple[int, int]]] = field(default_factory=dict)

    def step(self) -> None:
        """Count one step.

        Raises:
            TooLarge: there were too many.
        """
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise TooLarge

    def read(self, signal: int, low: int, high: int) -> Dependencies:
        """Return what bits of a signal or local depend on, and note the reading."""
        if signal > 0:
            role = "reset" if self.role == "control" and signal in self.resets else self.role
            self.reads.setdefault((self.statement, signal, role), set()).add((low, high))
        elif signal not in self.blocking.segments:
            self.names.unset(signal)
            return []
        found = self.blocking.read(signal, low, high)
        return [d for d in found if d[2] > 0]

    def note_drive(self, signal: int, low: int, high: int, kind: str) -> None:
        """Note that the running statement assigns bits of a signal."""
        if signal > 0:
            self.drives.setdefault((self.statement, signal, kind), set()).add((low, high))

    def constant(self, expression: Any) -> Any:
        """Return the value of a constant expression (loop variables count as constants), None for any other."""
        value = expression.eval(self.context)
        return value if value else None


def joined(ranges: set[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the same bits in as few ranges as possible, in order."""
    result: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if result and low <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(high, result[-1][1]))
        else:
            result.append((low, high))
    return result
