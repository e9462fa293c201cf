module traffic_lights (
  input        clk, rst, car,
  output [2:0] main_road, side_road
);
  localparam MAIN = 2'd0, MAIN_END = 2'd1, SIDE = 2'd2, SIDE_END = 2'd3;
  reg [1:0] phase;
  reg [2:0] count;
  assign main_road = phase == MAIN ? 3'b001 : phase == MAIN_END ? 3'b010 : 3'b100;
  assign side_road = phase == SIDE ? 3'b001 : phase == SIDE_END ? 3'b010 : 3'b100;
  always @(posedge clk)
    if (rst) begin
      phase <= MAIN;
      count <= 3'd0;
    end else begin
      count <= count + 3'd1;
      case (phase)
        MAIN:
          if (count >= 3'd5) begin
            if (car) begin
              phase <= MAIN_END;
              count <= 3'd0;
            end else
              count <= 3'd5;
          end
        MAIN_END:
          if (count == 3'd1) begin
            phase <= SIDE;
            count <= 3'd0;
          end
        SIDE:
          if (count == 3'd3) begin
            phase <= SIDE_END;
            count <= 3'd0;
          end
        SIDE_END:
          if (count == 3'd1) begin
            phase <= MAIN;
            count <= 3'd0;
          end
      endcase
    end
endmodule
