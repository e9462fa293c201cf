"""Graphs of a body as text: read back as they were, within every budget, the telling lines first."""

from __future__ import annotations

import importlib.util
import json
import re
from itertools import pairwise, product
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rtlgen.core.errors import InputError
from rtlgen.graphs.bits import Layout, split_select
from rtlgen.graphs.elaborate.hierarchy import Hierarchy
from rtlgen.graphs.elaborate.names import Places
from rtlgen.graphs.encode.budget import MIN_TOKENS, Encoded, Line, fit, line
from rtlgen.graphs.encode.cfg import decode_cfg, encode_cfg
from rtlgen.graphs.encode.controlflow import controlflow
from rtlgen.graphs.encode.dataflow import dataflow
from rtlgen.graphs.encode.dfg import decode_dfg, encode_dfg
from rtlgen.graphs.encode.names import names_in
from rtlgen.graphs.encode.outline import encode_ast
from rtlgen.graphs.encode.tokens import estimate
from rtlgen.graphs.frontend.slang import elaborate
from rtlgen.graphs.model import Block, Drives, Flows, Next, PortBind, Reads, Signal, Statement
from rtlgen.graphs.rows import BodyRows

FIXED = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

COUNTER = """\
module counter #(parameter W = 4) (
  input  logic         clk, rst_n, en,
  input  logic [1:0]   sel,
  input  logic [W-1:0] load,
  output logic [W-1:0] count,
  output logic         wrap
);
  typedef struct packed { logic valid; logic [W-1:0] data; } entry;
  entry held;
  logic [W-1:0] next;
  assign next = count + 1;
  assign wrap = &count;
  always_ff @(posedge clk or negedge rst_n)
    if (!rst_n) count <= '0;
    else if (en) begin
      held.valid <= 1;
      case (sel)
        2'b00: count <= next;
        2'b01: count <= load;
        default: count[1:0] <= held.data[1:0];
      endcase
    end
  stage u_stage(.d(held), .q());
endmodule
module stage(input logic [4:0] d, output logic q);
  assign q = ^d;
endmodule
"""


def bodies(text: str, top: str | None = None) -> dict[str, BodyRows]:
    """Return definition → rows of an elaborated source."""
    design = elaborate({"rtl/x.sv": text.encode()}, top=top)
    rows = Hierarchy(Places(design.manager)).run([design.top])
    return {body.definition: body for body in rows.bodies.values()}


@pytest.fixture(scope="module")
def counter() -> BodyRows:
    return bodies(COUNTER)["counter"]


def test_the_data_flow_of_a_counter(counter: BodyRows) -> None:
    assert (
        encode_dfg(counter).text
        == """\
dfg counter
at rtl/x.sv:1-24
param W = 4
domain d1 posedge clk, negedge rst_n
in clk
in rst_n
in en
in [1:0] sel
in [3:0] load
reg [3:0] count output [3:2] @14 d1: bits load[3:2], next[3:2]; if en, sel | \
[1:0] @14 d1: bits load[1:0], held.data[1:0], next[1:0]; if en, sel
wire wrap output @12: data count
reg <5> held .valid @16 d1: if en
wire [3:0] next @11: data count
pin [4:0] u_stage.d @23: bits held
"""
    )


def test_the_control_flow_of_a_counter(counter: BodyRows) -> None:
    assert (
        encode_cfg(counter).text
        == """\
cfg counter
at rtl/x.sv:1-24
param W = 4
assign @11: next = count + 1
assign @12: wrap = &count
always_ff @13-22 posedge clk, negedge rst_n
1 if: !rst_n => true: 2 | false: 3
2 count <= '0 => end
3 if: en => true: 4 | false: end
4 held.valid <= 1; case: sel => 2'b00: 6 | 2'b01: 7 | default: 8
6 count <= next => end
7 count <= load => end
8 count[1:0] <= held.data[1:0] => end
"""
    )


