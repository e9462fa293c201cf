"""Verilog-2005 text of word-level terms, exact under the language's width and sign rules (IEEE 1364-2005, 5.4, 5.5).

A term has fixed widths; a Verilog expression takes its width and signedness from where it stands. The printer keeps
track of both: a piece of text has a self-determined width and type, and every operand is printed for the width of
the region in which it is evaluated. Text is what an engineer would write (`a + b`, `a[7:4]`, `{1'b0, a}`, `~|x`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

from rtlgen.graphs.wordlevel.literals import identifier as identifier
from rtlgen.graphs.wordlevel.literals import literal as literal
from rtlgen.graphs.wordlevel.module import Signal
from rtlgen.graphs.wordlevel.slices import MODULAR, push_extract
from rtlgen.graphs.wordlevel.terms import Term, const, extract, make, mask, sext, to_signed, var, variables

UNARY: Final = 14
ATOM: Final = 20
TERNARY: Final = 2
PRECEDENCE: Final[Mapping[str, int]] = {
    "*": 12, "/": 12, "%": 12, "+": 11, "-": 11, "<<": 10, ">>": 10, ">>>": 10, "<": 9, "<=": 9, ">": 9, ">=": 9,
    "==": 8, "!=": 8, "&": 7, "^": 6, "~^": 6, "|": 5, "&&": 4, "||": 3,
}  # fmt: skip
SYMBOL: Final[Mapping[str, str]] = {
    "and": "&", "or": "|", "xor": "^", "add": "+", "sub": "-", "mul": "*", "udiv": "/", "urem": "%", "sdiv": "/",
    "srem": "%", "shl": "<<", "lshr": ">>", "ashr": ">>>", "eq": "==", "ult": "<", "ule": "<=", "slt": "<", "sle": "<=",
}  # fmt: skip
NEGATED: Final[Mapping[str, str]] = {"eq": "!=", "ult": ">=", "ule": ">", "slt": ">=", "sle": ">"}
REDUCTION: Final[Mapping[str, str]] = {"redand": "&", "redor": "|", "redxor": "^"}
# Operators for which extending the operands with zeros (with the sign) extends the result likewise.
ZERO_EXTENDABLE: Final = frozenset({"and", "or", "xor", "udiv", "urem"})
SIGN_EXTENDABLE: Final = frozenset({"and", "or", "xor", "not"})
_TIDY: Final = frozenset({"*", "/", "%", "+", "-", "<", "<=", ">", ">=", "==", "!="})
"""Operators whose operands need no parentheses for clarity where they bind tighter than a comparison."""


class NeedsNameError(ValueError):
    """The term slices a computed value, which Verilog can't write without a named temporary."""


@dataclass(frozen=True, slots=True)
class Helper:
    """A named temporary that an expression reads: declare it as an unsigned vector of `width` bits.

    Attributes:
        name: identifier, unique in the module by the caller's choice.
        width: bits.
        text: expression to assign to it.
    """

    name: str
    width: int
    text: str


@dataclass(frozen=True, slots=True)
class _Piece:
    """Text with its precedence, self-determined width and whether its type is signed."""

    text: str
    level: int
    width: int
    signed: bool = False


def to_verilog(
    term: Term,
    *,
    names: Mapping[str, str] | None = None,
    signals: Mapping[str, Signal] | None = None,
    context_width: int,
    context_signed: bool | None = False,
    exact: bool = False,
    explicit: bool = False,
) -> str:
    """Return Verilog-2005 text whose value in a context of `context_width` bits is exactly the term's.

    Args:
        term: the value; where it is narrower than the context it is extended with zeros, where it is wider only its
            low bits count.
        names: signal or memory name to the text that reads it; others are written as they are called.
        signals: declarations, for signedness and index ranges; a signal not in it counts as unsigned `[w-1:0]`.
        context_width: bits of the place where the text will stand, such as the width of the assignment's target.
        context_signed: type that the text must have because its surroundings take their type from it: False for
            unsigned; True for signed (then the self-determined width is the term's and the surroundings extend it);
            None where the type does not matter (a whole right-hand side).
        exact: the text's self-determined width must be `context_width` (an operand of a concatenation, an argument).
        explicit: write every extension out, as linters want it where operands differ in width.

    Returns:
        An expression without surrounding parentheses.

    Raises:
        NeedsNameError: a computed value would have to be sliced; use `to_statements`.
        ValueError: `context_width` is below 1.
    """
    printer = _Printer(names or {}, signals or {}, None, explicit)
    return printer.root(term, context_width, context_signed, exact).text


