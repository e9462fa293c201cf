"""A testbench that a candidate can't name, reach or speak for.

Every identifier of testbench and reference gets a new name in every run, what the testbench prints by `$display` gets
a nonce in front, files that it reads get new names, and the nets that it shares with its own reference reach the
candidate through an operator, so that a candidate that drives or forces its own inputs drives nobody else's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rtlgen.graphs.frontend.words import KEYWORDS, Word, words
from rtlgen.scorers.ports import declared_ports

_BUILT_IN: Final = frozenset({"std", "process", "mailbox", "semaphore"})
_WHOLE_LINE: Final = frozenset({"`timescale", "`default_nettype", "`line", "`begin_keywords", "`unconnected_drive"})
_NONCE: Final = object()
_PRINTS: Final = frozenset({"$display", "$displayb", "$displayo", "$displayh"})


@dataclass(frozen=True, slots=True)
class _Name:
    """Where an identifier stands that gets a new name."""

    index: int


@dataclass(frozen=True, slots=True)
class _File:
    """Where the name of a data file stands."""

    index: int


_Piece = str | _Name | _File | object


class CannotPrepareError(ValueError):
    """The testbench is not of a form that can be disguised."""


@dataclass(frozen=True, slots=True)
class Disguise:
    """A testbench, ready to be written with new names.

    Attributes:
        pieces: its text, with places to fill in.
        tops: indices of its top modules' names.
    """

    pieces: tuple[_Piece, ...]
    tops: tuple[int, ...]

    def render(self, salt: str, nonce: str) -> str:
        """Return the text.

        Args:
            salt: begins every new name; a design can learn it, as part of its own path.
            nonce: begins every line that the testbench prints; nothing in the design's reach tells it.
        """
        return "".join(
            p
            if isinstance(p, str)
            else f"{salt}_{p.index}"
            if isinstance(p, _Name)
            else file_name(salt, p.index)
            if isinstance(p, _File)
            else nonce
            for p in self.pieces
        )

    def top_names(self, salt: str) -> list[str]:
        """Return the names of the top modules in the rendered text."""
        return [f"{salt}_{i}" for i in self.tops]


def file_name(salt: str, index: int) -> str:
    """Return the name of a data file in a run."""
    return f"{salt}_{index}.dat"


def disguise(
    text: str, *, top: str, tb_top: str, files: Sequence[str], inputs: Iterable[str], ports: Iterable[str]
) -> Disguise:
    """Return the testbench in a form that can be written with new names.

    Args:
        text: testbench and reference, preprocessed.
        top: the candidate's module, the only name that stays.
        tb_top: top module of the testbench.
        files: names of data files.
        inputs: input ports of the candidate's module that are single nets or vectors.
        ports: all of its ports.

    Raises:
        CannotPrepareError: no instance of the candidate, or text that can't be read.
    """
    row = [w for w in words(text) if w.kind != "comment"]
    if any(w.kind == "broken" for w in row):
        raise CannotPrepareError("expected a testbench without an unended comment, string or attribute")
    return _Maker(text, row, top, files, frozenset(inputs), tuple(ports)).make(tb_top)


class _Maker:
    def __init__(
        self, text: str, row: list[Word], top: str, files: Sequence[str], inputs: frozenset[str], ports: tuple[str, ...]
    ) -> None:
        self._text, self._row, self._top = text, row, top
        self._files = {name: i for i, name in enumerate(files)}
        self._inputs, self._ports = inputs, ports
        self._names: dict[str, int] = {}
        self._members = _only_after_dot(row)
        self._variables: frozenset[str] = frozenset()
        self._twins = _twins(row, top, self._inputs)
        self._instances: set[str] = set()
        self._keeps_ports = True

    def make(self, tb_top: str) -> Disguise:
        pieces: list[_Piece] = []
        at = index = 0
        found = False
        while index < len(self._row):
            word = self._row[index]
            gap = self._text[at : word.start]
            pieces.append(gap if gap.isspace() or not gap else "\n" if "\n" in gap else " ")
            if word.kind == "directive" and word.text in _WHOLE_LINE:
                end = self._text.find("\n", word.start)
                at = len(self._text) if end < 0 else end
                pieces.append(self._text[word.start : at])
                while index < len(self._row) and self._row[index].start < at:
                    index += 1
                continue
            if word.text in (self._top, *self._twins) and self._is_instance(index):
                index, new = self._instance(index)
                pieces += new
                found = found or word.text == self._top
            else:
                pieces += self._word(index)
                index += 1
            last = self._row[index - 1]
            at = last.start + len(last.text)
        pieces.append(self._text[at:])
        if not found or tb_top not in self._names:
            raise CannotPrepareError(f"expected a module {tb_top!r} with an instance of {self._top!r}")
        return Disguise(tuple(_joined(pieces)), (self._names[tb_top],))

    def _is_instance(self, index: int) -> bool:
        """Say whether a module's name begins an instantiation."""
        row = self._row
        defined = index > 0 and row[index - 1].text in ("module", "macromodule", ".", ":")
        behind = row[index + 1] if index + 1 < len(row) else None
        return (
            row[index].kind == "name"
            and not defined
            and behind is not None
            and (behind.text == "#" or (behind.kind == "name" and behind.text not in KEYWORDS))
        )

    def _word(self, index: int) -> list[_Piece]:
        word = self._row[index]
        if word.kind == "string":
            return self._string(index)
        if word.kind == "escaped":
            return [self._name(word.text[1:]), " "]
        if word.kind != "name" or self._is_kept(index):
            return [word.text]
        return [self._name(word.text)]

    def _is_kept(self, index: int) -> bool:
        text = self._row[index].text
        if text in KEYWORDS or text in _BUILT_IN or text == self._top or text in self._members:
            return True
        return self._inside_candidate(index)

    def _inside_candidate(self, index: int) -> bool:
        """Say whether a word belongs to a path into the candidate's instance."""
        while index >= 2 and self._row[index - 1].text == ".":
            index -= 2
            if self._row[index].text in self._instances:
                return True
        return False

    def _name(self, text: str) -> _Name:
        return _Name(self._names.setdefault(text, len(self._names)))

    def _string(self, index: int) -> list[_Piece]:
        text = self._row[index].text
        if text[1:-1] in self._files:
            return ['"', _File(self._files[text[1:-1]]), '"']
        printed = index >= 2 and self._row[index - 1].text == "(" and self._row[index - 2].text in _PRINTS
        return ['"', _NONCE, text[1:]] if printed else [text]

    # The candidate's instance -------------------------------------------------------------------------------------

    def _instance(self, index: int) -> tuple[int, list[_Piece]]:
        """Return the word behind an instantiation of the candidate, and its text with its port names kept."""
        row = self._row
        self._variables = _variables(_module_around(row, index))
        self._keeps_ports = row[index].text == self._top
        pieces: list[_Piece] = [*self._word(index), " "]
        index += 1
        if row[index].text == "#":
            end = self._closing(index + 1) if row[index + 1].text == "(" else index + 1
            pieces += ["#", *self._connections(index + 1, end, ports=False)]
            index = end + 1
        while True:
            if self._keeps_ports:
                self._instances.add(row[index].text)
            pieces += [" ", self._name(row[index].text)]
            index += 1
            while row[index].text == "[":
                end = self._closing(index)
                pieces += self._plain(index, end)
                index = end + 1
            if row[index].text != "(":
                raise CannotPrepareError(f"expected a list of ports behind the instance of {self._top!r}")
            end = self._closing(index)
            pieces += self._connections(index, end, ports=True)
            index = end + 1
            if row[index].text != ",":
                return index, pieces
            pieces.append(", ")
            index += 1

    def _closing(self, index: int) -> int:
        """Return the word that closes the bracket at `index`."""
        depth = 0
        for at in range(index, len(self._row)):
            if self._row[at].text in ("(", "[", "{"):
                depth += 1
            elif self._row[at].text in (")", "]", "}"):
                depth -= 1
                if not depth:
                    return at
        raise CannotPrepareError("expected balanced brackets in the testbench")

    def _connections(self, start: int, end: int, *, ports: bool) -> list[_Piece]:
        """Return a bracketed list of connections with the names of ports and parameters kept."""
        row = self._row
        if end == start:
            return [row[start].text]
        pieces: list[_Piece] = ["("]
        given = {row[i + 1].text for i in range(start, end) if row[i].text == "." and row[i - 1].text in ("(", ",")}
        at = start + 1
        while at < end:
            if row[at].text == "." and row[at - 1].text in ("(", ","):
                if row[at + 1].text == "*":
                    rest = [p for p in self._ports if p not in given]
                    for number, port in enumerate(rest):
                        pieces += [", " if number else "", *self._connection(port, [self._name(port)], port)]
                    at += 2
                elif row[at + 2].text != "(":
                    port = row[at + 1].text
                    pieces += self._connection(port, [self._name(port)], port)
                    at += 2
                else:
                    close = self._closing(at + 2)
                    single = close == at + 4 and ports and row[at + 3].kind == "name"
                    inner = self._plain(at + 3, close - 1)
                    pieces += self._connection(row[at + 1].text, inner, row[at + 3].text if single else None)
                    at = close + 1
            else:
                pieces += self._word(at)
                at += 1
        return [*pieces, ")"]

    def _connection(self, port: str, inner: list[_Piece], net: str | None) -> list[_Piece]:
        """Return one connection; nets that a twin reads too go in through an operator, which lets nothing back."""
        shared = bool(self._twins) and port in self._inputs and net is not None and net not in self._variables
        name: list[_Piece] = [port] if self._keeps_ports or port in self._members else [self._name(port)]
        return [".", *name, "(", *inner, " | 1'b0" if shared else "", ")"]

    def _plain(self, start: int, end: int) -> list[_Piece]:
        pieces: list[_Piece] = []
        for at in range(start, end + 1):
            pieces += [*self._word(at), " "]
        return pieces


