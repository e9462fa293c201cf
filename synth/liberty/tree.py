"""Liberty as a tree of groups and attributes, the printer of that tree, and its values with units.

Liberty has one construct, the group `name (arguments) { statements }`, and two kinds of attributes in it:
simple `name : value ;` and complex `name (values) ;` (Liberty User Guide, Open Source Liberty, volume 1, chapter 1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_BARE = re.compile(r"[A-Za-z_][\w.\[\]:]*|[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_TEXT = frozenset({"function", "three_state", "state_function", "next_state", "data_in", "clocked_on", "enable",
                   "clear", "preset", "when", "table"})  # fmt: skip
"""Attributes that are always quoted: OpenSTA takes a bare `0` or `1` there for a number and drops it."""
_AFTER_GROUPS = frozenset({"default_operating_conditions", "default_wire_load", "default_wire_load_selection"})
"""Attributes that name a group of the library; tools that read once want it defined before."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """One simple or complex attribute of a group."""

    name: str
    values: tuple[str, ...]
    """Values without their quotes; a simple attribute has exactly one."""
    is_complex: bool = False
    """True for `name (values);`, False for `name : value;`."""


@dataclass(slots=True)
class Group:
    """One group with what stands in it, in file order."""

    name: str
    args: tuple[str, ...] = ()
    attributes: list[Attribute] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    line: int = field(default=0, compare=False)
    """Line of the group's name, from 1; 0 where the group was not read from a file."""

    def get(self, name: str, default: str | None = None) -> str | None:
        """Return the first value of the last attribute called `name`, or `default`; the last line wins."""
        for attribute in reversed(self.attributes):
            if attribute.name == name and attribute.values:
                return attribute.values[0]
        return default

    def find(self, *names: str) -> Iterator[Group]:
        """Yield the direct subgroups whose name is one of `names`, in file order."""
        return (group for group in self.groups if group.name in names)

    @property
    def title(self) -> str:
        """The group as a person would name it, such as `cell (NAND2_X1)`."""
        return f"{self.name} ({', '.join(self.args)})"


def quote(value: str, *, text: bool = False) -> str:
    """Return `value` as it stands in a file: bare where Liberty allows it, else (or where `text`) in quotes."""
    if not text and _BARE.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def to_text(group: Group) -> str:
    """Return the Liberty text of `group`; reading it again gives an equal tree."""
    lines: list[str] = []
    _write(group, 0, lines)
    return "\n".join(lines) + "\n"


def _write(group: Group, depth: int, lines: list[str]) -> None:
    pad = "  " * depth
    lines.append(f"{pad}{group.name} ({', '.join(map(quote, group.args))}) {{")
    late = [item for item in group.attributes if item.name in _AFTER_GROUPS]
    lines += [f"{pad}  {_attribute(item)}" for item in group.attributes if item.name not in _AFTER_GROUPS]
    for inner in group.groups:
        if inner.name == "cell" and late:
            lines += [f"{pad}  {_attribute(item)}" for item in late]
            late = []
        _write(inner, depth + 1, lines)
    lines += [f"{pad}  {_attribute(item)}" for item in late]
    lines.append(f"{pad}}}")


def _attribute(item: Attribute) -> str:
    if item.is_complex:
        return f"{item.name} ({', '.join(map(quote, item.values))});"
    return f"{item.name} : {quote(item.values[0], text=item.name in _TEXT)};"
