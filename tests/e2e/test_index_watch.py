"""`rtlgen index --watch` as a process of its own: every kind of edit shows in the answers within a second."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rtlgen.core.errors import InputError
from rtlgen.graphs import model
from rtlgen.graphs.database.design import DesignDatabase

FIXTURE = Path(__file__).resolve().parents[1] / "fixtures" / "repository"
PATIENCE = 30.0
"""Seconds until a test gives up; how fast answers follow is asserted where the machine is not loaded."""


class Watcher:
    """A process that watches, and what it printed on standard error."""

    def __init__(self, root: Path, *options: str) -> None:
        """Start, and wait until it watches."""
        command = [sys.executable, "-m", "rtlgen", "--display", "none", "index", str(root), "--watch", *options]
        self.root = root
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.lines: list[str] = []
        self.errors: list[str] = []
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self._readers = [
            threading.Thread(target=self.lines.extend, args=(self.process.stdout,)),
            threading.Thread(target=self.errors.extend, args=(self.process.stderr,)),
        ]
        for reader in self._readers:
            reader.start()
        self.wait(lambda: any("watching" in line for line in self.errors))

    def wait(self, holds: Callable[[], bool]) -> float:
        """Wait until something holds; return how many seconds it took."""
        start = time.monotonic()
        while not holds():
            assert self.process.poll() is None, "".join(self.errors)
            assert time.monotonic() - start < PATIENCE, "".join([*self.lines, *self.errors])
            time.sleep(0.01)
        return time.monotonic() - start

    def until(self, answer: Callable[[DesignDatabase], object], expected: object) -> float:
        """Wait until a reader gets this answer; return how many seconds it took."""
        return self.wait(lambda: self.ask(answer) == expected)

    def ask(self, answer: Callable[[DesignDatabase], object]) -> object:
        """Return what a new reader gets."""
        try:
            with DesignDatabase.open(self.root) as design:
                return answer(design)
        except InputError as error:
            return str(error)

    def stop(self, number: int = signal.SIGINT) -> int:
        """Ask it to end; return its exit code."""
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> int:
        """Wait until it has ended and all that it printed was read; return its exit code."""
        code = self.process.wait(PATIENCE)
        for reader in self._readers:
            reader.join()
        return code

    def close(self) -> None:
        """End it, however it is."""
        self.process.kill()
        self.ended()
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()


@pytest.fixture
def watcher(tmp_path: Path) -> Iterator[Watcher]:
    shutil.copytree(FIXTURE, tmp_path / "system")
    found = Watcher(tmp_path / "system")
    yield found
    found.close()


def _sum(design: DesignDatabase) -> list[str]:
    return [driver.text for driver in design.drivers("lane.sum")]


def _defined(name: str) -> Callable[[DesignDatabase], bool]:
    return lambda design: any(d.name == name for d in design.rows(model.Definition))


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_answers_follow_every_kind_of_edit(watcher: Watcher) -> None:
    lane, root = watcher.root / "rtl/lane.sv", watcher.root
    took = [watcher.until(_sum, ["sum = in + 8'(OFFSET)"])]

    _edit(lane, "in + 8'(OFFSET)", "in - 8'(OFFSET)")
    took.append(watcher.until(_sum, ["sum = in - 8'(OFFSET)"]))

    new = lane.with_suffix(".sv.tmp")  # as editors write: another file, renamed
    new.write_text(lane.read_text().replace("in - 8'(OFFSET)", "in ^ 8'(OFFSET)"))
    new.replace(lane)
    took.append(watcher.until(_sum, ["sum = in ^ 8'(OFFSET)"]))

    (root / "rtl/deep/er").mkdir(parents=True)
    (root / "rtl/deep/er/extra.sv").write_text("module extra(input a, output b); assign b = ~a; endmodule\n")
    took.append(watcher.until(_defined("extra"), True))
    (root / "rtl/deep/er/extra.sv").rename(root / "rtl/extra.sv")
    took.append(watcher.until(lambda d: [f.path for f in d.rows(model.File) if "extra" in f.path], ["rtl/extra.sv"]))
    shutil.rmtree(root / "rtl/deep")
    (root / "rtl/extra.sv").unlink()
    took.append(watcher.until(_defined("extra"), False))

    _edit(root / "include/defs.svh", "LANES 2", "LANES 3")
    took.append(watcher.until(lambda d: len(d.instances("lane")), 3))

    good = lane.read_text()
    lane.write_text(good[: good.index("endmodule") // 2])
    took.append(watcher.until(lambda d: d.count(model.File) and bool(_problems(d)), True))
    lane.write_text(good)
    took.append(watcher.until(lambda d: (_problems(d), _sum(d)), ([], ["sum = in ^ 8'(OFFSET)"])))
    if os.getloadavg()[0] < (os.cpu_count() or 1):
        assert max(took) < 1.0, took
    assert watcher.stop() in (0, 130)
    assert not any("Traceback" in line for line in watcher.errors), watcher.errors


def _problems(design: DesignDatabase) -> list[str]:
    return [f.path for f in design.rows(model.File) if f.errors]


def test_bursts_end_in_the_last_state(watcher: Watcher) -> None:
    lane, control = watcher.root / "rtl/lane.sv", watcher.root / "rtl/control.sv"
    text, other = lane.read_text(), control.read_text()
    for i in range(60):
        lane.write_text(text.replace("in + 8'(OFFSET)", f"in + 8'd{i}"))
        control.write_text(other + f"// {i}\n")
        (watcher.root / f"rtl/burst{i}.sv").write_text(f"module burst{i}; endmodule\n")
        if i % 2:
            (watcher.root / f"rtl/burst{i - 1}.sv").unlink()
        time.sleep(0.005)
    watcher.until(_sum, ["sum = in + 8'd59"])
    watcher.until(lambda d: sorted(f.path for f in d.rows(model.File) if "burst" in f.path),
                  sorted(f"rtl/burst{i}.sv" for i in range(1, 60, 2)))  # fmt: skip
    watcher.until(
        lambda d: d.source(next(f.id for f in d.rows(model.File) if "control" in f.path)).endswith(b"59\n"), True
    )
    assert watcher.stop(signal.SIGTERM) in (0, 130, -signal.SIGTERM)


def test_a_file_list_is_followed_and_what_is_wrong_in_it_is_said(tmp_path: Path) -> None:
    root = tmp_path / "r"
    root.mkdir()
    for name in ("a", "b"):
        (root / f"{name}.v").write_text(f"module {name}(input x, output y); assign y = x; endmodule\n")
    (root / "files.f").write_text("a.v\n")
    watcher = Watcher(root, "-f", "files.f")
    try:
        watcher.until(lambda d: d.note("tops"), ["a"])
        (root / "files.f").write_text("b.v\n")
        watcher.until(lambda d: d.note("tops"), ["b"])
        (root / "files.f").unlink()
        watcher.wait(lambda: any("files.f: can't be read" in line for line in watcher.errors))
        (root / "files.f").write_text("a.v\nb.v\n")
        watcher.until(lambda d: sorted(d.note("tops")), ["a", "b"])
        assert watcher.stop() in (0, 130)
    finally:
        watcher.close()


def test_lists_of_any_name_and_a_database_beside_the_sources(tmp_path: Path) -> None:
    (tmp_path / "files.txt").write_text("a.inc\n")
    (tmp_path / "a.inc").write_text("module a(output y); assign y = 0; endmodule\n")
    watcher = Watcher(tmp_path, "-f", "files.txt", "--db", str(tmp_path / "graph"))
    watcher.root = tmp_path / "graph"
    try:
        watcher.until(lambda d: [a.text for a in d.drivers("a.y")], ["y = 0"])
        time.sleep(1.5)
        _edit(tmp_path / "a.inc", "y = 0", "y = 1")
        watcher.until(lambda d: [a.text for a in d.drivers("a.y")], ["y = 1"])
        (tmp_path / "files.txt").write_text("b.inc\n")
        (tmp_path / "b.inc").write_text("module b; endmodule\n")
        watcher.until(lambda d: d.note("tops"), ["b"])
        time.sleep(0.5)
        printed = len(watcher.lines)
        time.sleep(1.0)
        assert len(watcher.lines) == printed  # its own writing is no change
    finally:
        watcher.close()


def test_a_repository_that_goes_away_ends_the_watch(watcher: Watcher) -> None:
    shutil.rmtree(watcher.root)
    assert watcher.ended() == 2
    assert "was removed, so there is nothing to watch any more" in watcher.errors[-1]
    assert not any("Traceback" in line for line in watcher.errors)
