"""Minimise functions of few bits: irredundant sums of products with don't-cares, then factored.

Truth tables are Python integers, bit `i` the value at input vector `i`. The cover is the one of Minato and Morreale
("Fast generation of prime-irredundant covers from binary decision diagrams", IEICE 1993); factoring divides by the
literal that most products share.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.optimizer.resynth.idioms import tree

Cube = frozenset[tuple[int, bool]]
"""Product of literals (variable, value)."""


@lru_cache(maxsize=64)
def variable_table(index: int, count: int) -> int:
    """Return the truth table of input `index` among `count` inputs."""
    table, block = 0, 1 << index
    for start in range(block, 1 << count, 2 * block):
        table |= ((1 << block) - 1) << start
    return table


def cover(on: int, care_or_on: int, count: int) -> tuple[list[Cube], int]:
    """Return an irredundant cover and its truth table.

    Args:
        on: where the function must be 1.
        care_or_on: where it may be 1 (the on-set and the don't-cares).
        count: number of inputs.
    """
    if not on:
        return [], 0
    full = (1 << (1 << count)) - 1
    if care_or_on == full:
        return [frozenset()], full
    index = _top_variable(on, care_or_on, count)
    high = variable_table(index, count)
    low, block = full & ~high, 1 << index
    on0, on1 = _spread(on & low, block), _spread_down(on & high, block)
    may0, may1 = _spread(care_or_on & low, block), _spread_down(care_or_on & high, block)
    cubes0, table0 = cover(on0 & ~may1, may0, count)
    cubes1, table1 = cover(on1 & ~may0, may1, count)
    rest, table = cover((on0 & ~table0) | (on1 & ~table1), may0 & may1, count)
    cubes = [c | {(index, False)} for c in cubes0] + [c | {(index, True)} for c in cubes1] + rest
    return cubes, (table0 & low) | (table1 & high) | table


def _top_variable(on: int, may: int, count: int) -> int:
    for index in range(count - 1, -1, -1):
        high, block = variable_table(index, count), 1 << index
        if any((f & high) >> block != f & (high >> block) for f in (on, may)):
            return index
    raise AssertionError("a function that depends on no input is constant")


def _spread(f: int, block: int) -> int:
    return f | f << block


def _spread_down(f: int, block: int) -> int:
    return f | f >> block


def factored(cubes: Sequence[Cube], leaves: Sequence[Term]) -> Term:
    """Return the sum of products as a factored expression over the leaves."""
    if not cubes:
        return t.const(0, 1)
    if any(not c for c in cubes):
        return t.const(1, 1)
    counts = Counter(lit for c in cubes for lit in c)
    best, uses = max(counts.items(), key=lambda kv: (kv[1], -kv[0][0]))
    if uses == 1 or len(cubes) == 1:
        return tree("or", [tree("and", [literal(x, leaves) for x in sorted(c)]) for c in cubes])
    inside = [c - {best} for c in cubes if best in c]
    common = frozenset.intersection(*inside)
    divided = [c - common for c in inside]
    product = tree("and", [literal(x, leaves) for x in sorted({best, *common})])
    if all(divided):
        product = t.apply("and", product, factored(divided, leaves))
    outside = [c for c in cubes if best not in c]
    return t.apply("or", product, factored(outside, leaves)) if outside else product


def literal(lit: tuple[int, bool], leaves: Sequence[Term]) -> Term:
    """Return the leaf or its complement."""
    leaf = leaves[lit[0]]
    return leaf if lit[1] else t.apply("not", leaf)


def parity_form(on: int, count: int) -> list[int]:
    """Return the products of the algebraic normal form (Reed-Muller), each as a mask of inputs."""
    table = on
    for index in range(count):
        high = variable_table(index, count)
        table ^= (table & (high >> (1 << index))) << (1 << index)
    return [i for i in range(1 << count) if table >> i & 1]


def minimised(on: int, off: int, leaves: Sequence[Term]) -> list[Term]:
    """Return several forms of a function: sum of products, its complement, and xor of products where that is short.

    Args:
        on: input vectors where it is 1; off: where it is 0; the others do not matter.
        leaves: the inputs, least significant first.
    """
    count = len(leaves)
    full = (1 << (1 << count)) - 1
    forms = []
    cubes, _ = cover(on, full & ~off, count)
    forms.append(factored(cubes, leaves))
    inverse, _ = cover(off, full & ~on, count)
    forms.append(t.lnot(factored(inverse, leaves)))
    products = parity_form(on, count)
    if 0 < len(products) <= 8:
        forms.append(_xor_of_products(products, leaves))
    return list(dict.fromkeys(forms))


def _xor_of_products(products: Sequence[int], leaves: Sequence[Term]) -> Term:
    terms = [[leaves[i] for i in range(len(leaves)) if p >> i & 1] for p in products if p]
    total = tree("xor", [tree("and", x) for x in terms]) if terms else t.const(0, 1)
    return t.lnot(total) if 0 in products else total
