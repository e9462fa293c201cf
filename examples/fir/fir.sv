// 11-tap symmetric low-pass FIR with selectable second coefficient set,
// decimation by 1/2/4, rounding and saturation.
//
// Coefficients (Q8):
//   set 0:  -2  -6   3  30  65  80  65  30   3  -6  -2
//   set 1:   0   5  12  24  36  40  36  24  12   5   0
module fir #(
    parameter int DW = 12,
    parameter int OW = 12
) (
    input  logic                 clk,
    input  logic                 rst_n,
    input  logic                 in_valid,
    input  logic signed [DW-1:0] in_data,
    input  logic                 coef_set,
    input  logic [1:0]           decim,       // 0: 1, 1: 2, 2/3: 4
    input  logic                 bypass,
    output logic                 out_valid,
    output logic signed [OW-1:0] out_data,
    output logic                 overflow,
    output logic [7:0]           ovf_count,
    output logic signed [OW-1:0] peak
);

    // ---------------------------------------------------------- delay line
    logic signed [DW-1:0] d0, d1, d2, d3, d4, d5, d6, d7, d8, d9, d10;

    always_ff @(posedge clk or negedge rst_n) begin
        if (!rst_n) begin
            d0 <= '0; d1 <= '0; d2 <= '0; d3 <= '0; d4 <= '0; d5 <= '0;
            d6 <= '0; d7 <= '0; d8 <= '0; d9 <= '0; d10 <= '0;
        end else if (in_valid) begin
            d0  <= in_data;
            d1  <= d0;
            d2  <= d1;
            d3  <= d2;
            d4  <= d3;
            d5  <= d4;
            d6  <= d5;
            d7  <= d6;
            d8  <= d7;
            d9  <= d8;
            d10 <= d9;
        end
    end

    // centre tap once more, for the bypass path
    logic signed [DW-1:0] byp1, byp2, byp3, byp4, byp5, byp6;

    always_ff @(posedge clk or negedge rst_n) begin
        if (!rst_n) begin
            byp1 <= '0; byp2 <= '0; byp3 <= '0; byp4 <= '0; byp5 <= '0; byp6 <= '0;
        end else if (in_valid) begin
            byp1 <= in_data;
            byp2 <= byp1;
            byp3 <= byp2;
            byp4 <= byp3;
            byp5 <= byp4;
            byp6 <= byp5;
        end
    end

    // ------------------------------------------------------------ products
    logic signed [31:0] a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10;
    logic signed [31:0] b1, b2, b3, b4, b5, b6, b7, b8, b9;
    logic signed [31:0] sum_a, sum_b, sum;

    assign a0  = d0  * -2;
    assign a1  = d1  * -6;
    assign a2  = d2  * 3;
    assign a3  = d3  * 30;
    assign a4  = d4  * 65;
    assign a5  = d5  * 80;
    assign a6  = d6  * 65;
    assign a7  = d7  * 30;
    assign a8  = d8  * 3;
    assign a9  = d9  * -6;
    assign a10 = d10 * -2;
    assign sum_a = a0 + a1 + a2 + a3 + a4 + a5 + a6 + a7 + a8 + a9 + a10;

    assign b1 = d1 * 5;
    assign b2 = d2 * 12;
    assign b3 = d3 * 24;
    assign b4 = d4 * 36;
    assign b5 = d5 * 40;
    assign b6 = d6 * 36;
    assign b7 = d7 * 24;
    assign b8 = d8 * 12;
    assign b9 = d9 * 5;
    assign sum_b = b1 + b2 + b3 + b4 + b5 + b6 + b7 + b8 + b9;

    assign sum = coef_set ? sum_b : sum_a;

    // ------------------------------------------------ rounding, saturation
    logic signed [31:0] rounded;
    logic signed [OW-1:0] limited;
    logic sat_hi, sat_lo;

    localparam int MAXV = (1 << (OW - 1)) - 1;
    localparam int MINV = -(1 << (OW - 1));

    assign rounded = (sum + 128) >>> 8;
    assign sat_hi  = (rounded > MAXV);
    assign sat_lo  = (rounded < MINV);

    always_comb begin
        if (rounded > MAXV)
            limited = {1'b0, {(OW-1){1'b1}}};
        else if (rounded < MINV)
            limited = {1'b1, {(OW-1){1'b0}}};
        else
            limited = rounded[OW-1:0];
    end

    // ---------------------------------------------------------- decimation
    logic [15:0] dec_cnt;
    logic        dec_hit;
    logic        valid_d;

    always_ff @(posedge clk or negedge rst_n) begin
        if (!rst_n) begin
            dec_cnt <= 16'd0;
            valid_d <= 1'b0;
        end else begin
            valid_d <= in_valid;
            if (in_valid) begin
                if (decim == 2'd0)
                    dec_cnt <= 16'd0;
                else if (decim == 2'd1) begin
                    if (dec_cnt >= 16'd1) dec_cnt <= 16'd0;
                    else                  dec_cnt <= dec_cnt + 16'd1;
                end else begin
                    if (dec_cnt >= 16'd3) dec_cnt <= 16'd0;
                    else                  dec_cnt <= dec_cnt + 16'd1;
                end
            end
        end
    end

    assign dec_hit = (dec_cnt == 16'd0);

    // -------------------------------------------------------------- output
    always_ff @(posedge clk or negedge rst_n) begin
        if (!rst_n) begin
            out_valid <= 1'b0;
            out_data  <= '0;
            overflow  <= 1'b0;
            ovf_count <= 8'd0;
            peak      <= '0;
        end else begin
            out_valid <= valid_d && dec_hit;
            overflow  <= 1'b0;
            if (valid_d && dec_hit) begin
                if (bypass)
                    out_data <= byp6;
                else begin
                    out_data <= limited;
                    overflow <= sat_hi || sat_lo;
                    if ((rounded > MAXV) || (rounded < MINV)) begin
                        if (ovf_count < 8'd255)
                            ovf_count <= ovf_count + 8'd1;
                    end
                    // largest magnitude seen (approximated for the minimum)
                    if (limited[OW-1] == 1'b0) begin
                        if (limited > peak) peak <= limited;
                    end else begin
                        if (~limited > peak) peak <= ~limited;
                    end
                end
            end
        end
    end

endmodule
