"""Extraction and minimisation on sources of every style."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtlgen.graphs.frontend.slang import elaborate
from rtlgen.graphs.fsm.extract import Machine, machines
from rtlgen.graphs.wordlevel.build import word_level
from rtlgen.optimizer.fsm.minimize import equivalence_classes

# design: {register: (reachable codes, groups of equivalent states)}
EXPECTED: dict[str, dict[str, tuple[int, list[set[int]]]]] = {
    "elevator": {"cur": (11, [{8, 9}])},
    "gray_candidates": {"ring": (6, [])},
    "handshake": {"state": (4, [{2, 3}])},
    "if_chain_merge": {"q": (6, [{0, 2}, {3, 5}])},
    "lockstep": {"sa": (3, []), "sb": (3, [])},
    "memory_writer": {"state": (4, [])},
    "moore_output_coded": {"state": (5, [])},
    "onehot_case1": {"state": (5, [])},
    "onehot_index": {"state": (4, [])},
    "onehot_walk": {"phase": (8, [])},
    "ps2_style": {"state": (5, [{2, 16}])},
    "latch_next": {"state": (6, [{2, 5}])},
    "open_outputs": {"state": (5, [])},
    "ring_phases": {"phase": (6, [])},
    "reader_of_state": {"st": (4, [])},
    "seq1011_moore": {"state": (5, [])},
    "seq_redundant_mealy": {"st": (4, [{2, 4}])},
    "spi_master": {"count": (8, []), "state": (6, [])},
    "sync_two_process": {"state": (5, [{1, 3}, {2, 4}])},
    "ternary_chain": {"cs": (4, [])},
    "ticket_machine": {"state": (11, [{2, 3}, {9, 10}, {4, 5, 6}])},
    "traffic_light": {"state": (6, []), "timer": (13, [])},
    "two_machines": {"wstate": (4, []), "rstate": (4, [{2, 5}])},
    "uart_rx": {"bit_index": (8, []), "sample": (16, []), "state": (5, [])},
    "unreachable_mode": {"count": (16, []), "state": (4, [])},
    "vending": {"state": (10, [{2, 3}, {4, 5}, {6, 7}])},
}


def found(text: str) -> dict[str, Machine]:
    return {m.name: m for view in word_level(elaborate({"m.sv": text.encode()})) for m in machines(view)}


def merged(machine: Machine) -> list[set[int]]:
    return [set(group) for group in equivalence_classes(machine) if len(group) > 1]


@pytest.mark.parametrize("name", EXPECTED)
def test_every_style_gives_its_reachable_and_equivalent_states(name: str, repository: Path) -> None:
    text = (repository / "tests/equivalence/fixtures/fsm" / name / "before.sv").read_text()
    result = {r: (len(m.codes), merged(m)) for r, m in found(text).items()}
    assert {r: (n, sorted(g, key=min)) for r, (n, g) in result.items()} == {
        r: (n, sorted(g, key=min)) for r, (n, g) in EXPECTED[name].items()
    }


def toggler(clock: str, reset: str) -> str:
    return f"""module m(input clk, rst, go, output y);
      reg [1:0] s;
      always @({clock}) begin {reset} else if (go) s <= s == 2'd1 ? 2'd2 : 2'd1; end
      assign y = s == 2'd2;
    endmodule"""


@pytest.mark.parametrize(
    ("clock", "reset"),
    [
        ("posedge clk", "if (rst) s <= 2'd1;"),
        ("posedge clk or posedge rst", "if (rst) s <= 2'd1;"),
        ("negedge clk or negedge rst", "if (!rst) s <= 2'd1;"),
    ],
)
def test_reset_styles_all_give_the_entry_code(clock: str, reset: str) -> None:
    machine = found(toggler(clock, reset))["s"]
    assert machine.entry == (1,)
    assert set(machine.codes) == {1, 2}


def test_transitions_carry_canonical_guards() -> None:
    machine = found(toggler("posedge clk or posedge rst", "if (rst) s <= 2'd1;"))["s"]
    pool = machine.diagrams
    assert machine.transitions[1].keys() == {1, 2}
    assert machine.transitions[1][2] == machine.transitions[2][1]
    assert pool.neg(machine.transitions[1][1]) == machine.transitions[1][2]


def test_an_initial_value_serves_where_there_is_no_reset() -> None:
    text = """module m(input clk, go, output y);
      reg [1:0] s = 2'd3;
      always @(posedge clk) if (go) s <= s == 2'd3 ? 2'd0 : 2'd3;
      assign y = s[0];
    endmodule"""
    assert found(text)["s"].codes == (3, 0)


def test_a_register_without_reset_or_loaded_with_data_is_no_machine() -> None:
    text = """module m(input clk, rst, input [6:0] d, output reg [6:0] q, output reg [1:0] p);
      always @(posedge clk) if (rst) q <= 7'd0; else q <= d;
      always @(posedge clk) p <= p + 2'd1;
    endmodule"""
    assert found(text) == {}


def test_every_reader_counts_as_an_output() -> None:
    text = """module leaf(input [1:0] x, output y); assign y = ^x; endmodule
    module m(input clk, rst, go, output y, output reg [3:0] n);
      reg [1:0] s;
      always @(posedge clk)
        if (rst) s <= 0; else case (s) 0: if (go) s <= 1; 1: s <= 2; 2: s <= 1; default: s <= 0; endcase
      always @(posedge clk) if (rst) n <= 0; else if (s == 2) n <= n + 4'd1;
      leaf u(.x(s), .y(y));
    endmodule"""
    machine = found(text)["s"]
    assert machine.observers == ("next n", "port u.x")
    assert merged(machine) == []
    assert merged(found(text.replace(".x(s)", ".x({1'b0, s == 0})"))["s"]) == []
    alone = text.replace(".x(s)", ".x({1'b0, s == 0})").replace("if (s == 2)", "if (s != 0)")
    assert merged(found(alone)["s"]) == [{1, 2}]


def test_a_one_hot_machine_is_recognised(repository: Path) -> None:
    folder = repository / "tests/equivalence/fixtures/fsm"
    assert found((folder / "onehot_index/before.sv").read_text())["state"].one_hot
    assert not found((folder / "vending/before.sv").read_text())["state"].one_hot
