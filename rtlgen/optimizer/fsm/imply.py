"""Flags that a state machine already knows: what a small register holds in each state, and where that settles a test.

The machine and the register are explored together. Where every state in which a test of the register is reached leaves
it only one value, the test is settled and goes; a register that nobody reads any more goes with its assignments.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rtlgen.graphs.frontend.slang import Elaborated
from rtlgen.graphs.fsm.bdd import DiagramLimitError, Diagrams
from rtlgen.graphs.fsm.extract import Machine, entry_codes, machines
from rtlgen.graphs.fsm.symbolic import Blaster, Specializer, expand
from rtlgen.graphs.wordlevel.module import ModuleIR, Occurrence, Place, Register
from rtlgen.graphs.wordlevel.terms import Term, concat, const, extract
from rtlgen.optimizer.edits import Edit
from rtlgen.optimizer.fsm.source import reads_of
from rtlgen.optimizer.fsm.surgery import Surgeon
from rtlgen.optimizer.registers.draft import Draft
from rtlgen.optimizer.registers.module_text import CannotEditError
from rtlgen.optimizer.rewrite import Change, RewriteContext

MAX_WIDTH = 4
MAX_S = 8.0
"""Seconds per module."""
MAX_PAIRS = 256
MAX_MOVES = 64
NODES = 12_000
_EQUALITIES = ("EqualityExpression", "InequalityExpression")


class FsmImply:
    """Removes tests of flags whose outcome the state already decides."""

    name = "fsm-imply"

    def propose(self, context: RewriteContext) -> Iterator[Change]:
        """Yield per module one change for all settled flags together, then one for each."""
        for module in context.modules:
            if module.copies > 1 or context.elaborated is None or not module.registers:
                continue
            settled: dict[str, list[Edit]] = {}
            limit = min(context.deadline_s, time.monotonic() + MAX_S)
            for machine in machines(module):
                if time.monotonic() > context.deadline_s:
                    return
                for name in _flags(module, machine):
                    if name not in settled and time.monotonic() < limit:
                        edits = _settle(context, context.elaborated, module, machine, name)
                        if edits:
                            settled[name] = edits
            yield from _changes(context, module, settled)


def _changes(context: RewriteContext, module: ModuleIR, settled: Mapping[str, list[Edit]]) -> Iterator[Change]:
    groups = [list(settled), *([name] for name in settled)] if len(settled) > 1 else [list(settled)]
    for group in groups if settled else ():
        draft = Draft(context, module)
        try:
            draft.apply(e for name in group for e in settled[name])
            draft.clean()
        except CannotEditError:
            continue
        names = ", ".join(repr(n) for n in group)
        change = draft.change(
            FsmImply.name,
            f"tests of {names} that the state already decides",
            "In every state that reaches the test the register holds one value only.",
            rank=0.6,
            obligation="sequential",
        )
        if change is not None:
            yield change


def _flags(module: ModuleIR, machine: Machine) -> list[str]:
    """Return the small registers on the machine's clock."""
    state = machine.register
    return [
        name
        for name, register in module.registers.items()
        if name != state.name
        and register.width <= MAX_WIDTH
        and (register.clock, register.edge) == (state.clock, state.edge)
    ]


def values_by_state(module: ModuleIR, state: Register, flag: Register) -> dict[int, set[int]]:
    """Return for every reachable code of `state` the values that `flag` can have in it.

    Raises:
        DiagramLimitError: there are too many combinations.
    """
    both = expand([concat(flag.next, state.next)], module.combinational | module.latch_values)[0]
    blaster = Blaster(Diagrams(NODES))
    starts = _starts(flag, both, state.width)
    waiting = [(s, f) for s in entry_codes(state, extract(both, 0, state.width)) for f in starts]
    reached: dict[int, set[int]] = {}
    seen: set[tuple[int, int]] = set()
    while waiting:
        pair = waiting.pop()
        if pair in seen:
            continue
        if len(seen) >= MAX_PAIRS:
            raise DiagramLimitError(f"expected at most {MAX_PAIRS} pairs of {state.name!r} and {flag.name!r}")
        seen.add(pair)
        reached.setdefault(pair[0], set()).add(pair[1])
        values = {state.name: const(pair[0], state.width), flag.name: const(pair[1], flag.width)}
        following = blaster.diagrams.partition(blaster.bits(Specializer(values)(both)), MAX_MOVES)
        waiting += [(v & ((1 << state.width) - 1), v >> state.width) for v in following]
    return reached


