`timescale 1ns/1ps
// Smoke test for uart: loop back with and without parity, then an overrun.
module tb_uart;
	reg clk = 0, rst = 1, we = 0, re = 0;
	reg [1:0] addr = 0;
	reg [15:0] wdata = 0;
	wire [15:0] rdata;
	wire txd, irq;

	uart dut (.clk(clk), .rst(rst), .we(we), .re(re), .addr(addr), .wdata(wdata),
		.rdata(rdata), .rxd(txd), .txd(txd), .irq(irq));

	always #5 clk = ~clk;
	integer i, k, n, errors = 0;
	reg [7:0] sent [0:15];

	task wr(input [1:0] a, input [15:0] d); begin
		@(negedge clk); we = 1; addr = a; wdata = d;
		@(negedge clk); we = 0;
	end endtask

	task get(input [7:0] want); begin
		addr = 1; n = 0; #1;
		while (!rdata[0] && n < 4000) begin @(negedge clk); n = n + 1; end
		if (!rdata[0]) begin errors = errors + 1; $display("nothing received"); end
		addr = 0; #1;
		if (rdata[7:0] !== want) begin
			errors = errors + 1;
			$display("got %h, expected %h", rdata[7:0], want);
		end
		re = 1; @(negedge clk); re = 0; addr = 1; #1;
	end endtask

	initial begin
		repeat (4) @(negedge clk);
		rst = 0;
		wr(2, 16'd1);
		for (k = 0; k < 3; k = k + 1) begin
			wr(3, k == 0 ? 0 : k == 1 ? 1 : 3);
			for (i = 0; i < 6; i = i + 1) begin
				sent[i] = $urandom;
				wr(0, {8'd0, sent[i]});
			end
			for (i = 0; i < 6; i = i + 1) get(sent[i]);
		end
		addr = 1; #1;
		if (rdata[7:5] !== 3'b000) begin errors = errors + 1; $display("error flags %b", rdata[7:5]); end
		// overrun: nine bytes without reading
		for (i = 0; i < 9; i = i + 1) begin
			while (rdata[3]) @(negedge clk);
			wr(0, 16'h40 + i); addr = 1; #1;
			repeat (450) @(negedge clk);
		end
		if (rdata[5] !== 1'b1 || irq !== 1'b1) begin errors = errors + 1; $display("no overrun"); end
		if (errors == 0) $display("PASS"); else $display("FAIL %0d errors", errors);
		$finish;
	end
endmodule
