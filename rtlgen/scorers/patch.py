"""A unified diff applied to the files of a task: by `git apply`, in the sandbox."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

from rtlgen.core.errors import RtlgenError, ToolNotFoundError
from rtlgen.sandbox import Limits, run
from rtlgen.scorers.files import inside
from rtlgen.scorers.place import private_folder

_LIMITS: Final = Limits(cpu_s=10, wall_s=120, memory_mb=1024, file_mb=32, output_mb=2, disk_mb=256, processes=16)
_NAMES: Final = re.compile(r"^(?:---|\+\+\+) (?P<path>\S+)", re.MULTILINE)
_HEADER: Final = re.compile(r"^(?:diff --git |--- [^\n]+\n\+\+\+ [^\n]+\n@@ )", re.MULTILINE)
_PREFIXED: Final = re.compile(r"^(?:--- a/|\+\+\+ b/)", re.MULTILINE)


class PatchError(RtlgenError):
    """A diff is malformed, or does not fit the files that are there."""


def apply_diff(diff: str, files: Mapping[str, str]) -> dict[str, str]:
    """Return the files that a diff changes or adds, as they are afterwards; those that it deletes are left out.

    Wrong numbers of lines and shifted hunks are tolerated, wrong context is not.

    Args:
        diff: a unified diff.
        files: path → text of what is there.

    Raises:
        PathError: the diff names a file outside the task.
        PatchError: it is malformed or does not fit.
        ToolNotFoundError: there is no git.
        SandboxError: the sandbox itself failed.
    """
    if not diff.strip():
        raise PatchError("the diff is empty")
    for found in _NAMES.finditer(diff):
        if found["path"] != "/dev/null":
            inside(found["path"])
    with private_folder() as root:
        place, patches = root / "files", root / "patches"
        for folder in (place, patches):
            folder.mkdir()
        for path, text in files.items():
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).write_text(text)
        for index, part in enumerate(_parts(diff)):
            (patches / f"{index:04d}").write_text(part if part.endswith("\n") else f"{part}\n")
        _run_git(sorted(patches.iterdir()), place, "-p1" if _PREFIXED.search(diff) else "-p0")
        after = {str(p.relative_to(place)): p for p in place.rglob("*") if p.is_file() and not p.is_symlink()}
        texts = {path: file.read_text(errors="replace") for path, file in sorted(after.items())}
    return {path: text for path, text in texts.items() if files.get(path) != text}


def _parts(diff: str) -> list[str]:
    """Return the diffs of the single files: git, counting lines anew, takes the next header for a removed line."""
    starts: list[int] = []
    for found in _HEADER.finditer(diff):
        own = bool(starts) and diff.startswith("diff --git ", starts[-1]) and not found[0].startswith("diff --git ")
        if not own or "\n@@" in diff[starts[-1] : found.start()]:
            starts.append(found.start())
    return [diff[a:b] for a, b in pairwise([*starts, len(diff)])] or [diff]


def _run_git(patches: Sequence[Path], root: Path, level: str) -> None:
    argv = ["git", "apply", "--recount", "--unidiff-zero", "--whitespace=nowarn", level, *map(str, patches)]
    env = {"GIT_CEILING_DIRECTORIES": str(root.parent)}
    done = run(argv, cwd=root, limits=_LIMITS, env=env, readable=[patches[0].parent])
    if done.ended_by == "not_found":
        raise ToolNotFoundError("expected git, which applies diffs in answers, got none in PATH; install git")
    if done.ended_by != "exit" or done.exit_code:
        said = (done.stderr.strip().splitlines() or [f"git apply ended by {done.ended_by}"])[0]
        raise PatchError(f"the diff can't be applied: {said[:200]}")
