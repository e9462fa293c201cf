// =====================================================================
//  matmul - 4x4 matrix multiply-accumulate unit
//
//  Operand matrices A and B (8 bit signed) are written word by word, then
//  "start" computes C = A*B, or C += A*B with "accum". With "transpose_b"
//  the rows of B are used instead of its columns. Results are 20 bit
//  saturated and read back by row/column; a running checksum and the
//  largest element are provided for the self test.
// =====================================================================
module matmul
#(
    parameter N  = 4,
    parameter DW = 8,
    parameter CW = 20
)
(
    input  logic                 clk,
    input  logic                 rst,
    // operand and result access
    input  logic                 wr_a,
    input  logic                 wr_b,
    input  logic [1:0]           row,
    input  logic [1:0]           col,
    input  logic signed [DW-1:0] wdata,
    output logic signed [CW-1:0] rdata,
    // control
    input  logic                 start,
    input  logic                 accum,
    input  logic                 transpose_b,
    output logic                 busy,
    output logic                 done,
    output logic                 saturated,
    output logic [CW-1:0]        checksum,
    output logic signed [CW-1:0] largest,
    output logic [15:0]          cycles
);

    typedef enum logic [3:0] {
        IDLE,
        INIT,
        CLEAR,
        FETCH,
        MULT,
        ADD,
        NEXT_K,
        STORE,
        NEXT_COL,
        NEXT_ROW,
        FINISH
    } state_t;

    state_t state;

    logic signed [DW-1:0] mem_a [0:15];
    logic signed [DW-1:0] mem_b [0:15];
    logic signed [CW-1:0] mem_c [0:15];

    logic [31:0] i, j, k;
    logic [31:0] addr_a, addr_b, addr_c, addr_bt;
    logic signed [DW-1:0]   op_a, op_b;
    logic signed [2*DW-1:0] prod;
    logic signed [31:0]     acc;
    logic signed [31:0]     sum_c;
    logic                   acc_mode, tr_mode;
    logic [15:0]            cyc;
    logic [15:0]            mac_count;

    // element addresses
    assign addr_a  = i * N + k;
    assign addr_b  = k * N + j;
    assign addr_bt = j * N + k;
    assign addr_c  = i * N + j;

    // operand writes
    always_ff @(posedge clk) begin
        if (wr_a) mem_a[row * N + col] <= wdata;
        if (wr_b) mem_b[row * N + col] <= wdata;
    end

    // result plus old element, limited
    logic signed [CW-1:0] c_old;
    logic signed [CW-1:0] c_new;
    logic                 c_sat;

    assign c_old = mem_c[addr_c[3:0]];

    localparam signed [31:0] C_MAX = (1 << (CW - 1)) - 1;
    localparam signed [31:0] C_MIN = -(1 << (CW - 1));

    always_comb begin
        c_sat = 1'b0;
        sum_c = 32'sd0;
        if (acc_mode) begin
            sum_c = acc + c_old;
            if (acc + c_old > C_MAX) begin
                c_new = C_MAX[CW-1:0];
                c_sat = 1'b1;
            end else if (acc + c_old < C_MIN) begin
                c_new = C_MIN[CW-1:0];
                c_sat = 1'b1;
            end else
                c_new = sum_c[CW-1:0];
        end else begin
            sum_c = acc;
            if (acc > C_MAX) begin
                c_new = C_MAX[CW-1:0];
                c_sat = 1'b1;
            end else if (acc < C_MIN) begin
                c_new = C_MIN[CW-1:0];
                c_sat = 1'b1;
            end else
                c_new = sum_c[CW-1:0];
        end
    end

    always_ff @(posedge clk)
        if (state == STORE) mem_c[addr_c[3:0]] <= c_new;

    // sequencing
    always_ff @(posedge clk) begin
        if (rst) begin
            state     <= IDLE;
            i         <= 0;
            j         <= 0;
            k         <= 0;
            op_a      <= '0;
            op_b      <= '0;
            prod      <= '0;
            acc       <= '0;
            acc_mode  <= 1'b0;
            tr_mode   <= 1'b0;
            done      <= 1'b0;
            saturated <= 1'b0;
            checksum  <= '0;
            largest   <= '0;
            cyc       <= '0;
            cycles    <= '0;
            mac_count <= '0;
        end else begin
            done <= 1'b0;
            if (state != IDLE) cyc <= cyc + 16'd1;

            case (state)
                IDLE: begin
                    if (start) begin
                        acc_mode <= accum;
                        tr_mode  <= transpose_b;
                        state    <= INIT;
                    end
                end

                INIT: begin
                    i         <= 0;
                    j         <= 0;
                    k         <= 0;
                    cyc       <= 16'd0;
                    mac_count <= 16'd0;
                    saturated <= 1'b0;
                    checksum  <= '0;
                    largest   <= {1'b1, {(CW-1){1'b0}}};
                    state     <= CLEAR;
                end

                CLEAR: begin
                    acc   <= '0;
                    k     <= 0;
                    state <= FETCH;
                end

                FETCH: begin
                    op_a <= mem_a[addr_a[3:0]];
                    if (tr_mode)
                        op_b <= mem_b[addr_bt[3:0]];
                    else
                        op_b <= mem_b[addr_b[3:0]];
                    state <= MULT;
                end

                MULT: begin
                    prod  <= op_a * op_b;
                    state <= ADD;
                end

                ADD: begin
                    acc       <= acc + prod;
                    mac_count <= mac_count + 16'd1;
                    state     <= NEXT_K;
                end

                NEXT_K: begin
                    if (k == N - 1)
                        state <= STORE;
                    else begin
                        k     <= k + 1;
                        state <= FETCH;
                    end
                end

                STORE: begin
                    checksum <= checksum + c_new;
                    if (c_new > largest) largest <= c_new;
                    if (c_sat) saturated <= 1'b1;
                    state <= NEXT_COL;
                end

                NEXT_COL: begin
                    if (j == N - 1) begin
                        j     <= 0;
                        state <= NEXT_ROW;
                    end else begin
                        j     <= j + 1;
                        state <= CLEAR;
                    end
                end

                NEXT_ROW: begin
                    if (i == N - 1)
                        state <= FINISH;
                    else begin
                        i     <= i + 1;
                        state <= CLEAR;
                    end
                end

                FINISH: begin
                    done   <= 1'b1;
                    cycles <= cyc;
                    state  <= IDLE;
                end

                default: state <= IDLE;
            endcase
        end
    end

    assign busy = (state == INIT)  || (state == CLEAR)  || (state == FETCH) ||
                  (state == MULT)  || (state == ADD)    || (state == NEXT_K) ||
                  (state == STORE) || (state == NEXT_COL) ||
                  (state == NEXT_ROW) || (state == FINISH);

    assign rdata = mem_c[row * N + col];

endmodule