def test_the_syntax_tree_of_a_counter() -> None:
    assert (
        encode_ast(COUNTER, "counter").text
        == """\
ast counter
param W = 4
port input logic clk
port rst_n
port en
port input logic [1:0] sel
port input logic [W-1:0] load
port output logic [W-1:0] count
port output logic wrap
8 typedef struct packed { logic valid; logic [W-1:0] data; } entry
9 var entry held
10 var logic [W-1:0] next
11 assign (= next (+ count 1))
12 assign (= wrap (& count))
13 always_ff @(posedge clk or negedge rst_n)
 if (! rst_n)
  (<= count '0)
 else if en
  (<= held.valid 1)
  case sel
   when 2'b00
    (<= count next)
   when 2'b01
    (<= count load)
   default
    (<= count[1:0] held.data[1:0])
23 inst stage u_stage(.d(held), .q())
"""
    )


# A body of any shape: names and texts of every kind of sign, edges between anything.

words = st.text(st.sampled_from("abz_$09 \\+;,:|=>{}[]()'\".@#<\t\n…é"), min_size=1, max_size=12)
names = st.one_of(st.from_regex(r"\A[a-c](\[[0-3]\])?(\.[a-c])?\Z"), words.map(lambda w: " ".join(w.split()) or "x"))
layouts = st.sampled_from(
    [
        ("", 1), ("", 4), ("[0,3]", 4), ('{"array":[1,0],"packed":false,"of":[2,1]}', 4),
        ('{"struct":[["v",3,1],["d+e",0,[2,0]]],"packed":true,"width":4}', 4),
    ]
)  # fmt: skip
edge_words = st.sampled_from(["pos", "neg", "both"])
block_kinds = st.sampled_from(["always_ff", "always_comb", "always_latch", "assign", "initial", "init", "black_box"])
statement_kinds = st.sampled_from(
    ["assign", "if", "case", "loop", "wait", "call", "jump", "assert", "declare", "other"]
)


@st.composite
def random_bodies(draw: st.DrawFn) -> BodyRows:
    """Return rows that hold together: every edge ends at something that is there, every bit exists."""
    path = draw(st.sampled_from(["a.v", "my dir/b.sv"]))
    body = BodyRows("k", draw(names), json.dumps(draw(st.dictionaries(names, words, max_size=2))), path, 1, 99)
    # as in a design, no name is another one with a select
    unique = draw(st.lists(names, min_size=2, max_size=5, unique_by=lambda n: re.split(r"[.\[]", n)[0]))
    for number, name in enumerate(unique, 1):
        layout, width = draw(layouts)
        direction = draw(st.sampled_from(["", "input", "output"]))
        kind = draw(st.sampled_from(["net", "variable", "member", "remote"]))
        body.signals.append(Signal(number, name, kind, direction, width, "", layout, "", "", 1, number, 1))
    signals = st.sampled_from(body.signals)
    for number in range(1, draw(st.integers(1, 4)) + 1):
        clock, reset = draw(st.integers(0, len(unique))), draw(st.integers(0, len(unique)))
        first = draw(st.integers(1, 90))
        edges = (clock, draw(edge_words), reset if clock else 0, draw(edge_words))
        name = draw(st.one_of(st.just(""), names))
        body.blocks.append(Block(number, draw(block_kinds), name, *edges, 1, first, first + draw(st.integers(0, 9))))
        _random_statements(draw, body, number)
    for _ in range(draw(st.integers(0, 8))):
        _random_flow(draw, body, signals)
    for _ in range(draw(st.integers(0, 3))):
        outer = draw(signals)
        direction = draw(st.sampled_from(["input", "output", "inout"]))
        pin = draw(st.sampled_from(["d", "e f"]))
        high = outer.width - 1
        body.binds.append(PortBind("u", pin, direction, outer.id, 0, high, pin, 0, high, "data", 1, 7, ""))
    return body


def _random_statements(draw: st.DrawFn, body: BodyRows, block: int) -> None:
    if draw(st.booleans()):
        body.statements.append(Statement(len(body.statements) + 1, block, "assign", draw(words), 5, 5, 1))
        return
    own = []
    for kind in ["entry", *draw(st.lists(statement_kinds, max_size=6)), "exit"]:
        number = len(body.statements) + 1
        text = draw(words) if kind not in ("entry", "exit") else ""
        body.statements.append(Statement(number, block, kind, text, 5, 6, 1))
        own.append(number)
    for source in own[:-1]:
        targets = draw(st.one_of(st.just([source + 1]), st.lists(st.sampled_from(own[1:]), max_size=3)))
        labels = [draw(st.one_of(st.just(""), words)) for _ in targets]
        body.nexts += [Next(source, target, label) for target, label in zip(targets, labels, strict=True)]
    for source in own[1:-1]:
        signal = draw(st.sampled_from(body.signals))
        body.drives.append(Drives(source, signal.id, 0, draw(st.integers(0, signal.width - 1)), 5, "blocking"))
        body.reads.append(Reads(source, signal.id, 0, 0, "data"))


