"""What else is said of a candidate beside the testbench's verdict: formal equivalence, PPA and lint.

None of it overrules the testbench. The tools run in one confined process tree per candidate (see `examine`) on the text
that was simulated: preprocessed by Icarus and without comments, so that neither `` `ifdef SYNTHESIS`` nor
`translate_off` can show synthesis another design than the testbench. Lint sees the text as it was written.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from rtlgen.core.config import load_settings
from rtlgen.core.errors import InputError
from rtlgen.core.store import Store, record_codec
from rtlgen.core.types import PPA, Record
from rtlgen.graphs.frontend.words import plain_lines, words
from rtlgen.sandbox import Limits, installation, run
from rtlgen.scorers.examine import CHECKS, Check, Equivalence, Finding, Job, Lint, Measurement
from rtlgen.scorers.gate import refusal
from rtlgen.scorers.place import private_folder
from rtlgen.scorers.problem import Problem
from rtlgen.scorers.simulation import LARGEST
from rtlgen.synth.sim import Icarus, find_icarus
from rtlgen.synth.tools import optional_tool

SCHEMA: Final = "quality/1"
EQUIVALENCE_S: Final = 20.0
LIMITS: Final = Limits(
    cpu_s=600, wall_s=900, memory_mb=4096, file_mb=1024, output_mb=4, disk_mb=2048, processes=512
)  # fmt: skip
_PREPROCESS: Final = Limits(cpu_s=20, wall_s=300, memory_mb=2048, file_mb=64, output_mb=4, disk_mb=128, processes=16)
_PACKAGES: Final[dict[Check, tuple[str, ...]]] = {
    "lint": ("pyslang",),
    "equivalence": ("pyosys", "bitwuzla"),
    "ppa": ("pyosys",),
}
_PROGRAMS: Final[dict[Check, tuple[str, ...]]] = {
    "lint": ("verilator",),
    "equivalence": ("yosys-abc", "iverilog"),
    "ppa": ("yosys-abc", "sta"),
}
_WARM: Final = "module warm(input a, input clk, output reg q); always @(posedge clk) q <= ~a; endmodule\n"


class Relative(Record):
    """PPA of a candidate beside the reference's; a ratio is candidate / reference."""

    candidate: PPA | None = None
    reference: PPA | None = None
    area: float | None = None
    """Ratio of areas; None where one is not measured, or the reference's is 0 (wires only)."""
    delay: float | None = None
    power: float | None = None
    """With 0.1 transitions per clock at each input."""
    reason: str = ""
    """Why there is no ratio."""


class Quality(Record):
    """What the checks say of an answer; None where a check was not asked for, or the answer does not pass."""

    equivalence: Equivalence | None = None
    ppa: Relative | None = None
    lint: Lint | None = None
    wall_s: float = 0.0
    """Seconds in the checks; those from the store count as when they were made."""


@dataclass(frozen=True, slots=True)
class Library:
    """The cells that PPA is measured with.

    Attributes:
        path: Liberty file; None is the library inside the package.
        clock_ns: target period; None is none.
    """

    path: Path | None = None
    clock_ns: float | None = None


@dataclass(frozen=True, slots=True)
class _Reference:
    """A problem's reference as it is compared with, and what the checks say of it."""

    text: str = ""
    findings: Mapping[Check, Finding] = field(default_factory=dict)


