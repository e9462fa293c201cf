"""Fan-in of single outputs, written down by hand: what each construct of the language makes depend on what."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from pyslang import SourceManager, syntax

from rtlgen.graphs.database.design import DesignDatabase
from rtlgen.graphs.database.mirror import Bits
from rtlgen.graphs.database.store import Writer
from rtlgen.graphs.elaborate.design import elaborate
from rtlgen.graphs.query.cone import cone

CASES: dict[str, tuple[str, dict[str, str]]] = {
    "static_var_func": (
        """
        module m(input [3:0] a, input [3:0] b, input clk, output logic [3:0] o);
        function logic [3:0] f(input logic [3:0] x); static logic [3:0] s = 0; f = s; s = x; endfunction
        always @(posedge clk) o <= f(a);
        endmodule
        """,
        {"o[0]": "a[0] clk[0]", "o[1]": "a[1] clk[0]", "o[2]": "a[2] clk[0]", "o[3]": "a[3] clk[0]"},
    ),
    "nonauto_func_keeps": (
        """
        module m(input [3:0] a, input c, output logic [3:0] o);
        function [3:0] f(input [3:0] x, input cc); if (cc) f = x; endfunction
        assign o = f(a,c);
        endmodule
        """,
        {"o[0]": "a[0] c[0]", "o[1]": "a[1] c[0]", "o[2]": "a[2] c[0]", "o[3]": "a[3] c[0]"},
    ),
    "incomplete_sens": (
        """
        module m(input a, input b, output logic o);
        always @(a) o = a & b;
        endmodule
        """,
        {"o": "a[0] b[0]"},
    ),
    "disable_named": (
        """
        module m(input [3:0] a, input b, output logic [3:0] o, output logic q);
        always @* begin : outer
        o = 0; q = 0;
        begin : inner
        o = a;
        if (b) disable inner;
        o[0] = 0;
        end
        q = a[1];
        if (a[2]) disable outer;
        q = a[3];
        end
        endmodule
        """,
        {"o[0]": "a[0] b[0]", "o[1]": "a[1]", "o[2]": "a[2]", "o[3]": "a[3]", "q": "a[3:1]"},
    ),
    "disable_loop": (
        """
        module m(input [7:0] a, output logic [3:0] o);
        integer i;
        always @* begin
        o = 0;
        begin : blk
        for (i=0;i<8;i=i+1) begin
        if (a[i]) begin o = i; disable blk; end
        end
        end
        end
        endmodule
        """,
        {"o": "a[7:0]"},
    ),
    "break_outer_disable": (
        """
        module m(input [7:0] a, input [7:0] b, output logic [3:0] o);
        always_comb begin
        o = 0;
        for (int i=0;i<8;i++) begin : l1
        for (int j=0;j<8;j++) begin
        if (a[j]) begin o = o + 1; break; end
        if (b[i]) continue;
        o = o + 2;
        end
        end
        end
        endmodule
        """,
        {"o": "a[7:0] b[7:0]"},
    ),
    "case_4state": (
        """
        module m(input logic s, input a, input b, output logic o);
        always @* case (s) 1'b0: o=a; 1'b1: o=b; endcase
        endmodule
        """,
        {"o": "a[0] b[0] s[0]"},
    ),
    "inside_wild": (
        """
        module m(input logic [3:0] s, input [3:0] a, output logic o, output logic p);
        assign o = s inside {4'b1??0, [a:4'd9]};
        always_comb case (s[2:0]) inside 3'b1??: p = 1; [3'd1:3'd2]: p = a[0]; default: p = a[1]; endcase
        endmodule
        """,
        {"o": "a[3:0] s[3:0]", "p": "a[1:0] s[2:0]"},
    ),
    "unpacked_union": (
        """
        module m(input [7:0] a, input [7:0] b, output logic [7:0] o);
        typedef union { logic [7:0] w; logic [7:0] v; } u_t;
        u_t u;
        always_comb begin u.w = a; o = u.v; end
        endmodule
        """,
        {
            "o[0]": "a[0]",
            "o[1]": "a[1]",
            "o[2]": "a[2]",
            "o[3]": "a[3]",
            "o[4]": "a[4]",
            "o[5]": "a[5]",
            "o[6]": "a[6]",
            "o[7]": "a[7]",
        },
    ),
    "force": (
        """
        module m(input a, input b, input c, output logic o, output logic p);
        always_comb o = a;
        initial begin force o = b; #10 release o; end
        always @* if (c) assign p = b; else deassign p;
        endmodule
        """,
        {"o": "a[0] b[0]", "p": "b[0] c[0]"},
    ),
    "pattern_packed_default": (
        """
        module m(input [7:0] a, input [7:0] b, output logic [7:0] o, output logic [7:0] o2, output logic [3:0] r,
        output logic [3:0] r3);
        typedef struct packed { logic [7:0] x; logic [7:0] y; } s_t;
        s_t s;
        assign s = '{y: a, default: '0};
        assign o = s.y; assign o2 = s.x;
        logic [3:0] w [4];
        assign w = '{0: a[3:0], 3: b[3:0], default: 4'd0};
        assign r = w[0]; assign r3 = w[3];
        endmodule
        """,
        {
            "o[0]": "a[0]",
            "o[1]": "a[1]",
            "o[2]": "a[2]",
            "o[3]": "a[3]",
            "o[4]": "a[4]",
            "o[5]": "a[5]",
            "o[6]": "a[6]",
            "o[7]": "a[7]",
            "o2": "",
            "r": "a[3:0] b[3:0]",
            "r3": "a[3:0] b[3:0]",
        },
    ),
    "clk_select": (
        """
        module m(input [3:0] clk, input a, input [1:0] r, output logic o, output logic p);
        always @(posedge clk[2]) o <= a;
        always @(posedge clk[1] or negedge r[1]) if (!r[1]) p <= 0; else p <= a;
        endmodule
        """,
        {"o": "a[0] clk[2]", "p": "a[0] clk[1] r[1]"},
    ),
    "two_clk": (
        """
        module m(input c1, input c2, input a, output logic o);
        always @(posedge c1 or posedge c2) o <= a;
        endmodule
        """,
        {"o": "a[0] c1[0] c2[0]"},
    ),
    "udp": (
        """
        primitive mux(output o, input a, input b, input s); table 0 ? 0 : 0; 1 ? 0 : 1; ? 0 1 : 0; ? 1 1 : 1;
        endtable endprimitive
        primitive lat(output reg q, input d, input g); table 0 1 : ? : 0; 1 1 : ? : 1; ? 0 : ? : -;
        endtable endprimitive
        module m(input a, input b, input s, output o, output q); mux u(o,a,b,s); lat l(q,a,s); endmodule
        """,
        {"o": "a[0] b[0] s[0]", "q": "a[0] s[0]"},
    ),
    "inout_tri": (
        """
        module pad(inout p, input d, input oe, output i); assign p = oe ? d : 1'bz; assign i = p; endmodule
        module m(inout x, input [1:0] d, input [1:0] oe, output [1:0] i);
        wire bus;
        pad p0(.p(bus), .d(d[0]), .oe(oe[0]), .i(i[0]));
        pad p1(.p(bus), .d(d[1]), .oe(oe[1]), .i(i[1]));
        tran t(x, bus);
        endmodule
        """,
        {"x": "d[1:0] oe[1:0] x[0]", "i": "d[1:0] oe[1:0] x[0]"},
    ),
    "bind": (
        """
        module mon(input x, output y); assign y = x; endmodule
        module s(input a, output o); wire w; assign o = a; endmodule
        bind s mon mm(.x(o), .y(w));
        module m(input a, output o, output q); s u(a,o); assign q = u.w; endmodule
        """,
        {"o": "a[0]", "q": "a[0]"},
    ),
    "inst_array": (
        """
        module s(input a, input c, output o); assign o = a & c; endmodule
        module m(input [3:0] a, input c, output [3:0] o, output [0:3] q); s u[3:0](a, c, o); s v[0:3](a, c, q);
        endmodule
        """,
        {
            "o[0]": "a[0] c[0]",
            "o[1]": "a[1] c[0]",
            "o[2]": "a[2] c[0]",
            "o[3]": "a[3] c[0]",
            "q[0]": "a[3] c[0]",
            "q[1]": "a[2] c[0]",
            "q[2]": "a[1] c[0]",
            "q[3]": "a[0] c[0]",
        },
    ),
    "inst_array2": (
        """
        module s(input [1:0] a, output o); assign o = ^a; endmodule
        module m(input [7:0] a, input [1:0] b [3:0], output [3:0] o, output [3:0] p); s u[3:0](.a(a), .o(o));
        s w[3:0](.a(b), .o(p)); endmodule
        """,
        {
            "o[0]": "a[1:0]",
            "o[1]": "a[3:2]",
            "o[2]": "a[5:4]",
            "o[3]": "a[7:6]",
            "p[0]": "b[7:6]",
            "p[1]": "b[5:4]",
            "p[2]": "b[3:2]",
            "p[3]": "b[1:0]",
        },
    ),
    "iface_array": (
        """
        interface bus; logic [3:0] d; logic v; modport s(output d, output v); modport r(input d, input v);
        endinterface
        module src(bus.s b, input [3:0] a); assign b.d = a; assign b.v = a[0]; endmodule
        module dst(bus.r b [2], output [3:0] o, output v); assign o = b[1].d; assign v = b[0].v; endmodule
        module m(input [3:0] a [2], output [3:0] o, output v);
        bus b[2](); src s0(b[0], a[0]); src s1(b[1], a[1]); dst d(b, o, v);
        endmodule
        """,
        {"o[0]": "a[4]", "o[1]": "a[5]", "o[2]": "a[6]", "o[3]": "a[7]", "v": "a[0]"},
    ),
    "ref_args": (
        """
        module m(input [3:0] a, output logic [3:0] o);
        task automatic inc(ref logic [3:0] x, input logic [3:0] y); x = x + y; endtask
        logic [3:0] t;
        always_comb begin t = 0; inc(t, a); o = t; end
        endmodule
        """,
        {"o": "a[3:0]"},
    ),
    "auto_init": (
        """
        module m(input [3:0] a, input [3:0] b, output logic [3:0] o);
        always_comb begin automatic logic [3:0] t = a; if (b[0]) t = b; o = t; end
        endmodule
        """,
        {"o[0]": "a[0] b[0]", "o[1]": "a[1] b[1:0]", "o[2]": "a[2] b[0] b[2]", "o[3]": "a[3] b[0] b[3]"},
    ),
    "early_ret": (
        """
        module m(input a, input b, input c, input d, output logic o, output logic p);
        function automatic logic f(input logic x, input logic y, input logic z); if (z) return x; return y;
        endfunction
        assign o = f(a,b,c);
        function automatic logic g(input logic x, input logic y, input logic z); g = y; if (z) return g;
        if (x) return 0; g = d; endfunction
        assign p = g(a,b,c);
        endmodule
        """,
        {"o": "a[0] b[0] c[0]", "p": "a[0] b[0] c[0] d[0]"},
    ),
    "i_pp_index": (
        """
        module m(input [3:0] a, output logic [3:0] o);
        always_comb begin int i; i = 0; o[i++] = a[3]; o[i++] = a[2]; o[i++] = a[1]; o[i] = a[0]; end
        endmodule
        """,
        {"o": "a[3:0]"},
    ),
    "alias": (
        """
        module m(input [3:0] a, output [3:0] o); wire [3:0] x, y; alias x = y; assign x = a; assign o = y; endmodule
        """,
        {"o[0]": "a[0]", "o[1]": "a[1]", "o[2]": "a[2]", "o[3]": "a[3]"},
    ),
    "latch": (
        """
        module m(input [3:0] a, input g, output logic [3:0] o, output [3:0] q);
        always_latch if (g) o = a;
        assign q = g ? a : q;
        endmodule
        """,
        {
            "o[0]": "a[0] g[0]",
            "o[1]": "a[1] g[0]",
            "o[2]": "a[2] g[0]",
            "o[3]": "a[3] g[0]",
            "q[0]": "a[0] g[0]",
            "q[1]": "a[1] g[0]",
            "q[2]": "a[2] g[0]",
            "q[3]": "a[3] g[0]",
        },
    ),
    "iff": (
        """
        module m(input clk, input en, input a, output logic o);
        always @(posedge clk iff en) o <= a;
        endmodule
        """,
        {"o": "a[0] clk[0] en[0]"},
    ),
    "intra": (
        """
        module m(input clk, input a, output logic o);
        always @(posedge clk) o <= #1 a;
        endmodule
        """,
        {"o": "a[0] clk[0]"},
    ),
    "case_inverse": (
        """
        module m(input [2:0] a, input [2:0] b, output logic [2:0] o);
        always_comb begin case (1'b1) a[0]: o = b; a[1]: o = 1; default: o = 0; endcase end
        endmodule
        """,
        {"o[0]": "a[1:0] b[0]", "o[1]": "a[1:0] b[1]", "o[2]": "a[1:0] b[2]"},
    ),
    "signed_ext": (
        """
        module m(input signed [3:0] a, input [3:0] b, output signed [7:0] o, output [7:0] p);
        assign o = a; assign p = b;
        endmodule
        """,
        {
            "o[0]": "a[0]",
            "o[1]": "a[1]",
            "o[2]": "a[2]",
            "o[3]": "a[3]",
            "o[4]": "a[3]",
            "o[5]": "a[3]",
            "o[6]": "a[3]",
            "o[7]": "a[3]",
            "p[0]": "b[0]",
            "p[1]": "b[1]",
            "p[2]": "b[2]",
            "p[3]": "b[3]",
            "p[4]": "",
            "p[5]": "",
            "p[6]": "",
            "p[7]": "",
        },
    ),
    "multi_driver": (
        """
        module m(input a, input b, input ea, input eb, output wire o);
        assign o = ea ? a : 1'bz; assign o = eb ? b : 1'bz;
        endmodule
        """,
        {"o": "a[0] b[0] ea[0] eb[0]"},
    ),
    "wand": (
        """
        module m(input a, input b, output wand o); assign o = a; assign o = b; endmodule
        """,
        {"o": "a[0] b[0]"},
    ),
    "hier_write": (
        """
        module s(output o); logic x; assign o = x; endmodule
        module m(input a, output o); s u(o); assign u.x = a; endmodule
        """,
        {"o": "a[0]"},
    ),
    "up_ref": (
        """
        module s(output o); assign o = m.k; endmodule
        module m(input a, output o); wire k = a; s u(o); endmodule
        """,
        {"o": "a[0]"},
    ),
    "gen_named": (
        """
        module m(input [3:0] a, output [3:0] o); for (genvar i=0;i<4;i++) begin : g logic t; assign t = a[i];
        if (i>0) assign o[i] = g[i-1].t ^ t; else assign o[i]=t; end endmodule
        """,
        {"o[0]": "a[0]", "o[1]": "a[1:0]", "o[2]": "a[2:1]", "o[3]": "a[3:2]"},
    ),
    "pkg_static": (
        """
        package p; logic [3:0] s; endpackage
        module w(input [3:0] a); assign p::s = a; endmodule
        module m(input [3:0] a, output [3:0] o); w u(a); assign o = p::s; endmodule
        """,
        {"o[0]": "a[0]", "o[1]": "a[1]", "o[2]": "a[2]", "o[3]": "a[3]"},
    ),
    "iface_func": (
        """
        interface bus; logic [3:0] d; function automatic logic [3:0] get(); return d;
        endfunction task put(input [3:0] x); d = x; endtask modport s(import put); modport r(import get); endinterface
        module src(bus.s b, input [3:0] a); always_comb b.put(a); endmodule
        module dst(bus.r b, output logic [3:0] o); always_comb o = b.get(); endmodule
        module m(input [3:0] a, output [3:0] o); bus b(); src s(b,a); dst d(b,o); endmodule
        """,
        {"o[0]": "a[0]", "o[1]": "a[1]", "o[2]": "a[2]", "o[3]": "a[3]"},
    ),
    "iface_modport_expr": (
        """
        interface bus; logic [7:0] d; modport s(output .x(d[3:0])); modport r(input .y(d[1:0]), input d); endinterface
        module src(bus.s b, input [3:0] a); assign b.x = a; endmodule
        module dst(bus.r b, output logic [3:0] o); assign o = b.y; endmodule
        module m(input [3:0] a, output [3:0] o); bus b(); src s(b,a); dst d(b,o); endmodule
        """,
        {"o[0]": "a[0]", "o[1]": "a[1]", "o[2]": "", "o[3]": ""},
    ),
    "iface_port": (
        """
        interface bus(input logic [3:0] k); logic [3:0] d; assign d = k; endinterface
        module dst(bus b, output logic [3:0] o, output [3:0] o2); assign o = b.d; assign o2 = b.k; endmodule
        module m(input [3:0] a, output [3:0] o, output [3:0] o2); bus b(a); dst d(b,o,o2); endmodule
        """,
        {
            "o[0]": "a[0]",
            "o[1]": "a[1]",
            "o[2]": "a[2]",
            "o[3]": "a[3]",
            "o2[0]": "a[0]",
            "o2[1]": "a[1]",
            "o2[2]": "a[2]",
            "o2[3]": "a[3]",
        },
    ),
    "virtual_iface_nested": (
        """
        interface bus; logic [3:0] d; endinterface
        module mid(bus b, output [3:0] o); dst d(b, o); endmodule
        module dst(bus b, output [3:0] o); assign o = b.d; endmodule
        module m(input [3:0] a, output [3:0] o); bus b(); assign b.d = a; mid u(b,o); endmodule
        """,
        {"o[0]": "a[0]", "o[1]": "a[1]", "o[2]": "a[2]", "o[3]": "a[3]"},
    ),
    "port_concat": (
        """
        module s({a,b}, o); input a; input [1:0] b; output [2:0] o; assign o = {a,b}; endmodule
        module m(input [2:0] a, output [2:0] o); s u(a, o); endmodule
        """,
        {"o[0]": "a[0]", "o[1]": "a[1]", "o[2]": "a[2]"},
    ),
    "named_port_slice": (
        """
        module s(.p(x[1:0]), .q(x[3:2]), o); input [3:0] x; output [3:0] o; assign o = x; endmodule
        module m(input [1:0] a, input [1:0] b, output [3:0] o); s u(.p(a), .q(b), .o(o)); endmodule
        """,
        {"o[0]": "a[0]", "o[1]": "a[1]", "o[2]": "b[0]", "o[3]": "b[1]"},
    ),
    "out_trunc": (
        """
        module s(output [7:0] o, input [7:0] i); assign o = i; endmodule
        module m(input [7:0] a, output [3:0] x, output [11:0] w); s u(x, a); s v(w, a); endmodule
        """,
        {
            "x[0]": "a[0]",
            "x[1]": "a[1]",
            "x[2]": "a[2]",
            "x[3]": "a[3]",
            "w[0]": "a[0]",
            "w[1]": "a[1]",
            "w[2]": "a[2]",
            "w[3]": "a[3]",
            "w[4]": "a[4]",
            "w[5]": "a[5]",
            "w[6]": "a[6]",
            "w[7]": "a[7]",
            "w[8]": "",
            "w[9]": "",
            "w[10]": "",
            "w[11]": "",
        },
    ),
    "if_const": (
        """
        module m(input c, output logic o); always_comb if (c) o = 0; else o = 1; endmodule
        """,
        {"o": "c[0]"},
    ),
    "nested_jump": (
        """
        module m(input a, input b, input x, input y, output logic o);
        always @* begin o = a; begin : blk if (x) begin if (y) disable blk; end o = b; end end endmodule
        """,
        {"o": "a[0] b[0] x[0] y[0]"},
    ),
    "nested_ret": (
        """
        module m(input a, input b, input x, input y, output logic o);
        function automatic logic f(input x, input y, input a, input b); f = a; if (x) begin if (y) return f;
        end f = b; endfunction
        assign o = f(x,y,a,b); endmodule
        """,
        {"o": "a[0] b[0] x[0] y[0]"},
    ),
    "disable_outer": (
        """
        module m(input a, input b, input c, output logic o);
        always @* begin : outer o = c; begin : inner if (a) disable outer; end o = b; end endmodule
        """,
        {"o": "a[0] b[0] c[0]"},
    ),
    "case_nonconst_first": (
        """
        module m(input a, input b, input c, output logic o);
        always @* case (1'b1) a: o = b; 1'b1: o = c; endcase endmodule
        """,
        {"o": "a[0] b[0] c[0]"},
    ),
    "i_after_break": (
        """
        module m(input [7:0] a, output logic [3:0] o);
        int i; always_comb begin for (i=0;i<8;i++) if (a[i]) break; o = i; end endmodule
        """,
        {"o": "a[7:0]"},
    ),
    "chain_while": (
        """
        module m(input [31:0] a, input [7:0] n, output logic  o);
        always_comb begin int k; logic [31:0] t; t = a; k = 0; while (k < n) begin t = {t[0],t[31:1]}; k = k + 1;
        end o = t[0]; end endmodule
        """,
        {"o": "a[31:0] n[7:0]"},
    ),
    "recursion": (
        """
        module m(input [3:0] a, input [3:0] b, output logic [3:0] o);
        function automatic [3:0] f(input [3:0] x, input [3:0] y, input int n); logic [3:0] t;
        if (n == 0) return 4'd1; t = f(y, 4'd0, n-1); return t ^ x; endfunction
        assign o = f(a, b, 1); endmodule
        """,
        {"o[0]": "a[0] b[0]", "o[1]": "a[1] b[1]", "o[2]": "a[2] b[2]", "o[3]": "a[3] b[3]"},
    ),
    "signed_out_port": (
        """
        module s(output signed [3:0] o, input [3:0] i); assign o = i; endmodule
        module m(input [3:0] a, output signed [7:0] o); s u(o, a); endmodule
        """,
        {
            "o[0]": "a[0]",
            "o[1]": "a[1]",
            "o[2]": "a[2]",
            "o[3]": "a[3]",
            "o[4]": "a[3]",
            "o[5]": "a[3]",
            "o[6]": "a[3]",
            "o[7]": "a[3]",
        },
    ),
    "signed_out_arg": (
        """
        module m(input signed [3:0] a, output logic signed [7:0] o);
        task automatic t(output signed [3:0] y, input signed [3:0] x); y = x; endtask
        always_comb t(o, a); endmodule
        """,
        {
            "o[0]": "a[0]",
            "o[1]": "a[1]",
            "o[2]": "a[2]",
            "o[3]": "a[3]",
            "o[4]": "a[3]",
            "o[5]": "a[3]",
            "o[6]": "a[3]",
            "o[7]": "a[3]",
        },
    ),
    "clk_expr": (
        """
        module m(input clk, input en, input a, output logic o); always @(posedge (clk & en)) o <= a; endmodule
        """,
        {"o": "a[0] clk[0] en[0]"},
    ),
    "mid_wait": (
        """
        module m(input clk, input en, input a, output logic o); always begin @(posedge clk); if (en) o = a;
        end endmodule
        """,
        {"o": "a[0] clk[0] en[0]"},
    ),
    "arr_dir": (
        """
        module m(input [3:0] a, input [3:0] b, output [3:0] o, output [3:0] o1); logic [3:0] x [0:1];
        logic [3:0] y [1:0]; assign x[0] = a; assign x[1]=b; assign y = x; assign o = y[0]; assign o1 = y[1];
        endmodule
        """,
        {
            "o[0]": "b[0]",
            "o[1]": "b[1]",
            "o[2]": "b[2]",
            "o[3]": "b[3]",
            "o1[0]": "a[0]",
            "o1[1]": "a[1]",
            "o1[2]": "a[2]",
            "o1[3]": "a[3]",
        },
    ),
    "arr_idx": (
        """
        module m(input [1:0] b [3:0], output [1:0] o, output [1:0] o3); assign o = b[0]; assign o3 = b[3]; endmodule
        """,
        {"o[0]": "b[6]", "o[1]": "b[7]", "o3[0]": "b[0]", "o3[1]": "b[1]"},
    ),
    "packed_arr_pat": (
        """
        module m(input [1:0] a, input [1:0] b, output [1:0] o0, output [1:0] o3, output [1:0] o1);
        logic [3:0][1:0] w; assign w = '{0: a, 3: b, default: 2'd0}; assign o0 = w[0]; assign o3 = w[3];
        assign o1 = w[1]; endmodule
        """,
        {"o0[0]": "a[0]", "o0[1]": "a[1]", "o3[0]": "b[0]", "o3[1]": "b[1]", "o1": ""},
    ),
    "packed_arr_pat2": (
        """
        module m(input [1:0] a, input [1:0] b, output [1:0] o0, output [1:0] o3, output [1:0] o1);
        logic [0:3][1:0] w; assign w = '{0: a, 3: b, default: 2'd0}; assign o0 = w[0]; assign o3 = w[3];
        assign o1 = w[1]; endmodule
        """,
        {"o0[0]": "a[0]", "o0[1]": "a[1]", "o3[0]": "b[0]", "o3[1]": "b[1]", "o1": ""},
    ),
    "bitstream": (
        """
        module m(input [7:0] a, input [3:0] b, output [3:0] o);
        typedef struct {logic [7:0] x; logic [3:0] y;} A; typedef struct {logic [3:0] x; logic [7:0] y;} B;
        A s; B t; assign s.x = a; assign s.y = b; assign t = B'(s); assign o = t.x; endmodule
        """,
        {"o": "a[7:0] b[3:0]"},
    ),
    "matches": (
        """
        module m(input [3:0] a, input c, output logic [3:0] o);
        typedef union tagged packed { logic [3:0] x; logic [3:0] y; } u_t; u_t u;
        always_comb begin if (c) u = tagged x (a); else u = tagged y (4'd1); case (u) matches tagged x .v: o = v;
        tagged y .w: o = w + 1; endcase end endmodule
        """,
        {"o": "a[3:0] c[0]"},
    ),
    "readback": (
        """
        interface bus; logic [1:0] d; modport s(output d); endinterface
        module w0(bus.s b, input a, output o); assign b.d[0] = a; assign o = b.d[1]; endmodule
        module w1(bus.s b, input a); assign b.d[1] = a; endmodule
        module m(input a, input c, output o); bus b(); w0 x(b,a,o); w1 y(b,c); endmodule
        """,
        {"o": "c[0]"},
    ),
    "iface_slice": (
        """
        interface bus; logic d; endinterface
        module dst(bus b[1:0], output [1:0] o); assign o = {b[1].d, b[0].d}; endmodule
        module m(input [3:0] a, output [1:0] o, output [1:0] p); bus b[3:0]();
        for (genvar i=0;i<4;i++) assign b[i].d = a[i]; dst u(b[3:2], o); dst v(b[1:0], p); endmodule
        """,
        {"o[0]": "a[2]", "o[1]": "a[3]", "p[0]": "a[0]", "p[1]": "a[1]"},
    ),
    "same_sig_clk_rst": (
        """
        module m(input [1:0] v, input d, output logic q, output logic r);
        always @(negedge v[1] or posedge v[0]) if (!v[1]) q <= 0; else q <= d;
        always @(posedge v[0] or negedge v[1]) if (!v[1]) r <= 0; else r <= d; endmodule
        """,
        {"q": "d[0] v[1:0]", "r": "d[0] v[1:0]"},
    ),
    "ternary_const": (
        """
        module m(input c, output o); assign o = c ? 1'b1 : 1'b0; endmodule
        """,
        {"o": "c[0]"},
    ),
    "part_kept": (
        """
        module m(input c, input [7:0] a, input b, output logic [7:0] o); always_comb begin o = a; if (c) o[3] = b;
        end endmodule
        """,
        {
            "o[0]": "a[0]",
            "o[1]": "a[1]",
            "o[2]": "a[2]",
            "o[3]": "a[3] b[0] c[0]",
            "o[4]": "a[4]",
            "o[5]": "a[5]",
            "o[6]": "a[6]",
            "o[7]": "a[7]",
        },
    ),
    "loop_find": (
        """
        module m(input [7:0] a, output logic [2:0] o, output logic f);
        always_comb begin o = 0; f = 0; for (int i=0;i<8;i++) if (a[i] && !f) begin o = i[2:0]; f = 1;
        end end endmodule
        """,
        {"o": "a[7:0]", "f": "a[7:0]"},
    ),
    "event": (
        """
        module m(input c, input a, output logic o); event e; always @(c) -> e; always @(e) o = a; endmodule
        """,
        {"o": "a[0] c[0]"},
    ),
    "static_task": (
        """
        module m(input clk, input [3:0] a, output logic [3:0] o); task t; input [3:0] x; reg [3:0] k; begin o <= k;
        k = x; end endtask always @(posedge clk) t(a); endmodule
        """,
        {"o[0]": "a[0] clk[0]", "o[1]": "a[1] clk[0]", "o[2]": "a[2] clk[0]", "o[3]": "a[3] clk[0]"},
    ),
    "func_global": (
        """
        module m(input [3:0] a, input [3:0] b, output logic [3:0] o); logic [3:0] g;
        function automatic void f(input [3:0] x); g = x; endfunction always_comb begin g = b; f(a); o = g;
        end endmodule
        """,
        {"o[0]": "a[0]", "o[1]": "a[1]", "o[2]": "a[2]", "o[3]": "a[3]"},
    ),
    "assign_deassign": (
        """
        module m(input clk, input r, input d, output reg q); always @(r) if (r) assign q = 0; else deassign q;
        always @(posedge clk) q <= d; endmodule
        """,
        {"q": "clk[0] d[0] r[0]"},
    ),
    "while_break": (
        """
        module m(input [7:0] a, input [7:0] b, output logic [3:0] o); always_comb begin int i; i = 0; o = 0;
        while (1) begin if (i == b[2:0]) break; if (a[i]) begin i = i + 2; continue; end i = i + 1; o = o + 1;
        end end endmodule
        """,
        {"o": "a[7:0] b[2:0]"},
    ),
    "do_while": (
        """
        module m(input [7:0] a, input [7:0] b, output logic [3:0] o); always_comb begin int i; i = 0; o = 0;
        do begin o = o ^ a[3:0]; i = i + 1; if (b[7]) break; end while (i < b[1:0]); end endmodule
        """,
        {
            "o[0]": "a[0] b[1:0] b[7]",
            "o[1]": "a[1] b[1:0] b[7]",
            "o[2]": "a[2] b[1:0] b[7]",
            "o[3]": "a[3] b[1:0] b[7]",
        },
    ),
    "foreach": (
        """
        module m(input [3:0][1:0] a, output logic [3:0] o);
        always_comb begin foreach (a[i,j]) if (j==0) o[i] = a[i][j]; end endmodule
        """,
        {"o[0]": "a[0]", "o[1]": "a[2]", "o[2]": "a[4]", "o[3]": "a[6]"},
    ),
    "tran": (
        """
        module m(inout x, inout y, input d, input e, input c, output o); assign x = e ? d : 1'bz;
        tranif1 t(x, y, c); assign o = y; endmodule
        """,
        {"x": "c[0] d[0] e[0] x[0] y[0]", "y": "c[0] d[0] e[0] x[0] y[0]", "o": "c[0] d[0] e[0] x[0] y[0]"},
    ),
    "unit_var": (
        """
        logic [3:0] gg;
        module w(input [3:0] a); assign gg = a; endmodule
        module m(input [3:0] a, output [3:0] o); w u(a); assign o = gg; endmodule
        """,
        {"o[0]": "a[0]", "o[1]": "a[1]", "o[2]": "a[2]", "o[3]": "a[3]"},
    ),
    "pkg_func_static": (
        """
        package p; logic [3:0] s; function [3:0] f(input [3:0] x); reg [3:0] t; t = x; f = t ^ s;
        endfunction endpackage
        module w(input [3:0] a); assign p::s = a; endmodule
        module m(input [3:0] a, input [3:0] b, output [3:0] o); w u(a); assign o = p::f(b); endmodule
        """,
        {"o[0]": "a[0] b[0]", "o[1]": "a[1] b[1]", "o[2]": "a[2] b[2]", "o[3]": "a[3] b[3]"},
    ),
    "iface_two": (
        """
        interface bus; logic [3:0] d; function automatic logic [3:0] get(); return d; endfunction endinterface
        module dst(bus x, bus y, output logic [3:0] o); always_comb o = x.get(); endmodule
        module m(input [3:0] a,input [3:0] b, output [3:0] o); bus p(), q(); assign p.d = a; assign q.d = b;
        dst d(p,q,o); endmodule
        """,
        {"o[0]": "a[0]", "o[1]": "a[1]", "o[2]": "a[2]", "o[3]": "a[3]"},
    ),
    "iface_task_in_top": (
        """
        interface bus; logic [3:0] d, e; task put(input [3:0] x); d = x; endtask endinterface
        module m(input [3:0] a,input clk, output [3:0] o); bus p(); always @(posedge clk) p.put(a);
        assign o = p.d ; endmodule
        """,
        {"o[0]": "a[0] clk[0]", "o[1]": "a[1] clk[0]", "o[2]": "a[2] clk[0]", "o[3]": "a[3] clk[0]"},
    ),
    "loop_bit_by_bit": (
        """
        module m(input [3:0] a, output logic [3:0] o);
        always_comb for (int i = 0; i < 4; i++) o[i] = a[3 - i];
        endmodule
        """,
        {"o[0]": "a[3]", "o[1]": "a[2]", "o[2]": "a[1]", "o[3]": "a[0]"},
    ),
    "constant_condition": (
        """
        module m #(parameter P = 0) (input a, input b, output logic o);
        always_comb if (P == 0) o = a; else o = b;
        endmodule
        """,
        {"o": "a[0]"},
    ),
    "signed_shift_amount": (
        """
        module m(input [2:0] a, output [2:0] o);
        assign o = a << $signed(1'd1);
        endmodule
        """,
        {"o[0]": "", "o[1]": "a[0]", "o[2]": "a[1]"},
    ),
    "varying_index": (
        """
        module m(input clk, input [1:0][1:0] a, input [1:0] b [2], input i, input [1:0] d, output [1:0] o,
                 output [1:0] p, output logic [1:0] q);
        typedef struct packed { logic v; logic [1:0] w; } s_t;
        s_t s [2];
        assign o = a[i];
        assign p = b[i];
        always_ff @(posedge clk) s[i].w <= d;
        assign q = s[0].w;
        endmodule
        """,
        {
            "o[0]": "a[0] a[2] i[0]",
            "o[1]": "a[1] a[3] i[0]",
            "p[0]": "b[0] b[2] i[0]",
            "p[1]": "b[1] b[3] i[0]",
            "q[0]": "clk[0] d[0] i[0]",
            "q[1]": "clk[0] d[1] i[0]",
        },
    ),
    "case_covers": (
        """
        module m(input [1:0] s, input [1:0] a, input g, output logic o, output logic q);
        always_comb case (s[0]) 1'd0: o = a[0]; 1'd1: o = a[1]; endcase
        always_latch case (s) 2'd0: q = a[0]; 2'd1: q = g; endcase
        endmodule
        """,
        {"o": "a[1:0] s[0]", "q": "a[0] g[0] s[1:0]"},
    ),
}


def opened(text: str, folder: Path) -> DesignDatabase:
    """Return the database of a text with top `m`."""
    manager = SourceManager()
    design = elaborate([syntax.SyntaxTree.fromText(text, manager, "m.sv")], manager, tops=["m"])
    assert not [d for d in design.diagnoses if d.severity == "error"], design.diagnoses
    writer = Writer(folder / "graph.db")
    with writer.transaction():
        writer.replace_design(design)
    writer.close()
    return DesignDatabase.open(folder / "graph.db")


def fan_in(design: DesignDatabase, bits: Bits) -> str:
    """Return the ports of the top, but outputs, that bits depend on: `a[3:0] c[0]`."""
    found: dict[str, set[int]] = {}
    for (instance, signal), ranges in cone(design.mirror, bits).bits.items():
        row = design.mirror.signal(Bits(instance, signal, 0, 0))
        if row.direction in ("input", "inout") and not design.mirror.instance(instance).parent:
            for low, high, _ in ranges:
                found.setdefault(row.name, set()).update(range(low, high + 1))
    return " ".join(text for name in sorted(found) for text in _ranges(name, sorted(found[name])))


def _ranges(name: str, bits: list[int]) -> list[str]:
    runs: list[list[int]] = []
    for bit in bits:
        if runs and runs[-1][-1] == bit - 1:
            runs[-1].append(bit)
        else:
            runs.append([bit])
    return [f"{name}[{run[0]}]" if len(run) == 1 else f"{name}[{run[-1]}:{run[0]}]" for run in runs]


@pytest.mark.parametrize("name", CASES)
def test_fan_in_is_exactly(name: str, tmp_path: Path) -> None:
    """Every output depends on the named bits, and on no others."""
    text, expected = CASES[name]
    with opened(textwrap.dedent(text), tmp_path) as design:
        found = {output: fan_in(design, design.resolve(f"m.{output}")) for output in expected}
    assert found == expected


def test_next_value_of_a_register_stops_at_registers(tmp_path: Path) -> None:
    """Without registers the fan-in of a register is the logic before it, of a wire what is behind the registers not."""
    text = """
    module m(input clk, input a, input b, output w);
      logic q, r;
      wire d = a ^ q;
      always_ff @(posedge clk) begin q <= d; r <= b & q; end
      assign w = r;
    endmodule
    """
    with opened(text, tmp_path) as design:

        def near(name: str) -> set[str]:
            found = cone(design.mirror, design.resolve(f"m.{name}"), through_registers=False)
            return {design.mirror.signal(Bits(i, s, 0, 0)).name for i, s in found.bits}

        assert near("q") == {"q", "d", "a", "clk"}
        assert near("r") == {"r", "b", "q", "clk"}
        assert near("w") == {"w", "r"}
        reached = cone(design.mirror, design.resolve("m.a"), forward=True, through_registers=False)
        assert {design.mirror.signal(Bits(i, s, 0, 0)).name for i, s in reached.bits} == {"a", "d", "q"}


@pytest.mark.parametrize(
    "item",
    [
        "assign o = nope.x;", "assign {o, nope} = a;", "always_comb begin nope = a; o = f(a); end",
        "always @(posedge nope iff nope) o <= a;", "sub #(.P(nope)) u(.a(nope), .*);", "nand (o, nope);",
        "tran (a, nope);", "alias a = nope;",
        "always_comb begin foreach (nope[i]) o = a; for (int i = 0; i < nope; i++) o = a; end",
        "always_comb case (nope) 1: o = 1; endcase", "always_comb disable nope;", "initial wait (nope) -> nope;",
        "always_comb for (int i = 0; i < 2; i++) begin f(i) = a; {nope.x} = a; end",
    ],
)  # fmt: skip
def test_what_is_wrong_does_not_hide_the_rest(item: str, tmp_path: Path) -> None:
    """A construct that can't be elaborated leaves the data flow of the others as it is."""
    manager = SourceManager()
    text = f"module m(input a, output logic o, output p); {item} assign p = a; endmodule"
    design = elaborate([syntax.SyntaxTree.fromText(text, manager, "m.sv")], manager, tops=["m"])
    body = next(b for b in design.bodies.values() if b.definition == "m")
    signals = {s.name: s.id for s in body.signals}
    assert any((f.source, f.target) == (signals["a"], signals["p"]) for f in body.flows)


def test_variables_of_packages_are_signals(tmp_path: Path) -> None:
    """A variable of a package has its place in the design, and one of the compilation unit too."""
    text = """
    package p; logic [1:0] s; endpackage
    logic t;
    module m(input [1:0] a, output o); assign p::s = a; assign t = p::s[1]; assign o = t; endmodule
    """
    with opened(text, tmp_path) as design:
        assert fan_in(design, design.resolve("p.s[1]")) == "a[1]"
        assert fan_in(design, design.resolve("$unit.t")) == "a[1]"
        assert fan_in(design, design.resolve("m.o")) == "a[1]"
