"""What is said to a model and what it answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal, Protocol

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model answered.

    Attributes:
        text: the answer, as it came.
        model: the model as the endpoint names it.
        prompt_tokens: tokens read, None where the endpoint does not tell.
        completion_tokens: tokens written, hidden reasoning included; None where the endpoint does not tell.
        wall_s: seconds from the request to the whole answer, retries included.
        ended_by: `stop` where the model was done, `length` where it was cut off, `other` for anything else.
        cached_tokens: those of `prompt_tokens` that came from the endpoint's cache, None where it does not tell.
    """

    text: str
    model: str
    prompt_tokens: int | None
    completion_tokens: int | None
    wall_s: float
    ended_by: Literal["stop", "length", "other"] = "stop"
    cached_tokens: int | None = None


class ChatModel(Protocol):
    """A model that answers a conversation; safe to call from several threads.

    Example:
        >>> class Echo:
        ...     name = "echo:last"
        ...     def complete(self, messages, *, temperature, max_tokens, seed, timeout_s):
        ...         return Reply(messages[-1].content, self.name, None, None, 0.0)
        >>> echo: ChatModel = Echo()
        >>> turn = [Message("user", "hello")]
        >>> echo.complete(turn, temperature=0.0, max_tokens=8, seed=None, timeout_s=1.0).text
        'hello'
    """

    name: str
    """`PROVIDER:NAME`, as shown in reports."""

    def complete(
        self, messages: Sequence[Message], *, temperature: float, max_tokens: int, seed: int | None, timeout_s: float
    ) -> Reply:
        """Return the model's answer.

        Args:
            messages: the conversation so far, last turn from the user.
            temperature: 0 for the most likely answer, more for variety; a model that knows none ignores it.
            max_tokens: most tokens that may be written.
            seed: for the same answer again where the model can do that.
            timeout_s: seconds for everything, retries included.

        Raises:
            ModelProviderError: no answer within `timeout_s`, or one out of contract; the message says what to do.
        """
        ...


def request_digest(messages: Sequence[Message], *, temperature: float, max_tokens: int, seed: int | None) -> str:
    """Return what identifies a request over runs: sha256 of everything that is asked, the model left out."""
    request = {
        "messages": [asdict(m) for m in messages],
        "temperature": temperature,
        "max_tokens": max_tokens,
        "seed": seed,
    }
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Usage:
    """What a model was asked for in all; usages add up.

    Attributes:
        calls: replies that came.
        prompt_tokens: tokens read, over the replies that tell.
        completion_tokens: tokens written, over the replies that tell.
        wall_s: seconds over all replies; more than the time passed where several were under way at once.
    """

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    wall_s: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.calls + other.calls,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.wall_s + other.wall_s,
        )

    @staticmethod
    def of(reply: Reply) -> Usage:
        """Return the usage of one reply."""
        return Usage(1, reply.prompt_tokens or 0, reply.completion_tokens or 0, reply.wall_s)
