`timescale 1ns/1ps
// Smoke test for cache: random reads and writes against a flat model, then a
// flush; memory must equal the model afterwards.
module tb_cache;
  reg clk = 0, rst_n = 0, cpu_req = 0, cpu_we = 0, flush = 0, mem_ack = 0;
  reg [15:0] cpu_addr = 0, cpu_wdata = 0, mem_rdata = 0;
  wire [15:0] cpu_rdata, mem_addr, mem_wdata, hits, misses;
  wire cpu_ready, flush_done, mem_req, mem_we;

  cache dut (.clk(clk), .rst_n(rst_n), .cpu_req(cpu_req), .cpu_we(cpu_we), .cpu_addr(cpu_addr),
    .cpu_wdata(cpu_wdata), .cpu_rdata(cpu_rdata), .cpu_ready(cpu_ready), .flush(flush),
    .flush_done(flush_done), .mem_req(mem_req), .mem_we(mem_we), .mem_addr(mem_addr),
    .mem_wdata(mem_wdata), .mem_rdata(mem_rdata), .mem_ack(mem_ack), .hits(hits), .misses(misses));

  always #5 clk = ~clk;
  reg [15:0] mem [0:1023];
  reg [15:0] model [0:1023];
  integer i, errors = 0, n = 0;

  always @(negedge clk) begin
    mem_ack = 0;
    if (mem_req && $urandom % 3 == 0) begin
      mem_ack = 1;
      if (mem_we) mem[mem_addr[9:0]] = mem_wdata;
      else        mem_rdata = mem[mem_addr[9:0]];
    end
  end

  task access(input w, input [15:0] a, input [15:0] d); begin
    @(posedge clk); #1; cpu_req = 1; cpu_we = w; cpu_addr = a; cpu_wdata = d;
    n = 0;
    while (cpu_ready !== 1'b1 && n < 300) begin @(posedge clk); #1; n = n + 1; end
    cpu_req = 0;
    if (n >= 300) begin errors = errors + 1; $display("hang"); end
    if (w) model[a] = d;
    else if (cpu_rdata !== model[a]) begin
      errors = errors + 1;
      if (errors < 8) $display("read %h: %h, expected %h", a, cpu_rdata, model[a]);
    end
  end endtask

  initial begin
    for (i = 0; i < 1024; i = i + 1) begin mem[i] = $urandom; model[i] = mem[i]; end
    repeat (3) @(negedge clk);
    rst_n = 1;
    for (i = 0; i < 3000; i = i + 1)
      access($urandom, ($urandom % 4 == 0) ? $urandom % 1024 : $urandom % 96, $urandom);
    flush = 1; wait (flush_done); @(posedge clk); #1 flush = 0;
    @(posedge clk); @(posedge clk);
    for (i = 0; i < 1024; i = i + 1) if (mem[i] !== model[i]) errors = errors + 1;
    access(0, 16'd5, 0);
    if (hits + misses != 3001 || hits < 1000 || misses < 300) errors = errors + 1;
    $display("hits %0d misses %0d", hits, misses);
    if (errors == 0) $display("PASS"); else $display("FAIL %0d errors", errors);
    $finish;
  end
endmodule
