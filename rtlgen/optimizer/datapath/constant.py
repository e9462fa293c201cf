"""`constant-multiply` and `constant-divide`: products and quotients with constants as shifts and additions."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rtlgen.graphs.wordlevel.module import ModuleIR, Occurrence
from rtlgen.graphs.wordlevel.terms import Term, apply, concat, const, extract, mask, sext, var, variables, zext
from rtlgen.graphs.wordlevel.verilog import Helper, NeedsNameError, hint, to_verilog
from rtlgen.optimizer.datapath.mcm import Adder, multiplier_block, odd_part
from rtlgen.optimizer.datapath.source import Writer, shorten
from rtlgen.optimizer.edits import Edit
from rtlgen.optimizer.egraph.tidy import tidy
from rtlgen.optimizer.rewrite import Change, RewriteContext

WIDEST_CONSTANT: Final = 24


@dataclass(frozen=True, slots=True)
class Product:
    """An expression that is `factor * base + offset` modulo its width; `signed` tells how `base` is extended."""

    occurrence: Occurrence
    base: Term
    factor: int
    offset: int
    signed: bool


class ConstantMultiply:
    """Proposes shared shift-and-add networks for products of one value with constants."""

    name = "constant-multiply"

    def propose(self, context: RewriteContext) -> Iterator[Change]:
        """Yield, for every value that is multiplied, one change for all its factors and one for each."""
        for module in context.modules:
            writer = Writer(module, context.sources)
            by_base: dict[tuple[Term, bool], list[Product]] = {}
            for product in products(module):
                by_base.setdefault((product.base, product.signed), []).append(product)
            for found in by_base.values():
                for chosen in [found] if len(found) == 1 else [found, *([p] for p in found)]:
                    if time.monotonic() > context.deadline_s:
                        return
                    change = self._change(chosen, module, writer)
                    if change is not None:
                        yield change

    def _change(self, found: Sequence[Product], module: ModuleIR, writer: Writer) -> Change | None:
        adders = multiplier_block(p.factor for p in found)
        before = sum(p.factor.bit_count() - 1 for p in found)
        if not adders or len(adders) > before:
            return None
        made: list[str] = []
        try:
            edits = _Network(found, adders, module, writer, made).edits()
        except NeedsNameError:
            edits = None
        finally:
            writer.release(made)
        if not edits:
            return None
        factors = ", ".join(str(f) for f in sorted({p.factor for p in found}))
        base = shorten(to_verilog(found[0].base, signals=module.signals, context_width=found[0].base.width), 24)
        return Change(
            rule=self.name,
            module=module.name,
            title=f"{base} times {factors} with {len(adders)} adder{'s' if len(adders) > 1 else ''}",
            why=f"Shifts cost nothing; {len(adders)} additions or subtractions replace {before} partial products.",
            edits=tuple(edits),
            rank=min(1.0, max(0.1, 1 - len(adders) / max(before, 1))),
        )


def products(module: ModuleIR) -> list[Product]:
    """Return the outermost expressions that are a constant multiple of one value, with at least one real addition."""
    found: list[Product] = []
    for occurrence in module.occurrences:
        if not occurrence.editable or occurrence.role in ("port", "index") or not occurrence.stable:
            continue
        form = linear(occurrence.term)
        if form is None or form.factor.bit_count() < 2 or form.base.op == "const":
            continue
        if form.factor.bit_length() <= WIDEST_CONSTANT and form.base.width <= occurrence.term.width:
            found.append(Product(occurrence, form.base, form.factor, form.offset, form.signed))
    return [p for p in found if not any(_inside(p.occurrence, q.occurrence) for q in found)]


def _inside(inner: Occurrence, outer: Occurrence) -> bool:
    a, b = inner.place, outer.place
    return a != b and a.file == b.file and b.start <= a.start and a.end <= b.end


@dataclass(frozen=True, slots=True)
class Linear:
    """`factor * base + offset`; `base` is extended with its sign where `signed`."""

    base: Term
    factor: int
    offset: int
    signed: bool


def linear(term: Term) -> Linear | None:
    """Return a term as a multiple of one value plus a literal, modulo its width, or None."""
    form = _linear(tidy([term], [term])[0])
    if form is None:
        return None
    limit = mask(term.width)
    return Linear(form.base, form.factor & limit, form.offset & limit, form.signed)


def _linear(term: Term) -> Linear | None:
    op = term.op
    if op == "const":
        return Linear(const(0, 1), 0, term.const_value, False)
    if op in ("add", "sub"):
        left, right = _linear(term.args[0]), _linear(term.args[1])
        return None if left is None or right is None else _combined(left, right, -1 if op == "sub" else 1)
    if op == "neg":
        inner = _linear(term.args[0])
        return None if inner is None else Linear(inner.base, -inner.factor, -inner.offset, inner.signed)
    if op == "mul" or (op == "shl" and term.args[1].op == "const"):
        return _scaled(term)
    if op == "zext" or (op == "concat" and len(term.args) == 2 and term.args[0] is const(0, term.args[0].width)):
        return Linear(term.args[-1], 1, 0, False)
    if op == "sext":
        return Linear(term.args[0], 1, 0, True)
    if op == "concat" and term.args[-1] is const(0, term.args[-1].width) and len(term.args) == 2:
        return Linear(term.args[0], 1 << term.args[-1].width, 0, False)
    return Linear(term, 1, 0, False)


def _scaled(term: Term) -> Linear | None:
    for factor, other in (term.args, term.args[::-1]):
        if factor.op == "const" and (term.op == "mul" or factor is term.args[1]):
            inner = _linear(other)
            times = factor.const_value if term.op == "mul" else 1 << min(factor.const_value, term.width)
            return (
                None if inner is None else Linear(inner.base, inner.factor * times, inner.offset * times, inner.signed)
            )
    return Linear(term, 1, 0, False)


def _combined(left: Linear, right: Linear, sign: int) -> Linear | None:
    if left.factor == 0:
        return Linear(right.base, sign * right.factor, left.offset + sign * right.offset, right.signed)
    if right.factor == 0:
        return Linear(left.base, left.factor, left.offset + sign * right.offset, left.signed)
    if left.base is not right.base or left.signed != right.signed:
        return None
    return Linear(left.base, left.factor + sign * right.factor, left.offset + sign * right.offset, left.signed)


class _Network:
    """The text of one multiplier block."""

    def __init__(
        self, found: Sequence[Product], adders: Sequence[Adder], module: ModuleIR, writer: Writer, made: list[str]
    ) -> None:
        self.found, self.adders, self.module, self.writer, self.made = found, adders, module, writer, made
        self.base, self.signed = found[0].base, found[0].signed
        self.values: dict[int, Term] = {1: self.base}
        self.helpers: list[Helper] = []

    def edits(self) -> list[Edit] | None:
        """Return the edits, None where the value can't be read before the first of the products."""
        blocks = [self.module.blocks[p.occurrence.block] for p in self.found]
        first = min(blocks, key=self.writer.item_start)
        if any(b.scope or not b.editable for b in blocks) or self.writer.later_names(self.base, first):
            return None
        if any(set(variables(self.base)) & b.assigned and b.kind != "ff" for b in blocks):
            return None
        widest = max(p.occurrence.term.width for p in self.found)
        for adder in self.adders:
            self._add(adder, widest)
        edits = []
        for product in self.found:
            made = self.writer.render(self._result(product), product.occurrence)
            if made is None or made[0]:
                return None
            edits.append(self.writer.replace(product.occurrence, made[1]))
        return [self.writer.declarations(self.helpers, first), *edits]

    def _extend(self, term: Term, width: int) -> Term:
        return (sext if self.signed else zext)(term, width)

    def _add(self, adder: Adder, widest: int) -> None:
        """Declare the wire of one multiple, as wide as its largest value needs."""
        exact = self.base.width + adder.value.bit_length()
        width = min(exact, widest) if adder.down == 0 else exact
        inner = width + adder.down
        left = _shifted(self._extend(self.values[adder.left], inner), adder.left_shift)
        right = _shifted(self._extend(self.values[adder.right], inner), adder.right_shift)
        total = apply("add" if adder.sign > 0 else "sub", left, right)
        name = self.writer.fresh(f"{hint(self.base)}_x{adder.value}")
        self.made.append(name)
        if adder.down:
            wide = self.writer.fresh(f"{name}_up")
            self.made.append(wide)
            self.helpers.append(Helper(wide, inner, self._text(total)))
            total = extract(var(wide, inner), adder.down, width)
        self.helpers.append(Helper(name, width, self._text(total)))
        self.values[adder.value] = var(name, width)

    def _text(self, term: Term) -> str:
        return to_verilog(term, signals=self.module.signals, context_width=term.width, context_signed=None)

    def _result(self, product: Product) -> Term:
        width = product.occurrence.term.width
        odd, shift = odd_part(product.factor)
        value = self._extend(self.values[odd], width)
        total = _shifted(value, shift)
        return apply("add", total, const(product.offset, width)) if product.offset else total


