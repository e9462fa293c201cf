"""`openai:NAME`: any endpoint that speaks OpenAI's chat completions (OpenAI, vLLM, Ollama, llama.cpp, …).

https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

from rtlgen.core.config import load_settings
from rtlgen.core.errors import ModelProviderError
from rtlgen.models.providers import need_package
from rtlgen.models.retry import TransientModelError, with_retries
from rtlgen.models.types import Message, Reply

if TYPE_CHECKING:
    import openai

_MAX_BODY: Final = 16 * 1024 * 1024
_SHOWN: Final = 300
_NO_KEY: Final = "none"
_PASSING: Final = frozenset({408, 409, 425, 429})
# What newer and smaller servers may not know, and what to say instead.
_SUBSTITUTES: Final[Mapping[str, str | None]] = {
    "max_tokens": "max_completion_tokens",
    "temperature": None,
    "seed": None,
}


def open_openai(name: str) -> OpenAIModel:
    """Return the model `name` of the endpoint that the environment names.

    The address is RTLGEN_MODEL_URL, else OPENAI_BASE_URL, else OpenAI itself. The key is RTLGEN_MODEL_KEY; without it
    OPENAI_API_KEY, but not for an address in RTLGEN_MODEL_URL, whose owner may not be who the key is for.

    Raises:
        ModelProviderError: the package is missing, the address is none, or OpenAI is asked without a key.
    """
    shown = f"openai:{name}"
    need_package("openai", "agents", shown)
    settings = load_settings()
    own_url = settings.model_url.strip()
    url = own_url or os.environ.get("OPENAI_BASE_URL", "").strip()
    key = settings.model_key.get_secret_value().strip()
    if not key and not own_url:
        key = os.environ.get("OPENAI_API_KEY", "").strip()
    if not url and not key:
        raise ModelProviderError(
            f"model {shown!r}: no key; set OPENAI_API_KEY (or RTLGEN_MODEL_KEY), or set RTLGEN_MODEL_URL to another "
            "endpoint, such as http://localhost:8000/v1"
        )
    if url:
        _check_url(url)
    return OpenAIModel(name, url or None, key)


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        good = False
    if not good:
        raise ModelProviderError(
            f"expected an address such as http://localhost:8000/v1 in RTLGEN_MODEL_URL or OPENAI_BASE_URL, "
            f"got {_without_login(url)!r}"
        )


def _without_login(url: str) -> str:
    """Return the address without user, password, query and fragment, any of which may be secret."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that can't be read"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


