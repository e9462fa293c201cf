"""Lower slang expressions to word-level terms, recording where in the source each one stands.

slang has already determined every width and sign (IEEE 1800-2023, 11.6 to 11.8): each node carries its final type
and conversions are explicit, so lowering is structural.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.terms import Term

if TYPE_CHECKING:
    pass

MAX_WIDTH = 1 << 16

_BINARY = {
    "Add": "add",
    "Subtract": "sub",
    "Multiply": "mul",
    "BinaryAnd": "and",
    "BinaryOr": "or",
    "BinaryXor": "xor",
}
_REDUCTION = {
    "BitwiseAnd": ("redand", False),
    "BitwiseOr": ("redor", False),
    "BitwiseXor": ("redxor", False),
    "BitwiseNand": ("redand", True),
    "BitwiseNor": ("redor", True),
    "BitwiseXnor": ("redxor", True),
}
_SHIFT = {
    "LogicalShiftLeft": "shl",
    "ArithmeticShiftLeft": "shl",
    "LogicalShiftRight": "lshr",
    "ArithmeticShiftRight": "ashr",
}


class UnsupportedError(Exception):
    """The construct has no word-level meaning here; what it drives becomes opaque."""


class Reader(Protocol):
    """What lowering asks of its surroundings."""

    def read(self, symbol: Any) -> Term:
        """Return the value of a signal, variable or constant at this point."""

    def read_memory(self, symbol: Any, address: Term) -> Term:
        """Return one word of an unpacked array."""

    def call(self, expression: Any, arguments: list[Term]) -> Term:
        """Return the value of a user function."""

    def note(self, expression: Any, term: Term, parent_width: int, self_determined: bool) -> None:
        """Record that `expression` stands in the source with this value."""


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of a signal: `width` bits from bit `offset`, or the word `address` of a memory."""

    symbol: Any
    offset: Term | int
    width: int
    address: Term | None = None


def width_of(type_: Any) -> int:
    """Return the bits of an integral type.

    Raises:
        UnsupportedError: real, string, class, unpacked or absurdly wide.
    """
    if not type_.isIntegral:
        raise UnsupportedError(f"type {type_}")
    width = int(type_.bitWidth)
    if not 0 < width <= MAX_WIDTH:
        raise UnsupportedError(f"{width} bits wide")
    return width


def literal(value: Any, width: int) -> Term:
    """Return the term of a slang integer, x and z bits as `undef`, sign- or zero-extended to `width`.

    Raises:
        UnsupportedError: the value is no integer.
    """
    if not hasattr(value, "bitWidth"):
        raise UnsupportedError(f"constant {value!r}")
    if not value.hasUnknown:
        return t.const(_to_int(value), width)
    bits = [str(value[i]).lower() for i in range(value.bitWidth)]
    parts = [t.undef(1) if b not in ("0", "1") else t.const(int(b), 1) for b in reversed(bits)]
    joined = t.concat(*parts)
    return t.sext(joined, width) if value.isSigned else t.zext(joined, width)


def _to_int(value: Any) -> int:
    from pyslang import LiteralBase

    text = value.toString(LiteralBase.Hex, False)
    return -int(text[1:], 16) if text.startswith("-") else int(text, 16)


def resize(term: Term, width: int, signed: bool) -> Term:
    """Return `term` extended (by sign if `signed`) or truncated to `width`."""
    if width < term.width:
        return narrow(term, width)
    return t.sext(term, width) if signed else t.zext(term, width)


def narrow(term: Term, width: int) -> Term:
    """Return the low `width` bits, computed in that width where the operator allows it.

    Verilog's unsized literals make nearly every sum 32 bits wide before an assignment cuts it again.
    """
    if width >= term.width:
        return term
    if term.op in ("add", "sub", "mul", "and", "or", "xor", "neg", "not"):
        return t.apply(term.op, *(narrow(a, width) for a in term.args))
    if term.op == "ite":
        return t.ite(term.args[0], narrow(term.args[1], width), narrow(term.args[2], width))
    return t.extract(term, 0, width)


