"""Shows the events of long work; library code emits them and never prints.

Example:
    >>> from rtlgen.core.events import EventBus, JobStarted, StopToken
    >>> bus = EventBus()
    >>> with show(bus, "none"), interruptible(StopToken(bus)) as stop:
    ...     bus.emit(JobStarted(job="prove", total=3))
    ...     stop.draining
    False
"""

from rtlgen.display.base import Display as Display
from rtlgen.display.base import show as show
from rtlgen.display.interrupt import interruptible as interruptible
