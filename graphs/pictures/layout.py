"""Places of everything in a picture, found by Graphviz `dot` in the sandbox."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from rtlgen.core.config import load_settings
from rtlgen.core.errors import InputError, ToolNotFoundError, ToolOutputError
from rtlgen.graphs.pictures.dot import START, bare_text
from rtlgen.graphs.pictures.picture import Picture
from rtlgen.sandbox import Limits, run

MOST_NODES: Final = 1500
"""A larger picture can't be read, and its layout takes minutes."""
MOST_EDGES: Final = 6000
LAYOUT_S: Final = 60.0
_NARROW: Final = "narrow it with a smaller --depth, or ask for a signal or an instance further down"

Point = tuple[float, float]
"""Pixels from the left and from the top."""


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle, by its upper left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Curve:
    """Way of an edge."""

    points: tuple[Point, ...]
    """Of cubic Bézier curves in a row: a start, then two control points and an end for each."""
    tip: Point
    """Where the arrow points to; it begins at the last point."""
    label: Point | None = None
    """Middle of the label."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Places of everything, by position in the picture."""

    width: float
    height: float
    nodes: dict[int, Point] = field(default_factory=dict)
    """Middles."""
    groups: dict[int, Box] = field(default_factory=dict)
    edges: dict[int, Curve] = field(default_factory=dict)
    starts: list[tuple[Point, Curve]] = field(default_factory=list)
    """The dot before each state after reset, and the arrow that leads there."""


def layout(picture: Picture, limit_s: float = LAYOUT_S) -> Layout:
    """Return where everything goes.

    Args:
        picture: at most `MOST_NODES` nodes and `MOST_EDGES` edges.
        limit_s: time for Graphviz in seconds.

    Raises:
        InputError: the picture is too large, or took too long; the message says how to get a smaller one.
        ToolNotFoundError: Graphviz is missing.
        ToolOutputError: Graphviz failed.
        SandboxError: the sandbox itself failed.
    """
    check_size(picture)
    return _read(_graphviz(picture, limit_s))


def check_size(picture: Picture) -> None:
    """Raise `InputError` where a picture is too large to be read."""
    for what, count, most in (("nodes", len(picture.nodes), MOST_NODES), ("edges", len(picture.edges), MOST_EDGES)):
        if count > most:
            raise InputError(f"the picture has {count:,} {what}, expected at most {most:,}: {_NARROW}")


def _graphviz(picture: Picture, limit_s: float) -> dict[str, Any]:
    program = str(load_settings().dot or "dot")
    limits = Limits(cpu_s=limit_s, wall_s=limit_s, memory_mb=2048, output_mb=64, processes=16)
    with TemporaryDirectory(prefix="rtlgen-dot-") as folder:
        done = run([program, "-Tjson0"], cwd=Path(folder), limits=limits, stdin=bare_text(picture))
    if done.ended_by == "not_found":
        raise ToolNotFoundError(
            f"{program} (Graphviz, draws graphs) was not found; "
            "install it with `apt-get install -y graphviz`, or set RTLGEN_DOT to its path; --format dot works without"
        )
    if done.ended_by == "timeout":
        size = f"{len(picture.nodes):,} nodes and {len(picture.edges):,} edges"
        raise InputError(f"no layout of {size} within {limit_s:g} s: {_NARROW}")
    if done.exit_code != 0:
        said = (done.stderr.strip().splitlines() or [f"ended by {done.ended_by}, exit code {done.exit_code}"])[-1]
        raise ToolOutputError(f"{program} gave no layout: {said}")
    try:
        found: dict[str, Any] = json.loads(done.stdout)
    except ValueError as error:
        raise ToolOutputError(f"{program} -Tjson0 gave no JSON: {error}") from error
    return found


def _read(found: dict[str, Any]) -> Layout:
    """Return a layout as Graphviz writes it, its y axis turned down."""
    _, _, wide, high = _numbers(found["bb"])
    result = Layout(wide, high)
    starts: dict[str, Point] = {}
    for item in found.get("objects", []):
        name = item["name"]
        if name.startswith("cluster_g") and "bb" in item:
            left, low, right, top = _numbers(item["bb"])
            result.groups[int(name[9:])] = Box(left, high - top, right - left, top - low)
        elif name.startswith(START):
            starts[name] = _point(item["pos"], high)
        elif name.startswith("n"):
            result.nodes[int(name[1:])] = _point(item["pos"], high)
    for item in found.get("edges", []):
        curve = _curve(item, high)
        if item["comment"] in starts:
            result.starts.append((starts[item["comment"]], curve))
        else:
            result.edges[int(item["comment"][1:])] = curve
    return result


def _curve(item: dict[str, Any], high: float) -> Curve:
    """Return the way of an edge: `e,x,y` is the tip of its arrow, what has no letter a point of the curve."""
    parts = item["pos"].split()
    points = tuple(_point(text, high) for text in parts if text[0] not in "es")
    tip = next((_point(text[2:], high) for text in parts if text[0] == "e"), points[-1])
    return Curve(points, tip, _point(item["lp"], high) if "lp" in item else None)


def _point(text: str, high: float) -> Point:
    x, y = _numbers(text)
    return x, round(high - y, 3)


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(","))
