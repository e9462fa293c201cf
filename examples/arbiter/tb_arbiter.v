`timescale 1ns/1ps
// Smoke test for arbiter: grants are one-hot and only to requesters, urgent
// wins, slots expire, round robin is fair, nobody starves for long.
module tb_arbiter;
  reg clk = 0, rst_n = 0, lock = 0;
  reg [5:0] req = 0, urgent = 0, last = 0;
  wire [5:0] gnt, starving;
  wire [2:0] gnt_id;
  wire gnt_valid, slot_expired;
  wire [7:0] switches;

  arbiter #(.STARVE(120)) dut (.clk(clk), .rst_n(rst_n), .req(req), .urgent(urgent), .last(last), .lock(lock),
    .gnt(gnt), .gnt_id(gnt_id), .gnt_valid(gnt_valid), .slot_expired(slot_expired),
    .starving(starving), .switches(switches));

  always #5 clk = ~clk;
  integer i, j, errors = 0, exps = 0;
  integer got [0:5];
  integer gap [0:5];
  reg [5:0] gnt_d = 0, req_d = 0;

  task chk(input ok, input [20*8:1] what); begin
    if (!ok) begin
      errors = errors + 1;
      if (errors < 10) $display("%0s at %0t", what, $time);
    end
  end endtask

  always @(negedge clk) if (rst_n) begin
    chk((gnt & (gnt - 1)) == 0, "not one-hot");
    chk(gnt_valid == (gnt != 0), "valid");
    if (gnt_valid) chk(gnt == (6'd1 << gnt_id), "id");
    if (gnt & ~gnt_d) chk((gnt & req_d) != 0, "no request");
    if (slot_expired) exps = exps + 1;
    for (j = 0; j < 6; j = j + 1) begin
      if (gnt[j] && !gnt_d[j]) got[j] = got[j] + 1;
      gap[j] = (req[j] && !gnt[j]) ? gap[j] + 1 : 0;
      chk(gap[j] < 400, "starved");
    end
    gnt_d = gnt; req_d = req;
  end

  initial begin
    for (i = 0; i < 6; i = i + 1) begin got[i] = 0; gap[i] = 0; end
    repeat (3) @(negedge clk);
    rst_n = 1;
    // all request: round robin with full slots
    req = 6'h3F;
    repeat (18 * 12) @(negedge clk);
    for (i = 0; i < 6; i = i + 1) chk(got[i] == 2, "unfair");
    chk(exps >= 11, "no expiry");
    // urgent one comes next
    urgent = 6'b010000;
    wait (gnt == 0); @(negedge clk); @(negedge clk); @(negedge clk);
    chk(gnt_id == 3'd4 || gnt == 0, "urgent ignored");
    urgent = 0;
    // a locked grant outlives its slot
    wait (gnt_valid); lock = 1; i = gnt_id;
    repeat (60) @(negedge clk);
    chk(gnt_valid && gnt_id == i, "lock lost");
    lock = 0;
    for (i = 0; i < 4000; i = i + 1) begin
      @(posedge clk); #1;
      for (j = 0; j < 6; j = j + 1)
        if (req[j]) begin if (gnt[j] && $urandom % 12 == 0) req[j] = 0; end
        else req[j] = ($urandom % 10 == 0);
      urgent = ($urandom % 20 == 0) ? $urandom : 0;
      last   = $urandom & $urandom & $urandom & $urandom;
    end
    if (errors == 0) $display("PASS"); else $display("FAIL %0d errors", errors);
    $finish;
  end
endmodule
