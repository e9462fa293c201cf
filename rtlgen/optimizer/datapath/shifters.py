"""`share-shifters`: shifts of both directions through one right shifter, and rotations through one rotator.

A left shift is a right shift of reversed bits; a rotation to the left is one to the right by the negated amount.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import combinations

from rtlgen.graphs.wordlevel.module import ModuleIR
from rtlgen.graphs.wordlevel.terms import Term, concat, const, extract, ite, sext, var, variables
from rtlgen.graphs.wordlevel.verilog import Helper, NeedsNameError
from rtlgen.optimizer.datapath.select import Choice, select
from rtlgen.optimizer.datapath.share import Entity, entities, separate_uses
from rtlgen.optimizer.datapath.source import Writer, cleaned, plain
from rtlgen.optimizer.datapath.uses import Operation, Readers, Use, rotation, steps, uses, wide_amount
from rtlgen.optimizer.edits import Edit
from rtlgen.optimizer.egraph.tidy import tidy
from rtlgen.optimizer.rewrite import Change, RewriteContext


class ShareShifters:
    """Proposes one logarithmic shifter for exclusive shifts in different directions."""

    name = "share-shifters"

    def propose(self, context: RewriteContext) -> Iterator[Change]:
        """Yield the largest group of rotations and of shifts first, then smaller ones."""
        if context.objective == "delay":
            return
        for module in context.modules:
            writer = Writer(module, context.sources)
            turns = [(g, True) for g in rotation_groups(module, writer)]
            for group, rotates in [*turns, *((g, False) for g in groups(module, writer))]:
                if time.monotonic() > context.deadline_s:
                    return
                change = self._change(group, module, writer, context, rotates)
                if change is not None:
                    yield change

    def _change(
        self, group: Sequence[Entity], module: ModuleIR, writer: Writer, context: RewriteContext, rotates: bool
    ) -> Change | None:
        made: list[str] = []
        try:
            edits = _edits(group, module, writer, made, rotates)
        except NeedsNameError:
            edits = None
        finally:
            writer.release(made)
        if edits is None:
            return None
        lines = sorted({writer.line(u.occurrence.place.file, u.occurrence.place.start) for e in group for u in e.uses})
        return cleaned(
            context,
            module,
            edits,
            rule=self.name,
            title=f"one {'rotator' if rotates else 'right shifter'} for lines {', '.join(map(str, lines))}",
            why="A rotation needs one multiplexer a bit and stage, and left is right by the negated amount."
            if rotates
            else f"The {len(group)} shifts are never needed together; a left shift is a right shift of reversed bits.",
            rank=0.5,
        )


def groups(module: ModuleIR, writer: Writer) -> Iterator[tuple[Entity, ...]]:
    """Yield groups of pairwise exclusive shifts of one width that do not all go the same way."""
    found = [e for e in entities(uses(module, writer)) if e.operation.kind in ("shl", "lshr", "ashr")]
    seen: set[frozenset[Entity]] = set()
    whole: list[tuple[Entity, ...]] = []
    for seed in found:
        group = [seed]
        for other in found:
            if other.operation.width == seed.operation.width and all(separate_uses(other, g) for g in group):
                group.append(other)
        whole.append(tuple(group))
    for chosen in [*sorted(whole, key=len, reverse=True), *combinations(found, 2)]:
        key = frozenset(chosen)
        alike = len({e.operation.kind for e in chosen}) == 1 or len({e.operation.width for e in chosen}) > 1
        if key not in seen and not alike and all(separate_uses(a, b) for a, b in combinations(chosen, 2)):
            seen.add(key)
            yield chosen


def rotation_groups(module: ModuleIR, writer: Writer) -> list[tuple[Entity, ...]]:
    """Return groups of pairwise exclusive rotations of one width, the largest first, and each alone."""
    readers = Readers(module)
    found: list[Use] = []
    for occurrence in module.occurrences:
        turn = rotation(occurrence.expanded)
        if occurrence.editable and occurrence.role == "rhs" and turn is not None:
            paths = readers.paths(occurrence, steps(module, occurrence, writer))
            found.append(Use(occurrence, Operation("lshr", *turn, const(0, 1)), "value", paths))
    members = entities(found)
    together: list[tuple[Entity, ...]] = []
    for seed in members:
        group = [seed]
        for other in members:
            same = other.operation.width == seed.operation.width
            if other is not seed and same and all(separate_uses(other, g) for g in group):
                group.append(other)
        together.append(tuple(group))
    ordered = sorted(together, key=len, reverse=True)
    unique = {frozenset(g): g for g in [*((m,) for m in members), *ordered]}
    return sorted(unique.values(), key=len, reverse=True)


def _choose(group: Sequence[Entity], values: Sequence[Term]) -> Term | None:
    choices = [
        Choice(path, value)
        for entity, value in zip(group, values, strict=True)
        for use in entity.uses
        for path in use.paths
    ]
    chosen = select(choices)
    return None if chosen is None else tidy([chosen], [chosen])[0]


def _edits(
    group: Sequence[Entity], module: ModuleIR, writer: Writer, made: list[str], rotates: bool
) -> list[Edit] | None:
    width = group[0].operation.width
    amount_width = max(e.operation.right.width for e in group)
    sources = [reverse(e.operation.left) if e.operation.kind == "shl" else e.operation.left for e in group]
    fills = [extract(e.operation.left, width - 1, 1) if e.operation.kind == "ashr" else const(0, 1) for e in group]
    amounts = [wide_amount(e.operation.right, amount_width) for e in group]
    source, fill, amount = _choose(group, sources), _choose(group, fills), _choose(group, amounts)
    if source is None or fill is None or amount is None:
        return None
    blocks = [module.blocks[i] for i in {u.occurrence.block for e in group for u in e.uses}]
    first = min(blocks, key=writer.item_start)
    operands = [source, fill, amount]
    if any(b.scope or not b.editable for b in blocks) or any(writer.later_names(o, first) for o in operands):
        return None
    driven = {n for b in blocks for n in b.assigned if b.kind != "ff"}
    if driven & _cone(module, operands):
        return None
    helpers, result = stages(source, None if rotates else fill, amount, module, writer, made)
    edits = [writer.declarations(helpers, first)]
    for entity in group:
        value = reverse(result) if entity.operation.kind == "shl" else result
        for use in entity.uses:
            rendered = writer.render(value, use.occurrence)
            if rendered is None or rendered[0]:
                return None
            edits.append(writer.replace(use.occurrence, rendered[1]))
    return edits


def _cone(module: ModuleIR, terms: Sequence[Term]) -> set[str]:
    front, seen = list(variables(*terms)), set[str]()
    while front:
        name = front.pop()
        if name not in seen:
            seen.add(name)
            front += variables(module.combinational[name]) if name in module.combinational else ()
    return seen


def stages(
    source: Term, fill: Term | None, amount: Term, module: ModuleIR, writer: Writer, made: list[str]
) -> tuple[list[Helper], Term]:
    """Return the wires of a right shifter, one conditional shift a bit of the amount, and its result.

    `fill` comes in from above; None rotates.
    """
    width = source.width
    helpers: list[Helper] = []

    def wire(stem: str, value: Term) -> Term:
        name = writer.fresh(stem)
        made.append(name)
        helpers.append(Helper(name, value.width, plain(value, module)))
        return var(name, value.width)

    count = wire("shift_by", amount) if amount.op not in ("var", "extract", "const") else amount
    if fill is not None and fill.op not in ("const", "var"):
        fill = wire("shift_fill", fill)
    value = wire("shift_in", source) if source.op != "var" else source
    for stage in range(count.width):
        distance = min(1 << stage, width)
        if fill is None:
            filled = extract(value, 0, distance)
        else:
            filled = sext(fill, distance) if distance > 1 else fill
        moved = concat(filled, extract(value, distance, width - distance)) if distance < width else filled
        value = wire(
            f"{'rotated' if fill is None else 'shifted'}_{1 << stage}", ite(extract(count, stage, 1), moved, value)
        )
    return helpers, value


def reverse(term: Term) -> Term:
    """Return the bits of a term in opposite order."""
    return concat(*(extract(term, i, 1) for i in range(term.width)))
