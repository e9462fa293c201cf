"""Propose cheaper forms of constant products and of sums that have parts in common."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.optimizer.arith.forms import LINEAR, ONE, Form, Forms, Leaf, binary_digits, bounds, digits
from rtlgen.optimizer.arith.multiples import multiples, odd
from rtlgen.optimizer.arith.sharedsums import (
    Addends,
    System,
    add_addend,
    adder_count,
    expand,
    extract_parts,
    ordered_parts,
)
from rtlgen.optimizer.rewrite import Change, RewriteContext
from rtlgen.optimizer.sharing.graph import ModuleGraph, module_graphs
from rtlgen.optimizer.sharing.weave import Weaver, Wire, wire

_MOST_TARGETS: Final = 24


class ConstantMultiply:
    """Regroups weighted sums: constant products as few shifted additions, parts that several sums need only once."""

    name = "constant-multiply"

    def propose(self, context: RewriteContext) -> Iterator[Change]:
        """Yield changes for all sums of a module together, then for each alone."""
        for graph in module_graphs(context):
            yield from _module(context, graph)


def _module(context: RewriteContext, graph: ModuleGraph) -> Iterator[Change]:
    forms = Forms()
    targets = sums_of(graph, forms)[:_MOST_TARGETS]
    weaver = Weaver(context, graph)
    seen: set[tuple[object, ...]] = set()
    groups = [targets] + ([[x] for x in targets] if len(targets) > 1 else [])
    for group in groups:
        for style in STYLES:
            if not group or time.monotonic() > context.deadline_s:
                return
            plan = STYLES[style](graph, forms, group)
            if plan is None or (key := (*((w.name, w.value) for w in plan[0]), *plan[1].items())) in seen:
                continue
            seen.add(key)
            change = weaver.change(
                "constant-multiply",
                f"regroup {len(group)} sums" if len(group) > 1 else "regroup a sum",
                _WHY[style],
                *plan,
                rank=0.6 if len(group) > 1 else 0.5,
            )
            if change is not None:
                yield change


_WHY: Final = {
    "shared": "Additions that several sums or multiples have in common are done once.",
    "multiples": "Multiples of one operand are built from each other by shifts and additions.",
    "digits": "Multiples of one operand share their additions.",
    "binary": "Additions that several sums have in common are done once.",
    "flat": "Equal operands are collected and everything is added in one tree, in no more bits than needed.",
    "chained": "Sums that differ little are computed from each other.",
}


def sums_of(graph: ModuleGraph, forms: Forms) -> list[Term]:
    """Return the values that are weighted sums and are used as something else than an operand of a larger one."""
    candidates = [n for n in graph.nodes if is_sum(n)]
    for n in candidates:
        forms.of(n)
    users: dict[Term, list[Term]] = {}
    for n in graph.nodes:
        for a in n.args:
            users.setdefault(a, []).append(n)
    roots = set(graph.roots)
    memo: dict[Term, bool] = {}

    def absorbed(x: Term) -> bool:
        if x not in memo:
            memo[x] = False
            memo[x] = x not in roots and all(
                x in forms.opened.get(u, ()) and (is_sum(u) or absorbed(u)) for u in users.get(x, [])
            )
        return memo[x]

    wanted = [n for n in candidates if not absorbed(n) and _worth(forms.of(n))]
    return sorted(wanted, key=lambda n: -n.width * len(forms.of(n)))


def is_sum(x: Term) -> bool:
    """Say whether a value is a sum or a constant product of at least four bits."""
    if x.op not in LINEAR or x.width < 4:
        return False
    return x.op in ("add", "sub", "neg") or (x.op == "shl" and x.args[1].is_const) or any(a.is_const for a in x.args)


def _worth(form: Form) -> bool:
    return len(form) > 1 or any(len(digits(w)) > 1 for w in form.values())


Plan = tuple[list[Wire], dict[Term, Term]]


class _Builder:
    """Names the parts of one plan and writes its sums."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self.wires: list[Wire] = []

    def name(self, form: Form, width: int, signed: bool) -> Term:
        """Return the reading of a part that is not yet written."""
        single = next(iter(form)) if len(form) == 1 else None
        stem = _stem(single.term) if single is not None else ""
        weight = next(iter(form.values()))
        hint = f"{stem}_x{weight}" if stem and weight > 0 else "part_sum"
        number, name = 1, hint
        while name in self._names:
            number += 1
            name = f"{hint}_{number}"
        self._names.add(name)
        return wire(name, width)

    def write(self, part: Leaf, addends: Addends) -> None:
        """Add the wire of a part."""
        name = str(part.term.value).removeprefix("new wire ")
        self.wires.append(Wire(name, added(addends, 0, part.term.width)))

    def named(self, hint: str, value: Term) -> Term:
        """Return the reading of a wire with that value."""
        number, name = 1, hint
        while name in self._names:
            number += 1
            name = f"{hint}_{number}"
        self._names.add(name)
        self.wires.append(Wire(name, value))
        return wire(name, value.width)


def _stem(x: Term) -> str:
    return re.sub(r"\W+", "_", x.name) if x.op == "var" else ""


def added(addends: Addends, constant: int, width: int) -> Term:
    """Return the sum of shifted addends and a constant modulo 2**width, additions first."""
    items = sorted(addends.items(), key=lambda kv: (-kv[1], -kv[0][1]))
    plus = [shifted(leaf, shift, width) for (leaf, shift), sign in items if sign > 0 and shift < width]
    minus = [shifted(leaf, shift, width) for (leaf, shift), sign in items if sign < 0 and shift < width]
    value = t.to_signed(constant & t.mask(width), width)
    if value > 0 or (value and not minus and not plus):
        plus.append(t.const(value, width))
    elif value:
        minus.append(t.const(-value, width))
    if not plus:
        if not minus:
            return t.const(0, width)
        plus, minus = [t.apply("neg", minus[0])], minus[1:]
    total = plus[0]
    for x in plus[1:]:
        total = t.apply("add", total, x)
    for x in minus:
        total = t.apply("sub", total, x)
    return total


