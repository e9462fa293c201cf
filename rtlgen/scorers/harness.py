"""A candidate judged by a pytest harness around cocotb, as CVDP's are, in our own sandbox and without containers.

The harness expects its files in `/src`, the design in `/code`, and to run in `/code/rundir`. These become folders of a
private place, and the names in its environment and its files are changed to match. What pytest reports and how it
ended is the verdict; the design runs inside the simulator and can write neither (the gate refuses designs that open
files), and an answer can't write files that the harness or pytest reads.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import ClassVar, Final
from xml.etree import ElementTree as ET

from rtlgen.core.errors import InputError, ToolNotFoundError
from rtlgen.core.store import Store, record_codec
from rtlgen.core.types import ToolRun
from rtlgen.sandbox import Limits, run
from rtlgen.scorers.compose import Service, services
from rtlgen.scorers.files import PathError, files_in, inside
from rtlgen.scorers.gate import refusal
from rtlgen.scorers.patch import PatchError, apply_diff
from rtlgen.scorers.place import private_folder
from rtlgen.scorers.task import Task
from rtlgen.scorers.verdict import Status, Verdict
from rtlgen.synth.tools import built_icarus

LIMITS: Final = Limits(cpu_s=120, wall_s=900, memory_mb=4096, file_mb=128, output_mb=16, disk_mb=512, processes=64)
SCHEMA: Final = "harness/1"
_HDL: Final = (".v", ".sv", ".svh", ".vh")
_DATA: Final = (*_HDL, ".hex", ".mem", ".dat", ".txt", ".md")
_OURS: Final = ("src", "rundir", "harness")
_READ: Final = (".py", ".pth", ".ini", ".cfg", ".toml", ".yml", ".yaml", ".env", ".so", ".sh", ".mk")
"""Ends of names that pytest, Python or a simulator's scripts would read."""
_WAVES: Final = ("$dumpfile", "$dumpvars", "$dumpon", "$dumpoff", "$dumpall", "$dumplimit", "$dumpflush")
"""What files given in tasks have; a wave can't become a verdict here, and the harness's files can't be written."""
_BUILD: Final = re.compile(r"(?:%Error\S*: )?\S*/code/([^\s:]+:\d+:.*\berror\b.*|\S+:\d+:\d+: .*)", re.IGNORECASE)
"""A compiler's complaint about a file of the design."""
_SAID: Final = re.compile(r"^(?:E\s+|\s*)(\w*(?:Error|Exception|Failure): .+)$", re.MULTILINE)
_LOG: Final = 1 << 16
"""Bytes of a log that are looked at."""
_TOOLS: Final = re.compile(r"""\b(yosys|verible-verilog-\w+|nextpnr-\w+|verilator(?=["',\s]+--?\w))""")
_MODULE: Final = re.compile(r"No module named '([\w.]+)'")
_FIXED: Final = {
    "COCOTB_RANDOM_SEED": "1", "RANDOM_SEED": "1", "PYTHONHASHSEED": "0",  # the same answer gets the same verdict again
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # the published image has none, and those of ours take a second to load
    "PYTHONDONTWRITEBYTECODE": "1",
}  # fmt: skip


class Harness(Task):
    """One task with a harness."""

    BESIDE: ClassVar[frozenset[str]] = Task.BESIDE | {"reference", "patch"}

    files: tuple[tuple[str, str], ...]
    """Path and text of the harness's own files, such as `src/test_runner.py`."""
    context: tuple[tuple[str, str], ...] = ()
    """Path and text of the files that are there before the answer."""
    targets: tuple[str, ...] = ()
    """Paths that an answer has to write."""
    reference: tuple[tuple[str, str], ...] = ()
    """Path and text of a correct answer; empty where none is published, or as a diff."""
    patch: str = ""
    """A correct answer as a diff against the context."""

    @property
    def top(self) -> str:
        """Top module of the design, empty where the harness does not say."""
        found = re.search(r"^\s*TOPLEVEL\s*=\s*(\w+)", dict(self.files).get("src/.env", ""), re.MULTILINE)
        return found[1] if found else ""


