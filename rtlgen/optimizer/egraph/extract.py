"""Extraction: several different cheapest terms of a saturated e-graph, with shared operators counted once.

Choosing one node a class so that the reachable nodes cost least is NP-hard; here a bottom-up pass that carries sets of
needed classes gives a start, and a seeded local search over the choices improves it and collects runners-up.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.optimizer.egraph.cost import Costs, Operand
from rtlgen.optimizer.egraph.engine import Classes, Node
from rtlgen.optimizer.egraph.language import SHAPES, build

INFINITE: Final = 1e18
ALTERNATIVES: Final = 12
"""Nodes of a class that the local search looks at, cheapest first."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One choice.

    Attributes:
        terms: the terms for all roots.
        cost: estimated cost of their common graph.
        watched: what each watched term became, None where the choice does not need it.
    """

    terms: tuple[Term, ...]
    cost: float
    watched: tuple[Term | None, ...] = ()


@dataclass(slots=True)
class Extractor:
    """Extracts from one e-graph.

    Args:
        classes: the e-graph.
        costs: technology-aware costs.
        leaf_cost: cost of reading a signal that would otherwise vanish, such as a wire with no other reader.
        objective: what `cost` of a candidate means.
        watch: how many of the last roots are only watched: their form is reported where a candidate needs them.
    """

    classes: Classes
    costs: Costs = field(default_factory=Costs)
    leaf_cost: Mapping[str, float] = field(default_factory=dict)
    objective: Literal["area", "delay"] = "area"
    watch: int = 0
    _operands: list[Operand] = field(default_factory=list)
    _node_cost: dict[tuple[int, int], float] = field(default_factory=dict)
    _best: list[int] = field(default_factory=list)
    _ranked: list[list[int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._operands = _operand_facts(self.classes)
        for index, nodes in enumerate(self.classes.nodes):
            for position, node in enumerate(nodes):
                self._node_cost[index, position] = self._cost_of(node)
        self._bottom_up()

    def candidates(self, count: int, *, seed: int = 0, wall_s: float = 0.3) -> list[Candidate]:
        """Return up to `count` different candidates, cheapest first, after at most about `wall_s` seconds."""
        if any(self._best[r] < 0 for r in self._roots):
            return []
        found: dict[tuple[Term | None, ...], float] = {}
        choice = dict(enumerate(self._best))
        self._note(found, choice)
        self._descend(found, choice, random.Random(seed), time.monotonic() + wall_s)
        ranked = sorted(found.items(), key=lambda item: item[1])
        count_roots = len(self._roots)
        return [
            Candidate(tuple(t for t in terms[:count_roots] if t is not None), cost, terms[count_roots:])
            for terms, cost in ranked[:count]
        ]

    @property
    def _roots(self) -> tuple[int, ...]:
        return self.classes.roots[: len(self.classes.roots) - self.watch]

    # Costs ------------------------------------------------------------------------------------------------------

    def _cost_of(self, node: Node) -> float:
        if node.op == "Var":
            return self.leaf_cost.get(str(node.numbers[1]), self.costs.area("Var", int(node.numbers[0]), ()))
        operands = tuple(self._operands[o] for o in node.operands)
        width = (
            operands[0].width if node.op in ("Eq", "Ult", "Ule", "Slt", "Sle") and operands else int(node.numbers[0])
        )
        metric = self.costs.area if self.objective == "area" else self.costs.delay
        return metric(node.op, width, operands)

    def _bottom_up(self) -> None:
        """Choose a node for each class by cost with sharing below it; classes without a finite tree keep -1."""
        count = len(self.classes.nodes)
        self._best = [-1] * count
        needed: list[dict[int, float]] = [{} for _ in range(count)]
        total = [INFINITE] * count
        users = _users(self.classes)
        work = [i for i, nodes in enumerate(self.classes.nodes) if any(not n.operands for n in nodes)]
        queued = set(work)
        steps = 0
        while work and steps < 40 * count + 1000:
            steps += 1
            index = work.pop(0)
            queued.discard(index)
            for user in users[index] if self._improve(index, needed, total) else ():
                if user not in queued:
                    queued.add(user)
                    work.append(user)
        self._ranked = [self._rank(i, needed, total) for i in range(count)]

    def _improve(self, index: int, needed: list[dict[int, float]], total: list[float]) -> bool:
        better = False
        for position, node in enumerate(self.classes.nodes[index]):
            merged = self._merged(index, position, node, needed, total)
            cost = self._sum(merged, node, index, position, total) if merged is not None else INFINITE
            if merged is not None and cost < total[index] - 1e-9:
                needed[index], total[index], self._best[index] = merged, cost, position
                better = True
        return better

    def _merged(
        self, index: int, position: int, node: Node, needed: list[dict[int, float]], total: list[float]
    ) -> dict[int, float] | None:
        merged: dict[int, float] = {}
        for operand in node.operands:
            if total[operand] >= INFINITE:
                return None
            merged |= needed[operand]
        if index in merged:
            return None
        merged[index] = self._node_cost[index, position]
        return merged

    def _sum(self, merged: Mapping[int, float], node: Node, index: int, position: int, total: list[float]) -> float:
        if self.objective == "area":
            return sum(merged.values())
        slowest = max((total[o] for o in node.operands), default=0.0)
        return slowest + self._node_cost[index, position]

    def _rank(self, index: int, needed: list[dict[int, float]], total: list[float]) -> list[int]:
        scored = []
        for position, node in enumerate(self.classes.nodes[index]):
            merged = self._merged(index, position, node, needed, total)
            if merged is not None:
                scored.append((self._sum(merged, node, index, position, total), position))
        return [position for _, position in sorted(scored)[:ALTERNATIVES]]

    # Local search -----------------------------------------------------------------------------------------------

    def _descend(
        self, found: dict[tuple[Term | None, ...], float], start: dict[int, int], rng: random.Random, deadline: float
    ) -> None:
        """Random single and double changes of the choice, kept where the whole does not get worse."""
        choice, cost = dict(start), self.cost(start)
        if cost is None:
            return
        best, best_choice, stale = cost, dict(start), 0
        while time.monotonic() < deadline and stale < 400:
            changed = self._mutated(choice, rng)
            new = self.cost(changed) if changed is not None else None
            stale += 1
            if changed is None or new is None:
                continue
            if new <= best * 1.25 + 2:
                self._note(found, changed, new)
            if new <= cost or rng.random() < 0.02:
                if new < best - 1e-9:
                    best, best_choice, stale = new, dict(changed), 0
                choice, cost = changed, new
            elif stale % 100 == 0:
                choice, cost = dict(best_choice), best

    def _mutated(self, choice: dict[int, int], rng: random.Random) -> dict[int, int] | None:
        reachable = [i for i in self._reachable(choice) or () if len(self._ranked[i]) > 1]
        if not reachable:
            return None
        changed = dict(choice)
        for _ in range(rng.choice((1, 1, 2, 3))):
            index = rng.choice(reachable)
            changed[index] = rng.choice(self._ranked[index])
        return changed

    def _reachable(self, choice: Mapping[int, int]) -> list[int] | None:
        """Return the classes that a choice needs, operands before users; None where it has a cycle."""
        order: list[int] = []
        state: dict[int, int] = {}
        stack = [(r, False) for r in self._roots]
        while stack:
            index, finished = stack.pop()
            if finished:
                state[index] = 2
                order.append(index)
            elif state.get(index, 0) == 1:
                return None
            elif index not in state:
                state[index] = 1
                stack.append((index, True))
                for operand in self.classes.nodes[index][choice[index]].operands:
                    if state.get(operand) == 1:
                        return None
                    if operand not in state:
                        stack.append((operand, False))
        return order

    def cost(self, choice: Mapping[int, int]) -> float | None:
        """Return the cost of a choice with shared classes counted once, None where it is cyclic."""
        order = self._reachable(choice)
        if order is None:
            return None
        if self.objective == "area":
            return sum(self._node_cost[i, choice[i]] for i in order)
        arrival: dict[int, float] = {}
        for i in order:
            operands = self.classes.nodes[i][choice[i]].operands
            arrival[i] = max((arrival[o] for o in operands), default=0.0) + self._node_cost[i, choice[i]]
        return max(arrival[r] for r in self._roots)

    def _note(
        self, found: dict[tuple[Term | None, ...], float], choice: Mapping[int, int], cost: float | None = None
    ) -> None:
        cost = self.cost(choice) if cost is None else cost
        order = self._reachable(choice)
        if order is None or cost is None or (len(found) > 200 and cost > min(found.values()) * 1.1):
            return
        built: dict[int, Term] = {}
        for index in order:
            node = self.classes.nodes[index][choice[index]]
            built[index] = build(node.op, node.numbers, [built[o] for o in node.operands])
        terms = tuple(built.get(r) for r in self.classes.roots)
        found[terms] = min(cost, found.get(terms, cost))


def _users(classes: Classes) -> list[list[int]]:
    users: list[set[int]] = [set() for _ in classes.nodes]
    for index, nodes in enumerate(classes.nodes):
        for node in nodes:
            for operand in node.operands:
                users[operand].add(index)
    return [[*u] for u in users]


def _operand_facts(classes: Classes) -> list[Operand]:
    """Return width, literal value and known zero bits of every class."""
    found: list[Operand] = []
    for nodes in classes.nodes:
        width = _width(nodes[0])
        constant = next((int(n.numbers[1]) for n in nodes if n.op == "Const"), None)
        top, low = width, 0
        if constant is not None:
            top = constant.bit_length()
            low = (constant & -constant).bit_length() - 1 if constant else width
        found.append(Operand(width, constant, top, low, any(n.op in ("Add", "Sub") for n in nodes)))
    for index, nodes in enumerate(classes.nodes):
        for node in nodes:
            found[index] = _refined(found[index], node, found)
    return found


def _width(node: Node) -> int:
    return SHAPES[node.op].result(*node.numbers)


def _refined(fact: Operand, node: Node, found: list[Operand]) -> Operand:
    top, low = fact.top, fact.low
    if node.op == "Zext":
        inner = found[node.operands[0]]
        top, low = min(top, inner.top if inner.constant is not None else inner.width), max(low, inner.low)
    elif node.op == "Cat":
        lower = found[node.operands[1]]
        if lower.constant == 0:
            low = max(low, lower.width)
        if found[node.operands[0]].constant == 0:
            top = min(top, lower.width)
    elif node.op == "Shl" and (amount := found[node.operands[1]].constant) is not None:
        low = max(low, min(amount, fact.width))
    return Operand(fact.width, fact.constant, top, low, fact.is_sum)
