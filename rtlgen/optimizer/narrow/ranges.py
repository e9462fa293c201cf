"""Which unsigned values each signal can take from reset on: interval analysis with refinement by conditions.

Abstract interpretation over intervals (Cousot and Cousot, POPL 1977): register intervals grow from their reset
values to a fixpoint; growth that does not settle is widened to the next constant of the design, then to the full
range. Inside `c ? a : b` the intervals of whatever `c` compares are refined for `a` and for `b`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from rtlgen.graphs.wordlevel.module import ModuleIR, Register
from rtlgen.graphs.wordlevel.simulate import combinational_order, constants_of, find_reset, settled
from rtlgen.graphs.wordlevel.terms import Term, make, mask, to_signed

_BUDGET: Final = 60_000
_SETTLE: Final = 3
_ROUNDS: Final = 40


@dataclass(frozen=True, slots=True)
class Interval:
    """Unsigned values `low` to `high`, inclusive."""

    low: int
    high: int

    def join(self, other: Interval) -> Interval:
        """Return the least interval around both."""
        return Interval(min(self.low, other.low), max(self.high, other.high))

    def meet(self, other: Interval) -> Interval | None:
        """Return the common values, None where there are none."""
        low, high = max(self.low, other.low), min(self.high, other.high)
        return Interval(low, high) if low <= high else None


Env = Mapping[Term, Interval]


class BudgetExceededError(Exception):
    """The terms are too large for the analysis."""


def full(width: int) -> Interval:
    """Return all values of a width."""
    return Interval(0, mask(width))


def register_ranges(module: ModuleIR) -> dict[str, Interval]:
    """Return an interval per register that holds in every state reachable from reset.

    Registers without a known reset or initial value get the full range. An empty result means that the module is
    too large for the analysis.
    """
    order = combinational_order(module)
    reset = find_reset(module)
    states: dict[str, Interval] = {}
    for name, register in module.registers.items():
        start = reset_value(register, reset)
        states[name] = full(register.width) if start is None else Interval(start, start)
    thresholds = sorted({c + d for c in constants_of(module) for d in (-1, 0, 1)})
    try:
        return _fixpoint(module, order, states, thresholds)
    except BudgetExceededError:
        return {}


def reset_value(register: Register, reset: tuple[str, int] | None) -> int | None:
    """Return the value a register has after reset, None where it is not known."""
    for control in register.resets:
        if reset is not None and (control.signal, control.level) == reset and control.value is not None:
            return control.value
    if reset is not None:
        term = settled(register.next, {reset[0]: reset[1]})
        if term.is_const:
            return term.const_value
    return register.initial


def _fixpoint(
    module: ModuleIR, order: list[str], states: dict[str, Interval], thresholds: list[int]
) -> dict[str, Interval]:
    for round_ in range(_ROUNDS):
        analysis = Analysis(module, order, states)
        grown = dict(states)
        for name, register in module.registers.items():
            after = analysis.of(register.next)
            for control in register.resets:
                after = after.join(
                    full(register.width) if control.value is None else Interval(control.value, control.value)
                )
            joined = states[name].join(after)
            if joined != states[name]:
                grown[name] = joined if round_ < _SETTLE else _widen(states[name], joined, register.width, thresholds)
        if grown == states:
            return states
        states = grown
    return {n: full(r.width) for n, r in module.registers.items()}


def _widen(old: Interval, new: Interval, width: int, thresholds: Iterable[int]) -> Interval:
    low = new.low if new.low >= old.low else 0
    if new.high <= old.high:
        return Interval(low, new.high)
    return Interval(low, next((t for t in thresholds if t >= new.high and t <= mask(width)), mask(width)))


class Analysis:
    """Intervals of terms for given intervals of the registers."""

    def __init__(self, module: ModuleIR, order: Iterable[str], states: Mapping[str, Interval]) -> None:
        self._definitions = {n: module.combinational[n] for n in order}
        self._states = states
        self._spent = 0
        self._base: dict[Term, Interval] = {}

    def of(self, term: Term) -> Interval:
        """Return the interval of a term.

        Raises:
            BudgetExceededError: it is too large.
        """
        return self._of(term, {}, self._base)

    def _of(self, t: Term, env: Env, memo: dict[Term, Interval]) -> Interval:
        known = memo.get(t)
        if known is not None:
            return known
        self._spent += 1
        if self._spent > _BUDGET:
            raise BudgetExceededError
        result = self._compute(t, env, memo)
        limit = env.get(t)
        if limit is not None:
            result = result.meet(limit) or limit
        memo[t] = result
        return result

    def _compute(self, t: Term, env: Env, memo: dict[Term, Interval]) -> Interval:
        if t.op == "const":
            return Interval(t.const_value, t.const_value)
        if t.op == "var":
            return self._variable(t, env, memo)
        if t.op == "ite":
            return self._choice(t, env, memo)
        if t.op in ("undef", "select"):
            return full(t.width)
        return transfer(t, [self._of(a, env, memo) for a in t.args])

    def _variable(self, t: Term, env: Env, memo: dict[Term, Interval]) -> Interval:
        if t.name in self._states:
            return self._states[t.name]
        definition = self._definitions.get(t.name)
        return self._of(definition, env, memo) if definition is not None else full(t.width)

    def _choice(self, t: Term, env: Env, memo: dict[Term, Interval]) -> Interval:
        condition, then, other = t.args
        truth = self._of(condition, env, memo)
        if truth.low == truth.high:
            return self._of(then if truth.low else other, env, memo)
        sides = []
        for branch, value in ((then, True), (other, False)):
            refined = dict(env)
            possible = self._assume(condition, value, refined, env, memo)
            if possible:
                fresh = memo if refined == env else {}
                sides.append(self._of(branch, refined, fresh))
        if not sides:
            return full(t.width)
        return sides[0] if len(sides) == 1 else sides[0].join(sides[1])

    def _assume(
        self, c: Term, value: bool, refined: dict[Term, Interval], env: Env, memo: dict[Term, Interval]
    ) -> bool:
        """Add to `refined` what a condition's truth value says; return False where it can't have that value."""
        if c.op == "not":
            return self._assume(c.args[0], not value, refined, env, memo)
        if (c.op == "and" and value) or (c.op == "or" and not value):
            return all(self._assume(a, value, refined, env, memo) for a in c.args)
        if c.op == "redor":
            return self._limit(c.args[0], 1 if value else 0, mask(c.args[0].width) if value else 0, refined, env, memo)
        if c.op in ("eq", "ult", "ule"):
            return self._compare(c, value, refined, env, memo)
        if c.op == "var" and c.name in self._definitions:
            self._limit(c, int(value), int(value), refined, env, memo)
            return self._assume(self._definitions[c.name], value, refined, env, memo)
        return self._limit(c, int(value), int(value), refined, env, memo)

    def _compare(
        self, c: Term, value: bool, refined: dict[Term, Interval], env: Env, memo: dict[Term, Interval]
    ) -> bool:
        a, b = c.args
        x, y = self._of(a, env, memo), self._of(b, env, memo)
        if c.op == "eq":
            return self._equal(a, b, x, y, value, refined, env, memo)
        if not value:
            a, b, x, y = b, a, y, x
        strict = int((c.op == "ult") == value)
        # Now a < b (strict) or a <= b holds, so b - a does not wrap around.
        refined[make("sub", b.width, (b, a))] = Interval(strict, max(strict, y.high - x.low))
        return self._limit(a, 0, y.high - strict, refined, env, memo) and self._limit(
            b, x.low + strict, mask(b.width), refined, env, memo
        )

    def _equal(
        self,
        a: Term,
        b: Term,
        x: Interval,
        y: Interval,
        value: bool,
        refined: dict[Term, Interval],
        env: Env,
        memo: dict[Term, Interval],
    ) -> bool:
        if value:
            return self._limit(a, y.low, y.high, refined, env, memo) and self._limit(
                b, x.low, x.high, refined, env, memo
            )
        for term, own, point in ((a, x, y), (b, y, x)):
            if point.low == point.high:
                low = own.low + int(own.low == point.low)
                high = own.high - int(own.high == point.low)
                if not self._limit(term, low, high, refined, env, memo):
                    return False
        return True

    def _limit(
        self, t: Term, low: int, high: int, refined: dict[Term, Interval], env: Env, memo: dict[Term, Interval]
    ) -> bool:
        now = refined.get(t) or self._of(t, env, memo)
        both = now.meet(Interval(low, high)) if low <= high else None
        if both is None:
            return False
        if not t.is_const:
            refined[t] = both
            if t.op == "zext":
                return self._limit(t.args[0], both.low, both.high, refined, env, memo)
        return True


def transfer(t: Term, args: list[Interval]) -> Interval:
    """Return the interval of an operator for intervals of its operands."""
    top = mask(t.width)
    exact = _exact(t, args)
    if exact is None:
        return full(t.width)
    low, high = exact
    if low >= 0 and high <= top:
        return Interval(low, high)
    # Everything wraps around equally often: the interval stays one.
    if low >> t.width == high >> t.width:
        return Interval(low & top, high & top)
    return full(t.width)


def _exact(t: Term, args: list[Interval]) -> tuple[int, int] | None:
    """Return bounds of the result before it is cut to its width, None where nothing is known."""
    a = args[0]
    if t.op == "zext":
        return a.low, a.high
    if t.op == "sext":
        width = t.args[0].width
        same_sign = a.low >> (width - 1) == a.high >> (width - 1)
        return (to_signed(a.low, width), to_signed(a.high, width)) if same_sign else None
    if t.op == "not":
        return mask(t.width) - a.high, mask(t.width) - a.low
    if t.op == "extract":
        low = int(t.value or 0)
        return a.low >> low, a.high >> low
    if t.op == "concat":
        return _concat(t, args)
    if len(args) == 2:
        return _binary(t, a, args[1])
    if t.op in ("redor", "redand"):
        return _reduction(t, a)
    return None


def _reduction(t: Term, a: Interval) -> tuple[int, int]:
    top = mask(t.args[0].width)
    if t.op == "redor":
        return int(a.low > 0), int(a.high > 0)
    return int(a.low == top), int(a.high == top)


def _concat(t: Term, args: list[Interval]) -> tuple[int, int]:
    low = high = 0
    for part, interval in zip(t.args, args, strict=True):
        low, high = low << part.width | interval.low, high << part.width | interval.high
    return low, high


def _binary(t: Term, a: Interval, b: Interval) -> tuple[int, int] | None:
    op = t.op
    if op == "add":
        return a.low + b.low, a.high + b.high
    if op == "sub":
        return a.low - b.high, a.high - b.low
    if op == "mul":
        return a.low * b.low, a.high * b.high
    if op == "and":
        return 0, min(a.high, b.high)
    if op in ("or", "xor"):
        return (max(a.low, b.low) if op == "or" else 0), mask(max(a.high.bit_length(), b.high.bit_length()))
    if op == "udiv" and b.low > 0:
        return a.low // b.high, a.high // b.low
    if op == "urem" and b.low > 0:
        return (a.low, a.high) if a.high < b.low else (0, min(a.high, b.high - 1))
    if op == "lshr":
        return a.low >> min(b.high, t.width), a.high >> min(b.low, t.width)
    if op == "shl" and b.high <= t.width:
        return a.low << b.low, a.high << b.high
    return _comparison(op, a, b)


def _comparison(op: str, a: Interval, b: Interval) -> tuple[int, int] | None:
    if op == "eq":
        return int(a == b and a.low == a.high), int(a.meet(b) is not None)
    if op == "ult":
        return int(a.high < b.low), int(a.low < b.high)
    if op == "ule":
        return int(a.high <= b.low), int(a.low <= b.high)
    return None
