"""Operator costs of the active library: every operator synthesised alone at two widths, once a library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rtlgen.core.store import Store
from rtlgen.optimizer.egraph.cost import BIT_AREA, Costs
from rtlgen.synth.flow import Evaluator
from rtlgen.synth.flow.evaluator import Job

WIDTHS: Final = (8, 16)
_FORMS: Final[Mapping[str, str]] = {
    "Not": "~a", "Neg": "-a", "And": "a & b", "Or": "a | b", "Xor": "a ^ b", "Add": "a + b", "Sub": "a - b",
    "Mul": "a * b", "Udiv": "a / b", "Urem": "a % b", "Shl": "a << n", "Lshr": "a >> n", "Ashr": "$signed(a) >>> n",
    "Eq": "a == b", "Ult": "a < b", "Slt": "$signed(a) < $signed(b)", "RedAnd": "&a", "RedXor": "^a",
    "Ite": "c ? a : b",
}  # fmt: skip
_ALIKE: Final[Mapping[str, str]] = {"Ule": "Ult", "Sle": "Slt", "RedOr": "RedAnd", "Sdiv": "Udiv", "Srem": "Urem"}
_SQUARE: Final = frozenset({"Mul", "Udiv", "Urem"})
"""Operators whose area grows with the square of the width; they are measured at the smaller width only."""


def measure_costs(evaluator: Evaluator, library: str, store: Store | None = None) -> Costs:
    """Return costs in two-input NANDs of the evaluator's library, the built-in figure where one can't be measured.

    Args:
        evaluator: maps the operators; about 40 small designs the first time.
        library: name and digest of its library, for the store and the result.
        store: remembers the figures.
    """
    if store is None:
        figures = _measured(evaluator)
    else:
        inputs = {"library": library, "basis": evaluator_basis(evaluator)}
        key = store.key(schema="operator-costs/1", commands=list(_FORMS.values()), inputs=inputs)
        figures = _numbers(store.get_or_compute(key, lambda: dict(_measured(evaluator))))
    return Costs({**BIT_AREA, **figures}, library)


def evaluator_basis(evaluator: Evaluator) -> str:
    """Return what the evaluator's figures rest on."""
    return evaluator.evaluate({"unit.v": _module("Not", 1)}, "unit").basis


def _numbers(value: object) -> dict[str, float]:
    if not isinstance(value, dict):
        raise TypeError(f"expected operator costs by name, got {value!r}")
    return {str(k): float(v) for k, v in value.items()}


def _module(op: str, width: int) -> str:
    inputs = f"input [{width - 1}:0] a, b, input [{max(1, (width - 1).bit_length()) - 1}:0] n, input c"
    bits = 1 if op in ("Eq", "Ult", "Slt", "RedAnd", "RedXor") else 2 * width if op == "Mul" else width
    return f"module unit({inputs}, output [{bits - 1}:0] y); assign y = {_FORMS[op]}; endmodule"


def _measured(evaluator: Evaluator) -> dict[str, float]:
    nand = evaluator.evaluate({"unit.v": "module unit(input a, b, output y); assign y = ~(a & b); endmodule"}, "unit")
    if not nand.ok or not nand.area_um2:
        return {}
    jobs = [(op, w) for op in _FORMS for w in (WIDTHS[:1] if op in _SQUARE else WIDTHS)]
    results = evaluator.evaluate_many([Job({"unit.v": _module(op, w)}, "unit") for op, w in jobs])
    found: dict[str, list[float]] = {}
    for (op, width), result in zip(jobs, results, strict=True):
        if result.ok and result.area_um2:
            found.setdefault(op, []).append(result.area_um2 / nand.area_um2 / _units(op, width))
    figures = {op: round(sum(values) / len(values), 3) for op, values in found.items()}
    # Signed division adds two conditional negations to the unsigned one.
    signed = {"Sdiv": 1.35, "Srem": 1.35}
    return figures | {op: figures[like] * signed.get(op, 1.0) for op, like in _ALIKE.items() if like in figures}


def _units(op: str, width: int) -> int:
    """Return in how many of its cost units an operator of `width` bits is counted."""
    if op in _SQUARE:
        return width * width
    return width * (width - 1).bit_length() if op in ("Shl", "Lshr", "Ashr") else width
