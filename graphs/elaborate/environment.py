"""The values that variables have at a point of a block, as dependencies on what they were when the block began."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count, pairwise

from rtlgen.graphs.elaborate.dependencies import Dependencies, clipped, compact, shifted, spread

Segment = tuple[int, int, Dependencies, int]
"""Bits `low..high` (inclusive) of a variable, their dependencies at those positions, and which assignment it was.

Two branches that assign different constants give equal dependencies, yet the choice matters: only the number of the
assignment tells whether both ends of an `if` hold the same value.
"""
_numbers = count(1)


class Environment:
    """Variable → the segments assigned so far; a bit without a segment still has its value from the beginning."""

    __slots__ = ("segments",)

    def __init__(self, segments: dict[int, list[Segment]] | None = None) -> None:
        """Take over `segments`, which must be sorted and without overlap."""
        self.segments = segments if segments is not None else {}

    def copy(self) -> Environment:
        """Return an independent copy; lists are shared until one side is written."""
        return Environment(dict(self.segments))

    def read(self, variable: int, low: int, high: int) -> Dependencies:
        """Return what bits `low..high` depend on, position 0 being bit `low`."""
        segments = self.segments.get(variable)
        if not segments:
            return [(0, high - low, variable, low, high, "data", True)]
        found: Dependencies = []
        for s_low, s_high, value in _cover(segments, low, high):
            if value is None:
                found.append((s_low - low, s_high - low, variable, s_low, s_high, "data", True))
            else:
                found.extend(shifted(clipped(value, s_low, s_high), -low))
        return found

    def write(self, variable: int, low: int, high: int, value: Dependencies) -> None:
        """Assign bits `low..high`; position 0 of `value` is bit `low`."""
        kept: list[Segment] = []
        for segment in self.segments.get(variable, ()):
            s_low, s_high, old, number = segment
            if s_high < low or s_low > high:
                kept.append(segment)
                continue
            if s_low < low:
                kept.append((s_low, low - 1, clipped(old, s_low, low - 1), number))
            if s_high > high:
                kept.append((high + 1, s_high, clipped(old, high + 1, s_high), number))
        kept.append((low, high, compact(clipped(shifted(value, low), low, high)), next(_numbers)))
        kept.sort(key=_start)
        self.segments[variable] = kept

    def may_write(self, variable: int, low: int, high: int, value: Dependencies) -> None:
        """Assign some bits within `low..high`, which ones is not known: they keep their value or get any of the new."""
        self.write(variable, low, high, self.read(variable, low, high) + spread(value, 0, high - low))

    def assigned(self) -> Iterator[tuple[int, int, int, Dependencies]]:
        """Yield variable, low, high, dependencies of every segment."""
        for variable, segments in self.segments.items():
            for low, high, value, _ in segments:
                yield variable, low, high, value

    def locals(self) -> dict[int, list[Segment]]:
        """Return the segments of the variables that are no signals: those of a call that is called again inside."""
        return {variable: segments for variable, segments in self.segments.items() if variable < 0}

    def settled(self, before: Environment) -> bool:
        """Return whether every bit depends on the same as before."""
        return not any(self._changed(before))

    def widen(self, before: Environment) -> None:
        """Let every bit of a variable that still changes depend on all that any of its bits depends on."""
        for variable in list(self._changed(before)):
            segments = self.segments[variable]
            low, high = segments[0][0], segments[-1][1]
            whole = [d for _, _, value, _ in segments for d in value]
            self.write(variable, low, high, spread(whole, 0, high - low) + self._entry(variable, low, high))

    @staticmethod
    def _entry(variable: int, low: int, high: int) -> Dependencies:
        return [(0, high - low, variable, low, high, "data", False)]

    def _changed(self, before: Environment) -> Iterator[int]:
        for variable, segments in self.segments.items():
            old = before.segments.get(variable, [])
            if old is not segments and [s[:3] for s in old] != [s[:3] for s in segments]:
                yield variable


def merge(branches: Iterable[Environment], condition: Dependencies) -> Environment:
    """Return what holds after one of several branches ran, the choice depending on `condition`."""
    environments = list(branches)
    result = environments[0]
    for other in environments[1:]:
        result = _merge_two(result, other, condition)
    return result


def _merge_two(first: Environment, second: Environment, condition: Dependencies) -> Environment:
    merged = dict(first.segments)
    for variable in first.segments.keys() | second.segments.keys():
        one, two = first.segments.get(variable, []), second.segments.get(variable, [])
        if one is not two and one != two:
            merged[variable] = list(_merge_segments(variable, one, two, condition))
    return Environment(merged)


def _merge_segments(
    variable: int, one: list[Segment], two: list[Segment], condition: Dependencies
) -> Iterator[Segment]:
    edges = sorted({edge for segment in one + two for edge in (segment[0], segment[1] + 1)})
    for low, after in pairwise(edges):
        high = after - 1
        a, b = _piece(one, low, high), _piece(two, low, high)
        if a is None and b is None:
            continue
        if a is not None and b is not None and a[3] == b[3]:
            yield a
            continue
        entry: Dependencies = [(low, high, variable, low, high, "data", True)]
        both = (entry if a is None else a[2]) + (entry if b is None else b[2])
        yield low, high, compact(both + spread(condition, low, high, "control")), next(_numbers)


def _piece(segments: list[Segment], low: int, high: int) -> Segment | None:
    """Return the value of bits that lie within one segment or between two."""
    for segment in segments:
        s_low, s_high, value, number = segment
        if s_low == low and high == s_high:
            return segment
        if s_low <= low and high <= s_high:
            return low, high, clipped(value, low, high), number
    return None


def _cover(segments: list[Segment], low: int, high: int) -> Iterator[tuple[int, int, Dependencies | None]]:
    """Yield bits `low..high` in order: the parts in segments with their value, the rest with None."""
    position = low
    for s_low, s_high, value, _ in segments:
        if s_high < position:
            continue
        if s_low > high:
            break
        if s_low > position:
            yield position, s_low - 1, None
            position = s_low
        end = min(s_high, high)
        yield position, end, value
        position = end + 1
    if position <= high:
        yield position, high, None


def _start(segment: Segment) -> int:
    return segment[0]
