"""Printed Verilog has the term's value, judged by an independent evaluator (slang's constant folding)."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pyslang
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rtlgen.graphs.wordlevel.module import Signal
from rtlgen.graphs.wordlevel.terms import (
    COMPARISONS,
    REDUCTIONS,
    Term,
    apply,
    concat,
    const,
    evaluate,
    extract,
    ite,
    make,
    sext,
    var,
    zext,
)
from rtlgen.graphs.wordlevel.verilog import (
    NeedsNameError,
    condition_to_verilog,
    identifier,
    literal,
    to_statements,
    to_verilog,
)

SIGNALS = {
    "a": Signal("a", 8, False, "input"),
    "b": Signal("b", 8, False, "input"),
    "s": Signal("s", 8, True, "input"),
    "t": Signal("t", 5, True, "input", low=3),
    "n": Signal("n", 4, False, "input", low=0, descending=False),
    "c": Signal("c", 1, False, "input"),
}
LOW_INDEX = {"n": 3}  # `[0:3] n` has its least significant bit at index 3


def signal(name: str) -> Signal:
    """Return the declaration as the word-level view gives it: `low` is the index of the lowest bit."""
    s = SIGNALS[name]
    return Signal(s.name, s.width, s.signed, s.kind, LOW_INDEX.get(name, s.low), s.descending)


VIEW = {name: signal(name) for name in SIGNALS}
A, B, S, T, N, C = (var(name, VIEW[name].width) for name in SIGNALS)


def terms(depth: int) -> st.SearchStrategy[Term]:
    """Return random terms over the signals, of any width up to about 20 bits."""
    leaves = st.one_of(
        st.sampled_from([A, B, S, T, N, C]),
        st.builds(const, st.integers(0, 1 << 12), st.integers(1, 12)),
    )
    if depth == 0:
        return leaves
    parts = st.lists(terms(depth - 1), min_size=3, max_size=3)
    return st.one_of(leaves, st.builds(_grow, st.integers(0, 1 << 30), parts))


def _fit(term: Term, width: int, signed: int) -> Term:
    return (sext if signed else zext)(term, width)


def _grow(seed: int, parts: Sequence[Term]) -> Term:
    ops = ["and", "or", "xor", "add", "sub", "mul", "not", "neg", "shl", "lshr", "ashr", "sdiv", "srem", "udiv", "urem"]
    ops += [*COMPARISONS, *REDUCTIONS, "ite", "concat", "extract", "zext", "sext"]
    op, seed = ops[seed % len(ops)], seed // len(ops)
    x, y, z = parts
    width = max(x.width, y.width) + seed % 3
    left, right = _fit(x, width, seed >> 2 & 1), _fit(y, width, seed >> 3 & 1)
    if op in REDUCTIONS or op in ("not", "neg"):
        return apply(op, x)
    if op in ("shl", "lshr", "ashr"):
        return apply(op, x, y if y.width < 6 else const(seed % 12, 4))
    if op == "ite":
        return ite(z if z.width == 1 else apply("redor", z), left, right)
    if op == "concat":
        return concat(x, y) if x.width + y.width < 24 else x
    if op == "extract":
        low = seed % x.width
        return extract(x, low, 1 + (seed >> 8) % (x.width - low))
    if op in ("zext", "sext"):
        return _fit(x, x.width + seed % 6 + 1, op == "sext")
    if op in ("udiv", "urem", "sdiv", "srem"):
        right = apply("or", right, const(1, width))  # Verilog's division by zero is x
    return apply(op, left, right)


def slang_value(text: str, width: int, values: dict[str, int], helpers: Sequence[tuple[str, int, str]] = ()) -> int:
    """Return what slang folds `text` to in an assignment of `width` bits."""
    lines = []
    for name, s in SIGNALS.items():
        high, low = s.low + s.width - 1, s.low
        dimension = f"[{high}:{low}]" if s.descending else f"[{low}:{high}]"
        if s.width == 1:
            dimension = ""
        lines.append(f"localparam {'signed ' if s.signed else ''}{dimension} {name} = {s.width}'d{values[name]};")
    lines += [f"localparam [{w - 1}:0] {n} = {e};" for n, w, e in helpers]
    source = "module m; " + " ".join(lines) + f" localparam [{width - 1}:0] y = {text}; endmodule"
    tree = pyslang.syntax.SyntaxTree.fromText(source)
    compilation = pyslang.ast.Compilation()
    compilation.addSyntaxTree(tree)
    parameter = compilation.getRoot().lookupName("m.y")
    value = str(parameter.value)
    match = re.fullmatch(r"(?:\d+'[sS]?)?([bdh])?([0-9a-fA-F]+)", value.replace("_", ""))
    assert match, (source, value, [str(d.code) for d in compilation.getAllDiagnostics()])
    return int(match[2], {"b": 2, "h": 16}.get(match[1] or "d", 10))


VALUES = st.fixed_dictionaries({name: st.integers(0, (1 << s.width) - 1) for name, s in SIGNALS.items()})
QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@QUICK
@given(term=terms(3), values=VALUES, extra=st.integers(-2, 4), free=st.booleans(), explicit=st.booleans())
def test_text_has_the_value_of_the_term_in_its_context(
    term: Term, values: dict[str, int], extra: int, free: bool, explicit: bool
) -> None:
    width = term.width if free else max(1, term.width + extra)
    made: list[str] = []

    def fresh(stem: str) -> str:
        made.append(f"{stem}_{len(made)}")
        return made[-1]

    helpers, text = to_statements(
        term,
        fresh=fresh,
        signals=VIEW,
        context_width=width,
        context_signed=None if free else False,
        explicit=explicit,
    )
    got = slang_value(text, width, values, [(h.name, h.width, h.text) for h in helpers])
    assert got == evaluate(term, values) % (1 << width), text


@QUICK
@given(term=terms(2), values=VALUES, extra=st.integers(0, 4), signed=st.booleans(), explicit=st.booleans())
def test_exact_text_has_its_width_inside_a_concatenation(
    term: Term, values: dict[str, int], extra: int, signed: bool, explicit: bool
) -> None:
    width = term.width if signed else term.width + extra
    try:
        text = to_verilog(term, signals=VIEW, context_width=width, context_signed=signed, exact=True, explicit=explicit)
    except NeedsNameError:
        return
    got = slang_value(f"{{2'b10, {text}, 1'b1}}", width + 3, values)
    assert got == (2 << width + 1) + 2 * evaluate(term, values) + 1, text


@QUICK
@given(term=terms(2), values=VALUES, extra=st.integers(0, 5))
def test_signed_text_keeps_a_signed_context_signed(term: Term, values: dict[str, int], extra: int) -> None:
    width = max(5, term.width + extra)  # of the region, which `t` does not widen
    try:
        text = to_verilog(term, signals=VIEW, context_width=width, context_signed=True)
    except NeedsNameError:
        return
    expected = evaluate(apply("add", sext(term, width), sext(T, width)), values)
    assert slang_value(f"({text}) + t", width, values) == expected, text


@QUICK
@given(term=terms(2), values=VALUES)
def test_condition_text_is_true_where_the_term_is(term: Term, values: dict[str, int]) -> None:
    try:
        text = condition_to_verilog(term, signals=VIEW)
    except NeedsNameError:
        return
    assert slang_value(f"({text}) ? 1 : 0", 1, values) == (evaluate(term, values) != 0), text


@pytest.mark.parametrize(
    ("term", "width", "text"),
    [
        (apply("add", A, B), 8, "a + b"),
        (apply("add", zext(A, 9), zext(B, 9)), 9, "a + b"),
        (apply("add", A, B), 9, "{a + b}"),
        (apply("add", A, const(255, 8)), 8, "a - 8'd1"),
        (extract(A, 4, 4), 4, "a[7:4]"),
        (extract(T, 1, 2), 2, "t[5:4]"),
        (extract(N, 0, 2), 2, "n[2:3]"),
        (zext(A, 9), 9, "a"),
        (apply("shl", A, const(2, 2)), 8, "a << 2"),
        (apply("not", apply("redor", A)), 1, "~|a"),
        (apply("not", apply("ult", A, B)), 1, "a >= b"),
        (apply("not", apply("eq", A, B)), 1, "a != b"),
        (ite(C, A, B), 8, "c ? a : b"),
        (ite(apply("and", C, apply("eq", A, B)), A, B), 8, "c && a == b ? a : b"),
        (apply("or", apply("and", A, B), S), 8, "(a & b) | s"),
        (apply("sub", A, apply("sub", B, A)), 8, "a - (b - a)"),
        (apply("add", A, apply("mul", B, A)), 8, "a + b * a"),
        (sext(C, 8), 8, "{8{c}}"),
        (sext(A, 10), 10, "$signed(a)"),
        (apply("slt", S, A), 1, "s < $signed(a)"),
        (apply("ult", S, S if S is A else A), 1, "s < a"),
        (apply("ashr", S, const(2, 2)), 8, "s >>> 2"),
        (apply("add", sext(S, 9), sext(T, 9)), 9, "s + t"),
        (extract(apply("add", A, B), 0, 4), 4, "a[3:0] + b[3:0]"),
        (concat(const(0, 1), A), 9, "{1'b0, a}"),
        (concat(C, C, C), 3, "{3{c}}"),
        (extract(apply("lshr", A, extract(B, 0, 3)), 0, 1), 1, "a[b[2:0]]"),
        (make("undef", 4), 4, "4'bx"),
    ],
)
def test_style(term: Term, width: int, text: str) -> None:
    free = width == term.width
    assert to_verilog(term, signals=VIEW, context_width=width, context_signed=None if free else False) == text


def test_exact_style() -> None:
    wide = apply("add", zext(A, 9), zext(B, 9))
    assert to_verilog(wide, context_width=9, exact=True) == "{1'b0, a} + b"
    assert to_verilog(apply("add", zext(A, 9), const(3, 9)), context_width=9, exact=True) == "a + 9'd3"


def test_slice_of_a_value_needs_a_name() -> None:
    carry = extract(apply("add", zext(A, 9), zext(B, 9)), 8, 1)
    with pytest.raises(NeedsNameError, match="expected to slice a signal only, got a slice of"):
        to_verilog(carry, context_width=1)
    helpers, text = to_statements(carry, fresh=lambda stem: stem, context_width=1)
    assert [(h.name, h.width, h.text) for h in helpers] == [("a_plus_b", 9, "a + b")]
    assert text == "a_plus_b[8]"


def test_names_and_escapes() -> None:
    assert identifier("g[0].t") == "g[0].t"
    assert identifier("a+b") == "\\a+b "
    assert to_verilog(apply("add", A, B), names={"a": "x.y"}, context_width=8) == "x.y + b"


def test_literals() -> None:
    assert literal(5, 3, "b") == "3'b101"
    assert literal(255, 12, "b") == "12'h0FF"
    assert literal(9, 4) == "4'd9"


def test_width_must_be_positive() -> None:
    with pytest.raises(ValueError, match="expected a context of at least 1 bit, got 0"):
        to_verilog(A, context_width=0)
