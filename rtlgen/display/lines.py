"""Displays that write lines: for logs, for programs, and none."""

from __future__ import annotations

from typing import IO, Self

from rtlgen.core.events import Event, JobAdvanced, JobFinished, JobStarted, Notice, StopAsked
from rtlgen.display.progress import Progress

_EVERY_S = 2.0
"""Least time between two progress lines of one job."""

STOP_TEXT = {
    False: "stopping after the step at hand; press Ctrl-C again to stop at once",
    True: "stopping at once",
}


class _Writer:
    """Writes lines to a stream; one that was closed by its reader is left alone."""

    def __init__(self, stream: IO[str]) -> None:
        self.stream = stream

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def write(self, line: str) -> None:
        """Write one line."""
        self.stream.write(line + "\n")
        self.stream.flush()


class Lines(_Writer):
    """Progress as plain lines, at most one every two seconds and job."""

    def __init__(self, stream: IO[str]) -> None:
        super().__init__(stream)
        self._jobs: dict[str, Progress] = {}
        self._shown_s: dict[str, float] = {}

    def __call__(self, event: Event) -> None:
        """Write what `event` gives reason to write."""
        if isinstance(event, JobStarted):
            self._jobs[event.job] = Progress.of(event)
            self._shown_s[event.job] = event.at_s
            of_total = f" {event.total} {event.unit}" if event.total is not None else ""
            self.write(f"{event.job}: started{of_total}")
        elif isinstance(event, JobAdvanced) and event.job in self._jobs:
            self._advance(self._jobs[event.job], event)
        elif isinstance(event, JobFinished) and event.job in self._jobs:
            self.write(self._jobs.pop(event.job).end_line(event))
        elif isinstance(event, Notice):
            self.write(event.text if event.level == "info" else f"{event.level}: {event.text}")
        elif isinstance(event, StopAsked):
            self.write(STOP_TEXT[event.at_once])

    def _advance(self, state: Progress, event: JobAdvanced) -> None:
        state.advance(event)
        if event.at_s - self._shown_s[event.job] >= _EVERY_S:
            self._shown_s[event.job] = event.at_s
            self.write(state.line())


class JsonLines(_Writer):
    """Every event as one line of JSON, for programs."""

    def __call__(self, event: Event) -> None:
        """Write `event`."""
        self.write(event.to_json())


class Silence(_Writer):
    """Shows nothing."""

    def __call__(self, event: Event) -> None:
        """Do nothing."""
