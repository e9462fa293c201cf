"""Where and how the datapath rewrites write into a source file: fresh names, places for declarations, parentheses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from rtlgen.graphs.wordlevel.module import Block, ModuleIR, Occurrence
from rtlgen.graphs.wordlevel.terms import Term, extract, sext, variables, zext
from rtlgen.graphs.wordlevel.verilog import (
    Helper,
    NeedsNameError,
    condition_to_verilog,
    to_statements,
    to_verilog,
)
from rtlgen.optimizer.edits import Edit
from rtlgen.optimizer.registers.draft import Draft
from rtlgen.optimizer.registers.module_text import CannotEditError
from rtlgen.optimizer.rewrite import Change, RewriteContext

MAX_TEXT = 3000
"""Characters by which a change may be longer than what it replaces; nobody reviews more."""
_WORD = re.compile(rb"[A-Za-z_$][\w$]*")
_ITEM = re.compile(rb"assign\b|always|initial\b|final\b")
_NET = re.compile(rb"\b(assign|wire|wand|wor|tri|uwire|logic|reg|var|supply0|supply1|bit)\b")
_COMMENT = re.compile(rb"//[^\n]*|/\*.*?\*/", re.DOTALL)
_LOCALPARAM = re.compile(rb"^[ \t]*localparam\b(?P<list>[^;]*);[ \t]*(?://[^\n]*)?\n", re.MULTILINE)
_ASSIGNED = re.compile(rb"([A-Za-z_][\w$]*)\s*=(?!=)")
_ATOM = re.compile(r"[\w$.]+(\[[^\[\]]*\])*|\{[^{}]*\}|\([^()]*\)")


@dataclass(slots=True)
class Writer:
    """Writes terms into the text of one module.

    Attributes:
        module: the module's word-level view.
        sources: text of every file.
    """

    module: ModuleIR
    sources: Mapping[str, bytes]
    _taken: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        text = self.sources[self.module.place.file][self.module.place.start : self.module.place.end]
        self._taken = {w.decode() for w in _WORD.findall(text)} | set(self.module.signals)

    def fresh(self, stem: str) -> str:
        """Return an identifier that the module does not use yet, and remember it."""
        stem = re.sub(r"\W+", "_", stem).strip("_") or "value"
        stem = stem[:40] if stem[0].isalpha() or stem[0] == "_" else f"n_{stem}"[:40]
        name, number = stem, 2
        while name in self._taken:
            name, number = f"{stem}_{number}", number + 1
        self._taken.add(name)
        return name

    def release(self, names: Iterable[str]) -> None:
        """Forget names made by `fresh`, so that another proposal may use them."""
        self._taken -= set(names)

    def text_of(self, occurrence: Occurrence) -> str:
        """Return the occurrence's source text."""
        place = occurrence.place
        return self.sources[place.file][place.start : place.end].decode(errors="replace")

    def line(self, file: str, offset: int) -> int:
        """Return the line number of a byte offset, from 1."""
        return self.sources[file].count(b"\n", 0, offset) + 1

    def indent(self, file: str, offset: int) -> str:
        """Return the blanks at the start of the line that holds `offset`."""
        text = self.sources[file]
        start = text.rfind(b"\n", 0, offset) + 1
        end = start
        while end < len(text) and text[end : end + 1] in (b" ", b"\t"):
            end += 1
        return text[start:end].decode()

    def declarations(self, helpers: Sequence[Helper], block: Block, keyword: str | None = None) -> Edit:
        """Return the edit that declares wires on lines of their own before `block`."""
        file, start = block.place.file, self.item_start(block)
        word = keyword or self.net_keyword(file)
        indent = self.indent(file, start)
        lines = [declaration(h, word) for h in helpers]
        return Edit(file, start, start, "".join(f"{line}\n{indent}" for line in lines))

    def item_start(self, block: Block) -> int:
        """Return where the module item of a block starts: before `wire` where it is a net declaration."""
        text = self.sources[block.place.file]
        if _ITEM.match(text, block.place.start):
            return block.place.start
        begin = text.rfind(b";", 0, block.place.start) + 1
        head = _COMMENT.sub(lambda m: b" " * len(m[0]), text[begin : block.place.start])
        found = list(_NET.finditer(head))
        return begin + found[-1].start() if found else block.place.start

    def net_keyword(self, file: str) -> str:
        """Return `wire`; a net with an initial value is a continuous assignment, a `logic` variable is not."""
        del file
        return "wire"

    def render(self, term: Term, occurrence: Occurrence) -> tuple[tuple[Helper, ...], str] | None:
        """Return helper wires and text that can stand for `occurrence`, None where helpers are needed and impossible.

        Where the occurrence is a whole right-hand side or condition the text takes the width of its context, else it
        has exactly the term's width and the occurrence's signedness.
        """
        made: list[str] = []

        def fresh(stem: str) -> str:
            made.append(self.fresh(stem))
            return made[-1]

        signals = self.module.signals
        try:
            if occurrence.role == "condition" and occurrence.root and term.width == 1:
                try:
                    return (), condition_to_verilog(term, signals=signals, explicit=True)
                except NeedsNameError:
                    pass
            free = occurrence.root and occurrence.role == "rhs"
            signed = True if occurrence.signed else None if free else False
            helpers, text = to_statements(
                term,
                fresh=fresh,
                signals=signals,
                context_width=occurrence.parent_width if free else term.width,
                context_signed=signed,
                exact=not free,
                explicit=True,
            )
        finally:
            self.release(made)
        if helpers and not self.can_hoist(occurrence, term):
            return None
        self._taken |= {h.name for h in helpers}
        return helpers, text

    def can_hoist(self, occurrence: Occurrence, term: Term) -> bool:
        """Return whether wires computed from `term`'s signals may be declared before the occurrence's block."""
        block = self.module.blocks[occurrence.block]
        return occurrence.stable and block.scope == "" and block.editable and not self.later_names(term, block)

    def later_names(self, term: Term, block: Block) -> list[str]:
        """Return signals that `term` reads and that are declared after `block` starts, or whose place is unknown."""
        found = []
        for name in variables(term):
            signal = self.module.signals.get(name)
            place = signal.declared if signal else None
            if place is None or place.file != block.place.file or place.start > block.place.start:
                found.append(name)
        return found

    def replace(self, occurrence: Occurrence, text: str) -> Edit:
        """Return the edit that puts `text` in place of the occurrence, in parentheses where it needs them."""
        place = occurrence.place
        if not occurrence.root and not _ATOM.fullmatch(text) and not self._enclosed(occurrence):
            text = f"({text})"
        return Edit(place.file, place.start, place.end, text)

    def _enclosed(self, occurrence: Occurrence) -> bool:
        """Return whether the occurrence already stands between parentheses or braces of its own."""
        text, place = self.sources[occurrence.place.file], occurrence.place
        before = text[: place.start].rstrip()[-1:]
        after = text[place.end :].lstrip()[:1]
        return (before, after) in ((b"(", b")"), (b"{", b"}"))


