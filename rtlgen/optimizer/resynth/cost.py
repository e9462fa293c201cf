"""Rough hardware cost of word-level terms, in two-input NAND equivalents, to order a search before measuring.

Figures are per bit for a ripple implementation; only their order matters, because real synthesis decides.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
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
        stages = min(term.args[1].width, width.bit_length())
        return 2.0 * width * stages
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


def term_cost(root: Term, present: Collection[Term] = ()) -> float:
    """Return the cost of `root`'s distinct nodes, nodes in `present` and everything only they need not counted."""
    stack, seen, total = [root], set(present), 0.0
    while stack:
        term = stack.pop()
        if term in seen:
            continue
        seen.add(term)
        total += node_cost(term)
        stack.extend(term.args)
    return total


def size(root: Term) -> int:
    """Return the number of distinct operators, a measure of how long the text gets."""
    return sum(1 for t in walk(root) if t.op not in ("var", "const", "undef"))
