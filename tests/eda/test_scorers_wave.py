"""Where a failing candidate first differs from the reference, seen in real simulations."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtlgen.benchmarks.waveform import number, waveform
from rtlgen.core.store import Store
from rtlgen.scorers.problem import Problem
from rtlgen.scorers.simulation import Judge
from rtlgen.scorers.wave import Wave, Waves, picture
from rtlgen.synth.ppa.vcd import Variable

pytestmark = pytest.mark.eda

BENCH = """`timescale 1ns/1ps
module tb;
  reg clk = 0, rst = 1; reg [3:0] step = 1; wire [3:0] good, n; integer bad = 0, seen = 0;
  always #5 clk = ~clk;
  Ref r (.clk(clk), .rst(rst), .step(step), .n(good));
  Counter c (.clk(clk), .rst(rst), .step(step), .n(n));
  initial begin
    #12 rst = 0;
    repeat (20) begin
      @(negedge clk);
      seen = seen + 1;
      if (n !== good) begin
        if (bad == 0) $display("First mismatch occurred at time %0d.", $time);
        bad = bad + 1;
      end
    end
    $display("Mismatches: %0d in %0d samples", bad, seen);
    $finish;
  end
endmodule
"""
HEAD = "(input clk, input rst, input [3:0] step, output reg [3:0] n);\n"
REFERENCE = f"module Ref {HEAD}  always @(posedge clk) n <= rst ? 0 : n + step;\nendmodule\n"
PROBLEM = Problem(
    id="counter", top="Counter", testbench=BENCH, tb_top="tb", reference=REFERENCE, reference_top="Ref",
    reference_in_testbench=True, verdict=r"^Mismatches: (\d+) in (\d+) samples$",
)  # fmt: skip
SATURATES = f"module Counter {HEAD}  always @(posedge clk) n <= rst ? 0 : n == 9 ? 9 : n + step;\nendmodule\n"


def wave_of(source: str, store: Store | None = None) -> Wave | None:
    judge = Judge()
    return Waves(judge.stage, store=store).of(PROBLEM, source, judge.judge(PROBLEM, source))


def test_the_first_difference_is_found_with_its_values() -> None:
    wave = wave_of(SATURATES)
    assert wave is not None
    lanes = {lane.name: lane for lane in wave.lanes}
    assert list(lanes) == ["clk", "rst", "step", "n"]
    n = lanes["n"]
    assert (n.expected[wave.at], n.values[wave.at]) == ("1010", "1001")
    assert n.expected[: wave.at] == n.values[: wave.at]
    assert lanes["clk"].expected == () and lanes["clk"].values[wave.at] == "1"
    assert lanes["step"].values[wave.at] == "0001"


@pytest.mark.parametrize(
    "source",
    [
        SATURATES.replace("Counter (", "Counter("),
        "`define NINE 9\n" + SATURATES.replace("n == 9", "n == `NINE"),
        SATURATES.replace("endmodule", "endmodule : Counter"),
        "module Counter (clk, rst, step, n);\ninput clk, rst; input [3:0] step; output [3:0] n; reg [3:0] n;\n"
        "always @(posedge clk) n <= rst ? 0 : n == 9 ? 9 : n + step;\nendmodule\n",
    ],
)
def test_other_ways_to_write_it_show_the_same(source: str) -> None:
    assert wave_of(source) == wave_of(SATURATES)


@pytest.mark.parametrize(
    "source",
    [
        REFERENCE.replace("Ref", "Counter"),
        f"module Counter {HEAD} assign n = ; endmodule",
        f'module Counter {HEAD} initial $dumpfile("x"); endmodule',
    ],
)
def test_nothing_is_shown_of_what_passes_or_does_not_run(source: str) -> None:
    assert wave_of(source) is None


def test_a_difference_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    first = wave_of(SATURATES, store)
    monkeypatch.setattr(Waves, "_find", lambda *_: pytest.fail("it was there"))
    assert first is not None and wave_of(SATURATES, store) == first


def test_the_picture_is_whole_and_marks_what_is_wrong() -> None:
    wave = wave_of(SATURATES)
    assert wave is not None
    root = ET.fromstring(waveform(wave))
    texts = ["".join(t.itertext()) for t in root.iter("text")]
    assert {"clk", "step[3:0]", "n expected", "n got", str(wave.times[wave.at])} <= set(texts)
    wrong = [p for p in root.iter("polygon") if p.get("class") == "box wrong"]
    assert wrong and "".join(wrong[0].itertext()) == "9"


VALUES = st.lists(st.tuples(st.integers(0, 30), st.text("01x", min_size=3, max_size=3)), max_size=8)


@given(gold=VALUES, gate=VALUES)
def test_the_first_difference_is_the_first(gold: list[tuple[int, str]], gate: list[tuple[int, str]]) -> None:
    sides = []
    for changes in (gold, gate):
        last = dict(sorted(changes, key=lambda c: c[0]))
        sides.append(Variable((2, 1, 0), sorted(last.items())))

    def at(variable: Variable, time: int) -> str:
        return next((v for t, v in reversed(variable.changes) if t <= time), "xxx")

    def differs(time: int) -> bool:
        return any(e in "01" and e != a for e, a in zip(at(sides[0], time), at(sides[1], time), strict=True))

    expected = next((t for t in range(31) if differs(t)), None)
    found = picture({"y": sides[0]}, {"y": sides[1]}, ["y"], ["y"], None)
    assert (found is None) == (expected is None)
    if found is not None:
        assert found.times[found.at] == expected
        assert found.lanes[0].values[found.at] == at(sides[1], found.times[found.at])


@given(st.integers(0, 2**70), st.integers(0, 6))
def test_numbers_are_read_as_written(value: int, more: int) -> None:
    assert int(number(f"{'0' * more}{value:b}"), 16) == value
