`timescale 1ns/1ps
// Smoke test for vending: refill, buy with change, too little money, sold out,
// cancel. Money in must equal sales plus money out plus credit.
module tb_vending;
    reg clk = 0, reset = 1;
    reg coin_valid = 0, sel_valid = 0, cancel = 0, service = 0;
    reg [2:0] coin_code = 0, sel = 0, service_item = 0;
    reg [3:0] service_count = 0;
    reg motor_done = 0, pay_done = 0;
    wire motor_on, pay_50, pay_20, pay_10, pay_5, coin_reject, sold_out, too_little;
    wire [2:0] motor_sel;
    wire [3:0] disp_euro, disp_tens, disp_cent;
    wire [15:0] sales_total;

    vending dut (.clk(clk), .reset(reset), .coin_valid(coin_valid), .coin_code(coin_code),
        .sel_valid(sel_valid), .sel(sel), .cancel(cancel), .service(service),
        .service_item(service_item), .service_count(service_count), .motor_done(motor_done),
        .motor_on(motor_on), .motor_sel(motor_sel), .pay_50(pay_50), .pay_20(pay_20),
        .pay_10(pay_10), .pay_5(pay_5), .pay_done(pay_done), .coin_reject(coin_reject),
        .sold_out(sold_out), .too_little(too_little), .disp_euro(disp_euro),
        .disp_tens(disp_tens), .disp_cent(disp_cent), .sales_total(sales_total));

    always #5 clk = ~clk;
    integer paid_out = 0, errors = 0, i;

    // mechanics
    always @(negedge clk) begin
        motor_done = motor_on & ($urandom % 4 == 0);
        pay_done   = 0;
        if ((pay_50 | pay_20 | pay_10 | pay_5) && $urandom % 3 == 0) begin
            pay_done = 1;
            paid_out = paid_out + 50 * pay_50 + 20 * pay_20 + 10 * pay_10 + 5 * pay_5;
        end
    end

    task coin(input [2:0] c); begin
        @(negedge clk); coin_valid = 1; coin_code = c;
        @(negedge clk); coin_valid = 0;
    end endtask
    task buy(input [2:0] s); begin
        @(negedge clk); sel_valid = 1; sel = s;
        @(negedge clk); sel_valid = 0;
        repeat (300) @(negedge clk);
    end endtask
    task check(input [15:0] sales, input integer out, input integer disp); begin
        if (sales_total !== sales || paid_out !== out ||
            disp_euro * 100 + disp_tens * 10 + disp_cent !== disp) begin
            errors = errors + 1;
            $display("sales %0d out %0d display %0d%0d%0d, expected %0d %0d %0d", sales_total,
                paid_out, disp_euro, disp_tens, disp_cent, sales, out, disp);
        end
    end endtask

    initial begin
        repeat (3) @(negedge clk);
        reset = 0;
        for (i = 0; i < 8; i = i + 1) begin
            @(negedge clk); service = 1; service_item = i; service_count = i < 2 ? 1 : 3;
        end
        @(negedge clk); service = 0;
        coin(5);           check(0, 0, 200);
        buy(6);            check(185, 15, 0);
        coin(3); coin(1);  buy(0);            // exactly 60
        check(245, 15, 0);
        coin(2);           buy(0);            // sold out
        check(245, 15, 20);
        buy(3);            check(245, 15, 20); // too little
        coin(4);           buy(3);
        check(365, 15, 0);
        coin(5); coin(5); coin(4); coin(0);   // the last one exceeds 500
        check(365, 15, 500);
        @(negedge clk); cancel = 1; @(negedge clk); cancel = 0;
        repeat (400) @(negedge clk);
        check(365, 515, 0);
        if (errors == 0) $display("PASS"); else $display("FAIL %0d errors", errors);
        $finish;
    end
endmodule
