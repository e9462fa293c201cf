"""A counter whose digits are wanted counts in digits: no division, and each digit moves only on a carry.

A counter `0 … M-1` is written in a mixed radix system, the digits being what the design asks of it: `(r / p) % q` for
constants. Counting up or down then carries from digit to digit, comparisons with constants are comparisons of digits.
The lowest digit may be another counter of the design (a prescaler beside a counter of its multiples).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Final

from rtlgen.graphs.wordlevel import simulate as sim
from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.module import ModuleIR, Register
from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.optimizer.narrow.ranges import Interval, register_ranges
from rtlgen.optimizer.rewrite import Change, RewriteContext
from rtlgen.optimizer.sharing.graph import ModuleGraph, module_graphs
from rtlgen.optimizer.sharing.weave import Weaver, Wire, wire
from rtlgen.optimizer.state.always import NewRegister, NewState

_MAX_DIGITS: Final = 8
_NARROWEST: Final = 4
_COMPARES: Final = ("eq", "ult", "ule")


class NoDigitsError(Exception):
    """The counter is used in a way that its digits do not give."""


@dataclass(frozen=True, slots=True)
class Part:
    """The value `(r / weight) % count` of a counter r; `count` None for no remainder."""

    weight: int
    count: int | None


@dataclass(frozen=True, slots=True)
class Parts:
    """Recognises parts of one counter that never exceeds `top`."""

    name: str
    top: int

    def limit(self, part: Part) -> int:
        """Return the number of values of a part."""
        most = self.top // part.weight + 1
        return most if part.count is None else min(part.count, most)

    def of(self, x: Term) -> Part | None:
        """Return which part of the counter a value is, None where it is none."""
        if x.op == "var":
            return Part(1, None) if x.name == self.name else None
        if x.op not in ("zext", "extract", "urem", "udiv", "lshr"):
            return None
        inner = self.of(x.args[0])
        if inner is None or x.op == "zext":
            return inner
        if x.op == "extract":
            shifted = self._divided(inner, 1 << int(x.value or 0))
            return None if shifted is None else self._rest(shifted, 1 << x.width)
        if not x.args[1].is_const or not (constant := x.args[1].const_value):
            return None
        if x.op == "lshr":
            return self._divided(inner, 1 << constant)
        return (self._divided if x.op == "udiv" else self._rest)(inner, constant)

    def _divided(self, part: Part, by: int) -> Part | None:
        if part.count is None:
            return Part(part.weight * by, None)
        return Part(part.weight * by, part.count // by) if part.count % by == 0 and by < part.count else None

    def _rest(self, part: Part, by: int) -> Part | None:
        if self.limit(part) <= by:
            return part
        return Part(part.weight, by) if part.count is None or part.count % by == 0 else None


@dataclass(frozen=True)
class Digits:
    """A counter in digits.

    Attributes:
        register: the counter.
        parts: recognises its parts.
        weights: of each digit; the first is 1, each divides the next.
        low: another counter that is the lowest digit, None for none.
    """

    register: Register
    parts: Parts
    weights: tuple[int, ...]
    low: Register | None = None

    @cached_property
    def radices(self) -> tuple[int, ...]:
        """Number of values of each digit."""
        highest = -(-(self.parts.top + 1) // self.weights[-1])
        return (*(b // a for a, b in pairwise(self.weights)), highest)

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        """What reads each digit."""
        own = [wire(f"{self.register.name}_d{i}", (r - 1).bit_length()) for i, r in enumerate(self.radices)]
        return (t.var(self.low.name, self.low.width), *own[1:]) if self.low is not None else tuple(own)

    def constant(self, value: int) -> list[int]:
        """Return the digits of a number."""
        return [value // w % r for w, r in zip(self.weights, self.radices, strict=True)]

    def _of_part(self, part: Part) -> list[int]:
        """Return which digits a part consists of, lowest first."""
        end = None if part.count is None else part.weight * part.count
        found = [i for i, w in enumerate(self.weights) if w >= part.weight and (end is None or w < end)]
        if not found or self.weights[found[0]] != part.weight or (end not in (None, *self.weights) and end):
            raise NoDigitsError(f"expected a part that is made of digits, got {part!r}")
        return found

    def value(self, part: Part, width: int) -> Term:
        """Return the value of a part."""
        terms = []
        for i in self._of_part(part):
            digit, factor = t.zext(_fit(self.terms[i], width), width), self.weights[i] // part.weight
            terms.append(digit if factor == 1 else t.apply("mul", digit, t.const(factor, width)))
        total = terms[0]
        for term in terms[1:]:
            total = t.apply("add", total, term)
        return total

    def equals(self, part: Part, value: int) -> Term:
        """Return whether a part has a value."""
        if value >= self.parts.limit(part):
            return t.const(0, 1)
        number, result = self.constant(value * part.weight), t.const(1, 1)
        for i in self._of_part(part):
            result = t.land(result, self._at(i, number[i]))
        return result

    def below(self, part: Part, value: int) -> Term:
        """Return whether a part is less than a value."""
        if value >= self.parts.limit(part):
            return t.const(1, 1)
        if value == self.parts.limit(part) - 1:
            return t.lnot(self.equals(part, value))
        number, result = self.constant(value * part.weight), t.const(0, 1)
        for i in self._of_part(part):
            digit = self.terms[i]
            less = t.apply("ult", digit, t.const(number[i], digit.width)) if number[i] else t.const(0, 1)
            result = t.lor(less, t.land(self._at(i, number[i]), result))
        return result

    def _at(self, index: int, value: int) -> Term:
        digit = self.terms[index]
        return t.apply("eq", digit, t.const(value, digit.width))

    def carries(self, down: bool) -> list[Term]:
        """Return for each digit, and behind the last, whether all lower ones are at their highest (lowest)."""
        found = [t.const(1, 1)]
        for i, radix in enumerate(self.radices):
            found.append(t.land(found[-1], self._at(i, 0 if down else radix - 1)))
        return found


def _fit(term: Term, width: int) -> Term:
    return term if term.width <= width else t.extract(term, 0, width)


class Recount:
    """Rewrites values over a counter as values over its digits."""

    def __init__(self, digits: Digits) -> None:
        self._digits = digits
        self._parts = digits.parts
        self._done: dict[Term, Term] = {}

    def value(self, x: Term) -> Term:
        """Return a value without the counter.

        Raises:
            NoDigitsError: it needs the counter as a whole.
        """
        if x not in self._done:
            self._done[x] = self._value(x)
        return self._done[x]

    def _value(self, x: Term) -> Term:
        if self._parts.name not in t.variables(x):
            return x
        part = self._parts.of(x)
        if part is not None:
            if part == Part(1, None):
                raise NoDigitsError("expected parts of the counter, got all of it")
            return self._digits.value(part, x.width)
        compared = self.comparison(x)
        return compared if compared is not None else t.rebuild(x, tuple(self.value(a) for a in x.args))

    def comparison(self, x: Term) -> Term | None:
        """Return a comparison of a part with a constant in digits, None where the value is no such thing."""
        if x.op not in _COMPARES or not any(a.is_const for a in x.args):
            return None
        first = x.args[0].is_const
        constant, other = x.args if first else x.args[::-1]
        part, value = self._parts.of(other), constant.const_value
        if part is None:
            return None
        if x.op == "eq":
            return self._digits.equals(part, value)
        less = self._digits.below(part, value + (first == (x.op == "ult")))
        return t.lnot(less) if first else less

    def step(self, x: Term, index: int) -> Term:
        """Return the next value of a digit where the counter's is `x`.

        Raises:
            NoDigitsError: the counter does something else than count, hold and take constants.
        """
        digits, digit = self._digits, self._digits.terms[index]
        if x.is_const:
            return t.const(digits.constant(x.const_value)[index], digit.width)
        if x.op == "var" and x.name == self._parts.name:
            return digit
        if x.op == "ite":
            condition, then, other = x.args
            wrapped = self._wraps(condition, then, other, index)
            if wrapped is not None:
                return self._counted(index, down=wrapped, around=True)
            return t.ite(self.value(condition), self.step(then, index), self.step(other, index))
        direction = self._direction(x)
        if direction is None:
            raise NoDigitsError(f"expected a counter's next value, got {x.op}")
        return self._counted(index, down=direction < 0, around=False)

    def _direction(self, x: Term) -> int | None:
        """Return 1 for the counter plus 1, -1 for minus 1, else None."""
        if x.op not in ("add", "sub"):
            return None
        for own, other in (x.args, x.args[::-1]) if x.op == "add" else (x.args,):
            if own.op == "var" and own.name == self._parts.name and other.is_const:
                amount = t.to_signed(other.const_value, other.width) * (1 if x.op == "add" else -1)
                return amount if amount in (1, -1) else None
        return None

    def _wraps(self, condition: Term, then: Term, other: Term, index: int) -> bool | None:
        """Return whether a digit that counts around its own end does what a selection says, and counts down (True).

        That is so where the counter counts around its own end, and this digit and all lower ones reach theirs there.
        """
        direction = self._direction(other)
        if direction is None or not then.is_const:
            return None
        digits, top = self._digits, self._parts.top
        lower = zip(digits.constant(top)[: index + 1], digits.radices, strict=False)
        last, first = (top, 0) if direction > 0 else (0, top)
        ends = then.const_value == first and self.value(condition) is digits.equals(Part(1, None), last)
        return direction < 0 if ends and all(d == r - 1 for d, r in lower) else None

    def _counted(self, index: int, *, down: bool, around: bool) -> Term:
        """Return a digit after counting one step; `around` says whether the last value is followed by the first."""
        digits, digit, radix = self._digits, self._digits.terms[index], self._digits.radices[index]
        carries = digits.carries(down)
        moved = t.apply("sub" if down else "add", digit, t.const(1, digit.width))
        last = index == len(digits.terms) - 1
        if radix != 1 << digit.width and (around or not last):
            moved = t.ite(carries[index + 1], t.const(radix - 1 if down else 0, digit.width), moved)
        return t.ite(carries[index], moved, digit)


class CounterDigits:
    """Counts in the digits that a design asks for."""

    name = "counter-digits"

    def propose(self, context: RewriteContext) -> Iterator[Change]:
        """Yield one change per counter and way to split it."""
        for graph in module_graphs(context):
            ranges = register_ranges(graph.module)
            weaver = Weaver(context, graph)
            for digits in systems(graph, ranges, context.seed):
                if time.monotonic() > context.deadline_s:
                    return
                change = recounted(weaver, graph, digits)
                if change is not None:
                    yield change


def systems(graph: ModuleGraph, ranges: dict[str, Interval], seed: int = 0) -> Iterator[Digits]:
    """Yield the ways to write counters of a module in digits."""
    module = graph.module
    for name, register in module.registers.items():
        inner = module.signals[name].kind in ("net", "variable") and module.signals[name].depth is None
        if not inner or register.width < _NARROWEST or name not in ranges:
            continue
        parts = Parts(name, ranges[name].high)
        try:
            marks = _marks(graph, register, parts)
        except NoDigitsError:
            continue
        if any(m & m - 1 for m in marks) and (weights := _chain(marks, parts.top)):
            yield Digits(register, parts, weights)
        for low in _prescalers(module, register, ranges, seed):
            weights = _chain(marks | {ranges[low.name].high + 1}, parts.top)
            if weights and weights[1] == ranges[low.name].high + 1:
                yield Digits(register, parts, weights, low)


def _marks(graph: ModuleGraph, register: Register, parts: Parts) -> set[int]:
    """Return the weights at which the design's uses of a counter begin and end.

    Raises:
        NoDigitsError: it is used in another way.
    """
    found: set[int] = set()
    seen: set[Term] = set()

    def visit(x: Term) -> None:
        if x in seen or register.name not in t.variables(x):
            return
        seen.add(x)
        compared = x.op in _COMPARES and any(a.is_const for a in x.args)
        for a in x.args if compared else (x,):
            part = parts.of(a)
            if part is not None:
                if part == Part(1, None) and not compared:
                    raise NoDigitsError("expected parts of the counter, got all of it")
                found.add(part.weight)
                found.update(() if part.count is None else (part.weight * part.count,))
            else:
                for b in a.args:
                    visit(b)

    own = graph.full(register.next)
    for root in graph.roots:
        if root is not own:
            visit(root)
    _visit_step(own, register.name, visit)
    return found


def _visit_step(x: Term, name: str, visit: object) -> None:
    """Visit the conditions of a counter's next value."""
    assert callable(visit)
    if x.op == "ite":
        visit(x.args[0])
        _visit_step(x.args[1], name, visit)
        _visit_step(x.args[2], name, visit)
    elif not x.is_const and not (x.op in ("add", "sub", "var") and set(t.variables(x)) == {name}):
        raise NoDigitsError("expected a counter that counts, holds and takes constants")


