"""`rtlgen equiv` from the command line: exit codes, table, folder, messages."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from rtlgen.cli import main
from rtlgen.core.types import EquivalenceResult

GOLD = """module m(input clk, input rst, input en, output [3:0] q);
  reg [3:0] c;
  always @(posedge clk) if (rst) c <= 0; else if (en) c <= c + 1;
  assign q = c;
endmodule
"""


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gold.v").write_text(GOLD)
    (tmp_path / "gate.v").write_text(GOLD.replace("module m", "module n").replace("c + 1", "c == 2 ? 0 : c + 1"))
    return tmp_path


def test_proved_is_exit_code_0(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["equiv", "gold.v", "gold.v"]) == 0
    assert capsys.readouterr().out.startswith("proved by correspondence/structural (")


def test_refuted_is_exit_code_1_with_a_table(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["equiv", "gold.v", "gate.v", "--top", "m", "--gate-top", "n"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("refuted by bmc (")
    assert lines[2].split() == ["step", "rst", "en", "q", "gold", "q", "gate"]
    assert lines[-1].split()[-4:] == ["0011", "0000", "<-", "q"]


def test_the_folder_holds_a_testbench_that_shows_the_difference(files: Path) -> None:
    assert main(["equiv", "--gold", "gold.v", "--gate", "gate.v", "--gate-top", "n", "--out", "found"]) == 1
    folder = files / "found"
    assert sorted(p.name for p in folder.iterdir()) == [
        "counterexample.txt", "counterexample.vcd", "gate", "gold", "result.json", "run.sh", "testbench.v",
    ]  # fmt: skip
    ran = subprocess.run(["sh", folder / "run.sh"], capture_output=True, text=True, cwd="/", env=os.environ)
    assert ran.returncode == 1
    assert ran.stdout.splitlines()[0] == "outputs of each step (q), < gold > gate:"
    assert ran.stdout.splitlines()[-3:] == ["< 0011", "---", "> 0000"]
    saved = EquivalenceResult.model_validate_json((folder / "result.json").read_text())
    assert saved.status == "refuted"


def test_json_is_the_record(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["equiv", "gold.v", "gate.v", "--gate-top", "n", "--json"]) == 1
    record = json.loads(capsys.readouterr().out)
    assert record["status"] == "refuted"
    assert [step["q"] for step in record["counterexample"]["gate"]] == ["0000", "0001", "0010", "0000"]


def test_several_files_are_joined_by_commas(files: Path) -> None:
    (files / "top.v").write_text(
        "module m(input clk, rst, en, output [3:0] q); n #(.STEP(1)) u(clk, rst, en, q); endmodule\n"
    )
    (files / "n.v").write_text(
        GOLD.replace("module m(", "module n #(parameter STEP = 2)(").replace("c + 1", "c + STEP")
    )
    assert main(["equiv", "gold.v", "top.v,n.v", "--top", "m"]) == 0


def test_parameters_and_macros_reach_both_sides(files: Path) -> None:
    text = "module p #(parameter W = 2)(input [W-1:0] a, output [W-1:0] y); assign y = a OP 1; endmodule\n"
    (files / "a.v").write_text(text.replace("OP", "`OP"))
    (files / "b.v").write_text(text.replace("OP", "+"))
    assert main(["equiv", "a.v", "b.v", "-D", "OP=+", "--param", "W=7"]) == 0
    assert main(["equiv", "a.v", "b.v", "-D", "OP=-", "--param", "W=7"]) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gold.v", "none.v"],
         "rtlgen: error: expected a readable Verilog file, got 'none.v': No such file or directory\n"),
        (["gold.v", "empty.v"], "rtlgen: error: expected a module in 'empty.v', got an empty file\n"),
        (["gold.v", "binary.v"],
         "rtlgen: error: expected Verilog text in 'binary.v', got binary data; give source files\n"),
        (["gold.v", "gold.v", "--reset", "x=1"],
         "rtlgen: error: expected a one-bit input as reset, got 'x'; one-bit inputs are clk, rst, en\n"),
        (["gold.v", "gold.v", "--out", "gold.v"],
         "rtlgen: error: expected a writable output folder, got 'gold.v': File exists\n"),
    ],
)  # fmt: skip
def test_bad_input_is_exit_code_2_with_one_message(
    files: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    (files / "empty.v").write_text("\n")
    (files / "binary.v").write_bytes(b"\x7fELF\0\0\0")
    assert main(["equiv", *arguments]) == 2
    assert capsys.readouterr().err == message


def test_a_missing_module_and_a_syntax_error_name_the_side(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["equiv", "gold.v", "gate.v", "--top", "m"]) == 2
    assert "can't elaborate the gate design" in capsys.readouterr().err
    (files / "bad.v").write_text("module m(input a;\nendmodule\n")
    assert main(["equiv", "bad.v", "gold.v"]) == 2
    assert "can't elaborate the gold design: " in capsys.readouterr().err


def test_one_design_is_wrong_use(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["equiv", "gold.v"]) == 2
    assert "expected two designs, as GOLD GATE or as --gold FILE … --gate FILE …, got 1 arguments" in (
        capsys.readouterr().err
    )
