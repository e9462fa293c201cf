"""The vocabulary of the design database: its nodes and edges, one named tuple each, in the order of their columns.

Everything that stores, exports or queries a graph reads this module: the SQLite schema, the Cypher schema of the other
engines and the typed answers all come from these classes, so that they cannot drift apart.

Identifiers. What a file holds (definitions, chunks, comments, syntax nodes) has an identifier `file << SHIFT | n`,
what an elaborated body holds (signals, blocks, statements) has `body << SHIFT | n`: a file or a body is replaced by one
range of keys, and the owner of a thing can be read off its identifier. `n` counts from 1.

Bits. `low` and `high` are positions in the flattened value, least significant bit first, both inclusive: bit 0 of
`logic [7:0] x` is `x[0]`, of `logic [0:7] x` it is `x[7]`; the last member of a packed structure starts at 0; element
0 of an unpacked array lies where slang's longest static prefix puts it.

Lines and columns count from 1, the last line is included. Text positions (`start`, `end`) are byte offsets, end
excluded.
"""

from __future__ import annotations

from typing import Final, NamedTuple

SHIFT: Final = 24
"""Bits of an identifier below those of its owner: at most 16 million things in one file or body."""

Tier = str
"""Which front end gave the tree of a file: `syntax` (slang), `text` (tree-sitter), `none`."""


def owner_of(identifier: int) -> int:
    """Return the file or body that a thing belongs to."""
    return identifier >> SHIFT


class File(NamedTuple):
    """A source file of the repository."""

    id: int
    path: str
    """Relative to the root of the repository, with `/`."""
    sha256: str
    size: int
    """Bytes."""
    modified_ns: int
    lines: int
    tier: Tier
    errors: int
    """Syntax errors in the tree that the tier gave; 0 for a clean one."""
    problem: str
    """Why the file gave no clean tree, in words; empty where it did."""


class Definition(NamedTuple):
    """A module, interface, program, checker, primitive, class or configuration, as written."""

    id: int
    name: str
    kind: str
    file: int
    first_line: int
    last_line: int


class Package(NamedTuple):
    """A package, as written."""

    id: int
    name: str
    file: int
    first_line: int
    last_line: int


class AstNode(NamedTuple):
    """A node of the syntax tree, from the file down to statements and declared names."""

    id: int
    parent: int
    """0 for the root."""
    kind: str
    """slang's SyntaxKind, or the node type of the tolerant parser."""
    name: str
    first_line: int
    last_line: int
    start: int
    end: int


class Chunk(NamedTuple):
    """A piece of source that is searched and shown as one: a definition, a block, a function, a declaration."""

    id: int
    definition: int
    """The definition or package around it, or itself; 0 outside of any."""
    kind: str
    """module, interface, package, program, class, checker, block, assign, function, task, instance, signal, port,
    parameter, type, generate, property or region."""
    name: str
    first_line: int
    last_line: int
    start: int
    end: int
    text: str


class Comment(NamedTuple):
    """A comment, or several on adjacent lines, without the comment signs."""

    id: int
    first_line: int
    last_line: int
    text: str


class Body(NamedTuple):
    """A definition with certain parameters: what is elaborated once for all instances that are equal in it."""

    id: int
    definition: str
    parameters: str
    """JSON object, name → value as Verilog text; in order of declaration."""
    file: int
    """0 where the definition comes from no file of the repository."""
    first_line: int
    last_line: int
    digest: str
    """sha256 over everything the body holds."""


class Instance(NamedTuple):
    """One place in the elaborated hierarchy."""

    id: int
    parent: int
    """0 for a top, a package and the compilation unit."""
    name: str
    """Relative to the parent, generate blocks and array indices included: `g_lane[2].u_alu`."""
    path: str
    body: int
    """0 for a module that was not found."""
    definition: str
    file: int
    line: int


class Port(NamedTuple):
    """A port of a body, in order of declaration."""

    id: int
    name: str
    position: int
    direction: str
    """input, output, inout, ref, or interface."""
    width: int
    type: str
    signal: int
    """The signal inside; 0 for an empty port, an interface, or one that stands for several signals."""
    line: int


class Signal(NamedTuple):
    """A net or variable of a body, a member of an interface that comes in by a port, or a hierarchical name."""

    id: int
    name: str
    """Relative to the body, with generate and named blocks: `g_lane[2].sum`; `bus.data` for a member of port `bus`."""
    kind: str
    """net, variable, member (of an interface port), or remote (a hierarchical name)."""
    direction: str
    """That of the port, or of the modport for a member; empty for an internal signal."""
    width: int
    """Bits of the flattened value; 0 for what has no fixed size (strings, classes, queues)."""
    type: str
    layout: str
    """JSON of a structured type, empty for a plain vector; see `rtlgen.graphs.bits`."""
    value: str
    """Names of the values of an enumeration, as JSON object value → name; empty for other types."""
    remote: str
    """For `remote`: the path, relative to the body (`u_core.state`) or, with a leading `$root.`, absolute."""
    file: int
    line: int
    column: int


