"""Pictures as SVG that stands alone: coloured by classes, light and dark, with tooltips and links to the source."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from math import hypot
from typing import Final
from xml.etree import ElementTree as ET

from rtlgen.graphs.pictures import outlines
from rtlgen.graphs.pictures.layout import Box, Curve, Layout, Point, check_size, layout
from rtlgen.graphs.pictures.links import RELATIVE, Links, href
from rtlgen.graphs.pictures.picture import Edge, EdgeKind, Node, NodeKind, Picture
from rtlgen.graphs.pictures.shapes import LINE_HEIGHT, LOOKS, MOST_COLUMNS, font_px, label_lines, lines, size, weight
from rtlgen.graphs.pictures.text import LINE_PX, SMALL_PX, elided, shown, width
from rtlgen.graphs.pictures.tree import is_tree, tree_layout

_MARGIN: Final = 16
_SCREEN: Final = (1500, 950)
"""Pixels that a picture should fit into."""
_HEADING: Final = 52
"""Pixels for title and subtitle."""


def svg_text(picture: Picture, links: Links = RELATIVE, *, heading: bool = True) -> str:
    """Return the SVG of a picture, laid out by Graphviz; nodes and edges have the ids `n0`…, `e0`… in their order.

    Args:
        picture: what to draw.
        links: where source lines lead; see `links.href`.
        heading: whether title and subtitle stand above.

    Raises:
        InputError: the picture is too large to lay out.
        ToolNotFoundError: Graphviz is missing.
        ToolOutputError: Graphviz failed.
        SandboxError: the sandbox itself failed.
    """
    return _Drawing(picture, _places(picture), links, heading=heading).text()


def swatch(kind: NodeKind | EdgeKind) -> str:
    """Return a small drawing of a kind of node or edge, for a legend; it takes its colours from the style sheet."""
    root = ET.Element("svg", xmlns="http://www.w3.org/2000/svg", viewBox="-3 -3 40 22", width="40", height="22")
    root.set("class", "picture")
    root.set("aria-hidden", "true")
    item = _child(root, "g", kind)
    if kind in LOOKS:
        outlines.draw(item, kind, 34, 16)
    else:
        _arrow(item, Curve(((0, 8), (10, 8), (18, 8), (26, 8)), (34, 8)), 1.6)
    return ET.tostring(root, encoding="unicode")


def _places(picture: Picture) -> Layout:
    """Return the layout that suits the picture: for states and control flow the direction that fits a screen best."""
    if picture.kind == "hierarchy" and picture.flow == "down" and is_tree(picture):
        check_size(picture)
        return tree_layout(picture)
    first = layout(picture)
    if picture.direction or picture.kind not in ("states", "flow") or first.width <= _SCREEN[0]:
        return first
    turned = layout(replace(picture, direction="right" if picture.flow == "down" else "down"))
    return min(first, turned, key=lambda found: max(found.width / _SCREEN[0], found.height / _SCREEN[1]))


class _Drawing:
    """Draws one picture."""

    def __init__(self, picture: Picture, places: Layout, links: Links, *, heading: bool) -> None:
        self._picture, self._places, self._links = picture, places, links
        self._ids = {node.id: f"n{n}" for n, node in enumerate(picture.nodes)}
        self._top = _HEADING if heading else 0

    def text(self) -> str:
        title, subtitle = shown(self._picture.title), shown(self._picture.subtitle)
        wide = self._places.width
        if self._top:
            wide = max(wide, width(title, LINE_PX + 4), width(subtitle))
        wide, high = round(wide + 2 * _MARGIN), round(self._places.height + 2 * _MARGIN + self._top)
        root = ET.Element(
            "svg", xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {wide} {high}", width=str(wide), height=str(high)
        )
        root.set("class", f"picture {self._picture.kind}")
        root.set("role", "img")
        _child(root, "title").text = title
        _child(root, "style").text = files("rtlgen.graphs.pictures").joinpath("picture.css").read_text("utf-8")
        _child(root, "rect", "paper", width="100%", height="100%")
        if self._top:
            _child(root, "text", "title", x=str(_MARGIN), y=str(_MARGIN + 14)).text = title
            _child(root, "text", "soft", x=str(_MARGIN), y=str(_MARGIN + 33)).text = subtitle
        view = _child(root, "g", "view")
        self._draw(_child(view, "g", transform=f"translate({_MARGIN} {_MARGIN + self._top})"))
        return ET.tostring(root, encoding="unicode") + "\n"

    def _draw(self, view: ET.Element) -> None:
        depths = {name: len(path) for name, path in self._picture.paths().items()}
        order = sorted(enumerate(self._picture.groups), key=lambda item: depths[item[1].id])
        for n, group in order:
            if n in self._places.groups:
                self._group(view, f"g{n}", self._places.groups[n], group.label, depths[group.id])
        for at, curve in self._places.starts:
            self._start(view, at, curve)
        for n, edge in enumerate(self._picture.edges):
            self._edge(view, f"e{n}", edge, self._places.edges[n])
        for n, group in order:
            if n in self._places.groups:
                box = self._places.groups[n]
                _text(view, elided(shown(group.label), MOST_COLUMNS), box.x + 9, box.y + 16, "caption")
        for n, node in enumerate(self._picture.nodes):
            self._node(view, f"n{n}", node, self._places.nodes[n])
        for n, edge in enumerate(self._picture.edges):
            self._label(view, f"e{n}", edge, self._places.edges[n].label)

    def _group(self, view: ET.Element, name: str, box: Box, text: str, depth: int) -> None:
        item = _child(view, "g", f"group depth{min(depth, 4)}", id=name)
        _child(item, "title").text = shown(text)
        sides = {"x": box.x, "y": box.y, "width": box.width, "height": box.height, "rx": 8}
        _child(item, "rect", **{key: f"{value:g}" for key, value in sides.items()})

    def _start(self, view: ET.Element, at: Point, curve: Curve) -> None:
        item = _child(view, "g", "edge first")
        _child(item, "circle", "dot", cx=f"{at[0]:g}", cy=f"{at[1]:g}", r="4.5")
        _arrow(item, curve, 1.1)

    def _edge(self, view: ET.Element, name: str, edge: Edge, curve: Curve) -> None:
        item = _child(view, "g", f"edge {edge.kind}{_branch(edge)}", id=name)
        item.set("data-from", self._ids[edge.source])
        item.set("data-to", self._ids[edge.target])
        parent = self._linked(item, edge.file, edge.line)
        _child(parent, "title").text = _tooltip(edge.tooltip or edge.label)
        _arrow(parent, curve, weight(edge))

    def _label(self, view: ET.Element, name: str, edge: Edge, at: Point | None) -> None:
        text = label_lines(edge)
        if at is None or not text:
            return
        item = _child(view, "g", f"label {edge.kind}{_branch(edge)}")
        item.set("data-edge", name)
        high = SMALL_PX * LINE_HEIGHT
        y = at[1] - high * len(text) / 2 + SMALL_PX
        for n, line in enumerate(text):
            _text(item, line, at[0], y + n * high)

    def _node(self, view: ET.Element, name: str, node: Node, at: Point) -> None:
        wide, high = size(node)
        left, top = at[0] - wide / 2, at[1] - high / 2
        item = _child(view, "g", f"node {node.kind}{' wanted' if node.emphasis else ''}", id=name)
        item.set("transform", f"translate({left:g} {top:g})")
        parent = self._linked(item, node.file, node.line)
        _child(parent, "title").text = _tooltip(node.tooltip or "\n".join(node.label))
        outlines.draw(parent, node.kind, wide, high)
        look, text = LOOKS[node.kind], lines(node)
        y = (high - sum(font_px(n, node) * LINE_HEIGHT for n in range(len(text)))) / 2
        for n, line in enumerate(text):
            px = font_px(n, node)
            x = wide / 2 if look.centred else look.left
            classes = ("line" if px == LINE_PX else "small") + (" middle" if look.centred else "")
            _text(parent, line, x, y + px, classes)
            y += px * LINE_HEIGHT

    def _linked(self, item: ET.Element, file: str, line: int) -> ET.Element:
        link = href(self._links, file, line)
        return _child(item, "a", href=link) if link else item


def _branch(edge: Edge) -> str:
    """Return the class of a branch of control flow."""
    return {"true": " yes", "false": " no"}.get(edge.label, "") if edge.kind == "next" else ""


def _tooltip(text: str) -> str:
    return "\n".join(map(shown, text.split("\n")))


def _arrow(item: ET.Element, curve: Curve, thick: float) -> None:
    """Draw the line and the head of an edge; the head grows with the line, less than it does."""
    (x, y), (tip_x, tip_y) = curve.points[-1], curve.tip
    start, *rest = (f"{px:g},{py:g}" for px, py in curve.points)
    way = f"M{start} C{' '.join(rest)}" if rest else f"M{start}"
    long = hypot(tip_x - x, tip_y - y) or 1.0
    across_x, across_y = (tip_y - y) / long, (x - tip_x) / long
    half = 2.4 + 0.7 * thick
    # an arrow as long as Graphviz leaves room for would be twice as long as it is wide
    back_x, back_y = tip_x + (x - tip_x) * 0.85, tip_y + (y - tip_y) * 0.85
    _child(item, "path", "way", d=f"{way} L{back_x:.2f},{back_y:.2f}").set("stroke-width", f"{thick:g}")
    corners = [
        (back_x + across_x * half, back_y + across_y * half),
        (tip_x, tip_y),
        (back_x - across_x * half, back_y - across_y * half),
    ]
    _child(item, "polygon", "head", points=" ".join(f"{px:.2f},{py:.2f}" for px, py in corners))


def _text(parent: ET.Element, text: str, x: float, y: float, classes: str = "") -> ET.Element:
    item = _child(parent, "text", classes, x=f"{x:g}", y=f"{y:g}")
    item.text = text
    return item


def _child(parent: ET.Element, tag: str, classes: str = "", **attributes: str) -> ET.Element:
    item = ET.SubElement(parent, tag)
    if classes:
        item.set("class", classes)
    for name, value in attributes.items():
        item.set(name, value)
    return item
