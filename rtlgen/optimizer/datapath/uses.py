"""Operators in the source as uses of hardware: operands, and when the result matters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from rtlgen.graphs.wordlevel.module import ModuleIR, Occurrence, Step
from rtlgen.graphs.wordlevel.terms import Term, apply, concat, const, mask, variables, zext
from rtlgen.optimizer.datapath.source import Writer

Kind = Literal["add", "mul", "shl", "lshr", "ashr", "udiv", "urem"]
Takes = Literal["value", "borrow", "no borrow", "zero", "not zero"]
MOST_PATHS: Final = 16
"""Alternative paths followed for one operator; beyond that its value is taken to matter always."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What one operator computes, in the form in which operators are shared.

    Attributes:
        kind: hardware; `add` covers sums, differences and orders, all of which are `left + right + carry` with the
            right operand inverted where `invert` is set.
        left: first operand; right: second, not yet inverted, as wide as `left`.
        carry: 1-bit carry in.
        invert: the right operand is inverted; `invert_left` likewise (after operands were swapped).
        signed: operands are extended with their signs where the shared operator is wider.
    """

    kind: Kind
    left: Term
    right: Term
    carry: Term
    invert: bool = False
    signed: bool = False
    invert_left: bool = False

    @property
    def width(self) -> int:
        """Bits of the operands."""
        return self.left.width


@dataclass(frozen=True, slots=True)
class Use:
    """One operator in the text.

    Attributes:
        occurrence: where it stands.
        operation: what it computes.
        takes: `value` where the text stands for the result, `borrow` where it stands for "left is less than right",
            `no borrow` for the opposite, `zero` for "left equals right", `not zero` for the opposite.
        paths: alternative lists of decisions under which its value matters, ternaries and readers of the wire it
            defines included.
    """

    occurrence: Occurrence
    operation: Operation
    takes: Takes
    paths: tuple[tuple[Step, ...], ...]

    @property
    def bits(self) -> int:
        """Bits of the shared result that this use needs."""
        return self.operation.width + (self.takes in ("borrow", "no borrow"))


def uses(module: ModuleIR, writer: Writer, smallest: int = 3) -> list[Use]:
    """Return every editable operator of at least `smallest` bits whose operands may be computed before its block."""
    found: list[Use] = []
    readers = Readers(module)
    turned = [o for o in module.occurrences if rotation(o.expanded) is not None]
    for occurrence in module.occurrences:
        if not occurrence.editable or occurrence.role in ("port", "index"):
            continue
        if any(_contains(r, occurrence) for r in turned):
            continue  # a rotation is worth more whole
        for operation, takes in operations(occurrence.expanded):
            if operation.width >= smallest and not _reads_own(module, occurrence, operation):
                found.append(
                    Use(occurrence, operation, takes, readers.paths(occurrence, steps(module, occurrence, writer)))
                )
    return found


def _contains(outer: Occurrence, inner: Occurrence) -> bool:
    same = outer.place.file == inner.place.file and outer.block == inner.block
    return same and outer.place.start <= inner.place.start and inner.place.end <= outer.place.end


def _reads_own(module: ModuleIR, occurrence: Occurrence, operation: Operation) -> bool:
    """Return whether an operand reads what a combinational block itself drives (a value still in the making)."""
    block = module.blocks[occurrence.block]
    names = set(variables(operation.left, operation.right, operation.carry))
    return block.kind not in ("ff", "latch") and bool(names & block.assigned)


def operations(term: Term) -> Iterator[tuple[Operation, Takes]]:
    """Yield the operation at the top of a term: at most one, none where there is nothing to share."""
    zero, one = const(0, 1), const(1, 1)
    left, right = (*term.args, zero, zero)[:2]
    if term.op in ("add", "sub"):
        yield _sum(term), "value"
    elif term.op in ("ult", "slt"):
        yield Operation("add", left, right, one, invert=True, signed=term.op == "slt"), "borrow"
    elif term.op in ("ule", "sle"):
        yield Operation("add", right, left, one, invert=True, signed=term.op == "sle"), "no borrow"
    elif term.op == "eq" and not any(a.op == "const" for a in term.args):
        yield Operation("add", left, right, one, invert=True), "zero"
    elif term.op == "not" and term.args[0].op in ("ult", "slt", "ule", "sle", "eq"):
        opposite: dict[Takes, Takes] = {"borrow": "no borrow", "no borrow": "borrow", "zero": "not zero"}
        for operation, takes in operations(term.args[0]):
            yield operation, opposite[takes]
    elif term.op in ("mul", "udiv", "urem") and not any(a.op == "const" for a in term.args):
        yield Operation(term.op, left, right, zero), "value"  # type: ignore[arg-type]
    elif term.op in ("shl", "lshr", "ashr") and term.args[1].op != "const":
        yield Operation(term.op, term.args[0], term.args[1], zero), "value"  # type: ignore[arg-type]


def _sum(term: Term) -> Operation:
    """Return a sum or difference with its carry in: `a + b + c` and `a - b - c` with a 1-bit `c` are one operator."""
    left, right = term.args
    zero, one = const(0, 1), const(1, 1)
    if left.op == term.op and _is_bit(right):
        bit = right.args[-1]
        if term.op == "add":
            return Operation("add", left.args[0], left.args[1], bit)
        return Operation("add", left.args[0], left.args[1], apply("not", bit), invert=True)
    if term.op == "add" and left.op == "sub" and right.op == "const" and right.const_value == mask(right.width):
        return Operation("add", left.args[0], left.args[1], zero, invert=True)
    return Operation("add", left, right, one if term.op == "sub" else zero, invert=term.op == "sub")


def _is_bit(term: Term) -> bool:
    return (term.op == "zext" and term.args[0].width == 1) or (
        term.op == "concat" and len(term.args) == 2 and term.args[0] is const(0, term.width - 1) and term.width > 1
    )


def steps(module: ModuleIR, occurrence: Occurrence, writer: Writer) -> tuple[Step, ...]:
    """Return the decisions under which an expression's value matters: its statement's path, then ternaries."""
    found = [s for s in occurrence.path if s.condition.op != "const"]
    place = occurrence.place
    around = [
        o
        for o in module.occurrences
        if o.block == occurrence.block
        and o.place.file == place.file
        and o.place.start <= place.start
        and o.place.end >= place.end
        and o.place != place
        and o.path == occurrence.path
    ]
    for outer in sorted(around, key=lambda o: o.place.start - o.place.end):
        step = _ternary_step(outer, occurrence, writer.text_of(outer))
        if step is not None and step not in found:
            found.append(step)
    return tuple(found)


def _ternary_step(outer: Occurrence, inner: Occurrence, text: str) -> Step | None:
    term = outer.expanded
    while term.op in ("zext", "sext", "extract"):
        term = term.args[0]
    marks = ternary_marks(text)
    if marks is None or term.op != "ite":
        return None
    question, colon = marks
    offset = inner.place.start - outer.place.start
    if offset < question:
        return None
    condition, taken = term.args[0], offset < colon
    if condition.op == "not":
        condition, taken = condition.args[0], not taken
    return Step(condition, taken)


def ternary_marks(text: str) -> tuple[int, int] | None:
    """Return the places of `?` and its `:` in an expression that is one ternary, None where it is something else."""
    depth, question, nested = 0, -1, 0
    for position, char in enumerate(text):
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif depth == 0 and char == "?":
            if question < 0:
                question = position
            else:
                nested += 1
        elif depth == 0 and char == ":" and question >= 0:
            if nested == 0:
                return question, position
            nested -= 1
    return None


class Readers:
    """Finds when a wire's value matters: the decisions under which something reads it."""

    def __init__(self, module: ModuleIR) -> None:
        self._module = module
        self._by_name: dict[str, list[Occurrence]] = {}
        for occurrence in module.occurrences:
            if occurrence.root:
                for name in variables(occurrence.expanded, occurrence.term):
                    self._by_name.setdefault(name, []).append(occurrence)
        self._outside = {
            n for i in module.instances for c in i.connections if c.term is not None for n in variables(c.term)
        }

    def paths(self, occurrence: Occurrence, own: tuple[Step, ...]) -> tuple[tuple[Step, ...], ...]:
        """Return the decision paths of an expression, followed through the wire that it defines."""
        block = self._module.blocks[occurrence.block]
        if block.kind != "assign" or occurrence.target is None:
            return (own,)
        found = [own + after for after in self._read(occurrence.target, 3)]
        return tuple(dict.fromkeys(found)) if 0 < len(found) <= MOST_PATHS else (own,)

    def _read(self, name: str, depth: int) -> list[tuple[Step, ...]]:
        """Return paths on which `name` is read, `[()]` where it may matter always."""
        signal = self._module.signals.get(name)
        if depth == 0 or signal is None or signal.kind in ("output", "inout") or name in self._outside:
            return [()]
        found: list[tuple[Step, ...]] = []
        for occurrence in self._by_name.get(name, ()):
            inside = _paths_in(occurrence.expanded, name)
            statement = tuple(s for s in occurrence.path if s.condition.op != "const")
            target = occurrence.target
            after: list[tuple[Step, ...]] = [()]
            if target is not None and self._module.blocks[occurrence.block].kind == "assign":
                after = self._read(target, depth - 1)
            found += [statement + i + a for i in inside for a in after]
            if len(found) > 4 * MOST_PATHS:
                return [()]
        return found


