"""A process with all its descendants: how many, how much memory, and their end."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_PROC = Path("/proc")
_LOOKS = 500
_BETWEEN_S = 0.002


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


def memory_bytes(pids: list[int], limit: int) -> int:
    """Return the memory in use by `pids` together.

    The quick sum counts a shared page once for each process; where it passes `limit`, the exact one is taken, in which
    each process has its share of a shared page (`Pss` of proc(5)).
    """
    quick = sum(_resident(pid) for pid in pids)
    return quick if quick <= limit else sum(_proportional(pid) for pid in pids)


def _resident(pid: int) -> int:
    with suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    return 0


def _proportional(pid: int) -> int:
    with suppress(OSError, ValueError, IndexError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0  # it has ended


def kill(pid: int | None, mark: str) -> None:
    """End everything that carries `mark`, and process `pid` with its group and descendants, until none is left.

    `pid` is None once that process has been waited for, since its number may then belong to another. A process may be
    missed while it forks or starts a program, so it takes two looks that find nothing.
    """
    empty = 0
    for _ in range(_LOOKS):
        if pid is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
        left = {number for number in {*(descendants(pid) if pid else ()), *marked(mark)} if _alive(number)}
        for number in left:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(number, signal.SIGKILL)
        empty = 0 if left else empty + 1
        if empty == 2:
            return
        time.sleep(_BETWEEN_S)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with suppress(OSError):
                found += [int(word) for word in Path(f"/proc/{pid}/task/{task}/children").read_text().split()]
    return found


def _alive(pid: int) -> bool:
    """Return True where `pid` still runs; one that is dead and not yet waited for does not."""
    with suppress(OSError, IndexError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    return False
