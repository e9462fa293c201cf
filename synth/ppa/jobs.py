"""The Yosys jobs of a report: the baseline flow, its word-level form, and a run that keeps the hierarchy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rtlgen.core.errors import ElaborationError, InputError, SandboxError
from rtlgen.core.types import Design, Diagnostic, SourceSpan
from rtlgen.synth.flow.libfile import WorkingLibrary
from rtlgen.synth.flow.script import (
    FlowOptions,
    map_commands,
    read_commands,
    reader_order,
    stat_command,
    synth_commands,
)
from rtlgen.synth.ppa.inputs import Sources
from rtlgen.synth.yosys import YosysPool, YosysRun

BEFORE, AFTER, COARSE, MAPPED, CHECK = "before.json", "after.json", "coarse.json", "mapped.json", "check.txt"
_TOPS = re.compile(r"^Top level design units:\n(?P<names>(?:    \S+\n)*)", re.MULTILINE)
_MODULE = re.compile(r"^[^\S\n]*(?:module|macromodule)\s+(?:automatic\s+|static\s+)?(\w+)", re.MULTILINE)
_PLACE = re.compile(r"(?P<file>[^\s:][^:]*):(?P<line>\d+)(?::(?P<column>\d+))?: (?P<message>.*)", re.DOTALL)
_LOOP = re.compile(r"^Warning: found logic loop in module .*:\n(?P<body>(?:    .*\n)*)", re.MULTILINE)
_WIRE = re.compile(r"wire (?P<name>\S+)(?: source: (?P<src>\S+))?")
_CONFLICT = re.compile(
    r"^Warning: multiple conflicting drivers for [^.\n]*\.(?P<name>.*):\n(?P<body>(?:    .*\n)*)", re.MULTILINE
)
_CONFLICT_CELL = re.compile(r"of cell (\S+) \(")
_CELL_SOURCE = re.compile(r"cell \S+ \(\S+\) source: (?P<src>\S+)")


@dataclass(frozen=True, slots=True)
class Target:
    """What both jobs share: sources, options with the top found, and the reader that took them."""

    sources: Sources
    options: FlowOptions
    frontend: str


def find_target(design: Design, sources: Sources, pool: YosysPool, timeout_s: float) -> Target:
    """Return the design with its top and the reader that takes it.

    Raises:
        InputError: several modules could be the top, or none.
        ElaborationError: neither reader takes the sources; carries the first error with file and line.
        SandboxError: the reader ran out of time or memory.
    """
    top = design.top or _only_top(design, sources, pool, timeout_s)
    _check_names(design, sources)
    options = FlowOptions(top, dict(design.parameters), _include_dirs(design), design.defines)
    refused: dict[str, YosysRun] = {}
    for frontend in reader_order(sources.files.values()):
        commands = read_commands(sources.paths, options, frontend)
        run = pool.run(commands, files=sources.files, timeout_s=timeout_s)
        if run.ok:
            return Target(sources, options, frontend)
        if run.ended_by in ("timeout", "memory"):
            raise SandboxError(f"can't read {', '.join(sources.shown.values())}: {run.error}")
        refused[frontend] = run
    raise elaboration_error(refused["slang"], sources)


def _check_names(design: Design, sources: Sources) -> None:
    """Raise where the top or a parameter is in no file; the readers say little about it or nothing."""
    text = "\n".join(sources.files[path] for path in sources.paths)
    if "`include" in text:
        return
    where = ", ".join(sources.shown.values())
    modules = sorted(set(_MODULE.findall(text)))
    if design.top and design.top not in modules:
        raise InputError(
            f"{where}: expected a module {design.top!r}, got {', '.join(modules) or 'none'}; correct --top"
        )
    for name, _ in design.parameters:
        if not re.search(rf"\bparameter\b[^;]*\b{re.escape(name)}\b", text):
            raise InputError(f"{where}: expected a parameter {name!r}, got no such declaration; correct --param")


def _include_dirs(design: Design) -> list[str]:
    """Return the user's include folders, then the folders of the files themselves, absolute."""
    own = [str(file.absolute().parent) for file in design.files]
    # A folder whose name can't be passed on is left out where the user did not ask for it.
    folders = [
        *(str(folder.absolute()) for folder in design.include_dirs),
        *(f for f in own if not re.search(r"[\s\"';#|<>]", f)),
    ]
    return list(dict.fromkeys(folders))


def _only_top(design: Design, sources: Sources, pool: YosysPool, timeout_s: float) -> str:
    options = FlowOptions("unknown", {}, _include_dirs(design), design.defines)
    command = read_commands(sources.paths, options, "slang")[0].replace(" --top unknown", "")
    run = pool.run([command], files=sources.files, timeout_s=timeout_s)
    if not run.ok:
        raise elaboration_error(run, sources)
    found = _TOPS.search(run.log)
    tops = found["names"].split() if found else []
    where = ", ".join(sources.shown.values())
    if not tops:
        raise InputError(f"{where}: expected a module, got none")
    if len(tops) > 1:
        raise InputError(
            f"{where}: expected one top module, got {len(tops)}: {', '.join(sorted(tops))}; choose one with --top"
        )
    return str(tops[0])