def _twins(row: Sequence[Word], top: str, inputs: frozenset[str]) -> frozenset[str]:
    """Return the modules that the testbench has for comparison: they have every input of the candidate's module.

    They get their inputs through the same operator as the candidate, so that neither is ahead of the other.
    """
    found = set()
    for index, word in enumerate(row[:-1]):
        if word.text in ("module", "macromodule") and row[index + 1].text != top:
            end = next((i for i in range(index, len(row)) if row[i].text == "endmodule"), len(row))
            ports = declared_ports(row[index + 2 : end])
            declared = {p.name for p in ports if p.is_plain_input}
            outputs = any(p.direction == "output" for p in ports)
            if inputs and inputs <= declared and outputs and not _has_delay(row[index:end]):
                found.add(row[index + 1].text)
    return frozenset(found)


def _has_delay(row: Sequence[Word]) -> bool:
    """Say whether a module ends the simulation or waits: then it gives stimulus and compares nothing."""
    return any(w.text == "$finish" or (w.text == "#" and row[i + 1].text != "(") for i, w in enumerate(row[:-1]))


def _only_after_dot(row: Sequence[Word]) -> frozenset[str]:
    """Return names that stand behind a dot and nowhere else: methods of the language, not of this text."""
    after: set[str] = set()
    elsewhere: set[str] = set()
    for before, word in zip([None, *row], row, strict=False):
        if word.kind == "name":
            (after if before is not None and before.text == "." else elsewhere).add(word.text)
    return frozenset(after - elsewhere)


