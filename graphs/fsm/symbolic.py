"""Partial evaluation of word-level terms, and their translation to decision diagrams.

A machine's next state and outputs are looked at one state at a time: the state register is replaced by a code, the
term folds, and what remains is turned into one decision diagram per bit. Arithmetic that doesn't fold becomes free
variables, one per distinct term and bit. That over-approximates (two free variables may be related), so a state that
is called reachable may not be, and two states that are called different may be equal; never the other way round.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rtlgen.graphs.fsm.bdd import FALSE, TRUE, Diagrams
from rtlgen.graphs.wordlevel.terms import (
    COMPARISONS,
    SHIFTS,
    Term,
    apply,
    concat,
    const,
    extract,
    ite,
    lnot,
    mask,
    rebuild,
    substitute,
    walk,
)

WIDE = 6
"""Two non-constant operands wider than this many bits are compared as one free variable."""
WIDE_SUM = 12
"""Sums wider than this many bits become free variables."""

Bits = tuple[int, ...]


def expand(roots: Sequence[Term], definitions: Mapping[str, Term]) -> list[Term]:
    """Return the roots with combinationally driven signals replaced by what drives them, down to stable signals.

    A signal on a combinational loop stays a variable.
    """
    done: dict[str, Term] = {}
    for name in dependency_order(roots, definitions):
        done[name] = substitute(definitions[name], done)
    return [substitute(root, done) for root in roots]


def dependency_order(roots: Sequence[Term], definitions: Mapping[str, Term]) -> list[str]:
    """Return the defined names under the roots, each after those it reads, leaving out back edges."""
    order: list[str] = []
    state: dict[str, bool] = {}
    stack = [(n, False) for n in _reads(roots, definitions)]
    while stack:
        name, finished = stack.pop()
        if finished:
            state[name] = True
            order.append(name)
        elif name not in state:
            state[name] = False
            stack.append((name, True))
            stack += [(n, False) for n in _reads([definitions[name]], definitions) if n not in state]
    return order


def _reads(roots: Sequence[Term], definitions: Mapping[str, Term]) -> list[str]:
    return [t.name for t in walk(*roots) if t.op == "var" and t.name in definitions]


def fold(term: Term) -> Term:
    """Return `term` with one local simplification that the constructors leave out, or `term` itself."""
    if term.op in ("and", "or", "xor"):
        return _fold_bitwise(term)
    if term.op == "not" and term.args[0].op == "not":
        return term.args[0].args[0]
    if term.op in COMPARISONS and term.args[0] is term.args[1]:
        return const(int(term.op in ("eq", "ule", "sle")), 1)
    if term.op == "ite":
        return _fold_ite(term)
    return term


def _fold_bitwise(term: Term) -> Term:
    left, right = term.args
    if left is right:
        return const(0, term.width) if term.op == "xor" else left
    if left.op == "const":
        left, right = right, left
    if right.op != "const":
        return term
    value, ones = right.const_value, mask(term.width)
    if value == 0:
        return right if term.op == "and" else left
    if value == ones:
        return {"and": left, "or": right, "xor": apply("not", left)}[term.op]
    return term


def _fold_ite(term: Term) -> Term:
    condition, then, other = term.args
    if term.width == 1 and then.op == "const" and other.op == "const":
        return condition if then.value else lnot(condition)
    if condition.op == "not":
        return ite(condition.args[0], other, then)
    return term


class Specializer:
    """Evaluates terms with some signals set to constants; shared sub-terms are evaluated once."""

    def __init__(self, values: Mapping[str, Term]) -> None:
        self._values = values
        self._done: dict[Term, Term] = {}

    def __call__(self, root: Term) -> Term:
        """Return `root` under the values, folded."""
        for term in walk(root) if root not in self._done else ():
            if term in self._done:
                continue
            if term.op == "var":
                self._done[term] = self._values.get(term.name, term)
            else:
                self._done[term] = fold(rebuild(term, tuple(self._done[a] for a in term.args)))
        return self._done[root]


class Blaster:
    """Turns terms into vectors of decision diagrams, least significant bit first."""

    def __init__(self, diagrams: Diagrams) -> None:
        self.diagrams = diagrams
        self.unknown: set[int] = set()
        """Variables that stand for undefined (x) bits."""
        self.atoms: dict[tuple[Term, int], int] = {}
        """Level of every free variable, by term and bit."""
        self._done: dict[Term, Bits] = {}

    def bits(self, root: Term) -> Bits:
        """Return one function per bit of `root`.

        Raises:
            DiagramLimitError: the functions are too large.
        """
        for term in walk(root) if root not in self._done else ():
            if term not in self._done:
                self._done[term] = self._blast(term, [self._done[a] for a in term.args])
        return self._done[root]

    def atom(self, term: Term, bit: int) -> int:
        """Return the free variable for one bit of a term."""
        level = self.atoms.setdefault((term, bit), len(self.atoms))
        if term.op == "undef":
            self.unknown.add(level)
        return self.diagrams.variable(level)

    def _free(self, term: Term) -> Bits:
        # Most significant first: comparisons with constants then stay linear in the width.
        return tuple(reversed([self.atom(term, i) for i in reversed(range(term.width))]))

    def _blast(self, term: Term, args: list[Bits]) -> Bits:
        d = self.diagrams
        if term.op == "const":
            return tuple(term.const_value >> i & 1 for i in range(term.width))
        if term.op == "not":
            return tuple(d.neg(b) for b in args[0])
        if term.op in ("and", "or", "xor"):
            operation = {"and": d.conj, "or": d.disj, "xor": d.xor}[term.op]
            return tuple(operation(a, b) for a, b in zip(args[0], args[1], strict=True))
        if term.op == "ite":
            return tuple(d.ite(args[0][0], a, b) for a, b in zip(args[1], args[2], strict=True))
        return self._wiring(term, args) or self._reduction(term, args) or self._arithmetic(term, args)

    def _wiring(self, term: Term, args: list[Bits]) -> Bits | None:
        if term.op == "concat":
            return tuple(bit for part in reversed(args) for bit in part)
        if term.op == "extract":
            assert isinstance(term.value, int)
            return args[0][term.value : term.value + term.width]
        if term.op in ("zext", "sext"):
            fill = args[0][-1] if term.op == "sext" else FALSE
            return args[0] + (fill,) * (term.width - len(args[0]))
        if term.op in SHIFTS and term.args[1].op == "const":
            return _shift(term, args[0])
        return None

    def _reduction(self, term: Term, args: list[Bits]) -> Bits | None:
        d = self.diagrams
        if term.op in ("redand", "redor", "redxor"):
            operation = {"redand": d.conj, "redor": d.disj, "redxor": d.xor}[term.op]
            result = args[0][-1]
            for bit in reversed(args[0][:-1]):
                result = operation(result, bit)
            return (result,)
        if term.op in ("eq", "ult", "ule") and self._narrow(term, WIDE):
            return (_compare(d, term.op, args[0], args[1]),)
        return None

    def _arithmetic(self, term: Term, args: list[Bits]) -> Bits:
        if term.op in ("add", "sub") and term.width <= WIDE_SUM and any(a.op == "const" for a in term.args):
            carry = FALSE if term.op == "add" else TRUE
            right = args[1] if term.op == "add" else tuple(self.diagrams.neg(b) for b in args[1])
            return self._sum(args[0], right, carry)
        return self._free(term)

    def _sum(self, left: Bits, right: Bits, carry: int) -> Bits:
        d = self.diagrams
        result: list[int] = []
        for a, b in zip(left, right, strict=True):
            half = d.xor(a, b)
            result.append(d.xor(half, carry))
            carry = d.ite(half, carry, a)
        return tuple(result)

    @staticmethod
    def _narrow(term: Term, limit: int) -> bool:
        return term.args[0].width <= limit or any(a.op == "const" for a in term.args)


def _shift(term: Term, operand: Bits) -> Bits:
    amount = min(term.args[1].const_value, term.width)
    if term.op == "shl":
        return (FALSE,) * amount + operand[: term.width - amount]
    fill = operand[-1] if term.op == "ashr" else FALSE
    return operand[amount:] + (fill,) * amount


def _compare(d: Diagrams, op: str, left: Bits, right: Bits) -> int:
    """Return the diagram of `left op right`, built from the least significant bit up."""
    result = FALSE if op == "ult" else TRUE
    for a, b in zip(left, right, strict=True):
        same = d.neg(d.xor(a, b))
        if op == "eq":
            result = d.conj(same, result)
        else:
            result = d.ite(same, result, b)
    return result


def bit_terms(term: Term) -> list[Term]:
    """Return every bit of `term` as a 1-bit term, least significant first."""
    return [extract(term, i, 1) for i in range(term.width)]


def join_bits(bits: Sequence[Term]) -> Term:
    """Return the 1-bit terms (least significant first) as one word."""
    return concat(*reversed(bits))
