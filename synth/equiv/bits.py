"""Verilog operators on vectors of and-inverter literals, with X where a value may be unknown.

A bit is either a plain literal or a pair `(one, zero)` of literals that say "certainly 1" and "certainly 0"; where
neither holds, the bit is X. Every operator here is monotone: making an operand less known never makes the result
more known or different. The soundness of the whole checker rests on that (docs/equiv.md, "Semantics"). Vectors
are lists, least significant bit first. The X rules are those of IEEE 1800-2017 chapter 11, except that a
case-equality with an X operand is X.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rtlgen.synth.equiv.aig import FALSE, TRUE, Aig
from rtlgen.synth.equiv.arith import Arithmetic

Bit = int | tuple[int, int]
Vec = list[Bit]
X: Bit = (FALSE, FALSE)


def fix(one: int, zero: int) -> Bit:
    """Return the plain literal where the pair is never X by construction, the pair otherwise."""
    return one if one == zero ^ 1 else (one, zero)


def one_of(bit: Bit) -> int:
    """Return the literal of "certainly 1"."""
    return bit if isinstance(bit, int) else bit[0]


def zero_of(bit: Bit) -> int:
    """Return the literal of "certainly 0"."""
    return bit ^ 1 if isinstance(bit, int) else bit[1]


def plain(*vectors: Sequence[Bit]) -> bool:
    """Return whether no bit of the vectors can be X."""
    return not any(type(bit) is tuple for vector in vectors for bit in vector)


class Ops:
    """The operators over one graph."""

    def __init__(self, aig: Aig, *, canonical: bool = True) -> None:
        self.g = aig
        self.words = Arithmetic(aig, canonical=canonical)

    # -- single bits ---------------------------------------------------------------------------------------------
    def inv(self, a: Bit) -> Bit:
        """Return `~a`."""
        return a ^ 1 if isinstance(a, int) else (a[1], a[0])

    def and_(self, a: Bit, b: Bit) -> Bit:
        """Return `a & b`; 0 wins over X."""
        if isinstance(a, int) and isinstance(b, int):
            return self.g.and_(a, b)
        return fix(self.g.and_(one_of(a), one_of(b)), self.g.or_(zero_of(a), zero_of(b)))

    def or_(self, a: Bit, b: Bit) -> Bit:
        """Return `a | b`; 1 wins over X."""
        return self.inv(self.and_(self.inv(a), self.inv(b)))

    def xor(self, a: Bit, b: Bit) -> Bit:
        """Return `a ^ b`."""
        if isinstance(a, int) and isinstance(b, int):
            return self.g.xor(a, b)
        g, a1, a0, b1, b0 = self.g, one_of(a), zero_of(a), one_of(b), zero_of(b)
        return fix(g.or_(g.and_(a1, b0), g.and_(a0, b1)), g.or_(g.and_(a1, b1), g.and_(a0, b0)))

    def mux(self, sel: Bit, high: Bit, low: Bit) -> Bit:
        """Return `sel ? high : low`; where `sel` is X, what both sides agree on stays known."""
        if isinstance(sel, int):
            if sel == TRUE:
                return high
            if sel == FALSE:
                return low
            if isinstance(high, int) and isinstance(low, int):
                return self.g.mux(sel, high, low)
        if high == low:
            return high
        return fix(self._choose(sel, one_of(high), one_of(low)), self._choose(sel, zero_of(high), zero_of(low)))

    def _choose(self, sel: Bit, high: int, low: int) -> int:
        if isinstance(sel, int):
            return self.g.mux(sel, high, low)
        g = self.g
        return g.or_all((g.and_(sel[0], high), g.and_(sel[1], low), g.and_(high, low)))

    def maybe_x(self, vector: Sequence[Bit]) -> int:
        """Return the literal that says whether any bit of the vector is X."""
        g = self.g
        return g.or_all(g.and_(b[0] ^ 1, b[1] ^ 1) for b in vector if isinstance(b, tuple))

    def strict(self, op: Callable[..., list[int]], *vectors: Vec) -> Vec:
        """Return `op` of the vectors, all X as soon as any operand bit is X (the rule of Verilog arithmetic)."""
        unknown = self.g.or_all(self.maybe_x(v) for v in vectors)
        if unknown == TRUE:
            width = len(op(*([FALSE] * len(v) for v in vectors)))
            return [X] * width
        result = op(*([one_of(b) for b in v] for v in vectors))
        if unknown == FALSE:
            return list(result)
        g = self.g
        return [fix(g.and_(r, unknown ^ 1), g.and_(r ^ 1, unknown ^ 1)) for r in result]

    # -- whole vectors -------------------------------------------------------------------------------------------
    def all_(self, vector: Sequence[Bit]) -> Bit:
        """Return the AND of all bits."""
        if plain(vector):
            return self.g.and_all(one_of(b) for b in vector)
        g = self.g
        return fix(g.and_all(map(one_of, vector)), g.or_all(map(zero_of, vector)))

    def any_(self, vector: Sequence[Bit]) -> Bit:
        """Return the OR of all bits."""
        return self.inv(self.all_([self.inv(b) for b in vector]))

    def parity(self, vector: Sequence[Bit]) -> Bit:
        """Return the XOR of all bits."""
        acc: Bit = FALSE
        for bit in vector:
            acc = self.xor(acc, bit)
        return acc

    def equal(self, a: Vec, b: Vec) -> Bit:
        """Return `a == b`: 0 where known bits differ, X where only unknown ones might."""
        return self.all_([self.inv(self.xor(p, q)) for p, q in zip(a, b, strict=True)])

    def add_plain(self, a: list[int], b: list[int], carry: int = FALSE) -> list[int]:
        """Return the sum modulo 2**width of plain vectors of one width."""
        g, out = self.g, []
        for p, q in zip(a, b, strict=True):
            half = g.xor(p, q)
            out.append(g.xor(half, carry))
            carry = g.or_(g.and_(p, q), g.and_(half, carry))
        return out

    def neg_plain(self, a: list[int]) -> list[int]:
        """Return `-a` modulo 2**width."""
        return self.add_plain([FALSE] * len(a), [b ^ 1 for b in a], TRUE)

    def less_plain(self, a: list[int], b: list[int]) -> int:
        """Return `a < b` of unsigned plain vectors of one width."""
        g, less = self.g, FALSE
        for p, q in zip(a, b, strict=True):
            less = g.mux(g.xor(p, q), q, less)
        return less

    def divmod_plain(self, a: list[int], b: list[int]) -> tuple[list[int], list[int]]:
        """Return unsigned quotient and remainder of plain vectors of one width; `b` = 0 gives all ones and `a`."""
        g, width = self.g, len(a)
        divisor = [*b, FALSE]
        inverted = [bit ^ 1 for bit in divisor]
        rest, quotient = [FALSE] * width, [FALSE] * width
        for i in range(width - 1, -1, -1):
            trial = [a[i], *rest]
            diff = self.add_plain(trial, inverted, TRUE)
            fits = self.less_plain(trial, divisor) ^ 1
            quotient[i] = fits
            rest = [g.mux(fits, d, t) for d, t in zip(diff, trial, strict=True)][:width]
        return quotient, rest

    def shift(self, a: Vec, amount: Vec, *, left: bool, fill: Bit) -> Vec:
        """Return `a` shifted by an unsigned amount, `fill` moving in; an amount with an X bit gives all X."""
        if plain(amount):
            return self._shift_plain(a, amount, left=left, fill=fill)
        unknown = self.maybe_x(amount)
        out = self._shift_plain(a, [one_of(b) for b in amount], left=left, fill=fill)
        g = self.g
        return [fix(g.and_(one_of(b), unknown ^ 1), g.and_(zero_of(b), unknown ^ 1)) for b in out]

    def _shift_plain(self, a: Vec, amount: Sequence[Bit], *, left: bool, fill: Bit) -> Vec:
        width, out = len(a), list(a)
        for stage, bit in enumerate(amount):
            step = 1 << stage if stage < 32 else width
            step = min(step, width)
            moved = [fill] * step + out[: width - step] if left else out[step:] + [fill] * step
            out = [self.mux(bit, m, o) for m, o in zip(moved, out, strict=True)]
        return out