def _module_around(row: Sequence[Word], index: int) -> Sequence[Word]:
    """Return the words of the module that a word stands in."""
    start = max((i for i in range(index) if row[i].text in ("module", "macromodule")), default=0)
    end = next((i for i in range(index, len(row)) if row[i].text == "endmodule"), len(row))
    return row[start:end]


def _variables(row: Sequence[Word]) -> frozenset[str]:
    """Return the names declared as variables by `reg`, which nobody outside can drive."""
    found: set[str] = set()
    for index, word in enumerate(row):
        if word.text != "reg" or (index and row[index - 1].text in ("output", "input", "inout")):
            continue
        depth, expect = 0, True
        for other in row[index + 1 :]:
            if other.text in ("[", "(", "{"):
                depth += 1
            elif other.text in ("]", ")", "}"):
                depth -= 1
                if depth < 0:
                    break
            elif depth == 0 and other.text == ";":
                break
            elif depth == 0 and other.text == ",":
                expect = True
            elif depth == 0 and other.kind == "name" and other.text not in KEYWORDS and expect:
                found.add(other.text)
                expect = False
    return frozenset(found)


def _joined(pieces: Iterable[_Piece]) -> list[_Piece]:
    """Return the pieces with neighbouring texts joined."""
    result: list[_Piece] = []
    for piece in pieces:
        if isinstance(piece, str) and result and isinstance(result[-1], str):
            result[-1] = result[-1] + piece
        else:
            result.append(piece)
    return result


def renamed(text: str, names: Mapping[str, str]) -> str:
    """Return Verilog text with some identifiers renamed, comments and strings as they were."""
    parts, at = [], 0
    for word in words(text):
        if word.kind == "name" and word.text in names:
            parts += [text[at : word.start], names[word.text]]
            at = word.start + len(word.text)
    return "".join([*parts, text[at:]])
