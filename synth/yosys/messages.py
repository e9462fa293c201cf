"""Reads what Yosys printed: the error of a failed command with file and line, warnings, latches."""

from __future__ import annotations

import re

_ERROR = re.compile(r"^(?:(?P<where>\S.*?:\d+(?:[.:]\d+)?): )?ERROR: (?P<message>.*)$", re.MULTILINE)


def first_error(log: str) -> str | None:
    """Return the error that counts, as `file:line: message`, or None where the log has none.

    The SystemVerilog front end lists its diagnostics and ends with a bare `elaboration failed`; the first error
    with a place is then the one to show; without any place, the first error.
    """
    errors = list(_ERROR.finditer(log))
    placed = next((error for error in errors if error["where"]), None)
    if placed:
        return f"{placed['where']}: {placed['message']}"
    return str(errors[0]["message"]) if errors else None


def last_command_error(log: str) -> str | None:
    """Return the last line that a failing process left, or None for an empty log."""
    lines = [line.strip() for line in log[-4000:].splitlines() if line.strip()]
    return lines[-1] if lines else None
