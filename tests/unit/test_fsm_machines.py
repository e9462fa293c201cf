"""State machines for users: names, resets, and conditions that say exactly what simulation does."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtlgen.graphs.frontend.slang import Elaborated, elaborate
from rtlgen.graphs.fsm.machines import state_machines
from rtlgen.graphs.fsm.model import StateMachine, style_of
from rtlgen.graphs.fsm.naming import BodyText
from rtlgen.graphs.fsm.symbolic import expand
from rtlgen.graphs.wordlevel.build import RECURSION_LIMIT, body_view, word_level
from rtlgen.graphs.wordlevel.module import ModuleIR, Signal
from rtlgen.graphs.wordlevel.simulate import Samples, evaluate_terms, sample_module, simulate

HEAD = "module m(input clk, rst, go, stop, input [3:0] d, output reg busy, output reg [1:0] led);"
STATES = "localparam IDLE = 2'd0, RUN = 2'd1, WAIT = 2'd2, DONE = 2'd3;"
CASE = """case (S)
  IDLE: if (go) N IDLE_TO;
  RUN: if (stop) N IDLE; else if (d == 4'd7) N WAIT; else if (d > 4'd9) N DONE;
  WAIT: begin if (go && !stop) begin if (d[0]) N RUN; else N DONE; end end
  DONE: N IDLE;
endcase""".replace("IDLE_TO", "RUN")
OUT = """always @* begin busy = 1'b0; led = d[1:0];
  case (state) RUN: begin busy = 1'b1; led = 2'd2; end WAIT: led = 2'd3; endcase end"""


def case(read: str, assign: str) -> str:
    return re.sub(r"\bN (\w+);", rf"{assign} \1;", CASE.replace("(S)", f"({read})"))


STYLES = {
    "one process": f"{HEAD} {STATES} reg [1:0] state; always @(posedge clk) if (rst) state <= IDLE; else "
    f"{case('state', 'state <=')} {OUT} endmodule",
    "two processes": f"{HEAD} {STATES} reg [1:0] state, next; always @(posedge clk or posedge rst) if (rst) state <= "
    f"IDLE; else state <= next; always @* begin next = state; {case('state', 'next =')} end {OUT} endmodule",
    "enum, safe default": HEAD.replace("reg", "logic")
    + " typedef enum logic [1:0] {IDLE, RUN, WAIT, DONE} s_t; s_t state, next; always_ff @(posedge clk or negedge rst)"
    " if (!rst) state <= IDLE; else state <= next; always_comb begin next = state; "
    + case("state", "next =").replace("endcase", "default: next = IDLE; endcase")
    + f" end {OUT} endmodule",
    "one-hot": f"{HEAD} {STATES} reg [3:0] state; wire idle = state[IDLE], run = state[RUN], hold = state[WAIT]; "
    "wire leave = run & (stop | (d != 7 & d <= 9)); always @(posedge clk) if (rst) state <= 4'b0001; else begin "
    "state <= 4'b0; case (1'b1) state[IDLE]: if (go) state[RUN] <= 1; else state[IDLE] <= 1; state[RUN]: if (stop) "
    "state[IDLE] <= 1; else if (d == 7) state[WAIT] <= 1; else if (d > 9) state[DONE] <= 1; else state[RUN] <= 1; "
    "state[WAIT]: if (go && !stop) begin if (d[0]) state[RUN] <= 1; else state[DONE] <= 1; end else state[WAIT] <= 1; "
    "state[DONE]: state[IDLE] <= 1; endcase end always @* begin busy = run; led = leave; end endmodule",
    "nested if": f"{HEAD} {STATES} reg [1:0] state; always @(posedge clk) if (rst) state <= IDLE; else begin "
    "if (state == IDLE) begin if (go) state <= RUN; end else if (state == RUN) begin if (stop) state <= IDLE; else if "
    "(d == 4'd7) state <= WAIT; else if (d > 4'd9) state <= DONE; end else if (state == WAIT) begin if (go && !stop) "
    f"state <= d[0] ? RUN : DONE; end else state <= IDLE; end {OUT} endmodule",
    "casez": f"{HEAD} {STATES} reg [1:0] state; always @(posedge clk) if (rst) state <= IDLE; else casez "
    "({state, go, stop, d}) {IDLE, 6'b1?????}: state <= RUN; {RUN, 6'b?1????}: state <= IDLE; {RUN, 6'b?00111}: state "
    "<= WAIT; {RUN, 6'b?0101?}, {RUN, 6'b?011??}: state <= DONE; {WAIT, 6'b10???1}: state <= RUN; {WAIT, 6'b10???0}: "
    f"state <= DONE; {{DONE, 6'b??????}}: state <= IDLE; endcase {OUT} endmodule",
    "function": f"{HEAD} {STATES} reg [1:0] state; function [1:0] following(input [1:0] s, input go, stop, input [3:0] "
    f"d); begin following = s; {case('s', 'following =')} end endfunction always @(posedge clk) if (rst) state <= "
    f"IDLE; else state <= following(state, go, stop, d); {OUT} endmodule",
}
MOVES = {
    ("IDLE", "RUN"): "go",
    ("RUN", "IDLE"): "stop",
    ("RUN", "WAIT"): "!stop && d == 4'd7",
    ("RUN", "DONE"): "!stop && d != 4'd7 && d > 4'd9",
    ("WAIT", "RUN"): "go && !stop && d[0]",
    ("WAIT", "DONE"): "go && !stop && !d[0]",
    ("DONE", "IDLE"): "1'b1",
}


