"""Propose to remove registers whose value is known from elsewhere; random simulation guesses, the prover decides."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import permutations
from typing import Final

import numpy as np

from rtlgen.graphs.wordlevel import simulate as sim
from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.liveness import dead_signals
from rtlgen.graphs.wordlevel.module import ModuleIR
from rtlgen.graphs.wordlevel.terms import Term
from rtlgen.optimizer.edits import Edit
from rtlgen.optimizer.narrow.demand import demanded_bits
from rtlgen.optimizer.narrow.edit_width import narrowed
from rtlgen.optimizer.registers.define import inline_constant, interchangeable, redefine, rename
from rtlgen.optimizer.registers.draft import Draft, removal
from rtlgen.optimizer.registers.module_text import CannotEditError, ModuleText
from rtlgen.optimizer.resynth.bank import as_words
from rtlgen.optimizer.resynth.search import Points, Searcher
from rtlgen.optimizer.resynth.tidy import tidy
from rtlgen.optimizer.rewrite import Change, RewriteContext

FLOP_COST: Final = 6.0
"""Cost of one flip-flop bit in the units of `resynth.cost`."""
_SMALL: Final = 384
_PER_MODULE_S: Final = 6.0


@dataclass(frozen=True, slots=True)
class Redundant:
    """A register that always equals a term over other registers."""

    name: str
    term: Term
    gain: float


class RegisterRemoval:
    """Removes dead, constant, duplicate, complementary and computable registers."""

    name = "registers"

    def propose(self, context: RewriteContext) -> Iterator[Change]:
        """Yield changes, one register at a time, surest and largest first."""
        for module in context.modules:
            if module.copies > 1 or time.monotonic() > context.deadline_s:
                continue
            yield from _dead(context, module)
            if module.registers:
                yield from _redundant(context, module)


def _dead(context: RewriteContext, module: ModuleIR) -> Iterator[Change]:
    names = dead_signals(module)
    groups = [names, *([n] for n in names)] if len(names) > 1 else [names]
    for group in groups if names else ():
        draft = Draft(context, module)
        try:
            draft.apply(removal(draft.text(module), module, group))
        except CannotEditError:
            continue
        change = draft.change(
            "remove-dead",
            f"remove {_names(group)}, which no output depends on",
            "Logic and registers that nothing reads only cost area where the tools can't see it, and reading time.",
            rank=0.6,
            obligation="sequential",
        )
        if change is not None:
            yield change
            return


def _names(names: list[str]) -> str:
    shown = ", ".join(names[:4])
    return shown if len(names) <= 4 else f"{shown} and {len(names) - 4} more"


def _redundant(context: RewriteContext, module: ModuleIR) -> Iterator[Change]:
    deadline = min(context.deadline_s, time.monotonic() + _PER_MODULE_S)
    found = list(find_redundant(module, context.seed, deadline))
    for redundant in sorted(found, key=lambda r: -r.gain):
        change = remove_register(context, module, redundant)
        if change is not None:
            yield change


def find_redundant(module: ModuleIR, seed: int = 0, deadline_s: float = float("inf")) -> Iterator[Redundant]:
    """Yield registers that equalled a cheap term over other registers in every reached state that was seen.

    Args:
        module: the view.
        seed: of the simulation.
        deadline_s: `time.monotonic()` after which to stop.
    """
    reached = sim.long_run(module, seed)
    samples = reached.samples
    if samples.count < 8:
        return
    copies = list(_copies(module, samples))
    yield from copies
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.choice(samples.count, min(_SMALL, samples.count), replace=False))
    others = module.registers.keys() - {c.name for c in copies}
    for name in sorted(others, key=lambda n: (-module.registers[n].width, n)):
        if time.monotonic() > deadline_s:
            return
        if module.signals[name].width <= 64 and module.signals[name].depth is None:
            yield from _explain(module, name, samples, chosen, reached.extents[name], deadline_s)


def _copies(module: ModuleIR, samples: sim.Samples) -> Iterator[Redundant]:
    """Yield registers that were always equal to another one: the most useful ones, and told without a search."""
    groups: dict[tuple[int, bytes], list[str]] = {}
    for name, register in module.registers.items():
        if register.width <= 64 and module.signals[name].depth is None:
            groups.setdefault((register.width, samples.values[name].tobytes()), []).append(name)
    for (width, _), names in groups.items():
        moving = len(names) > 1 and bool((samples.values[names[0]] != samples.values[names[0]][0]).any())
        for name, other in permutations(names, 2) if moving else ():
            yield Redundant(name, t.var(other, width), (FLOP_COST + 2.0) * width)


def _explain(
    module: ModuleIR,
    name: str,
    samples: sim.Samples,
    chosen: np.ndarray[tuple[int], np.dtype[np.intp]],
    extent: sim.Extent,
    deadline_s: float,
) -> Iterator[Redundant]:
    width = module.registers[name].width
    worth = FLOP_COST * width + 2.0 * width
    if extent.low == extent.high:
        yield Redundant(name, t.const(extent.low, width), worth + 100)
        return
    leaves = [t.var(n, r.width) for n, r in module.registers.items() if n != name]
    if not leaves:
        return
    points = Points(len(chosen), {n: samples.values[n][chosen] for n in module.registers})
    searcher = Searcher(leaves, points, sim.constants_of(module), deadline_s=deadline_s)
    wanted = as_words(samples.values[name])
    accepted, seen = 0, set[Term]()
    for solution in searcher.solve(wanted[chosen], width, depth=1):
        if solution.cost >= worth or accepted == 2:
            return
        term = tidy(solution.term)
        if term in seen:
            continue
        seen.add(term)
        if bool((samples.evaluate(term) == samples.values[name]).all()):
            accepted += 1
            yield Redundant(name, term, worth - solution.cost - 4 * (accepted - 1))
            if term.op == "var":
                return


def remove_register(context: RewriteContext, module: ModuleIR, redundant: Redundant) -> Change | None:
    """Return the change that drives a register's readers by its term, None where the text does not allow it."""
    draft = Draft(context, module)
    name, term = redundant.name, redundant.term
    try:
        text = draft.text(module)
        if term.is_const and module.signals[name].kind in ("net", "variable"):
            draft.apply(_without_constant(text, module, name, term))
        elif term.op == "var" and interchangeable(text, module, name, term.name):
            draft.apply(rename(text, module, name, term.name))
        else:
            draft.apply(redefine(text, module, (name,), term))
        draft.clean()
        trim(draft, [name])
    except CannotEditError:
        return None
    rule, title, why = _words(name, term)
    return draft.change(rule, title, why, rank=0.5 + min(0.45, redundant.gain / 600), obligation="sequential")


