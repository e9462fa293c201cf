"""What queries answer with: frozen values that become JSON as they are."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the source; `file` is relative to the repository, empty where it is not known."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.file else f"line {self.line}"


@dataclass(frozen=True, slots=True)
class Access:
    """A driver or a load of bits of a signal.

    Attributes:
        signal: hierarchical path of the accessed bits, as `top.u.x[3:0]`.
        kind: of the block (always_ff, assign …), or `input port`, `output port`, `black box`.
        by: hierarchical path of what drives or reads: the block's instance, or the other side of a port.
        role: for a load what it is read for (data, control, index, clock, reset); for a driver the kind of assignment.
        place: where.
        text: the statement or connection.
        clock: path of the clock of a clocked block, empty for others.
    """

    signal: str
    kind: str
    by: str
    role: str
    place: Place
    text: str
    clock: str = ""


@dataclass(frozen=True, slots=True)
class ConeBits:
    """Bits in a cone.

    Attributes:
        path: with its bits.
        depth: blocks between it and the root.
        kind: register, memory, wire, input, output, or black box.
        place: of the declaration.
    """

    path: str
    depth: int
    kind: str
    place: Place


@dataclass(frozen=True, slots=True)
class ConeEdge:
    """A dependency between bits: `target` depends on `source`."""

    source: str
    target: str
    kind: str
    registered: bool
    place: Place


@dataclass(frozen=True, slots=True)
class ConeAnswer:
    """A cone, with names."""

    root: str
    direction: str
    bits: tuple[ConeBits, ...]
    edges: tuple[ConeEdge, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class InstanceAnswer:
    """An instance in the hierarchy."""

    path: str
    definition: str
    parameters: dict[str, str]
    place: Place
    children: int


@dataclass(frozen=True, slots=True)
class Domain:
    """A clock domain: the root of its clock, and what it clocks.

    Attributes:
        clock: path of the root.
        edges: pos, neg or both that are used.
        derived_from: roots of the clocks that the root is made from by logic (a gate, a divider, a multiplexer).
        registers: number of registers (signals in instances).
        blocks: number of blocks in instances.
    """

    clock: str
    edges: tuple[str, ...]
    derived_from: tuple[str, ...]
    registers: int
    blocks: int


@dataclass(frozen=True, slots=True)
class Crossing:
    """A path from a register of one clock domain to a register of another.

    Attributes:
        synchronized: whether the receiving register does nothing but feed another register of its own domain.
    """

    source: str
    source_clock: str
    target: str
    target_clock: str
    place: Place
    synchronized: bool


@dataclass(frozen=True, slots=True)
class Reset:
    """A reset: the root of the signal, how it acts, and what it resets."""

    signal: str
    kind: str
    active: str
    registers: int
    blocks: int


@dataclass(frozen=True, slots=True)
class Unused:
    """Something that can go, or is missing.

    Attributes:
        kind: never read, never driven, never read or driven, unused input, undriven output, or unused definition.
    """

    kind: str
    name: str
    bits: str
    place: Place


def to_json(answer: Any) -> Any:
    """Return an answer, or a sequence of them, as lists and dictionaries."""
    if isinstance(answer, list | tuple):
        return [to_json(a) for a in answer]
    return asdict(answer)
