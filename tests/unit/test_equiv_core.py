"""The parts of the equivalence checker that need no tool: graph, arithmetic, operators with X, resets, reports."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtlgen.core.errors import InputError, ToolOutputError
from rtlgen.core.types import Counterexample, EquivalenceResult
from rtlgen.synth.equiv import smt
from rtlgen.synth.equiv.affine import shape_of
from rtlgen.synth.equiv.aig import FALSE, TRUE, Aig, write_aiger
from rtlgen.synth.equiv.arith import Arithmetic
from rtlgen.synth.equiv.bits import Bit, Ops, X, one_of, zero_of
from rtlgen.synth.equiv.blast import evaluate, exclusive
from rtlgen.synth.equiv.combine import screen
from rtlgen.synth.equiv.netlist import Cell, Netlist, Port, UnsupportedError, parse
from rtlgen.synth.equiv.relate import is_among
from rtlgen.synth.equiv.report import render, table
from rtlgen.synth.equiv.solver import decide
from rtlgen.synth.equiv.vcd import write_vcd


def test_equal_logic_is_one_node() -> None:
    g = Aig()
    a, b, c = g.pi("a"), g.pi("b"), g.pi("c")
    assert g.and_(a, b) == g.and_(b, a)
    assert g.xor(a ^ 1, b) == g.xor(a, b) ^ 1
    assert g.mux(c, a, a) == a
    assert g.and_(a, a ^ 1) == FALSE
    assert g.or_all([]) == FALSE
    assert g.and_all([]) == TRUE


def test_aiger_text_is_that_of_the_format() -> None:
    g = Aig()
    a, q = g.pi("secret name"), g.pi("state")
    text, inputs = write_aiger(g, [(q >> 1, g.and_(a, q ^ 1))], [q])
    # one input, one latch, one output, one AND: latch next = 6, output = latch literal 4
    assert text == b"aig 3 1 1 1 1\n6\n4\n\x01\x03"
    assert inputs == [a >> 1]
    assert b"secret" not in text


def test_screening_settles_small_problems_without_a_tool() -> None:
    g = Aig()
    a, b, c = g.pi("a"), g.pi("b"), g.pi("c")
    never = g.and_(g.and_(a, b), g.xor(g.or_(a, c), TRUE))
    assert screen(g, [FALSE]).decision.method == "structural"
    assert screen(g, [never]).decision == screen(g, [never, FALSE]).decision
    assert screen(g, [never]).decision.answer == "unsat"
    assert screen(g, [g.and_(a, b)]).decision.answer == "sat"
    assert screen(g, [TRUE]).decision.answer == "sat"


# -- words ---------------------------------------------------------------------------------------------------------
def words(g: Aig, *widths: int) -> list[list[int]]:
    return [[g.pi("x") for _ in range(width)] for width in widths]


def test_rewritten_arithmetic_becomes_the_same_nodes() -> None:
    g = Aig()
    m = Arithmetic(g)
    a, b, c = ([*w, *[FALSE] * 5] for w in words(g, 4, 4, 4))
    assert m.multiply(a, m.add(b, c)) == m.add(m.multiply(c, a), m.multiply(a, b))
    seven = [TRUE, TRUE, TRUE, *[FALSE] * 6]
    shifted = [FALSE, FALSE, FALSE, *a[:6]]
    assert m.multiply(a, seven) == m.subtract(shifted, a)
    assert m.subtract(a, b) == m.add(m.add(a, [lit ^ 1 for lit in b]), [TRUE, *[FALSE] * 8])
    assert m.add(m.add(a, b), c) == m.add(a, m.add(c, b))
    assert m.subtract(m.add(a, b), b) == m.add(a, [FALSE] * 9)


def test_a_sum_that_may_wrap_is_not_taken_as_wider_than_it_is() -> None:
    g = Aig()
    m = Arithmetic(g)
    (a, b) = words(g, 3, 3)
    wrapped = [*m.add(a, b), FALSE]
    exact = m.add([*a, FALSE], [*b, FALSE])
    assert m.add(wrapped, [FALSE] * 4) == wrapped
    assert exact != wrapped


@given(st.integers(0, 1 << 32), st.booleans())
def test_word_arithmetic_agrees_with_integers(seed: int, canonical: bool) -> None:
    rng = random.Random(seed)
    g = Aig()
    m = Arithmetic(g, canonical=canonical)
    pool = words(g, *(rng.randint(1, 4) for _ in range(3)))
    values = {node: rng.getrandbits(1) for node in g.pis}

    def number(vector: list[int]) -> int:
        return sum(bit << i for i, bit in enumerate(g.simulate(vector, values, 1)))

    def pick(width: int) -> list[int]:
        vector = [FALSE] * rng.choice([0, 0, 1, 2]) + rng.choice(pool)
        vector = [lit ^ 1 for lit in vector] if rng.random() < 0.2 else vector
        return (vector + [rng.choice([vector[-1], FALSE])] * 8)[:width]

    for _ in range(6):
        width = rng.randint(1, 8)
        a, b, mask = pick(width), pick(width), (1 << width) - 1
        x, y = number(a), number(b)
        for out, expected in (
            (m.add(a, b), x + y), (m.subtract(a, b), x - y), (m.multiply(a, b), x * y), (m.negate(a), -x),
        ):  # fmt: skip
            assert number(out) == expected & mask
            pool.append(out)
        sx, sy = (v - (v >> (width - 1) << width) for v in (x, y))
        assert number([m.less(a, b, signed=False), m.less(a, b, signed=True)]) == (x < y) + 2 * (sx < sy)


# -- operators with X ----------------------------------------------------------------------------------------------
BINARY: dict[str, Callable[[int, int], int]] = {
    "$add": lambda a, b: a + b, "$sub": lambda a, b: a - b, "$mul": lambda a, b: a * b, "$and": lambda a, b: a & b,
    "$or": lambda a, b: a | b, "$xor": lambda a, b: a ^ b, "$xnor": lambda a, b: ~(a ^ b),
    "$eq": lambda a, b: int(a == b), "$ne": lambda a, b: int(a != b), "$lt": lambda a, b: int(a < b),
    "$le": lambda a, b: int(a <= b), "$gt": lambda a, b: int(a > b), "$ge": lambda a, b: int(a >= b),
    "$logic_and": lambda a, b: int(bool(a and b)), "$logic_or": lambda a, b: int(bool(a or b)),
}  # fmt: skip


def constant(text: str) -> list[Bit]:
    """Return bits of a text such as `01x`, most significant first."""
    return [{"0": FALSE, "1": TRUE, "x": X}[c] for c in reversed(text)]


def shown(vector: list[Bit]) -> str:
    return "".join("1" if one_of(b) == TRUE else "0" if zero_of(b) == TRUE else "x" for b in reversed(vector))


def apply(kind: str, a: str, b: str, width: int, *, signed: bool = False) -> str:
    parameters = {"A_SIGNED": int(signed), "B_SIGNED": int(signed)}
    cell = Cell(kind, parameters, {"A": tuple("0" * len(a)), "B": tuple("0" * len(b))}, tuple(range(width)))
    return shown(evaluate(cell, {"A": constant(a), "B": constant(b)}, Ops(Aig())))


@pytest.mark.parametrize("kind", sorted(BINARY))
@pytest.mark.parametrize("signed", [False, True])
def test_operators_agree_with_integers(kind: str, signed: bool) -> None:
    rng = random.Random(kind)
    for _ in range(60):
        wa, wb, wy = rng.randint(1, 4), rng.randint(1, 4), rng.randint(1, 5)
        x, y = rng.getrandbits(wa), rng.getrandbits(wb)
        a, b = f"{x:0{wa}b}", f"{y:0{wb}b}"
        if signed:
            x, y = x - (x >> (wa - 1) << wa), y - (y >> (wb - 1) << wb)
        assert apply(kind, a, b, wy, signed=signed) == f"{BINARY[kind](x, y) & ((1 << wy) - 1):0{wy}b}"


@pytest.mark.parametrize(
    ("kind", "a", "b", "signed", "expected"),
    [
        ("$div", "1101", "0011", False, "0100"),
        ("$div", "1101", "0010", True, "1111"),  # -3 / 2 = -1, towards zero
        ("$mod", "1101", "0010", True, "1111"),  # -3 % 2 = -1
        ("$modfloor", "1101", "0010", True, "0001"),
        ("$divfloor", "1101", "0010", True, "1110"),
        ("$div", "1101", "0000", False, "xxxx"),
        ("$mod", "1101", "0000", True, "xxxx"),
        ("$add", "000x", "0001", False, "xxxx"),
        ("$and", "0x1x", "0011", False, "001x"),
        ("$or", "0x1x", "0011", False, "0x11"),
        ("$eq", "1x", "0x", False, "0000"),
        ("$eq", "1x", "10", False, "000x"),
        ("$shr", "1000", "10", False, "0010"),
        ("$sshr", "1000", "10", True, "1110"),
        ("$shl", "0011", "x0", False, "xxxx"),
        ("$shiftx", "1010", "0001", False, "x101"),
        ("$shift", "1010", "0001", False, "0101"),
        ("$pow", "0011", "10", False, "1001"),
    ],
)
def test_operators_with_x_and_signs(kind: str, a: str, b: str, signed: bool, expected: str) -> None:
    assert apply(kind, a, b, 4, signed=signed) == expected


def test_a_multiplexer_keeps_what_both_sides_agree_on() -> None:
    ops = Ops(Aig())
    assert ops.mux(X, TRUE, TRUE) == TRUE
    assert ops.mux(X, TRUE, FALSE) == X
    assert ops.mux(TRUE, X, FALSE) == X


def test_operators_are_monotone() -> None:
    """Making an input known may only make X outputs known: the soundness of all proofs with X stands on it."""
    rng = random.Random(5)
    kinds = [*BINARY, "$div", "$mod", "$shl", "$shr", "$sshr", "$shift", "$shiftx"]
    for _ in range(2000):
        kind, signed = rng.choice(kinds), rng.random() < 0.5
        a, b = ("".join(rng.choice("01x") for _ in range(3)) for _ in range(2))
        known_a, known_b = ("".join(rng.choice("01") if c == "x" else c for c in v) for v in (a, b))
        vague, sharp = apply(kind, a, b, 3, signed=signed), apply(kind, known_a, known_b, 3, signed=signed)
        assert all(v in ("x", s) for v, s in zip(vague, sharp, strict=True)), (kind, signed, a, b, vague, sharp)


def test_selects_of_a_case_are_seen_to_exclude_each_other() -> None:
    g = Aig()
    ops = Ops(g)
    s = [g.pi("s0"), g.pi("s1")]
    codes = [g.and_(s[0] ^ (1 - (v & 1)), s[1] ^ (1 - (v >> 1))) for v in range(4)]
    assert exclusive(list(codes), ops)
    assert exclusive([g.or_(codes[0], codes[3]), codes[1]], ops)
    assert not exclusive([codes[0], g.or_(codes[0], codes[1])], ops)
    assert not exclusive(list(s), ops)


def test_two_selected_inputs_give_x() -> None:
    cell = Cell("$pmux", {}, {"A": ("0",), "B": ("0", "0"), "S": ("0", "0")}, (1,))
    for selects, expected in (("00", "0"), ("01", "1"), ("10", "0"), ("11", "x")):
        pins = {"A": constant("0"), "B": constant("01"), "S": constant(selects)}
        assert shown(evaluate(cell, pins, Ops(Aig()))) == expected


# -- netlists ------------------------------------------------------------------------------------------------------
def document(cells: dict[str, object], ports: dict[str, object] | None = None) -> dict[str, object]:
    module = {"attributes": {"top": "1"}, "ports": ports or {}, "cells": cells, "netnames": {}}
    return {"modules": {"m": module}}


def test_a_netlist_without_the_module_is_an_error() -> None:
    with pytest.raises(ToolOutputError, match="expected module 'n' in the netlist of Yosys, got \\['m'\\]"):
        parse(document({}), "n")


def test_cells_without_a_model_are_named_with_their_place() -> None:
    cell = {
        "type": "$initstate", "parameters": {}, "port_directions": {"Y": "output"}, "connections": {"Y": [2]},
        "attributes": {"src": "a.v:7.3-7.9"},
    }  # fmt: skip
    with pytest.raises(UnsupportedError) as caught:
        parse(document({"c": cell}))
    assert str(caught.value) == "cell of type '$initstate' at a.v:7.3-7.9 has no model in the checker"


def test_a_combinational_loop_is_bad_input() -> None:
    def inverter(a: int, y: int) -> dict[str, object]:
        return {
            "type": "$not", "parameters": {"A_SIGNED": "0"}, "port_directions": {"A": "input", "Y": "output"},
            "connections": {"A": [a], "Y": [y]}, "attributes": {},
        }  # fmt: skip

    netlist = parse(document({"a": inverter(2, 3), "b": inverter(3, 2)}))
    with pytest.raises(InputError) as caught:
        netlist.order(transparent=False)
    assert str(caught.value) == (
        "combinational loop in module 'm' through 2 operators ($not); break it with a register"
    )


# -- what the user sees --------------------------------------------------------------------------------------------
EXAMPLE = Counterexample(
    inputs=({"en": "1"}, {"en": "0"}), gold=({"q": "00"}, {"q": "01"}), gate=({"q": "00"}, {"q": "1x"}), output="q"
)


def test_the_table_marks_the_step_that_differs() -> None:
    assert table(EXAMPLE).splitlines() == [
        "step  en  q gold  q gate",
        "   0   1      00      00",
        "   1   0      01      1x  <- q",
    ]


def test_a_verdict_is_rendered_with_method_time_and_reason() -> None:
    proved = EquivalenceResult(status="proved", method="correspondence/cec", wall_s=0.123)
    assert render(proved) == "proved by correspondence/cec (0.12 s)"
    bounded = EquivalenceResult(status="bounded", method="bmc", bound=12, wall_s=1)
    assert render(bounded) == "bounded by bmc, 12 cycles from reset (1.00 s)"
    unknown = EquivalenceResult(status="unknown", method="none", reason="no time", wall_s=2)
    assert render(unknown) == "unknown (2.00 s)\nno time"


def test_the_waveform_holds_inputs_and_both_outputs() -> None:
    text = write_vcd(EXAMPLE.inputs, EXAMPLE.gold, EXAMPLE.gate)
    assert "$scope module gold $end\n$var wire 2 s1 q $end" in text
    assert text.endswith("#0\n1s0\nb00 s1\nb00 s2\n#10\n0s0\nb01 s1\nb1x s2\n#20\n")


# -- guesses, searches and the solver in the process ------------------------------------------------------------------
def test_the_shape_of_states_holds_the_sum_and_every_state() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.integers(0, 64, 300), rng.integers(0, 64, 300)
    total = (5 * a - 3 * b + 9) % 256
    words = [
        [("gate", 100 + i) for i in range(8)],
        [("gold", i) for i in range(6)],
        [("gold", 10 + i) for i in range(6)],
    ]
    bits = [value >> i & 1 for value, word in zip((total, a, b), words, strict=True) for i in range(len(word))]
    found = shape_of(np.stack(bits, axis=1).astype(np.uint8), [name for word in words for name in word], words)
    (item,) = found.sums
    low = [found.member["gold", 0][0], found.member["gold", 10][0]]
    assert ([item.terms[number] for number in low], item.const) == ([5, 253], 9)
    assert len(found.free) == 12


def test_a_shape_knows_constants_complements_and_digits() -> None:
    number = np.array([0, 7, 10, 19, 23, 38, 41, 59, 5, 16, 52, 44, 33, 21])
    tens, ones = number // 10, number % 10
    words = [[("gold", i) for i in range(6)], [("gate", i) for i in range(4)], [("gate", 10 + i) for i in range(3)]]
    columns = [v >> i & 1 for v, word in zip((number, ones, tens), words, strict=True) for i in range(len(word))]
    names = [name for word in words for name in word]
    columns += [1 - (number & 1), np.zeros(len(number))]
    found = shape_of(
        np.stack(columns, axis=1).astype(np.uint8), [*names, ("gate", 50), ("gate", 51)], words, overlap=True
    )
    assert found.constant == {("gate", 51): 0}
    assert found.member["gate", 50] == (found.member["gold", 0][0], True)
    (item,) = found.sums
    assert [item.terms[found.member["gate", 10 + i][0]] for i in range(3)] == [10, 20, 40]
    assert max(max(r.values) for r in found.ranges) == 9


def test_a_set_of_values_is_a_decision_graph() -> None:
    g = Aig()
    (bits,) = words(g, 4)
    lit = is_among(g, bits, {1, 5, 9, 14})
    for value in range(16):
        inputs = {bit >> 1: value >> i & 1 for i, bit in enumerate(bits)}
        assert g.simulate([lit], inputs, 1) == [int(value in {1, 5, 9, 14})]


def test_multiples_of_literals_add_up_modulo_the_width() -> None:
    g = Aig()
    (bits,) = words(g, 3)
    out = Arithmetic(g).combine({bits[0]: 5, bits[1] ^ 1: -3, bits[2]: 100}, 7, 6)
    for value in range(8):
        a, b, c = (value >> i & 1 for i in range(3))
        result = g.simulate(out, {bit >> 1: value >> i & 1 for i, bit in enumerate(bits)}, 1)
        assert sum(bit << i for i, bit in enumerate(result)) == (5 * a - 3 * (1 - b) + 100 * c + 7) % 64


def test_the_solver_in_the_process_gives_a_model_or_a_proof() -> None:
    g = Aig()
    a, b = words(g, 12, 12)
    first = Arithmetic(g, canonical=False).add(a, b)
    second = Arithmetic(g, canonical=False).add(b, a)
    assert decide(g, [g.xor(p, q) for p, q in zip(first, second, strict=True)], 5)[0].answer == "unsat"
    target = g.and_all(lit ^ 1 ^ (2731 >> i & 1) for i, lit in enumerate(first))
    verdict, values = decide(g, [target], 5)
    assert verdict.answer == "sat"
    assert g.simulate([target], dict(values), 1) == [1]


def test_whole_truth_tables_reach_twenty_inputs() -> None:
    g = Aig()
    (bits,) = words(g, 20)
    rare = g.and_all(bits)
    assert screen(g, [rare]).decision.answer == "sat"
    assert screen(g, [g.and_(rare, g.or_all(bit ^ 1 for bit in reversed(bits)))]).decision.answer == "unsat"


SMT_KINDS = sorted(smt.KINDS)


@pytest.mark.parametrize("kind", SMT_KINDS)
def test_words_for_the_solver_mean_what_the_bits_do(kind: str) -> None:
    """Every cell, of several widths and signs, against its and-inverter form on random operands."""
    rng = random.Random(kind)
    for _ in range(12):
        wide, width, signed = kind not in ("$mux",), rng.choice((1, 3, 5)), rng.randrange(2)
        a_bits, b_bits = (rng.choice((1, 2, 4)), rng.choice((1, 3))) if wide else (width, width)
        unary = kind.startswith("$reduce") or kind in ("$not", "$neg", "$pos", "$buf", "$logic_not")
        pins: dict[str, tuple[int | str, ...]] = {"A": tuple(range(10, 10 + a_bits))}
        if not unary:
            pins["B"] = tuple(range(30, 30 + b_bits))
        if kind == "$mux":
            pins["S"] = (50,)
        unsigned_shift = {"B_SIGNED": 0} if kind in ("$shl", "$sshl", "$shr", "$sshr") else {"B_SIGNED": signed}
        cell = Cell(kind, {"A_SIGNED": signed, **unsigned_shift}, pins, tuple(range(70, 70 + width)))
        ports = {n: Port(n, "input", nets) for n, nets in pins.items()} | {"Y": Port("Y", "output", cell.outs)}
        values = {n: rng.randrange(1 << len(nets)) for n, nets in pins.items()}
        if kind in smt.DIVIDERS and values["B"] == 0:
            continue
        bits = {n: [values[n] >> i & 1 for i in range(len(nets))] for n, nets in pins.items()}
        expected = evaluate(cell, bits, Ops(Aig()))
        text = ["1" if bit == TRUE else "0" for bit in expected]
        fixed = Netlist("t", {**ports, "Y": Port("Y", "output", tuple(text))}, [], [], {}, {})
        asked = Netlist("t", {n: p for n, p in ports.items() if n == "Y"}, [replace_pins(cell, bits)], [], {}, {})
        same = Netlist("t", {"Y": fixed.ports["Y"]}, [], [], {}, {})
        assert smt.prove(same, asked, 5).answer == "unsat", (cell, values, text)
        wrong = tuple("0" if bit == "1" else "1" for bit in text)
        other = Netlist("t", {"Y": Port("Y", "output", wrong)}, [], [], {}, {})
        assert smt.prove(other, asked, 5).answer == "unknown"


def replace_pins(cell: Cell, bits: dict[str, list[int]]) -> Cell:
    return replace(cell, pins={n: tuple("01"[bit] for bit in vector) for n, vector in bits.items()})


def test_a_division_by_zero_of_gate_is_not_proved_away() -> None:
    a, b, y = ((f"{n}", tuple(range(k, k + 4))) for n, k in (("a", 10), ("b", 20), ("y", 30)))
    ports = {n: Port(n, way, nets) for (n, nets), way in ((a, "input"), (b, "input"), (y, "output"))}
    divide = Cell("$div", {}, {"A": a[1], "B": b[1]}, y[1])
    plain = Netlist("t", ports, [divide], [], {}, {})
    guard = Cell("$logic_not", {}, {"A": b[1]}, (50,))
    inner = replace(divide, outs=tuple(range(60, 64)))
    chosen = Cell("$mux", {}, {"A": inner.outs, "B": ("0",) * 4, "S": (50,)}, y[1])
    guarded = Netlist("t", ports, [guard, inner, chosen], [], {}, {})
    assert smt.prove(plain, plain, 5).answer == "unsat"
    assert smt.prove(guarded, guarded, 5).answer == "unsat"
    assert smt.prove(guarded, plain, 5).answer == "unknown"
