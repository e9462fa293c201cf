"""Small simplifications that make found expressions look written by hand, and equal ones look equal."""

from __future__ import annotations

from collections import Counter

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.terms import Term


def tidy(root: Term) -> Term:
    """Return an equal term without neutral operands and double negations, commutative operands in a fixed order."""
    ranks: dict[Term, tuple[int, str]] = {}
    return t.transform(root, lambda x: _rule(x, ranks))


def shape(root: Term) -> tuple[tuple[str, int], ...]:
    """Return a key that terms of the same operators and leaves share, however they are arranged."""
    counts: Counter[str] = Counter()
    for x in t.walk(root):
        counts[f"{x.op}:{x.value}" if x.op == "var" else x.op] += 1
    return tuple(sorted(counts.items()))


def _rule(x: Term, ranks: dict[Term, tuple[int, str]]) -> Term:
    result = _simplify(x)
    if result.op in t.COMMUTATIVE and len(result.args) == 2:
        a, b = sorted(result.args, key=_addend if result.op == "add" else lambda y: _rank(y, ranks))
        result = t.make(result.op, result.width, (a, b), result.value)
    return result


def _addend(x: Term) -> tuple[bool, bool, bool, str]:
    """Order of summands: sums, words, single bits, constants."""
    name = x.args[0] if x.op in ("zext", "sext") else x
    return x.is_const, name.width == 1, x.op != "add", str(name.value)


def _rank(x: Term, ranks: dict[Term, tuple[int, str]]) -> tuple[int, str]:
    """Order: signals by name, then computed values by depth, constants last."""
    if x not in ranks:
        if x.is_const:
            ranks[x] = (1 << 30, str(x.value))
        elif x.op == "var":
            ranks[x] = (0, x.name)
        else:
            below = [_rank(a, ranks) for a in x.args]
            depth, name = max((r for a, r in zip(x.args, below, strict=True) if not a.is_const), default=(1 << 29, ""))
            ranks[x] = (min(depth, 1 << 29) + 1, min((r[1] for r in below), default="") or name)
    return ranks[x]


def _simplify(x: Term) -> Term:
    if x.op == "not":
        return x.args[0].args[0] if x.args[0].op == "not" else x
    if x.op == "ite":
        return _choice(x)
    if x.op == "xor":
        return _with_constant(x, neutral=0, flips=t.mask(x.width))
    if x.op in ("and", "or"):
        neutral = t.mask(x.width) if x.op == "and" else 0
        return _with_constant(x, neutral=neutral, decides=t.mask(x.width) - neutral)
    if x.op == "eq" and x.args[0].width == 1:
        return _bit_equality(x)
    if x.op in ("add", "sub") and x.args[1].is_const and x.args[1].const_value == 0:
        return x.args[0]
    if x.op == "sub" and x.args[0].is_const:
        return _subtract_from(x)
    if x.op == "concat" and any(a.op == "concat" for a in x.args):
        return t.concat(*x.args)
    return x


def _subtract_from(x: Term) -> Term:
    if x.args[0].const_value == 0:
        return t.apply("neg", x.args[1])
    return t.apply("not", x.args[1]) if x.args[0].const_value == t.mask(x.width) else x


def _choice(x: Term) -> Term:
    condition, then, other = x.args
    if condition.op == "not":
        condition, then, other = condition.args[0], other, then
    if x.width == 1 and then.is_const and other.is_const:
        return condition if then.const_value else _simplify(t.apply("not", condition))
    if x.width == 1 and (then.is_const or other.is_const):
        return _gate(condition, then, other)
    return t.ite(condition, then, other)


def _gate(condition: Term, then: Term, other: Term) -> Term:
    opposite = _simplify(t.apply("not", condition))
    if then.is_const:
        return t.apply("or", condition, other) if then.const_value else t.apply("and", opposite, other)
    return t.apply("or", opposite, then) if other.const_value else t.apply("and", condition, then)


def _with_constant(x: Term, *, neutral: int, flips: int | None = None, decides: int | None = None) -> Term:
    for literal, other in (x.args, x.args[::-1]):
        if literal.is_const:
            if literal.const_value == neutral:
                return other
            if literal.const_value == flips:
                return _simplify(t.apply("not", other))
            if literal.const_value == decides:
                return literal
    if x.args[0] is x.args[1]:
        return t.const(0, x.width) if x.op == "xor" else x.args[0]
    for one, other in (x.args, x.args[::-1]):
        if x.op == "xor" and other.op == "xor" and one in other.args:
            return other.args[1] if other.args[0] is one else other.args[0]
    for literal, other in (x.args, x.args[::-1]):
        if literal.is_const and other.op == x.op and any(a.is_const for a in other.args):
            inner, rest = other.args if other.args[0].is_const else other.args[::-1]
            return _simplify(t.apply(x.op, rest, t.apply(x.op, inner, literal)))
    return x


def _bit_equality(x: Term) -> Term:
    for literal, other in (x.args, x.args[::-1]):
        if literal.is_const:
            return other if literal.const_value else _simplify(t.apply("not", other))
    return x
