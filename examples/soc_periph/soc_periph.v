// =============================================================================
// soc_periph - peripheral subsystem of the sensor controller
//
//   16-bit bus, one access per clock, read data one clock after the request.
//
//   0x000 - 0x00F  timer          0x010 - 0x01F  pwm
//   0x020 - 0x02F  gpio           0x030 - 0x03F  uart
//   0x040 - 0x04F  spi            0x050 - 0x05F  interrupt controller
//   0x060 - 0x06F  system (id, scratch, cycle counter, error count)
//
//   Other addresses answer with bus_err and 0xDEAD.
// =============================================================================
module soc_periph #(
	parameter GPIO_W   = 8,
	parameter ID       = 16'h5C01,
	parameter DEBOUNCE = 20
) (
	input  wire              clk,
	input  wire              rst_n,

	// bus
	input  wire              bus_valid,
	input  wire              bus_we,
	input  wire [11:0]       bus_addr,
	input  wire [15:0]       bus_wdata,
	output reg  [15:0]       bus_rdata,
	output reg               bus_ready,
	output reg               bus_err,

	// pins
	input  wire              capture_in,
	output wire [3:0]        pwm,
	input  wire [GPIO_W-1:0] gpio_in,
	output wire [GPIO_W-1:0] gpio_out,
	output wire [GPIO_W-1:0] gpio_oe,
	input  wire              uart_rxd,
	output wire              uart_txd,
	output wire              spi_sck,
	output wire              spi_mosi,
	input  wire              spi_miso,
	output wire [3:0]        spi_cs_n,

	output wire              cpu_irq
);

	// -------------------------------------------------------------------------
	// address decoder
	// -------------------------------------------------------------------------
	reg sel_timer, sel_pwm, sel_gpio, sel_uart, sel_spi, sel_intc, sel_sys, sel_none;

	always @* begin
		sel_timer = 1'b0;
		sel_pwm   = 1'b0;
		sel_gpio  = 1'b0;
		sel_uart  = 1'b0;
		sel_spi   = 1'b0;
		sel_intc  = 1'b0;
		sel_sys   = 1'b0;
		sel_none  = 1'b0;
		if (bus_valid) begin
			if (bus_addr < 12'h010)
				sel_timer = 1'b1;
			else if (bus_addr >= 12'h010 && bus_addr < 12'h020)
				sel_pwm = 1'b1;
			else if (bus_addr >= 12'h020 && bus_addr < 12'h030)
				sel_gpio = 1'b1;
			else if (bus_addr >= 12'h030 && bus_addr < 12'h040)
				sel_uart = 1'b1;
			else if (bus_addr >= 12'h040 && bus_addr < 12'h050)
				sel_spi = 1'b1;
			else if (bus_addr >= 12'h050 && bus_addr < 12'h060)
				sel_intc = 1'b1;
			else if (bus_addr >= 12'h060 && bus_addr < 12'h070)
				sel_sys = 1'b1;
			else
				sel_none = 1'b1;
		end
	end

	// offsets inside the blocks
	wire [11:0] off_timer = bus_addr - 12'h000;
	wire [11:0] off_pwm   = bus_addr - 12'h010;
	wire [11:0] off_gpio  = bus_addr - 12'h020;
	wire [11:0] off_uart  = bus_addr - 12'h030;
	wire [11:0] off_spi   = bus_addr - 12'h040;
	wire [11:0] off_intc  = bus_addr - 12'h050;
	wire [11:0] off_sys   = bus_addr - 12'h060;

	wire [15:0] rd_timer, rd_pwm, rd_gpio, rd_uart, rd_spi, rd_intc;
	reg  [15:0] rd_sys;

	wire irq_t0, irq_t1, irq_pwm, irq_gpio, irq_urx, irq_utx, irq_spi;

	wire bus_re = ~bus_we;

	// -------------------------------------------------------------------------
	// blocks
	// -------------------------------------------------------------------------
	periph_timer #(.PW(8)) u_timer (
		.clk        (clk),
		.rst_n      (rst_n),
		.sel        (sel_timer),
		.we         (bus_we),
		.addr       (off_timer[3:0]),
		.wdata      (bus_wdata),
		.rdata      (rd_timer),
		.capture_in (capture_in),
		.irq0       (irq_t0),
		.irq1       (irq_t1)
	);

	periph_pwm u_pwm (
		.clk        (clk),
		.rst_n      (rst_n),
		.sel        (sel_pwm),
		.we         (bus_we),
		.addr       (off_pwm[3:0]),
		.wdata      (bus_wdata),
		.rdata      (rd_pwm),
		.pwm        (pwm),
		.period_irq (irq_pwm)
	);

	periph_gpio #(.W(GPIO_W), .FILTER(DEBOUNCE)) u_gpio (
		.clk        (clk),
		.rst_n      (rst_n),
		.sel        (sel_gpio),
		.we         (bus_we),
		.addr       (off_gpio[3:0]),
		.wdata      (bus_wdata),
		.rdata      (rd_gpio),
		.pin_in     (gpio_in),
		.pin_out    (gpio_out),
		.pin_oe     (gpio_oe),
		.irq        (irq_gpio)
	);

	periph_uart u_uart (
		.clk        (clk),
		.rst_n      (rst_n),
		.sel        (sel_uart),
		.we         (bus_we),
		.re         (bus_re),
		.addr       (off_uart[3:0]),
		.wdata      (bus_wdata),
		.rdata      (rd_uart),
		.rxd        (uart_rxd),
		.txd        (uart_txd),
		.irq_rx     (irq_urx),
		.irq_tx     (irq_utx)
	);

	periph_spi u_spi (
		.clk        (clk),
		.rst_n      (rst_n),
		.sel        (sel_spi),
		.we         (bus_we),
		.re         (bus_re),
		.addr       (off_spi[3:0]),
		.wdata      (bus_wdata),
		.rdata      (rd_spi),
		.sck        (spi_sck),
		.mosi       (spi_mosi),
		.miso       (spi_miso),
		.cs_n       (spi_cs_n),
		.irq        (irq_spi)
	);

	periph_intc u_intc (
		.clk        (clk),
		.rst_n      (rst_n),
		.sel        (sel_intc),
		.we         (bus_we),
		.addr       (off_intc[3:0]),
		.wdata      (bus_wdata),
		.rdata      (rd_intc),
		.src        ({1'b0, irq_spi, irq_utx, irq_urx, irq_gpio, irq_pwm, irq_t1, irq_t0}),
		.irq        (cpu_irq)
	);

	// -------------------------------------------------------------------------
	// system registers
	// -------------------------------------------------------------------------
	reg [15:0] scratch;
	reg [31:0] cycles;
	reg [31:0] err_count;
	reg [15:0] id_reg;

	always @(posedge clk or negedge rst_n) begin
		if (!rst_n) begin
			scratch   <= 16'd0;
			cycles    <= 32'd0;
			err_count <= 32'd0;
			id_reg    <= ID;
		end else begin
			id_reg <= ID;
			cycles <= cycles + 32'd1;
			if (sel_sys && bus_we && off_sys[3:0] == 4'd1)
				scratch <= bus_wdata;
			if (sel_none) begin
				if (err_count < 32'd255)
					err_count <= err_count + 32'd1;
			end
		end
	end

	always @* begin
		case (off_sys[3:0])
			4'd0:    rd_sys = id_reg;
			4'd1:    rd_sys = scratch;
			4'd2:    rd_sys = cycles[15:0];
			4'd3:    rd_sys = err_count[15:0];
			default: rd_sys = 16'd0;
		endcase
	end

	// -------------------------------------------------------------------------
	// read multiplexer
	// -------------------------------------------------------------------------
	always @(posedge clk or negedge rst_n) begin
		if (!rst_n) begin
			bus_rdata <= 16'd0;
			bus_ready <= 1'b0;
			bus_err   <= 1'b0;
		end else begin
			bus_ready <= bus_valid;
			bus_err   <= sel_none;
			if (bus_valid && !bus_we) begin
				if (sel_timer)      bus_rdata <= rd_timer;
				else if (sel_pwm)   bus_rdata <= rd_pwm;
				else if (sel_gpio)  bus_rdata <= rd_gpio;
				else if (sel_uart)  bus_rdata <= rd_uart;
				else if (sel_spi)   bus_rdata <= rd_spi;
				else if (sel_intc)  bus_rdata <= rd_intc;
				else if (sel_sys)   bus_rdata <= rd_sys;
				else                bus_rdata <= 16'hDEAD;
			end
		end
	end

endmodule


// -----------------------------------------------------------------------------
// GPIO with input filter and edge interrupts
//   0 OUT  1 OE  2 IN (filtered)  3 RISE enable  4 FALL enable
//   5 PENDING (write 1 to clear)  6 SET  7 CLEAR  8 TOGGLE  9 count of ones
// -----------------------------------------------------------------------------
module periph_gpio #(
	parameter W      = 8,
	parameter FILTER = 20
) (
	input  wire         clk,
	input  wire         rst_n,
	input  wire         sel,
	input  wire         we,
	input  wire [3:0]   addr,
	input  wire [15:0]  wdata,
	output reg  [15:0]  rdata,
	input  wire [W-1:0] pin_in,
	output wire [W-1:0] pin_out,
	output wire [W-1:0] pin_oe,
	output wire         irq
);

	reg [W-1:0] out;
	reg [W-1:0] oe;
	reg [W-1:0] rise_en;
	reg [W-1:0] fall_en;
	reg [W-1:0] pending;
	reg [W-1:0] filt_d;
	reg [W-1:0] filt_dd;
	wire [W-1:0] filt;

	genvar g;
	generate
		for (g = 0; g < W; g = g + 1) begin : g_filter
			gpio_filter #(.LIMIT(FILTER)) u_filter (
				.clk   (clk),
				.rst_n (rst_n),
				.in    (pin_in[g]),
				.out   (filt[g])
			);
		end
	endgenerate

	// edges, each with its own history register
	always @(posedge clk or negedge rst_n) begin
		if (!rst_n) begin
			filt_d  <= {W{1'b0}};
			filt_dd <= {W{1'b0}};
		end else begin
			filt_d  <= filt;
			filt_dd <= filt;
		end
	end

	wire [W-1:0] rise = filt & ~filt_d;
	wire [W-1:0] fall = ~filt & filt_dd;
	wire [W-1:0] events = (rise & rise_en) | (fall & fall_en);

	always @(posedge clk or negedge rst_n) begin
		if (!rst_n) begin
			out     <= {W{1'b0}};
			oe      <= {W{1'b0}};
			rise_en <= {W{1'b0}};
			fall_en <= {W{1'b0}};
			pending <= {W{1'b0}};
		end else begin
			pending <= pending | events;
			if (sel && we) begin
				case (addr)
					4'd0: out     <= wdata[W-1:0];
					4'd1: oe      <= wdata[W-1:0];
					4'd3: rise_en <= wdata[W-1:0];
					4'd4: fall_en <= wdata[W-1:0];
					4'd5: pending <= (pending & ~wdata[W-1:0]) | events;
					4'd6: out     <= out | wdata[W-1:0];
					4'd7: out     <= out & ~wdata[W-1:0];
					4'd8: out     <= out ^ wdata[W-1:0];
					default: ;
				endcase
			end
		end
	end

	// number of inputs that are high
	reg [15:0] ones;
	integer    n;
	always @* begin
		ones = 16'd0;
		for (n = 0; n < W; n = n + 1)
			if (filt[n] == 1'b1)
				ones = ones + 16'd1;
	end

	always @* begin
		case (addr)
			4'd0:    rdata = {{(16-W){1'b0}}, out};
			4'd1:    rdata = {{(16-W){1'b0}}, oe};
			4'd2:    rdata = {{(16-W){1'b0}}, filt};
			4'd3:    rdata = {{(16-W){1'b0}}, rise_en};
			4'd4:    rdata = {{(16-W){1'b0}}, fall_en};
			4'd5:    rdata = {{(16-W){1'b0}}, pending};
			4'd9:    rdata = ones;
			default: rdata = 16'd0;
		endcase
	end

	assign pin_out = out;
	assign pin_oe  = oe;
	assign irq     = (pending != {W{1'b0}});

endmodule


// input synchroniser and filter of one pin
module gpio_filter #(
	parameter LIMIT = 20
) (
	input  wire clk,
	input  wire rst_n,
	input  wire in,
	output reg  out
);
	reg        s1, s2;
	reg [15:0] high_cnt;
	reg [15:0] low_cnt;

	always @(posedge clk or negedge rst_n) begin
		if (!rst_n) begin
			s1       <= 1'b0;
			s2       <= 1'b0;
			high_cnt <= 16'd0;
			low_cnt  <= 16'd0;
			out      <= 1'b0;
		end else begin
			s1 <= in;
			s2 <= s1;
			if (s2) begin
				low_cnt <= 16'd0;
				if (high_cnt < LIMIT) high_cnt <= high_cnt + 16'd1;
				else                  out      <= 1'b1;
			end else begin
				high_cnt <= 16'd0;
				if (low_cnt < LIMIT) low_cnt <= low_cnt + 16'd1;
				else                 out     <= 1'b0;
			end
		end
	end
endmodule


// -----------------------------------------------------------------------------
// Interrupt controller, 8 level sources, fixed priority with threshold
//   0 ENABLE  1 RAW  2 ACTIVE  3 VECTOR (8: none)  4 THRESHOLD
//   5 SOFT (software interrupts)   6 number of the interrupts taken
// -----------------------------------------------------------------------------
module periph_intc (
	input  wire        clk,
	input  wire        rst_n,
	input  wire        sel,
	input  wire        we,
	input  wire [3:0]  addr,
	input  wire [15:0] wdata,
	output reg  [15:0] rdata,
	input  wire [7:0]  src,
	output reg         irq
);

	reg [7:0]  enable;
	reg [7:0]  swint;
	reg [3:0]  threshold;
	reg [7:0]  raw;
	reg [3:0]  vector;
	reg [31:0] taken;
	reg        irq_d;

	wire [7:0] active = raw & enable;

	// lowest number first
	always @* begin
		if (active[0])                                            vector = 4'd0;
		else if (!active[0] && active[1])                         vector = 4'd1;
		else if (!active[0] && !active[1] && active[2])           vector = 4'd2;
		else if (active[2:0] == 3'b000 && active[3])              vector = 4'd3;
		else if (active[3:0] == 4'b0000 && active[4])             vector = 4'd4;
		else if (active[4:0] == 5'b00000 && active[5])            vector = 4'd5;
		else if (active[5:0] == 6'b000000 && active[6])           vector = 4'd6;
		else if (active[6:0] == 7'b0000000 && active[7])          vector = 4'd7;
		else                                                      vector = 4'd8;
	end

	always @(posedge clk or negedge rst_n) begin
		if (!rst_n) begin
			enable    <= 8'd0;
			swint      <= 8'd0;
			threshold <= 4'd8;
			raw       <= 8'd0;
			irq       <= 1'b0;
			irq_d     <= 1'b0;
			taken     <= 32'd0;
		end else begin
			raw   <= src | swint;
			irq_d <= irq;
			if (vector < threshold && vector != 4'd8 && active != 8'd0)
				irq <= 1'b1;
			else
				irq <= 1'b0;
			if (irq == 1'b1 && irq_d == 1'b0)
				taken <= taken + 32'd1;
			if (sel && we) begin
				if (addr == 4'd0)      enable    <= wdata[7:0];
				else if (addr == 4'd4) threshold <= wdata[3:0];
				else if (addr == 4'd5) swint      <= wdata[7:0];
			end
		end
	end

	always @* begin
		case (addr)
			4'd0:    rdata = {8'd0, enable};
			4'd1:    rdata = {8'd0, raw};
			4'd2:    rdata = {8'd0, raw & enable};
			4'd3:    rdata = {12'd0, vector};
			4'd4:    rdata = {12'd0, threshold};
			4'd5:    rdata = {8'd0, swint};
			4'd6:    rdata = taken[15:0];
			default: rdata = 16'd0;
		endcase
	end

endmodule
