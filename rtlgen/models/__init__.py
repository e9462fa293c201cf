"""Language models behind one small interface; nothing that they write is believed here or elsewhere.

`open_model("openai:NAME")` returns something with a `complete` method. Packages of a provider are imported when the
first request is made, keys come from the settings, where a variable is better than the file.
"""

from __future__ import annotations

from rtlgen.models.providers import PROVIDERS, Provider, open_model
from rtlgen.models.types import ChatModel, Message, Reply, Usage, request_digest

__all__ = ["PROVIDERS", "ChatModel", "Message", "Provider", "Reply", "Usage", "open_model", "request_digest"]
