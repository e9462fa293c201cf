"""Harnesses of pytest and cocotb: CVDP's own example points, and one written here."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from rtlgen.scorers.harness import Harness, run_harness

pytest.importorskip("cocotb", reason="cocotb is not installed; pip install 'rtlgen[sim]'")
pytestmark = pytest.mark.eda
DATA = os.environ.get("RTLGEN_DATA")

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
TEST = """import cocotb
from cocotb.triggers import Timer

@cocotb.test()
async def inverts(dut):
    for value in (0, 1, 0):
        dut.a.value = value
        await Timer(1, unit="ns")
        assert dut.y.value == 1 - value
"""
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
    assert verdict.status == status or (status == "syntax_error" and verdict.status == "failed"), verdict


@pytest.mark.skipif(not DATA, reason="RTLGEN_DATA is not set, so CVDP's example points are not here")
def test_example_points_pass_and_broken_ones_do_not() -> None:
    folder = Path(DATA or "") / "benchmarks" / "cvdp"
    row = json.loads(
        (folder / "cvdp_v1.1.0_example_nonagentic_code_generation_no_commercial_with_solutions.jsonl").read_text()
    )
    lfsr = Harness(id=row["id"], files=tuple(row["harness"]["files"].items()), targets=tuple(row["output"]["context"]))
    row = json.loads(
        (folder / "cvdp_v1.1.0_example_agentic_code_generation_no_commercial_with_solutions.jsonl").read_text()
    )
    path, diff = next(iter(row["patch"].items()))
    added = "\n".join(line[1:] for line in diff.splitlines() if line.startswith("+"))
    arbiter = Harness(
        id=row["id"], files=tuple(row["harness"].items()), context=tuple(row["context"].items()), targets=(path,)
    )
    golden = json.loads(
        (folder / "cvdp_v1.1.0_example_nonagentic_code_generation_no_commercial_with_solutions.jsonl").read_text()
    )["output"]["context"]
    for harness, answer in ((lfsr, golden), (arbiter, {path: added})):
        assert run_harness(harness, answer).passed
        broken = {p: text.replace("1'b1", "1'b0").replace("^", "&") for p, text in answer.items()}
        assert not run_harness(harness, broken).passed
