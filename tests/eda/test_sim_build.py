"""Icarus from its source archive, and which of several installations is used."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from rtlgen.cli import main
from rtlgen.core.config import load_settings
from rtlgen.core.errors import InputError, ToolNotFoundError
from rtlgen.core.events import EventBus
from rtlgen.scorers.simulation import Judge
from rtlgen.synth import tools
from rtlgen.synth.sim import build, find_icarus

pytestmark = pytest.mark.eda


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a cache of its own; what was found in it is forgotten afterwards."""
    monkeypatch.setenv("RTLGEN_CACHE_DIR", str(tmp_path / "cache"))
    tools._find.cache_clear()
    assert load_settings().cache_dir == tmp_path / "cache"
    yield tmp_path / "cache"
    tools._find.cache_clear()


def test_another_archive_is_refused_and_nothing_is_left(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.tar.gz").write_bytes(b"no archive")
    if missing := [name for name in build._NEEDED if shutil.which(name) is None]:
        pytest.skip(f"needs {', '.join(missing)}")
    address = (tmp_path / "x.tar.gz").as_uri()
    assert main(["doctor", "--build", "iverilog", "--url", address]) == 2
    assert f"expected the archive with sha256 {build.SHA256}, got" in capsys.readouterr().err
    assert main(["doctor", "--build", "iverilog", "--url", (tmp_path / "none").as_uri()]) == 2
    assert "can't be downloaded" in capsys.readouterr().err
    assert list((cache / "tools").iterdir()) == []
    assert main(["doctor", "--url", address]) == 2


def test_what_the_build_needs_is_named(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None if name in ("bison", "gperf") else f"/usr/bin/{name}")
    with pytest.raises(ToolNotFoundError, match=r"needs bison, gperf; install with `apt-get install -y bison gperf`"):
        build.build_icarus(EventBus())


def test_without_apt_the_address_has_to_be_given(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: (_ for _ in ()).throw(FileNotFoundError("apt-get")))
    with pytest.raises(InputError, match=r"apt names no Debian archive here; get iverilog_12\.0\.orig\.tar\.gz"):
        build._debian()


def test_the_one_that_was_built_comes_before_the_path_and_after_the_setting(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = find_icarus()
    folder = tools.built_icarus() / "bin"
    folder.mkdir(parents=True)
    (folder / "iverilog").symlink_to(usual.driver)
    tools._find.cache_clear()
    assert find_icarus().driver == usual.driver, "without its runtime it is none"
    (folder / "vvp").symlink_to(usual.runtime)
    tools._find.cache_clear()
    found = find_icarus()
    assert (found.driver, found.runtime) == (folder / "iverilog", folder / "vvp")
    monkeypatch.setenv("RTLGEN_IVERILOG", str(usual.driver))
    tools._find.cache_clear()
    assert find_icarus().driver == usual.driver


@pytest.mark.slow
def test_it_is_built_and_judges(cache: Path) -> None:
    from rtlgen.benchmarks.suites.starter import STARTER

    if missing := [name for name in build._NEEDED if shutil.which(name) is None]:
        pytest.skip(f"needs {', '.join(missing)}")
    try:
        build._debian()
    except InputError as error:
        pytest.skip(str(error))
    made = build.build_icarus(EventBus())
    tools._find.cache_clear()
    judge = Judge()
    assert str(judge.simulator) == "icarus 12.0" and made == tools.built_icarus() / "bin" / "iverilog"
    problems = STARTER.load(None).problems
    assert [p.id for p in problems if not judge.reference(p).passed] == []
