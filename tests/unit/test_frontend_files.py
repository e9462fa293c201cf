"""Rows of one file: positions, constructs, comments, includes, macros, and text that is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtlgen.graphs.frontend.files import parse_file
from rtlgen.graphs.frontend.lexical import scan
from rtlgen.graphs.frontend.protocol import FRONT_ENDS, Context, Parsed, prelude_of
from rtlgen.graphs.frontend.units import Sources
from rtlgen.graphs.rows import FileRows

DESIGN = rb"""// Copyright someone
// SPDX-License-Identifier: Apache-2.0

`define WIDTH 8 // bits
`define ADD(a, b) \
  ((a) + \
   (b))

/* Things that all share. */
package shared;
  localparam int DEPTH = 4; // entries
  typedef enum logic [1:0] {IDLE, BUSY} state_t;
endpackage

// A bus.
interface bus_if (input logic clk);
  logic [7:0] data, valid;
  modport master (output data, input valid);
endinterface

//////////////////////
// Counts.
// Twice.
//////////////////////

module counter import shared::*; #(
    parameter int W = `WIDTH, // bits of the count
    parameter type T = logic
) (
    input logic clk, // rising edge
                     // only
    input logic rst_n,
    bus_if.master bus,
    output logic [W-1:0] q /* the count */
);
  (* keep *) logic \odd+name , other;
  shared::state_t state;
  // next value
  wire [W-1:0] d = `ADD(q, 1'b1);
  always_ff @(posedge clk or negedge rst_n) begin : p_count
    if (!rst_n) q <= '0;
    else q <= d;
  end
  assign other = q[0];
  for (genvar i = 0; i < 2; i++) begin : g_lane
    leaf #(.N(i)) u_leaf (.a(q[i]), .b());
  end
  if (W > 4) begin : g_wide
    leaf u_a (.a(clk), .b()), u_b (.a(clk), .b());
  end else if (W > 2) begin : g_mid
    leaf u_c (.a(clk), .b());
  end
  and g1 (other, clk, rst_n);
  function automatic int twice(input int x);
    int y;
    y = 2 * x;
    return y;
  endfunction
  task t_wait; #1; endtask
  property p_ok; @(posedge clk) q |-> q; endproperty
  a_ok: assert property (p_ok);
  `ifdef NEVER
  hidden u_hidden ();
  `endif
endmodule

module old (a, y);
  input [3:0] a; // old style
  output y;
  reg y;
  always @* y = ^a;
endmodule

class item extends shared::base;
  rand bit [3:0] x;
  constraint c_small { x < 4; }
  function new(); endfunction
  virtual task run(); endtask
  extern function int get();
endclass
"""


def parse(text: bytes, context: Context | None = None, path: str = "m.sv") -> FileRows:
    return parse_file(path, text, context or Context()).rows


def check_positions(rows: FileRows, text: bytes) -> None:
    """Whatever the rows are: spans lie in the text, agree with lines and texts, and nodes nest."""
    starts = [0]
    for piece in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(piece))

    def line(offset: int) -> int:
        return max(1, min(len(starts) - 1, sum(1 for s in starts if s <= offset)))

    nodes = {n.id: n for n in rows.nodes}
    for node in rows.nodes:
        assert 0 <= node.start <= node.end <= len(text)
        if node.parent:
            above = nodes[node.parent]
            assert above.start <= node.start and node.end <= above.end
    for chunk in rows.chunks:
        raw = text[chunk.start : chunk.end]
        assert chunk.text in (raw.decode("utf-8", "replace"), raw.decode("latin-1"))
        assert chunk.first_line == line(chunk.start)
        assert chunk.last_line == line(max(chunk.start, chunk.end - 1))
    numbers = [r.id for part in (rows.definitions, rows.packages, rows.nodes, rows.chunks, rows.comments) for r in part]
    assert len(numbers) == len(set(numbers)) and all(n > 0 for n in numbers)
    inside = {r.id for part in (rows.definitions, rows.packages) for r in part} | {0}
    assert {c.definition for c in rows.chunks} <= inside
    assert {i.source for i in rows.instantiates} | {i.source for i in rows.imports} <= inside
    assert {d.source for d in rows.describes} <= {c.id for c in rows.comments}
    assert {d.target for d in rows.describes} <= {c.id for c in rows.chunks}


def chunks(rows: FileRows) -> list[tuple[str, str]]:
    return [(c.kind, c.name) for c in rows.chunks]


def test_a_design_with_everything() -> None:
    rows = parse(DESIGN)
    assert (rows.tier, rows.errors, rows.problem) == ("syntax", 0, "")
    check_positions(rows, DESIGN)
    assert [(d.kind, d.name) for d in rows.definitions] == [
        ("interface", "bus_if"), ("module", "counter"), ("module", "old"), ("class", "item"),
    ]  # fmt: skip
    assert [p.name for p in rows.packages] == ["shared"]
    assert chunks(rows) == [
        ("package", "shared"), ("parameter", "DEPTH"), ("type", "state_t"),
        ("interface", "bus_if"), ("port", "clk"), ("signal", "data, valid"), ("region", "master"),
        ("module", "counter"), ("parameter", "W"), ("parameter", "T"), ("port", "clk"), ("port", "rst_n"),
        ("port", "bus"), ("port", "q"), ("signal", "odd+name, other"), ("signal", "state"), ("signal", "d"),
        ("block", "p_count"), ("assign", "other"), ("generate", "g_lane"), ("instance", "u_leaf"),
        ("generate", "g_wide"), ("instance", "u_a, u_b"), ("instance", "u_c"), ("instance", "g1"),
        ("function", "twice"), ("task", "t_wait"), ("property", "p_ok"), ("property", "a_ok"),
        ("module", "old"), ("port", "a"), ("port", "y"), ("signal", "y"), ("block", ""),
        ("class", "item"), ("signal", "x"), ("property", "c_small"), ("function", "new"), ("task", "run"),
        ("function", "get"), ("region", "WIDTH"), ("region", "ADD"),
    ]  # fmt: skip
    names = {d.id: d.name for d in rows.definitions}
    assert [(names[i.source], i.target, i.name) for i in rows.instantiates] == [
        ("counter", "leaf", "u_leaf"), ("counter", "leaf", "u_a"), ("counter", "leaf", "u_b"),
        ("counter", "leaf", "u_c"),
    ]  # fmt: skip
    assert [(names[i.source], i.target) for i in rows.imports] == [("counter", "shared"), ("item", "shared")]
    assert rows.macros == {"WIDTH": "WIDTH 8", "ADD": "ADD(a, b) \\\n  ((a) + \\\n   (b))"}
    assert not rows.unknown_macros and not rows.diagnoses


def test_comments_describe_what_they_stand_at() -> None:
    rows = parse(DESIGN)
    comments = {c.id: c.text for c in rows.comments}
    named = {c.id: (c.kind, c.name) for c in rows.chunks}
    assert {(comments[d.source], named[d.target]) for d in rows.describes} == {
        ("Things that all share.", ("package", "shared")),
        ("entries", ("parameter", "DEPTH")),
        ("A bus.", ("interface", "bus_if")),
        ("Counts.\nTwice.", ("module", "counter")),
        ("bits of the count", ("parameter", "W")),
        ("rising edge\nonly", ("port", "clk")),
        ("the count", ("port", "q")),
        ("next value", ("signal", "d")),
        ("old style", ("port", "a")),
        ("bits", ("region", "WIDTH")),
    }
    assert "Copyright someone\nSPDX-License-Identifier: Apache-2.0" in comments.values()
    for comment in rows.comments:
        lines = DESIGN.decode().splitlines()[comment.first_line - 1 : comment.last_line]
        assert all(part in "\n".join(lines) for part in comment.text.splitlines())


def test_both_tiers_see_the_same_definitions_and_instances() -> None:
    exact = parse(DESIGN)
    tolerant = FRONT_ENDS.load("text").parse("m.sv", DESIGN, Context()).rows
    check_positions(tolerant, DESIGN)
    assert tolerant.tier == "text"
    assert [(d.kind, d.name) for d in tolerant.definitions] == [(d.kind, d.name) for d in exact.definitions]
    assert {(i.target, i.name) for i in tolerant.instantiates} >= {(i.target, i.name) for i in exact.instantiates}
    shared = {c for c in chunks(exact) if c[0] in ("port", "parameter", "block", "function", "task", "package")}
    assert shared - set(chunks(tolerant)) <= {("port", "bus"), ("block", "")}


def test_half_typed_text_keeps_what_is_there() -> None:
    text = b"module done(input a); wire x; endmodule\n"
    text += b"module half #(parameter W = 3)(input b);\n  wire c;\n  always_comb if ("
    rows = parse(text)
    assert rows.errors and rows.problem.startswith("line ")
    assert [d.name for d in rows.definitions] == ["done", "half"]
    assert {("signal", "x"), ("signal", "c"), ("parameter", "W")} <= set(chunks(rows))
    check_positions(rows, text)


def test_positions_count_bytes_whatever_the_encoding() -> None:
    for text in (
        "\ufeff// größe\r\nmodule m(input a);\r\n  wire x;\r\nendmodule\r\n".encode(),
        b"// gr\xf6\xdfe\nmodule m; wire x; endmodule\n",
    ):
        rows = parse(text)
        check_positions(rows, text)
        assert [c.text for c in rows.chunks if c.kind == "signal"] == ["wire x;"]
        assert [c.text for c in rows.comments] == ["größe"]
    assert parse(b"").errors == 0 and parse(b"").tier == "syntax"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"module m;\n\0\nendmodule", "line 2: binary file (NUL byte)"),
        ("module m; endmodule".encode("utf-16"), "UTF-16 text; save it as UTF-8"),
        (b"a" * (1 << 20) + b"aa\n", "line 1: expected lines of at most 1 MiB, got one of 1048578 bytes"),
        (b"/* x */\n@80000000\n6F 00 F0\n" + b"13 00 " * 2000, "a memory image ($readmemh), not Verilog"),
    ],
)  # fmt: skip
def test_what_is_no_text(text: bytes, problem: str) -> None:
    rows = parse(text)
    assert (rows.tier, rows.problem, rows.nodes) == ("none", problem, [])


def test_a_long_line_over_a_hundred_megabytes() -> None:
    assert parse(b"x" * (100 << 20)).problem == "expected at most 32 MiB, got more"


def test_unknown_macros_are_named_and_do_not_spoil_the_tree() -> None:
    text = b"""module m(input clk, output `OUT_TYPE [`W-1:0] q);
  `PROLOGUE(clk, 3)
  always_ff @(posedge clk) begin
    `LOG("x", (1, 2))
    if (clk) `CHECK(q == 1)
    else q <= 32'h`RESET;
  end
  `TYPE_T state;
endmodule
"""
    rows = parse(text)
    assert rows.errors == 0 and rows.tier == "syntax"
    assert rows.unknown_macros == {"OUT_TYPE", "W", "PROLOGUE", "LOG", "CHECK", "RESET", "TYPE_T"}
    assert {("port", "q"), ("block", ""), ("signal", "state")} <= set(chunks(rows))
    check_positions(rows, text)


def test_definitions_of_other_files_come_before_guesses() -> None:
    other = parse(
        b"`define DECLARE(n) wire n``_a; \\\n  wire n``_b;\n`define TWICE(n) `DECLARE(n) `DECLARE(n``2)\n", path="d.svh"
    )
    text = b"module m;\n  `TWICE(x)\nendmodule\n"
    rows = parse(text, Context(prelude=prelude_of([other])))
    assert [c.name for c in rows.chunks if c.kind == "signal"] == ["x_a", "x_b", "x2_a", "x2_b"]
    assert {c.text for c in rows.chunks if c.kind == "signal"} == {"`TWICE(x)"}
    check_positions(rows, text)


