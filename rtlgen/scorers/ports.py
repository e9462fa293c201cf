"""Ports of a module, from its header, as far as judging needs them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rtlgen.core.errors import RtlgenError
from rtlgen.graphs.frontend.words import KEYWORDS, Word, words

_DIRECTIONS = ("input", "output", "inout")


@dataclass(frozen=True, slots=True)
class PortName:
    """One port: its name, direction, and whether it is a net or vector (no array of vectors)."""

    name: str
    direction: str
    is_plain: bool

    @property
    def is_plain_input(self) -> bool:
        """Whether values go in only, bit by bit."""
        return self.direction == "input" and self.is_plain


def ports_of(text: str, module: str) -> list[PortName]:
    """Return the ports of a module in order; both styles of header are read.

    Raises:
        RtlgenError: the text defines no such module.
    """
    return declared_ports(_module(text, module)[2:])


def body_end(text: str, module: str) -> int:
    """Return where `endmodule` of a module begins.

    Raises:
        RtlgenError: the text defines no such module.
    """
    last = _module(text, module)[-1]
    return last.start + len(last.text)


def _module(text: str, module: str) -> list[Word]:
    """Return the words of a module from `module` to before `endmodule`, comments and attributes left out.

    Raises:
        RtlgenError: the text defines no such module.
    """
    row = [w for w in words(text) if w.kind not in ("comment", "attribute")]
    heads = (i for i in range(len(row) - 1) if row[i].text in ("module", "macromodule") and row[i + 1].text == module)
    start = next(heads, None)
    if start is None:
        raise RtlgenError(f"expected a module {module!r}, got none")
    end = next((i for i in range(start, len(row)) if row[i].text == "endmodule"), len(row))
    return row[start:end]


def declared_ports(body: Sequence[Word]) -> list[PortName]:
    """Return the ports of a module from the words behind its name."""
    header, rest = _split_header(body)
    return _declarations(header) or _declarations(rest)


def _split_header(body: Sequence[Word]) -> tuple[Sequence[Word], Sequence[Word]]:
    at = next((i for i, w in enumerate(body) if w.text == ";"), len(body))
    return body[:at], body[at:]


def _declarations(row: Sequence[Word]) -> list[PortName]:
    """Return the names declared with a direction."""
    found: list[PortName] = []
    direction = ""
    depth = square = 0
    name = ""
    array = False

    def close() -> None:
        nonlocal name, array
        if direction and name:
            found.append(PortName(name, direction, not array))
        name, array = "", False

    for word in row:
        if word.text in _DIRECTIONS and not square:
            close()
            direction = word.text
            base = depth
        elif not direction:
            depth += (word.text == "(") - (word.text == ")")
        elif word.text == "[":
            square += 1
            array = array or bool(name)
        elif word.text == "]":
            square -= 1
        elif square:
            continue
        elif word.text in (",", ";", ")"):
            if depth == base or word.text == ";":
                close()
            if word.text == ";":
                direction = ""
            depth -= word.text == ")"
        elif word.text == "(":
            depth += 1
        elif word.text == "=":
            close()
        elif word.kind == "name" and word.text not in KEYWORDS:
            name = word.text
    close()
    return found


def header_of(text: str, module: str, name: str) -> str:
    """Return the header of a module under another name, up to its `;`, with the port declarations of the old style.

    Raises:
        RtlgenError: the text defines no such module.
    """
    row = _module(text, module)
    semicolon = next((i for i, w in enumerate(row) if w.text == ";"), len(row) - 1)
    header = f"module {name}" + text[row[1].start + len(module) : row[semicolon].start + 1]
    if _declarations(row[2:semicolon]):
        return header
    return header + "".join(_old_style(text, row[semicolon + 1 :]))


def _old_style(text: str, row: list[Word]) -> list[str]:
    """Return the statements that declare ports or parameters."""
    found = []
    at = 0
    while at < len(row):
        stop = next((i for i in range(at, len(row)) if row[i].text == ";"), len(row) - 1)
        if row[at].text in (*_DIRECTIONS, "parameter"):
            found.append("\n" + text[row[at].start : row[stop].start + 1])
        at = stop + 1
    return found
