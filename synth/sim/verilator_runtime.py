"""What every design of Verilator is built with, made once per version of Verilator and compiler: library and header.

A design costs a second instead of ten because the library is compiled once and its headers are read precompiled. The
result lies in the user's cache under everything that it depends on. It appears there in one step, is looked over
before its first use in a process, and is made anew where it is damaged.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from threading import Lock
from typing import Final

from rtlgen.core.errors import SandboxError, ToolOutputError
from rtlgen.sandbox import Limits, run

HEADER: Final = "main.h"
LIBRARY: Final = "runtime.o"
FLAGS: Final = ("-O0", "-w", "-std=c++20", "-fcoroutines", "-DVM_TIMING=1")
"""Of every design; a precompiled header is only read by a compiler with the same. A testbench runs for less time than
optimization takes."""
_LIBRARY_FLAGS: Final = ("-O1", "-DVL_USER_STOP=1")
_SOURCES: Final = ("verilated", "verilated_timing", "verilated_threads", "verilated_random", "verilated_probdist")
_MANIFEST: Final = "manifest.json"
_LIMITS: Final = Limits(cpu_s=300, wall_s=1800, memory_mb=4096)
_IN_PROCESS: Final = Lock()


@dataclass(frozen=True, slots=True)
class Runtime:
    """Where the runtime of one installation is kept.

    Attributes:
        root: Verilator's folder, with `include`.
        compiler: of C++.
        key: of everything that it depends on.
        folder: its place in the cache.
    """

    root: Path
    compiler: Path
    key: str
    folder: Path

    @property
    def include(self) -> Path:
        """Folder of Verilator's headers."""
        return self.root / "include"

    def ready(self) -> Path:
        """Return the folder of a whole runtime, made now where there is none.

        Raises:
            SandboxError: the sandbox itself failed, or the cache can't be written.
            ToolOutputError: the compiler refuses Verilator's own sources.
        """
        if not self.is_whole():
            _looked_over.cache_clear()
            with _IN_PROCESS, _alone(self.folder.with_suffix(".lock")):
                if not self.is_whole():  # another may have made it while we waited
                    self._make()
        return self.folder

    def is_whole(self) -> bool:
        """Say whether every file is there as it was written; contents are read once per process."""
        try:
            manifest = (self.folder / _MANIFEST).read_text()
            sizes = {name: (self.folder / name).stat().st_size for name, _, _ in json.loads(manifest)}
            return all(sizes[name] == size for name, size, _ in json.loads(manifest)) and _looked_over(
                self.folder, manifest
            )
        except (OSError, ValueError):
            return False

    def _make(self) -> None:
        parent = self.folder.parent
        try:
            parent.mkdir(parents=True, exist_ok=True)
            made = Path(tempfile.mkdtemp(prefix=".new-", dir=parent))
        except OSError as error:
            raise SandboxError(f"can't write Verilator's runtime to {parent}: {error.strerror or error}") from error
        try:
            self._compile(made)
            names = sorted(p.name for p in made.iterdir())
            rows = [(name, (made / name).stat().st_size, _digest(made / name)) for name in names]
            (made / _MANIFEST).write_text(json.dumps(rows))
            shutil.rmtree(self.folder, ignore_errors=True)
            made.rename(self.folder)
        except OSError as error:
            raise SandboxError(f"can't write Verilator's runtime to {parent}: {error.strerror or error}") from error
        finally:
            shutil.rmtree(made, ignore_errors=True)

    def _compile(self, folder: Path) -> None:
        (folder / HEADER).write_text(_main())
        present = [name for name in _SOURCES if (self.include / f"{name}.cpp").is_file()]
        (folder / "library.cpp").write_text("".join(f'#include "{name}.cpp"\n' for name in present))
        self._run([*FLAGS, *_LIBRARY_FLAGS, "-c", "library.cpp", "-o", LIBRARY], folder)
        self._run([*FLAGS, "-x", "c++-header", HEADER, "-o", f"{HEADER}.gch"], folder)

    def _run(self, arguments: Sequence[str], folder: Path) -> None:
        argv = [str(self.compiler), f"-I{self.include}", *arguments]
        done = run(argv, cwd=folder, limits=_LIMITS, readable=[self.root])
        if done.ended_by != "exit" or done.exit_code:
            said = next((x for x in done.stderr.splitlines() if "error" in x), done.stderr.strip() or done.ended_by)
            raise ToolOutputError(f"{self.compiler} can't compile Verilator's runtime in {self.include}: {said[:300]}")


def runtime(root: Path, binary: Path, compiler: Path, versions: Sequence[str], cache_dir: Path) -> Runtime:
    """Return where the runtime of an installation is kept.

    Args:
        root: Verilator's folder, with `include`.
        binary: `verilator_bin`.
        compiler: of C++.
        versions: of Verilator and of the compiler.
        cache_dir: the user's cache.
    """
    files_ = [(str(p), *_identity(p)) for p in (root, binary, compiler)]
    parts = [*versions, LIBRARY, HEADER, *FLAGS, *_LIBRARY_FLAGS, *_SOURCES, _main(), files_]
    key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
    return Runtime(root, compiler, key, cache_dir / "verilator" / key)


def _main() -> str:
    return files("rtlgen.synth.sim").joinpath("verilator_main.h").read_text(encoding="utf-8")


def _identity(path: Path) -> tuple[int, int]:
    """Return size and time of change: a compiler of the same version but built anew refuses precompiled headers."""
    stat = path.resolve().stat()
    return stat.st_size, stat.st_mtime_ns


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def _looked_over(folder: Path, manifest: str) -> bool:
    return all(_digest(folder / name) == digest for name, _, digest in json.loads(manifest))


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold a lock between processes; the kernel frees it when its holder dies. Without locks on the disk, go on."""
    descriptor = None
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)
