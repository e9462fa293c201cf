"""Propose shared operators for values that are never needed at once."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Final

from rtlgen.graphs.wordlevel.terms import Term, walk
from rtlgen.optimizer.rewrite import Change, RewriteContext
from rtlgen.optimizer.sharing import adders
from rtlgen.optimizer.sharing.graph import ModuleGraph, module_graphs
from rtlgen.optimizer.sharing.select import NotSeparableError, Selector
from rtlgen.optimizer.sharing.unify import Unifier
from rtlgen.optimizer.sharing.weave import Weaver

_MOST: Final = 40
_GROUPS: Final = 14
_MOST_STYLED: Final = 6
"""Groups that are proposed in both styles."""
_SINGLE: Final = ("mul", "udiv", "urem", "sdiv", "srem", "shl", "lshr", "ashr", "eq", "ult", "slt", "add", "sub")
_SHIFTS: Final = frozenset({"shl", "lshr", "ashr"})
_WEIGHT: Final = {
    "mul": 8.0, "udiv": 12.0, "urem": 12.0, "sdiv": 14.0, "srem": 14.0, "shl": 3.0, "lshr": 3.0, "ashr": 3.0,
}  # fmt: skip
_WORDS: Final = {"mul": "multiplier", "udiv": "divider", "urem": "divider", "sdiv": "divider", "srem": "divider",
                 "eq": "comparator", "shl": "shifter", "lshr": "shifter", "ashr": "shifter"}  # fmt: skip


class ShareOperators:
    """Lets values that are never needed at the same time come from one operator with selected operands."""

    name = "share-operators"

    def propose(self, context: RewriteContext) -> Iterator[Change]:
        """Yield changes, the largest groups first."""
        for graph in module_graphs(context):
            yield from _module(context, graph)


def _module(context: RewriteContext, graph: ModuleGraph) -> Iterator[Change]:
    weaver = Weaver(context, graph)
    plans: list[tuple[float, str, tuple[Term, ...]]] = []
    additive = list(adders.operators(graph))
    plans += [(_saving(g), "adder", g) for g in groups(graph, additive)]
    shifts = [n for n in graph.nodes if n.op in _SHIFTS and not n.args[1].is_const]
    plans += [(_saving(g), "shift", g) for g in groups(graph, shifts, same_width=True)]
    for op in _SINGLE:
        nodes = [n for n in graph.nodes if n.op == op and n.args[0].width >= 3]
        plans += [(_saving(g) * 0.9, "same", g) for g in groups(graph, nodes, same_width=True)]
    seen: set[tuple[str, frozenset[Term]]] = set()
    made: set[tuple[object, ...]] = set()
    for place, (saving, kind, group) in enumerate(sorted(plans, key=lambda p: -p[0])[: 3 * _GROUPS]):
        key = (kind, frozenset(group))
        if key in seen:
            continue
        seen.add(key)
        for style in (0, 1) if place < _MOST_STYLED else (0,):
            if time.monotonic() > context.deadline_s:
                return
            change = _share(weaver, graph, kind, group, style, saving, made)
            if change is not None:
                yield change


def _saving(group: Sequence[Term]) -> float:
    weights = [_tree_weight(n) for n in group]
    return sum(weights) - max(weights)


def _tree_weight(node: Term) -> float:
    """Return the weight of an operator with those that feed it directly, the deeper ones less."""
    total, level, share = 0.0, [node], 1.0
    while level and share > 0.2:
        total += share * sum(_weight(n) for n in level if n.op in _SINGLE)
        level = [a for n in level if n.op in _SINGLE for a in n.args if a.args]
        share *= 0.9
    return total


def _weight(node: Term) -> float:
    """Return a guess of the operator's area in full adders."""
    constant = any(a.is_const for a in node.args)
    if node.op in adders.OPERATORS:
        return adders.Member(node).width * (0.4 if constant else 1.0)
    narrow = min((a.args[0].width if a.op in ("zext", "sext") else a.width) for a in node.args)
    return _WEIGHT.get(node.op, 0.5) * narrow * (0.3 if constant else 1.0)


def _share(
    weaver: Weaver,
    graph: ModuleGraph,
    kind: str,
    group: tuple[Term, ...],
    style: int,
    saving: float,
    made: set[tuple[object, ...]],
) -> Change | None:
    unifier = Unifier(graph, Selector(graph, group, style))
    try:
        if kind == "adder":
            targets = unifier.adder_group(group)
        elif kind == "shift":
            targets = unifier.shift_group(group)
        else:
            targets = unifier.same_group(group, _hint(group[0]))
    except NotSeparableError:
        return None
    key = (*((w.name, w.value) for w in unifier.wires), *targets.items())
    if key in made:
        return None
    made.add(key)
    word = _WORDS.get(group[0].op, "adder")
    return weaver.change(
        "share-operators",
        f"share one {word} between {len(group)} operations",
        f"These operations are never needed at once, so one {word} with selected operands does for all of them.",
        unifier.wires,
        targets,
        rank=min(0.95, 0.45 + saving / 200) - 0.03 * style,
    )


def _hint(node: Term) -> str:
    names = {"mul": "product", "udiv": "quotient", "urem": "remainder", "sdiv": "quotient", "srem": "remainder",
             "eq": "equal", "ult": "less", "slt": "less", "add": "sum", "sub": "difference"}  # fmt: skip
    return f"shared_{names.get(node.op, 'shift')}"


def groups(graph: ModuleGraph, nodes: Sequence[Term], same_width: bool = False) -> list[tuple[Term, ...]]:
    """Return groups of values that can share an operator: never needed at once, or of the same operands."""
    usable = [n for n in nodes if n in graph.active and bool(graph.active[n].any())]
    usable = sorted(usable, key=lambda n: -n.args[0].width)[:_MOST]
    parts = {n: set(walk(n)) for n in usable}
    found: dict[frozenset[Term], tuple[Term, ...]] = {}

    def fits(a: Term, b: Term) -> bool:
        if a in parts[b] or b in parts[a] or (same_width and _shape(a) != _shape(b)):
            return False
        if not same_width and _operands(a) == _operands(b):
            return True
        return not bool((graph.active[a] & graph.active[b]).any())

    for seed in usable:
        clique = [seed]
        for other in usable:
            if other is not seed and all(fits(other, member) for member in clique):
                clique.append(other)
        if len(clique) > 1:
            found.setdefault(frozenset(clique), tuple(sorted(clique, key=usable.index)))
    for i, a in enumerate(usable[:16]):
        for b in usable[i + 1 : 16]:
            if fits(a, b):
                found.setdefault(frozenset((a, b)), (a, b))
    return sorted(found.values(), key=lambda g: -len(g))[: 3 * _GROUPS]


def _operands(node: Term) -> frozenset[Term]:
    return frozenset(adders.stripped(a).base for a in node.args)


def _shape(node: Term) -> tuple[int, ...]:
    return (node.width, *(a.width for a in node.args))
