"""Ctrl-C: the first one drains, the second one stops."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from rtlgen.core.events import StopToken

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def interruptible(token: StopToken) -> Iterator[StopToken]:
    """Let SIGINT and SIGTERM ask `token` to stop; the second one also raises KeyboardInterrupt in the main thread.

    Outside the main thread, where Python allows no signal handlers, this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield token
        return

    def handle(_signal: int, _frame: FrameType | None) -> None:
        token.ask()
        if token.stopped:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, handle) for number in _SIGNALS}
    try:
        yield token
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
