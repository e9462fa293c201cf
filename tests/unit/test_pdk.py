from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from rtlgen.cli import main
from rtlgen.core.config import load_settings
from rtlgen.core.errors import LibraryError, ToolNotFoundError
from rtlgen.synth import pdk
from rtlgen.synth.liberty import default_library_path

V1, V2 = "1" * 40, "2" * 40


@pytest.fixture(autouse=True)
def homes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Give every test a PDK root and a registry of its own, and no libraries of the system."""
    monkeypatch.setenv("PDK_ROOT", str(tmp_path / "root"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("CIEL_DATA_SOURCE", raising=False)
    monkeypatch.setattr(pdk, "_SYSTEM", {})
    return tmp_path


def _install(root: Path, name: str, version: str = V1, *corners: str) -> Path:
    """Put a PDK where ciel 3 puts it, with the shipped library as its contents; return the library's folder."""
    item = pdk.find_pdk(name)
    folder = root / "ciel" / item.family / "versions" / version / item.variant / "libs.ref" / item.library / "lib"
    folder.mkdir(parents=True)
    for corner in corners or (TYPICAL[name], "slow_corner.lib"):
        shutil.copy(default_library_path(), folder / corner)
    return folder


TYPICAL = {
    "sky130": "sky130_fd_sc_hd__tt_025C_1v80.lib",
    "gf180": "gf180mcu_fd_sc_mcu7t5v0__tt_025C_5v00.lib",
    "ihp": "sg13g2_stdcell_typ_1p20V_25C.lib",
}


def _enable(root: Path, name: str, version: str) -> None:
    """Link a version as `ciel enable` does."""
    item = pdk.find_pdk(name)
    (root / item.variant).symlink_to(Path("ciel") / item.family / "versions" / version / item.variant)


@pytest.mark.parametrize("name", TYPICAL)
def test_a_fetched_pdk_resolves_to_its_typical_corner(homes: Path, name: str) -> None:
    folder = _install(homes / "root", name)
    assert pdk.resolve_library(name) == folder / TYPICAL[name]
    for alias in (*pdk.find_pdk(name).aliases, pdk.find_pdk(name).library, name.upper()):
        assert pdk.resolve_library(alias) == folder / TYPICAL[name]


@pytest.mark.parametrize(
    ("corners", "chosen"),
    [
        (
            (
                "sky130_fd_sc_hd__ff_100C_1v95.lib",
                "sky130_fd_sc_hd__ss_n40C_1v44.lib",
                "sky130_fd_sc_hd__tt_025C_1v80.lib",
                "sky130_fd_sc_hd__tt_100C_1v80.lib",
            ),
            "sky130_fd_sc_hd__tt_025C_1v80.lib",
        ),
        (
            (
                "gf180mcu_fd_sc_mcu7t5v0__tt_025C_1v80.lib",
                "gf180mcu_fd_sc_mcu7t5v0__tt_025C_3v30.lib",
                "gf180mcu_fd_sc_mcu7t5v0__tt_025C_5v00.lib",
                "gf180mcu_fd_sc_mcu7t5v0__ss_n40C_4v50.lib",
            ),
            "gf180mcu_fd_sc_mcu7t5v0__tt_025C_5v00.lib",
        ),
        (
            (
                "sg13g2_stdcell_fast_1p32V_m40C.lib",
                "sg13g2_stdcell_slow_1p08V_125C.lib",
                "sg13g2_stdcell_typ_1p20V_25C.lib",
                "sg13g2_stdcell_typ_1p50V_25C.lib",
            ),
            "sg13g2_stdcell_typ_1p20V_25C.lib",
        ),
        (
            ("NangateOpenCellLibrary_fast.lib", "NangateOpenCellLibrary_typical.lib"),
            "NangateOpenCellLibrary_typical.lib",
        ),
        (("only.lib.gz",), "only.lib.gz"),
        (("one.lib", "two.lib"), None),
        ((), None),
    ],
)
def test_typical_corner(tmp_path: Path, corners: tuple[str, ...], chosen: str | None) -> None:
    for corner in corners:
        (tmp_path / corner).touch()
    assert pdk.typical_corner(tmp_path) == (tmp_path / chosen if chosen else None)


def test_the_enabled_version_wins_over_a_newer_one(homes: Path) -> None:
    old = _install(homes / "root", "sky130", V1)
    _install(homes / "root", "sky130", V2)
    _enable(homes / "root", "sky130", V1)
    entry = next(item for item in pdk.entries() if item.name == "sky130")
    assert (entry.status, entry.version) == ("fetched", V1)
    assert entry.path is not None
    assert entry.path.resolve() == (old / TYPICAL["sky130"]).resolve()


def test_another_library_of_a_pdk_has_its_own_name(homes: Path) -> None:
    folder = _install(homes / "root", "sky130").parents[1] / "sky130_fd_sc_hs" / "lib"
    folder.mkdir(parents=True)
    (folder / "sky130_fd_sc_hs__tt_025C_1v80.lib").touch()
    assert pdk.resolve_library("sky130_fd_sc_hs") == folder / "sky130_fd_sc_hs__tt_025C_1v80.lib"


