"""All rules of the word-level engine, by family."""

from __future__ import annotations

from functools import cache

from rtlgen.optimizer.egraph.rule import Rule


@cache
def all_rules() -> tuple[Rule, ...]:
    """Return every rule; names are unique.

    Raises:
        ValueError: two rules have the same name.
    """
    from rtlgen.optimizer.egraph.rules import arithmetic, boolean, compare, constants, mux, shift, width

    rules = [rule for module in (constants, boolean, arithmetic, compare, mux, shift, width) for rule in module.RULES]
    names = [r.name for r in rules]
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise ValueError(f"expected unique rule names, got twice: {', '.join(twice)}")
    return tuple(rules)
