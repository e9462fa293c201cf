"""How far every signal of a body is from those that a text is about."""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from typing import Final

from rtlgen.core.errors import InputError
from rtlgen.graphs.bits import split_select
from rtlgen.graphs.encode.names import written
from rtlgen.graphs.model import Statement
from rtlgen.graphs.rows import BodyRows

FAR: Final = 9
"""Everything from this distance on is equally far."""
BRIEF_DONE: Final = 2 * FAR + 2
"""The rank after the short form of everything, however far."""

_LINES: Final = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?")


def lines_of(focus: Iterable[str]) -> tuple[list[range], list[str]]:
    """Return the ranges of lines in a focus, and what else is in it: names."""
    ranges, names = [], []
    for item in focus:
        found = _LINES.fullmatch(item.strip())
        if found:
            first = int(found[1])
            ranges.append(range(first, int(found[2] or first) + 1))
        else:
            names.append(item)
    return ranges, names


def signals_of(body: BodyRows, names: Iterable[str]) -> set[int]:
    """Return the signals that names or selects stand for.

    Raises:
        InputError: the body has no such signal.
    """
    known = {s.name: s.id for s in body.signals}
    return {known[split_select(name, known)[0]] for name in names}


def check_lines(body: BodyRows, lines: range) -> None:
    """Check that a body has a part in a range of lines.

    Raises:
        InputError: it has none.
    """
    if lines.stop <= body.first_line or lines.start > body.last_line:
        within = f"{body.first_line}-{body.last_line}"
        raise InputError(f"expected a line of {body.definition}, within {within}, got {lines.start}")


def distances(body: BodyRows, focus: Sequence[str]) -> dict[str, int]:
    """Return signal or instance pin, as `written` → steps along the data flow, either way, to the nearest in focus.

    A line stands for what its statements drive, or else read, and for what an instance on it is connected to.

    Raises:
        InputError: no such signal, or a line outside of the body.
    """
    ranges, names = lines_of(focus)
    for lines in ranges:
        check_lines(body, lines)
    chosen = signals_of(body, names)
    hit = {s.id for s in body.statements if any(touches(s, lines) for lines in ranges)}
    chosen |= {d.target for d in body.drives if d.source in hit} or {r.target for r in body.reads if r.source in hit}
    chosen |= {b.outer for b in body.binds if any(b.line in lines for lines in ranges)}
    return _steps({written(s.name) for s in body.signals if s.id in chosen}, _neighbours(body))


def touches(statement: Statement, lines: range) -> bool:
    """Whether a statement stands on one of the lines; of one with statements inside, its first line."""
    last = statement.first_line if statement.kind in ("if", "case", "loop", "entry", "exit") else statement.last_line
    return statement.first_line < lines.stop and lines.start <= last


def statement_distances(body: BodyRows, focus: Sequence[str]) -> dict[int, int]:
    """Return statement → steps to the focus, at most `FAR`.

    A statement on a line in focus is at 0, one that drives a signal as far as the signal, one that reads it one step
    more; a condition is as near as what it decides on.

    Raises:
        InputError: no such signal, or a line outside of the body.
    """
    far = distances(body, focus)
    ranges, _ = lines_of(focus)
    signals = {s.id: far.get(written(s.name), FAR) for s in body.signals}
    found = {s.id: FAR for s in body.statements}
    for edges, more in ((body.drives, 0), (body.reads, 1)):
        for edge in edges:
            found[edge.source] = min(found.get(edge.source, FAR), signals[edge.target] + more + bool(ranges))
    found.update({s.id: 0 for s in body.statements if any(touches(s, lines) for lines in ranges)})
    _raise_conditions(body.statements, found)
    return found


def _raise_conditions(statements: Sequence[Statement], found: dict[int, int]) -> None:
    """Bring every statement with others inside as near as the nearest of them; statements come outermost first."""
    around: list[Statement] = []
    parents: list[tuple[int, int]] = []
    for statement in statements:
        while around and (around[-1].block != statement.block or around[-1].last_line < statement.last_line):
            around.pop()
        parents += [(statement.id, around[-1].id)] if around else []
        if statement.kind in ("if", "case", "loop"):
            around.append(statement)
    for child, parent in reversed(parents):
        found[parent] = min(found[parent], found[child])


def _neighbours(body: BodyRows) -> dict[str, set[str]]:
    names = {s.id: written(s.name) for s in body.signals}
    result: dict[str, set[str]] = defaultdict(set)
    pairs = [(names[f.source], names[f.target]) for f in body.flows if f.kind not in ("clock", "reset")]
    pairs += [(names[b.outer], written(f"{b.instance}.{b.inner or b.port}")) for b in body.binds if b.outer]
    for one, other in pairs:
        result[one].add(other)
        result[other].add(one)
    return result


def _steps(start: set[str], neighbours: dict[str, set[str]]) -> dict[str, int]:
    found = dict.fromkeys(start, 0)
    waiting = deque(sorted(start))
    while waiting:
        name = waiting.popleft()
        for other in neighbours[name] - found.keys():
            found[other] = found[name] + 1
            waiting.append(other)
    return found
