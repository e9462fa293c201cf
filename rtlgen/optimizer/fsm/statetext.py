"""What is known of a state machine's source text: constants, names, single bits, widths."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from rtlgen.graphs.wordlevel.module import Place

Role = Literal["value", "compare", "label", "member"]
NameKind = Literal["localparam", "enum", "parameter"]


@dataclass(frozen=True, slots=True)
class Site:
    """One constant that stands for a state.

    Attributes:
        place: text of the constant.
        value: code as of now, None for an undefined one (`2'bxx`).
        name: the state's name, None for a literal or an expression.
        role: `value` (assigned), `compare` (== or !=), `label` (of a case item), `member` (of an inside list).
        node: the syntax node of the constant.
    """

    place: Place
    value: int | None
    name: str | None
    role: Role
    node: Any = field(compare=False)


@dataclass(frozen=True, slots=True)
class BitSite:
    """One bit of a carrier, read or written by itself as in `state[IDLE]`.

    Attributes:
        place: the whole select.
        carrier: name of the carrier.
        index: constant index.
        selector: text of the index.
        name: the index's name, None for a literal.
        node: syntax node of the select.
        assignment: syntax node of the assignment to it, None where it is read.
        value: place of what is assigned; `constant` its value where it is 0 or 1.
    """

    place: Place
    carrier: str
    index: int
    selector: Place
    name: str | None
    node: Any = field(compare=False)
    assignment: Any = field(compare=False, default=None)
    value: Place | None = None
    constant: int | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A case statement over a carrier that does nothing but choose the next state.

    Attributes:
        node: syntax node of the case statement.
        selector: the carrier it looks at.
        target: the carrier it assigns.
        operator: `=` or `<=`.
        moves: code -> next code, for every label.
        otherwise: next code of the default item, None where there is none.
    """

    node: Any = field(compare=False)
    selector: str
    target: str
    operator: str
    moves: tuple[tuple[int, int], ...]
    otherwise: int | None


@dataclass(frozen=True, slots=True)
class StateName:
    """A named code.

    Attributes:
        name: identifier.
        value: its code.
        kind: how it is declared.
        node: syntax node of its declarator.
        place: the whole declarator, `IDLE = 2'd0`.
        initializer: the value's text, None for an enum member without one.
        private: nothing but this machine uses the name.
    """

    name: str
    value: int
    kind: NameKind
    node: Any = field(compare=False)
    place: Place = field(compare=False)
    initializer: Place | None = field(compare=False)
    private: bool = True


@dataclass(frozen=True, slots=True)
class Resize:
    """A text that holds the width: `template` with `{high}` replaced goes to `place`; `single` where 1 bit is left."""

    place: Place
    template: str
    single: str


@dataclass(slots=True)
class StateText:
    """The source of one machine.

    Attributes:
        register: name of the state register.
        file: the one file that holds all of it.
        width: bits of the register as of now.
        carriers: names of the state register and of the signals that hold states.
        sites: every constant.
        names: every named code, in order of declaration.
        resizes: what to change for another width; empty where the width can't be changed.
        declaration: syntax node of the register's declaration, None where it is a port or not editable.
        attribute: value of the `fsm_encoding` attribute that it carries.
        bits: single bits of carriers that are read or written.
        index_names: named indices of those bits, in order of declaration; their `value` is the index.
        cases: syntax nodes of the case statements over a carrier that have no default.
        tables: case statements that only choose the next state.
        latched: some signal of the module holds its value where no case item applies.
        visible: why codes can't be changed; empty where they can (or would be, but for `bits`).
    """

    register: str
    file: str
    width: int
    carriers: tuple[str, ...] = ()
    sites: list[Site] = field(default_factory=list)
    names: dict[str, StateName] = field(default_factory=dict)
    resizes: tuple[Resize, ...] = ()
    declaration: Any = None
    attribute: str | None = None
    bits: list[BitSite] = field(default_factory=list)
    index_names: dict[str, StateName] = field(default_factory=dict)
    cases: list[Any] = field(default_factory=list)
    latched: bool = False
    tables: list[Table] = field(default_factory=list)
    visible: list[str] = field(default_factory=list)

    @property
    def fixed(self) -> list[str]:
        """Why codes can't be changed one for one: `visible`, and bits that are read or written one by one."""
        return [*self.visible, *([f"bits of {self.register!r} are used one by one"] if self.bits else [])]
