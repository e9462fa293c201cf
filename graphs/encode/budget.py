"""A text made of whole lines, as much of it as a budget of tokens holds, the most telling lines first."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from rtlgen.core.errors import InputError
from rtlgen.graphs.encode.tokens import estimate

MIN_TOKENS: Final = 96
"""The least budget: it always holds the first line and the line that says what was left out."""
MAX_TITLE: Final = 16
"""Tokens of the first line, where the text is cut; a longer one is shortened."""
ELLIPSIS: Final = "..."

Rank = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A line in its forms, and when each form gets its place.

    Attributes:
        what: what the line is, in the plural, for the count of what was left out.
        forms: texts from the shortest to the complete one.
        ranks: one for each form; what ranks lower is kept first. A line must rank before lines that need it.
    """

    what: str
    forms: tuple[str, ...]
    ranks: tuple[Rank, ...]


@dataclass(frozen=True, slots=True)
class Encoded:
    """A graph as text.

    Attributes:
        text: lines, each ended by a line feed.
        tokens: its estimated tokens (see `estimate`).
        left_out: kind of line, or `lines shortened` → how many; empty for the complete text.
    """

    text: str
    tokens: int
    left_out: dict[str, int] = field(default_factory=dict)


def line(what: str, forms: Iterable[str], ranks: Iterable[Rank]) -> Line:
    """Return a line without the forms that would cost as much as a more complete one."""
    kept: list[tuple[str, Rank]] = []
    for form, rank in zip(forms, ranks, strict=True):
        while kept and estimate(kept[-1][0]) >= estimate(form):
            rank = min(rank, kept.pop()[1])
        kept.append((form, rank))
    return Line(what, tuple(form for form, _ in kept), tuple(rank for _, rank in kept))


def fit(title: str, lines: Sequence[Line], tokens: int | None) -> Encoded:
    """Return the title and as many lines as `tokens` hold, in the order given; all of them for None.

    Lines are taken, and lengthened, in the order of their ranks until one no longer fits. So a larger budget keeps
    every line that a smaller one kept, in the same form or a more complete one.

    Raises:
        InputError: fewer tokens than `MIN_TOKENS`.
    """
    if tokens is not None and tokens < MIN_TOKENS:
        raise InputError(f"expected a budget of at least {MIN_TOKENS} tokens, got {tokens}")
    whole = _text([title, *(item.forms[-1] for item in lines)])
    needed = estimate(whole)
    if tokens is None or needed <= tokens:
        return Encoded(whole, needed)
    title = _shortened(title)
    every = Counter(item.what for item in lines)
    room = tokens - _cost(title) - _cost(_summary({**every, _SHORTENED: len(lines)}, needed))
    chosen = _choose(lines, room)
    left_out = dict(Counter(item.what for item, form in zip(lines, chosen, strict=True) if form < 0))
    short = sum(0 <= form < len(item.forms) - 1 for item, form in zip(lines, chosen, strict=True))
    if short:
        left_out[_SHORTENED] = short
    kept = [item.forms[form] for item, form in zip(lines, chosen, strict=True) if form >= 0]
    text = _text([title, *kept, _summary(left_out, needed)])
    return Encoded(text, estimate(text), left_out)


def _choose(lines: Sequence[Line], room: int) -> list[int]:
    """Return the form of every line, -1 for none."""
    chosen = [-1] * len(lines)
    steps = sorted((rank, at, form) for at, item in enumerate(lines) for form, rank in enumerate(item.ranks))
    for _, at, form in steps:
        before = _cost(lines[at].forms[chosen[at]]) if chosen[at] >= 0 else 0
        room -= _cost(lines[at].forms[form]) - before
        if room < 0:
            break
        chosen[at] = form
    return chosen


_SHORTENED: Final = "lines shortened"
_LAST_S: Final = re.compile(r"s\b")


def _summary(left_out: dict[str, int], needed: int) -> str:
    counts = [f"{count} {_LAST_S.sub('', what, count=1) if count == 1 else what}" for what, count in left_out.items()]
    return f"# left out: {', '.join(counts)}; whole text: {needed} tokens"


def _shortened(title: str) -> str:
    if estimate(title) <= MAX_TITLE:
        return title
    end = len(title)
    while estimate(title[:end] + ELLIPSIS) > MAX_TITLE:
        end -= 1
    return title[:end] + ELLIPSIS


def _cost(text: str) -> int:
    return estimate(text) + 1


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{text}\n" for text in lines)


def cut(text: str, length: int) -> str:
    """Return a text of at most about `length` characters, cut between words and marked with `...`."""
    if len(text) <= length:
        return text
    head = text[: length - len(ELLIPSIS)]
    end = max(head.rfind(" "), head.rfind(","), head.rfind("("), head.rfind("&"), head.rfind("|"))
    return head[: end if end > length // 2 else len(head)].rstrip() + ELLIPSIS
