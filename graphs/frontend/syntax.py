"""Tier `syntax`: slang's syntax tree of one file (https://sv-lang.com)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from rtlgen.graphs import model
from rtlgen.graphs.frontend import macros
from rtlgen.graphs.frontend.collect import MAX_DIAGNOSES, Collector, empty_rows
from rtlgen.graphs.frontend.guard import refusal
from rtlgen.graphs.frontend.harvest import Harvest
from rtlgen.graphs.frontend.lexical import Lexed, scan
from rtlgen.graphs.frontend.protocol import Context, Parsed
from rtlgen.graphs.frontend.slang import converted
from rtlgen.graphs.frontend.units import Unit

if TYPE_CHECKING:
    import pyslang

_COMPLETE: Final = frozenset(
    {
        "CouldNotOpenIncludeFile", "DeclarationsAtStart", "ExceededMaxIncludeDepth", "ExpectedIncludeFileName",
        "IncludeNotFirstOnLine", "LiteralSizeIsZero", "LiteralSizeTooLarge", "MissingEndIfDirective",
        "UnknownDirective",
    }
)  # fmt: skip
"""Errors that leave nothing out of the tree: of values, of order, of headers; `NotAllowedIn...` beside them, which a
file has that is written to be included in a module or class. Unknown macros have their own place in the rows."""
_MAX_ERRORS: Final = 2000
"""Messages looked at: enough to compare two attempts."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One tree of a file, and what is wrong with it."""

    unit: Unit
    errors: tuple[pyslang.Diagnostic, ...]
    """In the file itself, that cost the tree something."""
    unknown: frozenset[str]
    """Unknown macros, those of headers too."""
    unknown_here: frozenset[str]
    substituted: Mapping[str, str]


class SlangFrontEnd:
    """The front end of tier `syntax`."""

    def parse(self, path: str, content: bytes, context: Context) -> Parsed:
        """Return rows and tree of a file; a file that slang can't take gives bare rows with the reason."""
        lexed = scan(content)
        problem = refusal(content, lexed, context)
        if problem:
            return Parsed(replace(empty_rows(path, content), problem=problem))
        attempt = _best(path, content, lexed, context)
        collector = Collector(path, content, lexed)
        harvest = Harvest(context.sources.manager, attempt.unit.buffer, collector)
        harvest.walk(attempt.unit.tree.root)
        _messages(attempt, harvest, context)
        read = _includes(attempt.unit, collector)
        rows = collector.finish()
        rows.tier = "syntax"
        rows.errors = len(attempt.errors)
        rows.problem = _problem(attempt, rows.diagnoses)
        rows.unknown_macros = attempt.unknown_here
        return Parsed(rows, attempt.unit.tree, _lost(attempt, content) if attempt.errors else 0, read)


def _best(path: str, content: bytes, lexed: Lexed, context: Context) -> Attempt:
    """Return the tree with the fewest errors: with other reserved words, definitions from elsewhere, substitutes."""
    best = _attempt(path, content, lexed, context, {}, {})
    if best.unknown:
        known = macros.needed(best.unknown, macros.definitions(context.prelude))
        if known:
            best = _attempt(path, content, lexed, context, known, {})
        if best.unknown:
            best = _substituted(path, content, lexed, context, known, best)
    if best.errors:
        older = _attempt(path, content, lexed, context, {}, best.substituted, verilog=True)
        best = min(best, older, key=_badness)
    return best


def _substituted(
    path: str, content: bytes, lexed: Lexed, context: Context, known: Mapping[str, str], first: Attempt
) -> Attempt:
    """Return the best tree with something in place of the macros that nothing defines."""
    texts = b"\n".join([content, *(h.content for h in first.unit.headers.values())])
    best, spent = first, 0
    for candidate in macros.trials(first.unknown, texts):
        found = _attempt(path, content, lexed, context, known, candidate, texts)
        spent += 1
        best = found if best is first or len(found.errors) < len(best.errors) else best
        if not best.errors:
            return _named(best, first)
    improved = True
    while improved and best.errors and spent < macros.MAX_TRIALS:
        improved = False
        near = _near(best, content)
        for candidate in islice(macros.variants(dict(best.substituted), near), macros.MAX_TRIALS - spent):
            found = _attempt(path, content, lexed, context, known, candidate, texts)
            spent += 1
            if len(found.errors) < len(best.errors):
                best, improved = found, True
                break
    return _named(best, first)


def _named(best: Attempt, first: Attempt) -> Attempt:
    """Return the attempt with the macros that were unknown before there were substitutes."""
    return replace(best, unknown=first.unknown, unknown_here=first.unknown_here)


def _near(attempt: Attempt, content: bytes) -> list[str]:
    """Return the substituted macros whose uses are closest before the first error."""
    offset = min(
        (e.location.offset for e in attempt.errors if not e.location.buffer.id != attempt.unit.buffer), default=0
    )
    before = content[max(0, offset - 400) : offset + 40]
    places = {n: before.rfind(b"`" + n.encode()) for n in attempt.substituted}
    return sorted((n for n, p in places.items() if p >= 0), key=lambda n: -places[n])


def _badness(attempt: Attempt) -> int:
    return len(attempt.errors)


