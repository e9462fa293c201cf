/*
 * vending - controller for the 8 product snack machine
 *
 *  coins    : 5, 10, 20, 50, 100, 200 cent (coin code 0..5)
 *  products : 8, prices are multiples of 5 cent, fixed table
 *  stock    : counted per product, refilled over the service port
 *  change   : paid out in coins of 50, 20, 10, 5 (largest first)
 *
 *  All money is kept in cents.
 */
module vending (
    input             clk,
    input             reset,

    input             coin_valid,
    input      [2:0]  coin_code,

    input             sel_valid,
    input      [2:0]  sel,
    input             cancel,

    input             service,
    input      [2:0]  service_item,
    input      [3:0]  service_count,

    input             motor_done,
    output reg        motor_on,
    output reg [2:0]  motor_sel,

    output reg        pay_50,
    output reg        pay_20,
    output reg        pay_10,
    output reg        pay_5,
    input             pay_done,

    output reg        coin_reject,
    output reg        sold_out,
    output reg        too_little,
    output reg [3:0]  disp_euro,
    output reg [3:0]  disp_tens,
    output reg [3:0]  disp_cent,
    output reg [15:0] sales_total
);

    parameter IDLE        = 0;
    parameter COLLECT     = 1;
    parameter CHECK_STOCK = 2;
    parameter CHECK_MONEY = 3;
    parameter MOTOR_START = 4;
    parameter MOTOR_WAIT  = 5;
    parameter BOOK        = 6;
    parameter CHANGE      = 7;
    parameter PAY_50      = 8;
    parameter PAY_20      = 9;
    parameter PAY_10      = 10;
    parameter PAY_5       = 11;
    parameter PAY_WAIT_50 = 12;
    parameter PAY_WAIT_20 = 13;
    parameter PAY_WAIT_10 = 14;
    parameter PAY_WAIT_5  = 15;
    parameter SHOW_SOLD   = 16;
    parameter SHOW_LITTLE = 17;
    parameter REFUND      = 18;

    parameter SHOW_TIME   = 50;
    parameter IDLE_TIME   = 3000;

    reg [7:0]  state;
    reg [15:0] credit;
    reg [15:0] price;
    reg [2:0]  item;
    reg [31:0] show_timer;
    reg [31:0] idle_timer;
    reg [7:0]  stock0, stock1, stock2, stock3, stock4, stock5, stock6, stock7;
    reg [15:0] coin_value;
    reg [15:0] sold_count;

    // value of the coin
    always @(coin_code) begin
        if (coin_code == 3'd0)      coin_value = 16'd5;
        else if (coin_code == 3'd1) coin_value = 16'd10;
        else if (coin_code == 3'd2) coin_value = 16'd20;
        else if (coin_code == 3'd3) coin_value = 16'd50;
        else if (coin_code == 3'd4) coin_value = 16'd100;
        else if (coin_code == 3'd5) coin_value = 16'd200;
        else                        coin_value = 16'd0;
    end

    // price list
    function automatic [15:0] price_of;
        input [2:0] n;
        begin
            case (n)
                3'd0: price_of = 16'd60;
                3'd1: price_of = 16'd80;
                3'd2: price_of = 16'd80;
                3'd3: price_of = 16'd120;
                3'd4: price_of = 16'd150;
                3'd5: price_of = 16'd150;
                3'd6: price_of = 16'd185;
                default: price_of = 16'd220;
            endcase
        end
    endfunction

    // stock of the chosen item
    reg item_left;
    always @* begin
        item_left = 1'b0;
        if (item == 3'd0 && stock0 > 8'd0) item_left = 1'b1;
        if (item == 3'd1 && stock1 > 8'd0) item_left = 1'b1;
        if (item == 3'd2 && stock2 > 8'd0) item_left = 1'b1;
        if (item == 3'd3 && stock3 > 8'd0) item_left = 1'b1;
        if (item == 3'd4 && stock4 > 8'd0) item_left = 1'b1;
        if (item == 3'd5 && stock5 > 8'd0) item_left = 1'b1;
        if (item == 3'd6 && stock6 > 8'd0) item_left = 1'b1;
        if (item == 3'd7 && stock7 > 8'd0) item_left = 1'b1;
    end

    // credit may not exceed 5.00
    wire coin_ok = (coin_value != 16'd0) && (credit + coin_value <= 16'd500);

    always @(posedge clk) begin
        if (reset) begin
            state       <= IDLE;
            credit      <= 16'd0;
            price       <= 16'd0;
            item        <= 3'd0;
            show_timer  <= 32'd0;
            idle_timer  <= 32'd0;
            motor_on    <= 1'b0;
            motor_sel   <= 3'd0;
            pay_50      <= 1'b0;
            pay_20      <= 1'b0;
            pay_10      <= 1'b0;
            pay_5       <= 1'b0;
            coin_reject <= 1'b0;
            sold_out    <= 1'b0;
            too_little  <= 1'b0;
            sales_total <= 16'd0;
            sold_count  <= 16'd0;
            stock0 <= 8'd0; stock1 <= 8'd0; stock2 <= 8'd0; stock3 <= 8'd0;
            stock4 <= 8'd0; stock5 <= 8'd0; stock6 <= 8'd0; stock7 <= 8'd0;
        end else begin
            coin_reject <= 1'b0;

            case (state)
                IDLE: begin
                    idle_timer <= 32'd0;
                    if (service) begin
                        case (service_item)
                            3'd0: stock0 <= {4'd0, service_count};
                            3'd1: stock1 <= {4'd0, service_count};
                            3'd2: stock2 <= {4'd0, service_count};
                            3'd3: stock3 <= {4'd0, service_count};
                            3'd4: stock4 <= {4'd0, service_count};
                            3'd5: stock5 <= {4'd0, service_count};
                            3'd6: stock6 <= {4'd0, service_count};
                            3'd7: stock7 <= {4'd0, service_count};
                        endcase
                    end else if (coin_valid) begin
                        if (coin_ok) begin
                            credit <= credit + coin_value;
                            state  <= COLLECT;
                        end else
                            coin_reject <= 1'b1;
                    end else if (sel_valid) begin
                        item  <= sel;
                        price <= price_of(sel);
                        state <= CHECK_STOCK;
                    end
                end

                COLLECT: begin
                    idle_timer <= idle_timer + 32'd1;
                    if (cancel)
                        state <= REFUND;
                    else if (coin_valid) begin
                        idle_timer <= 32'd0;
                        if (coin_ok)
                            credit <= credit + coin_value;
                        else
                            coin_reject <= 1'b1;
                    end else if (sel_valid) begin
                        item  <= sel;
                        price <= price_of(sel);
                        state <= CHECK_STOCK;
                    end else if (idle_timer > IDLE_TIME)
                        state <= REFUND;
                end

                CHECK_STOCK: begin
                    show_timer <= 32'd0;
                    if (item_left) state <= CHECK_MONEY;
                    else           state <= SHOW_SOLD;
                end

                CHECK_MONEY: begin
                    show_timer <= 32'd0;
                    if (credit >= price_of(item)) state <= MOTOR_START;
                    else                          state <= SHOW_LITTLE;
                end

                MOTOR_START: begin
                    motor_on  <= 1'b1;
                    motor_sel <= item;
                    state     <= MOTOR_WAIT;
                end

                MOTOR_WAIT: begin
                    if (motor_done) begin
                        motor_on <= 1'b0;
                        state    <= BOOK;
                    end
                end

                BOOK: begin
                    credit      <= credit - price;
                    sales_total <= sales_total + price_of(item);
                    sold_count  <= sold_count + 16'd1;
                    if (item == 3'd0) stock0 <= stock0 - 8'd1;
                    if (item == 3'd1) stock1 <= stock1 - 8'd1;
                    if (item == 3'd2) stock2 <= stock2 - 8'd1;
                    if (item == 3'd3) stock3 <= stock3 - 8'd1;
                    if (item == 3'd4) stock4 <= stock4 - 8'd1;
                    if (item == 3'd5) stock5 <= stock5 - 8'd1;
                    if (item == 3'd6) stock6 <= stock6 - 8'd1;
                    if (item == 3'd7) stock7 <= stock7 - 8'd1;
                    state <= CHANGE;
                end

                REFUND: state <= CHANGE;

                CHANGE: begin
                    if (credit >= 16'd50)      state <= PAY_50;
                    else if (credit >= 16'd20) state <= PAY_20;
                    else if (credit >= 16'd10) state <= PAY_10;
                    else if (credit >= 16'd5)  state <= PAY_5;
                    else                       state <= IDLE;
                end

                PAY_50: begin
                    pay_50 <= 1'b1;
                    credit <= credit - 16'd50;
                    state  <= PAY_WAIT_50;
                end
                PAY_20: begin
                    pay_20 <= 1'b1;
                    credit <= credit - 16'd20;
                    state  <= PAY_WAIT_20;
                end
                PAY_10: begin
                    pay_10 <= 1'b1;
                    credit <= credit - 16'd10;
                    state  <= PAY_WAIT_10;
                end
                PAY_5: begin
                    pay_5  <= 1'b1;
                    credit <= credit - 16'd5;
                    state  <= PAY_WAIT_5;
                end

                PAY_WAIT_50: if (pay_done) begin pay_50 <= 1'b0; state <= CHANGE; end
                PAY_WAIT_20: if (pay_done) begin pay_20 <= 1'b0; state <= CHANGE; end
                PAY_WAIT_10: if (pay_done) begin pay_10 <= 1'b0; state <= CHANGE; end
                PAY_WAIT_5:  if (pay_done) begin pay_5  <= 1'b0; state <= CHANGE; end

                SHOW_SOLD: begin
                    sold_out   <= 1'b1;
                    show_timer <= show_timer + 32'd1;
                    if (show_timer == SHOW_TIME) begin
                        sold_out <= 1'b0;
                        if (credit == 16'd0) state <= IDLE;
                        else                 state <= COLLECT;
                    end
                end

                SHOW_LITTLE: begin
                    too_little <= 1'b1;
                    show_timer <= show_timer + 32'd1;
                    if (show_timer == SHOW_TIME) begin
                        too_little <= 1'b0;
                        if (credit == 16'd0) state <= IDLE;
                        else                 state <= COLLECT;
                    end
                end

                default: state <= IDLE;
            endcase
        end
    end

    // display: missing amount while "too little" is shown, else the credit
    reg [15:0] shown;
    reg [15:0] missing;
    always @* begin
        missing = price_of(item) - credit;
        if (state == SHOW_LITTLE)
            shown = missing;
        else
            shown = credit;
        disp_euro = shown / 100;
        disp_tens = (shown % 100) / 10;
        disp_cent = (shown % 100) % 10;
    end

endmodule
