"""Commands of the baseline flow, and what its results are read from."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtlgen.core.errors import InputError, ToolOutputError
from rtlgen.synth.flow import script
from rtlgen.synth.flow.parse import count_states, parse_delay, parse_stat
from rtlgen.synth.yosys.messages import first_error

OPTIONS = script.FlowOptions("top", {"W": "8"}, [Path("/inc")], [("A", ""), ("B", "2")])


def test_read_commands() -> None:
    assert script.read_commands(["a.v", "b.v"], OPTIONS, "slang") == [
        "read_slang --top top -G W=8 -I /inc -D A -D B=2 a.v b.v"
    ]
    assert script.read_commands(["a.v"], OPTIONS, "verilog") == [
        "read_verilog -sv -defer -I/inc -DA -DB=2 a.v",
        "hierarchy -check -top top -chparam W 8",
    ]


def test_map_commands_write_the_default_script_out() -> None:
    commands = script.map_commands(Path("/l.lib"), Path("/s.lib"), 1.5)
    assert commands == [
        'dfflibmap -liberty "/s.lib"',
        'abc -liberty "/l.lib" -D 1500 -script "+strash;&get,-n;&fraig,-x;&put;scorr;dc2;dretime;retime,-o,{D};strash;'
        '&get,-n;&dch,-f;&nf,{D};&put;stime,-p"',
        "opt_clean",
    ]
    assert " -D " not in script.map_commands(Path("/l.lib"), Path("/s.lib"), None)[1]


@pytest.mark.parametrize("top", ["a b", "m;exec", "", "1m", 'm"', "\\m"])
def test_names_that_yosys_would_misread_are_refused(top: str) -> None:
    with pytest.raises(InputError) as caught:
        script.read_commands(["a.v"], script.FlowOptions(top), "slang")
    assert str(caught.value) == f"expected a Verilog identifier as top module, got {top!r}; give a plain name"


def test_case_attributes_choose_the_reader_that_knows_them() -> None:
    assert script.reader_order(["module m; endmodule"]) == ("slang", "verilog")
    assert script.reader_order(["(* full_case, parallel_case *) case (x) endcase"]) == ("verilog", "slang")
    assert script.reader_order(["case (x) // synopsys full_case"]) == ("verilog", "slang")
    assert script.reader_order(["// this is no full case\nreg full_case;"]) == ("slang", "verilog")


def test_stat_counts_hardware_only() -> None:
    text = '{"modules": {"\\\\m": {"num_cells_by_type": {"INV": 2, "$scopeinfo": 3, "$print": 1}}}}'
    assert parse_stat(text, "m") == {"INV": 2}
    with pytest.raises(ToolOutputError, match=r"^expected `stat -json` output with module 'm', got 'no'"):
        parse_stat("no", "m")


def test_states_and_delay() -> None:
    assert count_states({"$_DFF_P_": 2, "$_SDFFCE_PP0P_": 3, "$_DLATCH_P_": 4, "$_AND_": 9}) == (5, 4)
    log = "ABC: WireLoad = x Delay = 10.00 ps (1)\nABC: WireLoad = x Delay =   216.79 ps  ( 31 %)\n"
    assert parse_delay(log) == pytest.approx(0.21679)
    assert parse_delay("nothing mapped") is None


def test_first_error_prefers_the_one_with_a_place() -> None:
    assert first_error("ERROR: 'm' is not a top\nERROR: elaboration failed\n") == "'m' is not a top"
    assert first_error("x.v:3: ERROR: bad\nERROR: elaboration failed\n") == "x.v:3: bad"
    assert first_error("fine\n") is None