@pytest.fixture(scope="module", autouse=True)
def _deep() -> None:
    """Raise the recursion limit before hypothesis looks at it."""
    sys.setrecursionlimit(max(sys.getrecursionlimit(), RECURSION_LIMIT))


Members = Callable[[str], Mapping[tuple[int, int], Signal]]


def design_of(text: str) -> Elaborated:
    return elaborate({"m.sv": text.encode()}, top="m")


def machine_of(text: str, **options: float) -> StateMachine:
    design = design_of(text)
    (machine,) = state_machines(design, design.top, **options)
    return machine


def values_of(
    view: ModuleIR, machine: StateMachine, texts: list[str], samples: Samples, members: Members
) -> list[np.ndarray]:
    """Return the value of every Verilog text over the samples, as slang reads it in a module of its own."""
    signals = {n: s for n, s in view.signals.items() if s.depth is None and n in samples.values}
    plain = {n: re.sub(r"\W", "_", n) for n in sorted(signals, key=len, reverse=True)}
    constants = {n: (v, s.width) for s in view.signals.values() for v, n in s.enumerators}
    constants |= {s.name: (s.code, machine.width) for s in machine.states if s.name.isidentifier()}
    parts = [(n, low, m) for n in signals for (low, _), m in members(n).items() if any(m.name in t for t in texts)]
    plain = {m.name: re.sub(r"\W", "_", m.name) for _, _, m in sorted(parts, key=lambda p: -len(p[2].name))} | plain
    constants |= {n: (v, m.width) for _, _, m in parts for v, n in m.enumerators}
    ports = [f"input {'signed' if s.signed else ''} [{s.width - 1}:0] {plain[n]}" for n, s in signals.items()]
    lines = [f"localparam [{w - 1}:0] {n} = {w}'d{v};" for n, (v, w) in constants.items() if n not in plain]
    for name, low, member in parts:
        lines.append(f"wire [{member.width - 1}:0] {plain[member.name]}; ")
        lines.append(f"assign {plain[member.name]} = {plain[name]}[{low} +: {member.width}];")
    for index, text in enumerate(texts):
        for name in (n for n in plain if plain[n] != n):
            text = text.replace(name, plain[name])
        lines.append(f"wire c{index}; assign c{index} = {text};")
    check = word_level(elaborate({"c.sv": f"module c({', '.join(ports)}); {' '.join(lines)} endmodule".encode()}))[0]
    inputs = {plain[n]: samples.values[n] for n in signals}
    terms = expand([check.combinational[f"c{i}"] for i in range(len(texts))], check.combinational)
    return evaluate_terms(terms, inputs, samples.count)


