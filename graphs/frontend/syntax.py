"""Tier `syntax`: slang's syntax tree of one file (https://sv-lang.com)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rtlgen.graphs import model
from rtlgen.graphs.frontend import macros
from rtlgen.graphs.frontend.collect import MAX_DIAGNOSES, Collector, empty_rows
from rtlgen.graphs.frontend.guard import refusal, unreadable
from rtlgen.graphs.frontend.harvest import harvest
from rtlgen.graphs.frontend.lexical import scan, uses
from rtlgen.graphs.frontend.protocol import Context, Parsed
from rtlgen.graphs.frontend.slang import converted
from rtlgen.graphs.frontend.units import Prepared, Unit

if TYPE_CHECKING:
    import pyslang

_COMPLETE: Final = frozenset(
    {
        "CouldNotOpenIncludeFile", "DeclarationsAtStart", "ExceededMaxIncludeDepth", "ExpectedEnumBase",
        "ExpectedIncludeFileName", "ImplicitNotAllowed", "IncludeNotFirstOnLine", "LiteralSizeIsZero",
        "LiteralSizeTooLarge", "MissingEndIfDirective", "UnknownDirective",
    }
)  # fmt: skip
"""Errors that leave nothing out of the tree: of values, of order, of headers; `NotAllowedIn...` beside them, which a
file has that is written to be included in a module or class. Unknown macros have their own place in the rows."""
_KEYWORDS: Final = ('`begin_keywords "1800-2005"\n', '`begin_keywords "1364-2005"\n')
"""Older sets of reserved words: names such as `checker`, `let`, `bit` and `do` were free."""
_FRAGMENTS: Final = (
    ("module fragment; initial begin\n", "\nend endmodule\n"),
    ("class fragment;\n", "\nendclass\n"),
    ("module fragment; initial case (fragment)\n", "\nendcase endmodule\n"),
    ("typedef enum {\n", "\n} fragment;\n"),
    ("typedef enum { first\n", "\n} fragment;\n"),
    ("module fragment(\n", "\n); endmodule\n"),
    ("module fragment; m m(\n", "\n); endmodule\n"),
    ("parameter fragment =\n", "\n;\n"),
)
"""What a file that is included in the middle of something may be a part of."""
_MAX_ERRORS: Final = 2000
"""Messages looked at: enough to compare two attempts."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One tree of a file, and what is wrong with it."""

    unit: Unit
    errors: tuple[tuple[int, str], ...]
    """Position in the file (-1: in what was put around it) and slang's name of each error that cost something."""
    unknown: frozenset[str]
    """Unknown macros, those of headers too."""
    unknown_here: frozenset[str]
    substituted: Mapping[str, str]
    known: Mapping[str, str]
    """Macros taken from other files."""
    wrapped: bool


class SlangFrontEnd:
    """The front end of tier `syntax`.

    Args:
        fearless: give slang everything, even what could end the process.
    """

    def __init__(self, *, fearless: bool = False) -> None:
        """Keep the options."""
        self.fearless = fearless

    def parse(self, path: str, content: bytes, context: Context) -> Parsed:
        """Return rows and tree of a file; a file that slang can't take gives bare rows with the reason."""
        problem = unreadable(content)
        if problem:
            return Parsed(replace(empty_rows(path, content), problem=problem))
        lexed = scan(content)
        root = Path(context.root)
        place, directories = str(root / path), [str(root / d) for d in context.include_dirs]
        file = context.sources.prepare(place, content, lexed, directories)
        problem = (
            "" if self.fearless else refusal(file, macros.needed(uses(content), macros.definitions(context.prelude)))
        )
        if problem:
            return Parsed(replace(empty_rows(path, content), problem=problem))
        attempt = _best(path, file, context)
        collector = Collector(path, content, lexed)
        harvest(context.sources.manager, attempt.unit, collector, broken=bool(attempt.errors))
        _messages(attempt, collector, context)
        read = _includes(attempt.unit, collector)
        rows = collector.finish()
        rows.tier = "syntax"
        rows.errors = len(attempt.errors)
        rows.problem = _problem(attempt, rows.diagnoses)
        rows.unknown_macros = attempt.unknown_here
        tree = None if attempt.wrapped else attempt.unit.tree
        return Parsed(rows, tree, _lost(attempt, content) if attempt.errors else 0, read)


