module crc8 (
  input            clk, rst, valid,
  input      [7:0] data,
  output reg [7:0] crc
);
  function [7:0] next(input [7:0] old, input [7:0] byte_in);
    integer i;
    begin
      next = old ^ byte_in;
      for (i = 0; i < 8; i = i + 1)
        next = next[7] ? {next[6:0], 1'b0} ^ 8'h07 : {next[6:0], 1'b0};
    end
  endfunction
  always @(posedge clk)
    if (rst) crc <= 8'd0;
    else if (valid) crc <= next(crc, data);
endmodule
