"""Three-valued terms: for each value, which of its bits are undefined (IEEE 1800-2023, 11.4, and docs/equiv.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.terms import Term

Rail = tuple[Term, Term]
"""Value, and a mask of the bits that are undefined; the value's bits there mean nothing."""
_DIVISIONS = ("udiv", "urem", "sdiv", "srem")


def unseen(root: Term, done: Mapping[Term, object]) -> Iterator[Term]:
    """Yield every term under `root` that is not in `done`, operands first, not looking below those that are."""
    stack: list[tuple[Term, bool]] = [(root, False)]
    while stack:
        term, expanded = stack.pop()
        if term in done:
            continue
        if expanded:
            yield term
        else:
            stack.append((term, True))
            stack.extend((a, False) for a in term.args if a not in done)


class Substitution:
    """Replaces variables in many terms that share parts; `values` may grow between calls by names not yet met."""

    def __init__(self, values: Mapping[str, Term]) -> None:
        self._values = values
        self._done: dict[Term, Term] = {}

    def __call__(self, root: Term) -> Term:
        """Return `root` with variables replaced."""
        done = self._done
        for term in unseen(root, done):
            if term.op == "var":
                done[term] = self._values.get(term.name, term)
            else:
                done[term] = rebuilt(term, tuple(done[a] for a in term.args))
        return done[root]


def rebuilt(term: Term, args: tuple[Term, ...]) -> Term:
    """Return `term` over other operands, `and` and `or` with a deciding or neutral constant folded."""
    if args == term.args:
        return term
    if term.op == "and":
        return both(*args)
    if term.op == "or":
        return either(*args)
    return t.rebuild(term, args)


def is_value(term: Term, value: int) -> bool:
    """Return whether a term is this constant."""
    return term.is_const and term.const_value == value


def both(a: Term, b: Term) -> Term:
    """Return `a & b`, simplified where a constant decides."""
    ones = t.mask(a.width)
    if is_value(a, ones) or is_value(b, 0) or a is b:
        return b
    if is_value(b, ones) or is_value(a, 0):
        return a
    return t.apply("and", a, b)


def either(a: Term, b: Term) -> Term:
    """Return `a | b`, simplified where a constant decides."""
    ones = t.mask(a.width)
    if is_value(a, 0) or is_value(b, ones) or a is b:
        return b
    if is_value(b, 0) or is_value(a, ones):
        return a
    return t.apply("or", a, b)


def invert(a: Term) -> Term:
    """Return `~a`."""
    return a.args[0] if a.op == "not" else t.apply("not", a)


def spread(bit: Term, width: int) -> Term:
    """Return `width` copies of one bit."""
    return bit if width == 1 else t.sext(bit, width)


def choose(where: Term, then: Term, other: Term) -> Term:
    """Return the bits of `then` where `where` has ones, of `other` elsewhere."""
    done: dict[Term, Term] = {}
    for term in _selected(where, done):
        if is_value(term, 0):
            done[term] = other
        elif is_value(term, t.mask(term.width)):
            done[term] = then
        elif term.op == "ite":
            done[term] = t.ite(term.args[0], done[term.args[1]], done[term.args[2]])
        else:
            done[term] = either(both(term, then), both(invert(term), other))
    return done[where]


def _selected(root: Term, done: Mapping[Term, object]) -> Iterator[Term]:
    """Yield what selections choose from, below and up to `root`, operands first."""
    stack = [root]
    while stack:
        term = stack[-1]
        pending = [a for a in term.args[1:] if a not in done] if term.op == "ite" else []
        if pending:
            stack += pending
        else:
            stack.pop()
            if term not in done:
                yield term


class Rails:
    """Turns terms into rails.

    Args:
        masks: undefined bits of variables; names without an entry are known.
    """

    def __init__(self, masks: Mapping[str, Term] | None = None) -> None:
        self._masks = masks or {}
        self._done: dict[Term, Rail] = {}

    def __call__(self, root: Term) -> Rail:
        """Return value and undefined bits of `root`."""
        for term in unseen(root, self._done):
            self._done[term] = self._node(term, [self._done[a] for a in term.args])
        return self._done[root]

    def _node(self, term: Term, args: list[Rail]) -> Rail:
        none = t.const(0, term.width)
        if term.op == "undef":
            return none, t.const(t.mask(term.width), term.width)
        if term.op == "var":
            return term, self._masks.get(term.name, none)
        values = tuple(v for v, _ in args)
        value = rebuilt(term, values)
        if term.op in _DIVISIONS:
            zero = t.apply("eq", values[1], t.const(0, values[1].width))
            return value, spread(either(zero, _any(args)), term.width)
        if all(is_value(u, 0) for _, u in args):
            return value, none
        return value, _unknown(term, args)


def _any(args: list[Rail]) -> Term:
    """Return whether any operand has an undefined bit."""
    result = t.const(0, 1)
    for _, u in args:
        result = either(result, t.boolean(u))
    return result


def _unknown(term: Term, args: list[Rail]) -> Term:
    op, width = term.op, term.width
    (a, ua), (b, ub) = args[0], args[-1]
    if op in ("concat", "extract", "zext", "sext"):
        return t.rebuild(term, tuple(u for _, u in args))
    if op in ("not", "xor"):
        return either(ua, ub)
    if op in ("and", "or"):
        known = [both(invert(v) if op == "and" else v, invert(u)) for v, u in args]
        return both(either(ua, ub), invert(either(*known)))
    if op == "ite":
        return _unknown_choice(args)
    if op == "eq":
        differ = t.boolean(both(t.apply("xor", a, b), invert(either(ua, ub))))
        return both(_any(args), invert(differ))
    if op in ("redand", "redor"):
        decided = t.boolean(both(invert(a) if op == "redand" else a, invert(ua)))
        return both(t.boolean(ua), invert(decided))
    if op in t.SHIFTS:
        return either(spread(t.boolean(ub), width), t.apply(op, ua, b))
    return spread(_any(args), width)


def _unknown_choice(args: list[Rail]) -> Term:
    (c, uc), (a, ua), (b, ub) = args
    known = t.ite(c, ua, ub)
    if is_value(uc, 0):
        return known
    differ = either(either(ua, ub), t.apply("xor", a, b))
    return t.ite(uc, differ, known)