def test_siblings_in_one_macro_are_siblings() -> None:
    text = b"`define TWO wire a; always_comb begin a = 1; end\nmodule m; `TWO endmodule\n"
    rows = parse(text)
    kinds = {n.id: n.kind for n in rows.nodes}
    parents = {n.kind: kinds[n.parent] for n in rows.nodes if n.parent}
    assert parents["NetDeclaration"] == parents["AlwaysCombBlock"] == "ModuleDeclaration"


@pytest.mark.parametrize(
    "text",
    [
        b"x <= 1;\nif (a) y = 2; else begin z = 3; end\n",
        b"FIRST,\nSECOND = 4,\nTHIRD\n",
        b"2'b00: q = 1;\ndefault: q = 0;\n",
        b"input logic a,\noutput logic [3:0] b\n",
        b".clk(clk),\n.d(q[1])\n",
    ],
)
def test_a_file_that_is_included_in_the_middle_of_something(text: bytes) -> None:
    parsed = parse_file("part.svh", text, Context())
    assert parsed.rows.errors == 0
    assert parsed.tree is None or parsed.rows.tier == "syntax"
    check_positions(parsed.rows, text)


def includes(folder: Path, sources: Sources, text: bytes) -> Parsed:
    return parse_file("top.sv", text, Context(root=str(folder), include_dirs=("inc",), sources=sources))


