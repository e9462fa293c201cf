"""Finds the shape of a set of states: constant bits, equal bits, and words that are sums of other bits.

A shape is the smallest of its kind that holds all given states, so that more states make it wider and never narrower.
Sums are modulo 2**width (affine relations as in M. Müller-Olm and H. Seidl, "Analysis of modular arithmetic", ACM
TOPLAS 2007, here over bits); where several shapes fit, one is taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from rtlgen.synth.equiv.simulate import BitName

Bits = npt.NDArray[np.uint8]
"""One row a state, one column a state bit."""
_Words = npt.NDArray[np.uint64]
_MAX_WORD, _MIN_WORD = 64, 3
_MAX_COLUMNS = 260
_SPARE_ROWS = 48
_TRIES = 6
_RANGE_WIDTH = 6


@dataclass(frozen=True, slots=True)
class Sum:
    """A word that equals a constant plus multiples of free classes, modulo 2**width.

    Attributes:
        classes: class of each of its bits, with its inversion; None for a bit that is constant. Those that are among
            the terms stay free, the others are what this sum defines.
        terms: factor by free class.
        const: the constant.
        known: value of the bits that are constant.
    """

    classes: tuple[tuple[int, bool] | None, ...]
    terms: Mapping[int, int]
    const: int
    known: int


@dataclass(frozen=True, slots=True)
class Range:
    """A narrow word that takes only some values.

    Attributes:
        classes: free class of each of its bits that change, with its inversion.
        values: joint values of those bits, the first one least significant.
    """

    classes: tuple[tuple[int, bool], ...]
    values: frozenset[int]


@dataclass(slots=True)
class Shape:
    """What holds in a set of states.

    Attributes:
        constant: bits that never change, with their value.
        member: every other bit → its class of bits that are equal or complementary, and whether it is complemented.
        sums: definitions of classes; one may only use classes that it and those before it leave free, so that the
            last one comes first in evaluation.
        free: classes without definition.
        ranges: values of narrow words of free classes.
    """

    constant: dict[BitName, int] = field(default_factory=dict)
    member: dict[BitName, tuple[int, bool]] = field(default_factory=dict)
    sums: list[Sum] = field(default_factory=list)
    free: set[int] = field(default_factory=set)
    ranges: list[Range] = field(default_factory=list)


def shape_of(
    states: Bits, names: Sequence[BitName], words: Sequence[Sequence[BitName]], *, overlap: bool = False
) -> Shape:
    """Return the shape of some states.

    Args:
        states: at least one.
        names: the bit of each column.
        words: the bits that stand together, least significant first, in the order in which to look for sums.
        overlap: whether a sum may use bits of its own word that equal bits of other words, and whether the values of
            narrow words count.
    """
    found = Shape()
    columns = {name: states[:, index] for index, name in enumerate(names)}
    by_values: dict[bytes, int] = {}
    values: list[Bits] = []
    for name, column in columns.items():
        first = int(column[0])
        normal = column ^ first
        if not normal.any():
            found.constant[name] = first
            continue
        number = by_values.setdefault(normal.tobytes(), len(values))
        if number == len(values):
            values.append(column)
        found.member[name] = (number, bool(first != int(values[number][0])))
    found.free = set(range(len(values)))
    for word in words:
        _try_word(found, word, columns, values, overlap)
    seen: set[int] = set()
    for word in words if overlap else ():
        _try_range(found, word, columns, seen)
    return found


def _try_range(found: Shape, word: Sequence[BitName], columns: Mapping[BitName, Bits], seen: set[int]) -> None:
    """Add the values of the word, where it is narrow, free, and does not take them all."""
    names = [name for name in word if name in found.member]
    classes = tuple(found.member[name] for name in names)
    own = {number for number, _ in classes}
    if not 1 < len(names) <= _RANGE_WIDTH or len(own) < len(names) or not own <= found.free or own <= seen:
        return
    taken = np.unique(np.stack([columns[n] for n in names], axis=1).astype(np.int64) @ (1 << np.arange(len(names))))
    seen |= own
    if len(taken) < 1 << len(names):
        found.ranges.append(Range(classes, frozenset(taken.tolist())))


def _try_word(
    found: Shape, word: Sequence[BitName], columns: Mapping[BitName, Bits], values: list[Bits], overlap: bool
) -> None:
    """Add a sum for the word, if there is one."""
    own = {found.member[name][0] for name in word if name in found.member}
    if not _MIN_WORD <= len(word) <= _MAX_WORD or len(own) < _MIN_WORD or not own <= found.free:
        return
    target = np.zeros(len(columns[word[0]]), dtype=np.uint64)
    for index, name in enumerate(word):
        target |= columns[name].astype(np.uint64) << np.uint64(index)
    shared = own & {number for name, (number, _) in found.member.items() if overlap and name not in word}
    for base in (found.free - own, found.free - (own - shared)) if shared else (found.free - own,):
        terms = _terms(sorted(base), values, target, len(word))
        if terms is not None and not terms[0].keys() <= own:
            known = sum(found.constant.get(name, 0) << index for index, name in enumerate(word))
            found.sums.append(Sum(tuple(found.member.get(name) for name in word), *terms, known))
            found.free -= own - terms[0].keys()
            return


def _terms(base: list[int], values: list[Bits], target: _Words, width: int) -> tuple[dict[int, int], int] | None:
    """Return factors of the base classes and the constant whose sum is the target, if there are any."""
    if not base or len(base) > _MAX_COLUMNS:
        return None
    matrix = np.stack([values[c] for c in base], axis=1).astype(np.uint64)
    factors = _solve(matrix, target, width)
    if factors is None:
        return None
    return {c: int(f) for c, f in zip(base, factors[1:], strict=True) if f}, int(factors[0])


def _solve(matrix: _Words, target: _Words, width: int) -> _Words | None:
    """Return factors (constant first) of the columns whose sum is the target modulo 2**width in every row, if any."""
    full = np.concatenate([np.ones((len(matrix), 1), dtype=np.uint64), matrix], axis=1)
    mask = np.uint64((1 << width) - 1)
    chosen = np.unique(np.linspace(0, len(full) - 1, full.shape[1] + _SPARE_ROWS).astype(int))
    for _ in range(_TRIES):
        factors = _eliminate(full[chosen], target[chosen], mask)
        if factors is None:
            return None
        wrong = np.flatnonzero(((full * factors[None, :]).sum(axis=1, dtype=np.uint64) ^ target) & mask)
        if not len(wrong):
            return factors & mask
        chosen = np.concatenate([chosen, wrong[:_SPARE_ROWS]])
    return None


def _eliminate(matrix: _Words, target: _Words, mask: np.uint64) -> _Words | None:
    """Solve by elimination over the integers modulo 2**64; a pivot is an entry that fewest powers of two divide."""
    work = np.concatenate([matrix, target[:, None]], axis=1)
    rows, columns = matrix.shape
    pivots: list[tuple[int, int]] = []
    row = 0
    for column in range(columns):
        if row == rows:
            break
        low = work[row:, column] & (~work[row:, column] + np.uint64(1))  # lowest one bit; 0 for 0
        candidates = np.flatnonzero(low)
        if not len(candidates):
            continue
        best = row + int(candidates[np.argmin(low[candidates])])
        work[[row, best]] = work[[best, row]]
        unit = int(work[row, column] & (~work[row, column] + np.uint64(1)))
        work[row] *= np.uint64(pow(int(work[row, column]) // unit, -1, 1 << 64))
        below = work[row + 1 :]
        factor = below[:, column] // np.uint64(unit)
        used = np.flatnonzero(factor)
        below[used] -= factor[used, None] * work[row][None, :]
        pivots.append((row, column))
        row += 1
    if (work[row:, -1] & mask).any():
        return None
    factors = np.zeros(columns, dtype=np.uint64)
    for row, column in reversed(pivots):
        taken = (work[row, column + 1 : -1] * factors[column + 1 :]).sum(dtype=np.uint64)
        rest = (int(work[row, -1]) - int(taken)) & int(mask)
        unit = int(work[row, column])
        if rest % unit:
            return None
        factors[column] = np.uint64(rest // unit)
    return factors
