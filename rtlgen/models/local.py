"""`hf:PATH`: a model in Hugging Face's file format, run in this process by `transformers`."""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rtlgen.core.errors import ModelProviderError
from rtlgen.models.providers import need_package
from rtlgen.models.types import Message, Reply


def open_local(name: str) -> LocalModel:
    """Return the model in the folder `name`; it is loaded when it is first asked.

    Raises:
        ModelProviderError: no such folder, no model in it, or a package is missing.
    """
    folder = Path(name).expanduser()
    if not (folder / "config.json").is_file():
        raise ModelProviderError(
            f"model {'hf:' + name!r}: expected a folder with a Hugging Face model, found no {folder / 'config.json'}; "
            "give the path of a downloaded or trained model"
        )
    for package in ("torch", "transformers"):
        need_package(package, "train", f"hf:{name}")
    return LocalModel(folder)


def _imported(package: str) -> Any:
    """Return the package; untyped, so that type checkers need none of it installed."""
    return importlib.import_module(package)


class LocalModel:
    """A causal language model in a folder; answers one request at a time."""

    def __init__(self, folder: Path) -> None:
        """Use the model in `folder`; nothing is loaded yet."""
        self.name = f"hf:{folder}"
        self._folder = folder
        self._lock = threading.Lock()
        self._loaded: tuple[Any, Any] | None = None

    def complete(
        self, messages: Sequence[Message], *, temperature: float, max_tokens: int, seed: int | None, timeout_s: float
    ) -> Reply:
        """Return what the model writes until it stops, or until `max_tokens` or `timeout_s` is reached.

        Raises:
            ModelProviderError: the model can't be loaded, or the request is longer than it can read.
        """
        start = time.monotonic()
        with self._lock:
            if time.monotonic() >= start + timeout_s:
                raise ModelProviderError(f"model {self.name!r}: other requests took the {timeout_s:.0f} s of this one")
            return self._answer(messages, temperature, max_tokens, seed, start, start + timeout_s)

    def _answer(
        self,
        messages: Sequence[Message],
        temperature: float,
        max_tokens: int,
        seed: int | None,
        start: float,
        deadline: float,
    ) -> Reply:
        torch = _imported("torch")
        model, tokenizer = self._load()
        ids = tokenizer(self._prompt(messages, tokenizer), return_tensors="pt").to(model.device)
        read = int(ids["input_ids"].shape[1])
        self._check_room(model, read)
        options: dict[str, Any] = {"do_sample": temperature > 0}
        if temperature > 0:
            options["temperature"] = temperature
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())), torch.inference_mode():
            if seed is not None:
                torch.manual_seed(seed)
            left_s = max(0.1, deadline - time.monotonic())
            out = model.generate(
                **ids,
                max_new_tokens=max_tokens,
                max_time=left_s,
                pad_token_id=tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id,
                **options,
            )
        written = out[0][read:]
        ends = model.generation_config.eos_token_id
        ends = set(ends if isinstance(ends, list) else [ends])
        stopped = len(written) > 0 and int(written[-1]) in ends
        return Reply(
            text=str(tokenizer.decode(written, skip_special_tokens=True)),
            model=self.name,
            prompt_tokens=read,
            completion_tokens=len(written),
            wall_s=time.monotonic() - start,
            ended_by="stop" if stopped else "length",
        )

    def _check_room(self, model: Any, read: int) -> None:
        room = getattr(model.config, "max_position_embeddings", None)
        if isinstance(room, int) and read >= room:
            raise ModelProviderError(
                f"model {self.name!r}: the request has {read} tokens, the model reads at most {room}; "
                "use a model with a longer context"
            )

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            torch, transformers = _imported("torch"), _imported("transformers")
            try:
                # Code that lies beside the weights is never run.
                tokenizer = transformers.AutoTokenizer.from_pretrained(
                    self._folder, local_files_only=True, trust_remote_code=False
                )
                model = transformers.AutoModelForCausalLM.from_pretrained(
                    self._folder, local_files_only=True, trust_remote_code=False, dtype="auto"
                )
            except (OSError, ValueError, RuntimeError, KeyError) as error:
                reason = " ".join(str(error).split())[:300]
                raise ModelProviderError(f"model {self.name!r} can't be loaded: {reason}") from error
            model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
            self._loaded = (model, tokenizer)
        return self._loaded

    @staticmethod
    def _prompt(messages: Sequence[Message], tokenizer: Any) -> str:
        turns = [{"role": m.role, "content": m.content} for m in messages]
        if tokenizer.chat_template:
            return str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))
        # A model that was never taught to converse gets the plain text to go on with.
        return "\n\n".join(m.content for m in messages) + "\n"
