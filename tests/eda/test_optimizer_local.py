"""Local estimates: the changed values alone, measured."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rtlgen.graphs.frontend.slang import elaborate
from rtlgen.graphs.wordlevel.build import word_level
from rtlgen.graphs.wordlevel.emit import emit_values
from rtlgen.graphs.wordlevel.module import ModuleIR
from rtlgen.optimizer.goal import Goal
from rtlgen.optimizer.local import changed_values, estimate
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
    values = changed_values(view(OLD), view(NEW))
    assert values is not None
    assert repr(values[0]) == "{'q': (ite:8 s (add:8 a b) (add:8 a c))}"
    assert repr(values[1]) == "{'q': (add:8 a (ite:8 s b c))}"


def test_another_reset_or_register_can_not_be_told_locally() -> None:
    assert changed_values(view(OLD), view(OLD.replace("reg [7:0] q", "reg [6:0] q"))) is None
    more = OLD.replace("endmodule", "  reg r; always @(posedge clk) r <= s;\nendmodule")
    assert changed_values(view(OLD), view(more)) is None


def test_a_cheaper_value_is_estimated_as_smaller(evaluator: Evaluator) -> None:
    cheap = OLD.replace("s ? a + b : a + c", "s ? b : c")
    found = estimate(view(OLD), view(cheap), evaluator)
    assert found is not None and found.helps(Goal("area"))
    back = estimate(view(cheap), view(OLD), evaluator)
    assert back is not None and not back.helps(Goal("area"))


def test_memory_words_become_inputs_and_addresses_outputs(evaluator: Evaluator) -> None:
    text = emit_values("part", {"z": view(OLD).combinational["z"]})
    ports = "input [7:0] x0, input [7:0] x1, input [7:0] x2, output [7:0] y0, output [1:0] y1"
    assert text.startswith(f"module part({ports});")
    assert evaluator.evaluate({"part.v": text}, "part").ok
