"""Word-level bit-vector terms, hash-consed: the value language of the optimizer.

A term is a fixed-width bit vector in the sense of SMT-LIB QF_BV: no signedness in the type (signed operations are
operators of their own), operands of arithmetic and bitwise operators have the width of the result, comparisons have
width 1. Equal terms are the same object, so `is` and hashing by identity are right and cheap.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final
from weakref import WeakValueDictionary

BITWISE: Final = ("and", "or", "xor")
ARITHMETIC: Final = ("add", "sub", "mul", "udiv", "urem", "sdiv", "srem")
SHIFTS: Final = ("shl", "lshr", "ashr")
COMPARISONS: Final = ("eq", "ult", "ule", "slt", "sle")
REDUCTIONS: Final = ("redand", "redor", "redxor")
COMMUTATIVE: Final = frozenset({"and", "or", "xor", "add", "mul", "eq"})
_OTHER: Final = ("const", "undef", "var", "not", "neg", "ite", "concat", "extract", "zext", "sext", "select")
OPERATORS: Final = frozenset((*_OTHER, *BITWISE, *ARITHMETIC, *SHIFTS, *COMPARISONS, *REDUCTIONS))


_LONGEST_REPR: Final = 1000


class Term:
    """One node of a word-level expression; make it with the functions of this module, never directly.

    Attributes:
        op: operator, one of `OPERATORS`.
        width: number of bits, at least 1.
        args: operand terms; for `concat` most significant first; for `ite` condition, then, else; for `select`
            the address (the memory is in `value`).
        value: `const`: the unsigned value; `var`: the signal's name; `select`: the memory's name;
            `extract`: the index of the lowest bit taken.
    """

    __slots__ = ("__weakref__", "_key", "_reads", "_size", "args", "op", "value", "width")
    op: str
    width: int
    args: tuple[Term, ...]
    value: int | str | None
    _reads: dict[str, int] | None
    _key: bytes | None
    _size: int

    def __repr__(self) -> str:
        if self.op == "const":
            return f"{self.width}'d{self.value}"
        if self.op == "var":
            return str(self.value)
        if self._size > _LONGEST_REPR:  # shared parts are written again and again
            return f"({self.op}:{self.width} #{_digest(self).hex()})"
        extra = f"@{self.value}" if self.value is not None else ""
        return f"({self.op}{extra}:{self.width} {' '.join(map(repr, self.args))})"

    def __reduce__(self) -> tuple[Callable[..., Term], tuple[object, ...]]:
        return (make, (self.op, self.width, self.args, self.value))

    @property
    def is_const(self) -> bool:
        """True for a literal."""
        return self.op == "const"

    @property
    def const_value(self) -> int:
        """The literal's unsigned value.

        Raises:
            TypeError: the term is no literal.
        """
        if self.op != "const" or not isinstance(self.value, int):
            raise TypeError(f"expected a constant term, got {self!r}")
        return self.value

    @property
    def name(self) -> str:
        """The signal's (`var`) or memory's (`select`) name.

        Raises:
            TypeError: the term names nothing.
        """
        if not isinstance(self.value, str):
            raise TypeError(f"expected a variable term, got {self!r}")
        return self.value


_INTERNED: WeakValueDictionary[tuple[object, ...], Term] = WeakValueDictionary()


def make(op: str, width: int, args: tuple[Term, ...] = (), value: int | str | None = None) -> Term:
    """Return the interned term with exactly these fields, without any simplification."""
    key = (op, width, args, value)
    found = _INTERNED.get(key)
    if found is not None:
        return found
    if op not in OPERATORS or width < 1:
        raise ValueError(f"expected a known operator and a width of at least 1, got {op!r} and {width!r}")
    term = object.__new__(Term)
    term.op, term.width, term.args, term.value, term._reads = op, width, args, value, None
    term._key = None
    term._size = 1 + sum(a._size for a in args)
    return _INTERNED.setdefault(key, term)


def mask(width: int) -> int:
    """Return the value with `width` low bits set."""
    return (1 << width) - 1


def to_signed(value: int, width: int) -> int:
    """Return the two's complement reading of an unsigned `width`-bit value."""
    return value - (1 << width) if value >> (width - 1) & 1 else value


def const(value: int, width: int) -> Term:
    """Return the literal `value` modulo 2**width."""
    return make("const", width, (), value & mask(width))


def undef(width: int) -> Term:
    """Return an undefined value (Verilog x): a don't-care of the design that reads it."""
    return make("undef", width)


def var(name: str, width: int) -> Term:
    """Return the value of a signal."""
    return make("var", width, (), name)


