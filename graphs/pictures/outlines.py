"""Outlines of nodes as SVG: the shapes that a hardware engineer expects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from xml.etree import ElementTree as ET

from rtlgen.graphs.pictures.picture import NodeKind

_NOTCH: Final = 5.0
"""Half the height of the triangle of a clock."""


def draw(parent: ET.Element, kind: NodeKind, wide: float, high: float) -> None:
    """Add the outline of a node of `wide` by `high` pixels to `parent`, its upper left corner at the origin."""
    _OUTLINES[kind](parent, wide, high)


def _box(radius: float) -> Callable[[ET.Element, float, float], None]:
    def outline(parent: ET.Element, wide: float, high: float) -> None:
        _add(parent, "rect", "shape", width=wide, height=high, rx=min(radius, high / 2))

    return outline


def _flag(parent: ET.Element, wide: float, high: float) -> None:
    """Draw a port: a box that points where the value goes."""
    _path(parent, "shape", f"M0,0 H{wide - 9:g} L{wide:g},{high / 2:g} L{wide - 9:g},{high:g} H0 Z")


def _register(parent: ET.Element, wide: float, high: float) -> None:
    _box(1)(parent, wide, high)
    low = high - 5
    _path(parent, "mark", f"M0,{low - 2 * _NOTCH:g} L8,{low - _NOTCH:g} L0,{low:g}")


def _memory(parent: ET.Element, wide: float, high: float) -> None:
    _box(1)(parent, wide, high)
    _path(parent, "mark", f"M5,0 V{high:g} M{wide - 5:g},0 V{high:g}")


def _block(parent: ET.Element, wide: float, high: float) -> None:
    """Draw a sheet with a corner folded over: text of a block."""
    _path(parent, "shape", f"M0,0 H{wide - 8:g} L{wide:g},8 V{high:g} H0 Z")
    _path(parent, "mark", f"M{wide - 8:g},0 V8 H{wide:g}")


def _instance(parent: ET.Element, wide: float, high: float) -> None:
    _box(3)(parent, wide, high)
    _path(parent, "bar", f"M2.5,1.5 V{high - 1.5:g}")


def _ellipse(parent: ET.Element, wide: float, high: float) -> None:
    _add(parent, "ellipse", "shape", cx=wide / 2, cy=high / 2, rx=wide / 2, ry=high / 2)


def _hexagon(parent: ET.Element, wide: float, high: float) -> None:
    half = high / 2
    _path(parent, "shape", f"M0,{half:g} L10,0 H{wide - 10:g} L{wide:g},{half:g} L{wide - 10:g},{high:g} H10 Z")


def _path(parent: ET.Element, classes: str, way: str) -> None:
    item = ET.SubElement(parent, "path")
    item.set("class", classes)
    item.set("d", way)


def _add(parent: ET.Element, tag: str, classes: str, **numbers: float) -> None:
    item = ET.SubElement(parent, tag)
    item.set("class", classes)
    for name, value in numbers.items():
        item.set(name, f"{value:g}")


_OUTLINES: Final[dict[NodeKind, Callable[[ET.Element, float, float], None]]] = {
    "input": _flag,
    "output": _flag,
    "register": _register,
    "wire": _box(8),
    "memory": _memory,
    "block": _block,
    "instance": _instance,
    "state": _ellipse,
    "start": _ellipse,
    "statement": _box(2),
    "condition": _hexagon,
    "terminal": _box(99),
}