def elaboration_error(run: YosysRun, sources: Sources) -> ElaborationError:
    """Return the error of a failed reading, in the user's file names."""
    message = sources.show(run.error or "the design can't be elaborated")
    message = re.sub(r" (?:\[-W[\w-]+\]|\(ignore with '[^']*'\))", "", message)
    found = _PLACE.match(message)
    if found is None:
        return ElaborationError(
            message, [Diagnostic(severity="error", code="elaboration", message=message, tool="yosys")]
        )
    span = SourceSpan(file=found["file"], line=int(found["line"]), column=int(found["column"] or 1))
    diagnostic = Diagnostic(severity="error", code="elaboration", message=found["message"], span=span, tool="yosys")
    return ElaborationError(message, [diagnostic])


def raise_on_conflict(check: str, coarse: Mapping[str, Any], sources: Sources) -> None:
    """Raise for the first signal that `check` found to be driven twice.

    Raises:
        ElaborationError: there is one; the message has its name, its declaration and what drives it.
    """
    found = _CONFLICT.search(check)
    if found is None:
        return
    name = found["name"].lstrip("\\")
    net = coarse["netnames"].get(re.sub(r" \[\d+(?::\d+)?\]$", "", name), {})
    span = next(iter(sources.spans(net.get("attributes", {}).get("src", ""))), None)
    cells = [
        coarse["cells"][c]["attributes"].get("src", "")
        for c in _CONFLICT_CELL.findall(found["body"])
        if c in coarse["cells"]
    ]
    lines = ", ".join(dict.fromkeys(f"{s.file}:{s.line}" for src in cells for s in sources.spans(src)[:1]))
    place = f"{span.file}:{span.line}: " if span else ""
    message = f"{place}expected one driver of {name}, got several" + (f", at {lines}" if lines else "")
    diagnostic = Diagnostic(severity="error", code="drivers", message=message, span=span, tool="yosys")
    raise ElaborationError(f"{message}; drive it in one place", [diagnostic])


def flat_commands(target: Target, files: WorkingLibrary, clock_ns: float | None) -> list[str]:
    """Return the flattened job: the baseline flow, command for command."""
    top = target.options.top
    return [
        *read_commands(target.sources.paths, target.options, target.frontend),
        *synth_commands(top),
        stat_command(BEFORE),
        *map_commands(files.liberty, files.sequential, clock_ns),
        stat_command(AFTER),
        f"write_json {MAPPED}",
    ]


def coarse_commands(target: Target) -> list[str]:
    """Return the job that writes out and checks the flattened design in word-level form.

    It is a job of its own, because what it writes would change the order of names, and with it ties, in the flow.
    """
    return [
        *read_commands(target.sources.paths, target.options, target.frontend),
        f"synth -flatten -top {target.options.top} -run :fine",
        f"write_json {COARSE}",
        f"tee -q -o {CHECK} check",
    ]


def hierarchical_commands(target: Target, files: WorkingLibrary, clock_ns: float | None) -> list[str]:
    """Return the job that keeps the hierarchy."""
    top = target.options.top
    reading = read_commands(target.sources.paths, target.options, target.frontend)
    if target.frontend == "slang":
        reading = [command.replace("read_slang", "read_slang --best-effort-hierarchy", 1) for command in reading]
    return [
        *reading,
        f"synth -top {top} -run :check",
        *map_commands(files.liberty, files.sequential, clock_ns),
        f"write_json {MAPPED}",
    ]


def raise_on_failure(run: YosysRun, target: Target) -> None:
    """Turn a failed synthesis into an error.

    Raises:
        ElaborationError: the design can't be synthesized.
        SandboxError: time or memory ran out.
    """
    if run.ok:
        return
    if run.ended_by in ("timeout", "memory"):
        raise SandboxError(f"can't synthesize {target.options.top!r}: {run.error}")
    raise elaboration_error(run, target.sources)


def raise_on_loop(check: str, sources: Sources) -> None:
    """Raise for the first combinational loop that `check` found.

    Raises:
        ElaborationError: there is a loop; the message has its signals and source lines.
    """
    found = _LOOP.search(check)
    if found is None:
        return
    wires = [(m["name"].lstrip("\\"), m["src"] or "") for m in _WIRE.finditer(found["body"])]
    named = [(name, span) for name, src in wires for span in sources.spans(src)[:1]]
    cells = [span for m in _CELL_SOURCE.finditer(found["body"]) for span in sources.spans(m["src"])[:1]]
    signals = " -> ".join(f"{name} ({span.file}:{span.line})" for name, span in named) or "unnamed signals"
    lines = ", ".join(dict.fromkeys(f"{span.file}:{span.line}" for span in cells))
    first = next(iter([*cells, *(span for _, span in named)]), None)
    place = f"{first.file}:{first.line}: " if first else ""
    message = f"{place}combinational loop through {signals}" + (f", closed by logic at {lines}" if lines else "")
    diagnostic = Diagnostic(severity="error", code="loop", message=message, span=first, tool="yosys")
    raise ElaborationError(f"{message}; break it with a register", [diagnostic])


def warnings(log: str, sources: Sources) -> tuple[Diagnostic, ...]:
    """Return the readers' warnings that have a place in the design, each once."""
    found = re.finditer(
        r"^(?P<file>\S[^\n:]*):(?P<line>\d+): Warning: (?P<message>.*)$", log, re.IGNORECASE | re.MULTILINE
    )
    result = []
    for match in found:
        if match["file"] not in sources.shown:
            continue
        span = SourceSpan(file=sources.shown[match["file"]], line=int(match["line"]))
        message = re.sub(r" \[-W.*\]$", "", match["message"])
        result.append(Diagnostic(severity="warning", code="front-end", message=message, span=span, tool="yosys"))
    return tuple(dict.fromkeys(result))
