"""A SAT solver in this process (Bitwuzla, which brings CaDiCaL), for questions too small to start ABC for.

Starting an ABC process costs more than most questions about a local edit. The graph goes to the solver as Boolean
terms, without any name of the design. Only small graphs and short times are given to it, since it can't be killed.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Mapping, Sequence
from typing import Any

from rtlgen.synth.equiv.aig import Aig
from rtlgen.synth.equiv.engines import Verdict

NAME = "sat"
QUICK_S = 0.15
"""Seconds after which what is still open is hard enough for ABC."""
_MAX_NODES = 12000
_MEMORY_MB = 1024


def decide(aig: Aig, lits: Sequence[int], seconds: float = QUICK_S) -> tuple[Verdict, Mapping[int, int]]:
    """Return whether one of the literals can be 1, and for `sat` the values of the primary inputs by node.

    Args:
        aig: graph.
        lits: what is asked.
        seconds: most time for the solver.
    """
    started = time.monotonic()
    cone = aig.cone(lits)
    if len(cone) > _MAX_NODES or seconds <= 0:
        return Verdict(NAME, "unknown"), {}
    import bitwuzla  # only where there is something to ask: loading it takes a moment

    manager = bitwuzla.TermManager()
    options = bitwuzla.Options()
    options.set(bitwuzla.Option.TIME_LIMIT_PER, max(1, int(seconds * 1000)))
    # the solver counts what the whole process holds
    held_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    options.set(bitwuzla.Option.MEMORY_LIMIT, held_mb + _MEMORY_MB)
    options.set(bitwuzla.Option.PRODUCE_MODELS, True)
    solver = bitwuzla.Bitwuzla(manager, options)
    inputs = _assert_any(bitwuzla, manager, solver, aig, cone, lits)
    outcome = solver.check_sat()
    wall_s = time.monotonic() - started
    if outcome == bitwuzla.Result.UNSAT:
        return Verdict(NAME, "unsat", wall_s=wall_s), {}
    if outcome != bitwuzla.Result.SAT:
        return Verdict(NAME, "unknown", wall_s=wall_s), {}
    values = {node: int(bool(solver.get_value(term).value())) for node, term in inputs.items()}
    if not any(aig.simulate(lits, values, 1)):  # never happens; a wrong model must not count
        return Verdict(NAME, "unknown", wall_s=wall_s), {}
    return Verdict(NAME, "sat", wall_s=wall_s), values


def _assert_any(
    bitwuzla: Any, manager: Any, solver: Any, aig: Aig, cone: Sequence[int], lits: Sequence[int]
) -> dict[int, Any]:
    """Assert that one of the literals is 1; return the terms of the primary inputs."""
    make, land, lnot = manager.mk_term, bitwuzla.Kind.AND, bitwuzla.Kind.NOT
    sort = manager.mk_bool_sort()
    terms: dict[int, Any] = {0: manager.mk_false()}

    def term(lit: int) -> Any:
        if lit not in terms:  # only complements are made late
            terms[lit] = make(lnot, [terms[lit ^ 1]])
        return terms[lit]

    inputs = {}
    for node in cone:
        a, b = aig.fan0[node], aig.fan1[node]
        if a < 0:
            inputs[node] = terms[node << 1] = manager.mk_const(sort)
        else:
            terms[node << 1] = make(land, [term(a), term(b)])
    asked = [term(lit) for lit in lits]
    solver.assert_formula(asked[0] if len(asked) == 1 else make(bitwuzla.Kind.OR, asked))
    return inputs
