"""`rtlgen ppa` as a user calls it: tables, JSON, comparison, and one message with exit code 2 for bad input."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from rtlgen.cli import main
from rtlgen.synth.liberty import default_library_path, read_text

ADD = "module add(input [3:0] a, b, output [3:0] y);\n  assign y = a + b;\nendmodule\n"
BIG = "module add(input [3:0] a, b, output [3:0] y);\n  assign y = a * b + 4'd3;\nendmodule\n"


@pytest.fixture
def add(tmp_path: Path) -> str:
    (tmp_path / "add.v").write_text(ADD)
    return str(tmp_path / "add.v")


def test_plain_tables(add: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ppa", add]) == 0
    out = capsys.readouterr().out
    assert out.startswith("add\n  figure ")
    for title in ("Area by cell type\n", "Timing by path group\n", "Power\n", "Longest path ("):
        assert f"\n{title}" in out
    assert f"{add}:1" in out
    assert "(assumed)" in out
    assert "Traceback" not in out


def test_json_has_everything(add: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ppa", add, "--clock-ns", "1", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["timing"]["clock_ns"] == 1.0
    assert report["power"]["clock_assumed"] is False
    assert report["timing"]["slack_ns"] == pytest.approx(1 - report["timing"]["delay_ns"], abs=2e-6)
    assert report["files"] == [add]


def test_two_files_with_the_same_module_are_compared(
    add: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "big.v").write_text(BIG)
    assert main(["ppa", add, str(tmp_path / "big.v"), "--json"]) == 0
    both = json.loads(capsys.readouterr().out)
    assert both["ratio"]["area_um2"] == pytest.approx(both["second"]["area_um2"] / both["first"]["area_um2"])
    assert both["ratio"]["area_um2"] > 1
    assert main(["ppa", add, "--vs", add]) == 0
    assert "  area um2" in (out := capsys.readouterr().out)
    assert "  1.000\n" in out


def test_two_files_of_one_design_are_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "t.v").write_text("module t(input [3:0] a, output [3:0] y); add u(a, a, y); endmodule\n")
    (tmp_path / "add.v").write_text(ADD)
    assert main(["ppa", str(tmp_path / "t.v"), str(tmp_path / "add.v"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["top"] == "t"


def fails(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one message of a call that has to end with exit code 2."""
    assert main(["ppa", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    return captured.err.strip().removeprefix("rtlgen: error: ")


def test_bad_input(add: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fails([add, "--top", "no"], capsys) == f"{add}: expected a module 'no', got add; correct --top"
    assert (
        fails([add, "--param", "W=1"], capsys)
        == f"{add}: expected a parameter 'W', got no such declaration; correct --param"
    )
    gone = str(tmp_path / "gone.v")
    assert (
        fails([gone], capsys)
        == f"{gone}: expected a readable Verilog file, got No such file or directory; check the path"
    )
    (tmp_path / "b.v").write_bytes(b"\x7fELF\0\0")
    assert fails([str(tmp_path / "b.v")], capsys).endswith(":1: expected Verilog text, got a binary file (zero byte)")
    assert (
        fails([add, "--vcd", add], capsys)
        == f"{add}:1: expected a declaration such as $scope, got 'module'; is this a VCD file?"
    )
    assert "expected Verilog identifier" not in fails([add, "--top", "a b"], capsys)


def test_bad_libraries(add: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = read_text(default_library_path())
    (tmp_path / "t.lib").write_text(text[: len(text) // 2])
    assert "the library is truncated" in fails([add, "--liberty", str(tmp_path / "t.lib")], capsys)
    (tmp_path / "t.lib.gz").write_bytes(gzip.compress(text.encode())[:5000])
    assert "expected a whole gzip file" in fails([add, "--liberty", str(tmp_path / "t.lib.gz")], capsys)
    cell = 'cell (INV) { area : 1; pin (A) { direction : input; } pin (Y) { direction : output; function : "!A"; } }'
    (tmp_path / "n.lib").write_text(f"library (n) {{\n{cell}\n}}\n")
    assert "expected a flip-flop" in fails([add, "--liberty", str(tmp_path / "n.lib")], capsys)


def test_without_opensta_the_report_says_what_was_used(
    add: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RTLGEN_STA", "/nonexistent/sta")
    assert main(["ppa", add, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["timing"]["basis"].startswith("ABC stime")
    assert report["power"]["basis"].startswith("own estimate")


def test_the_manuals_example_runs(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (repository / "docs" / "ppa.md").read_text()
    example = text.split("```python\n")[1].split("```")[0]
    monkeypatch.chdir(repository)
    exec(compile(example, "docs/ppa.md", "exec"), {})  # noqa: S102 - our own manual
