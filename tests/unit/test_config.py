"""Settings: where they come from, which wins, and what a wrong one says."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtlgen.core.config import Settings, find_settings_file, load_settings
from rtlgen.core.errors import ConfigError


def write(folder: Path, text: str) -> Path:
    file = folder / "rtlgen.toml"
    file.write_text(text)
    return file


def test_defaults_hold_without_a_file(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)
    assert settings.jobs >= 1
    assert (settings.clock_ns, settings.display, settings.liberty) == (None, "auto", None)


def test_file_above_counts_and_its_paths_are_relative_to_it(tmp_path: Path) -> None:
    file = write(tmp_path, 'jobs = 3\nclock_ns = 2.5\nliberty = "lib/my.lib.gz"\n')
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert find_settings_file(inner) == file
    settings = load_settings(inner)
    assert (settings.jobs, settings.clock_ns) == (3, 2.5)
    assert settings.liberty == tmp_path / "lib/my.lib.gz"


def test_nearest_file_wins(tmp_path: Path) -> None:
    write(tmp_path, "jobs = 3")
    inner = tmp_path / "inner"
    inner.mkdir()
    write(inner, "jobs = 4")
    assert load_settings(inner).jobs == 4


def test_environment_wins_over_file_and_argument_over_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "jobs = 3\ncache_max_mb = 10")
    monkeypatch.setenv("RTLGEN_JOBS", "5")
    settings = load_settings(tmp_path)
    assert (settings.jobs, settings.cache_max_mb) == (5, 10)
    assert Settings(jobs=6).jobs == 6


def test_empty_variable_counts_as_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RTLGEN_CLOCK_NS", "")
    assert load_settings(tmp_path).clock_ns is None


def test_file_of_one_load_does_not_leak_into_the_next(tmp_path: Path) -> None:
    write(tmp_path, "jobs = 777")
    assert load_settings(tmp_path).jobs == 777
    assert Settings().jobs != 777


def test_unknown_key_names_the_near_one(tmp_path: Path) -> None:
    file = write(tmp_path, "job = 3")
    with pytest.raises(ConfigError) as caught:
        load_settings(tmp_path)
    assert str(caught.value) == f"unknown setting 'job' in {file}; did you mean 'jobs'?"


def test_unknown_key_that_is_near_none_lists_all(tmp_path: Path) -> None:
    file = write(tmp_path, "zzzzzz = 3")
    with pytest.raises(ConfigError) as caught:
        load_settings(tmp_path)
    assert str(caught.value).startswith(f"unknown setting 'zzzzzz' in {file}; known settings: bwrap, cache_dir, ")


def test_file_that_is_no_toml(tmp_path: Path) -> None:
    file = write(tmp_path, "jobs = = 3")
    with pytest.raises(ConfigError) as caught:
        load_settings(tmp_path)
    assert str(caught.value) == f"expected TOML in {file}: Invalid value (at line 1, column 8)"


def test_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "rtlgen.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"^expected TOML in .*/rtlgen\.toml: 'utf-8' codec can't decode"):
        load_settings(tmp_path)


def test_wrong_value_in_file_names_key_and_file(tmp_path: Path) -> None:
    file = write(tmp_path, "jobs = 0")
    with pytest.raises(ConfigError) as caught:
        load_settings(tmp_path)
    assert str(caught.value) == f"setting 'jobs' in {file}: input should be greater than or equal to 1, got 0"


def test_wrong_value_in_environment_names_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RTLGEN_DISPLAY", "fancy")
    with pytest.raises(ConfigError) as caught:
        load_settings(tmp_path)
    assert str(caught.value) == (
        "setting RTLGEN_DISPLAY: input should be 'auto', 'rich', 'plain', 'json' or 'none', got 'fancy'"
    )
