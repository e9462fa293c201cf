"""Reading the user's source files, with one clear message for what can't be a source file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from rtlgen.core.errors import InputError

MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_LINE_BYTES = 1024 * 1024
_ENCRYPTED = re.compile(rb"^\s*(`pragma\s+protect\s+(begin_protected|data_block)|`protected\b)", re.MULTILINE)


def read_sources(files: Iterable[Path]) -> dict[str, bytes]:
    """Return path as given → content of every file, in order.

    Raises:
        InputError: no file at all, or a file is missing, unreadable, empty, binary, encrypted or absurdly large.
    """
    sources = {str(file): _read(Path(file)) for file in files}
    if not sources:
        raise InputError("expected at least one Verilog or SystemVerilog file, got none")
    return sources


def _read(file: Path) -> bytes:
    try:
        if file.is_dir():
            raise InputError(f"expected a source file, got the folder {str(file)!r}; name its files (as in {file}/*.v)")
        if file.stat().st_size > MAX_FILE_BYTES:
            found = file.stat().st_size >> 20
            raise InputError(f"{file}: expected at most {MAX_FILE_BYTES >> 20} MiB of source, got {found} MiB")
        content = file.read_bytes()
    except OSError as error:
        raise InputError(f"{file}: can't be read: {error.strerror or error}") from error
    check_text(str(file), content)
    return content


def check_text(file: str, content: bytes) -> None:
    """Check that `content` can be Verilog text.

    Raises:
        InputError: it is empty, binary, encrypted, or holds a line longer than 1 MiB.
    """
    if not content.strip():
        raise InputError(f"{file}: expected Verilog source, got an empty file")
    zero = content.find(b"\0")
    if zero >= 0:
        line = content.count(b"\n", 0, zero) + 1
        raise InputError(f"{file}:{line}: expected text, got a binary file (NUL byte)")
    protected = _ENCRYPTED.search(content)
    if protected:
        line = content.count(b"\n", 0, protected.end()) + 1
        raise InputError(
            f"{file}:{line}: the source is encrypted (`{protected[1].decode()}`); give the readable source"
        )
    for number, line_text in enumerate(content.splitlines(), 1):
        if len(line_text) > MAX_LINE_BYTES:
            limit = f"expected lines of at most {MAX_LINE_BYTES >> 20} MiB"
            raise InputError(f"{file}:{number}: {limit}, got one of {len(line_text)} bytes")
