"""Pictures of design graphs: cones, hierarchies, state diagrams, control flow; as Graphviz text, SVG or a page.

What to draw is a `Picture`, made by the queries; `render` simplifies it, lays it out and writes it.

>>> a, b = Node("a", ("data_i", "[7:0]"), "input"), Node("q", ("data_q", "[7:0]"), "register", emphasis=True)
>>> print(render(Picture("fan-in of data_q", nodes=(a, b), edges=(Edge("a", "q", bits=8),)), "dot"))
digraph picture {
...
}
"""

from __future__ import annotations

from rtlgen.graphs.pictures.dot import dot_text
from rtlgen.graphs.pictures.html import html_page
from rtlgen.graphs.pictures.links import RELATIVE, Links
from rtlgen.graphs.pictures.picture import Direction, Edge, EdgeKind, Group, Node, NodeKind, Picture, PictureKind
from rtlgen.graphs.pictures.render import FORMATS, Format, render
from rtlgen.graphs.pictures.simplify import simplified
from rtlgen.graphs.pictures.svg import svg_text

__all__ = [
    "FORMATS",
    "RELATIVE",
    "Direction",
    "Edge",
    "EdgeKind",
    "Format",
    "Group",
    "Links",
    "Node",
    "NodeKind",
    "Picture",
    "PictureKind",
    "dot_text",
    "html_page",
    "render",
    "simplified",
    "svg_text",
]