def test_changed_texts_and_headers_in_one_source_manager(tmp_path: Path) -> None:
    from pyslang import ast

    (tmp_path / "inc").mkdir()
    header = tmp_path / "inc" / "w.svh"
    header.write_text("`define W 4\nwire from_header;\n")
    sources = Sources()
    text = b'`include "w.svh"\nmodule top(output [`W-1:0] q);\nendmodule\n'

    def width(parsed: Parsed) -> int:
        assert parsed.tree is not None
        compilation = ast.Compilation()
        compilation.addSyntaxTree(parsed.tree)
        return int(compilation.getRoot().topInstances[0].body.find("q").type.bitWidth)

    first = includes(tmp_path, sources, text)
    assert width(first) == 4 and not [c for c in first.rows.chunks if c.name == "from_header"]
    assert [(i.name, i.line) for i in first.rows.includes] == [("w.svh", 1)]
    assert list(first.includes_read) == [str(header)]
    header.write_text("`define W 16\n")
    second = includes(tmp_path, sources, text)
    assert width(second) == 16 and first.includes_read != second.includes_read
    assert width(includes(tmp_path, sources, text.replace(b"`W-1", b"`W"))) == 17
    assert width(includes(tmp_path, sources, text)) == 16
    (tmp_path / "w.svh").write_text("`define W 2\n")
    assert width(includes(tmp_path, sources, text)) == 2
    assert width(first) == 4


