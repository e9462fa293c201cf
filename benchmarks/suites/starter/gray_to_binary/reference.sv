module gray_to_binary (
  input      [8:0] gray,
  output reg [8:0] binary
);
  integer i;
  always @* begin
    binary[8] = gray[8];
    for (i = 7; i >= 0; i = i - 1)
      binary[i] = binary[i + 1] ^ gray[i];
  end
endmodule
