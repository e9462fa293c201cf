module running_maximum (
  input            clk, rst, valid,
  input      [9:0] x,
  output reg [9:0] largest,
  output reg [3:0] age
);
  always @(posedge clk)
    if (rst) begin
      largest <= 10'd0;
      age <= 4'd0;
    end else if (valid) begin
      if (x >= largest) begin
        largest <= x;
        age <= 4'd0;
      end else if (age != 4'd15)
        age <= age + 4'd1;
    end
endmodule
