"""The wheel: one top-level name, every module of the tree, and what code reads at run time."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

PARTS = ("graphs", "rag", "synth", "benchmarks", "training")
NOT_SHIPPED = ("benchmarks/perf/",)
"""Folders of scripts that measure this checkout."""


def tracked(repository: Path) -> Iterator[Path]:
    """Yield every file that git knows or would add, relative to the root."""
    argv = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(argv, cwd=repository, capture_output=True, check=True)
    for name in done.stdout.decode().split("\0"):
        if name and (repository / name).is_file():
            yield Path(name)


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Return the wheel, built from a copy so that nothing left from an earlier build gets in."""
    if not (repository / ".git").exists():
        pytest.skip("needs the git checkout to know what belongs to the tree")
    copy, out = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("wheel")
    for name in tracked(repository):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(repository / name, copy / name)
    for part in PARTS:  # the links that a developer's tree has must not get in twice
        (copy / "rtlgen" / part).symlink_to(f"../{part}")
    argv = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", out, copy]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (path,) = out.glob("*.whl")
    return zipfile.ZipFile(path)


def test_only_top_level_name_is_rtlgen(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"rtlgen"}


def test_every_file_of_the_packages_is_in_it_once(wheel: zipfile.ZipFile, repository: Path) -> None:
    expected = set()
    for path in tracked(repository):
        text = path.as_posix()
        if text.startswith(NOT_SHIPPED):
            continue
        if path.parts[0] == "rtlgen":
            expected.add(text)
        elif path.parts[0] in PARTS:
            expected.add(f"rtlgen/{text}")
    names = [name for name in wheel.namelist() if name.startswith("rtlgen/")]
    assert sorted(names) == sorted(set(names))
    assert sorted(expected - set(names)) == [], "in the tree, not in the wheel: add the suffix to package-data"
    assert sorted(set(names) - expected) == []


def test_every_folder_with_modules_is_a_package(repository: Path) -> None:
    folders = {
        path.parent
        for path in tracked(repository)
        if path.suffix == ".py" and path.parts[0] in ("rtlgen", *PARTS) and not str(path).startswith(NOT_SHIPPED)
    }
    assert [str(folder) for folder in sorted(folders) if not (repository / folder / "__init__.py").is_file()] == []


def test_installed_alone_it_imports_and_answers(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path)
    code = (
        "import rtlgen.core.store, rtlgen.synth.tools, rtlgen.graphs, rtlgen.cli, pathlib\n"
        f"assert pathlib.Path(rtlgen.synth.tools.__file__).is_relative_to({str(tmp_path)!r})\n"
        "raise SystemExit(rtlgen.cli.main(['--version']))"
    )
    argv = [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = [{str(tmp_path)!r}] + {sys.path!r}\n{code}"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("rtlgen, version ")
