"""`rtlgen index` and `rtlgen graph` as a user runs them, on a small system."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from rtlgen.cli import cli, main

FIXTURE = Path(__file__).resolve().parents[1] / "fixtures" / "repository"


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("cli") / "system"
    shutil.copytree(FIXTURE, root)
    result = _run("index", str(root))
    assert result.exit_code == 0, result.output
    return root


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["--display", "none", *arguments], catch_exceptions=False)


def _ask(root: Path, *arguments: str) -> Any:
    result = _run("graph", "--db", str(root), *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_index_says_what_it_found(tmp_path: Path) -> None:
    shutil.copytree(FIXTURE, tmp_path / "system")
    result = _run("index", str(tmp_path / "system"))
    assert "8 files, 114 lines: 8 parsed, 0 gone; 8 with a clean tree" in result.stdout
    assert "tops system: 6 modules elaborated (6 changed), 6 instances" in result.stdout
    again = json.loads(_run("index", str(tmp_path / "system"), "--json").stdout)
    assert (again["changed"], again["elaborated"], again["tops"]) == (0, False, ["system"])


def test_drivers_name_statement_place_and_clock(system: Path) -> None:
    (driver, reset) = sorted(_ask(system, "drivers", "system.u_control.state"), key=lambda d: d["text"], reverse=True)
    assert driver["text"] == "state <= state_d;"
    assert driver["kind"] == "always_ff"
    assert driver["clock"] == "system.u_control.clk"
    assert driver["place"] == {"file": "rtl/control.sv", "line": 27}
    assert reset["text"] == "state <= IDLE;"


def test_drivers_go_through_an_interface(system: Path) -> None:
    (driver,) = _ask(system, "drivers", "system.link.data")
    assert (driver["by"], driver["text"]) == ("system.u_producer", "port.data <= value;")


def test_drivers_of_bits_only(system: Path) -> None:
    assert _ask(system, "drivers", "system.request.tag[3:1]")[0:] == []
    (driver,) = _ask(system, "drivers", "system.lanes[1][3:0]")
    assert driver["by"] == "system.g_lane[1].u_lane.out[3:0]"
    assert driver["kind"] == "output port"


def test_loads_tell_what_for(system: Path) -> None:
    loads = _ask(system, "loads", "system.u_control.request.valid")
    assert {(load["role"], load["text"]) for load in loads} == {("control", "request.valid")}


def test_fan_in_is_exact_to_the_bit(system: Path) -> None:
    found = _ask(system, "fanin", "system.low[0]", "--depth", "2", "--stop-at-registers")
    bits = {b["path"] for b in found["bits"]}
    # bit 0 of the result is bit 7 of lane 0, reversed, and bit 0 of lane 1
    assert bits == {
        "system.low[0]", "system.result[0]", "system.lanes[0][7]", "system.lanes[1][0]",
        "system.g_lane[0].u_lane.out[7]", "system.g_lane[1].u_lane.out[0]",
    }  # fmt: skip


def test_fan_out_crosses_instances(system: Path) -> None:
    found = _ask(system, "fanout", "system.request.data[0]", "--depth", "9")
    paths = {b["path"].split("[")[0] for b in found["bits"]}
    assert {"system.u_producer.value", "system.link.data", "system.result"} <= paths


def test_path_shows_the_registers_on_the_way(system: Path) -> None:
    steps = _ask(system, "path", "system.request.data", "system.low")
    assert [s["registered"] for s in steps].count(True) == 2
    result = _run("graph", "--db", str(system), "path", "system.request", "system.result", "--json")
    assert result.exit_code == 0


def test_no_path_is_said(system: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["graph", "--db", str(system), "path", "system.low", "system.request"])
    assert code == 2
    assert "system.request does not depend on system.low" in capsys.readouterr().err


def test_instances_and_tree(system: Path) -> None:
    lanes = _ask(system, "instances", "lane")
    assert [(i["path"], i["parameters"]) for i in lanes] == [
        ("system.g_lane[0].u_lane", {"OFFSET": "0"}),
        ("system.g_lane[1].u_lane", {"OFFSET": "1"}),
    ]
    assert [(r["level"], r["name"]) for r in _ask(system, "tree")] == [
        (0, "system"), (1, "link"), (1, "u_control"), (1, "u_producer"), (1, "g_lane[0].u_lane"),
        (1, "g_lane[1].u_lane"),
    ]  # fmt: skip


def test_clocks_and_resets(system: Path) -> None:
    found = _ask(system, "clocks")
    (domain,) = found["domains"]
    assert (domain["clock"], domain["registers"], domain["edges"]) == ("system.clk", 5, ["pos"])
    assert found["crossings"] == []
    (reset,) = _ask(system, "resets")
    assert (reset["signal"], reset["kind"], reset["active"]) == ("system.rst_n", "asynchronous", "low")


def test_state_machine(system: Path) -> None:
    (machine,) = _ask(system, "fsm", "control")
    moves = {(t["source"], t["target"]): t["condition"] for t in machine["transitions"]}
    assert moves["IDLE", "LOAD"] == "request.valid"
    assert ("DONE", "IDLE") in moves
    assert machine["exact"] is True


def test_control_flow_by_label_signal_and_line(system: Path) -> None:
    (by_label,) = _ask(system, "cfg", "control.registers")
    assert [s["text"] for s in by_label["statements"] if s["kind"] == "if"] == ["!rst_n"]
    (by_signal,) = _ask(system, "cfg", "control.state_d")
    assert by_signal["block"]["kind"] == "always_comb"
    assert _ask(system, "cfg", "control:20") == [by_signal]
    labels = {label for _, _, label in by_signal["edges"]}
    assert {"IDLE", "LOAD", "WORK", "default", "true", "false"} <= labels


def test_unused(system: Path) -> None:
    found = {(u["kind"], u["name"]): u["bits"] for u in _ask(system, "unused")}
    assert found["unused input", "control.request"] == ".data"
    assert ("unused definition", "tb") in found


def test_stats_and_text_forms(system: Path) -> None:
    assert _ask(system, "stats")["instance"] == 6
    for arguments in (("tree",), ("clocks",), ("resets",), ("unused",), ("stats",), ("cfg", "control"),
                      ("fsm",), ("drivers", "system.low"), ("fanin", "system.low"), ("instances", "lane")):  # fmt: skip
        result = _run("graph", "--db", str(system), *arguments)
        assert result.exit_code == 0
        assert result.stdout.strip()


def test_pictures(system: Path, tmp_path: Path) -> None:
    for view, name in (("cone", "system.low"), ("hierarchy", "system"), ("fsm", "control"), ("cfg", "control.state_d")):
        for form in ("dot", "svg", "html"):
            out = tmp_path / f"{view}.{form}"
            result = _run("graph", "--db", str(system), "show", name, "--view", view, "--format", form, "-o", str(out))
            assert result.exit_code == 0, result.output
            assert out.stat().st_size > 500


@pytest.mark.parametrize("view", ["ast", "cfg", "dfg"])
def test_text_for_models_keeps_to_its_budget(system: Path, view: str) -> None:
    whole = _ask(system, "text", "control", "--view", view)
    small = _ask(system, "text", "control", "--view", view, "--tokens", "100")
    assert whole["left_out"] == {}
    assert small["tokens"] <= 100 < whole["tokens"]
    assert small["left_out"]


def test_a_near_miss_lists_candidates(system: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["graph", "--db", str(system), "drivers", "system.u_control.stat"]) == 2
    message = capsys.readouterr().err
    assert message.startswith("rtlgen: error: no signal 'system.u_control.stat'; near: system.u_control.state")
    assert main(["graph", "--db", str(system), "tree", "lanes"]) == 2
    assert "no instance or module 'lanes'; near: lane" in capsys.readouterr().err
    assert main(["graph", "--db", str(system), "drivers", "system.request.tug"]) == 2
    assert "tag" in capsys.readouterr().err


def test_no_database_says_how_to_make_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["graph", "--db", str(tmp_path), "stats"]) == 2
    assert f"no design database here; make one with `rtlgen index {tmp_path}`" in capsys.readouterr().err


def test_the_netlist_is_added_on_request(tmp_path: Path) -> None:
    shutil.copytree(FIXTURE, tmp_path / "system")
    result = _run("index", str(tmp_path / "system"), "--netlist")
    assert result.exit_code == 0, result.output
    counts = _ask(tmp_path / "system", "stats")
    assert counts["net"] > 20
    assert counts["corresponds"] > 20
