"""Clean removal and change of statements and declarations."""

from __future__ import annotations

import pytest

from rtlgen.graphs.frontend.slang import elaborate
from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.build import word_level
from rtlgen.graphs.wordlevel.liveness import dead_signals
from rtlgen.graphs.wordlevel.module import ModuleIR
from rtlgen.optimizer.edits import apply_edits
from rtlgen.optimizer.registers.define import inline_constant, redefine, rename
from rtlgen.optimizer.registers.draft import Draft, close_gaps, edits_between, removal
from rtlgen.optimizer.registers.module_text import CannotEditError, ModuleText, negated
from rtlgen.optimizer.registers.sharing import explicit, shared_parts
from rtlgen.optimizer.rewrite import RewriteContext


def opened(source: str) -> tuple[ModuleText, ModuleIR, dict[str, bytes]]:
    """Return text and view of the only module of a source."""
    sources = {"m.v": source.encode()}
    module = word_level(elaborate(sources))[0]
    return ModuleText.of(module, sources), module, sources


def without(source: str, *names: str) -> str:
    """Return the source without the signals."""
    text, module, sources = opened(source)
    return apply_edits(sources, removal(text, module, names))["m.v"].decode()


def clocked(body: str, names: str = "a, b") -> str:
    """Return a module with a clocked block."""
    return (
        "module m(input clk, input c, input [1:0] s, output reg b);\n"
        f"    reg {names.replace(', b', '')};\n    always @(posedge clk) begin\n{body}    end\nendmodule\n"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("        if (c) a <= 1; else b <= 1;\n", "        if (!c) b <= 1;\n"),
        ("        if (c && b) a <= 1; else b <= 1;\n", "        if (!(c && b)) b <= 1;\n"),
        ("        if (c) b <= 1; else a <= 1;\n", "        if (c) b <= 1;\n"),
        ("        if (c) a <= 1;\n        b <= c; // kept\n", "        b <= c; // kept\n"),
        ("        b <= c; a <= c;\n", "        b <= c;\n"),
        ("        if (c) begin\n            a <= 1; // gone\n        end\n        b <= 0;\n", "        b <= 0;\n"),
        (
            "        case (s)\n            0: a <= 1;\n            1: b <= 1;\n"
            "            default: a <= 0;\n        endcase\n",
            "        case (s)\n            0: ;\n            1: b <= 1;\n        endcase\n",
        ),
    ],
)
def test_assignments_go_with_what_holds_only_them(before: str, after: str) -> None:
    assert without(clocked(before), "a") == clocked(after).replace("    reg a;\n", "")


def test_a_block_with_nothing_left_goes() -> None:
    source = (
        "module m(input x, output y);\n    reg t;\n    integer i;\n    always @* begin\n"
        "        t = 0;\n        for (i = 0; i < 2; i = i + 1)\n            t = t ^ x;\n    end\n"
        "    assign y = x;\nendmodule\n"
    )
    assert without(source, "t", "i") == "module m(input x, output y);\n    assign y = x;\nendmodule\n"


def test_a_generate_loop_with_nothing_left_goes() -> None:
    source = (
        "module m(input [3:0] x, output y);\n    wire [3:0] t;\n    genvar g;\n    generate\n"
        "        for (g = 0; g < 4; g = g + 1) begin : bits\n            assign t[g] = ~x[g];\n        end\n"
        "    endgenerate\n    assign y = x[0];\nendmodule\n"
    )
    after = without(source, "t")
    assert after == "module m(input [3:0] x, output y);\n    genvar g;\n    assign y = x[0];\nendmodule\n"


def test_a_net_with_its_value_goes_whole() -> None:
    source = "module m(input x, output y);\n    wire t = ~x;\n    assign y = x;\nendmodule\n"
    text, module, _ = opened(source)
    assert dead_signals(module) == ["t"]
    assert without(source, "t") == "module m(input x, output y);\n    assign y = x;\nendmodule\n"
    assert text.used() == {"x", "y"}


def test_what_is_read_elsewhere_stays() -> None:
    with pytest.raises(CannotEditError, match="expected no reader of 'a' besides its driver, got one at byte 131"):
        without(clocked("        a <= c;\n        b <= a;\n"), "a")