class QualityChecker:
    """Checks candidates; threads may share it.

    Args:
        checks: which of `CHECKS`.
        library: for PPA.
        simulator: whose preprocessor is used; None is the installed Icarus.
        store: where findings are kept, None for nowhere.
        equivalence_s: CPU seconds for a proof.

    Raises:
        LibraryError: the library can't be used.
    """

    def __init__(
        self,
        checks: Sequence[Check] = CHECKS,
        *,
        library: Library = Library(),
        simulator: Icarus | None = None,
        store: Store | None = None,
        equivalence_s: float = EQUIVALENCE_S,
    ) -> None:
        self.checks: tuple[Check, ...] = tuple(c for c in CHECKS if c in checks)
        self._simulator = simulator or find_icarus()
        self._store, self._library, self._equivalence_s = store, library, equivalence_s
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._references: dict[str, _Reference] = {}
        self._cells = self._prepared_library() if "ppa" in self.checks else ""
        self._place = _Place.here(library)

    @property
    def basis(self) -> str:
        """What two runs must share for their findings to compare, in one line; empty without checks."""
        parts = [*self.checks, *([f"{self._equivalence_s:g}s"] if "equivalence" in self.checks else []), self._cells]
        return " ".join(p for p in parts if p)

    def check(self, problem: Problem, source: str, *, passed: bool) -> Quality:
        """Return the findings on a candidate; equivalence and PPA only where the testbench passes it.

        Args:
            problem: what it answers.
            source: its Verilog.
            passed: what the testbench says.

        Raises:
            SandboxError: the sandbox itself failed.
        """
        wanted = tuple(c for c in self.checks if passed or c == "lint")
        if not wanted or not source.strip() or len(source) > LARGEST or refusal(source) is not None:
            return Quality()
        source = source.encode(errors="replace").decode()  # JSON may hold halves of characters
        try:
            gate = self._simulated(source)
        except InputError as error:
            return _nothing(wanted, str(error))
        reference = self._reference(problem) if wanted != ("lint",) else _Reference()
        known = _excused(wanted, reference.findings)
        job = self._job(problem, tuple(c for c in wanted if c not in known), reference.text, gate, problem.top, source)
        return _quality(known | self._findings(job), reference.findings)

    # The reference ------------------------------------------------------------------------------------------------

    def _reference(self, problem: Problem) -> _Reference:
        """Return the reference with its PPA and whether it can be proved equal to itself."""
        with self._lock:
            lock = self._locks.setdefault(problem.digest, threading.Lock())
        with lock:
            if problem.digest not in self._references:
                self._references[problem.digest] = self._examine_reference(problem)
            return self._references[problem.digest]

    def _examine_reference(self, problem: Problem) -> _Reference:
        checks = tuple(c for c in self.checks if c != "lint")
        try:
            text = self._simulated(problem.reference)
        except InputError as error:
            return _Reference(findings=_failed(checks, f"it {error}"))
        return _Reference(text, self._findings(self._job(problem, checks, text, text, problem.reference_top, "")))

    # One examination ----------------------------------------------------------------------------------------------

    def _job(self, problem: Problem, checks: tuple[Check, ...], gold: str, gate: str, top: str, written: str) -> Job:
        return Job(
            checks=checks, gold=gold, gold_top=problem.reference_top, gate=gate, gate_top=top, written=written,
            data_files=problem.data_files, library=self._library.path, clock_ns=self._library.clock_ns,
            equivalence_s=self._equivalence_s,
        )  # fmt: skip

    def _simulated(self, source: str) -> str:
        """Return a design as the simulator reads it: macros replaced, no comments.

        Raises:
            InputError: it can't be preprocessed, or holds what no design may once it is.
        """
        text = plain_lines(source)
        if self._simulator.needs_preprocessor(text):
            with self._simulator.cell() as cell:
                done = self._simulator.preprocess(text, cell, _PREPROCESS)
            if done.ended_by != "exit" or done.exit_code:
                raise InputError("can't be preprocessed")
            text = re.sub(r"^`line [^\n]*$", "", done.stdout, flags=re.MULTILINE)
        reason = refusal(text)
        if reason is not None:
            raise InputError(reason)
        return _without_comments(text)

    def _findings(self, job: Job) -> dict[Check, Finding]:
        keys = {c: self._key(job, c) for c in job.checks}
        found: dict[Check, Finding] = {}
        for check, key in keys.items():
            kept = self._store.get(key, codec=record_codec(Finding)) if self._store else None
            if kept is not None:
                found[check] = kept
        missing = tuple(c for c in job.checks if c not in found)
        if missing:
            fresh = self._place.examine(job.model_copy(update={"checks": missing}))
            for check, finding in fresh.items():
                if self._store and finding.lasting:
                    self._store.put(keys[check], finding, codec=record_codec(Finding))
            found |= fresh
        return found

    def _key(self, job: Job, check: Check) -> str:
        inputs = {"gate": job.gate, "gate_top": job.gate_top, "data": repr(job.data_files)}
        if check == "equivalence":
            inputs |= {"gold": job.gold, "gold_top": job.gold_top}
        if check == "lint":
            inputs = {"written": job.written, "gate_top": job.gate_top}
        limits = {"equivalence": job.equivalence_s, "ppa": self._cells}.get(check)
        return Store.key(schema=SCHEMA, tool=_versions(check), commands=[check], inputs=inputs, limits=limits)

    def _prepared_library(self) -> str:
        """Make the working copies of the library that the sandbox only reads; return what the library is."""
        from rtlgen.synth.flow import Evaluator
        from rtlgen.synth.liberty import read_library

        library = read_library(self._library.path)
        with Evaluator(library, workers=1) as evaluator:
            evaluator.evaluate({"warm.v": _WARM}, "warm")
        clock = f"{self._library.clock_ns:g}ns" if self._library.clock_ns else "none"
        return f"library={library.name}:{library.digest[:12]} clock={clock}"


