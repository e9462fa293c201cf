"""Vectors of sample values: evaluation of word-level terms over many points at once, and the points themselves.

A sample vector is a numpy array with one entry per sample point: `uint64` for signals of up to 64 bits, `object`
(Python integers) above.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rtlgen.graphs.wordlevel.terms import FOLD, Term, mask, walk

Vector: TypeAlias = NDArray[Any]
MemoryReader: TypeAlias = Callable[[Vector], Vector]
"""Gives the words at a vector of addresses, one per sample point."""

_U64: Final = np.uint64
_ONE: Final = np.uint64(1)


def from_ints(values: Sequence[int], width: int) -> Vector:
    """Return the sample vector of `values`, each taken modulo 2**width."""
    limit = mask(width)
    if width <= 64:
        return np.array([v & limit for v in values], dtype=np.uint64)
    result = np.empty(len(values), dtype=object)
    result[:] = [v & limit for v in values]
    return result


def constant(value: int, width: int, count: int) -> Vector:
    """Return a sample vector of `count` equal entries."""
    if width <= 64:
        return np.full(count, value & mask(width), dtype=np.uint64)
    result = np.empty(count, dtype=object)
    result[:] = [value & mask(width)] * count
    return result


def signature(vector: Vector) -> bytes:
    """Return a key that is equal for equal vectors of one width class."""
    return vector.tobytes() if vector.dtype != object else repr(vector.tolist()).encode()


def evaluate_terms(
    roots: Iterable[Term],
    values: Mapping[str, Vector],
    count: int,
    memories: Mapping[str, MemoryReader] | None = None,
    cache: dict[Term, Vector] | None = None,
) -> list[Vector]:
    """Return one sample vector per root; `undef` reads as 0, as in `terms.evaluate`.

    Args:
        roots: terms to evaluate.
        values: sample vector of every signal the terms read.
        count: number of sample points.
        memories: reader of every memory the terms select from.
        cache: results of earlier calls on the same samples; read and extended.

    Raises:
        KeyError: a signal or memory has no value.
    """
    done: dict[Term, Vector] = {} if cache is None else cache
    wanted = list(roots)
    for root in wanted:
        for term in () if root in done else walk(root):
            if term not in done:
                done[term] = _node(term, [done[a] for a in term.args], values, count, memories or {})
    return [done[r] for r in wanted]


def _node(
    t: Term, args: list[Vector], values: Mapping[str, Vector], count: int, memories: Mapping[str, MemoryReader]
) -> Vector:
    if t.op == "const":
        return constant(t.const_value, t.width, count)
    if t.op == "undef":
        return constant(0, t.width, count)
    if t.op == "var":
        return values[t.name]
    if t.op == "select":
        return memories[t.name](args[0])
    if t.op == "ite":
        result: Vector = np.where(args[0] != 0, args[1], args[2])
        return result
    if t.width > 64 or any(a.width > 64 for a in t.args):
        return _wide(t, args)
    return _narrow(t, args)


def _wide(t: Term, args: list[Vector]) -> Vector:
    """Return the node's vector by Python integers, for operands or results above 64 bits."""
    columns = [[int(x) for x in a] for a in args]
    if t.op == "concat":
        widths = [a.width for a in t.args]
        return from_ints([_join(row, widths) for row in zip(*columns, strict=True)], t.width)
    if t.op == "extract":
        low = int(t.value or 0)
        return from_ints([x >> low for x in columns[0]], t.width)
    if t.op == "zext":
        return from_ints(columns[0], t.width)
    if t.op == "sext":
        sign, full = 1 << (t.args[0].width - 1), 1 << t.args[0].width
        return from_ints([x - full if x & sign else x for x in columns[0]], t.width)
    fold, width = FOLD[t.op], t.args[0].width
    return from_ints([fold(*row, width) for row in zip(*columns, strict=True)], t.width)


def _join(row: Sequence[int], widths: Sequence[int]) -> int:
    total = 0
    for value, width in zip(row, widths, strict=True):
        total = total << width | value
    return total


def _narrow(t: Term, args: list[Vector]) -> Vector:
    """Return the node's vector by machine words."""
    limit = _U64(mask(t.width))
    width = t.args[0].width
    if t.op == "concat":
        total = args[0]
        for part, arg in zip(t.args[1:], args[1:], strict=True):
            total = total << _U64(part.width) | arg
        return total
    if t.op == "extract":
        return args[0] >> _U64(int(t.value or 0)) & limit
    if t.op == "zext":
        return args[0]
    if t.op == "sext":
        return _as_signed(args[0], width).astype(np.uint64) & limit
    result: Vector = _NARROW[t.op](*args, width)
    return result & limit