def test_a_file_wins_over_a_name(homes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _install(homes / "root", "sky130")
    monkeypatch.chdir(homes)
    (homes / "sky130").touch()
    assert pdk.resolve_library("sky130") == Path("sky130")
    assert pdk.resolve_library(homes / "sky130") == homes / "sky130"


def test_a_name_in_a_settings_file_is_a_name_although_a_folder_stands_before_it(
    homes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = _install(homes / "root", "sky130")
    (homes / "rtlgen.toml").write_text('liberty = "sky130"\n')
    monkeypatch.chdir(homes)
    liberty = load_settings().liberty
    assert liberty == homes / "sky130"
    assert pdk.resolve_library(liberty) == folder / TYPICAL["sky130"]


@pytest.mark.parametrize("name", ["default", "rtlgen45"])
def test_the_shipped_library_has_a_name(name: str) -> None:
    assert pdk.resolve_library(name) == default_library_path()


def test_messages_of_names_that_resolve_to_nothing(homes: Path) -> None:
    for name, message in {
        "sky13": (
            "expected a Liberty file (.lib or .lib.gz) or one of the names rtlgen45, sky130, gf180, ihp, got 'sky13' "
            "(no such file); did you mean 'sky130'?"
        ),
        str(homes): (
            "expected a Liberty file (.lib or .lib.gz) or one of the names rtlgen45, sky130, gf180, ihp, got "
            f"{str(homes)!r} (a folder); run: rtlgen pdk list"
        ),
        "ihp": f"expected the PDK 'ihp' below {homes / 'root'}, got none; run: rtlgen pdk fetch ihp",
    }.items():
        with pytest.raises(LibraryError) as raised:
            pdk.resolve_library(name)
        assert str(raised.value) == message


def test_fetch_takes_what_is_there_and_registers_it(homes: Path) -> None:
    folder = _install(homes / "elsewhere", "gf180")
    entry = pdk.fetch("gf180mcu", root=homes / "elsewhere")
    assert (entry.name, entry.path, entry.version) == ("gf180", folder / TYPICAL["gf180"], V1)
    # known by its name although it lies outside the PDK root
    assert pdk.resolve_library("gf180") == folder / TYPICAL["gf180"]
    shutil.rmtree(homes / "elsewhere")
    with pytest.raises(LibraryError, match=r"^expected the PDK 'gf180' below "):
        pdk.resolve_library("gf180")


def test_a_damaged_registry_is_no_obstacle(homes: Path) -> None:
    folder = _install(homes / "elsewhere", "ihp")
    pdk.registry_file().parent.mkdir(parents=True)
    for text in ("{", "[]", '{"libraries": [1, {"name": "x"}]}'):
        pdk.registry_file().write_text(text)
        assert [entry.name for entry in pdk.entries()] == ["rtlgen45", "sky130", "gf180", "ihp"]
    pdk.fetch("ihp", root=homes / "elsewhere")
    assert pdk.resolve_library("ihp").parent == folder


def test_fetch_refuses_a_damaged_library(homes: Path) -> None:
    folder = _install(homes / "root", "sky130")
    (folder / TYPICAL["sky130"]).write_text("library (x) {\n")
    with pytest.raises(LibraryError, match=r"the library is truncated, fetch or decompress it again$"):
        pdk.fetch("sky130")


def test_fetch_without_ciel_says_how_to_install_it(homes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ciel", None)
    with pytest.raises(ToolNotFoundError) as raised:
        pdk.fetch("sky130")
    assert str(raised.value) == (
        "expected the Python package 'ciel', which fetches open PDKs, got import of ciel halted; None in sys.modules; "
        "run: pip install 'rtlgen[pdk]'"
    )


def test_command_exits_with_2_and_one_message(
    homes: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ciel", None)
    assert main(["pdk", "fetch", "ihp", "--dir", str(homes / "root")]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.endswith("run: pip install 'rtlgen[pdk]'\n")
    assert main(["pdk", "fetch", "sky140"]) == 2
    assert capsys.readouterr().err == (
        "rtlgen: error: expected a PDK out of sky130, gf180, ihp, got 'sky140'; did you mean 'sky130'?\n"
    )


def test_commands_list_and_fetch_print_paths(homes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = _install(homes / "root", "sky130") / TYPICAL["sky130"]
    assert main(["pdk", "fetch", "sky130"]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"{path}\n"
    assert captured.err == "give this to --liberty: sky130\n"
    assert main(["pdk", "list"]) == 0
    assert capsys.readouterr().out == (
        f"rtlgen45         shipped    synthetic, 45 nm class  {default_library_path()}\n"
        f"sky130           fetched    SkyWater 130 nm         {path}\n"
        f"sky130_fd_sc_hd  fetched    SkyWater 130 nm         {path}\n"
        "gf180            available  GlobalFoundries 180 nm  run: rtlgen pdk fetch gf180\n"
        "ihp              available  IHP 130 nm SG13G2       run: rtlgen pdk fetch ihp\n"
    )
    assert main(["pdk", "list", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema_version"] == 1
    assert document["libraries"][1] == {
        "name": "sky130", "status": "fetched", "path": str(path), "version": V1, "title": "SkyWater 130 nm"
    }  # fmt: skip
