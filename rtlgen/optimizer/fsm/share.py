"""Registers that are never needed at the same time become one.

Counters of different phases of a machine (wait for the start bit, wait for the stop bit) rest at their cleared value in
each other's phases. Which ones do is guessed from simulated runs; the text then gets one name for all of them, and
the prover decides whether the clears still do what they should.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from rtlgen.graphs.wordlevel import simulate as sim
from rtlgen.graphs.wordlevel.module import ModuleIR, Register
from rtlgen.optimizer.edits import Edit
from rtlgen.optimizer.fsm.surgery import end_of, outermost, start_of
from rtlgen.optimizer.registers.module_text import CannotEditError, ModuleText
from rtlgen.optimizer.rewrite import Change, RewriteContext

MIN_WIDTH = 3
OVERLAP = 0.2
"""Share of simulated cycles in which both may be away from rest: the clear of one often comes a cycle late."""
MAX_GROUPS = 8
NARROW = 8
_CONSTANT = re.compile(r"(?:\d+\s*)?'[sS]?[bBoOdDhH]\s*[0-9a-fA-F_]+|'[01]|\d+")


class ShareRegisters:
    """Gives one register to several uses that exclude each other."""

    name = "share-registers"

    def propose(self, context: RewriteContext) -> Iterator[Change]:
        """Yield changes, largest group first; each in the plain form and without clears that would now interfere."""
        for module in context.modules:
            if module.copies > 1 or time.monotonic() > context.deadline_s:
                continue
            for group in groups(module, context.seed):
                yield from self._changes(context, module, group)

    def _changes(self, context: RewriteContext, module: ModuleIR, group: tuple[str, ...]) -> Iterator[Change]:
        seen: set[tuple[Edit, ...]] = set()
        for drop in (False, True):
            try:
                edits = join(ModuleText.of(module, context.sources), module, group, drop_clears=drop)
            except CannotEditError:
                return
            if edits in seen:
                continue
            seen.add(edits)
            title = f"one register for {', '.join(repr(n) for n in group)}"
            why = f"They are never needed at the same time; {saved(module, group)} flip-flops less."
            yield Change(self.name, module.name, title, why, edits, 0.7, "sequential", guess=True)


def groups(module: ModuleIR, seed: int = 0) -> list[tuple[str, ...]]:
    """Return groups of registers that were hardly ever away from their resting values together, largest saving first.

    Args:
        module: the view.
        seed: of the simulation.
    """
    alike = _alike(module)
    if not alike:
        return []
    samples = sim.long_run(module, seed).samples
    if samples.count < 8:
        return []
    found: list[tuple[str, ...]] = []
    for names in alike:
        values = {n: np.asarray(samples.values[n]) for n in names}
        away = {n: _away(v) for n, v in values.items() if not too_wide(module.registers[n].width, v)}
        names = [n for n in names if n in away]
        pairs = [p for p in combinations(names, 2) if _exclusive(away[p[0]], away[p[1]])]
        whole = _clique(names, set(pairs))
        found += [whole] if len(whole) > 2 else []
        found += pairs
    ordered = [tuple(sorted(g, key=lambda n: -module.registers[n].width)) for g in found]
    return sorted(ordered, key=lambda g: -saved(module, g))[:MAX_GROUPS]


def saved(module: ModuleIR, group: Sequence[str]) -> int:
    """Return how many flip-flops less are needed when the first (widest) register serves for all."""
    return sum(module.registers[n].width for n in group[1:])


def too_wide(width: int, values: np.ndarray[Any, Any]) -> bool:
    """Return whether narrowing should come first: proofs over wide counters take long, over narrow ones they don't."""
    return width > NARROW and int(np.max(values)).bit_length() < width - 2


def _alike(module: ModuleIR) -> list[list[str]]:
    """Return the inner registers of one block, clock and reset, in groups of two or more."""
    alike: dict[tuple[object, ...], list[str]] = {}
    for name, register in module.registers.items():
        signal = module.signals[name]
        if register.width < MIN_WIDTH or signal.kind != "variable" or signal.depth is not None or "." in name:
            continue
        alike.setdefault(_likeness(register), []).append(name)
    return [names for names in alike.values() if len(names) > 1]


def _likeness(register: Register) -> tuple[object, ...]:
    # Widths may differ where the literals carry none; lint rejects what then does not fit.
    return (register.block, register.resets, register.initial)


