module serial_sender (
  input            clk, rst_n, start,
  input      [7:0] data,
  output reg       line, busy
);
  reg [8:0] rest;
  reg [3:0] left;
  always @(posedge clk or negedge rst_n)
    if (!rst_n) begin
      line <= 1'b1;
      busy <= 1'b0;
      rest <= 9'd0;
      left <= 4'd0;
    end else if (!busy) begin
      if (start) begin
        line <= 1'b0;
        busy <= 1'b1;
        rest <= {1'b1, data};
        left <= 4'd9;
      end
    end else if (left == 4'd0) begin
      line <= 1'b1;
      busy <= 1'b0;
    end else begin
      line <= rest[0];
      rest <= {1'b1, rest[8:1]};
      left <= left - 4'd1;
    end
endmodule
