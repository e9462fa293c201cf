"""Cells: commands one after the other in one confined place, with nothing handed from one to the next."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from rtlgen.sandbox import Cell, Limits, close_idle, confinement
from rtlgen.sandbox import cell as make_cell

SMALL = Limits(cpu_s=2, wall_s=10, memory_mb=512, file_mb=8, processes=24, output_mb=1, disk_mb=32)


@pytest.fixture(params=["bwrap", "rlimits"], autouse=True)
def means(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Run each test under both ways of confining."""
    confinement.cache_clear()
    if request.param == "bwrap" and not confinement().bwrap:
        pytest.skip(f"bubblewrap is not usable: {confinement().reason}")
    close_idle()
    monkeypatch.setenv("RTLGEN_SANDBOX", request.param)
    confinement.cache_clear()
    yield request.param
    close_idle()
    confinement.cache_clear()


@pytest.fixture
def place() -> Iterator[Cell]:
    with make_cell() as made:
        yield made


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_output_exit_code_and_missing_command(place: Cell) -> None:
    done = place.run(["sh", "-c", "echo out; echo err >&2; exit 3"], limits=SMALL, tool_version="sh 1")
    assert (done.ended_by, done.exit_code, done.stdout, done.stderr) == ("exit", 3, "out\n", "err\n")
    assert done.tool_version == "sh 1"
    assert place.run(["rtlgen-no-such-tool"], limits=SMALL).ended_by == "not_found"
    assert place.run(["pwd"], limits=SMALL).stdout == f"{place.folder}\n"


def test_files_stay_for_the_next_command_and_go_with_the_tenant() -> None:
    with make_cell() as first:
        place = first.folder
        first.run(
            ["sh", "-c", 'echo x > kept; echo y > "$TMPDIR/t"; mkdir -p d/e; chmod 0 d; chmod 500 .'], limits=SMALL
        )
        assert first.run(["cat", "kept"], limits=SMALL).stdout == "x\n"
    with make_cell() as second:
        assert second.folder == place or not place.exists(), "the same place again, or a new one"
        assert second.run(["sh", "-c", 'ls -A . && ls -A "$TMPDIR"'], limits=SMALL).stdout == ""
        assert second.run(["sh", "-c", "echo z > new && cat new"], limits=SMALL).stdout == "z\n"


def test_a_place_is_used_again(means: str) -> None:
    folders = set()
    for _ in range(3):
        with make_cell() as place:
            folders.add(place.folder)
    assert len(folders) == 1


@pytest.mark.parametrize(
    ("code", "ended_by", "said"),
    [
        ("while True: pass", "timeout", "2 s of CPU time are over"),
        ("import time; time.sleep(60)", "timeout", "1 s of wall time are over"),
        ("x = bytearray(1 << 30)", "memory", ""),
        ("while True: print('x' * 9999)", "signal", "more than 1 MiB of output"),
        ("open('big', 'wb').write(bytes(1 << 24))", None, ""),
        ("import os; os.abort()", "signal", ""),
    ],
)
def test_limits(place: Cell, code: str, ended_by: str | None, said: str) -> None:
    limits = SMALL if "sleep" not in code else Limits(wall_s=1)
    done = place.run(python(code), limits=limits)
    assert done.exit_code != 0
    assert ended_by is None or done.ended_by == ended_by
    assert said in done.stderr
    assert place.run(["echo", "again"], limits=SMALL).stdout == "again\n", "the place works after that"


def test_processes_left_behind_are_ended(place: Cell) -> None:
    # one bounded fork bomb, and a process in a session of its own
    place.run(
        python("import os\nfor _ in range(4): os.fork()\nos.setsid()\nimport time; time.sleep(0.3)"), limits=SMALL
    )
    code = """
import os, time
if not os.fork():
    os.setsid()
    while True:
        open("tick", "a").write("x")
        time.sleep(0.01)
time.sleep(0.2)
"""
    assert place.run(python(code), limits=SMALL).ended_by == "exit"
    before = (place.folder / "tick").stat().st_size
    time.sleep(0.2)
    assert before == (place.folder / "tick").stat().st_size > 0


def test_nothing_else_can_be_written_or_read(place: Cell, means: str, tmp_path: Path) -> None:
    if means != "bwrap":
        pytest.skip("resource limits alone confine no paths")
    (tmp_path / "secret").write_text("hush")
    for path in ("/tmp/x", "/dev/shm/x", "/dev/x", "/usr/x", "/x", f"{place.folder.parent}/x", f"{tmp_path}/x"):
        assert place.run(["sh", "-c", f"echo x > {path}-rtlgen"], limits=SMALL).exit_code != 0, path
        assert not Path(f"{path}-rtlgen").exists()
    assert "hush" not in place.run(["sh", "-c", f"cat {tmp_path}/secret"], limits=SMALL).stdout
    assert place.run(["sh", "-c", "echo x > /dev/null"], limits=SMALL).exit_code == 0


def test_the_process_that_starts_commands_is_out_of_reach(place: Cell, means: str) -> None:
    if means != "bwrap":
        pytest.skip("there is none without bubblewrap")
    code = """
import os
for name in ("mem", "environ", "maps", *(f"fd/{n}" for n in range(12))):
    try:
        os.open(f"/proc/1/{name}", os.O_RDONLY)
        print("reached", name)
    except OSError:
        pass
os.kill(1, 9)
print(sorted(os.listdir("/proc/self/fd"))[:-1])
"""
    done = place.run(python(code), limits=SMALL)
    assert done.stdout == "['0', '1', '2']\n", done.stderr
    assert place.run(["echo", "alive"], limits=SMALL).stdout == "alive\n"


def test_network_is_cut(place: Cell) -> None:
    if not (confinement().bwrap or confinement().unshare):
        pytest.skip("no means to cut the network here")
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = f"import socket; socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 2)"
        assert place.run(python(code), limits=SMALL).exit_code == 1


def test_a_place_whose_first_process_died_is_made_anew(place: Cell, means: str) -> None:
    if means != "bwrap":
        pytest.skip("there is none without bubblewrap")
    assert place.run(["echo", "one"], limits=SMALL).stdout == "one\n"
    inside = [p for p in psutil.process_iter() if "_warden.py" in " ".join(_line(p)) and _in(p, place.folder)]
    assert inside
    for process in inside:
        process.kill()
    psutil.wait_procs(inside, timeout=5)
    assert place.run(["echo", "two"], limits=SMALL).stdout == "two\n"


def _line(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def _in(process: psutil.Process, folder: Path) -> bool:
    try:
        return Path(f"/proc/{process.pid}/cwd").readlink() == folder
    except OSError:
        return False


def test_many_threads_have_places_of_their_own() -> None:
    def one(number: int) -> str:
        with make_cell() as place:
            place.run(["sh", "-c", f"echo {number} > n; sleep 0.05"], limits=SMALL)
            return place.run(["cat", "n"], limits=SMALL).stdout

    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(one, range(18))) == [f"{n}\n" for n in range(18)]


def test_caller_that_is_killed_takes_the_command_along() -> None:
    code = """
from rtlgen.sandbox import Limits, cell
with cell() as place:
    place.run(["sleep", "301"], limits=Limits())
"""
    caller = subprocess.Popen(python(code))
    deadline = time.monotonic() + 30
    while not _sleepers() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _sleepers()
    caller.kill()
    caller.wait()
    deadline = time.monotonic() + 5
    while _sleepers() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _sleepers()


def _sleepers() -> list[int]:
    return [p.pid for p in psutil.process_iter() if (line := _line(p)) and "sleep" in line[0] and "301" in line]