def _best(path: str, file: Prepared, context: Context) -> Attempt:
    """Return the tree with the fewest errors.

    Tried are definitions from elsewhere, substitutes, older reserved words, a definition that the text demands, and
    the file as a fragment.
    """

    def attempt(known: Mapping[str, str], substitutes: Mapping[str, str], **how: Any) -> Attempt:
        return _attempt(file, context, known, substitutes, **how)

    definitions = macros.definitions(context.prelude)
    best = _with_macros(attempt, file, definitions)
    for words in _KEYWORDS if best.errors else ():
        best = _better(best, attempt(best.known, best.substituted, wrap=(words, "")))
    for name in _demanded(best, file.content):
        best = _better(best, attempt({**best.known, name: name}, best.substituted))
    if best.errors:
        best = next((_better(best, a) for a in _fragments(attempt, best) if not a.errors), best)
    return replace(best, unknown_here=best.unknown_here - definitions.keys())


def _expected(file: Prepared, definitions: Mapping[str, str]) -> dict[str, str]:
    """Return the definitions of other files that a file seems to need; none where it asks whether one is defined."""
    pieces = [file.lexed, *(h.lexed for h in file.closure.headers.values())]
    own = {d.name for p in pieces for d in p.defines}
    found = macros.needed(uses(file.content) - own, definitions)
    return {} if any(found.keys() & p.tested for p in pieces) else found


def _demanded(attempt: Attempt, content: bytes) -> Iterator[str]:
    """Yield macros whose absence leads to the first error: text that demands to be compiled with one of them."""
    for offset, _ in attempt.errors[:1]:
        yield from macros.absent_at(content, max(0, offset))


def _fragments(attempt: Callable[..., Attempt], best: Attempt) -> Iterator[Attempt]:
    """Yield the file as parts of constructs, with macros as they are and as nothing."""
    for wrap in _FRAGMENTS:
        yield attempt(best.known, best.substituted, wrap=wrap)
        if best.substituted:
            yield attempt(best.known, dict.fromkeys(best.substituted, ""), wrap=wrap)


def _badness(attempt: Attempt) -> int:
    return len(attempt.errors)


def _better(old: Attempt, new: Attempt) -> Attempt:
    """Return the attempt with fewer errors, with the macros that were unknown before there were substitutes."""
    if len(new.errors) >= len(old.errors):
        return old
    return replace(new, unknown=old.unknown, unknown_here=old.unknown_here)


def _with_macros(attempt: Callable[..., Attempt], file: Prepared, definitions: Mapping[str, str]) -> Attempt:
    """Return the best tree with something in place of the macros that the file does not define.

    First the definitions of other files, with substitutes for what these leave open; then substitutes for all; then
    changes of the better of the two, one macro at a time.
    """
    found: list[Attempt] = []
    texts = b"\n".join([file.content, *(h.content for h in file.closure.headers.values())])
    for start in _starts(attempt, file, definitions):
        bodies = b"\n".join([texts, *(b"`define " + t.encode() for t in start.known.values())])
        if not start.unknown:
            found.append(start)
        else:
            tries = (attempt(start.known, c, texts=bodies) for c in macros.trials(start.unknown, bodies))
            best = _least(tries, start)
            found.append(replace(best, unknown=start.unknown, unknown_here=start.unknown_here))
        if not found[-1].errors:
            return found[-1]
    better = [_improved(attempt, file.content, texts, start) for start in found if start.substituted]
    return min([*found, *better], key=_badness)


def _starts(attempt: Callable[..., Attempt], file: Prepared, definitions: Mapping[str, str]) -> Iterator[Attempt]:
    """Yield the file with the definitions that it seems to need, with those that slang misses, and as it is."""
    expected = _expected(file, definitions)
    first = attempt(expected, {})
    if expected:
        yield first
        first = attempt({}, {})
    known = macros.needed(first.unknown, definitions)
    if known and known.keys() != expected.keys():
        yield attempt(known, {})
    yield first


def _least(attempts: Iterable[Attempt], otherwise: Attempt) -> Attempt:
    """Return the first attempt without errors, or the one with the fewest."""
    best: Attempt | None = None
    for found in attempts:
        best = found if best is None else min(best, found, key=_badness)
        if not best.errors:
            return best
    return best or otherwise


