"""Division and remainder by constants without a divider.

The quotient of an n-bit number by d is the high part of a product with a rounded-up reciprocal (T. Granlund and
P. L. Montgomery, "Division by invariant integers using multiplication", PLDI 1994); the remainder is what the quotient
leaves, computed in the few bits that it can have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.optimizer.arith.forms import digits
from rtlgen.optimizer.rewrite import Change, RewriteContext
from rtlgen.optimizer.sharing.graph import ModuleGraph, module_graphs
from rtlgen.optimizer.sharing.weave import Weaver, Wire, wire

_WIDEST: Final = 24

Plan = tuple[list[Wire], dict[Term, Term]]


class ConstantDivide:
    """Replaces divisions by constants by multiplications, and remainders by differences."""

    name = "constant-divide"

    def propose(self, context: RewriteContext) -> Iterator[Change]:
        """Yield changes for all divisions of a module together, then for those of one operand."""
        for graph in module_graphs(context):
            yield from _module(context, graph)


def _module(context: RewriteContext, graph: ModuleGraph) -> Iterator[Change]:
    found = divisions(graph)
    weaver = Weaver(context, graph)
    groups = [found] if found else []
    groups += [{k: v} for k, v in found.items()] if len(found) > 1 else []
    for group in groups:
        for style in ("product", "divider"):
            change = weaver.change(
                "constant-divide", _TITLE[style], _WHY[style], *plan(group, style == "product"), rank=0.6
            )
            if change is not None:
                yield change


_TITLE: Final = {
    "product": "divide by constants by multiplying with the reciprocal",
    "divider": "one division by a constant for quotient and remainder, in no more bits than needed",
}
_WHY: Final = {
    "product": "A product with a constant needs a few additions, where a divider subtracts once per bit.",
    "divider": "The remainder is what the quotient leaves; computing it so needs no second divider.",
}


def divisions(graph: ModuleGraph) -> dict[tuple[Term, int], list[Term]]:
    """Return (operand without extension, divisor) to the quotients and remainders that a module computes of them."""
    found: dict[tuple[Term, int], list[Term]] = {}
    for n in graph.nodes:
        if n.op not in ("udiv", "urem") or not n.args[1].is_const:
            continue
        operand = n.args[0].args[0] if n.args[0].op == "zext" else n.args[0]
        divisor = n.args[1].const_value
        if divisor & (divisor - 1) and operand.width <= _WIDEST:
            found.setdefault((operand, divisor), []).append(n)
    return found


def reciprocal(divisor: int, width: int) -> tuple[int, int]:
    """Return (m, s) so that `x // divisor == (x * m) >> s` for every x of `width` bits, m with few signed digits."""
    best: tuple[int, int, int] | None = None
    for shift in range(width, 2 * width + divisor.bit_length() + 1):
        factor = -((1 << shift) // -divisor)
        if (factor * divisor - (1 << shift)) << width <= 1 << shift:
            cost = len(digits(factor))
            if best is None or cost < best[0]:
                best = (cost, factor, shift)
    if best is None:
        raise ValueError(f"expected a reciprocal of {divisor!r} for {width!r} bits, found none")
    return best[1], best[2]


def plan(group: dict[tuple[Term, int], list[Term]], multiply: bool) -> Plan:
    """Return the wires and replacements for the divisions of a group, quotients first."""
    wires: list[Wire] = []
    targets: dict[Term, Term] = {}
    for (operand, divisor), nodes in group.items():
        stem = re.sub(r"\W+", "_", operand.name) if operand.op == "var" else "value"
        room = max(operand.width - divisor.bit_length() + 1, 1)
        quotient = _quotient(operand, divisor, room, f"{stem}_div_{divisor}", wires, multiply)
        for n in nodes:
            if n.op == "udiv":
                targets[n] = t.zext(quotient, n.width)
            else:
                targets[n] = t.zext(_remainder(operand, quotient, divisor), n.width)
    return wires, targets


def _quotient(operand: Term, divisor: int, room: int, name: str, wires: list[Wire], multiply: bool) -> Term:
    if not multiply:
        divided = t.apply("udiv", operand, t.const(divisor, operand.width)) if divisor >> operand.width == 0 else None
        value = t.extract(divided, 0, min(room, operand.width)) if divided is not None else t.const(0, 1)
        wires.append(Wire(f"{name}_high_unused", divided if divided is not None else value))
        return t.extract(wire(f"{name}_high_unused", wires[-1].value.width), 0, value.width)
    # Linters let bits of a signal go unread where its name says so.
    product = f"{name}_low_unused"
    factor, shift = reciprocal(divisor, operand.width)
    width = max((t.mask(operand.width) * factor).bit_length(), shift + 1)
    wires.append(Wire(product, t.apply("mul", t.zext(operand, width), t.const(factor, width))))
    return t.extract(wire(product, width), shift, width - shift)


def _remainder(operand: Term, quotient: Term, divisor: int) -> Term:
    width = min((divisor - 1).bit_length(), operand.width)
    low = t.zext(quotient, width)
    back = t.apply("mul", low, t.const(divisor, width))
    return t.apply("sub", t.extract(operand, 0, width), back)
