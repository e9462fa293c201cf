"""The tour in docs/graphs.md, on the core that it names: each command as it stands there."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from rtlgen.benchmarks.cores import repositories
from rtlgen.cli import cli


@pytest.fixture(scope="module")
def serv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = repositories(("serv",))
    if not found:
        pytest.skip("the package pythondata-cpu-serv is not installed")
    folder = tmp_path_factory.mktemp("tour")
    shutil.copytree(found["serv"], folder / "verilog")
    return folder


def _section(repository: Path, title: str) -> str:
    text = (repository / "docs/graphs.md").read_text()
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_every_command_of_the_tour_answers(serv: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    section = _section(repository, "A tour of a real core")
    (block,) = re.findall(r"```console\n(.*?)```", section, re.DOTALL)
    (shown,) = re.findall(r"```text\n(.*?)```", section, re.DOTALL)
    commands = [shlex.split(line.removeprefix("$ ")) for line in block.splitlines()]
    assert len(commands) > 10
    monkeypatch.chdir(serv)
    for command in commands:
        result = CliRunner().invoke(cli, ["--display", "none", *command[1:]], catch_exceptions=False)
        assert result.exit_code == 0, command
        assert result.stdout.strip() or "-o" in command, command
        if command[2] == "path":
            assert [line.rstrip() for line in result.stdout.splitlines()] == shown.splitlines()
        if command[1] == "index":
            monkeypatch.chdir(serv / "verilog")
    assert (serv / "verilog" / "cone.html").stat().st_size > 10_000


def test_the_python_example_runs(
    serv: Path, repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", _section(repository, "In Python"), re.DOTALL)
    monkeypatch.chdir(serv)
    exec(compile(code, "docs/graphs.md", "exec"), {})  # noqa: S102 - the example of our own manual
    printed = capsys.readouterr().out.splitlines()
    assert int(printed[0]) > 10
    assert "serv_bufreg" in printed[1]
    assert printed[-1].endswith("ranges of bits")