def select(memory: str, address: Term, width: int) -> Term:
    """Return the word of `memory` at `address`."""
    return make("select", width, (address,), memory)


def apply(op: str, *args: Term) -> Term:
    """Return `op` over `args` with the width inferred where it can be, folding constants.

    Raises:
        ValueError: operand widths do not fit the operator.
    """
    if op in BITWISE or op in ARITHMETIC:
        _same_width(op, args)
        result = args[0].width
    elif op in SHIFTS or op in ("not", "neg"):
        result = args[0].width
    elif op in COMPARISONS:
        _same_width(op, args)
        result = 1
    elif op in REDUCTIONS:
        result = 1
    elif op == "ite":
        return ite(args[0], args[1], args[2])
    elif op == "concat":
        return concat(*args)
    else:
        raise ValueError(f"expected an operator that apply() knows, got {op!r}")
    if all(a.op == "const" for a in args):
        return const(FOLD[op](*(a.const_value for a in args), args[0].width), result)
    if op == "eq":
        return _equal(*args)
    return make(op, result, args)


def _equal(left: Term, right: Term) -> Term:
    """Return the comparison without the extension that Verilog's 32-bit literals bring in."""
    if left.op == "const":
        left, right = right, left
    if left.op == "zext" and right.op in ("const", "zext"):
        inner = left.args[0]
        if right.op == "const":
            fits = right.const_value >> inner.width == 0
            return _equal(inner, const(right.const_value, inner.width)) if fits else const(0, 1)
        if right.args[0].width == inner.width:
            return _equal(inner, right.args[0])
    if left.op == "const" and right.op == "const":
        return const(int(left.value == right.value), 1)
    return const(1, 1) if left is right else make("eq", 1, (left, right))


def _same_width(op: str, args: tuple[Term, ...]) -> None:
    if len({a.width for a in args}) != 1:
        raise ValueError(f"expected operands of one width for {op!r}, got {[a.width for a in args]!r}")


def ite(condition: Term, then: Term, other: Term) -> Term:
    """Return `then` where the 1-bit `condition` is 1, else `other`."""
    if condition.width != 1:
        raise ValueError(f"expected a 1-bit condition, got {condition!r}")
    _same_width("ite", (then, other))
    if condition.op == "const":
        return then if condition.value else other
    return then if then is other else make("ite", then.width, (condition, then, other))


def concat(*parts: Term) -> Term:
    """Return the parts joined, most significant first; adjacent constants and slices are merged."""
    flat: list[Term] = []
    for part in parts:
        for piece in part.args if part.op == "concat" else (part,):
            merged = _merge(flat[-1], piece) if flat else None
            if merged is None:
                flat.append(piece)
            else:
                flat[-1] = merged
    if len(flat) == 1:
        return flat[0]
    return make("concat", sum(p.width for p in flat), tuple(flat))


def _merge(high: Term, low: Term) -> Term | None:
    if high.op == "const" and low.op == "const":
        return const(high.const_value << low.width | low.const_value, high.width + low.width)
    if high.op == "undef" and low.op == "undef":
        return undef(high.width + low.width)
    if high.op == "extract" and low.op == "extract" and high.args == low.args:
        assert isinstance(high.value, int)
        assert isinstance(low.value, int)
        if high.value == low.value + low.width:
            return extract(high.args[0], low.value, high.width + low.width)
    return None


def extract(term: Term, low: int, width: int) -> Term:
    """Return bits `low + width - 1` down to `low` of `term`.

    Raises:
        ValueError: the slice is not inside the term.
    """
    if low < 0 or width < 1 or low + width > term.width:
        raise ValueError(f"expected a slice inside {term.width} bits, got low={low!r} width={width!r}")
    if width == term.width:
        return term
    if term.op == "const":
        return const(term.const_value >> low, width)
    if term.op == "undef":
        return undef(width)
    if term.op == "extract":
        assert isinstance(term.value, int)
        return extract(term.args[0], term.value + low, width)
    if term.op == "concat":
        return _extract_concat(term, low, width)
    if term.op == "lshr" and term.args[1].op == "const":
        shifted = low + term.args[1].const_value
        if shifted + width <= term.width:
            return extract(term.args[0], shifted, width)
    if term.op == "zext" and low >= term.args[0].width:
        return const(0, width)
    if term.op in ("zext", "sext") and low + width <= term.args[0].width:
        return extract(term.args[0], low, width)
    return make("extract", width, (term,), low)