def _paths_in(root: Term, name: str) -> list[tuple[Step, ...]]:
    """Return the `?:` decisions on the ways from `root` to the signal `name` inside one expression."""
    done: dict[Term, list[tuple[Step, ...]]] = {}

    def visit(term: Term) -> list[tuple[Step, ...]]:
        if term in done:
            return done[term]
        found: list[tuple[Step, ...]] = [()] if term.op == "var" and term.name == name else []
        if term.op == "ite":
            condition = term.args[0]
            found += visit(condition)
            found += [(_step(condition, True), *p) for p in visit(term.args[1])]
            found += [(_step(condition, False), *p) for p in visit(term.args[2])]
        elif term.op == "and" and term.width > 1 and any(_is_mask(a) for a in term.args):
            for a, b in (term.args, term.args[::-1]):
                gate = (_step(_mask_bit(b), True),) if _is_mask(b) else ()
                found += [(*gate, *p) for p in visit(a)]
        else:
            for argument in term.args:
                found += visit(argument)
        if len(found) > 4 * MOST_PATHS or () in found:
            found = [()]
        done[term] = list(dict.fromkeys(found))
        return done[term]

    return visit(root)


def _step(condition: Term, taken: bool) -> Step:
    return Step(condition.args[0], not taken) if condition.op == "not" else Step(condition, taken)


