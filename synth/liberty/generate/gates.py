"""Combinational cells: function, transistor stages and drive strengths."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rtlgen.synth.liberty.generate.network import Net, as_net, par, ser
from rtlgen.synth.liberty.generate.stages import Stage

STAGE_EFFORT = 3.0
"""Ratio of the last stage's size to that of the stage before it, in cells of several stages."""

_SMALL = (1, 2)
_MEDIUM = (1, 2, 4)
_LARGE = (1, 2, 4, 8, 16)


@dataclass(frozen=True, slots=True)
class Gate:
    """A combinational cell in all its drive strengths."""

    name: str
    inputs: tuple[str, ...]
    functions: Mapping[str, str]
    """Output pin to Liberty function."""
    stages: Callable[[float], list[Stage]]
    """Stages for a drive strength."""
    drives: tuple[int, ...] = _MEDIUM
    dont_use: bool = False


def first(drive: float) -> float:
    """Return the scale of a stage in front of an output stage of that drive."""
    return max(1.0, drive / STAGE_EFFORT)


def _gate(
    name: str, function: str, down: Net | str, drives: tuple[int, ...] = _MEDIUM, *, up: Net | None = None
) -> Gate:
    """Return a gate of one inverting stage."""
    net = as_net(down)
    return Gate(name, _inputs(net), {"Y": function}, lambda drive: [Stage("Y", net, up, drive)], drives)


def _buffered(
    name: str, function: str, down: Net | str, drives: tuple[int, ...] = _MEDIUM, *, up: Net | None = None
) -> Gate:
    """Return a gate of one inverting stage with an output inverter."""
    net = as_net(down)

    def stages(drive: float) -> list[Stage]:
        return [Stage("n", net, up, first(drive)), Stage("Y", as_net("n"), None, drive)]

    return Gate(name, _inputs(net), {"Y": function}, stages, drives)


def _inputs(net: Net) -> tuple[str, ...]:
    from rtlgen.synth.liberty.generate.network import leaves

    return tuple(sorted(set(leaves(net))))


def _clock_buffer(drive: float) -> list[Stage]:
    return [Stage("n", as_net("A"), None, max(1.0, drive / 2)), Stage("Y", as_net("n"), None, drive)]


def xor_stages(a: str, b: str, out: str, drive: float, *, inner: str) -> list[Stage]:
    """Return out = a XOR b as a NOR and an AND-OR-invert."""
    return [
        Stage(inner, par(a, b), None, first(drive)),
        Stage(out, par(ser(a, b), inner), None, drive),
    ]


def xnor_stages(a: str, b: str, out: str, drive: float, *, inner: str) -> list[Stage]:
    """Return out = a XNOR b as a NAND and an OR-AND-invert."""
    return [
        Stage(inner, ser(a, b), None, first(drive)),
        Stage(out, ser(par(a, b), inner), None, drive),
    ]


def _xor3(drive: float) -> list[Stage]:
    return xor_stages("A", "B", "x", first(drive), inner="n") + xor_stages("x", "C", "Y", drive, inner="m")


def _xnor3(drive: float) -> list[Stage]:
    return xor_stages("A", "B", "x", first(drive), inner="n") + xnor_stages("x", "C", "Y", drive, inner="m")


def _nmux2(drive: float) -> list[Stage]:
    return [Stage("sn", as_net("S"), None, first(drive)), Stage("Y", par(ser("A", "sn"), ser("B", "S")), None, drive)]


def _mux2(drive: float) -> list[Stage]:
    small = first(drive)
    return [
        Stage("sn", as_net("S"), None, 1.0),
        Stage("n", par(ser("A", "sn"), ser("B", "S")), None, small),
        Stage("Y", as_net("n"), None, drive),
    ]


def _mux4(drive: float) -> list[Stage]:
    small = first(drive)
    return [
        Stage("s0n", as_net("S0"), None, 1.0),
        Stage("s1n", as_net("S1"), None, 1.0),
        Stage("lo", par(ser("A", "s0n"), ser("B", "S0")), None, 1.0),
        Stage("hi", par(ser("C", "s0n"), ser("D", "S0")), None, 1.0),
        Stage("m", par(ser("lo", "s1n"), ser("hi", "S1")), None, small),
        Stage("k", as_net("m"), None, small),
        Stage("Y", as_net("k"), None, drive),
    ]


def _mirror_carry(a: str, b: str, c: str) -> Net:
    """Return the carry network of the mirror adder; it is its own complement (Weste and Harris, 11.2)."""
    return par(ser(c, par(a, b)), ser(a, b))


def _full_adder(drive: float) -> list[Stage]:
    small = first(drive)
    carry = _mirror_carry("A", "B", "CI")
    total = par(ser("cn", par("A", "B", "CI")), ser("A", "B", "CI"))
    return [
        Stage("cn", carry, carry, small),
        Stage("sn", total, total, small),
        Stage("CO", as_net("cn"), None, drive),
        Stage("S", as_net("sn"), None, drive),
    ]


def _half_adder(drive: float) -> list[Stage]:
    small = first(drive)
    return [
        Stage("cn", ser("A", "B"), None, small),
        Stage("CO", as_net("cn"), None, drive),
        Stage("on", par("A", "B"), None, small),
        Stage("S", par(ser("A", "B"), "on"), None, drive),
    ]


