"""Cheaper conditions: not asking again what the path decided, and reading ranges of one word from its bits."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from rtlgen.graphs.wordlevel import simulate as sim
from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.optimizer.muxes.cover import condition
from rtlgen.optimizer.narrow.ranges import register_ranges
from rtlgen.optimizer.resynth.cost import node_cost
from rtlgen.optimizer.rewrite import Change, RewriteContext
from rtlgen.optimizer.sharing.graph import ModuleGraph
from rtlgen.optimizer.sharing.select import NotSeparableError, Selector
from rtlgen.optimizer.sharing.weave import Weaver

_WIDEST: Final = 16
_WIDEST_RANGE, _WIDEST_SEEN = 12, 6
_SMALL = 2000
"""Modules of so many values are simulated for values that registers never take."""
_MOST: Final = 60
_COMPARED: Final = frozenset({"ult", "ule", "slt", "sle", "eq"})


def cheaper_conditions(context: RewriteContext, graph: ModuleGraph) -> Iterator[Change]:
    """Yield one change for all conditions that get cheaper, then one for each."""
    weaver = Weaver(context, graph)
    for title, why, targets, guess in (
        ("read conditions from the bits they depend on", _BITS, _by_bits(graph), False),
        ("ask only what the path has not decided yet", _PATH, _by_path(context, graph), True),
        ("ask only for values that a counter takes", _RANGE, _by_range(graph, context.seed), True),
    ):
        if targets:
            groups = [targets] + ([{k: v} for k, v in targets.items()] if len(targets) > 1 else [])
            for number, group in enumerate(groups[:12]):
                rank = 0.55 if number == 0 else 0.4
                change = weaver.change("decide", title, why, [], group, rank, guess=guess)
                if change is not None:
                    yield change


_BITS: Final = "A comparison with constants depends on few bits; written so, it needs no subtraction."
_PATH: Final = "Here earlier decisions exclude some values, so a simpler condition decides the same."
_RANGE: Final = "From reset on, the register never takes some values; a condition may say anything for those."


def _cost(x: Term) -> float:
    return sum(node_cost(n) for n in t.walk(x))


def conditions_of(graph: ModuleGraph) -> list[Term]:
    """Return the full 1-bit values that steer selections, and other comparisons."""
    found = [n.args[0] for n in graph.nodes if n.op == "ite"]
    found += [n for n in graph.nodes if n.op in _COMPARED or (n.width == 1 and n.op in ("and", "or"))]
    return [c for c in dict.fromkeys(found) if c.args and c in graph.active][:_MOST]


def _by_path(context: RewriteContext, graph: ModuleGraph) -> dict[Term, Term]:
    targets: dict[Term, Term] = {}
    for c in conditions_of(graph):
        if time.monotonic() > context.deadline_s:
            break
        needed, truth = graph.active[c], graph.truth(c)
        if bool(needed.all()):
            continue
        try:
            new = Selector(graph, [c]).condition(needed & truth, needed & ~truth)
        except NotSeparableError:
            continue
        if _cost(new) < 0.8 * _cost(c):
            targets[c] = new
    return _unrefuted(graph, context.seed, targets)


def _unrefuted(graph: ModuleGraph, seed: int, targets: Mapping[Term, Term]) -> dict[Term, Term]:
    """Return the replacements that change nothing at the points that a long run from reset reaches."""
    if not targets or len(graph.nodes) > _SMALL:
        return dict(targets)
    samples = sim.long_run(graph.module, seed).samples
    known: dict[Term, Any] = {}
    before = _vectors(graph.roots, samples, known)
    return {c: new for c, new in targets.items() if _same(before, _vectors(graph.roots_with({c: new}), samples, known))}


def _vectors(roots: Sequence[Term], samples: sim.Samples, known: dict[Term, Any]) -> list[Any]:
    return sim.evaluate_terms(tuple(roots), samples.values, samples.count, samples.memories, known)


def _same(left: Sequence[Any], right: Sequence[Any]) -> bool:
    return all(bool((a == b).all()) for a, b in zip(left, right, strict=True))


def _on_one_signal(graph: ModuleGraph) -> Iterator[tuple[Term, str, int]]:
    """Yield the conditions that read one signal and nothing else, with its name and width."""
    for c in conditions_of(graph):
        widths = t.variables(c)
        if len(widths) == 1 and not any(n.op in ("select", "undef") for n in t.walk(c)):
            ((name, width),) = widths.items()
            yield c, name, width


def _by_bits(graph: ModuleGraph) -> dict[Term, Term]:
    targets: dict[Term, Term] = {}
    for c, name, width in _on_one_signal(graph):
        if width > _WIDEST or (c.op == "eq" and c.args[0].op == "var"):
            continue
        values = np.arange(1 << width, dtype=np.uint64)
        table = sim.evaluate_terms((c,), {name: values}, len(values))[0] != 0
        new = from_table(table, t.var(name, width))
        if new is not None and not new.is_const and _cost(new) < _cost(c):
            targets[c] = new
    return targets


def _by_range(graph: ModuleGraph, seed: int) -> dict[Term, Term]:
    """Return cheaper conditions on registers that never take some of their values."""
    taken = _taken(graph, seed)
    targets: dict[Term, Term] = {}
    for c, name, width in _on_one_signal(graph):
        values = taken.get(name)
        if values is None:
            continue
        table = sim.evaluate_terms((c,), {name: values}, len(values))[0] != 0
        new = condition(values[table].tolist(), values[~table].tolist(), t.var(name, width))
        if new is not None and not new.is_const and _cost(new) < _cost(c):
            targets[c] = new
    return targets


def _taken(graph: ModuleGraph, seed: int) -> dict[str, Any]:
    """Return the values of small registers that do not take all: by intervals, or guessed from long random runs."""
    module = graph.module
    found: dict[str, Any] = {}
    for name, span in register_ranges(module).items():
        width = module.registers[name].width
        if width <= _WIDEST_RANGE and span.high - span.low < t.mask(width):
            found[name] = np.arange(span.low, span.high + 1, dtype=np.uint64)
    small = [n for n, r in module.registers.items() if n not in found and 1 < r.width <= _WIDEST_SEEN]
    if small and len(graph.nodes) < _SMALL:
        samples = sim.long_run(module, seed).samples
        for name in small:
            seen = np.unique(samples.values[name])
            if len(seen) <= t.mask(module.registers[name].width):
                found[name] = seen
    return found


def from_table(table: Any, word: Term) -> Term | None:
    """Return a 1-bit function of a word given for all its values, decided from the highest bit down; None if large."""
    memo: dict[bytes, Term] = {}
    try:
        return _node(np.asarray(table, dtype=bool), word, word.width - 1, memo)
    except OverflowError:
        return None


def _node(table: Any, word: Term, bit: int, memo: dict[bytes, Term]) -> Term:
    if bool(table.all()):
        return t.const(1, 1)
    if not bool(table.any()):
        return t.const(0, 1)
    key = table.tobytes()
    if key in memo:
        return memo[key]
    if len(memo) > 40:
        raise OverflowError
    half = len(table) // 2
    low, high = table[:half], table[half:]
    if bool((low == high).all()):
        return _node(low, word, bit - 1, memo)
    test = t.extract(word, bit, 1)
    a, b = _node(high, word, bit - 1, memo), _node(low, word, bit - 1, memo)
    memo[key] = result = _choice(test, a, b)
    return result


def _choice(test: Term, high: Term, low: Term) -> Term:
    """Return `test ? high : low` by and, or and prefix comparisons."""
    if low.is_const:
        return t.lor(t.lnot(test), high) if low.const_value else _joined(test, 1, high)
    if high.is_const:
        return t.lor(test, low) if high.const_value else _joined(test, 0, low)
    return t.ite(test, high, low)


def _joined(test: Term, value: int, rest: Term) -> Term:
    """Return `test == value && rest`, joined with a comparison of the next lower bits."""
    if rest.is_const:
        return test if value else t.lnot(test)
    base, place = test.args[0], int(test.value or 0)
    for bits, wanted in _literals(rest):
        if bits.op == "extract" and bits.args[0] is base and int(bits.value or 0) + bits.width == place:
            wider = t.extract(base, int(bits.value or 0), bits.width + 1)
            compared = t.apply("eq", wider, t.const(value << bits.width | wanted, bits.width + 1))
            return compared if rest.op != "and" else t.land(compared, rest.args[1])
    return t.land(test if value else t.lnot(test), rest)


def _literals(x: Term) -> Iterator[tuple[Term, int]]:
    head = x.args[0] if x.op == "and" else x
    if head.op == "eq" and head.args[1].is_const:
        yield head.args[0], head.args[1].const_value
    elif head.op == "not" and head.args[0].op == "extract":
        yield head.args[0], 0
    elif head.op == "extract" and head.width == 1:
        yield head, 1
