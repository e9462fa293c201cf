"""What no front end, or not slang, is given: text that is none, and text that would cost the process its life."""

from __future__ import annotations

import codecs
from typing import Final

from rtlgen.graphs.frontend.lexical import Lexed
from rtlgen.graphs.frontend.protocol import Context

MAX_FILE_BYTES: Final = 32 << 20
MAX_LINE_BYTES: Final = 1 << 20


def unreadable(content: bytes) -> str:
    """Return why a file is no text that can be parsed; empty where it is."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "UTF-16 text; save it as UTF-8"
    zero = content.find(b"\0")
    if zero >= 0:
        line = content.count(b"\n", 0, zero) + 1
        return f"line {line}: binary file (NUL byte)"
    if len(content) > MAX_FILE_BYTES:
        return f"expected at most {MAX_FILE_BYTES >> 20} MiB, got {len(content)} bytes"
    if len(content) > MAX_LINE_BYTES:
        for number, line_text in enumerate(content.splitlines(), 1):
            if len(line_text) > MAX_LINE_BYTES:
                limit = f"expected lines of at most {MAX_LINE_BYTES >> 20} MiB"
                return f"line {number}: {limit}, got one of {len(line_text)} bytes"
    return ""


def refusal(content: bytes, lexed: Lexed, context: Context) -> str:
    """Return why slang must not parse a text in this process; empty where it may."""
    return unreadable(content)
