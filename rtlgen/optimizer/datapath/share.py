"""`share-decoded`: one adder, multiplier, shifter or divider for exclusive branches, fed by multiplexers.

Sums, differences, increments and orders are one adder with inverted operand and carry in; what is chosen where no
branch asks is free, so that selectors become single bits of a `case` selector where they can.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final, Literal

from rtlgen.graphs.wordlevel.module import ModuleIR
from rtlgen.graphs.wordlevel.terms import Term, apply, const, extract, mask, sext, var, variables, zext
from rtlgen.graphs.wordlevel.verilog import Helper, NeedsNameError, to_verilog
from rtlgen.optimizer.datapath.select import Choice, select
from rtlgen.optimizer.datapath.source import Writer, cleaned
from rtlgen.optimizer.datapath.uses import Kind, Operation, Use, exclusive, uses, widened
from rtlgen.optimizer.edits import Edit
from rtlgen.optimizer.egraph.cost import Costs
from rtlgen.optimizer.egraph.simplify import area
from rtlgen.optimizer.egraph.tidy import tidy
from rtlgen.optimizer.rewrite import Change, RewriteContext

NOUNS: Final[dict[Kind, tuple[str, str]]] = {
    "add": ("sum", "adder"),
    "mul": ("product", "multiplier"),
    "shl": ("shifted", "shifter"),
    "lshr": ("shifted", "shifter"),
    "ashr": ("shifted", "shifter"),
    "udiv": ("quotient", "divider"),
    "urem": ("remainder", "divider"),
}
LARGEST_GROUP: Final = 12
MOST_PAIRS: Final = 8


@dataclass(frozen=True, slots=True)
class Entity:
    """One distinct operation and all places where it is used."""

    operation: Operation
    uses: tuple[Use, ...]

    @property
    def bits(self) -> int:
        """Result bits needed."""
        return max(u.bits for u in self.uses)


@dataclass(frozen=True, slots=True)
class Variant:
    """How operands are chosen.

    Attributes:
        inversion: `operand` chooses between operands and their complements; `gate` chooses the operand and inverts it
            by an exclusive or with a 1-bit choice.
        by_bits: selectors are bits of a `case` selector where possible, else the source's own conditions.
    """

    inversion: Literal["operand", "gate"]
    by_bits: bool


MOST_VARIED: Final = 3
"""Groups that are proposed in all variants."""
VARIANTS: Final = (Variant("gate", True), Variant("operand", True), Variant("gate", False), Variant("operand", False))


class ShareDecoded:
    """Proposes shared operators for groups of exclusive uses."""

    name = "share-decoded"

    def __init__(self, costs: Costs | None = None) -> None:
        self._costs = costs or Costs()

    def propose(self, context: RewriteContext) -> Iterator[Change]:
        """Yield one change a group and variant, groups with the largest estimated saving first."""
        if context.objective == "delay":
            return
        for module in context.modules:
            writer = Writer(module, context.sources)
            groups = [(self._saving(g), g) for g in self._groups(module, writer)]
            ordered = [g for saving, g in sorted(groups, key=lambda item: -item[0]) if saving > 0]
            total = max(1.0, area(*module.combinational.values(), *(r.next for r in module.registers.values())))
            # All variants of what saves most; of the rest the one that is best most often.
            plans = [(g, v) for g in ordered[:MOST_VARIED] for v in VARIANTS]
            plans += [(g, VARIANTS[0]) for g in ordered[MOST_VARIED:]]
            for group, variant in plans:
                if time.monotonic() > context.deadline_s:
                    return
                change = self._change(group, variant, module, writer, total, context)
                if change is not None:
                    yield change

    # Groups -----------------------------------------------------------------------------------------------------

    def _groups(self, module: ModuleIR, writer: Writer) -> list[tuple[Entity, ...]]:
        found = uses(module, writer)
        groups: dict[frozenset[Entity], tuple[Entity, ...]] = {}
        # An order or equality that is always read would keep its operands' difference from being shared.
        for chosen in (found, [u for u in found if u.takes == "value"]):
            by_kind: dict[Kind, list[Entity]] = {}
            for entity in entities(chosen):
                if any(u.takes not in ("zero", "not zero") for u in entity.uses):
                    by_kind.setdefault(entity.operation.kind, []).append(entity)
            for members in by_kind.values():
                members.sort(key=lambda e: -self._area(e.operation))
                for group in self._cliques(members):
                    groups.setdefault(frozenset(group), group)
        return list(groups.values())

    def _cliques(self, members: Sequence[Entity]) -> Iterator[tuple[Entity, ...]]:
        for seed in members[: 2 * LARGEST_GROUP]:
            group = [seed]
            for other in members:
                if len(group) < LARGEST_GROUP and other is not seed and all(separate_uses(other, g) for g in group):
                    group.append(other)
            if len(group) > 1:
                yield tuple(group)
                orders = tuple(e for e in group if all(u.takes == "value" for u in e.uses))
                if 1 < len(orders) < len(group):
                    yield orders
                variable = tuple(e for e in group if e.operation.right.op != "const" and e.operation.left.op != "const")
                if 1 < len(variable) < len(group):
                    yield variable
        pairs = [(a, b) for a, b in combinations(members[:LARGEST_GROUP], 2) if separate_uses(a, b)]
        pairs.sort(key=lambda p: -self._saving(p))
        yield from pairs[:MOST_PAIRS]

    def _area(self, operation: Operation) -> float:
        if operation.kind == "add":
            op = "sub" if operation.invert else "add"
            return area(apply(op, operation.left, operation.right), costs=self._costs, free=_inside(operation))
        return area(apply(operation.kind, operation.left, operation.right), costs=self._costs, free=_inside(operation))

    def _saving(self, group: Sequence[Entity]) -> float:
        """Return a rough saving: all operators but the largest, less the multiplexers of operands that differ."""
        costs = sorted(self._area(e.operation) for e in group)
        aligned = align([e.operation for e in group])
        muxes = 0.0
        for side in ("left", "right"):
            operands = [getattr(o, side) for o in aligned]
            distinct = list(dict.fromkeys(operands))
            muxes += sum(1.1 * o.width if o.op == "const" else 2.2 * o.width for o in distinct[1:])
        flips = (len({o.invert for o in aligned}) > 1) + (len({o.invert_left for o in aligned}) > 1)
        return sum(costs[:-1]) - muxes - 1.2 * aligned[0].width * flips

    # Text -------------------------------------------------------------------------------------------------------

    def _change(
        self,
        group: tuple[Entity, ...],
        variant: Variant,
        module: ModuleIR,
        writer: Writer,
        total: float,
        context: RewriteContext,
    ) -> Change | None:
        made: list[str] = []
        try:
            plan = _Plan(group, variant, module, writer, made)
            edits = plan.edits()
        except NeedsNameError:
            edits = None
        finally:
            writer.release(made)
        if edits is None:
            return None
        lines = sorted({writer.line(u.occurrence.place.file, u.occurrence.place.start) for e in group for u in e.uses})
        noun = NOUNS[group[0].operation.kind][1]
        listed = ", ".join(map(str, lines[:8])) + (" ..." if len(lines) > 8 else "")
        return cleaned(
            context,
            module,
            edits,
            rule=self.name,
            title=f"one {noun} for lines {listed}"
            + ("" if variant.by_bits else ", branch conditions")
            + ("" if variant.inversion == "gate" else ", operand choice"),
            why=f"The {len(group)} operators are never needed together; one {noun} with selected operands is enough.",
            rank=min(0.95, 0.45 + 2 * self._saving(group) / total),
        )


def _inside(operation: Operation) -> list[Term]:
    from rtlgen.graphs.wordlevel.terms import walk

    return list(walk(operation.left, operation.right))


def entities(found: Iterable[Use]) -> list[Entity]:
    """Return the uses grouped by what they compute."""
    groups: dict[Operation, list[Use]] = {}
    for use in found:
        groups.setdefault(_canonical(use.operation), []).append(use)
    return [Entity(operation, tuple(items)) for operation, items in groups.items()]


def _canonical(operation: Operation) -> Operation:
    left, right = tidy([operation.left, operation.right], [operation.left, operation.right])
    if operation.kind in ("add", "mul") and not operation.invert and repr(left) > repr(right) and right.op != "const":
        left, right = right, left
    if left.op == "const" and not operation.invert and operation.kind in ("add", "mul"):
        left, right = right, left
    return replace(operation, left=left, right=right)


def separate_uses(first: Entity, second: Entity) -> bool:
    """Return whether the uses of two operations are pairwise exclusive."""
    return all(exclusive(a, b) for a in first.uses for b in second.uses)


def align(operations: Sequence[Operation]) -> list[Operation]:
    """Return the operations in one width, operands swapped so that most are in common, side by side."""
    width = max(o.width for o in operations)
    wide = [
        replace(o, left=widened(o.left, width, o.signed), right=widened(o.right, width, o.signed)) for o in operations
    ]
    if operations[0].kind not in ("add", "mul"):
        return wide
    votes: tuple[Counter[Term], Counter[Term]] = (Counter(), Counter())
    result: list[Operation] = []
    for operation in sorted(wide, key=lambda o: o.right.op == "const"):
        straight = votes[0][operation.left] + votes[1][operation.right]
        swapped = votes[0][operation.right] + votes[1][operation.left]
        if swapped > straight:
            operation = swap(operation)
        votes[0][operation.left] += 1
        votes[1][operation.right] += 1
        result.append(operation)
    order = sorted(range(len(wide)), key=lambda i: wide[i].right.op == "const")
    placed = dict(zip(order, result, strict=True))
    return [placed[i] for i in range(len(wide))]


def swap(operation: Operation) -> Operation:
    """Return the same sum or product with its operands exchanged."""
    return replace(
        operation,
        left=operation.right,
        right=operation.left,
        invert=operation.invert_left,
        invert_left=operation.invert,
    )


class _Plan:
    """The text of one shared operator."""

    def __init__(
        self, group: tuple[Entity, ...], variant: Variant, module: ModuleIR, writer: Writer, made: list[str]
    ) -> None:
        self.group, self.variant, self.module, self.writer, self.made = group, variant, module, writer, made
        self.kind = group[0].operation.kind
        self.width = max(e.bits for e in group)
        self.helpers: list[Helper] = []

    def edits(self) -> list[Edit] | None:
        """Return the edits, None where the operands can't be chosen or computed before the blocks."""
        operations = [
            replace(o, left=widened(o.left, self.width, o.signed), right=widened(o.right, self.width, o.signed))
            for o in align([e.operation for e in self.group])
        ]
        result = self._adder(operations) if self.kind == "add" else self._other(operations)
        if result is None:
            return None
        edits = self._declared(result)
        if edits is None:
            return None
        name = var(self.name, self.width)
        for entity in self.group:
            for use in entity.uses:
                made = self.writer.render(_taken(name, use), use.occurrence)
                if made is None or made[0]:
                    return None
                edits.append(self.writer.replace(use.occurrence, made[1]))
        return edits

    def _declared(self, result: Term) -> list[Edit] | None:
        base = self._stem()
        self.name = self._fresh(base)
        (result,) = tidy([result], [result])
        text = to_verilog(
            result, signals=self.module.signals, context_width=self.width, context_signed=None, explicit=True
        )
        self.helpers.append(Helper(self.name, self.width, text))
        blocks = sorted({u.occurrence.block for e in self.group for u in e.uses}, key=self._start)
        first, last = self.module.blocks[blocks[0]], self.module.blocks[blocks[-1]]
        reads = [*self._read, result]
        if any(self.module.blocks[b].scope or not self.module.blocks[b].editable for b in blocks):
            return None
        if self._loops(reads, blocks):
            return None
        if not any(self.writer.later_names(_without(r, self.made), first) for r in reads):
            return [self.writer.declarations(self.helpers, first)]
        if any(self.writer.later_names(_without(r, self.made), last) for r in reads):
            return None
        head = self.helpers[-1]
        dimension = f"[{head.width - 1}:0] " if head.width > 1 else ""
        start = self.writer.item_start(first)
        indent = self.writer.indent(first.place.file, start)
        declared = Edit(first.place.file, start, start, f"wire {dimension}{head.name};\n{indent}")
        inner = self.writer.declarations(self.helpers[:-1], last).text if self.helpers[:-1] else ""
        start = self.writer.item_start(last)
        indent = self.writer.indent(last.place.file, start)
        return [declared, Edit(last.place.file, start, start, f"{inner}assign {head.name} = {head.text};\n{indent}")]

    def _start(self, block: int) -> tuple[str, int]:
        place = self.module.blocks[block].place
        return (place.file, place.start)

    def _loops(self, reads: Sequence[Term], blocks: Sequence[int]) -> bool:
        """Return whether an operand depends, through logic, on what the shared result drives."""
        driven = {n for b in blocks for n in self.module.blocks[b].assigned if self.module.blocks[b].kind != "ff"}
        front, seen = [n for r in reads for n in variables(r)], set[str]()
        while front:
            name = front.pop()
            if name in driven:
                return True
            if name not in seen:
                seen.add(name)
                front += variables(self.module.combinational[name]) if name in self.module.combinational else ()
        return False

    def _stem(self) -> str:
        targets = {u.occurrence.target for e in self.group for u in e.uses if u.occurrence.target}
        noun = NOUNS[self.kind][0]
        if len(targets) == 1:
            return f"{next(iter(targets))}_{noun}"
        return f"{min(targets)}_shared_{noun}" if targets else f"shared_{noun}"

    def _fresh(self, stem: str) -> str:
        name = self.writer.fresh(stem)
        self.made.append(name)
        return name

    _read: list[Term]

    def _operand(self, term: Term, suffix: str, *, named: bool) -> Term:
        """Return the operand, as a wire of its own where it is a choice that would make the line hard to read."""
        (term,) = tidy([term], [term])
        self._read.append(term)
        text = to_verilog(
            term, signals=self.module.signals, context_width=term.width, context_signed=None, explicit=True
        )
        if term.op != "ite" or (len(text) < 32 and not named):
            return term
        name = self._fresh(f"{self._stem()}_{suffix}")
        self.helpers.append(Helper(name, term.width, text))
        return var(name, term.width)

    def _choose(self, values: Sequence[Term]) -> Term | None:
        common = _common_steps(self.group)
        choices = [
            Choice(tuple(s for s in path if s not in common), v)
            for e, v in zip(self.group, values, strict=True)
            for u in e.uses
            for path in u.paths
        ]
        return select(choices, by_bits=self.variant.by_bits)

    def _adder(self, operations: Sequence[Operation]) -> Term | None:
        self._read = []
        if self.variant.inversion == "gate":
            operations = [_as_gated(o) for o in operations]
        lefts, rights = [(o.left, o.invert_left) for o in operations], [(o.right, o.invert) for o in operations]
        carry = self._choose([o.carry for o in operations])
        left, right = self._side(lefts, "a"), self._side(rights, "b")
        if left is None or right is None or carry is None:
            return None
        carry = _bit(carry)
        self._read.append(carry)
        if carry is const(1, 1) and right.op == "not":
            return apply("sub", left, right.args[0])
        if carry is const(1, 1) and left.op == "not":
            return apply("sub", right, left.args[0])
        return _plus(apply("add", left, right), carry)

    def _side(self, values: Sequence[tuple[Term, bool]], suffix: str) -> Term | None:
        """Return one operand of the adder, chosen and inverted as each operation wants it."""
        flips = {flip for _, flip in values}
        if len(flips) == 1 or self.variant.inversion == "gate":
            chosen = self._choose([t for t, _ in values])
            invert = self._choose([const(int(flip), 1) for _, flip in values])
            if chosen is None or invert is None:
                return None
            operand, invert = self._operand(chosen, suffix, named=False), _bit(invert)
            self._read.append(invert)
            if invert.op == "const":
                return apply("not", operand) if invert.value else operand
            return apply("xor", operand, sext(invert, self.width))
        chosen = self._choose([apply("not", t) if flip else t for t, flip in values])
        return None if chosen is None else self._operand(chosen, suffix, named=False)

    def _other(self, operations: Sequence[Operation]) -> Term | None:
        self._read = []
        left = self._choose([o.left for o in operations])
        widest = max(o.right.width for o in operations)
        right = self._choose([widened(o.right, widest, False) for o in operations])
        if left is None or right is None:
            return None
        return apply(self.kind, self._operand(left, "a", named=True), self._operand(right, "b", named=True))