def _attempt(
    path: str,
    content: bytes,
    lexed: Lexed,
    context: Context,
    known: Mapping[str, str],
    substitutes: Mapping[str, str],
    texts: bytes = b"",
    *,
    verilog: bool = False,
) -> Attempt:
    prelude = "".join(f"`define {text}\n" for text in known.values())
    unit = context.sources.unit(
        os.path.join(context.root, path),
        content,
        lexed,
        include_dirs=[os.path.join(context.root, d) for d in context.include_dirs],
        defines=context.defines,
        prelude=prelude + macros.text_of(substitutes, texts or content),
        verilog=verilog,
    )
    return _judged(unit, context.sources.manager, substitutes)


def _judged(unit: Unit, manager: pyslang.SourceManager, substitutes: Mapping[str, str]) -> Attempt:
    errors: list[pyslang.Diagnostic] = []
    unknown: set[str] = set()
    here: set[str] = set()
    for diagnostic in islice(unit.tree.diagnostics, _MAX_ERRORS):
        code = code_of(diagnostic)
        place = manager.getFullyExpandedLoc(diagnostic.location)
        own = place.buffer.id == unit.buffer
        if code == "UnknownDirective":
            name = str(diagnostic.args[0])[1:]
            unknown.add(name)
            if own:
                here.add(name)
        elif own and diagnostic.isError() and not is_harmless(code):
            errors.append(diagnostic)
    return Attempt(unit, tuple(errors), frozenset(unknown), frozenset(here), dict(substitutes))


def code_of(diagnostic: pyslang.Diagnostic) -> str:
    """Return slang's name of a message."""
    return str(diagnostic.code).removeprefix("DiagCode(").removesuffix(")")


def is_harmless(code: str) -> bool:
    """Tell whether the tree is complete in spite of a message."""
    return code in _COMPLETE or code.startswith("NotAllowedIn")


def _messages(attempt: Attempt, harvest: Harvest, context: Context) -> None:
    """Add slang's messages on the file itself; what a substituted macro hides is told as unknown."""
    own: list[tuple[int, Any]] = []
    for diagnostic in islice(attempt.unit.tree.diagnostics, _MAX_ERRORS):
        place = context.sources.manager.getFullyExpandedLoc(diagnostic.location)
        if place.buffer.id == attempt.unit.buffer and code_of(diagnostic) != "UnknownDirective":
            own.append((place.offset, diagnostic))
    for offset, diagnostic in own[:MAX_DIAGNOSES]:
        for message in converted([diagnostic], context.sources.manager):
            harvest.rows.diagnose(offset, message.severity, message.code, message.message)
    for name in sorted(attempt.unknown_here):
        offset = max(0, harvest.rows.content.find(b"`" + name.encode()))
        harvest.rows.diagnose(offset, "warning", "UnknownMacro", f"nothing defines the macro `{name}")


def _includes(unit: Unit, collector: Collector) -> dict[str, str]:
    """Add the includes of the file; return path → sha256 of every header that was read."""
    manager = unit.tree.sourceManager
    read: dict[str, str] = {}
    rows, lines = collector.rows, collector.lines
    for directive in unit.tree.getIncludeDirectives():
        if directive.buffer.id.id:
            path = "/" + str(manager.getFullPath(directive.buffer.id)).split("/", 2)[2]
            if path in unit.headers:
                read[path] = unit.headers[path].sha256
        where = directive.syntax.directive.location
        if where.buffer.id == unit.buffer:
            rows.includes.append(model.Includes(0, 0, directive.path, lines.at(where.offset)))
    for hidden in unit.hidden:
        rows.includes.append(model.Includes(0, 0, hidden.name, lines.at(hidden.start)))
        collector.diagnose(hidden.start, "error", "CouldNotOpenIncludeFile", f"{hidden.name}: is not looked up")
    rows.includes.sort(key=lambda i: i.line)
    return read


def _lost(attempt: Attempt, content: bytes) -> int:
    """Return how many bytes of the file slang skipped to get on; all of them where it gave up."""
    from pyslang import parsing

    if any(code_of(e) == "ParseTreeTooDeep" for e in attempt.errors):
        return len(content)
    skipped = 0

    def visit(node: Any) -> None:
        nonlocal skipped
        if isinstance(node, parsing.Token):
            for trivia in node.trivia:
                if trivia.kind == parsing.TriviaKind.SkippedTokens:
                    tokens = (t for t in trivia.getSkippedTokens() if t.location.buffer.id == attempt.unit.buffer)
                    skipped += sum(len(t.rawText) for t in tokens)
                elif trivia.kind == parsing.TriviaKind.SkippedSyntax:
                    skipped += len(str(trivia.syntax()))

    attempt.unit.tree.root.visit(visit)
    return skipped


def _problem(attempt: Attempt, diagnoses: Sequence[model.Diagnosis]) -> str:
    if not attempt.errors:
        return ""
    codes = {code_of(e) for e in attempt.errors}
    for found in diagnoses:
        if found.code in codes:
            return f"line {found.line}: {found.message}"
    return f"{len(attempt.errors)} syntax errors"


FRONT_END: Final = SlangFrontEnd()
