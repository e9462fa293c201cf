"""Events, their bus, their log, and the request to stop."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from rtlgen.core.events import (
    Event,
    EventBus,
    JobAdvanced,
    JobFinished,
    JobStarted,
    Measured,
    Notice,
    RunLog,
    StopAsked,
    StopToken,
    event_of,
    read_log,
)

EVENTS: list[Event] = [
    JobStarted(job="a", total=3, unit="rewrites"),
    JobAdvanced(job="a", done=1, note="é\n"),
    Notice(text="look", level="warning"),
    Measured(name="area", values={"before_um2": 2.5, "after_um2": None}),
    JobFinished(job="a", ok=False),
    StopAsked(at_once=True),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_event_survives_json(event: Event) -> None:
    again = event_of(event.to_json())
    assert again == event
    assert type(again) is type(event)
    assert "\n" not in event.to_json()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"event": "Nope"}', r"^expected a kind of event \(.*Notice.*\), got 'Nope'$"),
        ("[1]", r"got None$"),
        ('{"event": "Notice", "text": "x", "colour": 1}', r"^expected fields \['at_s', 'level', 'text'\] in Notice"),
        ('{"event": "Notice"}', r"^expected every field of Notice: .*'text'"),
        ("not json", r"^Expecting value"),
    ],
)
def test_line_that_is_no_event(line: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        event_of(line)


def test_bus_keeps_the_order_and_ends_subscriptions() -> None:
    bus, seen = EventBus(), []
    end = bus.subscribe(seen.append)
    for event in EVENTS:
        bus.emit(event)
    end()
    end()
    bus.emit(EVENTS[0])
    assert seen == EVENTS


def test_listener_that_fails_is_dropped_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    bus, seen = EventBus(), []

    def broken(event: Event) -> None:
        raise RuntimeError("display broke")

    bus.subscribe(broken)
    bus.subscribe(seen.append)
    with caplog.at_level(logging.ERROR):
        bus.emit(EVENTS[0])
        bus.emit(EVENTS[1])
    assert seen == EVENTS[:2]
    assert len(caplog.records) == 1


def test_bus_from_many_threads_loses_nothing() -> None:
    bus, seen = EventBus(), []
    bus.subscribe(seen.append)

    def work(number: int) -> None:
        for done in range(100):
            bus.emit(JobAdvanced(job=str(number), done=done))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(4):
        assert [event.done for event in seen if event.job == str(number)] == list(range(100))


def test_log_is_read_back_and_goes_on_after_a_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "run" / "events.jsonl"
    with RunLog(path) as log:
        for event in EVENTS[:3]:
            log(event)
    path.write_bytes(path.read_bytes()[:-10])  # as a kill would leave it
    with RunLog(path) as log:
        log(EVENTS[4])
    assert list(read_log(path)) == [*EVENTS[:2], EVENTS[4]]


def test_log_holds_every_event_before_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    code = (
        "import os, sys; from pathlib import Path; from rtlgen.core.events import *\n"
        "log = RunLog(Path(sys.argv[1]))\n"
        "for done in range(5): log(JobAdvanced(job='a', done=done))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert [event.done for event in read_log(path) if isinstance(event, JobAdvanced)] == list(range(5))


def test_stop_token_drains_then_stops_and_says_so() -> None:
    bus, seen = EventBus(), []
    bus.subscribe(seen.append)
    token = StopToken(bus)
    assert (token.draining, token.stopped) == (False, False)
    token.ask()
    assert (token.draining, token.stopped) == (True, False)
    token.ask()
    assert (token.draining, token.stopped) == (True, True)
    assert [event.at_once for event in seen] == [False, True]
