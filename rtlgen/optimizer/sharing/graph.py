"""One value graph of a whole module: which values are needed when, and by what text they can be read."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, Final

import numpy as np

from rtlgen.graphs.wordlevel import simulate as sim
from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.liveness import live_roots
from rtlgen.graphs.wordlevel.module import ModuleIR
from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.optimizer.rewrite import RewriteContext

MAX_NODES: Final = 12_000
_MODULAR: Final = frozenset({"add", "sub", "mul", "neg"})
_BITWISE: Final = frozenset({"and", "or", "xor", "not"})


class TooLargeError(ValueError):
    """The module has more values than this analysis is meant for."""


def normal(root: Term) -> Term:
    """Return `root` with slices moved to the operands where that loses nothing, so that equal values look equal."""
    done: dict[Term, Term] = {}
    known: dict[Term, Term] = {}
    for term in t.walk(root):
        done[term] = _normal_node(t.rebuild(term, tuple(done[a] for a in term.args)), known)
    return done[root]


def _normal_node(x: Term, known: dict[Term, Term]) -> Term:
    """Return one node in normal form; `known` keeps results, since slices of shared values come up again and again."""
    if x not in known:
        known[x] = _sliced(x, known)
    return known[x]


def _sliced(x: Term, known: dict[Term, Term]) -> Term:
    if x.op == "concat" and x.args[0].is_const and x.args[0].const_value == 0:
        return t.zext(t.concat(*x.args[1:]), x.width)
    if x.op in ("ult", "ule", "slt", "sle"):
        return _narrowed(x)
    if x.op != "extract":
        return x
    inner, low = x.args[0], int(x.value or 0)
    if inner.op in _BITWISE or (low == 0 and inner.op in _MODULAR):
        parts = (_normal_node(t.extract(a, low, x.width), known) for a in inner.args)
        return _normal_node(t.apply(inner.op, *parts), known)
    if inner.op == "ite":
        branches = (_normal_node(t.extract(a, low, x.width), known) for a in inner.args[1:])
        return t.ite(inner.args[0], *branches)
    if low == 0 and inner.op in ("zext", "sext"):
        return (t.zext if inner.op == "zext" else t.sext)(inner.args[0], x.width)
    if low == 0 and inner.op == "shl":
        return t.apply("shl", _normal_node(t.extract(inner.args[0], 0, x.width), known), inner.args[1])
    return x


def _narrowed(x: Term) -> Term:
    """Return a comparison in no more bits than its operands have before extension."""
    signed = x.op[0] == "s"
    widths = []
    for a in x.args:
        if a.is_const:
            value = t.to_signed(a.const_value, a.width) if signed else a.const_value
            widths.append((value if value >= 0 else ~value).bit_length() + signed)
        elif a.op == "zext":
            widths.append(a.args[0].width + signed)
        else:
            widths.append(a.args[0].width if a.op == "sext" and signed else a.width)
    width = max(*widths, 1)
    if width >= x.args[0].width:
        return x
    return t.apply(x.op, *(_cut(a, width) for a in x.args))


def _cut(x: Term, width: int) -> Term:
    if x.op in ("zext", "sext"):
        return (t.zext if x.op == "zext" else t.sext)(x.args[0], width)
    return t.extract(x, 0, width)


class ModuleGraph:
    """The values of one module with everything combinational put in, over inputs and registers.

    Attributes:
        module: the module.
        env: combinational signal to its value over inputs, registers and free signals.
        roots: values that are observed or stored.
    """

    def __init__(self, module: ModuleIR, seed: int = 0, count: int = 1024) -> None:
        """Build the graph.

        Raises:
            TooLargeError: it has too many values.
        """
        self.module = module
        self.env: dict[str, Term] = {}
        self._full: dict[Term, Term] = {}
        for name in sim.combinational_order(module):
            if name in module.signals and name not in module.opaque:
                self.env[name] = self.full(module.combinational[name])
        self.roots = self._roots()
        self.nodes = list(t.walk(*self.roots))
        if len(self.nodes) > MAX_NODES:
            raise TooLargeError(f"expected at most {MAX_NODES} values, got {len(self.nodes)}")
        count = count if len(self.nodes) < 4000 else count // 4
        self.samples = sim.sample_module(module, count, seed + 7)
        self.vectors: dict[Term, Any] = {}

    def full(self, term: Term) -> Term:
        """Return a term over the module's signals as a value over inputs, registers and free signals."""
        found = self._full.get(term)
        if found is None:
            found = self._full[term] = normal(t.substitute(normal(term), self.env))
        return found

    def _roots(self) -> list[Term]:
        module = self.module
        roots = [self.full(r.next) for r in module.registers.values()]
        for name in live_roots(module):
            roots += [self.env[name]] if name in self.env else []
        return list(dict.fromkeys(roots))

    def roots_with(self, changed: Mapping[Term, Term]) -> list[Term]:
        """Return the roots with some values of the graph replaced."""
        return t.replaced(self.roots, changed)

    def vector(self, term: Term) -> Any:
        """Return the value of a term at every sample point."""
        sim.evaluate_terms((term,), self.samples.values, self.samples.count, self.samples.memories, self.vectors)
        return self.vectors[term]

    def truth(self, term: Term) -> Any:
        """Return where a 1-bit term is 1, as booleans."""
        return self.vector(term) != 0

    # Activation -------------------------------------------------------------------------------------------------

    @cached_property
    def active(self) -> dict[Term, Any]:
        """Return for every value where (at which sample points) something depends on it."""
        count = self.samples.count
        active: dict[Term, Any] = {r: np.ones(count, dtype=bool) for r in self.roots}
        sim.evaluate_terms(self.nodes, self.samples.values, count, self.samples.memories, self.vectors)
        for node in reversed(self.nodes):
            here = active[node]
            for operand, needed in zip(node.args, self._needed(node, here), strict=True):
                old = active.get(operand)
                active[operand] = needed if old is None else old | needed
        return active

    def _needed(self, node: Term, here: Any) -> list[Any]:
        if node.op == "ite":
            chosen = self.vectors[node.args[0]] != 0
            return [here, here & chosen, here & ~chosen]
        if node.op == "and":
            a, b = node.args
            if _light(b) and not _light(a):
                return [here & (self.vectors[b] != 0), here]
            if _light(a) and not _light(b):
                return [here, here & (self.vectors[a] != 0)]
        return [here for _ in node.args]

    # Reading values by name -------------------------------------------------------------------------------------

    @cached_property
    def _readable(self) -> dict[Term, list[Term]]:
        """Return for full values the local terms (signals first) that have them."""
        found: dict[Term, list[Term]] = {}
        for name, value in self.env.items():
            if "." not in name and not value.is_const and value.op != "var":
                found.setdefault(value, []).append(t.var(name, value.width))
        return found

    def dependents(self, names: Collection[str]) -> set[str]:
        """Return `names` and the combinational signals whose drivers read them, directly or not."""
        found = set(names)
        for name in self.env:  # in order of dependence
            if not found.isdisjoint(t.variables(self.module.combinational[name])):
                found.add(name)
        return found

    def localise(self, value: Term, forbidden: Collection[str] = ()) -> Term:
        """Return `value` with sub-values that a signal holds read from that signal.

        Args:
            value: over inputs, registers and free signals, or anything else that is a signal of the new text.
            forbidden: signals that must not be read.
        """
        done: dict[Term, Term] = {}
        stack = [value]
        while stack:
            node = stack[-1]
            if node in done:
                stack.pop()
                continue
            signal = next((s for s in self._readable.get(node, ()) if s.name not in forbidden), None)
            if signal is not None and self.module.signals[signal.name].width == node.width:
                done[node] = signal
                continue
            missing = [a for a in node.args if a not in done]
            if missing:
                stack += missing
                continue
            done[node] = t.rebuild(node, tuple(done[a] for a in node.args))
        return done[value]

    @cached_property
    def conditions(self) -> list[Term]:
        """Return full 1-bit values that text can read cheaply and that steer selections, cheapest first."""
        local = [*self.module.combinational.values(), *(r.next for r in self.module.registers.values())]
        steering = [n.args[0] for n in t.walk(*local) if n.op == "ite"]
        steering += [s.condition for o in self.module.occurrences if o.root for s in o.path]
        found: dict[Term, None] = {}
        small: dict[str, int] = {}
        for condition in dict.fromkeys(steering):
            small |= {n: w for n, w in t.variables(condition).items() if w <= 8}
        for name, width in small.items():
            if name in self.module.signals and self._known(name):
                signal = t.var(name, width)
                found |= dict.fromkeys(self.full(t.extract(signal, i, 1)) for i in range(width))
        for condition in dict.fromkeys(steering):
            for part in _parts(condition):
                if all(self._known(n) for n in t.variables(part)):
                    found.setdefault(self.full(part))
        usable = [c for c in found if not c.is_const and not any(n.op == "undef" for n in t.walk(c))]
        return sorted(usable, key=lambda c: self.reading_cost(c))

    def _known(self, name: str) -> bool:
        return name in self.samples.values and "$" not in name

    def reading_cost(self, value: Term) -> int:
        """Return the number of operators that the text of a value needs."""
        return sum(1 for n in t.walk(self.localise(value)) if n.op not in ("var", "const", "extract", "not", "zext"))

    @cached_property
    def steering_words(self) -> dict[str, int]:
        """Return name and width of small signals that conditions are made from."""
        names: dict[str, int] = {}
        for c in self.conditions:
            names |= {n: w for n, w in t.variables(self.localise(c)).items() if 2 <= w <= 6}
        return {n: w for n, w in names.items() if self._known(n)}


