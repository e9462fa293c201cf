"""Exact minimisation of a state machine by partition refinement.

After Hopcroft, "An n log n algorithm for minimizing states in a finite automaton" (1971), on a machine whose
transitions are labelled by guards instead of letters: the signature of a state is the guard under which it moves to
each class, and guards are canonical diagrams, so equal signatures are found by hashing.
"""

from __future__ import annotations

from collections.abc import Hashable

from rtlgen.optimizer.fsm.bdd import FALSE
from rtlgen.optimizer.fsm.extract import Machine

Classes = tuple[tuple[int, ...], ...]


def equivalence_classes(machine: Machine) -> Classes:
    """Return the reachable codes grouped into equivalent states.

    Classes and the codes inside each keep the machine's order, so the first code of a class is its representative.
    """
    block = _renumber({code: machine.outputs[code] for code in machine.codes})
    while True:
        signatures: dict[int, Hashable] = {c: (block[c], _moves(machine, c, block)) for c in machine.codes}
        refined = _renumber(signatures)
        if max(refined.values()) == max(block.values()):
            return _grouped(machine, refined)
        block = refined


def _renumber(keys: dict[int, Hashable]) -> dict[int, int]:
    numbers: dict[Hashable, int] = {}
    return {code: numbers.setdefault(key, len(numbers)) for code, key in keys.items()}


def _moves(machine: Machine, code: int, block: dict[int, int]) -> frozenset[tuple[int, int]]:
    guards: dict[int, int] = {}
    for target, guard in machine.transitions[code].items():
        into = block[target]
        guards[into] = machine.diagrams.disj(guards.get(into, FALSE), guard)
    return frozenset(guards.items())


def _grouped(machine: Machine, block: dict[int, int]) -> Classes:
    groups: dict[int, list[int]] = {}
    for code in machine.codes:
        groups.setdefault(block[code], []).append(code)
    return tuple(tuple(g) for g in groups.values())