def _extract_concat(term: Term, low: int, width: int) -> Term:
    pieces: list[Term] = []
    base = 0
    for part in reversed(term.args):
        start, end = max(low, base), min(low + width, base + part.width)
        if start < end:
            pieces.append(extract(part, start - base, end - start))
        base += part.width
    return concat(*reversed(pieces))


def zext(term: Term, width: int) -> Term:
    """Return `term` widened to `width` bits with zeros, or its low bits where `width` is smaller."""
    if width <= term.width:
        return extract(term, 0, width)
    if term.op == "const":
        return const(term.const_value, width)
    if term.op == "zext":
        return zext(term.args[0], width)
    return make("zext", width, (term,))


def sext(term: Term, width: int) -> Term:
    """Return `term` widened to `width` bits with its sign, or its low bits where `width` is smaller."""
    if width <= term.width:
        return extract(term, 0, width)
    if term.op == "const":
        return const(to_signed(term.const_value, term.width), width)
    return make("sext", width, (term,))


def boolean(term: Term) -> Term:
    """Return the 1-bit truth value of `term` (Verilog: any bit set)."""
    return term if term.width == 1 else apply("redor", term)


def lnot(term: Term) -> Term:
    """Return the 1-bit logical negation of `term`."""
    truth = boolean(term)
    if truth.op == "not":
        return truth.args[0]
    return apply("not", truth)


def land(left: Term, right: Term) -> Term:
    """Return the logical and of two truth values, folding constants."""
    a, b = boolean(left), boolean(right)
    if a.op == "const":
        return b if a.value else a
    if b.op == "const":
        return a if b.value else b
    return a if a is b else apply("and", a, b)


def lor(left: Term, right: Term) -> Term:
    """Return the logical or of two truth values, folding constants."""
    a, b = boolean(left), boolean(right)
    if a.op == "const":
        return a if a.value else b
    if b.op == "const":
        return b if b.value else a
    return a if a is b else apply("or", a, b)


def _shift_amount(amount: int, width: int) -> int:
    return min(amount, width)


def _trunc_div(a: int, b: int) -> int:
    quotient = abs(a) // abs(b)
    return -quotient if (a < 0) != (b < 0) else quotient


def _sdiv(a: int, b: int, w: int) -> int:
    x, y = to_signed(a, w), to_signed(b, w)
    return _trunc_div(x, y) if y else (1 if x < 0 else -1)


def _srem(a: int, b: int, w: int) -> int:
    x, y = to_signed(a, w), to_signed(b, w)
    return x - y * _trunc_div(x, y) if y else x


# The value of every foldable operator on unsigned operands; the last argument is the width of the first operand.
# Division by zero follows SMT-LIB (all ones; the dividend): Verilog says x, so a design that relies on it has no
# defined value to keep.
FOLD: Final[Mapping[str, Callable[..., int]]] = {
    "not": lambda a, w: ~a,
    "neg": lambda a, w: -a,
    "and": lambda a, b, w: a & b,
    "or": lambda a, b, w: a | b,
    "xor": lambda a, b, w: a ^ b,
    "add": lambda a, b, w: a + b,
    "sub": lambda a, b, w: a - b,
    "mul": lambda a, b, w: a * b,
    "udiv": lambda a, b, w: a // b if b else mask(w),
    "urem": lambda a, b, w: a % b if b else a,
    "sdiv": _sdiv,
    "srem": _srem,
    "shl": lambda a, b, w: a << _shift_amount(b, w),
    "lshr": lambda a, b, w: a >> _shift_amount(b, w),
    "ashr": lambda a, b, w: to_signed(a, w) >> _shift_amount(b, w),
    "eq": lambda a, b, w: int(a == b),
    "ult": lambda a, b, w: int(a < b),
    "ule": lambda a, b, w: int(a <= b),
    "slt": lambda a, b, w: int(to_signed(a, w) < to_signed(b, w)),
    "sle": lambda a, b, w: int(to_signed(a, w) <= to_signed(b, w)),
    "redand": lambda a, w: int(a == mask(w)),
    "redor": lambda a, w: int(a != 0),
    "redxor": lambda a, w: a.bit_count() & 1,
}


def rebuild(term: Term, args: tuple[Term, ...]) -> Term:
    """Return `term` with other operands of the same widths, simplified as the constructors do."""
    if args == term.args:
        return term
    if term.op in ("zext", "sext"):
        return (zext if term.op == "zext" else sext)(args[0], term.width)
    if term.op == "extract":
        assert isinstance(term.value, int)
        return extract(args[0], term.value, term.width)
    if term.op == "select":
        return select(term.name, args[0], term.width)
    return apply(term.op, *args)


