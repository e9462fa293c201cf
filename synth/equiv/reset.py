"""Finds resets and computes the state that holding them leaves, by three-valued simulation of the netlist."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rtlgen.core.errors import InputError
from rtlgen.synth.equiv.aig import FALSE, TRUE, Aig
from rtlgen.synth.equiv.bits import Bit, Ops, X
from rtlgen.synth.equiv.netlist import Netlist
from rtlgen.synth.equiv.unfold import Unfolding

MAX_CYCLES = 32
_STRONG = re.compile(r"(?<!bu)(?<!fi)(?<!thi)rst|reset", re.IGNORECASE)
_WEAK = re.compile(r"(^|_)n?(clr|clear|init|clrn|por)(_|n?$)", re.IGNORECASE)
_ACTIVE_LOW = re.compile(
    r"(_n|_ni|_b|_l|_bar|_neg|rstn|rstb|resetn|resetb|clrn|clearn)(_i|_in)?$|^n_?(rst|reset|clr)|rst_n|reset_n",
    re.IGNORECASE,
)
_OPTION = re.compile(r"(?P<name>[^=:]+)(=(?P<level>[01]))?(:(?P<cycles>\d+))?")

State = dict[int, Bit]
"""Value of each state net: the literals false and true, or X."""


@dataclass(frozen=True, slots=True)
class Reset:
    """How both designs are brought to their first state.

    Attributes:
        levels: by input port, the level that asserts it.
        cycles: clock cycles for which all of them are held; 0 means power-up.
    """

    levels: Mapping[str, bool]
    cycles: int

    def __str__(self) -> str:
        if not self.levels:
            return "none"
        return ",".join(f"{n}={int(v)}" for n, v in self.levels.items()) + f":{self.cycles}"


def power_up(netlist: Netlist) -> State:
    """Return the state before any clock edge: initial values, X elsewhere."""
    values: dict[str, Bit] = {"0": FALSE, "1": TRUE}
    nets = [n for r in netlist.registers for n in r.out if isinstance(n, int)]
    return {net: values.get(netlist.init.get(net, "x"), X) for net in nets}


def after_cycle(netlist: Netlist, state: State, levels: Mapping[str, bool]) -> State:
    """Return the state after one cycle of every clock with the given levels on inputs and X on all others."""
    key = (tuple(levels.items()), tuple(state.values()))
    if key not in netlist.held:
        netlist.held[key] = _after_cycle(netlist, state, levels)
    return netlist.held[key]


def _after_cycle(netlist: Netlist, state: State, levels: Mapping[str, bool]) -> State:
    values: dict[int, Bit] = dict(state)
    for name, level in levels.items():
        for net in netlist.ports[name].nets:
            if isinstance(net, int):
                values[net] = TRUE if level else FALSE
    ops = Ops(Aig())
    unfolding = Unfolding(netlist, ops, values, None, transparent=True)
    clocks = {net for port in netlist.ports.values() if port.direction == "input" for net in port.nets}
    result = {}
    for register in netlist.registers:
        for bit in unfolding.register(register):
            # a clock that is made inside may tick or not
            when = bit.event if register.latch else TRUE if register.clock in clocks else X
            free = ops.mux(when, bit.data, state[bit.net])
            result[bit.net] = ops.mux(bit.control, bit.value, free)
    return result


def settle(netlists: Sequence[Netlist], reset: Reset) -> tuple[list[State], int]:
    """Return the state of each netlist after the reset and the cycles that took.

    With `cycles` 0 in the reset, it is held until no state changes any more (at most `MAX_CYCLES`).
    """
    states = [power_up(n) for n in netlists]
    if not reset.levels:
        return states, 0
    limit = reset.cycles or MAX_CYCLES
    for cycle in range(1, limit + 1):
        following = [after_cycle(n, s, reset.levels) for n, s in zip(netlists, states, strict=True)]
        if following == states and not reset.cycles:
            return states, max(1, cycle - 1)
        states = following
    return states, limit


def parse_option(text: str, netlist: Netlist) -> Reset:
    """Return the reset that `NAME[=0|1][:cycles]` says; without a level, the name decides.

    Raises:
        InputError: not of that form, or no such one-bit input.
    """
    found = _OPTION.fullmatch(text.strip())
    if not found:
        raise InputError(f"expected a reset as NAME[=0|1][:cycles], got {text!r}")
    name = found["name"]
    port = netlist.ports.get(name)
    if port is None or port.direction != "input" or len(port.nets) != 1:
        have = [n for n, p in netlist.ports.items() if p.direction == "input" and len(p.nets) == 1]
        raise InputError(
            f"expected a one-bit input as reset, got {name!r}; one-bit inputs are {', '.join(have) or 'none'}"
        )
    level = found["level"] == "1" if found["level"] else not _ACTIVE_LOW.search(name)
    return Reset({name: level}, int(found["cycles"] or 0))


def find_reset(netlists: Sequence[Netlist], clocks: frozenset[str]) -> Reset:
    """Return the reset of two designs with equal ports: by its use as an asynchronous control, or by its name.

    A named candidate counts only where holding it leaves more state known than not holding it; its level is the one
    that leaves more. With several resets, all are held together.
    """
    asynchronous = _asynchronous(netlists)
    strong = {n: v for n, v in asynchronous.items() if _STRONG.search(n)}
    levels = dict(strong)
    names = [n for n, p in netlists[0].ports.items() if p.direction == "input" and len(p.nets) == 1 and n not in clocks]
    known = _known(netlists, levels)
    for pattern in (_STRONG, _WEAK):
        if pattern is _WEAK and levels:
            break
        for name in names:
            if name in levels or not pattern.search(name):
                continue
            likely = asynchronous.get(name, not _ACTIVE_LOW.search(name))
            counts = {level: _known(netlists, {**levels, name: level}) for level in (likely, not likely)}
            level = max(counts, key=lambda v: counts[v])  # of equals, the likely one
            if counts[level] > known:
                levels[name], known = level, counts[level]
    if not levels and asynchronous:
        best = max(asynchronous, key=lambda n: _known(netlists, {n: asynchronous[n]}))
        if _known(netlists, {best: asynchronous[best]}) > known:
            levels[best] = asynchronous[best]
    return Reset(levels, 0)


def _known(netlists: Sequence[Netlist], levels: Mapping[str, bool]) -> int:
    """Return how many state bits are known after holding the levels for two cycles."""
    total = 0
    for netlist in netlists:
        state = power_up(netlist)
        for _ in range(2 if levels else 0):
            state = after_cycle(netlist, state, levels)
        total += sum(isinstance(v, int) for v in state.values())
    return total


def _asynchronous(netlists: Sequence[Netlist]) -> dict[str, bool]:
    """Return the input ports that, alone, act as an asynchronous control, with the level that activates it."""
    found: dict[str, bool] = {}
    for netlist in netlists:
        aig = Aig()
        ports: dict[int, str] = {}
        values: dict[int, Bit] = {}
        for name, port in netlist.ports.items():
            if port.direction == "input" and len(port.nets) == 1 and isinstance(port.nets[0], int):
                lit = aig.pi(name)
                ports[lit >> 1] = name
                values[port.nets[0]] = lit
        controls = [c for r in netlist.registers for c in r.controls]
        if not controls:
            continue
        unfolding = Unfolding(netlist, Ops(aig), {**values, **power_up(netlist)}, None, transparent=True)
        for control in controls:
            bit = unfolding.bit(control.net)
            if isinstance(bit, int) and bit >> 1 in ports:
                found.setdefault(ports[bit >> 1], control.level != bool(bit & 1))
    return found
