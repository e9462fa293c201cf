"""Which bits of each signal anything depends on: backward analysis from outputs, to a fixpoint over registers."""

from __future__ import annotations

from collections.abc import Iterable

from rtlgen.graphs.wordlevel.liveness import live_roots
from rtlgen.graphs.wordlevel.module import ModuleIR
from rtlgen.graphs.wordlevel.terms import Term, mask


def demanded_bits(module: ModuleIR) -> dict[str, int]:
    """Return for every signal a mask of the bits that outputs, instances or opaque logic depend on."""
    definitions = dict(module.combinational)
    definitions |= {n: r.next for n, r in module.registers.items()}
    demanded: dict[str, int] = {}
    pending = [(n, mask(s.width)) for n, s in module.signals.items() if s.kind in ("output", "inout")]
    pending += [(n, mask(module.signals[n].width)) for n in live_roots(module) if n in module.signals]
    while pending:
        name, bits = pending.pop()
        fresh = bits & ~demanded.get(name, 0)
        if fresh:
            demanded[name] = demanded.get(name, 0) | bits
            if name in definitions:
                pending += _reads(definitions[name], demanded[name])
    return {n: demanded.get(n, 0) for n in module.signals}


def _reads(root: Term, bits: int) -> Iterable[tuple[str, int]]:
    """Return the signals a term reads, with the bits of them that `bits` of its value depend on."""
    demand: dict[Term, int] = {}
    pending = [(root, bits & mask(root.width))]
    while pending:
        t, wanted = pending.pop()
        fresh = wanted & ~demand.get(t, 0)
        if fresh:
            demand[t] = demand.get(t, 0) | wanted
            pending += [(a, w & mask(a.width)) for a, w in zip(t.args, operands(t, demand[t]), strict=True)]
    return [(t.name, w) for t, w in demand.items() if t.op == "var"]


def operands(t: Term, wanted: int) -> list[int]:
    """Return for each operand the bits that the `wanted` bits of the result depend on."""
    if not wanted:
        return [0] * len(t.args)
    if t.op in ("add", "sub", "mul", "neg"):
        return [mask(wanted.bit_length())] * len(t.args)
    if t.op in ("and", "or"):
        return _masked(t, wanted)
    if t.op in ("xor", "not"):
        return [wanted] * len(t.args)
    if t.op == "ite":
        return [1, wanted, wanted]
    if t.op == "extract":
        return [wanted << int(t.value or 0)]
    if t.op == "zext":
        return [wanted]
    if t.op == "sext":
        width = t.args[0].width
        return [wanted | (1 << (width - 1) if wanted >> width else 0)]
    if t.op == "concat":
        return _parts(t, wanted)
    return _shifted(t, wanted)


def _masked(t: Term, wanted: int) -> list[int]:
    result = []
    for other in reversed(t.args):
        idle = 0
        if other.is_const:
            idle = ~other.const_value if t.op == "and" else other.const_value
        result.append(wanted & ~idle)
    return result


def _parts(t: Term, wanted: int) -> list[int]:
    result, low = [], 0
    for part in reversed(t.args):
        result.append(wanted >> low & mask(part.width))
        low += part.width
    return result[::-1]


def _shifted(t: Term, wanted: int) -> list[int]:
    everything = [mask(a.width) for a in t.args]
    second = t.args[1] if len(t.args) == 2 else None
    if second is None or not second.is_const:
        if t.op == "shl":
            everything[0] = mask(wanted.bit_length())
        return everything
    amount = second.const_value
    if t.op == "shl":
        return [wanted >> amount, 0]
    if t.op == "lshr" and amount < t.width:
        return [wanted << amount, 0]
    if t.op == "urem" and amount and amount & (amount - 1) == 0:
        return [wanted & (amount - 1), 0]
    if t.op == "udiv" and amount and amount & (amount - 1) == 0:
        return [wanted << (amount.bit_length() - 1), 0]
    return everything
