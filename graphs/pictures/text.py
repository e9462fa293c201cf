"""Text in pictures: any name made visible, measured and shortened."""

from __future__ import annotations

import unicodedata
from textwrap import wrap
from typing import Final

LINE_PX: Final = 12
"""Size of the first line of a label."""
SMALL_PX: Final = 10
"""Size of its further lines, and of the labels of edges."""
_ADVANCE: Final = 0.605
"""Width of a character of the usual monospaced fonts, in parts of their size."""
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})


def shown(text: str) -> str:
    r"""Return `text` with a visible character in place of each that can't be seen, or that XML has no place for.

    >>> shown("a\tb\0")
    'a␉b␀'
    """
    return text if text.isascii() and text.isprintable() else "".join(map(_visible, text))


def _visible(character: str) -> str:
    code = ord(character)
    if code < 32:
        return chr(0x2400 + code)
    if code == 127:
        return "\u2421"
    # among them the marks that turn the direction of writing, by which a name could pose as another
    return "\ufffd" if unicodedata.category(character) in _UNSEEN else character


def elided(text: str, most: int) -> str:
    """Return `text` in at most `most` characters; what is left out is in the middle, since names differ at their ends.

    >>> elided("g_lane[2].u_multiplier.product_q", 20)
    'g_lane[2].…product_q'
    """
    if len(text) <= most:
        return text
    front = most // 2
    return f"{text[:front]}…{text[len(text) - (most - front - 1) :]}"


def cut(text: str, most: int) -> str:
    """Return `text` in at most `most` characters; what is left out is at its end, as suits source text."""
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def wrapped(text: str, most: int, lines: int) -> tuple[str, ...]:
    """Return `text` in at most `lines` lines of at most `most` characters, broken at spaces where there are some.

    >>> wrapped("req_i && !stall_q && (mode_q == RUN)", 20, 2)
    ('req_i && !stall_q &&', '(mode_q == RUN)')
    """
    rows = wrap(text, most, break_on_hyphens=False, drop_whitespace=True) or [""]
    return tuple(rows) if len(rows) <= lines else (*rows[: lines - 1], cut(" ".join(rows[lines - 1 :]), most))


def columns(text: str) -> int:
    """Return how many characters wide `text` is; those of East Asia are two."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "FW" else 1 for c in text
    )  # fmt: skip


def width(text: str, size: float = LINE_PX) -> float:
    """Return the width of `text` in pixels, set in a monospaced font of `size` pixels."""
    return columns(text) * size * _ADVANCE
