"""How large a node is, and what it looks like: one table for Graphviz and for our own drawing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rtlgen.graphs.pictures.picture import Edge, Node, NodeKind
from rtlgen.graphs.pictures.text import LINE_PX, SMALL_PX, elided, shown, width, wrapped

LINE_HEIGHT: Final = 1.3
"""Of the size of the font."""
MOST_LINES: Final = 24
MOST_COLUMNS: Final = 44
"""Characters of a name; the tooltip has the rest."""
_SOURCE_COLUMNS: Final = 40
"""Characters of a line of source, of which a statement has at most two."""
_EDGE_COLUMNS: Final = 28
_EDGE_LINES: Final = 3


@dataclass(frozen=True, slots=True)
class Look:
    """Look of a kind of node."""

    name: str
    """In words, for the legend."""
    shape: str
    """Graphviz's name."""
    fill: str
    line: str
    """Colours of the Graphviz file; pictures of our own take theirs from the style sheet."""
    left: float = 8
    right: float = 8
    """Pixels beside the text."""
    centred: bool = False


LOOKS: Final[dict[NodeKind, Look]] = {
    "input": Look("input port", "cds", "#dcfce7", "#15803d", 8, 16),
    "output": Look("output port", "cds", "#ffedd5", "#c2410c", 8, 16),
    "register": Look("register", "box", "#dbeafe", "#1d4ed8", 16, 10),
    "wire": Look("wire", "box", "#f8fafc", "#64748b"),
    "memory": Look("memory", "cylinder", "#fae8ff", "#a21caf", 12, 12),
    "block": Look("block", "component", "#f1f5f9", "#475569", 14, 10),
    "instance": Look("instance", "box", "#ede9fe", "#6d28d9", 12, 8),
    "state": Look("state", "ellipse", "#dbeafe", "#1d4ed8", 14, 14, centred=True),
    "start": Look("state after reset", "ellipse", "#dcfce7", "#15803d", 14, 14, centred=True),
    "statement": Look("statement", "box", "#f8fafc", "#64748b"),
    "condition": Look("condition", "hexagon", "#fef9c3", "#a16207", 16, 16, centred=True),
    "terminal": Look("entry, exit", "box", "#e2e8f0", "#475569", 14, 14, centred=True),
}


def is_source(node: Node) -> bool:
    """Return whether the lines of a node are source text, rather than a name and what there is to say of it."""
    return node.kind in ("statement", "condition")


def lines(node: Node) -> tuple[str, ...]:
    """Return the lines of a node as they are drawn."""
    if is_source(node):
        rows = [row for line in node.label for row in _continued(wrapped(shown(line), _SOURCE_COLUMNS, 2))]
    else:
        rows = [elided(shown(line), MOST_COLUMNS) for line in node.label]
    more = len(rows) - MOST_LINES
    return tuple([*rows[: MOST_LINES - 1], f"… {more + 1} more"] if more > 0 else rows) or ("",)


def _continued(rows: tuple[str, ...]) -> tuple[str, ...]:
    return (rows[0], *(f"  {row}" for row in rows[1:]))


def label_lines(edge: Edge) -> tuple[str, ...]:
    """Return the lines of the label of an edge as they are drawn; none where there is no label."""
    text = shown(edge.label)
    if edge.kind in ("transition", "next"):
        return wrapped(text, _EDGE_COLUMNS, _EDGE_LINES) if text.strip() else ()
    return (elided(text, _EDGE_COLUMNS),) if text.strip() else ()


def font_px(index: int, node: Node) -> int:
    """Return the size of line `index`: a name is set larger than what follows, source is of one size."""
    return LINE_PX if index == 0 or is_source(node) else SMALL_PX


def size(node: Node) -> tuple[float, float]:
    """Return width and height of a node in pixels."""
    look, text = LOOKS[node.kind], lines(node)
    wide = max(width(line, font_px(n, node)) for n, line in enumerate(text))
    high = sum(font_px(n, node) * LINE_HEIGHT for n in range(len(text)))
    if look.shape == "ellipse":
        # text touches an ellipse at its corners
        return round(max(wide * 1.18 + 28, 64), 1), round(high * 1.35 + 16, 1)
    return round(max(wide + look.left + look.right, 28), 1), round(high + 10, 1)


def weight(edge: Edge) -> float:
    """Return the thickness of an edge in pixels: a bit is thin, a bus is not."""
    if edge.kind in ("clock", "reset"):
        return 0.8
    if edge.kind == "control":
        return 1.1
    return next(thick for most, thick in ((1, 1.1), (8, 1.8), (32, 2.5), (1 << 62, 3.2)) if edge.bits <= most)
