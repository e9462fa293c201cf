"""Keeps an uncompressed copy of a Liberty library where Yosys and ABC can read it, with ABC's own form beside it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rtlgen.core.errors import SandboxError
from rtlgen.synth.liberty import Library, read_text


@dataclass(frozen=True, slots=True)
class WorkingLibrary:
    """Files of one library in the forms that the tools read."""

    liberty: Path
    """The whole library as plain text."""
    sequential: Path
    """Its flops and latches only, for `dfflibmap`."""
    scl: Path
    """Folder of ABC's compiled forms."""


def working_library(library: Library, cache_dir: Path) -> WorkingLibrary:
    """Return the working files of a library, named by its digest so that every run shares them.

    Args:
        library: any library, compressed or not.
        cache_dir: folder for the copies; made when missing.

    Raises:
        LibraryError: the library's file can't be read any more.
        SandboxError: the folder can't be written.
    """
    folder = cache_dir / "liberty"
    liberty = folder / f"{library.digest[:32]}.lib"
    sequential = folder / f"{hashlib.sha256(library.sequential_text.encode()).hexdigest()[:32]}.seq.lib"
    scl = cache_dir / "scl"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        scl.mkdir(mode=0o700, exist_ok=True)
        if not liberty.is_file():
            _write(liberty, read_text(library.path))
        if not sequential.is_file():
            _write(sequential, library.sequential_text)
    except OSError as error:
        raise SandboxError(
            f"expected to keep copies of library {library.name!r} in {cache_dir}, got {error}; "
            "free disk space or set RTLGEN_CACHE_DIR"
        ) from error
    return WorkingLibrary(liberty, sequential, scl)


def _write(target: Path, text: str) -> None:
    """Write through a temporary name, so that a reader never sees half a file."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(target)
    except OSError:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
