"""Pictures as text of Graphviz (https://graphviz.org/doc/info/lang.html)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from html import escape
from itertools import count
from typing import Final

from rtlgen.graphs.pictures.links import Links, href
from rtlgen.graphs.pictures.picture import Edge, EdgeKind, Group, Node, Picture
from rtlgen.graphs.pictures.ranks import leading_back
from rtlgen.graphs.pictures.shapes import LINE_HEIGHT, LOOKS, MOST_COLUMNS, font_px, label_lines, lines, size, weight
from rtlgen.graphs.pictures.text import LINE_PX, SMALL_PX, elided, shown, width

# middle tones, legible on white and on black
_INK, _SOFT = "#0f172a", "#64748b"
EDGE_COLOURS: Final[dict[EdgeKind, str]] = {
    "data": "#64748b", "control": "#a855f7", "index": "#0d9488", "clock": "#94a3b8", "reset": "#94a3b8",
    "port": "#64748b", "transition": "#64748b", "next": "#64748b",
}  # fmt: skip
_STYLES: Final[dict[EdgeKind, str]] = {"control": "dashed", "index": "dotted", "clock": "dotted", "reset": "dotted"}
_SPACING: Final = {
    "cone": "nodesep=0.16, ranksep=0.7",
    "hierarchy": "nodesep=0.16, ranksep=0.45",
    "states": "nodesep=0.45, ranksep=0.75",
    "flow": "nodesep=0.3, ranksep=0.32",
}
_LEFT: Final = '<BR ALIGN="LEFT"/>'
START: Final = "start"
"""First part of the names of the dots before states after reset."""


def dot_text(picture: Picture, links: Links = None) -> str:
    """Return the Graphviz file of a picture, to be drawn by `dot -Tsvg` or changed by hand.

    Args:
        picture: what to draw.
        links: where source lines lead; see `href`.
    """
    return _Writer(picture, links, bare=False).text()


def bare_text(picture: Picture) -> str:
    """Return the Graphviz file that has places and sizes only, for layout: no text of the picture is in it.

    Nodes are `n0`, `n1`… in their order, groups `cluster_g0`…, edges have the comments `e0`….
    """
    return _Writer(picture, None, bare=True).text()


class _Writer:
    """Writes one file."""

    def __init__(self, picture: Picture, links: Links, *, bare: bool) -> None:
        self._picture, self._links, self._bare = picture, links, bare
        self._ids = {node.id: f"n{n}" for n, node in enumerate(picture.nodes)}
        self._clusters = {group.id: f"cluster_g{n}" for n, group in enumerate(picture.groups)}
        self._starts = count()
        self._back = leading_back(picture)
        self._nodes_in: dict[str, list[Node]] = defaultdict(list)
        self._groups_in: dict[str, list[Group]] = defaultdict(list)
        for node in picture.nodes:
            self._nodes_in[node.group].append(node)
        for group in picture.groups:
            self._groups_in[group.parent].append(group)

    def text(self) -> str:
        return "\n".join(["digraph picture {", *self._head(), *self._within(""), *self._edges(), "}", ""])

    def _head(self) -> Iterator[str]:
        rankdir = "LR" if self._picture.flow == "right" else "TB"
        yield f"  graph [rankdir={rankdir}, {_SPACING[self._picture.kind]}, compound=true, nslimit=8, nslimit1=8];"
        if not self._bare:
            heading = [(self._picture.title, LINE_PX + 3), (self._picture.subtitle, SMALL_PX)]
            font = f'fontname="Courier", fontcolor="{_SOFT}"'
            place = 'labelloc=t, labeljust=l, bgcolor="transparent"'
            yield f"  graph [label={_html(heading, left=True)}, {place}, {font}];"
            yield f'  node [fontname="Courier", fontcolor="{_INK}", style=filled];'
            yield f"  edge [{font}, fontsize={SMALL_PX}, arrowsize=0.7];"
        yield "  node [fixedsize=true];"

    def _within(self, parent: str, depth: int = 1) -> Iterator[str]:
        indent = "  " * depth
        for node in self._nodes_in[parent]:
            yield f"{indent}{self._ids[node.id]} [{', '.join(self._node(node))}];"
        for group in self._groups_in[parent]:
            yield f"{indent}subgraph {self._clusters[group.id]} {{"
            yield f"{indent}  graph [{', '.join(self._group(group))}];"
            yield from self._within(group.id, depth + 1)
            yield f"{indent}}}"

    def _node(self, node: Node) -> Iterator[str]:
        look = LOOKS[node.kind]
        wide, high = size(node)
        yield f"shape={look.shape}, width={wide / 72:.4f}, height={high / 72:.4f}"
        if self._bare:
            yield 'label=""'
            return
        yield f"label={_html(((line, font_px(n, node)) for n, line in enumerate(lines(node))), left=not look.centred)}"
        yield f'fillcolor="{look.fill}", color="{look.line}"'
        if node.emphasis or node.kind == "start":
            yield "penwidth=3"
        if node.kind in ("wire", "terminal"):
            yield 'style="filled,rounded"'
        yield from self._place(node.tooltip or "\n".join(node.label), node.file, node.line)

    def _group(self, group: Group) -> Iterator[str]:
        if self._bare:
            name = elided(shown(group.label), MOST_COLUMNS)
            yield f"label={_room(width(name), LINE_PX * LINE_HEIGHT)}, labeljust=l, margin=10"
            return
        yield f"label={_html([(elided(shown(group.label), MOST_COLUMNS), LINE_PX)])}"
        yield f'labeljust=l, margin=10, style="rounded", color="{_SOFT}", tooltip={_quoted(group.label)}'

    def _edges(self) -> Iterator[str]:
        for node in self._picture.nodes:
            if node.kind == "start":
                name = f"{START}{next(self._starts)}"
                yield f'  {name} [shape=point, width=0.12, height=0.12, label="", style=filled, color="{_SOFT}"];'
                yield f'  {name} -> {self._ids[node.id]} [color="{_SOFT}", comment="{name}"];'
        for n, edge in enumerate(self._picture.edges):
            yield f"  {self._ids[edge.source]} -> {self._ids[edge.target]} [{', '.join(self._edge(n, edge))}];"

    def _edge(self, n: int, edge: Edge) -> Iterator[str]:
        text = label_lines(edge)
        if edge.kind in ("clock", "reset") or n in self._back:
            yield "weight=0, constraint=false"
        if self._picture.kind == "cone" and self._picture.flow == "right" and edge.source != edge.target:
            yield "tailport=e, headport=w"  # as in a schematic: out on the right, in on the left
        if self._bare:
            yield f'comment="e{n}"'
            if text:
                wide = max(width(line, SMALL_PX) for line in text)
                yield f"label={_room(wide + 8, len(text) * SMALL_PX * LINE_HEIGHT + 6)}"
            return
        if text:
            yield f"label={_html((line, SMALL_PX) for line in text)}"
        yield f'color="{EDGE_COLOURS[edge.kind]}", penwidth={weight(edge)}'
        if edge.kind in _STYLES:
            yield f"style={_STYLES[edge.kind]}"
        yield from self._place(edge.tooltip or edge.label, edge.file, edge.line)

    def _place(self, tooltip: str, file: str, line: int) -> Iterator[str]:
        if tooltip:
            yield f"tooltip={_quoted(tooltip)}"
        link = href(self._links, file, line)
        if link:
            yield f"URL={_quoted(link)}"


def _html(text: Iterable[tuple[str, int]], *, left: bool = False) -> str:
    """Return an HTML-like label of lines with their sizes, centred or on the left."""
    rows = [f'<FONT POINT-SIZE="{px}">{_spaced(line)}</FONT>' for line, px in text if line]
    if not rows:
        return '""'
    return f"<{''.join(row + _LEFT for row in rows)}>" if left else f"<{'<BR/>'.join(rows)}>"


def _spaced(line: str) -> str:
    r"""Return text for an HTML-like label, in which spaces in a row are one and `\E`, `\G`, `\N` are replaced."""
    return escape(shown(line)).replace("\\", "\\\\").replace(" ", "&#160;")


def _quoted(text: str) -> str:
    r"""Return a quoted string whose backslashes and entities mean themselves; a line break is `\n`."""
    rows = (escape(shown(row), quote=False).replace("\\", "\\\\").replace('"', '\\"') for row in text.split("\n"))
    return '"' + "\\n".join(rows) + '"'


def _room(wide: float, high: float) -> str:
    """Return a label that takes room and shows nothing."""
    table = 'BORDER="0" CELLBORDER="0" CELLPADDING="0" CELLSPACING="0" FIXEDSIZE="TRUE"'
    return f'<<TABLE {table} WIDTH="{wide:.0f}" HEIGHT="{high:.0f}"><TR><TD></TD></TR></TABLE>>'
