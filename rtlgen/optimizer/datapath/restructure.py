"""`restructure-logic`: the continuous logic of a module rewritten together, operators shared between its signals.

All observed signals are expanded to inputs and registers, saturated in one e-graph and extracted together; wires of
the source keep their names wherever the new form still needs their value.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rtlgen.graphs.wordlevel.module import Block, ModuleIR, Occurrence
from rtlgen.graphs.wordlevel.terms import Term, rebuild, substitute, var, variables, walk
from rtlgen.graphs.wordlevel.verilog import Helper, hint, to_statements
from rtlgen.optimizer.datapath.source import Writer, cleaned, in_context
from rtlgen.optimizer.edits import Edit
from rtlgen.optimizer.egraph.cost import Costs
from rtlgen.optimizer.egraph.engine import Limits, engine
from rtlgen.optimizer.egraph.extract import Candidate
from rtlgen.optimizer.egraph.simplify import alternatives, area
from rtlgen.optimizer.egraph.tidy import tidy
from rtlgen.optimizer.rewrite import Change, RewriteContext

LARGEST: Final = 300
"""Nodes of a set of definitions up to which it is rewritten as one."""
COUNT: Final = 5
SHARED: Final = 1.5
"""Estimated gates from which a value used twice gets a wire of its own."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A signal with its driver and its value over inputs and registers.

    `occurrence` is the right-hand side of a continuous assignment, None where a procedural block drives the signal.
    """

    name: str
    block: Block
    value: Term
    occurrence: Occurrence | None


class RestructureLogic:
    """Proposes joint forms of several signals."""

    name = "restructure-logic"

    def __init__(self, costs: Costs | None = None) -> None:
        self._costs = costs or Costs()

    def prepare(self) -> None:
        """Load the rules of the e-graph."""
        engine()

    def propose(self, context: RewriteContext) -> Iterator[Change]:
        """Yield candidates of each set of signals, the whole module's first."""
        for module in context.modules:
            writer = Writer(module, context.sources)
            known = definitions(module)
            later: list[Change] = []
            for group in groups(module, known):
                if time.monotonic() > context.deadline_s:
                    return
                changes = list(self._changes(group, known, module, writer, context))
                yield from changes[:2]
                later += changes[2:]
            yield from sorted(later, key=lambda c: -c.rank)

    def _changes(
        self,
        group: Sequence[Definition],
        known: dict[str, Definition],
        module: ModuleIR,
        writer: Writer,
        context: RewriteContext,
    ) -> Iterator[Change]:
        roots = [d.value for d in group]
        inside = [d for d in known.values() if d not in group and d.occurrence is not None]
        before = area(*roots, costs=self._costs)
        if before < 3:
            return
        found = alternatives(
            roots,
            watch=[d.value for d in inside],
            costs=self._costs,
            objective="delay" if context.objective == "delay" else "area",
            count=COUNT,
            limits=Limits(nodes=2500, wall_s=1.5),
            seed=context.seed,
        )
        written: set[tuple[Edit, ...]] = set()
        for candidate in found:
            gain = 1 - candidate.cost / before
            if gain < -0.05 and context.objective != "delay":
                continue
            edits = Scribe(module, writer, group, inside, candidate, self._costs).edits()
            if edits and tuple(edits) not in written:
                written.add(tuple(edits))
                names = ", ".join(d.name for d in group[:4]) + (", ..." if len(group) > 4 else "")
                change = cleaned(
                    context,
                    module,
                    edits,
                    rule=self.name,
                    title=f"{names} computed with {'shared' if len(group) > 1 else 'less'} logic (estimate "
                    f"{candidate.cost:.0f} gates, was {before:.0f})",
                    why="Equal by word-level rules; values that several signals need are computed once.",
                    rank=max(0.05, gain),
                )
                if change is not None:
                    yield change


def definitions(module: ModuleIR) -> dict[str, Definition]:
    """Return the signals whose drivers may be rewritten, with their values over inputs and registers."""
    drivers: dict[str, list[Block]] = {}
    for block in module.blocks:
        for name in block.assigned:
            drivers.setdefault(name, []).append(block)
    values: dict[str, Term | None] = {}
    found: dict[str, Definition] = {}
    for name in module.combinational:
        blocks = drivers.get(name, [])
        value = _expanded(module, name, values)
        if len(blocks) != 1 or value is None or any(t.op == "undef" for t in walk(value)):
            continue
        block = blocks[0]
        if not block.editable or block.scope or name not in module.signals:
            continue
        if block.kind == "assign":
            occurrence = _whole(module, name, block)
            if occurrence is not None:
                found[name] = Definition(name, block, value, occurrence)
        elif block.kind == "comb" and block.assigned <= module.combinational.keys():
            found[name] = Definition(name, block, value, None)
    return found


