"""A sum of registers as a register of its own, which moves by what its parts move by.

`ups - downs` of two counters is one counter that goes up and down; the sum over a window of samples gains the new one
and loses the oldest. The new register's next value follows from those of its parts: case by case (the conditions that
select them), the weighted sum of what they become, written either anew or as a difference to the present sum, which
is short where most parts cancel. (Finite differencing: R. Paige, S. Koenig, "Finite differencing of computable
expressions", ACM TOPLAS 1982.)
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.module import ModuleIR, Register
from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.optimizer.arith.forms import LINEAR, ONE, Form, Forms, Leaf, bounds, plus
from rtlgen.optimizer.rewrite import Change, RewriteContext
from rtlgen.optimizer.sharing.graph import ModuleGraph, module_graphs, normal
from rtlgen.optimizer.sharing.weave import Weaver, wire
from rtlgen.optimizer.state.always import NewRegister, NewState

_MAX_CASES: Final = 16
_MAX_ADDENDS: Final = 12
_NAME: Final = "running_sum"


class NoSumError(Exception):
    """The sum does not move by little."""


@dataclass(frozen=True)
class RunningSum:
    """A sum that has parts in registers.

    Attributes:
        value: the whole sum.
        stored: its part over registers, which the new register holds.
        rest: what is added to that.
        width: bits of the new register.
        registers: the register of each part of `stored`; all of them are clocked and reset alike.
    """

    value: Term
    stored: Form
    rest: Form
    width: int
    registers: Mapping[Leaf, Register]


class RunningSums:
    """Keeps sums of registers in registers."""

    name = "running-sum"

    def propose(self, context: RewriteContext) -> Iterator[Change]:
        """Yield one change per sum."""
        for graph in module_graphs(context):
            weaver = Weaver(context, graph)
            for found in sums(graph):
                if time.monotonic() > context.deadline_s:
                    return
                change = kept(weaver, graph, found)
                if change is not None:
                    yield change


def sums(graph: ModuleGraph) -> Iterator[RunningSum]:
    """Yield the largest sums of a module with at least two parts in registers that move together."""
    forms = Forms()
    inner = {a for n in graph.nodes if n.op in LINEAR or n.op in ("zext", "sext") for a in n.args}
    for node in graph.nodes:
        if node.op not in ("add", "sub") or node in inner:
            continue
        form = forms.of(node)
        groups: dict[tuple[object, ...], Form] = {}
        registers: dict[Leaf, Register] = {}
        for leaf, weight in form.items():
            register = _register(graph.module, leaf.term)
            if register is not None:
                registers[leaf] = register
                alike = (register.clock, register.edge, *((r.signal, r.level) for r in register.resets))
                groups.setdefault((*alike, register.initial is None), {})[leaf] = weight
        for stored in groups.values():
            if 2 <= len(stored) <= _MAX_ADDENDS:
                rest = {k: v for k, v in form.items() if k not in stored}
                yield RunningSum(node, stored, rest, _width(node, stored), {k: registers[k] for k in stored})


def _register(module: ModuleIR, x: Term) -> Register | None:
    """Return the register that a value is, or is the low bits of."""
    while x.op == "extract" and not x.value:
        x = x.args[0]
    return module.registers.get(x.name) if x.op == "var" else None


def _width(node: Term, stored: Form) -> int:
    low, high = bounds(stored)
    return node.width if low < 0 else min(node.width, max(high.bit_length(), 1))


def kept(weaver: Weaver, graph: ModuleGraph, found: RunningSum) -> Change | None:
    """Return the change that keeps a sum in a register, None where it does not pay or the text does not allow it."""
    try:
        following = _Cases(graph, found).next()
    except NoSumError:
        return None
    register = NewRegister(_NAME, found.width, following, _constant(found, "reset") or 0, _constant(found, "initial"))
    total = t.zext(wire(_NAME, found.width), found.value.width)
    parts = " ".join(f"{'-' if w < 0 else '+'} {leaf.term!r}" for leaf, w in found.stored.items())
    return weaver.change(
        "running-sum",
        f"a register for the sum {parts.removeprefix('+ ')}" if len(parts) < 80 else "a register for a running sum",
        "It moves by what its parts move by, which is less than adding them all up in every cycle.",
        (),
        {found.value: _total(total, found.rest)},
        0.8,
        state=NewState(next(iter(found.registers.values())), (register,)),
    )


def _total(first: Term, form: Mapping[Leaf, int]) -> Term:
    """Return a value plus a weighted sum."""
    result = first
    for leaf, weight in sorted(form.items(), key=lambda kv: kv[0] is ONE):
        result = _added(result, leaf, weight)
    return result


def _added(total: Term, leaf: Leaf, weight: int) -> Term:
    width = total.width
    size = abs(weight)
    if leaf is ONE:
        return t.apply("sub" if weight < 0 else "add", total, t.const(size, width))
    term = _at(leaf, width)
    if size != 1:
        term = t.apply("mul", term, t.const(size, width))
    return t.apply("sub" if weight < 0 else "add", total, term)


def _at(leaf: Leaf, width: int) -> Term:
    return t.extract(leaf.term, 0, width) if leaf.term.width > width else leaf.at(width)


def _constant(found: RunningSum, what: str) -> int | None:
    """Return the sum of the parts' values in reset, or given by declaration; None where one has none."""
    total = 0
    for leaf, weight in found.stored.items():
        register = found.registers[leaf]
        value = register.initial if what == "initial" else next((r.value for r in register.resets), None)
        if value is None:
            return None
        value &= t.mask(leaf.term.width)
        total += weight * (t.to_signed(value, leaf.term.width) if leaf.signed else value)
    return total & t.mask(found.width)


