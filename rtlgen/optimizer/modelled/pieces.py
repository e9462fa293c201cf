"""Cut a design into pieces that a model can rewrite in one answer."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from rtlgen.graphs.frontend.words import names
from rtlgen.graphs.wordlevel.module import ModuleIR, Place
from rtlgen.optimizer.modelled.gate import can_be_asked

LARGEST_MODULE: Final = 16_000
"""Bytes of a module that is asked for as a whole."""
LARGEST_PIECE: Final = 6_000
"""Bytes of neighbouring blocks that are asked for at once."""
LARGEST_CONTEXT: Final = 12_000
"""Bytes of header and declarations shown with a piece of a large module."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Whole lines of a file that are rewritten together.

    Attributes:
        module: definition name of the module they belong to.
        file: path of the source.
        start: first byte, at the start of a line.
        end: byte after the last line.
        first_line: number of the first line, from 1.
        text: the lines, one character a byte (latin-1).
        whole: True where they are the whole module.
        context: what the model should know beside them, in the same coding; empty for a whole module.
    """

    module: str
    file: str
    start: int
    end: int
    first_line: int
    text: str
    whole: bool
    context: str = ""

    @property
    def digest(self) -> str:
        """Return what identifies the question over rounds."""
        return hashlib.sha256(f"{self.module}\0{self.context}\0{self.text}".encode()).hexdigest()


def pieces(modules: Iterable[ModuleIR], sources: Mapping[str, bytes]) -> list[Piece]:
    """Return the pieces of all modules, largest module first, largest piece of a module first."""
    found: dict[str, list[Piece]] = {}
    for module in modules:
        if module.name not in found and module.place.file in sources:
            found[module.name] = _of_module(module, sources[module.place.file])
    groups = sorted(found.values(), key=lambda group: -sum(len(p.text) for p in group))
    return [p for group in groups for p in sorted(group, key=lambda p: -len(p.text))]


def _of_module(module: ModuleIR, source: bytes) -> list[Piece]:
    text = source.decode("latin-1")
    whole = _piece(module.name, module.place, text, whole=True)
    if len(whole.text) <= LARGEST_MODULE and can_be_asked(whole.text):
        return [whole]
    return [
        _piece(module.name, place, text, whole=False, context=_context(module, text, _lines_of(place, text)))
        for place in _groups(module, text)
        if can_be_asked(_lines_of(place, text))
    ]


def _groups(module: ModuleIR, text: str) -> Iterator[Place]:
    """Yield runs of neighbouring blocks of at most `LARGEST_PIECE` bytes; a larger block stands alone.

    A run ends where something lies between that can't be asked for, such as `` `ifdef``.
    """
    places = sorted(
        (b.place for b in module.blocks if b.editable and b.kind != "initial" and b.place.file == module.place.file),
        key=lambda p: p.start,
    )
    run: Place | None = None
    for place in places:
        if run is not None and place.start < run.end:
            continue
        if run is not None and place.end - run.start <= LARGEST_PIECE:
            joined = Place(run.file, run.start, place.end)
            if can_be_asked(_lines_of(joined, text)):
                run = joined
                continue
        if run is not None:
            yield run
        run = place
    if run is not None:
        yield run


def _lines_of(place: Place, text: str) -> str:
    start, end = _whole_lines(place, text)
    return text[start:end]


def _whole_lines(place: Place, text: str) -> tuple[int, int]:
    start = text.rfind("\n", 0, place.start) + 1
    end = text.find("\n", place.end)
    return start, len(text) if end < 0 else end + 1


def _piece(module: str, place: Place, text: str, *, whole: bool, context: str = "") -> Piece:
    start, end = _whole_lines(place, text)
    return Piece(module, place.file, start, end, text.count("\n", 0, start) + 1, text[start:end], whole, context)


def _context(module: ModuleIR, text: str, part: str) -> str:
    """Return the header and the lines that declare what `part` uses."""
    lines = {text[module.place.start : module.header_end]: None}
    used = names(part)
    for signal in module.signals.values():
        place = signal.declared
        known = place is not None and place.file == module.place.file and place.start >= module.header_end
        if place is not None and known and signal.name.rpartition(".")[2] in used:
            lines[_lines_of(place, text).strip()] = None
    return "\n".join(lines)[:LARGEST_CONTEXT]
