"""The table of model providers and how `PROVIDER:NAME` is opened."""

from __future__ import annotations

from importlib import util
from typing import Protocol

from rtlgen.core.errors import ConfigError, ModelProviderError
from rtlgen.core.registry import Registry
from rtlgen.models.types import ChatModel


class Provider(Protocol):
    """Opens models by name; cheap, so that a wrong name or a missing key shows before any work.

    Example:
        >>> class Silent:
        ...     name = "silent:any"
        ...     def complete(self, messages, *, temperature, max_tokens, seed, timeout_s):
        ...         return Reply("", self.name, 0, 0, 0.0)
        >>> def silent(name: str) -> ChatModel:
        ...     return Silent()
        >>> provider: Provider = silent
    """

    def __call__(self, name: str) -> ChatModel:
        """Return the model called `name` without asking it anything.

        Raises:
            ConfigError: the name can't be right.
            ModelProviderError: a package, key, address or file is missing; the message says what to do.
        """
        ...


PROVIDERS: Registry[Provider] = Registry("model-provider")
"""Name to loader of every provider; third parties add theirs by the entry-point group `rtlgen.plugins`."""
PROVIDERS.add("openai", "rtlgen.models.openai_chat:open_openai")
PROVIDERS.add("hf", "rtlgen.models.local:open_local")
PROVIDERS.add("replay", "rtlgen.models.recorded:open_replay")
PROVIDERS.add("record", "rtlgen.models.recorded:open_record")


def open_model(text: str) -> ChatModel:
    """Return the model that `PROVIDER:NAME` means, ready to be asked.

    Raises:
        ConfigError: not of that form, or no such provider.
        ModelProviderError: the provider lacks a package, key, address or file; the message says what to do.
    """
    provider, colon, name = text.partition(":")
    if not colon or not provider or not name:
        known = ", ".join(PROVIDERS.names())
        raise ConfigError(f"expected a model as PROVIDER:NAME, such as openai:NAME, got {text!r}; providers: {known}")
    return PROVIDERS.load(provider)(name)


def need_package(package: str, extra: str, model: str) -> None:
    """Check that `package` of the optional `extra` is installed, without importing it.

    Raises:
        ModelProviderError: it is not; the message holds the command that installs it.
    """
    if util.find_spec(package) is None:
        raise ModelProviderError(
            f"model {model!r} needs the Python package {package!r}, which is not installed; "
            f"run: pip install 'rtlgen[{extra}]'"
        )
