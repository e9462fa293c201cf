`timescale 1ns/1ps
// Smoke test for soc_periph: every block once, UART and SPI looped back.
module tb_soc_periph;
	reg clk = 0, rst_n = 0, bus_valid = 0, bus_we = 0, capture_in = 0;
	reg [11:0] bus_addr = 0;
	reg [15:0] bus_wdata = 0;
	reg [7:0] gpio_in = 0;
	wire [15:0] bus_rdata;
	wire bus_ready, bus_err, txd, sck, mosi, cpu_irq;
	wire [3:0] pwm, cs_n;
	wire [7:0] gpio_out, gpio_oe;

	soc_periph dut (.clk(clk), .rst_n(rst_n), .bus_valid(bus_valid), .bus_we(bus_we),
		.bus_addr(bus_addr), .bus_wdata(bus_wdata), .bus_rdata(bus_rdata), .bus_ready(bus_ready),
		.bus_err(bus_err), .capture_in(capture_in), .pwm(pwm), .gpio_in(gpio_in),
		.gpio_out(gpio_out), .gpio_oe(gpio_oe), .uart_rxd(txd), .uart_txd(txd), .spi_sck(sck),
		.spi_mosi(mosi), .spi_miso(mosi), .spi_cs_n(cs_n), .cpu_irq(cpu_irq));

	always #5 clk = ~clk;
	integer errors = 0, n, m, hi0, hi3;
	reg [15:0] t;

	task wr(input [11:0] a, input [15:0] d); begin
		@(negedge clk); bus_valid = 1; bus_we = 1; bus_addr = a; bus_wdata = d;
		@(negedge clk); bus_valid = 0; bus_we = 0;
	end endtask
	task rd(input [11:0] a); begin
		@(negedge clk); bus_valid = 1; bus_we = 0; bus_addr = a;
		@(negedge clk); bus_valid = 0;
	end endtask
	task expect16(input [11:0] a, input [15:0] want); begin
		rd(a);
		if (bus_rdata !== want || bus_ready !== 1'b1) begin
			errors = errors + 1;
			$display("%h: read %h, expected %h", a, bus_rdata, want);
		end
	end endtask
	task poll(input [11:0] a, input [15:0] mask); begin
		n = 0; rd(a);
		while ((bus_rdata & mask) == 0 && n < 2000) begin rd(a); n = n + 1; end
		if (n >= 2000) begin errors = errors + 1; $display("poll %h failed", a); end
	end endtask

	initial begin
		repeat (3) @(negedge clk);
		rst_n = 1;
		// system and bus errors
		expect16(12'h060, 16'h5C01);
		wr(12'h061, 16'h1234); expect16(12'h061, 16'h1234);
		expect16(12'h123, 16'hDEAD);
		if (bus_err !== 1'b1) errors = errors + 1;
		expect16(12'h063, 16'd1);
		// timer 0 periodic, timer 1 one shot
		wr(12'h001, 3); wr(12'h002, 10); wr(12'h004, 20); wr(12'h000, 4'b0111);
		wr(12'h050, 16'h0003);
		poll(12'h006, 1);
		poll(12'h006, 2);
		if (cpu_irq !== 1'b1) begin errors = errors + 1; $display("no irq"); end
		expect16(12'h053, 16'd0);
		wr(12'h000, 0); wr(12'h006, 3); expect16(12'h006, 0); expect16(12'h005, 0);
		repeat (3) @(negedge clk);
		if (cpu_irq !== 1'b0) begin errors = errors + 1; $display("irq stuck"); end
		// capture
		rd(12'h062); t = bus_rdata;
		capture_in = 1; repeat (6) @(negedge clk);
		rd(12'h007);
		if (bus_rdata - t > 8) begin errors = errors + 1; $display("capture %h %h", bus_rdata, t); end
		// pwm: count the high clocks over 10 periods
		wr(12'h011, 99); wr(12'h012, 25); wr(12'h015, 80); wr(12'h016, 8); wr(12'h010, 9);
		repeat (300) @(negedge clk);
		hi0 = 0; hi3 = 0;
		for (m = 0; m < 1000; m = m + 1) begin @(negedge clk); hi0 = hi0 + pwm[0]; hi3 = hi3 + pwm[3]; end
		if (hi0 != 250 || hi3 != 200) begin errors = errors + 1; $display("pwm %0d %0d", hi0, hi3); end
		wr(12'h017, 50); expect16(12'h013, 100);
		// gpio
		wr(12'h021, 16'h0F); wr(12'h020, 16'h05); wr(12'h026, 16'h02); wr(12'h027, 16'h01); wr(12'h028, 16'h80);
		if (gpio_out !== 8'h86 || gpio_oe !== 8'h0F) begin errors = errors + 1; $display("gpio %h", gpio_out); end
		wr(12'h023, 16'h30); wr(12'h024, 16'h10);
		gpio_in = 8'h70; repeat (8) @(negedge clk); gpio_in = 8'h30;
		repeat (40) @(negedge clk);
		expect16(12'h022, 16'h30); expect16(12'h025, 16'h30); expect16(12'h029, 2);
		wr(12'h025, 16'h20); expect16(12'h025, 16'h10);
		wr(12'h050, 16'h08); repeat (4) @(negedge clk);
		expect16(12'h053, 3);
		wr(12'h054, 3); repeat (2) @(negedge clk);
		if (cpu_irq !== 1'b0) errors = errors + 1;
		wr(12'h054, 8); wr(12'h055, 1); wr(12'h050, 9); repeat (4) @(negedge clk);
		expect16(12'h053, 0);
		// uart
		wr(12'h032, 10);
		for (m = 0; m < 4; m = m + 1) begin
			wr(12'h030, 16'h3C + m * 37);
			poll(12'h031, 1);
			expect16(12'h031, 16'h3);
			expect16(12'h030, (16'h3C + m * 37) & 16'hFF);
		end
		// spi, all modes, both lengths
		wr(12'h042, 2);
		for (m = 0; m < 8; m = m + 1) begin
			wr(12'h041, {m[2:0], 2'b10});
			wr(12'h040, 16'hA53C ^ m);
			repeat (3) @(negedge clk);
			if (cs_n !== 4'b1011) errors = errors + 1;
			poll(12'h043, 2);
			if (cs_n !== 4'b1111) errors = errors + 1;
			expect16(12'h040, m[2] ? 16'hA53C ^ m : (16'h003C ^ m));
		end
		if (errors == 0) $display("PASS"); else $display("FAIL %0d errors", errors);
		$finish;
	end
endmodule