def _as_signed(a: Vector, width: int) -> Vector:
    up = _U64(64 - width)
    signed: Vector = (a << up).astype(np.int64) >> np.int64(64 - width)
    return signed


def bit_of(truth: Vector) -> Vector:
    """Return 1 where a vector of truth values holds, else 0."""
    return truth.astype(np.uint64)


def _shift(left: bool) -> Callable[[Vector, Vector, int], Vector]:
    def shift(a: Vector, b: Vector, w: int) -> Vector:
        amount = np.minimum(b, _U64(63))
        moved = a << amount if left else a >> amount
        return np.where(b < _U64(min(w, 64)), moved, _U64(0))

    return shift


def _ashr(a: Vector, b: Vector, w: int) -> Vector:
    amount = np.minimum(b, _U64(63)).astype(np.int64)
    return (_as_signed(a, w) >> amount).astype(np.uint64)


def _udiv(a: Vector, b: Vector, w: int) -> Vector:
    quotient: Vector = a // np.maximum(b, _ONE)
    return np.where(b == 0, _U64(mask(w)), quotient)


def _urem(a: Vector, b: Vector, w: int) -> Vector:
    remainder: Vector = a % np.maximum(b, _ONE)
    result: Vector = np.where(b == 0, a, remainder)
    return result


def _sign(a: Vector, w: int) -> Vector:
    negative: Vector = (a >> _U64(w - 1) & _ONE) != 0
    return negative


def _magnitude(a: Vector, w: int) -> Vector:
    return np.where(_sign(a, w), (~a + _ONE) & _U64(mask(w)), a)


def _negate_if(condition: Vector, a: Vector) -> Vector:
    return np.where(condition, ~a + _ONE, a)


def _sdiv(a: Vector, b: Vector, w: int) -> Vector:
    quotient = _magnitude(a, w) // np.maximum(_magnitude(b, w), _ONE)
    signed = _negate_if(_sign(a, w) != _sign(b, w), quotient)
    return np.where(b == 0, np.where(_sign(a, w), _ONE, _U64(mask(w))), signed)


def _srem(a: Vector, b: Vector, w: int) -> Vector:
    remainder = _negate_if(_sign(a, w), _magnitude(a, w) % np.maximum(_magnitude(b, w), _ONE))
    return np.where(b == 0, a, remainder)


def _parity(a: Vector, w: int) -> Vector:
    for step in (32, 16, 8, 4, 2, 1):
        if step < w:
            a = a ^ a >> _U64(step)
    return a & _ONE


_NARROW: Final[Mapping[str, Callable[..., Vector]]] = {
    "not": lambda a, w: ~a,
    "neg": lambda a, w: ~a + _ONE,
    "and": lambda a, b, w: a & b,
    "or": lambda a, b, w: a | b,
    "xor": lambda a, b, w: a ^ b,
    "add": lambda a, b, w: a + b,
    "sub": lambda a, b, w: a - b,
    "mul": lambda a, b, w: a * b,
    "udiv": _udiv,
    "urem": _urem,
    "sdiv": _sdiv,
    "srem": _srem,
    "shl": _shift(left=True),
    "lshr": _shift(left=False),
    "ashr": _ashr,
    "eq": lambda a, b, w: bit_of(a == b),
    "ult": lambda a, b, w: bit_of(a < b),
    "ule": lambda a, b, w: bit_of(a <= b),
    "slt": lambda a, b, w: bit_of(_as_signed(a, w) < _as_signed(b, w)),
    "sle": lambda a, b, w: bit_of(_as_signed(a, w) <= _as_signed(b, w)),
    "redand": lambda a, w: bit_of(a == _U64(mask(w))),
    "redor": lambda a, w: bit_of(a != 0),
    "redxor": _parity,
}


