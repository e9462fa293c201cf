"""Axes and number formats of the tables, and groups that hold them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rtlgen.synth.liberty.tree import Attribute, Group

SLEWS_PS = (2.0, 5.0, 12.0, 30.0, 75.0, 150.0, 300.0)
"""Input transitions of the delay tables."""
LOAD_PARTS = (0.004, 0.0125, 0.04, 0.11, 0.27, 0.55, 1.0)
"""Loads of the delay tables, in parts of the pin's largest load."""
POWER_SLEWS_PS = (2.0, 30.0, 300.0)
POWER_LOAD_PARTS = (0.004, 0.11, 1.0)
CHECK_SLEWS_PS = (2.0, 75.0, 300.0)
"""Transitions of data and clock in the setup and hold tables."""

DELAY_TEMPLATE = "delay_7x7"
POWER_TEMPLATE = "power_3x3"
PASSIVE_TEMPLATE = "passive_power_3"
CHECK_TEMPLATE = "check_3x3"


def number(value: float, digits: int = 5) -> str:
    """Return a number with that many significant digits, without an exponent, the same on every machine."""
    text = f"{value:.{digits}g}"
    if "e" in text:
        text = f"{float(text):.12f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def simple(**values: str | float) -> list[Attribute]:
    """Return simple attributes in the order given."""
    return [Attribute(name, (value if isinstance(value, str) else number(value),)) for name, value in values.items()]


def templates() -> list[Group]:
    """Return the table templates of the library, with the axes that all tables of a kind share."""
    slew, load = "input_net_transition", "total_output_net_capacitance"
    return [
        _template("lu_table_template", DELAY_TEMPLATE, (slew, load), (_ns(SLEWS_PS), LOAD_PARTS)),
        _template("lu_table_template", CHECK_TEMPLATE, ("constrained_pin_transition", "related_pin_transition"),
                  (_ns(CHECK_SLEWS_PS), _ns(CHECK_SLEWS_PS))),
        _template("power_lut_template", POWER_TEMPLATE, ("input_transition_time", load),
                  (_ns(POWER_SLEWS_PS), POWER_LOAD_PARTS)),
        _template("power_lut_template", PASSIVE_TEMPLATE, ("input_transition_time",), (_ns(POWER_SLEWS_PS),)),
    ]  # fmt: skip


def _ns(values_ps: Sequence[float]) -> tuple[float, ...]:
    return tuple(value / 1000.0 for value in values_ps)


def _template(kind: str, name: str, variables: Sequence[str], axes: Sequence[Sequence[float]]) -> Group:
    attributes = [Attribute(f"variable_{i}", (variable,)) for i, variable in enumerate(variables, 1)]
    attributes += [_axis(i, axis) for i, axis in enumerate(axes, 1)]
    return Group(kind, (name,), attributes)


def _axis(index: int, values: Sequence[float]) -> Attribute:
    return Attribute(f"index_{index}", (", ".join(number(value) for value in values),), is_complex=True)


def table(
    name: str,
    template: str,
    rows: Sequence[float],
    columns: Sequence[float],
    value: Callable[[float, float], float],
    *,
    axes: Sequence[int] = (2,),
) -> Group:
    """Return a two-dimensional table.

    Args:
        name: kind of table, such as `cell_rise`.
        template: template it follows.
        rows: points of the first axis, in the unit that `value` takes.
        columns: points of the second axis, in the unit that `value` takes and the file states (pF).
        value: number to be written, of a row and a column.
        axes: which axes are stated in the table because they differ from the template's.
    """
    attributes = [_axis(2, columns)] if 2 in axes else []
    lines = tuple(", ".join(number(value(row, column), 4) for column in columns) for row in rows)
    return Group(name, (template,), [*attributes, Attribute("values", lines, is_complex=True)])


def vector(name: str, template: str, values: Sequence[float]) -> Group:
    """Return a one-dimensional table on the axis of its template."""
    line = ", ".join(number(value, 4) for value in values)
    return Group(name, (template,), [Attribute("values", (line,), is_complex=True)])
