"""A readable normal form of extracted terms: equal ideas are one candidate, the text looks written by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from rtlgen.graphs.wordlevel.terms import (
    COMMUTATIVE,
    Term,
    apply,
    concat,
    const,
    extract,
    land,
    lnot,
    lor,
    make,
    mask,
    transform,
    walk,
)

REVERSED: Final = {"ult": "ule", "ule": "ult", "slt": "sle", "sle": "slt"}


def tidy(roots: Sequence[Term], like: Sequence[Term]) -> tuple[Term, ...]:
    """Return equal terms in normal form; operands of commutative operators in the order in which `like` reads them."""
    order: dict[str, int] = {}
    for term in walk(*like):
        if term.op == "var":
            order.setdefault(term.name, len(order))
    first: dict[Term, tuple[int, int]] = {}
    return tuple(transform(root, lambda t: _tidy_node(t, order, first)) for root in roots)


def _tidy_node(term: Term, order: Mapping[str, int], first: dict[Term, tuple[int, int]]) -> Term:
    term = _simpler(term)
    if term.op in COMMUTATIVE and _key(term.args[0], order, first) > _key(term.args[1], order, first):
        return make(term.op, term.width, (term.args[1], term.args[0]))
    if term.op in REVERSED and _key(term.args[0], order, first) > _key(term.args[1], order, first):
        # `b < a` is written `a > b`, which the printer makes of a negated `a <= b`.
        return lnot(make(REVERSED[term.op], 1, (term.args[1], term.args[0])))
    return term


def _key(term: Term, order: Mapping[str, int], first: dict[Term, tuple[int, int]]) -> tuple[int, int]:
    """Return where a term stands among operands: literals last, else by its first signal, short ones first."""
    if term not in first:
        if term.op == "const":
            first[term] = (1 << 30, 0)
        elif term.op == "var":
            first[term] = (order.get(term.name, 1 << 20), 0)
        elif term.op in ("zext", "sext") and term.args[0].width == 1:  # `a + carry`
            first[term] = (1 << 24, _key(term.args[0], order, first)[0])
        else:
            inner = [_key(a, order, first) for a in term.args if a.op != "const"]
            first[term] = min(inner, default=(1 << 25, 0)) if inner else (1 << 25, 0)
            first[term] = (first[term][0], first[term][1] + 1)
    return first[term]


def _simpler(term: Term) -> Term:
    op, args, width = term.op, term.args, term.width
    if op == "mul":
        return _power_of_two(term)
    if op == "not" and args[0].op == "not":
        return args[0].args[0]
    if op == "not" and args[0].op == "const":
        return const(~args[0].const_value, width)
    if op in ("xor", "and", "or", "add"):
        return _with_literal(term)
    if op == "shl" and args[1].op == "const" and args[0].op == "shl" and args[0].args[1].op == "const":
        return _shift(args[0].args[0], args[1].const_value + args[0].args[1].const_value)
    if op == "sub" and args[0].op == "const" and args[0].const_value == 0:
        return apply("neg", args[1])
    if op == "eq" and width == 1 and args[0].width == 1:
        return _bit_equality(term)
    if op == "ite":
        return _choice(term)
    if op == "concat":
        return _joined(term)
    if op == "extract" and not term.value and args[0].op in ("zext", "sext") and width > args[0].args[0].width:
        return make(args[0].op, width, args[0].args)
    return term


def _with_literal(term: Term) -> Term:
    """Return a sum or bitwise operation without a neutral literal, and sums of negated values as differences."""
    op, width = term.op, term.width
    for value, literal in (term.args, term.args[::-1]):
        if literal.op == "const" and literal.const_value == (mask(width) if op == "and" else 0):
            return value
        if op == "and" and literal.op == "const" and literal.const_value == 0:
            return literal
        if op == "xor" and literal.op == "const" and literal.const_value == mask(width):
            return apply("not", value)
        if op == "add" and literal.op == "neg":
            return apply("sub", value, literal.args[0])
    if op == "add" and term.args[1].op == "sext" and term.args[1].args[0].width == 1:
        return apply("sub", term.args[0], make("zext", width, term.args[1].args))
    return term


def _power_of_two(term: Term) -> Term:
    for factor, other in (term.args, term.args[::-1]):
        if factor.op == "const" and factor.const_value.bit_count() == 1:
            return _shift(other, factor.const_value.bit_length() - 1)
    return term


def _shift(value: Term, amount: int) -> Term:
    if amount == 0:
        return value
    if amount >= value.width:
        return const(0, value.width)
    return apply("shl", value, const(amount, amount.bit_length()))


def _bit_equality(term: Term) -> Term:
    for left, right in (term.args, term.args[::-1]):
        if right.op == "const":
            return left if right.const_value else lnot(left)
    return term


def _choice(term: Term) -> Term:
    condition, then, other = term.args
    if condition.op == "not":
        return _choice(make("ite", term.width, (condition.args[0], other, then)))
    if term.width == 1 and then.op == "const":
        return lor(condition, other) if then.const_value else land(lnot(condition), other)
    if term.width == 1 and other.op == "const":
        return lor(lnot(condition), then) if other.const_value else land(condition, then)
    return term


def _joined(term: Term) -> Term:
    """Return `{1'b0, a}` as the extension that it is, and sign bits likewise."""
    head, rest = term.args[0], concat(*term.args[1:])
    if head.op == "const" and head.const_value == 0 and rest.op != "const":
        return make("zext", term.width, (rest,))
    if head.op == "sext" and head.args[0] is extract(rest, rest.width - 1, 1):
        return make("sext", term.width, (rest,))
    return term


def is_ones(term: Term) -> bool:
    """Return whether a term is the literal with all bits set."""
    return term.op == "const" and term.const_value == mask(term.width)