def to_statements(
    term: Term,
    *,
    fresh: Callable[[str], str],
    names: Mapping[str, str] | None = None,
    signals: Mapping[str, Signal] | None = None,
    context_width: int,
    context_signed: bool | None = False,
    exact: bool = False,
    explicit: bool = False,
) -> tuple[tuple[Helper, ...], str]:
    """Return helper wires, in order of dependence, and the expression that reads them (see `to_verilog`).

    `fresh` makes an unused identifier from a hint such as `a_plus_b`.

    Raises:
        ValueError: `context_width` is below 1.
    """
    printer = _Printer(names or {}, signals or {}, fresh, explicit)
    text = printer.root(term, context_width, context_signed, exact).text
    return tuple(printer.helpers), text


def condition_to_verilog(
    term: Term,
    *,
    names: Mapping[str, str] | None = None,
    signals: Mapping[str, Signal] | None = None,
    explicit: bool = False,
) -> str:
    """Return text for a place that only asks whether the value is non-zero: `if`, `?:`; uses `&&`, `||` and `!`.

    Raises:
        NeedsNameError: a computed value would have to be sliced.
    """
    return _Printer(names or {}, signals or {}, None, explicit).condition(term).text


def hint(term: Term) -> str:
    """Return a readable identifier stem for a term, such as `a_plus_b`."""
    words = {"add": "plus", "sub": "minus", "mul": "times", "udiv": "div", "urem": "mod", "eq": "eq", "ult": "lt"}
    words |= {"ule": "le", "slt": "lt", "sle": "le"}
    if term.op == "var":
        return re.sub(r"\W+", "_", term.name).strip("_") or "value"
    if term.op in ("zext", "sext", "extract"):
        return hint(term.args[0])
    if term.op == "not":
        return f"not_{hint(term.args[0])}"
    if term.op in words and all(len(hint(a)) < 16 and a.op != "const" for a in term.args):
        return f"{hint(term.args[0])}_{words[term.op]}_{hint(term.args[1])}"
    kinds = {"add": "sum", "sub": "diff", "mul": "prod", "udiv": "quot", "urem": "rem", "ite": "pick"}
    first = next(iter(variables(term)), "")
    return "_".join(p for p in (re.sub(r"\W+", "_", first).strip("_"), kinds.get(term.op, "part")) if p)


