"""Matches ports and registers of two netlists by name."""

from __future__ import annotations

from rtlgen.core.errors import InputError
from rtlgen.synth.equiv.netlist import Netlist


def check_ports(gold: Netlist, gate: Netlist) -> None:
    """Raise unless both have the same ports, by name, direction and width.

    Raises:
        InputError: they differ; the message lists what differs on both sides.
    """
    differences = []
    for name in sorted(gold.ports.keys() | gate.ports.keys()):
        sides = [_describe(n, name) for n in (gold, gate)]
        if sides[0] != sides[1]:
            differences.append(f"{name}: {sides[0]} in gold, {sides[1]} in gate")
    if differences:
        raise InputError(
            f"expected the same ports on {gold.top!r} (gold) and {gate.top!r} (gate), got " + "; ".join(differences)
        )


def _describe(netlist: Netlist, name: str) -> str:
    port = netlist.ports.get(name)
    return f"{port.direction} [{len(port.nets) - 1}:0]" if port else "none"


def match_registers(gold: Netlist, gate: Netlist) -> dict[int, int]:
    """Return gold's state net for each of gate's state nets that carries the same source-level name.

    A wrong match costs a proof, never soundness: it is a guess that the proof obligations then confirm.
    """
    by_name: dict[str, int] = {}
    for net, names in gold.names.items():
        for name in names:
            by_name.setdefault(name, net)
    used: set[int] = set()
    matched: dict[int, int] = {}
    for net, names in gate.names.items():
        for name in names:
            partner = by_name.get(name)
            if partner is not None and partner not in used:
                matched[net] = partner
                used.add(partner)
                break
    return matched
