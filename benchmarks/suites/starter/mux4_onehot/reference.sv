module mux4_onehot (
  input  [3:0] sel,
  input  [7:0] a, b, c, d,
  output [7:0] y
);
  assign y = ({8{sel[0]}} & a) | ({8{sel[1]}} & b) | ({8{sel[2]}} & c) | ({8{sel[3]}} & d);
endmodule
