"""The sandbox against hostile programs, under bubblewrap and under resource limits alone."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from rtlgen.core.errors import SandboxError
from rtlgen.sandbox import Limits, confinement, run

SMALL = Limits(cpu_s=5, wall_s=10, memory_mb=512, file_mb=8, processes=32, output_mb=1, disk_mb=32)


@pytest.fixture(params=["bwrap", "rlimits"], autouse=True)
def means(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Run each test under both ways of confining."""
    confinement.cache_clear()
    if request.param == "bwrap" and not confinement().bwrap:
        pytest.skip(f"bubblewrap is not usable: {confinement().reason}")
    monkeypatch.setenv("RTLGEN_SANDBOX", request.param)
    confinement.cache_clear()
    yield request.param
    confinement.cache_clear()


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


class Trace:
    """Finds the processes of one test, other runs on the machine notwithstanding."""

    def __init__(self) -> None:
        self.env = {"RTLGEN_TEST_RUN": uuid.uuid4().hex}

    def left(self) -> list[int]:
        found = []
        for process in psutil.process_iter():
            try:
                if self.env.items() <= process.environ().items() and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process.pid)
            except psutil.Error:
                continue
        return found

    def left_after(self, seconds: float) -> list[int]:
        deadline = time.monotonic() + seconds
        while self.left() and time.monotonic() < deadline:
            time.sleep(0.05)
        return self.left()


def test_plain_command_gives_output_and_exit_code(tmp_path: Path) -> None:
    result = run(["sh", "-c", "cat; echo err >&2; exit 3"], cwd=tmp_path, stdin="in", tool_version="1.2")
    assert (result.exit_code, result.stdout, result.stderr) == (3, "in", "err\n")
    assert (result.ended_by, result.tool_version) == ("exit", "1.2")
    assert result.argv[1:] == ("-c", "cat; echo err >&2; exit 3")
    assert 0 < result.wall_s < 10


def test_command_that_is_not_there(tmp_path: Path) -> None:
    result = run(["no-such-tool-here"], cwd=tmp_path)
    assert (result.ended_by, result.exit_code) == ("not_found", None)


def test_folder_that_is_not_there_is_a_sandbox_error(tmp_path: Path) -> None:
    with pytest.raises(SandboxError, match=r"^expected a folder to run 'true' in, got '.*/absent'$"):
        run(["true"], cwd=tmp_path / "absent")


def test_arguments_reach_the_command_unchanged_and_no_shell_reads_them(tmp_path: Path) -> None:
    words = ["a b", "$(touch pwned)", "; touch pwned", "'", '"', "*", "é"]
    result = run(python("import sys; print('|'.join(sys.argv[1:]))") + words, cwd=tmp_path)
    assert result.stdout == "|".join(words) + "\n"
    assert not (tmp_path / "pwned").exists()


def test_environment_of_the_caller_stays_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "hush")
    result = run(["env"], cwd=tmp_path, env={"GIVEN": "1"})
    assert "hush" not in result.stdout
    assert "GIVEN=1\n" in result.stdout


def test_wall_time_ends_a_program_that_ignores_sigterm(tmp_path: Path) -> None:
    code = "import signal, time; [signal.signal(n, signal.SIG_IGN) for n in (15, 2, 1)]; time.sleep(60)"
    result = run(python(code), cwd=tmp_path, limits=Limits(wall_s=0.5))
    assert (result.ended_by, result.exit_code) == ("timeout", None)
    assert result.stderr == "rtlgen sandbox: ended it: 0.5 s of wall time are over\n"
    assert result.wall_s < 5


def test_cpu_time_ends_a_busy_loop(tmp_path: Path) -> None:
    result = run(["sh", "-c", "while :; do :; done"], cwd=tmp_path, limits=Limits(cpu_s=1, wall_s=30))
    assert (result.ended_by, result.exit_code) == ("timeout", None)
    assert result.stderr == "rtlgen sandbox: ended it: 1 s of CPU time are over\n"


def test_memory_of_one_process_is_limited(tmp_path: Path) -> None:
    result = run(python("x = bytearray(4 << 30)"), cwd=tmp_path, limits=SMALL)
    assert result.ended_by == "memory"


def test_memory_of_all_processes_together_is_limited(tmp_path: Path) -> None:
    code = """
import os, time
for _ in range(4):
    if not os.fork():
        x = b"x" * (200 << 20)
        time.sleep(30)
time.sleep(30)
"""
    result = run(python(code), cwd=tmp_path, limits=SMALL)
    assert result.ended_by == "memory"
    assert result.stderr == "rtlgen sandbox: ended it: more than 512 MiB of memory in use\n"
    assert result.peak_mb is not None
    assert result.peak_mb > 512


def test_endless_output_is_cut(tmp_path: Path) -> None:
    result = run(["yes"], cwd=tmp_path, limits=SMALL)
    assert (result.ended_by, len(result.stdout)) == ("signal", 1 << 20)
    assert result.stderr == "rtlgen sandbox: ended it: more than 1 MiB of output\n"


def test_output_of_bytes_that_are_no_text(tmp_path: Path) -> None:
    result = run(["printf", r"a\377\0b"], cwd=tmp_path)
    assert result.stdout == "a\N{REPLACEMENT CHARACTER}\0b"


def test_file_size_is_limited(tmp_path: Path) -> None:
    result = run(["dd", "if=/dev/zero", "of=big", "bs=1M", "count=100"], cwd=tmp_path, limits=SMALL)
    assert result.ended_by == "signal"
    assert result.stderr.endswith("rtlgen sandbox: ended it: a file grew over 8 MiB\n")
    assert (tmp_path / "big").stat().st_size <= 8 << 20


