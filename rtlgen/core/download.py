"""Gets a file from the network."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import IO, Final

from rtlgen.core.errors import InputError
from rtlgen.core.events import EventBus, JobAdvanced, JobFinished, JobStarted

MAX_BYTES: Final = 512 << 20
_TIMEOUT_S: Final = 60.0
_CHUNK: Final = 1 << 18


def download(address: str, target: IO[bytes], name: str, bus: EventBus, *, hint: str) -> None:
    """Write what stands at an address.

    Args:
        address: `http:`, `https:` or `file:`.
        target: is written from where it stands.
        name: what it is, for the display.
        bus: gets progress.
        hint: what to do where there is no connection; ends the message.

    Raises:
        InputError: no connection, an error of the server, more than 512 MiB, a full disk.
    """
    job = f"fetch {name}"
    bus.emit(JobStarted(job=job, unit="MiB"))
    done = 0
    try:
        with urllib.request.urlopen(address, timeout=_TIMEOUT_S) as source:
            while chunk := source.read(_CHUNK):
                done += len(chunk)
                if done > MAX_BYTES:
                    raise InputError(f"{address}: expected at most {MAX_BYTES >> 20} MiB")
                target.write(chunk)
                bus.emit(JobAdvanced(job=job, done=done >> 20))
    except (urllib.error.URLError, TimeoutError, OSError, ValueError) as error:
        bus.emit(JobFinished(job=job, ok=False))
        reason = getattr(error, "reason", error)
        raise InputError(f"{address}: can't be downloaded: {reason}; {hint}") from error
    bus.emit(JobFinished(job=job))