def _random_flow(draw: st.DrawFn, body: BodyRows, signals: st.SearchStrategy[Signal]) -> None:
    source, target = draw(signals), draw(signals)
    spans = []
    for signal in (source, target):
        ends = sorted(draw(st.tuples(*[st.integers(0, signal.width - 1)] * 2)))
        spans.append(ends)
    aligned = int(spans[0][1] - spans[0][0] == spans[1][1] - spans[1][0] and draw(st.booleans()))
    kind = draw(st.sampled_from(["data", "control", "index", "clock", "reset"]))
    block = draw(st.sampled_from(body.blocks))
    body.flows.append(Flows(source.id, *spans[0], target.id, *spans[1], kind, aligned, 0, block.id, block.first_line))


@FIXED
@given(random_bodies())
def test_a_data_flow_is_read_back_as_it_was(body: BodyRows) -> None:
    assert decode_dfg(encode_dfg(body).text) == dataflow(body)


@FIXED
@given(random_bodies())
def test_a_control_flow_is_read_back_as_it_was(body: BodyRows) -> None:
    assert decode_cfg(encode_cfg(body).text) == controlflow(body)


@FIXED
@given(random_bodies())
def test_the_text_says_the_flows_of_the_rows_bit_by_bit(body: BodyRows) -> None:
    assert bits_of_text(encode_dfg(body).text, body) == bits_of_rows(body)


def bits_of_rows(body: BodyRows) -> set[tuple[str, int, str, int, str]]:
    """Return target, its bit, source, its bit and kind of all flows but those of a block's own clock and reset."""
    named = {s.id: s.name for s in body.signals}
    found = set()
    for f in body.flows:
        block = body.blocks[f.block - 1]
        if {"clock": block.clock, "reset": block.reset, "control": block.reset}.get(f.kind) == f.source:
            continue
        pairs = product(range(f.target_low, f.target_high + 1), range(f.source_low, f.source_high + 1))
        found |= {(named[f.target], t, named[f.source], s, f.kind) for t, s in pairs}
    return found


def bits_of_text(text: str, body: BodyRows) -> set[tuple[str, int, str, int, str]]:
    """Return the same from a text, by its selects."""
    kinds = {"bits": "data", "data": "data", "if": "control", "at": "index", "clock": "clock", "reset": "reset"}
    layouts = {s.name: Layout.from_json(s.layout, s.width) for s in body.signals}
    found = set()
    for target in decode_dfg(text).targets:
        (name,) = names_in(target.name)
        for clause in target.clauses if name in layouts else ():
            selects = [names_in(b)[0] for b in clause.bits] or [""]
            driven = [bit for select in selects for bit in _range(layouts[name].resolve(select))]
            for role, sources in clause.sources:
                for item in [one for source in sources for one in names_in(source)]:
                    if item.startswith("u."):
                        continue
                    source, select = split_select(item, layouts)
                    read = _range(layouts[source].resolve(select))
                    found |= {(name, t, source, s, kinds[role]) for t, s in product(driven, read)}
    return found


def _range(ends: tuple[int, int]) -> range:
    return range(ends[0], ends[1] + 1)


budgets = st.integers(MIN_TOKENS, 500)


@FIXED
@given(random_bodies(), budgets, budgets, st.booleans())
def test_a_budget_holds_and_more_of_it_loses_nothing(body: BodyRows, one: int, two: int, focused: bool) -> None:
    focus = [str(body.blocks[0].first_line)] if focused else []
    for encode in (encode_dfg, encode_cfg):
        less, more = (encode(body, tokens=n, focus=focus) for n in sorted((one, two)))
        whole = encode(body)
        assert less.tokens == estimate(less.text) <= min(one, two)
        assert more.tokens <= max(one, two)
        assert bool(less.left_out) == (whole.tokens > min(one, two))
        assert [keys(less), keys(more)] == [k for k in (keys(less), keys(more)) if within(k, keys(whole))]
        assert within(keys(less), keys(more))