def _is_mask(term: Term) -> bool:
    return (term.op == "sext" and term.args[0].width == 1) or (
        term.op == "concat" and len(set(term.args)) == 1 and term.args[0].width == 1
    )


def _mask_bit(term: Term) -> Term:
    return term.args[0]


def exclusive(first: Use, second: Use) -> bool:
    """Return whether two uses are never reached together, as far as their decisions show."""
    return all(any(contradict(a, b) for a in p for b in q) for p in first.paths for q in second.paths)


def contradict(a: Step, b: Step) -> bool:
    """Return whether two decisions can't both hold: opposite ones, or one signal equal to two literals."""
    if a.condition is b.condition:
        return a.taken != b.taken
    x, y = a.condition, b.condition
    if a.taken and b.taken and x.op == y.op == "eq":
        (s, k), (t, m) = literal_equality(x), literal_equality(y)
        return s is not None and s is t and k != m
    return False


def literal_equality(term: Term) -> tuple[Term | None, int]:
    """Return signal and literal of `signal == literal`, (None, 0) for anything else."""
    if term.op == "eq":
        for left, right in (term.args, term.args[::-1]):
            if right.op == "const" and left.op != "const":
                return left, right.const_value
    return None, 0


def widened(term: Term, width: int, signed: bool) -> Term:
    """Return an operand for a wider shared operator."""
    if term.width == width:
        return term
    if signed:
        from rtlgen.graphs.wordlevel.terms import sext

        return sext(term, width)
    return zext(term, width)


def same_block(items: Sequence[Use]) -> bool:
    """Return whether all uses stand in one block."""
    return len({u.occurrence.block for u in items}) == 1


def rotation(term: Term) -> tuple[Term, Term] | None:
    """Return value and amount to the right of `(x << n) | (x >> (w - n))` and its mirror image, None for others."""
    if term.op not in ("or", "add", "xor") or term.width & (term.width - 1) or term.width < 4:
        return None
    for left, right in (term.args, term.args[::-1]):
        if left.op == "shl" and right.op == "lshr" and left.args[0] is right.args[0]:
            bits = term.width.bit_length() - 1
            up, down = _plain_amount(left.args[1]), _plain_amount(right.args[1])
            if _is_rest(right.args[1], up, term.width) and up.width <= bits:
                return left.args[0], apply("neg", wide_amount(up, bits))
            if _is_rest(left.args[1], down, term.width) and down.width <= bits:
                return left.args[0], wide_amount(down, bits)
    return None


def _plain_amount(term: Term) -> Term:
    """Return an amount without zeros above it."""
    while term.op == "zext" or (term.op == "concat" and term.args[0] is const(0, term.args[0].width)):
        term = concat(*term.args[1:]) if term.op == "concat" else term.args[0]
    return term


def _is_rest(term: Term, amount: Term, width: int) -> bool:
    """Return whether a term is `width - amount`."""
    term = _plain_amount(term)
    if term.op != "sub" or term.args[0].op != "const" or term.args[0].const_value != width:
        return False
    return _plain_amount(term.args[1]) is amount


def wide_amount(term: Term, width: int) -> Term:
    """Return an amount in `width` bits."""
    return term if term.width == width else concat(const(0, width - term.width), term)
