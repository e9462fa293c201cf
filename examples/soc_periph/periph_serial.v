// -----------------------------------------------------------------------------
// Serial interfaces of the peripheral subsystem: UART and SPI master
// -----------------------------------------------------------------------------

// UART, 8N1, one byte of buffering in each direction.
//   0 DATA   1 STATUS {ovr, ferr, tx_ready, rx_valid}   2 DIV (clocks per bit)
module periph_uart (
    input  wire        clk,
    input  wire        rst_n,
    input  wire        sel,
    input  wire        we,
    input  wire        re,
    input  wire [3:0]  addr,
    input  wire [15:0] wdata,
    output reg  [15:0] rdata,
    input  wire        rxd,
    output reg         txd,
    output wire        irq_rx,
    output wire        irq_tx
);

    reg [15:0] div;

    // ---------------- transmitter ----------------
    localparam TX_IDLE  = 3'd0,
               TX_START = 3'd1,
               TX_DATA  = 3'd2,
               TX_STOP  = 3'd3,
               TX_GAP   = 3'd4;

    reg [2:0]  tx_state;
    reg [31:0] tx_div;
    reg [7:0]  tx_bit;
    reg [7:0]  tx_sh;
    reg [7:0]  tx_hold;
    reg        tx_full;

    wire wr_data = sel && we && (addr == 4'd0);
    wire rd_data = sel && re && (addr == 4'd0);

    always @(posedge clk or negedge rst_n) begin
        if (!rst_n) begin
            tx_state <= TX_IDLE;
            tx_div   <= 32'd0;
            tx_bit   <= 8'd0;
            tx_sh    <= 8'd0;
            tx_hold  <= 8'd0;
            tx_full  <= 1'b0;
            txd      <= 1'b1;
        end else begin
            if (wr_data && !tx_full) begin
                tx_hold <= wdata[7:0];
                tx_full <= 1'b1;
            end
            case (tx_state)
                TX_IDLE: begin
                    txd    <= 1'b1;
                    tx_div <= 32'd0;
                    tx_bit <= 8'd0;
                    if (tx_full) begin
                        tx_sh    <= tx_hold;
                        tx_full  <= 1'b0;
                        tx_state <= TX_START;
                    end
                end
                TX_START: begin
                    txd <= 1'b0;
                    if (tx_div >= div - 1) begin
                        tx_div   <= 32'd0;
                        tx_state <= TX_DATA;
                    end else
                        tx_div <= tx_div + 32'd1;
                end
                TX_DATA: begin
                    txd <= tx_sh[0];
                    if (tx_div >= div - 1) begin
                        tx_div <= 32'd0;
                        tx_sh  <= {1'b0, tx_sh[7:1]};
                        tx_bit <= tx_bit + 8'd1;
                        if (tx_bit == 8'd7) tx_state <= TX_STOP;
                    end else
                        tx_div <= tx_div + 32'd1;
                end
                TX_STOP: begin
                    txd <= 1'b1;
                    if (tx_div >= div - 1) begin
                        tx_div   <= 32'd0;
                        tx_state <= TX_GAP;
                    end else
                        tx_div <= tx_div + 32'd1;
                end
                TX_GAP: begin
                    txd      <= 1'b1;
                    tx_state <= TX_IDLE;
                end
                default: tx_state <= TX_IDLE;
            endcase
        end
    end

    // ---------------- receiver ----------------
    localparam RX_IDLE = 2'd0, RX_START = 2'd1, RX_DATA = 2'd2, RX_STOP = 2'd3;

    reg [1:0]  rx_state;
    reg [31:0] rx_div;
    reg [7:0]  rx_bit;
    reg [7:0]  rx_sh;
    reg [7:0]  rx_data;
    reg        rx_valid;
    reg        ferr;
    reg        ovr;
    reg        rx_m, rx_s;

    always @(posedge clk or negedge rst_n) begin
        if (!rst_n) begin
            rx_m <= 1'b1;
            rx_s <= 1'b1;
        end else begin
            rx_m <= rxd;
            rx_s <= rx_m;
        end
    end

    always @(posedge clk or negedge rst_n) begin
        if (!rst_n) begin
            rx_state <= RX_IDLE;
            rx_div   <= 32'd0;
            rx_bit   <= 8'd0;
            rx_sh    <= 8'd0;
            rx_data  <= 8'd0;
            rx_valid <= 1'b0;
            ferr     <= 1'b0;
            ovr      <= 1'b0;
        end else begin
            if (rd_data) begin
                rx_valid <= 1'b0;
                ferr     <= 1'b0;
                ovr      <= 1'b0;
            end
            case (rx_state)
                RX_IDLE: begin
                    rx_div <= 32'd0;
                    rx_bit <= 8'd0;
                    if (rx_s == 1'b0) rx_state <= RX_START;
                end
                RX_START: begin
                    if (rx_div >= div / 2) begin
                        rx_div <= 32'd0;
                        if (rx_s == 1'b0) rx_state <= RX_DATA;
                        else              rx_state <= RX_IDLE;
                    end else
                        rx_div <= rx_div + 32'd1;
                end
                RX_DATA: begin
                    if (rx_div >= div - 1) begin
                        rx_div <= 32'd0;
                        rx_sh  <= {rx_s, rx_sh[7:1]};
                        rx_bit <= rx_bit + 8'd1;
                        if (rx_bit == 8'd7) rx_state <= RX_STOP;
                    end else
                        rx_div <= rx_div + 32'd1;
                end
                RX_STOP: begin
                    if (rx_div >= div - 1) begin
                        rx_div   <= 32'd0;
                        rx_state <= RX_IDLE;
                        rx_data  <= rx_sh;
                        rx_valid <= 1'b1;
                        if (rx_s == 1'b0) ferr <= 1'b1;
                        if (rx_valid)     ovr  <= 1'b1;
                    end else
                        rx_div <= rx_div + 32'd1;
                end
            endcase
        end
    end

    always @(posedge clk or negedge rst_n)
        if (!rst_n)                        div <= 16'd16;
        else if (sel && we && addr == 4'd2) div <= wdata;

    always @* begin
        case (addr)
            4'd0:    rdata = {8'd0, rx_data};
            4'd1:    rdata = {12'd0, ovr, ferr, ~tx_full, rx_valid};
            4'd2:    rdata = div;
            default: rdata = 16'd0;
        endcase
    end

    assign irq_rx = rx_valid;
    assign irq_tx = ~tx_full;

endmodule


// SPI master, 8 or 16 bit, all four modes, four chip selects.
//   0 DATA (write starts)   1 CTRL {len16, cpha, cpol, cs[1:0]}
//   2 DIV                    3 STATUS {done, busy}
module periph_spi (
    input  wire        clk,
    input  wire        rst_n,
    input  wire        sel,
    input  wire        we,
    input  wire        re,
    input  wire [3:0]  addr,
    input  wire [15:0] wdata,
    output reg  [15:0] rdata,
    output reg         sck,
    output reg         mosi,
    input  wire        miso,
    output reg  [3:0]  cs_n,
    output wire        irq
);

    localparam S_IDLE   = 8'b00000001,
               S_SETUP  = 8'b00000010,
               S_LEAD   = 8'b00000100,
               S_TRAIL  = 8'b00001000,
               S_CHECK  = 8'b00010000,
               S_HOLD   = 8'b00100000,
               S_FINISH = 8'b01000000;

    reg [7:0]  state;
    reg [4:0]  ctrl;
    reg [7:0]  div;
    reg [15:0] dcnt;
    reg [15:0] bits_left;
    reg [15:0] sh_out;
    reg [15:0] sh_in;
    reg [15:0] rx;
    reg        done;

    wire cpol  = ctrl[2];
    wire cpha  = ctrl[3];
    wire len16 = ctrl[4];
    wire busy  = (state == S_SETUP) || (state == S_LEAD) || (state == S_TRAIL) ||
                 (state == S_CHECK) || (state == S_HOLD) || (state == S_FINISH);
    wire dhit  = (dcnt >= {8'd0, div});
    wire start = sel && we && (addr == 4'd0);

    always @(posedge clk or negedge rst_n) begin
        if (!rst_n) begin
            state     <= S_IDLE;
            dcnt      <= 16'd0;
            bits_left <= 16'd0;
            sh_out    <= 16'd0;
            sh_in     <= 16'd0;
            rx        <= 16'd0;
            done      <= 1'b0;
            sck       <= 1'b0;
            mosi      <= 1'b0;
            cs_n      <= 4'b1111;
        end else begin
            if (sel && re && addr == 4'd0)
                done <= 1'b0;

            if (state == S_IDLE) begin
                sck  <= cpol;
                dcnt <= 16'd0;
                cs_n <= 4'b1111;
                if (start) begin
                    if (len16) sh_out <= wdata;
                    else       sh_out <= {wdata[7:0], 8'd0};
                    if (len16) bits_left <= 16'd16;
                    else       bits_left <= 16'd8;
                    sh_in <= 16'd0;
                    done  <= 1'b0;
                    if (ctrl[1:0] == 2'd0)      cs_n <= 4'b1110;
                    else if (ctrl[1:0] == 2'd1) cs_n <= 4'b1101;
                    else if (ctrl[1:0] == 2'd2) cs_n <= 4'b1011;
                    else                        cs_n <= 4'b0111;
                    state <= S_SETUP;
                end
            end else if (state == S_SETUP) begin
                if (!cpha) mosi <= sh_out[15];
                if (dhit) begin
                    dcnt  <= 16'd0;
                    state <= S_LEAD;
                end else
                    dcnt <= dcnt + 16'd1;
            end else if (state == S_LEAD) begin
                // leading edge
                if (dcnt == 16'd0) begin
                    sck <= ~cpol;
                    if (!cpha) sh_in <= {sh_in[14:0], miso};
                    else       mosi  <= sh_out[15];
                end
                if (dhit) begin
                    dcnt  <= 16'd0;
                    state <= S_TRAIL;
                end else
                    dcnt <= dcnt + 16'd1;
            end else if (state == S_TRAIL) begin
                // trailing edge
                if (dcnt == 16'd0) begin
                    sck    <= cpol;
                    sh_out <= {sh_out[14:0], 1'b0};
                    if (cpha) sh_in <= {sh_in[14:0], miso};
                    else      mosi  <= sh_out[14];
                    bits_left <= bits_left - 16'd1;
                end
                if (dhit) begin
                    dcnt  <= 16'd0;
                    state <= S_CHECK;
                end else
                    dcnt <= dcnt + 16'd1;
            end else if (state == S_CHECK) begin
                if (bits_left == 16'd0) state <= S_HOLD;
                else                    state <= S_LEAD;
            end else if (state == S_HOLD) begin
                if (dhit) begin
                    dcnt  <= 16'd0;
                    cs_n  <= 4'b1111;
                    state <= S_FINISH;
                end else
                    dcnt <= dcnt + 16'd1;
            end else if (state == S_FINISH) begin
                rx    <= sh_in;
                done  <= 1'b1;
                state <= S_IDLE;
            end else
                state <= S_IDLE;
        end
    end

    always @(posedge clk or negedge rst_n) begin
        if (!rst_n) begin
            ctrl <= 5'd0;
            div  <= 8'd1;
        end else if (sel && we) begin
            if (addr == 4'd1) ctrl <= wdata[4:0];
            if (addr == 4'd2) div  <= wdata[7:0];
        end
    end

    always @* begin
        if (addr == 4'd0)      rdata = rx;
        else if (addr == 4'd1) rdata = {11'd0, ctrl};
        else if (addr == 4'd2) rdata = {8'd0, div};
        else if (addr == 4'd3) rdata = {14'd0, done, busy};
        else                   rdata = 16'd0;
    end

    assign irq = done;

endmodule
