// -----------------------------------------------------------------------------
// arbiter.v
//   Six requesters. Requesters with the urgent bit are served first (fixed
//   priority, 0 highest), the others round robin. A grant is held until the
//   requester drops its request, gives "last", or its slot expires. Waiting
//   requesters are promoted to urgent after STARVE cycles.
// -----------------------------------------------------------------------------
module arbiter #(
  parameter SLOT   = 16,
  parameter STARVE = 64
) (
  input  wire       clk,
  input  wire       rst_n,
  input  wire [5:0] req,
  input  wire [5:0] urgent,
  input  wire [5:0] last,
  input  wire       lock,
  output reg  [5:0] gnt,
  output reg  [2:0] gnt_id,
  output reg        gnt_valid,
  output reg        slot_expired,
  output wire [5:0] starving,
  output reg  [7:0] switches
);

  localparam IDLE    = 6'b000001;
  localparam PICK    = 6'b000010;
  localparam GRANT   = 6'b000100;
  localparam LOCKED  = 6'b001000;
  localparam EXPIRED = 6'b010000;
  localparam FREE    = 6'b100000;

  reg [5:0]  state;
  reg [31:0] slot_cnt;
  reg [2:0]  rr_ptr;
  reg [15:0] wait0, wait1, wait2, wait3, wait4, wait5;

  // ------------------------------------------------------------------
  // waiting time per requester
  // ------------------------------------------------------------------
  always @(posedge clk or negedge rst_n) begin
    if (!rst_n) begin
      wait0 <= 16'd0;
      wait1 <= 16'd0;
      wait2 <= 16'd0;
      wait3 <= 16'd0;
      wait4 <= 16'd0;
      wait5 <= 16'd0;
    end else begin
      if (!req[0] || gnt[0])    wait0 <= 16'd0;
      else if (wait0 < STARVE)  wait0 <= wait0 + 16'd1;
      if (!req[1] || gnt[1])    wait1 <= 16'd0;
      else if (wait1 < STARVE)  wait1 <= wait1 + 16'd1;
      if (!req[2] || gnt[2])    wait2 <= 16'd0;
      else if (wait2 < STARVE)  wait2 <= wait2 + 16'd1;
      if (!req[3] || gnt[3])    wait3 <= 16'd0;
      else if (wait3 < STARVE)  wait3 <= wait3 + 16'd1;
      if (!req[4] || gnt[4])    wait4 <= 16'd0;
      else if (wait4 < STARVE)  wait4 <= wait4 + 16'd1;
      if (!req[5] || gnt[5])    wait5 <= 16'd0;
      else if (wait5 < STARVE)  wait5 <= wait5 + 16'd1;
    end
  end

  assign starving[0] = (wait0 >= STARVE);
  assign starving[1] = (wait1 >= STARVE);
  assign starving[2] = (wait2 >= STARVE);
  assign starving[3] = (wait3 >= STARVE);
  assign starving[4] = (wait4 >= STARVE);
  assign starving[5] = (wait5 >= STARVE);

  // ------------------------------------------------------------------
  // choice
  // ------------------------------------------------------------------
  wire [5:0] high = req & (urgent | starving);
  reg  [2:0] high_id;
  reg  [2:0] rr_id;
  reg  [2:0] pick_id;
  reg        found;
  reg  [3:0] cand;
  integer    k;

  always @* begin
    if (high[0] == 1'b1)      high_id = 3'd0;
    else if (high[1] == 1'b1) high_id = 3'd1;
    else if (high[2] == 1'b1) high_id = 3'd2;
    else if (high[3] == 1'b1) high_id = 3'd3;
    else if (high[4] == 1'b1) high_id = 3'd4;
    else if (high[5] == 1'b1) high_id = 3'd5;
    else                      high_id = 3'd0;
  end

  // search from the pointer, modulo six
  always @* begin
    rr_id = 3'd0;
    found = 1'b0;
    cand  = 4'd0;
    for (k = 0; k < 6; k = k + 1) begin
      cand = (rr_ptr + k) % 6;
      if (!found && req[cand[2:0]]) begin
        rr_id = cand[2:0];
        found = 1'b1;
      end
    end
  end

  always @* begin
    if (high != 6'd0) pick_id = high_id;
    else              pick_id = rr_id;
  end

  // ------------------------------------------------------------------
  // state machine
  // ------------------------------------------------------------------
  wire cur_req  = (gnt_id == 3'd0) ? req[0] :
                  (gnt_id == 3'd1) ? req[1] :
                  (gnt_id == 3'd2) ? req[2] :
                  (gnt_id == 3'd3) ? req[3] :
                  (gnt_id == 3'd4) ? req[4] : req[5];
  wire cur_last = (gnt_id == 3'd0) ? last[0] :
                  (gnt_id == 3'd1) ? last[1] :
                  (gnt_id == 3'd2) ? last[2] :
                  (gnt_id == 3'd3) ? last[3] :
                  (gnt_id == 3'd4) ? last[4] : last[5];

  always @(posedge clk or negedge rst_n) begin
    if (!rst_n) begin
      state        <= IDLE;
      slot_cnt     <= 32'd0;
      rr_ptr       <= 3'd0;
      gnt          <= 6'd0;
      gnt_id       <= 3'd0;
      gnt_valid    <= 1'b0;
      slot_expired <= 1'b0;
      switches     <= 8'd0;
    end else begin
      slot_expired <= 1'b0;
      case (state)
        IDLE: begin
          slot_cnt <= 32'd0;
          if (req != 6'd0) state <= PICK;
        end

        PICK: begin
          slot_cnt <= 32'd0;
          if (req == 6'd0)
            state <= IDLE;
          else begin
            gnt_id    <= pick_id;
            gnt_valid <= 1'b1;
            switches  <= switches + 8'd1;
            case (pick_id)
              3'd0: gnt <= 6'b000001;
              3'd1: gnt <= 6'b000010;
              3'd2: gnt <= 6'b000100;
              3'd3: gnt <= 6'b001000;
              3'd4: gnt <= 6'b010000;
              3'd5: gnt <= 6'b100000;
              default: gnt <= 6'b000000;
            endcase
            if (pick_id == 3'd5) rr_ptr <= 3'd0;
            else                 rr_ptr <= pick_id + 3'd1;
            state <= GRANT;
          end
        end

        GRANT: begin
          slot_cnt <= slot_cnt + 32'd1;
          if (!cur_req || cur_last) begin
            gnt       <= 6'd0;
            gnt_valid <= 1'b0;
            state     <= FREE;
          end else if (lock)
            state <= LOCKED;
          else if (slot_cnt >= SLOT - 1) begin
            gnt       <= 6'd0;
            gnt_valid <= 1'b0;
            state     <= EXPIRED;
          end
        end

        LOCKED: begin
          slot_cnt <= slot_cnt + 32'd1;
          if (!cur_req || cur_last) begin
            gnt       <= 6'd0;
            gnt_valid <= 1'b0;
            state     <= FREE;
          end else if (!lock)
            state <= GRANT;
        end

        EXPIRED: begin
          slot_expired <= 1'b1;
          if (req != 6'd0) state <= PICK;
          else             state <= IDLE;
        end

        FREE: begin
          if (req != 6'd0) state <= PICK;
          else             state <= IDLE;
        end

        default: state <= IDLE;
      endcase
    end
  end

endmodule
