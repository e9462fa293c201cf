"""What no front end is given, and what slang is given only after a process of its own has survived it.

slang 12 limits the depth of expressions and statements, but not of macro arguments, constraints, generate blocks or
nested modules, nor the length of chains such as `a + a + ...`, which its visitor follows with the machine's stack; a
macro may double with every level. Text that could reach such a limit is first parsed by a confined process.
"""

from __future__ import annotations

import base64
import codecs
import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rtlgen.graphs.frontend.lexical import line_count, uses

if TYPE_CHECKING:
    from rtlgen.graphs.frontend.units import Prepared

MAX_FILE_BYTES: Final = 32 << 20
MAX_LINE_BYTES: Final = 1 << 20
MAX_NESTING: Final = 1000
"""Brackets inside brackets that slang gets without a trial; it crashes at several thousand."""
MAX_CHAIN: Final = 4000
"""Operators of one statement, and words that open something in one file, likewise."""
MAX_GROWTH: Final = 16 << 20
"""Bytes that macros may grow to, likewise."""
MAX_CALLS: Final = 8
"""Uses of macros in the arguments of others where one repeats its argument, likewise."""
TRIAL_SECONDS: Final = 30.0
TRIAL_MB: Final = 2048

_BRACKETS: Final = bytes(b for b in range(256) if b not in b"()[]{}")
_OPERATORS: Final = bytes(b for b in range(256) if b not in b"+-*/%&|^<>=?:.!~@#`")
_OPENERS: Final = (b"begin", b"module", b"class", b"struct", b"fork", b"case", b"generate", b"interface")
_CHAINED: Final = (b"if", b"else")
"""Nothing ends these, so that only their number tells how deep they may be."""
_IMAGE: Final = re.compile(rb"(?:\s++|//[^\r\n]*+|/\*(?>.*?\*/))*+@[0-9a-fA-F]++\s[0-9a-fA-FxXzZ_@\s]*+", re.DOTALL)
_CHAIN_WORDS: Final = re.compile(rb"\b(?:or|and|until|throughout|within|intersect|iff|implies)\b")


def unreadable(content: bytes) -> str:
    """Return why a file is no text that can be parsed; empty where it is."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "UTF-16 text; save it as UTF-8"
    zero = content.find(b"\0")
    if zero >= 0:
        line = content.count(b"\n", 0, zero) + 1
        return f"line {line}: binary file (NUL byte)"
    if len(content) > MAX_FILE_BYTES:
        return f"expected at most {MAX_FILE_BYTES >> 20} MiB, got more"
    start = _long_line(content)
    if start >= 0:
        limit = f"expected lines of at most {MAX_LINE_BYTES >> 20} MiB"
        return f"line {line_count(content[:start]) + 1}: {limit}, got one of {_end(content, start) - start} bytes"
    if b"@" in content[:4096] and _IMAGE.fullmatch(content):
        return "a memory image ($readmemh), not Verilog"
    return ""


def _long_line(content: bytes) -> int:
    """Return where the first line begins that is too long, -1 where there is none."""
    start = 0
    while len(content) - start > MAX_LINE_BYTES:
        reach = start + MAX_LINE_BYTES + 1
        end = max(content.rfind(b"\n", start, reach), content.rfind(b"\r", start, reach))
        if end < 0:
            return start
        start = end + 1
    return -1


def _end(content: bytes, start: int) -> int:
    return min((e for e in (content.find(b"\n", start), content.find(b"\r", start)) if e >= 0), default=len(content))


def refusal(file: Prepared, known: Mapping[str, str]) -> str:
    """Return why slang must not parse a file in this process; empty where it may.

    Args:
        file: with its headers.
        known: macro definitions of other files that may be put before it: name → what follows `` `define``.
    """
    texts = [file.content, *(h.content for h in file.closure.headers.values())]
    growth = _growth(file, known)
    if growth > 64 * MAX_GROWTH:
        return "macros that grow without bound"
    if growth <= MAX_GROWTH and not any(map(_is_deep, texts)):
        return ""
    return _trial(file, known)


def _is_deep(content: bytes) -> bool:
    if len(content) < MAX_NESTING:
        return False
    if _nesting(content) > MAX_NESTING:
        return True
    if len(content) < 2 * MAX_CHAIN:
        return False
    if any(content.count(word) > 2 * MAX_CHAIN for word in _CHAINED):
        return True
    if any(content.count(word) > MAX_NESTING and _depth_of_words(content, word) > MAX_NESTING for word in _OPENERS):
        return True
    return any(
        len(part) > 2 * MAX_CHAIN and (_chain(part) > MAX_CHAIN or part.count(b"if") > MAX_NESTING)
        for part in content.split(b";")
    )


def _nesting(content: bytes) -> int:
    """Return a bound on how deep brackets are nested: pairs are taken away from the inside, level by level."""
    left = content.translate(None, _BRACKETS)
    for depth in range(64):
        smaller = left.replace(b"()", b"").replace(b"[]", b"").replace(b"{}", b"")
        if smaller == left:
            return depth + len(left)
        left = smaller
    return 64 + len(left)


def _depth_of_words(content: bytes, word: bytes) -> int:
    """Return how deep constructs that a word opens stand inside each other, as far as words tell."""
    ends = b"join" if word == b"fork" else b"}" if word == b"struct" else b"end" + word
    depth = deepest = 0
    for match in re.finditer(rb"\b" + re.escape(word) + rb"\b|(\bend\b|" + re.escape(ends) + rb")", content):
        depth = max(0, depth - 1) if match[1] else depth + 1
        deepest = max(deepest, depth)
    return deepest


def _chain(statement: bytes) -> int:
    return len(statement.translate(None, _OPERATORS)) + len(_CHAIN_WORDS.findall(statement))


def _growth(file: Prepared, known: Mapping[str, str]) -> int:
    """Return about how long macros could make the text, in bytes; a little over the bound where that is open."""
    defines: dict[str, str] = dict(known)
    for header in file.closure.headers.values():
        defines.update(header.lexed.macros())
    defines.update(file.lexed.macros())
    if _nesting(file.content) > MAX_CALLS and _nested_calls(file.content, defines) > MAX_CALLS:
        return MAX_GROWTH + 1
    if not any(_shape(text)[0] for text in defines.values()):
        return 0
    sizes: dict[str, int] = {}
    return max((_size(n, defines, sizes, 0) for n in uses(file.content)), default=0)


@lru_cache(maxsize=65536)
def _shape(text: str) -> tuple[tuple[tuple[str, int], ...], int]:
    """Return the macros that a definition uses, with how often, and how often it repeats an argument."""
    raw = text.encode()
    names = Counter(re.findall(rb"`([A-Za-z_][\w$]*)", raw))
    formals = re.match(rb"[\w$]+\(([^)]*)\)", raw)
    repeated = 1
    if formals:
        body = Counter(re.findall(rb"[A-Za-z_]\w*", raw[formals.end() :]))
        repeated = max((body[f.split(b"=")[0].strip()] for f in formals[1].split(b",")), default=1)
    return tuple((n.decode(), c) for n, c in names.items()), max(1, repeated)


