"""Memories kept as they are: contents that both designs share, as long as their ports do the same.

Memories of the same name, size and width are cut points like registers of the same name. The invariant is "each bit of
gold's memory is X or equals gate's"; it is kept where paired write ports have the same clock, enable, address and
data. What is read is any value, the same for equal addresses. So a memory costs as much as its ports, not its bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rtlgen.synth.equiv.aig import FALSE, Aig
from rtlgen.synth.equiv.bits import Ops, Vec, X
from rtlgen.synth.equiv.netlist import Cell, Memory, Net, Netlist, UnsupportedError, Write

READ = "$memread"


def add_memory(netlist: Netlist, parameters: Mapping[str, Any], pins: Mapping[str, tuple[Net, ...]]) -> None:
    """Add a memory cell of Yosys: a memory, and a combinational cell for each of its read ports.

    Raises:
        UnsupportedError: a port that is not a clocked write or an unclocked read, or an offset.
    """
    number = {name: int(str(value), 2) for name, value in parameters.items() if set(str(value)) <= {"0", "1"}}
    reads, writes, width, bits = (number[n] for n in ("RD_PORTS", "WR_PORTS", "WIDTH", "ABITS"))
    clocked = (1 << writes) - 1
    odd = number["OFFSET"] or number.get("RD_WIDE_CONTINUATION") or number.get("WR_WIDE_CONTINUATION")
    if odd or (reads and number["RD_CLK_ENABLE"]) or (writes and number["WR_CLK_ENABLE"] & clocked != clocked):
        raise UnsupportedError(f"memory {parameters['MEMID']!r} has ports or an offset that are not kept as they are")
    ports = tuple(
        Write(
            clock=pins["WR_CLK"][i],
            rising=bool(number["WR_CLK_POLARITY"] >> i & 1),
            enable=pins["WR_EN"][i * width : (i + 1) * width],
            address=pins["WR_ADDR"][i * bits : (i + 1) * bits],
            data=pins["WR_DATA"][i * width : (i + 1) * width],
        )
        for i in range(writes)
    )
    init = str(parameters["INIT"])
    size = number["SIZE"]
    memory = Memory(
        name=str(parameters["MEMID"]), width=width, size=size, init="x" * (width * size - len(init)) + init,
        writes=ports, priority=number["WR_PRIORITY_MASK"] if writes else 0,
    )  # fmt: skip
    netlist.memories.append(memory)
    for i in range(reads):
        address, data = pins["RD_ADDR"][i * bits : (i + 1) * bits], pins["RD_DATA"][i * width : (i + 1) * width]
        netlist.cells.append(Cell(READ, {"MEMORY": len(netlist.memories) - 1}, {"A": address}, data))


def pair(gold: Netlist, gate: Netlist) -> list[tuple[Memory, Memory]] | None:
    """Return the memories of both, paired by name; None where they can't be cut points.

    They can where names, sizes, numbers of write ports and their order are the same, and what gold holds at power-up is
    unknown or the same in gate.
    """
    left, right = ({m.name: m for m in n.memories} for n in (gold, gate))
    if left.keys() != right.keys():
        return None
    pairs = [(memory, right[name]) for name, memory in left.items()]
    return pairs if all(_alike(a, b) for a, b in pairs) else None


def _alike(a: Memory, b: Memory) -> bool:
    if (a.width, a.size, len(a.writes), a.priority) != (b.width, b.size, len(b.writes), b.priority):
        return False
    return a.init == b.init or all(p in ("x", q) for p, q in zip(a.init, b.init, strict=True))


@dataclass(slots=True)
class Contents:
    """What is read from the memories that both designs share.

    Attributes:
        aig: graph.
        reads: by memory name, address and the value that it gives.
    """

    aig: Aig
    reads: dict[str, dict[tuple[int, ...], list[int]]] = field(default_factory=dict)

    def read(self, memory: Memory, address: Vec, ops: Ops) -> Vec:
        """Return the value at an address: X where the address is unknown or outside."""
        out = ops.strict(lambda plain: self._value(memory, plain), address)
        if memory.size >> len(address):
            return out
        limit = [memory.size >> i & 1 for i in range(len(address) + 1)]
        inside = ops.strict(lambda plain: [ops.less_plain([*plain, FALSE], limit)], address)[0]
        return [ops.mux(inside, bit, X) for bit in out]

    def _value(self, memory: Memory, address: list[int]) -> list[int]:
        while address and address[-1] == FALSE:
            address = address[:-1]
        known = self.reads.setdefault(memory.name, {})
        key = tuple(address)
        if key not in known:
            known[key] = [self.aig.pi("memory") for _ in range(memory.width)]
        return known[key]

    def consistent(self) -> int:
        """Return the literal of "equal addresses give equal values"."""
        g, rules = self.aig, []
        for known in self.reads.values():
            items = list(known.items())
            for index, (address, value) in enumerate(items):
                for other, held in items[:index]:
                    same = self._same(address, other)
                    if same != FALSE:
                        equal = g.and_all(g.xor(a, b) ^ 1 for a, b in zip(value, held, strict=True))
                        rules.append(g.or_(same ^ 1, equal))
        return g.and_all(rules)

    def _same(self, a: tuple[int, ...], b: tuple[int, ...]) -> int:
        width = max(len(a), len(b))
        left, right = (list(v) + [FALSE] * (width - len(v)) for v in (a, b))
        return self.aig.and_all(self.aig.xor(p, q) ^ 1 for p, q in zip(left, right, strict=True))
