"""Operator costs measured with the shipped library."""

from __future__ import annotations

from pathlib import Path

from rtlgen.core.store import Store
from rtlgen.optimizer.egraph.cost import BIT_AREA
from rtlgen.optimizer.egraph.measure import measure_costs
from rtlgen.synth.flow import Evaluator
from rtlgen.synth.liberty import read_library


def test_costs_of_the_shipped_library_are_near_the_built_in_ones(tmp_path: Path) -> None:
    library = read_library()
    store = Store(tmp_path)
    with Evaluator(library, workers=2) as evaluator:
        costs = measure_costs(evaluator, library.name, store)
        again = measure_costs(evaluator, library.name, store)
    assert costs == again
    assert set(costs.bit_area) == set(BIT_AREA)
    for op in ("Add", "Sub", "Mul", "Ult", "Eq", "Ite", "Shl", "Xor"):
        assert 0.5 < costs.bit_area[op] / BIT_AREA[op] < 2, (op, costs.bit_area[op])
    assert costs.bit_area["And"] < costs.bit_area["Xor"] < costs.bit_area["Add"]
