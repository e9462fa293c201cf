"""What each display shows, and what Ctrl-C does."""

from __future__ import annotations

import io
import os
import pty
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from rtlgen.core.errors import ConfigError
from rtlgen.core.events import (
    Event,
    EventBus,
    JobAdvanced,
    JobFinished,
    JobStarted,
    Notice,
    StopAsked,
    StopToken,
    event_of,
)
from rtlgen.display import interruptible, show
from rtlgen.display.progress import Progress

RUN: list[Event] = [
    JobStarted(job="prove", total=10, unit="rewrites", at_s=100.0),
    JobAdvanced(job="prove", done=1, at_s=101.0),
    JobAdvanced(job="prove", done=4, note="alu", at_s=104.0),
    Notice(text="[look] here", level="warning", at_s=105.0),
    StopAsked(at_once=False, at_s=106.0),
    JobFinished(job="prove", note="best so far", at_s=110.0),
]


def shown(kind: str) -> str:
    bus, stream = EventBus(), io.StringIO()
    with show(bus, kind, stream=stream):  # type: ignore[arg-type]
        for event in RUN:
            bus.emit(event)
    bus.emit(RUN[3])
    return stream.getvalue()


def test_plain_lines() -> None:
    assert shown("plain").splitlines() == [
        "prove: started 10 rewrites",
        "prove: 4/10 rewrites, 1/s, 6.0 s left: alu",
        "warning: [look] here",
        "stopping after the step at hand; press Ctrl-C again to stop at once",
        "prove: done, 4 rewrites in 10 s: best so far",
    ]
    assert shown("auto") == shown("plain")


def test_json_lines_are_the_events() -> None:
    assert [event_of(line) for line in shown("json").splitlines()] == RUN


def test_none_shows_nothing() -> None:
    assert shown("none") == ""


def test_bars_show_notices_and_the_end() -> None:
    text = shown("rich")
    assert "[look] here" in text
    assert "prove: done, 4 rewrites in 10 s: best so far" in text


def test_unknown_display_lists_the_known() -> None:
    with pytest.raises(ConfigError, match=r"^unknown display 'fancy'; known: json, none, plain, rich$"):
        show(EventBus(), "fancy").__enter__()  # type: ignore[arg-type]


def test_progress_without_total_or_time_claims_nothing() -> None:
    state = Progress.of(JobStarted(job="a", at_s=0.0))
    assert (state.rate, state.left_s) == (None, None)
    state.advance(JobAdvanced(job="a", done=5, at_s=10.0))
    assert (state.rate, state.left_s, state.line()) == (0.5, None, "a: 5 steps, 0.5/s")


def test_rate_is_that_of_the_last_half_minute() -> None:
    state = Progress.of(JobStarted(job="a", total=1000, at_s=0.0))
    for second in range(1, 101):
        done = second if second <= 50 else 50 + 10 * (second - 50)
        state.advance(JobAdvanced(job="a", done=done, at_s=float(second)))
    assert state.rate == 10
    assert state.left_s == 45


def test_first_interrupt_drains_second_stops() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), interruptible(StopToken()) as token:  # noqa: PT012 - the order is the test
        os.kill(os.getpid(), signal.SIGINT)
        assert (token.draining, token.stopped) == (True, False)
        os.kill(os.getpid(), signal.SIGTERM)
    assert token.stopped
    assert signal.getsignal(signal.SIGINT) is before


def test_interruptible_outside_the_main_thread_changes_nothing() -> None:
    before, seen = signal.getsignal(signal.SIGINT), []

    def work() -> None:
        with interruptible(StopToken()) as token:
            seen.append((token.draining, signal.getsignal(signal.SIGINT) is before))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [(False, True)]


def test_auto_is_bars_on_a_terminal(tmp_path: Path) -> None:
    code = (
        "import sys, time; from rtlgen.core.events import *; from rtlgen.display import show\n"
        "bus = EventBus()\n"
        "with show(bus):\n"
        "    bus.emit(JobStarted(job='prove', total=2, unit='rewrites'))\n"
        "    bus.emit(JobAdvanced(job='prove', done=1)); time.sleep(0.3)\n"
    )
    ours, theirs = pty.openpty()
    env = dict(os.environ, TERM="xterm", COLUMNS="100")
    subprocess.run([sys.executable, "-c", code], stderr=theirs, check=True, env=env)
    os.close(theirs)
    text = os.read(ours, 65536).decode()
    os.close(ours)
    assert "prove" in text
    assert "1/2" in text
