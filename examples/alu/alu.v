//-----------------------------------------------------------------------------
// Module : alu
// Author : datapath group
//
// Parameterised ALU for the control processor. Purely combinational result
// path with registered outputs. The operation code is the 5-bit field of the
// instruction word; anything not listed below returns zero.
//
//   00 ADD   01 ADC   02 SUB   03 SBC   04 RSB   05 INC   06 DEC   07 NEG
//   08 AND   09 OR    0A XOR   0B NOT   0C BIC   0D MOV
//   10 SLL   11 SRL   12 SRA   13 ROL   14 ROR
//   18 SLT   19 SLTU  1A MIN   1B MAX   1C MINU  1D MAXU  1E ABS   1F X10
//-----------------------------------------------------------------------------
module alu #(
  parameter WIDTH = 16,
  parameter SHW   = 4
) (
  input  wire             clk,
  input  wire             rst_n,
  input  wire             valid,
  input  wire [4:0]       op,
  input  wire [WIDTH-1:0] a,
  input  wire [WIDTH-1:0] b,
  input  wire             cin,
  output reg  [WIDTH-1:0] result,
  output reg              flag_c,
  output reg              flag_v,
  output reg              flag_z,
  output reg              flag_n,
  output reg              result_valid,
  output reg              illegal
);

  localparam OP_ADD  = 5'h00, OP_ADC  = 5'h01, OP_SUB  = 5'h02, OP_SBC  = 5'h03,
             OP_RSB  = 5'h04, OP_INC  = 5'h05, OP_DEC  = 5'h06, OP_NEG  = 5'h07,
             OP_AND  = 5'h08, OP_OR   = 5'h09, OP_XOR  = 5'h0A, OP_NOT  = 5'h0B,
             OP_BIC  = 5'h0C, OP_MOV  = 5'h0D,
             OP_SLL  = 5'h10, OP_SRL  = 5'h11, OP_SRA  = 5'h12, OP_ROL  = 5'h13,
             OP_ROR  = 5'h14,
             OP_SLT  = 5'h18, OP_SLTU = 5'h19, OP_MIN  = 5'h1A, OP_MAX  = 5'h1B,
             OP_MINU = 5'h1C, OP_MAXU = 5'h1D, OP_ABS  = 5'h1E, OP_X10  = 5'h1F;

  //---------------------------------------------------------------------------
  // Adders
  //---------------------------------------------------------------------------
  wire [WIDTH:0] add_r = {1'b0, a} + {1'b0, b};
  wire [WIDTH:0] adc_r = {1'b0, a} + {1'b0, b} + {{WIDTH{1'b0}}, cin};
  wire [WIDTH:0] sub_r = {1'b0, a} - {1'b0, b};
  wire [WIDTH:0] sbc_r = {1'b0, a} - {1'b0, b} - {{WIDTH{1'b0}}, cin};
  wire [WIDTH:0] rsb_r = {1'b0, b} - {1'b0, a};
  wire [WIDTH:0] inc_r = {1'b0, a} + {{WIDTH{1'b0}}, 1'b1};
  wire [WIDTH:0] dec_r = {1'b0, a} - {{WIDTH{1'b0}}, 1'b1};
  wire [WIDTH:0] neg_r = {(WIDTH+1){1'b0}} - {1'b0, a};

  //---------------------------------------------------------------------------
  // Shifter
  //---------------------------------------------------------------------------
  wire [SHW-1:0]   amt   = b[SHW-1:0];
  wire [SHW:0]     ramt  = WIDTH - {1'b0, amt};
  wire [WIDTH-1:0] sll_r = a << amt;
  wire [WIDTH-1:0] srl_r = a >> amt;
  wire [WIDTH-1:0] sra_r = $signed(a) >>> amt;
  wire [WIDTH-1:0] rol_r = (a << amt) | (a >> ramt);
  wire [WIDTH-1:0] ror_r = (a >> amt) | (a << ramt);

  //---------------------------------------------------------------------------
  // Comparisons
  //---------------------------------------------------------------------------
  wire lt_s = $signed(a) < $signed(b);
  wire gt_s = $signed(a) > $signed(b);
  wire lt_u = a < b;
  wire gt_u = a > b;

  //---------------------------------------------------------------------------
  // Result selection
  //---------------------------------------------------------------------------
  reg [WIDTH-1:0] y;
  reg             c;
  reg             v;
  reg             bad;

  always @* begin
    y   = {WIDTH{1'b0}};
    c   = 1'b0;
    v   = 1'b0;
    bad = 1'b0;
    case (op)
      OP_ADD: begin
        y = add_r[WIDTH-1:0];
        c = add_r[WIDTH];
        v = (a[WIDTH-1] & b[WIDTH-1] & ~add_r[WIDTH-1]) |
            (~a[WIDTH-1] & ~b[WIDTH-1] & add_r[WIDTH-1]);
      end
      OP_ADC: begin
        y = adc_r[WIDTH-1:0];
        c = adc_r[WIDTH];
        v = (a[WIDTH-1] & b[WIDTH-1] & ~adc_r[WIDTH-1]) |
            (~a[WIDTH-1] & ~b[WIDTH-1] & adc_r[WIDTH-1]);
      end
      OP_SUB: begin
        y = sub_r[WIDTH-1:0];
        c = sub_r[WIDTH];
        v = (a[WIDTH-1] & ~b[WIDTH-1] & ~sub_r[WIDTH-1]) |
            (~a[WIDTH-1] & b[WIDTH-1] & sub_r[WIDTH-1]);
      end
      OP_SBC: begin
        y = sbc_r[WIDTH-1:0];
        c = sbc_r[WIDTH];
        v = (a[WIDTH-1] & ~b[WIDTH-1] & ~sbc_r[WIDTH-1]) |
            (~a[WIDTH-1] & b[WIDTH-1] & sbc_r[WIDTH-1]);
      end
      OP_RSB: begin
        y = rsb_r[WIDTH-1:0];
        c = rsb_r[WIDTH];
        v = (b[WIDTH-1] & ~a[WIDTH-1] & ~rsb_r[WIDTH-1]) |
            (~b[WIDTH-1] & a[WIDTH-1] & rsb_r[WIDTH-1]);
      end
      OP_INC: begin
        y = inc_r[WIDTH-1:0];
        c = inc_r[WIDTH];
        v = ~a[WIDTH-1] & inc_r[WIDTH-1];
      end
      OP_DEC: begin
        y = dec_r[WIDTH-1:0];
        c = dec_r[WIDTH];
        v = a[WIDTH-1] & ~dec_r[WIDTH-1];
      end
      OP_NEG: begin
        y = neg_r[WIDTH-1:0];
        c = neg_r[WIDTH];
        v = a[WIDTH-1] & neg_r[WIDTH-1];
      end
      OP_AND:  y = a & b;
      OP_OR:   y = a | b;
      OP_XOR:  y = a ^ b;
      OP_NOT:  y = ~a;
      OP_BIC:  y = a & ~b;
      OP_MOV:  y = b;
      OP_SLL:  y = sll_r;
      OP_SRL:  y = srl_r;
      OP_SRA:  y = sra_r;
      OP_ROL:  y = rol_r;
      OP_ROR:  y = ror_r;
      OP_SLT:  y = {{(WIDTH-1){1'b0}}, lt_s};
      OP_SLTU: y = {{(WIDTH-1){1'b0}}, lt_u};
      OP_MIN:  y = lt_s ? a : b;
      OP_MAX:  y = gt_s ? a : b;
      OP_MINU: y = lt_u ? a : b;
      OP_MAXU: y = gt_u ? a : b;
      OP_ABS:  y = a[WIDTH-1] ? (~a + 1'b1) : a;
      OP_X10:  y = a * 10;
      default: bad = 1'b1;
    endcase
  end

  //---------------------------------------------------------------------------
  // Output registers. Flags only change with a valid operation.
  //---------------------------------------------------------------------------
  always @(posedge clk or negedge rst_n) begin
    if (!rst_n) begin
      result       <= {WIDTH{1'b0}};
      flag_c       <= 1'b0;
      flag_v       <= 1'b0;
      flag_z       <= 1'b0;
      flag_n       <= 1'b0;
      result_valid <= 1'b0;
      illegal      <= 1'b0;
    end else begin
      result_valid <= valid;
      illegal      <= valid & bad;
      if (valid) begin
        result <= y;
        flag_c <= c;
        flag_v <= v;
        flag_z <= (y == {WIDTH{1'b0}});
        flag_n <= (y >= {1'b1, {(WIDTH-1){1'b0}}});
      end
    end
  end

endmodule
