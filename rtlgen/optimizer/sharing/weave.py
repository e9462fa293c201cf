"""Put new wires into a module's text and read them where the values they replace were computed."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.module import ModuleIR, Occurrence
from rtlgen.graphs.wordlevel.simulate import combinational_order
from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.graphs.wordlevel.verilog import to_statements
from rtlgen.optimizer.edits import Edit
from rtlgen.optimizer.registers.define import fresh_names
from rtlgen.optimizer.registers.draft import Draft
from rtlgen.optimizer.registers.module_text import CannotEditError, ModuleText
from rtlgen.optimizer.rewrite import Change, RewriteContext
from rtlgen.optimizer.sharing.graph import ModuleGraph, normal, replaced
from rtlgen.optimizer.state import always
from rtlgen.optimizer.state.always import wire as wire

LONGEST: Final = 600
_SIMPLE: Final = re.compile(r"[\w.$]+(\[[^\[\]]*\])?|\{[^{}]*\}|\d*'[bdh][0-9A-Fa-fx_]+")


@dataclass(frozen=True, slots=True)
class Wire:
    """A new wire: `name` is a wish; `value` is a full value or reads earlier wires by their wished names."""

    name: str
    value: Term


@dataclass(frozen=True, slots=True)
class Replacement:
    """One place of the source and the local term to be read there; None for an exact match with `new`."""

    occurrence: Occurrence
    new: Term


class Weaver:
    """Makes one change out of new wires and values that are to be read from them."""

    def __init__(self, context: RewriteContext, graph: ModuleGraph) -> None:
        self._context = context
        self._graph = graph
        self._module: ModuleIR = graph.module
        self._text: ModuleText | None = None

    @property
    def text(self) -> ModuleText:
        """The module's text, parsed once.

        Raises:
            CannotEditError: it can't be found.
        """
        if self._text is None:
            self._text = ModuleText.of(self._module, self._context.sources)
        return self._text

    def change(
        self,
        rule: str,
        title: str,
        why: str,
        wires: Collection[Wire],
        targets: Mapping[Term, Term],
        rank: float,
        *,
        guess: bool = False,
        state: always.NewState | None = None,
    ) -> Change | None:
        """Return the change, None where the text does not allow it cleanly.

        Args:
            rule: name of the rewrite.
            title: one line for the report.
            why: why it should help.
            wires: new wires in order of dependence.
            targets: full value to what replaces it: full values and new wires.
            rank: guess of the gain.
            guess: see `Change`.
            state: new registers, read like new wires.
        """
        try:
            edits = self._edits(wires, targets, state)
            draft = Draft(self._context, self._module)
            draft.apply(edits)
            draft.clean()
            refuse_loops(draft, self._module)
        except (CannotEditError, RecursionError):
            return None
        obligation: Literal["combinational", "sequential"] = "sequential" if state else "combinational"
        return draft.change(rule, title, why, rank=rank, obligation=obligation, guess=guess)

    def _edits(
        self, wires: Collection[Wire], targets: Mapping[Term, Term], state: always.NewState | None
    ) -> list[Edit]:
        found = self._replacements(targets)
        if not found:
            raise CannotEditError("expected an editable place that reads the value, got none")
        fresh = fresh_names(self.text)
        wished = [*(r.name for r in (state.registers if state else ())), *(w.name for w in wires)]
        names = {f"new wire {wish}": fresh(wish) for wish in wished}
        changed = {n for r in found for n in self._module.blocks[r.occurrence.block].assigned}
        forbidden = self._graph.dependents(changed)
        lines, reads = self._wire_lines(wires, names, forbidden, fresh)
        edits = [self._edit(r, names, fresh) for r in found]
        start = self._item_start(min(self._module.blocks[r.occurrence.block].place.start for r in found))
        if state is None:
            return [*self._insertions(start, lines, reads), *edits]
        at = self._item_start(self._module.blocks[state.like.block].place.start)
        clocked = self._clocked(state, names, at)
        declared = always.declarations(state.registers, names, "logic" if self._is_system_verilog() else "reg")
        return [*self._insertions(min(start, at), lines, reads, declared), clocked, *edits]

    def _clocked(self, state: always.NewState, names: Mapping[str, str], at: int) -> Edit:
        """Return the insertion of the block that clocks new registers."""
        signals = self._module.signals.values()
        late = {s.name for s in signals if s.declared is not None and s.declared.start > at}
        local = tuple(replace(r, next=explicit(self._graph.localise(r.next, late))) for r in state.registers)
        if late & {n for r in local for n in t.variables(r.next)}:
            raise CannotEditError("expected operands declared before their use, got a later declaration")
        indent = self.text.indent(at)
        lines = always.block(self._module, self.text, replace(state, registers=local), names)
        return self.text.insert_before(at, "".join(f"{indent}{line}\n" for line in lines) + "\n")

    def _is_system_verilog(self) -> bool:
        return b"logic" in self.text.text[self._module.place.start : self._module.place.end]

    def _item_start(self, offset: int) -> int:
        """Return where the module's item around a byte begins."""
        for member in self.text.module.members:
            span = member.sourceRange
            if span.start.offset <= offset < span.end.offset:
                return int(span.start.offset)
        return offset

    # Places -----------------------------------------------------------------------------------------------------

    def _replacements(self, targets: Mapping[Term, Term]) -> list[Replacement]:
        graph = self._graph
        usable = [o for o in self._module.occurrences if o.editable and o.role in ("rhs", "condition", "index")]
        exact: list[Replacement] = []
        for o in sorted(usable, key=lambda o: o.place.start - o.place.end):
            if _is_read(o.term) or any(_inside(o, e.occurrence) for e in exact):
                continue
            new = targets.get(graph.full(o.expanded))
            if new is not None and new.width == o.term.width:
                exact.append(Replacement(o, new))
        result = list(exact)
        wanted = set(targets)
        for o in usable:
            if not o.root or not o.stable or any(_inside(o, e.occurrence) for e in exact):
                continue
            nodes = [n for n in t.walk(normal(o.term)) if n.op not in ("var", "const")]
            here = {v for n in nodes if (v := graph.full(n)) in wanted}
            inner = [e for e in exact if _inside(e.occurrence, o)]
            if here and here != {graph.full(e.occurrence.expanded) for e in inner}:
                new = replaced(normal(o.term), targets, graph.full)
                result = [e for e in result if e not in inner]
                result.append(Replacement(o, new))
        return _distinct(result)

    def _edit(self, r: Replacement, names: Mapping[str, str], fresh: object) -> Edit:
        o = r.occurrence
        forbidden = self._graph.dependents(self._module.blocks[o.block].assigned)
        local = explicit(self._graph.localise(r.new, forbidden))
        whole = o.root and o.role == "rhs"
        helpers, text = to_statements(
            local,
            fresh=lambda h: h,
            names=names,
            signals=self._module.signals,
            context_width=o.term.width,
            context_signed=False,
            exact=o.signed or not whole,
        )
        if o.signed:
            text = f"$signed({text})"
        if helpers or len(text) > LONGEST:
            raise CannotEditError(f"expected a short expression, got {text!r}")
        if not whole and not self._enclosed(o) and not _SIMPLE.fullmatch(text):
            text = f"({text})"
        return Edit(o.place.file, o.place.start, o.place.end, text)

    def _enclosed(self, o: Occurrence) -> bool:
        """Say whether the text around an expression keeps it apart without parentheses of its own."""
        source = self.text.text
        before, after = source[: o.place.start].rstrip()[-1:], source[o.place.end :].lstrip()[:1]
        return before in (b"(", b"[", b"{", b",") and after in (b")", b"]", b"}", b",")

    # Wires ------------------------------------------------------------------------------------------------------

    def _wire_lines(
        self, wires: Collection[Wire], names: Mapping[str, str], forbidden: Collection[str], fresh: object
    ) -> tuple[list[tuple[str, str, str]], set[str]]:
        """Return (dimension, name, expression) of each wire, and the signals they read."""
        make = fresh_names(self.text) if not callable(fresh) else fresh
        lines: list[tuple[str, str, str]] = []
        reads: set[str] = set()
        for w in wires:
            local = explicit(self._graph.localise(w.value, forbidden))
            reads |= {n for n in t.variables(local) if not n.startswith("new wire ")}
            helpers, text = to_statements(
                local, fresh=make, names=names, signals=self._module.signals,
                context_width=local.width, context_signed=False,
            )  # fmt: skip
            if len(text) > LONGEST:
                raise CannotEditError(f"expected a short expression, got {len(text)} characters")
            lines += [(_size(h.width), h.name, h.text) for h in helpers]
            lines.append((_size(local.width), names[f"new wire {w.name}"], text))
        return lines, reads

    def _insertions(
        self, start: int, lines: list[tuple[str, str, str]], reads: set[str], first: Sequence[str] = ()
    ) -> list[Edit]:
        if not lines and not first:
            return []
        text, signals = self.text, self._module.signals
        declared = [d.start for n in reads if (d := signals[n].declared if n in signals else None) is not None]
        indent = text.indent(start)
        logic = self._is_system_verilog()
        late = any(d > start for d in declared)
        if late:
            raise CannotEditError("expected operands declared before their use, got a later declaration")
        written = [f"{indent}{line}" for line in first]
        for size, name, expression in lines:
            if logic:
                written += [f"{indent}logic {size}{name};", f"{indent}assign {name} = {expression};"]
            else:
                written.append(f"{indent}wire {size}{name} = {expression};")
        return [text.insert_before(start, "".join(f"{line}\n" for line in written))]


