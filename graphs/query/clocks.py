"""Clock domains, crossings between them, and resets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import networkx as nx

from rtlgen.graphs import model
from rtlgen.graphs.database.mirror import Bits, BodyGraph
from rtlgen.graphs.query.answers import Crossing, Domain, Reset
from rtlgen.graphs.query.hierarchy import tree

if TYPE_CHECKING:
    from rtlgen.graphs.database.design import DesignDatabase

Node = tuple[int, int]
"""Instance and signal."""

_QUIET = frozenset({"port", "alias"})


class Clocking:
    """The clocked blocks of a design with the roots of their clocks and resets."""

    def __init__(self, design: DesignDatabase) -> None:
        """Look at every instance of `design`."""
        self.design = design
        self._roots: dict[Bits, Bits] = {}

    def blocks(self) -> Iterator[tuple[int, BodyGraph, model.Block]]:
        """Yield instance, body and block for every clocked block of every instance below the tops."""
        for _, instance in tree(self.design):
            if not instance.body:
                continue
            graph = self.design.mirror.body(instance.body)
            for block in graph.blocks.values():
                if block.clock:
                    yield instance.id, graph, block

    def root(self, bits: Bits) -> Bits:
        """Follow a one-bit signal back through ports and plain assignments to where it comes from."""
        trail = []
        while bits not in self._roots:
            trail.append(bits)
            steps = [s for s in self.design.mirror.sources(bits) if s.bits != bits]
            plain = len(steps) == 1 and not steps[0].registered and self._passes(bits, steps[0].bits, steps[0].block)
            if not plain or steps[0].bits in trail:
                self._roots[bits] = bits
                break
            bits = steps[0].bits
        root = self._roots[bits]
        for passed in trail:
            self._roots[passed] = root
        return root

    def _passes(self, target: Bits, source: Bits, block: int) -> bool:
        """Whether a step carries the value unchanged: a port, another name, or an assignment of just that signal."""
        if not block:
            return True
        graph = self.design.mirror.graph_of(target.instance)
        assert graph is not None
        flows = [f for f in graph.into[target.signal] if f.block == block]
        whole = all(f.aligned and f.kind == "data" for f in flows)
        return whole and graph.blocks[block].kind == "assign" and not self._inverts(block)

    def _inverts(self, block: int) -> bool:
        texts = [s.text for s in self.design.rows(model.Statement, "id BETWEEN ? AND ? AND block = ?",
                                                  (*_range(block), block))]  # fmt: skip
        return any("~" in text or "!" in text or "^" in text or "&" in text or "|" in text for text in texts)

    @cached_property
    def registers(self) -> dict[Node, set[Bits]]:
        """Every register (signal in an instance) → the roots of its clocks."""
        found: dict[Node, set[Bits]] = defaultdict(set)
        for instance, graph, block in self.blocks():
            root = self.root(self.clock_bits(instance, graph, block))
            for target in self.targets(graph, block):
                found[instance, target].add(root)
        return found

    @cached_property
    def families(self) -> dict[Bits, Bits]:
        """Root of a clock → the clock that it is made from by a gate or divider; itself where that can't be told."""
        roots = {root for found in self.registers.values() for root in found}
        return {root: self._family(root, roots, set()) for root in roots}

    def _family(self, root: Bits, roots: set[Bits], seen: set[Bits]) -> Bits:
        sources = {self.root(s.bits): s for s in self.design.mirror.sources(root) if s.bits != root}
        clocked = {bits for bits, step in sources.items() if step.kind == "clock"}
        candidates = clocked or {b for b in sources if b in roots} or {b for b in sources if self._is_input(b)}
        seen.add(root)
        if len(candidates) != 1 or candidates <= seen:
            return root
        return self._family(candidates.pop(), roots, seen)

    def _is_input(self, bits: Bits) -> bool:
        top = not self.design.mirror.instance(bits.instance).parent
        return top and self.design.mirror.signal(bits).direction == "input"

    @cached_property
    def _targets(self) -> dict[int, dict[int, list[int]]]:
        return {}

    def targets(self, graph: BodyGraph, block: model.Block) -> list[int]:
        """Return the signals that a clocked block drives."""
        cached = self._targets.get(graph.body.id)
        if cached is None:
            cached = defaultdict(list)
            for target, flows in graph.into.items():
                for number in {f.block for f in flows if f.registered}:
                    cached[number].append(target)
            self._targets[graph.body.id] = cached
        return cached.get(block.id, [])

    def clock_bits(self, instance: int, graph: BodyGraph, block: model.Block) -> Bits:
        """Return the bits of the clock of a block."""
        for target in self.targets(graph, block):
            for flow in graph.into[target]:
                if flow.block == block.id and flow.kind == "clock":
                    return Bits(instance, flow.source, flow.source_low, flow.source_high)
        return Bits(instance, block.clock, 0, 0)


