"""`simplify-expression`: each expression of the source against what the word-level engine finds equal to it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from rtlgen.graphs.wordlevel.module import ModuleIR, Occurrence
from rtlgen.graphs.wordlevel.terms import Term, var, variables, walk
from rtlgen.optimizer.datapath.source import Writer, cleaned, in_context, shorten
from rtlgen.optimizer.egraph.cost import Costs
from rtlgen.optimizer.egraph.engine import Limits, engine, facts
from rtlgen.optimizer.egraph.simplify import alternatives, area
from rtlgen.optimizer.rewrite import Change, RewriteContext

SMALLEST: Final = 2.0
"""Expressions estimated below this many gates are left alone."""
INLINED: Final = 60
"""Nodes of a wire's definition up to which it is looked through."""
COUNT: Final = 4


@dataclass(frozen=True, slots=True)
class _Task:
    occurrence: Occurrence
    root: Term
    equal: tuple[tuple[Term, Term], ...]
    leaf_cost: tuple[tuple[str, float], ...]
    before: float


class SimplifyExpression:
    """Proposes cheaper equal text for one expression at a time, with wires looked through and path conditions used."""

    name = "simplify-expression"

    def __init__(self, costs: Costs | None = None) -> None:
        self._costs = costs or Costs()

    def prepare(self) -> None:
        """Load the rules of the e-graph."""
        engine()

    def propose(self, context: RewriteContext) -> Iterator[Change]:
        """Yield the best alternative of every expression first, then the runners-up."""
        waiting: list[Change] = []
        for module in context.modules:
            writer = Writer(module, context.sources)
            for task in self._tasks(module):
                if time.monotonic() > context.deadline_s:
                    return
                changes = list(self._changes(task, writer, context))
                yield from changes[:1]
                waiting += changes[1:]
        yield from sorted(waiting, key=lambda c: -c.rank)

    def _tasks(self, module: ModuleIR) -> list[_Task]:
        readers = _readers(module)
        tasks: list[_Task] = []
        for occurrence in module.occurrences:
            if not occurrence.editable or not occurrence.root or occurrence.role == "port":
                continue
            root = in_context(occurrence)
            if root.op in ("var", "const", "undef"):
                continue
            for deep in (True, False):
                task = self._task(module, occurrence, root, readers, deep)
                if task is not None and task.before >= SMALLEST and (deep or not tasks or tasks[-1] != task):
                    tasks.append(task)
        return sorted(tasks, key=lambda t: -t.before)

    def _task(
        self, module: ModuleIR, occurrence: Occurrence, root: Term, readers: Counter[str], deep: bool
    ) -> _Task | None:
        inside = definitions(module, occurrence, root) if deep else {}
        if deep and not inside:
            return None
        equal = tuple((var(n, t.width), t) for n, t in inside.items())
        path = facts({s.condition: s.taken for s in occurrence.path})
        known = set(variables(root, *inside.values()))
        path = [(a, b) for a, b in path if known & set(variables(a, b))]
        alone = {n: area(t, costs=self._costs) for n, t in inside.items() if readers[n] <= 1}
        before = area(root, costs=self._costs) + sum(alone.values())
        return _Task(occurrence, root, (*equal, *path), tuple(sorted(alone.items())), before)

    def _changes(self, task: _Task, writer: Writer, context: RewriteContext) -> Iterator[Change]:
        found = alternatives(
            [task.root],
            equal=task.equal,
            leaf_cost=dict(task.leaf_cost),
            costs=self._costs,
            objective="delay" if context.objective == "delay" else "area",
            count=COUNT,
            limits=Limits(),
            seed=context.seed,
        )
        text = writer.text_of(task.occurrence)
        for candidate in found:
            gain = 1 - candidate.cost / task.before
            if gain < -0.02 and context.objective != "delay":
                continue
            made = writer.render(candidate.terms[0], task.occurrence)
            if made is None or "".join(made[1].split()) == "".join(text.split()):
                continue
            helpers, new = made
            edits = [writer.replace(task.occurrence, new)]
            if helpers:
                edits.insert(0, writer.declarations(helpers, writer.module.blocks[task.occurrence.block]))
                writer.release(h.name for h in helpers)
            line = writer.line(task.occurrence.place.file, task.occurrence.place.start)
            change = cleaned(
                context,
                writer.module,
                edits,
                rule=self.name,
                title=f"line {line}: `{shorten(text)}` as `{shorten(new)}`",
                why=_reason(task, gain),
                rank=max(0.05, gain),
            )
            if change is not None:
                yield change


def _reason(task: _Task, gain: float) -> str:
    context = " where this statement is reached" if any(p.condition.op != "const" for p in task.occurrence.path) else ""
    return f"Equal by word-level rules{context}; estimated {max(0, round(100 * gain))} % less logic in this expression."


def _readers(module: ModuleIR) -> Counter[str]:
    """Return how many whole expressions, registers and connections read each signal."""
    count: Counter[str] = Counter()
    for occurrence in module.occurrences:
        if occurrence.root:
            count.update(variables(occurrence.term).keys())
    for instance in module.instances:
        for connection in instance.connections:
            if connection.term is not None:
                count.update(variables(connection.term).keys())
    for signal in module.signals.values():
        if signal.kind in ("output", "inout"):
            count[signal.name] += 2
    return count


def definitions(module: ModuleIR, occurrence: Occurrence, root: Term, depth: int = 3) -> dict[str, Term]:
    """Return definitions of the wires in the cone of `root` that other blocks drive, a few levels deep."""
    own = module.blocks[occurrence.block].assigned
    found: dict[str, Term] = {}
    front = list(variables(root))
    for _ in range(depth):
        front = [n for n in front if n not in found and n not in own and n in module.combinational]
        for name in front:
            term = module.combinational[name]
            size = sum(1 for _ in walk(term))
            if size <= INLINED and not own & set(variables(term)) and not any(t.op == "undef" for t in walk(term)):
                found[name] = term
        front = [n for name in front if name in found for n in variables(found[name])]
    return found
