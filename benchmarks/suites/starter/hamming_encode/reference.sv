module hamming_encode (
  input  [3:0] d,
  output [7:1] c
);
  assign {c[7], c[6], c[5], c[3]} = d;
  assign c[1] = d[0] ^ d[1] ^ d[3];
  assign c[2] = d[0] ^ d[2] ^ d[3];
  assign c[4] = d[1] ^ d[2] ^ d[3];
endmodule
