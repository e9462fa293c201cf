"""A private folder for one candidate, gone at the end."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rtlgen.core.errors import SandboxError


@contextmanager
def private_folder() -> Iterator[Path]:
    """Give a new folder of an absolute path without links.

    Raises:
        SandboxError: it can't be made.
    """
    try:
        path = Path(tempfile.mkdtemp(prefix="rtlgen-judge-")).resolve()
    except OSError as error:
        raise SandboxError(f"can't make a folder for a candidate: {error}") from error
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