def check_exact(view: ModuleIR, machine: StateMachine, samples: Samples, members: Members = lambda _: {}) -> int:
    """Check conditions against the next value of the register; return at how many points a state was left."""
    code = {s.name: s.code for s in machine.states}
    resets = [r for r in machine.resets if r.kind == "synchronous"]
    texts = [*(t.condition for t in machine.transitions), *(r.condition for r in resets)]
    values = values_of(view, machine, texts, samples, members)
    now, following = samples.values[machine.register], samples.next[machine.register]
    quiet = np.ones(samples.count, dtype=bool)
    for reset, active in zip(resets, values[len(machine.transitions) :], strict=True):
        assert (following[active == 1] == code[reset.state]).all()
        quiet &= active == 0
    left = 0
    for state in machine.states:
        here = quiet & (now == state.code)
        if not state.reachable:
            continue
        moves = [(t, v) for t, v in zip(machine.transitions, values, strict=False) if t.source == state.name]
        assert (sum((v[here] for _, v in moves), np.zeros(here.sum(), np.uint64)) == 1).all(), state.name
        for transition, value in moves:
            taken = here & (value == 1)
            assert (following[taken] == code[transition.target]).all(), transition
            left += int(taken.sum()) if transition.source != transition.target else 0
    return left


def check(text: str, **options: float) -> list[StateMachine]:
    """Check every machine of the top on points reached in simulation and, where exact, on any points."""
    design = design_of(text)
    view = body_view(design, design.top.body)
    reached = simulate(view, traces=64, cycles=64, keep=1500).samples
    members = BodyText(design, design.top.body).members
    found = state_machines(design, design.top, **options)
    for machine in found:
        assert machine.complete, machine.transitions
        assert check_exact(view, machine, reached, members) > 0
        if machine.exact:
            check_exact(view, machine, sample_module(view, 1500), members)
    return found


@pytest.mark.parametrize("style", STYLES)
def test_every_style_gives_the_same_machine(style: str) -> None:
    (machine,) = check(STYLES[style])
    assert machine.exact
    assert machine.register == "state"
    assert [s.name for s in machine.states] == ["IDLE", "RUN", "WAIT", "DONE"]
    assert machine.style == ("one-hot" if style == "one-hot" else "binary")
    assert [r.state for r in machine.resets] == ["IDLE"]
    assert {(t.source, t.target) for t in machine.transitions if t.source != t.target} == set(MOVES)
    assert machine.self_loops == ("IDLE", "RUN", "WAIT")
    assert (machine.unreachable, machine.dead_ends) == ((), ())


@pytest.mark.parametrize("style", ["one process", "two processes", "enum, safe default", "nested if", "function"])
def test_conditions_read_like_the_source(style: str) -> None:
    moves = {(t.source, t.target): t.condition for t in machine_of(STYLES[style]).transitions}
    assert {k: v for k, v in moves.items() if k[0] != k[1]} == MOVES
    assert moves["IDLE", "IDLE"] == "!go"
    assert moves["RUN", "RUN"] == "!stop && d != 4'd7 && d <= 4'd9"
    assert moves["WAIT", "WAIT"] == "!go || stop"


@pytest.mark.parametrize("style", [s for s in STYLES if s not in ("one-hot", "casez", "function")])
def test_the_text_alone_gives_the_same_moves(style: str) -> None:
    (machine,) = check(STYLES[style], limit_s=0)
    assert not machine.exact
    assert "time limit" in machine.problem or "not understood" in machine.problem
    assert {(t.source, t.target) for t in machine.transitions if t.source != t.target} == set(MOVES)
    assert [r.state for r in machine.resets] == ["IDLE"]


@pytest.mark.parametrize(
    ("style", "kind", "condition"),
    [
        ("one process", "synchronous", "rst"),
        ("two processes", "asynchronous", "rst"),
        ("enum, safe default", "asynchronous", "!rst"),
    ],
)
@pytest.mark.parametrize("limit_s", [5.0, 0.0])
def test_resets_say_which_signal_and_level(style: str, kind: str, condition: str, limit_s: float) -> None:
    (reset,) = machine_of(STYLES[style], limit_s=limit_s).resets
    assert (reset.kind, reset.condition, reset.state) == (kind, condition, "IDLE")


