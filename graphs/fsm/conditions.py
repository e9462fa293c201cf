"""Guards of transitions as Verilog text that reads like the source.

A guard is a decision diagram whose variables are whole comparisons where the source has such, else bits of signals.
It is written as an irredundant sum of products (Minato, SASIMI 1992) of the guard or of its complement, whichever is
shorter, with the literal that most products share taken out, again and again (Brayton, "Factoring logic functions",
IBM J. Res. Dev. 31(2), 1987: literal factoring).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import islice

from rtlgen.graphs.fsm.bdd import FALSE, TRUE, DiagramLimitError, Diagrams
from rtlgen.graphs.fsm.symbolic import Bits, Blaster
from rtlgen.graphs.wordlevel.module import Signal
from rtlgen.graphs.wordlevel.terms import (
    COMPARISONS,
    REDUCTIONS,
    Term,
    apply,
    const,
    extract,
    ite,
    land,
    lnot,
    lor,
    mask,
    transform,
    var,
)
from rtlgen.graphs.wordlevel.verilog import NeedsNameError, condition_to_verilog

MAX_LITERALS = 60
"""Literals of a condition that is written in full."""
MAX_SUM = 1500
"""Literals and products of a sum that is looked at."""
SHOWN, SEEN = 6, 200
"""Products shown of a longer one: the shortest among so many."""
MAX_VALUES = 24
"""Values of one signal that are known to exclude each other; pairs of more would cost too much."""

Product = tuple[tuple[int, bool], ...]


@dataclass(frozen=True, slots=True)
class Factored:
    """`shared` and one of `parts` (any, where there is none); a condition without either holds always."""

    shared: Product = ()
    parts: tuple[Factored, ...] = ()

    @property
    def literals(self) -> int:
        """Number of literals."""
        return len(self.shared) + sum(p.literals for p in self.parts)


@dataclass(frozen=True, slots=True)
class Condition:
    """Verilog text of a guard; where it is not `complete`, ` || ...` stands for what is left out."""

    text: str
    complete: bool = True


class ConditionBlaster(Blaster):
    """Turns terms into diagrams, comparisons of signals kept whole."""

    def bits(self, root: Term) -> Bits:
        """Return one function per bit of `root`.

        Raises:
            DiagramLimitError: the functions are too large.
        """
        return super().bits(transform(root, _spread))

    def _reduction(self, term: Term, args: list[Bits]) -> Bits | None:
        kept = term.op in COMPARISONS or term.op in REDUCTIONS
        if kept and term.args[0].width > 1 and not any(_composed(a) for a in term.args):
            return (self.atom(term, 0),)
        return super()._reduction(term, args)

    def care(self) -> int:
        """Return where no signal equals two constants at once."""
        d = self.diagrams
        groups: dict[Term, list[int]] = {}
        for (term, _), level in self.atoms.items():
            if term.op == "eq" and term.args[1].op == "const":
                groups.setdefault(term.args[0], []).append(level)
        result = TRUE
        for levels in groups.values():
            for index, level in enumerate(levels[:MAX_VALUES]):
                for other in levels[:index]:
                    both = d.conj(d.variable(level), d.variable(other))
                    result = d.conj(result, d.neg(both))
        return result


def _composed(term: Term) -> bool:
    """Return whether a comparison of the term says less than its parts do."""
    while term.op in ("zext", "sext", "extract"):
        term = term.args[0]
    return term.op in ("ite", "concat")


_TURNED = {"ult": "ule", "ule": "ult", "slt": "sle", "sle": "slt"}


def _spread(term: Term) -> Term:
    """Return a comparison of a choice with a constant as a choice of comparisons, the constant on the right."""
    if term.op in ("redor", "redand"):
        inner = term.args[0]
        if inner.op == "ite":
            return ite(inner.args[0], *(_spread(apply(term.op, a)) for a in inner.args[1:]))
    if term.op in _TURNED and term.args[0].op == "const":
        return lnot(_spread(apply(_TURNED[term.op], term.args[1], term.args[0])))
    if term.op in COMPARISONS:
        for index in (0, 1):
            choice, other = term.args[index], term.args[1 - index]
            if choice.op == "ite" and other.op == "const":
                arms = [(a, other) if index == 0 else (other, a) for a in choice.args[1:]]
                return ite(choice.args[0], *(_spread(apply(term.op, *arm)) for arm in arms))
    return term


def factored_sum(d: Diagrams, bounds: tuple[int, int], complement: tuple[int, int]) -> tuple[Factored, bool] | None:
    """Return the shorter of a function and its complement, and whether it is the complement.

    Args:
        d: the pool.
        bounds: the function lies between them; `complement`: and its complement between these.

    Returns:
        None where both are too long.
    """
    found = []
    for negated, (lower, upper) in ((False, bounds), (True, complement)):
        if d.cover(lower, upper)[0] <= MAX_SUM:
            factored = factor(list(d.products(lower, upper)))
            found.append((factored.literals + negated, negated, factored))
    length, negated, best = min(found, key=lambda f: f[:2], default=(MAX_LITERALS + 1, False, Factored()))
    return (best, negated) if length <= MAX_LITERALS else None


def factor(products: list[Product]) -> Factored:
    """Return a sum of products with the most frequent literals taken out."""
    shared = tuple(lit for lit in products[0] if all(lit in p for p in products))
    rest = [tuple(lit for lit in p if lit not in shared) for p in products]
    if len(rest) == 1:
        return Factored(shared)
    counts = Counter(lit for p in rest for lit in p)
    literal, count = counts.most_common(1)[0]
    if count == 1:
        return Factored(shared, tuple(Factored(p) for p in sorted(rest, key=len)))
    inside = factor([p for p in rest if literal in p])
    other = factor([p for p in rest if literal not in p])
    parts = other.parts if not other.shared else (other,)
    return Factored(shared, tuple(sorted((*parts, inside), key=lambda f: f.literals)))


class Writer:
    """Writes the guards of one machine.

    Args:
        blaster: what made the guards, with all its atoms.
        signals: declarations of the module's signals.
        members: signal → (lowest bit, width) → member of it; see `member_signals`.
    """

    def __init__(
        self,
        blaster: ConditionBlaster,
        signals: Mapping[str, Signal],
        members: Callable[[str], Mapping[tuple[int, int], Signal]] = lambda _: {},
    ) -> None:
        self._d = blaster.diagrams
        self._atoms = {level: atom for atom, level in blaster.atoms.items()}
        self._signals = dict(signals)
        self._members = members
        try:
            self._care = blaster.care()
        except DiagramLimitError:
            self._care = TRUE

    def condition(self, guard: int) -> Condition:
        """Return the text of a guard."""
        if self._d.conj(guard, self._care) == FALSE:
            return Condition("1'b0")
        if self._d.disj(guard, self._d.neg(self._care)) == TRUE:
            return Condition("1'b1")
        try:
            found = self._factored(guard)
            return self._complete(*found) if found is not None else self._shortened(guard)
        except DiagramLimitError:
            return Condition("...", complete=False)

    def _factored(self, guard: int) -> tuple[Factored, bool] | None:
        d, open_ = self._d, self._d.neg(self._care)
        bounds = [(d.conj(f, self._care), d.disj(f, open_)) for f in (guard, d.neg(guard))]
        return factored_sum(d, bounds[0], bounds[1])

    def _complete(self, factored: Factored, negated: bool) -> Condition:
        term = self._term(factored)
        try:
            return Condition(self._text(lnot(term) if negated else term))
        except NeedsNameError:
            return Condition("...", complete=False)

    def _named(self, term: Term) -> Term:
        """Return bits of a structure as the member that they are."""
        if term.op != "extract" or term.args[0].op != "var":
            return term
        assert isinstance(term.value, int)
        low, high = term.value, term.value + term.width
        around = [
            (place[1], place[0], member)
            for place, member in self._members(term.args[0].name).items()
            if place[0] <= low and high <= place[0] + place[1]
        ]
        if not around:
            return term
        width, start, member = min(around, key=lambda a: a[:2])
        self._signals[member.name] = member
        return extract(var(member.name, width), low - start, term.width)

    def _text(self, term: Term) -> str:
        term = transform(term, self._named)
        try:
            return condition_to_verilog(term, signals=self._signals)
        except NeedsNameError:
            return condition_to_verilog(transform(term, _unsliced), signals=self._signals)

    def _term(self, factored: Factored) -> Term:
        product = self._product(factored.shared)
        return land(product, reduce(lor, map(self._term, factored.parts))) if factored.parts else product

    def _shortened(self, guard: int) -> Condition:
        d = self._d
        found = d.products(d.conj(guard, self._care), d.disj(guard, d.neg(self._care)))
        return self._pieces(list(islice(found, SEEN)))

    def _pieces(self, products: list[Product]) -> Condition:
        """Return what can be written of the shortest products, and dots."""
        texts = []
        for product in sorted(products, key=len)[:SHOWN]:
            try:
                texts.append(self._text(self._product(product)))
            except NeedsNameError:
                continue
        return Condition(" || ".join([*(f"({t})" if "&&" in t else t for t in texts), "..."]), complete=False)

    def _product(self, product: Product) -> Term:
        """Return the conjunction, bits of one word compared together."""
        words: dict[Term, dict[int, bool]] = {}
        for level, value in product:
            term, bit = self._atoms[level]
            words.setdefault(term, {})[bit] = value
        return reduce(land, (p for term, bits in words.items() for p in _word(term, bits)), const(1, 1))


def _unsliced(term: Term) -> Term:
    """Return a condition on bits of a computed value as one on the value shifted and masked."""
    if term.op == "extract" and term.width == 1 and term.args[0].op not in ("var", "select"):
        return apply("redor", _masked(term))
    if term.op in ("eq", "ult", "ule"):
        part, other = term.args
        if part.op == "extract" and other.op == "const" and part.args[0].op not in ("var", "select"):
            masked = _masked(part)
            return apply(term.op, masked, const(other.const_value, masked.width))
    return term


def _masked(part: Term) -> Term:
    """Return the bits of an extract as a value of the width of what they are taken from."""
    whole, low = part.args[0], part.value
    assert isinstance(low, int)
    shifted = apply("lshr", whole, const(low, max(1, low.bit_length()))) if low else whole
    return apply("and", shifted, const(mask(part.width), whole.width))


def _word(term: Term, bits: Mapping[int, bool]) -> Iterable[Term]:
    """Yield comparisons of the runs of bits, most significant first."""
    if term.width == 1:
        yield term if bits[0] else lnot(term)
        return
    waiting = sorted(bits, reverse=True)
    while waiting:
        run = [waiting.pop(0)]
        while waiting and waiting[0] == run[-1] - 1:
            run.append(waiting.pop(0))
        part = extract(term, run[-1], len(run))
        value = sum(int(bits[b]) << (b - run[-1]) for b in run)
        yield apply("eq", part, const(value, len(run))) if len(run) > 1 else (part if value else lnot(part))
