"""A process with all its descendants: how many, how much memory, and their end."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_PROC = Path("/proc")


def descendants(pid: int) -> list[int]:
    """Return `pid` and every living descendant that the kernel still links to it."""
    found, todo = [], [pid]
    while todo:
        here = todo.pop()
        found.append(here)
        todo += _children(here)
    return found


def marked(mark: str) -> list[int]:
    """Return every process whose environment holds `mark`, such as one that left its parent's process group."""
    needle, found = mark.encode(), []
    for entry in os.scandir(_PROC):
        if entry.name.isdigit():
            with suppress(OSError):
                if needle in Path(entry.path, "environ").read_bytes():
                    found.append(int(entry.name))
    return found


def memory_bytes(pids: list[int]) -> int:
    """Return the memory in use by `pids` together, shared pages counted once each time."""
    total = 0
    for pid in pids:
        with suppress(OSError, ValueError, IndexError):
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    return total


def kill(pid: int, mark: str) -> None:
    """End `pid`, its process group, its descendants and what carries `mark`, until none is left to find."""
    for _ in range(20):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        left = {*descendants(pid), *marked(mark)} - {os.getpid()}
        for other in left:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(other, signal.SIGKILL)
        if not _alive(left):
            return


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with suppress(OSError):
                found += [int(word) for word in Path(f"/proc/{pid}/task/{task}/children").read_text().split()]
    return found


def _alive(pids: set[int]) -> bool:
    """Return True where one of `pids` still runs; one that is dead and not yet waited for does not."""
    for pid in pids:
        with suppress(OSError, IndexError):
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX":
                return True
    return False