def test_places_outputs_and_clock() -> None:
    text = STYLES["two processes"]
    machine = machine_of(text)
    states = {s.name: s for s in machine.states}
    assert (machine.file, machine.line, machine.clock, machine.edge) == ("m.sv", 1, "clk", "pos")
    lines = text.splitlines()
    assert all(lines[s.line - 1].strip().startswith(f"{s.name}:") for s in machine.states)
    assert [s.line for s in machine.states] == sorted({s.line for s in machine.states})
    assert dict(states["RUN"].outputs) == {"busy": "1'd1", "led": "2'd2"}
    assert dict(states["WAIT"].outputs) == {"busy": "1'd0", "led": "2'd3"}
    assert dict(states["IDLE"].outputs) == {"busy": "1'd0"}


def test_unreachable_and_dead_states_are_named() -> None:
    text = STYLES["enum, safe default"].replace("DONE: next = IDLE;", "DONE: ;").replace("next = WAIT", "next = DONE")
    machine = machine_of(text)
    assert machine.unreachable == ("WAIT",)
    assert machine.dead_ends == ("DONE",)
    assert not any("WAIT" in (t.source, t.target) for t in machine.transitions)


def test_a_state_without_a_name_is_its_code() -> None:
    text = """module m(input clk, rst, a, output y); reg [2:0] s;
      always @(posedge clk) if (rst) s <= 3'd1;
        else case (s) 3'd1: if (a) s <= 3'd2; 3'd2: s <= 3'd4; default: s <= 3'd1; endcase
      assign y = s == 3'd4; endmodule"""
    (machine,) = check(text)
    assert [s.name for s in machine.states] == ["3'd1", "3'd2", "3'd4"]
    assert machine.style == "one-hot"
    data = json.loads(json.dumps(machine.to_dict()))
    assert data["states"][2] == {
        "name": "3'd4", "code": "3'h4", "reachable": True, "dead_end": False, "file": "m.sv", "line": 4,
        "outputs": {"y": "1'd1"},
    }  # fmt: skip
    assert data["transitions"][0] == {"source": "3'd1", "target": "3'd1", "condition": "!a", "complete": True}


def test_one_bit_machines_with_names_count_and_flags_do_not() -> None:
    text = """module m(input clk, rst, go, done, set, clr, output y, output reg f);
      typedef enum logic {OFF, ON} s_t; s_t s;
      always_ff @(posedge clk) if (rst) s <= OFF; else case (s) OFF: if (go) s <= ON; ON: if (done) s <= OFF; endcase
      always_ff @(posedge clk) if (rst) f <= 0; else if (set) f <= 1; else if (clr) f <= 0;
      assign y = s == ON; endmodule"""
    (machine,) = check(text)
    assert machine.register == "s"


def test_counters_shifters_and_loaded_registers_are_no_machines() -> None:
    text = """module m(input clk, rst, en, d, input [1:0] op, output reg [2:0] n, q, output reg [1:0] o, output z);
      typedef enum logic [1:0] {ADD, SUB, AND, OR} op_t; op_t held; localparam LAST = 3'd7, FIRST = 3'd0;
      always_ff @(posedge clk) if (rst) n <= FIRST; else if (n == LAST) n <= FIRST; else n <= n + 3'd1;
      always_ff @(posedge clk) if (rst) q <= 3'd0; else q <= {q[1:0], d};
      always_ff @(posedge clk) if (rst) held <= ADD; else if (en) held <= op_t'(op);
      always_ff @(posedge clk) if (rst) o <= 2'd0; else if (en) o <= d ? 2'd1 : 2'd2;
      assign z = held == SUB; endmodule"""
    design = design_of(text)
    assert state_machines(design, design.top) == []
    assert state_machines(design, design.top, limit_s=0) == []


def test_conditions_keep_names_of_signals_that_do_not_depend_on_the_state() -> None:
    text = """module m(input clk, rst, input [7:0] a, b, output y);
      typedef enum logic [1:0] {A, B, C} s_t; s_t s, n; logic fits; assign fits = a + b < 8'd40;
      always_ff @(posedge clk or posedge rst) if (rst) s <= A; else s <= n;
      always_comb begin n = s;
        unique case (s) A: if (fits) n = B; B: n = fits ? C : A; C: if (a == b) n = A; endcase end
      assign y = s == C; endmodule"""
    (machine,) = check(text)
    assert {t.condition for t in machine.transitions} == {"fits", "!fits", "a == b", "a != b"}


