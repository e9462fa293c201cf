"""The result as a patch series, and writing it to disk without ever losing the user's text."""

from __future__ import annotations

import difflib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from rtlgen.core.errors import InputError
from rtlgen.optimizer.outcome import Accepted
from rtlgen.optimizer.target import Target

BACKUP_SUFFIX = ".orig"


def diff(before: Target, after: Target) -> str:
    """Return the unified diff between two versions of a design, with `a/` and `b/` paths as git writes them."""
    return "".join(
        _diff_file(path, before.sources[path], after.sources[path])
        for path in before.sources
        if before.sources[path] != after.sources[path]
    )


def _diff_file(path: str, old: bytes, new: bytes) -> str:
    name = path.lstrip("/")
    lines = difflib.unified_diff(_lines(old), _lines(new), f"a/{name}", f"b/{name}", n=3)
    return "".join(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines)


def _lines(content: bytes) -> list[str]:
    # Split at newlines only: form feeds and lone carriage returns are part of a line for patch tools.
    text = content.decode("utf-8", errors="surrogateescape")
    return [line + "\n" for line in text.split("\n")[:-1]] + ([last] if (last := text.split("\n")[-1]) else [])


def series(accepted: list[Accepted]) -> str:
    """Return one patch with a group of hunks per change, each under a comment that names and justifies it.

    `git apply` and `patch -p1` take it as it is: text before a `---` line is ignored by both.
    """
    parts = []
    for number, item in enumerate(accepted, 1):
        parts += [f"# {number}. {change.rule}: {change.title}\n#    {change.why}\n" for change in item.changes]
        parts.append(f"#    proved: {item.proof.result.method}, {item.proof.scope}\n")
        parts.append(diff(item.before, item.after))
    return "".join(parts)


def write_tree(folder: Path, target: Target) -> list[Path]:
    """Write every source of the design under `folder`, keeping relative paths; return the files written.

    Raises:
        InputError: the folder can't be written.
    """
    written = []
    for path, name in _names(target).items():
        file = folder / name
        write_atomic(file, target.sources[path])
        written.append(file)
    return written


def _names(target: Target) -> dict[str, str]:
    paths = {p: Path(p).resolve() for p in target.sources}
    common = Path(os.path.commonpath([str(f.parent) for f in paths.values()]))
    return {p: str(f.relative_to(common)) for p, f in paths.items()}


def write_atomic(file: Path, content: bytes) -> None:
    """Replace `file` by `content` in one step, so that a kill or a full disk leaves the old file or the new one.

    Raises:
        InputError: the folder can't be made or written, or the disk is full.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            Path(temporary).chmod(file.stat().st_mode & 0o7777 if file.exists() else 0o644)
            Path(temporary).replace(file)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise InputError(f"{file}: can't be written: {error.strerror or error}") from error


def apply_in_place(before: Target, sources: Mapping[str, bytes]) -> list[tuple[Path, Path]]:
    """Replace the changed files of the design on disk; return (file, backup) of each.

    Every backup is written before the first file is replaced. A file that no longer has the text that was optimized
    is left alone.

    Raises:
        InputError: a file was edited meanwhile, or can't be written.
    """
    changed = [p for p in before.sources if sources[p] != before.sources[p]]
    for path in changed:
        if Path(path).read_bytes() != before.sources[path]:
            raise InputError(f"{path}: was edited while it was being optimized; apply the patch by hand instead")
    pairs = [(Path(p), _backup_name(Path(p))) for p in changed]
    for file, backup in pairs:
        write_atomic(backup, before.sources[str(file)] if str(file) in before.sources else file.read_bytes())
    for path in changed:
        write_atomic(Path(path), sources[path])
    return pairs


def _backup_name(file: Path) -> Path:
    name = file.with_name(file.name + BACKUP_SUFFIX)
    number = 1
    while name.exists():
        name = file.with_name(f"{file.name}{BACKUP_SUFFIX}.{number}")
        number += 1
    return name