def _chain(marks: set[int], top: int) -> tuple[int, ...]:
    """Return the weights of digits, empty where one does not divide the next or there is only one."""
    weights = sorted({1, *(m for m in marks if m <= top)})
    fits = all(b % a == 0 for a, b in pairwise(weights))
    return tuple(weights) if fits and 1 < len(weights) <= _MAX_DIGITS else ()


def _prescalers(module: ModuleIR, register: Register, ranges: dict[str, Interval], seed: int) -> Iterator[Register]:
    """Yield counters that are the remainder of a register in every reached state that was seen."""
    high = ranges[register.name].high
    for other in module.registers.values():
        count = ranges[other.name].high + 1 if other.name in ranges else 0
        if other is register or not 2 < count <= high or other.width > 63 or (high + 1) % count:
            continue
        values = sim.long_run(module, seed).samples.values
        own, low = values[register.name], values[other.name]
        if own.dtype != object and bool((own % count == low).all()) and bool((low != low[0]).any()):
            yield other


def recounted(weaver: Weaver, graph: ModuleGraph, digits: Digits) -> Change | None:
    """Return the change to a counter in digits, None where the text does not allow it."""
    recount = Recount(digits)
    own = graph.full(digits.register.next)
    fresh = [i for i, term in enumerate(digits.terms) if digits.low is None or i]
    try:
        steps = {i: recount.step(own, i) for i in fresh}
        targets = _targets(graph, digits, recount)
    except NoDigitsError:
        return None
    wires, known = _carry_wires(digits, [*steps.values()])
    reset = digits.register.resets[0].value if digits.register.resets else 0
    initial = digits.register.initial
    registers = tuple(
        NewRegister(
            f"{digits.register.name}_d{i}",
            digits.terms[i].width,
            t.replaced([step], known)[0],
            digits.constant(reset or 0)[i],
            None if initial is None else digits.constant(initial)[i],
        )
        for i, step in steps.items()
    )
    name, radices = digits.register.name, " x ".join(str(r) for r in reversed(digits.radices))
    return weaver.change(
        "counter-digits",
        f"count {name!r} in digits ({radices})",
        "The digits that are wanted are there without a division, and each moves only on a carry.",
        wires,
        dict(zip(targets, t.replaced(list(targets.values()), known), strict=True)),
        0.8,
        state=NewState(digits.register, registers),
    )


