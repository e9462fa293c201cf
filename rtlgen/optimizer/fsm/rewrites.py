"""The rewrites of state machines: fewer states, other codes, and the attribute that keeps them."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from rtlgen.core.errors import RtlgenError
from rtlgen.graphs.frontend.slang import Elaborated, elaborate
from rtlgen.graphs.fsm.bdd import DiagramLimitError
from rtlgen.graphs.fsm.extract import Machine, machines
from rtlgen.graphs.wordlevel.module import ModuleIR
from rtlgen.optimizer.edits import Edit
from rtlgen.optimizer.fsm import encode
from rtlgen.optimizer.fsm.cost import Estimator, descend, neighbours
from rtlgen.optimizer.fsm.encode import Encoding
from rtlgen.optimizer.fsm.index import to_codes
from rtlgen.optimizer.fsm.minimize import Classes, covered, equivalence_classes
from rtlgen.optimizer.fsm.source import locate
from rtlgen.optimizer.fsm.statetext import StateText
from rtlgen.optimizer.fsm.writeback import Plan, WritebackError, write
from rtlgen.optimizer.rewrite import Change, RewriteContext

BEST = 8
"""Searched code sets that are synthesized per machine."""
MAX_SEARCHED = 24
"""Machines of more states than this get no search for codes."""
MAX_WIDTH = 6
SEARCH_S = 2.0
"""Seconds per machine and width for the search."""
KEEP: Literal["none"] = "none"
"""Value of `fsm_encoding` that tells a synthesizer to leave the codes alone."""


@dataclass(frozen=True, slots=True)
class Found:
    """A machine, its equivalence classes and its source."""

    module: ModuleIR
    machine: Machine
    classes: Classes
    text: StateText
    removed: Mapping[int, int]
    """Every code that the source names and that isn't needed -> the code that stands for it."""

    @property
    def merged(self) -> int:
        """Number of reachable states that an equivalent one replaces."""
        return len(self.machine.codes) - len(self.classes)

    @property
    def unreachable(self) -> int:
        """Number of codes in the source that no run reaches."""
        return len(self.removed) - self.merged


def find(context: RewriteContext) -> Iterator[Found]:
    """Yield every machine of the design whose source is understood."""
    design = context.elaborated or _elaborated(context)
    if design is None:
        return
    seen: set[tuple[str, str]] = set()
    for module in context.modules:
        for machine in machines(module):
            if time.monotonic() > context.deadline_s:
                return
            key = (module.name, machine.name)
            text = None if key in seen else locate(design, module, machine.name)
            seen.add(key)
            if text is not None and (text.sites or text.bits):
                found = _found_within_limits(module, machine, text)
                if found is not None:
                    yield found


def _found_within_limits(module: ModuleIR, machine: Machine, text: StateText) -> Found | None:
    """Return the machine with its classes; None where its guards are too large to compare, so that others count."""
    try:
        return _found(module, machine, text)
    except DiagramLimitError:
        return None


def _elaborated(context: RewriteContext) -> Elaborated | None:
    try:
        return elaborate(context.sources, top=context.top)
    except RtlgenError:
        return None


def _found(module: ModuleIR, machine: Machine, text: StateText) -> Found:
    order = [n.value for n in text.names.values()] or [s.value for s in text.sites if s.value is not None]
    place = {value: i for i, value in reversed(list(enumerate(order)))}
    rank = {code: (code not in machine.entry, place.get(code, len(place))) for code in machine.codes}
    groups = [tuple(sorted(group, key=lambda c: rank[c])) for group in equivalence_classes(machine)]
    groups = _with_covered(groups, covered(machine))
    classes = tuple(sorted(groups, key=lambda g: place.get(g[0], len(place))))
    removed = {code: group[0] for group in classes for code in group[1:]}
    if not text.fixed:  # else a code that is never reached may still be an intermediate value
        for value in (*(s.value for s in text.sites), *(n.value for n in text.names.values())):
            if value is not None and value not in machine.transitions:
                removed.setdefault(value, machine.entry[0])
    return Found(module, machine, classes, text, removed)


def _with_covered(groups: list[tuple[int, ...]], stands_for: Mapping[int, int]) -> list[tuple[int, ...]]:
    """Return the groups with those joined whose undefined outputs another group fills in."""
    joined = {group[0]: list(group) for group in groups}
    head = {code: group[0] for group in groups for code in group}
    for code, other in stands_for.items():
        if head[code] == code and head[other] == other and code in joined and other in joined:
            joined[other] += joined.pop(code)
    return [tuple(group) for group in joined.values()]