def _taken(result: Term, use: Use) -> Term:
    """Return what a use takes from the shared result."""
    if use.takes == "value":
        return extract(result, 0, use.operation.width)
    if use.takes in ("zero", "not zero"):
        some = apply("redor", extract(result, 0, use.operation.width))
        return some if use.takes == "not zero" else apply("not", some)
    sign = extract(result, use.operation.width, 1)
    return sign if use.takes == "borrow" else apply("not", sign)


def _common_steps(group: Sequence[Entity]) -> set[object]:
    lists = [set(path) for e in group for u in e.uses for path in u.paths]
    common: set[object] = set(lists[0])
    for steps in lists[1:]:
        common &= steps
    return common


def _as_gated(operation: Operation) -> Operation:
    """Return `a + 1` as `a + 0` with a carry, and `a - 1` as `a` plus an inverted 0: cheap beside variable operands."""
    right, width = operation.right, operation.width
    if right.op != "const" or operation.carry.op != "const" or operation.invert_left:
        return operation
    value = right.const_value ^ (mask(width) if operation.invert else 0)
    total = value + operation.carry.const_value & mask(width)
    zero = const(0, width)
    if total == 1:
        return replace(operation, right=zero, carry=const(1, 1), invert=False)
    if total == mask(width):
        return replace(operation, right=zero, carry=const(0, 1), invert=True)
    return operation


def _bit(term: Term) -> Term:
    """Return a 1-bit choice between literals as the condition itself."""
    if term.op != "ite":
        return term
    condition, then, other = term.args[0], _bit(term.args[1]), _bit(term.args[2])
    if then.op == other.op == "const":
        if then.value == other.value:
            return then
        return condition if then.value else apply("not", condition)
    return tidy([apply("ite", condition, then, other)], [term])[0]


def _plus(total: Term, carry: Term) -> Term:
    if carry.op == "const":
        return apply("add", total, const(1, total.width)) if carry.value else total
    return apply("add", total, zext(carry, total.width))


def _without(term: Term, names: Sequence[str]) -> Term:
    """Return `term` with the wires of the plan itself replaced by nothing to look up."""
    from rtlgen.graphs.wordlevel.terms import substitute

    return substitute(term, {n: const(0, w) for n, w in variables(term).items() if n in names})
