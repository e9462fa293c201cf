"""`mux-restructure`: chains and cases over one selector as indexing, shifting, arithmetic, or a balanced tree."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from typing import Final

from rtlgen.graphs.wordlevel.module import ModuleIR
from rtlgen.graphs.wordlevel.terms import Term, evaluate, var, variables, walk
from rtlgen.optimizer.datapath.priority import NARROWEST, priority_forms, ranked
from rtlgen.optimizer.datapath.priority import WIDEST as WIDEST_VECTOR
from rtlgen.optimizer.datapath.restructure import Definition, Scribe, definitions, observed
from rtlgen.optimizer.datapath.source import Writer, cleaned
from rtlgen.optimizer.datapath.tables import WIDEST, closed_forms, table, tree
from rtlgen.optimizer.egraph.cost import Costs
from rtlgen.optimizer.egraph.extract import Candidate
from rtlgen.optimizer.egraph.simplify import area
from rtlgen.optimizer.egraph.tidy import tidy
from rtlgen.optimizer.rewrite import Change, RewriteContext

LARGEST: Final = 1500
"""Nodes of a value up to which it is tabulated."""
MOST_SELECTORS: Final = 3
MOST_WORK: Final = 12000
"""Nodes times codes up to which a selector is tried."""
FORMS: Final = 6


class MuxRestructure:
    """Proposes closed forms of selected values, one signal at a time."""

    name = "mux-restructure"

    def __init__(self, costs: Costs | None = None) -> None:
        self._costs = costs or Costs()

    def propose(self, context: RewriteContext) -> Iterator[Change]:
        """Yield, for every signal that depends on a selector, its forms with the cheapest estimate first."""
        for module in context.modules:
            writer = Writer(module, context.sources)
            later: list[Change] = []
            known = definitions(module)
            for definition in self._targets(module, known):
                if time.monotonic() > context.deadline_s:
                    return
                changes = list(self._changes(definition, module, writer, context))
                yield from changes[:2]
                later += changes[2:]
            yield from later

    def _targets(self, module: ModuleIR, known: dict[str, Definition]) -> list[Definition]:
        """Return signals with at least three choices in their value; the block's own view, wires not looked through."""
        found = []
        for definition in known.values():
            term = module.combinational[definition.name]
            if sum(1 for t in walk(term) if t.op == "ite") >= 3 and sum(1 for _ in walk(term)) <= LARGEST:
                found.append(Definition(definition.name, definition.block, term, definition.occurrence))
        return sorted(found, key=lambda d: -area(d.value, costs=self._costs))

    def _changes(
        self, definition: Definition, module: ModuleIR, writer: Writer, context: RewriteContext
    ) -> Iterator[Change]:
        before = area(definition.value, costs=self._costs)
        forms: dict[Term, str] = {}
        for form, what in self._forms(definition.value):
            (neat,) = tidy([form], [definition.value])
            if neat is not definition.value and neat not in forms and same(neat, definition.value):
                forms[neat] = what
        # A procedural block is written anew as a whole, so its other targets come along as they are.
        others = companions(definition, module)
        ordered = sorted(forms, key=lambda t: area(t, costs=self._costs))
        for form in ordered[:FORMS]:
            cost = area(form, costs=self._costs)
            terms = (form, *(o.value for o in others))
            scribe = Scribe(module, writer, [definition, *others], [], Candidate(terms, cost), self._costs)
            edits = scribe.edits()
            if edits:
                change = cleaned(
                    context,
                    module,
                    edits,
                    rule=self.name,
                    title=f"{definition.name} as {forms[form]} (estimate {cost:.0f} gates, was {before:.0f})",
                    why="Every selector code gives the same value; the regular form needs no comparison for each.",
                    rank=max(0.05, 1 - cost / max(before, 1)),
                )
                if change is not None:
                    yield change

    def _forms(self, value: Term) -> Iterator[tuple[Term, str]]:
        size = sum(1 for _ in walk(value))
        for name, width in selectors(value):
            if size << width > MOST_WORK:
                continue
            selector = var(name, width)
            values = table(value, name, width)
            for form in closed_forms(values, selector):
                yield form, f"a function of {name}"
            yield tree(values, selector), f"a tree over {name}"
            yield tree(values, selector, low_first=True), f"a tree over {name}, low bit first"
        for name, width in vectors(value):
            if size * width > MOST_WORK:
                continue
            for from_top in (True, False):
                cases = ranked(value, name, width, from_top=from_top)
                if cases is not None:
                    for form in priority_forms(cases):
                        yield form, f"the place of the {'highest' if from_top else 'lowest'} one in {name}"


def companions(definition: Definition, module: ModuleIR) -> list[Definition]:
    """Return the other signals that the definition's procedural block drives and that something reads."""
    if definition.occurrence is not None:
        return []
    read = observed(module) | {n for t in module.combinational.values() for n in variables(t)}
    names = sorted(n for n in definition.block.assigned if n != definition.name and n in read)
    return [Definition(n, definition.block, module.combinational[n], None) for n in names]


def selectors(value: Term) -> list[tuple[str, int]]:
    """Return narrow signals that the conditions of a value read, the most read first."""
    count: Counter[tuple[str, int]] = Counter()
    for term in walk(value):
        if term.op == "ite":
            count.update(variables(term.args[0]).items())
    return [item for item, number in count.most_common() if item[1] <= WIDEST and number >= 2 and item[1] > 1][
        :MOST_SELECTORS
    ]


def vectors(value: Term) -> list[tuple[str, int]]:
    """Return signals of which the conditions of a value read single bits or orders, as priority logic does."""
    count: Counter[tuple[str, int]] = Counter()
    for term in walk(value):
        if term.op == "ite":
            count.update(variables(term.args[0]).items())
    return [item for item, number in count.most_common(2) if NARROWEST <= item[1] <= WIDEST_VECTOR and number >= 3]


def same(left: Term, right: Term, trials: int = 48) -> bool:
    """Return False where a few values show that two terms differ; the proof comes later."""
    names = variables(left, right)
    if any(t.op == "select" for t in walk(left, right)):
        return True
    for trial in range(trials):
        values = {n: _sample(trial, i, w) for i, (n, w) in enumerate(sorted(names.items()))}
        if not any(t.op == "undef" for t in walk(right)) and evaluate(left, values) != evaluate(right, values):
            return False
    return True


def _sample(trial: int, index: int, width: int) -> int:
    import hashlib

    raw = int.from_bytes(hashlib.sha256(f"{trial}/{index}".encode()).digest() * (1 + width // 256), "little")
    # Values with a long run of zeros reach the far cases of priority logic.
    return (raw >> (raw % width if trial % 2 else 0)) & ((1 << width) - 1) >> (trial % width if trial % 3 == 0 else 0)
