"""Names and selects in a text, so that what stands around them can be told from them."""

from __future__ import annotations

import json
import re
from typing import Final

from rtlgen.graphs.bits import Layout

QUOTED: Final = r'"(?:[^"\\]|\\.)*"'
"""Regular expression of a name in quotes."""
ITEM: Final = rf'(?:{QUOTED}|\{{(?:{QUOTED}|[^{{}}"])*\}}|[^\s,;|{{}}"]+)'
"""Regular expression of a select: plain, in quotes, or several in braces."""

_PLAIN: Final = re.compile(r'(?![\[<@+])[^\s,;|{}":]+(?:::?[^\s,;|{}":]+)*|(?:\[[-\d:]+\])+(?:\.[^\s,;|{}":]+)?')
"""A name with or without a select, or a select that starts with an index."""
_NAME: Final = re.compile(rf'{QUOTED}|[^\s,{{}}"]+')


def written(name: str) -> str:
    """Return a name so that it can be told from what stands around it; in quotes, as JSON, where it must be.

    >>> written("bus.data"), written("a+b [3]")
    ('bus.data', '"a+b [3]"')
    """
    return name if _PLAIN.fullmatch(name) else json.dumps(name)


def select_of(layout: Layout | None, low: int, high: int, name: str) -> str:
    """Return the text of a range of a signal: its name, a select of it, or several in braces.

    Args:
        layout: None where the type is not known, as of a pin of an instance.
        low: lowest bit.
        high: highest bit.
        name: of the signal.
    """
    if layout is None:
        return written(name if low == high == 0 else f"{name}[{high}:{low}]")
    if layout.width <= 1:
        return written(name)
    pieces = [written(piece) for piece in layout.describe(low, high, name)]
    return pieces[0] if len(pieces) == 1 else f"{{{', '.join(pieces)}}}"


def names_in(item: str) -> list[str]:
    """Return the selects that a text of `select_of` holds, without quotes.

    >>> names_in("{s.valid, s.data[3:0]}")
    ['s.valid', 's.data[3:0]']
    """
    return [json.loads(name) if name.startswith('"') else name for name in _NAME.findall(item)]
