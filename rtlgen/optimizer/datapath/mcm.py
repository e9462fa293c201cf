"""Multiplier blocks: one value times several constants by few shifts and additions.

Graph heuristic after A. G. Dempster and M. D. Macleod, "Use of minimum-adder multiplier blocks in FIR digital filters",
IEEE Trans. Circuits and Systems II 42(9), 1995 (RAG-n), with canonical signed digits as the last resort.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

DEEPEST_SHIFT: Final = 14


@dataclass(frozen=True, slots=True)
class Adder:
    """One step: `value = (left << left_shift) + sign * (right << right_shift)`, shifted right by `down` (exactly).

    `sign` is 1 or -1; `left` and `right` are values made before (or 1).
    """

    value: int
    left: int
    left_shift: int
    right: int
    right_shift: int
    sign: int
    down: int = 0


def odd_part(value: int) -> tuple[int, int]:
    """Return (odd, shift) with `value == odd << shift` for a positive value."""
    shift = (value & -value).bit_length() - 1
    return value >> shift, shift


def signed_digits(value: int) -> list[tuple[int, int]]:
    """Return the canonical signed digits of a positive value as (position, 1 or -1), lowest first."""
    digits: list[tuple[int, int]] = []
    position = 0
    while value:
        if value & 1:
            digit = 2 - (value & 3)
            digits.append((position, digit))
            value -= digit
        value >>= 1
        position += 1
    return digits


def multiplier_block(constants: Iterable[int]) -> list[Adder]:
    """Return adders, in order, that make every odd part of the positive `constants` from 1."""
    wanted = {odd_part(c)[0] for c in constants} - {1}
    made: list[int] = [1]
    adders: list[Adder] = []
    limit = 2 * max(wanted, default=1)
    while wanted:
        reachable = _one_step(made, limit)
        hits = [reachable[w] for w in sorted(wanted) if w in reachable]
        adder = hits[0] if hits else _helpful(made, reachable, wanted, limit)
        adders.append(adder)
        made.append(adder.value)
        wanted.discard(adder.value)
    return adders


def _one_step(made: list[int], limit: int) -> dict[int, Adder]:
    """Return every odd value up to `limit` that one addition of shifted values makes."""
    found: dict[int, Adder] = {}
    for adder in _sums(made, limit):
        known = found.get(adder.value)
        if adder.value not in made and (known is None or _size(adder) < _size(known)):
            found[adder.value] = adder
    return found


def _size(adder: Adder) -> int:
    return (adder.left << adder.left_shift) + (adder.right << adder.right_shift)


def _sums(made: list[int], limit: int) -> Iterator[Adder]:
    for a in made:
        for b in made:
            for shift in range(DEEPEST_SHIFT):
                high = a << shift
                if high > 2 * limit:
                    break
                yield from _pair(a, shift, b, high, limit)


def _pair(a: int, shift: int, b: int, high: int, limit: int) -> Iterator[Adder]:
    for sign in (1, -1):
        total = high + sign * b
        if total > 0:
            value, down = odd_part(total)
            if value <= limit and value > 1:
                yield Adder(value, a, shift, b, 0, sign, down)
        elif total < 0:
            value, down = odd_part(-total)
            if value <= limit and value > 1:
                yield Adder(value, b, 0, a, shift, -1, down)


def _helpful(made: list[int], reachable: dict[int, Adder], wanted: set[int], limit: int) -> Adder:
    """Return the step after which most wanted values are one step away, else a digit of the smallest wanted value."""
    best: tuple[int, int, Adder] | None = None
    for value, adder in reachable.items():
        near = wanted & _new_steps(made, value, limit)
        score = (len(near), -value)
        if near and (best is None or score > best[:2]):
            best = (*score, adder)
    if best is not None:
        return best[2]
    target = min(wanted)
    digits = signed_digits(target)[-2:]
    (low, sign), (high, _) = digits
    return Adder((1 << high - low) + sign, 1, high - low, 1, 0, sign)


def _new_steps(made: list[int], value: int, limit: int) -> set[int]:
    pairs = [(value, m) for m in [*made, value]] + [(m, value) for m in made]
    found: set[int] = set()
    for a, b in pairs:
        for shift in range(DEEPEST_SHIFT):
            high = a << shift
            if high > 2 * limit:
                break
            found.update(adder.value for adder in _pair(a, shift, b, high, limit))
    return found


def cost(adders: Iterable[Adder], width: int) -> int:
    """Return the number of full-adder bits of a block over a value of `width` bits."""
    return sum(width + a.value.bit_length() for a in adders)
