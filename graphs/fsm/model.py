"""State machines as users read them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Literal

Style = Literal["binary", "one-hot", "gray", "other"]
ResetKind = Literal["asynchronous", "synchronous", "initial"]


@dataclass(frozen=True, slots=True)
class Reset:
    """What brings the machine into a state whatever state it is in.

    Attributes:
        kind: asynchronous, synchronous, or initial (a value given by the declaration or an initial block).
        condition: Verilog text; empty for an initial value.
        state: name of the state.
    """

    kind: ResetKind
    condition: str
    state: str


@dataclass(frozen=True, slots=True)
class State:
    """A state.

    Attributes:
        name: of the enumeration or constant; the code as a literal (`3'd5`) where there is none.
        code: value of the register.
        reachable: False for a declared state that no transition leads to.
        dead_end: only a reset leads out of it.
        file: where the state is handled: its case item, else a comparison; empty where there is none.
        line: in `file`, from 1; 0 where there is none.
        outputs: (signal, value) of everything combinational that the state alone decides, in order of declaration.
    """

    name: str
    code: int
    reachable: bool = True
    dead_end: bool = False
    file: str = ""
    line: int = 0
    outputs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Transition:
    """What leads from a state to a state at a clock edge, while no reset of the machine is active.

    The conditions of one state exclude each other, and one of them holds.

    Attributes:
        source: name of the state.
        target: name of the next state; the same for a self loop, empty where it is not known.
        condition: Verilog text over the module's signals.
        complete: False where the text is shortened (`...`).
    """

    source: str
    target: str
    condition: str
    complete: bool = True


@dataclass(frozen=True, slots=True)
class StateMachine:
    """A state machine of one elaborated body.

    Attributes:
        module: name of the definition; `path`: of the body, as slang writes it.
        register: name inside the module; `width`: its bits.
        file: where it is declared; `line`: from 1.
        clock: signal, and `edge`: pos or neg.
        style: how the states are encoded.
        exact: transitions are those of the next-state function; else they were read off the text.
        problem: why it is not exact; empty where it is.
        resets: in order of priority.
        states: in order of declaration, those without a name in order of discovery.
        transitions: by source in the order of `states`.
    """

    module: str
    path: str
    register: str
    width: int
    file: str
    line: int
    clock: str
    edge: str
    style: Style
    exact: bool
    problem: str
    resets: tuple[Reset, ...]
    states: tuple[State, ...]
    transitions: tuple[Transition, ...]

    @property
    def complete(self) -> bool:
        """True where every condition is written in full and every next state is known."""
        return all(t.complete and t.target for t in self.transitions)

    @property
    def unreachable(self) -> tuple[str, ...]:
        """Names of declared states that the machine never takes."""
        return tuple(s.name for s in self.states if not s.reachable)

    @property
    def dead_ends(self) -> tuple[str, ...]:
        """Names of states that only a reset leaves."""
        return tuple(s.name for s in self.states if s.dead_end)

    @property
    def self_loops(self) -> tuple[str, ...]:
        """Names of states that the machine may stay in."""
        return tuple(t.source for t in self.transitions if t.source == t.target)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON data; codes as hexadecimal text."""
        data = asdict(self)
        for state in data["states"]:
            state["code"] = f"{self.width}'h{state['code']:x}"
            state["outputs"] = dict(state["outputs"])
        lists = {name: list(getattr(self, name)) for name in ("unreachable", "dead_ends", "self_loops")}
        return data | {"complete": self.complete} | lists


def style_of(codes: Iterable[int], moves: Iterable[tuple[int, int]]) -> Style:
    """Return how states are encoded.

    Args:
        codes: of the states, in order of declaration.
        moves: code and next code of the transitions.
    """
    ordered = list(codes)
    count = len(ordered)
    dense = list(range(min(ordered), min(ordered) + count))
    steps = ([a ^ b for a, b in moves if a != b], [a ^ b for a, b in pairwise(ordered)])
    by_one_bit = count > 2 and any(s and all(x.bit_count() == 1 for x in s) for s in steps)
    if ordered == dense:
        return "binary"
    if sorted(ordered) == dense:
        return "gray" if by_one_bit else "binary"
    weights = sorted(c.bit_count() for c in ordered)
    if count > 2 and weights[-1] == 1 and weights[1] == 1:
        return "one-hot"
    if by_one_bit:
        return "gray"
    return "binary" if max(ordered).bit_length() <= (count - 1).bit_length() else "other"
