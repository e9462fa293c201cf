"""Comparisons, differences and selections of the same two operands from one comparison or one subtraction."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.optimizer.rewrite import Change, RewriteContext
from rtlgen.optimizer.sharing.graph import ModuleGraph, module_graphs
from rtlgen.optimizer.sharing.select import flip_if
from rtlgen.optimizer.sharing.weave import Weaver, Wire, wire

_COMPARED: Final = frozenset({"ult", "ule", "slt", "sle"})
_MOST_GROUPS: Final = 12


@dataclass(slots=True)
class Pair:
    """Everything a module computes from one pair of operands `p`, `q`.

    Attributes:
        p, q: the operands at a common width.
        signed: how they are compared.
        less: values that are 1 where `p < q`, to whether they are complemented (`q <= p`).
        more: likewise for `q < p`.
        equal: values that are `p == q`.
        forward, backward: differences `p - q` and `q - p`.
        flipped: selections between the two differences, to the condition that takes `q - p`.
    """

    p: Term
    q: Term
    signed: bool
    less: dict[Term, bool] = field(default_factory=dict)
    more: dict[Term, bool] = field(default_factory=dict)
    equal: list[Term] = field(default_factory=list)
    forward: list[Term] = field(default_factory=list)
    backward: list[Term] = field(default_factory=list)
    flipped: dict[Term, Term] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Return how many values there are."""
        return sum(map(len, (self.less, self.more, self.equal, self.forward, self.backward, self.flipped)))


class CompareMerge:
    """Derives all comparisons and differences of two operands from one."""

    name = "compare-merge"

    def propose(self, context: RewriteContext) -> Iterator[Change]:
        """Yield changes, pairs of operands with most comparisons first."""
        for graph in module_graphs(context):
            yield from _module(context, graph)


def _module(context: RewriteContext, graph: ModuleGraph) -> Iterator[Change]:
    weaver = Weaver(context, graph)
    found = [p for p in pairs(graph) if p.size > 1]
    found.sort(key=lambda p: -p.size * p.p.width)
    together: dict[str, tuple[list[Wire], dict[Term, Term]]] = {}
    for number, pair in enumerate(found[:_MOST_GROUPS]):
        for style, plan in PLANS.items():
            if time.monotonic() > context.deadline_s:
                return
            result = plan(graph, pair, "" if number == 0 else f"_{number + 1}")
            if result is None or not _keeps_outputs(graph, result):
                continue
            wires, targets = together.setdefault(style, ([], {}))
            wires += result[0]
            targets |= {k: v for k, v in result[1].items() if k not in targets}
            change = _change(weaver, style, result, 0.6)
            if change is not None:
                yield change
    if len(found) > 1:
        for style, result in together.items():
            change = _change(weaver, style, result, 0.7)
            if change is not None:
                yield change


def _change(weaver: Weaver, style: str, plan: tuple[list[Wire], dict[Term, Term]], rank: float) -> Change | None:
    return weaver.change("compare-merge", _TITLE[style], _WHY[style], *plan, rank=rank)


_TITLE: Final = {
    "equality": "derive comparisons of the same operands from one comparison and one equality",
    "ties": "use one comparison where ties do not matter",
    "borrow": "take comparisons from the borrow of one subtraction",
    "carry": "take comparisons from the carry of one addition",
}
_WHY: Final = {
    "equality": "One magnitude comparison and one equality give all six relations.",
    "ties": "Where both operands are equal both ways of the selection give the same, so one comparison serves both.",
    "borrow": "A subtraction one bit wider also tells which operand is larger.",
    "carry": "The sum of an operand and the other's complement gives both the difference and the order.",
}


# Finding ----------------------------------------------------------------------------------------------------------


def pairs(graph: ModuleGraph) -> list[Pair]:
    """Return the pairs of operands that a module compares or subtracts."""
    found: dict[tuple[frozenset[Term], bool], Pair] = {}

    def pair(p: Term, q: Term, signed: bool) -> tuple[Pair, bool]:
        key = (frozenset((p, q)), signed)
        entry = found.setdefault(key, Pair(p, q, signed))
        return entry, entry.p is p

    for node in graph.nodes:
        if node.op in _COMPARED and node.args[0].width >= 3:
            p, q = _common(node.args[0], node.args[1], node.op[0] == "s")
            if p.is_const or q.is_const:
                continue
            complemented = node.op.endswith("le")
            if complemented:
                p, q = q, p  # p <= q is not (q < p)
            entry, straight = pair(p, q, node.op[0] == "s")
            (entry.less if straight else entry.more)[node] = complemented
    for node in graph.nodes:
        _differences(node, found)
    return list(found.values())


