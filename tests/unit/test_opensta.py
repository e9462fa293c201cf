"""OpenSTA's script, netlist and output: pure steps, on recorded text of version 2.0.17."""

from __future__ import annotations

import json

import pytest

from rtlgen.synth.liberty import Library, default_library_path, read_library
from rtlgen.synth.ppa.netlist import Netlist, read_netlist
from rtlgen.synth.ppa.opensta import Names, StaStep, parse_paths, parse_power, script, sum_instances, verilog

RECORDED = """
@@ group in2reg
Startpoint: i1 (input port clocked by clk)
Endpoint: u0 (recovery check against rising-edge clock clk)
Path Group: **async_default**
Path Type: max

      Delay        Time   Description
-----------------------------------------------------------------
   0.000000    0.000000 v i1 (in)
               0.034701   data arrival time
               5.091090   slack (MET)


@@ group reg2reg
Startpoint: u0 (falling edge-triggered flip-flop clocked by clk)
Endpoint: u1 (rising edge-triggered flip-flop clocked by clk)
Path Group: clk
Path Type: max

      Delay        Time   Description
-----------------------------------------------------------------
   2.500000    2.500000   clock clk (fall edge)
   0.000000    2.500000   clock network delay (ideal)
   0.000000    2.500000 v u0/CK (DFFN_X1)
   0.486442    2.986442 ^ u0/Q (DFFN_X1)
   0.047058    3.033500 v u2/Y (NOR2_X1)
   0.000000    3.033500 v u1/D (DFF_X1)
               3.033500   data arrival time

   5.000000    5.000000   clock clk (rise edge)
   0.000000    5.000000   clock network delay (ideal)
   0.000000    5.000000   clock reconvergence pessimism
               5.000000 ^ u1/CK (DFF_X1)
  -0.078591    4.921409   library setup time
               4.921409   data required time
-----------------------------------------------------------------
               4.921409   data required time
              -3.033500   data arrival time
-----------------------------------------------------------------
               1.887909   slack (MET)


@@ group reg2out
No paths found.
@@ group in2out
@@ power
Group                    Internal    Switching      Leakage        Total
                            Power        Power        Power        Power
------------------------------------------------------------------------
Sequential           5.286786e-05 4.586716e-07 3.326063e-11 5.332656e-05  74.1%
Combinational        1.461878e-05 4.019157e-06 6.750428e-11 1.863801e-05  25.9%
Macro                0.000000e+00 0.000000e+00 0.000000e+00 0.000000e+00   0.0%
------------------------------------------------------------------------
Total                6.748664e-05 4.477828e-06 1.007649e-10 7.196457e-05 100.0%
                            93.8%         6.2%         0.0%
@@ end
"""


@pytest.fixture(scope="module")
def library() -> Library:
    return read_library(default_library_path())


def design() -> Netlist:
    ports = {
        "clk": {"direction": "input", "bits": [2]},
        'we"ird [x]': {"direction": "input", "bits": [3, 4]},
        "y": {"direction": "output", "bits": [5, "1", 3]},
    }
    cells = {
        "a": {"type": "DFF_X1", "attributes": {}, "connections": {"CK": [2], "D": [6], "Q": [5]}},
        "b": {"type": "AND2_X1", "attributes": {}, "connections": {"A": [3], "B": ["0"], "Y": [6]}},
    }
    names = {"clk": {"bits": [2], "attributes": {}, "hide_name": 0}}
    return read_netlist(json.dumps({"modules": {"m": {"ports": ports, "cells": cells, "netnames": names}}}), "m")


def test_paths_are_read_from_the_launching_edge_and_async_ones_left_out() -> None:
    (path,) = parse_paths(RECORDED)
    assert (path.group, path.start, path.end) == ("reg2reg", "u0", "u1")
    assert path.arrival_ns == pytest.approx(0.5335)
    assert path.setup_ns == pytest.approx(0.078591)
    assert path.slack_ns == pytest.approx(1.887909)
    assert path.steps[1] == StaStep("u0/Q", "DFFN_X1", pytest.approx(0.486442), pytest.approx(0.486442))
    assert [step.point for step in path.steps] == ["u0/CK", "u0/Q", "u2/Y", "u1/D"]


def test_power_rows() -> None:
    power = parse_power(RECORDED)
    assert set(power) == {"Sequential", "Combinational", "Macro", "Total"}
    assert power["Total"].internal_w == 6.748664e-05
    assert power["Total"].leakage_w == 1.007649e-10
    assert parse_power("@@ power\nError: run.tcl, 17 can't use non-numeric floating-point value\n") == {}
    assert parse_power("") == {}


def test_cells_are_added_up_where_the_sum_is_undefined(library: Library) -> None:
    text = "@@ power\nGroup\n@@ instances\nu0 1e-6 2e-6 1e-9 3.001e-6\nu1 -NaN 0.0 2e-9 -NaN\n@@ end\n"
    power = sum_instances(text, design(), library)
    assert power["Sequential"].total_w == pytest.approx(3.001e-6)
    assert power["Combinational"].internal_w == 0.0
    assert power["Total"].leakage_w == pytest.approx(3e-9)
    assert sum_instances("@@ power\n", design(), library) == {}


def test_nothing_of_the_source_reaches_the_files(library: Library) -> None:
    netlist = design()
    names = Names(netlist, library)
    text = verilog(netlist, names)
    assert "we" not in text.replace("wire", "")
    assert text == (
        "module top (i0, i1, i2, o0, o1, o2);\ninput i0;\ninput i1;\ninput i2;\noutput o0;\noutput o1;\noutput o2;\n"
        "wire n5;\nwire n6;\nDFF_X1 u0 (.CK(i0), .D(n6), .Q(n5));\nAND2_X1 u1 (.A(i1), .B(1'b0), .Y(n6));\n"
        "assign o0 = n5;\nassign o1 = 1'b1;\nassign o2 = i1;\nendmodule\n"
    )
    tcl = script(netlist, library, names, clock_ns=2.5, activity=0.1)
    assert 'we"ird' not in tcl
    assert "create_clock -name clk -period 2.5 [list [get_ports i0]]\n" in tcl
    assert "set_input_delay 0 -clock clk [get_ports {i1 i2}]\n" in tcl
    assert 'puts "@@ power"\nif {[catch {report_power -digits 9}]} {\n' in tcl
    assert tcl.endswith('puts "@@ end"\n')


def test_script_without_registers_or_power(library: Library) -> None:
    ports = {"a": {"direction": "input", "bits": [2]}, "y": {"direction": "output", "bits": [3]}}
    cells = {"g": {"type": "INV_X1", "attributes": {}, "connections": {"A": [2], "Y": [3]}}}
    netlist = read_netlist(json.dumps({"modules": {"m": {"ports": ports, "cells": cells, "netnames": {}}}}), "m")
    tcl = script(netlist, library, Names(netlist, library), clock_ns=1.0, activity=None)
    assert "create_clock -name clk -period 1\n" in tcl
    assert "all_registers" not in tcl
    assert tcl.count("report_checks") == 1
    assert "report_power" not in tcl
