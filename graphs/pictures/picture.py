"""What a picture shows, whatever the query was: nodes, edges and nested groups, plain values without layout."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

PictureKind = Literal["cone", "hierarchy", "states", "flow"]
Direction = Literal["right", "down"]
NodeKind = Literal[
    "input", "output", "register", "wire", "memory", "block", "instance", "state", "start", "statement", "condition",
    "terminal",
]  # fmt: skip
"""`start` is the state after reset, `terminal` the entry or exit of a control flow."""
EdgeKind = Literal["data", "control", "index", "clock", "reset", "port", "transition", "next"]

_DIRECTIONS: Final[dict[PictureKind, Direction]] = {
    "cone": "right",
    "hierarchy": "down",
    "states": "right",
    "flow": "down",
}


@dataclass(frozen=True, slots=True)
class Node:
    """One thing in the picture."""

    id: str
    """Unique in the picture, any text; it is not shown."""
    label: tuple[str, ...]
    """Lines, the name first; what follows is set smaller."""
    kind: NodeKind = "wire"
    group: str = ""
    """Id of the group that it stands in; empty outside of any."""
    tooltip: str = ""
    file: str = ""
    """Path of its source, relative to the root of the repository."""
    line: int = 0
    """From 1; 0 where it is unknown."""
    emphasis: bool = False
    """Whether it is what was asked for."""
    details: tuple[tuple[str, str], ...] = ()
    """What the page says beside it: (name, value), such as `("type", "logic [7:0]")`."""
    excerpt: str = ""
    """A few lines of source; the page numbers them from `excerpt_line`."""
    excerpt_line: int = 1

    @property
    def name(self) -> str:
        """The first line of its label."""
        return self.label[0] if self.label else self.id


@dataclass(frozen=True, slots=True)
class Edge:
    """An arrow between two nodes."""

    source: str
    target: str
    label: str = ""
    """Bit range, condition, or item of a case; one line."""
    kind: EdgeKind = "data"
    tooltip: str = ""
    file: str = ""
    line: int = 0
    bits: int = 1
    """Width of what flows; wider edges are drawn thicker."""


@dataclass(frozen=True, slots=True)
class Group:
    """A box around nodes and other groups, such as an instance."""

    id: str
    label: str
    parent: str = ""
    """Id of the group around it; empty for an outermost one."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A graph to draw. Order of nodes and edges is kept, and settles ties of the layout.

    Raises:
        ValueError: an id is there twice, an edge or a group leads nowhere, groups contain each other, or a kind is not
            one of those above.
    """

    title: str
    subtitle: str = ""
    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()
    groups: tuple[Group, ...] = ()
    kind: PictureKind = "cone"
    direction: Direction | None = None
    """Where edges lead; None is what suits the kind: cones and states to the right, the others down."""

    def __post_init__(self) -> None:
        _check_unique("node", [node.id for node in self.nodes])
        _check_unique("group", [group.id for group in self.groups])
        _check_known("kind of a picture", [self.kind], get_args(PictureKind))
        _check_known("kind of a node", [node.kind for node in self.nodes], get_args(NodeKind))
        _check_known("kind of an edge", [edge.kind for edge in self.edges], get_args(EdgeKind))
        nodes, groups = {node.id for node in self.nodes}, {group.id for group in self.groups}
        _check_known("end of an edge", [end for e in self.edges for end in (e.source, e.target)], nodes)
        within = [node.group for node in self.nodes] + [group.parent for group in self.groups]
        _check_known("group", [name for name in within if name], groups)
        self.paths()

    @property
    def flow(self) -> Direction:
        """Where edges lead."""
        return self.direction or _DIRECTIONS[self.kind]

    def paths(self) -> dict[str, tuple[Group, ...]]:
        """Return every group's id with those around it and itself, outermost first; nothing for no group.

        Raises:
            ValueError: the groups contain each other.
        """
        known = {group.id: group for group in self.groups}
        paths: dict[str, tuple[Group, ...]] = {"": ()}
        for group in self.groups:
            above: dict[str, Group] = {}
            at = group.id
            while at not in paths:
                if at in above:
                    raise ValueError(f"expected groups within groups, got {at!r} within itself")
                above[at] = known[at]
                at = known[at].parent
            for name in reversed(above):
                paths[name] = (*paths[known[name].parent], known[name])
        return paths


def _check_unique(what: str, ids: Sequence[str]) -> None:
    twice = [name for name, count in Counter(ids).items() if count > 1]
    if twice:
        raise ValueError(f"expected every {what} once, got {twice[0]!r} twice")


def _check_known(what: str, used: Iterable[str], known: Iterable[str]) -> None:
    allowed = set(known)
    for name in used:
        if name not in allowed:
            raise ValueError(f"expected a known {what}, got {name!r}")
