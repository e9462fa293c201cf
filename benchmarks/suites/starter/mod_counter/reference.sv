module mod_counter (
  input            clk, rst_n, enable, down,
  output reg [3:0] count,
  output           wrap
);
  wire last = down ? count == 4'd0 : count == 4'd11;
  assign wrap = enable & last;
  always @(posedge clk or negedge rst_n)
    if (!rst_n) count <= 4'd0;
    else if (enable) begin
      if (last) count <= down ? 4'd11 : 4'd0;
      else count <= down ? count - 4'd1 : count + 4'd1;
    end
endmodule