class Block(NamedTuple):
    """What drives signals: a procedural block, a continuous assignment, a gate or an initial value."""

    id: int
    kind: str
    """always_ff, always_latch, always_comb, always, initial, final, assign, gate, init, assert, or alias."""
    name: str
    clock: int
    """Signal whose edge triggers it; 0 where none does."""
    edge: str
    """pos, neg, both, or empty."""
    reset: int
    """Asynchronous reset or set; 0 without."""
    reset_edge: str
    file: int
    first_line: int
    last_line: int


class Statement(NamedTuple):
    """A statement of a block, a node of its control flow."""

    id: int
    block: int
    kind: str
    """entry, exit, assign, if, case, loop, wait, call, jump, assert, declare, or other."""
    text: str
    """One line, shortened; the condition for `if`, `case` and `loop`."""
    first_line: int
    last_line: int
    column: int


class Net(NamedTuple):
    """A named wire of the bit-level netlist that synthesis gave (optional)."""

    id: int
    instance: str
    """Path of the instance that holds it."""
    name: str
    width: int


class Includes(NamedTuple):
    """INCLUDES: a file takes in another by `` `include``."""

    source: int
    target: int
    """0 where the file was not found."""
    name: str
    line: int


class Imports(NamedTuple):
    """IMPORTS: a definition or package (or file, outside of any) uses a package, by import or by `pkg::name`."""

    source: int
    target: str
    """Name of the package."""
    line: int


class Instantiates(NamedTuple):
    """INSTANTIATES: a definition instantiates another, as written."""

    source: int
    target: str
    """Name of the definition."""
    name: str
    line: int


class Describes(NamedTuple):
    """DESCRIBES: a comment and the chunk that it is about."""

    source: int
    target: int


class Drives(NamedTuple):
    """DRIVES: a statement assigns bits of a signal."""

    source: int
    target: int
    low: int
    high: int
    line: int
    kind: str
    """blocking, nonblocking, continuous, initial, force, port (of a gate) or alias."""


class Reads(NamedTuple):
    """READS: a statement reads bits of a signal."""

    source: int
    target: int
    low: int
    high: int
    role: str
    """data, control, index, clock or reset."""


class Flows(NamedTuple):
    """FLOWS: bits of a signal depend on bits of another, through one block, temporaries of the block resolved.

    The temporaries (variables that the block assigns before it reads them) do not appear as sources: order of blocking
    assignments inside a block is taken into account exactly.
    """

    source: int
    source_low: int
    source_high: int
    target: int
    target_low: int
    target_high: int
    kind: str
    """data, control, index, clock or reset."""
    aligned: int
    """1 when bit `target_low + k` depends on bit `source_low + k` only; the ranges are then equally long."""
    registered: int
    """1 when a clock edge lies between."""
    block: int
    line: int


class PortBind(NamedTuple):
    """PORT_BIND: bits of a signal of the parent and of a port's signal in the instance below it."""

    instance: str
    """Name relative to the parent, as in `Instance.name`."""
    port: str
    direction: str
    """input (the outer signal drives), output (the inner one drives), inout (both), or interface."""
    outer: int
    """Signal of the parent body; 0 for an interface."""
    outer_low: int
    outer_high: int
    inner: str
    """Name of the signal in the body below; empty where that module is unknown."""
    inner_low: int
    inner_high: int
    kind: str
    """data, control or index: the part that the outer signal plays in the connected expression."""
    aligned: int
    line: int
    path: str
    """For `interface`: the interface instance, or the parent's own interface port, that is connected."""


class Next(NamedTuple):
    """NEXT: control flow from a statement to the next one."""

    source: int
    target: int
    label: str
    """true, false, the case item, default, loop, back, break, continue, return; empty for plain succession."""


class Corresponds(NamedTuple):
    """CORRESPONDS: bits of a net of the netlist and of the signal of the source that it stands for."""

    source: int
    instance: int
    target: int
    low: int
    high: int


class Diagnosis(NamedTuple):
    """What a front end had to say about a place."""

    id: int
    file: int
    """0 for a message on the whole design."""
    line: int
    column: int
    severity: str
    code: str
    message: str
    phase: str
    """discover, syntax or elaborate."""


FILE_NODES: Final = (Definition, Package, AstNode, Chunk, Comment)
FILE_EDGES: Final = (Includes, Imports, Instantiates, Describes)
"""Keyed by `source`, whose owner is the file (for `Includes` the file itself, as `file << SHIFT`)."""
BODY_NODES: Final = (Port, Signal, Block, Statement)
BODY_EDGES: Final = (Drives, Reads, Flows, PortBind, Next)
