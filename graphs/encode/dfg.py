"""The data flow of a body as lines of text, and back; the grammar is in `docs/graph-text.md`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final, cast

from rtlgen.graphs.encode.budget import Encoded, Line, Rank, fit, line
from rtlgen.graphs.encode.dataflow import (
    KINDS,
    ROLES,
    Clause,
    Dataflow,
    Domain,
    Kind,
    Role,
    Target,
    dataflow,
)
from rtlgen.graphs.encode.focus import BRIEF_DONE, FAR, distances
from rtlgen.graphs.encode.names import ITEM, QUOTED
from rtlgen.graphs.encode.texts import Reader, edges_in, edges_text, head_lines
from rtlgen.graphs.rows import BodyRows

MAX_SOURCES: Final = 3
"""Sources of one role in a shortened line."""
MAX_CLAUSES: Final = 1
"""Clauses in a shortened line."""

_CLASSES: Final[dict[Kind, int]] = {
    "reg": 0, "latch": 0, "wire": 1, "pin": 2, "in": 3, "open": 4, "ext": 4, "init": 5,
}  # fmt: skip


def encode_dfg(body: BodyRows, *, tokens: int | None = None, focus: Sequence[str] = ()) -> Encoded:
    """Return the data flow of a body as text.

    Args:
        body: rows of one elaborated body.
        tokens: the most the text may take, by `estimate`; None for all of it.
        focus: names of signals, or lines (`14`, `14-20`), whose neighbourhood in the graph is kept first.

    Raises:
        InputError: fewer than `MIN_TOKENS` tokens, or no such signal or line.
    """
    flow = dataflow(body)
    far = distances(body, focus) if focus else None
    return fit(f"dfg {flow.name}", list(_lines(flow, far)), tokens)


def decode_dfg(text: str) -> Dataflow:
    """Return the data flow that a text of `encode_dfg` says.

    Raises:
        InputError: a line is not of the grammar.
    """
    return _Reader(text).flow()


def _lines(flow: Dataflow, far: dict[str, int] | None) -> Iterator[Line]:
    yield from head_lines(flow.place, flow.parameters)
    for domain in flow.domains:
        yield line("domains", [f"domain {domain.name} {edges_text(domain.edges)}"], [(0, 0)])
    for number, target in enumerate(flow.targets):
        forms = [target_text(_brief(target)), target_text(target)]
        yield line(_PLURALS.get(target.kind, "signals"), forms, _ranks(target, number, far))


_PLURALS: Final[dict[Kind, str]] = {"in": "inputs", "pin": "instance pins"}


def _ranks(target: Target, number: int, far: dict[str, int] | None) -> tuple[Rank, Rank]:
    """Return when a line comes, and when it comes to its full length: nearest first, then registers, then wires."""
    constant = target.kind not in ("in", "pin", "ext") and not any(c.sources for c in target.clauses)
    importance = (6 if constant else _CLASSES[target.kind], number)
    distance = 0 if far is None else min(far.get(target.name, FAR), FAR)
    return (1 + 2 * distance, *importance), (BRIEF_DONE + 1 if far is None else 4 + 2 * distance, *importance)


def _brief(target: Target) -> Target:
    clauses = []
    for clause in target.clauses[:MAX_CLAUSES]:
        kept = tuple((role, names[:MAX_SOURCES]) for role, names in clause.sources)
        hidden = sum(len(names) for _, names in clause.sources) - sum(len(names) for _, names in kept)
        clauses.append(replace(clause, sources=kept, hidden=hidden))
    return replace(target, clauses=tuple(clauses), hidden=len(target.clauses) - len(clauses))


def target_text(target: Target) -> str:
    """Return the line of one signal."""
    words = [target.kind, target.bounds, target.name, target.direction if target.kind != "in" else ""]
    head = " ".join(word for word in words if word)
    clauses = [_clause_text(clause) for clause in target.clauses]
    if target.hidden:
        clauses.append(f"+{target.hidden} more")
    return f"{head} {' | '.join(clauses)}" if clauses else head


def _clause_text(clause: Clause) -> str:
    words = [",".join(clause.bits), f"@{clause.line}", clause.domain]
    roles = [f"{role} {', '.join(names)}" for role, names in clause.sources]
    if clause.hidden:
        roles.append(f"+{clause.hidden} more")
    head = " ".join(word for word in words if word)
    return f"{head}: {'; '.join(roles)}" if roles else head


_DOMAIN: Final = re.compile(r"domain (\S+) (.*)")
_HEAD: Final = re.compile(
    rf"(?P<kind>{'|'.join(KINDS)}) (?:(?P<bounds>[\[<]\S*) )?(?P<name>{QUOTED}|\S+)"
    rf"(?: (?P<direction>input|output|inout|ref))?(?: (?P<clauses>.*))?"
)
_CLAUSE: Final = re.compile(
    rf"(?:(?P<bits>(?:{QUOTED}|[^\s,@\"]+)(?:,(?:{QUOTED}|[^\s,\"]+))*) )?@(?P<line>\d+)"
    rf"(?: (?P<domain>\w+))?(?:: (?P<roles>.*))?"
)
_ROLE: Final = re.compile(rf"(?P<role>{'|'.join(ROLES)}) (?P<names>{ITEM}(?:, {ITEM})*)|\+(?P<hidden>\d+) more")


class _Reader(Reader):
    def __init__(self, text: str) -> None:
        super().__init__("dfg", text)
        self.domains: list[Domain] = []
        self.targets: list[Target] = []

    def flow(self) -> Dataflow:
        self.read()
        return Dataflow(self.name, self.place, tuple(self.parameters), tuple(self.domains), tuple(self.targets))

    def take(self, text: str) -> None:
        found = _DOMAIN.fullmatch(text)
        if found:
            self.domains.append(Domain(found[1], edges_in(found[2])))
        else:
            self._target(text)

    def _target(self, text: str) -> None:
        found = _HEAD.fullmatch(text) or self.wrong("at, param, domain or a kind of signal", text)
        kind = cast(Kind, found["kind"])
        clauses, hidden = [], 0
        for part in _split(found["clauses"] or "", " | "):
            more = re.fullmatch(r"\+(\d+) more", part)
            if more:
                hidden = int(more[1])
            else:
                clauses.append(self._clause(part))
        direction = "input" if kind == "in" else found["direction"] or ""
        self.targets.append(Target(kind, found["name"], found["bounds"] or "", direction, tuple(clauses), hidden))

    def _clause(self, text: str) -> Clause:
        found = _CLAUSE.fullmatch(text) or self.wrong("[SELECT] @LINE [DOMAIN][: SOURCES]", text)
        sources: list[tuple[Role, tuple[str, ...]]] = []
        hidden = 0
        for part in _split(found["roles"] or "", "; "):
            role = _ROLE.fullmatch(part) or self.wrong("ROLE SOURCE, SOURCE", part)
            if role["hidden"]:
                hidden = int(role["hidden"])
            else:
                sources.append((cast(Role, role["role"]), tuple(re.findall(ITEM, role["names"]))))
        bits = tuple(re.findall(rf"{QUOTED}|[^\s,\"]+", found["bits"] or ""))
        return Clause(bits, int(found["line"]), found["domain"] or "", tuple(sources), hidden)


def _split(text: str, separator: str) -> Iterable[str]:
    """Return the parts of a text between separators that stand outside of quotes."""
    if not text:
        return []
    if '"' not in text:
        return text.split(separator)
    marks = list(re.finditer(rf"{QUOTED}|{re.escape(separator)}", text))
    ends = [m for m in marks if m[0] == separator]
    starts = [0, *(m.end() for m in ends)]
    return [text[start:end] for start, end in zip(starts, [*(m.start() for m in ends), len(text)], strict=True)]
