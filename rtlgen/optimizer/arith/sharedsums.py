"""Shared parts of several weighted sums: greedy extraction of the pair of addends that most sums have in common.

After A. Hosangadi, F. Fallah, R. Kastner, "Optimizing polynomial expressions by algebraic factorization and common
subexpression elimination" (IEEE TCAD 2006), on signed-digit terms of several variables.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.optimizer.arith.forms import ONE, Form, Leaf, bounds

Addends = dict[tuple[Leaf, int], int]
"""(what, shift) to +1 or -1."""
Pattern = tuple[Leaf, Leaf, int, int]
"""`first + sign * (second << shift)`."""
MAX_ADDENDS = 48


@dataclass(slots=True)
class System:
    """Weighted sums with named shared parts.

    Attributes:
        sums: one per wanted value.
        parts: shared part to its addends, in order of dependence.
        exact: shared part to what it is in terms of the original leaves.
    """

    sums: list[Addends]
    parts: dict[Leaf, Addends] = field(default_factory=dict)
    exact: dict[Leaf, Form] = field(default_factory=dict)


def expand(form: Form, numerals: Callable[[int], list[tuple[int, int]]]) -> Addends:
    """Return the addends of a sum; the constant stays one addend outside (see `constant_of`)."""
    addends: Addends = {}
    for leaf, weight in form.items():
        if leaf is not ONE:
            for shift, sign in numerals(weight):
                add_addend(addends, leaf, shift, sign)
    return addends


def add_addend(addends: Addends, leaf: Leaf, shift: int, sign: int) -> None:
    """Add one addend, carrying where the place is taken."""
    while (leaf, shift) in addends:
        other = addends.pop((leaf, shift))
        if other != sign:
            return
        shift += 1
    addends[leaf, shift] = sign


def extract_parts(
    system: System,
    name: Callable[[Form, int, bool], Term],
    *,
    same_leaf_only: bool = False,
    enough: int = 2,
    most: int = 24,
) -> None:
    """Take shared pairs of addends out of the sums until none is shared.

    Args:
        system: changed in place.
        name: makes the term of a part from its form, width and sign.
        same_leaf_only: only multiples of one leaf.
        enough: uses that make a part worth it.
        most: parts at most.
    """
    for _ in range(most):
        best = _best_pattern(system, same_leaf_only, enough)
        if best is None:
            return
        _take(system, best, name)


def _best_pattern(system: System, same_leaf_only: bool, enough: int) -> Pattern | None:
    counts: Counter[Pattern] = Counter()
    for addends in [*system.sums, *system.parts.values()]:
        if len(addends) > MAX_ADDENDS:
            continue
        for pattern, found in _patterns(addends, same_leaf_only).items():
            counts[pattern] += found
    usable = [(n, p) for p, n in counts.items() if n >= enough]
    if not usable:
        return None
    return max(usable, key=lambda np: (np[0], np[1][0] is np[1][1], -np[1][2], repr(np[1])))[1]


def _patterns(addends: Addends, same_leaf_only: bool) -> Counter[Pattern]:
    """Return the patterns of a sum with the number of places that can be taken at once."""
    places: dict[Pattern, list[tuple[tuple[Leaf, int], tuple[Leaf, int]]]] = {}
    items = sorted(addends.items(), key=lambda kv: (kv[0][1], repr(kv[0][0])))
    for i, (a, sign_a) in enumerate(items):
        for b, sign_b in items[i + 1 :]:
            if not same_leaf_only or a[0] is b[0] or a[0] == b[0]:
                places.setdefault((a[0], b[0], b[1] - a[1], sign_a * sign_b), []).append((a, b))
    counts: Counter[Pattern] = Counter()
    for pattern, pairs in places.items():
        used: set[tuple[Leaf, int]] = set()
        for a, b in pairs:
            if a not in used and b not in used:
                used |= {a, b}
                counts[pattern] += 1
    return counts


def _take(system: System, pattern: Pattern, name: Callable[[Form, int, bool], Term]) -> None:
    first, second, shift, sign = pattern
    form = _scaled_sum(system, first, second, sign << shift if sign > 0 else -(1 << shift))
    low, high = bounds(form)
    signed = low < 0
    width = max(high.bit_length(), (~low).bit_length()) + 1 if signed else max(high.bit_length(), 1)
    part = Leaf(name(form, width, signed), signed)
    for addends in [*system.sums, *system.parts.values()]:
        _replace(addends, pattern, part)
    own: Addends = {}
    add_addend(own, first, 0, 1)
    add_addend(own, second, shift, sign)
    system.parts[part] = own
    system.exact[part] = form


def _scaled_sum(system: System, first: Leaf, second: Leaf, weight: int) -> Form:
    form = dict(system.exact.get(first, {first: 1}))
    for leaf, w in system.exact.get(second, {second: 1}).items():
        form[leaf] = form.get(leaf, 0) + weight * w
    return {k: v for k, v in form.items() if v}


def _replace(addends: Addends, pattern: Pattern, part: Leaf) -> None:
    first, second, shift, sign = pattern
    for (leaf, low), own in sorted(addends.items(), key=lambda kv: kv[0][1]):
        other = (second, low + shift)
        still_there = leaf == first and addends.get((leaf, low)) == own
        if still_there and other != (leaf, low) and addends.get(other) == own * sign:
            del addends[leaf, low], addends[other]
            add_addend(addends, part, low, own)


def ordered_parts(system: System) -> list[Leaf]:
    """Return the parts so that each comes after those it reads."""
    order: list[Leaf] = []
    pending = list(system.parts)
    while pending:
        ready = [p for p in pending if not any(k[0] in pending for k in system.parts[p])]
        if not ready:
            raise ValueError("expected shared parts without a circle, got one")
        order += ready
        pending = [p for p in pending if p not in ready]
    return order


def adder_count(sums: Sequence[Mapping[tuple[Leaf, int], int]], parts: Mapping[Leaf, Addends]) -> int:
    """Return the number of two-operand additions of a system."""
    return sum(max(len(a) - 1, 0) for a in [*sums, *parts.values()])
