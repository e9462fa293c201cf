from __future__ import annotations

import re
from pathlib import Path

import pytest

from rtlgen.synth.liberty import read_library
from rtlgen.synth.liberty.generate import GENERIC_45
from rtlgen.synth.liberty.generate.emit import EDGES, Arc
from rtlgen.synth.liberty.generate.gates import combinational_gates
from rtlgen.synth.liberty.generate.stages import Circuit


@pytest.fixture(scope="module")
def page(repository: Path) -> str:
    return (repository / "docs" / "liberty.md").read_text()


def test_the_example_runs(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(compile(example, "docs/liberty.md", "exec"), {})  # noqa: S102 - our own manual
    assert capsys.readouterr().out == "0.9 0.0012 6.324\n['DFFN_X1', 'DFF_X1', 'DFFN_X2']\n"


def test_the_areas_in_the_tables_are_the_librarys(page: str) -> None:
    library = read_library()
    nand = library.cell("NAND2_X1").area_um2
    rows = re.findall(r"^\| (\w+)(?: \([\w ]+\))? \| ([\d.]+) \| ([\d.]+) \|", page, re.MULTILINE)
    assert len(rows) == 15
    for name, area, ratio in rows:
        cell = library.cell(f"{name}_X1")
        assert (f"{cell.area_um2:.1f}", f"{cell.area_um2 / nand:.2f}") == (area, ratio), name


def test_the_delays_in_the_table_are_the_models(page: str) -> None:
    gates = {gate.name: gate for gate in combinational_gates()}
    rows = re.findall(r"^\| (\w+) \| [\d.]+ \| [\d.]+ \| ([\d.]+) \|$", page, re.MULTILINE)
    for name, delay in rows:
        gate = gates[name]
        circuit = Circuit(GENERIC_45, gate.stages(1.0))
        arcs = [Arc(circuit, pin, out, {"rise": EDGES, "fall": EDGES}) for out in gate.functions for pin in gate.inputs]
        worst = max(arc.worst(edge, 20.0, 4 * GENERIC_45.inverter_cap).delay_ps for arc in arcs for edge in EDGES)
        assert f"{worst:.1f}" == delay, name


def test_the_counts_are_the_librarys(page: str) -> None:
    cells = read_library().cells.values()
    assert f"There are {len(cells)} cells of {len({cell.footprint for cell in cells})} functions" in page