def _shifted(term: Term, amount: int) -> Term:
    """Return `term << amount` as a concatenation where the shifted value is a whole signal."""
    if amount == 0:
        return term
    if amount >= term.width:
        return const(0, term.width)
    inner = term.args[0] if term.op == "zext" else term
    if inner.op == "var" and term.op in ("zext", "var"):
        kept = extract(inner, 0, min(inner.width, term.width - amount))
        return zext(concat(kept, const(0, amount)), term.width)
    return apply("shl", term, const(amount, amount.bit_length()))


class ConstantDivide:
    """Proposes multiplication by a scaled reciprocal for division and remainder by a constant."""

    name = "constant-divide"

    def propose(self, context: RewriteContext) -> Iterator[Change]:
        """Yield one change for each division by a constant that is no power of two."""
        for module in context.modules:
            writer = Writer(module, context.sources)
            for occurrence in module.occurrences:
                if time.monotonic() > context.deadline_s:
                    return
                if occurrence.editable and occurrence.stable and occurrence.role in ("rhs", "condition"):
                    yield from self._changes(occurrence, module, writer)

    def _changes(self, occurrence: Occurrence, module: ModuleIR, writer: Writer) -> Iterator[Change]:
        term = occurrence.term
        if term.op not in ("udiv", "urem") or term.args[1].op != "const":
            return
        divisor = term.args[1].const_value
        dividend = term.args[0].args[0] if term.args[0].op == "zext" else term.args[0]
        if divisor < 3 or divisor & (divisor - 1) == 0 or divisor > mask(dividend.width):
            return
        factor, shift = reciprocal(divisor, dividend.width)
        made: list[str] = []
        try:
            edits = self._edits(occurrence, dividend, divisor, factor, shift, module, writer, made)
        except NeedsNameError:
            edits = None
        finally:
            writer.release(made)
        if edits:
            text = shorten(writer.text_of(occurrence))
            yield Change(
                rule=self.name,
                module=module.name,
                title=f"`{text}` by multiplication with {factor} / 2**{shift}",
                why=f"For {dividend.width}-bit values x / {divisor} equals (x * {factor}) >> {shift}; no divider is needed.",
                edits=tuple(edits),
                rank=0.4,
            )

    def _edits(
        self,
        occurrence: Occurrence,
        dividend: Term,
        divisor: int,
        factor: int,
        shift: int,
        module: ModuleIR,
        writer: Writer,
        made: list[str],
    ) -> list[Edit] | None:
        block = module.blocks[occurrence.block]
        if block.scope or not block.editable or writer.later_names(dividend, block):
            return None
        wide = dividend.width + factor.bit_length()
        scaled = writer.fresh(f"{hint(dividend)}_scaled")
        made.append(scaled)
        product = apply("mul", zext(dividend, wide), const(factor, wide))
        text = to_verilog(product, signals=module.signals, context_width=wide, context_signed=None)
        helpers = [Helper(scaled, wide, text)]
        quotient = extract(var(scaled, wide), shift, wide - shift)
        width = occurrence.term.width
        if occurrence.term.op == "udiv":
            result = zext(quotient, width)
        else:
            # The remainder is below the divisor, so its low bits are enough.
            bits = min(width, (divisor - 1).bit_length())
            low, part = zext(dividend, max(bits, dividend.width)), zext(quotient, bits)
            result = zext(apply("sub", extract(low, 0, bits), apply("mul", part, const(divisor, bits))), width)
        rendered = writer.render(result, occurrence)
        if rendered is None or rendered[0]:
            return None
        return [writer.declarations(helpers, block), writer.replace(occurrence, rendered[1])]


def reciprocal(divisor: int, width: int) -> tuple[int, int]:
    """Return the smallest (factor, shift) with `x // divisor == (x * factor) >> shift` for all x below 2**width.

    After T. Granlund and P. L. Montgomery, "Division by Invariant Integers using Multiplication", PLDI 1994.

    Raises:
        ValueError: `divisor` is not positive.
    """
    if divisor < 1:
        raise ValueError(f"expected a positive divisor, got {divisor!r}")
    largest = (1 << width) - 1
    worst = largest - (largest + 1) % divisor  # the largest x with x % divisor == divisor - 1
    for shift in range(2 * width + divisor.bit_length() + 1):
        factor = (1 << shift) // divisor + 1
        error = factor * divisor - (1 << shift)
        if worst >= 0 and error * worst < (1 << shift) and (largest * factor) >> shift == largest // divisor:
            return factor, shift
    raise AssertionError("a shift of twice the width always suffices")
