"""Scores of texts with their labels: exact match, edit similarity, and how sure they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rtlgen.benchmarks.data import rows
from rtlgen.benchmarks.metrics import mean_interval
from rtlgen.core.errors import InputError
from rtlgen.core.types import Record
from rtlgen.scorers.text import edit_similarity, exact_match

_RESAMPLES = 2000
_SEED = 20240611


class TextReport(Record):
    """Scores over a file of predictions."""

    suite: str
    samples: int
    exact_match: float
    """Per cent."""
    exact_match_interval: tuple[float, float]
    """95 % bootstrap interval."""
    edit_similarity: float
    """Mean, 0 to 100."""
    edit_similarity_interval: tuple[float, float]


def score_file(suite: str, file: Path, pair: Callable[[Mapping[str, Any]], tuple[str, str]]) -> TextReport:
    """Return the scores of a JSON-lines file.

    Args:
        suite: name of the suite.
        file: one prediction per line (`.gz` accepted).
        pair: returns what was written and what was expected.

    Raises:
        InputError: the file can't be read, a line is malformed, or there is none.
    """
    matches: list[float] = []
    similarities: list[float] = []
    for number, row in rows(file):
        try:
            text, expected = pair(row)
        except KeyError as error:
            raise InputError(f"{file}:{number}: expected {error.args[0]}, got {', '.join(sorted(row))}") from error
        except TypeError as error:
            raise InputError(f"{file}:{number}: {error}") from error
        matches.append(100.0 * exact_match(text, expected))
        similarities.append(float(edit_similarity(text, expected)))
    if not matches:
        raise InputError(f"{file}: expected at least one prediction, got none")
    return TextReport(
        suite=suite,
        samples=len(matches),
        exact_match=sum(matches) / len(matches),
        exact_match_interval=mean_interval(matches, resamples=_RESAMPLES, seed=_SEED),
        edit_similarity=sum(similarities) / len(similarities),
        edit_similarity_interval=mean_interval(similarities, resamples=_RESAMPLES, seed=_SEED),
    )