def keys(encoded: Encoded) -> list[str]:
    """Return what identifies each line, however short its form is."""
    if encoded.text.startswith("dfg"):
        flow = decode_dfg(encoded.text)
        return [*(n for n, _ in flow.parameters), *(d.name for d in flow.domains), *(t.name for t in flow.targets)]
    control = decode_cfg(encoded.text)
    blocks = [f"{b.kind} {b.name} {b.first_line}" for b in control.blocks]
    return [*(n for n, _ in control.parameters), *blocks]


def within(part: list[str], whole: list[str]) -> bool:
    """Whether all of a list occurs in another, in the same order."""
    rest = iter(whole)
    return all(item in rest for item in part)


@FIXED
@given(st.lists(st.lists(st.integers(0, 40), min_size=1, max_size=3), max_size=20), budgets, budgets, st.randoms())
def test_every_line_only_ever_grows(sizes: list[list[int]], one: int, two: int, random) -> None:  # type: ignore[no-untyped-def]
    lines = []
    for number, lengths in enumerate(sizes):
        forms = [f"n{number} " + "a " * length for length in sorted(set(lengths))]
        ranks = sorted((random.randrange(9), number) for _ in forms)
        lines.append(line("things", forms, ranks))
    less, more = (_lengths(fit("title", lines, n).text) for n in sorted((one, two)))
    assert all(more.get(number, -1) >= length for number, length in less.items())


def _lengths(text: str) -> dict[str, int]:
    return {row.split()[0]: len(row) for row in text.splitlines() if row.startswith("n")}


def test_a_form_that_saves_nothing_is_left_out() -> None:
    assert line("things", ["a b c", "a b"], [(1,), (2,)]) == Line("things", ("a b",), ((1,),))


@FIXED
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=20), max_size=5))
def test_the_estimate_is_the_sum_over_lines(lines: list[str]) -> None:
    assert estimate("".join(f"{text}\n" for text in lines)) == sum(estimate(text) + 1 for text in lines)


def test_the_least_budget_holds_any_title(counter: BodyRows) -> None:
    counter.definition, name = "_1" * 500, counter.definition
    try:
        for encode in (encode_dfg, encode_cfg):
            assert encode(counter, tokens=MIN_TOKENS).tokens <= MIN_TOKENS
            assert encode(counter, tokens=MIN_TOKENS).text.splitlines()[0].endswith("...")
        with pytest.raises(
            InputError, match=f"^expected a budget of at least {MIN_TOKENS} tokens, got {MIN_TOKENS - 1}$"
        ):
            encode_dfg(counter, tokens=MIN_TOKENS - 1)
    finally:
        counter.definition = name


def test_the_least_budget_holds_the_longest_summary() -> None:
    kinds = ["places", "parameters", "domains", "inputs", "signals", "instance pins"]
    lines = [line(kind, ["a", "a b"], [(n,), (n + 1,)]) for n in range(9999) for kind in kinds]
    assert fit("x" * 99, lines, MIN_TOKENS).tokens <= MIN_TOKENS


def test_what_is_left_out_is_said(counter: BodyRows) -> None:
    encoded = encode_dfg(counter, tokens=125)
    assert (
        encoded.text
        == """\
dfg counter
at rtl/x.sv:1-24
domain d1 posedge clk, negedge rst_n
reg [3:0] count output [3:2] @14 d1: bits load[3:2], next[3:2]; if en, sel | +1 more
# left out: 1 parameter, 5 inputs, 3 signals, 1 instance pin, 1 line shortened; whole text: 189 tokens
"""
    )
    assert encoded.left_out == {"parameters": 1, "inputs": 5, "signals": 3, "instance pins": 1, "lines shortened": 1}


def test_many_sources_are_counted_in_the_short_form() -> None:
    inputs = ", ".join(f"input a{n}" for n in range(19))
    total = " + ".join(f"a{n}" for n in range(19))
    body = bodies(f"module m({inputs}, output y); assign y = {total}; endmodule\n")["m"]
    short = encode_dfg(body, tokens=encode_dfg(body).tokens - 1)
    assert "wire y output @1: data a0, a1, a2; +16 more\n" in short.text
    assert short.left_out["lines shortened"] == 1
    assert [c.hidden for t in decode_dfg(short.text).targets if t.name == "y" for c in t.clauses] == [16]


