module rotate_left (
  input  [15:0] x,
  input  [3:0]  amount,
  output [15:0] y
);
  wire [31:0] twice = {x, x} << amount;
  assign y = twice[31:16];
endmodule
