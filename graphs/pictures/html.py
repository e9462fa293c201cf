"""Pictures as one page that needs nothing else: zoom, search, cones, source beside the picture."""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from rtlgen.graphs.pictures.links import RELATIVE, Links, href
from rtlgen.graphs.pictures.picture import EdgeKind, Node, NodeKind, Picture, PictureKind
from rtlgen.graphs.pictures.shapes import LOOKS
from rtlgen.graphs.pictures.svg import svg_text, swatch
from rtlgen.graphs.pictures.text import shown

if TYPE_CHECKING:
    from markupsafe import Markup

_EDGES: Final[dict[EdgeKind, str]] = {
    "data": "value flows", "control": "decides", "index": "selects the bits", "clock": "clock", "reset": "reset",
    "port": "holds", "transition": "transition", "next": "next",
}  # fmt: skip
_REACH: Final[dict[PictureKind, tuple[str, str, str]]] = {
    "cone": ("neighbours", "fan-in", "fan-out"),
    "hierarchy": ("neighbours", "above", "below"),
    "states": ("neighbours", "leads here", "can be reached"),
    "flow": ("neighbours", "before", "after"),
}
"""What a click lights up, in words."""
_NOTED: Final[tuple[NodeKind, ...]] = ("register", "memory")


def html_page(picture: Picture, links: Links = RELATIVE) -> str:
    """Return the page of a picture.

    Nothing in it comes from elsewhere, and by its content security policy only its own script may run.

    Args:
        picture: what to draw.
        links: where source lines lead; see `links.href`.

    Raises:
        InputError: the picture is too large to lay out.
        ToolNotFoundError: Graphviz is missing.
        ToolOutputError: Graphviz failed.
        SandboxError: the sandbox itself failed.
    """
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_text), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    script = _text("page.js")
    return environment.get_template("page.html.jinja").render(
        title=shown(picture.title),
        subtitle=shown(picture.subtitle),
        style=Markup(_text("page.css")),
        script=Markup(script),
        script_hash=b64encode(sha256(script.encode()).digest()).decode(),
        svg=Markup(svg_text(picture, None, heading=False)),
        data=Markup(_embedded(_data(picture, links))),
        reach=list(zip(("near", "in", "out"), _REACH[picture.kind], strict=True)),
        legend=_legend(picture),
        notes=any(node.kind in _NOTED for node in picture.nodes),
    )


def _data(picture: Picture, links: Links) -> dict[str, Any]:
    """Return what the script reads; nodes and edges have the ids of the SVG."""
    ids = {node.id: f"n{n}" for n, node in enumerate(picture.nodes)}
    paths = picture.paths()
    nodes = {
        ids[node.id]: {
            "label": [shown(line) for line in node.label],
            "kind": LOOKS[node.kind].name,
            "within": [shown(group.label) for group in paths[node.group]],
            "details": [[shown(name), shown(value)] for name, value in node.details],
            "excerpt": node.excerpt,
            "excerpt_line": node.excerpt_line,
            "wanted": node.emphasis,
            **_place(node, links),
        }
        for node in picture.nodes
    }
    edges = {
        f"e{n}": {
            "from": ids[edge.source],
            "to": ids[edge.target],
            "label": shown(edge.label),
            "kind": edge.kind,
            "tooltip": "\n".join(map(shown, edge.tooltip.split("\n"))),
        }
        for n, edge in enumerate(picture.edges)
    }
    return {"title": shown(picture.title), "nodes": nodes, "edges": edges}


def _place(node: Node, links: Links) -> dict[str, Any]:
    where = f"{node.file}:{node.line}" if node.file and node.line else node.file
    return {"where": shown(where), "line": node.line, "href": href(links, node.file, node.line)}


def _embedded(data: dict[str, Any]) -> str:
    """Return JSON that no parser of HTML takes for the end of its element."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _legend(picture: Picture) -> list[tuple[Markup, str]]:
    """Return the kinds that the picture has: a small drawing and what it is."""
    from markupsafe import Markup

    used = {node.kind for node in picture.nodes}
    rows = [(Markup(swatch(kind)), look.name) for kind, look in LOOKS.items() if kind in used]
    lines = {edge.kind for edge in picture.edges}
    return rows + [(Markup(swatch(kind)), said) for kind, said in _EDGES.items() if kind in lines]


def _text(name: str) -> str:
    return files("rtlgen.graphs.pictures").joinpath(name).read_text(encoding="utf-8")