def walk(*roots: Term) -> Iterator[Term]:
    """Yield every distinct term under the roots once, operands before users."""
    seen: set[Term] = set()
    stack: list[tuple[Term, bool]] = [(r, False) for r in reversed(roots)]
    while stack:
        term, expanded = stack.pop()
        if expanded:
            yield term
        elif term not in seen:
            seen.add(term)
            stack.append((term, True))
            stack.extend((a, False) for a in reversed(term.args) if a not in seen)


def transform(root: Term, rewrite: Callable[[Term], Term]) -> Term:
    """Return `root` rebuilt bottom-up, `rewrite` applied to each distinct node after its operands."""
    done: dict[Term, Term] = {}
    for term in walk(root):
        done[term] = rewrite(rebuild(term, tuple(done[a] for a in term.args)))
    return done[root]


def substitute(root: Term, values: Mapping[str, Term]) -> Term:
    """Return `root` with variables replaced by terms of the same width; what comes in is not replaced again."""
    if not values:
        return root
    done: dict[Term, Term] = {}
    for term in walk(root):
        rebuilt = rebuild(term, tuple(done[a] for a in term.args))
        done[term] = values.get(term.name, term) if term.op == "var" else rebuilt
    return done[root]


def replaced(roots: Sequence[Term], changed: Mapping[Term, Term]) -> list[Term]:
    """Return the roots with some terms under them replaced by others of the same width; these are not looked into."""
    done: dict[Term, Term] = {}
    for term in walk(*roots):
        done[term] = changed[term] if term in changed else rebuild(term, tuple(done[a] for a in term.args))
    return [done[r] for r in roots]


def variables(*roots: Term) -> dict[str, int]:
    """Return name and width of every signal read under the roots (memories not included), in order of first use."""
    found: dict[str, int] = {}
    for root in roots:
        found.update(_reads(root))
    return found


def _reads(root: Term) -> dict[str, int]:
    """Return the signals under one term; kept with each term, because front ends ask for every subexpression."""
    stack = [root]
    while stack:
        term = stack[-1]
        missing = [a for a in reversed(term.args) if a._reads is None]
        if term._reads is None and missing:
            stack += missing
            continue
        stack.pop()
        if term._reads is None:
            term._reads = {term.name: term.width} if term.op == "var" else _union([a._reads or {} for a in term.args])
    return root._reads or {}


def _union(parts: list[dict[str, int]]) -> dict[str, int]:
    """Return the parts as one, one of them itself where it holds the others."""
    largest = max(parts, key=len, default={})
    if all(p is largest or p.keys() <= largest.keys() for p in parts):
        return largest
    return {name: width for part in parts for name, width in part.items()}


def _digest(root: Term) -> bytes:
    """Return what identifies a term in every run, at the cost of one walk."""
    stack = [root]
    while stack:
        term = stack[-1]
        missing = [a for a in term.args if a._key is None]
        if term._key is None and missing:
            stack += missing
            continue
        stack.pop()
        if term._key is None:
            head = f"{term.op}\0{term.width}\0{term.value}\0".encode()
            parts = b"".join(a._key or b"" for a in term.args)
            term._key = hashlib.blake2b(head + parts, digest_size=16).digest()
    return root._key or b""


def evaluate(root: Term, values: Mapping[str, int], memories: Mapping[str, Mapping[int, int]] | None = None) -> int:
    """Return the unsigned value of `root` for unsigned signal values; `undef` reads as 0.

    Raises:
        KeyError: a signal has no value.
    """
    done: dict[Term, int] = {}
    for t in walk(root):
        done[t] = _evaluate_node(t, [done[a] for a in t.args], values, memories or {})
    return done[root]


def _evaluate_node(
    t: Term, args: list[int], values: Mapping[str, int], memories: Mapping[str, Mapping[int, int]]
) -> int:
    limit = mask(t.width)
    if t.op == "const":
        return t.const_value
    if t.op == "undef":
        return 0
    if t.op == "var":
        return values[t.name] & limit
    if t.op == "select":
        return memories[t.name].get(args[0], 0) & limit
    if t.op == "ite":
        return args[1] if args[0] else args[2]
    if t.op == "concat":
        return _join(t.args, args)
    if t.op == "extract":
        assert isinstance(t.value, int)
        return args[0] >> t.value & limit
    if t.op == "zext":
        return args[0]
    if t.op == "sext":
        return to_signed(args[0], t.args[0].width) & limit
    return FOLD[t.op](*args, t.args[0].width) & limit


def _join(parts: tuple[Term, ...], args: list[int]) -> int:
    total = 0
    for part, arg in zip(parts, args, strict=True):
        total = total << part.width | arg
    return total
