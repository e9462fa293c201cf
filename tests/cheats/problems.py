"""Two problems with testbenches in the styles that published benchmarks use, written for these tests."""

from __future__ import annotations

from rtlgen.scorers.problem import Problem

COUNTING = """`timescale 1 ps/1 ps
`define OK 12
module stimulus_gen (input clk, output reg d, output logic [3:0] v);
  initial begin
    d = 0; v = 0;
    repeat (120) @(posedge clk, negedge clk) begin
      d <= $random;
      v <= $random;
    end
    $finish;
  end
endmodule
module tb();
  typedef struct packed { int errors; int clocks; } stats;
  stats stats1;
  reg clk = 0;
  initial forever #5 clk = ~clk;
  logic d;
  logic [3:0] v;
  logic q_ref, q_dut;
  wire tb_match;
  wire tb_mismatch = ~tb_match;
  stimulus_gen stim1 (.clk, .*, .d);
  RefModule good1 (.clk, .d, .v, .q(q_ref));
  TopModule top_module1 (.clk, .d, .v, .q(q_dut));
  assign tb_match = ({q_ref} === ({q_ref} ^ {q_dut} ^ {q_ref}));
  always @(posedge clk, negedge clk) begin
    stats1.clocks++;
    if (!tb_match) stats1.errors++;
  end
  final begin
    if (stats1.errors) $display("Hint: First mismatch occurred at time %0d.", 0);
    $display("Mismatches: %1d in %1d samples", stats1.errors, stats1.clocks);
  end
endmodule
"""
REFERENCE = """module RefModule (input clk, input d, input [3:0] v, output reg q);
  always @(posedge clk) q <= d ^ (^v);
endmodule
"""
COUNTED = Problem(
    id="counted",
    top="TopModule",
    testbench=COUNTING,
    tb_top="tb",
    reference=REFERENCE,
    reference_top="RefModule",
    reference_in_testbench=True,
    verdict=r"^Mismatches: (\d+) in (\d+) samples$",
)

PASSING = """`timescale 1ns/1ns
module main_tb;
  reg [7:0] a, b;
  wire [8:0] y;
  integer i, error;
  reg [8:0] expected [0:9];
  adder uut (.a(a), .b(b), .y(y));
  initial begin
    $readmemh("expected.txt", expected);
    error = 0;
    for (i = 0; i < 10; i = i + 1) begin
      a = 17 * i; b = 31 * i + 5;
      #10 if (y !== expected[i]) error = error + 1;
    end
    if (error == 0) $display("===========Your Design Passed===========");
    else $display("===========Test completed with %d /10 failures===========", error);
    $finish;
  end
endmodule
"""
PRINTED = Problem(
    id="printed",
    top="adder",
    testbench=PASSING,
    tb_top="main_tb",
    reference="module verified_adder (input [7:0] a, b, output [8:0] y);\n  assign y = a + b;\nendmodule\n",
    reference_top="verified_adder",
    verdict=r"^=+\s*Your Design Passed\s*=+\s*$",
    data_files=(("expected.txt", "".join(f"{(17 * i & 255) + (31 * i + 5 & 255):x}\n" for i in range(10))),),
    timescale="1ns/1ns",
)
