"""Text of next-state functions, made anew from guards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rtlgen.graphs.fsm.bdd import FALSE, TRUE, Diagrams
from rtlgen.graphs.fsm.symbolic import Blaster
from rtlgen.graphs.wordlevel.module import Signal
from rtlgen.graphs.wordlevel.terms import Term, apply, const, extract, ite, land, lnot, lor
from rtlgen.graphs.wordlevel.verilog import NeedsNameError, condition_to_verilog

MAX_CONDITION = 120
"""Characters of one condition beyond which nobody wants to read it."""


class UnreadableError(Exception):
    """The text would not be readable; the caller leaves the source as it is."""


def condition_term(diagrams: Diagrams, f: int, atoms: Mapping[int, Term]) -> Term:
    """Return a diagram as a 1-bit term over its atoms."""
    done: dict[int, Term] = {FALSE: const(0, 1), TRUE: const(1, 1)}
    stack = [f]
    while stack:
        g = stack[-1]
        if g in done:
            stack.pop()
            continue
        low, high = diagrams.cofactors(g, diagrams.level(g))
        missing = [h for h in (low, high) if h not in done]
        if missing:
            stack += missing
            continue
        done[g] = _node(atoms[diagrams.level(g)], done[low], done[high])
    return done[f]


def _node(atom: Term, low: Term, high: Term) -> Term:
    if low.is_const and high.is_const:
        return atom if high.const_value else lnot(atom)
    if low.is_const:
        return lor(lnot(atom), high) if low.const_value else land(atom, high)
    if high.is_const:
        return lor(atom, low) if high.const_value else land(lnot(atom), low)
    if low is apply("not", high) or high is apply("not", low):
        return apply("xor", atom, low)
    return ite(atom, high, low)


def choice(blaster: Blaster, guards: Mapping[int, int], words: Mapping[int, str], signals: Mapping[str, Signal]) -> str:
    """Return one conditional expression that chooses among the words by their guards.

    Args:
        blaster: what the guards were made by.
        guards: value -> guard; exactly one guard holds at a time.
        words: text of each value.
        signals: declarations of the signals in the guards.

    Raises:
        UnreadableError: a condition is too long, or can't be written.
    """
    diagrams = blaster.diagrams
    atoms = {level: _bit(term, bit) for (term, bit), level in blaster.atoms.items()}
    order = sorted(guards, key=lambda v: diagrams.size(guards[v]))
    last = max(order, key=lambda v: diagrams.density(guards[v]))
    order.remove(last)
    parts: list[str] = []
    care = TRUE
    for value in order:
        shortest = min((diagrams.restrict(guards[value], care), guards[value]), key=diagrams.size)
        parts.append(f"{_text(condition_term(diagrams, shortest, atoms), signals)} ? {words[value]} : ")
        care = diagrams.conj(care, diagrams.neg(guards[value]))
    return "".join(parts) + words[last]


def _bit(term: Term, bit: int) -> Term:
    return extract(term, bit, 1)


def _text(condition: Term, signals: Mapping[str, Signal]) -> str:
    try:
        text = condition_to_verilog(condition, signals=signals)
    except NeedsNameError as reason:
        raise UnreadableError(str(reason)) from reason
    if len(text) > MAX_CONDITION:
        raise UnreadableError(f"a condition of {len(text)} characters")
    return text if text.isidentifier() or (text.startswith("!") and text[1:].isidentifier()) else f"({text})"


def conditional_chain(target: str, state: str, arms: Sequence[tuple[str, str]], indent: str) -> str:
    """Return `assign TARGET = (STATE == A) ? … :` over several lines; the last arm needs no test."""
    lines = [f"({state} == {name}) ? {_grouped(text)} :" for name, text in arms[:-1]]
    lines.append(_grouped(arms[-1][1]))
    head = f"assign {target} = "
    return head + f"\n{indent}{' ' * len(head)}".join(lines) + ";"


def _grouped(text: str) -> str:
    return f"({text})" if " ? " in text else text


def case_statement(target: str, state: str, operator: str, arms: Sequence[tuple[str, str]], indent: str) -> str:
    """Return a case statement over the states, the last one being the default."""
    inner = indent + "    "
    labels = [f"{name}:" for name, _ in arms[:-1]] + ["default:"]
    wide = max(map(len, labels))
    named = zip(labels, (text for _, text in arms), strict=True)
    lines = [f"{inner}{label:<{wide}} {target} {operator} {text};" for label, text in named]
    return f"case ({state})\n" + "\n".join(lines) + f"\n{indent}endcase"
