"""Program of one Yosys worker: a process that has Yosys loaded and forks a fresh child for every job.

Yosys ends its whole process on an error, keeps global state (name counters, macros, saved designs) between designs,
and may run away in memory. Forking a child from a process that already holds the library, the parsed Liberty file
and the technology-mapping templates costs about two milliseconds, gives every job the same starting state, and
makes an error cost nothing beyond the child.

The program is started by path (never imported by the package) and speaks JSON lines: requests on stdin, replies on
the stdout it was given. It ends when stdin ends, and takes a running job with it.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import select
import shutil
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rtlgen.synth.yosys.nursery import Nursery
else:
    # Started by path, the program finds its neighbour first on the module path, without loading the package.
    from nursery import Nursery

_MIB = 1024 * 1024
_FILE_LIMIT = 1024 * _MIB
_PR_SET_PDEATHSIG = 1


class Zygote:
    """Holds the warm Yosys state and at most one running job."""

    def __init__(self, yosys: Any, replies: int, nursery: Nursery | None, client: str | None) -> None:
        self.yosys = yosys
        self.replies = replies
        self.nursery = nursery
        self.client = client if nursery else None
        self.job: int | None = None
        self.pid = 0
        self.life = -1
        self.pending = b""

    def reply(self, message: dict[str, Any]) -> None:
        """Send one line to the parent."""
        data = json.dumps(message).encode() + b"\n"
        while data:
            data = data[os.write(self.replies, data) :]

    def serve(self) -> None:
        """Handle requests until stdin ends."""
        while True:
            watched = [0] if self.job is None else [0, self.life]
            nursery = self.nursery.watched() if self.nursery else []
            ready = select.select([*watched, *nursery], [], [])[0]
            if self.nursery:
                self.nursery.handle(ready)
            if self.life in ready:
                self.reap()
            if 0 in ready and not self.receive():
                self.kill()
                return

    def job_lives(self) -> bool:
        """Tell whether the child of the running job still holds its end of the pipe."""
        return self.job is not None and not select.select([self.life], [], [], 0)[0]

    def receive(self) -> bool:
        """Read what stdin has; False at its end."""
        data = os.read(0, 1 << 20)
        if not data:
            return False
        *lines, self.pending = (self.pending + data).split(b"\n")
        for line in lines:
            request = json.loads(line)
            if "kill" in request:
                if request["kill"] == self.job:
                    self.kill()
            else:
                self.start(request)
        return True

    def start(self, request: dict[str, Any]) -> None:
        """Fork the child that runs one job."""
        read_end, write_end = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(read_end)
            os.close(self.replies)
            if self.nursery:
                self.nursery.leave_to_parent()
            run_job(self.yosys, request, keep=write_end, exe=self.client)
        os.close(write_end)
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)
        self.job, self.pid, self.life = request["job"], pid, read_end
        if self.nursery:
            self.nursery.alive = self.job_lives
            self.nursery.memory = request["memory_mb"] * _MIB

    def kill(self) -> None:
        """Kill the running job with everything that it started."""
        if self.job is None:
            return
        with contextlib.suppress(OSError):
            os.killpg(self.pid, signal.SIGKILL)

    def reap(self) -> None:
        """Collect the ended child, kill what it left behind, and report."""
        status = os.waitpid(self.pid, 0)[1]
        self.kill()
        os.close(self.life)
        if self.nursery:
            self.nursery.abandon()
        job, self.job, self.life = self.job, None, -1
        code = os.waitstatus_to_exitcode(status)
        self.reply({"job": job, "exit": code})
        if self.nursery:
            self.nursery.refill()


def run_job(yosys: Any, request: dict[str, Any], *, keep: int, exe: str | None) -> None:
    """Run one job in this forked child and end the process; progress goes to a file, a line per command."""
    code = 1
    try:
        enter_job(request, keep)
        design = yosys.Design()
        if exe:
            yosys.run_pass(f'scratchpad -set abc.exe "{exe}"', design)
        with open(os.path.join(request["control"], "progress"), "w", buffering=1) as progress:
            for command in request["commands"]:
                begin = time.perf_counter()
                yosys.run_pass(command, design)
                progress.write(f"{time.perf_counter() - begin:.6f}\n")
        yosys.log_flush()
        code = 0
    except MemoryError:
        os.write(2, b"\nERROR: out of memory (MemoryError)\n")
    except BaseException as error:  # the child has to end with a message, whatever happens
        os.write(2, f"\nERROR: {error}\n".encode())
    finally:
        os._exit(code)


def enter_job(request: dict[str, Any], keep: int) -> None:
    """Put this child into its folder, its process group and its limits."""
    os.setpgid(0, 0)
    die_with_parent()
    os.chdir(request["work"])
    log = os.open(os.path.join(request["control"], "log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.set_inheritable(keep, False)
    os.environ["TMPDIR"] = request["control"]
    memory = request["memory_mb"] * _MIB
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_LIMIT, _FILE_LIMIT))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent ends (Linux only; elsewhere the pipe's end does it)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def main(arguments: list[str]) -> None:
    """Load Yosys, run the preload commands given as JSON, say `ready`, and serve."""
    options = json.loads(arguments[0])
    replies = os.dup(1)
    os.dup2(2, 1)
    os.environ["YOSYS_MAX_THREADS"] = "1"
    # Many evaluations wait for each other; what decides which to run next, and proofs, go first.
    os.nice(5)
    from pyosys import libyosys as yosys

    design = yosys.Design()
    for command in options["preload"]:
        yosys.run_pass(command, design)
    yosys.log_flush()
    zygote = Zygote(yosys, replies, open_nursery(options), options["client"])
    zygote.reply({"ready": True})
    try:
        zygote.serve()
    finally:
        if zygote.nursery:
            zygote.nursery.close()
        shutil.rmtree(options["folder"], ignore_errors=True)


def open_nursery(options: dict[str, Any]) -> Nursery | None:
    """Return the keeper of waiting ABC processes; None where the system has no FIFOs or no shell."""
    abc = options["abc"]
    if not (options["client"] and os.access(abc, os.X_OK) and os.access("/bin/sh", os.X_OK)):
        return None
    try:
        nursery = Nursery(abc, options["folder"])
    except OSError:
        return None
    os.environ.update({"RTLGEN_ABC_FOLDER": options["folder"], "RTLGEN_ABC_REAL": abc})
    return nursery


if __name__ == "__main__":
    main(sys.argv[1:])
