"""Pool of Yosys workers as seen by the caller: `YosysPool.run` gives a job to a worker and returns what came of it."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import queue
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Self

from rtlgen.core.config import load_settings
from rtlgen.core.errors import SandboxError
from rtlgen.core.types import EndedBy
from rtlgen.synth.yosys.client import install_client
from rtlgen.synth.yosys.messages import first_error, last_command_error
from rtlgen.synth.yosys.worker import Worker

_LOG_LIMIT = 16 * 1024 * 1024
_OUT_OF_MEMORY = ("std::bad_alloc", "MemoryError", "std::length_error", "Cannot allocate memory")


@dataclass(frozen=True, slots=True)
class YosysRun:
    """What came of one job.

    Attributes:
        ok: every command ended without error.
        error: the tool's own words, with file and line where it gave them; None when `ok`.
        ended_by: `exit`, `timeout`, `memory` or `signal`.
        log: what Yosys printed (the last 16 MiB).
        files: the fetched files that exist, by the name asked for.
        wall_s: seconds from hand-over to result.
        command_s: seconds of each command that finished, in order.
    """

    ok: bool
    error: str | None
    ended_by: EndedBy
    log: str
    files: dict[str, str]
    wall_s: float
    command_s: tuple[float, ...] = ()


class YosysPool:
    """Context manager of warm Yosys workers; threads may share it, a worker runs one job at a time.

    Every job starts from the same state: Yosys loaded, the preload commands done, an empty design. Errors, timeouts
    and exhausted memory end that job only.
    """

    def __init__(self, workers: int = 2, *, preload: Sequence[str] = (), warm_abc: bool = True) -> None:
        """Start the workers without waiting for them.

        Args:
            workers: how many jobs may run at once.
            preload: Yosys commands run once per worker; global state they leave (Liberty cache, saved designs)
                is seen by every job.
            warm_abc: keep started ABC processes waiting, for the flow's sake.

        Raises:
            ValueError: fewer than one worker.
        """
        if workers < 1:
            raise ValueError(f"expected at least one Yosys worker, got {workers!r}")
        self.workers = workers
        self._closed = False
        self._lock = threading.Lock()
        abc = find_abc() if warm_abc else None
        client = install_client(load_settings().cache_dir) if abc else None
        self._all = [Worker(preload, abc, client) for _ in range(workers)]
        self._free: queue.LifoQueue[Worker] = queue.LifoQueue()
        for worker in reversed(self._all):
            self._free.put(worker)

    def __enter__(self) -> Self:
        for worker in self._all:
            worker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End every worker and whatever job it runs; a second call does nothing."""
        with self._lock:
            self._closed = True
        for worker in self._all:
            worker.stop()

    def run(
        self,
        commands: Sequence[str],
        *,
        files: Mapping[str, str] = {},
        fetch: Sequence[str] = (),
        timeout_s: float = 60,
        memory_mb: int = 4096,
    ) -> YosysRun:
        """Return what came of running `commands` in order on an empty design, in a private folder.

        Args:
            commands: Yosys commands, one pass (or `;` list) each.
            files: contents by relative name, written into the folder before.
            fetch: relative names read back after, also when a command failed.
            timeout_s: wall-clock seconds after which the job is killed.
            memory_mb: address space of the job in MiB.

        Raises:
            ValueError: a file name is absolute or leaves the folder.
            SandboxError: no private folder, no worker process, or the pool is closed.
        """
        if self._closed:
            raise SandboxError("expected an open Yosys pool, got one that was closed; make a new YosysPool")
        with self._worker() as worker, _job_folder() as folder:
            return _run_in(worker, folder, commands, files, fetch, timeout_s, memory_mb)

    @contextlib.contextmanager
    def _worker(self) -> Iterator[Worker]:
        worker = self._free.get()
        try:
            yield worker
        finally:
            self._free.put(worker)


_LITTLE_SPACE = 1 << 16
"""Free bytes below which a job that failed is believed to have failed for lack of space."""


@contextlib.contextmanager
def _job_folder() -> Iterator[Path]:
    try:
        folder = Path(tempfile.mkdtemp(prefix="rtlgen-yosys-"))
        (folder / "work").mkdir()
        (folder / "control").mkdir()
    except OSError as error:
        raise SandboxError(
            f"expected to create a private folder for a Yosys job, got {error}; free disk space or set TMPDIR"
        ) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run_in(
    worker: Worker,
    folder: Path,
    commands: Sequence[str],
    files: Mapping[str, str],
    fetch: Sequence[str],
    timeout_s: float,
    memory_mb: int,
) -> YosysRun:
    begin = time.perf_counter()
    work, control = folder / "work", folder / "control"
    for name, text in files.items():
        _write(work / _inside(name), text)
    names = [_inside(name) for name in fetch]
    code, timed_out = worker.job(commands, work, control, timeout_s, memory_mb)
    log = _read_tail(control / "log")
    times = tuple(float(t) for t in _read_tail(control / "progress").split())
    fetched = {str(n): _read_tail(work / n, None) for n in names if (work / n).is_file()}
    ended_by = _ended_by(code, timed_out, log)
    if code != 0 and not timed_out and shutil.disk_usage(folder).free < _LITTLE_SPACE:
        raise SandboxError(
            f"expected space for Yosys' files in {folder.parent}, got a full disk; free disk space or set TMPDIR"
        )
    error = (
        None
        if code == 0 and not timed_out
        else _describe(ended_by, code, log, commands, len(times), timeout_s, memory_mb)
    )
    return YosysRun(error is None, error, ended_by, log, fetched, time.perf_counter() - begin, times)


def _inside(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise ValueError(f"expected a file name inside the job's folder, got {name!r}")
    return path


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", errors="surrogateescape", newline="")
    except OSError as error:
        raise SandboxError(
            f"expected to write {path.name!r} for a Yosys job, got {error}; free disk space or set TMPDIR"
        ) from error


def _read_tail(path: Path, limit: int | None = _LOG_LIMIT) -> str:
    try:
        with path.open("rb") as file:
            if limit is not None:
                file.seek(max(0, os.fstat(file.fileno()).st_size - limit))
            return file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""


def _ended_by(code: int, timed_out: bool, log: str) -> EndedBy:
    if timed_out:
        return "timeout"
    if code != 0 and any(word in log[-4000:] for word in _OUT_OF_MEMORY):
        return "memory"
    return "signal" if code < 0 else "exit"


def find_abc() -> Path | None:
    """Return the path of ABC: the settings' own, else the one that the Yosys package bundles; None without either."""
    chosen = load_settings().yosys_abc
    if chosen is not None:
        return chosen
    spec = importlib.util.find_spec("pyosys")
    bundled = Path(spec.origin).with_name("yosys-abc") if spec and spec.origin else None
    return bundled if bundled and bundled.is_file() else None


def _describe(
    ended_by: EndedBy, code: int, log: str, commands: Sequence[str], done: int, timeout_s: float, memory_mb: int
) -> str:
    command = commands[done] if done < len(commands) else "the last command"
    if ended_by == "timeout":
        return f"Yosys did not finish within {timeout_s:g} s (in `{command}`)"
    if ended_by == "memory":
        return f"Yosys needed more than {memory_mb} MiB of memory (in `{command}`)"
    said = first_error(log) or last_command_error(log)
    if ended_by == "signal":
        return f"Yosys crashed with signal {-code} in `{command}`" + (f": {said}" if said else "")
    return said or f"Yosys ended with exit status {code} in `{command}` and gave no message"
