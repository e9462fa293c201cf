"""Builds Icarus Verilog from the source archive of Debian, for machines that have only an older one."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

from rtlgen.core.config import load_settings
from rtlgen.core.download import download
from rtlgen.core.errors import InputError, SandboxError, ToolNotFoundError
from rtlgen.core.events import EventBus, JobAdvanced, JobFinished, JobStarted
from rtlgen.sandbox import Limits, run
from rtlgen.synth.tools import built_icarus

ARCHIVE: Final = "pool/main/i/iverilog/iverilog_12.0.orig.tar.gz"
"""Path in a Debian archive."""
SHA256: Final = "a68cb1ef7c017ef090ebedb2bc3e39ef90ecc70a3400afb4aa94303bc3beaa7d"
"""Of the archive, as Debian 13 publishes it."""
_NEEDED: Final = ("autoconf", "bison", "flex", "g++", "gperf", "make")
_LIMITS: Final = Limits(cpu_s=900, wall_s=3600, memory_mb=8192, disk_mb=4096, output_mb=64)
_HINT: Final = "get iverilog_12.0.orig.tar.gz on a machine with a connection, and name it by --url file:///…"


def build_icarus(bus: EventBus, *, url: str | None = None) -> Path:
    """Return the compiler of an Icarus 12.0 that was built into the user's cache; takes some minutes.

    Args:
        bus: gets progress.
        url: where the source archive is; None asks apt for the Debian archive that this machine uses.

    Raises:
        ToolNotFoundError: a tool that the build needs is missing.
        InputError: the archive can't be had or is another one, the disk refuses, or the build fails.
    """
    missing = [name for name in _NEEDED if shutil.which(name) is None]
    if missing:
        packages = " ".join(missing)
        raise ToolNotFoundError(
            f"building Icarus needs {', '.join(missing)}; install with `apt-get install -y {packages}`"
        )
    target = built_icarus()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".icarus-", dir=target.parent) as name:
            return _built(Path(name).resolve(), target, url or f"{_debian()}/{ARCHIVE}", bus)
    except (OSError, SandboxError) as error:
        raise InputError(f"{target}: Icarus can't be built there: {error}") from error


def _debian() -> str:
    """Return the address of the Debian archive that apt uses here."""
    argv = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Component: main"]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False, stdin=subprocess.DEVNULL)
        found = [line.rstrip("/") for line in done.stdout.splitlines() if line.startswith("http")]
    except (OSError, subprocess.TimeoutExpired):
        found = []
    if not found:
        raise InputError(f"apt names no Debian archive here; {_HINT}")
    return found[0]


def _built(folder: Path, target: Path, address: str, bus: EventBus) -> Path:
    with tempfile.TemporaryFile() as archive:
        download(address, archive, "Icarus 12.0", bus, hint=_HINT)
        _unpack(archive, folder, address)
    source = next(p for p in folder.iterdir() if p.is_dir())
    jobs = load_settings().jobs
    steps: list[Sequence[str]] = [
        ["sh", "autoconf.sh"],
        ["sh", "configure", f"--prefix={target}"],
        ["make", f"-j{jobs}"],
        ["make", "install", f"DESTDIR={folder / 'installed'}"],
    ]
    bus.emit(JobStarted(job="build", total=len(steps), unit="steps"))
    for number, argv in enumerate(steps, 1):
        _step(argv, source, folder)
        bus.emit(JobAdvanced(job="build", done=number))
    made = folder / "installed" / target.relative_to("/")
    if target.exists():
        target.rename(folder / "before")
    made.rename(target)
    bus.emit(JobFinished(job="build"))
    return target / "bin" / "iverilog"


def _unpack(archive: IO[bytes], folder: Path, address: str) -> None:
    archive.seek(0)
    found = hashlib.sha256(archive.read()).hexdigest()
    if found != SHA256:
        raise InputError(f"{address}: expected the archive with sha256 {SHA256}, got {found}")
    archive.seek(0)
    with tarfile.open(fileobj=archive) as opened:
        opened.extractall(folder, filter="data")


def _step(argv: Sequence[str], source: Path, folder: Path) -> None:
    done = run(argv, cwd=source, limits=_LIMITS, writable=[folder], env={"PATH": os.environ.get("PATH", os.defpath)})
    if done.ended_by != "exit" or done.exit_code:
        last = (done.stderr or done.stdout).strip().splitlines()[-3:]
        raise InputError(f"building Icarus: `{' '.join(argv)}` ended by {done.ended_by} {done.exit_code}: {last}")
