"""What to put for macros that nothing defines, so that the text around them still gives a tree."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Final

from rtlgen.graphs.frontend.lexical import scan, uses

MAX_TRIALS: Final = 40
"""Parses of one file at most."""
_BEFORE: Final = re.compile(
    rb"(?:^|[;)]|\b(?:begin|end|else|generate|endgenerate|endmodule|endfunction|endtask|endclass|endpackage"
    rb"|endinterface|join|join_any|join_none)\b|\bbegin\s*:\s*\w+|\w\s*:)\s*$"
)
_AFTER_NAME: Final = re.compile(rb"\s*[A-Za-z_\\][\w$]*\s*(?:[;=,\[]|\()")
_BASE: Final = re.compile(rb"'[sS]?[hdboHDBO]\s*$")
_OPEN: Final = re.compile(rb"(?:\)|\belse|:)\s*$")
_SIGNS: Final = re.compile(rb'[()\[\]{},]|"(?:[^"\\\n]|\\.)*"')
_USES_SEEN: Final = 40
_COMMENT: Final = re.compile(rb"//[^\r\n]*|/\*.*?\*/", re.DOTALL)

Substitutes = dict[str, str]
"""Macro → what stands for it: empty, `;`, a word, ... (without its parameters)."""


@lru_cache(maxsize=8)
def definitions(prelude: str) -> Mapping[str, str]:
    """Return name → what follows `` `define``, of a text of macro definitions."""
    return scan(prelude.encode()).macros()


def needed(names: Iterable[str], known: Mapping[str, str]) -> dict[str, str]:
    """Return those of the known definitions that `names` need, with all that they use themselves."""
    found: dict[str, str] = {}
    waiting = [n for n in names if n in known]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = known[name]
            waiting += [n for n in uses(known[name].encode()) if n in known and n not in found]
    return found


def arity(name: str, content: bytes) -> int | None:
    """Return the greatest number of arguments that a macro is used with; None where it is never followed by `(`."""
    most: int | None = None
    for match in re.finditer(rb"`" + re.escape(name.encode()) + rb"\b[ \t]*(\()?", content):
        if match[1]:
            most = max(most or 0, _closing(content, match.end())[0])
    return most


def _closing(content: bytes, start: int) -> tuple[int, int]:
    """Return the number of arguments up to the closing parenthesis, and where that ends."""
    depth, count, end = 1, 1, start
    for match in _SIGNS.finditer(content, start, start + 20000):
        sign = match[0]
        if sign in b"([{":
            depth += 1
        elif sign in b")]}":
            depth -= 1
            if depth == 0:
                return count, match.end()
        elif sign == b"," and depth == 1:
            count += 1
        end = match.end()
    return count, end


def first_guess(name: str, plain: bytes) -> str:
    """Return what a macro looks like from most of its uses in a text without comments.

    A number behind `'h`; nothing, or `;` where a statement must stand and no semicolon follows; else its name.
    """
    votes: Counter[str] = Counter()
    for match in islice(re.finditer(rb"`" + re.escape(name.encode()) + rb"\b", plain), _USES_SEEN):
        votes[_look(name, plain, match)] += 1
    if votes["1"]:
        return "1"
    if votes[name] > votes[""] + votes[";"]:
        return name
    return ";" if votes[";"] else ""


def _look(name: str, plain: bytes, use: re.Match[bytes]) -> str:
    before = plain[max(0, use.start() - 60) : use.start()]
    if _BASE.search(before):
        return "1"
    if not _BEFORE.search(before) and before.strip():
        return name
    rest = plain[_end_of_use(plain, use.end()) :][:80].lstrip()
    if not rest.startswith((b";", b"(")) and _AFTER_NAME.match(plain[use.end() : use.end() + 80]):
        return name
    return ";" if _OPEN.search(before) and not rest.startswith(b";") else ""


def _end_of_use(content: bytes, position: int) -> int:
    """Return where the arguments of a macro end that stand at `position`; the position itself without any."""
    start = re.compile(rb"[ \t]*\(").match(content, position)
    return _closing(content, start.end())[1] if start else position


def text_of(substitutes: Mapping[str, str], content: bytes) -> str:
    """Return the macro definitions that put the substitutes in place."""
    pieces = []
    for name, value in substitutes.items():
        count = arity(name, content)
        formals = "" if count is None else "(" + ", ".join(f"a{i}=" for i in range(count)) + ")"
        pieces.append(f"`define {name}{formals} {value}\n")
    return "".join(pieces)


def trials(names: Iterable[str], content: bytes) -> Iterator[Substitutes]:
    """Yield what to try first: as each use looks, then all as nothing, then all as names."""
    unknown = sorted(names)
    plain = _COMMENT.sub(b" ", content).replace(b"\\\n", b" \n")
    guess = {n: first_guess(n, plain) for n in unknown}
    seen: list[Substitutes] = []
    for candidate in (guess, dict.fromkeys(unknown, ""), {n: n for n in unknown}, dict.fromkeys(unknown, ";")):
        if candidate not in seen:
            seen.append(candidate)
            yield candidate


def variants(best: Substitutes, first: Iterable[str]) -> Iterator[Substitutes]:
    """Yield neighbours of the best attempt, one macro changed at a time; those in `first` before the others."""
    order = [n for n in dict.fromkeys(first) if n in best]
    order += [n for n in best if n not in order]
    for name in order:
        for value in ("", name, ";", "1", "if (1) begin end", f"{name};", f"{name} {name}_;", f".{name}()"):
            if best[name] != value:
                yield {**best, name: value}


_SHORT_BRANCH: Final = 6
_CONDITION: Final = re.compile(rb"^[ \t]*`(ifdef|ifndef|elsif|else|endif)\b(?:[ \t]+([A-Za-z_][\w$]*))?", re.MULTILINE)


def absent_at(content: bytes, offset: int) -> list[str]:
    """Return the macros that, were one of them defined, would keep a position out of the text; innermost first.

    Only short branches count: they hold a message to the user (`define one of ...`), a long one is the file itself in
    its include guard.
    """
    opened: list[tuple[str, bool, int]] = []
    for match in _CONDITION.finditer(content, 0, offset):
        word, name = match[1], (match[2] or b"").decode()
        if word in (b"ifdef", b"ifndef"):
            opened.append((name, word == b"ifndef", match.end()))
        elif opened and word == b"else":
            opened[-1] = (opened[-1][0], not opened[-1][1], match.end())
        elif opened and word == b"endif":
            opened.pop()
    end = _CONDITION.search(content, offset)
    stop = end.start() if end else len(content)
    return [
        name
        for name, absent, start in reversed(opened)
        if absent and name and content.count(b"\n", start, stop) <= _SHORT_BRANCH
    ]
