`timescale 1ns/1ps
// Smoke test for fir: random and full-scale input against a model with both
// coefficient sets, decimation and bypass.
module tb_fir;
    reg clk = 0, rst_n = 0, in_valid = 0, coef_set = 0, bypass = 0;
    reg [1:0] decim = 0;
    reg signed [11:0] in_data = 0;
    wire out_valid, overflow;
    wire signed [11:0] out_data, peak;
    wire [7:0] ovf_count;

    fir dut (.clk(clk), .rst_n(rst_n), .in_valid(in_valid), .in_data(in_data),
        .coef_set(coef_set), .decim(decim), .bypass(bypass), .out_valid(out_valid),
        .out_data(out_data), .overflow(overflow), .ovf_count(ovf_count), .peak(peak));

    always #5 clk = ~clk;
    integer c0 [0:10];
    integer c1 [0:10];
    integer h [0:10];
    integer i, k, s, phase, outs = 0, errors = 0, ovfs = 0, mode;
    reg exp_v, exp_o;

    initial begin
        c0[0]=-2; c0[1]=-6; c0[2]=3; c0[3]=30; c0[4]=65; c0[5]=80;
        c1[0]=0;  c1[1]=5;  c1[2]=12; c1[3]=24; c1[4]=36; c1[5]=40;
        for (i = 6; i < 11; i = i + 1) begin c0[i] = c0[10-i]; c1[i] = c1[10-i]; end
        for (i = 0; i < 11; i = i + 1) h[i] = 0;
        repeat (3) @(negedge clk);
        rst_n = 1; phase = 0;
        for (mode = 0; mode < 5; mode = mode + 1) begin
            // change the settings at the start of a decimation group
            while (phase != 0) step(0);
            coef_set = mode[0]; bypass = (mode == 4);
            decim = (mode == 2) ? 1 : (mode == 3) ? 2 : 0;
            for (k = 0; k < 400; k = k + 1)
                step((k % 100 < 30) ? ((k & 16) ? 2047 : -2048) : ($urandom % 4096) - 2048);
        end
        if (outs < 1000 || ovfs == 0) errors = errors + 1;
        if (ovf_count !== (ovfs > 255 ? 255 : ovfs)) errors = errors + 1;
        if (errors == 0) $display("PASS"); else $display("FAIL %0d errors", errors);
        $finish;
    end

    task step(input integer x); begin
        in_valid = 1; in_data = x;
        for (i = 10; i > 0; i = i - 1) h[i] = h[i-1];
        h[0] = x;
        phase = phase + 1;
        if (phase >= (decim == 0 ? 1 : decim == 1 ? 2 : 4)) phase = 0;
        s = 128;
        for (i = 0; i < 11; i = i + 1) s = s + h[i] * (coef_set ? c1[i] : c0[i]);
        s = s >>> 8;
        exp_v = (phase == 0);
        exp_o = !bypass && (s > 2047 || s < -2048);
        if (s > 2047) s = 2047;
        if (s < -2048) s = -2048;
        if (bypass) s = h[5];
        @(negedge clk); in_valid = 0;
        @(negedge clk);
        if (out_valid !== exp_v) errors = errors + 1;
        if (exp_v) begin
            outs = outs + 1; ovfs = ovfs + exp_o;
            if (out_data !== s || overflow !== exp_o) begin
                errors = errors + 1;
                if (errors < 8) $display("got %0d ovf %b, expected %0d %b", out_data, overflow, s, exp_o);
            end
        end
    end endtask
endmodule
