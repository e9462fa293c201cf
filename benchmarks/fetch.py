"""Downloads a suite from its public home, and writes it in the form that `load` reads."""

from __future__ import annotations

import gzip
import json
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from rtlgen.benchmarks.data import rows
from rtlgen.benchmarks.suite import Home
from rtlgen.core.download import MAX_BYTES, download
from rtlgen.core.errors import ConfigError, InputError
from rtlgen.core.events import EventBus

_HINT: Final = "get it on a machine with a connection, and name the folder with --data"


class Fetchable(Protocol):
    """A suite that can be downloaded.

    Example:
        >>> class Nothing:
        ...     name, file = "nothing", "nothing.jsonl"
        ...     home = Home("https://example.org/x.zip", "1", "MIT", "https://example.org")
        ...     def convert(self, archive):
        ...         yield from ()
        >>> suite: Fetchable = Nothing()
    """

    @property
    def name(self) -> str:
        """As on the command line."""
        ...

    @property
    def file(self) -> str | None:
        """Path of its file in a folder of benchmark data."""
        ...

    @property
    def home(self) -> Home | None:
        """Where it is published."""
        ...

    def convert(self, archive: Mapping[str, Callable[[], str]]) -> Iterator[dict[str, Any]]:
        """Yield its problems from the files of the published archive, one object each.

        Args:
            archive: path inside the archive, without its first folder → function that returns the text.

        Raises:
            InputError: the archive is not as expected.
        """
        ...


class WithSideFiles(Protocol):
    """A suite whose archive holds more than its problems.

    Example:
        >>> class Noted:
        ...     def side_files(self, archive):
        ...         return {"noted/about.txt": archive["README.md"]()}
        >>> suite: WithSideFiles = Noted()
        >>> suite.side_files({"README.md": lambda: "what it is"})
        {'noted/about.txt': 'what it is'}
    """

    def side_files(self, archive: Mapping[str, Callable[[], str]]) -> Mapping[str, str]:
        """Return the texts to be kept besides the problems, by their path in a folder of benchmark data.

        Raises:
            InputError: the archive is not as expected.
        """
        ...


def fetch(suite: Fetchable, folder: Path, bus: EventBus, *, url: str | None = None) -> Path:
    """Return the data file of a suite, downloaded and converted.

    Args:
        suite: which.
        folder: folder of benchmark data to write to.
        bus: gets progress.
        url: another place to get the archive from.

    Raises:
        ConfigError: the suite has no home that can be fetched.
        InputError: no connection, an error of the server, an archive that is none or is not as expected, a full disk.
    """
    if suite.home is not None and suite.file is not None and suite.home.files:
        return _fetch_files(suite.home.files, url or suite.home.url, folder / suite.file, suite.name, bus)
    if suite.home is None or suite.file is None or not hasattr(suite, "convert"):
        raise ConfigError(f"suite {suite.name!r} has nothing to fetch")
    address = url or suite.home.url
    target = folder / f"{suite.file}.gz"
    with tempfile.TemporaryFile() as archive:
        download(address, archive, suite.name, bus, hint=_HINT)
        try:
            with zipfile.ZipFile(archive) as opened:
                members = _members(opened)
                problems = list(suite.convert(members))
                beside = suite.side_files(members) if hasattr(suite, "side_files") else {}
        except zipfile.BadZipFile as error:
            raise InputError(f"{address}: expected a zip archive: {error}") from error
    if not problems:
        raise InputError(f"{address}: expected problems of {suite.name!r}, got none")
    for name, text in beside.items():
        _write(folder / name, [text])
    _write(target, map(_line, problems))
    return target


def _fetch_files(names: Iterable[str], address: str, folder: Path, suite: str, bus: EventBus) -> Path:
    """Return the folder with the files of JSON lines that lie below an address; each is read to its end first."""
    for name in names:
        with tempfile.NamedTemporaryFile(suffix=".jsonl") as held:
            download(f"{address.rstrip('/')}/{name}", held, suite, bus, hint=_HINT)
            held.flush()
            _write(folder / f"{name}.gz", [_line(row) for _, row in rows(Path(held.name))])
    return folder


def _members(archive: zipfile.ZipFile) -> dict[str, Callable[[], str]]:
    """Return readers of the files, by their path without the first folder."""

    def reader(info: zipfile.ZipInfo) -> Callable[[], str]:
        def read() -> str:
            if info.file_size > MAX_BYTES:
                raise InputError(f"{info.filename}: expected at most {MAX_BYTES >> 20} MiB")
            return archive.read(info).decode("utf-8", errors="replace")

        return read

    return {i.filename.partition("/")[2]: reader(i) for i in archive.infolist() if not i.is_dir()}


def _line(row: Mapping[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False) + "\n"


def _write(target: Path, parts: Iterable[str]) -> None:
    """Write a file in one step, compressed where its name says so."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    compressed = target.suffix == ".gz"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with (
            gzip.open(temporary, "wt", encoding="utf-8")
            if compressed
            else temporary.open("w", encoding="utf-8") as sink
        ):
            sink.writelines(parts)
        temporary.replace(target)
    except OSError as error:
        raise InputError(f"{target}: can't be written: {error.strerror or error}") from error
