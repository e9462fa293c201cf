"""Files that are no Verilog are refused before a tool sees them; places come back in the user's names."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from rtlgen.core.errors import ElaborationError, InputError
from rtlgen.core.types import Design, SourceSpan
from rtlgen.synth.ppa import inputs, jobs
from rtlgen.synth.ppa.inputs import read_sources


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", ":1: expected a module, got an empty file"),
        (b" \n\n", ":1: expected a module, got an empty file"),
        (b"module m;\n\0\1endmodule", ":2: expected Verilog text, got a binary file (zero byte)"),
        (
            b"module m;\n`pragma protect begin_protected\nxyz\n",
            ":2: expected readable Verilog, got an encrypted section; give the unencrypted source",
        ),
        (
            b"`protected\nxyz\n`endprotected\n",
            ":1: expected readable Verilog, got an encrypted section; give the unencrypted source",
        ),
    ],
)
def test_unreadable_files(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "d.v"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_sources(Design(files=(path,)))
    assert str(caught.value) == f"{path}{message}"


def test_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "d.v"
    path.write_bytes(b"module m; endmodule\n// " + b"x" * (5 << 20))
    with pytest.raises(InputError) as caught:
        read_sources(Design(files=(path,)))
    assert str(caught.value) == (
        f"{path}:2: expected lines of at most 4 MiB, got one of {3 + (5 << 20)} bytes; is this a Verilog file?"
    )
    monkeypatch.setattr(inputs, "MAX_FILE_BYTES", 1 << 20)
    with pytest.raises(InputError) as caught:
        read_sources(Design(files=(path,)))
    assert str(caught.value) == f"{path}: expected at most 1 MiB of source, got 5 MiB; split the file"


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_sources(Design(files=(tmp_path / "no.v",)))
    assert (
        str(caught.value)
        == f"{tmp_path / 'no.v'}: expected a readable Verilog file, got No such file or directory; check the path"
    )
    with pytest.raises(
        InputError, match=r"^expected at least one Verilog file, got none; name the files of the design$"
    ):
        read_sources(Design(files=()))


def test_places_come_back_in_the_users_names(tmp_path: Path) -> None:
    path = tmp_path / "a b'.v"
    path.write_text("module m; endmodule\n")
    (tmp_path / "inc.vh").write_text("// x\n")
    sources = read_sources(Design(files=(path,)))
    assert sources.paths == ("src/0/a_b_.v",)
    assert sources.show("src/0/a_b_.v:3: bad") == f"{path}:3: bad"
    span = SourceSpan(file=str(path), line=3, column=4, end_line=5, end_column=6)
    assert sources.spans("src/0/a_b_.v:3.4-5.6|/usr/share/techmap.v:1.2-3.4") == (span,)
    outside = "../.." + str(tmp_path / "inc.vh").removeprefix(tempfile.gettempdir())
    assert sources.spans(f"{outside}:1.1") == (SourceSpan(file=str(tmp_path / "inc.vh"), line=1, column=1),)


def test_memory_files_travel_along(tmp_path: Path) -> None:
    (tmp_path / "rom.hex").write_text("00\n")
    path = tmp_path / "d.v"
    path.write_text('module m; initial $readmemh("rom.hex", x); initial $readmemb("/etc/passwd", x); endmodule\n')
    assert set(read_sources(Design(files=(path,))).files) == {"src/0/d.v", "rom.hex"}


CHECK = """Warning: found logic loop in module m:
    cell $2 ($and) source: src/0/d.v:5.12-5.17
      A[0] --> Y[0]
    wire \\q source: src/0/d.v:3.6
    cell $0 ($mux) source: src/0/d.v:4.12-4.21
      B[0] --> Y[0]
    wire \\p source: src/0/d.v:2.6
Found and reported 1 problems.
"""


def test_loops_and_double_drivers(tmp_path: Path) -> None:
    path = tmp_path / "d.v"
    path.write_text("module m; endmodule\n")
    sources = read_sources(Design(files=(path,)))
    with pytest.raises(ElaborationError) as caught:
        jobs.raise_on_loop(CHECK, sources)
    assert str(caught.value) == (
        f"{path}:5: combinational loop through q ({path}:3) -> p ({path}:2), closed by logic at {path}:5, {path}:4; "
        "break it with a register"
    )
    assert caught.value.diagnostics[0].span == SourceSpan(file=str(path), line=5, column=12, end_line=5, end_column=17)
    jobs.raise_on_loop("Found and reported 0 problems.\n", sources)
    coarse = {
        "netnames": {"y": {"attributes": {"src": "src/0/d.v:1.2"}}},
        "cells": {"$a": {"attributes": {"src": "src/0/d.v:7.1"}}, "$b": {"attributes": {}}},
    }
    check = "Warning: multiple conflicting drivers for m.\\y [0]:\n"
    check += "    port Q[0] of cell $a ($dff)\n    port Q[0] of cell $b ($dff)\n"
    with pytest.raises(ElaborationError) as caught:
        jobs.raise_on_conflict(check, coarse, sources)
    assert (
        str(caught.value) == f"{path}:1: expected one driver of y [0], got several, at {path}:7; drive it in one place"
    )