def _common(a: Term, b: Term, signed: bool) -> tuple[Term, Term]:
    """Return the operands without an extension that both have."""
    kind = "sext" if signed else "zext"
    if a.op == kind and b.op == kind and a.args[0].width == b.args[0].width:
        return a.args[0], b.args[0]
    return a, b


def _differences(node: Term, found: dict[tuple[frozenset[Term], bool], Pair]) -> None:
    if node.op == "eq":
        args = (node.args[0], node.args[1])
        if args[0].op == "sub" and args[1].is_const and args[1].const_value == 0:
            args = (args[0].args[0], args[0].args[1])
        for signed in (False, True):
            entry = found.get((frozenset(args), signed))
            if entry is not None:
                entry.equal.append(node)
    elif node.op == "sub":
        _subtraction(node, found)
    elif node.op == "extract" and node.width == 1 and node.args[0].op == "sub":
        inner = node.args[0]
        p, q = inner.args
        if p.op == "zext" and q.op == "zext" and node.value == inner.width - 1:
            _borrow(node, p, q, found)
    elif node.op == "ite" and node.args[1].op == "sub" and node.args[2].op == "sub":
        one, other = node.args[1], node.args[2]
        if one.args == other.args[::-1]:
            _selection(node, one, found)


def _subtraction(node: Term, found: dict[tuple[frozenset[Term], bool], Pair]) -> None:
    p, q = node.args
    for args in {(p, q), _common(p, q, False)}:
        if args[0].is_const or args[1].is_const or args[0].width < 3:
            continue
        entry = found.setdefault((frozenset(args), False), Pair(*args, False))
        (entry.forward if entry.p is args[0] else entry.backward).append(node)


def _borrow(node: Term, p: Term, q: Term, found: dict[tuple[frozenset[Term], bool], Pair]) -> None:
    width = max(p.args[0].width, q.args[0].width)
    args = (t.zext(p.args[0], width), t.zext(q.args[0], width))
    entry = found.setdefault((frozenset(args), False), Pair(*args, False))
    (entry.less if entry.p is args[0] else entry.more)[node] = False


def _selection(node: Term, one: Term, found: dict[tuple[frozenset[Term], bool], Pair]) -> None:
    args = _common(one.args[0], one.args[1], False)
    for pair in ((one.args[0], one.args[1]), args):
        entry = found.get((frozenset(pair), False))
        if entry is not None:
            condition = node.args[0]
            entry.flipped[node] = t.lnot(condition) if entry.p is pair[0] else condition


# Plans ------------------------------------------------------------------------------------------------------------

Plan = tuple[list[Wire], dict[Term, Term]]


def _order(pair: Pair) -> Term:
    return t.apply("slt" if pair.signed else "ult", pair.p, pair.q)


def _not_if(condition: bool, x: Term) -> Term:
    return t.lnot(x) if condition else x


def _equality(graph: ModuleGraph, pair: Pair, suffix: str) -> Plan | None:
    if not (pair.less and pair.more) and not (pair.equal and (pair.less or pair.more)):
        return None
    swap = not pair.less
    less = t.apply("slt" if pair.signed else "ult", pair.q, pair.p) if swap else _order(pair)
    wires = [Wire(f"is_less{suffix}", less), Wire(f"is_equal{suffix}", t.apply("eq", pair.p, pair.q))]
    low, same = wire(f"is_less{suffix}", 1), wire(f"is_equal{suffix}", 1)
    ours, others = (pair.more, pair.less) if swap else (pair.less, pair.more)
    targets = {n: _not_if(c, low) for n, c in ours.items()}
    targets |= {n: _not_if(not c, t.lor(low, same)) for n, c in others.items()}
    targets |= dict.fromkeys(pair.equal, same)
    return wires, targets


def _ties(graph: ModuleGraph, pair: Pair, suffix: str) -> Plan | None:
    """Use one order for both where the outputs stay the same; each value is tried by itself."""
    if not (pair.less or pair.more):
        return None
    best: Plan | None = None
    for ours, others, p, q in ((pair.less, pair.more, pair.p, pair.q), (pair.more, pair.less, pair.q, pair.p)):
        name = f"is_less{suffix}"
        low = wire(name, 1)
        order = t.apply("slt" if pair.signed else "ult", p, q)
        targets = {n: _not_if(c, low) for n, c in ours.items()}
        moved = 0
        for n, c in others.items():
            if _keeps_outputs(graph, ([Wire(name, order)], {**targets, n: _not_if(not c, low)})):
                targets[n] = _not_if(not c, low)
                moved += 1
        if moved and (best is None or len(targets) > len(best[1])):
            best = ([Wire(name, order)], targets)
    return best


