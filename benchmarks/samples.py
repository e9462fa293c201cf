"""Candidates as they come: recorded in a file, or written by a model."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from rtlgen.benchmarks.data import rows
from rtlgen.core.errors import InputError
from rtlgen.core.types import Record
from rtlgen.scorers.extract import extract
from rtlgen.scorers.problem import Problem
from rtlgen.scorers.task import Task

Form = Literal["auto", "reply", "raw"]


class Sample(Record):
    """One answer to one problem."""

    problem: str
    """Id of the problem."""
    attempt: int
    """Number of the answer to this problem, from 0."""
    text: str = ""
    """What was answered."""
    form: Literal["reply", "raw"] = "reply"
    """Whether code has to be found in the text, or the text is code as it stands (behind the interface, for a body)."""
    model: str = ""
    error: str = ""
    """Why there is no answer: the endpoint failed; such a sample counts as not judged."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    """Those of `prompt_tokens` that the endpoint had in its cache, where it tells."""
    wall_s: float | None = None
    """Seconds that the model took."""

    def source(self, problem: Problem) -> str:
        """Return the candidate's Verilog."""
        if self.form == "reply":
            return extract(self.text, problem)
        return problem.completed(self.text) if problem.style == "body" else self.text

    @property
    def digest(self) -> str:
        """sha256 of the answer."""
        return hashlib.sha256(f"{self.form}\0{self.text}".encode(errors="replace")).hexdigest()


_IDS = ("problem", "task_id", "id", "design")
_TEXTS = ("reply", "completion", "response", "solution", "code", "text")


def read_samples(file: Path, known: Mapping[str, Task], form: Form = "auto") -> list[Sample]:
    """Return the samples of a JSON-lines file, numbered per problem in the order of the file.

    A line names its problem by `problem`, `task_id`, `id` or `design` (what follows the last `/` counts), and holds
    the answer in `reply`, `completion`, `response`, `solution`, `code` or `text`. With form `auto`, a `completion` of
    a body problem is taken as it stands, as the benchmarks that use that word do; everything else is searched for code.

    Raises:
        InputError: the file can't be read, a line is malformed or names no problem of the suite, or there is none.
    """
    found: list[Sample] = []
    attempts: Counter[str] = Counter()
    for number, row in rows(file):
        sample = _sample(file, number, row, known, form)
        found.append(sample.model_copy(update={"attempt": attempts[sample.problem]}))
        attempts[sample.problem] += 1
    if not found:
        raise InputError(f"{file}: expected at least one sample, got none")
    return found


def _sample(file: Path, number: int, row: Mapping[str, Any], known: Mapping[str, Task], form: Form) -> Sample:
    name = next((row[k] for k in _IDS if k in row), None)
    field = next((k for k in _TEXTS if k in row), None)
    if name is None or field is None:
        wanted = f"a problem ({', '.join(_IDS)}) and an answer ({', '.join(_TEXTS)})"
        raise InputError(f"{file}:{number}: expected {wanted}, got {', '.join(sorted(row)) or 'nothing'}")
    problem = known.get(str(name)) or known.get(str(name).rpartition("/")[2])
    if problem is None:
        raise InputError(f"{file}:{number}: expected a problem of the suite, got {str(name)[:80]!r}")
    text = row[field]
    if not isinstance(text, str):
        raise InputError(f"{file}:{number}: expected text in {field!r}, got {type(text).__name__}")
    body = isinstance(problem, Problem) and problem.style == "body"
    as_it_is = form == "raw" or (form == "auto" and field == "completion" and body)
    return Sample(
        problem=problem.id, attempt=0, text=_whole(text), form="raw" if as_it_is else "reply",
        model=_whole(str(row.get("model", ""))),
    )  # fmt: skip


def _whole(text: str) -> str:
    """Return a text without halves of surrogate pairs, which JSON may hold and no file can."""
    return text.encode("utf-8", errors="replace").decode("utf-8")
