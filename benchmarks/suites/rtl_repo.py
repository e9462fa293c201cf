"""RTL-Repo (A. Allam, M. Shalan, IEEE LAD 2024): the next line of a file of a real repository, judged as text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

from rtlgen.benchmarks.data import find_file, problems
from rtlgen.benchmarks.suite import Home, Kind, SuiteData
from rtlgen.core.errors import InputError
from rtlgen.scorers.line import NextLine

_PUBLISHED: Final = 'datasets.load_dataset("ahmedallam/RTL-Repo", split="test").to_json(…)'
_LABELS: Final = ("label", "next_line", "expected")
_TEXTS: Final = ("generated", "prediction", "completion", "reply")


_LONGEST: Final = 60_000
"""Characters of a prompt, about 15,000 tokens; what is cut off is the end of the other files' part."""
_SYSTEM: Final = (
    "You complete Verilog. You get parts of other files of a repository, then the beginning of a file. Answer with the "
    "next line of that file and nothing else."
)


@dataclass(frozen=True)
class _RtlRepo:
    name: str = "rtl-repo"
    title: str = "RTL-Repo, next line of a repository's file, 1,174 in the test set"
    file: str = "rtl-repo/test.jsonl"
    kind: Kind = "text"
    home: Home | None = None

    def load(self, folder: Path | None) -> SuiteData:
        """Return the places; see `Suite`."""
        try:
            file = find_file(self.file, folder, self.name)
        except InputError as error:
            raise InputError(
                f"suite 'rtl-repo' needs the published test split as JSON lines in {self.file} of the data folder "
                f"({_PUBLISHED}); predictions that hold their labels are scored without it: "
                "rtlgen bench score rtl-repo --samples FILE"
            ) from error
        numbers = count(1)
        return SuiteData(self.name, problems(file, lambda row: _place(row, next(numbers)), what="place"))


def _place(row: Mapping[str, Any], number: int) -> NextLine:
    path = row["file_path"] if "file_path" in row else row["file_name"]
    try:
        others = "".join(f"// Path: {s['path']}\n{s['snippet']}\n\n" for s in row["context"])
    except TypeError as error:
        raise TypeError(f"expected texts and a list of snippets: {error}") from error
    own = f"// Path: {path}\n{row['cropped_code']}\n"
    room = max(0, _LONGEST - len(own))
    if len(others) > room:
        others = others[: others.rfind("\n", 0, room) + 1] + "\n"
    asked = re.sub(r"\n{4,}", "\n\n", f"// Repo Name: {row['repo_name']}\n{others}{own}")
    return NextLine(id=f"{number:04d}", category="", prompt=asked, system=_SYSTEM, label=row["next_line"])


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
