"""A disguised testbench: what gets a new name, what keeps its own, and how the candidate is connected."""

from __future__ import annotations

import re

import pytest

from rtlgen.scorers.disguise import CannotPrepareError, Disguise, disguise, renamed
from rtlgen.scorers.ports import header_of, ports_of


def made(text: str, *, inputs: tuple[str, ...] = (), ports: tuple[str, ...] = (), files: tuple[str, ...] = ()) -> str:
    found: Disguise = disguise(text, top="dut", tb_top="tb", files=files, inputs=inputs, ports=ports)
    return found.render("S", "N")


def test_names_change_and_the_candidates_ports_do_not() -> None:
    text = made("module tb; reg a; wire y; dut #(.W(3)) u (.a(a), .y(y)); endmodule", inputs=("a",), ports=("a", "y"))
    assert re.sub(r"\s", "", text) == "moduleS_0;regS_1;wireS_2;dut#(.W(3))S_3(.a(S_1),.y(S_2));endmodule"


def test_short_and_missing_connections_are_written_out() -> None:
    text = made(
        "module tb; reg clk, d; wire q; dut u (.clk, .*); endmodule", inputs=("clk", "d"), ports=("clk", "d", "q")
    )
    names = {n: text.split(n)[0] for n in (".clk(S_", ".d(S_", ".q(S_")}
    assert all(n in text for n in names) and ".*" not in text


def test_a_net_shared_with_a_twin_goes_through_an_operator_on_both_sides() -> None:
    text = made(
        """module stim(output reg d); initial begin d = 0; #1 $finish; end endmodule
        module good(input d, output q); assign q = d; endmodule
        module tb; wire d; wire r, q; stim s(.d(d)); good g(.d(d), .q(r)); dut u(.d(d), .q(q)); endmodule""",
        inputs=("d",), ports=("d", "q"),
    )  # fmt: skip
    assert text.count("| 1'b0") == 2
    assert re.search(r"dut\s+S_\d+\(\.d\(S_\d+\s+\| 1'b0\)", text)


def test_a_variable_needs_no_operator() -> None:
    text = made(
        """module good(input d, output q); assign q = d; endmodule
        module tb; reg d; wire r, q; good g(.d(d), .q(r)); dut u(.d(d), .q(q)); endmodule""",
        inputs=("d",), ports=("d", "q"),
    )  # fmt: skip
    assert "| 1'b0" not in text


def test_paths_into_the_candidate_and_methods_keep_their_names() -> None:
    text = made("module tb; int q[$]; dut u(); initial begin q.push_back(u.count); u.child.x = 1; end endmodule")
    assert ".push_back(" in text and re.search(r"S_\d+\.count\)", text) and re.search(r"S_\d+\.child\.x", text)


def test_printed_lines_and_files_are_marked() -> None:
    text = made(
        'module tb; dut u(); initial begin $display("Passed %d", 3); $readmemh("x.dat", m); $write("x"); end endmodule',
        files=("x.dat",),
    )
    assert '$display("NPassed %d"' in text and '"S_0.dat"' in text and '$write("x")' in text


def test_comments_go_and_directives_stay() -> None:
    text = made("`timescale 1 ps/1 ps // units\n/* a\n module b */ module tb; dut u(); // c\nendmodule")
    assert text.startswith("`timescale 1 ps/1 ps // units\n") and "module b" not in text and "// c" not in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("module tb; endmodule", r"^expected a module 'tb' with an instance of 'dut'$"),
        ("module tb; dut u(; endmodule", r"^expected balanced brackets in the testbench$"),
        ("module tb; dut u(); /* endmodule", r"^expected a testbench without an unended comment, string or attribute$"),
    ],
)
def test_what_cannot_be_prepared_is_said(text: str, said: str) -> None:
    with pytest.raises(CannotPrepareError, match=said):
        made(text)


def test_ports_of_both_styles() -> None:
    new = (
        "module m #(parameter W = 4) (input clk, input [W-1:0] a, b, output reg [3:0] y, inout z, input t [3:0]); "
        "endmodule"
    )
    assert [(p.name, p.direction, p.is_plain) for p in ports_of(new, "m")] == [
        ("clk", "input", True), ("a", "input", True), ("b", "input", True), ("y", "output", True),
        ("z", "inout", True), ("t", "input", False),
    ]  # fmt: skip
    old = "module n (a, b, y); input [1:0] a; input b; output y; reg y; always @(a) y = a[0]; endmodule"
    assert [(p.name, p.direction) for p in ports_of(old, "n")] == [("a", "input"), ("b", "input"), ("y", "output")]
    assert header_of(old, "n", "k") == "module k (a, b, y);\ninput [1:0] a;\ninput b;\noutput y;"


def test_renaming_leaves_comments_and_strings() -> None:
    assert renamed('module a; // a\n initial $display("a"); endmodule', {"a": "b"}) == (
        'module b; // a\n initial $display("a"); endmodule'
    )
