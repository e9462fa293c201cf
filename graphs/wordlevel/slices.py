"""Slices of computed values moved to their operands, because Verilog can slice names only."""

from __future__ import annotations

from typing import Final

from rtlgen.graphs.wordlevel.terms import Term, apply, concat, const, extract, ite, make, transform

MODULAR: Final = frozenset({"and", "or", "xor", "add", "sub", "mul", "not", "neg"})
"""Operators whose low bits depend only on the operands' low bits."""


def push_extract(base: Term, low: int, width: int) -> Term | None:
    """Return `extract(base, low, width)` with the slice moved to the operands, or None where that is impossible."""
    op = base.op
    if op in ("and", "or", "xor", "not") or (low == 0 and op in MODULAR):
        return apply(op, *(extract(a, low, width) for a in base.args))
    if op == "ite":
        return make("ite", width, (base.args[0], extract(base.args[1], low, width), extract(base.args[2], low, width)))
    if op in ("zext", "sext"):
        return _extract_extension(base, low, width)
    if op in ("shl", "lshr", "ashr") and base.args[1].op == "const":
        return _extract_shifted(base, low, width)
    if low == 0 and op == "shl":
        return apply("shl", extract(base.args[0], 0, width), base.args[1])
    return None


def _extract_extension(base: Term, low: int, width: int) -> Term:
    inner = base.args[0]
    if low >= inner.width:
        if base.op == "zext":
            return const(0, width)
        sign = extract(inner, inner.width - 1, 1)
        return sign if width == 1 else make("sext", width, (sign,))
    part = extract(inner, low, inner.width - low)
    return make(base.op, width, (part,)) if width > part.width else extract(part, 0, width)


def _extract_shifted(base: Term, low: int, width: int) -> Term | None:
    """Return bits of a shift by a constant as a slice of the shifted value widened by the constant."""
    source, amount = base.args[0], min(base.args[1].const_value, base.width)
    if amount == 0:
        return extract(source, low, width)
    if base.op == "shl":
        kept = [extract(source, 0, base.width - amount)] if amount < base.width else []
        return extract(make("concat", base.width, (*kept, const(0, amount))), low, width)
    if amount >= base.width and base.op == "lshr":
        return const(0, width)
    rest = extract(source, min(amount, base.width - 1), max(base.width - amount, 1))
    return extract(make("zext" if base.op == "lshr" else "sext", base.width, (rest,)), low, width)


def piecewise(term: Term) -> Term:
    """Return an equal term in which a choice between two joined values is made piece by piece.

    Bits that both values have in common leave the choice, so that a signal assigned in slices no longer reads itself.
    """
    return transform(term, _split_choice)


def _split_choice(term: Term) -> Term:
    if term.op != "ite" or "concat" not in (term.args[1].op, term.args[2].op):
        return term
    condition, then, other = term.args
    cuts = sorted(_cuts(then) | _cuts(other))
    pieces = []
    for low, high in zip([0, *cuts], [*cuts, term.width], strict=True):
        left, right = extract(then, low, high - low), extract(other, low, high - low)
        pieces.append((left is right, ite(condition, left, right)))
    return concat(*(piece for _, piece in reversed(pieces))) if any(same for same, _ in pieces) else term


def _cuts(term: Term) -> set[int]:
    """Return the places, in bits from the right, at which a concatenation may be cut."""
    places: set[int] = set()
    if term.op == "concat":
        position = 0
        for part in reversed(term.args[1:]):
            position += part.width
            places.add(position)
    return places
