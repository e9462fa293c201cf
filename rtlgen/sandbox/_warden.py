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
_NOT_STARTED = 127


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
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
        job = json.loads(data)
        child = _started(job, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        status, used = _ended(channel, child) if child is not None else (_NOT_STARTED, (0.0, 0))
        _clear()
        channel.send(json.dumps({"status": status, "cpu_s": used[0], "max_rss_kb": used[1]}).encode())


def _started(job: dict[str, Any], outputs: list[int]) -> int | None:
    """Start a command; return its process, None where it can't be started.

    Spawning costs a third of what a fork of this process does. The limits follow at once, while the command is still
    being loaded; what it uses counts from its start.
    """
    wired: list[Any] = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)]
    wired += [(os.POSIX_SPAWN_DUP2, descriptor, target) for target, descriptor in enumerate(outputs, 1)]
    # Python ignores the first two, and the command would inherit that
    usual = [signal.SIGXFSZ, signal.SIGPIPE, signal.SIGINT]
    argv, env = job["argv"], job["env"]
    try:
        child = os.posix_spawn(argv[0], argv, env, file_actions=wired, setsid=True, setsigdef=usual)
    except OSError as error:
        os.write(outputs[1], f"{argv[0]}: {error.strerror}\n".encode())
        return None
    for name, value in job["rlimits"].items():
        soft, _, hard = value.partition(":")
        try:
            resource.prlimit(child, getattr(resource, f"RLIMIT_{name.upper()}"), (int(soft), int(hard or soft)))
        except ProcessLookupError:  # it has ended already
            break
    return child


def _ended(channel: socket.socket, child: int) -> tuple[int, tuple[float, int]]:
    """Wait for a command, and leave at once where the other side is gone; return its exit code and what it used."""
    poll = select.poll()
    descriptor = os.pidfd_open(child)
    poll.register(descriptor, select.POLLIN)
    poll.register(channel, select.POLLRDHUP)
    if any(found == channel.fileno() for found, _ in poll.poll()):
        os._exit(1)
    os.close(descriptor)
    _, status, usage = os.wait4(child, 0)
    return os.waitstatus_to_exitcode(status), (usage.ru_utime + usage.ru_stime, usage.ru_maxrss)


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
