"""`hf:PATH` with a real, tiny, untrained model made here."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rtlgen.core.errors import ModelProviderError
from rtlgen.models import ChatModel, Message, Reply, open_model

torch = pytest.importorskip("torch", reason="needs torch: pip install 'rtlgen[train]'")
transformers = pytest.importorskip("transformers", reason="needs transformers: pip install 'rtlgen[train]'")

pytestmark = [pytest.mark.timeout(300), pytest.mark.filterwarnings("default")]


@pytest.fixture(scope="module")
def folder(tiny_model: Callable[[int], Path]) -> Path:
    return tiny_model(256)


@pytest.fixture(scope="module")
def model(folder: Path) -> ChatModel:
    return open_model(f"hf:{folder}")


def ask(model: ChatModel, text: str = "hello", temperature: float = 0.9, seed: int = 3, room: int = 24) -> Reply:
    turn = [Message("system", "be brief"), Message("user", text)]
    return model.complete(turn, temperature=temperature, max_tokens=room, seed=seed, timeout_s=120)


def test_it_answers_and_counts(model: ChatModel) -> None:
    reply = ask(model)
    assert reply.text and reply.model == model.name
    assert reply.prompt_tokens == len("be brief\n\nhello\n")
    assert reply.completion_tokens is not None and 0 < reply.completion_tokens <= 24
    assert reply.ended_by == ("length" if reply.completion_tokens == 24 else "stop")


def test_one_seed_one_answer(model: ChatModel) -> None:
    assert ask(model).text == ask(model).text
    assert len({ask(model, seed=n).text for n in range(4)}) > 1
    assert ask(model, temperature=0.0, seed=1).text == ask(model, temperature=0.0, seed=2).text


def test_the_callers_random_numbers_stay(model: ChatModel) -> None:
    torch.manual_seed(5)
    expected = torch.rand(1).item()
    torch.manual_seed(5)
    ask(model)
    assert torch.rand(1).item() == expected


def test_a_request_that_is_too_long(model: ChatModel) -> None:
    with pytest.raises(ModelProviderError) as caught:
        ask(model, "x" * 300)
    assert str(caught.value) == (
        f"model {model.name!r}: the request has 311 tokens, the model reads at most 256; use a model with a longer "
        "context"
    )


def test_time_ends_an_answer(model: ChatModel) -> None:
    start = time.monotonic()
    turn = [Message("user", "x")]
    reply = model.complete(turn, temperature=1.0, max_tokens=200, seed=1, timeout_s=0.3)
    assert time.monotonic() - start < 20 and reply.completion_tokens is not None


def test_a_damaged_model_is_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    with pytest.raises(ModelProviderError, match="can't be loaded: "):
        ask(open_model(f"hf:{tmp_path}"))
