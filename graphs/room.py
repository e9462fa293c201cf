"""Room for recursion: deep nesting must not end the process, neither in slang nor in Python."""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Callable
from typing import Final, TypeVar

Result = TypeVar("Result")

STACK_BYTES: Final = 512 << 20
"""Address space only; memory is taken as far as the stack grows. slang needs about 600 bytes a level."""
MAX_RECURSION: Final = 100_000
"""Calls of Python inside each other; slang gives up at 1024 levels of nesting, but not at long chains of operators."""
_inside = threading.local()


def with_room(work: Callable[[], Result]) -> Result:
    """Return what `work` returns, run on a stack of `STACK_BYTES`; its exceptions come through.

    The caller waits. KeyboardInterrupt, which Python raises in the main thread, ends the work too before it goes on.
    """
    if getattr(_inside, "room", False):
        return work()
    results: list[Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        _inside.room = True
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="rtlgen-room", daemon=True)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, MAX_RECURSION))
    try:
        _start(thread)
        _join(thread)
    finally:
        sys.setrecursionlimit(limit)
    if errors:
        raise errors.pop()
    return results.pop()


def _start(thread: threading.Thread) -> None:
    before = threading.stack_size(STACK_BYTES)
    try:
        thread.start()
    finally:
        threading.stack_size(before)


def _join(thread: threading.Thread) -> None:
    try:
        thread.join()
    except BaseException:
        if thread.ident is not None:
            interrupt = ctypes.py_object(KeyboardInterrupt)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), interrupt)
        thread.join()
        raise