def _size(name: str, defines: Mapping[str, str], sizes: dict[str, int], depth: int) -> int:
    if name not in defines:
        return 0
    if name not in sizes:
        sizes[name] = 0
        inner, _ = _shape(defines[name])
        sizes[name] = len(defines[name])
        if depth < 200:
            sizes[name] += sum(count * _size(n, defines, sizes, depth + 1) for n, count in inner)
    return sizes[name]


def _nested_calls(content: bytes, defines: Mapping[str, str]) -> int:
    """Return how deep uses of macros stand in the arguments of others, where any repeats an argument; else 0."""
    if not any(_shape(text)[1] > 1 for text in defines.values()):
        return 0
    deepest = 0
    opened: list[bool] = []
    for match in re.finditer(rb"(`[A-Za-z_]\w*[ \t]*)?\(|\)", content):
        if match[0] == b")":
            if opened:
                opened.pop()
        else:
            opened.append(match[1] is not None)
            if match[1]:
                deepest = max(deepest, sum(opened))
    return deepest


def _trial(file: Prepared, known: Mapping[str, str]) -> str:
    """Return what happened to a process that parsed the file; empty where it came through."""
    import rtlgen
    from rtlgen import graphs
    from rtlgen.sandbox import Limits, run

    job = {
        "place": file.place,
        "content": base64.b64encode(file.content).decode(),
        "headers": {p: base64.b64encode(h.content).decode() for p, h in file.closure.headers.items()},
        "include_dirs": list(file.directories),
        "prelude": "".join(f"`define {text}\n" for text in known.values()),
    }
    folders = [Path(next(iter(package.__path__))).absolute() for package in (rtlgen, graphs)]
    path = ":".join(dict.fromkeys(str(f.parent) for f in folders[:1]))
    with tempfile.TemporaryDirectory(prefix="rtlgen-") as folder:
        done = run(
            [sys.executable, "-P", "-m", "rtlgen.graphs.frontend.probe"],
            cwd=Path(folder),
            limits=Limits(cpu_s=TRIAL_SECONDS, wall_s=2 * TRIAL_SECONDS, memory_mb=TRIAL_MB),
            stdin=json.dumps(job),
            env={"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
            readable=[*folders, *(f.resolve() for f in folders)],
        )
    if done.exit_code == 0:
        return ""
    ended = {"timeout": f"more than {TRIAL_SECONDS:g} s", "memory": f"more than {TRIAL_MB} MiB"}
    return f"slang can't take it: {ended.get(done.ended_by, 'nesting too deep')}"
