"""The area/delay plane of a run as an inline SVG: every measured candidate, the accepted path, the Pareto front."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rtlgen.optimizer.report import OptimizationReport

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 720, 380, 76, 16, 20, 52
_TICKS = 5
Point = tuple[float, float]


def pareto_svg(report: OptimizationReport) -> str:
    """Return the plot; x is area in um², y is delay in ns."""
    path = [(report.before.area_um2, report.before.delay_ns)]
    path += [(c.after.area_um2, c.after.delay_ns) for c in report.changes]
    tried = [(r.area_um2, r.delay_ns, f"{r.rule}: {r.title} ({r.outcome})") for r in report.rejected]
    others = [(a, d, t) for a, d, t in tried if a is not None and d is not None]
    axes = _Axes([*path, *((a, d) for a, d, _ in others)])
    parts = [_frame(axes)]
    parts += [_dot(axes, (a, d), "#b8bec8", 3, title) for a, d, title in others]
    front = _front(path)
    parts.append(_line(axes, _stairs(front), "#2f855a", "5 4"))
    parts.append(_line(axes, path, "#2b6cb0", ""))
    labels = ["input", *(f"change {c.number}: {c.titles[0]}" for c in report.changes)]
    parts += [_dot(axes, p, "#2b6cb0", 5, label) for p, label in zip(path, labels, strict=True)]
    body = "".join(parts)
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="area and delay of every candidate">{body}</svg>'


class _Axes:
    def __init__(self, points: list[Point]) -> None:
        self.x = _span([p[0] for p in points])
        self.y = _span([p[1] for p in points])

    def at(self, point: Point) -> Point:
        x = LEFT + (point[0] - self.x[0]) / (self.x[1] - self.x[0]) * (WIDTH - LEFT - RIGHT)
        y = HEIGHT - BOTTOM - (point[1] - self.y[0]) / (self.y[1] - self.y[0]) * (HEIGHT - TOP - BOTTOM)
        return x, y


def _span(values: list[float]) -> Point:
    low, high = min(values), max(values)
    margin = (high - low) * 0.06 or max(abs(high) * 0.05, 1e-3)
    return low - margin, high + margin


def _frame(axes: _Axes) -> str:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    size = f'width="{right - LEFT}" height="{bottom - TOP}"'
    parts = [f'<rect x="{LEFT}" y="{TOP}" {size} fill="none" stroke="#cbd5e0"/>']
    for k in range(_TICKS):
        x = axes.x[0] + (axes.x[1] - axes.x[0]) * k / (_TICKS - 1)
        y = axes.y[0] + (axes.y[1] - axes.y[0]) * k / (_TICKS - 1)
        px, py = axes.at((x, y))
        anchor = "start" if k == 0 else "end" if k == _TICKS - 1 else "middle"
        parts.append(f'<text x="{px:.1f}" y="{bottom + 18}" text-anchor="{anchor}">{x:.4g}</text>')
        parts.append(f'<text x="{LEFT - 8}" y="{py + 4:.1f}" text-anchor="end">{y:.3g}</text>')
    parts.append(f'<text x="{(LEFT + right) / 2:.0f}" y="{HEIGHT - 10}" text-anchor="middle">area [um²]</text>')
    middle = (TOP + bottom) / 2
    parts.append(f'<text transform="translate(16 {middle:.0f}) rotate(-90)" text-anchor="middle">delay [ns]</text>')
    return "".join(parts)


def _dot(axes: _Axes, point: Point, color: str, radius: int, title: str) -> str:
    from html import escape

    x, y = axes.at(point)
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{color}"><title>{escape(title)}</title></circle>'


def _line(axes: _Axes, points: list[Point], color: str, dash: str) -> str:
    if len(points) < 2:
        return ""
    text = " ".join(f"{x:.1f},{y:.1f}" for x, y in map(axes.at, points))
    return f'<polyline points="{text}" fill="none" stroke="{color}" stroke-width="1.5" stroke-dasharray="{dash}"/>'


def _front(points: list[Point]) -> list[Point]:
    """Return the points that no other one beats on both axes, by growing area."""
    front: list[Point] = []
    for point in sorted(set(points)):
        if not front or point[1] < front[-1][1]:
            front.append(point)
    return front


def _stairs(front: list[Point]) -> list[Point]:
    stairs: list[Point] = []
    for point in front:
        if stairs:
            stairs.append((point[0], stairs[-1][1]))
        stairs.append(point)
    return stairs