class HarnessJudge:
    """Judges answers by their harness; threads may share it.

    Args:
        store: where verdicts are kept, None for nowhere.
        limits: for everything that one harness starts.
        simulator: goes into the key of the store.
    """

    def __init__(self, *, store: Store | None = None, limits: Limits = LIMITS, simulator: str = "") -> None:
        self._store, self._limits = store, limits
        packages = [f"{n} {metadata.version(n)}" for n in ("cocotb", "pytest") if shutil.which(n) or _installed(n)]
        self._tool = ", ".join([simulator, *packages])

    def reply(self, harness: Harness, text: str) -> Verdict:
        """Return the verdict on what a model answered: files as JSON, as fenced blocks, or as a diff.

        Raises:
            InputError: the harness can't be run.
            SandboxError: the sandbox itself failed.
        """
        try:
            found = files_in(text, harness.targets, harness.top)
            answer = apply_diff(found.diff, dict(harness.context)) if found.diff else dict(found.texts)
        except PathError as error:
            return Verdict(status="refused", reason=str(error))
        except PatchError as error:
            return Verdict(status="syntax_error", reason=str(error))
        except ToolNotFoundError as error:
            return Verdict(status="tool_limit", reason=str(error))
        return self.judge(harness, answer)

    def reference(self, harness: Harness) -> Verdict | None:
        """Return the verdict on the published answer, None where there is none; see `reply`."""
        if harness.patch:
            return self.reply(harness, harness.patch)
        return self.judge(harness, dict(harness.reference)) if harness.reference else None

    def judge(self, harness: Harness, answer: Mapping[str, str]) -> Verdict:
        """Return the verdict on the files of an answer; see `reply`."""
        if self._store is None:
            return run_harness(harness, answer, self._limits)
        key = Store.key(
            schema=SCHEMA,
            tool=self._tool,
            inputs={"task": harness.digest, **{f"answer {p}": t for p, t in answer.items()}},
            limits=[asdict(self._limits)],
        )
        lasting = ("passed", "failed", "syntax_error", "refused", "no_verdict")
        return self._store.get_or_compute(
            key, lambda: run_harness(harness, answer, self._limits), cacheable=lambda v: v.status in lasting,
            codec=record_codec(Verdict),
        )  # fmt: skip


def _installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def run_harness(harness: Harness, answer: Mapping[str, str], limits: Limits = LIMITS) -> Verdict:
    """Return the verdict on an answer.

    Args:
        harness: the task.
        answer: path → text of what was written.
        limits: for everything the harness starts.

    Raises:
        InputError: the harness is malformed, or names a path outside its place.
        SandboxError: the sandbox itself failed.
    """
    context = dict(harness.context)
    refused = _refusal(harness, answer)
    if refused is not None:
        return Verdict(status="refused", reason=refused)
    missing = [t for t in harness.targets if not answer.get(t, context.get(t, "")).strip()]
    if missing:
        return Verdict(status="syntax_error", reason=f"the answer has no {', '.join(missing)}")
    if not any(answer.get(t, "").strip() for t in harness.targets or answer):
        return Verdict(status="syntax_error", reason="the answer changes none of the files that were asked for")
    jobs = services(dict(harness.files))
    lacking = _lacking(harness, jobs)
    if lacking is not None:
        return Verdict(status="tool_limit", reason=lacking)
    taken = {p: t for p, t in answer.items() if p in harness.targets or (p not in context and p.endswith(_DATA))}
    verdict = Verdict(status="passed")
    with private_folder() as root:
        _lay_out(root, harness, {**context, **taken})
        for job in jobs:
            done, report = _run(job, root, limits)
            status, reason = _ended(done, report, root)
            reason = f"{job.name}: {reason}" if reason and len(jobs) > 1 else reason
            verdict = Verdict(status=status, reason=reason, run_s=verdict.run_s + done.wall_s)
            if not verdict.passed:
                break
    return verdict


def _refusal(harness: Harness, answer: Mapping[str, str]) -> str | None:
    """Return why an answer is refused before any tool reads it, None where it may run."""
    headers = {n for p in (*dict(harness.context), *answer) if p.endswith(_HDL) for n in (p, PurePosixPath(p).name)}
    for path, text in answer.items():
        try:
            parts = PurePosixPath(inside(path)).parts
        except PathError as error:
            return str(error)
        if path in harness.targets and not path.endswith(_HDL):
            continue
        if parts[0] in _OURS or path.endswith(_READ) or parts[-1].startswith((".", "Dockerfile", "Makefile")):
            return f"writes {path}, which belongs to the harness"
        reason = refusal(text, headers, _WAVES) if path.endswith(_HDL) else None
        if reason is not None:
            return f"{path}: {reason}"
    return None


def _lacking(harness: Harness, jobs: tuple[Service, ...]) -> str | None:
    """Return which tool a harness starts that is not here, with what to do, None where all are."""
    texts = [text for path, text in harness.files if path.startswith("src/")]
    wanted = {name for text in texts for name in _TOOLS.findall(text)}
    wanted |= {job.argv[0] for job in jobs} - {"pytest", "python3"}
    wanted |= {"iverilog" if v == "icarus" else v for job in jobs for n, v in job.env if n == "SIM"}
    missing = sorted(name for name in wanted if shutil.which(name, path=_path()) is None)
    if not _installed("cocotb"):
        return "the harness needs cocotb, which is not installed; pip install 'rtlgen[bench]'"
    return f"the harness starts {', '.join(missing)}, not in PATH; install it and judge again" if missing else None