def test_a_condition_is_shortened_before_lines_are_lost() -> None:
    condition = " && ".join(f"request_{n}" for n in range(9))
    rest = "".join(f"assign b{n} = request_{n};\n" for n in range(4))
    wires = f"wire {condition.replace(' &&', ',')}, b0, b1, b2, b3;"
    text = f"module m(output reg y);\n{wires}\n{rest}always @* if ({condition}) y = 1; else y = 0;\nendmodule\n"
    body = bodies(text)["m"]
    short = encode_cfg(body, tokens=encode_cfg(body).tokens - 1)
    assert "1 if: request_0 && request_1 && request_2... => true: 2 | false: 3\n" in short.text
    assert short.left_out["lines shortened"] == 1
    assert "y = 0" not in short.text, "constants go first"


def test_a_long_run_keeps_its_ends() -> None:
    steps = "".join(f"a[{n}] = b[{n}]; " for n in range(8))
    ports = "input [7:0] b, input c, output reg [7:0] a"
    body = bodies(f"module m({ports});\nalways @* begin {steps} if (c) a = 0; end\nendmodule\n")["m"]
    short = encode_cfg(body, tokens=encode_cfg(body).tokens - 1)
    assert "1 a[0] = b[0]; a[1] = b[1]; +6 more; if: c => true: 10 | false: end\n" in short.text
    assert [n.number for n in decode_cfg(short.text).blocks[0].nodes] == [1, 2, 9, 10]


def test_focus_keeps_the_neighbourhood() -> None:
    names = [f"r{n}" for n in range(40)]
    text = f"module m(input clk, input r0);\nreg {', '.join(names[1:])};\n"
    text += "".join(f"always @(posedge clk) {b} <= {a};\n" for a, b in pairwise(names))
    body = bodies(text + "endmodule\n")["m"]
    for encode in (encode_dfg, encode_cfg):
        kept = set(re.findall(r"\br\d+\b", encode(body, tokens=140, focus=["r20"]).text))
        assert {"r19", "r20", "r21"} <= kept
        assert not kept & {"r1", "r5", "r35", "r39"}
    lines = encode_cfg(body, tokens=140, focus=["22"]).text
    assert "always @22 posedge clk: r20 <= r19\n" in lines


def test_focus_on_a_line_keeps_the_conditions_around_it() -> None:
    steps = "".join(f"  if (a[{n}]) begin\n    x{n} <= b;\n  end\n" for n in range(30))
    ports = "input clk, input b, input [29:0] a, " + ", ".join(f"output reg x{n}" for n in range(30))
    source = f"module m({ports});\nalways @(posedge clk) begin\n{steps}end\nendmodule\n"
    text = encode_cfg(bodies(source)["m"], tokens=100, focus=["64"]).text
    assert "if: a[20]" in text and "x20 <= b" in text
    outline = encode_ast(source, "m", tokens=100, focus=["64"]).text
    assert " if a[20]\n  (<= x20 b)\n" in outline


def test_an_else_comes_with_its_if() -> None:
    filler = "".join(f"wire w{n};\n" for n in range(40))
    block = "always @*\nif (a) y = 0;\nelse if (b) y = 1;\nelse y = c;\n"
    text = f"module m(input a, b, output reg y);\n{block}{filler}endmodule\n"
    outline = encode_ast(text, "m", tokens=MIN_TOKENS, focus=["c"]).text
    assert " if a\n else if b\n else\n  (= y c)\n" in outline.replace("  (= y 0)\n", "").replace("  (= y 1)\n", "")


@pytest.mark.parametrize(
    ("focus", "message"),
    [
        ("cuont", "expected a signal, such as count, got 'cuont'"),
        ("77", "expected a line of counter, within 1-24, got 77"),
    ],
)
def test_a_focus_that_is_not_there_is_an_error(counter: BodyRows, focus: str, message: str) -> None:
    for encode in (encode_dfg, encode_cfg):
        with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
            encode(counter, focus=[focus])


