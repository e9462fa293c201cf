"""One adder for additions, subtractions and comparisons that are never needed at once.

`a - b` is `a + ~b + 1`, and also `~(~a + b)`; `a < b` is the borrow of `a - b`. Every member is brought into the form
`x + y + carry` with operands that may be inverted, so that a group needs one adder with selected operands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.optimizer.sharing.graph import ModuleGraph
from rtlgen.optimizer.sharing.select import Choice, flip_if
from rtlgen.optimizer.sharing.weave import Wire, wire

OPERATORS: Final = frozenset({"add", "sub", "neg", "ult", "ule", "slt", "sle"})


@dataclass(frozen=True, slots=True)
class Operand:
    """`base` (inverted: its complement) extended to the adder's width, with the sign or with zeros."""

    base: Term
    signed: bool

    def at(self, width: int) -> Term:
        """Return the operand at the adder's width."""
        if self.base.is_const:
            value = t.to_signed(self.base.const_value, self.base.width) if self.signed else self.base.const_value
            return t.const(value, width)
        return (t.sext if self.signed else t.zext)(self.base, width)


@dataclass(frozen=True, slots=True)
class Form:
    """`x + y + carry` with operands inverted at will; the member is the sum, complemented where `inverted`."""

    x: Term
    flip_x: bool
    y: Term
    flip_y: bool
    carry: int
    inverted: bool


class Member:
    """One operation that may go to a shared adder."""

    def __init__(self, node: Term, unsigned: bool = False) -> None:
        """Look at a node; with `unsigned`, signed comparisons are brought to unsigned ones by their sign bits."""
        self.node = node
        op = node.op
        left, right = (node.args[0], node.args[0]) if op == "neg" else node.args
        signed_compare = op in ("slt", "sle")
        self.signs: tuple[Term, ...] = ()
        if signed_compare and unsigned:
            a, b = stripped_compare(left, True), stripped_compare(right, True)
            common = max(a.base.width, b.base.width) + int(not (a.signed and b.signed))
            left, right = a.at(common), b.at(common)
            self.signs = tuple(t.extract(x, common - 1, 1) for x in (left, right))
            signed_compare = False
        if op in ("add", "sub", "neg"):
            self.left, self.right = stripped(left), stripped(right)
            if len({o.signed for o in (self.left, self.right) if not o.base.is_const}) > 1:
                self.left, self.right = Operand(left, False), Operand(right, False)
        else:
            a, b = stripped_compare(left, signed_compare), stripped_compare(right, signed_compare)
            self.left, self.right = a, b
        widest = max(self.left.base.width, self.right.base.width)
        if op in ("add", "sub", "neg"):
            self.width = min(node.width, widest + 1)
        else:
            self.width = widest + 1

    def forms(self, width: int) -> list[Form]:
        """Return the ways to compute it on an adder of `width` bits."""
        op = self.node.op
        x, y = self.left.at(width), self.right.at(width)
        if op == "neg":
            x = t.const(0, width)
        if op == "add":
            plain = [Form(x, False, y, False, 0, False), Form(y, False, x, False, 0, False)]
            if y.is_const:
                plain.append(Form(x, False, t.const(~y.const_value, width), True, 0, False))
                if y.const_value == 1:
                    plain.append(Form(x, False, t.const(0, width), False, 1, False))
                plain.append(Form(x, False, t.const(-y.const_value, width), True, 1, False))
            return plain
        if op in ("ule", "sle"):  # p <= q is not (q < p)
            return [Form(f.x, f.flip_x, f.y, f.flip_y, f.carry, not f.inverted) for f in _difference(y, x)]
        return _difference(x, y)

    def result(self, total: Term, inverted: bool) -> Term:
        """Return the member's value from the adder's output."""
        if self.node.op in ("add", "sub", "neg"):
            low = total if not inverted else t.apply("not", total)
            if self.node.width <= total.width:
                return t.extract(low, 0, self.node.width)
            signed = self.node.op != "add" or self.left.signed or self.right.signed
            return (t.sext if signed else t.zext)(low, self.node.width)
        top = t.extract(total, total.width - 1, 1)
        for sign in self.signs:
            top = _xor_bit(top, sign)
        return t.lnot(top) if inverted else top

    @property
    def plain(self) -> bool:
        """Say whether an operand is extended with zeros."""
        return not all(o.signed or o.base.is_const for o in (self.left, self.right))


def _xor_bit(x: Term, y: Term) -> Term:
    if y.is_const:
        return t.lnot(x) if y.const_value else x
    return t.apply("xor", x, y)


def _difference(x: Term, y: Term) -> list[Form]:
    return [
        Form(x, False, y, True, 1, False),
        Form(y, True, x, False, 1, False),
        Form(x, True, y, False, 0, True),
        Form(y, False, x, True, 0, True),
    ]


def stripped(x: Term) -> Operand:
    """Return an operand without its extension."""
    if x.op in ("zext", "sext"):
        return Operand(x.args[0], x.op == "sext")
    if x.is_const:
        value = t.to_signed(x.const_value, x.width)
        width = max(value.bit_length() if value >= 0 else (~value).bit_length() + 1, 1)
        return Operand(t.const(value, width), value < 0)
    return Operand(x, False)


