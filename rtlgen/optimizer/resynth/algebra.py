"""Recognise linear functions by probing them: xor of bits (over GF(2)) and weighted sums (modulo 2**width).

A function that is affine is determined by its values at zero and at the unit vectors; whether it is affine is then
tested at many other points. Shared pairs of an xor matrix are found greedily (Paar, "Optimized arithmetic for
Reed-Solomon encoders", ISIT 1997).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.simulate import evaluate_terms, from_ints
from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.optimizer.resynth.idioms import bit, ones_count

MOST_BITS = 160


def unit_probes(target: Term, widths: Mapping[str, int]) -> tuple[int, dict[tuple[str, int], int]] | None:
    """Return the target's value at zero, and at each point with one set bit; None for too many bits or memories.

    Args:
        target: the function.
        widths: signal → width of everything it reads.
    """
    places = [(n, i) for n, w in widths.items() for i in range(w)]
    if not places or len(places) > MOST_BITS or any(x.op == "select" for x in t.walk(target)):
        return None
    count = len(places) + 1
    values = {n: from_ints([1 << i if n == m else 0 for m, i in places] + [0], w) for n, w in widths.items()}
    row = [int(v) for v in evaluate_terms((target,), values, count)[0]]
    return row[-1], dict(zip(places, row, strict=False))


def as_xor(target: Term, widths: Mapping[str, int]) -> Term | None:
    """Return the xor form that agrees with the target at zero and the unit points; None where it can't be probed.

    The caller has to test it elsewhere: any function has such a form.
    """
    probes = unit_probes(target, widths)
    if probes is None:
        return None
    zero, units = probes
    leaves = {place: bit(t.var(place[0], widths[place[0]]), place[1]) for place in units}
    rows = [[leaves[p] for p, v in units.items() if (v ^ zero) >> j & 1] for j in range(target.width)]
    bits = [_flip(x, zero >> j & 1) for j, x in enumerate(shared_xors(rows))]
    return t.concat(*reversed(bits))


def _flip(term: Term | None, value: int) -> Term:
    if term is None:
        return t.const(value, 1)
    return t.apply("not", term) if value else term


def shared_xors(rows: Sequence[Sequence[Term]]) -> list[Term | None]:
    """Return one xor expression per row, with the pairs that most rows share built once; None for an empty row."""
    sets = [set(r) for r in rows]
    order: dict[Term, int] = {}
    for row in rows:
        for leaf in row:
            order.setdefault(leaf, len(order))
    while True:
        pairs = Counter(p for s in sets if len(s) > 1 for p in combinations(sorted(s, key=order.__getitem__), 2))
        if not pairs or pairs.most_common(1)[0][1] < 2:
            break
        (a, b), _ = pairs.most_common(1)[0]
        joined = t.apply("xor", a, b)
        order.setdefault(joined, len(order))
        for s in sets:
            if a in s and b in s:
                s -= {a, b}
                s.add(joined)
    return [_xor(sorted(s, key=order.__getitem__)) for s in sets]


def _xor(items: Sequence[Term]) -> Term | None:
    if not items:
        return None
    total = items[0]
    for item in items[1:]:
        total = t.apply("xor", total, item)
    return total


def as_sum(target: Term, widths: Mapping[str, int]) -> Term | None:
    """Return the weighted sum that agrees with the target at zero and the unit points; None where it can't be probed.

    Words keep together where the weights of their bits fit (the top bit negative for a signed word); other bits are
    grouped by weight and counted.
    """
    probes = unit_probes(target, widths)
    if probes is None or target.width < 2:
        return None
    zero, units = probes
    top = t.mask(target.width)
    parts: list[Term] = []
    negative: list[Term] = []
    for name, width in widths.items():
        weights = [(units[name, i] - zero) & top for i in range(width)]
        _add_word(t.var(name, width), weights, target.width, parts, negative)
    if not parts and not negative:
        return None
    if zero:
        parts.append(t.const(zero, target.width))
    total = parts[0] if parts else t.const(0, target.width)
    for part in parts[1:]:
        total = t.apply("add", total, part)
    for part in negative:
        total = t.apply("sub", total, part)
    return total


def _add_word(word: Term, weights: list[int], width: int, parts: list[Term], negative: list[Term]) -> None:
    """Append the contribution of one word."""
    top, first = t.mask(width), weights[0]
    plain = [(first << i) & top for i in range(word.width)]
    signed = [*plain[:-1], -plain[-1] & top] if word.width > 1 else []
    for wanted, extend in ((plain, t.zext), (signed, t.sext)):
        if weights == wanted and first:
            _weigh(extend(word, width), first, parts, negative)
            return
    groups: dict[int, list[Term]] = {}
    for i, weight in enumerate(weights):
        if weight:
            groups.setdefault(weight, []).append(bit(word, i))
    for weight, bits in groups.items():
        counted = bits[0] if len(bits) == 1 else ones_count(t.concat(*reversed(bits)))
        _weigh(t.zext(counted, width), weight, parts, negative)


def _weigh(value: Term, weight: int, parts: list[Term], negative: list[Term]) -> None:
    width = value.width
    minus = -weight & t.mask(width)
    amount, into = (minus, negative) if minus.bit_count() < weight.bit_count() else (weight, parts)
    if amount & (amount - 1) == 0:
        shift = amount.bit_length() - 1
        value = t.concat(t.extract(value, 0, width - shift), t.const(0, shift)) if shift else value
    else:
        value = t.apply("mul", value, t.const(amount, width))
    into.append(value)
