"""A harness of pytest and cocotb, written here; CVDP's own are in tests/e2e/test_bench_cvdp.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtlgen.scorers.harness import Harness, run_harness

pytest.importorskip("cocotb", reason="cocotb is not installed; pip install 'rtlgen[sim]'")
pytestmark = pytest.mark.eda

ENV = "SIM = icarus\nTOPLEVEL_LANG = verilog\nVERILOG_SOURCES = /code/rtl/inv.v\nTOPLEVEL = inv\nMODULE = test_inv\n"
ENV += "PYTHONPATH = /src\n"
RUNNER = """import os
from cocotb_tools.runner import get_runner

def test_runner():
    runner = get_runner(os.environ["SIM"])
    runner.build(sources=os.environ["VERILOG_SOURCES"].split(), hdl_toplevel=os.environ["TOPLEVEL"], always=True,
                 timescale=("1ns", "1ns"))
    runner.test(hdl_toplevel=os.environ["TOPLEVEL"], test_module=os.environ["MODULE"])
"""
TEST = (Path(__file__).parents[1] / "fixtures/harness/test_inv.txt").read_text()
OWN = Harness(
    id="inv",
    files=(("src/.env", ENV), ("src/test_runner.py", RUNNER), ("src/test_inv.py", TEST)),
    targets=("rtl/inv.v",),
)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("module inv(input a, output y); assign y = ~a; endmodule", "passed"),
        ("module inv(input a, output y); assign y = a; endmodule", "failed"),
        ("module inv(input a, output y); assign y = a; initial $finish; endmodule", "failed"),
        ('module inv(input a, output y); integer f = $fopen("results.xml", "w"); endmodule', "refused"),
        ("module inv(input a, output y); assign y = ; endmodule", "syntax_error"),
        ("", "syntax_error"),
    ],
)
def test_what_a_harness_says(code: str, status: str) -> None:
    verdict = run_harness(OWN, {"rtl/inv.v": code})
    assert verdict.status == status, verdict
