"""The table of rules in `docs/rewrites.md`, written from the rules themselves.

`python -m rtlgen.optimizer.egraph.document docs/rewrites.md` brings the file up to date.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rtlgen.optimizer.egraph.rule import Rule, show
from rtlgen.optimizer.egraph.rules import all_rules

BEGIN: Final = "<!-- rules: begin -->"
END: Final = "<!-- rules: end -->"


def rule_tables(rules: Sequence[Rule] | None = None) -> str:
    """Return one Markdown table a family: name, pattern, replacement, conditions, phase."""
    chosen = all_rules() if rules is None else rules
    parts: list[str] = []
    for family in dict.fromkeys(rule.family for rule in chosen):
        members = [rule for rule in chosen if rule.family == family]
        parts += [f"### {family} ({len(members)} rules)", "", "| rule | pattern | equals | where | phase |"]
        parts += ["|---|---|---|---|---|", *map(_row, members), ""]
    return "\n".join(parts)


def _row(rule: Rule) -> str:
    where = " ".join(map(_code, map(show, rule.when)))
    return f"| {rule.name} | {_code(show(rule.lhs))} | {_code(show(rule.rhs))} | {where} | {rule.phase} |"


def _code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|")


def updated(text: str) -> str:
    """Return a page with the tables between its two markers renewed.

    Raises:
        ValueError: the page lacks a marker.
    """
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"expected the markers {BEGIN!r} and {END!r} in the page")
    return f"{head}{BEGIN}\n{rule_tables()}{END}{tail}"


if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(updated(page.read_text()))
