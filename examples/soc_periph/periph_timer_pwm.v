// -----------------------------------------------------------------------------
// Timers and PWM of the peripheral subsystem
// -----------------------------------------------------------------------------

// Two-channel 16-bit timer with prescaler.
//   0 CTRL   {mode1, en1, mode0, en0}   mode: 0 one shot, 1 periodic
//   1 PRESCALE
//   2 LOAD0  3 COUNT0  4 LOAD1  5 COUNT1
//   6 STATUS {ovf1, ovf0} write 1 to clear
//   7 CAPTURE (free running counter at the last capture input edge)
module periph_timer #(
  parameter PW = 8
) (
  input  wire        clk,
  input  wire        rst_n,
  input  wire        sel,
  input  wire        we,
  input  wire [3:0]  addr,
  input  wire [15:0] wdata,
  output reg  [15:0] rdata,
  input  wire        capture_in,
  output wire        irq0,
  output wire        irq1
);

  reg [3:0]    ctrl;
  reg [PW-1:0] prescale;
  reg [15:0]   load0, load1;
  reg [15:0]   count0, count1;
  reg          ovf0, ovf1;
  reg [31:0]   free_run;
  reg [15:0]   capture;

  // one prescaler per channel
  reg [31:0] pre0;
  reg [31:0] pre1;
  reg        tick0;
  reg        tick1;

  always @(posedge clk or negedge rst_n) begin
    if (!rst_n) begin
      pre0  <= 32'd0;
      tick0 <= 1'b0;
    end else begin
      if (pre0 >= {{(32-PW){1'b0}}, prescale}) begin
        pre0  <= 32'd0;
        tick0 <= 1'b1;
      end else begin
        pre0  <= pre0 + 32'd1;
        tick0 <= 1'b0;
      end
    end
  end

  always @(posedge clk or negedge rst_n) begin
    if (!rst_n) begin
      pre1  <= 32'd0;
      tick1 <= 1'b0;
    end else begin
      if (pre1 >= {{(32-PW){1'b0}}, prescale}) begin
        pre1  <= 32'd0;
        tick1 <= 1'b1;
      end else begin
        pre1  <= pre1 + 32'd1;
        tick1 <= 1'b0;
      end
    end
  end

  // channel 0
  always @(posedge clk or negedge rst_n) begin
    if (!rst_n) begin
      count0 <= 16'd0;
      ovf0   <= 1'b0;
    end else begin
      if (sel && we && addr == 4'd6 && wdata[0])
        ovf0 <= 1'b0;
      if (sel && we && addr == 4'd2)
        count0 <= wdata;
      else if (ctrl[0] && tick0) begin
        if (count0 == 16'd0) begin
          if (ctrl[1]) begin
            count0 <= load0;
            ovf0   <= 1'b1;
          end
        end else begin
          count0 <= count0 - 16'd1;
          if (count0 == 16'd1 && !ctrl[1])
            ovf0 <= 1'b1;
        end
      end
    end
  end

  // channel 1
  always @(posedge clk or negedge rst_n) begin
    if (!rst_n) begin
      count1 <= 16'd0;
      ovf1   <= 1'b0;
    end else begin
      if (sel && we && addr == 4'd6 && wdata[1])
        ovf1 <= 1'b0;
      if (sel && we && addr == 4'd4)
        count1 <= wdata;
      else if (ctrl[2] && tick1) begin
        if (count1 == 16'd0) begin
          if (ctrl[3]) begin
            count1 <= load1;
            ovf1   <= 1'b1;
          end
        end else begin
          count1 <= count1 - 16'd1;
          if (count1 == 16'd1 && !ctrl[3])
            ovf1 <= 1'b1;
        end
      end
    end
  end

  // registers
  always @(posedge clk or negedge rst_n) begin
    if (!rst_n) begin
      ctrl     <= 4'd0;
      prescale <= {PW{1'b0}};
      load0    <= 16'd0;
      load1    <= 16'd0;
    end else if (sel && we) begin
      case (addr)
        4'd0: ctrl     <= wdata[3:0];
        4'd1: prescale <= wdata[PW-1:0];
        4'd2: load0    <= wdata;
        4'd4: load1    <= wdata;
        default: ;
      endcase
    end
  end

  // capture unit
  reg cap_s1, cap_s2, cap_s3;

  always @(posedge clk or negedge rst_n) begin
    if (!rst_n) begin
      cap_s1   <= 1'b0;
      cap_s2   <= 1'b0;
      cap_s3   <= 1'b0;
      free_run <= 32'd0;
      capture  <= 16'd0;
    end else begin
      cap_s1   <= capture_in;
      cap_s2   <= cap_s1;
      cap_s3   <= cap_s2;
      free_run <= free_run + 32'd1;
      if (cap_s2 == 1'b1 && cap_s3 == 1'b0)
        capture <= free_run[15:0];
    end
  end

  always @* begin
    case (addr)
      4'd0:    rdata = {12'd0, ctrl};
      4'd1:    rdata = {{(16-PW){1'b0}}, prescale};
      4'd2:    rdata = load0;
      4'd3:    rdata = count0;
      4'd4:    rdata = load1;
      4'd5:    rdata = count1;
      4'd6:    rdata = {14'd0, ovf1, ovf0};
      4'd7:    rdata = capture;
      default: rdata = 16'd0;
    endcase
  end

  assign irq0 = ovf0;
  assign irq1 = ovf1;

endmodule


// Four-channel PWM with common period and optional centre alignment.
//   0 CTRL {center, en[3:0]}   1 PERIOD   2..5 DUTY0..3   6 POLARITY
//   7 DUTY in per cent for all channels (of a period of 200)
module periph_pwm (
  input  wire        clk,
  input  wire        rst_n,
  input  wire        sel,
  input  wire        we,
  input  wire [3:0]  addr,
  input  wire [15:0] wdata,
  output reg  [15:0] rdata,
  output reg  [3:0]  pwm,
  output reg         period_irq
);

  reg [4:0]  ctrl;
  reg [7:0]  period;
  reg [7:0]  duty0, duty1, duty2, duty3;
  reg [3:0]  polarity;

  reg [15:0] cnt;
  reg        down;
  reg [15:0] cnt_shadow;    // for the interrupt, same counting
  reg        down_shadow;

  always @(posedge clk or negedge rst_n) begin
    if (!rst_n) begin
      cnt  <= 16'd0;
      down <= 1'b0;
    end else begin
      if (ctrl[4]) begin
        if (!down) begin
          if (cnt >= {8'd0, period}) begin
            down <= 1'b1;
            if (cnt != 16'd0) cnt <= cnt - 16'd1;
          end else
            cnt <= cnt + 16'd1;
        end else begin
          if (cnt == 16'd0) begin
            down <= 1'b0;
            cnt  <= 16'd1;
          end else
            cnt <= cnt - 16'd1;
        end
      end else begin
        down <= 1'b0;
        if (cnt >= {8'd0, period}) cnt <= 16'd0;
        else                       cnt <= cnt + 16'd1;
      end
    end
  end

  always @(posedge clk or negedge rst_n) begin
    if (!rst_n) begin
      cnt_shadow  <= 16'd0;
      down_shadow <= 1'b0;
      period_irq  <= 1'b0;
    end else begin
      period_irq <= 1'b0;
      if (ctrl[4]) begin
        if (!down_shadow) begin
          if (cnt_shadow >= {8'd0, period}) begin
            down_shadow <= 1'b1;
            if (cnt_shadow != 16'd0) cnt_shadow <= cnt_shadow - 16'd1;
          end else
            cnt_shadow <= cnt_shadow + 16'd1;
        end else begin
          if (cnt_shadow == 16'd0) begin
            down_shadow <= 1'b0;
            cnt_shadow  <= 16'd1;
            period_irq  <= |ctrl[3:0];
          end else
            cnt_shadow <= cnt_shadow - 16'd1;
        end
      end else begin
        down_shadow <= 1'b0;
        if (cnt_shadow >= {8'd0, period}) begin
          cnt_shadow <= 16'd0;
          period_irq <= |ctrl[3:0];
        end else
          cnt_shadow <= cnt_shadow + 16'd1;
      end
    end
  end

  // comparators
  always @(posedge clk or negedge rst_n) begin
    if (!rst_n)
      pwm <= 4'd0;
    else begin
      if (ctrl[0] && cnt < {8'd0, duty0}) pwm[0] <= ~polarity[0];
      else                                pwm[0] <= polarity[0];
      if (ctrl[1] && cnt < {8'd0, duty1}) pwm[1] <= ~polarity[1];
      else                                pwm[1] <= polarity[1];
      if (ctrl[2] && cnt < {8'd0, duty2}) pwm[2] <= ~polarity[2];
      else                                pwm[2] <= polarity[2];
      if (ctrl[3] && cnt < {8'd0, duty3}) pwm[3] <= ~polarity[3];
      else                                pwm[3] <= polarity[3];
    end
  end

  always @(posedge clk or negedge rst_n) begin
    if (!rst_n) begin
      ctrl     <= 5'd0;
      period   <= 8'd199;
      duty0    <= 8'd0;
      duty1    <= 8'd0;
      duty2    <= 8'd0;
      duty3    <= 8'd0;
      polarity <= 4'd0;
    end else if (sel && we) begin
      if (addr == 4'd0)      ctrl     <= wdata[4:0];
      else if (addr == 4'd1) period   <= wdata[7:0];
      else if (addr == 4'd2) duty0    <= wdata[7:0];
      else if (addr == 4'd3) duty1    <= wdata[7:0];
      else if (addr == 4'd4) duty2    <= wdata[7:0];
      else if (addr == 4'd5) duty3    <= wdata[7:0];
      else if (addr == 4'd6) polarity <= wdata[3:0];
      else if (addr == 4'd7) begin
        duty0 <= wdata[6:0] * 2;
        duty1 <= wdata[6:0] * 2;
        duty2 <= wdata[6:0] * 2;
        duty3 <= wdata[6:0] * 2;
      end
    end
  end

  always @* begin
    case (addr)
      4'd0:    rdata = {11'd0, ctrl};
      4'd1:    rdata = {8'd0, period};
      4'd2:    rdata = {8'd0, duty0};
      4'd3:    rdata = {8'd0, duty1};
      4'd4:    rdata = {8'd0, duty2};
      4'd5:    rdata = {8'd0, duty3};
      4'd6:    rdata = {12'd0, polarity};
      default: rdata = 16'd0;
    endcase
  end

endmodule
