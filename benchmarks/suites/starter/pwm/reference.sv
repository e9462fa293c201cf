module pwm (
  input       clk, rst,
  input [4:0] duty,
  output      out
);
  reg [3:0] count;
  reg [4:0] taken;
  assign out = {1'b0, count} < taken;
  always @(posedge clk)
    if (rst) begin
      count <= 4'd0;
      taken <= duty;
    end else begin
      count <= count + 4'd1;
      if (count == 4'd15) taken <= duty;
    end
endmodule
