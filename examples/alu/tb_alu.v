`timescale 1ns/1ps
// Smoke test for alu: random operands, all operations, against a model.
module tb_alu;
  reg         clk = 0, rst_n = 0, valid = 0, cin = 0;
  reg  [4:0]  op = 0;
  reg  [15:0] a = 0, b = 0;
  wire [15:0] result;
  wire        flag_c, flag_v, flag_z, flag_n, result_valid, illegal;

  alu dut (.clk(clk), .rst_n(rst_n), .valid(valid), .op(op), .a(a), .b(b), .cin(cin),
           .result(result), .flag_c(flag_c), .flag_v(flag_v), .flag_z(flag_z),
           .flag_n(flag_n), .result_valid(result_valid), .illegal(illegal));

  always #5 clk = ~clk;

  integer i, errors = 0;
  reg [15:0] exp;
  reg [16:0] w;
  reg        expc, bad;
  reg [31:0] dbl;

  initial begin
    repeat (3) @(negedge clk);
    rst_n = 1;
    for (i = 0; i < 5000; i = i + 1) begin
      valid = 1; op = i[4:0]; a = $urandom; b = $urandom; cin = $urandom;
      if ($urandom % 8 == 0) b = a;
      if ($urandom % 8 == 0) a = 16'h8000;
      expc = 0; bad = 0; dbl = {a, a};
      case (op)
        5'h00: {expc, exp} = a + b;
        5'h01: {expc, exp} = a + b + cin;
        5'h02: {expc, exp} = {1'b0, a} - b;
        5'h03: {expc, exp} = {1'b0, a} - b - cin;
        5'h04: {expc, exp} = {1'b0, b} - a;
        5'h05: {expc, exp} = a + 17'd1;
        5'h06: {expc, exp} = {1'b0, a} - 17'd1;
        5'h07: {expc, exp} = 17'd0 - {1'b0, a};
        5'h08: exp = a & b;
        5'h09: exp = a | b;
        5'h0A: exp = a ^ b;
        5'h0B: exp = ~a;
        5'h0C: exp = a & ~b;
        5'h0D: exp = b;
        5'h10: exp = a << b[3:0];
        5'h11: exp = a >> b[3:0];
        5'h12: exp = $signed(a) >>> b[3:0];
        5'h13: exp = (dbl << b[3:0]) >> 16;
        5'h14: exp = dbl >> b[3:0];
        5'h18: exp = $signed(a) < $signed(b);
        5'h19: exp = a < b;
        5'h1A: exp = ($signed(a) < $signed(b)) ? a : b;
        5'h1B: exp = ($signed(a) < $signed(b)) ? b : a;
        5'h1C: exp = (a < b) ? a : b;
        5'h1D: exp = (a < b) ? b : a;
        5'h1E: exp = a[15] ? -a : a;
        5'h1F: exp = a * 10;
        default: begin exp = 0; bad = 1; end
      endcase
      @(negedge clk);
      if (result !== exp || flag_c !== expc || flag_z !== (exp == 0) ||
          flag_n !== exp[15] || illegal !== bad || result_valid !== 1'b1) begin
        errors = errors + 1;
        if (errors < 10)
          $display("op %h a %h b %h: %h c%b, expected %h c%b", op, a, b, result, flag_c, exp, expc);
      end
    end
    valid = 0;
    @(negedge clk);
    if (result_valid !== 1'b0) errors = errors + 1;
    if (errors == 0) $display("PASS"); else $display("FAIL %0d errors", errors);
    $finish;
  end
endmodule
