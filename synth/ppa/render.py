"""Turns reports into tables of text; how they look on a terminal is the command line's business."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rtlgen.core.types import SourceSpan
from rtlgen.synth.ppa.records import PathGroup, SynthesisReport

MAX_ROWS = 20
"""Rows of a long table that are shown; the JSON output has all."""


@dataclass(frozen=True, slots=True)
class Table:
    """A titled table; the first column is text, the others are numbers unless they are named in `texts`."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    texts: tuple[str, ...] = ()


def number(value: float | None, digits: int = 4) -> str:
    """Return a number with `digits` significant digits, `-` for what was not measured."""
    if value is None:
        return "-"
    if value == int(value) and abs(value) < 1e9:
        return str(int(value))
    text = f"{value:.{digits}g}"
    return f"{value:.0f}" if "e+" in text else text


def tables(report: SynthesisReport) -> list[Table]:
    """Return the tables of one report, without those that would be empty."""
    found = [_summary(report), _types(report), _modules(report), _state(report), _timing(report), _power(report)]
    found += [_path(group) for group in report.timing.groups if group is _worst(report)]
    return [table for table in found if table.rows]


def _summary(report: SynthesisReport) -> Table:
    rows = [
        ("area", f"{number(report.area_um2, 7)} um2"),
        ("of it sequential", f"{number(report.seq_area_um2, 7)} um2"),
        ("cells", str(report.cells)),
        ("flip-flops", str(report.flops)),
        ("latches", str(report.latches)),
        ("memory bits", str(report.memory_bits)),
        ("longest path", f"{number(report.timing.delay_ns)} ns"),
        ("power", f"{number(report.power.total_mw)} mW at {number(report.power.clock_ns)} ns"),
    ]
    if report.timing.slack_ns is not None:
        rows.insert(7, ("worst slack", f"{number(report.timing.slack_ns)} ns"))
    note = f"library {report.library} ({report.library_digest[:12]}), read by {report.frontend}"
    return Table(f"{report.top}", ("figure", "value"), tuple(rows), note)


def _types(report: SynthesisReport) -> Table:
    uses = report.by_type[:MAX_ROWS]
    rows = [
        (use.cell, use.kind, str(use.count), number(use.area_um2, 7), _share(use.area_um2, report.area_um2))
        for use in uses
    ]
    more = len(report.by_type) - len(uses)
    return Table("Area by cell type", ("cell", "kind", "count", "um2", "share"), tuple(rows), _more(more), ("kind",))


def _modules(report: SynthesisReport) -> Table:
    if len(report.by_module) < 2:
        return Table("", (), ())
    total = report.by_module[0].total_um2
    shown = report.by_module[:MAX_ROWS]
    rows = [
        (m.path, m.module, str(m.cells), number(m.area_um2, 7), number(m.total_um2, 7), _share(m.total_um2, total))
        for m in shown
    ]
    note = "second run, hierarchy kept: nothing is optimized across modules, so the sum differs from the area above"
    title = "Area by module"
    return Table(title, ("instance", "module", "cells", "own um2", "total um2", "share"), tuple(rows),
                 "; ".join(filter(None, (note, _more(len(report.by_module) - len(shown))))), ("module",))  # fmt: skip


def _state(report: SynthesisReport) -> Table:
    rows = [("memory", m.name, f"{m.words} x {m.width}", str(m.bits), place(m.span)) for m in report.memories]
    rows += [("latch", s.signal, "-", str(s.bits), place(s.span)) for s in report.latch_sites]
    return Table("Memories and latches", ("kind", "name", "words", "bits", "source"), tuple(rows[:MAX_ROWS]),
                 _more(len(rows) - MAX_ROWS), ("name", "words", "source"))  # fmt: skip


def _timing(report: SynthesisReport) -> Table:
    rows = [
        (
            g.name,
            number(g.delay_ns),
            number(g.slack_ns),
            f"{g.start} ({place(g.start_span)})",
            f"{g.end} ({place(g.end_span)})",
        )
        for g in report.timing.groups
    ]
    clocks = f"; clocks: {', '.join(report.timing.clocks)}" if report.timing.clocks else ""
    return Table("Timing by path group", ("group", "delay ns", "slack ns", "from", "to"), tuple(rows),
                 f"{report.timing.basis}{clocks}", ("from", "to"))  # fmt: skip


