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
_UNBOUNDED = (-(1 << 100_000), 1 << 100_000)


class TooLargeError(Exception):
    """The polynomials grow beyond use."""


@dataclass(frozen=True, slots=True)
class _Value:
    """A term's value modulo 2^width: a polynomial, and bounds of what that is as an integer."""

    polynomial: Polynomial
    low: int
    high: int

    def is_unsigned(self, width: int) -> bool:
        """Return whether the polynomial is the term's unsigned value."""
        return self.low >= 0 and self.high <= t.mask(width)

    def is_signed(self, width: int) -> bool:
        """Return whether the polynomial is the term's value in two's complement."""
        return self.low >= -(1 << (width - 1)) and self.high <= t.mask(width - 1)


class Polynomials:
    """Polynomials of terms; one instance numbers the bits, and gives up after `effort` operations."""

    def __init__(self, effort: int = MAX_WORK) -> None:
        self._effort = effort
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
            value = _tightened(self._node(term))
            if not value.is_unsigned(term.width) and term.width == 1:
                value = _Value(self._sum_bit(value.polynomial, 0), 0, 1)
            elif not (value.is_unsigned(term.width) or value.is_signed(term.width)):
                value = _tightened(_Value(_modulo(value.polynomial, term.width), *_UNBOUNDED))
            if len(value.polynomial) > MAX_SIZE:
                value = self._from_bits([self._opaque(term, i) for i in range(term.width)])
            self._done[term] = value
        return self._done[root]

    def _node(self, term: Term) -> _Value:
        op = term.op
        if op == "const":
            return _Value(self._constant(term.const_value), term.const_value, term.const_value)
        if op in ("add", "sub", "mul", "neg"):
            return self._arithmetic(term)
        if op == "ite":
            condition, a, b = (self._done[x] for x in term.args)
            chosen = self._product(condition.polynomial, self._sum(a.polynomial, b.polynomial, -1))
            return _Value(self._sum(b.polynomial, chosen), min(a.low, b.low), max(a.high, b.high))
        if op == "zext":
            return self._unsigned(term.args[0])
        if op == "sext":
            return self._signed(term.args[0])
        if op == "shl" and term.args[1].is_const:
            a, factor = self._done[term.args[0]], 1 << min(term.args[1].const_value, term.width)
            return _Value(self._scaled(a.polynomial, factor), a.low * factor, a.high * factor)
        if op == "extract" and not term.value:
            return self._done[term.args[0]]
        if op == "concat":
            return self._concatenation(term)
        return self._from_bits([self._find_bit(term, i) for i in range(term.width)])

    def _arithmetic(self, term: Term) -> _Value:
        parts = [self._done[a] for a in term.args]
        if term.op == "neg":
            return _Value(self._scaled(parts[0].polynomial, -1), -parts[0].high, -parts[0].low)
        a, b = parts
        if term.op == "add":
            return _Value(self._sum(a.polynomial, b.polynomial), a.low + b.low, a.high + b.high)
        if term.op == "sub":
            return _Value(self._sum(a.polynomial, b.polynomial, -1), a.low - b.high, a.high - b.low)
        corners = [x * y for x in (a.low, a.high) for y in (b.low, b.high)]
        return _Value(self._product(a.polynomial, b.polynomial), min(corners), max(corners))

    def _unsigned(self, term: Term) -> _Value:
        """Return the unsigned value, from the bits where the term's polynomial is something else."""
        value = self._done[term]
        if value.is_unsigned(term.width):
            return value
        return self._from_bits([self._bit(term, i) for i in range(term.width)])

    def _signed(self, term: Term) -> _Value:
        """Return the value in two's complement."""
        value = self._done[term]
        if value.is_signed(term.width):
            return value
        half = 1 << (term.width - 1)
        sign = self._scaled(self._bit(term, term.width - 1), -2 * half)
        return _Value(self._sum(self._unsigned(term).polynomial, sign), -half, half - 1)

    def _concatenation(self, term: Term) -> _Value:
        """Return the sum of the parts; copies of a part's top bit before it make it signed."""
        parts = list(term.args)
        copies = next((i for i, p in enumerate(parts) if not _is_top_bit(p, parts)), 0)
        signed = 0 < copies < len(parts)
        total, low, high = _Value({}, 0, 0), term.width, 0
        for i, part in enumerate(parts):
            low -= part.width
            if signed and i < copies:
                continue
            value = self._signed(part) if signed and i == copies else self._unsigned(part)
            shifted = self._scaled(value.polynomial, 1 << low)
            high = total.high + (value.high << low)
            total = _Value(self._sum(total.polynomial, shifted), total.low + (value.low << low), high)
        return total

    def _from_bits(self, bits: Iterable[Polynomial]) -> _Value:
        total: Polynomial = {}
        count = 0
        for i, bit in enumerate(bits):
            total, count = self._sum(total, self._scaled(bit, 1 << i)), i + 1
        return _Value(total, 0, t.mask(count))

    def _exclusive(self, parts: Iterable[Polynomial]) -> Polynomial:
        total: Polynomial = {}
        for part in parts:
            total = self._sum(self._sum(total, part), self._product(total, part), -2)
        return total

    def _bit(self, term: Term, index: int) -> Polynomial:
        """Return one bit of a term whose value is known."""
        value = self._done[term]
        if value.is_unsigned(term.width) and value.high >> index == 0:
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
            return self._shifted_bit(term, index, args[1].const_value)
        if op in ("udiv", "urem") and args[1].is_const and args[1].const_value.bit_count() == 1:
            power = args[1].const_value.bit_length() - 1
            if op == "udiv":
                return self._shifted_bit(term, index, power)
            return self._bit(args[0], index) if index < power else {}
        return self._opaque(term, index)

    def _part_bit(self, term: Term, index: int) -> Polynomial:
        for part in reversed(term.args):
            if index < part.width:
                return self._bit(part, index)
            index -= part.width
        return {}

    def _shifted_bit(self, term: Term, index: int, amount: int) -> Polynomial:
        width = term.width
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
        if self._work > self._effort:
            raise TooLargeError


def _modulo(polynomial: Polynomial, width: int) -> Polynomial:
    limit = t.mask(width)
    return {m: c & limit for m, c in polynomial.items() if c & limit}


def _name(polynomial: Polynomial, width: int) -> Name:
    return frozenset(_modulo(polynomial, width).items())


def _tightened(value: _Value) -> _Value:
    """Return a value with bounds that also the coefficients allow."""
    constant = value.polynomial.get(_ONE, 0)
    low = constant + sum(c for m, c in value.polynomial.items() if c < 0 and m)
    high = constant + sum(c for m, c in value.polynomial.items() if c > 0 and m)
    return _Value(value.polynomial, max(low, value.low), min(high, value.high))


def _is_top_bit(part: Term, parts: list[Term]) -> bool:
    """Return whether a part is the top bit of the first part that is longer than one bit."""
    longer = next((p for p in parts if p.width > 1), None)
    return longer is not None and part is t.extract(longer, longer.width - 1, 1)
