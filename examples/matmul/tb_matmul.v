`timescale 1ns/1ps
// Smoke test for matmul: random and extreme matrices, plain, transposed and
// accumulated up to saturation, against a model.
module tb_matmul;
    reg clk = 0, rst = 1, wr_a = 0, wr_b = 0, start = 0, accum = 0, transpose_b = 0;
    reg [1:0] row = 0, col = 0;
    reg signed [7:0] wdata = 0;
    wire signed [19:0] rdata, largest;
    wire busy, done, saturated;
    wire [19:0] checksum;
    wire [15:0] cycles;

    matmul dut (.clk(clk), .rst(rst), .wr_a(wr_a), .wr_b(wr_b), .row(row), .col(col),
        .wdata(wdata), .rdata(rdata), .start(start), .accum(accum),
        .transpose_b(transpose_b), .busy(busy), .done(done), .saturated(saturated),
        .checksum(checksum), .largest(largest), .cycles(cycles));

    always #5 clk = ~clk;
    integer a [0:15];
    integer b [0:15];
    integer c [0:15];
    integer t, i, j, k, s, n, errors = 0, big, sat, sats = 0;
    reg [19:0] sum;

    initial begin
        repeat (3) @(negedge clk);
        rst = 0;
        for (t = 0; t < 30; t = t + 1) begin
            for (i = 0; i < 16; i = i + 1) begin
                @(negedge clk);
                a[i] = (t > 8) ? -128 : ($urandom % 256) - 128;
                b[i] = (t > 8) ? ((t > 24) ? 127 : -128) : ($urandom % 256) - 128;
                row = i / 4; col = i % 4;
                wr_a = 1; wr_b = 0; wdata = a[i];
                @(negedge clk);
                wr_a = 0; wr_b = 1; wdata = b[i];
            end
            @(negedge clk); wr_b = 0;
            start = 1; accum = (t >= 4); transpose_b = t[0];
            @(negedge clk); start = 0;
            n = 0;
            while (!done && n < 2000) begin @(negedge clk); n = n + 1; end
            if (n >= 2000 || busy) errors = errors + 1;
            sum = 0; big = -524288; sat = 0;
            for (i = 0; i < 4; i = i + 1) for (j = 0; j < 4; j = j + 1) begin
                s = (t >= 4) ? c[i*4+j] : 0;
                for (k = 0; k < 4; k = k + 1) s = s + a[i*4+k] * (t[0] ? b[j*4+k] : b[k*4+j]);
                if (s > 524287)  begin s = 524287;  sat = 1; end
                if (s < -524288) begin s = -524288; sat = 1; end
                c[i*4+j] = s; sum = sum + s; if (s > big) big = s;
                row = i; col = j; #1;
                if (rdata !== s) begin errors = errors + 1; if (errors < 8) $display("t%0d c[%0d][%0d] %0d, expected %0d", t, i, j, rdata, s); end
            end
            if (checksum !== sum || largest !== big || saturated !== (sat != 0)) begin
                errors = errors + 1;
                $display("t%0d checksum %h/%h largest %0d/%0d sat %b/%0d", t, checksum, sum, largest, big, saturated, sat);
            end
            sats = sats + sat;
        end
        if (sats == 0) errors = errors + 1;
        if (errors == 0) $display("PASS"); else $display("FAIL %0d errors", errors);
        $finish;
    end
endmodule
