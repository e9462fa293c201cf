"""Propose cheaper drivers for combinational signals, found by search, algebra and minimisation."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from rtlgen.graphs.wordlevel import simulate as sim
from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.module import ModuleIR
from rtlgen.graphs.wordlevel.terms import Term, variables
from rtlgen.optimizer.registers.define import redefine
from rtlgen.optimizer.registers.draft import Draft
from rtlgen.optimizer.registers.module_text import CannotEditError
from rtlgen.optimizer.resynth import algebra
from rtlgen.optimizer.resynth.bank import Words, as_words
from rtlgen.optimizer.resynth.boolean import minimised
from rtlgen.optimizer.resynth.cost import term_cost
from rtlgen.optimizer.resynth.mirror import mirrored
from rtlgen.optimizer.resynth.search import LARGEST_WORD, Points, Searcher
from rtlgen.optimizer.resynth.targets import base_support, expanded, leaves_for, module_cost, temporaries
from rtlgen.optimizer.resynth.tidy import shape, tidy
from rtlgen.optimizer.rewrite import Change, RewriteContext

_SMALL: Final = 256
_LARGE: Final = 4096
_PER_TARGET_S: Final = 2.5
_TABLE_BITS: Final = 9
_KEEP: Final = 3


@dataclass(frozen=True, slots=True)
class Candidate:
    """A new driver for a group of signals (most significant first) and its estimated saving."""

    names: tuple[str, ...]
    term: Term
    gain: float
    how: str


class Resynthesis:
    """Replaces the drivers of combinational signals by cheaper expressions with the same values."""

    name = "resynthesis"

    def propose(self, context: RewriteContext) -> Iterator[Change]:
        """Yield changes, most promising target first."""
        for module in context.modules:
            if module.copies == 1 and time.monotonic() < context.deadline_s:
                yield from _module(context, module)


def _module(context: RewriteContext, module: ModuleIR) -> Iterator[Change]:
    workbench = Workbench(module, context.seed)
    found: list[Candidate] = []
    for names in workbench.targets():
        if time.monotonic() > context.deadline_s:
            return
        deadline = min(context.deadline_s, time.monotonic() + _PER_TARGET_S)
        candidates = workbench.candidates(names, deadline)
        found += candidates
        for candidate in candidates:
            if candidate.gain < -0.05 * workbench.cost:
                continue
            change = _write(context, module, [candidate])
            if change is not None:
                yield change
    together = workbench.together(found)
    change = _write(context, module, together) if len(together) > 1 else None
    if change is not None:
        yield change


class Workbench:
    """Sample points and costs of one module, and the search for new drivers over them."""

    def __init__(self, module: ModuleIR, seed: int = 0) -> None:
        self.module = module
        self.constants = sim.constants_of(module)
        self.few = sim.sample_module(module, _SMALL, seed + 1)
        self.many = sim.sample_module(module, _LARGE, seed + 2)
        self.cost = module_cost(module, {})

    def targets(self) -> list[tuple[str, ...]]:
        """Return groups of signals worth a search, by what their logic costs, dearest first."""
        module = self.module
        names = [n for g in sim.schedule(module) for n in g.names if n in module.signals and n not in module.opaque]
        inner = temporaries(module)
        names = [n for n in names if "." not in n and n not in inner and module.signals[n].width <= LARGEST_WORD]
        worth: dict[tuple[str, ...], float] = {
            (n,): self.cost - module_cost(module, {n: t.const(0, module.signals[n].width)}) for n in names
        }
        flags = [n for n in names if module.signals[n].width == 1]
        memo: dict[str, frozenset[str]] = {}
        supports = {n: base_support(module, module.combinational[n], memo) for n in names}
        for word in (n for n in names if 1 < module.signals[n].width < LARGEST_WORD):
            for flag in flags[:6]:
                if supports[flag] == supports[word]:
                    zero = {word: t.const(0, module.signals[word].width), flag: t.const(0, 1)}
                    worth[flag, word] = self.cost - module_cost(module, zero)
        return [k for k, v in sorted(worth.items(), key=lambda kv: -kv[1]) if v > 2.0]

    def candidates(self, names: tuple[str, ...], deadline_s: float = float("inf")) -> list[Candidate]:
        """Return new drivers that agree with the old ones at all sample points, best first."""
        old = t.concat(*(self.module.combinational[n] for n in names))
        found: list[Candidate] = []
        seen: set[Term] = {old}
        for how, idea in self._ideas(names, old, deadline_s):
            term = tidy(idea)
            if term in seen or variables(term).keys() & set(names) or (len(names) > 1 and not _joint(term)):
                continue
            seen.add(term)
            if self._agrees(term, old):
                found.append(Candidate(names, term, self.cost - self.changed_cost(names, term), how))
        shapes: dict[object, Candidate] = {}
        for candidate in sorted(found, key=lambda c: -c.gain):
            shapes.setdefault(shape(candidate.term), candidate)
        kinds: dict[bool, list[Candidate]] = {True: [], False: []}
        for candidate in shapes.values():
            kinds[bool(variables(candidate.term).keys() & self.module.combinational.keys())].append(candidate)
        best = [*kinds[True][:_KEEP], *kinds[False][:_KEEP]]
        return sorted(best, key=lambda c: -c.gain)

    def together(self, found: Sequence[Candidate]) -> list[Candidate]:
        """Return candidates that save most when made together, chosen one after the other by the estimate."""
        chosen: list[Candidate] = []
        changes: dict[str, Term] = {}
        cost = self.cost
        while True:
            free = [c for c in found if not changes.keys() & set(c.names)]
            trials = [(module_cost(self.module, changes | self.drivers(c.names, c.term)), c) for c in free]
            trials = [x for x in trials if not self._circular(changes | self.drivers(x[1].names, x[1].term))]
            best = min(trials, key=lambda x: x[0], default=None)
            if best is None or best[0] > cost - 1.0:
                return chosen
            cost = best[0]
            chosen.append(best[1])
            changes |= self.drivers(best[1].names, best[1].term)

    def _circular(self, changes: dict[str, Term]) -> bool:
        """Say whether combinational signals would depend on themselves."""
        view = replace(self.module, combinational=self.module.combinational | changes)
        cyclic = {n for g in sim.schedule(self.module) if g.cyclic for n in g.names}
        return any(g.cyclic and not cyclic.issuperset(g.names) for g in sim.schedule(view))

    def drivers(self, names: Sequence[str], term: Term) -> dict[str, Term]:
        """Return the slice of `term` that drives each of the names, most significant first."""
        changes: dict[str, Term] = {}
        low = term.width
        for name in names:
            width = self.module.signals[name].width
            low -= width
            changes[name] = t.extract(term, low, width)
        return changes

    def changed_cost(self, names: Sequence[str], term: Term) -> float:
        """Return the module's estimated cost with the signals driven by slices of `term`."""
        return module_cost(self.module, self.drivers(names, term))

    def _agrees(self, term: Term, old: Term) -> bool:
        wanted = self.many.evaluate(old)
        got = self.many.evaluate(term)
        loose = self._loose(self.many, old)
        return bool(((wanted ^ got) & ~loose == 0).all())

    @staticmethod
    def _loose(samples: sim.Samples, old: Term) -> sim.Vector:
        """Return a mask per point of the bits that the old driver leaves undefined."""
        if not any(x.op == "undef" for x in t.walk(old)):
            return sim.constant(0, old.width, samples.count)
        ones = t.transform(old, lambda x: t.const(t.mask(x.width), x.width) if x.op == "undef" else x)
        loose: sim.Vector = samples.evaluate(ones) ^ samples.evaluate(old)
        return loose

    def _ideas(self, names: tuple[str, ...], old: Term, deadline_s: float) -> Iterator[tuple[str, Term]]:
        base = expanded(self.module, old)
        if base is not None:
            yield from self._algebra(base)
            yield from self._table(base)
        target = as_words(self.few.evaluate(old))
        if bool((self._loose(self.few, old) != 0).any()):
            return
        leaves = leaves_for(self.module, set(names), old)
        own = [x for x in leaves if x.name not in self.module.combinational]
        for chosen in [leaves, own] if len(own) < len(leaves) else [leaves]:
            yield from self._search(chosen, old, target, deadline_s, alone=len(names) == 1)

    def _search(
        self, leaves: list[Term], old: Term, target: Words, deadline_s: float, *, alone: bool
    ) -> Iterator[tuple[str, Term]]:
        points = Points(self.few.count, self.few.values, self.few.memories)
        harvest = self._harvest(old, {x.name for x in leaves})
        searcher = Searcher(leaves, points, self.constants, harvest=harvest, deadline_s=deadline_s)
        yield from (("search", s.term) for s in searcher.solve(target, old.width))
        if alone and 6 <= old.width <= LARGEST_WORD:
            yield from (("mirror", x) for x in mirrored(searcher, target, old.width))

    def _harvest(self, old: Term, names: set[str]) -> list[Term]:
        """Return sub-expressions of the driver over the given signals as building blocks, cheap ones first."""
        usable = [x for x in t.walk(old) if x is not old and x.op not in ("var", "const", "undef", "select")]
        usable = sorted((x for x in usable[:1500] if x.width <= LARGEST_WORD), key=term_cost)[:300]
        clean = [x for x in usable if not any(y.op in ("undef", "select") for y in t.walk(x))]
        return [x for x in clean if variables(x).keys() <= names][:150]

    def _algebra(self, base: Term) -> Iterator[tuple[str, Term]]:
        widths = variables(base)
        for how, recognise in (("xor", algebra.as_xor), ("sum", algebra.as_sum)):
            term = recognise(base, widths)
            if term is not None:
                yield how, term

    def _table(self, base: Term) -> Iterator[tuple[str, Term]]:
        widths = variables(base)
        count = sum(widths.values())
        if not 1 <= count <= _TABLE_BITS or any(x.op == "select" for x in t.walk(base)):
            return
        size = 1 << count
        values = sim.sample_inputs(widths, size)
        words = [int(v) for v in sim.evaluate_terms((base,), values, size)[0]]
        leaves = [t.extract(t.var(n, w), i, 1) for n, w in widths.items() for i in range(w)]
        columns = []
        for j in range(base.width):
            on = sum(1 << i for i, v in enumerate(words) if v >> j & 1)
            columns.append(minimised(on, (1 << size) - 1 - on, leaves))
        yield "minimise", t.concat(*(c[0] for c in reversed(columns)))
        yield "minimise", t.concat(*(min(c, key=term_cost) for c in reversed(columns)))


