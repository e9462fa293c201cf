"""What options of several commands have in common."""

from __future__ import annotations

import click


def pairs(values: tuple[str, ...], option: str, *, need_value: bool) -> tuple[tuple[str, str], ...]:
    """Return NAME=VALUE options taken apart.

    Raises:
        UsageError: one has another form.
    """
    found = []
    for value in values:
        name, sign, text = value.partition("=")
        if not name or (need_value and not (sign and text)):
            raise click.UsageError(f"expected {option} as NAME=VALUE, got {value!r}")
        found.append((name, text))
    return tuple(found)