def cleaned(
    context: RewriteContext, module: ModuleIR, edits: Sequence[Edit], *, rule: str, title: str, why: str, rank: float
) -> Change | None:
    """Return the edits as a change, with the wires removed that they leave without a reader."""
    if sum(len(e.text) for e in edits) > MAX_TEXT + sum(e.end - e.start for e in edits):
        return None
    draft = Draft(context, module)
    try:
        draft.apply(edits)
    except CannotEditError:
        return None
    with suppress(CannotEditError):
        draft.clean()
    with suppress(CannotEditError):
        draft.apply(unused_parameters(context, module, draft.sources))
    return draft.change(rule, title, why, rank=rank)


def unused_parameters(context: RewriteContext, module: ModuleIR, sources: Mapping[str, bytes]) -> list[Edit]:
    """Return edits that remove `localparam` statements of which the new text, unlike the old one, reads no name."""
    file = module.place.file
    old = context.sources[file][module.place.start : module.place.end]
    tail = len(context.sources[file]) - module.place.end
    start, new = module.place.start, sources[file][module.place.start : len(sources[file]) - tail]
    found = []
    for match in _LOCALPARAM.finditer(new):
        names = _ASSIGNED.findall(match["list"])
        rest = new[: match.start()] + new[match.end() :]
        if names and all(_mentions(n, old) > 1 and _mentions(n, rest) == 0 for n in names):
            found.append(Edit(file, start + match.start(), start + match.end(), ""))
    return found


def _mentions(name: bytes, text: bytes) -> int:
    plain = _COMMENT.sub(b" ", text)
    return sum(1 for word in _WORD.findall(plain) if word == name)


def declaration(helper: Helper, keyword: str = "wire") -> str:
    """Return the declaration of a helper with its value."""
    dimension = f"[{helper.width - 1}:0] " if helper.width > 1 else ""
    return f"{keyword} {dimension}{helper.name} = {helper.text};"


def in_context(occurrence: Occurrence, term: Term | None = None) -> Term:
    """Return the value that a whole right-hand side gives its target: extended or cut to the context's width."""
    value = occurrence.term if term is None else term
    if not occurrence.root or occurrence.role != "rhs":
        return value
    width = occurrence.parent_width
    if value.width >= width:
        return extract(value, 0, width)
    return (sext if occurrence.signed else zext)(value, width)


def plain(term: Term, module: ModuleIR, width: int | None = None) -> str:
    """Return text of a term for a place of its own width.

    Raises:
        NeedsNameError: a computed value would have to be sliced.
    """
    return to_verilog(
        term, signals=module.signals, context_width=width or term.width, context_signed=None, explicit=True
    )


def shorten(text: str, limit: int = 48) -> str:
    """Return `text` on one line, cut in the middle where it is longer than `limit`."""
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else f"{flat[: limit - 15]} ... {flat[-10:]}"
