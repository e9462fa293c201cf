"""What a display is, and the choice of one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import IO, Protocol

from rtlgen.core.config import DisplayKind
from rtlgen.core.events import Event, EventBus
from rtlgen.core.registry import Registry


class Display(AbstractContextManager["Display"], Protocol):
    """Shows events between `__enter__` and `__exit__`.

    Example:
        >>> from typing import Self
        >>> class Dots:
        ...     def __init__(self, stream: IO[str]) -> None:
        ...         self.stream = stream
        ...     def __enter__(self) -> Self:
        ...         return self
        ...     def __exit__(self, *_: object) -> None:
        ...         self.stream.write(" done")
        ...     def __call__(self, event: Event) -> None:
        ...         self.stream.write(".")
        >>> from io import StringIO
        >>> out = StringIO()
        >>> with Dots(out) as dots:
        ...     dots(Event())
        >>> out.getvalue()
        '. done'
    """

    def __call__(self, event: Event) -> None:
        """Show one event; called from one thread at a time."""


class DisplayFactory(Protocol):
    """Makes a display that writes to a stream."""

    def __call__(self, stream: IO[str]) -> Display:
        """Return the display."""


DISPLAYS: Registry[DisplayFactory] = Registry("display")
DISPLAYS.add("rich", "rtlgen.display.bars:Bars")
DISPLAYS.add("plain", "rtlgen.display.lines:Lines")
DISPLAYS.add("json", "rtlgen.display.lines:JsonLines")
DISPLAYS.add("none", "rtlgen.display.lines:Silence")


@contextmanager
def show(bus: EventBus, kind: DisplayKind = "auto", *, stream: IO[str] | None = None) -> Iterator[Display]:
    """Show the events of `bus` on `stream` (standard error) for as long as the context lasts.

    Raises:
        ConfigError: no display is called `kind`.
    """
    stream = stream or sys.stderr
    name = kind if kind != "auto" else "rich" if stream.isatty() else "plain"
    with DISPLAYS.load(name)(stream) as display:
        unsubscribe = bus.subscribe(display)
        try:
            yield display
        finally:
            unsubscribe()
