"""Closed forms of tables: what a value is as a function of a selector, given its term for every selector code."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from rtlgen.graphs.wordlevel.terms import Term, apply, concat, const, extract, ite, make, mask, transform, zext
from rtlgen.optimizer.egraph.tidy import tidy

Atom = tuple[Term, int] | int | None
"""One bit: (term, index), a literal 0 or 1, or None for a don't-care."""
WIDEST: Final = 6
"""Widest selector whose codes are enumerated."""


def table(term: Term, selector: str, width: int) -> list[Term]:
    """Return the simplified value of `term` for each code of a signal, from code 0 up."""
    return [folded(substitute_folding(term, selector, const(code, width))) for code in range(1 << width)]


def substitute_folding(term: Term, name: str, value: Term) -> Term:
    """Return `term` with a signal replaced, folded on the way up so that dead branches vanish."""
    return transform(term, lambda t: value if t.op == "var" and t.name == name else fold_node(t))


def fold_node(term: Term) -> Term:
    """Return a node simplified by its literal operands: neutral and absorbing ones, orders decided by ranges."""
    op, args = term.op, term.args
    if op in ("and", "or", "xor", "add") and any(a.op == "const" for a in args):
        return _with_literal(term)
    if op in ("ult", "ule", "eq"):
        return _compared(term)
    if op == "redor" and any(b == 1 for b in bits(args[0])):
        return const(1, 1)
    if op == "redor" and all(b == 0 for b in bits(args[0])):
        return const(0, 1)
    if op in ("shl", "lshr") and args[1].op == "const":
        return shifted(op, args[0], args[1].const_value)
    if op == "mul" and any(a.op == "const" and a.const_value == 0 for a in args):
        return const(0, term.width)
    return term


def _with_literal(term: Term) -> Term:
    limit = mask(term.width)
    for value, literal in (term.args, term.args[::-1]):
        if literal.op != "const":
            continue
        number = literal.const_value
        if number == (limit if term.op == "and" else 0):
            return value
        if (term.op == "and" and number == 0) or (term.op == "or" and number == limit):
            return literal
        if term.op == "xor" and number == limit:
            return apply("not", value)
    return term


def _range(term: Term) -> tuple[int, int]:
    low = high = 0
    for position, bit in enumerate(bits(term)):
        low |= (1 << position) if bit == 1 else 0
        high |= (1 << position) if bit != 0 else 0
    return low, high


def _compared(term: Term) -> Term:
    (low_a, high_a), (low_b, high_b) = _range(term.args[0]), _range(term.args[1])
    if term.op == "eq":
        known = zip(bits(term.args[0]), bits(term.args[1]), strict=True)
        if any(isinstance(a, int) and isinstance(b, int) and a != b for a, b in known):
            return const(0, 1)
        return term
    strict = term.op == "ult"
    if high_a < low_b or (not strict and high_a == low_b):
        return const(1, 1)
    if low_a > high_b or (strict and low_a == high_b):
        return const(0, 1)
    return term


def folded(term: Term) -> Term:
    """Return the readable normal form of a folded term."""
    return tidy([term], [term])[0]


def shifted(op: str, value: Term, amount: int) -> Term:
    """Return a shift by a constant as wiring."""
    width = value.width
    if amount == 0:
        return value
    if amount >= width:
        return const(0, width)
    if op == "shl":
        return concat(extract(value, 0, width - amount), const(0, amount))
    return zext(extract(value, amount, width - amount), width)


def bits(term: Term) -> list[Atom]:
    """Return the bits of a term, lowest first; wiring is looked through."""
    op = term.op
    if op == "const":
        return [term.const_value >> i & 1 for i in range(term.width)]
    if op == "undef":
        return [None] * term.width
    if op == "concat":
        return [b for part in reversed(term.args) for b in bits(part)]
    if op == "extract":
        low = int(term.value or 0)
        return bits(term.args[0])[low : low + term.width]
    if op in ("zext", "sext"):
        inner = bits(term.args[0])
        fill: Atom = 0 if op == "zext" else inner[-1]
        return inner + [fill] * (term.width - len(inner))
    if op in ("shl", "lshr", "ashr") and term.args[1].op == "const":
        return _shifted_bits(term)
    if op == "or":
        left, right = bits(term.args[0]), bits(term.args[1])
        return [_or(a, b, term, i) for i, (a, b) in enumerate(zip(left, right, strict=True))]
    return [(term, i) for i in range(term.width)]


