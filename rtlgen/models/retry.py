"""Ask again after errors that pass: too many requests, a server in trouble, a broken connection."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Final, TypeVar

from rtlgen.core.errors import ModelProviderError

T = TypeVar("T")

ATTEMPTS: Final = 5
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 30.0


class TransientModelError(ModelProviderError):
    """An error after which the same request may succeed.

    Attributes:
        retry_after_s: seconds that the endpoint asks to wait, None where it does not say.
    """

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


def with_retries(
    call: Callable[[float], T],
    *,
    timeout_s: float,
    attempts: int = ATTEMPTS,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """Return what `call` returns, asking again with growing pauses after a `TransientModelError`.

    A pause is the endpoint's own wish where it has one, else doubles from half a second; up to a half is taken off at
    random, so that many clients do not come back at one moment (full and equal jitter, M. Brooker, 2015).

    Args:
        call: gets the seconds that are left for it.
        timeout_s: seconds for everything.
        attempts: most calls.
        sleep: how to wait.

    Raises:
        ModelProviderError: whatever else `call` raises, or the last error where time or attempts ran out.
    """
    deadline = time.monotonic() + timeout_s
    for attempt in range(1, attempts + 1):
        try:
            return call(max(0.001, deadline - time.monotonic()))
        except TransientModelError as error:
            pause = _pause(attempt, error.retry_after_s)
            if attempt == attempts or time.monotonic() + pause >= deadline:
                tries = "1 attempt" if attempt == 1 else f"{attempt} attempts"
                raise ModelProviderError(f"{error} (gave up after {tries})") from None
            sleep(pause)
    raise AssertionError("not reached: the last attempt returns or raises")


def _pause(attempt: int, wish_s: float | None) -> float:
    if wish_s is not None:
        return max(0.0, wish_s)
    longest = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** (attempt - 1))
    return longest * random.uniform(0.5, 1.0)
