"""The slang front end: places, messages, tops."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtlgen.core.errors import ElaborationError, InputError
from rtlgen.graphs.frontend.slang import elaborate
from rtlgen.graphs.frontend.sources import MAX_LINE_BYTES, read_sources

LEAF = b"module leaf(input a, output b); assign b = a; endmodule\n"


def test_errors_name_file_line_and_column() -> None:
    with pytest.raises(ElaborationError) as caught:
        elaborate({"bad.v": b"module m(input a, output b);\n  assign b = c;\n  foo u();\nendmodule\n"})
    assert str(caught.value) == "bad.v:2:14: use of undeclared identifier 'c'\nbad.v:3:3: unknown module 'foo'"
    assert [d.code for d in caught.value.diagnostics] == ["UndeclaredIdentifier", "UnknownModule"]


def test_several_tops_are_listed() -> None:
    with pytest.raises(ElaborationError) as caught:
        elaborate({"a.v": LEAF + LEAF.replace(b"leaf", b"other")})
    assert str(caught.value) == "expected one top module, found 2: leaf, other; choose one with --top"


def test_an_unknown_top_is_named() -> None:
    with pytest.raises(ElaborationError, match="'nope' is not a valid top-level module"):
        elaborate({"a.v": LEAF}, top="nope")


def test_macros_carry_over_from_file_to_file() -> None:
    sources = {"defs.v": b"`define W 4\n", "m.v": b"module m(output [`W-1:0] y); assign y = 3; endmodule\n"}
    assert elaborate(sources).top.name == "m"


def test_defines_parameters_and_include_dirs(tmp_path: Path) -> None:
    (tmp_path / "x.vh").write_text("localparam Z = 2;\n")
    text = b'module m #(parameter N = 1)(output [`K+N-1:0] y);\n`include "x.vh"\nassign y = Z; endmodule\n'
    design = elaborate({"m.v": text}, defines={"K": "3"}, parameters={"N": "5"}, include_dirs=[tmp_path])
    assert design.top.body.find("y").type.bitWidth == 8


def test_offsets_count_bytes_after_a_non_ascii_comment() -> None:
    text = "// größe\nmodule m(output y); assign y = z; endmodule\n".encode()
    with pytest.raises(ElaborationError, match=r"m\.v:2:32: use of undeclared"):
        elaborate({"m.v": text})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"  \n", "f.v: expected Verilog source, got an empty file"),
        (b"module m;\n\0", "f.v:2: expected text, got a binary file (NUL byte)"),
        (
            b"module m;\n`pragma protect begin_protected\n",
            "f.v:2: the source is encrypted (``pragma protect begin_protected`); give the readable source",
        ),
        (
            b"//" + b"x" * MAX_LINE_BYTES,
            f"f.v:1: expected lines of at most 1 MiB, got one of {MAX_LINE_BYTES + 2} bytes",
        ),
    ],
)
def test_what_is_no_source_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(InputError) as caught:
        elaborate({"f.v": content})
    assert str(caught.value) == message


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.v: can't be read: No such file or directory$"):
        read_sources([tmp_path / "none.v"])
    with pytest.raises(InputError, match=r"got the folder .* name its files"):
        read_sources([tmp_path])
    with pytest.raises(InputError, match="expected at least one Verilog or SystemVerilog file, got none"):
        read_sources([])
