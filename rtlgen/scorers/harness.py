"""A candidate judged by a pytest harness around cocotb, as CVDP's are, in our own sandbox and without containers.

The harness expects its files in `/src` and the design in `/code`. Both become folders of a private place, and the names
in its environment and its files are changed to match. What pytest reports and how it ended is the verdict; the design
runs inside the simulator and can write neither (the gate refuses designs that open files).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Final
from xml.etree import ElementTree as ET

from rtlgen.core.errors import InputError
from rtlgen.core.types import ToolRun
from rtlgen.sandbox import Limits, run
from rtlgen.scorers.gate import refusal
from rtlgen.scorers.place import private_folder
from rtlgen.scorers.simulation import Status, Verdict
from rtlgen.scorers.task import Task

LIMITS: Final = Limits(cpu_s=120, wall_s=900, memory_mb=4096, file_mb=128, output_mb=16, disk_mb=512, processes=64)
_REPORT: Final = "junit.xml"
_HDL: Final = (".v", ".sv", ".svh", ".vh")
_BUILD: Final = re.compile(r"(?:Process|Command).*iverilog.*(?:terminat|return|fail)|iverilog.*\berror", re.IGNORECASE)


class Harness(Task):
    """One task with a harness."""

    files: tuple[tuple[str, str], ...]
    """Path and text of the harness's own files, such as `src/test_runner.py`."""
    context: tuple[tuple[str, str], ...] = ()
    """Path and text of the files that are there before the answer."""
    targets: tuple[str, ...] = ()
    """Paths that an answer has to write."""


def run_harness(harness: Harness, answer: Mapping[str, str], limits: Limits = LIMITS) -> Verdict:
    """Return the verdict on an answer.

    Args:
        harness: the task.
        answer: path → text of what was written.
        limits: for everything the harness starts.

    Raises:
        InputError: the harness lacks `src/test_runner.py` or `src/.env`, or names a path outside its place.
        SandboxError: the sandbox itself failed.
    """
    missing = [t for t in harness.targets if not answer.get(t, "").strip()]
    if missing:
        return Verdict(status="syntax_error", reason=f"the answer has no {', '.join(missing)}")
    for path, text in answer.items():
        reason = refusal(text) if path.endswith(_HDL) else None
        if reason is not None:
            return Verdict(status="refused", reason=f"{path}: {reason}")
    with private_folder() as root:
        _lay_out(root, harness, answer)
        report = root / "rundir" / _REPORT
        argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml", _REPORT]
        done = run(
            [*argv, "../src/test_runner.py"],
            cwd=root / "rundir",
            limits=limits,
            env=_environment(root, harness),
            writable=[root],
        )
        return _verdict(done, report)


def _lay_out(root: Path, harness: Harness, answer: Mapping[str, str]) -> None:
    (root / "rundir").mkdir()
    own = {path: _moved(text, root) for path, text in harness.files if path.startswith("src/")}
    design = {f"code/{path}": text for path, text in {**dict(harness.context), **answer}.items()}
    if "src/test_runner.py" not in own or "src/.env" not in own:
        raise InputError(f"{harness.id}: expected src/test_runner.py and src/.env in the harness")
    for name, text in {**design, **own}.items():
        parts = PurePosixPath(name)
        if parts.is_absolute() or ".." in parts.parts:
            raise InputError(f"{harness.id}: expected a path inside the task, got {name!r}")
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def _moved(text: str, root: Path) -> str:
    """Return a text in which the container's folders are those of this place."""
    return re.sub(r"(?<![\w.\-/])/(code|src|rundir)(?=/|\b)", lambda m: f"{root}/{m[1]}", text)


def _environment(root: Path, harness: Harness) -> dict[str, str]:
    """Return the variables that the harness's `.env` sets."""
    found: dict[str, str] = {}
    for line in dict(harness.files)["src/.env"].splitlines():
        name, sign, value = line.partition("=")
        if sign and name.strip() and not name.lstrip().startswith("#"):
            found[name.strip()] = _moved(value.strip().strip('"'), root)
    return found | {"PYTHONDONTWRITEBYTECODE": "1"}


def _verdict(done: ToolRun, report: Path) -> Verdict:
    if done.ended_by in ("timeout", "memory"):
        status: Status = "timeout" if done.ended_by == "timeout" else "memory"
        return Verdict(status=status, reason=f"the harness ended by {done.ended_by}", run_s=done.wall_s)
    tests, bad = _counts(report)
    if done.ended_by == "exit" and done.exit_code == 0 and tests and not bad:
        return Verdict(status="passed", run_s=done.wall_s)
    if done.ended_by != "exit":
        return Verdict(status="crashed", reason=f"the harness ended by {done.ended_by}", run_s=done.wall_s)
    if not tests:
        return Verdict(status="no_verdict", reason="the harness ran no test", run_s=done.wall_s)
    kind: Status = "syntax_error" if _BUILD.search(done.stdout) else "failed"
    return Verdict(status=kind, reason=f"{bad} of {tests} tests fail", run_s=done.wall_s)


def _counts(report: Path) -> tuple[int, int]:
    """Return how many tests ran, and how many of them did not pass."""
    try:
        suites = ET.fromstring(report.read_text()).iter("testsuite")
    except (OSError, ET.ParseError):
        return 0, 0
    tests = bad = 0
    for suite in suites:
        skipped = int(suite.get("skipped", 0))
        tests += int(suite.get("tests", 0)) - skipped
        bad += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
    return tests, bad
