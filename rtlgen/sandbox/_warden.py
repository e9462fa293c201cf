"""First process of a cell: starts one command after the other and leaves nothing of one to the next.

Run as a script inside the confinement, it imports no package. Each message names a command and brings its output
pipes; the answer says how it ended. When the other side goes, so does this process, and with it all that it started.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import select
import signal
import socket
import sys
from typing import Any

_MESSAGE = 1 << 18
_PR_SET_DUMPABLE = 4


def main() -> None:
    """Serve the descriptor that the command line names."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    channel.set_inheritable(False)
    # a command runs as the same user: it must not reach the memory of this process by /proc
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    while True:
        data, descriptors, _, _ = socket.recv_fds(channel, _MESSAGE, 2)
        if not data:
            return
        child = _started(json.loads(data), descriptors)
        status, usage = _ended(channel, child)
        _clear()
        answer = {"status": status, "cpu_s": usage.ru_utime + usage.ru_stime, "max_rss_kb": usage.ru_maxrss}
        channel.send(json.dumps(answer).encode())


def _started(job: dict[str, Any], outputs: list[int]) -> int:
    child = os.fork()
    if child:
        for descriptor in outputs:
            os.close(descriptor)
        return child
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for target, descriptor in enumerate(outputs, 1):
            os.dup2(descriptor, target)
            os.close(descriptor)
        for name, value in job["rlimits"].items():
            soft, _, hard = value.partition(":")
            resource.setrlimit(getattr(resource, f"RLIMIT_{name.upper()}"), (int(soft), int(hard or soft)))
        # Python ignores the first two, and the command would inherit that
        for number in (signal.SIGXFSZ, signal.SIGPIPE, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        os.execve(job["argv"][0], job["argv"], job["env"])
    except OSError as error:
        os.write(2, f"{job['argv'][0]}: {error.strerror}\n".encode())
    finally:
        os._exit(127)


def _ended(channel: socket.socket, child: int) -> tuple[int, resource.struct_rusage]:
    """Wait for a command, and leave at once where the other side is gone."""
    poll = select.poll()
    descriptor = os.pidfd_open(child)
    poll.register(descriptor, select.POLLIN)
    poll.register(channel, select.POLLRDHUP)
    if any(found == channel.fileno() for found, _ in poll.poll()):
        os._exit(1)
    os.close(descriptor)
    _, status, usage = os.wait4(child, 0)
    return os.waitstatus_to_exitcode(status), usage


def _clear() -> None:
    """End what the command left running: all but this first process of the namespace is the command's."""
    while True:
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            pass
        try:
            os.wait()
        except ChildProcessError:
            return


if __name__ == "__main__":
    main()
