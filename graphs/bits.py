"""Bits as people write them: `x[7:4]`, `s.field[3:0]`, `mem[2][7:0]` to and from ranges of the flattened value.

Ranges are those of `rtlgen.graphs.model`: inclusive, bit 0 least significant, placed where slang's longest static
prefix puts them. The last member of a packed structure starts at 0, the first one of an unpacked structure does; a
packed dimension counts from its right bound, an unpacked one from its left bound.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

from rapidfuzz import process

from rtlgen.core.errors import InputError

if TYPE_CHECKING:
    from pyslang import ast

MAX_PIECES: Final = 4
"""A packed structure names up to as many members for a range; beyond that the range is written by position."""

_STEP: Final = re.compile(
    r"""\s*(?: \.\s* (?: \\(?P<escaped>\S+)(?:\s|$) | (?P<name>[A-Za-z_][\w$]*) )
             | \[\s* (?P<first>-?\d{1,12}) \s* (?: (?P<sign>[+-]?:) \s* (?P<second>-?\d{1,12}) \s* )? \] )\s*""",
    re.VERBOSE,
)
_PLAIN_NAME: Final = re.compile(r"[A-Za-z_][\w$]*")
_ANY_SELECT: Final = re.compile(r"\[[^\]]*\]|\s+")

Range = tuple[int, int]
"""Lowest and highest bit, both included."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the parts of a value lie among its flattened bits; by itself: bits that no select takes apart."""

    width: int
    """Bits in all."""

    @staticmethod
    def from_json(text: str, width: int) -> Layout:
        """Return what `to_json` wrote; a vector `[width-1:0]` for an empty text."""
        return _decode(json.loads(text)) if text else vector(max(width, 1) - 1, 0)

    def to_json(self) -> str:
        """Return the layout as JSON; empty for a scalar and for a vector `[n:0]`.

        A number is a count of bits, a pair the bounds of a vector, an object an array or a structure.
        """
        if self in (_BIT, vector(self.width - 1, 0)):
            return ""
        return json.dumps(_encode(self), separators=(",", ":"))

    def describe(self, low: int, high: int, name: str = "") -> list[str]:
        """Return the shortest selects, each with `name` before it, that cover just these bits, highest bits first.

        There is one where the source can say it in one; a range over several members of a structure, or over parts of
        several elements of an array, takes several. Up to `MAX_PIECES` members are named, then a packed structure is
        selected by position; of a union the member that says it best.

        >>> vector(15, 8).describe(0, 3, "x")
        ['x[11:8]']

        Raises:
            ValueError: the range is empty or not within the value.
        """
        if not 0 <= low <= high < max(self.width, 1):
            raise ValueError(f"expected a range of bits within 0 to {self.width - 1}, got {low} to {high}")
        return [name + piece for piece in reversed(list(self._pieces(low, high)))]

    def resolve(self, select: str, name: str = "") -> Range:
        """Return the bits that a select takes; an empty one takes all.

        Args:
            select: what stands after the name: `[3]`, `[7:4]`, `[4+:2]`, `[5-:2]` and `.member`, in a row.
            name: what stands before it, for messages.

        >>> vector(15, 8).resolve("[11:8]")
        (0, 3)

        Raises:
            InputError: no such member or index, a range in the wrong direction, or no select at all.
        """
        layout, low, high, at, ranged = self, 0, max(self.width, 1) - 1, 0, False
        while select[at:].strip():
            where = name + select[:at].rstrip()
            step = _STEP.match(select, at)
            if step is None:
                raise InputError(f"{where}: expected [index], [from:to] or .member next, got {select[at:]!r}")
            if ranged:
                raise InputError(f"{where}: expected nothing after a range, got {select[at:].strip()!r}")
            layout, start, width = layout._step(step, where)
            low, high, at = low + start, low + start + width - 1, step.end()
            ranged = step["second"] is not None
        return low, high

    def _pieces(self, low: int, high: int) -> Iterator[str]:
        """Yield selects for a range, lowest bits first."""
        yield ""

    def _step(self, step: re.Match[str], where: str) -> tuple[Layout, int, int]:
        """Return what one step of a select leads to: the layout there, its first bit and the bits taken."""
        raise InputError(f"{where}: expected no select of {self._noun()}, got {step[0].strip()!r}")

    def _noun(self) -> str:
        return "a single bit" if self.width == 1 else f"an undivided value of {self.width} bits"