class _Printer:
    """Prints terms for one set of names; see the module's docstring for the two notions of width."""

    def __init__(
        self,
        names: Mapping[str, str],
        signals: Mapping[str, Signal],
        fresh: Callable[[str], str] | None,
        explicit: bool,
    ) -> None:
        self.names, self.signals, self.fresh, self.explicit = names, signals, fresh, explicit
        self.helpers: list[Helper] = []
        self._named: dict[Term, Term] = {}

    # Entry points -----------------------------------------------------------------------------------------------

    def root(self, term: Term, width: int, signed: bool | None, exact: bool) -> _Piece:
        if width < 1:
            raise ValueError(f"expected a context of at least 1 bit, got {width!r}")
        if signed:
            low = term if term.width <= width else extract(term, 0, width)
            return self.cast(low, "$signed") if exact or low.width < width else self.signed_exact(low)
        piece = self.at(term, width, need=exact)
        if piece.signed and signed is False:
            return self.at(term, width, need=exact, strict=True)
        return piece if signed is False or exact else self._shorter(term, width, piece)

    def _shorter(self, term: Term, width: int, piece: _Piece) -> _Piece:
        """Return the region printed signed where that is possible and shorter (`a >>> 2` of signed operands)."""
        if width != term.width or ("$" not in piece.text and "{" not in piece.text):
            return piece
        other = self.signed_at(term, width)
        return other if len(other.text) < len(piece.text) else piece

    def exact(self, term: Term, strict: bool = False) -> _Piece:
        """Print for a self-determined place: the text's own width is the term's."""
        return self.at(term, term.width, need=True, strict=strict)

    def signed_exact(self, term: Term) -> _Piece:
        piece = self.signed_at(term, term.width)
        return piece if piece.width == term.width else self.cast(term, "$signed")

    def condition(self, term: Term) -> _Piece:
        """Print a truth value with logical operators; any self-determined width."""
        if term.width == 1 and term.op in ("and", "or"):
            return self._join("&&" if term.op == "and" else "||", *map(self.condition, term.args), width=1)
        if term.op == "not" and term.width == 1 and term.args[0].op not in (*NEGATED, *REDUCTION):
            return self._unary("!", self.condition(term.args[0]), 1)
        return self.exact(term)

    # Unsigned regions -------------------------------------------------------------------------------------------

    def at(self, term: Term, width: int, need: bool = False, strict: bool = False) -> _Piece:
        """Print for a region of `width` bits: the value there is the term's, zero-extended or cut to `width`.

        With `need` the text's own width is `width`, else at most that; with `strict` its type is unsigned.
        """
        term = self._resolved(term)
        if self.explicit:
            need = True
            if term.op == "zext" or term.width < width:
                return self._padded(term, width)
        if term.width > width:
            piece = self._cut(term, width, need, strict)
        elif term.width < width:
            piece = self._extended(term, width, need, strict)
        else:
            piece = self._same(term, need, strict)
        return self._widen(piece, width) if need and piece.width < width else piece

    def _padded(self, term: Term, width: int) -> _Piece:
        """Print with the zeros of an extension written out."""
        inner = self._resolved(term.args[0]) if term.op == "zext" else term
        if inner.op == "zext":
            return self._padded(inner, width)
        if inner.width >= width:
            return self.at(inner, width)
        if inner.op == "const":
            return _atom(literal(inner.const_value, width), width)
        parts = inner.args if inner.op == "concat" else (inner,)
        return self._concat(make("concat", width, (const(0, width - inner.width), *parts)))

    def _widen(self, piece: _Piece, width: int) -> _Piece:
        return _atom(f"{{{literal(0, width - piece.width, 'b')}, {piece.text}}}", width)

    def _cut(self, term: Term, width: int, need: bool, strict: bool) -> _Piece:
        if term.op in MODULAR:
            return self._operator(term, width, need, strict)
        if term.op == "ite":
            return self._ite(term, width, need, strict)
        if term.op == "shl":
            return self._shift(term, width, need, strict)
        return self.at(extract(term, 0, width), width, need, strict)

    def _extended(self, term: Term, width: int, need: bool, strict: bool) -> _Piece:
        if term.op == "zext":
            return self.at(term.args[0], width, need, strict)
        if term.op == "const":
            return _atom(literal(term.const_value, width if need else term.width), width if need else term.width)
        if term.op in ZERO_EXTENDABLE:
            return self._operator(term, width, need, strict)
        if term.op == "ite":
            return self._ite(term, width, need, strict)
        if term.op == "lshr":
            return self._shift(term, width, need, strict)
        if term.op == "not" and term.width == 1 and term.args[0].op not in NEGATED and term.args[0].op not in REDUCTION:
            return self._unary("!", self.exact(term.args[0]), 1)
        piece = self._same(term, need=True, strict=True)
        if term.op in ("add", "sub", "mul", "neg", "not", "shl") and piece.level < ATOM:
            inner = term.args[0].op
            if term.op != "not" or (inner not in NEGATED and inner not in REDUCTION):
                return _atom(f"{{{piece.text}}}", term.width)
        return piece

    def _same(self, term: Term, need: bool, strict: bool) -> _Piece:
        """Print for a region of the term's own width."""
        op, width = term.op, term.width
        if op == "zext":
            return self.at(term.args[0], width, need, strict)
        if op in ("and", "or", "xor", "add", "sub", "mul", "neg", "not"):
            return self._operator(term, width, need, strict)
        if op in ("udiv", "urem"):
            return self._operator(term, width, need, strict=True)
        if op == "ite":
            return self._ite(term, width, need, strict)
        if op in ("shl", "lshr"):
            return self._shift(term, width, need, strict)
        if op in ("ashr", "sdiv", "srem"):
            return self.cast(term, "$unsigned")
        return self._leaf(term, strict)

    def _leaf(self, term: Term, strict: bool) -> _Piece:
        if term.op == "const":
            return _atom(literal(term.const_value, term.width), term.width)
        if term.op == "undef":
            return _atom(f"{term.width}'bx", term.width)
        if term.op == "var":
            return self._name(term, strict)
        if term.op == "select":
            return _atom(f"{self._text(term.name)}[{self.exact(term.args[0], strict=True).text}]", term.width)
        if term.op == "concat":
            return self._concat(term)
        if term.op == "extract":
            return self._extract(term)
        if term.op == "sext":
            return self._sext(term)
        if term.op in REDUCTION:
            return self._unary(REDUCTION[term.op], self.exact(term.args[0]), 1)
        return self._compare(term, SYMBOL[term.op])

    def _operator(self, term: Term, width: int, need: bool, strict: bool) -> _Piece:
        if term.op in ("not", "neg"):
            return self._negation(term, width, need, strict)
        left, right = term.args
        symbol = SYMBOL[term.op]
        if term.op == "add" and right.width >= width and _reads_negative(right):  # a + 8'd255 is better as a - 8'd1
            symbol, right = "-", const(-right.const_value, right.width)
        style = "b" if term.op in ("and", "or", "xor") else "d"
        pieces = [self._operand(a, width, style, strict) for a in (left, right)]
        need = need and not self.explicit  # then both are as wide already
        if need and max(p.width for p in pieces) < width:
            index = 1 if right.op == "const" else 0
            pieces[index] = self.at((left, right)[index], width, need=True, strict=strict)
        # Division depends on the type of its region; one unsigned operand makes the region unsigned.
        return self._join(symbol, *pieces, width=max(p.width for p in pieces), signed=all(p.signed for p in pieces))

    def _operand(self, term: Term, width: int, style: str, strict: bool) -> _Piece:
        if term.op == "const" and style == "b":
            value, own = term.const_value & mask(width), width if self.explicit else min(term.width, width)
            return _atom(literal(value, own, style), own)
        return self.at(term, width, strict=strict)

    def _negation(self, term: Term, width: int, need: bool, strict: bool) -> _Piece:
        inner = term.args[0]
        if term.op == inner.op == "not":
            return self.at(inner.args[0], width, need, strict)
        if term.op == "not" and inner.width == 1:
            if inner.op in NEGATED:
                return self._compare(inner, NEGATED[inner.op])
            if inner.op in REDUCTION:
                return self._unary("~" + REDUCTION[inner.op], self.exact(inner.args[0]), 1)
        piece = self.at(inner, width, need, strict)
        return self._unary("~" if term.op == "not" else "-", piece, piece.width, piece.signed)

    def _ite(self, term: Term, width: int, need: bool, strict: bool) -> _Piece:
        condition, then, other = term.args
        branches = [self.at(b, width, strict=strict) for b in (then, other)]
        if need and max(p.width for p in branches) < width:
            branches[0] = self.at(then, width, need=True, strict=strict)
        texts = [self._paren(branches[0], TERNARY + 1), self._paren(branches[1], TERNARY)]
        text = f"{self._paren(self.condition(condition), TERNARY + 1)} ? {texts[0]} : {texts[1]}"
        return _Piece(text, TERNARY, max(p.width for p in branches), all(p.signed for p in branches))

    def _shift(self, term: Term, width: int, need: bool, strict: bool) -> _Piece:
        left = self.at(term.args[0], width, need, strict)
        return self._shifted(term, left)

    def _shifted(self, term: Term, left: _Piece) -> _Piece:
        amount = term.args[1]
        right = _atom(str(amount.value), 32) if amount.op == "const" else self.exact(amount)
        return self._join(SYMBOL[term.op], left, right, width=left.width, signed=left.signed)

    def _compare(self, term: Term, symbol: str) -> _Piece:
        if term.op in ("slt", "sle"):
            return self._compare_signed(term, symbol)
        if (named := self._enumerator(term)) is not None:
            return self._join(symbol, *named, width=1)
        width = term.args[0].width
        pieces = [self.at(a, width) for a in term.args]
        if max(p.width for p in pieces) < width and not all(_keeps_value(self._resolved(a)) for a in term.args):
            index = 1 if term.args[1].op == "const" else 0
            pieces[index] = self.at(term.args[index], width, need=True)
        if all(p.signed for p in pieces) and term.op != "eq":
            pieces[0] = self.at(term.args[0], width, need=pieces[0].width == width, strict=True)
        return self._join(symbol, *pieces, width=1)

    def _enumerator(self, term: Term) -> tuple[_Piece, _Piece] | None:
        """Return both sides of a comparison of an enumeration with one of its values, by its name."""
        left, right = term.args
        if term.op != "eq" or left.op != "var" or right.op != "const" or left.name not in self.signals:
            return None
        names = dict(self.signals[left.name].enumerators)
        if self.names or right.const_value not in names:
            return None
        return _atom(self._text(left.name), left.width), _atom(names[right.const_value], right.width)

    def _compare_signed(self, term: Term, symbol: str) -> _Piece:
        width = term.args[0].width
        pieces = [self.signed_at(a, width) for a in term.args]
        if max(p.width for p in pieces) < width and not all(_keeps_value(self._resolved(a)) for a in term.args):
            pieces = [self.cast(a, "$signed") for a in term.args]
        return self._join(symbol, *pieces, width=1)

    # Leaves -----------------------------------------------------------------------------------------------------

    def _text(self, name: str) -> str:
        return self.names.get(name) or identifier(name)

    def _name(self, term: Term, strict: bool) -> _Piece:
        signal = self.signals.get(term.name)
        piece = _atom(self._text(term.name), term.width, bool(signal and signal.signed))
        return _atom(f"$unsigned({piece.text})", term.width) if strict and piece.signed else piece

    def _concat(self, term: Term) -> _Piece:
        parts = []
        for part, run in groupby(term.args):
            count = len(list(run))
            text = literal(part.const_value, part.width, "b") if part.op == "const" else self.exact(part).text
            parts.append(f"{{{count}{{{text}}}}}" if count > 1 else text)
        if len(parts) == 1 and len(term.args) > 1:
            return _atom(parts[0], term.width)
        return _atom(f"{{{', '.join(parts)}}}", term.width)

    def _resolved(self, term: Term) -> Term:
        """Return `term`, a slice of a computed value moved to the operands as far as that is possible."""
        while term.op == "extract" and term.args[0].op != "var" and not self._is_indexed(term):
            pushed = push_extract(term.args[0], int(term.value or 0), term.width)
            if pushed is None:
                break
            term = pushed
        return term

    def _is_indexed(self, term: Term) -> bool:
        base = term.args[0]
        return not term.value and base.op == "lshr" and base.args[0].op == "var" and self._in_range(base, term.width)

    def _extract(self, term: Term) -> _Piece:
        base, low, width = term.args[0], int(term.value or 0), term.width
        if base.op == "var":
            return _atom(self._slice(base, low, width), width)
        if self._is_indexed(term):
            return self._indexed(base, width)
        return _atom(self._slice(self._named_value(base), low, width), width)

    def _slice(self, base: Term, low: int, width: int) -> str:
        signal = self.signals.get(base.name)
        offset, descending = (signal.low, signal.descending) if signal else (0, True)
        ends = [offset + i if descending else offset - i for i in (low + width - 1, low)]
        index = str(ends[0]) if width == 1 else f"{ends[0]}:{ends[1]}"
        return f"{self._text(base.name)}[{index}]"

    def _in_range(self, shift: Term, width: int) -> bool:
        """Return whether `a[i +: width]` never reaches beyond the vector, where Verilog gives x."""
        signal = self.signals.get(shift.args[0].name)
        plain = signal is None or (signal.low == 0 and signal.descending)
        amount = shift.args[1]
        return plain and amount.op != "const" and _largest(amount) + width <= shift.width and shift.width > 1

    def _indexed(self, shift: Term, width: int) -> _Piece:
        index = self.exact(shift.args[1], strict=True).text
        return _atom(f"{self._text(shift.args[0].name)}[{index}{'' if width == 1 else f' +: {width}'}]", width)

    def _sext(self, term: Term) -> _Piece:
        inner, extra = term.args[0], term.width - term.args[0].width
        if inner.width == 1:
            return _atom(f"{{{term.width}{{{self.exact(inner).text}}}}}", term.width)
        if not _sliceable(inner):
            if self.fresh is None:  # a signed region as wide as the result extends with the sign
                text = f"$unsigned({self._paren(self.cast(inner, '$signed'), 6)} | {term.width}'sd0)"
                return _atom(text, term.width)
            inner = self._named_value(inner)
        sign = self.exact(extract(inner, inner.width - 1, 1)).text
        signs = sign if extra == 1 else f"{{{extra}{{{sign}}}}}"
        return _atom(f"{{{signs}, {self.exact(inner).text}}}", term.width)

    def _named_value(self, term: Term) -> Term:
        """Return a variable that holds `term`, declared as a helper."""
        if term in self._named:
            return self._named[term]
        if self.fresh is None:
            raise NeedsNameError(f"expected to slice a signal only, got a slice of {term!r}; use to_statements()")
        text = self.root(term, term.width, None, exact=False).text
        helper = Helper(self.fresh(hint(term)), term.width, text)
        self.helpers.append(helper)
        self._named[term] = var(helper.name, term.width)
        return self._named[term]

    # Signed regions ---------------------------------------------------------------------------------------------

    def signed_at(self, term: Term, width: int) -> _Piece:
        """Print for a signed region of `width` >= the term's bits: the value there is the term's, sign-extended."""
        op = term.op
        if self.explicit and (term.width < width or op == "sext"):
            return self.cast(term if term.width == width else sext(term, width), "$signed")
        if op == "sext":
            return self.signed_at(term.args[0], width)
        if op == "const":
            return self._signed_literal(term)
        if op == "var" and (signal := self.signals.get(term.name)) is not None and signal.signed:
            return self._name(term, strict=False)
        if op == "zext":
            inner = self.exact(term.args[0]).text
            return _atom(f"$signed({{1'b0, {inner}}})", term.args[0].width + 1, signed=True)
        same = term.width == width
        if op in SIGN_EXTENDABLE or (same and op in ("add", "sub", "mul", "neg", "sdiv", "srem")):
            return self._signed_operator(term, width)
        if op == "ite":
            return self._signed_ite(term, width)
        if op == "ashr" or (same and op == "shl"):
            return self._shifted(term, self.signed_at(term.args[0], width))
        return self.cast(term, "$signed")

    def _signed_operator(self, term: Term, width: int) -> _Piece:
        pieces = [self.signed_at(a, width) for a in term.args]
        if len(pieces) == 1:
            return self._unary("~" if term.op == "not" else "-", pieces[0], pieces[0].width, signed=True)
        return self._join(SYMBOL[term.op], *pieces, width=max(p.width for p in pieces), signed=True)

    def _signed_ite(self, term: Term, width: int) -> _Piece:
        pieces = [self.signed_at(b, width) for b in term.args[1:]]
        texts = [self._paren(pieces[0], TERNARY + 1), self._paren(pieces[1], TERNARY)]
        text = f"{self._paren(self.condition(term.args[0]), TERNARY + 1)} ? {texts[0]} : {texts[1]}"
        return _Piece(text, TERNARY, max(p.width for p in pieces), signed=True)

    def _signed_literal(self, term: Term) -> _Piece:
        value = to_signed(term.const_value, term.width)
        # -8'sd128 in a wider region would be +128, so a negative value is written as its bit pattern.
        digits = f"d{value}" if value >= 0 else f"h{term.const_value:X}"
        return _atom(f"{term.width}'s{digits}", term.width, signed=True)

    def cast(self, term: Term, function: str) -> _Piece:
        """Print `$signed(...)` or `$unsigned(...)` around the term in its own width."""
        if term.op in ("ashr", "sdiv", "srem"):
            piece = self.signed_at(term, term.width)
            if piece.width < term.width:
                first, *rest = (self.cast(a, "$signed") for a in term.args[: 1 if term.op == "ashr" else 2])
                piece = self._shifted(term, first) if term.op == "ashr" else self._join(SYMBOL[term.op], first, *rest)
                piece = replace(piece, width=term.width, signed=True)
        else:
            piece = self.exact(term)
        if function == "$signed" and term.op == "var" and piece.signed:
            return piece
        return _atom(f"{function}({piece.text})", term.width, signed=function == "$signed")

    # Text -------------------------------------------------------------------------------------------------------

    def _paren(self, piece: _Piece, level: int) -> str:
        return piece.text if piece.level >= level else f"({piece.text})"

    def _unary(self, symbol: str, piece: _Piece, width: int, signed: bool = False) -> _Piece:
        return _Piece(symbol + self._paren(piece, ATOM), UNARY, width, signed)

    def _join(self, symbol: str, *pieces: _Piece, width: int | None = None, signed: bool = False) -> _Piece:
        level = PRECEDENCE[symbol]
        left, right = pieces
        texts = [self._side(symbol, left, level), self._side(symbol, right, level + 1)]
        own = width if width is not None else max(p.width for p in pieces)
        return _Piece(f"{texts[0]} {symbol} {texts[1]}", level, own, signed)

    def _side(self, symbol: str, piece: _Piece, level: int) -> str:
        """Return an operand, with parentheses where the language or a reader needs them."""
        if piece.level not in (UNARY, TERNARY, ATOM, PRECEDENCE[symbol]):
            floor = 5 if symbol in ("&&", "||") else 9 if symbol in _TIDY else UNARY
            if piece.level < floor:
                return f"({piece.text})"
        if symbol in ("&", "|", "^", "+", "*", "&&", "||") and piece.level == PRECEDENCE[symbol]:
            return piece.text if level == piece.level or symbol in ("&", "|", "^", "&&", "||") else f"({piece.text})"
        return self._paren(piece, level)


def _atom(text: str, width: int, signed: bool = False) -> _Piece:
    return _Piece(text, ATOM, width, signed)


def _keeps_value(term: Term) -> bool:
    """Return whether the text of `term` has its value in any region at least as wide as that text."""
    while term.op in ("zext", "sext"):
        term = term.args[0]
    return term.op in ("const", "var", "extract", "concat", "select", "eq", "ult", "ule", "slt", "sle", "undef")


def _reads_negative(term: Term) -> bool:
    return term.op == "const" and term.width > 1 and term.const_value > mask(term.width) >> 1


def _sliceable(term: Term) -> bool:
    return term.op == "var" or (term.op == "extract" and term.args[0].op == "var") or term.op == "concat"


def _largest(amount: Term) -> int:
    """Return a value that a shift amount never exceeds."""
    if amount.op == "const":
        return amount.const_value
    if amount.op == "zext":
        return _largest(amount.args[0])
    if amount.op == "concat":
        total = 0
        for part in amount.args:
            total = total << part.width | _largest(part)
        return total
    if amount.op == "mul":
        return min(mask(amount.width), _largest(amount.args[0]) * _largest(amount.args[1]))
    return mask(amount.width)
