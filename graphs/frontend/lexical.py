"""What can be read off Verilog text without a grammar: lines, comments, macro definitions and uses, includes.

Every position is a byte offset. A line ends as in slang: by LF, CR LF or CR.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final, NamedTuple

_DIRECTIVES: Final = """
    __FILE__ __LINE__ begin_keywords celldefine default_decay_time default_nettype default_trireg_strength
    define delay_mode_distributed delay_mode_path delay_mode_unit delay_mode_zero else elsif end_keywords
    endcelldefine endif endprotect endprotected ifdef ifndef include line nounconnected_drive pragma protect
    protected resetall timescale unconnected_drive undef undefineall
"""
BUILT_IN_DIRECTIVES: Final = frozenset(_DIRECTIVES.split())
"""Compiler directives of IEEE 1800-2017 (22) and the usual additions: not macros."""

_PIECE: Final = re.compile(
    rb"//[^\r\n]*|/\*.*?(?:\*/|\Z)"  # comments
    rb"|`\\`\"|`[\"`]"  # quotes and pasting inside a macro
    rb'|"(?:[^"\\\r\n]|\\\r\n|\\.)*"?'  # strings
    rb"|\\[^\s]+"  # escaped names
    rb"|`(?:define|include)\b",
    re.DOTALL,
)
_BODY: Final = re.compile(
    rb'(?:"(?:[^"\\\r\n]|\\[^\r\n])*"|/\*.*?\*/|//(?:[^\r\n\\]|\\(?![\r\n]))*|\\(?:\r\n?|\n)|[^\r\n])*', re.DOTALL
)
_DEFINED: Final = re.compile(rb"[ \t]+(\\\S+|[A-Za-z_][\w$]*)")
_INCLUDED: Final = re.compile(rb'[ \t]*(?:"([^"\r\n]*)"|<([^>\r\n]*)>|`([A-Za-z_][\w$]*))')
_TESTED: Final = re.compile(rb"`(?:ifdef|ifndef|elsif)[ \t]+([A-Za-z_][\w$]*)")
_USE: Final = re.compile(rb"`([A-Za-z_][\w$]*)")


def line_count(content: bytes) -> int:
    """Return the number of lines; the last one counts without an end of line too."""
    ends = content.count(b"\n") + content.count(b"\r") - content.count(b"\r\n")
    return ends + bool(content and not content.endswith((b"\n", b"\r")))


class Define(NamedTuple):
    """A macro definition, from `` `define`` to the end of its last line."""

    name: str
    start: int
    end: int
    text: str
    """What follows `` `define ``."""


class Include(NamedTuple):
    """An `` `include`` directive; the name starts with a backtick where a macro gives it."""

    name: str
    start: int
    end: int


class Span(NamedTuple):
    """A comment with its signs."""

    start: int
    end: int


@dataclass(slots=True)
class Lexed:
    """The pieces of one text."""

    comments: list[Span] = field(default_factory=list)
    defines: list[Define] = field(default_factory=list)
    includes: list[Include] = field(default_factory=list)
    tested: frozenset[str] = frozenset()
    """Macros that `` `ifdef``, `` `ifndef`` or `` `elsif`` ask for."""

    def macros(self) -> dict[str, str]:
        """Return name → what follows `` `define``; of several definitions the first."""
        found: dict[str, str] = {}
        for define in self.defines:
            found.setdefault(define.name, define.text)
        return found


class Lines:
    """Turns byte offsets into lines, counted from 1."""

    __slots__ = ("count", "starts")

    def __init__(self, content: bytes) -> None:
        """Find the lines of `content`."""
        pieces = content.splitlines(keepends=True)
        self.count = len(pieces)
        self.starts = [0, *accumulate(map(len, pieces[:-1]))]

    def at(self, offset: int) -> int:
        """Return the line of a position; of the end of the text, the last line."""
        return bisect_right(self.starts, offset)

    def column(self, offset: int) -> int:
        """Return the column of a position, in bytes from 1."""
        return offset - self.starts[self.at(offset) - 1] + 1


def scan(content: bytes) -> Lexed:
    """Return the comments, macro definitions and includes of a text, in order, those in excluded branches too."""
    found = Lexed()
    if b"`if" in content:
        found.tested = frozenset(_text(name) for name in _TESTED.findall(content))
    position = 0
    while match := _PIECE.search(content, position):
        start, position = match.span()
        first = content[start : start + 2]
        if first in (b"//", b"/*"):
            found.comments.append(Span(start, position))
        elif first == b"`d":
            position = _define(content, start, position, found)
        elif first == b"`i":
            position = _include(content, start, position, found)
    return found


def _define(content: bytes, start: int, after: int, found: Lexed) -> int:
    """Add the definition; return where the scan goes on: its comments are still to be found."""
    name = _DEFINED.match(content, after)
    if name is None:
        return after
    body = _BODY.match(content, name.end())
    end = body.end() if body else name.end()
    text = content[after : _before_comment(content, after, end)]
    kept = text.rstrip(b" \t\r\n\f\v\\")
    found.defines.append(Define(_text(name[1]), start, start + 7 + len(kept), _text(kept.lstrip())))
    return name.end()


def _before_comment(content: bytes, start: int, end: int) -> int:
    """Return the end of a definition without the line comment that may close it."""
    line = max(start, content.rfind(b"\n", start, end) + 1)
    if content.find(b"//", line, end) < 0:
        return end
    last = line
    for match in _PIECE.finditer(content, line, end):
        last = match.start() if match[0].startswith(b"//") else last
    return last if content.startswith(b"//", last) else end


def _include(content: bytes, start: int, after: int, found: Lexed) -> int:
    match = _INCLUDED.match(content, after)
    if match is None:
        return after
    name = _text(match[1] or match[2] or b"") if match[3] is None else "`" + _text(match[3])
    found.includes.append(Include(name, start, match.end()))
    return match.end()


def macros_of(content: bytes) -> dict[str, str]:
    """Return the macros that a text defines: name → what follows `` `define``; of several definitions the first."""
    return scan(content).macros() if b"`define" in content else {}


def uses(content: bytes) -> frozenset[str]:
    """Return the names after a backtick that are no directive, wherever they stand."""
    return frozenset(_text(name) for name in _USE.findall(content)) - BUILT_IN_DIRECTIVES


def blanked(content: bytes, spans: list[Span]) -> bytes:
    """Return the text with these spans as spaces, line ends kept: every position stays."""
    pieces: list[bytes] = []
    position = 0
    for start, end in spans:
        pieces.append(content[position:start])
        pieces.append(re.sub(rb"[^\r\n]", b" ", content[start:end]))
        position = end
    pieces.append(content[position:])
    return b"".join(pieces)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
