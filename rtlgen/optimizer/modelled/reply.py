"""Find the code in what a model answered, whatever it wrote around it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Final

from rtlgen.graphs.frontend.words import words
from rtlgen.optimizer.modelled.pieces import Piece
from rtlgen.scorers.extract import BLOCK, THINKING

_NUMBER: Final = re.compile(r"^\s*\d+ ?\| ?")
_LARGEST: Final = 1 << 20
_MOST: Final = 4
_MARGIN: Final = 8_000
"""A block longer than this many times the piece, and this many characters, is not what was asked for."""
_WHY_LENGTH: Final = 240


@dataclass(frozen=True, slots=True)
class Answer:
    """Code found in a reply.

    Attributes:
        lines: the new lines of the piece, without line ends, one character a byte (latin-1).
        complete: False where the end is missing, so that lines missing there mean nothing.
        why: the model's own words, one line.
    """

    lines: tuple[str, ...]
    complete: bool
    why: str


def answers(text: str, piece: Piece, *, cut_off: bool = False) -> list[Answer]:
    """Return the rewrites of `piece` in a reply, most likely one first; empty where there is no code.

    Args:
        text: the reply.
        piece: what was asked for.
        cut_off: True where the model was stopped before it was done.
    """
    text = THINKING.sub("", text[:_LARGEST]).replace("\r\n", "\n").replace("\r", "\n")
    blocks = [m["body"] for m in BLOCK.finditer(text)]
    why = _sentence(BLOCK.sub(" ", text))
    if not blocks and piece.whole:
        # Code without a fence is found by its module; then prose and code can't be told apart.
        blocks, why = [text], ""
    found: list[Answer] = []
    for block in blocks:
        answer = _answer(block, piece, cut_off, why)
        if answer is not None and all(answer.lines != f.lines for f in found):
            found.append(answer)
    return sorted(found, key=lambda a: -_likeness(a.lines, piece))


def _answer(block: str, piece: Piece, cut_off: bool, why: str) -> Answer | None:
    if len(block) > _MOST * len(piece.text) + _MARGIN:
        return None
    lines = _without_numbers(block.encode("utf-8", errors="replace").decode("latin-1").split("\n"))
    code = "\n".join(lines).strip("\n")
    if not piece.whole:
        return Answer(tuple(code.split("\n")), not cut_off, why) if code.strip() else None
    row = [w for w in words(code) if w.kind == "name"]
    begin = next((a.start for a, b in pairwise(row) if a.text in _MODULE and b.text == piece.module), None)
    if begin is None:
        return None
    end = next((w.start + len(w.text) for w in reversed(row) if w.text == "endmodule"), None)
    if end is None or end < begin:
        return Answer(tuple(code[begin:].split("\n")), False, why)
    end = code.find("\n", end) if code.find("\n", end) >= 0 else len(code)
    # Anything more in the block (another module, a directive) stays in: the gate decides.
    begin = 0 if _is_code(code[:begin]) else begin
    return Answer(tuple(code[begin:end].split("\n")), True, why)


_MODULE: Final = ("module", "macromodule")


def _is_code(text: str) -> bool:
    return any(w.kind == "directive" or w.text in (*_MODULE, "package", "bind") for w in words(text))


def _without_numbers(lines: list[str]) -> list[str]:
    numbered = sum(bool(_NUMBER.match(line)) for line in lines)
    if numbered * 2 <= sum(bool(line.strip()) for line in lines):
        return lines
    return [_NUMBER.sub("", line) for line in lines]


def _likeness(lines: Sequence[str], piece: Piece) -> float:
    old = [line.strip() for line in piece.text.split("\n")]
    return SequenceMatcher(None, old, [line.strip() for line in lines], autojunk=False).ratio()


def _sentence(prose: str) -> str:
    """Return the first sentence or two, on one line and printable: it ends up in reports and in patch files."""
    plain = "".join(c if c.isprintable() else " " for c in prose)
    plain = " ".join(plain.replace("*", "").replace("#", "").replace("`", "").split())
    if len(plain) <= _WHY_LENGTH:
        return plain
    cut = plain[:_WHY_LENGTH]
    return cut[: cut.rfind(". ") + 1] or cut.rsplit(" ", 1)[0] + " …"
