// UART with transmit and receive FIFOs.
// 8 data bits, optional parity, one stop bit, 16x oversampling.
// All in one file because the FPGA project wants it like this.

// ---------------------------------------------------------------------------
// baud rate generator: one enable for the receiver (16x) and one for the
// transmitter (1x)
// ---------------------------------------------------------------------------
module uart_baud (
	input  wire        clk,
	input  wire        rst,
	input  wire [15:0] divisor,
	output reg         tick16,
	output reg         tick1
);
	reg [31:0] cnt16;
	reg [31:0] cnt1;
	reg [7:0]  sub;

	always @(posedge clk) begin
		if (rst) begin
			cnt16  <= 32'd0;
			tick16 <= 1'b0;
		end else begin
			if (cnt16 >= {16'd0, divisor}) begin
				cnt16  <= 32'd0;
				tick16 <= 1'b1;
			end else begin
				cnt16  <= cnt16 + 32'd1;
				tick16 <= 1'b0;
			end
		end
	end

	// transmitter: 16 ticks
	always @(posedge clk) begin
		if (rst) begin
			cnt1  <= 32'd0;
			sub   <= 8'd0;
			tick1 <= 1'b0;
		end else begin
			tick1 <= 1'b0;
			if (cnt1 >= {16'd0, divisor}) begin
				cnt1 <= 32'd0;
				if (sub == 8'd15) begin
					sub   <= 8'd0;
					tick1 <= 1'b1;
				end else
					sub <= sub + 8'd1;
			end else
				cnt1 <= cnt1 + 32'd1;
		end
	end
endmodule

// ---------------------------------------------------------------------------
// small synchronous fifo
// ---------------------------------------------------------------------------
module uart_fifo #(
	parameter DEPTH = 8,
	parameter AW    = 3
) (
	input  wire       clk,
	input  wire       rst,
	input  wire       wr,
	input  wire [7:0] din,
	input  wire       rd,
	output wire [7:0] dout,
	output wire       full,
	output wire       empty,
	output wire [7:0] level
);
	reg [7:0] mem [0:DEPTH-1];
	reg [7:0] wp;
	reg [7:0] rp;
	reg [7:0] cnt;

	wire do_wr = wr & ~full;
	wire do_rd = rd & ~empty;

	always @(posedge clk)
		if (do_wr)
			mem[wp[AW-1:0]] <= din;

	always @(posedge clk) begin
		if (rst) begin
			wp  <= 8'd0;
			rp  <= 8'd0;
			cnt <= 8'd0;
		end else begin
			if (do_wr) begin
				if (wp == DEPTH - 1) wp <= 8'd0;
				else                 wp <= wp + 8'd1;
			end
			if (do_rd) begin
				if (rp == DEPTH - 1) rp <= 8'd0;
				else                 rp <= rp + 8'd1;
			end
			if (do_wr && !do_rd)
				cnt <= cnt + 8'd1;
			else if (do_rd && !do_wr)
				cnt <= cnt - 8'd1;
			else if (do_rd && do_wr)
				cnt <= cnt;
		end
	end

	assign dout  = mem[rp[AW-1:0]];
	assign full  = (cnt >= DEPTH);
	assign empty = (cnt == 8'd0);
	assign level = cnt;
endmodule

// ---------------------------------------------------------------------------
// transmitter
// ---------------------------------------------------------------------------
module uart_tx (
	input  wire       clk,
	input  wire       rst,
	input  wire       tick1,
	input  wire       par_en,
	input  wire       par_odd,
	input  wire [7:0] data,
	input  wire       avail,
	output reg        take,
	output reg        txd,
	output wire       busy
);
	localparam T_IDLE   = 4'd0,
	           T_START  = 4'd1,
	           T_BIT0   = 4'd2,
	           T_BIT1   = 4'd3,
	           T_BIT2   = 4'd4,
	           T_BIT3   = 4'd5,
	           T_BIT4   = 4'd6,
	           T_BIT5   = 4'd7,
	           T_BIT6   = 4'd8,
	           T_BIT7   = 4'd9,
	           T_PARITY = 4'd10,
	           T_STOP   = 4'd11;

	reg [3:0] state;
	reg [7:0] hold;
	wire      even = hold[0] ^ hold[1] ^ hold[2] ^ hold[3] ^ hold[4] ^ hold[5] ^ hold[6] ^ hold[7];

	always @(posedge clk) begin
		if (rst) begin
			state <= T_IDLE;
			hold  <= 8'd0;
			txd   <= 1'b1;
			take  <= 1'b0;
		end else begin
			take <= 1'b0;
			if (tick1) begin
				case (state)
				T_IDLE: begin
					txd <= 1'b1;
					if (avail) begin
						hold  <= data;
						take  <= 1'b1;
						state <= T_START;
					end
				end
				T_START: begin txd <= 1'b0;    state <= T_BIT0; end
				T_BIT0:  begin txd <= hold[0]; state <= T_BIT1; end
				T_BIT1:  begin txd <= hold[1]; state <= T_BIT2; end
				T_BIT2:  begin txd <= hold[2]; state <= T_BIT3; end
				T_BIT3:  begin txd <= hold[3]; state <= T_BIT4; end
				T_BIT4:  begin txd <= hold[4]; state <= T_BIT5; end
				T_BIT5:  begin txd <= hold[5]; state <= T_BIT6; end
				T_BIT6:  begin txd <= hold[6]; state <= T_BIT7; end
				T_BIT7: begin
					txd <= hold[7];
					if (par_en) state <= T_PARITY;
					else        state <= T_STOP;
				end
				T_PARITY: begin
					if (par_odd) txd <= ~even;
					else         txd <= even;
					state <= T_STOP;
				end
				T_STOP: begin
					txd   <= 1'b1;
					state <= T_IDLE;
				end
				default: state <= T_IDLE;
				endcase
			end
		end
	end

	assign busy = (state != T_IDLE) ? 1'b1 : 1'b0;
endmodule

// ---------------------------------------------------------------------------
// receiver
// ---------------------------------------------------------------------------
module uart_rx (
	input  wire       clk,
	input  wire       rst,
	input  wire       tick16,
	input  wire       par_en,
	input  wire       par_odd,
	input  wire       rxd,
	output reg  [7:0] data,
	output reg        valid,
	output reg        ferr,
	output reg        perr
);
	localparam R_IDLE = 3'd0, R_START = 3'd1, R_DATA = 3'd2,
	           R_PAR = 3'd3, R_STOP = 3'd4, R_BREAK = 3'd5, R_WAIT = 3'd6;

	reg [2:0]  state;
	reg [1:0]  sync;
	reg [7:0]  tcnt;      // ticks in the bit
	reg [7:0]  bcnt;      // bits received
	reg [7:0]  sh;
	reg        par_rx;
	reg        par_acc;
	wire       rx = sync[1];

	always @(posedge clk)
		if (rst) sync <= 2'b11;
		else     sync <= {sync[0], rxd};

	always @(posedge clk) begin
		if (rst) begin
			state   <= R_IDLE;
			tcnt    <= 8'd0;
			bcnt    <= 8'd0;
			sh      <= 8'd0;
			par_rx  <= 1'b0;
			par_acc <= 1'b0;
			data    <= 8'd0;
			valid   <= 1'b0;
			ferr    <= 1'b0;
			perr    <= 1'b0;
		end else begin
			valid <= 1'b0;
			ferr  <= 1'b0;
			perr  <= 1'b0;
			if (tick16) begin
				case (state)
				R_IDLE: begin
					tcnt    <= 8'd0;
					bcnt    <= 8'd0;
					par_acc <= 1'b0;
					if (rx == 1'b0) state <= R_START;
				end
				R_START: begin
					if (tcnt == 8'd6) begin
						tcnt <= 8'd0;
						if (rx == 1'b0) state <= R_DATA;
						else            state <= R_IDLE;
					end else
						tcnt <= tcnt + 8'd1;
				end
				R_DATA: begin
					if (tcnt == 8'd15) begin
						tcnt    <= 8'd0;
						sh      <= {rx, sh[7:1]};
						par_acc <= par_acc ^ rx;
						if (bcnt == 8'd7) begin
							bcnt <= 8'd0;
							if (par_en) state <= R_PAR;
							else        state <= R_STOP;
						end else
							bcnt <= bcnt + 8'd1;
					end else
						tcnt <= tcnt + 8'd1;
				end
				R_PAR: begin
					if (tcnt == 8'd15) begin
						tcnt   <= 8'd0;
						par_rx <= rx;
						state  <= R_STOP;
					end else
						tcnt <= tcnt + 8'd1;
				end
				R_STOP: begin
					if (tcnt == 8'd15) begin
						tcnt <= 8'd0;
						data <= sh;
						if (rx == 1'b1) begin
							valid <= 1'b1;
							state <= R_IDLE;
							if (par_en && !par_odd && (par_rx != par_acc))
								perr <= 1'b1;
							if (par_en && par_odd && (par_rx == par_acc))
								perr <= 1'b1;
						end else begin
							ferr <= 1'b1;
							if (sh == 8'h00) state <= R_BREAK;
							else             state <= R_WAIT;
						end
					end else
						tcnt <= tcnt + 8'd1;
				end
				R_BREAK: if (rx == 1'b1) state <= R_IDLE;
				R_WAIT:  if (rx == 1'b1) state <= R_IDLE;
				default: state <= R_IDLE;
				endcase
			end
		end
	end
endmodule

// ---------------------------------------------------------------------------
// top
//   addr 0: data   1: status   2: divisor   3: control {par_odd, par_en}
//   status: {ferr, perr, ovr, tx_busy, tx_full, tx_empty, rx_full, rx_avail}
// ---------------------------------------------------------------------------
module uart (
	input  wire        clk,
	input  wire        rst,
	input  wire        we,
	input  wire        re,
	input  wire [1:0]  addr,
	input  wire [15:0] wdata,
	output reg  [15:0] rdata,
	input  wire        rxd,
	output wire        txd,
	output wire        irq
);
	reg [15:0] divisor;
	reg [1:0]  ctrl;
	reg        ferr_s, perr_s, ovr_s;

	wire tick16, tick1;
	wire [7:0] tx_head, rx_head, rx_byte;
	wire tx_full, tx_empty, rx_full, rx_empty;
	wire tx_take, tx_busy, rx_valid, ferr, perr;
	wire [7:0] tx_level, rx_level;

	wire data_wr = we && (addr == 2'd0);
	wire data_rd = re && (addr == 2'd0);
	wire stat_rd = re && (addr == 2'd1);

	uart_baud u_baud (.clk(clk), .rst(rst), .divisor(divisor), .tick16(tick16), .tick1(tick1));

	uart_fifo #(.DEPTH(8), .AW(3)) u_txf (
		.clk(clk), .rst(rst), .wr(data_wr), .din(wdata[7:0]), .rd(tx_take),
		.dout(tx_head), .full(tx_full), .empty(tx_empty), .level(tx_level));

	uart_fifo #(.DEPTH(8), .AW(3)) u_rxf (
		.clk(clk), .rst(rst), .wr(rx_valid), .din(rx_byte), .rd(data_rd),
		.dout(rx_head), .full(rx_full), .empty(rx_empty), .level(rx_level));

	uart_tx u_tx (.clk(clk), .rst(rst), .tick1(tick1), .par_en(ctrl[0]), .par_odd(ctrl[1]),
		.data(tx_head), .avail(~tx_empty), .take(tx_take), .txd(txd), .busy(tx_busy));

	uart_rx u_rx (.clk(clk), .rst(rst), .tick16(tick16), .par_en(ctrl[0]), .par_odd(ctrl[1]),
		.rxd(rxd), .data(rx_byte), .valid(rx_valid), .ferr(ferr), .perr(perr));

	always @(posedge clk) begin
		if (rst) begin
			divisor <= 16'd9;
			ctrl    <= 2'b00;
			ferr_s  <= 1'b0;
			perr_s  <= 1'b0;
			ovr_s   <= 1'b0;
		end else begin
			if (we && (addr == 2'd2)) divisor <= wdata;
			if (we && (addr == 2'd3)) ctrl    <= wdata[1:0];
			// sticky errors, cleared by reading the status
			if (stat_rd) begin
				ferr_s <= ferr;
				perr_s <= perr;
				ovr_s  <= rx_valid & rx_full;
			end else begin
				if (ferr)               ferr_s <= 1'b1;
				if (perr)               perr_s <= 1'b1;
				if (rx_valid & rx_full) ovr_s  <= 1'b1;
			end
		end
	end

	always @* begin
		case (addr)
		2'd0: rdata = {8'd0, rx_head};
		2'd1: rdata = {rx_level[3:0], tx_level[3:0],
		               ferr_s, perr_s, ovr_s, tx_busy, tx_full, tx_empty, rx_full, ~rx_empty};
		2'd2: rdata = divisor;
		2'd3: rdata = {14'd0, ctrl};
		endcase
	end

	assign irq = ~rx_empty | ferr_s | perr_s | ovr_s;
endmodule