def shifted(leaf: Leaf, shift: int, width: int) -> Term:
    """Return `leaf << shift` modulo 2**width."""
    if shift == 0:
        return leaf.at(width)
    room = width - shift
    inner = leaf.term if leaf.term.width <= room else t.extract(leaf.term, 0, room)
    joined = t.concat(inner, t.const(0, shift))
    return (t.sext if leaf.signed else t.zext)(joined, width)


def _shared(
    numerals: Callable[[int], list[tuple[int, int]]], same_leaf_only: bool
) -> Callable[[ModuleGraph, Forms, Sequence[Term]], Plan | None]:
    def plan(graph: ModuleGraph, forms: Forms, group: Sequence[Term]) -> Plan | None:
        builder = _Builder()
        system = System([expand(forms.of(x), numerals) for x in group])
        before = adder_count(system.sums, {})
        extract_parts(system, builder.name, same_leaf_only=same_leaf_only)
        if adder_count(system.sums, system.parts) >= before:
            return None
        for part in ordered_parts(system):
            builder.write(part, system.parts[part])
        sums = zip(group, system.sums, strict=True)
        return builder.wires, {x: added(s, forms.of(x).get(ONE, 0), x.width) for x, s in sums}

    return plan


def _multiples(graph: ModuleGraph, forms: Forms, group: Sequence[Term]) -> Plan | None:
    """Compute all multiples of every operand by one graph of additions each."""
    weights: dict[Leaf, set[int]] = {}
    for x in group:
        for leaf, weight in forms.of(x).items():
            if leaf is not ONE:
                weights.setdefault(leaf, set()).add(odd(abs(weight))[0])
    if all(len(digits(w)) < 2 for ws in weights.values() for w in ws):
        return None
    builder = _Builder()
    reads: dict[tuple[Leaf, int], Leaf] = {}
    for leaf, wanted in weights.items():
        reads[leaf, 1] = leaf
        for step in multiples(wanted):
            low, high = bounds({leaf: step.result})
            width = max(high.bit_length(), (~low).bit_length()) + 1 if low < 0 else high.bit_length()
            operands: Addends = {}
            for number, shift, sign in ((step.a, step.shift_a, step.sign_a), (step.b, step.shift_b, step.sign_b)):
                add_addend(operands, reads[leaf, number], shift, sign)
            stem = _stem(leaf.term) or "product"
            value = added(operands, 0, width)
            reads[leaf, step.result] = Leaf(builder.named(f"{stem}_x{step.result}", value), leaf.signed)
    targets: dict[Term, Term] = {}
    for x in group:
        addends: Addends = {}
        for leaf, weight in forms.of(x).items():
            if leaf is ONE:
                continue
            core, zeros = odd(abs(weight))
            if (leaf, core) not in reads:
                return None
            add_addend(addends, reads[leaf, core], zeros, 1 if weight > 0 else -1)
        targets[x] = added(addends, forms.of(x).get(ONE, 0), x.width)
    return builder.wires, targets


def _flat(graph: ModuleGraph, forms: Forms, group: Sequence[Term]) -> Plan | None:
    return [], {x: added(expand(forms.of(x), digits), forms.of(x).get(ONE, 0), x.width) for x in group}


def _chained(graph: ModuleGraph, forms: Forms, group: Sequence[Term]) -> Plan | None:
    """Compute each sum from the one it differs least from."""
    if len(group) < 2:
        return None
    builder = _Builder()
    done: list[tuple[Term, Form, Term]] = []
    targets: dict[Term, Term] = {}
    order = sorted(group, key=lambda x: (_size(forms.of(x)), -x.width))
    for x in order:
        form = forms.of(x)
        options = [(_size(_difference(form, f)), i) for i, (y, f, _) in enumerate(done) if y.width >= x.width]
        best = min(options, default=None)
        if best is not None and best[0] + 1 < _size(form):
            _, other, read = done[best[1]]
            rest = _difference(form, other)
            addends = expand({k: v for k, v in rest.items() if k is not ONE}, digits)
            base = t.extract(read, 0, x.width)
            value = _plus(base, addends, rest.get(ONE, 0), x.width)
        elif (held := graph.localise(x)).op == "var":
            done.append((x, form, held))
            continue
        else:
            value = added(expand(form, digits), form.get(ONE, 0), x.width)
        signal = builder.named("sum", value)
        done.append((x, form, signal))
        targets[x] = signal
    return builder.wires, targets


def _plus(base: Term, addends: Addends, constant: int, width: int) -> Term:
    return added({(Leaf(base, False), 0): 1, **addends}, constant, width)


def _difference(a: Form, b: Form) -> Form:
    return {k: v for k in a.keys() | b.keys() if (v := a.get(k, 0) - b.get(k, 0))}


def _size(form: Form) -> int:
    return sum(len(digits(v)) if k is not ONE else 1 for k, v in form.items())


STYLES: Final[dict[str, Callable[[ModuleGraph, Forms, Sequence[Term]], Plan | None]]] = {
    "shared": _shared(digits, False),
    "multiples": _multiples,
    "digits": _shared(digits, True),
    "binary": _shared(binary_digits, False),
    "chained": _chained,
    "flat": _flat,
}
