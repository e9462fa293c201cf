module small_fifo (
  input        clk, rst, push, pop,
  input  [7:0] data_in,
  output [7:0] data_out,
  output       empty, full
);
  reg [7:0] memory [0:3];
  reg [1:0] head, tail;
  reg [2:0] count;
  wire put = push & ~full, get = pop & ~empty;
  assign empty = count == 3'd0;
  assign full = count == 3'd4;
  assign data_out = empty ? 8'd0 : memory[head];
  always @(posedge clk)
    if (rst) begin
      head <= 2'd0;
      tail <= 2'd0;
      count <= 3'd0;
    end else begin
      if (put) begin
        memory[tail] <= data_in;
        tail <= tail + 2'd1;
      end
      if (get) head <= head + 2'd1;
      count <= count + {2'b00, put} - {2'b00, get};
    end
endmodule
