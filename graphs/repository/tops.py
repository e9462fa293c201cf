"""Which modules of a repository are the tops of its designs, where nobody says so."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass
from typing import Final

from rtlgen.graphs.repository.places import Role
from rtlgen.graphs.repository.units import Unit, Units

SMALL: Final = 1 / 2
"""A root that reaches no more than this part of what the largest one reaches is a spare part, not a design."""
CORE: Final = 2 / 3
"""A module inside a board is the design if it reaches at least this part of what the board reaches."""
MAIN: Final = 1 / 4
"""Modules of a role are passed over for those of the next one where they reach less than this part of the largest."""


@dataclass(frozen=True, slots=True)
class Tops:
    """The tops that were chosen, and the other modules that no module instantiates."""

    names: tuple[str, ...]
    spare: tuple[str, ...] = ()
    """They reach little: parts that the design leaves unused."""
    boards: tuple[str, ...] = ()
    """Around a design they add modules that the repository does not hold, such as the cells of a technology."""
    others: tuple[str, ...] = ()
    """Roots of tests, examples and libraries."""


def find_tops(units: Units, within: Iterable[str] | None = None) -> Tops:
    """Return the tops of a repository, or of the files `within`.

    A root is a module that no other one of the same role or a better one instantiates: a design is not less of a top
    because a test or an example instantiates it. Where a root adds modules that are found nowhere to a design that
    does not need them, it is a board and the design is taken. Tops are the roots that reach much.
    """
    modules = _Modules(units, None if within is None else frozenset(within))
    everything = modules.roots(modules.uses.keys())
    best = max((modules.weight(n) for n in everything), default=0)
    for role in Role:
        roots = modules.roots({name for name in modules.uses if modules.role[name] <= role})
        cores = {name: modules.core(name) for name in roots}
        chosen = modules.outermost(set(cores.values()))
        largest = max((modules.weight(n) for n in chosen), default=0)
        if chosen and largest >= best * MAIN:
            names = {n for n in chosen if modules.weight(n) > largest * SMALL}
            boards = {root for root, core in cores.items() if core != root} - names
            spare = chosen - names
            others = set(everything) - names - boards - spare
            return Tops(*(tuple(sorted(part)) for part in (names, spare, boards, others)))
    return Tops(())


class _Modules:
    """Modules by name, with what the preferred variant of each uses."""

    def __init__(self, units: Units, within: Set[str] | None) -> None:
        self.uses: dict[str, list[str]] = {}
        self.role: dict[str, Role] = {}
        self._known = units.definitions.keys()
        self._of_variants: dict[str, set[str]] = {}
        self._reach: dict[str, tuple[set[str], set[str]]] = {}
        for name, variants in units.definitions.items():
            inside = [u for u in variants if (within is None or u.path in within) and u.kind in ("module", "program")]
            if inside and name:
                self._add(name, inside)

    def _add(self, name: str, variants: list[Unit]) -> None:
        first = min(variants, key=lambda u: (u.role, len(u.path), u.path, u.line))
        self.role[name] = first.role
        self.uses[name] = [target for target in first.uses if target != name]
        self._of_variants[name] = {target for unit in variants for target in unit.uses if target != name}

    def roots(self, names: Set[str]) -> list[str]:
        """Return the modules that no other of `names` instantiates; of a ring that nobody enters, the first by name."""
        used = set[str]().union(*(self._of_variants[name] for name in names))
        roots = sorted(names - used)
        seen = set[str]().union(*(self.reach(root)[0] for root in roots))
        for name in sorted(names & used):
            if name not in seen and any(name in self.reach(target)[0] for target in self.uses[name]):
                roots.append(name)
                seen |= self.reach(name)[0]
        return roots

    def weight(self, name: str) -> int:
        """Return the number of modules that one reaches, itself included."""
        return len(self.reach(name)[0])

    def reach(self, name: str) -> tuple[set[str], set[str]]:
        """Return the modules that one reaches, itself included, and those that are found nowhere."""
        if name not in self._reach:
            reached, missing, todo = {name}, set[str](), [name]
            while todo:
                for target in self.uses.get(todo.pop(), ()):
                    if target in self.uses and target not in reached:
                        reached.add(target)
                        todo.append(target)
                    elif target not in self._known:
                        missing.add(target)
            self._reach[name] = (reached, missing)
        return self._reach[name]

    def core(self, root: str) -> str:
        """Return the design inside a board, or the root itself where it is none."""
        while True:
            below = [n for n in self.uses[root] if n in self.uses and self.weight(n) < self.weight(root)]
            inner = max(below, key=lambda n: (self.weight(n), n), default=None)
            if inner is None or self.weight(inner) < self.weight(root) * CORE:
                return root
            if self.reach(root)[1] <= self.reach(inner)[1]:
                return root
            root = inner

    def outermost(self, names: set[str]) -> set[str]:
        """Return those that no other of them reaches."""
        reached = set[str]()
        for name in names:
            reached.update(n for n in self.reach(name)[0] if n != name)
        return names - reached