def _expanded(module: ModuleIR, name: str, values: dict[str, Term | None]) -> Term | None:
    """Return a signal's value with all continuous logic substituted, None where that is too large or circular."""
    if name in values:
        return values[name]
    values[name] = None  # a circular definition meets this
    term = module.combinational[name]
    parts: dict[str, Term] = {}
    for read in variables(term):
        if read in module.combinational:
            inner = _expanded(module, read, values)
            if inner is None:
                return None
            parts[read] = inner
    whole = substitute(term, parts)
    values[name] = whole if sum(1 for _ in walk(whole)) <= LARGEST else None
    return values[name]


def _whole(module: ModuleIR, name: str, block: Block) -> Occurrence | None:
    found = [
        o
        for o in module.occurrences
        if o.block == block.index and o.root and o.role == "rhs" and o.target == name and o.editable
    ]
    signal = module.signals[name]
    return found[0] if len(found) == 1 and in_context(found[0]).width == signal.width == found[0].parent_width else None


def observed(module: ModuleIR) -> set[str]:
    """Return signals that something other than continuous logic reads: ports, registers, instances, memories."""
    names = {s.name for s in module.signals.values() if s.kind in ("output", "inout")}
    for instance in module.instances:
        for connection in instance.connections:
            if connection.term is not None:
                names |= variables(connection.term).keys()
    for occurrence in module.occurrences:
        if module.blocks[occurrence.block].kind not in ("assign", "comb") or occurrence.role == "port":
            names |= variables(occurrence.term).keys()
    for name, term in module.combinational.items():
        del name
        names |= {n for t in walk(term) if t.op == "select" for n in variables(t)}
    return names


def groups(module: ModuleIR, known: dict[str, Definition]) -> Iterator[list[Definition]]:
    """Yield sets of signals to rewrite together: all, each procedural block's, each alone."""
    seen = observed(module)
    roots = [d for d in known.values() if d.name in seen]
    # A block is rewritten as a whole, so all of its targets that matter must be known.
    readable = {n for t in module.combinational.values() for n in variables(t)}
    by_block: dict[int, list[Definition]] = {}
    for definition in known.values():
        if definition.occurrence is None and (definition.name in seen or definition.name in readable):
            by_block.setdefault(definition.block.index, []).append(definition)
    usable = [d for d in roots if d.occurrence is not None]
    blocks = [b for i, b in by_block.items() if _complete(module, module.blocks[i], known, seen | readable)]
    tasks = [[*usable, *(d for b in blocks for d in b)], *blocks, *([d] for d in usable)]
    done: set[tuple[str, ...]] = set()
    for task in tasks:
        key = tuple(d.name for d in task)
        if task and key not in done and sum(1 for _ in walk(*(d.value for d in task))) <= LARGEST:
            done.add(key)
            yield task


def _complete(module: ModuleIR, block: Block, known: dict[str, Definition], matter: set[str]) -> bool:
    return all(n in known or n not in matter for n in block.assigned)


