"""The same for each of many things, over threads, with progress shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from rtlgen.core.events import EventBus, JobAdvanced, JobFinished, JobStarted, StopToken

T = TypeVar("T")
R = TypeVar("R")


def each(
    job: str, items: Sequence[T], fn: Callable[[T], R], *, jobs: int, bus: EventBus, token: StopToken
) -> list[tuple[T, R]]:
    """Return each thing with what `fn` makes of it, in order.

    What has not begun when the user asks to stop is left out.

    Args:
        job: name for the display.
        items: problems, or what stands for them.
        fn: called in several threads.
        jobs: threads.
        bus: gets progress.
        token: asks to stop.
    """
    bus.emit(JobStarted(job=job, total=len(items), unit="problems"))
    found: list[tuple[T, R]] = []
    with ThreadPoolExecutor(jobs) as threads:
        for made in threads.map(lambda item: None if token.draining else (item, fn(item)), items):
            if made is not None:
                found.append(made)
                bus.emit(JobAdvanced(job=job, done=len(found)))
    bus.emit(JobFinished(job=job, ok=len(found) == len(items)))
    return found
