"""Name the parts of an expression that it uses several times, so that its text stays short."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.terms import Term

_TRIVIAL = frozenset({"var", "const", "undef", "extract", "zext", "sext", "not"})


def shared_parts(
    root: Term, fresh: Callable[[str], str], hint: str, least: int = 3
) -> tuple[list[tuple[str, Term]], Term]:
    """Return named parts in order of dependence, and the root over them.

    Args:
        root: the expression.
        fresh: maker of unused names.
        hint: beginning of the names.
        least: operators that a part used twice must have to get a name; one that is sliced twice always gets one.
    """
    uses: Counter[Term] = Counter(a for x in t.walk(root) for a in dict.fromkeys(x.args))
    sliced = Counter(x.args[0] for x in t.walk(root) if x.op == "extract")
    sizes = _tree_sizes(root)
    parts: list[tuple[str, Term]] = []
    done: dict[Term, Term] = {}
    for x in t.walk(root):
        new = t.rebuild(x, tuple(done[a] for a in x.args))
        often = uses[x] > 1 and sizes[x] >= least
        if x is not root and x.op not in (*_TRIVIAL, "concat") and (often or sliced[x] > 1):
            name = fresh(f"{hint}_{len(parts) + 1}")
            parts.append((name, new))
            new = t.var(name, x.width)
        done[x] = new
    return parts, done[root]


def _tree_sizes(root: Term) -> dict[Term, int]:
    """Return for every node the operators its text would show, repetitions counted."""
    sizes: dict[Term, int] = {}
    for x in t.walk(root):
        sizes[x] = sum(sizes[a] for a in x.args) + int(x.op not in _TRIVIAL)
    return sizes


def explicit(root: Term) -> Term:
    """Return an equal term whose zero extensions are written out, as lint tools want operands of one width."""
    return t.transform(root, _written_out)


def _written_out(x: Term) -> Term:
    if x.op != "zext":
        return x
    return t.concat(t.const(0, x.width - x.args[0].width), x.args[0])
