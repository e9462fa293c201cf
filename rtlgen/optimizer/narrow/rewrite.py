"""Propose narrower declarations where values stay small or high bits do not count."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from rtlgen.graphs.wordlevel import simulate as sim
from rtlgen.graphs.wordlevel import terms as t
from rtlgen.graphs.wordlevel.module import ModuleIR, Place
from rtlgen.optimizer.narrow.demand import demanded_bits
from rtlgen.optimizer.narrow.edit_width import narrowed
from rtlgen.optimizer.narrow.ranges import Analysis, BudgetExceededError, Interval, register_ranges
from rtlgen.optimizer.narrow.relations import related_ranges
from rtlgen.optimizer.parameters import configuration
from rtlgen.optimizer.registers.draft import Draft
from rtlgen.optimizer.registers.module_text import CannotEditError, ModuleText
from rtlgen.optimizer.rewrite import Change, RewriteContext

_RELATE_S = 2.0


@dataclass(frozen=True, slots=True)
class Narrowing:
    """A signal that can do with fewer bits.

    Attributes:
        name: the signal.
        width: new width.
        reason: `range` (values proved small), `demand` (high bits not read) or `seen` (values seen to be small).
        high: greatest value, for `range` and `seen`.
    """

    name: str
    width: int
    reason: Literal["range", "demand", "seen"]
    high: int


class Narrow:
    """Narrows registers and wires."""

    name = "narrow"

    def propose(self, context: RewriteContext) -> Iterator[Change]:
        """Yield first one change for all that analysis settles, then single ones, then guesses from simulation."""
        for module in context.modules:
            if module.copies > 1:
                continue
            tried: set[frozenset[tuple[str, int]]] = set()
            for found in find_narrowings(module, context.seed):
                sure = [n for n in found if n.reason != "seen"]
                registers = [n for n in sure if n.name in module.registers]
                groups = [sure, registers, *([n] for n in registers), *([n] for n in found if n.reason == "seen")]
                for group in groups:
                    key = frozenset((n.name, n.width) for n in group)
                    if time.monotonic() > context.deadline_s:
                        return
                    if group and key not in tried:
                        tried.add(key)
                        change = narrow(context, module, group)
                        if change is not None:
                            yield change


def find_narrowings(module: ModuleIR, seed: int = 0) -> Iterator[list[Narrowing]]:
    """Yield the unsigned signals inside a module that need fewer bits than declared, registers first.

    First what intervals and demanded bits say, which is quick; then with what takes a simulation: registers bounded by
    others, and guesses.
    """
    ranges = register_ranges(module)
    demanded = demanded_bits(module)
    yield _narrowings(module, ranges, demanded, {})
    reached = sim.long_run(module, seed)
    ranges = related_ranges(module, ranges, reached.samples, time.monotonic() + _RELATE_S)
    yield _narrowings(module, ranges, demanded, reached.extents)


def _narrowings(
    module: ModuleIR, ranges: Mapping[str, Interval], demanded: Mapping[str, int], seen: Mapping[str, sim.Extent]
) -> list[Narrowing]:
    order = sim.combinational_order(module)
    analysis = Analysis(module, order, ranges) if ranges or not module.registers else None
    found: list[Narrowing] = []
    for name in [*module.registers, *order]:
        signal = module.signals.get(name)
        if signal is None or signal.kind not in ("net", "variable") or signal.signed or signal.width < 2:
            continue
        if signal.low or not signal.descending or signal.dimension is None or not demanded[name]:
            continue
        found += _narrowing(module, name, signal.width, analysis, demanded[name], seen.get(name))
    return found


def _narrowing(
    module: ModuleIR, name: str, width: int, analysis: Analysis | None, demanded: int, seen: sim.Extent | None
) -> Iterator[Narrowing]:
    high = t.mask(width)
    if analysis is not None:
        try:
            high = analysis.of(t.var(name, width)).high
        except BudgetExceededError:
            analysis = None
    by_range, by_demand = max(1, high.bit_length()), demanded.bit_length()
    if min(by_range, by_demand) < width:
        reason: Literal["range", "demand"] = "range" if by_range <= by_demand else "demand"
        yield Narrowing(name, min(by_range, by_demand), reason, high)
    if seen is not None and max(1, seen.high.bit_length()) + 1 < min(by_range, by_demand):
        yield Narrowing(name, max(1, seen.high.bit_length()), "seen", seen.high)


def narrow(context: RewriteContext, module: ModuleIR, group: list[Narrowing]) -> Change | None:
    """Return the change that narrows all signals of a group, None where the text does not allow it cleanly."""
    draft = Draft(context, module)
    bits = {n.name: n.width for n in group}
    try:
        text = draft.text(module)
        widths = {n.name: width_text(text, module, n) for n in group}
        draft.apply(narrowed(text, module, widths, bits))
        _check(draft.view(), bits)
        draft.clean()
    except CannotEditError:
        return None
    saved = sum(module.signals[n].width - w for n, w in bits.items() if n in module.registers)
    return draft.change(
        "narrow",
        "narrow " + ", ".join(f"{n.name} from {module.signals[n.name].width} to {n.width} bits" for n in group[:6]),
        _why(group),
        rank=min(0.95, 0.3 + saved / 60) if group[0].reason != "seen" else 0.25,
        obligation="sequential" if saved else "combinational",
        guess=group[0].reason == "seen",
    )


def _check(view: ModuleIR, bits: Mapping[str, int]) -> None:
    for name, width in bits.items():
        got = view.signals[name].width if name in view.signals else None
        if got != width:
            raise CannotEditError(f"expected {name!r} to have {width!r} bits in the new text, got {got!r}")


def _why(group: list[Narrowing]) -> str:
    if group[0].reason == "demand":
        return "The high bits influence no output, so they need not be kept or computed."
    values = ", ".join(f"{n.name} stays at or below {n.high}" for n in group[:4] if n.reason != "demand")
    return f"From reset on, {values}; the high bits are always 0."


def width_text(text: ModuleText, module: ModuleIR, narrowing: Narrowing) -> str | int:
    """Return the new width as the declaration should say it.

    Where the bound comes from a constant expression over parameters, the width is written as its `$clog2`, so that
    the module still fits other parameter values.

    Raises:
        CannotEditError: the old width or the bound depends on a parameter in a way that can't be written so.
    """
    if not module.overridable:
        return narrowing.width
    codes = set(module.overridable) - configuration({module.place.file: text.text}, module).keys()
    parameters = (set(module.overridable) | set(module.parameters)) - codes
    declaration = text.declarations(narrowing.name)[0]
    blocks = [b for b in module.blocks if narrowing.name in b.assigned]
    related = " ".join(text.text[b.place.start : b.place.end].decode("latin-1") for b in blocks)
    used = _words(declaration.dimension + " " + related) & parameters
    if not used:
        return narrowing.width
    bound = _bound(text, module, narrowing, parameters) if not _words(declaration.dimension) & parameters else None
    if bound is None:
        raise CannotEditError(f"expected a width that does not depend on parameters, got {sorted(used)!r}")
    return bound


def _words(text: str) -> set[str]:
    return set(re.findall(r"[A-Za-z_]\w*", text))


def _bound(text: ModuleText, module: ModuleIR, narrowing: Narrowing, parameters: set[str]) -> str | None:
    """Return `$clog2(...)` over a constant expression of the source that the signal is compared with."""
    for o in module.occurrences:
        if o.term.op not in ("eq", "ult", "ule") or not any(a.is_const for a in o.term.args):
            continue
        if narrowing.name not in t.variables(o.expanded):
            continue
        value = next(a.const_value for a in o.term.args if a.is_const)
        source = _operand(text, o.place, parameters)
        if source is None or not 0 <= narrowing.high - value + 1 <= 1:
            continue
        wanted = source if value == narrowing.high + 1 else f"{_grouped(source)} + 1"
        if narrowing.high.bit_length() == narrowing.width:
            return f"$clog2({wanted})"
    return None


def _operand(text: ModuleText, place: Place, parameters: set[str]) -> str | None:
    """Return the side of a comparison that is a constant expression over parameters."""
    for node in text.items(place):
        for side in (getattr(node, "left", None), getattr(node, "right", None)):
            if side is not None:
                start, end = side.sourceRange.start.offset, side.sourceRange.end.offset
                source = text.text[start:end].decode("latin-1").strip()
                words = _words(source)
                if words and words <= parameters and len(source) <= 60:
                    return source
    return None


def _grouped(source: str) -> str:
    return source if re.fullmatch(r"\w+", source) else f"({source})"