class OpenAIModel:
    """One model of an OpenAI-compatible endpoint."""

    def __init__(self, name: str, url: str | None, key: str) -> None:
        """Ask `name` at `url` (None is OpenAI) with `key` (may be empty); nothing is sent yet."""
        self.name = f"openai:{name}"
        self._model = name
        self._url = url
        self._where = _without_login(url) if url else "api.openai.com"
        self._secrets = [s for s in (key, urlsplit(url).password if url else None) if s]
        self._key = key
        self._lock = threading.Lock()
        self._client: openai.OpenAI | None = None
        self._unknown: set[str] = set()

    def __repr__(self) -> str:
        return f"OpenAIModel({self._model!r}, at={self._where!r})"

    def complete(
        self, messages: Sequence[Message], *, temperature: float, max_tokens: int, seed: int | None, timeout_s: float
    ) -> Reply:
        """Return the endpoint's answer; see `rtlgen.models.ChatModel`.

        Raises:
            ModelProviderError: the endpoint can't be reached, refuses, or answers out of contract.
        """
        start = time.monotonic()
        request: dict[str, Any] = {
            "model": self._model,
            "messages": [{"role": m.role, "content": m.content} for m in messages],
            "temperature": temperature,
            "max_tokens": max_tokens,
            "seed": seed,
        }
        body = with_retries(lambda left_s: self._adapting(request, left_s), timeout_s=timeout_s)
        return self._reply(body, time.monotonic() - start)

    # One request.

    def _adapting(self, request: Mapping[str, Any], left_s: float) -> bytes:
        """Send the request without what this endpoint turned out not to know."""
        import openai

        deadline = time.monotonic() + left_s
        while True:
            before = frozenset(self._unknown)
            try:
                return self._once(self._arguments(request), max(0.001, deadline - time.monotonic()))
            except openai.BadRequestError as error:
                name = self._complained_of(error, before)
                if name is None:
                    raise self._refused(error) from None
                self._unknown.add(name)

    def _arguments(self, request: Mapping[str, Any]) -> dict[str, Any]:
        arguments = {}
        for name, value in request.items():
            known = name if name not in self._unknown else _SUBSTITUTES[name]
            if known is not None and value is not None:
                arguments[known] = value
        return arguments

    @staticmethod
    def _complained_of(error: openai.BadRequestError, before: frozenset[str]) -> str | None:
        """Return the optional argument that a refusal names and that was sent."""
        named = [error.param] if error.param in _SUBSTITUTES else list(_SUBSTITUTES)
        text = str(error)
        return next((n for n in named if n is not None and n in text and n not in before), None)

    def _once(self, arguments: dict[str, Any], left_s: float) -> bytes:
        import openai

        deadline = time.monotonic() + left_s
        completions = self._opened().chat.completions.with_streaming_response
        try:
            with completions.create(**arguments, timeout=left_s) as response:
                return self._body(response.iter_bytes(), deadline)
        except openai.BadRequestError:
            raise
        except openai.APITimeoutError:
            raise TransientModelError(
                f"{self._who()}: no reply within {left_s:.0f} s; use a faster model or give it more time"
            ) from None
        except openai.APIConnectionError as error:
            reason = self._clean(str(error.__cause__ or error))
            raise TransientModelError(
                f"{self._who()}: can't be reached: {reason}; start the server, or set RTLGEN_MODEL_URL"
            ) from None
        except openai.APIStatusError as error:
            raise self._refused(error) from None
        except openai.OpenAIError as error:
            raise ModelProviderError(f"{self._who()}: {self._clean(str(error))}") from None

    def _opened(self) -> openai.OpenAI:
        import openai

        with self._lock:
            if self._client is None:
                # Retries are ours: they keep to the caller's time.
                self._client = openai.OpenAI(api_key=self._key or _NO_KEY, base_url=self._url, max_retries=0)
            return self._client

    def _body(self, chunks: Iterator[bytes], deadline: float) -> bytes:
        """Return the whole answer, which may be no longer than 16 MiB and take no longer than `deadline`."""
        body = bytearray()
        try:
            for chunk in chunks:
                body += chunk
                if len(body) > _MAX_BODY:
                    raise ModelProviderError(f"{self._who()}: expected a reply of at most 16 MiB, got a longer one")
                if time.monotonic() > deadline:
                    raise TransientModelError(f"{self._who()}: the reply was not whole in time; give it more time")
        except ModelProviderError:
            raise
        except Exception as error:
            # The HTTP package's own errors; which package that is depends on the version of openai.
            raise TransientModelError(
                f"{self._who()}: the connection broke while the reply was read: {self._clean(str(error))}"
            ) from None
        return bytes(body)

    # Answers.

    def _reply(self, body: bytes, wall_s: float) -> Reply:
        try:
            values = json.loads(body)
            choice = values["choices"][0]
            text = _text(choice["message"].get("content"))
            usage = values.get("usage") or {}
            ended = {"stop": "stop", "length": "length"}.get(str(choice.get("finish_reason", "stop")), "other")
            return Reply(
                text=self._hide(text),
                model=self._hide(str(values.get("model") or self._model)),
                prompt_tokens=_count(usage.get("prompt_tokens")),
                completion_tokens=_count(usage.get("completion_tokens")),
                wall_s=wall_s,
                ended_by=ended,  # type: ignore[arg-type]
                cached_tokens=_count((usage.get("prompt_tokens_details") or {}).get("cached_tokens")),
            )
        except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
            start = self._clean(body[:_SHOWN].decode(errors="replace"))
            raise ModelProviderError(
                f"{self._who()}: expected an OpenAI chat completion in JSON, got {start!r}; check that the address "
                "ends where the API begins, usually in /v1"
            ) from None

    def _refused(self, error: openai.APIStatusError) -> ModelProviderError:
        status = error.status_code
        said = self._clean(_said(error))
        if status in (401, 403):
            return ModelProviderError(
                f"{self._who()}: the key was refused (HTTP {status}); check RTLGEN_MODEL_KEY or OPENAI_API_KEY"
            )
        if status == 404:
            return ModelProviderError(
                f"{self._who()}: no such model or address (HTTP 404: {said}); check the name and RTLGEN_MODEL_URL"
            )
        if status in _PASSING or status >= 500:
            wish = _seconds(error.response.headers.get("retry-after"))
            return TransientModelError(f"{self._who()}: HTTP {status}: {said}; try again later", wish)
        return ModelProviderError(f"{self._who()}: the request was refused (HTTP {status}): {said}")

    def _who(self) -> str:
        return f"model {self.name!r} at {self._where}"

    def _hide(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        # JSON may hold half a surrogate pair, which no file can.
        return text.encode("utf-8", errors="replace").decode("utf-8")

    def _clean(self, text: str) -> str:
        return " ".join(self._hide(text).split())[:_SHOWN]


def _said(error: openai.APIStatusError) -> str:
    body = error.body
    message = body.get("message") if isinstance(body, dict) else None
    return str(message or body or error.message)


def _text(content: object) -> str:
    """Return the text of a message, which some servers give in parts."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    raise TypeError(f"expected text, got {type(content).__name__}")


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _seconds(value: str | None) -> float | None:
    try:
        return min(60.0, float(value)) if value else None
    except ValueError:
        return None
