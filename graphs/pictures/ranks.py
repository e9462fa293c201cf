"""Which edges of a cone lead back, so that what was asked for stands at its end, or at its beginning."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from rtlgen.graphs.pictures.picture import Picture


def leading_back(picture: Picture) -> frozenset[int]:
    """Return the positions of the edges that are drawn against the stream.

    These are the edges out of the wanted node where all others feed it (a fan-in), the edges into it where it feeds
    all others (a fan-out). There are none in other pictures, and none where nothing or several nodes are wanted.
    """
    wanted = [node.id for node in picture.nodes if node.emphasis]
    if picture.kind != "cone" or len(wanted) != 1:
        return frozenset()
    forward = [(edge.source, edge.target) for edge in picture.edges]
    names = {node.id for node in picture.nodes}
    if names == _reached(wanted[0], [(target, source) for source, target in forward]):
        return frozenset(n for n, edge in enumerate(picture.edges) if edge.source == wanted[0])
    if names == _reached(wanted[0], forward):
        return frozenset(n for n, edge in enumerate(picture.edges) if edge.target == wanted[0])
    return frozenset()


def _reached(start: str, pairs: Iterable[tuple[str, str]]) -> set[str]:
    after: dict[str, list[str]] = defaultdict(list)
    for source, target in pairs:
        after[source].append(target)
    found, queue = {start}, [start]
    while queue:
        new = [name for name in after[queue.pop()] if name not in found]
        found.update(new)
        queue.extend(new)
    return found