def _or(a: Atom, b: Atom, term: Term, index: int) -> Atom:
    if a == 0:
        return b
    if b == 0:
        return a
    return 1 if 1 in (a, b) else (term, index)


def _shifted_bits(term: Term) -> list[Atom]:
    inner, width = bits(term.args[0]), term.width
    amount = min(term.args[1].const_value, width)
    if term.op == "shl":
        return [0] * amount + inner[: width - amount]
    return inner[amount:] + [0 if term.op == "lshr" else inner[-1]] * amount


def from_bits(atoms: Sequence[Atom]) -> Term:
    """Return the term with these bits, lowest first; a don't-care becomes 0."""
    return concat(*(extract(a[0], a[1], 1) if isinstance(a, tuple) else const(a or 0, 1) for a in reversed(atoms)))


# Closed forms ------------------------------------------------------------------------------------------------------


def closed_forms(values: Sequence[Term], selector: Term, depth: int = 3) -> Iterator[Term]:
    """Yield terms over `selector` whose value at each code is that of `values` (at least one distinct pair in them).

    Args:
        values: the value for every code, from 0 up; `undef` where it does not matter.
        selector: a term of log2(len(values)) bits.
        depth: operators that may be looked into for a common shape.
    """
    real = [v for v in values if v.op != "undef"]
    if not real:
        return
    if len(set(real)) == 1:
        yield real[0]
        return
    if all(v.op in ("const", "undef") for v in values):
        yield from constant_forms([v.const_value if v.op == "const" else None for v in values], selector, real[0].width)
        return
    yield from wiring_forms(values, selector)
    if depth > 0:
        yield from common_shape(values, selector, depth)


def common_shape(values: Sequence[Term], selector: Term, depth: int) -> Iterator[Term]:
    """Yield one operator over the closed forms of its operands, where every value is that operator."""
    shapes = {(v.op, v.width, len(v.args), v.value if v.op != "const" else None) for v in values}
    first = values[0]
    if len(shapes) != 1 or not first.args or first.op in ("concat", "zext", "sext"):
        return
    if len({tuple(a.width for a in v.args) for v in values}) != 1:
        return
    columns = [[v.args[i] for v in values] for i in range(len(first.args))]
    forms = [next(closed_forms(c, selector, depth - 1), None) for c in columns]
    if all(f is not None for f in forms):
        yield make(first.op, first.width, tuple(f for f in forms if f is not None), first.value)


def constant_forms(values: Sequence[int | None], selector: Term, width: int) -> Iterator[Term]:
    """Yield arithmetic and bit patterns of a table of literals; None entries do not matter."""
    limit = mask(width)
    for make_form, function in _functions(values, selector, width):
        if all(v is None or v == function(k) & limit for k, v in enumerate(values)):
            yield make_form()
    by_bit = bitwise_form(values, selector, width)
    if by_bit is not None:
        yield by_bit


