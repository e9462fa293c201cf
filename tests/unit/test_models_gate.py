"""The gate: what a model may not write, however it is hidden; and what it may."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtlgen.graphs.frontend.words import words
from rtlgen.optimizer.modelled.gate import can_be_asked, refusal

OLD = """\
module m #(parameter W = 4) (input wire clk, input wire [W-1:0] a, b, output reg [W-1:0] y);
    localparam ZERO = 0;
    (* keep *) wire [W-1:0] s = a + b; // the sum
    wire [1:0] unused = $clog2(4); // verilator lint_off UNUSED
    always @(*) begin
        y = `LIMIT;
        case (a) 0: y = s; default: y = b ^ 4'b1x0; endcase
    end
    assert property (@(posedge clk) y == y);
    initial $display("hello");
endmodule
"""


def changed(old: str, new: str) -> str | None:
    assert OLD.count(old) == 1
    return refusal(OLD, OLD.replace(old, new))


REFUSED = {
    "system task": ("y = `LIMIT;", '$system("hello");', "adds the system task or function $system"),
    "system task removed": ('initial $display("hello");', "", "removes the system task or function $display"),
    "file access": ("y = `LIMIT;", 'y = $fopen("hello");', "adds the system task or function $fopen"),
    "include": ("y = `LIMIT;", "`include <a.vh>\n", "has the compiler directive `include"),
    "define": ("y = `LIMIT;", "`define LIMIT 3\n", "has the compiler directive `define"),
    "conditional": ("// the sum", "\n`ifdef X\n`endif", "has the compiler directive `ifdef"),
    "new macro": ("`LIMIT", "`OTHER", "uses the macro `OTHER, which the old text does not"),
    "second module": (
        "endmodule\n",
        "endmodule\nmodule m; endmodule\n",
        "expected 'endmodule' 1 times as before, got it 2 times",
    ),
    "package": ("localparam ZERO = 0;", "endpackage", "adds the keyword 'endpackage'"),
    "bind": ("localparam ZERO = 0;", "bind n m u();", "adds the keyword 'bind'"),
    "import": ("localparam ZERO = 0;", 'import "DPI-C" function int f();', "adds the keyword 'import'"),
    "string": ("localparam ZERO = 0;", 'localparam ZERO = "text";', "adds the string '\"text\"'"),
    "assertion gone": (
        "assert property (@(posedge clk) y == y);",
        "",
        "expected 'assert' 1 times as before, got it 0 times",
    ),
    "assumption": (
        "assert property (@(posedge clk) y == y);",
        "assume property (@(posedge clk) y == y);",
        "expected 'assert' 1 times as before, got it 0 times",
    ),
    "initial": ("localparam ZERO = 0;", "initial y = 0;", "expected 'initial' 1 times as before, got it 2 times"),
    "unknown bits": ("y = s;", "y = 4'bxxxx;", 'adds the literal "\'bxxxx", which has unknown bits'),
    "attribute": ("(* keep *) ", "", "changes an attribute (* … *)"),
    "full case": ("case (a)", "(* full_case *) case (a)", "changes an attribute (* … *)"),
    "pragma": ("// the sum", "// synopsys full_case", "adds the pragma comment '// synopsys full_case'"),
    "lint off": (
        "// the sum",
        "/* verilator lint_off WIDTH */",
        "adds the pragma comment '/* verilator lint_off WIDTH",
    ),
    "pragma gone": ("// verilator lint_off UNUSED", "", "removes the pragma comment '// verilator lint_off UNUSED'"),
    "hidden": ("// the sum", "// synopsys translate_off", "lies around code hidden by a translate_off comment"),
    "delay": ("y = s;", "#5 y = s;", "adds a delay"),
    "unique": ("case (a)", "unique case (a)", "adds 'unique', which tools are free to read in more than one way"),
    "casex": ("case (a)", "casex (a)", "adds 'casex', which tools are free to read in more than one way"),
    "force": ("y = s;", "force y = s;", "adds the keyword 'force'"),
    "escaped name": ("wire [1:0] unused", "wire [1:0] \\a+b ", "adds the escaped name '\\\\a+b'"),
    "port": ("output reg [W-1:0] y", "output reg [W:0] y", "changes the module's name, ports or parameters"),
    "parameter": ("W = 4", "W = 5", "changes the module's name, ports or parameters"),
    "another parameter": ("localparam ZERO = 0;", "parameter ZERO = 0;", "changes a parameter"),
    "unended comment": ("// the sum", "/* the sum", "has an unended '/*'"),
    "unended string": ("localparam ZERO = 0;", 'localparam ZERO = "0;', "has an unended '\"'"),
    "carriage return": ("// the sum", "// \r $finish;", "has the invisible character U+000D"),
    "direction of text": ("// the sum", "// \u202e mus eht", "has the invisible character U+202E"),
    "zero byte": ("// the sum", "// \0", "has the invisible character U+0000"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_refused(kind: str) -> None:
    old, new, reason = REFUSED[kind]
    found = changed(old, new)
    assert found is not None and found.startswith(reason), found


ALLOWED = {
    "nothing": ("", ""),
    "an expression": ("y = s;", "y = $signed(a) >>> 1;"),
    "a comment": ("// the sum", "// the sum ü of both"),
    "layout": ("    always @(*) begin", "always @ ( * )\r\n  begin"),
    "a signal": ("localparam ZERO = 0;", "localparam ZERO = 0, ONE = 1;\n    wire [W-1:0] t = b ^ {W{1'b1}};"),
    "a block": ("localparam ZERO = 0;", "always @* begin : named if (a == 0) begin end end"),
    "a function": ("localparam ZERO = 0;", "function [3:0] f(input [3:0] x); f = x; endfunction"),
    "the same macro again": ("y = s;", "y = s ^ `LIMIT;"),
    "words in a comment": ("// the sum", '// no "include, no $system, no module here'),
}


@pytest.mark.parametrize("kind", ALLOWED)
def test_allowed(kind: str) -> None:
    old, new = ALLOWED[kind]
    assert refusal(OLD, OLD.replace(old, new) if old else OLD) is None


def test_a_port_of_the_old_style_stays() -> None:
    old = "module m(a, y);\n  input [3:0] a;\n  output [3:0] y;\n  assign y = a;\nendmodule\n"
    assert refusal(old, old.replace("input [3:0] a", "input [2:0] a")) == "changes a port"
    assert refusal(old, old.replace("y = a;", "y = ~~a;")) is None


def test_what_lies_between_conditions_is_not_asked_for() -> None:
    assert can_be_asked(OLD)
    assert not can_be_asked("assign a = b;\n`ifdef X\nassign c = d;\n`endif\n")
    assert not can_be_asked("// synthesis translate_off\nassign a = b;\n// synthesis translate_on\n")
    assert not can_be_asked("assign a = b; // \r assign c = d;\n")


def test_words_see_through_comments_and_strings() -> None:
    text = 'a // "b\n/* // */ c "d // e" `f $g \\h+i (* j *) @(*) 4\'b10x /'
    found = [(w.kind, w.text) for w in words(text)]
    assert found == [
        ("name", "a"),
        ("comment", '// "b'),
        ("comment", "/* // */"),
        ("name", "c"),
        ("string", '"d // e"'),
        ("directive", "`f"),
        ("system", "$g"),
        ("escaped", "\\h+i"),
        ("attribute", "(* j *)"),
        ("other", "@"),
        ("other", "("),
        ("other", "*"),
        ("other", ")"),
        ("other", "4"),
        ("other", "'b10x"),
        ("other", "/"),
    ]


@given(st.text(alphabet="ab1 \n/*\"\\`$()';xmodule", max_size=60))
def test_any_text_is_read_to_its_end(text: str) -> None:
    found = list(words(text))
    at = 0
    for word in found:
        assert not text[at : word.start].strip() and text.startswith(word.text, word.start)
        at = word.start + len(word.text)
    assert not text[at:].strip() or found[-1].kind == "broken"
    assert refusal(text, text) is None or not can_be_asked(text)


def test_much_that_is_never_ended_takes_no_time() -> None:
    start = time.monotonic()
    for text in ("(* " * 100_000, "/* " * 100_000, '" \n' * 100_000):
        assert refusal("module m; endmodule", text) is not None
    assert time.monotonic() - start < 5
