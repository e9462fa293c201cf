"""Typed events of long work, the bus that carries them, their log on disk, and the request to stop."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Any, ClassVar, Literal, Self

logger = logging.getLogger(__name__)

Level = Literal["info", "warning", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened; a subclass is one kind, known on disk by its class name."""

    kinds: ClassVar[dict[str, type[Event]]] = {}

    at_s: float = field(default_factory=time.time)
    """Seconds since 1970."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        # `slots=True` makes each class twice; the second one, the real one, replaces the first here
        Event.kinds[cls.__name__] = cls

    def to_json(self) -> str:
        """Return the event as one line of JSON, its kind under `event`."""
        return json.dumps({"event": type(self).__name__} | asdict(self), default=str)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStarted(Event):
    """A piece of long work began."""

    job: str
    """Name that is shown; events of one job carry the same one."""
    total: int | None = None
    """Number of steps, None where not known."""
    unit: str = "steps"
    """What is counted, in plural."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobAdvanced(Event):
    """Some steps of a job are done."""

    job: str
    done: int
    """Steps done since the start, not since the last event."""
    total: int | None = None
    """New number of steps, None where it did not change."""
    note: str = ""
    """What it is at, in a few words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFinished(Event):
    """A job ended."""

    job: str
    ok: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice(Event):
    """A line for the user."""

    text: str
    level: Level = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured(Event):
    """A named result, for the log and for programs that read the `json` display."""

    name: str
    values: Mapping[str, float | int | str | bool | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class StopAsked(Event):
    """The user asked to stop: drain first, at once the second time."""

    at_once: bool


def event_of(line: str) -> Event:
    """Return the event that `Event.to_json` wrote.

    Raises:
        ValueError: not JSON, or no kind of event known here, or fields it does not have.
    """
    values = json.loads(line)
    name = values.pop("event", None) if isinstance(values, dict) else None
    kind = Event.kinds.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ValueError(f"expected a kind of event ({', '.join(sorted(Event.kinds))}), got {name!r}")
    known = {item.name for item in fields(kind)}
    if not values.keys() <= known:
        raise ValueError(f"expected fields {sorted(known)} in {name}, got {sorted(values)}")
    try:
        return kind(**values)
    except TypeError as error:
        raise ValueError(f"expected every field of {name}: {error}") from error


Listener = Callable[[Event], None]


class EventBus:
    """Carries events from workers to listeners, in the order in which they were emitted; safe to use from threads."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._lock = RLock()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Return a function that ends the subscription of `listener`."""
        with self._lock:
            self._listeners.append(listener)

        def unsubscribe() -> None:
            with self._lock, suppress(ValueError):
                self._listeners.remove(listener)

        return unsubscribe

    def emit(self, event: Event) -> None:
        """Hand `event` to every listener; one that fails is logged and dropped, so that it can't end the work."""
        with self._lock:
            for listener in tuple(self._listeners):
                try:
                    listener(event)
                except Exception:
                    logger.exception("listener %r failed on %r and was removed", listener, event)
                    self._listeners.remove(listener)


class RunLog:
    """Writes events as JSON lines; a listener for `EventBus.subscribe`.

    Each line reaches the operating system before `__call__` returns, so a kill loses at most the line in flight.
    """

    def __init__(self, path: Path) -> None:
        """Open `path` for appending; a line cut off by a kill is ended first.

        Raises:
            OSError: the file can't be written.
        """
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)
        if path.stat().st_size and not path.read_bytes().endswith(b"\n"):
            self._file.write(b"\n")

    def __call__(self, event: Event) -> None:
        """Write one event."""
        self._file.write(event.to_json().encode() + b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._file.close()


def read_log(path: Path) -> Iterator[Event]:
    """Yield the events of a run log; lines cut off or of kinds not known here are skipped."""
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            with suppress(ValueError):
                yield event_of(line)


class StopToken:
    """Tells long work that the user asked to stop.

    Work looks at `draining` between steps and ends with what it has; `stopped` means now.
    """

    def __init__(self, bus: EventBus | None = None) -> None:
        self._asked = 0
        self._bus = bus

    @property
    def draining(self) -> bool:
        """True once a stop was asked for: finish the step at hand, begin no other."""
        return self._asked > 0

    @property
    def stopped(self) -> bool:
        """True once a stop was asked for twice: end now."""
        return self._asked > 1

    def ask(self) -> None:
        """Ask to stop; the second call asks to stop at once."""
        self._asked += 1
        if self._bus is not None:
            self._bus.emit(StopAsked(at_once=self.stopped))
