"""The command line that confines a command; pure but for one probe of what this machine allows."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rtlgen.core.config import load_settings
from rtlgen.core.errors import SandboxError
from rtlgen.sandbox.limits import Limits

MIB = 1024 * 1024

_SYSTEM_FOLDERS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix/store", "/gnu/store")
# nothing with secrets: as root inside a user namespace, /etc/shadow would be readable
_SYSTEM_FILES = (
    "/etc/alternatives",
    "/etc/fonts",
    "/etc/group",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/passwd",
)
_LIMITED = Path(__file__).resolve().with_name("_limited.py")
_PROBE_S = 10.0
_SPARE_THREADS = 512
"""What else of this user may start meanwhile: the kernel counts all threads of a user, not those of one run."""


@dataclass(frozen=True, slots=True)
class Confinement:
    """What this machine allows; paths are None where a means is missing or does not work."""

    bwrap: Path | None
    """bubblewrap, tried and found working."""
    prlimit: Path | None
    """prlimit of util-linux, which sets limits without a Python start."""
    setpriv: Path | None
    """setpriv of util-linux, which ties a command's life to its parent's."""
    unshare: Path | None
    """unshare of util-linux where it can cut the network without bubblewrap (root only)."""
    reason: str
    """Why bubblewrap is not used; empty where it is."""
    scratch: Path | None = None
    """Folder for private folders, from setting `work_dir`; None is the system's."""


def wrap(
    argv: Sequence[str],
    *,
    cwd: Path,
    private_tmp: Path,
    limits: Limits,
    writable: Sequence[Path] = (),
    readable: Sequence[Path] = (),
    means: Confinement | None = None,
) -> list[str]:
    """Return `argv` with what confines it in front.

    Args:
        argv: command; the first word is an absolute path.
        cwd: folder in which it runs and may write.
        private_tmp: folder it sees as `/tmp` under bubblewrap.
        limits: CPU, address space, file size.
        writable: more folders it may write.
        readable: more files and folders it may read; system folders and this Python are always readable.
        means: from `confinement()`; None asks it.
    """
    means = means or confinement()
    limited = [*_prlimit(limits, means), *argv]
    if means.bwrap:
        needed = () if means.prlimit else (_LIMITED,)
        return [*bubble(means.bwrap, argv[0], cwd, private_tmp, writable, (*readable, *needed)), *limited]
    network = [str(means.unshare), "--net", "--"] if means.unshare else []
    life = [str(means.setpriv), "--pdeathsig", "KILL"] if means.setpriv else []
    return [*life, *network, *limited]


@cache
def confinement() -> Confinement:
    """Return what this machine allows, tried once per process.

    Raises:
        SandboxError: setting `sandbox` demands bubblewrap, which does not work here.
    """
    settings = load_settings()
    bwrap, reason = None, "setting sandbox is 'rlimits'"
    if settings.sandbox != "rlimits":
        bwrap, reason = _probe_bwrap(str(settings.bwrap) if settings.bwrap else "bwrap")
    if settings.sandbox == "bwrap" and not bwrap:
        raise SandboxError(f"setting sandbox is 'bwrap', but {reason}; install bubblewrap or set it to 'auto'")
    unshare = _which("unshare")
    return Confinement(
        bwrap=bwrap,
        prlimit=_which("prlimit"),
        setpriv=_which("setpriv"),
        unshare=unshare if unshare and not bwrap and _works([str(unshare), "--net", "--", "true"]) == "" else None,
        reason=reason,
        scratch=settings.work_dir,
    )


def replay_script(argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], limits: Limits) -> str:
    """Return a shell script that runs the same command with the same environment and limits, unconfined."""
    lines = ["#!/bin/sh", "# written by rtlgen: runs one tool again as rtlgen ran it, without the sandbox", "set -eu"]
    lines.append(f"cd {_quoted(str(cwd))}")
    lines.append(f"ulimit -v {limits.memory_mb * 1024} -t {math.ceil(limits.cpu_s)} 2>/dev/null || true")
    variables = " ".join(f"{name}={_quoted(value)}" for name, value in sorted(env.items()))
    lines.append(f"exec env -i {variables} {' '.join(_quoted(word) for word in argv)}")
    return "\n".join(lines) + "\n"


def _own_threads() -> int:
    """Return the number of threads that this user runs."""
    count, user = 0, os.geteuid()
    for entry in os.scandir("/proc"):
        with suppress(OSError):
            if entry.name.isdigit() and entry.stat().st_uid == user:
                count += len(os.listdir(f"{entry.path}/task"))
    return count