def _away(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return where a register is not at the value that it has most of the time."""
    kinds, counts = np.unique(values, return_counts=True)
    return np.asarray(values != kinds[int(np.argmax(counts))])


def _exclusive(left: np.ndarray[Any, Any], right: np.ndarray[Any, Any]) -> bool:
    both = float(np.mean(left & right))
    return both <= OVERLAP and both < 0.5 * min(float(np.mean(left)), float(np.mean(right))) + 1e-9


def _clique(names: Sequence[str], pairs: set[tuple[str, str]]) -> tuple[str, ...]:
    """Return a largest set found greedily in which every two may share."""
    best: tuple[str, ...] = ()
    for first in names:
        chosen = [first]
        for name in names:
            if all((name, c) in pairs or (c, name) in pairs for c in chosen):
                chosen.append(name)
        if len(chosen) > len(best):
            best = tuple(sorted(chosen, key=list(names).index))
    return best


def join(text: ModuleText, module: ModuleIR, group: Sequence[str], *, drop_clears: bool) -> tuple[Edit, ...]:
    """Return the edits that give all registers of the group one name and one declaration.

    Args:
        text: the module's text.
        module: its view.
        group: names of registers assigned in one block, the widest first.
        drop_clears: also drop constant assignments that stand behind another member's assignment.

    Raises:
        CannotEditError: the text does not allow it cleanly.
    """
    block = module.blocks[module.registers[group[0]].block]
    if not block.editable:
        raise CannotEditError("expected an editable block, got one that several copies share")
    new = common_name(group, text.words())
    edits = [e for name in group[1:] for e in text.remove_declaration(name)]
    keeper = group[0]
    if new != keeper:
        edits += [_renamed(text, keeper, new)]
    for name in group:
        edits += [text.edit(start, end, new) for start, end, _ in text.reads(name) if name != new]
    edits += _repeats(text, text.item(block.place), set(group), drop_clears)
    return outermost(edits)


def common_name(group: Sequence[str], used: set[str]) -> str:
    """Return a name for all members: the words they have in common, else the first one's.

    Examples:
        >>> common_name(["press_cnt", "release_cnt"], set())
        'cnt'
        >>> common_name(["wait_a_timer", "wait_b_timer"], set())
        'wait_timer'
        >>> common_name(["i", "j"], set())
        'i'
    """
    words = [name.split("_") for name in group]
    shared = [w for w in words[0] if all(w in other for other in words[1:])]
    name = "_".join(shared)
    return name if name and name not in used and not name[0].isdigit() and len(name) > 1 else group[0]


def _renamed(text: ModuleText, name: str, new: str) -> Edit:
    declared = text.declarations(name)
    if len(declared) != 1 or declared[0].port:
        raise CannotEditError(f"expected one declaration of {name!r} that is no port, got {len(declared)!r}")
    token = declared[0].declarator.name
    return text.edit(token.location.offset, token.location.offset + len(name), new)


def _repeats(text: ModuleText, item: Any, group: set[str], drop_clears: bool) -> list[Edit]:
    """Return deletions of assignments that say again, or undo, what another member's says in the same list."""
    edits: list[Edit] = []

    def visit(node: Any) -> None:
        if getattr(getattr(node, "kind", None), "name", "") == "SequentialBlockStatement":
            edits.extend(_repeats_in(text, [s for s in node.items if hasattr(s, "kind")], group, drop_clears))

    item.visit(visit)
    return edits


def _repeats_in(text: ModuleText, statements: Sequence[Any], group: set[str], drop_clears: bool) -> list[Edit]:
    edits: list[Edit] = []
    said: set[str] = set()
    touched = False
    for statement in statements:
        constant = _clear(text, statement, group)
        if constant is not None and (constant in said or (drop_clears and touched)):
            edits.append(text.delete(start_of(statement), end_of(statement)))
        elif constant is not None:
            said.add(constant)
        touched = touched or _assigns(statement, group)
    return edits


def _clear(text: ModuleText, statement: Any, group: set[str]) -> str | None:
    """Return the constant that a statement assigns to a member, None where it does anything else."""
    if statement.kind.name != "ExpressionStatement":
        return None
    expression = statement.expr
    if expression.kind.name not in ("NonblockingAssignmentExpression", "AssignmentExpression"):
        return None
    if expression.left.kind.name != "IdentifierName" or expression.left.identifier.valueText not in group:
        return None
    value = text.text[start_of(expression.right) : end_of(expression.right)].decode("latin-1").strip()
    return value if _CONSTANT.fullmatch(value) else None


def _assigns(statement: Any, group: set[str]) -> bool:
    found = False

    def visit(node: Any) -> None:
        nonlocal found
        kind = getattr(getattr(node, "kind", None), "name", "")
        if kind in ("NonblockingAssignmentExpression", "AssignmentExpression"):
            left = node.left
            found = found or (hasattr(left, "identifier") and left.identifier.valueText in group)

    statement.visit(visit)
    return found
