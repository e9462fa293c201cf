"""Waiting for changes of a repository's sources."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from rtlgen.graphs.repository.files import FILELISTS, SOURCES

PAUSE_MS: Final = 60
"""Changes that follow each other faster are one."""


def changes(root: Path, database: Path) -> Iterator[None]:
    """Yield whenever sources, file lists or cores below `root` changed; ends by KeyboardInterrupt."""
    from watchfiles import Change, watch

    endings = (*SOURCES, *FILELISTS, ".core")
    own = str(database.parent)

    def concerns(_change: Change, path: str) -> bool:
        return not path.startswith(own) and (path.lower().endswith(endings) or "." not in Path(path).name)

    for _ in watch(root, watch_filter=concerns, debounce=PAUSE_MS, step=20, rust_timeout=1000, raise_interrupt=True):
        yield
