"""A number that says how good an answer is, where pass or fail says too little."""

from __future__ import annotations

from rtlgen.core.types import Record


class Score(Record):
    """One figure about one answer."""

    name: str
    """What it is, such as `bleu`."""
    value: float | None
    """From 0 to 1; None where it could not be had."""
    reason: str = ""
    """Why there is none, or what was said beside the number."""
    good: bool | None = None
    """Whether it is enough, None where nobody says or there is none."""
