"""What discovery and planning have to tell: one list of messages with their places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rtlgen.graphs.model import Diagnosis

PHASE = "discover"
SHOWN = 4
"""Names that a message lists before it only counts."""


@dataclass(slots=True)
class Notes:
    """Collects messages; `places[i]` is the path that `rows[i]` is about, empty for the whole design."""

    rows: list[Diagnosis] = field(default_factory=list)
    places: list[str] = field(default_factory=list)

    def add(self, code: str, message: str, path: str = "", line: int = 0, severity: str = "note") -> None:
        """Add a message: what was found, what was chosen, and what changes it."""
        self.rows.append(Diagnosis(len(self.rows) + 1, 0, line, 0, severity, code, message, PHASE))
        self.places.append(path)

    def extend(self, rows: Sequence[Diagnosis], places: Sequence[str]) -> None:
        """Add the messages of a part."""
        for row, place in zip(rows, places, strict=True):
            self.add(row.code, row.message, place, row.line, row.severity)


def names(items: Sequence[str], shown: int = SHOWN) -> str:
    """Return the first few of a list of names, and how many more there are."""
    text = ", ".join(items[:shown])
    return text if len(items) <= shown else f"{text} and {len(items) - shown} more"