def test_trees_of_one_repository_elaborate_together(tmp_path: Path) -> None:
    from pyslang import ast

    (tmp_path / "w.svh").write_text("`define W 4\n")
    context = Context(root=str(tmp_path))
    leaf = parse_file("leaf.sv", b'`include "w.svh"\nmodule leaf(input [`W-1:0] a); endmodule\n', context)
    parse_file("w.svh", (tmp_path / "w.svh").read_bytes(), context)
    top = parse_file("top.sv", b"module top; wire [3:0] x; leaf u(.a(x)); endmodule\n", context)
    compilation = ast.Compilation()
    for parsed in (leaf, top):
        assert parsed.tree is not None
        compilation.addSyntaxTree(parsed.tree)
    assert [i.name for i in compilation.getRoot().topInstances] == ["top"]
    assert not [d for d in compilation.getAllDiagnostics() if d.isError()]


def test_missing_headers_are_reported_and_nothing_else_is_opened(tmp_path: Path) -> None:
    secret = tmp_path / "secret.svh"
    secret.write_text("module stolen; endmodule\n")
    text = (
        f'`include "gone.svh"\n`include "{secret}"\n`define X "{secret}"\n`include `X\nmodule m; endmodule\n'.encode()
    )
    parsed = includes(tmp_path, Sources(), text)
    rows = parsed.rows
    assert rows.errors == 0 and not parsed.includes_read
    assert [i.name for i in rows.includes] == ["gone.svh", str(secret), "`X"]
    assert {d.code for d in rows.diagnoses} == {"CouldNotOpenIncludeFile"}
    assert parsed.tree is not None and "stolen" not in str(parsed.tree.root)


def test_cycles_of_headers_end(tmp_path: Path) -> None:
    (tmp_path / "a.svh").write_text('`include "b.svh"\n`include "b.svh"\n')
    (tmp_path / "b.svh").write_text('`include "a.svh"\n`include "a.svh"\n' + "// padding\n" * 200)
    rows = includes(tmp_path, Sources(), b'`include "a.svh"\nmodule m; endmodule\n').rows
    assert [d.name for d in rows.definitions] == ["m"]


