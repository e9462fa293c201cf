"""Which of several exclusive values applies: selection terms from decision paths, with don't-cares used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from rtlgen.graphs.wordlevel.module import Step
from rtlgen.graphs.wordlevel.terms import Term, apply, const, extract, ite, land, lnot, lor
from rtlgen.optimizer.datapath.uses import contradict, literal_equality

WIDEST_SELECTOR: Final = 8


@dataclass(frozen=True, slots=True)
class Choice:
    """A value and one path of decisions on which it is wanted."""

    steps: tuple[Step, ...]
    value: Term


def select(choices: Sequence[Choice], *, by_bits: bool = True) -> Term | None:
    """Return a term that has each choice's value where its path holds; elsewhere its value does not matter.

    Args:
        choices: values of one width; several choices may want the same value.
        by_bits: use single bits of a common `case` selector where they tell the values apart.

    Returns:
        None where two choices with different values can't be told apart.
    """
    if len({c.value for c in choices}) == 1:
        return choices[0].value
    if by_bits:
        found = _by_codes(choices)
        if found is not None:
            return found
    return _by_tree(list(choices), frozenset())


# Decision tree -----------------------------------------------------------------------------------------------------


def _by_tree(choices: list[Choice], used: frozenset[Term]) -> Term | None:
    if len({c.value for c in choices}) == 1:
        return choices[0].value
    condition = _split(choices, used)
    if condition is None:
        return None
    sides: list[Term] = []
    for taken in (True, False):
        step = Step(condition, taken)
        rest = [c for c in choices if not any(contradict(step, s) for s in c.steps)]
        if not rest or len(rest) == len(choices):
            return None
        side = _by_tree(rest, used | {condition})
        if side is None:
            return None
        sides.append(side)
    return ite(condition, sides[0], sides[1])


def _split(choices: list[Choice], used: frozenset[Term]) -> Term | None:
    """Return the condition that tells most choices apart: the one that leaves the fewest on both sides."""
    best: tuple[int, int, Term] | None = None
    for number, condition in enumerate(dict.fromkeys(s.condition for c in choices for s in c.steps)):
        if condition in used:
            continue
        sides = [
            sum(1 for c in choices if not any(contradict(Step(condition, taken), s) for s in c.steps))
            for taken in (True, False)
        ]
        if max(sides) == len(choices) or min(sides) == 0:
            continue
        values = [
            {c.value for c in choices if not any(contradict(Step(condition, taken), s) for s in c.steps)}
            for taken in (True, False)
        ]
        score = (len(values[0]) + len(values[1]), number)
        if best is None or score < best[:2]:
            best = (*score, condition)
    return best[2] if best else None


# Codes of a selector -----------------------------------------------------------------------------------------------


def codes(choices: Iterable[Choice]) -> tuple[Term, dict[Term, set[int]]] | None:
    """Return the common selector and, for each value, the codes on which it is wanted; None without such a selector."""
    wanted: dict[Term, set[int]] = {}
    selector: Term | None = None
    open_choices: list[tuple[Term, set[int]]] = []
    for choice in choices:
        subject, code, excluded = _code(choice.steps, selector)
        if subject is None or (selector is not None and subject is not selector):
            return None
        selector = subject
        if code is None:
            open_choices.append((choice.value, excluded))
        else:
            wanted.setdefault(choice.value, set()).add(code)
    if selector is None or selector.width > WIDEST_SELECTOR:
        return None
    for value, excluded in open_choices:
        wanted.setdefault(value, set()).update(set(range(1 << selector.width)) - excluded)
    sets = list(wanted.values())
    if any(a & b for a, b in combinations(sets, 2)):
        return None
    return selector, wanted


def _code(steps: tuple[Step, ...], known: Term | None) -> tuple[Term | None, int | None, set[int]]:
    """Return selector, the literal it equals on the path (None for a default), and the literals it does not equal."""
    excluded: dict[Term, set[int]] = {}
    for step in reversed(steps):
        subject, value = literal_equality(step.condition)
        if subject is None or (known is not None and subject is not known):
            continue
        if step.taken:
            return subject, value, set()
        excluded.setdefault(subject, set()).add(value)
    if not excluded:
        return None, None, set()
    subject = next(iter(excluded))
    return subject, None, excluded[subject]


def _by_codes(choices: Sequence[Choice]) -> Term | None:
    found = codes(choices)
    if found is None:
        return None
    selector, wanted = found
    return _peel(selector, wanted)


def _peel(selector: Term, wanted: dict[Term, set[int]]) -> Term | None:
    """Return nested choices, each by the cheapest condition that tells one value from all that are left."""
    if len(wanted) == 1:
        return next(iter(wanted))
    best: tuple[float, Term, Term] | None = None
    for value, on in wanted.items():
        off = set().union(*(c for v, c in wanted.items() if v is not value))
        made = separate(selector, on, off)
        if best is None or made[0] < best[0]:
            best = (made[0], made[1], value)
    assert best is not None
    rest = {v: c for v, c in wanted.items() if v is not best[2]}
    other = _peel(selector, rest)
    return None if other is None else ite(best[1], best[2], other)


def separate(selector: Term, on: set[int], off: set[int]) -> tuple[float, Term]:
    """Return cost and term of a cheap 1-bit function of `selector` that is 1 on the codes `on` and 0 on `off`."""
    literals = _literals(selector)
    for cost, size in ((1.0, 1), (2.0, 2), (3.0, 3)):
        found = _combination(literals, size, on, off)
        if found is not None:
            return cost, found
    inverse = len(off) < len(on)
    smaller = sorted(off if inverse else on)
    term: Term = const(0, 1)
    for code in smaller:
        term = lor(term, apply("eq", selector, const(code, selector.width)))
    return 2.0 * selector.width * len(smaller), lnot(term) if inverse else term


_Literal = tuple[Term, int, bool]


def _literals(selector: Term) -> list[_Literal]:
    bits = [(extract(selector, i, 1), i) for i in range(selector.width)]
    return [(t, i, True) for t, i in bits] + [(lnot(t), i, False) for t, i in bits]


def _combination(literals: list[_Literal], size: int, on: set[int], off: set[int]) -> Term | None:
    """Return a conjunction, disjunction or (of two) exclusive or of `size` bits with the wanted values."""
    for chosen in combinations(literals, size):
        if len({i for _, i, _ in chosen}) < size:
            continue

        def bits(code: int, chosen: tuple[_Literal, ...] = chosen) -> list[bool]:
            return [(code >> i & 1 == 1) == positive for _, i, positive in chosen]

        if all(all(bits(c)) for c in on) and not any(all(bits(c)) for c in off):
            return _reduce("and", chosen)
        if size > 1 and all(any(bits(c)) for c in on) and not any(any(bits(c)) for c in off):
            return _reduce("or", chosen)
        if size == 2 and all(sum(bits(c)) == 1 for c in on) and not any(sum(bits(c)) == 1 for c in off):
            return apply("xor", chosen[0][0], chosen[1][0])
    return None


def _reduce(op: str, chosen: Sequence[_Literal]) -> Term:
    term = chosen[0][0]
    for other, _, _ in chosen[1:]:
        term = land(term, other) if op == "and" else lor(term, other)
    return term
