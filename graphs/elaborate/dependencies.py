"""What the bits of a value depend on.

A dependency is a plain tuple `(low, high, signal, source_low, source_high, role, aligned)`: bits `low..high` of the
value depend on bits `source_low..source_high` of the signal. With `aligned`, bit `low + k` depends on bit
`source_low + k` alone. Plain tuples, because a core has hundreds of thousands of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

Role = str
Dependency = tuple[int, int, int, int, int, Role, bool]
Dependencies = list[Dependency]

MAX_PIECES: Final = 512
"""Beyond this many for one range, exact alignment is given up and whole ranges are taken: still every dependency."""


def shifted(dependencies: Iterable[Dependency], offset: int) -> Dependencies:
    """Return the dependencies of the value moved up by `offset` bits."""
    if not offset:
        return list(dependencies)
    return [(low + offset, high + offset, s, sl, sh, r, a) for low, high, s, sl, sh, r, a in dependencies]


def clipped(dependencies: Iterable[Dependency], low: int, high: int) -> Dependencies:
    """Return what bits `low..high` of the value depend on, positions kept."""
    found: Dependencies = []
    for d_low, d_high, signal, s_low, s_high, role, aligned in dependencies:
        new_low, new_high = max(d_low, low), min(d_high, high)
        if new_low > new_high:
            continue
        if aligned:
            found.append((new_low, new_high, signal, s_low + new_low - d_low, s_low + new_high - d_low, role, True))
        else:
            found.append((new_low, new_high, signal, s_low, s_high, role, False))
    return found


def spread(dependencies: Iterable[Dependency], low: int, high: int, role: Role = "data") -> Dependencies:
    """Return dependencies of all bits `low..high` on everything that the given value depends on."""
    seen = dict.fromkeys(
        (low, high, signal, s_low, s_high, role if role != "data" else own, False)
        for _, _, signal, s_low, s_high, own, _ in dependencies
    )
    return list(seen)


def combined(role: Role, dependencies: Iterable[Dependency]) -> Dependencies:
    """Return the dependencies when the value plays another role than data."""
    if role == "data":
        return list(dependencies)
    return [(low, high, s, sl, sh, role, a) for low, high, s, sl, sh, _, a in dependencies]


def compact(dependencies: Iterable[Dependency]) -> Dependencies:
    """Return the same dependencies without repetition, adjacent aligned pieces joined; bounded in number."""
    unique = sorted(set(dependencies), key=_order)
    joined: Dependencies = []
    for piece in unique:
        if joined and (merged := _joined(joined[-1], piece)):
            joined[-1] = merged
        else:
            joined.append(piece)
    return joined if len(joined) <= MAX_PIECES else _coarse(joined)


def _order(piece: Dependency) -> tuple[int, str, bool, int, int]:
    return (piece[2], piece[5], piece[6], piece[0], piece[3])


def _joined(first: Dependency, second: Dependency) -> Dependency | None:
    """Return both pieces as one where that says exactly the same, else None."""
    low, high, signal, s_low, s_high, role, aligned = first
    low_2, high_2, signal_2, s_low_2, s_high_2, role_2, aligned_2 = second
    if signal != signal_2 or role != role_2 or aligned != aligned_2:
        return None
    if aligned:
        same_line = s_low_2 - low_2 == s_low - low
        return (
            (low, max(high, high_2), signal, s_low, max(s_high, s_high_2), role, True)
            if (same_line and low_2 <= high + 1)
            else None
        )
    if (low, high) == (low_2, high_2) and s_low_2 <= s_high + 1:
        return (low, high, signal, s_low, max(s_high, s_high_2), role, False)
    if (s_low, s_high) == (s_low_2, s_high_2) and low_2 <= high + 1:
        return (low, max(high, high_2), signal, s_low, s_high, role, False)
    return None


def _coarse(pieces: Dependencies) -> Dependencies:
    hulls: dict[tuple[int, Role], list[int]] = {}
    for low, high, signal, s_low, s_high, role, _ in pieces:
        hull = hulls.setdefault((signal, role), [low, high, s_low, s_high])
        hull[0], hull[1] = min(hull[0], low), max(hull[1], high)
        hull[2], hull[3] = min(hull[2], s_low), max(hull[3], s_high)
    return [(h[0], h[1], signal, h[2], h[3], role, False) for (signal, role), h in hulls.items()]
