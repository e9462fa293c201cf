module sequence_1101 (
  input  clk, rst, x,
  output found
);
  reg [2:0] state;
  assign found = state == 3'd4;
  always @(posedge clk)
    if (rst) state <= 3'd0;
    else
      case (state)
        3'd0: state <= x ? 3'd1 : 3'd0;
        3'd1: state <= x ? 3'd2 : 3'd0;
        3'd2: state <= x ? 3'd2 : 3'd3;
        3'd3: state <= x ? 3'd4 : 3'd0;
        default: state <= x ? 3'd2 : 3'd0;
      endcase
endmodule
