`timescale 1ns/1ps
// Smoke test for dma: three channels copy blocks in a memory model with random
// grants; the result is compared, and an error on the fourth channel is forced.
module tb_dma;
    reg         clk = 0, rst_n = 0;
    reg         cfg_we = 0, cfg_re = 0;
    reg  [5:0]  cfg_addr = 0;
    reg  [15:0] cfg_wdata = 0;
    wire [15:0] cfg_rdata;
    wire        m_req, m_we;
    wire [15:0] m_addr, m_wdata;
    reg         m_gnt = 0, m_rvalid = 0, m_err = 0;
    reg  [15:0] m_rdata = 0;
    wire        irq;

    dma dut (.clk(clk), .rst_n(rst_n), .cfg_we(cfg_we), .cfg_re(cfg_re),
             .cfg_addr(cfg_addr), .cfg_wdata(cfg_wdata), .cfg_rdata(cfg_rdata),
             .m_req(m_req), .m_we(m_we), .m_addr(m_addr), .m_wdata(m_wdata),
             .m_gnt(m_gnt), .m_rvalid(m_rvalid), .m_rdata(m_rdata), .m_err(m_err),
             .irq(irq));

    always #5 clk = ~clk;

    reg [15:0] mem [0:1023];
    integer i, errors = 0, n;

    // memory model
    always @(negedge clk) m_gnt = $urandom;
    always @(posedge clk) begin
        m_rvalid <= 1'b0;
        m_err    <= 1'b0;
        if (m_req && m_gnt) begin
            if (m_addr >= 16'd1024) m_err <= 1'b1;
            else if (m_we) mem[m_addr] <= m_wdata;
            else begin
                m_rvalid <= 1'b1;
                m_rdata  <= mem[m_addr];
            end
        end
    end

    task wr(input [5:0] ad, input [15:0] d);
        begin
            @(negedge clk); cfg_we = 1; cfg_addr = ad; cfg_wdata = d;
            @(negedge clk); cfg_we = 0;
        end
    endtask
    task rd(input [5:0] ad);
        begin
            @(negedge clk); cfg_re = 1; cfg_addr = ad;
            @(negedge clk); cfg_re = 0;
        end
    endtask

    initial begin
        for (i = 0; i < 1024; i = i + 1) mem[i] = i * 7 + 3;
        repeat (3) @(negedge clk);
        rst_n = 1;
        wr(0, 16);  wr(1, 512);  wr(2, 10);
        wr(8, 40);  wr(9, 600);  wr(10, 7);
        wr(16, 77); wr(17, 700); wr(18, 5);
        wr(24, 16'h4000); wr(25, 800); wr(26, 3);
        wr(3, 4'b1111); wr(11, 4'b1111); wr(19, 4'b1101); wr(27, 4'b0111);
        n = 0; cfg_addr = 0;
        while (cfg_rdata[7:0] !== 8'h87 && n < 500) begin rd(32); n = n + 1; end
        if (cfg_rdata !== 16'h0087) begin errors = errors + 1; $display("status %h", cfg_rdata); end
        for (i = 0; i < 10; i = i + 1) if (mem[512+i] !== (16+i) * 7 + 3) errors = errors + 1;
        for (i = 0; i < 7; i = i + 1)  if (mem[600+i] !== (40+i) * 7 + 3) errors = errors + 1;
        for (i = 0; i < 5; i = i + 1)  if (mem[700+i] !== 77 * 7 + 3) errors = errors + 1;
        if (mem[522] !== 522 * 7 + 3 || mem[607] !== 607 * 7 + 3) errors = errors + 1;
        rd(33);
        if (cfg_rdata !== 16'd22) begin errors = errors + 1; $display("words %0d", cfg_rdata); end
        rd(1);
        if (cfg_rdata !== 16'd522) errors = errors + 1;
        if (irq !== 1'b1) errors = errors + 1;
        wr(4, 2); wr(12, 2); wr(20, 2); wr(28, 2);
        rd(32);
        if (cfg_rdata !== 16'd0 || irq !== 1'b0) errors = errors + 1;
        if (errors == 0) $display("PASS"); else $display("FAIL %0d errors", errors);
        $finish;
    end
endmodule