def hashed_memory(seeds: Vector, width: int) -> MemoryReader:
    """Return a memory with arbitrary but consistent contents per sample point: equal addresses read equal words."""

    def read(address: Vector) -> Vector:
        place = address.astype(np.uint64) if address.dtype != object else from_ints(address.tolist(), 64)
        words = [mix(seeds + place * _U64(0x9E3779B97F4A7C15) + _U64(i)) for i in range((width + 63) // 64)]
        if width <= 64:
            return words[0] & _U64(mask(width))
        return from_ints([_join(row, [64] * len(row)) for row in zip(*(w.tolist() for w in words), strict=True)], width)

    return read


def table_memory(contents: Mapping[int, int], width: int) -> MemoryReader:
    """Return a memory that holds the same given words at every sample point, 0 elsewhere."""
    return lambda address: from_ints([contents.get(int(a), 0) for a in address], width)


def mix(x: Vector) -> Vector:
    """Scramble 64-bit words (the finaliser of SplitMix64)."""
    x = (x ^ x >> _U64(30)) * _U64(0xBF58476D1CE4E5B9)
    x = (x ^ x >> _U64(27)) * _U64(0x94D049BB133111EB)
    scrambled: Vector = x ^ x >> _U64(31)
    return scrambled


def corner_values(width: int, constants: Iterable[int] = ()) -> list[int]:
    """Return values at which word-level operators change behaviour, for one signal, without repetition.

    Args:
        width: bits of the signal.
        constants: values the design compares with; their neighbours are corners too.
    """
    top = mask(width)
    found = dict.fromkeys((0, top, 1, top >> 1, (top >> 1) + 1, top - 1, 2 & top, 0x5555 & top, 0xAAAA & top))
    for c in constants:
        if 0 <= c <= top:
            found.update(dict.fromkeys(((c - 1) & top, c, (c + 1) & top)))
    found.update(dict.fromkeys(1 << i for i in range(width)))
    found.update(dict.fromkeys(v for i in range(1, width) for v in (mask(i), top ^ mask(i))))
    return list(found)


def random_vector(width: int, count: int, rng: np.random.Generator) -> Vector:
    """Return uniformly random values."""
    words = [rng.integers(0, 2**64, count, dtype=np.uint64, endpoint=False) for _ in range((width + 63) // 64)]
    if width <= 64:
        return words[0] & _U64(mask(width))
    return from_ints([_join(row, [64] * len(row)) for row in zip(*(w.tolist() for w in words), strict=True)], width)


def shaped_vector(width: int, count: int, rng: np.random.Generator, corners: Vector) -> Vector:
    """Return a mixture of uniform, corner, sparse, dense and small values."""
    uniform = random_vector(width, count, rng)
    sparse = uniform & random_vector(width, count, rng) & random_vector(width, count, rng)
    limit = mask(width) if width > 64 else _U64(mask(width))
    fewer = rng.integers(0, width, count)
    amount = fewer.astype(object) if width > 64 else fewer.astype(np.uint64)
    choices = [uniform, corners[rng.integers(0, len(corners), count)], sparse, ~sparse & limit, uniform >> amount]
    pick = rng.choice(5, count, p=[0.4, 0.3, 0.1, 0.1, 0.1])
    result: Vector = choices[0]
    for i, choice in enumerate(choices[1:], 1):
        result = np.where(pick == i, choice, result)
    return result


def sample_inputs(
    widths: Mapping[str, int], count: int, seed: int = 0, constants: Iterable[int] = ()
) -> dict[str, Vector]:
    """Return `count` sample points of independent signals: random, corner and correlated values.

    Signals of one width are made equal, neighbouring or complementary in some points, because comparisons and
    carries of independent random words hardly ever reach their corner cases. When all signals together have at
    most log2(count) bits, the points are all their combinations, repeated.
    """
    rng = np.random.default_rng(seed)
    if sum(widths.values()) <= max(count, 1).bit_length() - 1:
        return _all_combinations(widths, count)
    harvested = tuple(constants)
    points = {n: shaped_vector(w, count, rng, from_ints(corner_values(w, harvested), w)) for n, w in widths.items()}
    _correlate(points, widths, rng)
    return points


def _all_combinations(widths: Mapping[str, int], count: int) -> dict[str, Vector]:
    index = np.arange(count, dtype=np.uint64)
    points: dict[str, Vector] = {}
    low = 0
    for name, width in widths.items():
        points[name] = index >> _U64(low) & _U64(mask(width))
        low += width
    return points


def _correlate(points: dict[str, Vector], widths: Mapping[str, int], rng: np.random.Generator) -> None:
    groups: dict[int, list[str]] = {}
    for name, width in widths.items():
        if width > 1:
            groups.setdefault(width, []).append(name)
    for width, names in groups.items():
        one: Any = 1 if width > 64 else _ONE
        limit: Any = mask(width) if width > 64 else _U64(mask(width))
        for left, right in itertools.pairwise(names):
            a, b = points[left], points[right]
            flipped = a ^ _one_hot(width, len(a), rng)
            kinds = rng.choice(6, len(a), p=[0.6, 0.12, 0.08, 0.08, 0.04, 0.08])
            for kind, value in ((1, a), (2, a + one & limit), (3, a - one & limit), (4, ~a & limit), (5, flipped)):
                b = np.where(kinds == kind, value, b)
            points[right] = b


def _one_hot(width: int, count: int, rng: np.random.Generator) -> Vector:
    return from_ints([1 << int(i) for i in rng.integers(0, width, count)], width)
