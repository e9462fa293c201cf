"""`rtlgen pdk fetch` with the real ciel against a web server of our own: no internet is needed or used."""

from __future__ import annotations

import functools
import http.server
import io
import json
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from importlib import util
from pathlib import Path
from typing import Any

import pytest

from rtlgen.synth.liberty import default_library_path, read_text
from rtlgen.synth.pdk import find_pdk, resolve_library

OLD, NEW, TRIAL = "a" * 40, "b" * 40, "c" * 40


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing."""


@pytest.fixture(autouse=True)
def own_folders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep the user's PDKs, registry and GitHub account (which ciel asks `gh` for) out of the test."""
    if util.find_spec("ciel") is None:
        pytest.skip("needs the extra: pip install 'rtlgen[pdk]'")
    monkeypatch.setenv("PDK_ROOT", str(tmp_path / "root"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("PATH", str(tmp_path / "no-programs"))
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)


def _rtlgen(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own: ciel leaves files open, which is a warning in this one."""
    start = "import sys; from rtlgen.cli import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", start, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Serve the folder that is yielded as ciel's static web source."""
    web = tmp_path / "web"
    web.mkdir()
    handler = functools.partial(_Quiet, directory=str(web))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        monkeypatch.setenv("CIEL_DATA_SOURCE", f"static-web:http://127.0.0.1:{serving.server_address[1]}")
        monkeypatch.setenv("TEST_BASE", f"http://127.0.0.1:{serving.server_address[1]}")
        yield web
        serving.shutdown()
        thread.join()


def _publish(web: Path, base: str, library: str) -> None:
    """Lay out releases of sky130 as the ciel-releases site does."""
    item = find_pdk("sky130")
    folder = web / item.family
    releases = [(OLD, "2025-01-01", False), (NEW, "2026-01-01", False), (TRIAL, "2026-06-01", True)]
    versions = [{"version": name, "date": f"{day}T00:00:00Z", "prerelease": trial} for name, day, trial in releases]
    for name, _, _ in releases:
        (folder / name).mkdir(parents=True)
        reference = f"{item.variant}/libs.ref/{item.library}/lib/{item.library}__tt_025C_1v80.lib"
        _pack(folder / name / "common.tar.zst", {f"{item.variant}/libs.tech/readme": "x"})
        _pack(folder / name / f"{item.library}.tar.zst", {reference: library})
        assets = [
            {"content": part, "filename": f"{part}.tar.zst", "url": f"{base}/{item.family}/{name}/{part}.tar.zst"}
            for part in ("common", item.library)
        ]
        (folder / name / "manifest.json").write_text(json.dumps({"assets": assets}))
    (folder / "manifest.json").write_text(json.dumps({"pdk": item.family, "versions": versions}))


def _pack(path: Path, files: dict[str, str]) -> None:
    import zstandard

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    path.write_bytes(zstandard.compress(buffer.getvalue()))


def _base() -> str:
    import os

    return os.environ["TEST_BASE"]


def test_fetch_puts_the_newest_release_where_its_name_finds_it(server: Path, tmp_path: Path) -> None:
    _publish(server, _base(), read_text(default_library_path()))
    done = _rtlgen("pdk", "fetch", "sky130")
    assert done.returncode == 0, done.stderr
    path = Path(done.stdout.strip())
    assert (
        path
        == (tmp_path / "root/ciel/sky130/versions" / NEW / "sky130A/libs.ref/sky130_fd_sc_hd/lib")
        / "sky130_fd_sc_hd__tt_025C_1v80.lib"
    )
    assert resolve_library("sky130") == path
    assert OLD in _rtlgen("pdk", "fetch", "sky130", "--version", OLD).stdout


def test_a_version_that_does_not_exist(server: Path, tmp_path: Path) -> None:
    _publish(server, _base(), "library (x) {}")
    done = _rtlgen("pdk", "fetch", "sky130", "--version", "0" * 40)
    assert (done.returncode, done.stdout) == (2, "")
    message = done.stderr.splitlines()[-1]
    assert message == (
        f"rtlgen: error: expected to fetch PDK 'sky130' from static-web:{_base()}, got Manifest for "
        f"'sky130/{'0' * 40}' at '{_base()}'; go online, check the version, or copy the PDK of another machine to "
        f"{tmp_path}/root (it needs {tmp_path}/root/sky130A/libs.ref/sky130_fd_sc_hd/lib/)"
    )


def test_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIEL_DATA_SOURCE", "static-web:http://127.0.0.1:9")  # nothing listens on the discard port
    done = _rtlgen("pdk", "fetch", "ihp")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "rtlgen: error: expected to fetch PDK 'ihp' from static-web:http://127.0.0.1:9, got [Errno 111] Connection "
        f"refused; go online, check the version, or copy the PDK of another machine to {tmp_path}/root (it needs "
        f"{tmp_path}/root/ihp-sg13g2/libs.ref/sg13g2_stdcell/lib/)\n"
    )


def test_an_unknown_data_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CIEL_DATA_SOURCE", "ftp:somewhere")
    done = _rtlgen("pdk", "fetch", "ihp")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "rtlgen: error: expected CIEL_DATA_SOURCE to be 'CLASS:ARGUMENT' with a class out of github-releases, "
        "static-web, got 'ftp:somewhere'; correct or unset it\n"
    )


def test_a_root_that_cannot_be_written(server: Path, tmp_path: Path) -> None:
    _publish(server, _base(), "library (x) {}")
    (tmp_path / "file").touch()
    done = _rtlgen("pdk", "fetch", "sky130", "--dir", str(tmp_path / "file" / "root"))
    assert (done.returncode, done.stdout) == (2, "")
    message = done.stderr.splitlines()[-1]
    assert message.startswith(
        f"rtlgen: error: expected to write PDK 'sky130' below {tmp_path}/file/root, got [Errno 20]"
    )
    assert message.endswith("; give another folder with --dir")
