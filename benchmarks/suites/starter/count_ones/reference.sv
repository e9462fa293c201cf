module count_ones (
  input      [14:0] x,
  output reg [3:0]  count
);
  integer i;
  always @* begin
    count = 4'd0;
    for (i = 0; i < 15; i = i + 1)
      count = count + {3'b000, x[i]};
  end
endmodule
