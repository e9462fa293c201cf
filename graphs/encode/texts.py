"""What the textual encodings of a body have in common: names, the first lines, and how they are read back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Final, NoReturn

from rtlgen.core.errors import InputError
from rtlgen.graphs.encode.budget import Line, cut, line
from rtlgen.graphs.encode.focus import BRIEF_DONE
from rtlgen.graphs.encode.names import QUOTED, written
from rtlgen.graphs.rows import BodyRows

MAX_VALUE: Final = 32
"""Characters of a parameter's value in a shortened line."""

EDGE: Final = {"pos": "posedge", "neg": "negedge", "both": "edge"}
"""The edge of a row → the word of a text."""
_EDGES: Final = {word: edge for edge, word in EDGE.items()}
_PARAMETER: Final = re.compile(rf"({QUOTED}|\S+) = (.*)")
_EDGE_LIST: Final = re.compile(rf'(posedge|negedge|edge) ({QUOTED}|[^\s,"]+)')

Edges = tuple[tuple[str, str], ...]
"""`pos`, `neg` or `both`, and a signal."""


def place_of(body: BodyRows) -> str:
    """Return where a body stands: `path:first-last`."""
    return written(f"{body.path}:{body.first_line}-{body.last_line}")


def parameters_of(body: BodyRows) -> tuple[tuple[str, str], ...]:
    """Return names and values of the parameters of a body."""
    return tuple((written(n), " ".join(str(v).split())) for n, v in json.loads(body.parameters or "{}").items())


def head_lines(place: str, parameters: Iterable[tuple[str, str]]) -> Iterator[Line]:
    """Yield the lines that every text begins with; parameters come after the short forms of all else."""
    yield line("places", [f"at {place}"], [(0, 1)])
    for number, (name, value) in enumerate(parameters):
        forms = [f"param {name} = {cut(value, MAX_VALUE)}", f"param {name} = {value}"]
        yield line("parameters", forms, [(BRIEF_DONE, number), (BRIEF_DONE + 1, number)])


def edges_text(edges: Edges) -> str:
    """Return edges as the source writes them: `posedge clk, negedge rst_n`."""
    return ", ".join(f"{EDGE[edge]} {name}" for edge, name in edges)


def edges_in(text: str) -> Edges:
    """Return the edges that `edges_text` wrote."""
    return tuple((_EDGES[word], name) for word, name in _EDGE_LIST.findall(text))


class Reader:
    """Reads the lines of a text; a subclass takes those that are its own."""

    def __init__(self, title: str, text: str) -> None:
        """Check the first line, whose first word is `title`.

        Raises:
            InputError: it is another.
        """
        self.lines = text.splitlines()
        self.at = 0
        self.place = ""
        self.parameters: list[tuple[str, str]] = []
        first = self.lines[0] if self.lines else ""
        word, _, self.name = first.partition(" ")
        if word != title:
            self.wrong(f"{title} NAME", first)

    def read(self) -> None:
        """Take every line after the first.

        Raises:
            InputError: a line is not of the grammar.
        """
        for at, text in enumerate(self.lines[1:], 1):
            self.at = at
            word, _, rest = text.partition(" ")
            if word == "at":
                self.place = rest
            elif word == "param":
                found = _PARAMETER.fullmatch(rest) or self.wrong("param NAME = VALUE", text)
                self.parameters.append((found[1], found[2]))
            elif word != "#":
                self.take(text)

    def take(self, text: str) -> None:
        """Take a line of the body."""
        raise NotImplementedError

    def wrong(self, expected: str, found: str) -> NoReturn:
        """Raise the error of a line that is not of the grammar."""
        raise InputError(f"line {self.at + 1}: expected {expected}, got {found!r}")
