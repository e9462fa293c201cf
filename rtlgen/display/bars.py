"""Progress bars for a terminal."""

from __future__ import annotations

from typing import IO, Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn

from rtlgen.core.events import Event, JobAdvanced, JobFinished, JobStarted, Notice, StopAsked
from rtlgen.display.lines import STOP_TEXT
from rtlgen.display.progress import Progress as State
from rtlgen.display.progress import duration

_STYLE = {"info": "", "warning": "yellow", "error": "red"}


class Bars:
    """One bar per running job, with rate and time left; notices scroll by above."""

    def __init__(self, stream: IO[str]) -> None:
        self._console = Console(file=stream, highlight=False)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]}"),
            TextColumn("[dim]{task.fields[note]}"),
            console=self._console,
            transient=True,
        )
        self._jobs: dict[str, tuple[TaskID, State]] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, event: Event) -> None:
        """Show `event`."""
        if isinstance(event, JobStarted):
            task = self._progress.add_task(escape(event.job), total=event.total, speed="", note="")
            self._jobs[event.job] = task, State.of(event)
        elif isinstance(event, JobAdvanced) and event.job in self._jobs:
            self._advance(event)
        elif isinstance(event, JobFinished) and event.job in self._jobs:
            task, state = self._jobs.pop(event.job)
            self._progress.remove_task(task)
            self._console.print(escape(state.end_line(event)))
        elif isinstance(event, Notice):
            self._console.print(escape(event.text), style=_STYLE[event.level], soft_wrap=True)
        elif isinstance(event, StopAsked):
            self._console.print(STOP_TEXT[event.at_once], style="yellow")

    def _advance(self, event: JobAdvanced) -> None:
        task, state = self._jobs[event.job]
        state.advance(event)
        speed = f"{state.rate:.3g} {state.unit}/s" if state.rate else ""
        if state.left_s:
            speed += f", {duration(state.left_s)} left"
        self._progress.update(
            task, completed=state.done, total=state.total, speed=escape(speed), note=escape(state.note)
        )