def test_members_of_structures_have_their_names() -> None:
    text = """typedef enum logic [1:0] {LOAD, STORE, FLUSH} op_t; typedef struct packed {logic v; op_t op;} part_t;
    typedef struct packed {part_t [1:0] lane; logic [3:0] tag; logic valid;} req_t;
    module m(input clk, rst, input req_t req, input [1:0] n, input [9:0] v, output y);
      typedef enum logic [1:0] {A, B, C, D} s_t; s_t s;
      always_ff @(posedge clk) if (rst) s <= A; else case (s)
        A: if (req.valid && req.lane[1].op == STORE) s <= B;
        B: if (req.tag[2]) s <= C; else if (req.lane[0].v) s <= D;
        C: if (req.tag == 4'd3) s <= A;
        D: if (v[n +: 2] == 2'd3) s <= A;
      endcase
      assign y = s == C; endmodule"""
    (machine,) = check(text)
    moves = {(t.source, t.target): t.condition for t in machine.transitions}
    assert moves["A", "B"] == "req.valid && req.lane[1].op == STORE"
    assert moves["B", "D"] == "req.lane[0].v && !req.tag[2]"
    assert moves["C", "A"] == "req.tag == 4'd3"


def test_what_the_view_cannot_take_is_read_off_the_text() -> None:
    text = """interface bus_if; logic valid, ready; endinterface
    module child(bus_if bus, input clk, rst, output logic y);
      typedef enum logic [1:0] {A, B, C} s_t; s_t s, n;
      always_ff @(posedge clk or negedge rst) if (!rst) s <= A; else s <= n;
      always_comb begin n = s; y = 0;
        case (s)
          A: n = (bus.valid) ? B : A;
          B: begin y = 1; if (bus.ready && !bus.valid) n = C; end
          default: n = A;
        endcase
      end endmodule
    module m(input clk, rst, output y); bus_if bus(); child u(.bus, .clk, .rst, .y); endmodule"""
    design = design_of(text)
    assert state_machines(design, design.top) == []
    child = next(i for i in design.top.body if i.kind.name == "Instance" and i.name == "u")
    (machine,) = state_machines(design, child)
    assert not machine.exact
    assert machine.problem == "n: HierarchicalValue"
    moves = {(t.source, t.target): t.condition for t in machine.transitions}
    assert moves == {
        ("A", "A"): "!bus.valid",
        ("A", "B"): "bus.valid",
        ("B", "B"): "bus.valid || !bus.ready",
        ("B", "C"): "!bus.valid && bus.ready",
        ("C", "A"): "1'b1",
    }
    assert [(r.kind, r.condition, r.state) for r in machine.resets] == [("asynchronous", "!rst", "A")]


def test_two_bodies_of_one_module_differ_by_their_parameters() -> None:
    text = """module c #(parameter bit FAST = 0)(input clk, rst, go, output y);
      localparam A = 2'd0, B = 2'd1, C = 2'd2; reg [1:0] s;
      always @(posedge clk) if (rst) s <= A; else case (s) A: if (go) s <= FAST ? C : B; B: s <= C; C: s <= A; endcase
      assign y = s == C; endmodule
    module m(input clk, rst, go, output y, z);
      c #(0) u(clk, rst, go, y); c #(1) v(clk, rst, go, z); endmodule"""
    design = design_of(text)
    bodies = [i for i in design.top.body if i.kind.name == "Instance"]
    machines = [state_machines(design, b)[0] for b in bodies]
    assert [m.unreachable for m in machines] == [(), ("B",)]
    assert [m.path for m in machines] == ["m.u", "m.v"]


@pytest.mark.parametrize(
    ("codes", "moves", "style"),
    [
        ([0, 1, 2], [(0, 1)], "binary"),
        ([1, 2, 4], [], "one-hot"),
        ([0, 1, 2, 4], [], "one-hot"),
        ([0, 1, 3, 2], [(0, 1), (1, 3)], "gray"),
        ([0, 2, 1], [(0, 2), (2, 1)], "binary"),
        ([1, 6, 9], [(1, 6)], "other"),
    ],
)
def test_styles_of_encoding(codes: list[int], moves: list[tuple[int, int]], style: str) -> None:
    assert style_of(codes, moves) == style