def trim(draft: Draft, names: Sequence[str]) -> None:
    """Narrow redefined signals whose high bits have lost their last reader, as lint tools ask for."""
    view = draft.view()
    demanded = demanded_bits(view)
    widths: dict[str, int] = {}
    for name in names:
        signal = view.signals.get(name)
        if signal is None or signal.kind not in ("net", "variable") or signal.signed or signal.low:
            continue
        if signal.descending and 0 < demanded[name].bit_length() < signal.width:
            widths[name] = demanded[name].bit_length()
    if widths and not view.overridable:
        with suppress(CannotEditError):
            draft.apply(narrowed(draft.text(view), view, widths, widths))


def _without_constant(text: ModuleText, module: ModuleIR, name: str, term: Term) -> list[Edit]:
    try:
        return inline_constant(text, module, name, term.const_value)
    except CannotEditError:
        return redefine(text, module, (name,), term)


def _words(name: str, term: Term) -> tuple[str, str, str]:
    if term.is_const:
        return (
            "constant-register",
            f"replace register {name} by the constant {term.const_value}",
            "It never holds another value once reset, so its flip-flops and what feeds them are not needed.",
        )
    if term.op == "var":
        return (
            "duplicate-register",
            f"remove register {name}, a copy of {term.name}",
            "Both hold the same value in every cycle; one set of flip-flops is enough.",
        )
    return (
        "computable-register",
        f"compute {name} from other registers",
        "Its value is a simple function of other registers in every reachable state, cheaper than flip-flops.",
    )
