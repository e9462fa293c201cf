"""Move an operation into the branches of a selection where a branch then becomes trivial.

`x - (c ? x : y)` is `c ? 0 : x - y`: the selection behind the operation selects a constant, which costs a gate a bit,
and the operation no longer waits for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.optimizer.rewrite import Change, RewriteContext
from rtlgen.optimizer.sharing.graph import ModuleGraph
from rtlgen.optimizer.sharing.weave import Weaver

_MOST: Final = 8
_MOVED: Final = frozenset(
    {"add", "sub", "mul", "udiv", "urem", "ult", "ule", "slt", "sle", "eq", "shl", "lshr", "ashr"}
)


def distributed(context: RewriteContext, graph: ModuleGraph) -> Iterator[Change]:
    """Yield one change for all such operations, then one for each."""
    targets = {n: new for n in graph.nodes if n.op in _MOVED and (new := moved(n)) is not None}
    weaver = Weaver(context, graph)
    groups = [targets] if targets else []
    groups += [{k: v} for k, v in list(targets.items())[:_MOST]] if len(targets) > 1 else []
    for group in groups:
        change = weaver.change(
            "decide",
            "do an operation in the branches of a selection, where one of them needs none",
            "In one branch the result is known, so the selection gets a constant and leaves the operation's path.",
            [],
            group,
            0.5,
        )
        if change is not None:
            yield change


def moved(node: Term) -> Term | None:
    """Return the operation done in both branches of a selected operand, None unless one of them becomes trivial."""
    for place, operand in enumerate(node.args):
        if operand.op != "ite":
            continue
        condition, *branches = operand.args
        done = []
        for branch in branches:
            args = list(node.args)
            args[place] = branch
            done.append(simplified(t.rebuild(node, tuple(args))))
        if any(x.is_const or x.op == "var" for x in done):
            return t.ite(condition, *done)
    return None


def simplified(x: Term) -> Term:
    """Return what an operation is on equal operands, on zero or on one."""
    if len(x.args) != 2:
        return x
    left, right = x.args
    if left is right and x.op in ("sub", "ult", "slt", "urem"):
        return t.const(0, x.width)
    if left is right and x.op in ("ule", "sle", "eq"):
        return t.const(1, 1)
    if right.is_const and right.const_value == 0 and x.op in ("add", "sub", "shl", "lshr", "ashr"):
        return left
    if left.is_const and left.const_value == 0 and x.op in ("mul", "shl", "lshr", "ashr"):
        return left
    if left.is_const and left.const_value == 0 and x.op == "add":
        return right
    if right.is_const and x.op == "mul" and right.const_value in (0, 1):
        return left if right.const_value else right
    return x