def _write(context: RewriteContext, module: ModuleIR, candidates: Sequence[Candidate]) -> Change | None:
    draft = Draft(context, module)
    try:
        for candidate in candidates:
            view = draft.view() if draft.sources is not context.sources else module
            text = draft.text(view)
            draft.apply(redefine(text, view, candidate.names, candidate.term))
        draft.clean()
    except CannotEditError:
        return None
    shown = " and ".join(n for c in candidates for n in c.names)
    return draft.change(
        "resynthesize",
        f"drive {shown} by {'a simpler expression' if len(candidates) == 1 else 'simpler expressions'}",
        _WHY[candidates[0].how],
        rank=float(np.clip(0.4 + sum(c.gain for c in candidates) / 400, 0.05, 0.95)),
        obligation="combinational",
    )


def _joint(term: Term) -> bool:
    """Say whether an expression for several signals at once shares an operator between them."""
    if term.op == "ite":
        return all(_joint(x) or x.is_const for x in term.args[1:])
    return term.op in ("add", "sub", "mul", "neg", "shl")


_WHY: Final = {
    "search": "A shorter word-level expression has the same values; it needs less logic and says what is meant.",
    "mirror": "One shifter or adder between two conditional reversals or complements serves both cases.",
    "xor": "The function is linear over single bits; as shared exclusive-ors it needs no decisions.",
    "sum": "The function is a weighted sum of its operands; written so, synthesis builds one adder tree.",
    "minimise": "The function depends on few bits; a minimised form needs less logic.",
}