def stripped_compare(x: Term, signed: bool) -> Operand:
    """Return an operand of a comparison without its extension; its sign is the comparison's."""
    if not signed:
        if x.is_const:
            return Operand(t.const(x.const_value, max(x.const_value.bit_length(), 1)), False)
        return Operand(x.args[0], False) if x.op == "zext" else Operand(x, False)
    if x.is_const:
        value = t.to_signed(x.const_value, x.width)
        return Operand(t.const(value, max(value.bit_length() if value >= 0 else (~value).bit_length(), 0) + 1), True)
    return Operand(x.args[0], x.op == "sext") if x.op in ("zext", "sext") else Operand(x, True)


def share(
    graph: ModuleGraph,
    choices: Sequence[Choice],
    pick: Callable[[Sequence[Choice]], Term],
    serial: str = "",
) -> tuple[list[Wire], dict[Term, Term]]:
    """Return wires of one adder for all `nodes`, and what replaces each of them.

    Args:
        graph: the module.
        choices: full values and where each is needed.
        pick: builds the selection of operands.
        serial: suffix of the new names.

    Raises:
        NotSeparableError: no conditions tell the members apart.
    """
    members = [Member(c.value) for c in choices]
    if any(m.plain for m in members):
        members = [Member(c.value, unsigned=True) for c in choices]
    width = max(m.width for m in members)
    forms = chosen_forms(members, width)
    uses = [c.active for c in choices]
    x = pick([Choice(_flip(f.x, f.flip_x), u) for f, u in zip(forms, uses, strict=True)])
    y = pick([Choice(_flip(f.y, f.flip_y), u) for f, u in zip(forms, uses, strict=True)])
    carry = pick([Choice(t.const(f.carry, 1), u) for f, u in zip(forms, uses, strict=True)])
    carry = _boolean(carry)
    wires: list[Wire] = []
    parts = []
    for name, value in ((f"addend_x{serial}", x), (f"addend_y{serial}", y)):
        if any(n.op in ("ite", "xor") for n in t.walk(graph.localise(value))):
            wires.append(Wire(name, value))
            value = wire(name, width)
        parts.append(value)
    total = add_with_carry(parts[0], parts[1], carry)
    wires.append(Wire(f"shared_sum{serial}", total))
    out = wire(f"shared_sum{serial}", width)
    targets = {m.node: m.result(out, f.inverted) for m, f in zip(members, forms, strict=True)}
    return wires, targets


def add_with_carry(x: Term, y: Term, carry: Term) -> Term:
    """Return `x + y + carry`."""
    if carry.is_const and carry.const_value == 0:
        return t.apply("add", x, y)
    return t.apply("add", t.apply("add", x, y), t.zext(carry, x.width))


def _boolean(x: Term) -> Term:
    if x.op == "ite" and x.width == 1:
        c, a, b = x.args[0], _boolean(x.args[1]), _boolean(x.args[2])
        if a.is_const and b.is_const:
            return c if a.const_value else t.lnot(c)
        if a.is_const:
            return t.lor(c, b) if a.const_value else t.land(t.lnot(c), b)
        if b.is_const:
            return t.lor(t.lnot(c), a) if b.const_value else t.land(c, a)
    return x


def _flip(x: Term, inverted: bool) -> Term:
    return flip_if(t.const(int(inverted), 1), x)


def chosen_forms(members: Sequence[Member], width: int) -> list[Form]:
    """Return one form per member so that operands agree as often as possible."""
    best: tuple[float, list[Form]] | None = None
    for first in members[0].forms(width):
        forms = [first]
        for member in members[1:]:
            forms.append(min(member.forms(width), key=lambda f: _misfit(forms, f)))
        # The first forms chosen saw few others: once more with all known.
        for _ in range(2):
            for i, member in enumerate(members):
                rest = forms[:i] + forms[i + 1 :]
                forms[i] = min(member.forms(width), key=lambda f: _misfit(rest, f))
        cost = _mux_cost(forms)
        if best is None or cost < best[0]:
            best = (cost, forms)
    assert best is not None
    return best[1]


def _misfit(forms: Sequence[Form], f: Form) -> float:
    return _mux_cost([*forms, f])


def _mux_cost(forms: Sequence[Form]) -> float:
    cost = 0.0
    for columns in ([(f.x, f.flip_x) for f in forms], [(f.y, f.flip_y) for f in forms]):
        bases = {b for b, _ in columns}
        constants = {t.evaluate(_flip(b, i), {}) for b, i in columns if b.is_const}
        cost += 2.0 * max(len({b for b in bases if not b.is_const}) + 0.4 * len(constants) - 1, 0)
        signs = {i for b, i in columns if not b.is_const}
        cost += 1.0 * (len(signs) - 1 if signs else 0)
    cost += 0.1 * (len({f.carry for f in forms}) - 1) + 0.05 * sum(f.inverted for f in forms)
    return cost


def operators(graph: ModuleGraph) -> Iterator[Term]:
    """Yield the values of a module that an adder can compute and that are worth it."""
    for node in graph.nodes:
        if node.op in OPERATORS and Member(node).width >= 4 and node in graph.active:
            yield node
