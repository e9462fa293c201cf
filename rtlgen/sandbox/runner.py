"""Runs one external command to its end or to its limits."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from rtlgen.core.errors import SandboxError
from rtlgen.core.types import ToolRun
from rtlgen.sandbox import proctree
from rtlgen.sandbox.confine import clean_env, confinement, replay_script, wrap
from rtlgen.sandbox.limits import Limits
from rtlgen.sandbox.watch import Watched, watch

MARK = "RTLGEN_SANDBOX_RUN"


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
    command = located(argv, path=(env or {}).get("PATH"))
    if command is None:
        return not_found(argv, tool_version)
    job = _Job(command, cwd.absolute(), limits or Limits(), stdin or "", dict(env or {}), writable, readable, replay)
    scratch = confinement().scratch
    try:
        with tempfile.TemporaryDirectory(prefix="rtlgen-", dir=scratch, ignore_cleanup_errors=True) as private:
            return _run_in(job, Path(private), tool_version)
    except OSError as error:
        raise SandboxError(f"can't run {argv[0]!r}: {error}") from error


def located(argv: Sequence[str], path: str | None = None) -> tuple[str, ...] | None:
    """Return a command by its absolute path, since the folder changes inside; None where there is none."""
    tool = shutil.which(argv[0], path=path)
    return (str(Path(tool).absolute()), *argv[1:]) if tool else None


def not_found(argv: Sequence[str], tool_version: str | None) -> ToolRun:
    """Return what came of a command that is not there."""
    return ToolRun(
        argv=tuple(argv),
        exit_code=None,
        stdout="",
        stderr="",
        wall_s=0.0,
        ended_by="not_found",
        tool_version=tool_version,
    )


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
    assert process.stdout is not None, "a pipe was asked for"
    assert process.stderr is not None, "a pipe was asked for"
    pipes = {"stdout": process.stdout.fileno(), "stderr": process.stderr.fileno()}
    watched = Watched(process.pid, pipes, (job.cwd, private), job.limits)
    try:
        with _end_of(process.pid) as ended:
            code = watch(watched, ended, lambda: _reaped(process, watched))
    finally:
        _end(process, mark)
    return watched.result(job.argv, code, tool_version)


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


def _reaped(process: subprocess.Popen[bytes], watched: Watched) -> int | None:
    """Return the exit code where the command has ended, and take what it used with it."""
    pid, status, usage = os.wait4(process.pid, os.WNOHANG)
    if not pid:
        return None
    process.returncode = os.waitstatus_to_exitcode(status)
    watched.used(usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
    return process.returncode


def _end(process: subprocess.Popen[bytes], mark: str) -> None:
    """End everything that is left and wait for the command itself."""
    # without a namespace that ends as a whole, others may go on after the command itself has ended
    if process.returncode is None or not confinement().bwrap:
        running = process.pid if process.returncode is None else None
        proctree.kill(running, f"{MARK}={mark}")
    if process.returncode is None:
        process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe:
            with suppress(OSError):
                pipe.close()
