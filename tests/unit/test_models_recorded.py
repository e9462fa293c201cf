"""Recording, replay, retries and the local provider's checks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from rtlgen.core.errors import ConfigError, ModelProviderError
from rtlgen.models import Message, Reply, Usage, open_model, request_digest
from rtlgen.models.recorded import RecordingModel, ReplayModel
from rtlgen.models.retry import TransientModelError, with_retries

TURN = (Message("user", "hello"),)


class Counter:
    """Answers with the number of the call."""

    name = "counter:x"

    def __init__(self) -> None:
        self.calls = 0

    def complete(
        self, messages: Sequence[Message], *, temperature: float, max_tokens: int, seed: int | None, timeout_s: float
    ) -> Reply:
        self.calls += 1
        return Reply(f"answer {self.calls} ü\n", "counter-1", 5, None, 1.25, ended_by="length")


def say(model: RecordingModel | ReplayModel, text: str = "hello", seed: int | None = 1) -> Reply:
    turn = [Message("user", text)]
    return model.complete(turn, temperature=0.5, max_tokens=10, seed=seed, timeout_s=5)


def test_what_was_recorded_is_replayed_in_order(tmp_path: Path) -> None:
    tape = tmp_path / "new" / "tape.jsonl"
    recording = RecordingModel(tape, Counter())
    recorded = [say(recording), say(recording), say(recording, "other"), say(recording, seed=None)]
    replay = ReplayModel(tape)
    assert [say(replay), say(replay), say(replay, "other"), say(replay, seed=None)] == recorded
    assert say(replay) == recorded[1]
    assert recording.name == f"record:{tape}=counter:x" and replay.name == f"replay:{tape}"


def test_a_recording_can_be_gone_on_with(tmp_path: Path) -> None:
    tape = tmp_path / "tape.jsonl"
    say(RecordingModel(tape, Counter()), "one")
    say(RecordingModel(tape, Counter()), "two")
    assert len(tape.read_text().splitlines()) == 2
    assert say(ReplayModel(tape), "two").text == "answer 1 ü\n"


def test_a_miss_says_what_to_do(tmp_path: Path) -> None:
    tape = tmp_path / "tape.jsonl"
    say(RecordingModel(tape, Counter()))
    digest = request_digest([Message("user", "new")], temperature=0.5, max_tokens=10, seed=1)
    with pytest.raises(ModelProviderError) as caught:
        say(ReplayModel(tape), "new")
    assert str(caught.value) == (
        f"{tape}: no recorded reply for the request {digest[:12]} (1 requests are recorded); the prompt, the design or "
        f"an option changed since: record again with record:{tape}=PROVIDER:NAME"
    )


def test_a_damaged_recording_names_the_line(tmp_path: Path) -> None:
    tape = tmp_path / "tape.jsonl"
    say(RecordingModel(tape, Counter()))
    line = json.loads(tape.read_text())
    del line["text"]
    tape.write_text(tape.read_text() + json.dumps(line) + "\n")
    with pytest.raises(ModelProviderError) as caught:
        open_model(f"replay:{tape}")
    assert str(caught.value) == f"{tape}:2: expected a recorded reply as one line of JSON: text: Field required"
    tape.write_bytes(b"\xff\xfe")
    with pytest.raises(ModelProviderError, match="the recording can't be read: 'utf-8' codec can't decode"):
        open_model(f"replay:{tape}")


def test_a_recording_that_can_not_be_written_fails_before_any_call(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    counter = Counter()
    with pytest.raises(ModelProviderError) as caught:
        RecordingModel(tmp_path / "file" / "tape.jsonl", counter)
    assert "file/tape.jsonl: the recording can't be written: " in str(caught.value) and counter.calls == 0


def test_the_digest_is_of_everything_asked() -> None:
    base = request_digest(TURN, temperature=0.5, max_tokens=10, seed=1)
    assert base == request_digest(list(TURN), temperature=0.5, max_tokens=10, seed=1) and len(base) == 64
    others = {
        request_digest([Message("system", "hello")], temperature=0.5, max_tokens=10, seed=1),
        request_digest(TURN, temperature=0.6, max_tokens=10, seed=1),
        request_digest(TURN, temperature=0.5, max_tokens=11, seed=1),
        request_digest(TURN, temperature=0.5, max_tokens=10, seed=None),
    }
    assert base not in others and len(others) == 4


def test_retries_pause_longer_each_time_and_keep_to_the_time() -> None:
    pauses: list[float] = []

    def fails(left_s: float) -> str:
        assert 0 < left_s <= 1000
        raise TransientModelError("busy")

    with pytest.raises(ModelProviderError, match=r"^busy \(gave up after 5 attempts\)$") as caught:
        with_retries(fails, timeout_s=1000, sleep=pauses.append)
    assert not isinstance(caught.value, TransientModelError)
    assert all(0.5 * 2**n * 0.5 <= p <= 0.5 * 2**n for n, p in enumerate(pauses)) and len(pauses) == 4
    with pytest.raises(ModelProviderError, match=r"^busy \(gave up after 1 attempt\)$"):
        with_retries(fails, timeout_s=0.1, sleep=pauses.append)


def test_the_endpoint_may_say_how_long_to_wait() -> None:
    pauses: list[float] = []

    def answers_later(left_s: float) -> str:
        if not pauses:
            raise TransientModelError("busy", retry_after_s=7.0)
        return "done"

    assert with_retries(answers_later, timeout_s=60, sleep=pauses.append) == "done"
    assert pauses == [7.0]


def test_errors_that_stay_are_not_retried() -> None:
    calls = []

    def refuses(left_s: float) -> str:
        calls.append(left_s)
        raise ModelProviderError("no")

    with pytest.raises(ModelProviderError, match=r"^no$"):
        with_retries(refuses, timeout_s=60)
    assert len(calls) == 1


def test_usage_adds_up() -> None:
    one = Usage.of(Reply("x", "m", 5, None, 1.5))
    assert one + one + Usage() == Usage(2, 10, 0, 3.0)


@pytest.mark.parametrize("text", ["", "openai", "openai:", ":x"])
def test_the_form_of_a_model(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_model(text)
    assert str(caught.value) == (
        f"expected a model as PROVIDER:NAME, such as openai:NAME, got {text!r}; providers: hf, openai, record, replay"
    )


def test_a_local_model_without_its_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.json").write_text("{}")
    monkeypatch.setattr("rtlgen.models.providers.util.find_spec", lambda name: None)
    with pytest.raises(ModelProviderError) as caught:
        open_model(f"hf:{tmp_path}")
    assert str(caught.value) == (
        f"model 'hf:{tmp_path}' needs the Python package 'torch', which is not installed; "
        "run: pip install 'rtlgen[train]'"
    )
