"""One Yosys worker process as its owner sees it: start it, give it a job, kill the job, replace the process."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from rtlgen.core.errors import SandboxError

_PROGRAM = Path(__file__).with_name("zygote.py")
_START_S = 60.0
_KILL_S = 5.0


class Worker:
    """A worker process that is started on demand and replaced when it is lost; one thread at a time."""

    def __init__(self, preload: Sequence[str], abc: Path | None = None, client: Path | None = None) -> None:
        """Take what the process will be told at its start.

        Args:
            preload: Yosys commands run once per process.
            abc: path of ABC, for keeping started ones.
            client: path of the shell program that stands in for ABC; None starts ABC anew each time.
        """
        self._preload = tuple(preload)
        self._abc = {"abc": str(abc), "client": str(client) if abc and client else None}
        self._folder: str | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._stderr: IO[bytes] | None = None
        self._ready = False
        self._buffer = b""
        self._count = 0
        self._stopped = False
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start the process without waiting until it is ready; does nothing when it runs.

        Raises:
            SandboxError: the process can't be started.
        """
        with self._lock:
            if self._stopped:
                raise SandboxError("expected an open Yosys pool, got one that was closed; make a new YosysPool")
            if self._process is not None and self._process.poll() is None:
                return
            self._forget()
            self._launch()

    def _launch(self) -> None:
        try:
            self._folder = tempfile.mkdtemp(prefix="rtlgen-worker-")
            options = json.dumps({"preload": self._preload, "folder": self._folder, **self._abc})
            self._stderr = tempfile.TemporaryFile(prefix="rtlgen-yosys-")  # noqa: SIM115 (closed in _forget)
            self._process = subprocess.Popen(
                [sys.executable, str(_PROGRAM), options],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                start_new_session=True,
            )
        except OSError as error:
            raise SandboxError(
                f"expected to start a Yosys worker process, got {error}; free memory or processes"
            ) from error

    def job(
        self, commands: Sequence[str], work: Path, control: Path, timeout_s: float, memory_mb: int
    ) -> tuple[int, bool]:
        """Return (exit code, timed out) of one job; a negative code is the signal that ended it.

        Raises:
            SandboxError: the worker could not be started, or was lost twice.
        """
        try:
            for attempt in (1, 2):
                self.start()
                result = self._try_job(commands, work, control, timeout_s, memory_mb)
                if result is not None:
                    return result
                if attempt == 1:
                    self._replace()
        except BaseException:
            self._replace()
            raise
        raise SandboxError(f"expected a Yosys worker to answer, got none twice; it last said: {self._last_words()!r}")

    def _try_job(
        self, commands: Sequence[str], work: Path, control: Path, timeout_s: float, memory_mb: int
    ) -> tuple[int, bool] | None:
        if not self._ready:
            self._wait_ready()
        self._count += 1
        request = {"job": self._count, "commands": list(commands), "work": str(work), "control": str(control)}
        if not self._send({**request, "memory_mb": memory_mb}):
            return None
        answer = self._receive(timeout_s)
        if answer == "timeout":
            self._send({"kill": self._count})
            if not isinstance(self._receive(_KILL_S), dict):
                self._replace()
            return -9, True
        return (int(answer["exit"]), False) if isinstance(answer, dict) else None

    def _wait_ready(self) -> None:
        answer = self._receive(_START_S)
        if not isinstance(answer, dict):
            words = self._last_words()
            raise SandboxError(
                f"expected a Yosys worker to start, got none within {_START_S:g} s or an early end: {words!r}"
            )
        self._ready = True

    def _send(self, message: dict[str, Any]) -> bool:
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            return False
        return True

    def _receive(self, timeout_s: float) -> dict[str, Any] | str:
        """Return the next message, or `timeout`, or `end` when the process is gone."""
        assert self._process is not None
        assert self._process.stdout is not None
        fd = self._process.stdout.fileno()
        deadline = time.monotonic() + timeout_s
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([fd], [], [], left)[0]:
                return "timeout"
            data = os.read(fd, 65536)
            if not data:
                return "end"
            self._buffer += data
        line, self._buffer = self._buffer.split(b"\n", 1)
        message: dict[str, Any] = json.loads(line)
        return message

    def _last_words(self) -> str:
        if self._stderr is None:
            return ""
        with contextlib.suppress(OSError, ValueError):
            self._stderr.seek(0)
            return self._stderr.read()[-2000:].decode("utf-8", errors="replace").strip()
        return ""

    def _replace(self) -> None:
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        """Kill the process, if any, and close what belongs to it."""
        process, self._process = self._process, None
        self._ready, self._buffer = False, b""
        if process is not None:
            # Closing stdin makes the worker kill its job's whole group; only then is the worker itself killed.
            with contextlib.suppress(OSError):
                process.stdin.close()  # type: ignore[union-attr]
            try:
                process.wait(timeout=1.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()  # type: ignore[union-attr]
        if self._stderr is not None:
            self._stderr.close()
            self._stderr = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def stop(self) -> None:
        """End the process for good, and its job with it."""
        with self._lock:
            self._stopped = True
            self._forget()
