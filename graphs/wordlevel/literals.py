"""Verilog text of names and numbers (IEEE 1364-2005, 2.5 and 2.7)."""

from __future__ import annotations

import re
from typing import Final

_PLAIN: Final = re.compile(r"[A-Za-z_][\w$]*(\[\d+\])*(\.[A-Za-z_][\w$]*(\[\d+\])*)*")


def identifier(name: str) -> str:
    """Return `name` as Verilog reads it: unchanged, or escaped with a trailing blank where it must be."""
    return name if _PLAIN.fullmatch(name) else f"\\{name} "


def literal(value: int, width: int, style: str = "d") -> str:
    """Return a sized unsigned literal; `style` is `d`, or `b` for a bit pattern (hexadecimal above 4 bits)."""
    if style == "d" and value < 1 << 16:
        return f"{width}'d{value}"
    if width <= 4:
        return f"{width}'b{value:0{width}b}"
    return f"{width}'d{value}" if value == 0 else f"{width}'h{value:0{(width + 3) // 4}X}"
