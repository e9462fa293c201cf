"""Turn a selection of expressions into one expression of selections (anti-unification with conditions)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.optimizer.sharing import adders
from rtlgen.optimizer.sharing.graph import ModuleGraph
from rtlgen.optimizer.sharing.select import Choice, Selector, merged
from rtlgen.optimizer.sharing.weave import Wire, wire

_PUSHED: Final = frozenset({"add", "sub", "mul", "udiv", "urem", "sdiv", "srem", "neg", "shl", "lshr", "ashr"})
_COMPARED: Final = frozenset({"ult", "ule", "slt", "sle", "eq"})
_CHEAP: Final = frozenset({"and", "or", "xor", "not", "zext", "sext", "extract", "concat", "ite"})
_SHIFTS: Final = frozenset({"shl", "lshr", "ashr"})


@dataclass(slots=True)
class Unifier:
    """Builds one expression for several values that are never needed at once.

    Attributes:
        graph: the module. selector: finds conditions.
        wires: what it had to name so far.
    """

    graph: ModuleGraph
    selector: Selector
    wires: list[Wire] = field(default_factory=list)
    _serial: int = 0

    def pick(self, choices: Sequence[Choice]) -> Term:
        """Return a value that equals each choice where that is needed, with operators shared.

        Raises:
            NotSeparableError: no conditions tell the choices apart.
        """
        group = merged(choices)
        if len(group) == 1:
            return group[0].value
        operators = {c.value.op for c in group}
        first = group[0].value
        if len(operators) == 1 and self._alike(group):
            return self._push(first.op, group)
        if operators <= adders.OPERATORS and first.width >= 4 and len({c.value.width for c in group}) == 1:
            return self._adder(group)
        return self.selector.mux(group)

    def _alike(self, group: Sequence[Choice]) -> bool:
        first = group[0].value
        widths = tuple(a.width for a in first.args)
        same = all(tuple(a.width for a in c.value.args) == widths and c.value.value == first.value for c in group)
        if not same or not first.args or first.op == "select":
            return False
        if first.op in _COMPARED:
            return widths[0] >= 3
        if first.op in ("zext", "sext"):
            return True
        if first.op in _PUSHED:
            return not (first.op == "mul" and len({c.value.args[1] for c in group if c.value.args[1].is_const}) > 1)
        return first.op in _CHEAP and any(len({c.value.args[i] for c in group}) == 1 for i in range(len(widths)))

    def _push(self, op: str, group: Sequence[Choice]) -> Term:
        rows = aligned([c.value for c in group]) if op in t.COMMUTATIVE else [c.value.args for c in group]
        columns = zip(*rows, strict=True)
        args = [self._column([Choice(v, c.active) for v, c in zip(col, group, strict=True)], op) for col in columns]
        return t.rebuild(group[0].value, tuple(args))

    def _column(self, choices: Sequence[Choice], op: str) -> Term:
        value = self.pick(choices)
        if op in _CHEAP or op == "eq" or value.op in ("var", "const") or len(merged(choices)) == 1:
            return value
        return self.named("operand", value)

    def named(self, hint: str, value: Term) -> Term:
        """Return the reading of a new wire with that value."""
        self._serial += 1
        name = f"{hint}_{self._serial}"
        self.wires.append(Wire(name, value))
        return wire(name, value.width)

    def _adder(self, group: Sequence[Choice]) -> Term:
        self._serial += 1
        wires, targets = adders.share(self.graph, group, self.pick, f"_{self._serial}")
        self.wires += wires
        results = [Choice(targets[c.value], c.active) for c in group]
        return self.selector.mux(results)

    # Whole groups -----------------------------------------------------------------------------------------------

    def adder_group(self, nodes: Sequence[Term]) -> dict[Term, Term]:
        """Return what replaces each of the additive nodes."""
        choices = [Choice(n, self.graph.active[n]) for n in nodes]
        wires, targets = adders.share(self.graph, choices, self.pick)
        self.wires += wires
        return targets

    def same_group(self, nodes: Sequence[Term], hint: str) -> dict[Term, Term]:
        """Return what replaces nodes of one operator and one shape."""
        choices = [Choice(n, self.graph.active[n]) for n in nodes]
        value = self.pick(choices)
        result = self.named(hint, value) if value.op != "var" else value
        return dict.fromkeys(nodes, result)

    def shift_group(self, nodes: Sequence[Term]) -> dict[Term, Term]:
        """Return what replaces left and right shifts: one right shifter, left shifts through it bit-reversed."""
        width = nodes[0].width
        uses = [self.graph.active[n] for n in nodes]
        zero = t.const(0, 1)
        sources, fills = [], []
        for n in nodes:
            sources.append(reversed_bits(n.args[0]) if n.op == "shl" else n.args[0])
            fills.append(t.extract(n.args[0], width - 1, 1) if n.op == "ashr" else zero)
        source = self._wired("shift_in", self._pick_zipped(sources, uses))
        fill = self._pick_zipped(fills, uses)
        amount = self._wired("shift_by", self._pick_zipped([n.args[1] for n in nodes], uses))
        if fill.is_const:
            out = self.named("shifted", t.apply("lshr", source, amount))
        else:
            wide = self.named("shift_ext", t.concat(fill, source))
            out = self.named("shifted", t.extract(t.apply("ashr", wide, amount), 0, width))
        return {n: reversed_bits(out) if n.op == "shl" else out for n in nodes}

    def _pick_zipped(self, values: Sequence[Term], uses: Sequence[Any]) -> Term:
        return self.pick([Choice(v, u) for v, u in zip(values, uses, strict=True)])

    def _wired(self, hint: str, value: Term) -> Term:
        return value if value.op in ("var", "const") else self.named(hint, value)


def reversed_bits(x: Term) -> Term:
    """Return the bits of `x` in reverse order."""
    return t.concat(*(t.extract(x, i, 1) for i in range(x.width)))


def aligned(values: Sequence[Term]) -> list[tuple[Term, ...]]:
    """Return the operands of commutative nodes, swapped so that columns agree as far as possible."""
    rows = [tuple(values[0].args)]
    for v in values[1:]:
        swapped = (v.args[1], v.args[0])
        rows.append(max((tuple(v.args), swapped), key=lambda row: sum(_fits(rows, i, x) for i, x in enumerate(row))))
    return rows


def _fits(rows: Sequence[tuple[Term, ...]], column: int, x: Term) -> float:
    same = sum(r[column] is x for r in rows)
    return same + 0.1 * sum(r[column].op == x.op for r in rows)
