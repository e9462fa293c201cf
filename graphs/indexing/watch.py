"""Waiting for changes of a repository's sources."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from rtlgen.core.errors import InputError
from rtlgen.graphs.repository.files import FILELISTS, SOURCES

PAUSE_MS: Final = 60
"""Changes that follow each other faster are one."""


def changes(root: Path, database: Path, counts: Callable[[Path], bool] = lambda _: False) -> Iterator[set[Path] | None]:
    """Yield the sources that changed, or None where file lists or cores did; ends by KeyboardInterrupt.

    The first one comes at once, for what changed before watching began.

    Args:
        root: folder of the repository.
        database: file of the database.
        counts: tells which files count whatever their ending.

    Raises:
        InputError: the repository or the database was removed.
    """
    from watchfiles import Change, watch

    endings = (*SOURCES, *FILELISTS, ".core")
    started = False

    def concerns(_change: Change, path: str) -> bool:
        if not started:  # readers touch the database so often that there may never be a pause
            return True
        if path.startswith(str(database)):
            return False
        return path.lower().endswith(endings) or "." not in Path(path).name or counts(Path(path))

    options: Any = {"debounce": PAUSE_MS, "step": 20, "rust_timeout": 1000, "yield_on_timeout": True}
    try:
        for found in watch(root, watch_filter=concerns, **options):
            _check(root, database)
            paths = {Path(path) for _, path in found}
            if not started or not all(path.suffix.lower() in SOURCES for path in paths):
                started = True
                yield None
            elif paths:
                yield paths
    except FileNotFoundError:
        _check(root, database)
        raise


def _check(*places: Path) -> None:
    for place in places:
        if not place.exists():
            raise InputError(f"{place}: was removed, so there is nothing to watch any more")
