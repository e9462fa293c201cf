"""The fixed variants of published problems: what passes them, what doesn't, and that nothing else is changed."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import pytest

from rtlgen.benchmarks.doctor import stub_of
from rtlgen.benchmarks.suite import SUITES
from rtlgen.scorers import testbench
from rtlgen.scorers.problem import Problem
from rtlgen.scorers.simulation import Judge

DATA = os.environ.get("RTLGEN_DATA")
pytestmark = [pytest.mark.eda, pytest.mark.skipif(not DATA, reason="RTLGEN_DATA is not set: no published problems")]
NAMES = [n for n in SUITES.in_order() if n.endswith("-fixed")]
JUDGE = Judge()


@cache
def problems(name: str) -> dict[str, Problem]:
    return dict(SUITES.load(name).load(Path(DATA or "") / "benchmarks").by_id())


def changed(name: str) -> list[Problem]:
    before = problems(name.removesuffix("-fixed"))
    return [p for p in problems(name).values() if (p.digest, p.prompt) != (before[p.id].digest, before[p.id].prompt)]


LONG = ("Prob082", "Prob141", "Prob156")


@pytest.mark.parametrize(
    ("name", "long", "count"),
    [(NAMES[0], False, 5), (NAMES[1], False, 3), (NAMES[2], False, 10)]
    + [pytest.param(name, True, 3, marks=pytest.mark.slow) for name in NAMES[:2]],
)
def test_references_pass_and_empty_modules_do_not(name: str, long: bool, count: int) -> None:
    found = [p for p in changed(name) if p.id.startswith(LONG) == long]
    assert len(found) == count
    with ThreadPoolExecutor(2) as threads:
        verdicts = list(threads.map(lambda p: (JUDGE.reference(p), JUDGE.judge(p, stub_of(p))), found))
    assert {p.id: good.reason for p, (good, _) in zip(found, verdicts, strict=True) if not good.passed} == {}
    assert [p.id for p, (_, stub) in zip(found, verdicts, strict=True) if stub.passed] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_flaw_that_is_known_is_put_right(name: str) -> None:
    flawed = {p.id for p in problems(name.removesuffix("-fixed")).values() if p.known_issues}
    assert flawed <= {p.id for p in changed(name)}
    assert not any(p.known_issues for p in problems(name).values())


RING = "module ring_counter(input clk, reset, output reg [7:0] out); always @(posedge clk{}) {} endmodule"
HONEST = {
    "verilogeval-v2-spec-to-rtl-fixed/Prob034_dff8": [
        "module TopModule(input clk, input [7:0] d, output reg [7:0] q); always @(posedge clk) q <= d; endmodule"
    ],
    "verilogeval-v2-spec-to-rtl-fixed/Prob099_m2014_q6c": [
        "module TopModule(input [5:0] y, input w, output Y1, Y3);"
        "assign Y1 = ~w & y[0], Y3 = w & |{y[5:4], y[2:1]}; endmodule"
    ],
    "rtllm-v2-fixed/ring_counter": [
        RING.format("", "out <= reset ? 8'd1 : {out[6:0], out[7]};"),
        RING.format(" or posedge reset", "if (reset) out <= 1; else out <= {out[6:0], out[7]};"),
    ],
    "rtllm-v2-fixed/sequence_detector": [
        "module sequence_detector(input clk, rst_n, data_in, output sequence_detected); reg [3:0] seen;"
        "always @(posedge clk) seen <= rst_n ? {seen[2:0], data_in} : 4'd0;"
        "assign sequence_detected = seen == 4'b1001; endmodule"
    ],
    "rtllm-v2-fixed/comparator_4bit": [
        "module comparator_4bit(input [3:0] A, B, output A_greater, A_equal, A_less);"
        "assign A_greater = A > B, A_equal = A == B, A_less = B > A; endmodule"
    ],
    "rtllm-v2-fixed/square_wave": [
        "module square_wave(input clk, input [7:0] freq, output reg wave_out = 0); reg [7:0] count = 0;"
        "always @(posedge clk) begin count = count + 8'd1;"
        "if (count == freq) begin count = 0; wave_out <= !wave_out; end end endmodule"
    ],
    "rtllm-v2-fixed/clkgenerator": [
        "module clkgenerator #(parameter PERIOD = 10)(output reg clk = 0);"
        "always begin #(PERIOD/2) clk = 1; #(PERIOD/2) clk = 0; end endmodule"
    ],
}  # fmt: skip
WRONG = {
    "rtllm-v2-fixed/ring_counter": [RING.format("", "out <= reset ? 8'd1 : {out[0], out[7:1]};")],
    "rtllm-v2-fixed/comparator_3bit": [
        "module comparator_3bit(input [2:0] A, B, output A_greater, A_equal, A_less);"
        "assign {A_greater, A_equal, A_less} = 3'b111; endmodule"
    ],
    "rtllm-v2-fixed/square_wave": [
        "module square_wave(input clk, input [7:0] freq, output reg wave_out = 0); reg [7:0] count = 0;"
        "always @(posedge clk) if (count == freq) begin count <= 0; wave_out <= !wave_out; end else count <= count + 1;"
        "endmodule"
    ],
    "rtllm-v2-fixed/clkgenerator": ["module clkgenerator(output reg clk = 1); always #5 clk = ~clk; endmodule"],
    "verilogeval-v2-spec-to-rtl-fixed/Prob034_dff8": [
        "module TopModule(input clk, input [7:0] d, output reg [7:0] q); always @(negedge clk) q <= d; endmodule"
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("where", "source", "status"),
    [(w, s, "passed") for w, found in HONEST.items() for s in found]
    + [(w, s, "failed") for w, found in WRONG.items() for s in found],
)
def test_other_right_designs_pass_and_wrong_ones_fail(where: str, source: str, status: str) -> None:
    name, _, problem = where.partition("/")
    verdict = JUDGE.judge(problems(name)[problem], source)
    assert verdict.status == status, verdict.reason


def test_a_testbench_may_leave_the_kind_of_reset_open() -> None:
    asynchronous = RING.format(" or posedge reset", "if (reset) out <= 1; else out <= {out[6:0], out[7]};")
    reference = asynchronous.replace("ring_counter", "good")
    synchronous = RING.format("", "out <= reset ? 8'd1 : {out[6:0], out[7]};")
    for strict, status in ((True, "failed"), (False, "passed")):
        text = testbench.generate(reference, "good", "ring_counter", compare_in_reset=strict)
        problem = Problem(
            id="p", top="ring_counter", testbench=text, tb_top=testbench.TB_TOP, reference=reference,
            reference_top="good", reference_in_testbench=True, verdict=testbench.VERDICT,
        )  # fmt: skip
        assert JUDGE.judge(problem, synchronous).status == status
