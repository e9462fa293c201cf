"""Keeps ABC processes that have started and loaded their library, for all the calls of a worker's jobs.

ABC spends about 17 ms on tables of its own before it reads its first command, 13 ms on others when it meets the first
multiplexer, and more on loading a library; one run of the baseline flow calls it once for every group of flip-flops
with the same clock, enable and reset, twice over. A worker therefore keeps ABC processes that have done all of that.
What they make of a design does not depend on what they worked on before: over 370 designs in three random orders every
result (cells, area, delay) was that of fresh processes, and the tests check it against the plain flow.

Yosys is given a small shell program in place of ABC (`client.py`). It hands the script's path to the worker through
a FIFO and copies the answer (exit status, then what ABC printed) to its output. Where that can't work it becomes the
real ABC.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import pty
import re
import resource
import signal
import sys
import time
import tty
from collections.abc import Callable
from dataclasses import dataclass, field

_SCRIPT_LIMIT = 1 << 20
_MAX_SCRIPTS = 1000
"""Scripts after which a process is replaced, so that what ABC does not free can't pile up."""
_GENERIC = "genlib"
_READ_GENLIB = re.compile(r"^(?:echo \+ )?read_library \S*stdcells\.genlib *;?\n", re.MULTILINE)
_READ_SCL = re.compile(r'^(?:echo \+ )?read_scl "(?P<path>[^"\n]+)" ?;\n', re.MULTILINE)
_PR_SET_PDEATHSIG = 1
_DONE = b"rtlgen: script done"
_DONE_PRINTED = re.compile(re.escape(_DONE) + rb" ?\r?\n\Z")
"""`echo` puts a space behind every word."""
_MULTIPLEXER = ".model warm\n.inputs a b s\n.outputs y\n.names a b s y\n1-0 1\n-11 1\n.end\n"


@dataclass(slots=True)
class Abc:
    """One ABC process that waits for commands on its stdin."""

    pid: int
    commands: int
    """Writing end of its stdin."""
    printed: int
    """Reading end of its stdout and stderr."""
    library: str | None
    """Library that it has loaded: a path, `genlib` for the generic gates, None for none yet."""
    output: bytearray = field(default_factory=bytearray)
    scripts: int = 0
    """Scripts that it has run."""
    lasting: bool = True
    """May run another one: what a script loads in any other way must not be there for the next."""