def _light(x: Term) -> bool:
    return all(n.op in ("var", "extract", "not", "sext", "zext", "eq", "const", "concat") for n in t.walk(x))


def _parts(condition: Term) -> Iterable[Term]:
    yield condition
    if condition.op in ("and", "or", "not") and condition.width == 1:
        for a in condition.args:
            yield from _parts(a)


def contains(value: Term, others: Collection[Term]) -> bool:
    """Say whether any of `others` is part of `value` (itself included)."""
    wanted = set(others)
    return any(n in wanted for n in t.walk(value))


def replaced(root: Term, targets: Mapping[Term, Term], full: Any) -> Term:
    """Return a local term, its topmost nodes whose full value is a target replaced.

    Args:
        root: local term.
        targets: full value to new local term.
        full: function from local to full term.
    """
    done: dict[Term, Term] = {}
    stack = [root]
    while stack:
        node = stack[-1]
        if node in done:
            stack.pop()
            continue
        new = targets.get(full(node)) if node.op not in ("const", "var") else None
        if new is not None and new.width == node.width:
            done[node] = new
            continue
        missing = [a for a in node.args if a not in done]
        if missing:
            stack += missing
            continue
        done[node] = t.rebuild(node, tuple(done[a] for a in node.args))
    return done[root]


def module_graphs(context: RewriteContext) -> Iterator[ModuleGraph]:
    """Yield the graph of every module with one parameterisation that is small enough, until the deadline."""
    for module in context.modules:
        if module.copies > 1 or time.monotonic() > context.deadline_s:
            continue
        try:
            graph = ModuleGraph(module, context.seed)
        except TooLargeError:
            continue
        yield graph
