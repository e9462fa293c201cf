"""Gate evaluation, activity and power against figures worked out by hand on a library of round numbers."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from rtlgen.core.errors import InputError
from rtlgen.synth.liberty import Library, read_library
from rtlgen.synth.ppa.activity import default_activity, read_activity
from rtlgen.synth.ppa.gates import Gate, evaluate, has_loop, in_order, simulate_registers, split
from rtlgen.synth.ppa.netlist import Netlist, clock_nets, net_names, read_netlist
from rtlgen.synth.ppa.power import Energies, net_loads, own_power

# 2 V, pF, ns, nW; energies in pF V^2 = pJ
LIBERTY = """library (round) {
  delay_model : table_lookup; time_unit : "1ns"; voltage_unit : "1V"; current_unit : "1mA";
  leakage_power_unit : "1nW"; pulling_resistance_unit : "1kohm"; capacitive_load_unit (1, pf);
  nom_voltage : 2; nom_process : 1; nom_temperature : 25;
  power_lut_template (by_load) { variable_1 : input_transition_time; variable_2 : total_output_net_capacitance;
    index_1 ("0.1, 0.2"); index_2 ("0.0, 0.1"); }
  cell (INV) { area : 1; cell_leakage_power : 5;
    pin (A) { direction : input; capacitance : 0.01; }
    pin (Y) { direction : output; function : "!A";
      timing () { related_pin : "A"; }
      internal_power () { related_pin : "A";
        rise_power (by_load) { values ("1, 2", "0.002, 0.012"); }
        fall_power (by_load) { values ("1, 2", "0.004, 0.014"); } } } }
  cell (BUF) { area : 1; pin (A) { direction : input; capacitance : 0.01; }
    pin (Y) { direction : output; function : "A"; timing () { related_pin : "A"; } } }
  cell (NAND2) { area : 2; cell_leakage_power : 7;
    pin (A) { direction : input; capacitance : 0.02; } pin (B) { direction : input; capacitance : 0.02; }
    pin (Y) { direction : output; function : "!(A B)"; timing () { related_pin : "A"; } } }
  cell (DFF) { area : 5; cell_leakage_power : 11; ff (IQ, IQN) { clocked_on : "CK"; next_state : "D"; clear : "!RN"; }
    pin (D) { direction : input; capacitance : 0.01; } pin (RN) { direction : input; capacitance : 0.01; }
    pin (CK) { direction : input; capacitance : 0.03; clock : true; }
    pin (Q) { direction : output; function : "IQ"; timing () { related_pin : "CK"; timing_type : rising_edge; } }
    pin (QN) { direction : output; function : "IQN"; timing () { related_pin : "CK"; timing_type : rising_edge; } } }
}
"""


@pytest.fixture
def library(tmp_path: Path) -> Library:
    path = tmp_path / "round.lib"
    path.write_text(LIBERTY)
    return read_library(path)


def netlist(
    cells: dict[str, tuple[str, dict[str, int | str]]], inputs: dict[str, int], outputs: dict[str, int]
) -> Netlist:
    """Return a netlist in the form that Yosys writes it."""
    ports = {name: {"direction": "input", "bits": [bit]} for name, bit in inputs.items()}
    ports |= {name: {"direction": "output", "bits": [bit]} for name, bit in outputs.items()}
    body = {
        name: {"type": kind, "attributes": {}, "connections": {pin: [bit] for pin, bit in pins.items()}}
        for name, (kind, pins) in cells.items()
    }
    names = {name: {"bits": [bit], "attributes": {}, "hide_name": 0} for name, bit in (inputs | outputs).items()}
    return read_netlist(json.dumps({"modules": {"m": {"ports": ports, "cells": body, "netnames": names}}}), "m")


def chain() -> Netlist:
    return netlist({"u0": ("INV", {"A": 2, "Y": 3}), "u1": ("INV", {"A": 3, "Y": 4})}, {"a": 2}, {"y": 4})


def toggling(name: str, times: int, step: int) -> str:
    """Return a VCD in which `name` changes `times` times, every `step` ns."""
    head = f"$timescale 1ns $end $scope module t $end $var wire 1 ! {name} $end $upscope $end $enddefinitions $end"
    return head + "\n#0\n0!\n" + "".join(f"#{(k + 1) * step}\n{(k + 1) % 2}!\n" for k in range(times))


def test_power_of_two_inverters_by_hand(library: Library, tmp_path: Path) -> None:
    (tmp_path / "a.vcd").write_text(toggling("a", 10, 10))
    report = own_power(chain(), library, library.path, clock_ns=20.0, assumed=False, activity=tmp_path / "a.vcd")
    # two cells of 5 nW
    assert report.leakage_mw == pytest.approx(2 * 5e-6)
    # only the net between them has a load, 0.01 pF at 2 V; 10 transitions in 100 ns
    assert report.switching_mw == pytest.approx(0.5 * 0.01 * 2**2 * 10 / 100)
    # second row (middle slew): 0.003 pJ unloaded, 0.004 pJ at 0.01 pF, rising and falling averaged
    assert report.internal_mw == pytest.approx((0.004 + 0.003) * 10 / 100)
    assert report.internal_mw is not None
    assert report.total_mw == pytest.approx(report.leakage_mw + report.switching_mw + report.internal_mw)
    assert report.sequential_mw == 0
    assert (
        report.activity == "a.vcd, scope t, 5 cycles; 0 of 0 registers as recorded, the others and all gates evaluated"
    )


def test_energy_tables(library: Library) -> None:
    energies = Energies(library.path, library)
    assert energies.known
    assert energies.energy_pj("INV", "Y", 0.05) == pytest.approx(0.008)
    assert energies.energy_pj("INV", "Y", 9.0) == pytest.approx(0.013)  # held at the last load
    assert energies.energy_pj("NAND2", "Y", 0.05) == 0.0
    assert net_loads(chain(), library) == {2: 0.01, 3: 0.01}


def counter() -> Netlist:
    """A two-bit counter with asynchronous clear: q0 toggles, q1 toggles where q0 is 1 (four NAND as XOR)."""
    cells: dict[str, tuple[str, dict[str, int | str]]] = {
        "f0": ("DFF", {"CK": 2, "RN": 3, "D": 5, "Q": 4, "QN": 5}),
        "f1": ("DFF", {"CK": 2, "RN": 3, "D": 10, "Q": 6}),
        "g0": ("NAND2", {"A": 4, "B": 6, "Y": 7}),
        "g1": ("NAND2", {"A": 4, "B": 7, "Y": 8}),
        "g2": ("NAND2", {"A": 6, "B": 7, "Y": 9}),
        "g3": ("NAND2", {"A": 8, "B": 9, "Y": 10}),
    }
    return netlist(cells, {"clk": 2, "rst_n": 3}, {"q0": 4, "q1": 6})


def test_registers_are_simulated_where_they_were_not_recorded(library: Library, tmp_path: Path) -> None:
    head = "$timescale 1ns $end $scope module t $end $var wire 1 ! clk $end $var wire 1 r rst_n $end\n"
    head += "$upscope $end $enddefinitions $end\n"
    edges = "".join(f"#{5 * k}\n{k % 2}!\n" + ("1r\n" if k == 2 else "") for k in range(1, 41))
    (tmp_path / "c.vcd").write_text(head + "#0\n0!\n0r\n" + edges)
    activity = read_activity(tmp_path / "c.vcd", counter(), library, clock_ns=10.0)
    # 20 rising edges, the first one under reset
    assert activity.cycle_ns == pytest.approx(10)
    assert activity.toggles[2] * 20 == pytest.approx(40)
    assert activity.toggles[4] * 20 == pytest.approx(19)
    assert activity.toggles[6] * 20 == pytest.approx(9)
    assert activity.toggles[5] == activity.toggles[4]
    assert activity.source.endswith("0 of 2 registers as recorded, the others and all gates evaluated")


def test_default_activity_holds_resets_and_clocks(library: Library) -> None:
    activity = default_activity(counter(), library)
    assert activity.toggles[2] == 2.0
    assert (activity.toggles[3], activity.duty[3]) == (0.0, 1.0)
    assert activity.toggles[4] == pytest.approx(1.0, abs=0.01)
    assert activity.toggles[6] == pytest.approx(0.5, abs=0.01)
    assert activity == default_activity(counter(), library)
    assert clock_nets(counter(), library) == (2,)


def test_drawn_inputs_have_the_stated_activity(library: Library) -> None:
    activity = default_activity(chain(), library)
    assert activity.toggles[2] == pytest.approx(0.1, abs=0.02)
    assert activity.toggles[4] == activity.toggles[2]
    assert activity.duty[3] == pytest.approx(1 - activity.duty[2])


def test_gated_clocks_count_where_the_enable_passes(library: Library) -> None:
    cells: dict[str, tuple[str, dict[str, int | str]]] = {
        "g": ("NAND2", {"A": 2, "B": 3, "Y": 4}),
        "i": ("INV", {"A": 4, "Y": 5}),
        "f": ("DFF", {"CK": 5, "RN": "1", "D": 6, "Q": 7}),
        "direct": ("DFF", {"CK": 2, "RN": "1", "D": 6, "Q": 8}),
    }
    gated = netlist(cells, {"a": 2, "b": 3, "d": 6}, {"q": 7, "r": 8})
    assert clock_nets(gated, library) == (2,)
    activity = default_activity(gated, library)
    assert activity.toggles[2] == 2.0
    assert activity.toggles[5] == pytest.approx(2 * activity.duty[3])
    del cells["direct"]
    named = netlist(cells, {"en": 3, "clk_i": 2, "d": 6}, {"q": 7})
    assert clock_nets(named, library) == (2,)
    unnamed = netlist(cells, {"a": 2, "b": 3, "d": 6}, {"q": 7})
    assert set(clock_nets(unnamed, library)) == {2, 3}


def test_loops_are_seen(library: Library) -> None:
    cells: dict[str, tuple[str, dict[str, int | str]]] = {
        "g0": ("NAND2", {"A": 2, "B": 4, "Y": 3}),
        "g1": ("INV", {"A": 3, "Y": 4}),
    }
    assert has_loop(netlist(cells, {"a": 2}, {"y": 4}), library)
    assert not has_loop(counter(), library)


def test_waveforms_follow_the_functions() -> None:
    rng = random.Random(1)
    names = ("A", "B", "C", "D")
    waves = {bit: rng.getrandbits(64) for bit in range(4)}
    function = "(A !B) + (C ^ D)"
    result = evaluate([Gate(9, (0, 1, 2, 3), function, names)], waves, 64)[9]
    a, b, c, d = (waves[k] for k in range(4))
    assert result == ((a & ~b) | (c ^ d)) & (2**64 - 1)
    assert evaluate([Gate(9, (0, "1"), "A B", ("A", "B"))], waves, 64)[9] == waves[0]


def test_sampled_simulation_agrees_with_waveforms(library: Library) -> None:
    gates, registers = split(counter(), library)
    clk, rst = bytes(k % 2 for k in range(50)), bytes(int(k > 3) for k in range(50))
    made = simulate_registers(in_order(gates), registers, {2: clk, 3: rst}, 50, every_sample=False)
    count = [made[4][k] + 2 * made[6][k] for k in range(5, 50, 2)]
    assert count == [(k + 1) % 4 for k in range(len(count))]
    assert bytes(1 - v for v in made[4]) == made[5]


def test_activity_of_another_design_is_refused(library: Library, tmp_path: Path) -> None:
    path = tmp_path / "a.vcd"
    path.write_text(toggling("b", 4, 10))
    with pytest.raises(InputError) as caught:
        read_activity(path, chain(), library, clock_ns=1.0)
    assert str(caught.value) == (
        f"{path}: expected a scope with all 1 input bits of 'm', got none; the closest, 't', lacks a; "
        "record the design's ports"
    )


def test_names_prefer_few_levels() -> None:
    nets = {
        "u.long": {"bits": [3, 4], "attributes": {"src": "x.v:1"}},
        "y": {"bits": [4], "attributes": {"src": "x.v:2"}},
    }
    names, declared = net_names({"netnames": nets})
    assert names == {3: ("u.long[0]",), 4: ("y", "u.long[1]")}
    assert declared == {3: "x.v:1", 4: "x.v:2"}
