"""Small sums of products for conditions on a word that never takes some of its values.

Expand and make irredundant, as in Espresso (Brayton et al., 1984), for words of a few bits: every product is as large
as the values it must not contain allow.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.terms import Term

Cube = tuple[int, int]
"""Bits that are tested, and what they have to be."""
_MOST: Final = 6


def condition(on: Collection[int], off: Collection[int], word: Term) -> Term | None:
    """Return a cheap 1-bit function of `word`, 1 on all of `on` and 0 on all of `off`; None where it would be large."""
    straight, inverse = cover(on, off, word.width), cover(off, on, word.width)
    best = min((straight, inverse), key=_literals)
    if len(best) > _MOST:
        return None
    terms = [_product(cube, word) for cube in best]
    joined = t.const(0, 1)
    for term in terms:
        joined = t.lor(joined, term) if not joined.is_const else term
    return joined if best is straight else t.lnot(joined)


def cover(on: Collection[int], off: Collection[int], width: int) -> list[Cube]:
    """Return products that hold all of `on` and none of `off`, none of them needless."""
    left, cubes = set(on), list[Cube]()
    while left:
        value = min(left)
        candidates = [_expanded(value, off, order) for order in (range(width), range(width)[::-1])]
        best = max(candidates, key=lambda c: (sum(1 for v in left if _holds(c, v)), -c[0].bit_count()))
        cubes.append(best)
        left = {v for v in left if not _holds(best, v)}
    return _irredundant(cubes, on)


def _expanded(value: int, off: Iterable[int], order: Iterable[int]) -> Cube:
    care = 0
    for bit in order:
        care |= 1 << bit
    for bit in order:
        fewer = care & ~(1 << bit)
        if not any((v ^ value) & fewer == 0 for v in off):
            care = fewer
    return care, value & care


def _holds(cube: Cube, value: int) -> bool:
    return (value ^ cube[1]) & cube[0] == 0


def _irredundant(cubes: Sequence[Cube], on: Collection[int]) -> list[Cube]:
    kept = list(cubes)
    for cube in cubes:
        rest = [c for c in kept if c is not cube]
        if all(any(_holds(c, v) for c in rest) for v in on):
            kept = rest
    return kept


def _literals(cubes: Sequence[Cube]) -> int:
    return sum(care.bit_count() for care, _ in cubes) + len(cubes)


def _product(cube: Cube, word: Term) -> Term:
    care, value = cube
    joined = t.const(1, 1)
    for bit in range(word.width)[::-1]:
        if care >> bit & 1:
            literal = t.extract(word, bit, 1)
            literal = literal if value >> bit & 1 else t.lnot(literal)
            joined = t.land(joined, literal) if not joined.is_const else literal
    return joined
