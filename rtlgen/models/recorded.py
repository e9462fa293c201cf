"""Recorded replies: `record:FILE=PROVIDER:NAME` writes what a model answers, `replay:FILE` answers the same again."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from rtlgen.core.errors import ConfigError, ModelProviderError
from rtlgen.core.types import Record
from rtlgen.models.providers import open_model
from rtlgen.models.types import ChatModel, Message, Reply, request_digest


class RecordedMessage(Record):
    """One turn, as recorded."""

    role: Literal["system", "user", "assistant"]
    content: str


class RecordedReply(Record):
    """One line of a recording: a request and what came back."""

    digest: str
    """See `rtlgen.models.request_digest`."""
    messages: tuple[RecordedMessage, ...]
    """The request, for readers; only the digest is looked up."""
    temperature: float
    max_tokens: int
    seed: int | None
    text: str
    model: str
    prompt_tokens: int | None
    completion_tokens: int | None
    wall_s: float
    """Seconds that the model took when it was recorded."""
    ended_by: Literal["stop", "length", "other"]
    cached_tokens: int | None = None

    def reply(self) -> Reply:
        """Return what the model answered."""
        return Reply(
            self.text, self.model, self.prompt_tokens, self.completion_tokens, self.wall_s, ended_by=self.ended_by,
            cached_tokens=self.cached_tokens,
        )  # fmt: skip


def open_replay(name: str) -> ReplayModel:
    """Return a model that answers from the recording in the file `name`.

    Raises:
        ModelProviderError: the file can't be read or is no recording.
    """
    return ReplayModel(Path(name))


def open_record(name: str) -> RecordingModel:
    """Return a model that asks another one and writes down what it answers; `name` is `FILE=PROVIDER:NAME`.

    Raises:
        ConfigError: `name` is not of that form.
        ModelProviderError: the other model can't be opened, or the file can't be written.
    """
    file, equals, inner = name.partition("=")
    if not equals or not file or not inner:
        raise ConfigError(f"expected record:FILE=PROVIDER:NAME, got {'record:' + name!r}")
    return RecordingModel(Path(file), open_model(inner))


class ReplayModel:
    """Answers each recorded request as it was answered; several answers to one request in their order."""

    def __init__(self, path: Path) -> None:
        """Read the recording.

        Raises:
            ModelProviderError: it can't be read, or a line is no recorded reply.
        """
        self.name = f"replay:{path}"
        self._path = path
        self._lock = threading.Lock()
        self._replies: dict[str, deque[Reply]] = {}
        for line in _lines(path):
            self._replies.setdefault(line.digest, deque()).append(line.reply())

    def complete(
        self, messages: Sequence[Message], *, temperature: float, max_tokens: int, seed: int | None, timeout_s: float
    ) -> Reply:
        """Return the recorded answer at once.

        Raises:
            ModelProviderError: this request is not in the recording.
        """
        digest = request_digest(messages, temperature=temperature, max_tokens=max_tokens, seed=seed)
        with self._lock:
            waiting = self._replies.get(digest)
            if not waiting:
                raise ModelProviderError(self._miss(digest))
            # the last answer stays, so that asking more often than recorded is no error
            return waiting.popleft() if len(waiting) > 1 else waiting[0]

    def _miss(self, digest: str) -> str:
        return (
            f"{self._path}: no recorded reply for the request {digest[:12]} ({len(self._replies)} requests are "
            f"recorded); the prompt, the design or an option changed since: record again with "
            f"record:{self._path}=PROVIDER:NAME"
        )


class RecordingModel:
    """Asks another model and appends each answer to a file."""

    def __init__(self, path: Path, inner: ChatModel) -> None:
        """Append to `path` what `inner` answers.

        Raises:
            ModelProviderError: the file can't be written.
        """
        self.name = f"record:{path}={inner.name}"
        self._path = path
        self._inner = inner
        self._append("")

    def complete(
        self, messages: Sequence[Message], *, temperature: float, max_tokens: int, seed: int | None, timeout_s: float
    ) -> Reply:
        """Return the other model's answer, which is then on disk.

        Raises:
            ModelProviderError: the other model failed (nothing is recorded), or the file can't be written.
        """
        reply = self._inner.complete(
            messages, temperature=temperature, max_tokens=max_tokens, seed=seed, timeout_s=timeout_s
        )
        line = RecordedReply(
            digest=request_digest(messages, temperature=temperature, max_tokens=max_tokens, seed=seed),
            messages=tuple(RecordedMessage(role=m.role, content=m.content) for m in messages),
            temperature=temperature,
            max_tokens=max_tokens,
            seed=seed,
            text=reply.text,
            model=reply.model,
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
            wall_s=round(reply.wall_s, 3),
            ended_by=reply.ended_by,
            cached_tokens=reply.cached_tokens,
        )
        self._append(line.model_dump_json() + "\n")
        return reply

    def _append(self, text: str) -> None:
        # One write to a descriptor in append mode: threads and processes may share the file.
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            try:
                data = text.encode("utf-8", errors="replace")
                while data:
                    data = data[os.write(descriptor, data) :]
            finally:
                os.close(descriptor)
        except OSError as error:
            raise ModelProviderError(
                f"{self._path}: the recording can't be written: {error.strerror or error}"
            ) from error


def _lines(path: Path) -> list[RecordedReply]:
    try:
        # JSON leaves U+2028 and its like as they are, at which `splitlines` would split
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ModelProviderError(f"{path}: the recording can't be read: {what}") from error
    found = []
    for number, line in enumerate(lines, 1):
        try:
            if line.strip():
                found.append(RecordedReply.model_validate_json(line))
        except ValidationError as error:
            detail = error.errors()[0]
            where = ".".join(map(str, detail["loc"])) or "line"
            raise ModelProviderError(
                f"{path}:{number}: expected a recorded reply as one line of JSON: {where}: {detail['msg']}"
            ) from None
    return found
