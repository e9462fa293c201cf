"""What to put for macros that nothing defines, so that the text around them still gives a tree."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Final

from rtlgen.graphs.frontend.lexical import scan, uses

MAX_TRIALS: Final = 24
"""Parses of one file at most."""
_BEFORE: Final = re.compile(rb"(?:^|[;]|\b(?:begin|end|else|generate|endgenerate|endmodule|endfunction|endtask|endclass"
                            rb"|endpackage|endinterface|join|join_any|join_none)\b|\bbegin\s*:\s*\w+|\))\s*$")  # fmt: skip
_AFTER_NAME: Final = re.compile(rb"\s*[A-Za-z_\\][\w$]*\s*(?:[;=,\[]|\()")
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
            most = max(most or 0, _arguments(content, match.end()))
    return most


def _arguments(content: bytes, start: int) -> int:
    depth, count = 1, 1
    for match in re.finditer(rb'[()\[\]{},]|"(?:[^"\\\n]|\\.)*"', content[start : start + 20000]):
        sign = match[0]
        if sign in b"([{":
            depth += 1
        elif sign in b")]}":
            depth -= 1
            if depth == 0:
                break
        elif sign == b"," and depth == 1:
            count += 1
    return count


def first_guess(name: str, content: bytes) -> str:
    """Return what a macro looks like from its uses: nothing where it stands as a statement, its name elsewhere."""
    plain = _COMMENT.sub(b" ", content) if b"/" in content else content
    for match in re.finditer(rb"`" + re.escape(name.encode()) + rb"\b", plain):
        before = plain[max(0, match.start() - 60) : match.start()]
        if not _BEFORE.search(before) and match.start():
            return name
        after = plain[match.end() : match.end() + 80]
        if _AFTER_NAME.match(after):
            return name
        break
    return ""


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
    guess = {n: first_guess(n, content) for n in unknown}
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
        for value in ("", name, ";", f"{name};", f"{name} {name}_;", f".{name}()", "1"):
            if best[name] != value:
                yield {**best, name: value}
