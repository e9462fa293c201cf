"""Push known-zero high bits out of terms: operators become as narrow as their operands allow."""

from __future__ import annotations

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.terms import Term

_LOW_BITS = frozenset({"add", "sub", "mul", "and", "or", "xor", "not", "neg"})


def significant(term: Term) -> int:
    """Return the number of low bits beyond which the term is seen to be zero, at least 1."""
    if term.op == "zext":
        return significant(term.args[0])
    if term.op == "const":
        return max(1, term.const_value.bit_length())
    if term.op == "concat" and term.args[0].is_const and term.args[0].const_value == 0:
        return term.width - term.args[0].width
    return term.width


def low_bits(term: Term, width: int) -> Term:
    """Return the low `width` bits of a term, computed no wider than that where the operators allow it."""
    if width >= term.width:
        return t.zext(term, width)
    if term.op in _LOW_BITS:
        return t.apply(term.op, *(low_bits(a, width) for a in term.args))
    if term.op == "ite":
        return t.ite(term.args[0], low_bits(term.args[1], width), low_bits(term.args[2], width))
    if term.op == "shl" and term.args[1].is_const:
        return t.apply("shl", low_bits(term.args[0], width), term.args[1])
    if term.op == "zext":
        return low_bits(term.args[0], width)
    return t.extract(term, 0, width)


def shrink(root: Term) -> Term:
    """Return an equal term whose operators are as narrow as zero-extended operands and constants allow."""
    return t.transform(root, _shrink_node)


def _shrink_node(term: Term) -> Term:
    if term.op in t.COMPARISONS:
        return _comparison(term)
    if term.op == "extract" and term.value == 0:
        return low_bits(term.args[0], term.width)
    if term.op == "redor" and significant(term.args[0]) < term.args[0].width:
        return t.boolean(low_bits(term.args[0], significant(term.args[0])))
    if term.op == "urem" and term.args[1].is_const and term.args[1].const_value > t.mask(significant(term.args[0])):
        return term.args[0]
    if term.op in ("and", "or", "xor", "ite", "udiv", "urem", "add", "lshr", "mul"):
        return _operator(term)
    return term


def _comparison(term: Term) -> Term:
    a, b = term.args
    width = max(significant(a), significant(b))
    if term.op in ("slt", "sle"):
        if width >= a.width:
            return term
        return _compare({"slt": "ult", "sle": "ule"}[term.op], a, b, width)
    return _compare(term.op, a, b, width) if width < a.width else _decided(term, a, b)


def _compare(op: str, a: Term, b: Term, width: int) -> Term:
    return _decided(t.apply(op, low_bits(a, width), low_bits(b, width)), a, b)


def _decided(term: Term, a: Term, b: Term) -> Term:
    """Fold comparisons with a constant out of the other side's range."""
    if a.is_const and a.const_value > t.mask(significant(b)):
        return t.const(0, 1)
    if b.is_const and b.const_value > t.mask(significant(a)):
        return t.const(0 if term.op == "eq" else 1, 1)
    return term


def _operator(term: Term) -> Term:
    values = term.args[1:] if term.op == "ite" else term.args
    sizes = [significant(v) for v in values]
    width = max(sizes)
    if term.op == "and":
        width = min(sizes)
    elif term.op == "add":
        width = max(sizes) + 1
    elif term.op == "mul":
        width = sum(sizes)
    elif term.op == "lshr":
        width = sizes[0]
    if width >= term.width:
        return term
    if term.op == "ite":
        return t.zext(t.ite(term.args[0], *(low_bits(v, width) for v in values)), term.width)
    if term.op == "lshr":
        return t.zext(t.apply("lshr", low_bits(term.args[0], width), term.args[1]), term.width)
    if term.op == "udiv" and not (term.args[1].is_const and term.args[1].const_value):
        return term  # a division by zero fills the whole width with ones
    return t.zext(t.apply(term.op, *(low_bits(v, width) for v in values)), term.width)
