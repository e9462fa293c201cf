"""A change in the making: edits applied step by step, what has died removed, and the whole handed out as one change."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, TypedDict

from rtlgen.core.errors import RtlgenError
from rtlgen.graphs.frontend.slang import elaborate
from rtlgen.graphs.wordlevel.build import word_level
from rtlgen.graphs.wordlevel.liveness import dead_signals
from rtlgen.graphs.wordlevel.module import ModuleIR
from rtlgen.optimizer.edits import Edit, EditConflictError, apply_edits
from rtlgen.optimizer.registers.module_text import CannotEditError, ModuleText
from rtlgen.optimizer.rewrite import Change, RewriteContext
from rtlgen.optimizer.unused import MARK


class Draft:
    """Sources between the context's text and a proposed one."""

    def __init__(self, context: RewriteContext, module: ModuleIR) -> None:
        self._context = context
        self._module = module
        self._dead_before = dead_signals(module)
        self._options = elaboration_options(context)
        self.sources: Mapping[str, bytes] = context.sources
        self._seen: tuple[Mapping[str, bytes], ModuleIR] | None = None

    def apply(self, edits: Iterable[Edit]) -> None:
        """Apply edits to the present text.

        Raises:
            CannotEditError: they overlap.
        """
        try:
            self.sources = apply_edits(self.sources, dict.fromkeys(edits))
        except EditConflictError as error:
            raise CannotEditError(str(error)) from error

    def view(self) -> ModuleIR:
        """Return the word-level view of the module as it is now.

        Raises:
            CannotEditError: the text no longer elaborates.
        """
        if self._seen is None or self._seen[0] is not self.sources:
            self._seen = self.sources, self._view()
        return self._seen[1]

    def _view(self) -> ModuleIR:
        try:
            views = word_level(elaborate(self.sources, top=self._context.top, **self._options))
        except RtlgenError as error:
            raise CannotEditError(f"expected the new text to elaborate, got: {error}") from error
        for view in views:
            if view.name == self._module.name and view.parameters == self._module.parameters:
                return view
        raise CannotEditError(f"expected module {self._module.name!r} in the new text, got none")

    def text(self, view: ModuleIR) -> ModuleText:
        """Return the present text of the module for its present view.

        Raises:
            CannotEditError: the module can't be found in it.
        """
        return ModuleText.of(view, self.sources, self._options["defines"])

    def _original(self) -> ModuleText:
        return ModuleText.of(self._module, self._context.sources, self._options["defines"])

    def clean(self) -> None:
        """Remove signals that the changes left without a reader, as far as the text allows it."""
        for _ in range(12):
            view = self.view()
            gone = [n for n in dead_signals(view) if self._newly_dead(n)]
            if not (len(gone) > 1 and self._remove(view, gone)) and not any(self._remove(view, [n]) for n in gone):
                break
        self._drop_unused()

    def _newly_dead(self, name: str) -> bool:
        """Say whether a signal that is dead now could not have been removed from the original text."""
        if name not in self._dead_before or name.startswith(MARK):
            return True
        original = self._original()
        if name not in original.removable:
            try:
                removal(original, self._module, [name])
                original.removable[name] = True
            except CannotEditError:
                original.removable[name] = False
        return not original.removable[name]

    def _drop_unused(self) -> None:
        """Remove declarations that nothing mentions any more, such as a loop's counter."""
        if self.sources is self._context.sources:
            return
        before = self._original().used()
        text = self.text(self.view())
        unused = [n for n, s in self._module.signals.items() if s.kind in ("net", "variable")]
        unused = [n for n in unused if n in before and n not in text.used() and len(text.declarations(n)) == 1]
        self.apply([*text.remove_declarations(unused), *text.unused_genvars()])

    def _remove(self, view: ModuleIR, names: list[str]) -> bool:
        try:
            self.apply(removal(self.text(view), view, names))
        except CannotEditError:
            return False
        return True

    def change(
        self,
        rule: str,
        title: str,
        why: str,
        *,
        rank: float = 0.5,
        obligation: Literal["combinational", "sequential"] = "combinational",
        guess: bool = False,
    ) -> Change | None:
        """Return all changes so far as one, None where the text is as before."""
        edits = [
            e
            for file, new in self.sources.items()
            if new != self._context.sources[file]
            for e in edits_between(file, self._context.sources[file], close_gaps(self._context.sources[file], new))
        ]
        if not edits:
            return None
        return Change(rule, self._module.name, title, why, tuple(edits), min(max(rank, 0.0), 1.0), obligation, guess)


class _Options(TypedDict):
    include_dirs: Sequence[Path]
    defines: Mapping[str, str]
    parameters: Mapping[str, str]


def elaboration_options(context: RewriteContext) -> _Options:
    """Return the macros and parameters that the context's design was elaborated with, and its folders for includes."""
    folders = tuple(dict.fromkeys(Path(f).resolve().parent for f in context.sources))
    design = context.elaborated
    if design is None:
        return {"include_dirs": folders, "defines": {}, "parameters": {}}
    macros = design.compilation.getSyntaxTrees()[0].options.preprocessorOptions.predefines
    overrides = design.compilation.options.paramOverrides
    return {"include_dirs": folders, "defines": _pairs(macros), "parameters": _pairs(overrides)}


def _pairs(items: Iterable[str]) -> dict[str, str]:
    return {name: value for name, _, value in (item.partition("=") for item in items)}


def close_gaps(old: bytes, new: bytes) -> bytes:
    """Return `new` without runs of blank lines longer than `old` has any."""
    blank = re.compile(rb"(?:[ \t]*\r?\n){2,}")
    longest = max([2, *(m[0].count(b"\n") for m in blank.finditer(old))])
    return re.sub(rb"(\n(?:[ \t]*\r?\n){%d})(?:[ \t]*\r?\n)+" % (longest - 1), rb"\1", new)


def edits_between(file: str, old: bytes, new: bytes) -> list[Edit]:
    """Return edits by whole lines that turn `old` into `new`."""
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    offsets = [0]
    for line in before:
        offsets.append(offsets[-1] + len(line))
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    return [
        Edit(file, offsets[i1], offsets[i2], b"".join(after[j1:j2]).decode("latin-1"))
        for tag, i1, i2, j1, j2 in matcher.get_opcodes()
        if tag != "equal"
    ]


def outermost(edits: Iterable[Edit]) -> list[Edit]:
    """Return the edits without repetition and without deletions that lie inside another deletion."""
    distinct = list(dict.fromkeys(edits))
    return [
        e
        for e in distinct
        if e.text or not any(o is not e and o.start <= e.start and e.end <= o.end and not o.text for o in distinct)
    ]


def removal(text: ModuleText, module: ModuleIR, names: Iterable[str]) -> list[Edit]:
    """Return edits that remove signals with their drivers and declarations.

    Raises:
        CannotEditError: something else still reads them, or the text does not allow it cleanly.
    """
    gone = set(names)
    blocks = [b for b in module.blocks if b.assigned & gone]
    if not all(b.place.file for b in blocks):
        raise CannotEditError(f"expected drivers of {sorted(gone)!r} in the module's text, got one that is not")
    edits = [e for b in blocks for e in text.without_assignments(b.place, gone)]
    edits += text.remove_declarations(sorted(gone))
    edits = outermost(edits)
    for name in gone:
        for start, end, _ in text.reads(name):
            if not any(e.start <= start and end <= e.end for e in edits):
                raise CannotEditError(f"expected no reader of {name!r} besides its driver, got one at byte {start}")
    return edits