@pytest.mark.parametrize(
    "text",
    [
        "`define F(x) x\nmodule m; assign a = " + "`F(" * 10000 + "b" + ")" * 10000 + "; endmodule",
        "class c; constraint x { " + "if(a) {" * 10000 + "}" * 10000 + " } endclass",
        "".join(f"`define M{i} `M{i + 1} `M{i + 1}\n" for i in range(40)) + "`define M40 x\nmodule m; `M0 endmodule",
        "module m; assign a = " + "b+\n" * 100000 + "b; endmodule",
        "module m;\n" * 10000 + "endmodule\n" * 10000,
        "module m; initial randsequence() a: " + "if(b) " * 10000 + "c; endsequence endmodule",
        "module m;\n" + "if(a) begin\n" * 10000 + "end\n" * 10000 + "endmodule",
    ],
    ids=["macro arguments", "constraints", "doubling macros", "a long sum", "modules", "randsequence", "generate"],
)
def test_nesting_without_end_does_not_end_the_process(text: str) -> None:
    rows = parse(text.encode())
    assert rows.tier in ("syntax", "text", "none")
    assert rows.tier == "syntax" or rows.problem or rows.diagnoses[0].code == "NotReadBySlang"
    assert sum(len(c.text) for c in rows.chunks) <= 40 * len(text)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_give_rows(text: bytes) -> None:
    check_positions(parse(text), text)


@settings(max_examples=80, deadline=None)
@given(
    st.integers(0, len(DESIGN)),
    st.integers(0, len(DESIGN)),
    st.sampled_from([b"", b"\n", b"(", b"begin ", b"`", b'"', b"/*"]),
)
def test_any_cut_gives_rows_with_true_positions(one: int, other: int, put: bytes) -> None:
    start, end = min(one, other), max(one, other)
    text = DESIGN[:start] + put + DESIGN[end:]
    check_positions(parse(text), text)


EDITABLE = [c for c in parse_file("m.sv", DESIGN, Context()).rows.chunks if c.kind in ("signal", "assign", "block")]


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(EDITABLE), st.integers(1, 40))
def test_an_edit_inside_a_chunk_changes_that_chunk_and_those_around_it(chunk: object, spaces: int) -> None:
    from rtlgen.graphs.model import Chunk

    assert isinstance(chunk, Chunk)
    at = chunk.start + chunk.text.index(" ")
    edited = DESIGN[:at] + b" " * spaces + DESIGN[at:]
    rows = parse(edited)
    before = [(c.kind, c.name, c.text) for c in parse(DESIGN).chunks if not c.start <= chunk.start < c.end]
    after = [(c.kind, c.name, c.text) for c in rows.chunks if not c.start <= chunk.start < c.end]
    assert before == after
    check_positions(rows, edited)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.sampled_from([b"// a\n", b"/* b\n */", b'"// no"', b"`define X 1 // c\n", b"x ", b"\\e//f ", b"\n"]),
        max_size=12,
    )
)
def test_comments_are_found_exactly_where_they_are(pieces: list[bytes]) -> None:
    text = b"".join(pieces)
    place, expected = 0, []
    for piece in pieces:
        if piece.startswith((b"//", b"/*")):
            expected.append((place, place + len(piece.rstrip(b"\n"))))
        elif b"// c" in piece:
            expected.append((place + piece.index(b"//"), place + len(piece) - 1))
        place += len(piece)
    assert [tuple(c) for c in scan(text).comments] == expected


def test_a_demanded_definition_is_assumed_but_no_include_guard() -> None:
    choice = b"`ifdef FAST\nlocalparam P = 1;\n`else\nERROR: define FAST\n`endif\nmodule m; endmodule\n"
    assert parse(choice).errors == 0
    guarded = b"`ifndef G\n`define G\n" + b"wire a;\n" * 10 + b"module ( ;\n" + b"wire b;\n" * 10 + b"`endif\n"
    assert parse(guarded).errors > 0
