"""What a judge needs of a simulator."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from typing import Final, Protocol

from rtlgen.core.types import ToolRun
from rtlgen.sandbox import Cell, Limits

_DIRECTIVE: Final = re.compile(r"`[A-Za-z_]\w*|`")


class Simulator(Protocol):
    """One installation of a simulator: it compiles one preprocessed text, then runs what came of it.

    Every step runs in a cell of the sandbox, and raises `SandboxError` where the sandbox itself
    failed. `str()` gives name and version, which are part of what a verdict depends on.

    Example:
        >>> from rtlgen.synth.sim import find_icarus
        >>> simulator: Simulator = find_icarus()
        >>> simulator.needs_preprocessor("`define A 1")
        True
    """

    def __str__(self) -> str:
        """Return name and version, such as `icarus 12.0`."""
        ...

    def cell(self) -> AbstractContextManager[Cell]:
        """Return a place to run it in, for one candidate."""
        ...

    def needs_preprocessor(self, text: str) -> bool:
        """Return whether a text has directives that have to be gone before `compile`."""
        ...

    def preprocess(self, text: str, cell: Cell, limits: Limits, name: str = "preprocess.v") -> ToolRun:
        """Run the preprocessor on a text; what it makes of it is in the result's `stdout`."""
        ...

    def compile(self, source: str, tops: Sequence[str], output: str, cell: Cell, limits: Limits) -> ToolRun:
        """Compile a file of the cell's folder to `output`; of several steps, return the one that failed or the last."""
        ...

    def simulate(self, compiled: str, cell: Cell, limits: Limits, *, waves: bool = False) -> ToolRun:
        """Run what `compile` made; `$finish` and `$stop` end it with exit code 0.

        Waveforms that the design asks for are written only with `waves`; a simulator without them writes none.
        """
        ...

    def cannot(self, done: ToolRun) -> bool:
        """Say whether a preprocessor or compiler failed because the tool can't do it, not because it is wrong."""
        ...


def has_directives(text: str, besides: Collection[str]) -> bool:
    """Return whether a text, comments included, has directives or macros other than the given ones."""
    return any(found not in besides for found in _DIRECTIVE.findall(text))
