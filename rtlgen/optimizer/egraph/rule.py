"""Rewrite rules: how they are written, parsed, and given to egglog.

One rule a line, the family's name given once:

    name: (Pattern ...) => (Replacement ...) if (fact) (fact) @phase
    name: (A ...) <=> (B ...)

Facts compute with widths and constants (`(= k (- w 1))`, `(< c (mask w))`); a fact that is an operator pattern asks
only that such a node exists, so that a rule fires where it lets two uses share. Macros: `(Zero w)`, `(One w)`,
`(Ones w)` are constants, `(mask w)` is 2**w - 1, `(wrap w x)` is x modulo 2**w.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

from rtlgen.optimizer.egraph.language import SHAPES

Sexp: TypeAlias = "str | tuple[Sexp, ...]"
Phase = Literal["simplify", "share", "strength", "explore"]

_TOKEN: Final = re.compile(r"[()]|[^\s()]+")
_LINE: Final = re.compile(r"(?P<name>[\w-]+):\s*(?P<body>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Rule:
    """One directed rule.

    Attributes:
        name: unique name; the backward direction of `<=>` ends in `-back`.
        family: group in the documentation.
        lhs: pattern; rhs: what it equals; when: facts.
        phase: `simplify` rules run most often; `share` rules, which pair operators, and `strength` rules, which
            break up constant factors, while the e-graph is small; `explore` rules (associativity, distribution)
            once a round.
    """

    name: str
    family: str
    lhs: Sexp
    rhs: Sexp
    when: tuple[Sexp, ...] = ()
    phase: Phase = "simplify"

    def to_egglog(self) -> str:
        """Return the rule as an egglog command, with bound variables as egglog wants them."""
        facts = "".join(f" {show(part)}" for fact in self.when for part in _lookups(expand(fact)))
        return (
            f"(rule ((= lhs_ {show(expand(self.lhs))}){facts}) ((union lhs_ {show(expand(self.rhs))})) "
            f":ruleset {self.phase})"
        )


def parse_rules(family: str, text: str, phase: Phase = "simplify") -> tuple[Rule, ...]:
    """Return the rules written in `text`; a rule may go on over indented lines, `#` starts a comment.

    `phase` is that of the rules that name none.

    Raises:
        ValueError: a line is no rule.
    """
    rules: list[Rule] = []
    for entry in _entries(text):
        match = _LINE.fullmatch(entry)
        if match is None:
            raise ValueError(f"expected 'name: lhs => rhs', got {entry!r}")
        rules += _parse_rule(family, match["name"], match["body"], phase)
    return tuple(rules)


def _entries(text: str) -> Iterator[str]:
    current = ""
    for line in text.splitlines():
        line = line.split("#", 1)[0].rstrip()
        if line and not line[0].isspace() and current:
            yield current
            current = ""
        current = f"{current} {line.strip()}".strip()
    if current:
        yield current


def _parse_rule(family: str, name: str, body: str, phase: Phase) -> list[Rule]:
    for other in get_args(Phase):
        if body.endswith(f"@{other}"):
            phase, body = other, body.removesuffix(f"@{other}").strip()
    arrow = "<=>" if "<=>" in body else "=>"
    left, _, rest = body.partition(arrow)
    right, _, facts = rest.partition(" if ")
    lhs, rhs, when = parse(left), parse(right), _parse_many(facts)
    rules = [Rule(name, family, lhs, rhs, when, phase)]
    if arrow == "<=>":
        rules.append(Rule(f"{name}-back", family, rhs, lhs, when, phase))
    return rules


def parse(text: str) -> Sexp:
    """Return the one S-expression in `text`.

    Raises:
        ValueError: `text` is not exactly one S-expression.
    """
    found = _parse_many(text)
    if len(found) != 1:
        raise ValueError(f"expected one S-expression, got {text!r}")
    return found[0]


def _parse_many(text: str) -> tuple[Sexp, ...]:
    stack: list[list[Sexp]] = [[]]
    for token in _TOKEN.findall(text):
        if token == "(":
            stack.append([])
        elif token == ")":
            if len(stack) == 1:
                raise ValueError(f"expected balanced parentheses, got {text!r}")
            done = tuple(stack.pop())
            stack[-1].append(done)
        else:
            stack[-1].append(token)
    if len(stack) != 1:
        raise ValueError(f"expected balanced parentheses, got {text!r}")
    return tuple(stack[0])


def expand(sexp: Sexp) -> Sexp:
    """Return the S-expression with macros replaced by egglog primitives."""
    if isinstance(sexp, str):
        return sexp
    head, *arguments = (expand(part) for part in sexp)
    if head in ("Zero", "One"):
        return ("Const", arguments[0], ("bigint", "0" if head == "Zero" else "1"))
    if head == "Ones":
        return ("Const", arguments[0], _mask(arguments[0]))
    if head == "mask":
        return _mask(arguments[0])
    if head == "wrap":
        return ("&", arguments[1], _mask(arguments[0]))
    return (head, *arguments)


def _lookups(fact: Sexp) -> Iterator[Sexp]:
    """Yield the fact in egglog's words: `nat`, the bit index of an integer, is a relation there and no function."""
    found: list[Sexp] = []
    rest = _without_nat(fact, found)
    if isinstance(rest, tuple) and rest[0] == "=" and len(found) == 1 and rest[2] == found[0][-1]:
        yield (*found[0][:-1], rest[1])
    else:
        yield from (*found, rest)


def _without_nat(sexp: Sexp, found: list[Sexp]) -> Sexp:
    if isinstance(sexp, str):
        return sexp
    if sexp[0] == "nat":
        name = "nat_" + re.sub(r"\W+", "_", show(sexp))
        found.append(("nat", _without_nat(sexp[1], found), name))
        return name
    return tuple(_without_nat(part, found) for part in sexp)


def _mask(width: Sexp) -> Sexp:
    return ("-", ("<<", ("bigint", "1"), width), ("bigint", "1"))


def show(sexp: Sexp) -> str:
    """Return the text of an S-expression."""
    return sexp if isinstance(sexp, str) else f"({' '.join(map(show, sexp))})"


def is_node(sexp: Sexp) -> bool:
    """Return whether the S-expression is a pattern of an operator of the language."""
    return not isinstance(sexp, str) and isinstance(sexp[0], str) and sexp[0] in SHAPES
