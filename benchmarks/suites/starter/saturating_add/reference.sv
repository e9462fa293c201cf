module saturating_add (
  input  [7:0] a, b,
  output [7:0] sum,
  output       limited
);
  wire [8:0] wide = {a[7], a} + {b[7], b};
  assign limited = wide[8] != wide[7];
  assign sum = limited ? {wide[8], {7{~wide[8]}}} : wide[7:0];
endmodule
