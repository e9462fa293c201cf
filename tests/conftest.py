"""Fixtures that every test may use, and the isolation of each test from the user's own settings."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

REPOSITORY = Path(__file__).resolve().parents[1]

# a loaded machine is no failure; a failing example prints how to run it again
settings.register_profile(
    "rtlgen", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.load_profile("rtlgen")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies in `tests/eda` as such, and give slow tests a longer limit."""
    for item in items:
        if "eda" in item.path.relative_to(REPOSITORY).parts:
            item.add_marker(pytest.mark.eda)
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(1200))


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Hide the user's settings, so that a test measures the project and not the machine."""
    for name in os.environ:
        if name.startswith("RTLGEN_") and name != "RTLGEN_DATA":
            monkeypatch.delenv(name)
    monkeypatch.setenv("RTLGEN_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the root of the project's tree."""
    return REPOSITORY


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Return the folder of shared benchmark data; the test is skipped where `RTLGEN_DATA` names none."""
    value = os.environ.get("RTLGEN_DATA")
    if not value:
        pytest.skip("needs the shared data: set RTLGEN_DATA to its folder")
    path = Path(value)
    if not path.is_dir():
        pytest.fail(f"RTLGEN_DATA is {value!r}, which is no folder")
    return path


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """Return what makes a folder with an untrained model of two layers over bytes that reads so many tokens."""
    torch = pytest.importorskip("torch", reason="needs torch: pip install 'rtlgen[train]'")
    transformers = pytest.importorskip("transformers", reason="needs transformers: pip install 'rtlgen[train]'")
    tokenizers = pytest.importorskip("tokenizers")

    def make(room: int) -> Path:
        path = tmp_path_factory.mktemp("tiny")
        alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
        vocabulary = {c: n for n, c in enumerate(sorted(alphabet))} | {"<end>": 256}
        raw = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=vocabulary, merges=[]))
        raw.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
        raw.decoder = tokenizers.decoders.ByteLevel()
        tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<end>", pad_token="<end>")
        tokenizer.save_pretrained(path)
        torch.manual_seed(1)
        config = transformers.LlamaConfig(
            vocab_size=257,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=room,
            eos_token_id=256,
            bos_token_id=256,
            pad_token_id=256,
        )
        transformers.LlamaForCausalLM(config).save_pretrained(path)
        return path

    return make
