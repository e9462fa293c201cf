"""Liberty as a tree of groups and attributes, the printer of that tree, and its values with units.

Liberty has one construct, the group `name (arguments) { statements }`, and two kinds of attributes in it:
simple `name : value ;` and complex `name (values) ;` (Liberty User Guide, Open Source Liberty, volume 1, chapter 1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_BARE = re.compile(r"[A-Za-z_][\w.\[\]:]*|[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")


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
        """Return the first value of the last attribute called `name`, or `default`; later lines win, as in the tools."""
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


def quote(value: str) -> str:
    """Return `value` as it stands in a file: bare where Liberty allows it, else in quotes."""
    if _BARE.fullmatch(value):
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
    for item in group.attributes:
        values = ", ".join(map(quote, item.values))
        lines.append(f"{pad}  {item.name} ({values});" if item.is_complex else f"{pad}  {item.name} : {values};")
    for inner in group.groups:
        _write(inner, depth + 1, lines)
    lines.append(f"{pad}}}")
