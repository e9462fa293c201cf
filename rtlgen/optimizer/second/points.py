"""Values of many terms that share parts, at many points at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.graphs.wordlevel.vectors import Vector, _node
from rtlgen.optimizer.second.rails import unseen


class Points:
    """Some points, given by the values of the variables there.

    Args:
        values: vector of every variable.
        count: number of points.
    """

    def __init__(self, values: Mapping[str, Vector], count: int) -> None:
        self._values, self._count = values, count
        self._done: dict[Term, Vector] = {}

    def __call__(self, root: Term) -> Vector:
        """Return the value of a term at every point."""
        for term in unseen(root, self._done):
            self._done[term] = _node(term, [self._done[a] for a in term.args], self._values, self._count, {})
        return self._done[root]

    def all(self, roots: Iterable[Term]) -> list[Vector]:
        """Return the values of several terms."""
        return [self(r) for r in roots]
