"""Waiting for changes of a repository's sources."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from rtlgen.graphs.repository.files import FILELISTS, SOURCES

PAUSE_MS: Final = 60
"""Changes that follow each other faster are one."""


def changes(root: Path, database: Path) -> Iterator[set[Path] | None]:
    """Yield the sources that changed, or None where file lists or cores did; ends by KeyboardInterrupt."""
    from watchfiles import Change, watch

    endings = (*SOURCES, *FILELISTS, ".core")
    own = str(database.parent)

    def concerns(_change: Change, path: str) -> bool:
        return not path.startswith(own) and (path.lower().endswith(endings) or "." not in Path(path).name)

    for found in watch(root, watch_filter=concerns, debounce=PAUSE_MS, step=20, rust_timeout=1000):
        paths = {Path(path) for _, path in found}
        yield paths if all(path.suffix.lower() in SOURCES for path in paths) else None
