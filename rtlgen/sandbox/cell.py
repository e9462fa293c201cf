"""A place that is confined once, in which commands run one after the other: for many short ones.

Making namespaces costs more than a small compile. A cell makes them once; a process inside it (`_warden.py`) starts
the commands. Between two commands everything that the first one started is ended, and between two tenants the folders
are emptied. Without bubblewrap a cell is a folder, and each command runs as `sandbox.run` runs it.
"""

from __future__ import annotations

import atexit
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Final

from rtlgen.core.errors import SandboxError
from rtlgen.core.types import ToolRun
from rtlgen.sandbox import proctree
from rtlgen.sandbox.confine import bubble, clean_env, confinement, rlimits
from rtlgen.sandbox.limits import Limits
from rtlgen.sandbox.runner import MARK, located, not_found, run
from rtlgen.sandbox.watch import Watched, watch

_WARDEN: Final = Path(__file__).resolve().with_name("_warden.py")
_MESSAGE: Final = 4096
_PATIENCE_S: Final = 2.0
_LIFE: Final = ("--as-pid-1",)
_READ_ONLY: Final = ("--remount-ro", "/dev", "--remount-ro", "/tmp", "--remount-ro", "/")
"""What else could be written would hand files from one tenant to the next."""


class Cell:
    """One place; one thread at a time.

    Attributes:
        folder: where commands run and may write.
    """

    def __init__(self, readable: Sequence[Path] = ()) -> None:
        """Make a place in which commands may read `readable` beside what `sandbox.run` lets them read.

        Raises:
            SandboxError: it can't be made.
        """
        self._readable = tuple(readable)
        try:
            self._root = Path(tempfile.mkdtemp(prefix="rtlgen-cell-", dir=confinement().scratch)).resolve()
            self.folder, self._tmp = self._root / "work", self._root / "tmp"
            for folder in (self.folder, self._tmp):
                folder.mkdir()
        except OSError as error:
            raise SandboxError(f"can't make a folder for untrusted code: {error}") from error
        self._mark = uuid.uuid4().hex
        self._env = clean_env({MARK: self._mark}, home=self.folder, tmp=str(self._tmp))
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None

    def run(
        self,
        argv: Sequence[str],
        *,
        limits: Limits,
        env: Mapping[str, str] | None = None,
        tool_version: str | None = None,
    ) -> ToolRun:
        """Return what came of a command, run in `folder` with every process it started ended; see `sandbox.run`.

        Args:
            argv: command and its arguments, run without a shell; the command is looked up in PATH.
            limits: for it.
            env: variables beside those that every command gets.
            tool_version: goes into the result.

        Raises:
            SandboxError: the sandbox itself failed.
        """
        if confinement().bwrap is None:
            readable = self._readable
            return run(argv, cwd=self.folder, limits=limits, env=env, readable=readable, tool_version=tool_version)
        command = located(argv)
        if command is None:
            return not_found(argv, tool_version)
        try:
            return self._run(command, limits, env or {}, tool_version)
        except OSError as error:
            raise SandboxError(f"can't run {argv[0]!r}: {error}") from error

    def empty(self) -> bool:
        """Remove every file; return False where that can't be done, and the cell is not to be used again."""
        try:
            for folder in (self.folder, self._tmp):  # these themselves are mounted inside
                folder.chmod(0o700)
                for entry in os.scandir(folder):
                    if entry.is_dir(follow_symlinks=False):
                        shutil.rmtree(entry.path)
                    else:
                        Path(entry.path).unlink()
        except OSError:
            return False
        return True

    def close(self) -> None:
        """End what runs and remove the folders."""
        self._end()
        shutil.rmtree(self._root, ignore_errors=True)

    def _run(self, argv: Sequence[str], limits: Limits, env: Mapping[str, str], tool_version: str | None) -> ToolRun:
        process, channel = self._warden()
        order = json.dumps({"argv": list(argv), "env": {**self._env, **env}, "rlimits": rlimits(limits)}).encode()
        ends = [os.pipe() for _ in range(2)]
        try:
            try:
                socket.send_fds(channel, [order], [write for _, write in ends])
            finally:
                for _, write in ends:
                    os.close(write)
            pipes = {"stdout": ends[0][0], "stderr": ends[1][0]}
            watched = Watched(process.pid, pipes, (self.folder, self._tmp), limits)
            code = watch(watched, channel.fileno(), lambda: _answer(channel, watched))
            if code is None:
                self._end()
            return watched.result(argv, code, tool_version)
        except BaseException:
            self._end()
            raise
        finally:
            for read, _ in ends:
                os.close(read)

    def _warden(self) -> tuple[subprocess.Popen[bytes], socket.socket]:
        """Return the process inside and the way to it, started where it is not there."""
        if self._process is not None and self._channel is not None and not _is_closed(self._channel):
            return self._process, self._channel
        self._end()
        bwrap = confinement().bwrap
        assert bwrap is not None, "asked before"
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            confined = bubble(bwrap, sys.executable, self.folder, None, [self._tmp], (*self._readable, _WARDEN), _LIFE)
            inner = [sys.executable, "-I", "-S", str(_WARDEN), str(theirs.fileno())]
            try:
                self._process = subprocess.Popen(
                    [*confined[:-1], *_READ_ONLY, "--", *inner],
                    env=self._env,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
            except OSError:
                ours.close()
                raise
        self._channel = ours
        ours.setblocking(False)
        return self._process, ours

    def _end(self) -> None:
        """End what is inside: its first process ends with the channel, and the others with it."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._process is not None:
            try:
                self._process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                proctree.kill(self._process.pid, f"{MARK}={self._mark}")
                self._process.wait()
            self._process = None


def _is_closed(channel: socket.socket) -> bool:
    try:
        return not channel.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _answer(channel: socket.socket, watched: Watched) -> int | None:
    """Return the exit code once the process inside says it, None before."""
    try:
        data = channel.recv(_MESSAGE)
    except BlockingIOError:
        return None
    if not data:
        raise OSError("the process inside the cell has ended")
    answer = json.loads(data)
    watched.used(answer["cpu_s"], answer["max_rss_kb"])
    return int(answer["status"])


_idle: dict[tuple[Path, ...], list[Cell]] = {}
_lock = Lock()
_owner = os.getpid()


@contextmanager
def cell(readable: Sequence[Path] = (), *, keep: bool = True) -> Iterator[Cell]:
    """Give an empty cell for one piece of untrusted code.

    Args:
        readable: files and folders that it may read beside the system's.
        keep: whether the cell is kept for the next one, emptied.

    Raises:
        SandboxError: it can't be made.
    """
    key = tuple(readable)
    with _lock:
        kept = _idle.get(key) if keep and _owner == os.getpid() else None
        found = kept.pop() if kept else None
    place = found or Cell(readable)
    try:
        yield place
    except BaseException:
        place.close()
        raise
    if keep and _owner == os.getpid() and place.empty():
        with _lock:
            _idle.setdefault(key, []).append(place)
    else:
        place.close()


@atexit.register
def close_idle() -> None:
    """Close every cell that no one holds."""
    if _owner != os.getpid():
        return
    with _lock:
        for places in _idle.values():
            while places:
                places.pop().close()
