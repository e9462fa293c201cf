"""One computation for many cases: what the cases of a selection have in common is done once, and what differs selected.

Least general generalisation (Plotkin 1970) of the cases: operators that all share stay outside, operands that differ
are unified in turn, and numbers that follow the selector (`i`, `4 * i + 2`, `~i`) become an expression of it. So
`0: a, 1: a + 4, 2: a + 8, 3: a + 12` is `a + {s, 2'b00}`, and a file of registers whose every word tests its own number
tests the selector.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.terms import Term

_COMMUTATIVE: Final = frozenset({"add", "mul", "and", "or", "xor", "eq"})
_SHARED: Final = frozenset(
    {"add", "sub", "mul", "udiv", "urem", "shl", "lshr", "ashr", "ult", "ule", "slt", "sle", "eq"}
)
_NEUTRAL_RIGHT: Final = frozenset({"add", "sub", "or", "xor", "shl", "lshr", "ashr"})
_DEEPEST: Final = 12

Select = Callable[[Sequence[Term]], Term]


def unify(cases: Sequence[Term], selector: Term, choose: Select, depth: int = 0) -> Term:
    """Return one term that is `cases[i]` where the selector is `i`; undefined cases may be anything.

    Args:
        cases: all of one width, one for each value of the selector.
        selector: what decides.
        choose: makes the selection where nothing is in common.
        depth: of operators around the cases.
    """
    known = [c for c in cases if c.op != "undef"]
    if not known or all(c is known[0] for c in known):
        return known[0] if known else cases[0]
    numbered = _numbered(cases, selector)
    if numbered is not None:
        return numbered
    if depth < _DEEPEST:
        rows = _rows(cases)
        if rows is not None:
            pattern = next(c for c in cases if c.op == _main_operator(cases))
            columns = [list(column) for column in zip(*rows, strict=True)]
            if pattern.op == "ite":
                _free_conditions(columns, cases, selector)
            return t.rebuild(pattern, tuple(unify(c, selector, choose, depth + 1) for c in columns))
        cases = _classes(cases, selector, choose, depth)
    return _but_one(cases, selector) or choose(cases)


def _numbered(cases: Sequence[Term], selector: Term) -> Term | None:
    """Return the expression of the selector whose values the (constant) cases are."""
    if not all(c.is_const or c.op == "undef" for c in cases):
        return None
    width = cases[0].width
    values = [c.const_value if c.is_const else None for c in cases]
    if all(v in (None, t.mask(selector.width) - i) for i, v in enumerate(values)):
        return _resized(t.apply("not", selector), width)
    shifted = _of_a_shift(values, selector, width)
    if shifted is not None:
        return shifted
    for shift in range(width):
        for offset in {v - (i << shift) for i, v in enumerate(values) if v is not None and i < 2}:
            if all(v is None or v == (i << shift) + offset & t.mask(width) for i, v in enumerate(values)):
                scaled = t.concat(selector, t.const(0, shift)) if shift else selector
                sized = _resized(scaled, width)
                return sized if not offset else t.apply("add", sized, t.const(offset & t.mask(width), width))
    return None


def _of_a_shift(values: Sequence[int | None], selector: Term, width: int) -> Term | None:
    """Return a constant shifted by the selector, as decoders and thermometer codes are."""
    ones = t.mask(width)
    for op, word in (("shl", 1), ("shl", ones), ("lshr", ones), ("lshr", 1 << width - 1)):
        term = t.make(op, width, (t.const(word, width), selector))
        moved = [(word << i if op == "shl" else word >> i) & ones for i in range(len(values))]
        if all(v in (None, m) for v, m in zip(values, moved, strict=True)):
            return term
        if all(v in (None, m ^ ones) for v, m in zip(values, moved, strict=True)):
            return t.apply("not", term)
    return None


def _resized(term: Term, width: int) -> Term:
    return t.zext(term, width) if width >= term.width else t.extract(term, 0, width)


def _main_operator(cases: Sequence[Term]) -> str:
    """Return the operator that most cases have."""
    counts = Counter(c.op for c in cases if c.args)
    return counts.most_common(1)[0][0] if counts else ""


def _rows(cases: Sequence[Term]) -> list[tuple[Term, ...]] | None:
    """Return the operands of each case under the operator that all have, a few of them with a neutral operand."""
    op = _main_operator(cases)
    like = [c for c in cases if c.op == op and c.args]
    if not like:
        return None
    shape = _shape(like[0])
    others = sum(1 for c in cases if c.op not in (op, "undef") or (c.op == op and _shape(c) != shape))
    if any(_shape(c) != shape for c in like) or others > max(1, len(cases) // 4) or len(like) < 2:
        return None
    common = _common_operand(like)
    rows = []
    for case in cases:
        if case.op == "undef":
            rows.append(tuple(t.undef(a.width) for a in like[0].args))
        elif case.op == op:
            flip = op in _COMMUTATIVE and case.args[1] is common and case.args[0] is not common
            rows.append(case.args[::-1] if flip else case.args)
        else:
            row = _neutral(op, case, like)
            if row is None:
                return None
            rows.append(row)
    return rows


def _free_conditions(columns: list[list[Term]], cases: Sequence[Term], selector: Term) -> None:
    """Let the condition be anything in cases that both branches have, where that fits the other cases."""
    conditions, chosen, others = columns
    ends = [i for i, c in enumerate(chosen) if c.op == "undef" and cases[i] is others[i]]
    filled = [cases[i] if i in ends else c for i, c in enumerate(chosen)]
    if ends and _numbered(filled, selector) is not None:
        columns[1] = filled
        for i in ends:
            conditions[i] = t.undef(1)


def _shape(case: Term) -> tuple[object, ...]:
    return case.width, tuple(a.width for a in case.args), case.value


def _common_operand(like: Sequence[Term]) -> Term:
    return Counter(a for c in like for a in dict.fromkeys(c.args)).most_common(1)[0][0]


def _neutral(op: str, case: Term, like: Sequence[Term]) -> tuple[Term, ...] | None:
    """Return operands with which the operator of the others gives `case`."""
    widths = [a.width for a in like[0].args]
    if op == "ite":
        if case is Counter(c.args[1] for c in like).most_common(1)[0][0]:
            return t.const(1, 1), case, t.undef(case.width)
        if case.op == "zext" and case.args[0].width == 1:
            return case.args[0], t.const(1, case.width), t.const(0, case.width)
        return t.const(0, 1), t.undef(case.width), case
    if len(widths) != 2 or widths[0] != case.width:
        return None
    absorbing = {"and": 0, "mul": 0, "or": t.mask(case.width)}.get(op)
    if case.is_const and case.const_value == absorbing:
        return case, t.undef(widths[1])
    if op in _NEUTRAL_RIGHT:
        return case, t.const(0, widths[1])
    if op in ("and", "mul"):
        return case, t.const(t.mask(widths[1]) if op == "and" else 1, widths[1])
    return None


def _classes(cases: Sequence[Term], selector: Term, choose: Select, depth: int) -> list[Term]:
    """Return the cases with each costly operator that several of them have made one."""
    result = list(cases)
    for op in dict.fromkeys(c.op for c in cases if c.op in _SHARED):
        members = [
            i for i, c in enumerate(cases) if c.op == op and _shape(c) == _shape(next(x for x in cases if x.op == op))
        ]
        if len({cases[i] for i in members}) < 2:
            continue
        alone = [c if i in members else t.undef(c.width) for i, c in enumerate(cases)]
        one = unify(alone, selector, choose, depth + 1)
        for i in members:
            result[i] = one
    return result


def _but_one(cases: Sequence[Term], selector: Term) -> Term | None:
    """Return the selection by one comparison where all cases but one are equal."""
    counts = Counter(c for c in cases if c.op != "undef")
    if len(counts) != 2 or min(counts.values()) != 1 or len(cases) < 4:
        return None
    usual = max(counts, key=lambda c: counts[c])
    odd = next(i for i, c in enumerate(cases) if c.op != "undef" and c is not usual)
    return t.ite(t.apply("eq", selector, t.const(odd, selector.width)), cases[odd], usual)