def _inverted(kind: str) -> Gate:
    """Return a two-input gate whose input A comes in inverted (NAND2B, NOR2B, AND2B, OR2B)."""
    nand = kind in ("NAND2B", "OR2B")
    # OR2B = !A + B = NAND(A, !B); AND2B = !A * B = NOR(A, !B): one inverter and one gate each.
    flip = "A" if kind in ("NAND2B", "NOR2B") else "B"
    other = "B" if flip == "A" else "A"
    function = {"NAND2B": "!(!A*B)", "NOR2B": "!(!A+B)", "AND2B": "!A*B", "OR2B": "!A+B"}[kind]

    def stages(drive: float) -> list[Stage]:
        net = ser("n", other) if nand else par("n", other)
        return [Stage("n", as_net(flip), None, first(drive)), Stage("Y", net, None, drive)]

    return Gate(kind, ("A", "B"), {"Y": function}, stages, _MEDIUM)


def _row(letters: str, sign: str) -> str:
    return sign.join(letters)


def _simple_gates() -> list[Gate]:
    gates = []
    for count in (2, 3, 4):
        letters = "ABCD"[:count]
        drives = (1, 2, 4, 8) if count == 2 else _MEDIUM if count == 3 else _SMALL
        nand, nor = ser(*letters), par(*letters)
        gates += [
            _gate(f"NAND{count}", f"!({_row(letters, '*')})", nand, drives),
            _gate(f"NOR{count}", f"!({_row(letters, '+')})", nor, drives),
            _buffered(f"AND{count}", f"({_row(letters, '*')})", nand, _MEDIUM),
            _buffered(f"OR{count}", f"({_row(letters, '+')})", nor, _MEDIUM),
        ]
    return gates


def _complex_gates() -> list[Gate]:
    # Inputs of the larger product come first, so that AOI21 is !((A*B)+C).
    ab, cd = ser("A", "B"), ser("C", "D")
    a_b, c_d = par("A", "B"), par("C", "D")
    return [
        _gate("AOI21", "!((A*B)+C)", par(ab, "C")),
        _gate("AOI22", "!((A*B)+(C*D))", par(ab, cd)),
        _gate("AOI211", "!((A*B)+C+D)", par(ab, "C", "D"), _SMALL),
        _gate("AOI221", "!((A*B)+(C*D)+E)", par(ab, cd, "E"), _SMALL),
        _gate("OAI21", "!((A+B)*C)", ser(a_b, "C")),
        _gate("OAI22", "!((A+B)*(C+D))", ser(a_b, c_d)),
        _gate("OAI211", "!((A+B)*C*D)", ser(a_b, "C", "D"), _SMALL),
        _gate("OAI221", "!((A+B)*(C+D)*E)", ser(a_b, c_d, "E"), _SMALL),
        _buffered("AO21", "((A*B)+C)", par(ab, "C"), _SMALL),
        _buffered("AO22", "((A*B)+(C*D))", par(ab, cd), _SMALL),
        _buffered("OA21", "((A+B)*C)", ser(a_b, "C"), _SMALL),
        _buffered("OA22", "((A+B)*(C+D))", ser(a_b, c_d), _SMALL),
    ]


def _arithmetic_gates() -> list[Gate]:
    carry = _mirror_carry("A", "B", "C")
    majority = "((A*B)+(A*C)+(B*C))"
    return [
        Gate("XOR2", ("A", "B"), {"Y": "(A^B)"}, lambda d: xor_stages("A", "B", "Y", d, inner="n")),
        Gate("XNOR2", ("A", "B"), {"Y": "!(A^B)"}, lambda d: xnor_stages("A", "B", "Y", d, inner="n")),
        Gate("XOR3", ("A", "B", "C"), {"Y": "(A^B^C)"}, _xor3, _SMALL),
        Gate("XNOR3", ("A", "B", "C"), {"Y": "!(A^B^C)"}, _xnor3, _SMALL),
        _gate("MAJI3", f"!{majority}", carry, _SMALL, up=carry),
        _buffered("MAJ3", majority, carry, _SMALL, up=carry),
        Gate("FA", ("A", "B", "CI"), {"CO": "((A*B)+(A*CI)+(B*CI))", "S": "(A^B^CI)"}, _full_adder, _SMALL),
        Gate("HA", ("A", "B"), {"CO": "(A*B)", "S": "(A^B)"}, _half_adder, _SMALL),
    ]


def _mux_gates() -> list[Gate]:
    mux4 = "((!S1*((!S0*A)+(S0*B)))+(S1*((!S0*C)+(S0*D))))"
    return [
        Gate("MUX2", ("A", "B", "S"), {"Y": "((!S*A)+(S*B))"}, _mux2, _MEDIUM),
        Gate("NMUX2", ("A", "B", "S"), {"Y": "!((!S*A)+(S*B))"}, _nmux2, _MEDIUM),
        Gate("MUX4", ("A", "B", "C", "D", "S0", "S1"), {"Y": mux4}, _mux4, _SMALL),
    ]


def combinational_gates() -> list[Gate]:
    """Return every combinational cell of the library but the tie cells."""
    return [
        _gate("INV", "!A", "A", _LARGE),
        _buffered("BUF", "A", "A", _LARGE),
        # Clock trees need these; a mapper that took them for logic would waste area, hence dont_use.
        Gate("CLKBUF", ("A",), {"Y": "A"}, _clock_buffer, (2, 4, 8, 16), dont_use=True),
        *_simple_gates(),
        *(_inverted(kind) for kind in ("NAND2B", "NOR2B", "AND2B", "OR2B")),
        *_complex_gates(),
        *_mux_gates(),
        *_arithmetic_gates(),
    ]
