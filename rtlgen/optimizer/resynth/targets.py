"""What to resynthesise in a module, over which signals, and what a new expression would save."""

from __future__ import annotations

from collections.abc import Mapping

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.liveness import live_roots, reads
from rtlgen.graphs.wordlevel.module import ModuleIR
from rtlgen.graphs.wordlevel.terms import Term, variables
from rtlgen.optimizer.resynth.cost import total_cost

FLOP = 6.0
_LONGEST_CHAIN = 72


def definitions(module: ModuleIR) -> dict[str, Term]:
    """Return the term of every driven signal: combinational values and registers' next values."""
    return dict(module.combinational) | {n: r.next for n, r in module.registers.items()}


def live(module: ModuleIR, defined: Mapping[str, Term]) -> set[str]:
    """Return the signals that observed ones depend on under the given definitions."""
    pending, found = live_roots(module), set[str]()
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            if name in defined:
                pending += reads(defined[name])
    return found


def module_cost(module: ModuleIR, changes: Mapping[str, Term]) -> float:
    """Return the estimated cost of the module's live logic with some signals' terms replaced, equal nodes once."""
    defined = definitions(module) | dict(changes)
    alive = live(module, defined)
    roots = [term for name, term in defined.items() if name in alive]
    registers = sum(r.width for n, r in module.registers.items() if n in alive and n not in changes)
    return total_cost(roots) + FLOP * registers


def dependents(module: ModuleIR, name: str) -> set[str]:
    """Return the combinational signals that depend on `name`, itself included."""
    found = {name}
    while True:
        more = {n for n, x in module.combinational.items() if n not in found and not found.isdisjoint(variables(x))}
        if not more:
            return found
        found |= more


def base_support(module: ModuleIR, term: Term, memo: dict[str, frozenset[str]]) -> frozenset[str]:
    """Return the inputs, registers and free signals that a term depends on through combinational signals."""
    found: set[str] = set()
    for name in variables(term):
        if name not in module.combinational:
            found.add(name)
            continue
        if name not in memo:
            memo[name] = frozenset()
            memo[name] = base_support(module, module.combinational[name], memo)
        found |= memo[name]
    return frozenset(found)


def expanded(module: ModuleIR, term: Term, limit: int = 20_000) -> Term | None:
    """Return the term over inputs, registers and free signals only; None where that gets too large or circular."""
    for _ in range(len(module.combinational) + _LONGEST_CHAIN):
        inner = {n: module.combinational[n] for n in variables(term) if n in module.combinational}
        if not inner:
            return term
        term = t.substitute(term, inner)
        if sum(1 for _ in t.walk(term)) > limit:
            return None
    return None


def leaves_for(module: ModuleIR, names: set[str], term: Term) -> list[Term]:
    """Return the signals a new expression for `names` may read: those in its support, and what else stays alive.

    A combinational signal takes part if it lives on without `names`, does not depend on them, and depends only on
    what they depend on.
    """
    memo: dict[str, frozenset[str]] = {}
    support = base_support(module, term, memo)
    defined = {n: x for n, x in definitions(module).items() if n not in names}
    alive = live(module, defined)
    blocked = set().union(*(dependents(module, n) for n in names))
    signals = [n for n in module.signals if n in support]
    for name, inner in module.combinational.items():
        own = base_support(module, inner, memo)
        if name in alive and name not in blocked and name not in module.opaque and own and own <= support:
            signals.append(name)
    usable = [module.signals[n] for n in signals if n in module.signals and module.signals[n].depth is None]
    return [t.var(s.name, s.width) for s in usable if "." not in s.name]


def temporaries(module: ModuleIR) -> set[str]:
    """Return signals that other drivers of their block read, at a value that need not be the final one."""
    found: set[str] = set()
    for occurrence in module.occurrences:
        block = module.blocks[occurrence.block]
        if block.kind == "comb" and occurrence.root and occurrence.target is not None:
            found |= (variables(occurrence.term).keys() & block.assigned) - {occurrence.target}
    return found
