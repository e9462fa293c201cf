"""The word-level view: what drives what, and where it stands in the source."""

from __future__ import annotations

from rtlgen.graphs.frontend.slang import elaborate
from rtlgen.graphs.wordlevel.build import body_view, word_level
from rtlgen.graphs.wordlevel.module import ModuleIR, Place
from rtlgen.graphs.wordlevel.terms import evaluate


def view(text: str, top: str | None = None) -> ModuleIR:
    return word_level(elaborate({"m.sv": text.encode()}, top=top))[0]


def text_at(text: str, place: Place | None) -> str:
    assert place is not None
    return text.encode()[place.start : place.end].decode()


def test_register_with_asynchronous_reset_and_its_edge() -> None:
    m = view("""module m(input clk, rst_n, d, output reg q);
      always @(negedge clk or negedge rst_n) if (!rst_n) q <= 1'b1; else q <= d; endmodule""")
    q = m.registers["q"]
    assert (q.clock, q.edge, repr(q.next)) == ("clk", "neg", "d")
    assert [(r.signal, r.level, r.value) for r in q.resets] == [("rst_n", 0, 1)]


def test_blocking_order_and_default_assignment() -> None:
    m = view("""module m(input [3:0] a, input s, output reg [3:0] y);
      always @* begin y = a; if (s) y = y + 4'd1; end endmodule""")
    assert repr(m.combinational["y"]) == "(ite:4 s (add:4 a 4'd1) a)"


def test_nonblocking_reads_see_the_old_value() -> None:
    m = view("""module m(input clk, d, output reg q1, q2);
      always @(posedge clk) begin q1 <= d; q2 <= q1; end endmodule""")
    assert repr(m.registers["q2"].next) == "q1"


def test_incomplete_assignment_is_a_latch() -> None:
    m = view("module m(input e, d, output reg q); always @* if (e) q = d; endmodule")
    assert m.latched == {"q"} and m.blocks[0].kind == "latch"


def test_a_case_over_all_values_is_no_latch() -> None:
    m = view("""module m(input [1:0] s, output reg q);
      always @* case (s) 0: q = 1; 1: q = 0; 2: q = 1; 3: q = 0; endcase endmodule""")
    assert not m.latched and "q" in m.combinational


def test_loops_unroll_and_functions_inline() -> None:
    m = view("""module m(input [3:0] a, output reg [2:0] n, output [3:0] g);
      integer i;
      function [3:0] gray(input [3:0] x); gray = x ^ (x >> 1); endfunction
      assign g = gray(a);
      always @* begin n = 0; for (i = 0; i < 4; i = i + 1) n = n + a[i]; end endmodule""")
    assert repr(m.combinational["g"]) == "(xor:4 a (lshr:4 a 32'd1))"
    assert repr(m.combinational["n"]).count("add") == 4


def test_break_and_return_guard_what_follows() -> None:
    m = view("""module m(input [3:0] a, output logic [2:0] y);
      always_comb begin y = 4; for (int i = 0; i < 4; i++) if (a[i]) begin y = 3'(i); break; end end endmodule""")

    values = [evaluate(m.combinational["y"], {"a": a}) for a in range(16)]
    assert values == [4, 0, 1, 0, 2, 0, 1, 0, 3, 0, 1, 0, 2, 0, 1, 0]


def test_signed_arithmetic_extends_by_sign() -> None:
    m = view("""module m(input signed [3:0] a, input [3:0] b, output signed [7:0] y, z);
      assign y = a >>> 1; assign z = a + b; endmodule""")
    assert repr(m.combinational["y"]) == "(ashr:8 (sext:8 a) 32'd1)"
    assert repr(m.combinational["z"]) == "(add:8 (zext:8 a) (zext:8 b))"


def test_places_of_names_dimensions_and_expressions() -> None:
    text = "module m(input [7:0] a, b, output [7:0] y);\n  wire [7:0] s = a + b;\n  assign y = (s ^ a) & b;\n"
    text += "endmodule\n"
    m = view(text)
    assert text_at(text, m.signals["s"].declared) == "s"
    assert text_at(text, m.signals["s"].dimension) == "[7:0]"
    roots = [text_at(text, o.place) for o in m.occurrences if o.root]
    assert roots == ["a + b", "(s ^ a) & b"]
    assert text_at(text, m.place).startswith("module m") and text_at(text, m.place).endswith("endmodule")


def test_paths_hold_the_conditions_of_a_statement() -> None:
    m = view("""module m(input [1:0] s, input [3:0] a, output reg [3:0] y);
      always @* case (s) 2'd0: y = a + 1; 2'd1: y = a - 1; default: y = a; endcase endmodule""")
    minus = next(o for o in m.occurrences if o.term.op == "sub")
    assert [(repr(s.condition), s.taken) for s in minus.path] == [("(eq:1 s 2'd0)", False), ("(eq:1 s 2'd1)", True)]
    assert minus.target == "y" and minus.stable and minus.editable


