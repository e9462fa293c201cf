"""Exact minimisation of a state machine by partition refinement, and merging of states that leave outputs open.

After Hopcroft, "An n log n algorithm for minimizing states in a finite automaton" (1971), on a machine whose
transitions are labelled by guards instead of letters: the signature of a state is the guard under which it moves to
each class, and guards are canonical diagrams, so equal signatures are found by hashing.
"""

from __future__ import annotations

from collections.abc import Hashable

from rtlgen.graphs.fsm.bdd import FALSE
from rtlgen.graphs.fsm.extract import Machine

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


def covered(machine: Machine) -> dict[int, int]:
    """Return code -> another code that does the same wherever the first one's behaviour is defined.

    Undefined (x) outputs and next states are don't-cares. The relation "does at least what the other does" is the
    greatest simulation, found by removing pairs until nothing changes; no code in the result stands for another one
    that is itself replaced.
    """
    if not machine.unknown:
        return {}
    implements = {(a, b) for a in machine.codes for b in machine.codes if a != b and _covers_outputs(machine, a, b)}
    implements |= {(a, a) for a in machine.codes}
    before = 0
    while before != len(implements):
        before = len(implements)
        implements -= {(a, b) for a, b in implements if a != b and not _covers_moves(machine, a, b, implements)}
    result: dict[int, int] = {}
    for a in reversed(machine.codes):
        better = [b for b in machine.codes if a != b and (a, b) in implements and b not in result]
        if better and a not in result.values():
            result[a] = better[0]
    return result


def _covers_outputs(machine: Machine, a: int, b: int) -> bool:
    cells = zip(machine.outputs[a], machine.outputs[b], strict=True)
    return all(left == right or _covers_bits(machine, left, right) for left, right in cells)


def _covers_bits(machine: Machine, left: Hashable, right: Hashable) -> bool:
    if not isinstance(left, tuple) or not isinstance(right, tuple):
        return False
    pairs = list(zip(left, right, strict=True))
    inverse = [(machine.diagrams.neg(f), machine.diagrams.neg(g)) for f, g in pairs]
    return all(_implied(machine, f, g) for f, g in (*pairs, *inverse))


def _implied(machine: Machine, f: int, g: int) -> bool:
    """Return whether `g` is known to be 1 wherever `f` is."""
    pool = machine.diagrams
    return pool.conj(pool.forall(f, machine.unknown), pool.neg(pool.forall(g, machine.unknown))) == FALSE


def _covers_moves(machine: Machine, a: int, b: int, implements: set[tuple[int, int]]) -> bool:
    pool = machine.diagrams
    for target, guard in machine.transitions[a].items():
        allowed = FALSE
        for other, condition in machine.transitions[b].items():
            if (target, other) in implements:
                allowed = pool.disj(allowed, pool.forall(condition, machine.unknown))
        if pool.conj(pool.forall(guard, machine.unknown), pool.neg(allowed)) != FALSE:
            return False
    return True