def _path() -> str:
    """Return where commands are looked for.

    This Python's folder comes first, as a harness starts `python3` and expects cocotb, then that of the Icarus in use.
    """
    icarus = [built_icarus() / "bin"] if built_icarus().is_dir() else []
    return os.pathsep.join(map(str, [Path(sys.executable).parent, *icarus, os.environ.get("PATH", os.defpath)]))


def _lay_out(root: Path, harness: Harness, design: Mapping[str, str]) -> None:
    own = {path: _moved(text, root) for path, text in harness.files if path.startswith("src/")}
    if not own:
        raise InputError(f"{harness.id}: expected files under src/ in the harness, got none")
    for folder in ("rundir", "src", "code/rundir", "code/rtl", "code/verif", "code/docs"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "code/src").symlink_to("../src")
    for name, text in {**{f"code/{path}": text for path, text in design.items()}, **own}.items():
        parts = PurePosixPath(name)
        if parts.is_absolute() or ".." in parts.parts:
            raise InputError(f"{harness.id}: expected a path inside the task, got {name!r}")
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def _moved(text: str, root: Path) -> str:
    """Return a text in which the container's folders are those of this place."""
    return re.sub(r"(?<![\w.\-/])/(code|src|rundir)(?=/|\b)", lambda m: f"{root}/{m[1]}", text)


def _run(job: Service, root: Path, limits: Limits) -> tuple[ToolRun, Path | None]:
    """Run one command of a harness; return how it ended, and where pytest reports, if it is pytest."""
    report = root / f"rundir/junit-{re.sub(r'[^a-zA-Z0-9]', '_', job.name)}.xml"
    first, *rest = (_moved(word, root) for word in job.argv)
    argv = [sys.executable, *rest] if first == "python3" else [first, *rest]
    if first == "pytest":
        argv = [sys.executable, "-m", "pytest", "--junitxml", str(report), *rest]
    env = {name: _moved(value, root) for name, value in job.env}
    done = run(
        argv, cwd=root / "code/rundir", limits=limits, writable=[root / "code", root / "rundir"],
        readable=[root / "src", built_icarus()],
        env=_FIXED | {"PATH": _path()} | env,
    )  # fmt: skip
    return done, report if first == "pytest" else None


def _ended(done: ToolRun, report: Path | None, root: Path) -> tuple[Status, str]:
    """Return what one command says, and why."""
    if done.ended_by in ("timeout", "memory"):
        return ("timeout" if done.ended_by == "timeout" else "memory"), f"the harness ended by {done.ended_by}"
    tests, bad, said = _counts(report) if report else (1, int(done.exit_code != 0), done.stderr[-300:])
    if done.ended_by == "exit" and done.exit_code == 0 and tests and not bad:
        return "passed", ""
    if done.ended_by != "exit":
        return "crashed", f"the harness ended by {done.ended_by}"
    lacks = _MODULE.search(said)
    if lacks and report:
        return "tool_limit", _without_package(lacks[1])
    if not tests:
        return "no_verdict", "the harness ran no test"
    logs = [file.read_bytes()[:_LOG].decode(errors="replace") for file in sorted(root.glob("code/rundir/**/*.log"))]
    complaint = _BUILD.search("\n".join((done.stdout, done.stderr, *logs)))
    if complaint:
        return "syntax_error", complaint[1][:300]
    message = _SAID.search(done.stdout)
    return "failed", f"{bad} of {tests} tests fail" + (f": {message[1].strip()[:200]}" if message else "")


def _without_package(name: str) -> str:
    if name.startswith("cocotb."):
        return (
            f"the harness needs {name}, which cocotb {metadata.version('cocotb')} has not; data from 1.1.0 on is for 2"
        )
    return f"the harness needs the Python package {name}, which is not installed; pip install 'rtlgen[bench]'"


def _counts(report: Path) -> tuple[int, int, str]:
    """Return how many tests ran, how many of them did not pass, and what pytest says of the first of these."""
    try:
        root = ET.fromstring(report.read_text())
    except (OSError, ET.ParseError):
        return 0, 0, ""
    tests = bad = 0
    for suite in root.iter("testsuite"):
        tests += int(suite.get("tests", 0)) - int(suite.get("skipped", 0))
        bad += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
    first = next((e for kind in ("error", "failure") for e in root.iter(kind)), None)
    return tests, bad, "" if first is None else f"{first.get('message', '')} {first.text or ''}"
