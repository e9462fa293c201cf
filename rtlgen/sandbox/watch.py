"""What is known of one command in flight: its output, what it uses, and how it ended."""

from __future__ import annotations

import os
import re
import resource
import selectors
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from rtlgen.core.types import EndedBy, ToolRun
from rtlgen.sandbox import proctree
from rtlgen.sandbox.confine import MIB
from rtlgen.sandbox.limits import Limits

POLL_S = (0.01, 0.05)
"""First and longest pause between two looks at the process tree."""
_DISK_EVERY_S = 1.0
_CHUNK = 1 << 16
_OUT_OF_MEMORY = re.compile(
    r"std::bad_alloc|\bMemoryError\b|[Oo]ut of memory|[Cc]annot allocate memory|virtual memory exhausted|"
    r"failed to map segment|memory allocation (?:failed|of \d+ bytes failed)"
)


@dataclass(slots=True)
class Watched:
    """One command in flight.

    Attributes:
        pid: root of its process tree, as this process sees it.
        pipes: `stdout` and `stderr` → descriptor that does not block.
        folders: where its files count.
        limits: that it has to keep.
        start_s: on the monotonic clock.
    """

    pid: int
    pipes: Mapping[str, int]
    folders: tuple[Path, ...]
    limits: Limits
    start_s: float = field(default_factory=time.monotonic)
    cpu_s: float = 0.0
    broke: tuple[EndedBy, str] | None = None
    """Limit that was broken: how to classify it, and the line for the user."""
    _chunks: dict[str, list[bytes]] = field(default_factory=lambda: {"stdout": [], "stderr": []})
    _output_bytes: int = 0
    _peak_bytes: int = 0
    _disk_checked_s: float = 0.0

    def read(self, name: str) -> bool:
        """Take what is there to read; return False at the end of the stream."""
        try:
            data = os.read(self.pipes[name], _CHUNK)
        except BlockingIOError:
            return True
        room = self.limits.output_mb * MIB - self._output_bytes
        self._chunks[name].append(data[:room])
        self._output_bytes += min(len(data), room)
        if len(data) > room:
            self.broke = "signal", f"more than {self.limits.output_mb} MiB of output"
        return bool(data)

    def drain(self) -> None:
        """Read what the ended command left in the pipes, without waiting for others that hold them open."""
        for name in self.pipes:
            before = -1
            while self._output_bytes != before and not self.broke:
                before = self._output_bytes
                self.read(name)

    def check(self) -> None:
        """Set `broke` where a limit over the whole tree is passed."""
        limits = self.limits
        if self.broke:
            return
        if time.monotonic() - self.start_s > limits.wall_s:
            self.broke = "timeout", f"{limits.wall_s:g} s of wall time are over"
            return
        pids = proctree.descendants(self.pid)
        used = proctree.memory_bytes(pids, limits.memory_mb * MIB)
        self._peak_bytes = max(self._peak_bytes, used)
        if used > limits.memory_mb * MIB:
            self.broke = "memory", f"more than {limits.memory_mb} MiB of memory in use"
        elif len(pids) > limits.processes:
            self.broke = "signal", f"more than {limits.processes} processes"
        elif self._disk_full():
            self.broke = "signal", f"more than {limits.disk_mb} MiB of files"

    def _disk_full(self) -> bool:
        """Return True where the run's files are over their limit; looks at most once a second."""
        now = time.monotonic()
        if now - max(self._disk_checked_s, self.start_s) < _DISK_EVERY_S:
            return False
        self._disk_checked_s = now
        room = self.limits.disk_mb * MIB
        for folder in self.folders:
            for parent, _, names in os.walk(folder):
                for name in names:
                    with suppress(OSError):
                        room -= os.lstat(f"{parent}/{name}").st_blocks * 512
                if room < 0:
                    return True
        return False

    def used(self, cpu_s: float, max_rss_kb: int) -> None:
        """Take what the kernel says that the command used.

        Between fork and exec a child counts its parent's memory as its own, so a figure below ours says nothing.
        """
        self.cpu_s = cpu_s
        if max_rss_kb > resource.getrusage(resource.RUSAGE_SELF).ru_maxrss:
            self._peak_bytes = max(self._peak_bytes, max_rss_kb * 1024)

    def result(self, argv: Sequence[str], code: int | None, tool_version: str | None) -> ToolRun:
        """Return what came of the command; `code` is negative or above 128 for a signal, None where we ended it."""
        stdout, stderr = (b"".join(self._chunks[name]).decode(errors="replace") for name in ("stdout", "stderr"))
        ended_by, exit_code, note = self._classify(code, stdout[-4096:] + stderr[-4096:])
        if note:
            stderr += ("\n" if stderr and not stderr.endswith("\n") else "") + f"rtlgen sandbox: ended it: {note}\n"
        return ToolRun(
            argv=tuple(argv),
            exit_code=exit_code,
            stdout=stdout,
            stderr=stderr,
            wall_s=time.monotonic() - self.start_s,
            peak_mb=self._peak_bytes / MIB if self._peak_bytes else None,
            ended_by=ended_by,
            tool_version=tool_version,
        )

    def _classify(self, code: int | None, tail: str) -> tuple[EndedBy, int | None, str]:
        """Return (ended_by, exit code, note for the user)."""
        if self.broke:
            return self.broke[0], None, self.broke[1]
        if code is None:
            return "signal", None, "it was interrupted"
        number = -code if code < 0 else code - 128  # bubblewrap reports a signal as a shell does
        if number == signal.SIGXCPU or (number == signal.SIGKILL and self.cpu_s >= self.limits.cpu_s):
            return "timeout", None, f"{self.limits.cpu_s:g} s of CPU time are over"
        if code != 0 and _OUT_OF_MEMORY.search(tail):
            return "memory", None if number > 0 else code, ""
        if number == signal.SIGXFSZ:
            return "signal", None, f"a file grew over {self.limits.file_mb} MiB"
        return ("signal", None, "") if number > 0 else ("exit", code, "")


def watch(watched: Watched, ended: int | None, reap: Callable[[], int | None]) -> int | None:
    """Read output and look after the limits until the command ends.

    Args:
        watched: the command.
        ended: descriptor that can be read once it has ended; None where the kernel has none.
        reap: returns its exit code once it has ended, None before.

    Returns:
        The exit code; None where a limit is broken and the command still runs.
    """
    pause = POLL_S[0]
    with selectors.DefaultSelector() as selector:
        if ended is not None:
            selector.register(ended, selectors.EVENT_READ, "")
        for name, pipe in watched.pipes.items():
            os.set_blocking(pipe, False)
            selector.register(pipe, selectors.EVENT_READ, name)
        while True:
            code = reap()
            events = selector.select(0 if code is not None else pause) if selector.get_map() else []
            for key, _ in events:
                if key.data and not watched.read(key.data):
                    selector.unregister(key.fileobj)
            if code is not None:
                watched.drain()
                return code
            watched.check()
            if watched.broke:
                return None
            if not selector.get_map():
                time.sleep(pause)
            pause = min(pause * 1.5, POLL_S[1])
