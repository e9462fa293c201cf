module drinks_machine (
  input            clk, rst, coin10, coin20, give_back,
  output reg       drink,
  output reg [2:0] change,
  output reg [2:0] credit
);
  wire [3:0] sum = {1'b0, credit} + {3'b000, coin10} + {2'b00, coin20, 1'b0};
  always @(posedge clk) begin
    drink <= 1'b0;
    change <= 3'd0;
    if (rst) credit <= 3'd0;
    else if (give_back) begin
      change <= credit;
      credit <= 3'd0;
    end else if (sum >= 4'd5) begin
      drink <= 1'b1;
      change <= sum[2:0] - 3'd5;
      credit <= 3'd0;
    end else
      credit <= sum[2:0];
  end
endmodule