def test_intermediate_values_are_not_stable_and_loop_text_not_editable() -> None:
    m = view("""module m(input [3:0] a, output reg [3:0] y); reg [3:0] t; integer i;
      always @* begin t = a + 1; y = t ^ a; for (i = 0; i < 2; i = i + 1) y[i] = a[i] & a[3]; end endmodule""")
    xor = next(o for o in m.occurrences if o.term.op == "xor")
    assert not xor.stable and repr(xor.expanded) == "(xor:4 (add:4 a 4'd1) a)"
    assert not any(o.editable for o in m.occurrences if o.term.op == "and")


def test_drivers_out_of_reach_are_opaque_with_a_reason() -> None:
    m = view(
        """module sub(input a, output b); assign b = a; endmodule
      module m(input a, clk, output b, c, d); reg [7:0] mem [0:3]; sub u(.a(a), .b(b));
      assign c = a; assign c = b; assign d = mem[0][0]; always @(posedge clk) mem[a] <= 1; endmodule""",
        top="m",
    )
    assert m.opaque["b"] == "driven by instance u" and m.opaque["mem"] == "memory" and "c" in m.opaque
    first = m.instances[0].connections[0]
    assert (first.port, first.direction, repr(first.term)) == ("a", "input", "a")


def test_each_parameterisation_is_a_view_of_its_own() -> None:
    views = word_level(
        elaborate(
            {
                "m.v": b"""
      module sub #(parameter W = 2)(input [W-1:0] a, output y); assign y = ^a; endmodule
      module m(input [4:0] a, output y, z, w); sub u(a[1:0], y); sub #(5) v(a, z); sub x(a[3:2], w); endmodule"""
            }
        )
    )
    assert [(v.name, v.parameters, v.copies) for v in views] == [
        ("m", {}, 1), ("sub", {"W": "2"}, 2), ("sub", {"W": "5"}, 2)
    ]  # fmt: skip


def test_a_signal_assigned_in_slices_on_every_path_is_no_latch() -> None:
    text = b"""module m(input [3:0] a, input c, d, output reg [3:0] y, output reg [3:0] held);
  always @* begin
    if (c) y[1:0] = a[1:0]; else y[1:0] = a[3:2];
    if (d) y[3:2] = 2'd0; else y[3:2] = a[1:0];
    if (c) held[1:0] = a[1:0];
    held[3:2] = a[3:2];
  end
endmodule
"""
    view = word_level(elaborate({"m.v": text}, top="m"))[0]
    assert view.latched == {"held"} and "y" in view.combinational
    assert evaluate(view.combinational["y"], {"a": 0b0110, "c": 1, "d": 0}) == 0b1010


def test_patterns_with_keys_are_read_in_order_of_the_type() -> None:
    found = view(
        """typedef struct packed {logic a; logic [2:0] b; logic [1:0][3:0] c;} s_t;
        module m(input logic x, input logic [2:0] y, output s_t o, p, output logic [3:0][1:0] q);
          assign o = '{b: y, default: 0};
          assign p = '{a: x, b: y, c: '{1: 4'd5, 0: 4'd2}};
          assign q = '{2: {x, x}, default: 2'b10};
        endmodule"""
    ).combinational
    assert [repr(found[n]) for n in "opq"] == [
        "(concat:12 1'd0 y 8'd0)",
        "(concat:12 x y 8'd82)",
        "(concat:8 2'd2 x x 4'd10)",
    ]


def test_a_body_below_the_top_has_its_own_parameters() -> None:
    text = """module c #(parameter W = 1)(input [W-1:0] a, output [W-1:0] y); assign y = ~a; endmodule
    module m(input [7:0] a, output [7:0] y); c #(3) u(a[2:0], y[2:0]); c #(5) v(a[7:3], y[7:3]); endmodule"""
    design = elaborate({"m.sv": text.encode()}, top="m")
    bodies = [i.body for i in design.top.body if i.kind.name == "Instance"]
    found = [body_view(design, body) for body in bodies]
    assert [(v.name, v.path, v.parameters, v.signals["y"].width) for v in found] == [
        ("c", "m.u", {"W": "3"}, 3),
        ("c", "m.v", {"W": "5"}, 5),
    ]


def test_what_is_not_read_in_time_is_opaque() -> None:
    text = "module m(input clk, a, output reg q, output y); assign y = ~a; always @(posedge clk) q <= a; endmodule"
    design = elaborate({"m.sv": text.encode()}, top="m")
    found = body_view(design, design.top.body, deadline_s=0.0)
    assert found.opaque == dict.fromkeys(("y", "q"), "not read within the time limit")
    assert (found.combinational, found.registers) == ({}, {})


def test_locals_of_one_name_and_several_widths_do_not_meet() -> None:
    found = view(
        """module m(input s, input [7:0] a, output reg [7:0] y);
          always @* begin y = 0;
            if (s) begin for (int i = 0; i < 2; i++) y[i] = a[i]; end
            else begin logic [2:0] i; i = a[2:0]; y = {5'd0, i}; end
          end
        endmodule"""
    )
    assert found.opaque == {}
    assert "y" in found.combinational
