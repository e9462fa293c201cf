"""State codes: the classical ones, and a search for codes that keep related states close.

The search weighs pairs of states as MUSTANG does (Devadas, Ma, Newton, Sangiovanni-Vincentelli, "MUSTANG: State
Assignment of Finite State Machines Targeting Multilevel Logic Implementations", IEEE TCAD 7(12), 1988): pairs that go
to the same states or give the same outputs, and pairs that are entered from the same states, share logic when their
codes are close. It only proposes; synthesis decides.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rtlgen.graphs.fsm.bdd import FALSE, TRUE
from rtlgen.graphs.fsm.extract import Machine
from rtlgen.optimizer.fsm.minimize import Classes

Codes = tuple[int, ...]
MAX_ONE_HOT = 16


@dataclass(frozen=True, slots=True)
class Encoding:
    """Codes for the classes of a machine, in their order.

    Attributes:
        style: how they were found: `binary`, `gray`, `one-hot`, `output-based`, `searched`, `counted`, `as-written`.
        codes: one per class.
        width: bits of each.
    """

    style: str
    codes: Codes
    width: int


def minimal_width(states: int) -> int:
    """Return the fewest bits that tell `states` states apart."""
    return max(1, (states - 1).bit_length())


def binary(states: int) -> Encoding:
    """Return the codes 0, 1, 2 and so on."""
    return Encoding("binary", tuple(range(states)), minimal_width(states))


def gray(states: int) -> Encoding:
    """Return codes of which neighbours in the order differ in one bit."""
    return Encoding("gray", tuple(i ^ i >> 1 for i in range(states)), minimal_width(states))


def one_hot(states: int) -> Encoding:
    """Return codes with one bit each."""
    return Encoding("one-hot", tuple(1 << i for i in range(states)), states)


def output_based(machine: Machine, classes: Classes) -> Encoding | None:
    """Return codes whose bits are Moore outputs as far as possible, None where no output bit depends on the state.

    Outputs are taken greedily, each the one that tells most states apart; the rest is told apart by extra bits.
    """
    columns = _moore_columns(machine, classes)
    chosen: list[Codes] = []
    groups = _groups([() for _ in classes])
    while columns:
        best = max(columns, key=lambda c: _groups(list(zip(*chosen, c, strict=True))))
        count = _groups(list(zip(*chosen, best, strict=True)))
        if count <= groups:
            break
        chosen.append(best)
        columns.remove(best)
        groups = count
    if not chosen:
        return None
    return _with_extra_bits(list(zip(*chosen, strict=True)))


def _groups(rows: Sequence[tuple[int, ...]]) -> int:
    return len(set(rows))


def _moore_columns(machine: Machine, classes: Classes) -> list[Codes]:
    """Return the output bits that are constant in every state and not the same in all, one tuple over the classes."""
    rows = [machine.outputs[c[0]] for c in classes]
    found: dict[Codes, None] = {}
    for index, name in enumerate(machine.observers):
        cells = [row[index] for row in rows]
        if not name.startswith("output ") or not all(isinstance(c, tuple) for c in cells):
            continue
        for bits in zip(*cells, strict=True):
            if set(bits) == {FALSE, TRUE}:
                found[tuple(bits)] = None
    return list(found)


def _with_extra_bits(rows: list[tuple[int, ...]]) -> Encoding:
    used: dict[tuple[int, ...], int] = {}
    repeats = []
    for row in rows:
        repeats.append(used.get(row, 0))
        used[row] = repeats[-1] + 1
    extra = (max(used.values()) - 1).bit_length()
    words = [sum(bit << i for i, bit in enumerate(reversed(row))) for row in rows]
    codes = tuple(word << extra | n for word, n in zip(words, repeats, strict=True))
    return Encoding("output-based", codes, len(rows[0]) + extra)


def affinities(machine: Machine, classes: Classes) -> list[list[float]]:
    """Return for every pair of classes how much logic they could share if their codes were close."""
    number = {code: i for i, group in enumerate(classes) for code in group}
    count = len(classes)
    weights = [[0.0] * count for _ in range(count)]
    fanout = [_fanout(machine, group[0], number) for group in classes]
    for i in range(count):
        for j in range(i):
            shared = sum(min(fanout[i].get(k, 0.0), fanout[j].get(k, 0.0)) for k in fanout[i])
            same = _same_outputs(machine, classes[i][0], classes[j][0])
            direct = fanout[i].get(j, 0.0) + fanout[j].get(i, 0.0)
            entered = sum(math.sqrt(f.get(i, 0.0) * f.get(j, 0.0)) for f in fanout)
            weights[i][j] = weights[j][i] = 2 * shared + 2 * same + entered + direct
    return weights


def _fanout(machine: Machine, code: int, number: dict[int, int]) -> dict[int, float]:
    """Return the share of guards on which each class follows, every free variable being 1 half of the time."""
    shares: dict[int, float] = {}
    for target, guard in machine.transitions[code].items():
        shares[number[target]] = shares.get(number[target], 0.0) + machine.diagrams.density(guard)
    return shares


def _same_outputs(machine: Machine, left: int, right: int) -> float:
    pairs = list(zip(machine.outputs[left], machine.outputs[right], strict=True))
    return sum(a == b for a, b in pairs) / max(1, len(pairs))


def searched(machine: Machine, classes: Classes, width: int, seed: int, tries: int = 4) -> Iterator[Encoding]:
    """Yield codes found by annealing over the affinities, one per try, best first, no code set twice."""
    weights = affinities(machine, classes)
    found: dict[Codes, float] = {}
    for attempt in range(tries):
        codes = _anneal(weights, width, random.Random(f"{seed}/{width}/{attempt}"))
        canonical = _canonical(codes)
        found[canonical] = _cost(weights, canonical)
    for codes in sorted(found, key=lambda c: (found[c], c)):
        yield Encoding("searched", codes, width)


def _cost(weights: list[list[float]], codes: Sequence[int]) -> float:
    return sum(weights[i][j] * (codes[i] ^ codes[j]).bit_count() for i in range(len(codes)) for j in range(i))


def _change(weights: list[list[float]], codes: list[int], i: int, old: int, new: int, other: int) -> float:
    """Return how the cost changes when state `i` goes from code `old` to `new`, leaving out state `other`."""
    row = weights[i]
    return sum(
        row[k] * ((new ^ c).bit_count() - (old ^ c).bit_count()) for k, c in enumerate(codes) if k not in (i, other)
    )


def _anneal(weights: list[list[float]], width: int, rng: random.Random) -> Codes:
    count = len(weights)
    pool = list(range(1 << width))
    rng.shuffle(pool)
    codes, free = pool[:count], pool[count:]
    scale = max(1e-9, sum(map(sum, weights)) / count)
    steps = min(4000, 150 * count)
    best, best_gain, gain = list(codes), 0.0, 0.0
    for step in range(steps):
        temperature = scale * 0.6 * (1 - step / steps) ** 2 + 1e-9
        i = rng.randrange(count)
        target = rng.randrange(count + len(free))
        if target == i:
            continue
        if target < count:
            a, b = codes[i], codes[target]
            delta = _change(weights, codes, i, a, b, target) + _change(weights, codes, target, b, a, i)
        else:
            delta = _change(weights, codes, i, codes[i], free[target - count], -1)
        if delta > 0 and rng.random() >= math.exp(-delta / temperature):
            continue
        gain += delta
        if target < count:
            codes[i], codes[target] = codes[target], codes[i]
        else:
            codes[i], free[target - count] = free[target - count], codes[i]
        if gain < best_gain:
            best, best_gain = list(codes), gain
    return tuple(best)


def _canonical(codes: Codes) -> Codes:
    """Return the codes with the first state at 0: inverting a bit for all states changes no distance."""
    return tuple(c ^ codes[0] for c in codes)


def along(classes: Classes, moves: Mapping[int, int], entry: int) -> Encoding | None:
    """Return binary codes counted along the cycle that `moves` makes of all states, None where they make none."""
    number = {code: i for i, group in enumerate(classes) for code in group}
    place: dict[int, int] = {}
    here = number[entry]
    while here not in place:
        place[here] = len(place)
        following = moves.get(classes[here][0])
        if following is None or following not in number:
            return None
        here = number[following]
    if here != number[entry] or len(place) != len(classes):
        return None
    return Encoding("counted", tuple(place[i] for i in range(len(classes))), minimal_width(len(classes)))


def gray_order(machine: Machine, classes: Classes) -> Encoding:
    """Return Gray codes along a path through the machine that follows its most likely transitions."""
    number = {code: i for i, group in enumerate(classes) for code in group}
    fanout = [_fanout(machine, group[0], number) for group in classes]
    path = [0]
    left = set(range(1, len(classes)))
    while left:
        here = path[-1]
        following = max(sorted(left), key=lambda j: fanout[here].get(j, 0.0) + 0.5 * fanout[j].get(here, 0.0))
        path.append(following)
        left.remove(following)
    assert all(a != b for a, b in pairwise(path))
    place = {state: i for i, state in enumerate(path)}
    return Encoding("gray", tuple(place[i] ^ place[i] >> 1 for i in range(len(classes))), minimal_width(len(classes)))
