"""Reads benchmark data: JSON lines, plain or compressed, from the folders where it may lie."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from rtlgen.core.config import load_settings
from rtlgen.core.errors import InputError
from rtlgen.scorers.task import Task

P = TypeVar("P", bound=Task)
MAX_LINE = 64 << 20
"""Bytes of one line; anything longer is no such file."""


def data_folders(given: Path | None = None) -> list[Path]:
    """Return where benchmark data may lie, first choice first: the one given, the setting `data`, the user's cache."""
    settings = load_settings()
    found = [given] if given is not None else []
    found += [settings.data / "benchmarks"] if settings.data is not None else []
    return [*found, settings.cache_dir / "benchmarks"]


def find_file(name: str, folder: Path | None, suite: str) -> Path:
    """Return a data file of a suite.

    Raises:
        InputError: it is in none of the folders.
    """
    for place in _places(folder):
        for candidate in (place / name, place / f"{name}.gz"):
            if candidate.is_file():
                return candidate
    raise _not_there(name, folder, suite)


def find_files(pattern: str, folder: Path | None, suite: str) -> list[Path]:
    """Return the data files of a suite that comes in several, `.gz` included, from the first folder that has any.

    Raises:
        InputError: none of the folders has any.
    """
    for place in _places(folder):
        found = sorted({*place.glob(pattern), *place.glob(f"{pattern}.gz")})
        if found:
            return found
    raise _not_there(pattern, folder, suite)


def _places(folder: Path | None) -> list[Path]:
    return [folder] if folder is not None else data_folders()


def _not_there(name: str, folder: Path | None, suite: str) -> InputError:
    places = ", ".join(str(f) for f in _places(folder))
    return InputError(
        f"suite {suite!r} needs {name}, which is not in {places}; get it with `rtlgen bench fetch {suite}`, "
        "or name its folder with --data"
    )


def rows(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield line number and object of each line of a JSON-lines file (`.gz` accepted); blank lines are left out.

    Raises:
        InputError: the file can't be read, is truncated, or has a line that is no object.
    """
    number = 0
    try:
        with _opened(file) as source:
            for number, line in enumerate(iter(lambda: source.readline(MAX_LINE), b""), 1):
                if len(line) >= MAX_LINE:
                    raise InputError(f"{file}:{number}: expected lines of at most {MAX_LINE >> 20} MiB")
                if line.strip():
                    yield number, _object(file, number, line)
    except (OSError, EOFError, zlib.error) as error:
        where = f"{file}:{number + 1}" if number else f"{file}"
        raise InputError(f"{where}: can't be read to its end: {error}") from error


def _opened(file: Path) -> Any:
    with file.open("rb") as source:
        compressed = source.read(2) == b"\x1f\x8b"
    return gzip.open(file, "rb") if compressed else file.open("rb")


def _object(file: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        shown = line[max(0, error.start - 20) : error.start + 20]
        raise InputError(f"{file}:{number}: expected UTF-8, got {shown!r}; convert the file first") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}:{number}: expected a line of JSON, got {line[:60]!r}: {error}") from error
    if not isinstance(value, dict):
        raise InputError(f"{file}:{number}: expected a JSON object, got {type(value).__name__}")
    return value


def problems(file: Path, make: Callable[[Mapping[str, Any]], P], *, what: str = "problem") -> tuple[P, ...]:
    """Return the problems of a file, one per line.

    Args:
        file: JSON lines.
        make: makes a problem of an object; KeyError, TypeError, ValueError mean that it is malformed.
        what: they are, for messages.

    Raises:
        InputError: the file can't be read, a line is malformed, two have one id, or there is none.
    """
    found: dict[str, P] = {}
    for number, row in rows(file):
        try:
            problem = make(row)
        except KeyError as error:
            raise InputError(f"{file}:{number}: expected a field {error}, got {', '.join(sorted(row))}") from error
        except ValidationError as error:
            raise InputError(f"{file}:{number}: {first_error(error)}") from error
        except (TypeError, ValueError) as error:
            raise InputError(f"{file}:{number}: {error}") from error
        if problem.id in found:
            raise InputError(f"{file}:{number}: expected one {what} {problem.id!r}, got a second one")
        found[problem.id] = problem
    if not found:
        raise InputError(f"{file}: expected at least one {what}, got none")
    return tuple(found.values())


def published_fields(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a problem that stand in a line of published data as they are.

    Raises:
        KeyError: one is missing.
    """
    names = ("top", "testbench", "tb_top", "reference", "reference_top", "category", "prompt")
    return {name: row[name] for name in names}


def first_error(error: ValidationError) -> str:
    """Return the first thing that is wrong with a record, in one line."""
    detail = error.errors()[0]
    return f"field {'.'.join(map(str, detail['loc']))!r}: {detail['msg']}"


def chosen(all_problems: Sequence[Task], wanted: Sequence[str], limit: int | None) -> tuple[Task, ...]:
    """Return some of the problems: those named (by id or its beginning), then at most so many.

    Raises:
        InputError: a name fits none.
    """
    if wanted:
        for name in wanted:
            if not any(p.id == name or p.id.startswith(name) for p in all_problems):
                raise InputError(f"expected the id of a problem or its beginning, got {name!r}")
        all_problems = [p for p in all_problems if any(p.id == n or p.id.startswith(n) for n in wanted)]
    return tuple(all_problems[:limit] if limit is not None else all_problems)
