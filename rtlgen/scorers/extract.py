"""The Verilog in what a model answered."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

from rtlgen.graphs.frontend.words import plain_lines, words
from rtlgen.scorers.problem import Problem

THINKING: Final = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
"""What a model thinks aloud before it answers."""
BLOCK: Final = re.compile(
    r"^[ \t]*(?P<fence>`{3,}+|~{3,}+)(?P<info>[^\n]*+)\n(?P<body>.*?)(?:^[ \t]*(?P=fence)[ \t]*$|\Z)",
    re.DOTALL | re.MULTILINE,
)
"""A fenced block: what stands behind the fence, and in it. One that is never closed goes on to the end."""
_MARKED: Final = re.compile(r"\[BEGIN\](.*?)(?:\[DONE\]|\Z)", re.DOTALL)
_STARTS: Final = frozenset(
    {"module", "macromodule", "package", "interface", "typedef", "function", "import", "primitive"}
)
_ENDS: Final = frozenset({"endmodule", "endpackage", "endprimitive"})
_LABEL: Final = re.compile(r"\s*:\s*\w+")
LARGEST: Final = 1 << 20
"""Characters of a reply that are looked at."""


def extract(reply: str, problem: Problem) -> str:
    """Return the candidate's source: the module with everything it needs, whatever prose stands around it.

    A module between the marks [BEGIN] and [DONE] comes first. Then fenced blocks: all that hold modules, if one of them
    defines the top, else the last one. Without fences, the text from the first module to the last `endmodule`. A body
    gets the problem's interface in front, unless it is a whole module already. An empty string means that there is no
    code.

    Args:
        reply: what the model wrote.
        problem: what it was asked.
    """
    text = readable(reply)
    whole = [m for m in _MARKED.findall(text) if problem.top in modules(m)]
    text = whole[-1] if whole else text
    blocks = _blocks(text)
    code = _of_blocks(blocks, problem.top) if blocks else text
    if problem.style == "body" and problem.top not in modules(code):
        return problem.completed(code)
    return code if blocks else _without_prose(code)


def readable(reply: str) -> str:
    """Return an answer without thoughts, marks of order and null characters, with plain line ends."""
    text = plain_lines(THINKING.sub("", reply[:LARGEST]))
    return text.removeprefix("\ufeff").replace("\x00", "")


def code_in(text: str, top: str) -> str:
    """Return the code in a readable answer, as `extract` finds it."""
    blocks = _blocks(text)
    return _of_blocks(blocks, top) if blocks else _without_prose(text)


def _blocks(text: str) -> list[str]:
    found = [(m["body"], m["fence"]) for m in BLOCK.finditer(text)]
    return [_closed(body, fence) for body, fence in found] or _MARKED.findall(text)


def _closed(body: str, fence: str) -> str:
    """Return a block without the fence that some models put behind the last word of its last line."""
    end = body.rstrip()
    return f"{end.removesuffix(fence)}\n" if end.endswith(fence) else body


def _of_blocks(blocks: list[str], top: str) -> str:
    """Return the blocks that make up the answer: a later definition of a module replaces an earlier one."""
    with_modules = [b for b in blocks if modules(b)]
    if not any(top in modules(b) for b in with_modules):
        return with_modules[-1] if with_modules else blocks[-1]
    chosen: list[str] = []
    seen: set[str] = set()
    for block in reversed(with_modules):
        if not seen & set(modules(block)):
            chosen.insert(0, block)
            seen |= set(modules(block))
    return "\n".join(chosen)


def modules(text: str) -> list[str]:
    """Return the names of the modules that a text defines, in order."""
    if "module" not in text:
        return []
    row = [w for w in words(text) if w.kind in ("name", "escaped")]
    return [b.text for a, b in pairwise(row) if a.text in ("module", "macromodule")]


def _without_prose(text: str) -> str:
    """Return a text from its first module (with directives and comments before it) to its last `endmodule`."""
    first = last = None
    before = 0
    for word in words(text):
        if word.kind == "name" and word.text in _ENDS:
            last = word.start + len(word.text)
        elif first is None and (word.kind == "directive" or (word.kind == "name" and word.text in _STARTS)):
            # between two words is nothing but space
            starts_line = before == 0 or "\n" in text[before : word.start]
            first = word.start if starts_line or word.kind == "directive" else None
        before = word.start + len(word.text)
    if first is None or last is None or last < first:
        return text
    label = _LABEL.match(text, last)
    return text[first : label.end() if label else last] + "\n"
