module multiplier_steps (
  input             clk, rst, start,
  input      [5:0]  a, b,
  output reg [11:0] product,
  output reg        done
);
  reg [2:0]  left;
  reg [5:0]  x;
  reg [11:0] y, sum;
  always @(posedge clk)
    if (rst) begin
      left <= 3'd0;
      product <= 12'd0;
      done <= 1'b0;
    end else if (start) begin
      left <= 3'd7;
      x <= a;
      y <= {6'd0, b};
      sum <= 12'd0;
      done <= 1'b0;
    end else begin
      done <= left == 3'd1;
      if (left == 3'd1) product <= sum;
      if (left != 3'd0) begin
        left <= left - 3'd1;
        sum <= x[0] ? sum + y : sum;
        x <= x >> 1;
        y <= y << 1;
      end
    end
endmodule