class _Cases:
    """The next value of a sum, case by case."""

    def __init__(self, graph: ModuleGraph, found: RunningSum) -> None:
        self._found = found
        self._forms = Forms()
        self._own = wire(_NAME, found.width)
        self._cases = 0
        self._nexts: dict[Leaf, Term] = {}
        for leaf in found.stored:
            self._nexts[leaf] = normal(t.extract(graph.full(found.registers[leaf].next), 0, leaf.term.width))

    def next(self) -> Term:
        """Return the next value.

        Raises:
            NoSumError: it takes too many cases, or adding up as much as before.
        """
        return self._tree(self._nexts)

    def _tree(self, nexts: Mapping[Leaf, Term]) -> Term:
        condition = next((x.args[0] for x in nexts.values() if x.op == "ite"), None)
        if condition is None:
            self._cases += 1
            if self._cases > _MAX_CASES:
                raise NoSumError(f"expected at most {_MAX_CASES} cases, got more")
            return self._leaf(nexts)
        then, other = ({k: _taken(x, condition, way) for k, x in nexts.items()} for way in (True, False))
        return t.ite(condition, self._tree(then), self._tree(other))

    def _leaf(self, nexts: Mapping[Leaf, Term]) -> Term:
        """Return the sum where nothing is selected any more."""
        width = self._found.value.width
        new: Form = {}
        for leaf, weight in self._found.stored.items():
            value = t.const(0, leaf.term.width) if nexts[leaf].op == "undef" else nexts[leaf]
            new = plus(new, self._form(value, leaf, width), weight)
        moved = {k: v for k, v in plus(new, self._found.stored, -1).items() if v}
        new = {k: v for k, v in new.items() if v}
        if min(len(new) - 1, len(moved)) >= len(self._found.stored):
            raise NoSumError("expected a sum that moves by little")
        if len(moved) < len(new) or not moved:
            return _total(self._own, moved)
        return _total(t.const(0, self._own.width), new)

    def _form(self, value: Term, leaf: Leaf, width: int) -> Form:
        """Return a part's next value as a weighted sum, exact modulo 2**width."""
        if leaf.term.width >= width:
            return self._forms.of(value)
        return self._forms.of((t.sext if leaf.signed else t.zext)(value, width))


def _taken(x: Term, condition: Term, way: bool) -> Term:
    while x.op == "ite" and x.args[0] is condition:
        x = x.args[1 if way else 2]
    return x
