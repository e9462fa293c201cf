"""Values as weighted sums of other values: the form in which constant products and sums are regrouped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.terms import Term

LINEAR = frozenset({"add", "sub", "neg", "mul", "shl"})


@dataclass(frozen=True, slots=True)
class Leaf:
    """Something that is added: a value read as an unsigned or a two's complement number."""

    term: Term
    signed: bool

    @property
    def low(self) -> int:
        """Return the least number it can be."""
        return -(1 << (self.term.width - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """Return the greatest number it can be."""
        return (1 << (self.term.width - self.signed)) - 1

    def at(self, width: int) -> Term:
        """Return the number modulo 2**width."""
        return (t.sext if self.signed else t.zext)(self.term, width)


ONE = Leaf(t.const(1, 1), False)
"""Carries the constant part of a sum."""

Form = dict[Leaf, int]
"""Weighted sum: leaf to integer weight."""


def bounds(form: Mapping[Leaf, int]) -> tuple[int, int]:
    """Return the least and greatest number that a sum can be, by the ranges of its leaves."""
    low = high = 0
    for leaf, weight in form.items():
        least, most = (1, 1) if leaf is ONE else (leaf.low, leaf.high)
        low += weight * (least if weight > 0 else most)
        high += weight * (most if weight > 0 else least)
    return low, high


class Forms:
    """The weighted sum of every value, remembered."""

    def __init__(self) -> None:
        self._done: dict[Term, Form] = {}
        self.opened: dict[Term, set[Term]] = {}
        """For each value, the operands its sum looks into."""

    def of(self, x: Term) -> Form:
        """Return a weighted sum that is congruent to `x` modulo 2**width of `x`."""
        found = self._done.get(x)
        if found is None:
            found = self._done[x] = self._reduced(self._compute(x), x.width)
        return found

    @staticmethod
    def _reduced(form: Form, width: int) -> Form:
        """Return the sum with weights of least size modulo 2**width."""
        exact = {k: v for k, v in form.items() if v}
        return {k: r for k, v in exact.items() if (r := _least(v, width))}

    def _compute(self, x: Term) -> Form:
        if x.is_const:
            return {ONE: x.const_value}
        if x.op in ("add", "sub"):
            a, b = (self._open(x, y) for y in x.args)
            return plus(a, b, 1 if x.op == "add" else -1)
        if x.op == "neg":
            return plus({}, self._open(x, x.args[0]), -1)
        if x.op == "mul":
            for factor, other in (x.args, x.args[::-1]):
                if factor.is_const:
                    return _scaled(self._open(x, other), factor.const_value)
        if x.op == "shl" and x.args[1].is_const:
            return _scaled(self._open(x, x.args[0]), 1 << min(x.args[1].const_value, x.width))
        if x.op in ("zext", "sext"):
            return self._extended(x)
        if x.op == "concat" and x.args[-1].is_const and x.args[-1].const_value == 0:
            return self._shifted(x)
        return {Leaf(x, False): 1}

    def _open(self, user: Term, operand: Term) -> Form:
        self.opened.setdefault(user, set()).add(operand)
        return self.of(operand)

    def _extended(self, x: Term) -> Form:
        inner, signed = x.args[0], x.op == "sext"
        if inner.op in LINEAR or inner.op in ("zext", "sext", "concat"):
            form = self.of(inner)
            low, high = bounds(form)
            limits = (-(1 << (inner.width - 1)), t.mask(inner.width - 1)) if signed else (0, t.mask(inner.width))
            if limits[0] <= low and high <= limits[1]:
                self.opened.setdefault(x, set()).add(inner)
                return form
        return {Leaf(inner, signed): 1}

    def _shifted(self, x: Term) -> Form:
        amount = x.args[-1].width
        rest = t.concat(*x.args[:-1])
        if len(x.args) == 2:
            return _scaled(self._open(x, rest), 1 << amount)
        return {Leaf(rest, False): 1 << amount}


def _least(value: int, width: int) -> int:
    return t.to_signed(value & t.mask(width), width)


def plus(a: Form, b: Form, factor: int = 1) -> Form:
    """Return the first sum and so many times the second one; weights may come out as 0."""
    result = dict(a)
    for k, v in b.items():
        result[k] = result.get(k, 0) + factor * v
    return result


def _scaled(a: Form, factor: int) -> Form:
    return {k: v * factor for k, v in a.items()}


def digits(value: int) -> list[tuple[int, int]]:
    """Return the canonical signed digits of a number as (position, +1 or -1): no two neighbours are non-zero.

    G. W. Reitwiesner, "Binary arithmetic", Advances in Computers 1, 1960.
    """
    found = []
    position, sign, rest = 0, (1 if value >= 0 else -1), abs(value)
    while rest:
        if rest & 1:
            digit = 2 - (rest & 3)
            found.append((position, sign * digit))
            rest -= digit
        rest >>= 1
        position += 1
    return found


def binary_digits(value: int) -> list[tuple[int, int]]:
    """Return the binary digits of a number as (position, sign of the number)."""
    sign = 1 if value >= 0 else -1
    return [(i, sign) for i in range(abs(value).bit_length()) if abs(value) >> i & 1]