class Nursery:
    """Waiting ABC processes, at most one that works, and the FIFOs to Yosys."""

    def __init__(self, abc: str, folder: str, *, blank: int = 1, loaded: int = 1) -> None:
        """Make the FIFOs and start the first processes.

        Args:
            abc: path of ABC.
            folder: private folder for the FIFOs and the shell program.
            blank: processes kept without a library (for the generic mapping inside `synth`).
            loaded: processes kept with the library that the last script asked for.

        Raises:
            OSError: no FIFO, no process, or the folder can't be written.
        """
        self.abc = abc
        self.wanted = {False: blank, True: loaded}
        self.library: str | None = None
        self.waiting: list[Abc] = []
        self.busy: Abc | None = None
        self.alive: Callable[[], bool] = lambda: False
        self.memory = resource.RLIM_INFINITY
        self.request_path = os.path.join(folder, "request")
        self.answer_path = os.path.join(folder, "answer")
        os.mkfifo(self.request_path, 0o600)
        os.mkfifo(self.answer_path, 0o600)
        self.requests = os.open(self.request_path, os.O_RDWR | os.O_NONBLOCK)
        self.pending = b""
        self.warm_path = os.path.join(folder, "warm.blif")
        with open(self.warm_path, "w") as file:
            file.write(_MULTIPLEXER)
        self.refill()

    def watched(self) -> list[int]:
        """Return the descriptors whose input `handle` takes."""
        return [self.requests] if self.busy is None else [self.requests, self.busy.printed]

    def handle(self, ready: list[int]) -> None:
        """Take a request, or output of the working ABC."""
        if self.busy is not None and self.busy.printed in ready:
            self.collect(self.busy)
        if self.requests in ready:
            self.pending += os.read(self.requests, 65536)
        if self.busy is None and b"\n" in self.pending:
            line, self.pending = self.pending.split(b"\n", 1)
            self.give(os.fsdecode(line))

    def give(self, script_path: str) -> None:
        """Hand the script to a waiting process, one that has its library loaded where there is one."""
        try:
            with open(script_path, encoding="utf-8", errors="surrogateescape") as file:
                script = file.read(_SCRIPT_LIMIT)
        except OSError as error:
            self.answer(1, f"ABC: can't read its script: {error}\n".encode())
            return
        found = _READ_SCL.search(script)
        library = found["path"] if found else _GENERIC if _READ_GENLIB.search(script) else None
        process = self.take(library)
        if found and process.library == library:
            script = _READ_SCL.sub("", script)
        process.library, process.lasting = library, library is not None
        self.library = found["path"] if found else self.library
        with contextlib.suppress(OSError):
            hard = resource.prlimit(process.pid, resource.RLIMIT_AS)[1]
            resource.prlimit(process.pid, resource.RLIMIT_AS, (self.memory, hard))
        self.busy = process
        process.scripts, process.output = process.scripts + 1, bytearray()
        with contextlib.suppress(OSError):
            _write_all(process.commands, script.encode("utf-8", errors="surrogateescape") + b"\necho " + _DONE + b"\n")

    def take(self, library: str | None) -> Abc:
        """Remove and return a waiting process that fits; a new one where none waits."""
        for wanted in dict.fromkeys((library, None)):
            for process in self.waiting:
                if process.library == wanted:
                    self.waiting.remove(process)
                    return process
        return self.spawn(None)

    def refill(self) -> None:
        """Start processes until enough wait, and end those that are worn out or have another library.

        Called between jobs: the new processes then use the core that the next job does not need at its start.
        """
        kept = (None, _GENERIC, self.library)
        for process in [p for p in self.waiting if p.scripts > _MAX_SCRIPTS or p.library not in kept]:
            self.waiting.remove(process)
            _end(process)
        for with_library in (False, True):
            libraries = (self.library,) if with_library else (None, _GENERIC)
            if libraries == (None,):
                continue
            have = sum(process.library in libraries for process in self.waiting)
            self.waiting += [self.spawn(libraries[0]) for _ in range(self.wanted[with_library] - have)]

    def spawn(self, library: str | None) -> Abc:
        """Start an ABC process that reads commands from its stdin, and make it load the library."""
        commands_read, commands = os.pipe()
        # A terminal, because ABC holds back what it prints into a pipe until it ends.
        printed, printed_write = pty.openpty()
        tty.setraw(printed_write)
        pid = os.fork()
        if pid == 0:
            self.become_abc(commands_read, printed_write)
        os.close(commands_read)
        os.close(printed_write)
        load = "" if library is None else f'read_scl "{library}"\n'
        with contextlib.suppress(OSError):
            os.write(commands, f'{load}read_blif "{self.warm_path}"\nstrash\nempty\n'.encode())
        return Abc(pid, commands, printed, library)

    def become_abc(self, commands: int, printed: int) -> None:
        """Replace this forked child by ABC in a process group of its own."""
        try:
            os.setpgid(0, 0)
            if sys.platform == "linux":
                ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            os.dup2(commands, 0)
            os.dup2(printed, 1)
            os.dup2(printed, 2)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            os.execv(self.abc, [self.abc, "-s", "-f", "/dev/stdin"])
        finally:
            os._exit(127)

    def collect(self, process: Abc) -> None:
        """Read what the working process printed; at the script's end, answer without waiting for ABC to clean up."""
        try:
            data = os.read(process.printed, 65536)
        except OSError:  # what reading from the terminal of an ended process gives
            data = b""
        process.output += data
        done = _DONE_PRINTED.search(process.output, max(0, len(process.output) - 2 * len(_DONE)))
        if data and not done:
            return
        self.busy = None
        if done:
            if process.lasting:
                self.waiting.append(process)
            else:
                _end(process)
            self.answer(0, bytes(process.output[: done.start()]))
            return
        os.close(process.commands)
        os.close(process.printed)
        status = os.waitstatus_to_exitcode(os.waitpid(process.pid, 0)[1])
        self.answer(status if status >= 0 else 128 - status, bytes(process.output))

    def answer(self, status: int, output: bytes) -> None:
        """Write status and output to the shell program, unless the job has ended meanwhile."""
        while True:
            try:
                fd = os.open(self.answer_path, os.O_WRONLY | os.O_NONBLOCK)
                break
            except OSError as error:
                if error.errno != errno.ENXIO or not self.alive():
                    return
                time.sleep(0.0005)
        os.set_blocking(fd, True)
        with contextlib.suppress(OSError):
            _write_all(fd, f"{status}\n".encode() + output)
        os.close(fd)

    def abandon(self) -> None:
        """Kill the working process after its job ended, and forget requests that came late."""
        if self.busy is not None:
            _end(self.busy)
            self.busy = None
        with contextlib.suppress(OSError):
            while os.read(self.requests, 65536):
                pass
        self.pending = b""

    def leave_to_parent(self) -> None:
        """Close this forked child's copies of the pipes: a copy kept open would hide the end of a script from ABC."""
        for process in self.waiting:
            os.close(process.commands)
            os.close(process.printed)
        os.close(self.requests)

    def close(self) -> None:
        """End every process."""
        self.abandon()
        for process in self.waiting:
            _end(process)
        self.waiting.clear()


def _end(process: Abc) -> None:
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    os.close(process.commands)
    os.close(process.printed)
    os.waitpid(process.pid, 0)


def _write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]
