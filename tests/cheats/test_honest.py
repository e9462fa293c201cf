"""Candidates that are right and look unusual: all pass."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from rtlgen.scorers.extract import extract
from rtlgen.scorers.simulation import Judge

_spec = importlib.util.spec_from_file_location("honest_problems", Path(__file__).with_name("problems.py"))
assert _spec and _spec.loader
problems = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(problems)

pytestmark = pytest.mark.eda

PORTS = "(input clk, input d, input [3:0] v, output reg q);\n"
BODY = "  always @(posedge clk) q <= d ^ (^v);\n"
PLAIN = f"module TopModule {PORTS}{BODY}endmodule\n"
HELPED = f"module TopModule {PORTS}  wire p;\n  %s h (.a(v), .y(p));\n  always @(posedge clk) q <= d ^ p;\nendmodule\n"
HELPER = "module %s (input [3:0] a, output y);\n  assign y = ^a;\nendmodule\n"


def fenced(code: str, word: str = "verilog") -> str:
    return f"```{word}\n{code}```\n"


REPLIES: dict[str, str] = {
    "plain": PLAIN,
    "helper called as the stimulus": HELPED % "stimulus_gen" + HELPER % "stimulus_gen",
    "helper called as the testbench": HELPER % "tb" + HELPED % "tb",
    "helper called as the reference": HELPED % "RefModule" + HELPER % "RefModule",
    "signals called as the testbench's": f"module TopModule {PORTS}  wire tb_match = ^v, q_ref = d;\n"
    "  always @(posedge clk) q <= q_ref ^ tb_match;\nendmodule\n",
    "a message with the word error": f'module TopModule {PORTS}{BODY}  initial $display("error: none, 0 mismatches");\nendmodule',
    "a message like the verdict": f'module TopModule {PORTS}{BODY}  initial $display("Mismatches: 7 in 9 samples");\nendmodule',
    "always_comb with a constant": f"module TopModule {PORTS}  logic one;\n  always_comb one = 1'b1;\n"
    "  always @(posedge clk) q <= d ^ (^v) ^ ~one;\nendmodule",
    "a check that could end it": f'module TopModule #(parameter W = 4) {PORTS}{BODY}  initial if (W != 4) begin $display("FAILED"); $finish; end\nendmodule',
    "markdown": f"Here is the module.\n\n{fenced(PLAIN)}\nIt samples `d` at the rising edge.",
    "markdown without a word": fenced(PLAIN, ""),
    "markdown that is never closed": f"```systemverilog\n{PLAIN}",
    "prose without fences": f"The module TopModule works like this: it has a flip-flop.\n\n{PLAIN}\nThat is all there is to it.",
    "two versions, the last one right": f"First try:\n{fenced(PLAIN.replace('^v', '&v'))}\nThat is wrong. Better:\n{fenced(PLAIN)}",
    "helper in a block of its own": f"{fenced(HELPER % 'parity')}\nand\n{fenced(HELPED % 'parity')}",
    "thoughts before the answer": f"<think>module TopModule(input x); endmodule? No.</think>\n{fenced(PLAIN)}",
    "carriage returns": PLAIN.replace("\n", "\r\n"),
    "byte order mark": "\ufeff" + PLAIN,
    "other scripts in comments": f"// Füllstand, 状態, тест\n{PLAIN}",
    "own time scale": f"`timescale 1ns/1ps\n{PLAIN}",
    "no default nets": f"`default_nettype none\nmodule TopModule (input wire clk, input wire d, input wire [3:0] v, output reg q);\n{BODY}endmodule\n`default_nettype wire\n",
    "macros": f"`define NEXT d ^ (^v)\nmodule TopModule {PORTS}  always @(posedge clk) q <= `NEXT;\nendmodule\n",
    "macros called as the testbench's": f"`define OK ^v\nmodule TopModule {PORTS}  always @(posedge clk) q <= d ^ (`OK);\nendmodule\n",
    "conditional text": f"`ifdef NEVER\nmodule nothing;\n`else\nmodule TopModule {PORTS}\n`endif\n{BODY}endmodule\n",
    "SystemVerilog": "module TopModule (input logic clk, d, input logic [3:0] v, output logic q);\n  always_ff @(posedge clk) q <= d ^ (^v);\nendmodule : TopModule\n",
    "a package": "package p;\n  function automatic logic parity(input logic [3:0] x); return ^x; endfunction\nendpackage\n"
    f"module TopModule import p::*; {PORTS}  always @(posedge clk) q <= d ^ parity(v);\nendmodule\n",
    "old style of ports": "module TopModule (clk, d, v, q);\n  input clk, d;\n  input [3:0] v;\n  output q;\n  reg q;\n"
    f"{BODY}endmodule\n",
    "generated": f"module TopModule {PORTS}  wire [4:0] p;\n  assign p[0] = 1'b0;\n  genvar i;\n"
    "  generate for (i = 0; i < 4; i = i + 1) begin : tb assign p[i + 1] = p[i] ^ v[i]; end endgenerate\n"
    "  always @(posedge clk) q <= d ^ p[4];\nendmodule\n",
    "escaped names": f"module TopModule {PORTS}  wire \\good1.q = ^v;\n  always @(posedge clk) q <= d ^ \\good1.q ;\nendmodule\n",
    "a start value": f"module TopModule {PORTS}  initial q = 1'b0;\n{BODY}endmodule\n",
    "a megabyte less a little": f"{PLAIN}// {'x' * 900_000}\n",
    "gates": f"module TopModule {PORTS}  wire a, b, c;\n  xor (a, v[0], v[1]);\n  xor (b, v[2], v[3]);\n  xor (c, a, b, d);\n  always @(posedge clk) q <= c;\nendmodule\n",
    "random numbers of its own": f"module TopModule {PORTS}{BODY}  reg [7:0] r;\n  initial r = $random;\nendmodule\n",
}


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge()


@pytest.mark.parametrize("name", REPLIES)
def test_an_honest_answer_passes(name: str, judge: Judge) -> None:
    verdict = judge.judge(problems.COUNTED, extract(REPLIES[name], problems.COUNTED))
    assert verdict.passed, verdict


def test_there_are_enough() -> None:
    assert len(REPLIES) >= 20


def test_a_wrong_answer_says_where(judge: Judge) -> None:
    verdict = judge.judge(problems.COUNTED, PLAIN.replace("^v", "&v"))
    assert verdict.status == "failed"
    assert verdict.samples == 120
    assert verdict.reason == f"{verdict.mismatches} mismatches in 120 samples"


def test_what_a_compiler_says_names_no_secret(judge: Judge) -> None:
    verdict = judge.judge(problems.COUNTED, PLAIN.replace("q <=", "nothing <="))
    assert verdict.status == "syntax_error"
    assert "nothing" in verdict.reason
    assert not verdict.reason.startswith("r")


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("", "the candidate is empty"),
        ("I can't do that.", None),
        ("```verilog\n```", "the candidate is empty"),
        (PLAIN.replace("TopModule", "top_module"), None),
        ("module TopModule(", None),
        ("\x00\xff\x01 binary", None),
        ("x" * 10_000_000, "the candidate is longer than 1000000 characters"),
    ],
    ids=["nothing", "prose", "empty fence", "wrong name", "cut off", "binary", "10 MB"],
)
def test_an_answer_without_the_module_fails(reply: str, said: str | None, judge: Judge) -> None:
    verdict = judge.judge(problems.COUNTED, extract(reply, problems.COUNTED))
    assert verdict.status in ("syntax_error", "refused")
    assert said is None or verdict.reason == said