def _targets(graph: ModuleGraph, digits: Digits, recount: Recount) -> dict[Term, Term]:
    """Return the values of the module that read the counter, with what they are over its digits."""
    name = digits.register.name
    found: dict[Term, Term] = {}
    own = graph.full(digits.register.next)
    for node in t.walk(*(r for r in (*graph.roots, *graph.env.values()) if r is not own), *_conditions(own)):
        if name in t.variables(node) and node.op not in ("var", "const"):
            try:
                found[node] = recount.value(node)
            except NoDigitsError:
                continue
    return found


def _conditions(x: Term) -> Sequence[Term]:
    return [n.args[0] for n in t.walk(x) if n.op == "ite"]


def _carry_wires(digits: Digits, steps: Sequence[Term]) -> tuple[list[Wire], dict[Term, Term]]:
    """Return wires for the carries that the digits read, and what reads each."""
    wires: list[Wire] = []
    known: dict[Term, Term] = {}
    nodes = set(t.walk(*steps))
    for down in (False, True):
        for index, carry in enumerate(digits.carries(down)):
            if index and carry in nodes and carry not in known:
                name = f"{digits.register.name}_{'borrow' if down else 'carry'}{index}"
                wires.append(Wire(name, t.replaced([carry], known)[0]))
                known[carry] = wire(name, 1)
    return wires, known