def _quoted(word: str) -> str:
    """Return `word` quoted for POSIX sh."""
    return "'" + word.replace("'", "'\\''") + "'"


def rlimits(limits: Limits) -> dict[str, str]:
    """Return what the kernel limits, as util-linux writes it: name → value, or soft:hard."""
    cpu = math.ceil(limits.cpu_s)
    values = {
        "cpu": f"{cpu}:{cpu + 1}",  # SIGXCPU at the soft limit, SIGKILL at the hard one
        "as": str(limits.memory_mb * MIB),
        "fsize": str(limits.file_mb * MIB),
        "core": "0",
    }
    if os.geteuid() != 0:  # root is exempt in the kernel; run() counts processes for everybody
        values["nproc"] = str(_own_threads() + limits.processes + _SPARE_THREADS)
    return values


def _prlimit(limits: Limits, means: Confinement) -> list[str]:
    values = rlimits(limits)
    if means.prlimit:
        return [str(means.prlimit), *(f"--{name}={value}" for name, value in values.items()), "--"]
    # isolated and without site: about 10 ms
    return [sys.executable, "-I", "-S", str(_LIMITED), *(f"{name}={value}" for name, value in values.items()), "--"]


def bubble(
    bwrap: Path,
    tool: str,
    cwd: Path,
    private_tmp: Path | None,
    writable: Sequence[Path],
    readable: Sequence[Path],
    life: Sequence[str] = ("--die-with-parent",),
) -> list[str]:
    """Return the command line of bubblewrap up to the command; see `wrap`.

    Without a `private_tmp`, `/tmp` is an empty folder in memory; `life` says what ends it all.
    """
    command = [str(bwrap), "--unshare-all", *life, "--cap-drop", "ALL", "--proc", "/proc", "--dev", "/dev"]
    for path in (*_SYSTEM_FOLDERS, *_SYSTEM_FILES):
        command += ["--ro-bind-try", path, path]
    # /tmp before what may lie in it
    command += ["--bind", str(private_tmp), "/tmp"] if private_tmp else ["--tmpfs", "/tmp"]
    for path in dict.fromkeys([*_tool_folders(tool), *(str(path.resolve()) for path in readable)]):
        command += ["--ro-bind-try", path, path]
    for path in dict.fromkeys([str(path.resolve()) for path in (*writable, cwd)]):
        command += ["--bind", path, path]
    return [*command, "--chdir", str(cwd.resolve()), "--"]


def _tool_folders(tool: str) -> list[str]:
    """Return folders outside the system's that `tool` needs: its installation, and that of this Python."""
    real = Path(tool).resolve()
    folders = dict.fromkeys([Path(tool).absolute().parent, real.parent])
    own = [installation(f) for f in folders]
    inside = ("/usr/", "/opt/")
    prefixes = dict.fromkeys([Path(sys.prefix), Path(sys.base_prefix), *own])
    return [str(p) for p in prefixes if p != Path("/") and not f"{p}/".startswith(inside)]


def installation(folder: Path) -> Path:
    """Return the folder of the installation whose programs lie in `folder`.

    `~/bin` belongs to no installation, and its parent is the whole home.
    """
    return folder.parent if folder.name == "bin" and folder.parent != Path.home() else folder


@cache
def _which(name: str) -> Path | None:
    found = shutil.which(name)
    return Path(found) if found else None


def _probe_bwrap(name: str) -> tuple[Path | None, str]:
    """Return (path, "") where bubblewrap can make the very namespaces used here, else (None, reason)."""
    path = _which(name)
    if path is None:
        return None, "bubblewrap is not installed"
    here = Path("/var/empty") if Path("/var/empty").is_dir() else Path("/usr")
    command = bubble(path, "/usr/bin/true", here, here, (), ())
    error = _works([*command, "true"])
    return (path, "") if not error else (None, f"bubblewrap does not work here ({error})")


def _works(argv: Sequence[str]) -> str:
    """Return "" where the command succeeds, else why not in one line."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_PROBE_S, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return ""
    return (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]


def clean_env(extra: Mapping[str, str] | None, *, home: Path, tmp: str) -> dict[str, str]:
    """Return the environment of a confined command: nothing of the caller's but PATH and what is in `extra`."""
    env = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "TMPDIR": tmp,
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
    }
    return env | dict(extra or {})
