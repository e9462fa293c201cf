"""Output bits of the old design that are X whatever happens: over them, nothing would be compared."""

from __future__ import annotations

import time

from rtlgen.synth.equiv.aig import Aig
from rtlgen.synth.equiv.bits import Bit, Ops, one_of, zero_of
from rtlgen.synth.equiv.combine import ask, screen
from rtlgen.synth.equiv.memory import Contents
from rtlgen.synth.equiv.netlist import Netlist
from rtlgen.synth.equiv.unfold import Unfolding


def blind_outputs(netlist: Netlist, *, deadline: float, jobs: int) -> list[str]:
    """Return the output bits that are not known to be defined for any input in any state, reachable or not.

    Args:
        netlist: the old design.
        deadline: `time.monotonic()` at which to give up; what is then open counts as never defined.
        jobs: processes at once.
    """
    aig = Aig()
    ops = Ops(aig)
    nets = [n for p in netlist.ports.values() if p.direction == "input" for n in p.nets]
    nets += [n for r in netlist.registers for n in r.out]
    values: dict[int, Bit] = {net: aig.pi("free") for net in nets if isinstance(net, int)}
    unfolding = Unfolding(netlist, ops, values, None, contents=Contents(aig))
    blind = []
    for name, port in netlist.ports.items():
        if port.direction != "output":
            continue
        for i, bit in enumerate(unfolding.fetch(port.nets)):
            if not isinstance(bit, int) and not _possible(aig, aig.or_(one_of(bit), zero_of(bit)), deadline, jobs):
                blind.append(f"{name}[{i}]")
    return blind


def _possible(aig: Aig, lit: int, deadline: float, jobs: int) -> bool:
    decision = screen(aig, [lit]).decision
    if decision.answer == "unknown" and time.monotonic() < deadline:
        decision = ask([(aig, [lit])], deadline=deadline, jobs=jobs)
    return decision.answer == "sat"
