module round_robin (
  input            clk, rst,
  input      [3:0] request,
  output reg [3:0] grant
);
  reg [1:0] start;
  integer i;
  reg [1:0] at;
  always @* begin
    grant = 4'b0000;
    at = 2'd0;
    for (i = 3; i >= 0; i = i - 1) begin
      at = start + i[1:0];
      if (request[at]) grant = 4'b0001 << at;
    end
  end
  always @(posedge clk)
    if (rst) start <= 2'd0;
    else
      case (grant)
        4'b0001: start <= 2'd1;
        4'b0010: start <= 2'd2;
        4'b0100: start <= 2'd3;
        4'b1000: start <= 2'd0;
        default: start <= start;
      endcase
endmodule