class Lowering:
    """Turns slang expressions into terms over what a `Reader` answers."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._handlers: dict[str, Callable[[Any], Term]] = {
            "IntegerLiteral": lambda e: literal(e.value, width_of(e.type)),
            "UnbasedUnsizedIntegerLiteral": lambda e: literal(e.value, width_of(e.type)),
            "NamedValue": lambda e: self._reader.read(e.symbol),
            "UnaryOp": self._unary,
            "BinaryOp": self._binary,
            "ConditionalOp": self._conditional,
            "Conversion": self._conversion,
            "Concatenation": self._concatenation,
            "Replication": self._replication,
            "ElementSelect": self._select,
            "RangeSelect": self._select,
            "MemberAccess": self._select,
            "Call": self._call,
            "Inside": self._inside,
            "SimpleAssignmentPattern": self._pattern,
            "StructuredAssignmentPattern": self._pattern,
            "MinTypMax": lambda e: self.lower(e.selected),
        }

    def root(self, expression: Any) -> Term:
        """Return the term of a whole right-hand side or condition, and note it."""
        term = self.lower(expression)
        self._reader.note(_unwrap(expression), term, term.width, False)
        return term

    def lower(self, expression: Any, parent_width: int | None = None, self_determined: bool = False) -> Term:
        """Return the term of `expression`, noting it and its operands.

        Raises:
            UnsupportedError: no word-level meaning.
        """
        kind = expression.kind.name
        handler = self._handlers.get(kind)
        if handler is None:
            return self._constant(expression)
        term = handler(expression)
        if kind in ("UnaryOp", "BinaryOp", "ConditionalOp", "Concatenation", "Replication", "Call", "Inside") or (
            kind in ("ElementSelect", "RangeSelect") and term.op != "extract"
        ):
            self._reader.note(expression, term, parent_width or term.width, self_determined)
        return term

    def _constant(self, expression: Any) -> Term:
        value = expression.constant
        if value is None:
            raise UnsupportedError(expression.kind.name)
        return literal(value.value, width_of(expression.type))

    def _unary(self, e: Any) -> Term:
        op = e.op.name
        operand = self.lower(e.operand, self_determined=op in _REDUCTION or op == "LogicalNot")
        if op == "Plus":
            return operand
        if op == "Minus":
            return t.apply("neg", operand)
        if op == "BitwiseNot":
            return t.apply("not", operand)
        if op == "LogicalNot":
            return t.zext(t.lnot(operand), width_of(e.type))
        if op in _REDUCTION:
            name, inverted = _REDUCTION[op]
            reduced = operand if operand.width == 1 else t.apply(name, operand)
            return t.lnot(reduced) if inverted else reduced
        raise UnsupportedError(f"operator {op}")

    def _binary(self, e: Any) -> Term:
        op = e.op.name
        own = op in ("LogicalAnd", "LogicalOr")
        left = self.lower(e.left, self_determined=own)
        right = self.lower(e.right, self_determined=own or op in _SHIFT)
        if op in _BINARY:
            return t.apply(_BINARY[op], left, right)
        if op in _SHIFT:
            return self._shift(e, _SHIFT[op], left, right)
        if op == "BinaryXnor":
            return t.apply("not", t.apply("xor", left, right))
        if op == "LogicalAnd":
            return t.land(left, right)
        if op == "LogicalOr":
            return t.lor(left, right)
        if op in ("Divide", "Mod"):
            signed = "s" if e.type.isSigned else "u"
            return t.apply(signed + ("div" if op == "Divide" else "rem"), left, right)
        if op == "Power":
            return self._power(left, right)
        return compare(op, left, right, bool(e.left.type.isSigned and e.right.type.isSigned))

    def _shift(self, e: Any, op: str, left: Term, right: Term) -> Term:
        # The arithmetic right shift is logical for an unsigned result (IEEE 1800-2023, 11.4.10).
        name = "lshr" if op == "ashr" and not e.type.isSigned else op
        return t.apply(name, left, right)

    def _power(self, left: Term, right: Term) -> Term:
        if left.op == "const" and left.value == 2:
            return t.apply("shl", t.const(1, left.width), right)
        if right.op == "const" and 0 < right.const_value <= 4:
            result = left
            for _ in range(right.const_value - 1):
                result = t.apply("mul", result, left)
            return result
        raise UnsupportedError("operator **")

    def _conditional(self, e: Any) -> Term:
        condition = self._conditions(e.conditions)
        return t.ite(condition, self.lower(e.left), self.lower(e.right))

    def _conditions(self, conditions: Any) -> Term:
        result = t.const(1, 1)
        for item in conditions:
            if item.pattern is not None:
                raise UnsupportedError("pattern matching")
            result = t.land(result, self.lower(item.expr, self_determined=True))
        return result

    def _conversion(self, e: Any) -> Term:
        width = width_of(e.type)
        if e.operand.kind.name == "UnbasedUnsizedIntegerLiteral":
            return literal(e.operand.value, width)
        width_of(e.operand.type)
        propagated = e.conversionKind.name == "Propagated"
        operand = self.lower(e.operand, width, self_determined=not propagated and not e.isImplicit)
        # A propagated context extends by the sign of the context, an assignment or cast by the operand's own
        # (IEEE 1800-2023, 11.8.2 and 11.8.3).
        signed = e.type.isSigned if propagated else e.operand.type.isSigned
        return resize(operand, width, bool(signed))

    def _concatenation(self, e: Any) -> Term:
        parts = [o for o in e.operands if o.type.bitWidth]
        return t.concat(*(self.lower(o, self_determined=True) for o in parts))

    def _replication(self, e: Any) -> Term:
        count = self.lower(e.count)
        if count.op != "const" or not 0 < count.const_value <= MAX_WIDTH:
            raise UnsupportedError("replication count")
        return t.concat(*[self.lower(e.concat, self_determined=True)] * count.const_value)

    def _pattern(self, e: Any) -> Term:
        """Return a pattern's value; slang lists the elements in order, keys and `default` resolved."""
        value = t.concat(*(self.lower(x, self_determined=True) for x in e.elements))
        if value.width != width_of(e.type):
            raise UnsupportedError(f"assignment pattern of {value.width} bits for {e.type}")
        return value

    def _select(self, e: Any) -> Term:
        try:
            part = self.slice(e)
        except UnsupportedError:
            # A select of a value that is no signal: of a parameter or of another expression.
            base = self.lower(e.value)
            return take(base, *self._offset(e))
        if part.address is not None:
            word = self._reader.read_memory(part.symbol, part.address)
        else:
            word = self._reader.read(part.symbol)
        return take(word, part.offset, part.width)

    def slice(self, e: Any) -> Slice:
        """Return which part of which signal a select or name stands for (also as assignment target).

        Raises:
            UnsupportedError: not a part of a signal.
        """
        kind = e.kind.name
        if kind == "NamedValue":
            return Slice(e.symbol, 0, width_of(e.type))
        if kind == "Conversion":
            return self.slice(e.operand)
        if kind not in ("ElementSelect", "RangeSelect", "MemberAccess"):
            raise UnsupportedError(kind)
        if kind == "ElementSelect" and e.value.type.isUnpackedArray:
            return self._memory_word(e)
        inner = self.slice(e.value)
        offset, width = self._offset(e)
        return Slice(inner.symbol, add_offset(inner.offset, offset), width, inner.address)

    def _memory_word(self, e: Any) -> Slice:
        if e.value.kind.name != "NamedValue":
            raise UnsupportedError("array of more than one unpacked dimension")
        width = width_of(e.type)
        index = self.lower(e.selector, self_determined=True)
        low = int(e.value.type.canonicalType.range.lower)
        if low:
            index = t.apply("sub", index, t.const(low, index.width))
        return Slice(e.value.symbol, 0, width, index)

    def _offset(self, e: Any) -> tuple[Term | int, int]:
        """Return lowest bit and width of one select inside its value."""
        width = width_of(e.type)
        if e.kind.name == "MemberAccess":
            return int(e.member.bitOffset), width
        bounds, element = self._bounds(e.value.type)
        if e.kind.name == "ElementSelect":
            return self._position(e.selector, bounds, element, 0), element
        mode = e.selectionKind.name
        if mode == "Simple":
            right = self._constant_int(e.right)
            return _translate(bounds, right) * element, width
        grow = (width // element - 1) if (mode == "IndexedDown") == bounds.isDescending else 0
        return self._position(e.left, bounds, element, -grow), width

    def _position(self, selector: Any, bounds: Any, element: int, shift: int) -> Term | int:
        index = self.lower(selector, self_determined=True)
        signed = bool(selector.type.isSigned)
        if index.op == "const":
            value = t.to_signed(index.const_value, index.width) if signed else index.const_value
            return (_translate(bounds, value) + shift) * element
        width = max(index.width, (int(bounds.width) * element).bit_length() + 1)
        wide = resize(index, width, signed)
        if bounds.isDescending:
            place = t.apply("sub", wide, t.const(int(bounds.lower), width)) if bounds.lower else wide
        else:
            place = t.apply("sub", t.const(int(bounds.upper), width), wide)
        if shift:
            place = t.apply("add", place, t.const(shift, width))
        return place if element == 1 else t.apply("mul", place, t.const(element, width))

    def _bounds(self, type_: Any) -> tuple[Any, int]:
        canonical = type_.canonicalType
        if hasattr(canonical, "elementType"):
            if not canonical.isIntegral:
                raise UnsupportedError(f"select of {type_}")
            return canonical.range, width_of(canonical.elementType)
        return canonical.getBitVectorRange(), 1

    def _constant_int(self, e: Any) -> int:
        value = self.lower(e)
        if value.op != "const":
            raise UnsupportedError("variable bound of a part-select")
        return t.to_signed(value.const_value, value.width) if e.type.isSigned else value.const_value

    def _call(self, e: Any) -> Term:
        name = str(e.subroutineName)
        width = width_of(e.type)
        if e.isSystemCall and name not in ("$signed", "$unsigned", "$countones", "$onehot", "$onehot0"):
            return self._constant(e)
        arguments = [self.lower(a, self_determined=True) for a in e.arguments]
        if not e.isSystemCall:
            return self._reader.call(e, arguments)
        if name in ("$signed", "$unsigned"):
            return resize(arguments[0], width, bool(e.arguments[0].type.isSigned))
        ones = count_ones(arguments[0], max(width, 2))
        if name == "$countones":
            return t.zext(ones, width)
        limit = t.const(1, ones.width)
        return t.apply("eq" if name == "$onehot" else "ule", ones, limit)

    def _inside(self, e: Any) -> Term:
        left = self.lower(e.left, self_determined=True)
        result = t.const(0, 1)
        for item in e.rangeList:
            if item.kind.name == "ValueRange":
                low, high = self.lower(item.left), self.lower(item.right)
                op = "sle" if e.left.type.isSigned and item.left.type.isSigned else "ule"
                hit = t.land(t.apply(op, low, left), t.apply(op, left, high))
            else:
                hit = wildcard_equal(left, self.lower(item))
            result = t.lor(result, hit)
        return result


def _unwrap(e: Any) -> Any:
    while e.kind.name == "Conversion" and e.isImplicit:
        e = e.operand
    return e


def _translate(bounds: Any, index: int) -> int:
    return index - int(bounds.lower) if bounds.isDescending else int(bounds.upper) - index


def add_offset(a: Term | int, b: Term | int) -> Term | int:
    """Return the sum of two bit offsets, each a number or a term."""
    if isinstance(a, int) and isinstance(b, int):
        return a + b
    width = max(x.width if isinstance(x, Term) else x.bit_length() + 1 for x in (a, b)) + 1
    left, right = (t.zext(x, width) if isinstance(x, Term) else t.const(x, width) for x in (a, b))
    return t.apply("add", left, right)


def take(word: Term, offset: Term | int, width: int) -> Term:
    """Return `width` bits of `word` from `offset`; bits outside the word are undefined."""
    if isinstance(offset, Term):
        if offset.op != "const":
            shifted = t.apply("lshr", word, offset)
            return t.zext(shifted, width)
        offset = offset.const_value
    low, high = max(offset, 0), min(offset + width, word.width)
    if low >= high:
        return t.undef(width)
    parts = [t.extract(word, low, high - low)]
    if offset + width > high:
        parts.insert(0, t.undef(offset + width - high))
    if low > offset:
        parts.append(t.undef(low - offset))
    return t.concat(*parts)


def replace(word: Term, offset: Term | int, value: Term) -> Term:
    """Return `word` with the bits from `offset` replaced by `value`; bits outside the word are dropped."""
    if isinstance(offset, Term) and offset.op == "const":
        offset = offset.const_value
    if isinstance(offset, Term):
        ones = t.apply("shl", t.const(t.mask(value.width), word.width), offset)
        kept = t.apply("and", word, t.apply("not", ones))
        return t.apply("or", kept, t.apply("shl", t.zext(value, word.width), offset))
    low, high = max(offset, 0), min(offset + value.width, word.width)
    if low >= high:
        return word
    parts = [t.extract(value, low - offset, high - low)]
    if high < word.width:
        parts.insert(0, t.extract(word, high, word.width - high))
    if low:
        parts.append(t.extract(word, 0, low))
    return t.concat(*parts)


def compare(op: str, left: Term, right: Term, signed: bool) -> Term:
    """Return a Verilog comparison by slang's operator name.

    Raises:
        UnsupportedError: not a comparison.
    """
    prefix = "s" if signed else "u"
    if op in ("Equality", "CaseEquality"):
        return t.apply("eq", left, right)
    if op in ("Inequality", "CaseInequality"):
        return t.lnot(t.apply("eq", left, right))
    if op == "WildcardEquality":
        return wildcard_equal(left, right)
    if op == "WildcardInequality":
        return t.lnot(wildcard_equal(left, right))
    if op == "LessThan":
        return t.apply(prefix + "lt", left, right)
    if op == "LessThanEqual":
        return t.apply(prefix + "le", left, right)
    if op == "GreaterThan":
        return t.apply(prefix + "lt", right, left)
    if op == "GreaterThanEqual":
        return t.apply(prefix + "le", right, left)
    raise UnsupportedError(f"operator {op}")


def wildcard_equal(value: Term, pattern: Term) -> Term:
    """Return whether `value` matches a constant pattern whose undefined bits match anything.

    Raises:
        UnsupportedError: the pattern is not constant.
    """
    parts = pattern.args if pattern.op == "concat" else (pattern,)
    result = t.const(1, 1)
    low = value.width
    for part in parts:
        low -= part.width
        if part.op == "undef":
            continue
        if part.op != "const" and pattern.op == "concat" and any(p.op == "undef" for p in parts):
            raise UnsupportedError("wildcard pattern that is not constant")
        result = t.land(result, t.apply("eq", t.extract(value, low, part.width), part))
    return result


def count_ones(value: Term, width: int) -> Term:
    """Return the number of set bits of `value` as a sum of `width`-bit terms."""
    total = t.zext(t.extract(value, 0, 1), width)
    for bit in range(1, value.width):
        total = t.apply("add", total, t.zext(t.extract(value, bit, 1), width))
    return total