def domains(design: DesignDatabase, clocking: Clocking | None = None) -> list[Domain]:
    """Return the clock domains, largest first."""
    clocking = clocking or Clocking(design)
    edges: dict[Bits, set[str]] = defaultdict(set)
    blocks: dict[Bits, int] = defaultdict(int)
    registers: dict[Bits, set[Node]] = defaultdict(set)
    for instance, graph, block in clocking.blocks():
        root = clocking.root(clocking.clock_bits(instance, graph, block))
        edges[root].add(block.edge)
        blocks[root] += 1
        registers[root].update((instance, t) for t in clocking.targets(graph, block))
    found = [
        Domain(
            design.path_of(root), tuple(sorted(edges[root])), _origins(design, clocking, root), len(registers[root]),
            blocks[root],
        )
        for root in edges
    ]  # fmt: skip
    return sorted(found, key=lambda d: (-d.registers, d.clock))


def _origins(design: DesignDatabase, clocking: Clocking, root: Bits) -> tuple[str, ...]:
    """Return the roots of what a derived clock is made from."""
    steps = [s for s in design.mirror.sources(root) if s.kind != "reset"]
    clocks = [s for s in steps if s.kind == "clock"]
    found = {design.path_of(clocking.root(s.bits)) for s in clocks or steps if s.bits != root}
    return tuple(sorted(found))


def crossings(design: DesignDatabase, clocking: Clocking | None = None) -> list[Crossing]:
    """Return every pair of registers of unrelated domains with only logic between them.

    A clock that is made from one other clock by a gate or a divider is related to it.
    """
    clocking = clocking or Clocking(design)
    found = []
    arriving = _Arrivals(design, clocking)
    for (instance, target), roots in clocking.registers.items():
        graph = design.mirror.graph_of(instance)
        assert graph is not None
        for source in sorted(arriving.at_register((instance, target))):
            others = clocking.registers[source]
            if {clocking.families[r] for r in others} & {clocking.families[r] for r in roots}:
                continue
            signal = graph.signals[target]
            found.append(
                Crossing(
                    _name(design, source), design.path_of(min(others)), _name(design, (instance, target)),
                    design.path_of(min(roots)), design.place(signal.file, signal.line),
                    _feeds_one_register(design, clocking, (instance, target), roots),
                )
            )  # fmt: skip
    return sorted(found, key=lambda c: (c.target, c.source))


def _name(design: DesignDatabase, node: Node) -> str:
    graph = design.mirror.graph_of(node[0])
    assert graph is not None
    return f"{design.mirror.instance(node[0]).path}.{graph.signals[node[1]].name}"


class _Arrivals:
    """Which registers reach a signal through logic only, signal by signal."""

    def __init__(self, design: DesignDatabase, clocking: Clocking) -> None:
        self._design = design
        self._clocking = clocking
        self._known: dict[Node, frozenset[Node]] = {}

    def at_register(self, node: Node) -> set[Node]:
        """Return the registers in front of a register."""
        found: set[Node] = set()
        for step in self._steps(node, registered=True):
            found |= self._of(step)
        return found

    def _steps(self, node: Node, *, registered: bool) -> list[Node]:
        graph = self._design.mirror.graph_of(node[0])
        if graph is None or node[1] not in graph.signals:
            return []
        whole = Bits(*node, 0, max(graph.signals[node[1]].width, 1) - 1)
        return [
            (s.bits.instance, s.bits.signal)
            for s in self._design.mirror.sources(whole)
            if s.kind not in ("clock", "reset") and (s.registered == registered or (registered and not s.block))
        ]

    def _of(self, start: Node) -> frozenset[Node]:
        """Return the registers that reach a node, by a walk that stops at registers."""
        known = self._known.get(start)
        if known is not None:
            return known
        found: set[Node] = set()
        seen = {start}
        waiting = [start]
        while waiting:
            node = waiting.pop()
            if node in self._clocking.registers:
                found.add(node)
                continue
            if node in self._known:
                found |= self._known[node]
                continue
            for step in self._steps(node, registered=False):
                if step not in seen:
                    seen.add(step)
                    waiting.append(step)
        result = self._known[start] = frozenset(found)
        return result


def _feeds_one_register(design: DesignDatabase, clocking: Clocking, node: Node, roots: set[Bits]) -> bool:
    """Whether a register is the first of a synchronizer: only plain copies into registers of its own domain read it."""
    graph = design.mirror.graph_of(node[0])
    assert graph is not None
    whole = Bits(*node, 0, max(graph.signals[node[1]].width, 1) - 1)
    waiting, seen, copies = [whole], {whole}, 0
    while waiting:
        for step in design.mirror.sinks(waiting.pop()):
            if step.kind in _QUIET:
                if step.bits not in seen:
                    seen.add(step.bits)
                    waiting.append(step.bits)
                continue
            target = (step.bits.instance, step.bits.signal)
            if not step.registered or step.kind != "data" or clocking.registers.get(target) != roots:
                return False
            copies += 1
    return copies > 0


