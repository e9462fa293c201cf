"""Priority over the bits of a vector: leading and trailing zeros, priority encoders, normalisers, in log-depth form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rtlgen.graphs.wordlevel.terms import Term, apply, concat, const, extract, ite, var, zext
from rtlgen.optimizer.datapath.tables import bits, constant_forms, folded, substitute_folding

REST: Final = "$rest"
NARROWEST, WIDEST = 4, 64


@dataclass(frozen=True, slots=True)
class Ranked:
    """What a term is for each place of the first one bit of a vector.

    Attributes:
        vector: the vector.
        from_top: the first one is the highest (leading); else the lowest (trailing).
        values: value by distance of that bit from the end where the search starts; bits beyond it are `$rest`.
        none: value where the vector is zero.
    """

    vector: Term
    from_top: bool
    values: tuple[Term, ...]
    none: Term


def ranked(term: Term, name: str, width: int, *, from_top: bool) -> Ranked | None:
    """Return the cases of `term` by the first one bit of a signal, None where they do not decide it."""
    values: list[Term] = []
    for distance in range(width):
        value = folded(substitute_folding(term, name, pattern(width, distance, from_top=from_top)))
        if any(t.op == "ite" for t in [value]):
            return None
        values.append(value)
    none = folded(substitute_folding(term, name, const(0, width)))
    return Ranked(var(name, width), from_top, tuple(values), none)


def pattern(width: int, distance: int, *, from_top: bool) -> Term:
    """Return a vector whose first one is `distance` bits from the end, with unknown bits beyond it."""
    rest = width - 1 - distance
    unknown = [var(f"{REST}{rest}", rest)] if rest else []
    zeros = [const(0, distance)] if distance else []
    one = const(1, 1)
    return concat(*zeros, one, *unknown) if from_top else concat(*unknown, one, *zeros)


def priority_forms(found: Ranked) -> Iterator[Term]:
    """Yield log-depth forms: the place of the first one as a function, or the vector shifted by it."""
    if all(v.op == "const" for v in found.values):
        yield from _encoded(found)
    elif all(
        bits(v) == bits(_normalised(found, d)) for d, v in enumerate(found.values) if v.width == found.vector.width
    ) and found.none is const(0, found.none.width):
        yield normalise(found.vector, from_top=found.from_top)[1]


def _normalised(found: Ranked, distance: int) -> Term:
    """Return what the vector is when shifted so that its first one stands at the end."""
    width = found.vector.width
    one = pattern(width, distance, from_top=found.from_top)
    kept = width - distance
    zeros = [const(0, distance)] if distance else []
    if found.from_top:
        return concat(extract(one, 0, kept), *zeros)
    return concat(*zeros, extract(one, distance, kept))


def _encoded(found: Ranked) -> Iterator[Term]:
    numbers = [v.const_value for v in found.values]
    width = found.values[0].width
    some = apply("redor", found.vector)
    for count in (
        count_zeros(found.vector, from_top=found.from_top),
        normalise(found.vector, from_top=found.from_top)[0],
    ):
        table: Sequence[int | None] = [*numbers, *([None] * ((1 << count.width) - len(numbers)))]
        for form in constant_forms(table, count, width):
            # A vector of zeros gives the largest count, whose value may already be the right one.
            if found.none.op == "const" and len(numbers) == 1 << count.width and found.none.const_value == numbers[-1]:
                yield form
            else:
                yield ite(some, form, found.none)


def count_zeros(vector: Term, *, from_top: bool) -> Term:
    """Return the number of zeros before the first one (all ones where there is none), halving the window each step."""
    window = _padded(vector, from_top)
    parts: list[Term] = []
    while window.width > 1:
        half = window.width // 2
        first, other = (extract(window, half, half), extract(window, 0, half))
        if not from_top:
            first, other = other, first
        some = apply("redor", first) if half > 1 else first
        parts.append(apply("not", some))
        window = ite(some, first, other)
    return concat(*parts)


def normalise(vector: Term, *, from_top: bool) -> tuple[Term, Term]:
    """Return the number of zeros before the first one and the vector shifted by it, one conditional shift a stage."""
    value = _padded(vector, from_top)
    width = value.width
    parts: list[Term] = []
    distance = width // 2
    while distance:
        head = extract(value, width - distance, distance) if from_top else extract(value, 0, distance)
        empty = apply("not", apply("redor", head) if distance > 1 else head)
        zeros = const(0, distance)
        if from_top:
            moved = concat(extract(value, 0, width - distance), zeros)
        else:
            moved = concat(zeros, extract(value, distance, width - distance))
        value = ite(empty, moved, value)
        parts.append(empty)
        distance //= 2
    size = vector.width
    return concat(*parts), extract(value, width - size, size) if from_top else extract(value, 0, size)


def _padded(vector: Term, from_top: bool) -> Term:
    """Return the vector in a power of two of bits, zeros added where the search ends."""
    width = 1 << (vector.width - 1).bit_length()
    if width == vector.width:
        return vector
    extra = const(0, width - vector.width)
    return concat(vector, extra) if from_top else zext(vector, width)
