"""Bounds of one register by another: found where they hold, and never where they do not."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from rtlgen.graphs.frontend.slang import elaborate
from rtlgen.graphs.wordlevel.build import word_level
from rtlgen.graphs.wordlevel.module import ModuleIR
from rtlgen.graphs.wordlevel.simulate import long_run, simulate
from rtlgen.optimizer.narrow.ranges import register_ranges
from rtlgen.optimizer.narrow.relations import related_ranges

METER = """module m(input clk, rst_n, sig, output reg [15:0] seen);
    reg [15:0] cycles, edges;
    always @(posedge clk or negedge rst_n)
        if (!rst_n) begin
            cycles <= 0;
            edges <= START;
            seen <= 0;
        end else if (cycles == 99) begin
            cycles <= 0;
            edges <= AGAIN;
            seen <= edges;
        end else begin
            cycles <= cycles + 1;
            if (sig) edges <= edges + STEP;
        end
endmodule
"""


def view(start: str = "0", again: str = "0", step: str = "1") -> ModuleIR:
    text = METER.replace("START", start).replace("AGAIN", again).replace("STEP", step)
    return word_level(elaborate({"m.v": text.encode()}))[0]


def high(module: ModuleIR, name: str) -> int:
    ranges = register_ranges(module)
    samples = simulate(module, traces=8, cycles=60).samples
    return related_ranges(module, ranges, samples, time.monotonic() + 5)[name].high


def test_a_count_of_events_is_bounded_by_the_count_of_cycles() -> None:
    assert register_ranges(view())["edges"].high == 0xFFFF
    assert high(view(), "edges") == 99


@pytest.mark.parametrize(("start", "again", "step"), [("1", "0", "1"), ("0", "3", "1"), ("0", "0", "2")])
def test_a_count_that_can_overtake_is_not_bounded(start: str, again: str, step: str) -> None:
    assert high(view(start, again, step), "edges") == 0xFFFF


def test_a_count_that_is_not_reset_with_the_other_is_not_bounded() -> None:
    text = METER.replace("START", "0").replace("AGAIN", "edges").replace("STEP", "1")
    assert high(word_level(elaborate({"m.v": text.encode()}))[0], "edges") == 0xFFFF


def test_one_long_run_serves_all_who_ask_about_a_view() -> None:
    module = view()
    with ThreadPoolExecutor(4) as threads:
        runs = list(threads.map(lambda _: long_run(module), range(4)))
    assert all(run is runs[0] for run in runs)
    assert runs[0].extents["cycles"].high == 99
    assert long_run(view()) is not runs[0]
    assert long_run(module, seed=1) is not runs[0]
