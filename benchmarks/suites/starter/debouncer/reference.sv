module debouncer (
  input      clk, rst, raw,
  output reg clean
);
  reg [1:0] count;
  always @(posedge clk)
    if (rst) begin
      clean <= 1'b0;
      count <= 2'd0;
    end else if (raw == clean)
      count <= 2'd0;
    else if (count == 2'd3) begin
      clean <= raw;
      count <= 2'd0;
    end else
      count <= count + 2'd1;
endmodule
