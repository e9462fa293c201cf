"""Yosys workers: results, errors with their place, kills, and what is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from rtlgen.core.errors import SandboxError
from rtlgen.synth.yosys import YosysPool

ADDER = "module m(input [3:0] a, b, output [3:0] y);\n  assign y = a + b;\nendmodule\n"


@pytest.fixture(scope="module")
def pool() -> Iterator[YosysPool]:
    with YosysPool(2) as shared:
        yield shared


def test_job_returns_fetched_files(pool: YosysPool) -> None:
    run = pool.run(
        ["read_verilog m.v", "prep -top m", "write_rtlil out/m.il"],
        files={"m.v": ADDER, "out/x": ""},
        fetch=["out/m.il", "absent"],
    )
    assert run.ok
    assert run.error is None
    assert run.ended_by == "exit"
    assert "cell $add" in run.files["out/m.il"]
    assert set(run.files) == {"out/m.il"}
    assert len(run.command_s) == 3
    assert "Executing RTLIL backend" in run.log


def test_syntax_error_names_file_and_line_and_leaves_the_worker_usable(pool: YosysPool) -> None:
    for reader in ("read_verilog", "read_slang"):
        run = pool.run([f"{reader} rtl/bad.v"], files={"rtl/bad.v": "module a(input x);\n  assign = x;\nendmodule\n"})
        assert not run.ok
        assert run.ended_by == "exit"
        assert run.error is not None
        assert run.error.startswith("rtl/bad.v:2")
    assert pool.run(["read_verilog m.v"], files={"m.v": ADDER}).ok


def test_unknown_command_is_reported(pool: YosysPool) -> None:
    run = pool.run(["no_such_pass"])
    assert run.error is not None
    assert run.error.startswith("No such command: no_such_pass")


def test_jobs_share_no_state(pool: YosysPool) -> None:
    assert pool.run(["read_verilog m.v", "verilog_defines -DX", "design -save d"], files={"m.v": ADDER}).ok
    run = pool.run(["design -load d"])
    assert run.error is not None
    assert "No saved design 'd' found" in run.error


def test_timeout_kills_the_job_and_what_it_started(pool: YosysPool) -> None:
    begin = time.monotonic()
    run = pool.run(["exec -- sleep 543.21"], timeout_s=0.3)
    assert time.monotonic() - begin < 5
    assert run.ended_by == "timeout"
    assert run.error == "Yosys did not finish within 0.3 s (in `exec -- sleep 543.21`)"
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and any(
        "543.21" in " ".join(p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"])
    ):
        time.sleep(0.05)
    assert not any("543.21" in " ".join(p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"]))
    assert pool.run(["read_verilog m.v"], files={"m.v": ADDER}).ok


def test_exhausted_memory_ends_the_job_only(pool: YosysPool) -> None:
    memory = "reg [2000000:0] big [0:100]; assign y = big[a][7:0];"
    wide = f"module m(input [7:0] a, output [7:0] y); {memory} endmodule\n"
    run = pool.run(["read_verilog m.v", "proc", "memory", "techmap"], files={"m.v": wide}, memory_mb=500, timeout_s=30)
    assert not run.ok
    assert run.ended_by == "memory"
    assert run.error is not None
    assert run.error.startswith("Yosys needed more than 500 MiB of memory (in `")
    assert pool.run(["read_verilog m.v"], files={"m.v": ADDER}).ok


@pytest.mark.parametrize("name", ["../up.v", "/abs.v", ""])
def test_files_stay_inside_the_folder(pool: YosysPool, name: str) -> None:
    with pytest.raises(ValueError, match=r"^expected a file name inside the job's folder, got "):
        pool.run([], files={name: ""})


def test_threads_share_a_pool(pool: YosysPool) -> None:
    def area(width: int) -> int:
        text = f"module m(input [{width - 1}:0] a, output y); assign y = ^a; endmodule\n"
        run = pool.run(["read_verilog m.v", "prep -top m", "tee -q -o s stat -json"], files={"m.v": text}, fetch=["s"])
        assert run.ok
        return int(run.files["s"].split('"num_port_bits":')[1].split(",")[0])

    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(area, range(2, 26))) == [width + 1 for width in range(2, 26)]


def test_lost_worker_is_replaced() -> None:
    with YosysPool(1) as pool:
        assert pool.run(["read_verilog m.v"], files={"m.v": ADDER}).ok
        for child in psutil.Process().children():
            if "zygote.py" in " ".join(child.cmdline()):
                child.kill()
        assert pool.run(["read_verilog m.v"], files={"m.v": ADDER}).ok


def test_bad_preload_says_what_failed() -> None:
    with (
        YosysPool(1, preload=["read_verilog /nonexistent/x.v"]) as pool,
        pytest.raises(SandboxError, match="nonexistent"),
    ):
        pool.run(["stat"])


def test_closed_pool_refuses() -> None:
    pool = YosysPool(1)
    pool.close()
    with pytest.raises(
        SandboxError, match=r"^expected an open Yosys pool, got one that was closed; make a new YosysPool$"
    ):
        pool.run(["stat"])


def test_close_ends_a_running_job_and_leaves_no_process() -> None:
    before = {p.pid for p in psutil.Process().children(recursive=True)}
    pool = YosysPool(1)
    failed: list[BaseException] = []

    def work() -> None:
        try:
            pool.run(["exec -- sleep 300"], timeout_s=200)
        except SandboxError as error:
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.8)
    pool.close()
    thread.join(10)
    assert not thread.is_alive()
    assert failed
    assert {p.pid for p in psutil.Process().children(recursive=True)} <= before


@pytest.mark.skipif(sys.platform != "linux", reason="reads the process table by /proc")
def test_workers_die_with_a_killed_parent(tmp_path: Path) -> None:
    program = """
        import sys
        from rtlgen.synth.yosys import YosysPool
        with YosysPool(2) as pool:
            pool.run(["read_verilog m.v"], files={"m.v": "module m; endmodule"})
            print("up", flush=True)
            pool.run(["exec -- sleep 987.65"], timeout_s=100)
    """
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, env=env)
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"up\n"
    time.sleep(0.3)
    children = psutil.Process(parent.pid).children(recursive=True)
    assert len(children) >= 3
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert psutil.wait_procs(children, timeout=5)[1] == []
    assert not list(tmp_path.glob("rtlgen-worker-*"))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a small file system")
def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", str(small)], capture_output=True).returncode:
        pytest.skip("mount is not allowed here")
    try:
        monkeypatch.setattr(tempfile, "tempdir", str(small))
        with (
            YosysPool(1) as pool,
            pytest.raises(SandboxError, match=f"{small}.*full disk|free disk space or set TMPDIR"),
        ):
            pool.run(
                ["read_verilog -sv a.v", "synth"], files={"a.v": "module a(input x, output y); assign y = x; endmodule"}
            )
    finally:
        subprocess.run(["umount", str(small)], check=True)