def _improved(attempt: Callable[..., Attempt], content: bytes, texts: bytes, best: Attempt) -> Attempt:
    """Return what becomes of an attempt when one macro after the other gets another substitute."""
    spent, improved = 0, True
    while improved and best.errors and spent < macros.MAX_TRIALS:
        improved = False
        for candidate in islice(
            macros.variants(dict(best.substituted), _near(best, content)), macros.MAX_TRIALS - spent
        ):
            found = attempt(best.known, candidate, texts=texts)
            spent += 1
            if len(found.errors) < len(best.errors):
                best, improved = _better(best, found), True
                break
    return best


def _near(attempt: Attempt, content: bytes) -> list[str]:
    """Return the substituted macros whose uses are closest before the first error."""
    offset = min((o for o, _ in attempt.errors if o >= 0), default=0)
    before = content[max(0, offset - 400) : offset + 40]
    places = {n: before.rfind(b"`" + n.encode()) for n in attempt.substituted}
    return sorted((n for n, p in places.items() if p >= 0), key=lambda n: -places[n])


def _attempt(
    prepared: Prepared,
    context: Context,
    known: Mapping[str, str],
    substitutes: Mapping[str, str],
    *,
    texts: bytes = b"",
    wrap: tuple[str, str] = ("", ""),
) -> Attempt:
    prelude = "".join(f"`define {text}\n" for text in known.values())
    prelude += macros.text_of(substitutes, texts or prepared.content)
    unit = context.sources.unit(prepared, defines=context.defines, before=prelude + wrap[0], behind=wrap[1])
    errors, unknown, here = _judged(unit, context.sources.manager)
    return Attempt(unit, errors, unknown, here, dict(substitutes), known, bool(wrap[1]))


def _judged(
    unit: Unit, manager: pyslang.SourceManager
) -> tuple[tuple[tuple[int, str], ...], frozenset[str], frozenset[str]]:
    """Return the errors of a tree in the file itself, its unknown macros, and those of them that the file uses."""
    errors: list[tuple[int, str]] = []
    unknown: set[str] = set()
    here: set[str] = set()
    for diagnostic in islice(unit.tree.diagnostics, _MAX_ERRORS):
        code = code_of(diagnostic)
        place = manager.getFullyExpandedLoc(diagnostic.location)
        own = place.buffer.id == unit.buffer
        counts = own or place.buffer.id in unit.frame
        if code == "UnknownDirective":
            name = str(diagnostic.args[0])[1:]
            unknown.add(name)
            if own:
                here.add(name)
        elif counts and diagnostic.isError() and not is_harmless(code):
            errors.append((place.offset if own else -1, code))
    return tuple(errors), frozenset(unknown), frozenset(here)


def code_of(diagnostic: pyslang.Diagnostic) -> str:
    """Return slang's name of a message."""
    return str(diagnostic.code).removeprefix("DiagCode(").removesuffix(")")


def is_harmless(code: str) -> bool:
    """Tell whether the tree is complete in spite of a message."""
    return code in _COMPLETE or code.startswith("NotAllowedIn")


def _messages(attempt: Attempt, collector: Collector, context: Context) -> None:
    """Add slang's messages on the file itself; what a substituted macro hides is told as unknown."""
    own: list[tuple[int, Any]] = []
    for diagnostic in islice(attempt.unit.tree.diagnostics, _MAX_ERRORS):
        place = context.sources.manager.getFullyExpandedLoc(diagnostic.location)
        if place.buffer.id == attempt.unit.buffer and code_of(diagnostic) != "UnknownDirective":
            own.append((place.offset, diagnostic))
    for offset, diagnostic in own[:MAX_DIAGNOSES]:
        for message in converted([diagnostic], context.sources.manager):
            collector.diagnose(offset, message.severity, message.code, message.message)
    for name in sorted(attempt.unknown_here):
        offset = max(0, collector.content.find(b"`" + name.encode()))
        collector.diagnose(offset, "warning", "UnknownMacro", f"nothing defines the macro `{name}")


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

    if any(code == "ParseTreeTooDeep" for _, code in attempt.errors):
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
    codes = {code for _, code in attempt.errors}
    for found in diagnoses:
        if found.code in codes:
            return f"line {found.line}: {found.message}"
    return f"{len(attempt.errors)} syntax errors"


FRONT_END: Final = SlangFrontEnd()