@dataclass(frozen=True, slots=True)
class Array(Layout):
    """A dimension of equal elements; a vector is a packed one of single bits."""

    left: int
    right: int
    """Bounds as declared."""
    packed: bool
    element: Layout

    def _pieces(self, low: int, high: int) -> Iterator[str]:
        if low == 0 and high == self.width - 1:
            yield ""
            return
        size = self.element.width
        first, last = low // size, high // size
        below = low > first * size
        above = high < last * size + size - 1
        if below or (above and first == last):
            yield from self._within(first, low, min(high, first * size + size - 1))
            first += 1
        if first <= last - above:
            yield self._run(first, last - above)
        if above and first <= last:
            yield from self._within(last, last * size, high)

    def _within(self, position: int, low: int, high: int) -> Iterator[str]:
        start = position * self.element.width
        for piece in self.element._pieces(low - start, high - start):
            yield self._run(position, position) + piece

    def _run(self, first: int, last: int) -> str:
        ends = (self._index(first), self._index(last))
        if first == last:
            return f"[{ends[0]}]"
        left, right = ends if not self.packed else ends[::-1]
        return f"[{left}:{right}]"

    def _index(self, position: int) -> int:
        down = self.left >= self.right
        if self.packed:
            return self.right + position if down else self.right - position
        return self.left - position if down else self.left + position

    def _position(self, index: int, where: str) -> int:
        if not min(self.left, self.right) <= index <= max(self.left, self.right):
            raise InputError(f"{where}: expected an index within [{self.left}:{self.right}], got {index}")
        return abs(index - (self.right if self.packed else self.left))

    def _step(self, step: re.Match[str], where: str) -> tuple[Layout, int, int]:
        if step["first"] is None:
            raise InputError(f"{where}: expected an index of {self._noun()}, got {step[0].strip()!r}")
        left, right = self._bounds(step, where)
        ends = sorted((self._position(left, where), self._position(right, where)))
        size = self.element.width
        layout = self if step["second"] else self.element
        return layout, ends[0] * size, (ends[1] - ends[0] + 1) * size

    def _bounds(self, step: re.Match[str], where: str) -> Range:
        first, second = int(step["first"]), int(step["second"] or step["first"])
        if step["sign"] in (None, ":"):
            if (first - second) * (self.left - self.right) < 0:
                raise InputError(
                    f"{where}: expected a range in the direction of [{self.left}:{self.right}], got [{first}:{second}]"
                )
            return first, second
        if second < 1:
            raise InputError(f"{where}: expected a width of at least 1, got {step[0].strip()!r}")
        return first, first + second - 1 if step["sign"] == "+:" else first - second + 1

    def _noun(self) -> str:
        return f"{'a vector' if self.element.width == 1 else 'an array'} [{self.left}:{self.right}]"


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a structure or union."""

    name: str
    offset: int
    """Its lowest bit."""
    layout: Layout


@dataclass(frozen=True, slots=True)
class Record(Layout):
    """A structure or union."""

    members: tuple[Member, ...]
    """In order of declaration."""
    packed: bool
    union: bool

    def _pieces(self, low: int, high: int) -> Iterator[str]:
        if low == 0 and high == self.width - 1:
            yield ""
            return
        named = self._best(low, high) if self.union else list(self._named(self.members, low, high))
        if self.packed and not 0 < len(named) <= MAX_PIECES:
            named = list(vector(self.width - 1, 0)._pieces(low, high))
        yield from named

    def _named(self, members: tuple[Member, ...], low: int, high: int) -> Iterator[str]:
        for member in sorted(members, key=lambda m: m.offset):
            start, end = max(low, member.offset), min(high, member.offset + member.layout.width - 1)
            if start <= end:
                for piece in member.layout._pieces(start - member.offset, end - member.offset):
                    yield f".{_written(member.name)}{piece}"

    def _best(self, low: int, high: int) -> list[str]:
        covering = [m for m in self.members if high < m.offset + m.layout.width]
        return min((list(self._named((m,), low, high)) for m in covering), key=len, default=[])

    def _step(self, step: re.Match[str], where: str) -> tuple[Layout, int, int]:
        if step["first"] is not None:
            if self.packed:
                return vector(self.width - 1, 0)._step(step, where)
            raise InputError(f"{where}: expected .member of {self._noun()}, got {step[0].strip()!r}")
        name = step["escaped"] or step["name"]
        for member in self.members:
            if member.name == name:
                return member.layout, member.offset, member.layout.width
        names = [m.name for m in self.members]
        near = get_close_matches(name, names, n=3) or names[:8]
        raise InputError(f"{where}: expected a member such as {', '.join(near)}, got {name!r}")

    def _noun(self) -> str:
        return "a union" if self.union else "a structure"


def vector(left: int, right: int) -> Array:
    """Return the layout of `[left:right]`."""
    return Array(abs(left - right) + 1, left, right, packed=True, element=_BIT)


def layout_of(kind: ast.Type) -> Layout:
    """Return the layout of a type of slang; what has no fixed size (a string, a queue) is one undivided piece."""
    canonical: Any = kind.canonicalType
    name = canonical.kind.name
    if name == "ScalarType":
        return _BIT
    if name in ("PackedArrayType", "FixedSizeUnpackedArrayType"):
        bounds = canonical.fixedRange
        element = layout_of(canonical.elementType)
        packed = name == "PackedArrayType"
        return Array(element.width * bounds.width, bounds.left, bounds.right, packed=packed, element=element)
    if name in ("PredefinedIntegerType", "EnumType"):
        bounds = canonical.fixedRange
        return vector(bounds.left, bounds.right)
    if name.endswith(("StructType", "UnionType")):
        fields = [m for m in canonical if m.kind.name == "Field"]
        members = tuple(Member(f.name, f.bitOffset, layout_of(f.type)) for f in fields)
        packed = name.startswith("Packed")
        return Record(canonical.selectableWidth, members, packed=packed, union=name.endswith("UnionType"))
    return Layout(0 if name == "VoidType" else canonical.selectableWidth)


def split_select(text: str, names: Collection[str]) -> tuple[str, str]:
    """Return the longest of `names` that `text` starts with, and the select after it.

    >>> split_select("g_lane[2].sum[3:0]", ["g_lane[2].sum", "sum"])
    ('g_lane[2].sum', '[3:0]')

    Raises:
        InputError: it starts with none of them.
    """
    text = text.strip()
    ends = [m.start() for m in re.finditer(r"[.\[]|$", text)]
    for end in reversed(ends):
        if text[:end].rstrip() in names:
            return text[:end].rstrip(), text[end:]
    near = [found[0] for found in process.extract(_ANY_SELECT.sub("", text), list(names), limit=3, score_cutoff=60)]
    raise InputError(f"expected a signal{', such as ' + ', '.join(near) if near else ''}, got {text!r}")


def _written(name: str) -> str:
    """Return an identifier as the source writes it."""
    return name if _PLAIN_NAME.fullmatch(name) else f"\\{name} "


def _encode(layout: Layout) -> Any:
    if isinstance(layout, Record):
        members = [[m.name, m.offset, _encode(m.layout)] for m in layout.members]
        return {"union" if layout.union else "struct": members, "packed": layout.packed, "width": layout.width}
    if isinstance(layout, Array):
        bounds = [layout.left, layout.right]
        if layout == vector(*bounds):
            return bounds
        return {"array": bounds, "packed": layout.packed, "of": _encode(layout.element)}
    return layout.width


def _decode(value: Any) -> Layout:
    if isinstance(value, int):
        return Layout(value)
    if isinstance(value, list):
        return vector(*value)
    if "array" in value:
        left, right = value["array"]
        element = _decode(value["of"])
        return Array((abs(left - right) + 1) * element.width, left, right, packed=value["packed"], element=element)
    members = value["union"] if "union" in value else value["struct"]
    decoded = tuple(Member(name, offset, _decode(inner)) for name, offset, inner in members)
    return Record(value["width"], decoded, packed=value["packed"], union="union" in value)


_BIT: Final = Layout(1)