def refuse_loops(draft: Draft, module: ModuleIR) -> None:
    """Check that no signal of the new text depends on itself where none did before.

    Raises:
        CannotEditError: one does.
    """
    view = draft.view()
    new = len(view.combinational) - len(combinational_order(view))
    if new > len(module.combinational) - len(combinational_order(module)):
        raise CannotEditError(f"expected no combinational loop, got {new} signals in one")


def _is_read(x: Term) -> bool:
    """Say whether a term only reads a signal, a part of one, or a constant: what it reads is changed at its source."""
    return x.op in ("var", "const") or (x.op in ("extract", "zext", "sext") and _is_read(x.args[0]))


def explicit(root: Term) -> Term:
    """Return the value with zero extensions written out, as linters want it where operands differ in width."""

    def spell(x: Term) -> Term:
        if x.op != "zext":
            return x
        inner, extra = x.args[0], x.width - x.args[0].width
        parts = inner.args if inner.op == "concat" else (inner,)
        return t.make("concat", x.width, (t.const(0, extra), *parts))

    done: dict[Term, Term] = {}
    for term in t.walk(root):
        args = tuple(done[a] for a in term.args)
        if term.op in ("shl", "lshr", "ashr"):
            args = (args[0], term.args[1])  # a shift's amount is self-determined
        done[term] = spell(term if args == term.args else t.make(term.op, term.width, args, term.value))
    return done[root]


def _size(width: int) -> str:
    return f"[{width - 1}:0] " if width > 1 else ""


def _inside(inner: Occurrence, outer: Occurrence) -> bool:
    same = inner.place.file == outer.place.file
    return same and outer.place.start <= inner.place.start and inner.place.end <= outer.place.end


def _distinct(found: list[Replacement]) -> list[Replacement]:
    by_place = {(r.occurrence.place.file, r.occurrence.place.start, r.occurrence.place.end): r for r in found}
    return list(by_place.values())