def _functions(
    values: Sequence[int | None], selector: Term, width: int
) -> Iterator[tuple[Callable[[], Term], Callable[[int], int]]]:
    n = selector.width
    wide = zext(selector, max(width, n))

    def low(term: Term) -> Term:
        return extract(term, 0, width)

    one, ones = const(1, width), const(mask(width), width)
    yield lambda: apply("shl", one, selector), lambda k: 1 << k
    yield lambda: apply("lshr", const(1 << width - 1, width), selector), lambda k: (1 << width - 1) >> k
    yield lambda: apply("not", apply("shl", ones, selector)), lambda k: (1 << k) - 1
    yield lambda: apply("shl", ones, selector), lambda k: -(1 << k)
    yield lambda: apply("lshr", ones, selector), lambda k: mask(width) >> k
    yield (
        lambda: apply("not", apply("shl", const(mask(width) - 1, width), selector)),
        lambda k: (1 << k + 1) - 1,
    )
    if n > 1:
        gray = apply("xor", selector, shifted("lshr", selector, 1))
        yield lambda: low(zext(gray, max(width, n))), lambda k: k ^ k >> 1
    known = [(k, v) for k, v in enumerate(values) if v is not None]
    if len(known) >= 2:
        (k0, v0), (k1, v1) = known[0], known[1]
        if (v1 - v0) % (k1 - k0) == 0:
            for slope in {(v1 - v0) // (k1 - k0), ((v1 - v0) // (k1 - k0)) & mask(width)}:
                yield _line(wide, width, slope, v0 - slope * k0)


def _line(selector: Term, width: int, slope: int, offset: int) -> tuple[Callable[[], Term], Callable[[int], int]]:
    return lambda: extract(_affine(selector, slope, offset), 0, width), lambda k: slope * k + offset


def _affine(selector: Term, slope: int, offset: int) -> Term:
    width = selector.width
    if slope == -1:
        return apply("sub", const(offset, width), selector) if offset + 1 & mask(width) else apply("not", selector)
    scaled = selector if slope == 1 else apply("mul", selector, const(slope, width))
    return scaled if offset & mask(width) == 0 else apply("add", scaled, const(offset, width))


def bitwise_form(values: Sequence[int | None], selector: Term, width: int) -> Term | None:
    """Return a concatenation of single selector bits, their complements and literals, None where that is not enough."""
    parts: list[Term] = []
    for position in reversed(range(width)):
        column = [None if v is None else v >> position & 1 for v in values]
        found = _literal_of(column, selector)
        if found is None:
            return None
        parts.append(found)
    return concat(*parts)


def _literal_of(column: Sequence[int | None], selector: Term) -> Term | None:
    for value in (0, 1):
        if all(c is None or c == value for c in column):
            return const(value, 1)
    choices = [((1 << i), extract(selector, i, 1)) for i in range(selector.width)]
    for pick, term in choices:
        if all(c is None or c == int(bool(k & pick)) for k, c in enumerate(column)):
            return term
        if all(c is None or c != int(bool(k & pick)) for k, c in enumerate(column)):
            return apply("not", term)
    for i, (p, s) in enumerate(choices):
        for q, t in choices[i + 1 :]:
            parity = [bool(k & p) != bool(k & q) for k in range(len(column))]
            if all(c is None or c == int(x) for c, x in zip(column, parity, strict=True)):
                return apply("xor", s, t)
            if all(c is None or c != int(x) for c, x in zip(column, parity, strict=True)):
                return apply("not", apply("xor", s, t))
    return None


# Wiring: shifts, rotations, slices -----------------------------------------------------------------------------------


def wiring_forms(values: Sequence[Term], selector: Term) -> Iterator[Term]:
    """Yield shifts, rotations and indexed slices of one base value by the selector or its complement."""
    columns = [bits(v) for v in values]
    width = values[0].width
    bases = list(dict.fromkeys(b[0] for c in columns for b in c if isinstance(b, tuple)))
    # Bits of several signals in one vector: `{d, c, b, a}[sel]`.
    yield from _gathered(columns, selector, width)
    for base in bases[:4]:
        for direction, amount in ((1, selector), (-1, apply("not", selector))):
            yield from _shift_forms(columns, base, amount, direction, width, len(values))


def _order(count: int, direction: int) -> Callable[[int], int]:
    return (lambda k: k) if direction == 1 else (lambda k: count - 1 - k)


def _matches(columns: list[list[Atom]], wanted: Callable[[int, int], Atom]) -> bool:
    return all(b is None or b == wanted(k, i) for k, c in enumerate(columns) for i, b in enumerate(c))


def _shift_forms(
    columns: list[list[Atom]], base: Term, amount: Term, direction: int, width: int, count: int
) -> Iterator[Term]:
    order, size = _order(count, direction), base.width

    def at(index: int) -> Atom:
        return (base, index) if 0 <= index < size else 0

    if _matches(columns, lambda k, i: at(i - order(k))):
        yield extract(apply("shl", zext(base, max(width, size)), amount), 0, width)
    if _matches(columns, lambda k, i: at(i + order(k))):
        yield extract(apply("lshr", zext(base, max(width, size)), amount), 0, width)
    if size == width and _matches(columns, lambda k, i: (base, min(i + order(k), size - 1))):
        yield apply("ashr", base, amount)
    if size == width and size > 1:
        if _matches(columns, lambda k, i: (base, (i + order(k)) % size)):
            yield from rotations(base, amount, right=True)
        if _matches(columns, lambda k, i: (base, (i - order(k)) % size)):
            yield from rotations(base, amount, right=False)
    if width > 1 or size > 1:
        yield from _slices(columns, base, amount, order, width)


def _slices(
    columns: list[list[Atom]], base: Term, amount: Term, order: Callable[[int], int], width: int
) -> Iterator[Term]:
    """Yield `base[sel * stride + offset +: width]`."""
    first = {order(k): c for k, c in enumerate(columns)}
    starts = [first[k][0] for k in range(min(2, len(columns)))]
    indices = [s[1] for s in starts if isinstance(s, tuple) and s[0] is base]
    if len(indices) < 2 or indices[1] <= indices[0]:
        return
    stride, offset = indices[1] - indices[0], indices[0]
    if stride == 1:
        return  # a plain shift
    if _matches(
        columns,
        lambda k, i: (base, offset + stride * order(k) + i) if offset + stride * order(k) + i < base.width else 0,
    ):
        source = extract(base, offset, base.width - offset) if offset else base
        yield extract(apply("lshr", source, scaled(amount, stride)), 0, width)


def scaled(amount: Term, stride: int) -> Term:
    """Return `amount * stride` in as many bits as it needs."""
    if stride & (stride - 1) == 0:
        zeros = stride.bit_length() - 1
        return concat(amount, const(0, zeros)) if zeros else amount
    width = amount.width + stride.bit_length()
    return apply("mul", zext(amount, width), const(stride, width))


def _gathered(columns: list[list[Atom]], selector: Term, width: int) -> Iterator[Term]:
    """Yield an index into the concatenation of 1-bit values, one a code."""
    if width != 1 or any(c[0] is None for c in columns):
        return
    atoms = [c[0] for c in columns]
    if sum(1 for a in atoms if isinstance(a, tuple)) >= 3:
        joined = from_bits(atoms)
        if joined.op == "concat" or joined.op == "var":
            yield extract(apply("lshr", joined, selector), 0, 1)


def rotations(base: Term, amount: Term, *, right: bool) -> Iterator[Term]:
    """Yield a rotation stage by stage, and as one slice of the value joined to itself."""
    width = base.width
    value = base
    for stage in range(amount.width):
        distance = (1 << stage) % width
        if not right:
            distance = (width - distance) % width
        turned = concat(extract(value, 0, distance), extract(value, distance, width - distance)) if distance else value
        value = ite(extract(amount, stage, 1), turned, value)
    yield value
    if width & (width - 1) == 0 and amount.width <= width.bit_length() - 1:
        twice = concat(base, base)
        if right:
            yield extract(apply("lshr", twice, amount), 0, width)
        else:
            yield extract(apply("shl", twice, amount), width, width)


def tree(values: Sequence[Term], selector: Term, *, low_first: bool = False) -> Term:
    """Return a balanced multiplexer over the bits of `selector`; equal halves need none."""
    if len(values) == 1:
        return values[0]
    if low_first:
        bit, halves = 0, (values[1::2], values[0::2])
        rest = extract(selector, 1, selector.width - 1) if selector.width > 1 else selector
    else:
        bit, middle = selector.width - 1, len(values) // 2
        halves = (values[middle:], values[:middle])
        rest = extract(selector, 0, selector.width - 1) if selector.width > 1 else selector
    then, other = (tree(h, rest, low_first=low_first) for h in halves)
    if then.op == "undef":
        return other
    return then if other.op == "undef" else ite(extract(selector, bit, 1), then, other)
