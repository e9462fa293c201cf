module bcd_digit_adder (
  input  [3:0] a, b,
  input        carry_in,
  output [3:0] digit,
  output       carry_out
);
  wire       known = a < 4'd10 && b < 4'd10;
  wire [4:0] sum = a + b + carry_in;
  wire       over = sum > 5'd9;
  assign carry_out = known ? over : 1'bx;
  assign digit = known ? (over ? sum[3:0] + 4'd6 : sum[3:0]) : 4'bxxxx;
endmodule
