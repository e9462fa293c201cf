"""Bits that a change leaves unused are marked so, and lint has nothing new to say."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtlgen.core.types import Design
from rtlgen.graphs.frontend.slang import elaborate
from rtlgen.graphs.wordlevel.build import word_level
from rtlgen.optimizer.edits import apply_edits
from rtlgen.optimizer.goal import Goal
from rtlgen.optimizer.lint import counted, new_warnings, verilator_report, verilator_warnings
from rtlgen.optimizer.run import Options, optimize
from rtlgen.optimizer.target import Target
from rtlgen.optimizer.unused import unused_edits, unused_signals
from rtlgen.synth.equiv import check_equivalence

OLD = """module m(input [7:0] a, b, output y);
    assign y = a < b;
endmodule
"""
NEW = """module m(input [7:0] a, b, output y);
    wire [8:0] difference = a - b;
    assign y = difference[8];
endmodule
"""
FILE = """module file(
    input  [31:0]    words,
    input  [1:0]     at,
    input            write,
    input  [1:0]     to,
    input  [7:0]     data,
    output reg [7:0] q
);
    integer i;
    always @* begin
        q = 8'd0;
        for (i = 0; i < 4; i = i + 1)
            if (at == i) begin
                if (i == 0)                q = 8'd0;
                else if (write && to == i) q = data;
                else                       q = words >> (i * 8);
            end
    end
endmodule
"""


def text(source: str) -> dict[str, bytes]:
    return {"m.v": source.encode()}


def test_a_second_mark_gets_another_name_and_both_silence_the_linter() -> None:
    report = verilator_report(Target(text(NEW), "m"))
    if report is None:
        pytest.skip("no Verilator")
    names = sorted(unused_signals(report))
    assert names == ["difference"]
    sources = text(NEW)
    for expected in ("wire _unused_bits = &{1'b0, difference};", "wire _unused_bits_2 = &{1'b0, difference};"):
        old, new = (word_level(elaborate(s))[0] for s in (text(OLD), sources))
        edits = unused_edits(text(OLD), old, sources, new, names)
        assert edits is not None
        sources = apply_edits(sources, edits[1:])
        assert expected in sources["m.v"].decode()
        assert expected in apply_edits(text(OLD), edits[:1])["m.v"].decode().splitlines()[2]
        assert not new_warnings(verilator_warnings(Target(text(OLD), "m")), verilator_warnings(Target(sources, "m")))


def test_a_name_that_is_not_of_the_module_is_refused() -> None:
    view = word_level(elaborate(text(NEW)))[0]
    assert unused_edits(text(NEW), view, text(NEW), view, ["other"]) is None


def test_a_register_file_whose_first_word_is_zero_is_rewritten_without_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "file.v"
    file.write_text(FILE)
    found = optimize(Design(files=(file,), top="file"), Options(goal=Goal("area"), budget_s=12.0, rules=("decide",)))
    after = found.after.sources[next(iter(found.after.sources))].decode()
    assert found.report.after.area_um2 < 0.95 * found.report.before.area_um2
    assert "_unused_bits" in after
    reports = [verilator_report(t) for t in (found.before, found.after)]
    assert not new_warnings(*(counted(r or "") for r in reports))
    assert check_equivalence({"a.v": FILE}, {"b.v": after}, top="file").status == "proved"
