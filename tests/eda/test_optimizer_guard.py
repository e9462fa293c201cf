"""Changes that hold for the present parameter values only: guarded, or left out with `--general`."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from rtlgen.core.errors import ElaborationError
from rtlgen.core.types import Design
from rtlgen.graphs.frontend.slang import elaborate
from rtlgen.graphs.wordlevel.build import word_level
from rtlgen.optimizer.edits import apply_edits
from rtlgen.optimizer.guard import guard_edit, is_guarded
from rtlgen.optimizer.parameters import configuration
from rtlgen.optimizer.run import Options, optimize

# COLS = 20 needs two additions; no text without COLS holds at 21.
SOURCE = """\
module place #(parameter COLS = 20) (
  input  [7:0] row,
  input  [7:0] col,
  output       hit
);
  wire [15:0] at = row * COLS + col;
  assign hit = (at >= COLS * 3) && (row >= 3 || at >= COLS * 3);  // twice
endmodule
"""


def guarded(text: str) -> bytes:
    sources = {"m.v": text.encode()}
    bodies = word_level(elaborate(sources, top="m"))
    edit = guard_edit(sources, bodies)
    assert edit is not None
    return apply_edits(sources, [edit])["m.v"]


def test_a_guard_stops_elaboration_at_other_values_only(tmp_path: Path) -> None:
    text = guarded(
        "module m #(parameter W = 8, D = 2)(input [W-1:0] a, output [W-1:0] y);\n  assign y = a;\nendmodule\n"
    )
    assert b"if (W != 8 || D != 2) begin" in text
    assert is_guarded({"m.v": text}, word_level(elaborate({"m.v": text}, top="m"))[0])
    with pytest.raises(ElaborationError, match="m_supports_only_W_8_D_2"):
        elaborate({"m.v": text}, top="m", parameters={"W": "9"})
    file = tmp_path / "m.v"
    file.write_bytes(text)
    codes = [
        subprocess.run(["iverilog", f"-Pm.W={w}", "-o", "/dev/null", str(file)], capture_output=True).returncode
        for w in (8, 9)
    ]
    assert codes[0] == 0 and codes[1] != 0


def test_without_parameters_there_is_nothing_to_guard() -> None:
    sources = {"m.v": b"module m(input a, output y);\n  assign y = a;\nendmodule\n"}
    assert guard_edit(sources, word_level(elaborate(sources, top="m"))) is None


@pytest.mark.parametrize("general", [False, True])
def test_optimize_guards_what_is_special(tmp_path: Path, general: bool) -> None:
    file = tmp_path / "place.v"
    file.write_text(SOURCE)
    options = Options(budget_s=6, general=general)
    result = optimize(Design(files=(file,), top="place"), options)
    text = result.after.sources[str(file)].decode()
    special = [c for c in result.report.changes if c.guarded]
    assert ("place_supports_only_COLS_20" in text) == bool(special)
    assert not (general and special)
    if general:
        elaborate({"m.v": text.encode()}, top="place", parameters={"COLS": "21"})


def test_names_of_codes_are_no_configuration() -> None:
    text = b"""module m(input clk, rst, go, output reg [3:0] n);
  parameter IDLE = 0, RUN = 1, LAST = 9, START = 2;  // LAST, START configure
  reg [1:0] state;
  always @(posedge clk)
    if (rst) begin state <= IDLE; n <= START; end
    else case (state)
      IDLE: if (go) state <= RUN;
      RUN: begin n <= n + 1; if (n == LAST) state <= go ? RUN : IDLE; end
      default: state <= IDLE;
    endcase
endmodule
"""
    body = word_level(elaborate({"m.v": text}, top="m"))[0]
    assert configuration({"m.v": text}, body) == {"LAST": "9", "START": "2"}
