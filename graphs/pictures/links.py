"""Where the lines of source in a picture lead."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from rtlgen.core.errors import ConfigError

Links = str | None
"""Pattern with `{file}` and `{line}`; None for no links."""
RELATIVE: Final = "{file}#L{line}"
"""Leads to a file beside the picture; forges and editors go to the line."""


def href(pattern: Links, file: str, line: int) -> str:
    """Return the address of a line of source; empty where there is no pattern or no file.

    The path is quoted, so that neither it nor a name in it can change where the link leads.

    >>> href(RELATIVE, "rtl/a b.sv", 12)
    'rtl/a%20b.sv#L12'
    >>> href("vscode://file/work/{file}:{line}", "javascript:x.sv", 3)
    'vscode://file/work/javascript%3Ax.sv:3'

    Raises:
        ConfigError: the pattern has another field in braces.
    """
    if not pattern or not file:
        return ""
    path = quote(file, safe="/", errors="replace")
    path = "/" + path.lstrip("/") if path.startswith("//") else path
    try:
        return pattern.format(file=path, line=max(line, 1))
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        raise ConfigError(f"expected links with {{file}} and {{line}} only, got {pattern!r}") from error
