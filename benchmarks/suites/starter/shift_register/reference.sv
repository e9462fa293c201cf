module shift_register (
  input            clk, load, shift, serial_in,
  input      [7:0] parallel_in,
  output           serial_out,
  output reg [7:0] q
);
  assign serial_out = q[0];
  always @(posedge clk)
    if (load) q <= parallel_in;
    else if (shift) q <= {serial_in, q[7:1]};
endmodule