FIXTURES = sorted(p.parent.name for p in Path(__file__).parents[1].glob("equivalence/fixtures/fsm/*/before.sv"))


@pytest.mark.parametrize("name", [n for n in FIXTURES if n != "latch_next"])
def test_designs_move_as_their_conditions_say(name: str, repository: Path) -> None:
    source = (repository / "tests/equivalence/fixtures/fsm" / name / "before.sv").read_bytes()
    design = elaborate({"m.sv": source})
    view = body_view(design, design.top.body)
    found = state_machines(design, design.top)
    assert found
    reached = simulate(view, traces=64, cycles=64, keep=1000).samples
    for machine in found:
        assert machine.exact
        assert machine.complete
        check_exact(view, machine, reached)
        check_exact(view, machine, sample_module(view, 1000))


def test_picorv32_moves_as_its_conditions_say() -> None:
    found = importlib.util.find_spec("pythondata_cpu_picorv32")
    if found is None or found.origin is None:
        pytest.skip("needs picorv32: pip install pythondata-cpu-picorv32")
    source = Path(found.origin).parent / "verilog" / "picorv32.v"
    design = elaborate({"picorv32.v": source.read_bytes()}, top="picorv32", parameters={"ENABLE_IRQ": "1"})
    view = body_view(design, design.top.body)
    machines = {m.register: m for m in state_machines(design, design.top)}
    assert set(machines) == {"cpu_state", "mem_state", "irq_state"}
    cpu = machines["cpu_state"]
    assert (cpu.style, cpu.dead_ends, cpu.resets[0].state) == ("one-hot", ("cpu_state_trap",), "cpu_state_fetch")
    samples = simulate(view, traces=32, cycles=100, keep=1000).samples
    for machine in machines.values():
        assert machine.exact
        check_exact(view, machine, samples)


CONDITIONS = st.recursive(
    st.sampled_from(["a", "b", "!c", "x == 3'd5", "x == 3'd2", "x > 3'd4", "x[0]", "y != x", "|y", "x + 3'd1 == y"]),
    lambda c: st.builds(lambda left, o, right: f"({left} {o} {right})", c, st.sampled_from(["&&", "||"]), c),
    max_leaves=4,
)


def bodies(count: int) -> st.SearchStrategy[str]:
    leaf = st.builds(lambda s: f"n = S{s};", st.integers(0, count - 1)) | st.just(";")
    return st.recursive(
        leaf,
        lambda b: (
            st.builds(lambda c, t, e: f"begin if ({c}) {t} else {e} end", CONDITIONS, b, b)
            | st.builds(lambda f, s: f"begin {f} {s} end", b, b)
        ),
        max_leaves=5,
    )


@st.composite
def sources(draw: st.DrawFn) -> str:
    count = draw(st.integers(2, 5))
    codes = draw(st.permutations(range(8)))[:count]
    hot = draw(st.booleans())
    width = count if hot else 3
    names = ", ".join(f"S{i} = {width}'d{1 << i if hot else c}" for i, c in enumerate(codes))
    onward = [f"if ({draw(CONDITIONS)}) n = S{(i + 1) % count};" for i in range(count)]
    items = " ".join(f"S{i}: begin {onward[i]} {draw(bodies(count))} end" for i in range(count))
    edge = draw(st.sampled_from(["posedge clk", "posedge clk or posedge rst"]))
    return f"""module m(input clk, rst, a, b, c, input [2:0] x, y, output z); localparam {names};
      reg [{width - 1}:0] s, n;
      always @({edge}) if (rst) s <= S0; else s <= n;
      always @* begin n = s; case (s) {items} default: n = S0; endcase end
      assign z = s == S1; endmodule"""


@settings(max_examples=60)
@given(sources())
def test_random_machines_move_as_their_conditions_say(text: str) -> None:
    design = design_of(text)
    view = body_view(design, design.top.body)
    points = [simulate(view, traces=32, cycles=24, keep=400).samples, sample_module(view, 400)]
    for limit_s in (5.0, 0.0):
        for machine in state_machines(design, design.top, limit_s=limit_s):
            assert machine.exact == bool(limit_s)
            for samples in points if machine.complete else []:
                check_exact(view, machine, samples)
