module small_alu (
  input      [7:0] a, b,
  input      [2:0] op,
  output reg [7:0] y,
  output           zero
);
  assign zero = y == 8'd0;
  always @*
    case (op)
      3'd0: y = a + b;
      3'd1: y = a - b;
      3'd2: y = a & b;
      3'd3: y = a | b;
      3'd4: y = a ^ b;
      3'd5: y = a << b[2:0];
      3'd6: y = a >> b[2:0];
      default: y = {7'd0, a < b};
    endcase
endmodule
