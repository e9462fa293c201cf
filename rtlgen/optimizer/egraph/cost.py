"""What an operator costs in area and delay, by kind, width, and which operands are constant or extended.

Units are those of one two-input NAND. The built-in figures come from mapping each operator with the default flow on
sky130; `measure_costs` replaces them by figures of the active library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import log2
from typing import Final

BIT_AREA: Final[Mapping[str, float]] = {
    "Not": 0.3, "Neg": 3.0, "And": 1.2, "Or": 1.2, "Xor": 2.3, "Add": 5.9, "Sub": 6.0, "Mul": 6.4, "Udiv": 4.0,
    "Urem": 4.2, "Sdiv": 5.5, "Srem": 5.7, "Shl": 1.9, "Lshr": 1.9, "Ashr": 2.0, "Eq": 2.6, "Ult": 3.4, "Ule": 3.4,
    "Slt": 3.4, "Sle": 3.4, "RedAnd": 0.9, "RedOr": 0.9, "RedXor": 2.2, "Ite": 2.4,
}  # fmt: skip
"""Area a bit (for `Mul` and divisions a bit squared, for shifts a bit and stage) with variable operands."""
CONSTANT_SHARE: Final[Mapping[str, float]] = {
    "And": 0.0, "Or": 0.0, "Xor": 0.15, "Add": 0.55, "Sub": 0.6, "Eq": 0.38, "Ult": 0.4, "Ule": 0.4, "Slt": 0.45,
    "Sle": 0.45, "Ite": 0.45, "Udiv": 0.25, "Urem": 0.3, "Sdiv": 0.35, "Srem": 0.4, "Shl": 0.8, "Lshr": 0.8,
    "Ashr": 0.8,
}  # fmt: skip
"""What is left of the area when one operand is a literal."""
WIRE: Final = 0.02
"""Cost of a node that is only wiring: small, so that the shorter of two equal texts wins."""
SELECTS: Final = frozenset({"Var", "Const", "Undef", "Cat", "Ext", "Zext", "Sext"})


@dataclass(frozen=True, slots=True)
class Operand:
    """What the cost of a node depends on in an operand.

    Attributes:
        width: bits.
        constant: its value where it is a literal.
        top: bits from the lowest up to the highest that is not known to be 0 (or a copy of the sign).
        low: number of lowest bits known to be 0.
        is_sum: it is a sum or difference, which takes one more bit as its carry in.
    """

    width: int
    constant: int | None = None
    top: int = 0
    low: int = 0
    is_sum: bool = False


@dataclass(frozen=True, slots=True)
class Costs:
    """Technology-aware costs.

    Attributes:
        bit_area: see `BIT_AREA`.
        library: name of the library they were measured with, empty for the built-in figures.
    """

    bit_area: Mapping[str, float] = field(default_factory=lambda: BIT_AREA)
    library: str = ""

    def area(self, op: str, width: int, operands: tuple[Operand, ...]) -> float:
        """Return the area of one node; `width` is that of its operands."""
        if op in SELECTS:
            return WIRE if op in ("Var", "Const") else 2 * WIRE
        if op == "Select":
            return 0.5
        unit = self.bit_area[op]
        constants = [o.constant for o in operands if o.constant is not None]
        if op in ("Add", "Sub"):
            return unit * _adder_bits(op, width, operands) + WIRE
        if op == "Mul":
            return unit * _product_bits(width, operands) + WIRE
        if op == "Ite":
            return unit * _mux_bits(width, operands) + WIRE
        if op in ("And", "Or", "Xor"):
            bits = min((o.top - o.low for o in operands), default=width) if op == "And" else _overlap(width, operands)
            return unit * bits * (CONSTANT_SHARE[op] if constants else 1) + WIRE
        share = CONSTANT_SHARE.get(op, 1.0) if constants else 1.0
        if op in ("Shl", "Lshr", "Ashr"):
            if operands[1].constant is not None:
                return 2 * WIRE
            stages = min(operands[1].top, max(1, (width - 1).bit_length()))
            return unit * width * stages * share + WIRE
        if op in ("Udiv", "Urem", "Sdiv", "Srem"):
            return unit * width * width * share + WIRE
        if op in ("Eq", "Ult", "Ule", "Slt", "Sle", "RedOr", "RedXor", "RedAnd"):
            return unit * max(o.top for o in operands) * share + WIRE
        return unit * width + WIRE

    def delay(self, op: str, width: int, operands: tuple[Operand, ...]) -> float:
        """Return the delay of one node in gate delays."""
        if op in SELECTS:
            return 0.0
        constant = any(o.constant is not None for o in operands)
        if op in ("Add", "Sub", "Neg", "Ult", "Ule", "Slt", "Sle"):
            return 2 + 0.9 * width if width < 8 else 3 + 0.7 * width
        if op == "Mul":
            return 3 + 1.6 * width
        if op in ("Udiv", "Urem", "Sdiv", "Srem"):
            return 2 + 1.2 * width * width
        if op in ("Eq", "RedAnd", "RedOr", "RedXor"):
            return 1.2 + log2(max(2, width))
        if op in ("Shl", "Lshr", "Ashr"):
            return 0.0 if operands[1].constant is not None else 2.0 * max(1, min(operands[1].top, width.bit_length()))
        return {"Not": 0.3, "Ite": 1.2 if constant else 2.0, "Xor": 1.8}.get(op, 1.0)


def _overlap(width: int, operands: tuple[Operand, ...]) -> int:
    """Return the bits at which two or more operands may be non-zero."""
    top = min(sorted((o.top for o in operands), reverse=True)[1:2] or [width])
    return max(0, top - max(o.low for o in operands))


def _adder_bits(op: str, width: int, operands: tuple[Operand, ...]) -> float:
    """Return the equivalent number of full adders: a bit with one operand known needs about half of one."""
    left, right = operands
    if any(x.top <= 1 and y.is_sum for x, y in ((left, right), (right, left))):
        return 0.5
    low = right.low if op == "Sub" else max(left.low, right.low)
    both = max(0, min(left.top, right.top) - low)
    rest = max(0, width - max(low, min(left.top, right.top)))
    if op == "Add":
        rest = max(0, min(width, max(left.top, right.top) + 1) - max(low, min(left.top, right.top)))
    constant = right.constant if right.constant is not None else left.constant
    if constant is not None:
        low = (constant & -constant).bit_length() - 1 if constant else width
        return CONSTANT_SHARE["Add"] * max(0, min(width, max(left.top, right.top) + 1) - low)
    return both + 0.45 * rest


def _product_bits(width: int, operands: tuple[Operand, ...]) -> float:
    left, right = operands
    for constant, other in ((left.constant, right), (right.constant, left)):
        if constant is not None:
            return max(0, constant.bit_count() - 1) * 0.85 * min(width, other.top + 1)
    full = min(left.top - left.low, right.top - right.low) * max(left.top - left.low, right.top - right.low)
    return min(full, 0.62 * width * width if left.top + right.top > width else full)


def _mux_bits(width: int, operands: tuple[Operand, ...]) -> float:
    then, other = operands[1], operands[2]
    if then.constant is not None and other.constant is not None:
        return 0.12 * (then.constant ^ other.constant).bit_count()
    if then.constant is not None or other.constant is not None:
        return CONSTANT_SHARE["Ite"] * max(
            then.top if then.constant is None else 0, other.top if other.constant is None else 0
        )
    both = min(then.top, other.top)
    return both + CONSTANT_SHARE["Ite"] * (min(width, max(then.top, other.top)) - both)
