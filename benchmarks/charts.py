"""Pictures for the pages: small functions that return SVG as text, coloured by the page's classes, readable by ear."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from math import floor, log10

_WIDTH = 720
_LABEL = 210
_ROW = 26


def stacked(rows: Sequence[tuple[str, Mapping[str, int]]], order: Sequence[str], what: str) -> str:
    """Return a bar per row, each over the whole width and divided by its counts.

    Args:
        rows: name and count by class.
        order: classes from left to right.
        what: what is shown, for those who don't see it.
    """
    room = _WIDTH - _LABEL - 50
    parts = []
    for index, (name, counts) in enumerate(rows):
        y, total, at = index * _ROW, sum(counts.values()), float(_LABEL)
        parts.append(label(_LABEL - 10, y + 16, short(name, 32), "end", title=name))
        for kind in order:
            if counts.get(kind):
                width = room * counts[kind] / total
                said = f"{name}: {counts[kind]} of {total} {kind.replace('_', ' ')}"
                parts.append(_bar(at, y + 3, width, _ROW - 8, kind, said))
                if width > 24:
                    parts.append(label(at + width / 2, y + 16, str(counts[kind]), "middle", "inside"))
                at += width
        parts.append(label(_WIDTH - 42, y + 16, str(total), "start", "soft"))
    return drawing(parts, len(rows) * _ROW + 4, what)


def histogram(values: Sequence[float], edges: Sequence[float], what: str, axis: str, kind: str = "passed") -> str:
    """Return a histogram; a value on an edge counts to its right, the last edge to its left.

    Args:
        values: what is counted; those outside the edges go to the first and last bar.
        edges: bounds of the bars, rising.
        what: what is shown, for those who don't see it.
        axis: what stands below.
        kind: class of the bars.
    """
    counts = [0] * (len(edges) - 1)
    for value in values:
        found = sum(value >= e for e in edges[1:-1])
        counts[found] += 1
    width, height, top = (_WIDTH - 40) / len(counts), 150, 22
    most = max([*counts, 1])
    parts = []
    for index, count in enumerate(counts):
        x, tall = 20 + index * width, height * count / most
        said = f"{_number(edges[index])} to {_number(edges[index + 1])}: {count}"
        if count:
            parts.append(_bar(x + 1, top + height - tall, width - 2, tall, kind, said))
            parts.append(label(x + width / 2, top + height - tall - 5, str(count), "middle"))
        parts.append(label(x, top + height + 17, _number(edges[index]), "middle", "soft"))
    parts.append(label(20 + len(counts) * width, top + height + 17, _number(edges[-1]), "middle", "soft"))
    parts.append(line(20, top + height, _WIDTH - 20, top + height))
    parts.append(label(_WIDTH / 2, top + height + 37, axis, "middle", "soft"))
    return drawing(parts, top + height + 44, what)


def scatter(points: Sequence[tuple[float, float, str, str]], what: str, across: str, up: str) -> str:
    """Return points on two logarithmic axes with a line at 1 on each.

    Args:
        points: x and y above 0, what it is, and the id in the page that it leads to.
        what: what is shown, for those who don't see it.
        across: what x is.
        up: what y is.
    """
    side, left, top = 300, 60, 12
    low, high = _bounds([v for p in points for v in p[:2]])

    def place(value: float) -> float:
        return (log10(value) - log10(low)) / (log10(high) - log10(low))

    wide = _WIDTH - left - 20
    parts = []
    for tick in _ticks(low, high):
        x, y = left + wide * place(tick), top + side * (1 - place(tick))
        strong = "one" if tick == 1 else "grid"
        parts += [line(x, top, x, top + side, strong), line(left, y, left + wide, y, strong)]
        parts.append(label(x, top + side + 17, _number(tick), "middle", "soft"))
        parts.append(label(left - 8, y + 4, _number(tick), "end", "soft"))
    for x_value, y_value, said, target in points:
        x, y = left + wide * place(x_value), top + side * (1 - place(y_value))
        dot = f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="5"><title>{escape(said)}</title></circle>'
        parts.append(f'<a href="#{escape(target, quote=True)}" aria-label="{escape(said, quote=True)}">{dot}</a>')
    parts.append(label(left + wide / 2, top + side + 37, across, "middle", "soft"))
    parts.append(f'<g transform="translate(14 {top + side / 2}) rotate(-90)">{label(0, 0, up, "middle", "soft")}</g>')
    return drawing(parts, top + side + 44, what)


def changes(rows: Sequence[tuple[str, float, float]], what: str) -> str:
    """Return a line from before to after per row, on an axis from 0 to 100 %.

    Args:
        rows: name, share before, share after.
        what: what is shown, for those who don't see it.
    """
    room, top = _WIDTH - _LABEL - 130, 22
    parts = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = _LABEL + 10 + room * share
        parts.append(line(x, top, x, top + len(rows) * _ROW, "grid"))
        parts.append(label(x, top - 7, f"{share * 100:.0f} %", "middle", "soft"))
    for index, (name, before, after) in enumerate(rows):
        y = top + index * _ROW + 13
        a, b = (_LABEL + 10 + room * v for v in (before, after))
        kind = "better" if after > before else "worse"
        said = f"{before * 100:.0f} → {after * 100:.0f} %"
        parts.append(label(_LABEL - 6, y + 4, short(name, 32), "end", title=name))
        parts.append(line(a, y, b, y, kind))
        parts.append(f'<circle class="before" cx="{a:.1f}" cy="{y}" r="4"/>')
        parts.append(
            f'<circle class="{kind}" cx="{b:.1f}" cy="{y}" r="6"><title>{escape(name)}: {said}</title></circle>'
        )
        parts.append(label(_WIDTH - 108, y + 4, said, "start", "soft"))
    return drawing(parts, top + len(rows) * _ROW + 4, what)


def drawing(parts: Sequence[str], height: float, what: str) -> str:
    """Return a picture of the given parts, 720 wide."""
    said = escape(what, quote=True)
    return f'<svg viewBox="0 0 {_WIDTH} {height:.0f}" role="img" aria-label="{said}">{"".join(parts)}</svg>'


def _bar(x: float, y: float, width: float, height: float, kind: str, said: str) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" height="{max(height, 1):.1f}"'
    return f'<rect class="{escape(kind, quote=True)}" {place} rx="2"><title>{escape(said)}</title></rect>'


def line(x1: float, y1: float, x2: float, y2: float, kind: str = "axis") -> str:
    """Return a line; `kind` is its class."""
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def label(x: float, y: float, text: str, anchor: str, kind: str = "", title: str = "") -> str:
    """Return a text; `anchor` is start, middle or end, `title` is read out where it says more."""
    more = f"<title>{escape(title)}</title>" if title and title != text else ""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}{more}</text>'


def short(text: str, most: int) -> str:
    """Return a text, cut to a length."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _number(value: float) -> str:
    return f"{value:.3g}"


def _bounds(values: Sequence[float]) -> tuple[float, float]:
    """Return where an axis begins and ends, so that 1 and every value lie inside."""
    low, high = min([*values, 1.0]), max([*values, 1.0])
    room = max((high / low) ** 0.06, 1.03)
    return low / room, high * room


def _ticks(low: float, high: float) -> list[float]:
    """Return round numbers between two bounds, for a logarithmic axis."""
    steps = (1, 2, 5) if high / low > 3 else (1, 1.1, 1.2, 1.3, 1.5, 1.7, 2, 2.5, 3, 4, 5, 6, 7, 8, 9, 9.5)
    decades = range(floor(log10(low)) - 1, floor(log10(high)) + 2)
    found = [round(step * 10.0**d, 12) for d in decades for step in steps]
    return [t for t in found if low <= t <= high]
