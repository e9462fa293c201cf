module first_one (
  input      [9:0] x,
  output reg [3:0] index,
  output           found
);
  integer i;
  assign found = |x;
  always @* begin
    index = 4'd0;
    for (i = 9; i >= 0; i = i - 1)
      if (x[i]) index = i[3:0];
  end
endmodule
