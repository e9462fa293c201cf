"""Terms as polynomials over bits with integer coefficients: what proves rewritten arithmetic without a search.

A multilinear polynomial over bits is canonical (every function of bits to integers has exactly one), and arithmetic
modulo 2^w is that of its coefficients. What is no arithmetic becomes a bit of its own, named by the polynomials of its
operands, so that equal operands give equal names.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.optimizer.second.rails import unseen

Monomial = frozenset[int]
"""Product of bits, by their numbers."""
Polynomial = dict[Monomial, int]
Name = frozenset[tuple[Monomial, int]]
_ONE: Monomial = frozenset()
MAX_SIZE = 1500
MAX_WORK = 600_000
_MAX_EXCLUSIVE = 5


class TooLargeError(Exception):
    """The polynomials grow beyond use."""


@dataclass(frozen=True, slots=True)
class _Value:
    """A term's value: modulo 2^width, or as an integer where `exact`; it is at most `high`."""

    polynomial: Polynomial
    exact: bool
    high: int


class Polynomials:
    """Polynomials of terms; one instance numbers the bits."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}
        self._done: dict[Term, _Value] = {}
        self._bits: dict[tuple[Term, int], Polynomial] = {}
        self._work = 0

    def equal(self, claim: Term) -> bool:
        """Return whether a one-bit term is known to be 1: a constant, or an equation of equal polynomials."""
        if claim.is_const:
            return bool(claim.value)
        if claim.op != "eq":
            return False
        try:
            a, b = (self._value(x).polynomial for x in claim.args)
            return not _modulo(self._sum(a, b, -1), claim.args[0].width)
        except TooLargeError:
            return False

    def _value(self, root: Term) -> _Value:
        for term in unseen(root, self._done):
            value = self._node(term)
            if not value.exact:
                value = _Value(_modulo(value.polynomial, term.width), False, t.mask(term.width))
            if len(value.polynomial) > MAX_SIZE:
                bits = self._from_bits([self._opaque(term, i) for i in range(term.width)])
                value = _Value(bits, True, t.mask(term.width))
            self._done[term] = value
        return self._done[root]

    def _node(self, term: Term) -> _Value:
        op, full = term.op, t.mask(term.width)
        if op == "const":
            return _Value(self._constant(term.const_value), True, term.const_value)
        if op in ("add", "sub", "mul", "neg"):
            return self._arithmetic(term)
        if op == "ite":
            condition, then, other = (self._done[a] for a in term.args)
            chosen = self._product(condition.polynomial, self._sum(then.polynomial, other.polynomial, -1))
            polynomial = self._sum(other.polynomial, chosen)
            # the condition's polynomial is 0 or 1, since one bit is always exact
            return _Value(polynomial, then.exact and other.exact, max(then.high, other.high))
        if op == "zext":
            return self._whole(term.args[0])
        if op == "shl" and term.args[1].is_const:
            a, factor = self._done[term.args[0]], 1 << min(term.args[1].const_value, term.width)
            high = a.high * factor
            return _Value(self._scaled(a.polynomial, factor), a.exact and high <= full, min(high, full))
        if op == "extract" and not term.value and self._done[term.args[0]].high <= full:
            return self._done[term.args[0]]
        if op == "extract" and not term.value and term.width > 1:
            return _Value(self._done[term.args[0]].polynomial, False, full)
        if op == "concat":
            return _Value(self._concatenation(term), True, full)
        return _Value(self._from_bits([self._find_bit(term, i) for i in range(term.width)]), True, full)

    def _arithmetic(self, term: Term) -> _Value:
        if term.width == 1:
            return _Value(self._opaque_bit(term), True, 1)
        parts = [self._done[a] for a in term.args]
        full, exact = t.mask(term.width), all(p.exact for p in parts)
        if term.op == "neg":
            return _Value(self._scaled(parts[0].polynomial, -1), False, full)
        a, b = parts
        if term.op == "sub":
            difference = self._sum(a.polynomial, b.polynomial, -1)
            return _Value(difference, exact and _low(difference) >= 0, min(a.high, full))
        if term.op == "add":
            result, high = self._sum(a.polynomial, b.polynomial), a.high + b.high
        else:
            result, high = self._product(a.polynomial, b.polynomial), a.high * b.high
        return _Value(result, exact and high <= full, min(high, full))

    def _opaque_bit(self, term: Term) -> Polynomial:
        """Return one-bit arithmetic as a polynomial: sums are exclusive or, a product is `and`."""
        parts = [self._done[a].polynomial for a in term.args]
        if len(parts) == 1:
            return parts[0]
        return self._product(*parts) if term.op == "mul" else self._exclusive(parts)

    def _exclusive(self, parts: Iterable[Polynomial]) -> Polynomial:
        total: Polynomial = {}
        for part in parts:
            total = self._sum(self._sum(total, part), self._product(total, part), -2)
        return total

    def _whole(self, term: Term) -> _Value:
        """Return the exact polynomial of a term, from its bits where its own is not exact."""
        value = self._done[term]
        if value.exact:
            return value
        bits = self._from_bits([self._bit(term, i) for i in range(term.width)])
        return _Value(bits, True, t.mask(term.width))

    def _concatenation(self, term: Term) -> Polynomial:
        total: Polynomial = {}
        low = term.width
        for part in term.args:
            low -= part.width
            total = self._sum(total, self._scaled(self._whole(part).polynomial, 1 << low))
        return total

    def _from_bits(self, bits: Iterable[Polynomial]) -> Polynomial:
        total: Polynomial = {}
        for i, bit in enumerate(bits):
            total = self._sum(total, self._scaled(bit, 1 << i))
        return total

    def _bit(self, term: Term, index: int) -> Polynomial:
        """Return one bit of a term whose value is known."""
        if self._done[term].high >> index == 0:
            return {}
        if term.width == 1:
            return self._done[term].polynomial
        key = (term, index)
        if key not in self._bits:
            self._bits[key] = self._find_bit(term, index)
        return self._bits[key]

    def _find_bit(self, term: Term, index: int) -> Polynomial:
        op, args = term.op, term.args
        if op in ("and", "or", "xor"):
            a, b = (self._bit(x, index) for x in args)
            product = self._product(a, b)
            if op == "and":
                return product
            return self._sum(self._sum(a, b), product, -1 if op == "or" else -2)
        if op == "not":
            return self._sum(self._constant(1), self._bit(args[0], index), -1)
        if op == "ite":
            a, b = (self._bit(x, index) for x in args[1:])
            return self._sum(b, self._product(self._done[args[0]].polynomial, self._sum(a, b, -1)))
        if op == "extract":
            return self._bit(args[0], index + int(term.value or 0))
        if op in ("zext", "sext"):
            inside = index < args[0].width
            return self._bit(args[0], index if inside else args[0].width - 1) if inside or op == "sext" else {}
        if op == "concat":
            return self._part_bit(term, index)
        if op in t.SHIFTS and args[1].is_const:
            return self._shifted_bit(term, index)
        return self._opaque(term, index)

    def _part_bit(self, term: Term, index: int) -> Polynomial:
        for part in reversed(term.args):
            if index < part.width:
                return self._bit(part, index)
            index -= part.width
        return {}

    def _shifted_bit(self, term: Term, index: int) -> Polynomial:
        amount, width = term.args[1].const_value, term.width
        place = index - amount if term.op == "shl" else index + amount
        if 0 <= place < width:
            return self._bit(term.args[0], place)
        return self._bit(term.args[0], width - 1) if term.op == "ashr" else {}

    def _opaque(self, term: Term, index: int) -> Polynomial:
        """Return a bit that has no structure here, under a name that equal terms share."""
        if term.op in ("add", "sub", "mul", "neg") and term in self._done:
            return self._sum_bit(self._done[term].polynomial, index)
        if term.is_const:
            return self._constant(term.const_value >> index & 1)
        if term.op == "var":
            return self._named(("var", term.name, term.width, index))
        operands = tuple((_name(self._done[a].polynomial, a.width), a.width) for a in term.args)
        return self._named((term.op, term.width, index, term.value, operands))

    def _sum_bit(self, polynomial: Polynomial, index: int) -> Polynomial:
        """Return one bit of a sum: an exclusive or where nothing can be carried into it."""
        cut = _modulo(polynomial, index + 1)
        if sum(c & t.mask(index) for c in cut.values()) <= t.mask(index):
            odd = [m for m, c in cut.items() if c >> index & 1]
            if len(odd) <= _MAX_EXCLUSIVE:
                return self._exclusive({m: 1} for m in odd)
        return self._named(("bit", index, frozenset(cut.items())))

    def _named(self, name: Hashable) -> Polynomial:
        return {frozenset((self._numbers.setdefault(name, len(self._numbers)),)): 1}

    # Arithmetic of polynomials.

    def _constant(self, value: int) -> Polynomial:
        return {_ONE: value} if value else {}

    def _sum(self, a: Polynomial, b: Polynomial, factor: int = 1) -> Polynomial:
        self._count(len(a) + len(b))
        result = dict(a)
        for monomial, coefficient in b.items():
            value = result.get(monomial, 0) + factor * coefficient
            if value:
                result[monomial] = value
            else:
                result.pop(monomial, None)
        return result

    def _scaled(self, a: Polynomial, factor: int) -> Polynomial:
        self._count(len(a))
        return {m: c * factor for m, c in a.items()} if factor else {}

    def _product(self, a: Polynomial, b: Polynomial) -> Polynomial:
        self._count(len(a) * len(b))
        result: Polynomial = {}
        for x, c in a.items():
            for y, d in b.items():
                both = x | y
                result[both] = result.get(both, 0) + c * d
        return {m: c for m, c in result.items() if c}

    def _count(self, work: int) -> None:
        self._work += work
        if self._work > MAX_WORK:
            raise TooLargeError


def _modulo(polynomial: Polynomial, width: int) -> Polynomial:
    limit = t.mask(width)
    return {m: c & limit for m, c in polynomial.items() if c & limit}


def _name(polynomial: Polynomial, width: int) -> Name:
    return frozenset(_modulo(polynomial, width).items())


def _low(polynomial: Polynomial) -> int:
    """Return a lower bound of a polynomial's value over all bits."""
    return sum(c for m, c in polynomial.items() if c < 0 or not m)