@dataclass(frozen=True, slots=True)
class _Place:
    """What an examination may read and what it is told, besides its job."""

    readable: tuple[Path, ...]
    env: dict[str, str]

    @staticmethod
    def here(library: Library) -> _Place:
        settings = load_settings()
        cache = settings.cache_dir.absolute()
        programs = ("iverilog", "vvp", "verilator", "sta", "yosys_abc")
        chosen = {n: Path(p).absolute() for n in programs if (p := getattr(settings, n)) is not None}
        packages = _package_folders()
        env = {f"RTLGEN_{n.upper()}": str(p) for n, p in chosen.items()}
        env |= {"RTLGEN_CACHE_DIR": str(cache), "RTLGEN_SANDBOX": "rlimits", "PYTHONDONTWRITEBYTECODE": "1"}
        env["PYTHONPATH"] = ":".join(str(p) for p in dict.fromkeys(f.parent for f in packages))
        tools = [t.path for n in ("iverilog", "vvp", "verilator", "sta") if (t := optional_tool(n)) is not None]
        readable = [*packages, *(installation(p.resolve().parent) for p in (*tools, *chosen.values()))]
        readable += [cache / name for name in ("liberty", "scl", "bin", "libraries")]
        readable += [library.path.absolute()] if library.path else []
        return _Place(tuple(dict.fromkeys(readable)), env)

    def examine(self, job: Job) -> dict[Check, Finding]:
        """Return the findings of one confined run; a check that did not end is one with its reason.

        Raises:
            SandboxError: the sandbox itself failed.
        """
        with private_folder() as folder:
            done = run(
                [sys.executable, "-P", "-m", "rtlgen.scorers.examine"],
                cwd=folder, limits=LIMITS, stdin=job.model_dump_json(), env=self.env, readable=self.readable,
            )  # fmt: skip
        found: dict[Check, Finding] = {}
        for line in done.stdout.splitlines():
            try:
                finding = Finding.model_validate_json(line)
            except ValidationError:
                continue
            found.setdefault(finding.check, finding)
        missing = [c for c in job.checks if c not in found]
        last = (done.stderr.strip().splitlines() or [""])[-1][:300]
        return found | _failed(missing, f"ended by {done.ended_by}" + (f": {last}" if last else ""))


def _excused(wanted: Sequence[Check], reference: Mapping[Check, Finding]) -> dict[Check, Finding]:
    """Return the findings that follow from the reference alone."""
    own = reference.get("equivalence")
    if "equivalence" not in wanted or own is None or own.equivalence is None or own.equivalence.status == "proved":
        return {}
    reason = f"the reference can't be compared: {own.equivalence.reason or own.equivalence.status}"
    return {"equivalence": Finding(check="equivalence", equivalence=Equivalence(status="not_run", reason=reason))}


def _failed(checks: Sequence[Check], reason: str) -> dict[Check, Finding]:
    return {
        c: Finding(
            check=c,
            equivalence=Equivalence(status="unknown", reason=reason) if c == "equivalence" else None,
            ppa=Measurement(reason=reason) if c == "ppa" else None,
            lasting=False,
        )
        for c in checks
    }


def _nothing(wanted: Sequence[Check], reason: str) -> Quality:
    return _quality(_failed(wanted, f"the candidate {reason}"), {})


def _quality(found: Mapping[Check, Finding], reference: Mapping[Check, Finding]) -> Quality:
    equivalence = found["equivalence"].equivalence if "equivalence" in found else None
    lint = found["lint"].lint if "lint" in found else None
    measured = found["ppa"].ppa if "ppa" in found else None
    base = reference["ppa"].ppa if "ppa" in reference else None
    spent = [part.wall_s for part in (equivalence, lint, measured) if part is not None]
    ppa = _relative(measured, base or Measurement()) if measured is not None else None
    return Quality(equivalence=equivalence, ppa=ppa, lint=lint, wall_s=round(sum(spent), 3))


def _relative(candidate: Measurement, reference: Measurement) -> Relative:
    both = Relative(candidate=candidate.ppa, reference=reference.ppa)
    if candidate.ppa is None:
        return both.model_copy(update={"reason": candidate.reason})
    if reference.ppa is None:
        return both.model_copy(update={"reason": f"the reference can't be measured: {reference.reason}"})
    if candidate.ports != reference.ports and None not in (candidate.ports, reference.ports):
        return both.model_copy(update={"reason": "the ports differ from the reference's, which is another design"})
    if candidate.ppa.basis != reference.ppa.basis:
        return both.model_copy(update={"reason": "candidate and reference could not be measured in the same way"})
    ratio = candidate.ppa.ratio(reference.ppa)
    reason = "" if reference.ppa.area_um2 else "the reference is of wires only"
    return both.model_copy(update={
        "area": ratio["area_um2"], "delay": ratio["delay_ns"], "power": ratio["power_mw"], "reason": reason
    })  # fmt: skip


def _without_comments(text: str) -> str:
    """Return Verilog with a space for each comment, and its lines kept."""
    parts, at = [], 0
    for word in words(text):
        if word.kind == "comment":
            parts += [text[at : word.start], " " + "\n" * word.text.count("\n")]
            at = word.start + len(word.text)
    return "".join([*parts, text[at:]])


def _versions(check: Check) -> str:
    packages = [f"{name} {metadata.version(name)}" for name in _PACKAGES[check]]
    return ", ".join([*packages, *(str(optional_tool(name) or f"no {name}") for name in _PROGRAMS[check])])


def _package_folders() -> list[Path]:
    """Return the folders of this package, of its parts that lie elsewhere, and of the libraries it needs."""
    names = ("rtlgen", "rtlgen.core", "rtlgen.graphs", "rtlgen.synth", "pyosys", "pyslang", "pydantic", "bitwuzla")
    found: list[Path] = []
    for name in names:
        spec = find_spec(name)
        if spec is not None and spec.origin is not None:
            file = Path(spec.origin)
            found.append(file.parent if file.name == "__init__.py" else file)
    return [*found, *(f.resolve() for f in found if f.resolve() != f)]
