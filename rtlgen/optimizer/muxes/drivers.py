"""Give signals new continuous drivers, with wires for what several of them read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.graphs.wordlevel.verilog import NeedsNameError, to_verilog
from rtlgen.optimizer.edits import Edit
from rtlgen.optimizer.registers.define import fresh_names, redefine
from rtlgen.optimizer.registers.draft import Draft
from rtlgen.optimizer.registers.module_text import CannotEditError, ModuleText
from rtlgen.optimizer.resynth.cost import node_cost
from rtlgen.optimizer.resynth.tidy import tidy
from rtlgen.optimizer.rewrite import Change, RewriteContext
from rtlgen.optimizer.sharing.graph import ModuleGraph, normal
from rtlgen.optimizer.sharing.weave import LONGEST, explicit, refuse_loops

_NAMED_COST = 8.0
"""Estimated cost from which a value that is used twice gets a wire of its own."""


_KINDS: Final = {
    "add": "sum", "sub": "diff", "mul": "product", "udiv": "quotient", "urem": "remainder", "ite": "pick",
    "ult": "is_less", "ule": "is_at_most", "slt": "is_less", "sle": "is_at_most", "eq": "is_equal",
    "shl": "shifted", "lshr": "shifted", "ashr": "shifted", "concat": "joined",
}  # fmt: skip
_UNNAMED: Final = frozenset({"extract", "zext", "sext", "concat", "not"})


def redriven(
    context: RewriteContext,
    graph: ModuleGraph,
    drivers: Mapping[str, Term],
    rule: str,
    title: str,
    why: str,
    rank: float,
    splits: Mapping[Term, str] | None = None,
) -> Change | None:
    """Return a change after which each signal is continuously driven by its (full) value; None where that is not clean.

    Args:
        context: the design.
        graph: its module.
        drivers: signal to full value.
        rule: name of the rewrite.
        title: one line for the report.
        why: why it helps.
        rank: guess of the gain.
        splits: values that get a wire in any case, with a name.
    """
    try:
        text = ModuleText.of(graph.module, context.sources)
        draft = Draft(context, graph.module)
        draft.apply(_edits(text, graph, drivers, splits or {}))
        draft.clean()
        refuse_loops(draft, graph.module)
    except (CannotEditError, RecursionError):
        return None
    return draft.change(rule, title, why, rank=rank)


def _edits(text: ModuleText, graph: ModuleGraph, drivers: Mapping[str, Term], splits: Mapping[Term, str]) -> list[Edit]:
    module = graph.module
    fresh = fresh_names(text)
    values = narrow_reads({n: normal(v) for n, v in drivers.items()})
    forbidden = graph.dependents(set(drivers))
    local = {n: tidy(graph.localise(v, forbidden)) for n, v in values.items()}
    wanted = {graph.localise(v, forbidden): name for v, name in splits.items()}
    local, wires = named(local, wanted, fresh)
    start = min(b.place.start for n in drivers for b in module.blocks if n in b.assigned and b.kind != "initial")
    for member in text.module.members:
        span = member.sourceRange
        if span.start.offset <= start < span.end.offset:
            start = span.start.offset
    logic = b"logic" in text.text[module.place.start : module.place.end]
    indent = text.indent(start)
    lines = []
    for name, value in wires:
        size = f"[{value.width - 1}:0] " if value.width > 1 else ""
        expression = _expression(text, graph, name, value)
        lines += [f"{indent}logic {size}{name};", f"{indent}assign {name} = {expression};"] if logic else [
            f"{indent}wire {size}{name} = {expression};"
        ]  # fmt: skip
    edits = [text.insert_before(start, "".join(f"{x}\n" for x in lines))] if lines else []
    for name, value in local.items():
        edits += _driver(text, graph, name, value, fresh("driven_value"))
    return list(dict.fromkeys(edits))


def _driver(text: ModuleText, graph: ModuleGraph, name: str, value: Term, stand_in: str) -> list[Edit]:
    """Return edits that drive a signal, the expression written in its own width and sign."""
    expression = _expression(text, graph, name, value, exact=graph.module.signals[name].signed)
    if graph.module.signals[name].signed:
        expression = f"$signed({expression})"
    edits = redefine(text, graph.module, (name,), t.var(stand_in, value.width))
    return [Edit(e.file, e.start, e.end, e.text.replace(stand_in, expression)) for e in edits]


def _expression(text: ModuleText, graph: ModuleGraph, name: str, value: Term, exact: bool = False) -> str:
    try:
        result = to_verilog(explicit(value), signals=graph.module.signals, context_width=value.width, exact=exact)
    except NeedsNameError as error:
        raise CannotEditError(str(error)) from error
    if len(result) > LONGEST:
        raise CannotEditError(f"expected a driver of {name!r} of at most {LONGEST} characters, got {len(result)}")
    return result


def named(
    values: Mapping[str, Term], wanted: Mapping[Term, str], fresh: object
) -> tuple[dict[str, Term], list[tuple[str, Term]]]:
    """Return the values reading new wires for parts that are used more than once, and these wires in order."""
    assert callable(fresh)
    nodes = list(t.walk(*values.values()))
    users = Counter(a for n in nodes for a in n.args)
    sliced = {n.args[0] for n in nodes if n.op == "extract" and not _writable(n)}
    sliced |= {n.args[0] for n in nodes if n.op == "sext" and n.args[0].width > 1 and n.args[0].args}
    done: dict[Term, Term] = {}
    wires: list[tuple[str, Term]] = []
    roots = set(values.values())
    for node in t.walk(*values.values()):
        new = t.rebuild(node, tuple(done[a] for a in node.args))
        costly = users[node] > 1 and _cost(node) >= _NAMED_COST
        wanted_name = node in wanted or node in sliced or costly
        if new.args and wanted_name and node not in roots and new.op not in _UNNAMED:
            name = fresh(wanted.get(node) or _KINDS.get(new.op, "part"))
            wires.append((name, new))
            new = t.var(name, new.width)
        done[node] = new
    return {n: done[v] for n, v in values.items()}, wires


def _writable(part: Term) -> bool:
    """Say whether a part can be written without naming what it is a part of."""
    base = part.args[0]
    return base.op in ("var", "concat") or (base.op == "lshr" and not part.value and base.args[0].op == "var")


def narrow_reads(values: Mapping[str, Term]) -> dict[str, Term]:
    """Return the values with sums that are the low bits of a wider sum read from that one."""
    wide: dict[Term, Term] = {}
    nodes = list(t.walk(*values.values()))
    sums = [n for n in nodes if n.op in ("add", "sub", "mul")]
    for n in sums:
        for w in sums:
            if w.width > n.width and w.op == n.op and normal(t.make("extract", n.width, (w,), 0)) is n:
                wide[n] = w
    if not wide:
        return dict(values)
    done: dict[Term, Term] = {}
    for n in nodes:
        source = wide.get(n)
        new = t.rebuild(n, tuple(done[a] for a in n.args))
        done[n] = t.make("extract", n.width, (source,), 0) if source is not None else new
    return {k: done[v] for k, v in values.items()}


def _cost(node: Term) -> float:
    return sum(node_cost(x) for x in t.walk(node))


def graph_cost(graph: ModuleGraph, drivers: Mapping[str, Term]) -> float:
    """Return the estimated cost of everything observed with some signals driven anew (only those observed directly)."""
    changed = {graph.env[n]: v for n, v in drivers.items() if n in graph.env}
    return sum(node_cost(x) for x in t.walk(*graph.roots_with(changed)))
