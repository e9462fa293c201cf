"""The manual says what the code says: settings, tools, commands, targets, layers."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from rtlgen.cli import COMMANDS
from rtlgen.core.config import Settings
from rtlgen.synth.tools import doctor


def rows(text: str) -> list[list[str]]:
    """Return the cells of every table row."""
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines() if line[:1] == "|"]


def test_every_setting_and_no_other_is_documented(repository: Path) -> None:
    text = (repository / "docs/configuration.md").read_text()
    # keys stand in small letters; the table of variables that are no settings starts with the variable
    keys = [row for row in rows(text) if re.fullmatch(r"`[a-z_]+`", row[0].strip())]
    documented = {row[0].strip("` "): row[1].strip("` ") for row in keys}
    assert documented == {name: f"RTLGEN_{name.upper()}" for name in Settings.model_fields}


def test_example_settings_file_is_valid(repository: Path) -> None:
    text = (repository / "docs/configuration.md").read_text()
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert Settings(**tomllib.loads(example)).jobs == 4


def test_every_tool_is_documented_with_its_command(repository: Path) -> None:
    text = (repository / "docs/install.md").read_text()
    named = {name.strip() for row in rows(text) for name in row[0].split(",")}
    probes = doctor()
    assert {probe.name for probe in probes} <= named
    for probe in probes:
        # one line may install several
        kind, package = probe.install.rsplit(" ", 1)
        assert any(kind in line and package in line for line in text.splitlines()), probe.install


def test_readme_lists_the_commands_that_exist(repository: Path) -> None:
    text = (repository / "README.md").read_text()
    documented = {row[0].removeprefix("`rtlgen ").rstrip("`") for row in rows(text) if row[0].startswith("`rtlgen ")}
    assert documented == set(COMMANDS)


def test_every_target_is_documented(repository: Path) -> None:
    targets = re.findall(r"^([a-z-]+):.*## ", (repository / "Makefile").read_text(), re.MULTILINE)
    text = (repository / "docs/development.md").read_text()
    assert [name for name in targets if f"| `make {name}` |" not in text] == ["help"]


def test_layers_of_the_manual_are_those_that_are_checked(repository: Path) -> None:
    config = tomllib.loads((repository / "pyproject.toml").read_text())
    (contract,) = [c for c in config["tool"]["importlinter"]["contracts"] if c["type"] == "layers"]
    layers = " > ".join(contract["layers"]).replace("(", "").replace(")", "")
    assert layers in (repository / "docs/architecture.md").read_text()


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md"])
def test_links_to_files_lead_somewhere(name: str, repository: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", (repository / name).read_text())
    assert [link for link in links if "://" not in link and not (repository / link).exists()] == []


def test_every_version_is_pinned(repository: Path) -> None:
    lines = (repository / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert [line for line in pins if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*==[0-9][A-Za-z0-9.+!]*", line)] == []
    names = {re.split(r"==", line)[0].replace("_", "-") for line in pins}
    project = tomllib.loads((repository / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(item for extra in project["optional-dependencies"].values() for item in extra),
    ]
    named = {re.split(r"[><=\[]", item)[0].lower() for item in wanted} - {"rtlgen"}
    assert named - names == set()
    assert "torch==2.13.0" in pins


@pytest.mark.parametrize("name", ["README.md", "docs/install.md", "Makefile"])
def test_files_that_commands_name_are_there(name: str, repository: Path) -> None:
    text = (repository / name).read_text()
    named = re.findall(r"(?<![\w/.-])(?:examples|benchmarks|tools)/[\w./-]*\w", text)
    assert [path for path in named if not (repository / path).exists()] == []


def test_first_example_is_valid_use(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from rtlgen.cli import main

    commands = re.findall(r"^\$ rtlgen (.*)$", (repository / "README.md").read_text(), re.MULTILINE)
    assert len(commands) >= 2
    for line in commands:
        # options are parsed before --help ends it, so a wrong one would be refused
        assert main([*line.split(), "--help"]) == 0, capsys.readouterr().err