def counted(found: Found) -> Encoding | None:
    """Return codes in the order in which a case statement steps through all states, None where none does."""
    for table in found.text.tables:
        moves = dict(table.moves)
        if table.otherwise is not None:
            moves |= {g[0]: table.otherwise for g in found.classes if g[0] not in moves}
        encoding = encode.along(found.classes, moves, found.removed.get(found.machine.entry[0], found.machine.entry[0]))
        if encoding is not None:
            return encoding
    return None


def plan_for(found: Found, encoding: Encoding, attribute: str | None) -> Plan:
    """Return the plan that gives the classes of a machine the codes of `encoding`."""
    codes = {group[0]: code for group, code in zip(found.classes, encoding.codes, strict=True)}
    if found.text.fixed:
        codes |= {s.value: s.value for s in found.text.sites if s.value is not None and s.value not in found.removed}
    return Plan(codes, found.removed, encoding.width, attribute, count=encoding.style == "counted")


def as_written(found: Found) -> Encoding:
    """Return the codes as they are, without those that go, in as few bits as they need."""
    codes = tuple(g[0] for g in found.classes)
    needed = max(1, max(codes).bit_length())
    return Encoding("as-written", codes, found.text.width if found.text.fixed else needed)


class FsmMinimize:
    """Merges equivalent states, removes unreachable ones, and takes away latches that only those would need."""

    name = "fsm-minimize"

    def __init__(self, *, allow_parameters: bool = True) -> None:
        self.allow_parameters = allow_parameters

    def propose(self, context: RewriteContext) -> Iterator[Change]:
        """Yield one change per machine that has states to lose, and one with its codes packed."""
        for found in find(context):
            if len(found.classes) < 2 or not (found.removed or (found.text.latched and found.text.cases)):
                continue
            packed = encode.binary(len(found.classes))
            choices = [as_written(found)]
            if packed.width < found.text.width:
                choices.insert(0, packed)
            for encoding in choices:
                edits = _edits(context, found, plan_for(found, encoding, None), self.allow_parameters)
                if edits:
                    yield _change(self.name, found, _losses(found), edits, 0.8 if found.merged else 0.4)


class FsmEncode:
    """Gives a machine other codes, merging and removing states on the way, and narrows its register."""

    name = "fsm-encode"

    def __init__(self, *, allow_parameters: bool = True, limit: int = 24) -> None:
        self.allow_parameters = allow_parameters
        self.limit = limit

    def propose(self, context: RewriteContext) -> Iterator[Change]:
        """Yield up to `limit` code sets per machine, the most promising first."""
        for found in find(context):
            if len(found.classes) < 2:
                continue
            seen: set[tuple[Edit, ...]] = set()
            for rank, (encoding, attribute) in enumerate(_choices(found, context)):
                if len(seen) >= self.limit or time.monotonic() > context.deadline_s:
                    break
                edits = _edits(context, found, plan_for(found, encoding, attribute), self.allow_parameters)
                if not edits or edits in seen:
                    continue
                seen.add(edits)
                yield _change(self.name, found, _describe(found, encoding, attribute), edits, 0.9 - 0.02 * rank)


class FsmIndex:
    """Turns a one-hot machine that is used bit by bit into one with codes."""

    name = "fsm-index"

    def __init__(self, *, allow_parameters: bool = True) -> None:
        self.allow_parameters = allow_parameters

    def propose(self, context: RewriteContext) -> Iterator[Change]:
        """Yield a change with and one without the attribute per bit-indexed machine."""
        for found in find(context):
            source = context.sources[found.text.file]
            for attribute in (KEEP, None) if found.text.bits else ():
                try:
                    edits = to_codes(
                        found.machine,
                        found.module,
                        found.text,
                        source,
                        attribute=attribute,
                        allow_parameters=self.allow_parameters or _closed(context, found),
                    )
                except WritebackError:
                    break
                count = len(found.machine.codes)
                kept = ", kept by (* fsm_encoding *)" if attribute else ""
                width = encode.minimal_width(count)
                title = f"{width} bits of code instead of {count} one-hot bits for {found.text.register!r}{kept}"
                why = f"{width} flip-flops hold {count} states; each test of a bit becomes a comparison."
                yield _change(self.name, found, (title, why), edits, 0.85)


