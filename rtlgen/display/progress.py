"""How far a job is: done, total, rate and time left; pure, the clock comes from the events."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from rtlgen.core.events import JobAdvanced, JobFinished, JobStarted

_WINDOW_S = 30.0
"""The rate is that of the last so many seconds, because steps differ in size."""


@dataclass(slots=True)
class Progress:
    """State of one job as its events tell it."""

    job: str
    unit: str
    total: int | None
    started_s: float
    done: int = 0
    note: str = ""
    now_s: float = 0.0
    _marks: deque[tuple[float, int]] = field(default_factory=deque)

    @classmethod
    def of(cls, event: JobStarted) -> Progress:
        """Return the state of a job that has just begun."""
        state = cls(event.job, event.unit, event.total, event.at_s, now_s=event.at_s)
        state._marks.append((event.at_s, 0))
        return state

    def advance(self, event: JobAdvanced) -> None:
        """Take in an event of this job."""
        self.done, self.note, self.now_s = event.done, event.note, event.at_s
        self.total = event.total if event.total is not None else self.total
        self._marks.append((event.at_s, event.done))
        while len(self._marks) > 2 and event.at_s - self._marks[0][0] > _WINDOW_S:
            self._marks.popleft()

    @property
    def rate(self) -> float | None:
        """Steps per second, None before the first one."""
        (first_s, first), (last_s, last) = self._marks[0], self._marks[-1]
        return (last - first) / (last_s - first_s) if last_s > first_s and last > first else None

    @property
    def left_s(self) -> float | None:
        """Seconds left at the present rate, None where that is not known."""
        if self.total is None or not self.rate:
            return None
        return max(self.total - self.done, 0) / self.rate

    def line(self) -> str:
        """Return one line such as `prove: 3/10 rewrites, 1.5/s, 5 s left: alu`."""
        of_total = f"/{self.total}" if self.total is not None else ""
        parts = [f"{self.job}: {self.done}{of_total} {self.unit}"]
        if self.rate:
            parts.append(f"{self.rate:.3g}/s")
        if self.left_s is not None and self.left_s > 0:
            parts.append(f"{duration(self.left_s)} left")
        return ", ".join(parts) + (f": {self.note}" if self.note else "")

    def end_line(self, event: JobFinished) -> str:
        """Return the line for the end of the job."""
        word = "done" if event.ok else "stopped"
        note = f": {event.note}" if event.note else ""
        return f"{self.job}: {word}, {self.done} {self.unit} in {duration(event.at_s - self.started_s)}{note}"


def duration(seconds: float) -> str:
    """Return a length of time in words, such as `45 s`, `3 min 5 s` or `2 h 1 min`.

    Example:
        >>> duration(0.25), duration(185), duration(7265)
        ('0.2 s', '3 min 5 s', '2 h 1 min')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
