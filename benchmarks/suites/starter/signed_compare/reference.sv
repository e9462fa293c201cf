module signed_compare (
  input  [11:0] a, b,
  input         is_signed,
  output        less, equal
);
  assign equal = a == b;
  assign less = is_signed ? $signed(a) < $signed(b) : a < b;
endmodule
