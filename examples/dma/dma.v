// ============================================================================
//  dma - four channel memory to memory DMA controller
//
//  Each channel has source, destination, length and control registers.
//  The engine moves one word at a time (read, then write) and arbitrates
//  between the enabled channels after each burst of BURST words.
//
//  Register map (word offsets, channel n at n*8):
//     0 SRC   1 DST   2 LEN   3 CTRL {int_en, dst_inc, src_inc, enable}
//     4 STAT  {error, done, busy}   (write 1 to bit 1 clears done)
//    32 INT status (all channels), 33 word counter
// ============================================================================
module dma #(
    parameter AW    = 16,
    parameter DW    = 16,
    parameter BURST = 4
) (
    input  wire           clk,
    input  wire           rst_n,

    // register interface
    input  wire           cfg_we,
    input  wire           cfg_re,
    input  wire [5:0]     cfg_addr,
    input  wire [15:0]    cfg_wdata,
    output reg  [15:0]    cfg_rdata,

    // memory master
    output reg            m_req,
    output reg            m_we,
    output reg  [AW-1:0]  m_addr,
    output reg  [DW-1:0]  m_wdata,
    input  wire           m_gnt,
    input  wire           m_rvalid,
    input  wire [DW-1:0]  m_rdata,
    input  wire           m_err,

    output wire           irq
);

    // ------------------------------------------------------------------
    // channel registers
    // ------------------------------------------------------------------
    reg [15:0] src0, src1, src2, src3;
    reg [15:0] dst0, dst1, dst2, dst3;
    reg [15:0] len0, len1, len2, len3;
    reg [3:0]  ctl0, ctl1, ctl2, ctl3;
    reg [3:0]  done;
    reg [3:0]  err;

    // ------------------------------------------------------------------
    // engine state
    // ------------------------------------------------------------------
    localparam S_IDLE     = 4'd0;
    localparam S_ARB      = 4'd1;
    localparam S_LOAD     = 4'd2;
    localparam S_RD_REQ   = 4'd3;
    localparam S_RD_WAIT  = 4'd4;
    localparam S_WR_REQ   = 4'd5;
    localparam S_WR_WAIT  = 4'd6;
    localparam S_UPDATE   = 4'd7;
    localparam S_CHECK    = 4'd8;
    localparam S_DONE     = 4'd9;
    localparam S_ERROR    = 4'd10;
    localparam S_RELEASE  = 4'd11;

    reg [3:0]  state;
    reg [1:0]  ch;
    reg [1:0]  last_ch;
    reg [15:0] cur_src;
    reg [15:0] cur_dst;
    reg [15:0] cur_len;
    reg [3:0]  cur_ctl;
    reg [15:0] burst_cnt;
    reg [31:0] word_cnt;
    reg [31:0] word_cnt_shadow;
    reg [15:0] wait_cnt;

    // a channel wants service when enabled, with words left, and not finished
    wire want0 = ctl0[0] & (len0 != 16'd0) & ~done[0] & ~err[0];
    wire want1 = ctl1[0] & (len1 != 16'd0) & ~done[1] & ~err[1];
    wire want2 = ctl2[0] & (len2 != 16'd0) & ~done[2] & ~err[2];
    wire want3 = ctl3[0] & (len3 != 16'd0) & ~done[3] & ~err[3];
    wire any_want = want0 | want1 | want2 | want3;

    // round robin choice
    reg [1:0] next_ch;
    always @* begin
        next_ch = 2'd0;
        case (last_ch)
            2'd0:
                if (want1)      next_ch = 2'd1;
                else if (want2) next_ch = 2'd2;
                else if (want3) next_ch = 2'd3;
                else            next_ch = 2'd0;
            2'd1:
                if (want2)      next_ch = 2'd2;
                else if (want3) next_ch = 2'd3;
                else if (want0) next_ch = 2'd0;
                else            next_ch = 2'd1;
            2'd2:
                if (want3)      next_ch = 2'd3;
                else if (want0) next_ch = 2'd0;
                else if (want1) next_ch = 2'd1;
                else            next_ch = 2'd2;
            2'd3:
                if (want0)      next_ch = 2'd0;
                else if (want1) next_ch = 2'd1;
                else if (want2) next_ch = 2'd2;
                else            next_ch = 2'd3;
        endcase
    end

    // ------------------------------------------------------------------
    // engine
    // ------------------------------------------------------------------
    always @(posedge clk or negedge rst_n) begin
        if (!rst_n) begin
            state     <= S_IDLE;
            ch        <= 2'd0;
            last_ch   <= 2'd3;
            cur_src   <= 16'd0;
            cur_dst   <= 16'd0;
            cur_len   <= 16'd0;
            cur_ctl   <= 4'd0;
            burst_cnt <= 16'd0;
            word_cnt  <= 32'd0;
            word_cnt_shadow <= 32'd0;
            wait_cnt  <= 16'd0;
            m_req     <= 1'b0;
            m_we      <= 1'b0;
            m_addr    <= {AW{1'b0}};
            m_wdata   <= {DW{1'b0}};
        end else begin
            case (state)
                S_IDLE: begin
                    m_req    <= 1'b0;
                    m_we     <= 1'b0;
                    wait_cnt <= 16'd0;
                    if (any_want)
                        state <= S_ARB;
                end

                S_ARB: begin
                    if (any_want) begin
                        ch      <= next_ch;
                        last_ch <= next_ch;
                        state   <= S_LOAD;
                    end else
                        state <= S_IDLE;
                end

                S_LOAD: begin
                    burst_cnt <= 16'd0;
                    case (ch)
                        2'd0: begin cur_src <= src0; cur_dst <= dst0; cur_len <= len0; cur_ctl <= ctl0; end
                        2'd1: begin cur_src <= src1; cur_dst <= dst1; cur_len <= len1; cur_ctl <= ctl1; end
                        2'd2: begin cur_src <= src2; cur_dst <= dst2; cur_len <= len2; cur_ctl <= ctl2; end
                        2'd3: begin cur_src <= src3; cur_dst <= dst3; cur_len <= len3; cur_ctl <= ctl3; end
                    endcase
                    state <= S_RD_REQ;
                end

                S_RD_REQ: begin
                    m_req    <= 1'b1;
                    m_we     <= 1'b0;
                    m_addr   <= cur_src;
                    wait_cnt <= 16'd0;
                    if (m_req && m_gnt) begin
                        m_req <= 1'b0;
                        state <= S_RD_WAIT;
                    end
                end

                S_RD_WAIT: begin
                    wait_cnt <= wait_cnt + 16'd1;
                    if (m_err)
                        state <= S_ERROR;
                    else if (m_rvalid) begin
                        m_wdata <= m_rdata;
                        state   <= S_WR_REQ;
                    end else if (wait_cnt >= 16'd100)
                        state <= S_ERROR;
                end

                S_WR_REQ: begin
                    m_req    <= 1'b1;
                    m_we     <= 1'b1;
                    m_addr   <= cur_dst;
                    wait_cnt <= 16'd0;
                    if (m_req && m_gnt) begin
                        m_req <= 1'b0;
                        m_we  <= 1'b0;
                        state <= S_WR_WAIT;
                    end
                end

                S_WR_WAIT: begin
                    if (m_err) state <= S_ERROR;
                    else       state <= S_UPDATE;
                end

                S_UPDATE: begin
                    if (cur_ctl[1])
                        cur_src <= cur_src + 16'd1;
                    if (cur_ctl[2])
                        cur_dst <= cur_dst + 16'd1;
                    cur_len         <= cur_len - 16'd1;
                    burst_cnt       <= burst_cnt + 16'd1;
                    word_cnt        <= word_cnt + 32'd1;
                    word_cnt_shadow <= word_cnt_shadow + 32'd1;
                    state           <= S_CHECK;
                end

                S_CHECK: begin
                    if (cur_len == 16'd0)
                        state <= S_DONE;
                    else if (burst_cnt >= BURST)
                        state <= S_RELEASE;
                    else
                        state <= S_RD_REQ;
                end

                S_DONE:    state <= S_IDLE;
                S_RELEASE: state <= S_ARB;
                S_ERROR:   state <= S_IDLE;
                default:   state <= S_IDLE;
            endcase
        end
    end

    // ------------------------------------------------------------------
    // channel registers: software writes, engine write-back
    // ------------------------------------------------------------------
    wire write_back = (state == S_DONE) || (state == S_RELEASE) || (state == S_ERROR);

    always @(posedge clk or negedge rst_n) begin
        if (!rst_n) begin
            src0 <= 16'd0; dst0 <= 16'd0; len0 <= 16'd0; ctl0 <= 4'd0;
            src1 <= 16'd0; dst1 <= 16'd0; len1 <= 16'd0; ctl1 <= 4'd0;
            src2 <= 16'd0; dst2 <= 16'd0; len2 <= 16'd0; ctl2 <= 4'd0;
            src3 <= 16'd0; dst3 <= 16'd0; len3 <= 16'd0; ctl3 <= 4'd0;
            done <= 4'd0;
            err  <= 4'd0;
        end else begin
            if (cfg_we) begin
                if (cfg_addr == 6'd0)       src0 <= cfg_wdata;
                else if (cfg_addr == 6'd1)  dst0 <= cfg_wdata;
                else if (cfg_addr == 6'd2)  len0 <= cfg_wdata;
                else if (cfg_addr == 6'd3)  ctl0 <= cfg_wdata[3:0];
                else if (cfg_addr == 6'd8)  src1 <= cfg_wdata;
                else if (cfg_addr == 6'd9)  dst1 <= cfg_wdata;
                else if (cfg_addr == 6'd10) len1 <= cfg_wdata;
                else if (cfg_addr == 6'd11) ctl1 <= cfg_wdata[3:0];
                else if (cfg_addr == 6'd16) src2 <= cfg_wdata;
                else if (cfg_addr == 6'd17) dst2 <= cfg_wdata;
                else if (cfg_addr == 6'd18) len2 <= cfg_wdata;
                else if (cfg_addr == 6'd19) ctl2 <= cfg_wdata[3:0];
                else if (cfg_addr == 6'd24) src3 <= cfg_wdata;
                else if (cfg_addr == 6'd25) dst3 <= cfg_wdata;
                else if (cfg_addr == 6'd26) len3 <= cfg_wdata;
                else if (cfg_addr == 6'd27) ctl3 <= cfg_wdata[3:0];

                // status clear
                if (cfg_addr == 6'd4 && cfg_wdata[1])  begin done[0] <= 1'b0; err[0] <= 1'b0; end
                if (cfg_addr == 6'd12 && cfg_wdata[1]) begin done[1] <= 1'b0; err[1] <= 1'b0; end
                if (cfg_addr == 6'd20 && cfg_wdata[1]) begin done[2] <= 1'b0; err[2] <= 1'b0; end
                if (cfg_addr == 6'd28 && cfg_wdata[1]) begin done[3] <= 1'b0; err[3] <= 1'b0; end
            end

            if (write_back) begin
                if (ch == 2'd0) begin src0 <= cur_src; dst0 <= cur_dst; len0 <= cur_len; end
                if (ch == 2'd1) begin src1 <= cur_src; dst1 <= cur_dst; len1 <= cur_len; end
                if (ch == 2'd2) begin src2 <= cur_src; dst2 <= cur_dst; len2 <= cur_len; end
                if (ch == 2'd3) begin src3 <= cur_src; dst3 <= cur_dst; len3 <= cur_len; end
            end

            if (state == S_DONE) begin
                if (ch == 2'd0) begin done[0] <= 1'b1; ctl0[0] <= 1'b0; end
                if (ch == 2'd1) begin done[1] <= 1'b1; ctl1[0] <= 1'b0; end
                if (ch == 2'd2) begin done[2] <= 1'b1; ctl2[0] <= 1'b0; end
                if (ch == 2'd3) begin done[3] <= 1'b1; ctl3[0] <= 1'b0; end
            end

            if (state == S_ERROR) begin
                if (ch == 2'd0) begin err[0] <= 1'b1; ctl0[0] <= 1'b0; end
                if (ch == 2'd1) begin err[1] <= 1'b1; ctl1[0] <= 1'b0; end
                if (ch == 2'd2) begin err[2] <= 1'b1; ctl2[0] <= 1'b0; end
                if (ch == 2'd3) begin err[3] <= 1'b1; ctl3[0] <= 1'b0; end
            end
        end
    end

    // ------------------------------------------------------------------
    // read back
    // ------------------------------------------------------------------
    wire eng_busy = (state != S_IDLE);
    wire [3:0] busy = {eng_busy && (ch == 2'd3), eng_busy && (ch == 2'd2),
                       eng_busy && (ch == 2'd1), eng_busy && (ch == 2'd0)};

    always @(posedge clk or negedge rst_n) begin
        if (!rst_n)
            cfg_rdata <= 16'd0;
        else if (cfg_re) begin
            case (cfg_addr)
                6'd0:  cfg_rdata <= src0;
                6'd1:  cfg_rdata <= dst0;
                6'd2:  cfg_rdata <= len0;
                6'd3:  cfg_rdata <= {12'd0, ctl0};
                6'd4:  cfg_rdata <= {13'd0, err[0], done[0], busy[0]};
                6'd8:  cfg_rdata <= src1;
                6'd9:  cfg_rdata <= dst1;
                6'd10: cfg_rdata <= len1;
                6'd11: cfg_rdata <= {12'd0, ctl1};
                6'd12: cfg_rdata <= {13'd0, err[1], done[1], busy[1]};
                6'd16: cfg_rdata <= src2;
                6'd17: cfg_rdata <= dst2;
                6'd18: cfg_rdata <= len2;
                6'd19: cfg_rdata <= {12'd0, ctl2};
                6'd20: cfg_rdata <= {13'd0, err[2], done[2], busy[2]};
                6'd24: cfg_rdata <= src3;
                6'd25: cfg_rdata <= dst3;
                6'd26: cfg_rdata <= len3;
                6'd27: cfg_rdata <= {12'd0, ctl3};
                6'd28: cfg_rdata <= {13'd0, err[3], done[3], busy[3]};
                6'd32: cfg_rdata <= {8'd0, err, done};
                6'd33: cfg_rdata <= word_cnt[15:0];
                6'd34: cfg_rdata <= word_cnt_shadow[15:0];
                default: cfg_rdata <= 16'd0;
            endcase
        end
    end

    assign irq = ((done[0] | err[0]) & ctl0[3]) |
                 ((done[1] | err[1]) & ctl1[3]) |
                 ((done[2] | err[2]) & ctl2[3]) |
                 ((done[3] | err[3]) & ctl3[3]);

endmodule
