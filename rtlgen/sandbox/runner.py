"""Runs one external command to its end or to its limits."""

from __future__ import annotations

import os
import re
import resource
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from rtlgen.core.errors import SandboxError
from rtlgen.core.types import EndedBy, ToolRun
from rtlgen.sandbox import proctree
from rtlgen.sandbox.confine import MIB, clean_env, confinement, replay_script, wrap
from rtlgen.sandbox.limits import Limits

MARK = "RTLGEN_SANDBOX_RUN"

_POLL_S = (0.002, 0.02)
"""First and longest pause between two looks at the process tree."""
_DISK_EVERY_S = 1.0
_CHUNK = 1 << 16
_OUT_OF_MEMORY = re.compile(
    r"std::bad_alloc|\bMemoryError\b|[Oo]ut of memory|[Cc]annot allocate memory|virtual memory exhausted|"
    r"failed to map segment|memory allocation (?:failed|of \d+ bytes failed)"
)


@dataclass(frozen=True, slots=True)
class _Job:
    """What `run` was asked to do; see there."""

    argv: tuple[str, ...]
    cwd: Path
    limits: Limits
    stdin: str
    env: Mapping[str, str]
    writable: Sequence[Path]
    readable: Sequence[Path]
    replay: Path | None


@dataclass(slots=True)
class _Watched:
    """One command in flight and what is known of it."""

    process: subprocess.Popen[bytes]
    mark: str
    folders: tuple[Path, ...]
    limits: Limits
    start_s: float
    chunks: dict[str, list[bytes]] = field(default_factory=lambda: {"stdout": [], "stderr": []})
    output_bytes: int = 0
    peak_bytes: int = 0
    cpu_s: float = 0.0
    disk_checked_s: float = 0.0
    broke: tuple[EndedBy, str] | None = None
    """Limit that was broken: how to classify it, and the line for the user."""


def run(
    argv: Sequence[str],
    *,
    cwd: Path,
    limits: Limits | None = None,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    writable: Sequence[Path] = (),
    readable: Sequence[Path] = (),
    replay: Path | None = None,
    tool_version: str | None = None,
) -> ToolRun:
    """Return what came of `argv`, run confined in `cwd`, with every process it started ended.

    Under bubblewrap the command sees system folders, this Python, its own installation, `readable` (read only), `cwd`,
    `writable` and a private `/tmp`, no network and no other process. Elsewhere it is limited, not confined: it can
    read and write what the user can, and the network is cut only where the kernel lets us (root).

    Args:
        argv: command and its arguments, run without a shell; the command is looked up in PATH.
        cwd: folder in which it runs; it may write there.
        limits: None means `Limits()`.
        stdin: text it reads; None is an empty input.
        env: variables beside PATH, HOME, TMPDIR and the locale; nothing else of the caller's environment gets in.
        writable: more folders it may write.
        readable: more files and folders it may read.
        replay: where to write a shell script that runs the same command again.
        tool_version: goes into the result.

    Returns:
        Exit code (None where it did not exit by itself), decoded output, peak memory, and `ended_by`: `timeout` for
        wall or CPU time, `memory`, `signal` for any other signal or a broken limit on output, files or processes
        (the last line of `stderr` then says which), `not_found` where there is no such command.

    Raises:
        SandboxError: the sandbox itself failed: no such folder, no space, no process to be had.
    """
    if not cwd.is_dir():
        raise SandboxError(f"expected a folder to run {argv[0]!r} in, got {str(cwd)!r}")
    tool = shutil.which(argv[0], path=(env or {}).get("PATH"))
    if tool is None:
        return ToolRun(
            argv=tuple(argv),
            exit_code=None,
            stdout="",
            stderr="",
            wall_s=0.0,
            ended_by="not_found",
            tool_version=tool_version,
        )
    # the folder changes inside, so a relative path must not stay relative
    command = (str(Path(tool).absolute()), *argv[1:])
    job = _Job(command, cwd.absolute(), limits or Limits(), stdin or "", dict(env or {}), writable, readable, replay)
    scratch = confinement().scratch
    try:
        with tempfile.TemporaryDirectory(prefix="rtlgen-", dir=scratch, ignore_cleanup_errors=True) as private:
            return _run_in(job, Path(private), tool_version)
    except OSError as error:
        raise SandboxError(f"can't run {argv[0]!r}: {error}") from error


