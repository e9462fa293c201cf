"""Better equal terms: saturate, extract, tidy; the entry point that the rewrites use."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from rtlgen.graphs.wordlevel.terms import Term, walk
from rtlgen.optimizer.egraph.cost import Costs, Operand
from rtlgen.optimizer.egraph.engine import Limits, engine
from rtlgen.optimizer.egraph.extract import Candidate, Extractor
from rtlgen.optimizer.egraph.language import PLAIN, SHIFTED
from rtlgen.optimizer.egraph.tidy import tidy

LARGEST: Final = 400
"""Terms with more nodes than this are not given to the engine."""
_CACHE_SIZE: Final = 4096
_cache: OrderedDict[tuple[object, ...], tuple[Candidate, ...]] = OrderedDict()
_cache_lock = threading.Lock()


def alternatives(
    roots: Sequence[Term],
    *,
    equal: Sequence[tuple[Term, Term]] = (),
    leaf_cost: Mapping[str, float] | None = None,
    costs: Costs | None = None,
    objective: Literal["area", "delay"] = "area",
    count: int = 4,
    limits: Limits | None = None,
    watch: Sequence[Term] = (),
    seed: int = 0,
) -> tuple[Candidate, ...]:
    """Return up to `count` different terms (for each root) that equal the given ones, cheapest first.

    The input itself is not among them; candidates that cost more than it are. Results are remembered.

    Args:
        roots: terms to rewrite together; operators shared between them count once.
        equal: pairs taken as equal besides the rules (wire and definition, condition and truth).
        leaf_cost: cost of reading a signal that would otherwise vanish.
        costs: technology-aware costs; built-in figures where None.
        objective: what is minimised.
        count: candidates wanted.
        limits: bounds of the saturation.
        watch: terms whose form each candidate reports, where it needs them (definitions of named wires).
        seed: of the local search.
    """
    if sum(1 for _ in walk(*roots)) > LARGEST:
        return ()
    leaves = tuple(sorted((leaf_cost or {}).items()))
    table = costs or Costs()
    key = (tuple(roots), tuple(watch), tuple(equal), leaves, table.library, objective, count, limits, seed)
    with _cache_lock:
        if key in _cache:
            _cache.move_to_end(key)
            return _cache[key]
    found = _compute(roots, watch, equal, leaf_cost or {}, table, objective, count, limits, seed)
    with _cache_lock:
        _cache[key] = found
        while len(_cache) > _CACHE_SIZE:
            _cache.popitem(last=False)
    return found


def _compute(
    roots: Sequence[Term],
    watch: Sequence[Term],
    equal: Sequence[tuple[Term, Term]],
    leaf_cost: Mapping[str, float],
    costs: Costs,
    objective: Literal["area", "delay"],
    count: int,
    limits: Limits | None,
    seed: int,
) -> tuple[Candidate, ...]:
    classes = engine().saturate([*roots, *watch], equal=equal, limits=limits)
    extractor = Extractor(classes, costs, leaf_cost, objective, len(watch))
    original = tidy(roots, roots)
    found: dict[tuple[Term, ...], Candidate] = {}
    for candidate in extractor.candidates(12 * count, seed=seed):
        kept = [w for w in candidate.watched if w is not None]
        everything = tidy([*candidate.terms, *kept], roots)
        terms, forms = everything[: len(roots)], iter(everything[len(roots) :])
        if terms not in (original, tuple(roots)):
            watched = tuple(None if w is None else next(forms) for w in candidate.watched)
            found.setdefault(terms, Candidate(terms, candidate.cost, watched))
    return tuple(found.values())[:count]


def area(*roots: Term, costs: Costs | None = None, free: Sequence[Term] = ()) -> float:
    """Return the estimated area of terms as they stand, shared operators counted once; `free` ones cost nothing."""
    table, skip = costs or Costs(), set(free)
    names = {**PLAIN, **SHIFTED, "ite": "Ite", "concat": "Cat", "extract": "Ext", "zext": "Zext", "sext": "Sext"}
    names |= {"var": "Var", "const": "Const", "undef": "Undef", "select": "Select"}
    known: dict[Term, Operand] = {}
    total = 0.0
    for term in walk(*roots):
        known[term] = operand(term, known)
        if term not in skip:
            width = term.args[0].width if term.width == 1 and len(term.args) == 2 else term.width
            if term.op in ("redor", "redand", "redxor"):
                width = term.args[0].width
            total += table.area(names[term.op], width, tuple(known[a] for a in term.args))
    return total


def operand(term: Term, known: Mapping[Term, Operand]) -> Operand:
    """Return what the cost of a user depends on in `term`; its operands must be in `known`."""
    width = term.width
    if term.op == "const":
        value = term.const_value
        return Operand(width, value, value.bit_length(), (value & -value).bit_length() - 1 if value else width)
    if term.op == "zext":
        inner = known[term.args[0]]
        return Operand(width, None, inner.top, inner.low)
    if term.op == "concat":
        top = known[term.args[-1]].width if len(term.args) == 2 and known[term.args[0]].constant == 0 else width
        low = known[term.args[-1]].width if known[term.args[-1]].constant == 0 else 0
        return Operand(width, None, top, low)
    if term.op == "shl" and term.args[1].op == "const":
        return Operand(width, None, width, min(width, term.args[1].const_value))
    return Operand(width, None, width, 0, term.op in ("add", "sub"))