@pytest.mark.parametrize(
    ("name", "focus", "message"),
    [
        ("countr", [], "expected a definition such as counter, got 'countr'"),
        ("counter", ["cuont"], "expected an identifier of the definition such as count, got 'cuont'"),
        ("counter", ["77"], "expected a line with code, up to 23, got 77"),
    ],
)
def test_an_outline_of_what_is_not_there_is_an_error(name: str, focus: list[str], message: str) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        encode_ast(COUNTER, name, focus=focus)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: expected dfg NAME, got ''"),
        ("cfg x\n", "line 1: expected dfg NAME, got 'cfg x'"),
        ("dfg x\nreg\n", "line 2: expected at, param, domain or a kind of signal, got 'reg'"),
        ("dfg x\nreg a 5\n", "line 2: expected [SELECT] @LINE [DOMAIN][: SOURCES], got '5'"),
        ("dfg x\nreg a @5: to b\n", "line 2: expected ROLE SOURCE, SOURCE, got 'to b'"),
        ("dfg x\nparam a\n", "line 2: expected param NAME = VALUE, got 'param a'"),
    ],
)
def test_a_data_flow_that_is_none_is_an_error(text: str, message: str) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        decode_dfg(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dfg x\n", "line 1: expected cfg NAME, got 'dfg x'"),
        ("cfg x\n1 a = b => end\n", "line 2: expected a block, then NUMBER STATEMENTS, got '1 a = b => end'"),
        ("cfg x\nalways\n", "line 2: expected KIND [NAME] @FIRST[-LAST], got 'always'"),
        ("cfg x\nalways @3\n1 a = b => c\n", "line 3: expected [LABEL: ]NUMBER or end, got 'c'"),
    ],
)
def test_a_control_flow_that_is_none_is_an_error(text: str, message: str) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        decode_cfg(text)


def test_deep_nesting_is_laid_out() -> None:
    deep = "".join(f"if (a[{n}]) begin " for n in range(200)) + "y = 1; " + "end " * 200
    chain = "else ".join(f"if (a == {n}) y = {n}; " for n in range(900))
    source = f"module m(input [999:0] a, output reg [9:0] y); always @* {deep} always @* {chain} endmodule"
    text = encode_ast(source, "m").text
    assert f"\n{' ' * 200}if a[199]\n{' ' * 201}(= y 1)\n" in text
    assert " else if (== a 899)\n  (= y 899)\n" in text
    with pytest.raises(InputError, match=r"^expected a source that slang can parse, got one that nests too deeply$"):
        encode_ast(f"module m; initial {'begin ' * 5000}", "m")
    total = " - ".join(["a"] * 400)
    assert encode_ast(f"module m(input a, output y); assign y = {total}; endmodule", "m").tokens > 400


def test_macros_given_are_used() -> None:
    source = "module m(input [`W-1:0] a);\n`ifdef X\nwire x;\n`endif\nendmodule\n"
    assert "port input [8-1:0] a\n3 wire x\n" in encode_ast(source, "m", defines={"W": "8", "X": ""}).text


@pytest.mark.skipif(not importlib.util.find_spec("pythondata_cpu_serv"), reason="pythondata-cpu-serv isn't installed")
def test_every_body_of_a_real_core_is_read_back() -> None:
    spec = importlib.util.find_spec("pythondata_cpu_serv")
    assert spec is not None and spec.origin is not None
    files = sorted((Path(spec.origin).parent / "verilog" / "rtl").glob("*.v"))
    design = elaborate({str(f): f.read_bytes() for f in files if "synth_wrapper" not in f.name}, top="serv_rf_top")
    rows = Hierarchy(Places(design.manager)).run([design.top])
    assert len(rows.bodies) > 10
    for body in rows.bodies.values():
        assert decode_cfg(encode_cfg(body).text) == controlflow(body)
        text = encode_dfg(body).text
        assert decode_dfg(text) == dataflow(body)
        assert bits_of_text_without_pins(text, body) == bits_of_rows(body)
        for tokens in (MIN_TOKENS, 200, 1000):
            assert encode_dfg(body, tokens=tokens).tokens <= tokens
            assert encode_cfg(body, tokens=tokens).tokens <= tokens
            source = Path(body.path).read_text()
            assert encode_ast(source, body.definition, tokens=tokens).tokens <= tokens


def bits_of_text_without_pins(text: str, body: BodyRows) -> set[tuple[str, int, str, int, str]]:
    """Return the flows of a text whose sources are signals, not pins of instances."""
    instances = {b.instance for b in body.binds}
    kept = [row for row in text.splitlines() if not any(f"{i}." in row for i in instances)]
    return bits_of_text("\n".join(kept), body)