def test_many_files_are_limited_too(tmp_path: Path) -> None:
    code = """
import time
import uuid
for i in range(1000):
    with open(str(i), "wb") as f:
        f.write(b"x" * (4 << 20))
    time.sleep(0.05)
"""
    result = run(python(code), cwd=tmp_path, limits=SMALL)
    assert result.ended_by == "signal"
    assert result.stderr == "rtlgen sandbox: ended it: more than 32 MiB of files\n"


def test_fork_bomb_is_ended_and_leaves_nothing(tmp_path: Path) -> None:
    # bounded, so that a failure of this test does not take the machine along: at most 2**9 processes
    code = """
import os, time
for _ in range(9):
    os.fork()
    time.sleep(0.02)
time.sleep(30)
"""
    trace = Trace()
    result = run(python(code), cwd=tmp_path, limits=SMALL, env=trace.env)
    assert result.ended_by == "signal"
    assert result.stderr == "rtlgen sandbox: ended it: more than 32 processes\n"
    assert trace.left_after(5) == []


def test_background_process_in_a_session_of_its_own_ends_with_the_command(tmp_path: Path) -> None:
    code = """
import os, time
if not os.fork():
    os.setsid()
    if not os.fork():
        time.sleep(60)
    os._exit(0)
print("parent done")
"""
    trace = Trace()
    result = run(python(code), cwd=tmp_path, limits=SMALL, env=trace.env)
    assert (result.ended_by, result.exit_code, result.stdout) == ("exit", 0, "parent done\n")
    assert result.wall_s < 30
    assert trace.left_after(5) == []


def test_crash_is_a_signal(tmp_path: Path) -> None:
    result = run(["sh", "-c", "kill -SEGV $$"], cwd=tmp_path)
    assert (result.ended_by, result.exit_code) == ("signal", None)


def test_folder_is_writable_and_tmp_is_private(tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    result = run(["sh", "-c", 'echo x > out; echo y > "$TMPDIR/rtlgen-probe"; ls "$TMPDIR"'], cwd=work)
    assert (result.ended_by, result.exit_code) == ("exit", 0)
    assert "rtlgen-probe" in result.stdout.splitlines()
    assert (work / "out").read_text() == "x\n"
    assert not Path("/tmp/rtlgen-probe").exists()


def test_writes_and_reads_outside_are_refused_under_bubblewrap(tmp_path: Path, means: str) -> None:
    if means != "bwrap":
        pytest.skip("resource limits alone confine no paths")
    work, other = tmp_path / "work", tmp_path / "other"
    work.mkdir()
    other.mkdir()
    (other / "secret").write_text("hush")
    script = f"cat {other}/secret; echo x > {other}/new; echo x > ../new; echo x > /usr/new; cat /etc/shadow; ls /root"
    result = run(["sh", "-c", script], cwd=work)
    assert "hush" not in result.stdout
    assert sorted(path.name for path in other.iterdir()) == ["secret"]
    assert not (tmp_path / "new").exists()
    assert not Path("/usr/new").exists()
    seen = run(["cat", str(other / "secret")], cwd=work, readable=[other])
    assert seen.stdout == "hush"
    refused = run(["touch", str(other / "new")], cwd=work, readable=[other])
    assert refused.exit_code == 1
    allowed = run(["touch", str(other / "new")], cwd=work, writable=[other])
    assert allowed.exit_code == 0


def test_network_is_cut_where_the_kernel_allows(tmp_path: Path) -> None:
    if not (confinement().bwrap or confinement().unshare):
        pytest.skip("no means to cut the network here")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code = f"import socket; socket.create_connection(('127.0.0.1', {port}), 2)"
        assert subprocess.run(python(code), check=False).returncode == 0
        assert run(python(code), cwd=tmp_path).exit_code == 1


def test_runs_from_many_threads(tmp_path: Path) -> None:
    results: list[str] = []

    def one(number: int) -> None:
        results.append(run(["echo", str(number)], cwd=tmp_path).stdout)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [f"{number}\n" for number in range(8)]


def test_replay_script_gives_the_same_again(tmp_path: Path) -> None:
    script = tmp_path / "replay.sh"
    first = run(["sh", "-c", 'echo "$GIVEN" "it\'s"; pwd'], cwd=tmp_path, env={"GIVEN": "a b"}, replay=script)
    assert os.access(script, os.X_OK)
    again = subprocess.run([script], capture_output=True, text=True, check=True, cwd="/")
    assert again.stdout == first.stdout == f"a b it's\n{tmp_path}\n"


def test_limits_are_set_without_prlimit_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtlgen.sandbox.confine._which", lambda name: None if name == "prlimit" else _path(name))
    confinement.cache_clear()
    assert confinement().prlimit is None
    result = run(["dd", "if=/dev/zero", "of=big", "bs=1M", "count=100"], cwd=tmp_path, limits=SMALL)
    assert result.ended_by == "signal"


def test_caller_that_is_killed_takes_the_command_along(tmp_path: Path) -> None:
    trace = Trace()
    code = f"""
from pathlib import Path
from rtlgen.sandbox import run
run(["sleep", "300"], cwd=Path({str(tmp_path)!r}), env={trace.env!r})
"""
    caller = subprocess.Popen(python(code))
    deadline = time.monotonic() + 30
    # the tie to the caller is made on the way to the command, so wait until that runs
    while "sleep" not in _names(trace.left()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert "sleep" in _names(trace.left())
    caller.kill()
    caller.wait()
    assert trace.left_after(5) == []


def _names(pids: list[int]) -> list[str]:
    return [Path(f"/proc/{pid}/comm").read_text().strip() for pid in pids if Path(f"/proc/{pid}/comm").exists()]


def _path(name: str) -> Path | None:
    found = shutil.which(name)
    return Path(found) if found else None