def _worst(report: SynthesisReport) -> PathGroup | None:
    return max(report.timing.groups, key=lambda group: group.delay_ns, default=None)


def _path(group: PathGroup) -> Table:
    rows = [(stage.point, stage.cell, number(stage.delay_ns), number(stage.arrival_ns)) for stage in group.stages]
    if len(rows) > MAX_ROWS:
        rows = [*rows[: MAX_ROWS // 2], (f"... {len(rows) - MAX_ROWS} more", "", "", ""), *rows[-MAX_ROWS // 2 :]]
    lines = ", ".join(dict.fromkeys(f"{span.file}:{span.line}" for span in group.lines))
    note = f"logic between the ends: {lines}" if lines else ""
    return Table(f"Longest path ({group.name})", ("point", "cell", "ns", "at ns"), tuple(rows), note, ("cell",))


def _power(report: SynthesisReport) -> Table:
    power = report.power
    rows = [
        ("leakage", number(power.leakage_mw)),
        ("internal", number(power.internal_mw)),
        ("switching", number(power.switching_mw)),
        ("total", number(power.total_mw)),
        ("of it sequential", number(power.sequential_mw)),
    ]
    clock = f"clock {number(power.clock_ns)} ns" + (" (assumed)" if power.clock_assumed else "")
    return Table("Power", ("part", "mW"), tuple(rows), f"{power.basis}; {power.activity}; {clock}")


def comparison(before: SynthesisReport, after: SynthesisReport) -> Table:
    """Return the table that compares two designs; ratios are second / first."""
    same = before.ppa.basis == after.ppa.basis
    pairs = [
        ("area um2", before.area_um2, after.area_um2, True),
        ("sequential um2", before.seq_area_um2, after.seq_area_um2, True),
        ("cells", before.cells, after.cells, True),
        ("flip-flops", before.flops, after.flops, True),
        ("latches", before.latches, after.latches, True),
        ("memory bits", before.memory_bits, after.memory_bits, True),
        ("longest path ns", before.timing.delay_ns, after.timing.delay_ns, same),
        ("leakage mW", before.power.leakage_mw, after.power.leakage_mw, True),
        ("power mW", before.power.total_mw, after.power.total_mw, same),
    ]
    rows = tuple(
        (name, number(a, 7), number(b, 7), ratio(a, b) if comparable else "-") for name, a, b, comparable in pairs
    )
    note = (
        ""
        if same
        else "timing and power were measured in different ways and are not compared: "
        f"{before.ppa.basis} / {after.ppa.basis}"
    )
    return Table(f"{before.top} / {after.top}", ("figure", _label(before), _label(after), "ratio"), rows, note)


def ratio(before: float | None, after: float | None) -> str:
    """Return second / first with three digits, `-` where it says nothing."""
    return f"{after / before:.3f}" if before and after is not None else "-"


def _label(report: SynthesisReport) -> str:
    return report.files[0] if len(report.files) == 1 else f"{report.files[0]} +{len(report.files) - 1}"


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.1%}" if whole else "-"


def _more(count: int) -> str:
    return f"{count} more rows in --json" if count > 0 else ""


def place(span: SourceSpan | None) -> str:
    """Return `file:line`, `-` for None."""
    return f"{span.file}:{span.line}" if span else "-"


def plain(found: Sequence[Table]) -> str:
    """Return tables as aligned text."""
    parts = []
    for table in found:
        widths = [max(len(row[i]) for row in (table.columns, *table.rows)) for i in range(len(table.columns))]
        lines = [table.title]
        for row in (table.columns, *table.rows):
            cells = [
                text.ljust(width) if i == 0 or table.columns[i] in table.texts else text.rjust(width)
                for i, (text, width) in enumerate(zip(row, widths, strict=True))
            ]
            lines.append("  " + "  ".join(cells).rstrip())
        parts.append("\n".join([*lines, *([f"  ({table.note})"] if table.note else [])]))
    return "\n\n".join(parts)