def test_a_shared_assignment_stays() -> None:
    message = "expected assignments to the removed signals only, got a concatenation with others"
    with pytest.raises(CannotEditError, match=message):
        without(clocked("        {a, b} <= s;\n"), "a")


def test_a_port_in_the_old_style_becomes_a_net() -> None:
    text, module, sources = opened(
        "module m(x, y);\n    input x;\n    output y;\n    reg y;\n    always @(x) y = !x;\nendmodule\n"
    )
    edits = redefine(text, module, ("y",), t.apply("not", t.var("x", 1)))
    after = "module m(x, y);\n    input x;\n    output y;\n    assign y = ~x;\nendmodule\n"
    assert apply_edits(sources, edits)["m.v"].decode() == after


def test_only_the_expression_of_an_assignment_changes() -> None:
    text, module, sources = opened("module m(input a, b, output y);\n    assign y = (a & b) | a; // odd\nendmodule\n")
    edits = redefine(text, module, ("y",), t.var("a", 1))
    assert (
        apply_edits(sources, edits)["m.v"] == b"module m(input a, b, output y);\n    assign y = a; // odd\nendmodule\n"
    )


def test_a_copy_is_read_by_its_other_name() -> None:
    text, module, sources = opened(clocked("        a <= c;\n        b <= a;\n").replace("reg a;", "reg a, d;"))
    view = {n: s for n, s in module.signals.items() if n in "ad"}
    assert {s.width for s in view.values()} == {1}
    after = apply_edits(sources, rename(text, module, "a", "d"))["m.v"].decode()
    assert "b <= d;" in after
    assert "a <=" not in after


def test_a_constant_is_read_as_literals() -> None:
    source = clocked("        a <= 2'd2;\n        b <= a[1] & (a == s);\n").replace("reg a;", "reg [1:0] a;")
    text, module, sources = opened(source)
    after = apply_edits(sources, inline_constant(text, module, "a", 2))["m.v"].decode()
    assert after == clocked("        b <= 1'd1 & (2'd2 == s);\n").replace("    reg a;\n", "")


def test_parts_used_twice_get_names() -> None:
    a, b = t.var("a", 8), t.var("b", 8)
    part = t.apply("add", t.apply("xor", a, b), t.apply("and", a, b))
    parts, rest = shared_parts(t.apply("or", part, t.apply("lshr", part, t.const(1, 8))), str, "y")
    assert parts == [("y_1", part)]
    assert rest == t.apply("or", t.var("y_1", 8), t.apply("lshr", t.var("y_1", 8), t.const(1, 8)))


def test_extensions_are_written_out() -> None:
    term = t.apply("add", t.zext(t.var("a", 3), 4), t.var("b", 4))
    assert explicit(term) == t.apply("add", t.concat(t.const(0, 1), t.var("a", 3)), t.var("b", 4))


def test_a_draft_keeps_macros_and_parameters() -> None:
    source = (
        b"module m #(parameter W = 1)(input [W:0] a, output y);\n`ifdef TOP\n    assign y = a[W];\n`endif\nendmodule\n"
    )
    sources = {"m.v": source}
    design = elaborate(sources, defines={"TOP": "1"}, parameters={"W": "3"})
    context = RewriteContext(word_level(design), sources, "area", "m", elaborated=design)
    draft = Draft(context, context.modules[0])
    view = draft.view()
    assert draft.text(view).used() == {"W", "a", "y"}
    assert view.signals["a"].width == 4
    assert "y" in view.combinational


def test_gaps_close_and_edits_are_whole_lines() -> None:
    old, new = b"a\n\nb\n\nc\n", b"a\n\n\nc\n"
    assert close_gaps(old, new) == b"a\n\nc\n"
    edits = edits_between("m.v", old, close_gaps(old, new))
    assert apply_edits({"m.v": old}, edits)["m.v"] == b"a\n\nc\n"


@pytest.mark.parametrize(("text", "opposite"), [("!rst", "rst"), ("rst", "!rst"), ("a && b", "!(a && b)")])
def test_negated_conditions(text: str, opposite: str) -> None:
    assert negated(text) == opposite
