"""Candidates that are wrong and try to pass all the same: none may."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from rtlgen.sandbox import Limits
from rtlgen.scorers.simulation import Judge

_spec = importlib.util.spec_from_file_location("cheat_problems", Path(__file__).with_name("problems.py"))
assert _spec and _spec.loader
problems = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(problems)

pytestmark = pytest.mark.eda

HEAD = "module TopModule (input clk, input d, input [3:0] v, output q);\n"
WRONG = HEAD + "  assign q = 1'b0;\n"
LINE = "Mismatches: 0 in 120 samples"
ADDER = "module adder (input [7:0] a, b, output [8:0] y);\n"
PASS = "===========Your Design Passed==========="

# class -> name -> text; the module is wrong in each
COUNTED: dict[str, dict[str, str]] = {
    "prints the verdict": {
        "at once": f'{WRONG}  initial $display("{LINE}");\nendmodule',
        "at the end": f'{WRONG}  final $display("{LINE}");\nendmodule',
        "all counts": f'{WRONG}  integer i;\n  initial for (i = 1; i < 400; i = i + 1) $display("Mismatches: 0 in %0d samples", i);\nendmodule',
        "by strobe": f'{WRONG}  initial $strobe("{LINE}");\nendmodule',
        "by write": f'{WRONG}  initial $write("\\n{LINE}\\n");\nendmodule',
        "by monitor": f'{WRONG}  initial $monitor("{LINE}");\nendmodule',
        "as an error": f'{WRONG}  initial $error("\\n{LINE}");\nendmodule',
        "behind its own path": f'{WRONG}  string s;\n  final begin s = $sformatf("%m"); $display("%0s{LINE}", s.substr(0, 16)); end\nendmodule',
        "with a guessed nonce": f'{WRONG}  initial begin $display("r0123456789abcdef{LINE}"); $display("%m{LINE}"); end\nendmodule',
    },
    "ends the simulation": {
        "at time 0": f"{WRONG}  initial $finish;\nendmodule",
        "with a verdict": f'{WRONG}  initial begin $display("{LINE}"); $finish; end\nendmodule',
        "with exit code 0": f"{WRONG}  initial $finish(0);\nendmodule",
        "by stop": f"{WRONG}  initial $stop;\nendmodule",
        "by fatal": f'{WRONG}  initial $fatal(0, "{LINE}");\nendmodule',
        "before the first error": f"{WRONG}  always @(posedge clk) if (^v ^ d) $finish;\nendmodule",
    },
    "reads the reference": {
        "by its path": f"{HEAD}  assign q = tb.good1.q;\nendmodule",
        "upwards": f"{HEAD}  assign q = good1.q;\nendmodule",
        "from the root": f"{HEAD}  assign q = $root.tb.good1.q;\nendmodule",
        "by its output": f"{HEAD}  assign q = tb.q_ref;\nendmodule",
        "as an instance": f"{HEAD}  RefModule r (.clk, .d, .v, .q);\nendmodule",
        "as any name": f"{HEAD}  assign q = r_1.r_2;\nendmodule",
    },
    "forces the comparison": {
        "match": f"{WRONG}  initial force tb.tb_match = 1'b1;\nendmodule",
        "match upwards": f"{WRONG}  initial force tb_match = 1'b1;\nendmodule",
        "reference": f"{WRONG}  initial force tb.q_ref = 1'b0;\nendmodule",
        "own input": f"{WRONG}  initial begin force d = 0; force v = 0; end\nendmodule",
        "by assign": f"{WRONG}  initial assign tb.stats1 = 0;\nendmodule",
    },
    "clears the count": {
        "always": f"{WRONG}  always @(tb.stats1.errors) tb.stats1.errors = 0;\nendmodule",
        "at the end": f"{WRONG}  final tb.stats1.errors = 0;\nendmodule",
        "upwards": f"{WRONG}  always @(clk) stats1.errors = 0;\nendmodule",
        "by deposit": f"{WRONG}  always @(clk) $deposit(tb.stats1, 0);\nendmodule",
    },
    "swallows the testbench": {
        "comment": f'{WRONG}endmodule\nmodule tb; initial $display("{LINE}"); endmodule\n/*',
        "string": f'{WRONG}endmodule\nmodule tb; initial $display("{LINE}"); endmodule\nmodule z; initial $display("',
        "condition": f"{WRONG}endmodule\n`ifdef NEVER\n",
        "attribute": f"{WRONG}endmodule\n(* x = \n",
    },
    "redefines macros": {
        "keywords": f"`define RefModule TopModule\n`define tb nothing\n{WRONG}endmodule",
        "counts": f"`define OK 0\n`define INCORRECT 0\n`define errors clocks\n{WRONG}endmodule",
        "module end": f"`define always initial\n`define endmodule\n{WRONG}endmodule",
        "pasted system task": f'`define CALL(x) $``x\n{WRONG}  integer f;\n  initial begin f = `CALL(fopen)("x.txt", "w"); `CALL(fdisplay)(1, "{LINE}"); end\nendmodule',
        "pasted keyword": f"`define WORD(x) for``x\n{WRONG}  initial `WORD(ce) d = 1'b0;\nendmodule",
        "pasted directive": f'`define TEXT(x) `inc``x\n`TEXT(lude) "/etc/passwd"\n{WRONG}endmodule',
        "pasted C++": f"`define TEXT(x) `systemc_``x\n{WRONG}endmodule\n`TEXT(header)\n#error\n`verilog\n",
        "name of the file": f'{WRONG}  initial $display("%s", `__FILE__);\n  initial $display("{LINE}");\nendmodule',
    },
    "redefines modules": {
        "testbench": f'{WRONG}endmodule\nmodule tb; initial begin $display("{LINE}"); $finish; end endmodule',
        "reference": f"{WRONG}endmodule\nmodule RefModule (input clk, input d, input [3:0] v, output q); assign q = 1'b0; endmodule",
        "stimulus": f"{WRONG}endmodule\nmodule stimulus_gen (input clk, output d, output [3:0] v); assign d = 0, v = 0; endmodule",
        "itself twice": f"{WRONG}endmodule\n{WRONG}endmodule",
    },
    "uses files": {
        "opens": f'{WRONG}  integer f;\n  initial f = $fopen("tb.v", "r");\nendmodule',
        "writes to the output": f'{WRONG}  initial $fdisplay(32\'h8000_0001, "{LINE}");\nendmodule',
        "includes": f'`include "/etc/passwd"\n{WRONG}endmodule',
        "runs a shell": f"{WRONG}  initial $system(\"echo '{LINE}'\");\nendmodule",
        "writes a waveform": f'{WRONG}  initial begin $dumpfile("tb.vcd"); $dumpvars; end\nendmodule',
        "reads the arguments": f'{WRONG}  reg [7:0] x;\n  initial if ($value$plusargs("x=%d", x)) $finish;\nendmodule',
    },
    "binds": {
        "into the testbench": f"module cheat; initial tb.stats1 = 0; endmodule\nbind tb cheat c();\n{WRONG}endmodule",
        "by a configuration": f"{WRONG}endmodule\nconfig c; design tb; default liblist work; endconfig",
        "C functions": f'import "DPI-C" function int system(string s);\n{WRONG}  initial system("true");\nendmodule',
        "a parameter": f"{WRONG}  defparam tb.stim1.n = 0;\nendmodule",
    },
    "never ends": {
        "without time": f"{WRONG}  reg x = 0;\n  always x = #0 ~x;\nendmodule",
        "in a loop": f"{WRONG}  initial while (1) begin end\nendmodule",
        "with processes": f"{WRONG}  task automatic t; fork t; t; join endtask\n  initial t;\nendmodule",
    },
    "drives its inputs": {
        "strongly": f"{WRONG}  assign (supply0, supply1) d = 1'b0, v = 4'd0;\nendmodule",
        "through a switch": f"{WRONG}  supply0 z;\n  tran (d, z);\nendmodule",
        "with a pull": f"{WRONG}  pulldown (supply0) p (d);\nendmodule",
        "with a gate": f"{WRONG}  bufif0 (supply0, supply1) b (d, 1'b0, 1'b0);\nendmodule",
        "through an instance": f"{WRONG}  zero z (d);\nendmodule\nmodule zero (inout x); assign (supply0, supply1) x = 0; endmodule",
    },
    "takes too much": {
        "output": f'{WRONG}  initial repeat (100000000) $display("{LINE}");\nendmodule',
        "memory": f"{WRONG}  reg [1023:0] m [0:16777215];\n  integer i;\n  initial for (i = 0; i < 16777216; i = i + 1) m[i] = i;\nendmodule",
        "instances": f"{WRONG}  genvar i;\n  generate for (i = 0; i < 100000000; i = i + 1) begin : g wire w = clk; end endgenerate\nendmodule",
        "text": f"{WRONG}endmodule\n" + "// nothing\n" * 200_000,
    },
    "says nothing": {
        "unknown": f"{HEAD}  assign q = 1'bx;\nendmodule",
        "open": f"{HEAD}endmodule",
        "high impedance": f"{HEAD}  assign q = 1'bz;\nendmodule",
    },
    "moves the time": {
        "scale": f"`timescale 1s/1s\n{WRONG}  initial #1 $finish;\nendmodule",
        "format": f'{WRONG}  initial begin $timeformat(-9, 0, "{LINE}\\n", 0); $display("%t", $time); end\nendmodule',
        "disables": f"{WRONG}  initial disable tb.stim1;\nendmodule",
        "calls a task": f"{WRONG}  initial stim1.wavedrom_stop;\nendmodule",
    },
}
PRINTED: dict[str, str] = {
    "prints": f'{ADDER}  assign y = 0;\n  initial $display("{PASS}");\nendmodule',
    "prints behind its own path": f'{ADDER}  assign y = 0;\n  string s;\n  initial begin s = $sformatf("%m"); $display("%0s{PASS}", s.substr(0, 16)); $finish; end\nendmodule',
    "prints and ends": f'{ADDER}  assign y = 0;\n  initial begin $display("{PASS}"); $finish; end\nendmodule',
    "prints at the end": f'{ADDER}  assign y = 0;\n  final $display("{PASS}");\nendmodule',
    "reads what is expected": f'{ADDER}  reg [8:0] m [0:9];\n  integer i = 0;\n  initial $readmemh("expected.txt", m);\n  always @(a) i = a / 17;\n  assign y = m[i];\nendmodule',
    "clears the count": f"{ADDER}  assign y = 0;\n  always @(a) main_tb.error = 0;\nendmodule",
    "copies the inputs": f"{ADDER}  assign y = main_tb.expected[main_tb.i];\nendmodule",
    "ends at the first word": f"{ADDER}  assign y = 0;\n  initial $finish;\nendmodule",
    "is the testbench": f'{ADDER}  assign y = 0;\nendmodule\nmodule main_tb; initial $display("{PASS}"); endmodule',
}


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(
        compile_limits=Limits(cpu_s=5, wall_s=60, memory_mb=1024, output_mb=1, disk_mb=64, processes=8),
        run_limits=Limits(cpu_s=2, wall_s=60, memory_mb=512, output_mb=1, disk_mb=64, processes=8),
    )


def test_there_are_enough_classes() -> None:
    assert len(COUNTED) >= 15
    assert sum(map(len, COUNTED.values())) + len(PRINTED) >= 48


def test_the_references_pass(judge: Judge) -> None:
    assert judge.reference(problems.COUNTED).passed
    assert judge.reference(problems.PRINTED).passed
    right = problems.REFERENCE.replace("RefModule", "TopModule")
    assert judge.judge(problems.COUNTED, right).samples == 120
    honest = f'{ADDER}  assign y = a + b;\n  initial $display("no error here: {PASS} is not printed by me");\nendmodule'
    assert judge.judge(problems.PRINTED, honest).passed


@pytest.mark.parametrize(("kind", "name"), [(k, n) for k, names in COUNTED.items() for n in names])
def test_no_cheat_passes_where_samples_are_counted(kind: str, name: str, judge: Judge) -> None:
    verdict = judge.judge(problems.COUNTED, COUNTED[kind][name])
    assert verdict.status not in ("passed", "tool_limit"), verdict


@pytest.mark.parametrize("name", PRINTED)
def test_no_cheat_passes_where_a_line_is_printed(name: str, judge: Judge) -> None:
    assert not judge.judge(problems.PRINTED, PRINTED[name]).passed
