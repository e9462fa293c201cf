"""Checks the user's files before a tool sees them, and keeps their names for messages."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rtlgen.core.errors import InputError
from rtlgen.core.types import Design, SourceSpan
from rtlgen.synth.flow.script import with_latches

MAX_FILE_BYTES = 64 * 1024 * 1024
"""Largest source file that is read."""
MAX_LINE_BYTES = 4 * 1024 * 1024
"""Longest line that is read."""
_PROTECTED = re.compile(rb"`(?:pragma\s+protect\s+(?:begin_protected|data_block|key_block)|protected\b|protect_begin)")
_READMEM = re.compile(r"\$readmem[bh]\s*\(\s*\"([^\"\n]+)\"")
_UNSAFE = re.compile(r"[^\w.+-]")
_SPAN = re.compile(r"(?P<file>.*):(?P<line>\d+)(?:\.(?P<column>\d+)(?:-(?P<end_line>\d+)(?:\.(?P<end_column>\d+))?)?)?")


@dataclass(frozen=True, slots=True)
class Sources:
    """The files of a design as the tools get them: copies in the job's folder.

    Attributes:
        files: contents of everything to be written into the job's folder, sources and memory files, by name there.
        paths: names of the sources there, in reading order.
        shown: name that the user gave, by name there.
    """

    files: dict[str, str]
    paths: tuple[str, ...]
    shown: dict[str, str]

    def show(self, text: str) -> str:
        """Return a tool's message with the user's file names."""
        for path in sorted(self.shown, key=len, reverse=True):
            text = text.replace(path, self.shown[path])
        return text

    def spans(self, src: str) -> tuple[SourceSpan, ...]:
        """Return the places of a Yosys `src` attribute in the user's file names, without those in Yosys' own files."""
        return tuple(span for part in src.split("|") if (span := self._span(part)) is not None)

    def _span(self, part: str) -> SourceSpan | None:
        found = _SPAN.fullmatch(part)
        name = self._user_name(found["file"]) if found else None
        if found is None or name is None:
            return None
        optional = {key: int(found[key]) for key in ("column", "end_line", "end_column") if found[key]}
        return SourceSpan(file=name, line=int(found["line"]), **optional)

    def _user_name(self, path: str) -> str | None:
        """Return the user's name of a file; include files are named by their path."""
        if path in self.shown:
            return self.shown[path]
        # A path that leaves the job's folder is relative to it; only its depth below the temporary folder counts.
        real = Path(os.path.normpath(Path(tempfile.gettempdir()) / "rtlgen-job" / "work" / path))
        if not real.is_file() or "pyosys" in real.parts:
            return None
        return str(real.relative_to(Path.cwd())) if real.is_relative_to(Path.cwd()) else str(real)


def read_sources(design: Design) -> Sources:
    """Return the checked sources of a design.

    Raises:
        InputError: no file, or a file that is missing, unreadable, empty, binary, encrypted, too large, or has too
            long a line; one message that says which and why.
    """
    if not design.files:
        raise InputError("expected at least one Verilog file, got none; name the files of the design")
    files: dict[str, str] = {}
    shown: dict[str, str] = {}
    for index, file in enumerate(design.files):
        text = check_file(file)
        name = f"src/{index}/{_UNSAFE.sub('_', file.name)}"
        files[name] = with_latches(text)
        shown[name] = str(file)
        for data, content in _data_files(text, file):
            files.setdefault(data, content)
    return Sources(files, tuple(shown), shown)


def check_file(file: Path) -> str:
    """Return the text of one source file.

    Raises:
        InputError: as `read_sources` says.
    """
    try:
        size = file.stat().st_size
        if size > MAX_FILE_BYTES:
            raise InputError(
                f"{file}: expected at most {MAX_FILE_BYTES >> 20} MiB of source, got {size >> 20} MiB; split the file"
            )
        raw = file.read_bytes()
    except OSError as error:
        raise InputError(f"{file}: expected a readable Verilog file, got {error.strerror}; check the path") from error
    if not raw.strip():
        raise InputError(f"{file}:1: expected a module, got an empty file")
    if (at := raw.find(b"\0")) >= 0:
        raise InputError(
            f"{file}:{raw.count(bytes([10]), 0, at) + 1}: expected Verilog text, got a binary file (zero byte)"
        )
    if found := _PROTECTED.search(raw):
        line = raw.count(b"\n", 0, found.start()) + 1
        raise InputError(
            f"{file}:{line}: expected readable Verilog, got an encrypted section; give the unencrypted source"
        )
    for number, line_bytes in enumerate(raw.split(b"\n"), 1):
        if len(line_bytes) > MAX_LINE_BYTES:
            raise InputError(
                f"{file}:{number}: expected lines of at most {MAX_LINE_BYTES >> 20} MiB, "
                f"got one of {len(line_bytes)} bytes; is this a Verilog file?"
            )
    return raw.decode("utf-8", errors="surrogateescape")


def _data_files(text: str, source: Path) -> Iterable[tuple[str, str]]:
    """Yield name and content of the memory files that the text names, from the current folder or beside it."""
    for name in _READMEM.findall(text):
        path = Path(name)
        if path.is_absolute() or ".." in path.parts:
            continue
        for folder in (Path(), source.parent):
            if (folder / path).is_file():
                yield name, (folder / path).read_text(encoding="utf-8", errors="replace")
                break