def _starts(flag: Register, both: Term, low: int) -> Sequence[int]:
    """Return the values that the flag may start with; every one where it has no reset."""
    found = entry_codes(flag, extract(both, low, flag.width))
    return found or range(1 << flag.width)


def _settle(context: RewriteContext, design: Elaborated, module: ModuleIR, machine: Machine, name: str) -> list[Edit]:
    """Return the edits that settle every test of a flag that the state decides."""
    flag = module.registers[name]
    tests = [(node, place) for node, place in reads_of(design, module, name) if _test(node, 0, flag.width) is not None]
    if not tests:
        return []
    try:
        values = values_by_state(module, machine.register, flag)
    except DiagramLimitError:
        return []
    if all(len(v) > 1 for v in values.values()):
        return []
    surgeon = Surgeon(module.place.file, context.sources[module.place.file])
    found = False
    for node, place in tests:
        held = _held(module, machine, place, values)
        test = _test(node, held, flag.width) if held is not None else None
        if test is not None:
            surgeon.settle(*test)
            found = True
    return list(surgeon.edits()) if found else []


def _held(module: ModuleIR, machine: Machine, place: Place, values: Mapping[int, set[int]]) -> int | None:
    """Return the one value that the flag has wherever the text at `place` is evaluated, None where there are more."""
    occurrences = _around(module, place)
    if not occurrences or not all(o.editable and o.role in ("rhs", "condition") for o in occurrences):
        return None
    found: set[int] = set()
    for occurrence in occurrences:
        conditions = expand([step.condition for step in occurrence.path], module.combinational)
        taken = [step.taken for step in occurrence.path]
        for code, held in values.items():
            if not held <= found and _passes(machine, code, conditions, taken):
                found |= held
        if len(found) > 1:
            return None
    return found.pop() if len(found) == 1 else None


def _around(module: ModuleIR, place: Place) -> list[Occurrence]:
    """Return the occurrences of the smallest expression around a place (several where it runs several times)."""
    outer = [o for o in module.occurrences if o.place.file == place.file]
    outer = [o for o in outer if o.place.start <= place.start and place.end <= o.place.end]
    least = min((o.place.end - o.place.start for o in outer), default=0)
    return [o for o in outer if o.place.end - o.place.start == least]


def _passes(machine: Machine, code: int, conditions: Sequence[Term], taken: Sequence[bool]) -> bool:
    """Return whether the decisions on the way to a place can be taken in a state."""
    settle = Specializer({machine.name: const(code, machine.register.width)})
    settled = [settle(c) for c in conditions]
    return not any(c.is_const and bool(c.const_value) != t for c, t in zip(settled, taken, strict=True))


def _test(node: Any, held: int, width: int) -> tuple[Any, bool] | None:
    """Return (syntax node, truth) of the test that a known value settles, None where it is no test."""
    parent = node.parent
    while parent is not None and parent.kind.name == "ParenthesizedExpression":
        node, parent = parent, parent.parent
    if parent is None:
        return None
    if parent.kind.name in _EQUALITIES:
        other = parent.right if parent.left is node else parent.left
        constant = _literal(str(other).strip())
        if constant is None:
            return None
        return parent, (held == constant) == (parent.kind.name == "EqualityExpression")
    return (node, bool(held)) if width == 1 and _is_condition(parent) else None


def _is_condition(parent: Any) -> bool:
    return parent.kind.name in (
        "LogicalAndExpression",
        "LogicalOrExpression",
        "BinaryAndExpression",
        "BinaryOrExpression",
        "UnaryLogicalNotExpression",
        "UnaryBitwiseNotExpression",
        "ConditionalPattern",
    )


def _literal(text: str) -> int | None:
    """Return the value of an unsigned literal, None for anything else."""
    head, quote, tail = text.partition("'")
    digits = (tail or head).lstrip("sS").lower().replace("_", "")
    base = {"b": 2, "o": 8, "d": 10, "h": 16}.get(digits[:1]) if quote else 10
    try:
        return int(digits[1:] if quote else digits, base) if base else None
    except ValueError:
        return None