def resets(design: DesignDatabase, clocking: Clocking | None = None) -> list[Reset]:
    """Return asynchronous resets, and signals that clear registers on a clock edge, with what they reset."""
    clocking = clocking or Clocking(design)
    blocks: dict[tuple[str, str, str], int] = defaultdict(int)
    registers: dict[tuple[str, str, str], set[Node]] = defaultdict(set)
    for instance, graph, block in clocking.blocks():
        for bits, kind, active in _resets_of(design, instance, graph, block, clocking):
            key = (design.path_of(clocking.root(bits)), kind, active)
            blocks[key] += 1
            registers[key].update((instance, t) for t in clocking.targets(graph, block))
    found = [Reset(*key, len(registers[key]), blocks[key]) for key in blocks]
    return sorted(found, key=lambda r: (-r.registers, r.signal))


def _resets_of(
    design: DesignDatabase, instance: int, graph: BodyGraph, block: model.Block, clocking: Clocking
) -> Iterator[tuple[Bits, str, str]]:
    if block.reset:
        active = "low" if block.reset_edge == "neg" else "high"
        for target in clocking.targets(graph, block):
            for flow in graph.into[target]:
                if flow.block == block.id and flow.kind == "reset":
                    yield Bits(instance, flow.source, flow.source_low, flow.source_high), "asynchronous", active
                    return
        yield Bits(instance, block.reset, 0, 0), "asynchronous", active
        return
    found = _synchronous(design, block)
    if found is not None:
        signal, low, high, active = found
        yield Bits(instance, signal, low, high), "synchronous", active


def _synchronous(design: DesignDatabase, block: model.Block) -> tuple[int, int, int, str] | None:
    """Return the one-bit signal that decides, whatever else holds, whether a block assigns constants only.

    Such a test stands first, with everything else in its other branch, or last, where it overrides what came before.
    """
    bounds = _range(block.id)
    statements = {
        s.id: s for s in design.rows(model.Statement, "id BETWEEN ? AND ? AND block = ?", (*bounds, block.id))
    }
    if len(statements) < 3:
        return None
    first, last = min(statements), max(statements)
    rows = design.rows(
        model.Next, "id BETWEEN ? AND ? AND source BETWEEN ? AND ?", (*bounds, first, last)
    )  # fmt: skip
    flow: nx.DiGraph[int] = nx.DiGraph()
    branches = {}
    for row in rows:
        flow.add_edge(row.source, row.target)
        if row.label == "true":
            branches[row.source] = row.target
    leave = next((s.id for s in statements.values() if s.kind == "exit"), 0)
    for test in _on_the_way(flow, first, leave):
        reads = list(design.rows(model.Reads, "source = ?", (test,))) if statements[test].kind == "if" else []
        if len(reads) == 1 and reads[0].low == reads[0].high and test in branches:
            region = _region(flow, branches[test], leave if leave in flow else last, test)
            if _constants_only(design, statements, region):
                active = "low" if statements[test].text.lstrip("( ").startswith(("!", "~")) else "high"
                return reads[0].target, reads[0].low, reads[0].high, active
    return None


def _on_the_way(flow: nx.DiGraph[int], entry: int, leave: int) -> list[int]:
    """Return the statements that every run of the block passes, in order."""
    if entry not in flow or leave not in flow:
        return []
    after = nx.immediate_dominators(flow.reverse(copy=False), leave)
    found, here = [], entry
    while here in after and here != leave:
        found.append(here)
        here = after[here]
    return found


def _region(flow: nx.DiGraph[int], start: int, leave: int, test: int) -> set[int]:
    """Return the statements of a branch, up to where all branches of the test meet."""
    after = nx.immediate_dominators(flow.reverse(copy=False), leave)
    join = after.get(test, leave)
    found: set[int] = set()
    waiting = [start]
    while waiting:
        here = waiting.pop()
        if here != join and here not in found:
            found.add(here)
            waiting.extend(flow.successors(here))
    return found


def _constants_only(design: DesignDatabase, statements: dict[int, model.Statement], region: set[int]) -> bool:
    """Whether a branch assigns something, and nothing but constants."""
    kinds = [statements[s].kind for s in region]
    if "assign" not in kinds or any(kind not in ("assign", "if") for kind in kinds):
        return False
    return not any(next(iter(design.rows(model.Reads, "source = ?", (s,))), None) for s in region)


def _range(identifier: int) -> tuple[int, int]:
    owner = identifier >> model.SHIFT
    return owner << model.SHIFT, ((owner + 1) << model.SHIFT) - 1
