"""What a module's view shows to the outside: signals that something observed depends on, and those nothing does."""

from __future__ import annotations

from rtlgen.graphs.wordlevel.module import ModuleIR
from rtlgen.graphs.wordlevel.terms import Term, variables, walk


def live_roots(module: ModuleIR) -> list[str]:
    """Return the signals that are observed: by outputs, instances, clocks and resets, or logic not understood."""
    roots = [n for n, s in module.signals.items() if s.kind in ("output", "inout")]
    roots += [n for c in module.instances for p in c.connections if p.term is not None for n in reads(p.term)]
    roots += [n for r in module.registers.values() for n in (r.clock, *(a.signal for a in r.resets))]
    strange = {b.index for b in module.blocks if b.assigned & (set(module.opaque) | module.latched) or not b.assigned}
    for occurrence in module.occurrences:
        if occurrence.block in strange or (occurrence.target is not None and occurrence.target in module.opaque):
            roots += reads(occurrence.expanded)
    return list(dict.fromkeys(roots))


def live_signals(module: ModuleIR) -> set[str]:
    """Return every signal that an output, an instance or anything not understood depends on."""
    drivers: dict[str, list[Term]] = {n: [t] for n, t in module.combinational.items()}
    for name, register in module.registers.items():
        drivers[name] = [register.next]
    pending = live_roots(module)
    live: set[str] = set()
    while pending:
        name = pending.pop()
        if name not in live:
            live.add(name)
            pending += [n for t in drivers.get(name, []) for n in reads(t)]
    return live


def reads(term: Term) -> list[str]:
    """Return the signals and memories a term reads."""
    return [*variables(term), *(x.name for x in walk(term) if x.op == "select")]


def dead_signals(module: ModuleIR) -> list[str]:
    """Return signals inside the module that nothing depends on, in order of declaration."""
    live = live_signals(module)
    return [n for n, s in module.signals.items() if n not in live and s.kind in ("net", "variable")]
