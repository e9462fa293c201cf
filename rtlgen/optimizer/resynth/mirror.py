"""Search behind a conditional transformation: bits reversed, or complemented, while a flag is low.

A left shift is a right shift between two reversals, and a subtraction an addition between two complements; with the
transformations on the outside, one operator serves both cases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.optimizer.resynth import idioms
from rtlgen.optimizer.resynth.bank import Words
from rtlgen.optimizer.resynth.search import Searcher

_MOST_FLAGS = 4
_MOST_WORDS = 3


def mirrored(searcher: Searcher, target: Words, width: int) -> Iterator[Term]:
    """Yield terms for the target found behind a transformation that a flag controls.

    Args:
        searcher: gives leaves, points and the deadline.
        target: wanted values.
        width: bits of the target.
    """
    words = [w for w in searcher.words if w.width == width][:_MOST_WORDS]
    for flag in searcher.flags[:_MOST_FLAGS]:
        for transform in (_reversed_unless, _complemented_unless):
            for word in words:
                if searcher.late():
                    return
                yield from _behind(searcher, target, flag, word, transform)


def _reversed_unless(flag: Term, word: Term) -> Term:
    return t.ite(flag, word, idioms.reverse(word))


def _complemented_unless(flag: Term, word: Term) -> Term:
    return t.apply("xor", word, t.sext(t.apply("not", flag), word.width))


def _behind(
    searcher: Searcher, target: Words, flag: Term, word: Term, transform: Callable[[Term, Term], Term]
) -> Iterator[Term]:
    width = word.width
    wanted = transform(flag, t.var("\0target", width))
    points = searcher.points
    values = {**points.values, "\0target": target}
    inner_target = type(points)(points.count, values, points.memories).evaluate(wanted)[0].astype(np.uint64)
    moved = transform(flag, word)
    for term in (*_sums(searcher, inner_target, moved), *shifted(searcher, inner_target, moved)):
        yield transform(flag, term)


def _sums(searcher: Searcher, target: Words, moved: Term) -> Iterator[Term]:
    """Yield `moved + y` and `moved - y` for leaves y."""
    row, limit = searcher.row(moved), np.uint64(t.mask(moved.width))
    for op, wanted in (("add", target - row), ("sub", row - target)):
        number = searcher.bank.find(moved.width, wanted & limit)
        if number is not None:
            other = searcher.bank.pool(moved.width).term(number)
            if not other.is_const:
                yield t.apply(op, moved, other)


def shifted(searcher: Searcher, target: Words, word: Term) -> Iterator[Term]:
    """Yield `word` shifted right by a leaf, filled from the left with a bit that is solved for."""
    row, width = searcher.row(word), word.width
    limit = np.uint64(t.mask(width))
    amounts: Sequence[Term] = [x for x in (*searcher.words, *searcher.flags) if x.width < width.bit_length()]
    for amount in amounts:
        count = searcher.row(amount)
        plain = row >> np.minimum(count, np.uint64(63))
        fill = limit ^ (limit >> np.minimum(count, np.uint64(63)))
        one, zero = target == (plain | fill), target == plain
        if zero.all():
            yield t.apply("lshr", word, amount)
        elif (one | zero).all():
            yield from _filled(searcher, word, amount, np.flatnonzero(one != zero), one)


def _filled(
    searcher: Searcher,
    word: Term,
    amount: Term,
    clear: np.ndarray[tuple[int], np.dtype[np.intp]],
    one: np.ndarray[tuple[int], np.dtype[np.bool_]],
) -> Iterator[Term]:
    if len(clear) < 24 or searcher.points.memories:
        return
    leaves = [*searcher.flags, *(w for w in searcher.words if w.width <= 32)]
    inner = Searcher(leaves, searcher.points.take(clear), (), deadline_s=searcher.deadline_s)
    for solution in inner.solve(one[clear].astype(np.uint64), 1, depth=1)[:2]:
        yield idioms.shift_right(word, amount, solution.term)
