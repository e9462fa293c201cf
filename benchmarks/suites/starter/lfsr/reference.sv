module lfsr (
  input            clk, rst, enable,
  output reg [6:0] q
);
  always @(posedge clk)
    if (rst) q <= 7'd1;
    else if (enable) q <= {q[5:0], q[6] ^ q[5]};
endmodule
