"""Layout of a hierarchy: parents above their children, many small children in columns, so that it stays narrow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, sqrt
from typing import Final

from rtlgen.graphs.pictures.layout import Curve, Layout, Point
from rtlgen.graphs.pictures.picture import Picture
from rtlgen.graphs.pictures.shapes import size

_BESIDE: Final = 14.0
"""Pixels between neighbours."""
_BELOW: Final = 30.0
"""Pixels between a parent and its children."""
_STACKED: Final = 5.0
"""Pixels between children in a column."""
_RAIL: Final = 12.0
"""Pixels from the left of a column to the line that feeds it."""
_FEW: Final = 3
"""Children without children of their own that still stand side by side."""
_TALL: Final = 10
"""Children in a column; more where there are so many that the columns would be a long row."""


def is_tree(picture: Picture) -> bool:
    """Return whether a picture is one that `tree_layout` can lay out: no groups, at most one parent, no cycle."""
    parents = {edge.target: edge.source for edge in picture.edges}
    if picture.groups or len(parents) < len(picture.edges):
        return False
    clear: set[str] = set()
    for node in picture.nodes:
        way, at = [], node.id
        while at in parents and at not in clear:
            way.append(at)
            at = parents[at]
            if len(way) > len(parents):
                return False
        clear.update(way)
    return True


def tree_layout(picture: Picture) -> Layout:
    """Return where everything in a forest goes; see `is_tree`."""
    return _Forest(picture).layout()


@dataclass(frozen=True, slots=True)
class _Part:
    """A rectangle that a subtree covers, seen from the middle of its root's upper side."""

    top: float
    low: float
    left: float
    right: float

    def moved(self, x: float, y: float) -> _Part:
        return _Part(self.top + y, self.low + y, self.left + x, self.right + x)


class _Forest:
    """Packs subtrees from the leaves up, each as close to its neighbour as their outlines let it, then places them."""

    def __init__(self, picture: Picture) -> None:
        self._sizes = [size(node) for node in picture.nodes]
        index = {node.id: n for n, node in enumerate(picture.nodes)}
        self._edges = [(index[edge.source], index[edge.target]) for edge in picture.edges]
        self._children: dict[int, list[int]] = defaultdict(list)
        for source, target in self._edges:
            self._children[source].append(target)
        below = {target for _, target in self._edges}
        self._roots = [n for n in range(len(self._sizes)) if n not in below]
        self._outlines: dict[int, list[_Part]] = {}
        self._shifts: dict[int, list[float]] = {}
        """Node → x of its inner children, then of its columns, seen from it."""
        self._at: dict[int, Point] = {}
        self._rails: dict[int, float] = {}
        """Stacked node → x of the line that feeds it."""

    def layout(self) -> Layout:
        order = self._top_down()
        for n in reversed(order):
            self._measure(n)
        shifts, covered = _packed([self._outlines[root] for root in self._roots])
        left = min((part.left for part in covered), default=0.0)
        for root, shift in zip(self._roots, shifts, strict=True):
            self._at[root] = (shift - left, self._sizes[root][1] / 2)
        for n in order:
            self._place_below(n)
        wide = max((part.right for part in covered), default=0.0) - left
        high = max((part.low for part in covered), default=0.0)
        curves = {n: self._curve(*edge) for n, edge in enumerate(self._edges)}
        return Layout(wide, high, dict(sorted(self._at.items())), {}, curves)

    def _top_down(self) -> list[int]:
        order = list(self._roots)
        for n in order:
            order.extend(self._children[n])
        return order

    def _split(self, n: int) -> tuple[list[int], list[list[int]]]:
        """Return the children that stand side by side, and the columns of those that are stacked."""
        leaves = [child for child in self._children[n] if not self._children[child]]
        if len(leaves) <= _FEW:
            return self._children[n], []
        count = ceil(len(leaves) / max(_TALL, sqrt(2 * len(leaves))))
        tall = ceil(len(leaves) / count)
        columns = [leaves[first : first + tall] for first in range(0, len(leaves), tall)]
        return [child for child in self._children[n] if self._children[child]], columns

    def _column_size(self, column: Sequence[int]) -> tuple[float, float]:
        wide = max(self._sizes[n][0] for n in column) + _RAIL
        return wide, sum(self._sizes[n][1] + _STACKED for n in column) - _STACKED

    def _measure(self, n: int) -> None:
        """Pack what is below a node; all of that is measured."""
        inner, columns = self._split(n)
        wide, high = self._sizes[n]
        outlines = [self._outlines[child] for child in inner]
        for column in columns:
            across, down = self._column_size(column)
            outlines.append([_Part(0, down, -across / 2, across / 2)])
        shifts, covered = _packed(outlines)
        middle = (shifts[0] + shifts[-1]) / 2 if shifts else 0.0
        self._shifts[n] = [shift - middle for shift in shifts]
        below = [part.moved(-middle, high + _BELOW) for part in covered]
        self._outlines[n] = [_Part(0, high, -wide / 2, wide / 2), *below]

    def _place_below(self, n: int) -> None:
        inner, columns = self._split(n)
        x, top = self._at[n][0], self._at[n][1] + self._sizes[n][1] / 2 + _BELOW
        shifts = iter(self._shifts[n])
        for child in inner:
            self._at[child] = (x + next(shifts), top + self._sizes[child][1] / 2)
        for column in columns:
            rail, y = x + next(shifts) - self._column_size(column)[0] / 2, top
            for child in column:
                wide, high = self._sizes[child]
                self._at[child], self._rails[child] = (rail + _RAIL + wide / 2, y + high / 2), rail
                y += high + _STACKED

    def _curve(self, source: int, target: int) -> Curve:
        """Return the way from a parent: down, along the line that all its children share, and down or into a column."""
        (x, y), (to_x, to_y) = self._at[source], self._at[target]
        start, half_wide, half_high = y + self._sizes[source][1] / 2, *(s / 2 for s in self._sizes[target])
        bus = start + _BELOW / 2
        if target in self._rails:
            rail, tip = self._rails[target], (to_x - half_wide, to_y)
            corners: list[Point] = [(x, start), (x, bus), (rail, bus), (rail, to_y), (tip[0] - 6, to_y)]
        else:
            tip = (to_x, to_y - half_high)
            corners = [(x, start), (x, bus), (to_x, bus), (to_x, tip[1] - 6)]
        straight = [corners[0]]
        for before, after in pairwise(corners):
            straight += [before, after, after]
        return Curve(tuple(straight), tip)


def _packed(outlines: Sequence[Sequence[_Part]]) -> tuple[list[float], list[_Part]]:
    """Return how far each of the outlines is moved to stand to the right of those before it, and all they cover."""
    shifts: list[float] = []
    covered: list[_Part] = []
    for outline in outlines:
        apart = [
            before.right - part.left + _BESIDE
            for part in outline
            for before in covered
            if part.top < before.low + _STACKED and before.top < part.low + _STACKED
        ]
        # no further left than the one before, so that lines to them don't cross
        shifts.append(max([*apart, *shifts[-1:]], default=0.0))
        covered.extend(part.moved(shifts[-1], 0) for part in outline)
    return shifts, covered