def _borrow_plan(graph: ModuleGraph, pair: Pair, suffix: str) -> Plan | None:
    return _difference_plan(pair, suffix, carry=False)


def _carry_plan(graph: ModuleGraph, pair: Pair, suffix: str) -> Plan | None:
    return _difference_plan(pair, suffix, carry=True)


def _difference_plan(pair: Pair, suffix: str, carry: bool) -> Plan | None:
    compared = pair.less or pair.more
    subtracted = pair.forward or pair.backward or pair.flipped
    if not (compared and subtracted) and not (pair.less and pair.more) and not pair.flipped:
        return None
    # The subtraction whose borrow is the order that is asked for.
    backwards = len(pair.more) + len(pair.backward) > len(pair.less) + len(pair.forward)
    p, q = (pair.q, pair.p) if backwards else (pair.p, pair.q)
    width = p.width
    extend = t.sext if pair.signed else t.zext
    name = f"diff{suffix}"
    if carry:  # ~(~p + q) is p - q, its carry p < q
        if pair.signed:
            return None
        value = t.apply("add", t.zext(t.apply("not", p), width + 1), t.zext(q, width + 1))
    else:
        value = t.apply("sub", extend(p, width + 1), extend(q, width + 1))
    total = wire(name, width + 1)
    low = t.extract(total, width, 1)
    difference = t.extract(total, 0, width)
    difference = t.apply("not", difference) if carry else difference
    same = t.lnot(t.apply("redor", t.extract(total, 0, width))) if not carry else t.apply("eq", p, q)
    ours, others = (pair.more, pair.less) if backwards else (pair.less, pair.more)
    straight, turned = (pair.backward, pair.forward) if backwards else (pair.forward, pair.backward)
    targets = {n: _not_if(c, low) for n, c in ours.items()}
    targets |= {n: _not_if(not c, t.lor(low, same)) for n, c in others.items()}
    for n in straight:
        targets[n] = _fitted(difference, low, n.width)
    for n in turned:
        targets[n] = _negated(t.extract(total, 0, width), low, n.width, carry)
    for n in pair.equal:
        targets[n] = same
    for n, condition in pair.flipped.items():
        turn = t.lnot(condition) if backwards else condition
        turn = low if _follows(turn, ours, others) else turn
        if n.width == width:
            # p - q, or its negation ~(p - q) + 1, where `turn`
            targets[n] = t.apply("add", flip_if(turn, difference), t.zext(turn, width))
    return [Wire(name, value)], targets


def _follows(turn: Term, ours: Mapping[Term, bool], others: Mapping[Term, bool]) -> bool:
    """Say whether a condition is the order up to ties, where the difference is 0 both ways."""
    plain, complemented = (turn.args[0], True) if turn.op == "not" else (turn, False)
    if plain in ours:
        return ours[plain] == complemented
    return plain in others and others[plain] != complemented


def _fitted(difference: Term, borrow: Term, width: int) -> Term:
    if width <= difference.width:
        return t.extract(difference, 0, width)
    return t.concat(t.sext(borrow, width - difference.width), difference)


def _negated(total: Term, borrow: Term, width: int, carry: bool) -> Term:
    if width > total.width:
        return t.apply("neg", _fitted(t.apply("not", total) if carry else total, borrow, width))
    low = t.extract(total, 0, width)
    # With the carry form the total is ~(p - q), so q - p is one more.
    return t.apply("add", low, t.const(1, width)) if carry else t.apply("neg", low)


def _keeps_outputs(graph: ModuleGraph, plan: Plan) -> bool:
    """Say whether everything observed keeps its value at the sample points."""
    wires = {f"new wire {w.name}": w.value for w in plan[0]}
    targets = {k: t.substitute(v, wires) for k, v in plan[1].items()}
    roots = zip(graph.roots, graph.roots_with(targets), strict=True)
    return all(bool((graph.vector(old) == graph.vector(new)).all()) for old, new in roots)


PLANS: Final[dict[str, Callable[[ModuleGraph, Pair, str], Plan | None]]] = {
    "ties": _ties,
    "equality": _equality,
    "borrow": _borrow_plan,
    "carry": _carry_plan,
}
