"""The e-graph's language: word-level operators that carry their widths, as egglog text and as terms.

Every operator names the widths it needs, so that a rule can compute with them while it matches. A concatenation has
two parts; a constant is an arbitrary-precision integer in `[0, 2**w)`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rtlgen.graphs.wordlevel import terms as words
from rtlgen.graphs.wordlevel.terms import Term


@dataclass(frozen=True, slots=True)
class Shape:
    """Signature of one operator.

    Attributes:
        fields: one letter an argument: `w` width, `i` bit index, `c` constant, `s` name, `t` term.
        result: width of the result, from the numbers and names in order.
        operands: expected widths of the term arguments, likewise.
    """

    fields: str
    result: Callable[..., int]
    operands: Callable[..., tuple[int, ...]]


def _same(count: int) -> Shape:
    return Shape("w" + "t" * count, lambda w, *_: w, lambda w, *_: (w,) * count)


def _test(count: int) -> Shape:
    return Shape("w" + "t" * count, lambda w, *_: 1, lambda w, *_: (w,) * count)


def _shift() -> Shape:
    return Shape("wwtt", lambda w, *_: w, lambda w, v, *_: (w, v))


SHAPES: Final[Mapping[str, Shape]] = {
    "Var": Shape("ws", lambda w, _: w, lambda *_: ()),
    "Const": Shape("wc", lambda w, _: w, lambda *_: ()),
    "Undef": Shape("w", lambda w: w, lambda *_: ()),
    "Select": Shape("wwst", lambda w, *_: w, lambda w, v, *_: (v,)),
    **{name: _same(1) for name in ("Not", "Neg")},
    **{name: _same(2) for name in ("And", "Or", "Xor", "Add", "Sub", "Mul", "Udiv", "Urem", "Sdiv", "Srem")},
    **{name: _shift() for name in ("Shl", "Lshr", "Ashr")},
    **{name: _test(2) for name in ("Eq", "Ult", "Ule", "Slt", "Sle")},
    **{name: _test(1) for name in ("RedAnd", "RedOr", "RedXor")},
    "Ite": Shape("wttt", lambda w, *_: w, lambda w, *_: (1, w, w)),
    "Cat": Shape("wwtt", lambda high, low: high + low, lambda high, low: (high, low)),
    "Ext": Shape("wiwt", lambda v, low, w: w, lambda v, low, w: (v,)),
    "Zext": Shape("wwt", lambda v, w: w, lambda v, w: (v,)),
    "Sext": Shape("wwt", lambda v, w: w, lambda v, w: (v,)),
}

PLAIN: Final[Mapping[str, str]] = {
    **{name: name.capitalize() for name in ("not", "neg", *words.BITWISE, *words.ARITHMETIC, *words.COMPARISONS)},
    "redand": "RedAnd",
    "redor": "RedOr",
    "redxor": "RedXor",
}
SHIFTED: Final[Mapping[str, str]] = {"shl": "Shl", "lshr": "Lshr", "ashr": "Ashr"}
OPERATOR: Final[Mapping[str, str]] = {name: op for op, name in (*PLAIN.items(), *SHIFTED.items())}
LARGEST_INDEX: Final = 256
"""Largest constant that rules can use as a bit index (`nat`)."""


def declarations() -> str:
    """Return the egglog declarations of the language."""
    sorts = {"w": "i64", "i": "i64", "c": "BigInt", "s": "String", "t": "T"}
    variants = (f"({name} {' '.join(sorts[f] for f in shape.fields)})" for name, shape in SHAPES.items())
    count = "(rule ((nat b i) (< i {})) ((nat (+ b (bigint 1)) (+ i 1))) :ruleset counting)"
    # A relation and no function: a function looked up outside its domain inside a rule makes egglog 13 panic.
    lines = [f"(datatype T {' '.join(variants)})", "(relation nat (BigInt i64))", "(ruleset counting)"]
    lines += [count.format(LARGEST_INDEX), "(nat (bigint 0) 0)", "(run-schedule (saturate (run counting)))"]
    return "\n".join(lines)


def big(value: int) -> str:
    """Return egglog text of an integer constant."""
    return f"(bigint {value})" if abs(value) < 1 << 62 else f'(from-string "{value}")'


def to_egglog(term: Term, operands: Sequence[str]) -> str:
    """Return one node as egglog text, its operands given as text."""
    op, w = term.op, term.width
    if op == "const":
        return f"(Const {w} {big(term.const_value)})"
    if op == "var":
        return f'(Var {w} "{_quoted(term.name)}")'
    if op == "undef":
        return f"(Undef {w})"
    if op == "ite":
        return f"(Ite {w} {' '.join(operands)})"
    if op == "concat":
        return _concatenation(term, operands)
    if op == "select":
        return f'(Select {w} {term.args[0].width} "{_quoted(term.name)}" {operands[0]})'
    v = term.args[0].width
    if op == "extract":
        return f"(Ext {v} {term.value} {w} {operands[0]})"
    if op in ("zext", "sext"):
        return f"({op.capitalize()} {v} {w} {operands[0]})"
    if op in SHIFTED:
        return f"({SHIFTED[op]} {w} {term.args[1].width} {' '.join(operands)})"
    return f"({PLAIN[op]} {v} {' '.join(operands)})"


def _quoted(name: str) -> str:
    return name.replace("\\", "\\\\").replace('"', '\\"')


def _concatenation(term: Term, operands: Sequence[str]) -> str:
    text, width = operands[-1], term.args[-1].width
    for part, operand in zip(reversed(term.args[:-1]), reversed(operands[:-1]), strict=True):
        text = f"(Cat {part.width} {width} {operand} {text})"
        width += part.width
    return text


def build(name: str, numbers: Sequence[int | str], operands: Sequence[Term]) -> Term:
    """Return the term of one e-node: operator name, its numbers and names in order, its operand terms."""
    if name in OPERATOR:
        return words.apply(OPERATOR[name], *operands)
    if name == "Const":
        return words.const(int(numbers[1]), int(numbers[0]))
    if name == "Var":
        return words.var(str(numbers[1]), int(numbers[0]))
    if name == "Undef":
        return words.undef(int(numbers[0]))
    if name == "Ite":
        return words.ite(*operands)
    if name == "Cat":
        return words.concat(*operands)
    if name == "Ext":
        return words.extract(operands[0], int(numbers[1]), int(numbers[2]))
    if name == "Select":
        return words.select(str(numbers[2]), operands[0], int(numbers[0]))
    return (words.zext if name == "Zext" else words.sext)(operands[0], int(numbers[1]))
