"""Parse and elaborate SystemVerilog with slang (https://sv-lang.com), in process, from sources in memory."""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rtlgen.core.errors import ElaborationError
from rtlgen.core.types import Diagnostic, SourceSpan
from rtlgen.graphs.frontend.sources import check_text

if TYPE_CHECKING:
    import pyslang
    from pyslang import ast

MAX_REPORTED = 20
_MIXED_TYPES = frozenset({"SignConversion", "ArithOpMismatch", "BitwiseOpMismatch"})
"""Signed and unsigned words of one width in one expression: off by default in slang, and no warning of Verilator. A
comparison of such words (`SignCompare`) is one here."""


@dataclass(frozen=True, slots=True)
class Elaborated:
    """An elaborated design.

    Attributes:
        sources: path → content, as elaborated.
        compilation: slang's compilation; keep it alive as long as any symbol of it is used.
        manager: slang's source manager.
        buffers: slang buffer id → path in `sources` (files found by include are not in it).
        top: the one top instance.
        warnings: what slang reported below error level.
    """

    sources: Mapping[str, bytes]
    compilation: ast.Compilation
    manager: pyslang.SourceManager
    buffers: Mapping[int, str]
    top: ast.InstanceSymbol
    warnings: tuple[Diagnostic, ...]


def elaborate(
    sources: Mapping[str, bytes],
    *,
    top: str | None = None,
    include_dirs: Iterable[Path] = (),
    defines: Mapping[str, str] | None = None,
    parameters: Mapping[str, str] | None = None,
) -> Elaborated:
    """Return the elaborated design; all files form one compilation unit, so macros carry over as in other tools.

    Args:
        sources: path → content.
        top: name of the top module; may be None when only one module is not instantiated by another.
        include_dirs: searched for `` `include``.
        defines: macro → value.
        parameters: overrides of the top module's parameters, value as Verilog text.

    Raises:
        ElaborationError: anything in the sources is wrong, the top is missing or not unique.
        InputError: a source is no text.
    """
    for file, content in sources.items():
        check_text(file, content)
    compilation, manager, buffers = _compile(sources, top, include_dirs, defines or {}, parameters or {})
    diagnostics = _diagnostics(compilation, manager)
    errors = [d for d in diagnostics if d.severity == "error"]
    if errors:
        raise ElaborationError(_message(errors), errors)
    instances = compilation.getRoot().topInstances
    _check_top([i.name for i in instances], top)
    warnings = tuple(d for d in diagnostics if d.severity == "warning")
    return Elaborated(dict(sources), compilation, manager, buffers, instances[0], warnings)


def slang_warnings(elaborated: Elaborated) -> Counter[str]:
    """Return how often slang gives each kind of warning, those on mixed types left out."""
    return Counter(d.code for d in elaborated.warnings if d.code not in _MIXED_TYPES)


def _compile(
    sources: Mapping[str, bytes],
    top: str | None,
    include_dirs: Iterable[Path],
    defines: Mapping[str, str],
    parameters: Mapping[str, str],
) -> tuple[ast.Compilation, pyslang.SourceManager, dict[int, str]]:
    import pyslang
    from pyslang import ast, parsing, syntax

    manager = pyslang.SourceManager()
    for directory in include_dirs:
        manager.addUserDirectories(str(directory))
    bag = pyslang.Bag()
    preprocessor = parsing.PreprocessorOptions()
    preprocessor.predefines = [f"{n}={v}" if v else n for n, v in defines.items()]
    bag.preprocessorOptions = preprocessor
    options = ast.CompilationOptions()
    options.topModules = {top} if top else set()
    options.paramOverrides = [f"{n}={v}" for n, v in parameters.items()]
    # Other tools accept a use before the declaration and untyped enum assignments; the optimizer must not be stricter.
    options.flags = ast.CompilationFlags.AllowUseBeforeDeclare | ast.CompilationFlags.RelaxEnumConversions
    bag.compilationOptions = options
    buffers = [manager.assignText(file, ascii_text(content)) for file, content in sources.items()]
    tree = syntax.SyntaxTree.fromBuffers(buffers, manager, bag)
    compilation = ast.Compilation(bag)
    compilation.addSyntaxTree(tree)
    return compilation, manager, {b.id.id: f for b, f in zip(buffers, sources, strict=True)}


def ascii_text(content: bytes) -> str:
    """Return the text with every non-ASCII byte as `?`, so that slang's offsets are offsets in `content`.

    A byte order mark becomes spaces.
    """
    if content.startswith(codecs.BOM_UTF8):
        content = b"   " + content[3:]
    return content.decode("latin-1").encode("ascii", "replace").decode("ascii")


def _diagnostics(compilation: ast.Compilation, manager: pyslang.SourceManager) -> list[Diagnostic]:
    return converted(compilation.getAllDiagnostics(), manager)


def converted(found_by_slang: Iterable[pyslang.Diagnostic], manager: pyslang.SourceManager) -> list[Diagnostic]:
    """Return slang's messages as ours, notes and what is off by default left out."""
    import pyslang

    engine = pyslang.DiagnosticEngine(manager)
    client = pyslang.TextDiagnosticClient()
    client.showColors(False)
    client.showSourceLine(False)
    client.showIncludeStack(False)
    client.showMacroExpansion(False)
    engine.addClient(client)
    found = []
    for diagnostic in found_by_slang:
        client.clear()
        engine.issue(diagnostic)
        found.append(_convert(diagnostic, client.getString(), engine, manager))
    return [d for d in found if d is not None]


def _convert(
    diagnostic: pyslang.Diagnostic, text: str, engine: pyslang.DiagnosticEngine, manager: pyslang.SourceManager
) -> Diagnostic | None:
    import pyslang

    severity = engine.getSeverity(diagnostic.code, diagnostic.location)
    if severity in (pyslang.DiagnosticSeverity.Ignored, pyslang.DiagnosticSeverity.Note):
        return None
    is_error = severity in (pyslang.DiagnosticSeverity.Error, pyslang.DiagnosticSeverity.Fatal)
    first = text.splitlines()[0] if text.strip() else str(diagnostic.code)
    message = first.split("error: ", 1)[-1].split("warning: ", 1)[-1]
    location = manager.getFullyExpandedLoc(diagnostic.location)
    span = None
    if manager.isFileLoc(location) and manager.getLineNumber(location) > 0:
        span = SourceSpan(
            file=manager.getFileName(location),
            line=manager.getLineNumber(location),
            column=manager.getColumnNumber(location),
        )
    code = str(diagnostic.code).removeprefix("DiagCode(").removesuffix(")")
    return Diagnostic(severity="error" if is_error else "warning", code=code, message=message, span=span, tool="slang")


def _message(errors: Sequence[Diagnostic]) -> str:
    lines = [f"{e.span}: {e.message}" if e.span else e.message for e in errors[:MAX_REPORTED]]
    if len(errors) > MAX_REPORTED:
        lines.append(f"… and {len(errors) - MAX_REPORTED} more errors")
    return "\n".join(lines)


def _check_top(names: Sequence[str], wanted: str | None) -> None:
    if not names:
        raise ElaborationError(
            "expected a top module, found none: no module, or every module is instantiated by another"
        )
    if len(names) > 1:
        raise ElaborationError(
            f"expected one top module, found {len(names)}: {', '.join(sorted(names))}; choose one with --top"
        )
    if wanted and names[0] != wanted:
        raise ElaborationError(f"expected the top module {wanted!r}, found {names[0]!r}")
