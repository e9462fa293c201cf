"""Word-level view of one elaborated module: what each signal is computed from, and where in the source.

Built by `rtlgen.graphs.wordlevel.build`. The view is complete where it says so: a signal that is driven by anything
the builder can't express is in `opaque`, and nothing is claimed of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from rtlgen.graphs.wordlevel.terms import Term

SignalKind = Literal["input", "output", "inout", "net", "variable", "memory"]
BlockKind = Literal["assign", "comb", "ff", "latch", "initial"]


@dataclass(frozen=True, slots=True)
class Place:
    """A half-open byte range of a source file."""

    file: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Signal:
    """A declared signal of the module.

    Attributes:
        name: name inside the module; generate scopes prefix it, as in `g[0].t`.
        width: bits (of one word for a memory).
        signed: declared signed.
        kind: port direction, or net, variable, memory.
        low: index of the least significant bit as declared (`[7:0]` has 0); `descending` is False for `[0:7]`.
        declared: place of the whole declarator's name token, None for implicit nets.
        dimension: place of the packed dimension text `[31:0]`, None where there is none or it comes from a type name.
        shared_declaration: True where the same dimension text also declares other signals.
        depth: words of a memory, else None.
        initial: value given by declaration or initial block, else None.
        enumerators: value → name where the type is an enumeration, by pairs.
    """

    name: str
    width: int
    signed: bool
    kind: SignalKind
    low: int = 0
    descending: bool = True
    declared: Place | None = None
    dimension: Place | None = None
    shared_declaration: bool = False
    depth: int | None = None
    initial: int | None = None
    enumerators: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One decision on the way to a statement: `condition` (1 bit, as read there) must be `taken`."""

    condition: Term
    taken: bool


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One expression in the source text.

    Attributes:
        term: value over the names read there (a name means its value at that point of the block).
        expanded: value over signals stable for the block (intermediate blocking values substituted).
        place: exact text of the expression (without surrounding parentheses).
        path: decisions from the block's start to this statement.
        block: index into `ModuleIR.blocks`.
        target: signal assigned by the statement, None for a condition.
        root: True for a whole right-hand side or condition, False for a sub-expression.
        role: where it stands.
        editable: False inside a macro expansion, function body, or text that several elaborated copies share.
        stable: every name read holds its final value at this point, so the expression may move out of the block.
        parent_width: width the context gives the value (after implicit extension or truncation).
        signed: the expression's own signedness, which decides how its context extends it.
    """

    term: Term
    expanded: Term
    place: Place
    path: tuple[Step, ...]
    block: int
    target: str | None
    root: bool
    role: Literal["rhs", "condition", "index", "port"]
    editable: bool
    stable: bool
    parent_width: int
    signed: bool
    self_determined: bool = False


@dataclass(frozen=True, slots=True)
class AsyncReset:
    """Asynchronous control of a register: while `signal` is `level`, it holds `value` (None: not constant)."""

    signal: str
    level: int
    value: int | None


@dataclass(frozen=True, slots=True)
class Block:
    """A continuous assignment or a procedural block.

    `place` covers the whole item (from `always` or `assign` to its end); `assigned` are the targets;
    `clock` and `edge` are set for `ff`.
    """

    index: int
    kind: BlockKind
    place: Place
    assigned: frozenset[str]
    scope: str
    clock: str | None = None
    edge: Literal["pos", "neg"] | None = None
    resets: tuple[AsyncReset, ...] = ()
    editable: bool = True


@dataclass(frozen=True, slots=True)
class Register:
    """A clocked signal: at each `edge` of `clock` it takes `next` (a term over current values of signals)."""

    name: str
    width: int
    block: int
    clock: str
    edge: Literal["pos", "neg"]
    next: Term
    resets: tuple[AsyncReset, ...] = ()
    initial: int | None = None


@dataclass(frozen=True, slots=True)
class Connection:
    """A port of an instance inside the module: `term` is None for an open or non-expression port."""

    port: str
    direction: SignalKind
    term: Term | None
    place: Place | None


@dataclass(frozen=True, slots=True)
class ChildInstance:
    """An instance inside the module."""

    name: str
    definition: str
    connections: tuple[Connection, ...]
    place: Place


@dataclass(slots=True)
class ModuleIR:
    """Word-level view of one elaborated body.

    Attributes:
        name: definition name; `path`: hierarchical path of the first instance with this body.
        parameters: value as text of every value parameter; `overridable`: names an instance may override.
        place: the module's text from `module` to `endmodule`; `header_end`: byte offset after the header's `;`.
        combinational: final value of each continuously or combinationally driven signal, over stable signals.
        registers: by name.
        latched: signals of level-sensitive storage; `latch_values`: their values, which read the signal itself where
            it holds.
        opaque: signals about whose drivers nothing is claimed, with the reason.
        order: elaborated names in source order.
    """

    name: str
    path: str
    place: Place
    header_end: int
    parameters: dict[str, str] = field(default_factory=dict)
    overridable: tuple[str, ...] = ()
    signals: dict[str, Signal] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)
    combinational: dict[str, Term] = field(default_factory=dict)
    registers: dict[str, Register] = field(default_factory=dict)
    latched: set[str] = field(default_factory=set)
    latch_values: dict[str, Term] = field(default_factory=dict)
    opaque: dict[str, str] = field(default_factory=dict)
    occurrences: list[Occurrence] = field(default_factory=list)
    instances: list[ChildInstance] = field(default_factory=list)
    copies: int = 1
    """Number of elaborated bodies of the same definition (different parameters) in the design."""
