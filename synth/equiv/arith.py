"""Sums and products in one canonical form, so that rewritten arithmetic becomes the same nodes.

A vector that arithmetic made is remembered as a polynomial over single bits with integer coefficients; sums, products,
constant multiples, shifts and extensions of such vectors are polynomials again. The circuit of a result is built from
its polynomial modulo 2**width alone, so two expressions with the same polynomial get identical circuits: `a*b + a*c`
and `a*(b+c)`, a constant multiple and any network of shifts and adders for it, sums in any order. SAT solvers need
exponential time for such pairs. (The idea is that of algebraic rewriting for arithmetic verification, as in M.
Ciesielski et al., "Verification of gate-level arithmetic circuits by function extraction", DAC 2015; here at word
level, before there are gates.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rtlgen.synth.equiv.aig import FALSE, TRUE, Aig

MAX_TERMS = 2500
_MAX_REMEMBERED = 32


@dataclass(frozen=True, slots=True)
class Poly:
    """An integer: `const` plus the sum of coefficient times bit, over positive literals."""

    terms: dict[int, int]
    const: int

    def bounds(self) -> tuple[int, int]:
        """Return the least and the greatest value that the form allows."""
        low = self.const + sum(c for c in self.terms.values() if c < 0)
        return low, self.const + sum(c for c in self.terms.values() if c > 0)

    def scaled(self, factor: int) -> Poly:
        """Return the polynomial times an integer."""
        return Poly({m: c * factor for m, c in self.terms.items()}, self.const * factor)

    def plus(self, other: Poly) -> Poly:
        """Return the sum."""
        terms = dict(self.terms)
        for mono, coefficient in other.terms.items():
            total = terms.get(mono, 0) + coefficient
            if total:
                terms[mono] = total
            else:
                del terms[mono]
        return Poly(terms, self.const + other.const)


class Arithmetic:
    """Word-level sums and products over one graph; vectors are plain literals, least significant first.

    With `canonical` off, nothing is remembered: every operation is built from its operands' bits, as it is written.
    That is the better start where multiplexers stand between the operations, so provers get both forms.
    """

    def __init__(self, aig: Aig, *, canonical: bool = True) -> None:
        self._aig = aig
        self._canonical = canonical
        self._made: dict[int, list[tuple[tuple[int, ...], Poly]]] = {}
        self._factors: dict[int, frozenset[int]] = {}

    def add(self, a: list[int], b: list[int]) -> list[int]:
        """Return `a + b` modulo 2**width."""
        return self._emit(self._read(a).plus(self._read(b)), len(a))

    def subtract(self, a: list[int], b: list[int]) -> list[int]:
        """Return `a - b` modulo 2**width."""
        return self._emit(self._read(a).plus(self._read(b).scaled(-1)), len(a))

    def negate(self, a: list[int]) -> list[int]:
        """Return `-a` modulo 2**width."""
        return self._emit(self._read(a).scaled(-1), len(a))

    def multiply(self, a: list[int], b: list[int]) -> list[int]:
        """Return `a * b` modulo 2**width."""
        return self._emit(self._product(a, b), len(a))

    def combine(self, terms: Mapping[int, int], const: int, width: int) -> list[int]:
        """Return a constant plus multiples of literals, modulo 2**width."""
        poly = Poly({}, const)
        for lit, factor in terms.items():
            one = Poly({lit & ~1: 1} if lit > TRUE else {}, 0)
            poly = poly.plus(one.scaled(-factor).plus(Poly({}, factor)) if lit & 1 else one.scaled(factor))
        return self._emit(poly, width)

    def less(self, a: list[int], b: list[int], *, signed: bool) -> int:
        """Return the literal of `a < b`: the sign of the difference, one bit wider."""
        if not a:
            return FALSE
        wide = [[*v, v[-1] if signed else FALSE] for v in (a, b)]
        return self.subtract(wide[0], wide[1])[-1]

    def _product(self, a: list[int], b: list[int]) -> Poly:
        left, right = self._read(a), self._read(b)
        if len(left.terms) * len(right.terms) > MAX_TERMS:
            left, right = self._bits(a), self._bits(b)
        modulus = 1 << len(a)
        terms: dict[int, int] = {}
        const = left.const * right.const
        for mono, coefficient in left.scaled(right.const).terms.items():
            terms[mono] = terms.get(mono, 0) + coefficient
        for mono, coefficient in right.scaled(left.const).terms.items():
            terms[mono] = terms.get(mono, 0) + coefficient
        for p, cp in left.terms.items():
            for q, cq in right.terms.items():
                if cp * cq % modulus:
                    mono = self._times(p, q)
                    if mono == TRUE:
                        const += cp * cq
                    elif mono != FALSE:
                        terms[mono] = terms.get(mono, 0) + cp * cq
        return Poly({m: c for m, c in terms.items() if c}, const)

    def _times(self, p: int, q: int) -> int:
        """Return the AND of two monomials, built from their bits in one order."""
        factors = self._factors.get(p, frozenset((p,))) | self._factors.get(q, frozenset((q,)))
        lit = TRUE
        for factor in sorted(factors):
            lit = self._aig.and_(lit, factor)
        if len(factors) > 1:
            self._factors[lit] = factors
        return lit

    def _read(self, vector: list[int]) -> Poly:
        """Return a polynomial that equals the vector modulo 2**width."""
        width = len(vector)
        shift = next((i for i, lit in enumerate(vector) if lit != FALSE), width)
        body = tuple(vector[shift:])
        if not body:
            return Poly({}, 0)
        for out, poly in self._made.get(body[0], ()):
            if self._is(body, out, poly):
                return poly.scaled(1 << shift)
        if shift == 0:  # ~v is -1 - v
            inverse = tuple(lit ^ 1 for lit in body)
            for out, poly in self._made.get(inverse[0], ()):
                if self._is(inverse, out, poly):
                    return Poly({}, -1).plus(poly.scaled(-1))
        return self._bits(vector)

    @staticmethod
    def _is(body: tuple[int, ...], out: tuple[int, ...], poly: Poly) -> bool:
        """Return whether `body` is `poly` modulo 2**len(body), given that `out` is it modulo 2**len(out)."""
        same = 0
        for a, b in zip(body, out, strict=False):
            if a != b:
                break
            same += 1
        if same == len(body):
            return True
        low, high = poly.bounds()
        if same and all(lit == FALSE for lit in body[same:]) and low >= 0 and high < 1 << same:
            return True
        limit = 1 << max(same - 1, 0)
        return same > 0 and all(lit == body[same - 1] for lit in body[same:]) and -limit <= low and high < limit

    @staticmethod
    def _bits(vector: list[int]) -> Poly:
        """Return the polynomial that takes the vector bit by bit."""
        terms: dict[int, int] = {}
        const = 0
        for i, lit in enumerate(vector):
            weight = 1 << i
            if lit & 1:  # TRUE, or a complement: 1 - x
                const += weight
                weight = -weight
            if lit > TRUE:
                terms[lit & ~1] = terms.get(lit & ~1, 0) + weight
        return _centred(Poly({m: c for m, c in terms.items() if c}, const), len(vector))

    def _emit(self, poly: Poly, width: int) -> list[int]:
        """Return the circuit of a polynomial modulo 2**width, and remember what it is."""
        poly = _centred(poly, width)
        columns: list[list[int]] = [[] for _ in range(width)]
        const = poly.const
        for mono in sorted(poly.terms):
            for power, negative in _digits(poly.terms[mono] % (1 << width), width):
                columns[power].append(mono ^ negative)
                const -= negative << power
        for power in range(width):
            if const >> power & 1:
                columns[power].append(TRUE)
        out = self._compress(columns)
        self._remember(out, poly)
        return out

    def _compress(self, columns: list[list[int]]) -> list[int]:
        """Return the sum of all columns' bits with their weights, by rows of full adders."""
        g, out = self._aig, []
        for power, column in enumerate(columns):
            carries = columns[power + 1] if power + 1 < len(columns) else []
            while len(column) > 2:
                a, b, c = column[:3]
                half = g.xor(a, b)
                column[:3] = []
                column.append(g.xor(half, c))
                carries.append(g.or_(g.and_(a, b), g.and_(half, c)))
            if len(column) == 2:
                a, b = column
                column[:] = [g.xor(a, b)]
                carries.append(g.and_(a, b))
            out.append(column[0] if column else FALSE)
        return out

    def _remember(self, out: list[int], poly: Poly) -> None:
        shift = next((i for i, lit in enumerate(out) if lit != FALSE), len(out))
        body, scale = tuple(out[shift:]), 1 << shift
        if not self._canonical or not body or body[0] <= TRUE or len(poly.terms) < 2:
            return
        if poly.const % scale or any(c % scale for c in poly.terms.values()):
            return
        known = self._made.setdefault(body[0], [])
        if len(known) < _MAX_REMEMBERED and all(vector != body for vector, _ in known):
            known.append((body, Poly({m: c // scale for m, c in poly.terms.items()}, poly.const // scale)))


def _centred(poly: Poly, width: int) -> Poly:
    """Return the polynomial with coefficients of least magnitude modulo 2**width, as sign extension has them."""
    half, modulus = 1 << width >> 1, 1 << width
    terms = {}
    for mono, coefficient in poly.terms.items():
        coefficient %= modulus
        if coefficient:
            terms[mono] = coefficient - modulus if coefficient > half else coefficient
    const = poly.const % modulus
    return Poly(terms, const - modulus if const > half else const)


def _digits(value: int, width: int) -> list[tuple[int, int]]:
    """Return (power, whether negative) of the canonical signed digits of a value modulo 2**width."""
    digits, power = [], 0
    while value and power < width:
        if value & 1:
            negative = int(value & 3 == 3)
            digits.append((power, negative))
            value += 1 if negative else -1
        value >>= 1
        power += 1
    return digits
