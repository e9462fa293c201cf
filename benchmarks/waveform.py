"""A wave picture as SVG: the ports of a candidate around the first moment at which it differs from the reference."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby
from typing import Final

from rtlgen.benchmarks.charts import drawing, label, line, short
from rtlgen.scorers.wave import Lane, Wave

_LEFT: Final = 150
_ROOM: Final = 560
_WIDEST: Final = 90
_ROW: Final = 26
_TALL: Final = 16
_LETTER: Final = 7
_MOST: Final = 40
"""Rows that are shown."""


def waveform(wave: Wave) -> str:
    """Return the picture; an output that differs has a lane for what was expected and one for what came."""
    rows = list(_rows(wave))
    wide = min(_WIDEST, _ROOM / len(wave.times))
    parts = [_band(wave.at, len(rows), wide)]
    for number, (name, width, values, wrong) in enumerate(rows[:_MOST]):
        y = number * _ROW + 4
        parts.append(label(_LEFT - 10, y + 13, short(name, 20), "end", title=name))
        parts += (_bus if width > 1 else _bit)(values, wrong, y, wide)
    bottom = min(len(rows), _MOST) * _ROW + 8
    for index in sorted({0, wave.at, len(wave.times) - 1}):
        parts.append(label(_LEFT + index * wide, bottom + 12, str(wave.times[index]), "middle", "soft"))
    if len(rows) > _MOST:
        parts.append(label(_LEFT, bottom + 28, f"and {len(rows) - _MOST} more ports", "start", "soft"))
    return drawing(parts, bottom + 34, f"Ports around time {wave.times[wave.at]}, where the outputs first differ")


def _rows(wave: Wave) -> list[tuple[str, int, Sequence[str], frozenset[int]]]:
    """Return name, width, values and wrong columns of each row."""
    found: list[tuple[str, int, Sequence[str], frozenset[int]]] = []
    for lane in wave.lanes:
        wrong = frozenset(i for i, (e, a) in enumerate(zip(lane.expected, lane.values, strict=False)) if _wrong(e, a))
        if wrong:
            found.append((f"{lane.name} expected", lane.width, lane.expected, frozenset()))
            found.append((f"{lane.name} got", lane.width, lane.values, wrong))
        else:
            found.append((_named(lane), lane.width, lane.values, frozenset()))
    return found


def _wrong(expected: str, actual: str) -> bool:
    return any(e in "01" and e != a for e, a in zip(expected, actual, strict=False))


def _named(lane: Lane) -> str:
    return f"{lane.name}[{lane.width - 1}:0]" if lane.width > 1 else lane.name


def _band(at: int, rows: int, wide: float) -> str:
    place = f'x="{_LEFT + at * wide:.1f}" y="0" width="{wide:.1f}" height="{min(rows, _MOST) * _ROW + 4}"'
    return f'<rect class="moment" {place}><title>first difference</title></rect>'


def _bit(values: Sequence[str], wrong: frozenset[int], y: float, wide: float) -> list[str]:
    """Return a lane of one bit: high, low, in the middle for z, a box for x."""
    parts = []
    before: float | None = None
    for index, value in enumerate(values):
        kind = "wave wrong" if index in wrong else "wave"
        left, right = _LEFT + index * wide, _LEFT + (index + 1) * wide
        if value == "x":
            parts.append(f'<rect class="unknown" x="{left:.1f}" y="{y}" width="{wide:.1f}" height="{_TALL}"/>')
            before = None
            continue
        level = {"1": y, "0": y + _TALL}.get(value, y + _TALL / 2)
        if before is not None and before != level:
            parts.append(line(left, before, left, level, kind))
        parts.append(line(left, level, right, level, kind))
        before = level
    return parts


def _bus(values: Sequence[str], wrong: frozenset[int], y: float, wide: float) -> list[str]:
    """Return a lane of a vector: a box for as long as it keeps its value."""
    parts = []
    for (value, is_wrong), run in groupby(range(len(values)), key=lambda i: (values[i], i in wrong)):
        columns = list(run)
        left, right = _LEFT + columns[0] * wide, _LEFT + (columns[-1] + 1) * wide
        kind = "unknown" if set(value) <= {"x"} else "box wrong" if is_wrong else "box"
        nip, middle = 3, y + _TALL / 2
        points = [
            (left, middle), (left + nip, y), (right - nip, y), (right, middle), (right - nip, y + _TALL),
            (left + nip, y + _TALL),
        ]  # fmt: skip
        drawn = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        shown = number(value)
        parts.append(f'<polygon class="{kind}" points="{drawn}"><title>{escape(shown)}</title></polygon>')
        if len(shown) * _LETTER < right - left - 2 * nip:
            parts.append(label((left + right) / 2, middle + 4, shown, "middle"))
    return parts


def number(value: str) -> str:
    """Return a value in hexadecimal, a digit as x or z where one of its bits is.

    Example:
        >>> number("101101"), number("0000x101")
        ('2d', '0x')
    """
    padded = value.rjust(-(-len(value) // 4) * 4, value[0] if value[0] in "xz" else "0")
    digits = (padded[i : i + 4] for i in range(0, len(padded), 4))
    return "".join("x" if "x" in d else "z" if "z" in d else f"{int(d, 2):x}" for d in digits)
