// ----------------------------------------------------------------------------
// 2-way set associative cache, write back, write allocate
//
//   16 sets x 2 ways x 4 words of 16 bit, word addresses of 16 bit
//   address = { tag[9:0], set[3:0], word[1:0] }
//
// CPU side: req/we/addr/wdata -> ready (one clock), rdata valid with ready.
// Memory side: one word per request, mem_ack ends each transfer.
// flush writes all dirty lines back and invalidates the cache.
// ----------------------------------------------------------------------------
module cache (clk, rst_n,
              cpu_req, cpu_we, cpu_addr, cpu_wdata, cpu_rdata, cpu_ready,
              flush, flush_done,
              mem_req, mem_we, mem_addr, mem_wdata, mem_rdata, mem_ack,
              hits, misses);

  input             clk;
  input             rst_n;
  input             cpu_req;
  input             cpu_we;
  input      [15:0] cpu_addr;
  input      [15:0] cpu_wdata;
  output reg [15:0] cpu_rdata;
  output reg        cpu_ready;
  input             flush;
  output reg        flush_done;
  output reg        mem_req;
  output reg        mem_we;
  output reg [15:0] mem_addr;
  output reg [15:0] mem_wdata;
  input      [15:0] mem_rdata;
  input             mem_ack;
  output reg [15:0] hits;
  output reg [15:0] misses;

  // tag and data memories
  reg [9:0]  tag0  [0:15];
  reg [9:0]  tag1  [0:15];
  reg [15:0] data0 [0:63];
  reg [15:0] data1 [0:63];
  reg [15:0] valid0, valid1;
  reg [15:0] dirty0, dirty1;
  reg [15:0] lru;               // way to be replaced next

  localparam [3:0] ST_IDLE      = 4'd0,
                   ST_LOOKUP    = 4'd1,
                   ST_HIT_READ  = 4'd2,
                   ST_HIT_WRITE = 4'd3,
                   ST_EVICT     = 4'd4,
                   ST_WB_REQ    = 4'd5,
                   ST_WB_ACK    = 4'd6,
                   ST_FILL_REQ  = 4'd7,
                   ST_FILL_ACK  = 4'd8,
                   ST_REPLAY    = 4'd9,
                   ST_FL_START  = 4'd10,
                   ST_FL_CHECK  = 4'd11,
                   ST_FL_REQ    = 4'd12,
                   ST_FL_ACK    = 4'd13,
                   ST_FL_NEXT   = 4'd14,
                   ST_FL_DONE   = 4'd15;

  reg [3:0]  state;
  reg [15:0] addr_q;
  reg [15:0] addr_q2;
  reg [15:0] wdata_q;
  reg        we_q;
  reg        way;
  reg [15:0] word_cnt;
  reg [15:0] flush_cnt;
  reg        counted;

  wire [3:0] set    = addr_q[5:2];
  wire [9:0] tag    = addr_q[15:6];
  wire [5:0] didx   = {set, addr_q[1:0]};

  wire [9:0] rtag0  = tag0[set];
  wire [9:0] rtag1  = tag1[set];
  wire       hit0   = (rtag0 == tag) && valid0[set];
  wire       hit1   = (rtag1 == addr_q2[15:6]) && valid1[addr_q2[5:2]];
  wire       hit    = hit0 | hit1;

  // flush walks through way (bit 4) and set (3:0)
  wire [3:0] fset   = flush_cnt[3:0];
  wire       fway   = flush_cnt[4];

  // ------------------------------------------------------------------
  // control
  // ------------------------------------------------------------------
  always @(posedge clk or negedge rst_n) begin
    if (!rst_n) begin
      state      <= ST_IDLE;
      addr_q     <= 16'd0;
      addr_q2    <= 16'd0;
      wdata_q    <= 16'd0;
      we_q       <= 1'b0;
      way        <= 1'b0;
      word_cnt   <= 16'd0;
      flush_cnt  <= 16'd0;
      counted    <= 1'b0;
      cpu_ready  <= 1'b0;
      cpu_rdata  <= 16'd0;
      flush_done <= 1'b0;
      mem_req    <= 1'b0;
      mem_we     <= 1'b0;
      mem_addr   <= 16'd0;
      mem_wdata  <= 16'd0;
      valid0     <= 16'd0;
      valid1     <= 16'd0;
      dirty0     <= 16'd0;
      dirty1     <= 16'd0;
      lru        <= 16'd0;
      hits       <= 16'd0;
      misses     <= 16'd0;
    end else begin
      cpu_ready  <= 1'b0;
      flush_done <= 1'b0;

      case (state)
        ST_IDLE: begin
          counted <= 1'b0;
          if (flush)
            state <= ST_FL_START;
          else if (cpu_req && !cpu_ready) begin
            addr_q  <= cpu_addr;
            addr_q2 <= cpu_addr;
            wdata_q <= cpu_wdata;
            we_q    <= cpu_we;
            state   <= ST_LOOKUP;
          end
        end

        ST_LOOKUP: begin
          if (hit) begin
            way <= hit1;
            if (!counted) hits <= hits + 16'd1;
            if (we_q) state <= ST_HIT_WRITE;
            else      state <= ST_HIT_READ;
          end else begin
            misses  <= misses + 16'd1;
            counted <= 1'b1;
            // an invalid way first, else the least recently used one
            if (!valid0[set])      way <= 1'b0;
            else if (!valid1[set]) way <= 1'b1;
            else                   way <= lru[set];
            state <= ST_EVICT;
          end
        end

        ST_HIT_READ: begin
          if (way == 1'b0) cpu_rdata <= data0[didx];
          else             cpu_rdata <= data1[didx];
          cpu_ready <= 1'b1;
          lru[set]  <= ~way;
          state     <= ST_IDLE;
        end

        ST_HIT_WRITE: begin
          if (way == 1'b0) dirty0[set] <= 1'b1;
          else             dirty1[set] <= 1'b1;
          cpu_ready <= 1'b1;
          lru[set]  <= ~way;
          state     <= ST_IDLE;
        end

        ST_EVICT: begin
          word_cnt <= 16'd0;
          if (way == 1'b0 && valid0[set] && dirty0[set])
            state <= ST_WB_REQ;
          else if (way == 1'b1 && valid1[set] && dirty1[set])
            state <= ST_WB_REQ;
          else
            state <= ST_FILL_REQ;
        end

        ST_WB_REQ: begin
          mem_req  <= 1'b1;
          mem_we   <= 1'b1;
          if (way == 1'b0) begin
            mem_addr  <= {rtag0, set, 2'b00} + word_cnt;
            mem_wdata <= data0[{set, word_cnt[1:0]}];
          end else begin
            mem_addr  <= {rtag1, set, 2'b00} + word_cnt;
            mem_wdata <= data1[{set, word_cnt[1:0]}];
          end
          state <= ST_WB_ACK;
        end

        ST_WB_ACK: begin
          if (mem_ack) begin
            mem_req <= 1'b0;
            mem_we  <= 1'b0;
            if (word_cnt == 16'd3) begin
              word_cnt <= 16'd0;
              state    <= ST_FILL_REQ;
            end else begin
              word_cnt <= word_cnt + 16'd1;
              state    <= ST_WB_REQ;
            end
          end
        end

        ST_FILL_REQ: begin
          mem_req  <= 1'b1;
          mem_we   <= 1'b0;
          mem_addr <= {tag, set, 2'b00} + word_cnt;
          state    <= ST_FILL_ACK;
        end

        ST_FILL_ACK: begin
          if (mem_ack) begin
            mem_req <= 1'b0;
            if (word_cnt == 16'd3) begin
              word_cnt <= 16'd0;
              if (way == 1'b0) begin
                valid0[set] <= 1'b1;
                dirty0[set] <= 1'b0;
              end else begin
                valid1[set] <= 1'b1;
                dirty1[set] <= 1'b0;
              end
              state <= ST_REPLAY;
            end else begin
              word_cnt <= word_cnt + 16'd1;
              state    <= ST_FILL_REQ;
            end
          end
        end

        ST_REPLAY: state <= ST_LOOKUP;

        // flush: 32 lines
        ST_FL_START: begin
          flush_cnt <= 16'd0;
          word_cnt  <= 16'd0;
          state     <= ST_FL_CHECK;
        end

        ST_FL_CHECK: begin
          if (fway == 1'b0 && valid0[fset] && dirty0[fset])
            state <= ST_FL_REQ;
          else if (fway == 1'b1 && valid1[fset] && dirty1[fset])
            state <= ST_FL_REQ;
          else
            state <= ST_FL_NEXT;
        end

        ST_FL_REQ: begin
          mem_req <= 1'b1;
          mem_we  <= 1'b1;
          if (fway == 1'b0) begin
            mem_addr  <= {tag0[fset], fset, 2'b00} + word_cnt;
            mem_wdata <= data0[{fset, word_cnt[1:0]}];
          end else begin
            mem_addr  <= {tag1[fset], fset, 2'b00} + word_cnt;
            mem_wdata <= data1[{fset, word_cnt[1:0]}];
          end
          state <= ST_FL_ACK;
        end

        ST_FL_ACK: begin
          if (mem_ack) begin
            mem_req <= 1'b0;
            mem_we  <= 1'b0;
            if (word_cnt == 16'd3) begin
              word_cnt <= 16'd0;
              state    <= ST_FL_NEXT;
            end else begin
              word_cnt <= word_cnt + 16'd1;
              state    <= ST_FL_REQ;
            end
          end
        end

        ST_FL_NEXT: begin
          if (fway == 1'b0) begin
            valid0[fset] <= 1'b0;
            dirty0[fset] <= 1'b0;
          end else begin
            valid1[fset] <= 1'b0;
            dirty1[fset] <= 1'b0;
          end
          if (flush_cnt == 16'd31)
            state <= ST_FL_DONE;
          else begin
            flush_cnt <= flush_cnt + 16'd1;
            state     <= ST_FL_CHECK;
          end
        end

        ST_FL_DONE: begin
          flush_done <= 1'b1;
          if (!flush) state <= ST_IDLE;
        end

        default: state <= ST_IDLE;
      endcase
    end
  end

  // ------------------------------------------------------------------
  // memories
  // ------------------------------------------------------------------
  wire fill_word = (state == ST_FILL_ACK) && mem_ack;
  wire fill_last = (state == ST_FILL_ACK) && mem_ack && (word_cnt == 16'd3);

  always @(posedge clk) begin
    if (fill_last && way == 1'b0) tag0[set] <= tag;
    if (fill_last && way == 1'b1) tag1[set] <= tag;
  end

  always @(posedge clk) begin
    if (fill_word && way == 1'b0)
      data0[{set, word_cnt[1:0]}] <= mem_rdata;
    else if (state == ST_HIT_WRITE && way == 1'b0)
      data0[didx] <= wdata_q;
  end

  always @(posedge clk) begin
    if (fill_word && way == 1'b1)
      data1[{set, word_cnt[1:0]}] <= mem_rdata;
    else if (state == ST_HIT_WRITE && way == 1'b1)
      data1[didx] <= wdata_q;
  end

endmodule