class Scribe:
    """Writes one candidate into the source."""

    def __init__(
        self,
        module: ModuleIR,
        writer: Writer,
        group: Sequence[Definition],
        inside: Sequence[Definition],
        candidate: Candidate,
        costs: Costs,
    ) -> None:
        self.module, self.writer, self.costs = module, writer, costs
        self.alone = group[0].name if len(group) == 1 else None
        self.statements: list[tuple[Definition, Term]] = list(zip(group, candidate.terms, strict=True))
        self.first = min((d.block for d in group), key=lambda b: writer.item_start(b))
        start = writer.item_start(self.first)
        self.named: dict[Term, str] = {}
        for definition, form in zip(inside, candidate.watched, strict=True):
            if (
                form is not None
                and form.op not in ("var", "const", "extract")
                and self._declared(definition.name, start)
            ):
                self.named.setdefault(form, definition.name)
                self.statements.append((definition, form))
        for definition, form in zip(group, candidate.terms, strict=True):
            signal = self.module.signals[definition.name]
            readable = signal.kind not in ("output", "inout")
            if readable and form.op not in ("var", "const", "extract") and self._declared(definition.name, start):
                self.named.setdefault(form, definition.name)
        self.made: list[str] = []
        self.helpers: list[Helper] = []

    def _declared(self, name: str, before: int) -> bool:
        place = self.module.signals[name].declared
        return place is not None and place.file == self.first.place.file and place.start < before

    def edits(self) -> list[Edit]:
        """Return the edits, none where nothing changes or a name would be read before its declaration."""
        self._share()
        try:
            edits = self._statements()
        finally:
            self.writer.release(self.made)
        if edits and self.helpers:
            reads = [n for h in self.helpers for n in self._names_in(h)]
            if not all(self._declared(n, self.writer.item_start(self.first)) for n in reads):
                return []
            edits.insert(0, self.writer.declarations(self.helpers, self.first))
        return edits

    def _names_in(self, helper: Helper) -> list[str]:
        import re

        words = set(re.findall(r"[A-Za-z_$][\w$]*", helper.text))
        return [w for w in words if w in self.module.signals]

    def _fresh(self, stem: str) -> str:
        self.made.append(self.writer.fresh(stem))
        return self.made[-1]

    def _share(self) -> None:
        """Give a wire to every costly value that is used twice and has no name yet."""
        users: Counter[Term] = Counter()
        terms = list(dict.fromkeys(t for _, t in self.statements))
        for term in walk(*terms):
            users.update(set(term.args))
        users.update(terms)
        order = [t for t in walk(*terms) if users[t] > 1 and t not in self.named and self._worth(t)]
        for term in order:
            name = self._fresh(self._stem(term))
            text = self._render(term, term.width, own=None)
            self.named[term] = name
            self.helpers.append(Helper(name, term.width, text))

    def _stem(self, term: Term) -> str:
        """Return a name's stem, the signal's own in front where only one is rewritten: two changes may be joined."""
        stem = hint(term)
        return stem if self.alone is None or stem.startswith(self.alone) else f"{self.alone}_{stem}"

    def _worth(self, term: Term) -> bool:
        if term.op in ("var", "const", "extract", "zext", "sext", "concat", "undef"):
            return False
        return area(term, costs=self.costs, free=[t for a in term.args for t in walk(a)]) >= SHARED

    def _render(self, term: Term, width: int, own: str | None) -> str:
        """Return text of a value with named parts read by name; slices of computed values get wires of their own."""
        body = self._with_names(term, own)
        made, text = to_statements(
            body,
            fresh=lambda stem: self._fresh(stem if self.alone is None else f"{self.alone}_{stem}"),
            signals=self.module.signals,
            context_width=width,
            context_signed=None,
            explicit=True,
        )
        self.helpers += made
        return text

    def _with_names(self, root: Term, own: str | None) -> Term:
        done: dict[Term, Term] = {}
        for term in walk(root):
            name = self.named.get(term)
            if name is not None and name != own and not (term is root and own is None):
                done[term] = var(name, term.width)
            else:
                done[term] = rebuild(term, tuple(done[a] for a in term.args))
        return done[root]

    def _statements(self) -> list[Edit]:
        edits: list[Edit] = []
        blocks: dict[int, list[tuple[Definition, Term]]] = {}
        for definition, term in self.statements:
            if definition.occurrence is None:
                blocks.setdefault(definition.block.index, []).append((definition, term))
                continue
            if self._unchanged(definition, term):
                continue
            text = self._render(term, self.module.signals[definition.name].width, own=definition.name)
            if "".join(text.split()) != "".join(self.writer.text_of(definition.occurrence).split()):
                edits.append(self.writer.replace(definition.occurrence, text))
        for index, items in blocks.items():
            if not all(self._unchanged(d, t) for d, t in items):
                edits.append(self._block(self.module.blocks[index], items))
        return edits

    def _unchanged(self, definition: Definition, term: Term) -> bool:
        """Return whether the statement already says this, so that its text stays."""
        own = definition.value
        return term is own or term is tidy([own], [own])[0]

    def _block(self, block: Block, items: list[tuple[Definition, Term]]) -> Edit:
        source = self.writer.sources[block.place.file]
        word = "always_comb" if source.startswith(b"always_comb", block.place.start) else "always @*"
        indent = self.writer.indent(block.place.file, block.place.start)
        lines = [f"{d.name} = {self._render(t, self.module.signals[d.name].width, own=d.name)};" for d, t in items]
        if len(lines) == 1:
            text = f"{word}\n{indent}    {lines[0]}"
        else:
            body = "".join(f"{indent}    {line}\n" for line in lines)
            text = f"{word} begin\n{body}{indent}end"
        return Edit(block.place.file, block.place.start, block.place.end, text)