def _choices(found: Found, context: RewriteContext) -> Iterator[tuple[Encoding, str | None]]:
    """Yield code sets with and without the attribute that keeps the synthesizer from choosing its own."""
    count = len(found.classes)
    narrow = encode.minimal_width(count)
    if not any(reason.startswith("mixed with") or reason.endswith("is a port") for reason in found.text.visible):
        yield as_written(found), KEEP
    if found.text.fixed:
        return
    stepping = counted(found)
    if stepping is not None:
        yield stepping, None
    hot = [(encode.one_hot(count), None)] if count <= encode.MAX_ONE_HOT else []
    if context.objective == "delay":
        yield from hot
    outputs = encode.output_based(found.machine, found.classes)
    plain = [encode.binary(count), encode.gray_order(found.machine, found.classes)]
    if outputs is not None and outputs.width <= narrow + 2:
        plain.insert(0, outputs)
    searched = _searched(found, plain, narrow, context)
    for encoding in (*searched[:4], *plain, *searched[4:BEST]):
        yield encoding, KEEP
    if found.text.attribute is None:
        yield from ((encoding, None) for encoding in (*plain, *searched[:1]))
        yield from hot
    yield from ((encoding, KEEP) for encoding in _searched(found, plain, narrow + 1, context)[:2])


def _searched(found: Found, plain: list[Encoding], width: int, context: RewriteContext) -> list[Encoding]:
    """Return code sets of `width` bits, best estimate first."""
    machine, classes = found.machine, found.classes
    if len(classes) > MAX_SEARCHED or width > MAX_WIDTH:
        return []
    estimate = Estimator(machine, classes, width)
    seed, limit = context.seed, min(context.deadline_s, time.monotonic() + SEARCH_S)
    starts = [as_written(found), *plain, *encode.searched(machine, classes, width, seed)]
    fitting = [e for e in starts if max(e.codes) < 1 << width]
    best: dict[encode.Codes, float] = {}
    for number, start in enumerate(fitting):
        best[start.codes] = estimate(start.codes)
        if time.monotonic() < limit:
            codes = descend(estimate, start.codes, random.Random(f"{seed}/{number}"), limit)
            best[codes] = estimate(codes)
    if found.text.attribute == KEEP and as_written(found).width == width:
        best |= {codes: estimate(codes) for codes in neighbours(as_written(found).codes, width)}
    return [Encoding("searched", codes, width) for codes in sorted(best, key=lambda c: (best[c], c))]


def _edits(context: RewriteContext, found: Found, plan: Plan, allow_parameters: bool) -> tuple[Edit, ...]:
    allowed = allow_parameters or _closed(context, found)
    try:
        return write(found.text, context.sources[found.text.file], plan, allow_parameters=allowed)
    except WritebackError:
        return ()


def _closed(context: RewriteContext, found: Found) -> bool:
    """Return whether every instance of the module is in the design, and none gives a parameter another value."""
    return found.module.name != context.top and found.module.copies == 1


def _change(rule: str, found: Found, words: tuple[str, str], edits: tuple[Edit, ...], rank: float) -> Change:
    title, why = words
    return Change(rule, found.module.name, title, why, edits, rank, "sequential")


def _losses(found: Found) -> tuple[str, str]:
    if not found.removed:
        return (
            f"complete the case statements over {found.text.register!r}",
            "The states that are missing in them can't occur; without a default they make latches.",
        )
    parts = []
    if found.merged:
        parts.append(f"merge {found.merged} equivalent")
    if found.unreachable:
        parts.append(f"remove {found.unreachable} unreachable")
    count = found.merged + found.unreachable
    states = "state" if count == 1 else "states"
    title = f"{' and '.join(parts)} {states} of {found.text.register!r}"
    return title, "Fewer states need fewer flip-flops and less next-state and output logic."


def _describe(found: Found, encoding: Encoding, attribute: str | None) -> tuple[str, str]:
    before = found.text.width
    kept = ", kept by (* fsm_encoding *)" if attribute else ""
    if encoding.style == "as-written":
        title = f"keep the codes of {found.text.register!r} as written{kept}"
    elif encoding.style == "counted":
        title = f"count through the states of {found.text.register!r}, {before} to {encoding.width} bits"
    else:
        title = f"{encoding.style} codes for {found.text.register!r}, {before} to {encoding.width} bits{kept}"
    if found.removed:
        title = f"{_losses(found)[0]}; {title}"
    if encoding.style == "counted":
        return title, "An addition is smaller than a choice among all states, and needs fewer flip-flops."
    why = "Codes that suit the transitions make next-state and output logic smaller"
    return title, f"{why}; {encoding.width} instead of {max(before, len(found.machine.codes))} flip-flops at most."