def _run_in(job: _Job, private: Path, tool_version: str | None) -> ToolRun:
    """Run `job` with `private` as its `/tmp`, and return what came of it."""
    means = confinement()
    mark = uuid.uuid4().hex
    env = clean_env(job.env, home=job.cwd, tmp="/tmp" if means.bwrap else str(private))
    if job.replay:
        job.replay.write_text(replay_script(job.argv, cwd=job.cwd, env=env | {"TMPDIR": "/tmp"}, limits=job.limits))
        job.replay.chmod(0o755)
    wrapped = wrap(
        job.argv,
        cwd=job.cwd,
        private_tmp=private,
        limits=job.limits,
        writable=job.writable,
        readable=job.readable,
        means=means,
    )
    with tempfile.TemporaryFile(dir=private) as source:
        source.write(job.stdin.encode())
        source.seek(0)
        process = _start(wrapped, job.cwd, source, env | {MARK: mark})
    watched = _Watched(process, mark, (job.cwd, private), job.limits, time.monotonic())
    try:
        status = _watch(watched)
    finally:
        _end(watched)
    return _result(watched, job.argv, status, tool_version)


def _start(command: Sequence[str], cwd: Path, source: IO[bytes], env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        cwd=cwd,
        env=dict(env),
        stdin=source,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def _watch(watched: _Watched) -> int | None:
    """Read output and look after the limits until the command ends; return its wait status, None where we end it."""
    pause = _POLL_S[0]
    with selectors.DefaultSelector() as selector, _end_of(watched.process.pid) as ended:
        if ended is not None:
            selector.register(ended, selectors.EVENT_READ, "")
        for name in watched.chunks:
            pipe = getattr(watched.process, name)
            os.set_blocking(pipe.fileno(), False)
            selector.register(pipe, selectors.EVENT_READ, name)
        while True:
            status = _reaped(watched)
            events = selector.select(0 if status is not None else pause) if selector.get_map() else []
            for key, _ in events:
                if key.data and not _read(watched, key.data):
                    selector.unregister(key.fileobj)
            if status is not None:
                _drain(watched)
                return status
            _check(watched)
            if watched.broke:
                return None
            if not selector.get_map():
                time.sleep(pause)
            pause = min(pause * 1.5, _POLL_S[1])


@contextmanager
def _end_of(pid: int) -> Iterator[int | None]:
    """Give a descriptor that can be read once the process has ended; None where the kernel has none (before 5.3)."""
    try:
        descriptor = os.pidfd_open(pid)
    except (AttributeError, OSError):
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _reaped(watched: _Watched) -> int | None:
    """Return the wait status where the command has ended, and take what it used with it."""
    pid, status, usage = os.wait4(watched.process.pid, os.WNOHANG)
    if not pid:
        return None
    watched.process.returncode = os.waitstatus_to_exitcode(status)
    watched.cpu_s = usage.ru_utime + usage.ru_stime
    # between fork and exec the child counts our own memory as its own, so a figure below ours says nothing
    if usage.ru_maxrss > resource.getrusage(resource.RUSAGE_SELF).ru_maxrss:
        watched.peak_bytes = max(watched.peak_bytes, usage.ru_maxrss * 1024)
    return status


def _read(watched: _Watched, name: str) -> bool:
    """Take what is there to read; return False at the end of the stream."""
    pipe = getattr(watched.process, name)
    try:
        data = os.read(pipe.fileno(), _CHUNK)
    except BlockingIOError:
        return True
    room = watched.limits.output_mb * MIB - watched.output_bytes
    watched.chunks[name].append(data[:room])
    watched.output_bytes += min(len(data), room)
    if len(data) > room:
        watched.broke = "signal", f"more than {watched.limits.output_mb} MiB of output"
    return bool(data)


def _drain(watched: _Watched) -> None:
    """Read what the ended command left in the pipes, without waiting for others that hold them open."""
    for name in watched.chunks:
        before = -1
        while watched.output_bytes != before and not watched.broke:
            before = watched.output_bytes
            _read(watched, name)


def _check(watched: _Watched) -> None:
    """Set `broke` where a limit over the whole tree is passed."""
    limits, pid = watched.limits, watched.process.pid
    if watched.broke:
        return
    if time.monotonic() - watched.start_s > limits.wall_s:
        watched.broke = "timeout", f"{limits.wall_s:g} s of wall time are over"
        return
    pids = proctree.descendants(pid)
    used = proctree.memory_bytes(pids, limits.memory_mb * MIB)
    watched.peak_bytes = max(watched.peak_bytes, used)
    if used > limits.memory_mb * MIB:
        watched.broke = "memory", f"more than {limits.memory_mb} MiB of memory in use"
    elif len(pids) > limits.processes:
        watched.broke = "signal", f"more than {limits.processes} processes"
    elif _disk_full(watched):
        watched.broke = "signal", f"more than {limits.disk_mb} MiB of files"


def _disk_full(watched: _Watched) -> bool:
    """Return True where the run's files are over their limit; looks at most once a second."""
    now = time.monotonic()
    if now - max(watched.disk_checked_s, watched.start_s) < _DISK_EVERY_S:
        return False
    watched.disk_checked_s = now
    room = watched.limits.disk_mb * MIB
    for folder in watched.folders:
        for parent, _, names in os.walk(folder):
            for name in names:
                with suppress(OSError):
                    room -= os.lstat(f"{parent}/{name}").st_blocks * 512
            if room < 0:
                return True
    return False


def _end(watched: _Watched) -> None:
    """End everything that is left and wait for the command itself."""
    process = watched.process
    # without a namespace that ends as a whole, others may go on after the command itself has ended
    if process.returncode is None or not confinement().bwrap:
        running = process.pid if process.returncode is None else None
        proctree.kill(running, f"{MARK}={watched.mark}")
    if process.returncode is None:
        process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe:
            with suppress(OSError):
                pipe.close()


def _result(watched: _Watched, command: Sequence[str], status: int | None, tool_version: str | None) -> ToolRun:
    stdout, stderr = (b"".join(watched.chunks[name]).decode(errors="replace") for name in ("stdout", "stderr"))
    code = None if status is None else watched.process.returncode
    ended_by, exit_code, note = _classify(watched, code, stdout[-4096:] + stderr[-4096:])
    if note:
        stderr += ("\n" if stderr and not stderr.endswith("\n") else "") + f"rtlgen sandbox: ended it: {note}\n"
    return ToolRun(
        argv=tuple(command),
        exit_code=exit_code,
        stdout=stdout,
        stderr=stderr,
        wall_s=time.monotonic() - watched.start_s,
        peak_mb=watched.peak_bytes / MIB if watched.peak_bytes else None,
        ended_by=ended_by,
        tool_version=tool_version,
    )


def _classify(watched: _Watched, code: int | None, tail: str) -> tuple[EndedBy, int | None, str]:
    """Return (ended_by, exit code, note for the user); `code` is negative or above 128 for a signal."""
    if watched.broke:
        return watched.broke[0], None, watched.broke[1]
    if code is None:
        return "signal", None, "it was interrupted"
    number = -code if code < 0 else code - 128  # bubblewrap reports a signal as a shell does
    if number == signal.SIGXCPU or (number == signal.SIGKILL and watched.cpu_s >= watched.limits.cpu_s):
        return "timeout", None, f"{watched.limits.cpu_s:g} s of CPU time are over"
    if code != 0 and _OUT_OF_MEMORY.search(tail):
        return "memory", None if number > 0 else code, ""
    if number == signal.SIGXFSZ:
        return "signal", None, f"a file grew over {watched.limits.file_mb} MiB"
    return ("signal", None, "") if number > 0 else ("exit", code, "")
