"""Local estimates: the changed values alone, measured."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rtlgen.graphs.frontend.slang import elaborate
from rtlgen.graphs.wordlevel.build import word_level
from rtlgen.graphs.wordlevel.emit import emit_part
from rtlgen.graphs.wordlevel.module import ModuleIR
from rtlgen.optimizer.goal import Goal
from rtlgen.optimizer.local import changed_parts, estimate
from rtlgen.synth.flow import Evaluator
from rtlgen.synth.liberty import read_library

OLD = """module m(input clk, s, input [7:0] a, b, c, output reg [7:0] q, output [7:0] z);
  reg [7:0] mem [0:3];
  assign z = mem[a[1:0]] ^ b;
  always @(posedge clk) q <= s ? a + b : a + c;
endmodule
"""
NEW = OLD.replace("s ? a + b : a + c", "sum").replace("  assign z", "  wire [7:0] sum = a + (s ? b : c);\n  assign z")


def view(text: str) -> ModuleIR:
    return word_level(elaborate({"m.v": text.encode()}))[0]


@pytest.fixture(scope="module")
def evaluator() -> Iterator[Evaluator]:
    with Evaluator(read_library()) as e:
        yield e


def test_only_the_register_differs_and_the_new_wire_is_opened() -> None:
    parts = changed_parts(view(OLD), view(NEW))
    assert parts is not None
    assert [p.values for p in parts] == [{}, {}]
    assert repr(parts[0].registers["q"].next) == "(ite:8 s (add:8 a b) (add:8 a c))"
    assert repr(parts[1].registers["q"].next) == "(add:8 a (ite:8 s b c))"
    assert parts[0].shown == parts[1].shown == ("q",)  # an output


def test_an_inner_register_is_an_output_of_the_part_where_others_read_it() -> None:
    inner = [
        t.replace("output reg [7:0] q,", "output o,").replace("reg [7:0] mem", "reg [7:0] q, mem") for t in (OLD, NEW)
    ]
    for reader, shown in (("^q", ("q",)), ("s", ())):
        parts = changed_parts(*(view(t.replace("endmodule", f"  assign o = {reader};\nendmodule")) for t in inner))
        assert parts is not None and parts[0].shown == parts[1].shown == shown


def test_another_driver_that_is_not_understood_can_not_be_told_locally() -> None:
    latch = OLD.replace("endmodule", "  reg l; always @* if (s) l = clk;\nendmodule")
    assert changed_parts(view(OLD), view(latch)) is None


COUNT = """module m(input clk, rst, go, output [3:0] y, output z);
  reg [WIDTH-1:0] n;
  assign y = n[3:0];
  assign z = go;
  always @(posedge clk or negedge rst) if (!rst) n <= 3; else if (go) n <= n + 1;
endmodule
"""


def test_a_narrower_register_with_reset_is_estimated_with_its_flops(evaluator: Evaluator) -> None:
    wide, narrow = (view(COUNT.replace("WIDTH", width)) for width in ("9", "4"))
    found = estimate(wide, narrow, evaluator)
    assert found is not None and not found.helps(Goal("area"))
    assert (found.before.flops, found.after.flops) == (4, 4)  # Yosys drops bits that nothing reads by itself
    used = COUNT.replace("assign z = go", "assign z = ^n")
    found = estimate(view(used.replace("WIDTH", "9")), narrow, evaluator)
    assert found is not None and (found.before.flops, found.after.flops) == (9, 4)


def test_a_register_that_is_gone_costs_nothing(evaluator: Evaluator) -> None:
    more = OLD.replace("endmodule", "  reg [7:0] r; always @(posedge clk) r <= a;\n  assign w = &r;\nendmodule")
    more = more.replace("[7:0] z", "[7:0] z, output w")
    less = more.replace("&r", "1'b0").replace("reg [7:0] r; always @(posedge clk) r <= a;", "")
    found = estimate(view(more), view(less), evaluator)
    assert found is not None and (found.before.flops, found.after.flops) == (8, 0)


def test_a_cheaper_value_is_estimated_as_smaller(evaluator: Evaluator) -> None:
    cheap = OLD.replace("s ? a + b : a + c", "s ? b : c")
    found = estimate(view(OLD), view(cheap), evaluator)
    assert found is not None and found.helps(Goal("area"))
    back = estimate(view(cheap), view(OLD), evaluator)
    assert back is not None and not back.helps(Goal("area"))


def test_memory_words_become_inputs_and_addresses_outputs(evaluator: Evaluator) -> None:
    text = emit_part("part", {"z": view(OLD).combinational["z"]})
    ports = "input [7:0] x0, input [7:0] x1, input [7:0] x2, output [7:0] y0, output [1:0] y1"
    assert text.startswith(f"module part({ports});")
    assert evaluator.evaluate({"part.v": text}, "part").ok
