"""Where the source is parsed but not built: generate branches that no instance of the design takes."""

from __future__ import annotations

from collections import defaultdict

from rtlgen.graphs.frontend.slang import Elaborated

Ranges = dict[str, tuple[tuple[int, int], ...]]


def unbuilt(elaborated: Elaborated) -> Ranges:
    """Return file → byte ranges of generate blocks built nowhere in the design: a proof says nothing of them."""
    from pyslang import ast

    built: dict[str, set[tuple[int, int]]] = defaultdict(set)
    skipped: dict[str, set[tuple[int, int]]] = defaultdict(set)

    def visit(symbol: object) -> None:
        if isinstance(symbol, ast.GenerateBlockSymbol) and symbol.syntax is not None:
            place = symbol.syntax.sourceRange
            file = elaborated.buffers.get(place.start.buffer.id)
            if file is not None:
                side = skipped if symbol.isUninstantiated else built
                side[file].add((place.start.offset, place.end.offset))

    elaborated.top.visit(visit)
    return {file: tuple(sorted(ranges - built[file])) for file, ranges in skipped.items()}
