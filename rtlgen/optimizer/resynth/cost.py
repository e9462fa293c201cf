"""Rough hardware cost of word-level terms, in two-input NAND equivalents, to order a search before measuring.

Figures are per bit for a ripple implementation; only their order matters, because real synthesis decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from rtlgen.graphs.wordlevel.terms import Term, walk

PER_BIT: Final[Mapping[str, float]] = {
    "not": 0.5,
    "and": 1.3,
    "or": 1.3,
    "xor": 2.2,
    "neg": 3.5,
    "add": 6.0,
    "sub": 6.2,
    "ite": 2.2,
    "eq": 3.0,
    "ult": 3.8,
    "ule": 3.8,
    "slt": 3.9,
    "sle": 3.9,
    "redand": 1.1,
    "redor": 1.1,
    "redxor": 2.1,
}
WIRING: Final = frozenset({"const", "undef", "var", "concat", "extract", "zext", "sext"})


def node_cost(term: Term) -> float:
    """Return the cost of the operator at the root of `term`, without its operands."""
    if term.op in WIRING:
        return 0.0
    width = term.args[0].width if term.width == 1 else term.width
    if any(a.is_const for a in term.args) and term.op not in ("ite", "select"):
        return _constant_operand(term, width)
    if term.op in ("mul",):
        return 6.0 * _significant(term.args[0]) * _significant(term.args[1])
    if term.op in ("udiv", "urem", "sdiv", "srem"):
        return 9.0 * width * width
    if term.op in ("shl", "lshr", "ashr"):
        return 2.0 * width * min(_significant(term.args[1]), width.bit_length())
    if term.op == "select":
        return 4.0 * width
    if term.op == "ite":
        return PER_BIT["ite"] * sum(0.5 for a in term.args[1:] if not a.is_const) * term.width
    # Bits above a zero-extended operand need half adders only.
    return PER_BIT[term.op] * _effective(term, width)


def _significant(term: Term) -> int:
    return term.args[0].width if term.op in ("zext", "sext") else term.width


def _effective(term: Term, width: int) -> float:
    if term.op not in ("add", "sub"):
        return width
    sizes = sorted(_significant(a) for a in term.args)
    return sizes[0] + 0.5 * (min(width, sizes[-1]) - sizes[0]) + 0.2


def _constant_operand(term: Term, width: int) -> float:
    if term.op in ("shl", "lshr", "ashr"):
        return 0.0
    literal = next(a for a in term.args if a.is_const).const_value
    if term.op in ("and", "or"):
        return 0.0
    if term.op == "xor":
        return 0.5 * literal.bit_count()
    if term.op == "mul":
        return 6.0 * width * max(0, min(literal.bit_count(), (3 * literal ^ literal).bit_count()) - 1)
    if term.op in ("udiv", "urem", "sdiv", "srem"):
        return 0.0 if literal and literal & (literal - 1) == 0 else 6.0 * width * width
    if term.op in ("eq", "ult", "ule", "slt", "sle"):
        return 1.2 * width
    return 3.5 * width


def _shifted(term: Term) -> Term | None:
    """Return the variable shift that a slice is taken from, None for any other term."""
    inner = term.args[0] if term.op == "extract" else None
    return inner if inner is not None and inner.op in ("lshr", "shl") and not inner.args[1].is_const else None


def _multiplexer(slice_: Term, shifted: Term) -> float:
    """Return the cost of a slice of a shifted word built as a multiplexer of slices."""
    return 1.8 * slice_.width * ((1 << min(_varying(shifted.args[1]), 12)) - 1)


def _shifter(shifted: Term, widest: int) -> float:
    """Return the cost of a whole shifter; one over a repeated word is a rotation of the slice's width."""
    word, amount = shifted.args
    repeated = word.op == "concat" and len(set(word.args)) < len(word.args)
    return 2.0 * (widest if repeated else word.width) * min(_significant(amount), word.width.bit_length())


def _varying(amount: Term) -> int:
    """Return the number of bits of a shift amount that are not constant."""
    if amount.op == "zext":
        return _varying(amount.args[0])
    if amount.op == "concat":
        return sum(_varying(a) for a in amount.args)
    if amount.op == "mul" and any(a.is_const for a in amount.args):
        return sum(_varying(a) for a in amount.args)
    return 0 if amount.is_const else amount.width


def total_cost(roots: Iterable[Term]) -> float:
    """Return the cost of the distinct nodes under the roots.

    Slices of a shifted word are multiplexers or parts of one shifter, whichever is cheaper for all of them.
    """
    stack, seen, total = list(roots), set[Term](), 0.0
    slices: dict[Term, list[Term]] = {}
    while stack:
        term = stack.pop()
        if term in seen:
            continue
        seen.add(term)
        shifted = _shifted(term)
        if shifted is None:
            total += node_cost(term)
            stack.extend(term.args)
        else:
            slices.setdefault(shifted, []).append(term)
            stack.extend(shifted.args)
    for shifted, users in slices.items():
        if shifted not in seen:
            apart = sum(_multiplexer(u, shifted) for u in users)
            total += min(apart, _shifter(shifted, max(u.width for u in users)))
    return total


def term_cost(root: Term) -> float:
    """Return the cost of `root`'s distinct nodes."""
    return total_cost((root,))


def clutter(root: Term) -> float:
    """Return a small penalty for how much there is to read: operators, and pieces of concatenations."""
    return sum(
        0.3 + (0.7 * len(x.args) if x.op == "concat" else 0.0)
        for x in walk(root)
        if x.op not in ("var", "const", "undef", "zext", "extract")
    )
