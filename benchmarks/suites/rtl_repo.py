"""RTL-Repo (A. Allam, M. Shalan, IEEE LAD 2024): the next line of a file of a real repository, judged as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rtlgen.benchmarks.suite import Home, Kind, SuiteData
from rtlgen.core.errors import InputError

_LABELS: Final = ("label", "next_line", "expected")
_TEXTS: Final = ("generated", "prediction", "completion", "reply")


@dataclass(frozen=True)
class _RtlRepo:
    name: str = "rtl-repo"
    title: str = "RTL-Repo, next line of a repository's file, 1,174 in the test set"
    file: str | None = None
    kind: Kind = "text"
    home: Home | None = None

    def load(self, folder: Path | None) -> SuiteData:
        """Say that there are no problems to simulate; see `Suite`."""
        raise InputError(
            "suite 'rtl-repo' is scored from a file of predictions with their labels: "
            "rtlgen bench score rtl-repo --samples FILE"
        )


def pair(row: Mapping[str, Any]) -> tuple[str, str]:
    """Return what was written and what was expected.

    Raises:
        KeyError: a field is missing; the message names those that would do.
        TypeError: a field is no text.
    """
    found = []
    for names in (_TEXTS, _LABELS):
        name = next((n for n in names if n in row), None)
        if name is None:
            raise KeyError(" or ".join(names))
        if not isinstance(row[name], str):
            raise TypeError(f"expected text in {name!r}, got {type(row[name]).__name__}")
        found.append(row[name])
    return found[0], found[1]


RTL_REPO: Final = _RtlRepo()
