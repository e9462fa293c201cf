"""Several constant multiples of one operand from few additions: a graph of odd multiples built step by step.

After D. R. Bull and D. H. Horrocks, "Primitive operator digital filters" (IEE Proc. G 1991), and A. G. Dempster and
M. D. Macleod, "Use of minimum-adder multiplier blocks in FIR digital filters" (IEEE TCAS-II 1995).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rtlgen.optimizer.arith.forms import digits

_MOST_STEPS = 24


@dataclass(frozen=True, slots=True)
class Step:
    """`result = sign_a * (a << shift_a) + sign_b * (b << shift_b)`, all odd positive multiples."""

    result: int
    a: int
    shift_a: int
    sign_a: int
    b: int
    shift_b: int
    sign_b: int


def odd(value: int) -> tuple[int, int]:
    """Return (odd part, number of trailing zeros) of a positive number."""
    zeros = (value & -value).bit_length() - 1
    return value >> zeros, zeros


def multiples(wanted: Iterable[int]) -> list[Step]:
    """Return additions after which every odd positive number in `wanted` is available from 1.

    Greedy: what one addition reaches first, then the intermediate value that brings most wanted numbers within one
    addition, else the next partial sum of signed digits.
    """
    missing = {w for w in wanted if w != 1}
    limit = max(missing, default=1) * 2
    ready = [1]
    steps: list[Step] = []
    while missing and len(steps) < _MOST_STEPS:
        near: dict[int, Step] = {}
        for s in _reachable(ready, limit):
            if s.result not in near or _bits(s) < _bits(near[s.result]):
                near[s.result] = s
        hits = sorted(missing & near.keys())
        if hits:
            chosen = near[hits[0]]
        else:
            chosen = _helpful(ready, near, missing, limit) or _partial(near, min(missing), ready)
        steps.append(chosen)
        ready.append(chosen.result)
        missing.discard(chosen.result)
    return steps if not missing else []


def _bits(step: Step) -> float:
    """Return the adder bits of a step: bits below the shift of what is added or subtracted come for free."""
    bits = step.result.bit_length() + 8
    return bits - step.shift_b if step.sign_a > 0 else bits + 1.5


def _reachable(ready: list[int], limit: int) -> Iterator[Step]:
    """Yield every odd number that one addition or subtraction of shifted ready numbers gives."""
    span = limit.bit_length() + 1
    for a in ready:
        for b in ready:
            for shift in range(0 if a != b else 1, span):
                for sign_a, sign_b in ((1, 1), (1, -1), (-1, 1)):
                    total = sign_a * a + sign_b * (b << shift)
                    if 0 < total <= limit and total & 1:
                        yield Step(total, a, 0, sign_a, b, shift, sign_b)


def _helpful(ready: list[int], near: dict[int, Step], missing: set[int], limit: int) -> Step | None:
    best: tuple[int, int, Step] | None = None
    for value, step in near.items():
        if value in ready:
            continue
        reached = {s.result for s in _reachable_with(ready, value, limit)}
        score = len(missing & reached)
        if score and (best is None or (score, -value) > best[:2]):
            best = (score, -value, step)
    return best[2] if best is not None else None


def _reachable_with(ready: list[int], value: int, limit: int) -> Iterator[Step]:
    """Yield what one more addition reaches that reads `value`."""
    span = limit.bit_length() + 1
    for b in (*ready, value):
        for shift in range(span):
            for low, high in ((value, b), (b, value)):
                for sign_a, sign_b in ((1, 1), (1, -1), (-1, 1)):
                    total = sign_a * low + sign_b * (high << shift)
                    if 0 < total <= limit and total & 1:
                        yield Step(total, low, 0, sign_a, high, shift, sign_b)


def _partial(near: dict[int, Step], value: int, ready: list[int]) -> Step:
    """Return the step to the longest new partial sum of the value's signed digits."""
    total = 0
    found = None
    for position, sign in reversed(digits(value)):
        total += sign << position
        if total > 0 and (step := near.get(odd(total)[0])) is not None and step.result not in ready:
            found = step
            break
    return found or min((s for s in near.values() if s.result not in ready), key=lambda s: s.result)
