module edge_detector (
  input      clk, rst, x,
  output reg rose, fell, changed
);
  reg last;
  always @(posedge clk)
    if (rst) begin
      last <= 1'b0;
      {rose, fell, changed} <= 3'b000;
    end else begin
      last <= x;
      rose <= x & ~last;
      fell <= ~x & last;
      changed <= x ^ last;
    end
endmodule
