"""Keeps an uncompressed copy of a Liberty library where Yosys and ABC can read it, with ABC's own form beside it."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from rtlgen.core.errors import SandboxError
from rtlgen.synth.liberty import Library, read_text


def plain_liberty(library: Library, cache_dir: Path) -> Path:
    """Return the path of the library as plain text, named by its digest so that every run shares one file.

    Args:
        library: any library, compressed or not.
        cache_dir: folder for the copy; made when missing.

    Raises:
        LibraryError: the library's file can't be read any more.
        SandboxError: the folder can't be written.
    """
    target = cache_dir / "liberty" / f"{library.digest[:32]}.lib"
    if target.is_file():
        return target
    text = read_text(library.path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".new-")
    except OSError as error:
        raise SandboxError(
            f"expected to write a library copy below {cache_dir}, got {error}; set RTLGEN_CACHE_DIR"
        ) from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(target)
    except OSError as error:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise SandboxError(
            f"expected to write {target}, got {error}; free disk space or set RTLGEN_CACHE_DIR"
        ) from error
    return target


def scl_dir(cache_dir: Path) -> Path:
    """Return the folder where Yosys keeps ABC's compiled form of libraries, made when missing."""
    folder = cache_dir / "scl"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
