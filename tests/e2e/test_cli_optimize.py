"""`rtlgen optimize` as a user runs it: results, messages, exit codes, nothing lost."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

WASTE = """\
// A timer with a counter far wider than it counts.
module tick(
    input  wire clk,
    input  wire rst,     // synchronous, active high
    input  wire run,
    output wire tick
);
    reg [23:0] count;    // counts to nine

    always @(posedge clk)
        if (rst)
            count <= 24'd0;
        else if (run)
            count <= (count == 24'd9) ? 24'd0 : count + 24'd1;

    assign tick = run && (count == 24'd9);
endmodule
"""


def rtlgen(*arguments: str | Path, cwd: Path, timeout: float = 110) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "import sys; from rtlgen.cli import main; sys.exit(main())", "--display", "plain"]
    return subprocess.run(
        [*command, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False
    )


@pytest.fixture(scope="module")
def optimized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with `tick.v` and the results of a run on it in `out`."""
    folder = tmp_path_factory.mktemp("optimized")
    (folder / "tick.v").write_text(WASTE)
    done = rtlgen("optimize", "tick.v", "--budget", "12", "--out", "out", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "area [um²]" in done.stdout and "proof of the whole: proved" in done.stdout
    assert re.search(r"second engine \(.+\): proved", done.stdout)
    return folder


def test_the_report_tells_a_proved_gain(optimized: Path) -> None:
    report = json.loads((optimized / "out" / "report.json").read_text())
    assert report["after"]["area_um2"] < 0.5 * report["before"]["area_um2"]
    assert report["after"]["flops"] == 4
    assert report["final_proof_status"] == "proved"
    assert all(c["proof_method"] not in ("", "none") for c in report["changes"])


def test_the_patch_applies_and_gives_the_written_source(optimized: Path, tmp_path: Path) -> None:
    (tmp_path / "tick.v").write_text(WASTE)
    patch = optimized / "out" / "optimized.patch"
    subprocess.run(["git", "apply", "-p1", str(patch)], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "tick.v").read_text() == (optimized / "out" / "src" / "tick.v").read_text()


def test_comments_stay_and_the_input_is_untouched(optimized: Path) -> None:
    assert (optimized / "tick.v").read_text() == WASTE
    text = (optimized / "out" / "src" / "tick.v").read_text()
    for comment in ("// A timer with a counter far wider", "// synchronous, active high", "// counts to nine"):
        assert comment in text


def test_the_page_holds_everything_itself(optimized: Path) -> None:
    page = (optimized / "out" / "report.html").read_text()
    assert "<svg" in page and "tick.v" in page
    assert "http://" not in page and "https://" not in page and "<script src" not in page


def test_apply_replaces_the_files_and_keeps_a_backup(tmp_path: Path) -> None:
    (tmp_path / "tick.v").write_text(WASTE)
    (tmp_path / "tick.v.orig").write_text("an older backup")
    done = rtlgen("optimize", "tick.v", "--budget", "8", "--out", "o", "--apply", "--rule", "narrow", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "tick.v.orig").read_text() == "an older backup"
    assert (tmp_path / "tick.v.orig.1").read_text() == WASTE
    assert (tmp_path / "tick.v").read_text() == (tmp_path / "o" / "src" / "tick.v").read_text() != WASTE
    assert "tick.v replaced; its old text is tick.v.orig.1" in done.stderr


BAD = {
    "syntax": ("module m(input a, output b)\n assign b = a;\nendmodule\n", "bad.v:1:28: expected ';'"),
    "missing module": ("module m(input a); gone u(a); endmodule\n", "bad.v:1:20: unknown module 'gone'"),
    "several tops": (
        "module m; endmodule\nmodule n; endmodule\n",
        "expected one top module, found 2: m, n; choose one with --top",
    ),
    "empty": ("\n", "bad.v: expected Verilog source, got an empty file"),
    "binary": ("module m;\0", "bad.v:1: expected text, got a binary file (NUL byte)"),
    "encrypted": ("`pragma protect begin_protected\n", "bad.v:1: the source is encrypted"),
    "long line": ("//" + "x" * (1 << 21), "bad.v:1: expected lines of at most 1 MiB, got one of 2097154 bytes"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_one_message_and_exit_code_2(kind: str, tmp_path: Path) -> None:
    text, message = BAD[kind]
    (tmp_path / "bad.v").write_text(text)
    done = rtlgen("optimize", "bad.v", "--budget", "2", cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "rtlgen-out").exists()


def test_missing_file_and_unknown_rule(tmp_path: Path) -> None:
    done = rtlgen("optimize", "none.v", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, "rtlgen: error: none.v: can't be read: No such file or directory\n")
    (tmp_path / "tick.v").write_text(WASTE)
    done = rtlgen("optimize", "tick.v", "--rule", "narow", cwd=tmp_path)
    assert done.returncode == 2 and "unknown rewrite 'narow'; did you mean 'narrow'?" in done.stderr


def test_what_can_not_be_synthesized_is_named(tmp_path: Path) -> None:
    text = """module d(input clk, a, output reg b, c);
  real r;
  always begin wait(a); b = a; end
  always @(posedge clk) begin #5 c <= a; r = r + 1.5; end
endmodule
"""
    (tmp_path / "d.v").write_text(text)
    done = rtlgen("optimize", "d.v", "--budget", "2", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (
        2,
        "rtlgen: error: d.v:2:8: not synthesizable: 'r' is of a real type, which has no hardware\n"
        "d.v:3:3: not synthesizable: this always block has no event control, so it has no hardware\n"
        "d.v:4:31: not synthesizable: a second event control or delay inside an always block has no hardware\n",
    )


def test_a_combinational_loop_is_named_with_its_lines(tmp_path: Path) -> None:
    (tmp_path / "l.v").write_text(
        "module l(input a, output b, c);\n  assign b = c & a;\n  assign c = b | a;\nendmodule\n"
    )
    done = rtlgen("optimize", "l.v", "--budget", "2", cwd=tmp_path)
    assert done.returncode == 2
    assert "combinational loop through" in done.stderr and "l.v:2" in done.stderr and "l.v:3" in done.stderr


def test_memory_contents_are_found_beside_the_source(tmp_path: Path) -> None:
    (tmp_path / "rtl").mkdir()
    (tmp_path / "rtl" / "m.hex").write_text("01\n02\n03\nff\n")
    text = """module rom(input clk, input [1:0] a, output reg [7:0] q);
  reg [7:0] m [0:3];
  initial $readmemh("m.hex", m);
  always @(posedge clk) q <= m[a];
endmodule
"""
    (tmp_path / "rtl" / "rom.v").write_text(text)
    done = rtlgen("optimize", "rtl/rom.v", "--budget", "2", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["before"]["flops"] < 8


def test_an_output_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "tick.v").write_text(WASTE)
    (tmp_path / "out").write_text("in the way")
    done = rtlgen("optimize", "tick.v", "--out", "out/deep", cwd=tmp_path)
    assert done.returncode == 2 and "the output folder can't be written: Not a directory" in done.stderr


def test_ctrl_c_keeps_what_was_found(tmp_path: Path) -> None:
    (tmp_path / "tick.v").write_text(WASTE)
    command = [sys.executable, "-c", "import sys; from rtlgen.cli import main; sys.exit(main())", "--display", "plain"]
    process = subprocess.Popen(
        [*command, "optimize", "tick.v", "--budget", "100", "--out", "out"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    limit = time.monotonic() + 60
    while not (tmp_path / "out" / "report.json").exists() and time.monotonic() < limit:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert process.returncode == 0, err
    assert report["changes"] and report["ended_by"] in ("interrupt", "converged")
    assert "Traceback" not in err and "area [um²]" in out


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small file system")
def test_a_disk_that_fills_up_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / "tick.v").write_text(WASTE)
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(small)], capture_output=True).returncode:
        pytest.skip("mount is not allowed here")
    try:
        done = rtlgen("optimize", "tick.v", "--budget", "8", "--out", "small/out", cwd=tmp_path)
        assert done.returncode == 2 and "Traceback" not in done.stderr
        assert "can't be written: No space left on device" in done.stderr
        assert (tmp_path / "tick.v").read_text() == WASTE
        kept = (small / "out" / "src" / "tick.v").read_text()
        assert kept != WASTE and kept.rstrip().endswith("endmodule")
    finally:
        subprocess.run(["umount", str(small)], check=True)
