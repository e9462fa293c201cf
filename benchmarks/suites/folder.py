"""A suite as a folder: one sub-folder per problem, with a prompt and a reference, and a testbench if wanted.

    my-suite/
      suite.toml            optional: title
      half_adder/
        prompt.md           what the model is asked
        reference.sv        a correct design (or .v)
        testbench.sv        optional; without it one is generated
        problem.toml        optional: top, reference_top, tb_top, verdict, category, timescale, style, known_issues
        *.txt *.hex *.dat   optional: files that the testbench reads

The module to be written is the last one of the reference unless `top` says otherwise.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from rtlgen.benchmarks.suite import Home, Kind, SuiteData
from rtlgen.core.errors import InputError
from rtlgen.scorers import testbench
from rtlgen.scorers.disguise import renamed
from rtlgen.scorers.extract import modules
from rtlgen.scorers.problem import Problem

_DATA: Final = (".txt", ".hex", ".dat", ".mem", ".bin")
_KEYS: Final = frozenset(
    {"top", "reference_top", "tb_top", "verdict", "category", "timescale", "style", "interface", "known_issues"}
)


@dataclass(frozen=True)
class FolderSuite:
    """A suite in a folder."""

    path: Path
    name: str
    title: str
    kind: Kind = "simulation"
    file: str | None = None
    home: Home | None = None

    def load(self, folder: Path | None) -> SuiteData:
        """Return the problems; see `Suite`."""
        found = [d for d in sorted(self.path.iterdir()) if d.is_dir() and not d.name.startswith((".", "_"))]
        problems = tuple(_problem(d) for d in found)
        if not problems:
            raise InputError(f"{self.path}: expected a folder per problem, got none")
        return SuiteData(self.name, problems)


def open_folder(path: Path) -> FolderSuite:
    """Return the suite in a folder.

    Raises:
        InputError: there is no such folder, or its `suite.toml` is malformed.
    """
    if not path.is_dir():
        raise InputError(f"{path}: expected a folder with a suite")
    about = _toml(path / "suite.toml")
    return FolderSuite(path, str(path), str(about.get("title", f"problems of {path}")))


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_text(file)) if file.exists() else {}
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{file}: {error}") from error


def _text(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: can't be read as UTF-8 text: {error}") from error


def _one(folder: Path, stem: str) -> Path | None:
    found = [f for f in (folder / f"{stem}.sv", folder / f"{stem}.v") if f.exists()]
    if len(found) > 1:
        raise InputError(f"{folder}: expected {stem}.sv or {stem}.v, got both")
    return found[0] if found else None


def _problem(folder: Path) -> Problem:
    about = _toml(folder / "problem.toml")
    unknown = sorted(about.keys() - _KEYS)
    if unknown:
        raise InputError(f"{folder}/problem.toml: expected {', '.join(sorted(_KEYS))}, got {', '.join(unknown)}")
    file, prompt = _one(folder, "reference"), folder / "prompt.md"
    if file is None or not prompt.exists():
        raise InputError(f"{folder}: expected prompt.md and reference.sv (or .v)")
    reference = _text(file)
    found = modules(reference)
    if not found:
        raise InputError(f"{file}: expected a module, got none")
    own = str(about.get("reference_top", about.get("top", found[-1])))
    top = str(about.get("top", own))
    given = _one(folder, "testbench")
    fields: dict[str, Any] = {"category": "", "verdict": testbench.VERDICT, **about, "top": top}
    if given is None:
        hidden = f"{own}_reference"
        reference = renamed(reference, {own: hidden})
        fields |= {"testbench": testbench.generate(reference, hidden, top), "tb_top": testbench.TB_TOP}
        fields |= {"reference_top": hidden, "reference_in_testbench": True}
    else:
        text = _text(given)
        fields |= {"testbench": text, "reference_top": own}
        fields.setdefault("tb_top", (modules(text) or [""])[-1])
    data = [f for f in sorted(folder.iterdir()) if f.suffix in _DATA]
    try:
        return Problem(
            id=folder.name, reference=reference, prompt=_text(prompt),
            data_files=tuple((f.name, _text(f)) for f in data), **fields,
        )  # fmt: skip
    except ValidationError as error:
        detail = error.errors()[0]
        raise InputError(f"{folder}/problem.toml: field {detail['loc'][0]!r}: {detail['msg']}") from error
