"""Word-level terms for Bitwuzla, and one solver over them."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, Final

from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.optimizer.second.rails import unseen

_PLAIN: Final = {
    "not": "BV_NOT", "neg": "BV_NEG", "and": "BV_AND", "or": "BV_OR", "xor": "BV_XOR", "add": "BV_ADD",
    "sub": "BV_SUB", "mul": "BV_MUL", "udiv": "BV_UDIV", "urem": "BV_UREM", "sdiv": "BV_SDIV", "srem": "BV_SREM",
    "concat": "BV_CONCAT", "redand": "BV_REDAND", "redor": "BV_REDOR", "redxor": "BV_REDXOR",
}  # fmt: skip
_TESTS: Final = {"eq": "EQUAL", "ult": "BV_ULT", "ule": "BV_ULE", "slt": "BV_SLT", "sle": "BV_SLE"}
_SHIFTS: Final = {"shl": "BV_SHL", "lshr": "BV_SHR", "ashr": "BV_ASHR"}


class Solver:
    """One Bitwuzla instance over terms; facts stay, questions come and go.

    Args:
        limit_s: for each question.
    """

    def __init__(self, limit_s: float) -> None:
        import bitwuzla

        self._b = bitwuzla
        self._m = bitwuzla.TermManager()
        options = bitwuzla.Options()
        options.set(bitwuzla.Option.PRODUCE_MODELS, True)
        options.set(bitwuzla.Option.TIME_LIMIT_PER, max(1, int(limit_s * 1000)))
        self._solver = bitwuzla.Bitwuzla(self._m, options)
        self._known: dict[Term, Any] = {}
        self._one = self._m.mk_bv_one(self._m.mk_bv_sort(1))
        self._zero = self._m.mk_bv_zero(self._m.mk_bv_sort(1))

    def fact(self, claim: Term) -> None:
        """Assume a one-bit term from now on."""
        self._solver.assert_formula(self.truth(claim))

    def truth(self, claim: Term) -> Any:
        """Return the Boolean of a one-bit term."""
        return self._m.mk_term(self._b.Kind.EQUAL, [self.translate(claim), self._one])

    def label(self, claim: Term) -> Any:
        """Return a new Boolean that implies `claim` where it is assumed."""
        name = self._m.mk_const(self._m.mk_bool_sort())
        self._solver.assert_formula(self._m.mk_term(self._b.Kind.IMPLIES, [name, self.truth(claim)]))
        return name

    def some_false(self, claims: Iterable[Term], given: Iterable[Any] = ()) -> bool | None:
        """Return whether some claim can be 0 while all labels `given` hold; None where the solver gave up."""
        b, m = self._b, self._m
        negated = [m.mk_term(b.Kind.NOT, [self.truth(c)]) for c in claims]
        if not negated:
            return False
        goal = m.mk_const(m.mk_bool_sort())
        either = negated[0] if len(negated) == 1 else m.mk_term(b.Kind.OR, negated)
        self._solver.assert_formula(m.mk_term(b.Kind.IMPLIES, [goal, either]))
        result = self._solver.check_sat(*given, goal)
        return None if result == b.Result.UNKNOWN else bool(result == b.Result.SAT)

    def value(self, term: Term) -> int:
        """Return the value of a term in the model of the last answer."""
        return int(self._solver.get_value(self.translate(term)).value(16), 16)

    def translate(self, root: Term) -> Any:
        """Return the Bitwuzla term."""
        for term in unseen(root, self._known):
            self._known[term] = self._node(term, [self._known[a] for a in term.args])
        return self._known[root]

    def _node(self, term: Term, args: list[Any]) -> Any:
        m, kind, op, width = self._m, self._b.Kind, term.op, term.width
        if op == "const":
            return m.mk_bv_value(m.mk_bv_sort(width), format(term.const_value, "x"), 16)
        if op == "var":
            return m.mk_const(m.mk_bv_sort(width), term.name)
        if op in _PLAIN:
            return m.mk_term(getattr(kind, _PLAIN[op]), args)
        if op in _TESTS:
            return m.mk_term(kind.ITE, [m.mk_term(getattr(kind, _TESTS[op]), args), self._one, self._zero])
        if op == "ite":
            return m.mk_term(kind.ITE, [m.mk_term(kind.EQUAL, [args[0], self._one]), args[1], args[2]])
        if op == "extract":
            low = int(term.value or 0)
            return m.mk_term(kind.BV_EXTRACT, args, [low + width - 1, low])
        if op in ("zext", "sext"):
            extend = kind.BV_ZERO_EXTEND if op == "zext" else kind.BV_SIGN_EXTEND
            return m.mk_term(extend, args, [width - term.args[0].width])
        if op in _SHIFTS:
            return self._shift(term, args)
        raise ValueError(f"expected a term with a model, got operator {op!r}")

    def _shift(self, term: Term, args: list[Any]) -> Any:
        """Return a shift; SMT-LIB wants both operands in one width, so both are widened to the larger and cut."""
        m, kind = self._m, self._b.Kind
        value, amount = term.args
        width = max(value.width, amount.width)
        extend = kind.BV_SIGN_EXTEND if term.op == "ashr" else kind.BV_ZERO_EXTEND
        wide = m.mk_term(extend, [args[0]], [width - value.width])
        count = m.mk_term(kind.BV_ZERO_EXTEND, [args[1]], [width - amount.width])
        shifted = m.mk_term(getattr(kind, _SHIFTS[term.op]), [wide, count])
        return m.mk_term(kind.BV_EXTRACT, [shifted], [value.width - 1, 0])


def remaining(deadline: float) -> float:
    """Return the seconds left."""
    return deadline - time.monotonic()
