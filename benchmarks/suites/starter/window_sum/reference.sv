module window_sum (
  input        clk, rst, valid,
  input  [7:0] x,
  output [9:0] sum
);
  reg [7:0] x0, x1, x2, x3;
  assign sum = {2'b00, x0} + {2'b00, x1} + {2'b00, x2} + {2'b00, x3};
  always @(posedge clk)
    if (rst) {x0, x1, x2, x3} <= 32'd0;
    else if (valid) {x0, x1, x2, x3} <= {x, x0, x1, x2};
endmodule
